//! Connections to the database that die without a word: what they are asked is never answered, while
//! new ones work. So it is when a host is gone, or a firewall has dropped them.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use serde_json::Value;

use testkit::database::Database;

use crate::{Sandbox, approve_path, forwarder::Forwarder, free_base_port, support::*};

fn question(system_user: &str, org: &str) -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", system_user),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", org),
    )
}

/// Until everything has to work again.
const HEALED: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_without_a_word_are_replaced() {
    let dir = home().join("silent");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let direct = cluster.url("postgres");
    let forwarder = Forwarder::to(&cluster).await;
    let url = format!("postgresql://sb@127.0.0.1:{}/postgres", forwarder.port);
    let mut instance = Sandbox::spawn(free_base_port(), &dir.join("keys"), Some(&url));
    instance.ready().await;
    let owner = instance
        .token(
            "GetEnterpriseToken",
            &[("orgNo", who::SAV), ("scopes", AUTHORIZE)],
        )
        .await;
    let mut ids = HashSet::new();
    let person = instance.person().await;
    let ask = async |body: Value| {
        let path = "/authorization/api/v1/authorize";
        let answer = instance.call(Method::POST, path, &owner, Some(body));
        answer.await.unwrap()
    };
    for _ in 0..3 {
        let id = instance.new_request().await;
        instance
            .call(Method::POST, &approve_path(&id), &person, None)
            .await
            .unwrap()
            .expect(200);
        let body = question(&id, who::KERAMIKK);
        let answer = ask(body.clone()).await.expect(200);
        ids.insert(answer.header("systembruker-decision-id").to_owned());
        assert_eq!(answer.json()["response"][0]["decision"], "Permit");

        forwarder.go_silent();
        let since = Instant::now();
        let path = format!(
            "/authentication/api/v1/systemuser/{}/{id}",
            who::KERAMIKK_PARTY
        );
        // Calls in flight are answered, and one that is made again is done.
        loop {
            let asked = Instant::now();
            let deleted = instance
                .call(Method::DELETE, &path, &person, None)
                .await
                .unwrap();
            assert!(asked.elapsed() < HEALED, "{:?}", asked.elapsed());
            if deleted.status < 300 || deleted.status == 404 {
                break;
            }
            assert_eq!(deleted.status, 503, "{}", deleted.text);
            assert!(since.elapsed() < 2 * HEALED, "a change is possible again");
        }
        let deleted = Instant::now();
        loop {
            let asked = deleted.elapsed();
            let answer = ask(body.clone()).await;
            if answer.status == 200 {
                ids.insert(answer.header("systembruker-decision-id").to_owned());
                let decision = answer.json()["response"][0]["decision"].clone();
                if decision == "NotApplicable" {
                    break;
                }
                assert!(asked < Duration::from_secs(1), "{decision} after {asked:?}");
            }
            assert!(asked < HEALED, "decisions are possible again");
        }
    }
    // The follower of the feed and the writer of the log have connections again.
    let log = Database::at(direct.clone());
    let since = Instant::now();
    loop {
        let stored = log.logged_ids().await;
        if ids.iter().all(|id| stored.contains(id)) {
            break;
        }
        assert!(since.elapsed() < HEALED, "the log is written again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    forwarder.go_silent();
    let since = Instant::now();
    assert_eq!(instance.stop().await, 0);
    assert!(
        since.elapsed() < Duration::from_secs(30),
        "{:?}",
        since.elapsed()
    );
}
