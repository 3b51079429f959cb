//! The clock that tests move: ours and the database's.

use std::time::Duration;

use foundation::{config::Profile, db};
use systembruker::app::setup;
use testkit::prelude::*;

#[tokio::test]
async fn the_clocks_of_the_service_and_of_its_database_move_together() {
    let world = World::start().await;
    world.app.advance(days(40)).await;
    let state = &world.app.running.state;
    for pool in [&state.db, &state.background_db] {
        let apart = db::clock_offset(pool, &state.clock).await.unwrap();
        assert!(apart.abs() <= 1, "{apart} seconds apart");
    }
}

#[tokio::test]
async fn a_clock_that_was_moved_back_moves_the_database_back() {
    let world = World::start().await;
    world.app.advance(Duration::from_secs(3_600)).await;
    world.app.clock.shift(-3_600);
    let state = &world.app.running.state;
    let apart = db::clock_offset(&state.db, &state.clock).await.unwrap();
    assert!(apart.abs() <= 1, "{apart} seconds apart");
}

/// Prepares the world's database as production does at its start.
async fn prepare_for_production(world: &World) -> String {
    let running = &world.app.running;
    let mut config = running.config.clone();
    config.settings.server.profile = Profile::Prod;
    let prepared = setup::prepare_database(&config, &running.state.db).await;
    format!("{:#}", prepared.unwrap_err())
}

#[tokio::test]
async fn production_refuses_a_database_whose_time_is_moved() {
    let world = World::start().await;
    world.app.advance(Duration::from_secs(3_600)).await;

    let refused = prepare_for_production(&world).await;

    assert!(
        refused.contains("`systembruker.clock_offset` is `3600 seconds`"),
        "{refused}"
    );
    assert!(refused.contains("alter database … reset"), "{refused}");
}

#[tokio::test]
async fn a_database_whose_time_was_never_moved_is_not_refused_for_it() {
    let world = World::start().await;
    // A sandbox's database is refused for what it is.
    let refused = prepare_for_production(&world).await;
    assert!(
        refused.contains("belongs to an installation of profile `sandbox`"),
        "{refused}"
    );
}
