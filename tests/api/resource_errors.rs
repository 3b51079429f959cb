//! What the service answers when its database lacks something, and what a client gets that tries
//! again.

use std::time::Duration;

use foundation::db::DbFault;
use testkit::{log::SecurityLog, prelude::*};

/// The table into which an approval writes last.
const OUTBOX: &str = "outbox";

#[tokio::test]
async fn a_database_that_lacks_something_is_an_outage_and_nothing_is_half_done() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    for (code, seconds) in [
        ("53100", "5"),
        ("53200", "1"),
        ("53300", "1"),
        ("53400", "1"),
        ("25006", "5"),
        ("25P03", "1"),
        ("42501", "5"),
        ("55P03", "1"),
        ("57014", "1"),
        ("57P01", "5"),
        ("57P03", "5"),
        ("58030", "5"),
        ("08006", "5"),
    ] {
        world.app.fail_inserts(OUTBOX, code, None).await;
        let answer = world.torleif().approves(&request).await;
        assert_eq!(answer.status, 503, "{code}: {}", answer.text);
        assert_eq!(answer.header("retry-after"), seconds, "{code}");
        assert_eq!(answer.problem()["title"], "Service Unavailable", "{code}");
        assert_eq!(world.app.attempts().await, 1, "{code} is not repeated");
        world.app.mend(OUTBOX).await;
        request.assert_status(New).await;
    }
    world.torleif().approves(&request).await.assert_status(200);
}

#[tokio::test]
async fn a_conflict_is_repeated_until_it_is_over() {
    let world = World::start().await;
    let cases = [
        ("40001", world.torleif(), world.request_to_nattergal()),
        ("40P01", world.olav(), world.agent_request_to_sifferhjelp()),
    ];
    for (conflict, approver, request) in cases {
        world.app.fail_inserts(OUTBOX, conflict, Some(3)).await;

        approver.approves(&request).await.assert_status(200);

        assert!(world.app.attempts().await > 3, "{conflict}");
        world.app.mend(OUTBOX).await;
        let approved = world.app.audited_of("request.approved", &request.id).await;
        assert_eq!(approved, 1, "{conflict}");
        assert_eq!(world.app.stored_users(&request.system_user()).await, 1);
    }
}

#[tokio::test]
async fn a_conflict_that_stays_is_an_outage_after_four_attempts() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.app.fail_inserts(OUTBOX, "40001", None).await;

    let answer = world.torleif().approves(&request).await.assert_status(503);

    answer.assert_header("retry-after", "1");
    assert_eq!(world.app.attempts().await, 4);
    world.app.mend(OUTBOX).await;
    request.assert_status(New).await;
}

#[tokio::test]
async fn every_write_of_a_vendor_survives_a_conflict() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let system = vendor
        .reads_system(FJORDLONN_SYSTEM.id)
        .await
        .assert_status(200)
        .json();
    for table in ["audit_log", "change_feed"] {
        world.app.fail_inserts(table, "40001", Some(1)).await;
        vendor
            .replaces(FJORDLONN_SYSTEM.id, system.clone())
            .await
            .assert_status(200);
        world.app.mend(table).await;
    }
    world.app.fail_inserts("request", "40P01", Some(1)).await;
    let request = vendor.requests(KERAMIKK, [A_ORDNING]).await;
    world.app.mend("request").await;
    world.app.fail_inserts("audit_log", "40001", Some(1)).await;
    vendor.takes_back(&request).await.assert_status(202);
    world.app.mend("audit_log").await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_commit_is_an_outage_and_nothing_is_repeated() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.app.cut_commits(OUTBOX).await;

    let answer = world.torleif().approves(&request).await.assert_status(503);

    answer.assert_header("retry-after", "5");
    assert_eq!(world.app.attempts().await, 1);
    world.app.mend(OUTBOX).await;
    // Postgres ended the session before the commit was done; the client's repeat is safe.
    request.assert_status(New).await;
    world.torleif().approves(&request).await.assert_status(200);
}

#[tokio::test]
async fn an_instance_is_ready_while_its_pool_is_busy() {
    let world = World::start().await;
    let pool = &world.app.running.state.db;
    let mut held = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        held.push(pool.acquire().await.unwrap());
    }

    let answer = world
        .torleif()
        .approves(&world.request_to_nattergal())
        .await;
    let ready = world.anonymous().get("/health/ready").await;

    answer.assert_status(503).assert_header("retry-after", "1");
    assert_eq!(ready.assert_status(200).json()["status"], "Healthy");
    drop(held);
}

/// Waits for what the monitor of the database finds.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn sessions_of_a_database_that_was_read_only_are_not_used_afterwards() {
    let world = World::start().await;
    let (request, state) = (world.request_to_nattergal(), &world.app.running.state);
    world.app.set_read_only(true).await;
    world.app.end_sessions().await;
    let vendor = world.fjordlonn();
    // The first calls meet the connections that were ended, the others open connections while the
    // database is read-only.
    let reads = (0..16).map(|_| vendor.reads(&request));
    futures::future::join_all(reads).await;
    let held = world.app.hold("request").await;
    held.race((0..6).map(|_| vendor.reads(&request))).await;
    let refused = world.torleif().approves(&request).await;
    refused.assert_status(503).assert_header("retry-after", "5");
    assert!(state.condition.is_read_only());
    world
        .anonymous()
        .get("/health/ready")
        .await
        .assert_status(200);

    world.app.set_read_only(false).await;
    until("the database takes changes again", || {
        !state.condition.is_read_only()
    })
    .await;

    let vendor = world.fjordlonn();
    let writes = (0..16).map(|number| {
        let body = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
        vendor.sends_request(with(body, "externalRef", format!("{number}").into()))
    });
    for answer in futures::future::join_all(writes).await {
        answer.assert_status(201);
    }
    world.torleif().approves(&request).await.assert_status(200);
}

#[tokio::test]
async fn an_instance_without_migrations_is_not_ready() {
    let world = World::start().await;
    world.app.take_migrations_away().await;

    let ready = world.anonymous().get("/health/ready").await;

    let checks = ready.assert_status(503).json()["checks"].clone();
    assert_eq!(checks[0]["status"], "Healthy", "{checks}");
    assert_eq!(checks[1]["name"], "migrations");
    assert_eq!(checks[1]["status"], "Unhealthy", "{checks}");
}

#[tokio::test]
async fn clocks_that_differ_are_an_event_and_beyond_ten_seconds_not_ready() {
    let log = SecurityLog::capture();
    let world = World::start().await;
    world.app.clock.drift(4);
    until("the difference is reported", || {
        !log.events("clock.skew").is_empty()
    })
    .await;
    let seconds: f64 = log.only("clock.skew")["seconds"].parse().unwrap();
    assert!((3.0..=5.0).contains(&seconds), "{seconds}");
    world
        .anonymous()
        .get("/health/ready")
        .await
        .assert_status(200);

    world.app.clock.drift(8);

    let ready = world.anonymous().get("/health/ready").await;
    let checks = ready.assert_status(503).json()["checks"].clone();
    assert_eq!(checks[2]["name"], "clock");
    assert_eq!(checks[2]["status"], "Unhealthy", "{checks}");
}

#[test]
fn every_fault_has_a_word_and_a_time() {
    let list: Vec<String> = DbFault::ALL
        .iter()
        .map(|fault| format!("{} {}", fault.wire(), fault.retry_after()))
        .collect();
    insta::assert_snapshot!(list.join("\n"));
}
