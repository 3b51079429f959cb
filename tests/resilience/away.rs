//! What decisions do while the database is away.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";

const TOKEN_PATH: &str = "/authorization/api/v1/systemuser/authorize";

fn question() -> Value {
    let subject = ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER);
    decision_request(
        subject,
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_answers_for_a_second_and_no_longer() {
    let dir = home().join("away");
    std::fs::create_dir_all(&dir).unwrap();
    Cluster::remove(&dir).unwrap();
    let mut cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let app = TestApp::on(
        cluster.url("postgres"),
        &[("pdp.subscription_keys", "a-key-that-is-long-enough")],
    )
    .await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let ask = async |path: &str, body: Value| {
        let request = app
            .http
            .request(Method::POST, format!("{}{path}", app.base))
            .bearer_auth(&token)
            .json(&body);
        Answer::of(
            request
                .header("Ocp-Apim-Subscription-Key", "a-key-that-is-long-enough")
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let authzen = json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": "write"},
        "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": who::TINDEVANDRER}}});
    assert_eq!(
        ask(AUTHORIZE_PATH, question()).await.expect(200).json()["response"][0]["decision"],
        "Permit"
    );
    assert_eq!(
        ask("/access/v1/evaluation", authzen.clone())
            .await
            .expect(200)
            .json()["decision"],
        true
    );
    let shown = app
        .token(
            "GetSystemUserToken",
            &[
                ("systemUserId", who::TINDEVANDRER_USER),
                ("orgNo", who::FJORDLONN),
                ("scopes", "a:b"),
            ],
        )
        .await;
    let inspection =
        json!({"token": shown, "checks": [{"resource": "a-melding", "action": "write"}]});
    assert_eq!(
        ask(TOKEN_PATH, inspection.clone()).await.expect(200).json()["authorized"],
        true
    );

    let server = cluster.server_pid().expect("a server").to_string();
    // Memory is as new as it can be when the server ends, however busy the machine is.
    ask(AUTHORIZE_PATH, question()).await.expect(200);
    assert!(app.running.state.feed.catch_up().await, "it is followed");
    assert!(
        Command::new("kill")
            .args(["-KILL", &server])
            .status()
            .unwrap()
            .success()
    );
    let away = Instant::now();
    let mut from_memory = 0;
    loop {
        let asked = away.elapsed();
        let answer = ask(AUTHORIZE_PATH, question()).await;
        match answer.status {
            200 => {
                assert_eq!(
                    answer.json()["response"][0]["decision"],
                    "Permit",
                    "an outage is no decision"
                );
                assert!(
                    asked <= Duration::from_secs(1),
                    "a Permit from memory after {asked:?}"
                );
                from_memory += 1;
            }
            503 => {
                assert!(!answer.header("retry-after").is_empty());
                break;
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(from_memory > 0, "memory answers for a while");
    for (path, body) in [
        (AUTHORIZE_PATH, question()),
        ("/authorization/api/v1/decision", question()),
        ("/access/v1/evaluation", authzen),
        (TOKEN_PATH, inspection),
    ] {
        let answer = ask(path, body).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text);
    }

    cluster.restart(Durability::Volatile).unwrap();
    let back = Instant::now();
    while ask(AUTHORIZE_PATH, question()).await.status != 200 {
        assert!(
            back.elapsed() < Duration::from_secs(20),
            "decisions come back with the database"
        );
    }
    assert!(
        app.running.state.feed.catch_up().await,
        "the feed is followed again"
    );
    let again = Instant::now();
    loop {
        let answer = ask(AUTHORIZE_PATH, question()).await.expect(200);
        let path = format!(
            "/systembruker/api/v1/decisions/{}",
            answer.header("systembruker-decision-id")
        );
        if app.get(&path, &token).await.status == 200 {
            break;
        }
        assert!(
            again.elapsed() < Duration::from_secs(10),
            "the log is written again"
        );
    }
    drop(app);
    drop(cluster);
}

/// Postgres reads what its own major version wrote, and nothing else.
#[test]
fn data_of_a_version_that_is_not_installed_is_refused_in_words() {
    let dir = home().join("of-long-ago");
    std::fs::create_dir_all(&dir).unwrap();
    Cluster::remove(&dir).unwrap();
    let version = Cluster::start(&dir, Durability::Volatile)
        .unwrap()
        .data_dir()
        .join("PG_VERSION");
    std::fs::write(version, "7\n").unwrap();
    let error = format!(
        "{:#}",
        Cluster::start(&dir, Durability::Volatile).unwrap_err()
    );
    assert!(
        error.contains("PostgreSQL 7 made") && error.contains("--fresh"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_an_outage_with_its_time_and_the_instance_is_not_ready() {
    let dir = home().join("gone");
    std::fs::create_dir_all(&dir).unwrap();
    Cluster::remove(&dir).unwrap();
    let cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let app = TestApp::on(cluster.url("postgres"), &[]).await;
    let token = app.organization(who::FJORDLONN, REQUEST_WRITE).await;
    let ready = async || app.send(Method::GET, "/health/ready", None, None).await;
    ready().await.expect(200);
    let server = cluster.server_pid().expect("a server").to_string();
    assert!(
        Command::new("kill")
            .args(["-KILL", &server])
            .status()
            .unwrap()
            .success()
    );

    // Sessions of the server end an instant after it.
    let (asked, answer) = loop {
        let asked = Instant::now();
        let answer = app
            .post(
                "/authentication/api/v1/systemuser/request/vendor",
                &token,
                request_body(who::KERAMIKK, &["a-ordning"]),
            )
            .await;
        if answer.status >= 300 {
            break (asked, answer);
        }
    };

    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.header("retry-after"), "5");
    // The contract is three seconds; a busy machine needs more.
    assert!(asked.elapsed() < Duration::from_secs(10));
    ready().await.expect(503);
    app.send(Method::GET, "/alive", None, None)
        .await
        .expect(200);
}
