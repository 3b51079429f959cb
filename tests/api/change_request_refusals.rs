//! Change requests that a vendor cannot make.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

fn pension() -> Value {
    json!({"requiredAccessPackages": packages([PENSJON])})
}

/// Posts a change request with a query of the test's choice.
async fn ask(world: &World, query: &str) -> Answer {
    world
        .fjordlonn()
        .post(&format!("{VENDOR_CHANGES}?{query}"), pension())
        .await
}

#[tokio::test]
async fn a_change_request_has_a_correlation_id() {
    let world = World::start().await;
    let user = &TINDEVANDRER_USER.id;
    for query in [
        format!("system-user-id={user}"),
        format!("correlation-id={}&system-user-id={user}", Uuid::nil()),
    ] {
        let refused = ask(&world, &query).await.assert_status(400);
        assert!(refused.text.contains("correlation-id"), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_correlation_id_is_a_uuid() {
    let world = World::start().await;
    let query = format!("correlation-id=x&system-user-id={}", TINDEVANDRER_USER.id);
    ask(&world, &query)
        .await
        .assert_error_keys(["correlation-id"]);
}

#[tokio::test]
async fn a_correlation_id_is_not_the_id_of_the_system_user() {
    let world = World::start().await;
    let user = &TINDEVANDRER_USER.id;
    ask(
        &world,
        &format!("correlation-id={user}&system-user-id={user}"),
    )
    .await
    .assert_status(400);
}

#[tokio::test]
async fn a_change_request_without_a_system_user_finds_none() {
    let world = World::start().await;
    ask(&world, &format!("correlation-id={}", Uuid::new_v4()))
        .await
        .assert_problem(404, "AUTH-00015");
}

#[tokio::test]
async fn a_change_request_asks_for_what_the_system_offers() {
    let world = World::start().await;
    let evil = with(pension(), "redirectUrl", json!("https://evil.example/"));
    for (code, body) in [
        (
            "AUTH-00063",
            json!({"requiredAccessPackages": packages([JORDBRUK])}),
        ),
        (
            "AUTH-00001",
            json!({"requiredRights": rights([KRAVOGBETALING])}),
        ),
        ("AUTH-00021", evil),
    ] {
        world
            .fjordlonn()
            .sends_change(Uuid::new_v4(), &TINDEVANDRER_USER, body)
            .await
            .assert_problem(400, code);
    }
}

#[tokio::test]
async fn rights_of_a_change_request_are_not_null() {
    let world = World::start().await;
    world
        .fjordlonn()
        .sends_change(
            Uuid::new_v4(),
            &TINDEVANDRER_USER,
            json!({"requiredRights": null}),
        )
        .await
        .assert_error_keys(["RequiredRights"]);
}

#[tokio::test]
async fn a_vendor_changes_no_system_user_of_another_vendor() {
    let world = World::start().await;
    world
        .skyregnskap()
        .sends_change(Uuid::new_v4(), &TINDEVANDRER_USER, pension())
        .await
        .assert_unauthorized();
}

#[tokio::test]
async fn a_vendor_neither_reads_nor_takes_back_the_change_request_of_another_vendor() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    let other = world.skyregnskap();
    other
        .reads(&request)
        .await
        .assert_problem(404, "AUTH-00010");
    other
        .takes_back(&request)
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn a_vendor_cannot_use_the_correlation_id_of_another_vendor() {
    let world = World::start().await;
    let id = Uuid::new_v4();
    world
        .fjordlonn()
        .sends_change(id, &TINDEVANDRER_USER, pension())
        .await
        .assert_status(201);
    let taxes = json!({"requiredAccessPackages": packages([SKATT_NAERING])});
    world
        .skyregnskap()
        .sends_change(id, &NATTERGAL_USER, taxes)
        .await
        .assert_problem(400, "AUTH-00007");
}

#[tokio::test]
async fn a_change_request_is_taken_back_once() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let request = vendor.requests_change(&TINDEVANDRER_USER, pension()).await;
    vendor.takes_back(&request).await.assert_status(202);
    vendor.takes_back(&request).await.assert_status(404);
}

#[tokio::test]
async fn no_vendor_can_use_the_correlation_id_of_a_request_that_was_taken_back() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let request = vendor.requests_change(&TINDEVANDRER_USER, pension()).await;
    vendor.takes_back(&request).await.assert_status(202);
    let id: Uuid = request.id.parse().unwrap();

    let own = vendor.sends_change(id, &TINDEVANDRER_USER, pension()).await;
    let taxes = json!({"requiredAccessPackages": packages([SKATT_NAERING])});
    let others = world
        .skyregnskap()
        .sends_change(id, &NATTERGAL_USER, taxes)
        .await;

    own.assert_problem(409, "AUTH-00061");
    others.assert_problem(409, "AUTH-00061");
}
