//! The service works for as long as one likes as a role that owns nothing.

use testkit::prelude::*;

/// A world whose service connects as a role that may do what `migrate --print-grants` says.
async fn world() -> World {
    let database = testkit::postgres::database().await;
    let role = testkit::roles::serving_role(&database).await;
    let settings = [("database.migrate_on_start", "false")];
    World {
        app: TestApp::on(role, &settings).await,
    }
}

async fn decision(world: &World) -> Decision {
    let sav = world.sav();
    sav.decides(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER)
        .await
}

#[tokio::test]
async fn a_whole_journey_works() {
    let world = world().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;

    world.oddny().approves(&request).await.assert_status(200);

    let user = request.system_user();
    let sav = world.sav();
    let decision = sav.decides(&user, "write", A_MELDING, KERAMIKK).await;
    assert_eq!(decision, Permit);
}

#[tokio::test]
async fn a_month_of_midnights_leaves_no_decision_without_its_partition() {
    let world = world().await;
    for _ in 0..31 {
        world.app.advance(days(1)).await;
        assert_eq!(decision(&world).await, Permit);
        world.app.running.state.pdp.log().flush().await;
    }
    assert_eq!(world.app.logged_decisions().await, 31);
    assert_eq!(world.app.rows_without_partition().await, 0);
}

/// No partitions were made for so long.
const NEGLECTED: i64 = 130 * 24 * 3_600;

#[tokio::test]
async fn rows_that_came_before_their_partition_are_moved_into_it() {
    let world = world().await;
    world.app.clock.shift(NEGLECTED);
    assert_eq!(decision(&world).await, Permit);
    let deleted = world.torleif().deletes(&NATTERGAL_USER).await;
    deleted.assert_status(202);
    world.app.running.state.pdp.log().flush().await;
    assert_eq!(world.app.rows_without_partition().await, 3);
    let audited = world.app.rows_of("systemuser.deleted").await.len();

    let made = foundation::db::make_partitions(&world.app.running.state.db).await;

    made.unwrap();
    assert_eq!(world.app.rows_without_partition().await, 0);
    assert_eq!(world.app.logged_decisions().await, 1);
    let rows = world.app.rows_of("systemuser.deleted").await;
    assert_eq!(rows.len(), audited);
}

#[tokio::test]
async fn the_chain_of_the_trail_holds_after_rows_were_moved() {
    let world = world().await;
    world.app.clock.shift(NEGLECTED);
    let deleted = world.torleif().deletes(&NATTERGAL_USER).await;
    deleted.assert_status(202);
    world.app.seals_trail().await;
    let db = &world.app.running.state.db;
    foundation::db::make_partitions(db).await.unwrap();

    let verdict = foundation::audit::verify(db, &[], |_, _| {}).await.unwrap();

    assert!(verdict.fault.is_none() && verdict.rows > 0, "{verdict:?}");
}

#[tokio::test]
async fn the_role_changes_neither_the_trail_nor_the_schema() {
    let world = world().await;
    for (refused, code) in world.app.refusals_of_role().await {
        assert_eq!(code, "42501", "{refused}");
    }
}
