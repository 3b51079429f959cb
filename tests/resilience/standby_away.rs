//! A synchronous standby is away: Postgres answers no commit, although it stores each. Nothing is written
//! twice, connections do not pile up, callers get an answer, and reading goes on.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use foundation::{
    db::{DbError, DbFault},
    ids::NationalId,
    retention::{self, RetentionClass},
};
use registers::parties::{self, NewPersonError};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use testkit::database::Database;

use crate::{Sandbox, approve_path, clusters::cluster, free_base_port, support::*};

/// A refused attempt that waits for its insert is looked at again after five seconds: two of these.
const TWO_TRIES: Duration = Duration::from_secs(13);
/// Everything works again within this time.
const HEALED: Duration = Duration::from_secs(30);
/// What an instance may have waiting: changes up to its limit, refused attempts, the decision log, the
/// journal, the chain of the audit trail and a task.
const WAITING: i64 = 13;

async fn approve(instance: &Sandbox, person: &str, id: &str) -> Answer {
    let path = approve_path(id);
    let answer = instance.call(Method::POST, &path, person, None);
    answer.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_away_doubles_nothing_and_uses_no_connections_up() {
    let cluster = cluster("standby-away");
    let folder = home().join(format!("standby-away-{}", uuid::Uuid::new_v4()));
    let url = cluster.url("postgres");
    let mut instance = Sandbox::spawn(free_base_port(), &folder, Some(url.expose_secret()));
    instance.ready().await;
    let person = instance.person().await;
    let id = instance.new_request().await;
    let vendor = [("orgNo", who::FJORDLONN), ("scopes", REQUEST_WRITE)];
    let vendor = instance.token("GetEnterpriseToken", &vendor).await;
    // Each time another request.
    let ask = async || {
        let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
        body["externalRef"] = uuid::Uuid::new_v4().to_string().into();
        let path = "/authentication/api/v1/systemuser/request/vendor";
        let answer = instance.call(Method::POST, path, &vendor, Some(body));
        answer.await.unwrap()
    };
    let path = format!(
        "/authentication/api/v1/systemuser/request/{}/{id}",
        who::KERAMIKK_PARTY
    );
    let stored = Database::of(&cluster);
    stored.wait_for_standbys(Some("away")).await;

    let asked = Instant::now();
    let answer = approve(&instance, &person, &id).await.expect(503);
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(answer.header("retry-after"), "5");
    assert!(answer.text.contains("It is not known"), "{}", answer.text);
    let unknown = uuid::Uuid::new_v4().to_string();
    approve(&instance, &person, &unknown).await.expect(404);

    // Each of many changes is answered, and reading goes on, for as long as it takes.
    let change = async {
        for _ in 0..10 {
            ask().await.expect(503);
        }
    };
    let read = async {
        let since = Instant::now();
        while since.elapsed() < TWO_TRIES {
            let answer = instance.call(Method::GET, &path, &person, None).await;
            answer.unwrap().expect(200);
            let waiting = stored.sessions_waiting_for_standby().await;
            assert!(waiting <= WAITING, "{waiting} connections wait");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(change, read);
    assert!(instance.metric("database_standby_waits").await > 0.0);

    stored.wait_for_standbys(None).await;

    let since = Instant::now();
    while stored.entries_about(&unknown).await == 0
        || stored.sessions_waiting_for_standby().await > 0
    {
        assert!(since.elapsed() < HEALED, "it is written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A later attempt is written after all of the earlier ones.
    let last = uuid::Uuid::new_v4().to_string();
    approve(&instance, &person, &last).await.expect(404);
    while stored.entries_about(&last).await == 0 {
        assert!(since.elapsed() < HEALED, "it is written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(stored.entries_about(&unknown).await, 1);
    assert_eq!(
        stored.done("request.approved", &id).await,
        1,
        "it took effect"
    );
    ask().await.expect(201);
    assert_eq!(instance.stop().await, 0);
}

/// What ends with a commit that is not answered.
fn must_be_unknown<T>(done: Result<T, DbError>) {
    let Err(DbError::Unavailable(error)) = done else {
        panic!("it was answered, or failed for another reason");
    };
    assert_eq!(error.fault, DbFault::CommitTimeout, "{}", error.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_or_a_login_does_not_hang_while_a_standby_is_away() {
    let cluster = cluster("standby-away-tasks");
    let app = TestApp::on(cluster.url("postgres"), &[]).await;
    let state = &app.running.state;
    let (pool, identity) = (&state.db, &state.identity);
    app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let stored = Database::of(&cluster);
    stored.wait_for_standbys(Some("away")).await;
    let since = Instant::now();

    let person = NationalId::parse("14837211191").unwrap();
    match parties::create_person(pool, identity, &person, "login").await {
        Err(NewPersonError::Database(error)) => must_be_unknown::<()>(Err(error)),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was answered"),
    }
    let one_row = retention::apply(pool, RetentionClass::Logins, |_| Box::pin(async { Ok(1) }));
    must_be_unknown(one_row.await);
    assert!(since.elapsed() < HEALED, "{:?}", since.elapsed());

    stored.wait_for_standbys(None).await;
    let since = Instant::now();
    while stored.sessions_waiting_for_standby().await > 0 {
        assert!(since.elapsed() < HEALED);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let known = parties::create_person(pool, identity, &person, "login").await;
    assert!(known.is_ok(), "stored once, and found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_says_that_it_waits_for_a_standby() {
    let cluster = cluster("standby-away-command");
    let folder = home().join(format!("standby-away-{}", uuid::Uuid::new_v4()));
    let url = cluster.url("postgres");
    let mut instance = Sandbox::spawn(free_base_port(), &folder, Some(url.expose_secret()));
    instance.ready().await;
    assert_eq!(instance.stop().await, 0);
    let file = folder.join("organizations.ndjson");
    std::fs::write(&file, "").unwrap();
    let stored = Database::of(&cluster);
    stored.wait_for_standbys(Some("away")).await;

    let mut import = std::process::Command::new(crate::PROGRAM)
        .args(["import", "organizations", "--mode", "delta"])
        .arg(&file)
        .arg("--data-dir")
        .arg(&folder)
        .env("DATABASE_URL", url.expose_secret())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(import.stderr.take().unwrap());
    let (said, heard) = tokio::sync::oneshot::channel();
    let reading = tokio::task::spawn_blocking(move || {
        let mut said = Some(said);
        let mut all = Vec::new();
        for line in errors.lines() {
            let line = line.unwrap();
            if line.contains("a commit is not answered, and is waited for")
                && let Some(said) = said.take()
            {
                said.send(()).unwrap();
            }
            all.push(line);
        }
        all.join("\n")
    });
    let heard = tokio::time::timeout(HEALED, heard).await;
    stored.wait_for_standbys(None).await;

    let errors = reading.await.unwrap();
    assert!(heard.is_ok(), "{errors}");
    assert!(import.wait().unwrap().success(), "{errors}");
    assert!(errors.contains("the change is stored"), "{errors}");
}
