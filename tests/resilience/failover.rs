//! The primary is lost, and a standby takes its place: the service finds it by itself.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use reqwest::Method;
use secrecy::ExposeSecret as _;

use testkit::database::Database;

use crate::{
    Sandbox, approve_path,
    clusters::{cluster, standby_of},
    forwarder::Forwarder,
    free_base_port,
    support::*,
};

/// Within this time everything works again after a fail-over.
const HEALED: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_is_used_and_its_history_is_a_new_one() {
    let primary = cluster("primary");
    let standby = standby_of(&primary);
    let (to_standby, to_primary) = (Forwarder::to(&standby).await, Forwarder::to(&primary).await);
    let url = format!(
        "postgresql://sb@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        to_standby.port, to_primary.port
    );
    let folder = home().join(format!("failover-{}", uuid::Uuid::new_v4()));
    let mut instance = Sandbox::spawn(free_base_port(), &folder, Some(&url));
    instance.ready().await;
    let parameters = [("orgNo", who::SAV), ("scopes", AUTHORIZE)];
    let owner = instance.token("GetEnterpriseToken", &parameters).await;
    let person = instance.person().await;
    let id = instance.new_request().await;
    let approved = instance
        .call(Method::POST, &approve_path(&id), &person, None)
        .await
        .unwrap()
        .expect(200);
    let before = approved.header("systembruker-position").to_owned();
    let body = decision_request(
        ("urn:altinn:systemuser:uuid", &id),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::KERAMIKK),
    );
    let decide = async || {
        let path = "/authorization/api/v1/authorize";
        let answer = instance.call(Method::POST, path, &owner, Some(body.clone()));
        let answer = answer.await.unwrap();
        match answer.status {
            200 => Some(
                answer.json()["response"][0]["decision"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            ),
            503 => None,
            other => panic!("{other}: {}", answer.text),
        }
    };
    assert_eq!(decide().await.as_deref(), Some("Permit"));

    let written = Database::of(&primary).written_position().await;
    let follower = Database::of(&standby);
    let since = Instant::now();
    while !follower.has_replayed(&written).await {
        assert!(since.elapsed() < HEALED, "the standby follows");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let server = primary.server_pid().expect("a server").to_string();
    let killed = Command::new("kill").args(["-KILL", &server]).status();
    assert!(killed.unwrap().success());
    follower.promote().await;

    let since = Instant::now();
    let path = format!(
        "/authentication/api/v1/systemuser/{}/{id}",
        who::KERAMIKK_PARTY
    );
    let deleted = loop {
        let deleted = instance
            .call(Method::DELETE, &path, &person, None)
            .await
            .unwrap();
        if deleted.status != 503 {
            break deleted;
        }
        assert!(since.elapsed() < HEALED, "changes are possible again");
    };
    assert_eq!(deleted.status, 202, "{}", deleted.text);
    let deleted_at = Instant::now();
    loop {
        let asked = deleted_at.elapsed();
        match decide().await.as_deref() {
            Some("NotApplicable") => break,
            Some(decision) => assert!(asked < Duration::from_secs(1), "{decision} after {asked:?}"),
            None => {}
        }
        assert!(asked < HEALED, "decisions are possible again");
    }
    // Positions belong to the new history.
    let epoch = |position: &str| position.split('.').next().unwrap().to_owned();
    loop {
        let id = instance.new_request().await;
        let path = approve_path(&id);
        let approved = instance
            .call(Method::POST, &path, &person, None)
            .await
            .unwrap();
        if epoch(approved.expect(200).header("systembruker-position")) != epoch(&before) {
            break;
        }
        assert!(
            deleted_at.elapsed() < HEALED,
            "the feed follows the new history"
        );
    }
    assert_eq!(instance.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_alone_is_not_used() {
    let primary = cluster("left-out");
    // The schema is there, so that nothing else is in the way.
    let mut instance = Sandbox::spawn(
        free_base_port(),
        &home().join(format!("left-out-{}", uuid::Uuid::new_v4())),
        Some(primary.url("postgres").expose_secret()),
    );
    instance.ready().await;
    assert_eq!(instance.stop().await, 0);
    let standby = standby_of(&primary);
    let folder = home().join(format!("standby-alone-{}", uuid::Uuid::new_v4()));
    let output = Command::new(crate::PROGRAM)
        .args([
            "sandbox",
            "--port",
            &free_base_port().to_string(),
            "--data-dir",
        ])
        .arg(&folder)
        .env("DATABASE_URL", standby.url("postgres").expose_secret())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("is a standby"), "{text}");
}
