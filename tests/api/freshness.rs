//! A change is known by the next decision here, and soon everywhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::prelude::*;

const AT_LEAST: &str = "Systembruker-At-Least";
const POSITION: &str = "systembruker-position";

fn may_tindevandrer_report() -> Value {
    question(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER)
}

fn decision(answer: &Answer) -> Decision {
    Decision::of(&answer.json()["response"][0]["decision"])
}

async fn decide(world: &World) -> Decision {
    let answer = world.sav().asks(may_tindevandrer_report()).await;
    decision(&answer.assert_status(200))
}

/// A decision on facts at least as new as a position.
async fn decide_at(world: &World, position: &str) -> Decision {
    let sav = world.sav().with_header(AT_LEAST, position);
    let answer = sav.asks(may_tindevandrer_report()).await;
    decision(&answer.assert_status(200))
}

async fn delete(world: &World) -> Answer {
    let deleted = world.jostein().deletes(&TINDEVANDRER_USER).await;
    deleted.assert_status(202)
}

#[tokio::test]
async fn a_change_answers_with_its_position_in_the_feed() {
    let world = World::start().await;
    let position = delete(&world).await.header(POSITION).to_owned();
    let (epoch, number) = position.split_once('.').unwrap();
    assert_eq!(epoch.len(), 16, "{position}");
    assert!(number.parse::<i64>().unwrap() > 0, "{position}");
}

#[tokio::test]
async fn a_change_is_known_by_the_next_decision() {
    let world = World::start().await;
    assert_eq!(decide(&world).await, Permit);
    let position = delete(&world).await.header(POSITION).to_owned();
    assert_eq!(decide(&world).await, NotApplicable);
    assert_eq!(decide_at(&world, &position).await, NotApplicable);
}

#[tokio::test]
async fn a_change_past_the_service_is_known_too() {
    let world = World::start().await;
    assert_eq!(decide(&world).await, Permit);
    world.app.take_all_packages().await;
    assert_eq!(decide(&world).await, NotApplicable);
}

#[tokio::test]
async fn a_client_that_is_released_past_the_service_is_refused_at_once() {
    let world = World::start().await;
    let granted = crate::journey::Client::seeded(FJORDLONN_SYSTEM.client)
        .system_user_token(&world.app, TINDEVANDRER.number, None)
        .await
        .assert_status(200)
        .json();
    let token = granted["access_token"].as_str().unwrap();
    let mine = "/accessmanagement/api/v2/enduser/clientdelegations/my/clients";
    let check = json!({"token": token, "checks": [{"resource": A_MELDING.0, "action": "write"}]});
    let question = json!({
        "subject": {"type": "systemuser", "id": &*TINDEVANDRER_USER.id},
        "action": {"name": "write"},
        "resource": resource(),
        "context": {"access_token": token},
    });
    let answers = async || {
        // The token has another scope: it is refused for that as long as it is good.
        let mine = world.bearer(token).get(mine).await.status;
        let sav = world.sav();
        let inspected = sav
            .post("/authorization/api/v1/systemuser/authorize", check.clone())
            .await;
        let evaluated = sav.post("/access/v1/evaluation", question.clone()).await;
        let (inspected, evaluated) = (inspected.json(), evaluated.json());
        json!([mine, inspected["active"], evaluated["decision"]])
    };
    assert_eq!(answers().await, json!([403, true, true]));

    world
        .app
        .release_client_directly(FJORDLONN_SYSTEM.client)
        .await;
    world.app.caught_up().await;

    assert_eq!(answers().await, json!([401, false, false]));
}

#[tokio::test]
async fn what_changes_no_decision_answers_without_a_position() {
    let world = World::start().await;
    world
        .sav()
        .asks(may_tindevandrer_report())
        .await
        .assert_status(200)
        .assert_header(POSITION, "");
}

#[tokio::test]
async fn another_instance_knows_a_change_at_once_when_it_is_asked_for_its_position() {
    let here = World::start().await;
    let there = here.another_instance().await;
    assert_eq!(decide(&there).await, Permit);
    let position = delete(&here).await.header(POSITION).to_owned();
    assert_eq!(decide_at(&there, &position).await, NotApplicable);
}

#[tokio::test]
async fn another_instance_knows_a_change_within_a_second() {
    let here = World::start().await;
    let there = here.another_instance().await;
    assert_eq!(decide(&there).await, Permit);
    delete(&here).await;
    let since = Instant::now();
    loop {
        let asked = since.elapsed();
        if decide(&there).await == NotApplicable {
            break;
        }
        assert!(
            asked < Duration::from_secs(1),
            "still Permit after {asked:?}"
        );
    }
}

#[tokio::test]
async fn other_texts_are_no_positions() {
    let world = World::start().await;
    for position in ["soon", "-1", "1.5", ""] {
        world
            .sav()
            .with_header(AT_LEAST, position)
            .asks(may_tindevandrer_report())
            .await
            .assert_status(400);
    }
}

fn resource() -> Value {
    json!({
        "type": "resource",
        "id": A_MELDING.0,
        "properties": {"organization": TINDEVANDRER.number},
    })
}

#[tokio::test]
async fn other_texts_are_no_positions_for_authzen_either() {
    let world = World::start().await;
    let body = json!({
        "subject": {"type": "systemuser", "id": TINDEVANDRER_USER.id},
        "action": {"name": "write"},
        "resource": resource(),
    });
    world
        .sav()
        .with_header(AT_LEAST, "x")
        .post("/access/v1/evaluation", body)
        .await
        .assert_status(400);
}

#[tokio::test]
async fn a_position_that_never_comes_is_answered_from_the_database() {
    let world = World::start().await;
    assert_eq!(
        decide_at(&world, &world.app.future_position()).await,
        Permit
    );
}

/// Whether Tindevandrer's system user is permitted: as a decision, as a search result, and by its
/// token.
async fn everywhere(sav: &ServiceOwnerCaller<'_>, token: &str) -> [bool; 3] {
    let decided = sav.asks(may_tindevandrer_report()).await.assert_status(200);
    let search = json!({
        "subject": {"type": "systemuser"},
        "action": {"name": "write"},
        "resource": resource(),
    });
    let found = sav.post("/access/v1/search/subject", search).await;
    let found = found.assert_status(200).json();
    let is_found = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .any(|hit| hit["id"] == *TINDEVANDRER_USER.id);
    let check = json!({"token": token, "checks": [{"resource": A_MELDING.0, "action": "write"}]});
    let inspected = sav
        .post("/authorization/api/v1/systemuser/authorize", check)
        .await
        .assert_status(200)
        .json();
    [
        decision(&decided) == Permit,
        is_found,
        inspected["active"] == true && inspected["authorized"] == true,
    ]
}

#[tokio::test]
async fn who_asks_for_newer_facts_than_memory_has_gets_them_everywhere() {
    let world = World::start().await;
    let granted = crate::journey::Client::seeded(FJORDLONN_SYSTEM.client)
        .system_user_token(&world.app, TINDEVANDRER.number, None)
        .await
        .assert_status(200)
        .json();
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(everywhere(&world.sav(), token).await, [true; 3]);

    world.app.delete_silently(&TINDEVANDRER_USER).await;

    let position = world.app.future_position();
    let newest = world.sav().with_header(AT_LEAST, &position);
    assert_eq!(everywhere(&newest, token).await, [false; 3]);
    world.app.publish_everything().await;
    assert_eq!(everywhere(&world.sav(), token).await, [false; 3]);
}

#[tokio::test]
async fn a_number_that_never_comes_does_not_hide_a_later_change() {
    let world = World::start().await;
    let feed = &world.app.running.state.feed;
    assert_eq!(decide(&world).await, Permit);
    // One transaction takes a number and waits, another is rolled back, a third commits after
    // them.
    let deletion = world.app.begin_deletion(&TINDEVANDRER_USER).await;
    world.app.roll_back_an_entry().await;
    world.app.publish_an_entry().await;
    assert!(feed.catch_up().await);
    assert_eq!(decide(&world).await, Permit, "it is not committed yet");

    deletion.commit().await;

    assert!(feed.catch_up().await);
    assert_eq!(decide(&world).await, NotApplicable);
}

#[tokio::test]
async fn without_a_feed_to_follow_decisions_are_made_from_the_database() {
    let world = World::start().await;
    assert_eq!(decide(&world).await, Permit);
    world.app.take_feed_away().await;
    assert_eq!(decide(&world).await, Permit);

    world.app.delete_silently(&TINDEVANDRER_USER).await;

    assert_eq!(decide(&world).await, NotApplicable);
    world.app.bring_feed_back().await;
    assert!(world.app.running.state.feed.catch_up().await);
}

/// A position of a history that is not the present one, and one as earlier versions gave it.
const OTHER_HISTORIES: [&str; 2] = ["0123456789abcdef.1", "1"];

#[tokio::test]
async fn a_position_of_another_history_is_answered_from_the_database() {
    let world = World::start().await;
    assert_eq!(decide(&world).await, Permit);
    world.app.delete_silently(&TINDEVANDRER_USER).await;
    for position in OTHER_HISTORIES {
        assert_eq!(decide_at(&world, position).await, NotApplicable);
    }
}

#[tokio::test]
async fn who_sends_a_position_of_another_history_learns_the_present_one() {
    let world = World::start().await;
    world.app.caught_up().await;
    decide(&world).await;
    for position in OTHER_HISTORIES {
        let sav = world.sav().with_header(AT_LEAST, position);
        let answer = sav.asks(may_tindevandrer_report()).await;
        let present = world.app.running.state.feed.position().to_string();
        answer
            .assert_header("systembruker-history", "changed")
            .assert_header(POSITION, &present);
    }
}

#[tokio::test]
async fn a_position_of_the_present_history_says_nothing_of_another() {
    let world = World::start().await;
    world.app.caught_up().await;
    let position = world.app.running.state.feed.position().to_string();
    let sav = world.sav().with_header(AT_LEAST, &position);
    let answer = sav.asks(may_tindevandrer_report()).await;
    answer.assert_header("systembruker-history", "");
}

/// Asks until the answer is no Permit any more.
async fn until_not_permitted(world: &World) {
    let asking = async { while decide(world).await == Permit {} };
    let ended = tokio::time::timeout(Duration::from_secs(30), asking).await;
    assert!(ended.is_ok(), "still permitted");
}

#[tokio::test]
async fn what_was_kept_of_another_history_is_dropped() {
    let world = World::start().await;
    world.app.caught_up().await;
    assert_eq!(decide(&world).await, Permit);
    world.app.delete_silently(&TINDEVANDRER_USER).await;
    assert_eq!(decide(&world).await, Permit, "nothing says so yet");

    world.app.begin_another_history().await;

    until_not_permitted(&world).await;
}

#[tokio::test]
async fn numbers_that_come_again_are_another_history() {
    let world = World::start().await;
    delete(&world).await;
    world.app.caught_up().await;
    let granted = world.sav();
    let asks = || granted.decides(&NATTERGAL_USER, "read", ARBEIDSTRENING_AVTALE, NATTERGAL);
    assert_eq!(asks().await, Permit);
    world.app.delete_silently(&NATTERGAL_USER).await;
    let before = world.app.running.state.feed.epoch();

    world.app.turn_numbers_back().await;

    let asking = async { while asks().await == Permit {} };
    let ended = tokio::time::timeout(Duration::from_secs(30), asking).await;
    assert!(ended.is_ok(), "still permitted");
    assert_ne!(world.app.running.state.feed.epoch(), before);
}
