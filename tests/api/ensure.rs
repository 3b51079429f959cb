//! `Idempotency-Key` keeps a vendor from asking twice.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

fn for_keramikk() -> Value {
    request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING])
}

/// Fjordlønn, sending a key.
fn with_key<'a>(world: &'a World, key: &str) -> VendorCaller<'a> {
    world.fjordlonn().with_header("idempotency-key", key)
}

#[tokio::test]
async fn the_first_answer_under_a_key_is_no_replay() {
    let world = World::start().await;
    with_key(&world, "\"a key\"")
        .sends_request(for_keramikk())
        .await
        .assert_status(201)
        .assert_header("idempotency-replayed", "");
}

#[tokio::test]
async fn the_same_key_with_or_without_quotes_gives_the_same_answer() {
    let world = World::start().await;
    let first = with_key(&world, "\"a key\"")
        .sends_request(for_keramikk())
        .await
        .assert_status(201);

    let again = with_key(&world, "a key")
        .sends_request(for_keramikk())
        .await;

    again
        .assert_status(201)
        .assert_header("idempotency-replayed", "true")
        .assert_header("location", first.header("location"))
        .assert_text(&first.text);
}

#[tokio::test]
async fn without_the_key_or_with_another_the_endpoint_answers_by_its_own_rule() {
    let world = World::start().await;
    let first = with_key(&world, "a key")
        .sends_request(for_keramikk())
        .await
        .assert_status(201);
    for vendor in [world.fjordlonn(), with_key(&world, "other")] {
        let stored = vendor.sends_request(for_keramikk()).await;
        assert_eq!(stored.assert_status(200).json()["id"], first.json()["id"]);
    }
}

#[tokio::test]
async fn a_used_key_refuses_another_body() {
    let world = World::start().await;
    let vendor = with_key(&world, "a key");
    vendor
        .sends_request(for_keramikk())
        .await
        .assert_status(201);

    let other = request_for(FJORDLONN_SYSTEM, NATTERGAL, [LONN]);
    let refused = vendor.sends_request(other).await.assert_status(422);

    assert_eq!(
        refused.problem()["errors"],
        json!({"Idempotency-Key": ["The key was used before, with another request."]})
    );
}

#[tokio::test]
async fn a_used_key_refuses_another_path() {
    let world = World::start().await;
    let vendor = with_key(&world, "a key");
    vendor
        .sends_request(for_keramikk())
        .await
        .assert_status(201);
    vendor
        .sends_agent_request(for_keramikk())
        .await
        .assert_status(422);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let world = World::start().await;
    with_key(&world, "a key")
        .sends_request(for_keramikk())
        .await
        .assert_status(201);
    world
        .skyregnskap()
        .with_header("idempotency-key", "a key")
        .sends_request(for_keramikk())
        .await
        .assert_problem(404, "AUTH-00011");
}

#[tokio::test]
async fn a_key_has_1_to_255_characters() {
    let world = World::start().await;
    for key in ["", "\"\"", &"x".repeat(256)] {
        with_key(&world, key)
            .sends_request(for_keramikk())
            .await
            .assert_error_keys(["Idempotency-Key"]);
    }
}

#[tokio::test]
async fn an_error_leaves_the_key_free() {
    let world = World::start().await;
    let vendor = with_key(&world, "k");
    vendor
        .sends_request(request_for(FJORDLONN_SYSTEM, KERAMIKK, [JORDBRUK]))
        .await
        .assert_problem(400, "AUTH-00063");
    vendor
        .sends_request(request_for(FJORDLONN_SYSTEM, KERAMIKK, [LONN]))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn four_registrations_at_once_under_one_key_do_the_work_once() {
    let world = World::start().await;
    let id = "390198116_en_gang";
    let system = json!({
        "id": id,
        "vendor": {"authority": "iso6523-actorid-upis", "ID": FJORDLONN.identifier()},
        "name": {"nb": "En gang", "nn": "Ein gong", "en": "Once"},
        "description": {"nb": "a", "nn": "b", "en": "c"},
        "allowedRedirectUrls": ["https://fjordlonn.example/"],
        "isVisible": false,
        "clientId": [Uuid::new_v4()],
    });
    let vendor = with_key(&world, "register");

    let held = world.app.hold_writes("idempotency_key").await;

    let answers = held
        .race((0..4).map(|_| vendor.registers(system.clone())))
        .await;

    let first = answers[0].text.clone();
    for answer in answers {
        answer.assert_status(200).assert_text(&first);
    }
    assert_eq!(world.app.audited_of("system.created", id).await, 1);
}

#[tokio::test]
async fn a_change_request_under_the_same_key_gets_the_same_answer() {
    let world = World::start().await;
    let id = Uuid::new_v4();
    let body = json!({"requiredAccessPackages": packages([PENSJON])});
    let vendor = with_key(&world, "c");
    let send = || vendor.sends_change(id, &TINDEVANDRER_USER, body.clone());
    let first = send().await.assert_status(201);

    send()
        .await
        .assert_status(201)
        .assert_header("idempotency-replayed", "true")
        .assert_text(&first.text);
}

#[tokio::test]
async fn the_query_is_part_of_the_request_under_a_key() {
    let world = World::start().await;
    let body = json!({"requiredAccessPackages": packages([PENSJON])});
    let vendor = with_key(&world, "c");
    let path = format!(
        "{VENDOR_CHANGES}?correlation-id={}&system-user-id={}",
        Uuid::new_v4(),
        TINDEVANDRER_USER.id
    );
    vendor.post(&path, body.clone()).await.assert_status(201);

    let elsewhere = path.replace("correlation-id=", "correlation-id=0");
    vendor.post(&elsewhere, body).await.assert_status(400);
}
