//! What is kept for a limited time is there until then, and not after.

use std::time::Duration;

use foundation::retention::RetentionClass;
use serde_json::json;
use testkit::prelude::*;

use crate::import::files::{file, import, ndjson, options};

const MINUTE: Duration = Duration::from_secs(60);

#[rstest::rstest]
#[case(RetentionClass::Sessions, days(1))]
#[case(RetentionClass::Logins, days(1))]
#[case(RetentionClass::UsedIds, 10 * MINUTE)]
#[case(RetentionClass::IdempotencyKeys, days(7))]
#[case(RetentionClass::Outbox, days(30))]
#[case(RetentionClass::Persons, days(30))]
#[case(RetentionClass::ImportRuns, days(365))]
#[tokio::test]
async fn a_row_is_kept_for_its_time_and_deleted_after_it(
    #[case] class: RetentionClass,
    #[case] kept: Duration,
) {
    let world = World::start().await;
    world.app.stores_sample(class).await;
    let stored = world.app.samples(class).await;
    world
        .app
        .advance(kept.checked_sub(2 * MINUTE).unwrap())
        .await;
    world.app.applies_retention().await;
    assert_eq!(world.app.samples(class).await, stored, "before its time");
    // What the universe left is older.
    let before = audited(&world, class).await;

    world.app.advance(4 * MINUTE).await;
    world.app.applies_retention().await;

    assert_eq!(world.app.samples(class).await, 0);
    assert_eq!(audited(&world, class).await, before + 1);
}

async fn audited(world: &World, class: RetentionClass) -> i64 {
    world
        .app
        .audited_of("retention.deleted", class.wire())
        .await
}

#[tokio::test]
async fn decisions_go_with_the_partition_of_their_day() {
    let world = World::start().await;
    world.app.stores_sample(RetentionClass::Decisions).await;
    world.app.advance(days(364)).await;
    world.app.applies_retention().await;
    assert_eq!(world.app.samples(RetentionClass::Decisions).await, 1);

    world.app.advance(days(4)).await;
    world.app.applies_retention().await;

    assert_eq!(world.app.samples(RetentionClass::Decisions).await, 0);
    let audited = world.app.audited_of("retention.deleted", "decisions").await;
    assert_eq!(audited, 1);
}

#[tokio::test]
async fn more_rows_than_a_batch_go_at_once_and_each_batch_is_recorded() {
    let world = World::start().await;
    world.app.store_used_ids(2500).await;
    world.app.advance(days(1)).await;

    world.app.applies_retention().await;

    assert_eq!(world.app.samples(RetentionClass::UsedIds).await, 0);
    let rows = world.app.rows_of("retention.deleted").await;
    let of_class = rows.iter().filter(|row| row.object_id == "used_ids");
    let counts: Vec<_> = of_class.map(|row| row.detail.clone().unwrap()).collect();
    assert_eq!(
        counts,
        [
            json!({"rows": 1000}),
            json!({"rows": 1000}),
            json!({"rows": 500})
        ]
    );
}

#[tokio::test]
async fn an_event_that_no_vendor_could_read_yet_is_kept() {
    let world = World::start().await;
    world.app.stores_sample(RetentionClass::Outbox).await;
    world.app.hide_sample_events().await;
    world.app.advance(days(300)).await;

    world.app.applies_retention().await;

    assert_eq!(world.app.samples(RetentionClass::Outbox).await, 1);
}

#[tokio::test]
async fn a_vendor_whose_old_events_are_deleted_goes_on_with_the_next() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor.requests(KERAMIKK, [A_ORDNING]).await;
    let path = "/systembruker/api/v1/events";
    let first = vendor.get(path).await.assert_status(200);
    let next = first.json()["links"]["next"].as_str().unwrap().to_owned();
    let next = &next[next.find(path).unwrap()..];
    world.app.advance(days(31)).await;
    world.app.applies_retention().await;
    let request = vendor.requests(HAVBLIKK, [A_ORDNING]).await;

    let second = vendor.get(next).await.assert_status(200);

    let subjects: Vec<_> = second.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["subject"].clone())
        .collect();
    assert_eq!(subjects, [json!(request.id)]);
    let all = vendor.get(path).await.assert_status(200);
    assert_eq!(all.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_request_moves_to_the_archive() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let path = format!("{VENDOR_REQUESTS}/{}", request.id);
    world.fjordlonn().delete(&path).await.assert_status(202);
    world.app.advance(days(29)).await;
    world.app.applies_retention().await;
    assert_eq!(world.app.stored_requests(&request.id).await, (1, 0));

    world.app.advance(days(2)).await;
    world.app.applies_retention().await;

    assert_eq!(world.app.stored_requests(&request.id).await, (0, 1));
    let audited = world.app.audited("retention.archived").await;
    assert_eq!(audited, 1);
}

/// A request that a person rejected.
async fn rejected(world: &World) -> String {
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.oddny().rejects(&request).await.assert_status(200);
    request.id.clone()
}

#[tokio::test]
async fn an_answered_request_is_kept_unless_the_operator_wants_otherwise() {
    let world = World::start().await;
    let request = rejected(&world).await;
    world.app.advance(days(3_650)).await;

    world.app.applies_retention().await;

    assert_eq!(world.app.stored_requests(&request).await, (1, 0));
    let by = world.app.changed_by(&request).await.unwrap();
    assert!(by.starts_with("user_id:"), "{by}");
}

#[tokio::test]
async fn an_old_request_loses_its_person_first_and_is_deleted_later() {
    let settings = [
        ("retention.requests_days", "100"),
        ("retention.requests_remove_days", "200"),
    ];
    let world = World::with(&settings).await;
    let request = rejected(&world).await;
    world.app.advance(days(99)).await;
    world.app.applies_retention().await;
    let by = world.app.changed_by(&request).await.unwrap();
    assert!(by.starts_with("user_id:"), "{by}");

    world.app.advance(days(2)).await;
    world.app.applies_retention().await;
    let by = world.app.changed_by(&request).await;
    assert_eq!(by.as_deref(), Some("removed"));
    assert_eq!(world.app.audited("retention.tombstoned").await, 1);

    world.app.advance(days(100)).await;
    world.app.applies_retention().await;
    assert_eq!(world.app.stored_requests(&request).await, (0, 0));
}

#[tokio::test]
async fn an_open_request_is_old_only_after_it_timed_out() {
    let settings = [
        ("retention.requests_days", "10"),
        ("retention.requests_remove_days", "10"),
    ];
    let world = World::with(&settings).await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.app.advance(days(189)).await;
    world.app.applies_retention().await;
    assert_eq!(world.app.stored_requests(&request.id).await, (1, 0));

    world.app.advance(days(2)).await;
    world.app.applies_retention().await;

    assert_eq!(world.app.stored_requests(&request.id).await, (0, 0));
}

#[tokio::test]
async fn a_deleted_system_user_is_kept_for_five_years() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.oddny().approves(&request).await.assert_status(200);
    let user = request.system_user();
    world.oddny().deletes(&user).await.assert_status(202);
    world.app.advance(days(1_825)).await;
    world.app.applies_retention().await;
    assert_eq!(world.app.stored_users(&user).await, 1);

    world.app.advance(days(2)).await;
    world.app.applies_retention().await;

    assert_eq!(world.app.stored_users(&user).await, 0);
    assert_eq!(world.app.stored_parties(&user).await, 0);
}

#[tokio::test]
async fn an_active_system_user_is_kept_for_good() {
    let world = World::start().await;
    world.app.advance(days(3_650)).await;
    world.app.applies_retention().await;
    assert_eq!(world.app.stored_users(&NATTERGAL_USER).await, 1);
}

/// Persons as a register names them.
fn persons(ids: &[&str]) -> String {
    let line = |id: &&str| json!({"personId": id, "firstName": "Prøve", "lastName": "Person"});
    ndjson(&ids.iter().map(line).collect::<Vec<_>>())
}

async fn imports(world: &World, ids: &[&str]) {
    let mut all = options(edges::import::ImportKind::Persons, file(persons(ids)));
    "test".clone_into(&mut all.source);
    all.max_shrink = 100.0;
    let outcome = import(&world.app, &all).await.unwrap();
    assert_eq!(outcome.refused, None);
}

/// Numbers of made-up persons whom the universe does not know.
const STRANGERS: [&str; 2] = ["14837211191", "29829622287"];

#[tokio::test]
async fn a_person_whom_the_register_names_again_is_not_deleted() {
    let world = World::start().await;
    imports(&world, &STRANGERS).await;
    imports(&world, &STRANGERS[..1]).await;
    assert_eq!(world.app.dropped_persons("test").await, 1);
    imports(&world, &STRANGERS).await;
    assert_eq!(world.app.dropped_persons("test").await, 0);
}

#[tokio::test]
async fn a_file_that_leaves_out_too_many_persons_drops_none() {
    let world = World::start().await;
    imports(&world, &STRANGERS).await;
    let mut part = options(
        edges::import::ImportKind::Persons,
        file(persons(&STRANGERS[..1])),
    );
    "test".clone_into(&mut part.source);

    let outcome = import(&world.app, &part).await.unwrap();

    let warnings = outcome.findings.warnings();
    assert!(warnings.iter().any(|w| w.code == "NOT_DROPPED"));
    assert_eq!(world.app.dropped_persons("test").await, 0);
}

#[tokio::test]
async fn a_dropped_person_who_holds_a_role_is_kept() {
    let world = World::start().await;
    world.app.drop_all_persons().await;
    world.app.advance(days(31)).await;

    world.app.applies_retention().await;

    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.oddny().approves(&request).await.assert_status(200);
}

#[tokio::test]
async fn the_metrics_count_what_was_deleted_by_class() {
    systembruker::app::metrics::install();
    let world = World::start().await;
    world.app.stores_sample(RetentionClass::ImportRuns).await;
    world.app.advance(days(366)).await;

    world.app.applies_retention().await;

    let metrics = world.anonymous().get("/metrics").await.assert_status(200);
    let count = metrics
        .text
        .lines()
        .find_map(|line| line.strip_prefix(r#"retention_rows_total{class="import_runs"} "#));
    assert!(count.is_some_and(|n| n.parse::<u64>().unwrap() >= 1));
    let success = r#"retention_last_success_timestamp_seconds{class="import_runs"} 1"#;
    assert!(metrics.text.contains(success), "{}", metrics.text);
}

#[tokio::test]
async fn a_role_that_owns_nothing_applies_retention() {
    let database = testkit::postgres::database().await;
    let role = testkit::roles::serving_role(&database).await;
    let settings = [("database.migrate_on_start", "false")];
    let world = World {
        app: TestApp::on(role, &settings).await,
    };
    world
        .torleif()
        .deletes(&NATTERGAL_USER)
        .await
        .assert_status(202);
    world.app.seals_trail().await;
    world.app.advance(days(1_900)).await;

    world.app.applies_retention().await;

    let left = world.app.rows_of("systemuser.deleted").await;
    assert_eq!(left.len(), 0, "the partition of that month is dropped");
    assert_eq!(world.app.stored_users(&NATTERGAL_USER).await, 0);
}
