//! The database is asked about sub-units of a customer only for those who may not decide.

use testkit::{log::TargetLog, prelude::*};

/// Statements about sub-units that the service sent so far.
fn asked_about_sub_units(log: &TargetLog) -> usize {
    let is_about = |line: &testkit::log::Line| {
        line.values()
            .any(|text| text.contains("from party where parent_key"))
    };
    log.lines().iter().filter(|line| is_about(line)).count()
}

#[tokio::test]
async fn sub_units_are_not_read_for_an_access_manager() {
    let log = TargetLog::capture("sqlx::query");
    let world = World::start().await;
    let request = world.request_to_nattergal();

    world.torleif().opens(&request).await.assert_status(200);
    world.torleif().escalates(&request).await.assert_status(200);

    assert_eq!(asked_about_sub_units(&log), 0);
}

#[tokio::test]
async fn a_stranger_costs_one_question_about_all_sub_units() {
    let log = TargetLog::capture("sqlx::query");
    let world = World::start().await;

    let request = world.request_to_nattergal();
    world
        .oddny()
        .opens(&request)
        .await
        .assert_problem(403, "AUTH-00066");

    assert_eq!(asked_about_sub_units(&log), 1);
}
