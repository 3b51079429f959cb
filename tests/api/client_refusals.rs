//! Who manages no clients, and what is wrong with a question about them.

use serde_json::json;
use testkit::prelude::*;
use uuid::Uuid;

fn reader(world: &World) -> EndUserCaller<'_> {
    world.randi().with_scopes(CLIENTS_READ)
}

fn writer(world: &World) -> EndUserCaller<'_> {
    world.randi().with_scopes(CLIENTS_WRITE)
}

#[tokio::test]
async fn a_change_of_clients_names_the_parameters_that_are_missing() {
    let world = World::start().await;

    let refused = writer(&world)
        .post_empty(&format!("{ENDUSER}/clients"))
        .await;

    let found: Vec<_> = refused
        .assert_validation(["AUTH.VLD-00014", "AUTH.VLD-00016"])
        .validation_errors()
        .into_iter()
        .map(|error| error["paths"].clone())
        .collect();
    assert_eq!(found, [json!(["?agent"]), json!(["?client"])]);
}

#[tokio::test]
async fn an_agent_that_is_none_is_named() {
    let world = World::start().await;
    for (id, title) in [
        (
            Uuid::nil().to_string(),
            "The agent query parameter is missing or invalid",
        ),
        (Uuid::new_v4().to_string(), "System user not found"),
        (
            TINDEVANDRER_USER.id.to_string(),
            "SystemUser is not a valid system user of type agent",
        ),
    ] {
        let path = format!("{ENDUSER}/clients?agent={id}");
        let refused = reader(&world).get(&path).await;
        assert_eq!(refused.validation_errors()[0]["title"], title);
    }
}

#[tokio::test]
async fn an_agent_is_a_uuid() {
    let world = World::start().await;
    reader(&world)
        .get(&format!("{ENDUSER}/clients?agent=x"))
        .await
        .assert_error_keys(["agent"]);
}

#[tokio::test]
async fn clients_are_added_with_a_token_that_may_write_them() {
    let world = World::start().await;
    let path = format!(
        "{ENDUSER}/clients?agent={}&client={}",
        TALLKNUSEREN_AGENT.id, TINDEVANDRER.uuid
    );
    world
        .anonymous()
        .post_empty(&path)
        .await
        .assert_unauthorized();
    for scope in [PORTAL, CLIENTS_READ] {
        world
            .randi()
            .with_scopes(scope)
            .post_empty(&path)
            .await
            .assert_forbidden();
    }
}

#[tokio::test]
async fn clients_are_read_with_a_token_that_may_read_them() {
    let world = World::start().await;
    writer(&world)
        .lists_clients(&TALLKNUSEREN_AGENT)
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_stranger_adds_no_client() {
    let world = World::start().await;
    for stranger in [world.oddny(), world.jostein()] {
        stranger
            .with_scopes(CLIENTS_WRITE)
            .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_forbidden();
    }
}

#[tokio::test]
async fn clients_are_not_shown_to_a_login_below_level_3() {
    let world = World::start().await;
    reader(&world)
        .at_level(2)
        .lists_clients(&TALLKNUSEREN_AGENT)
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn agents_are_those_of_a_party() {
    let world = World::start().await;
    reader(&world)
        .get(&format!("{ENDUSER}/agents"))
        .await
        .assert_error_keys(["party"]);
}

#[tokio::test]
async fn agents_of_an_unknown_party_are_not_found() {
    let world = World::start().await;
    let path = format!("{ENDUSER}/agents?party={UNKNOWN_ORG_NUMBER}");
    reader(&world)
        .get(&path)
        .await
        .assert_status(404)
        .assert_header("content-type", "application/problem+json")
        .assert_json(&json!({
            "title": "Party not found",
            "status": 404,
            "detail": "No associated party information found for organisation 999999999",
        }));
}

#[tokio::test]
async fn agents_of_another_party_are_not_shown() {
    let world = World::start().await;
    let path = format!("{ENDUSER}/agents?party={}", TINDEVANDRER.number);
    reader(&world).get(&path).await.assert_forbidden();
}

#[tokio::test]
async fn an_agent_whose_owner_no_register_knows_has_no_clients() {
    let world = World::start().await;
    world
        .app
        .set_unknown_owner(&TALLKNUSEREN_AGENT, UNKNOWN_ORG_NUMBER)
        .await;
    reader(&world)
        .lists_clients(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(404)
        .assert_json(&json!({
            "title": "System Owner not Found",
            "status": 404,
            "detail": "No associated party information found for systemuser owner 999999999",
        }));
}

#[tokio::test]
async fn an_agent_whose_owner_no_register_knows_is_given_no_clients() {
    let world = World::start().await;
    world
        .app
        .set_unknown_owner(&TALLKNUSEREN_AGENT, UNKNOWN_ORG_NUMBER)
        .await;
    let (reader, writer) = (reader(&world), writer(&world));
    let available = reader.lists_available_clients(&TALLKNUSEREN_AGENT).await;
    available.assert_status(404);
    let added = writer.adds_client(&TALLKNUSEREN_AGENT, NATTERGAL).await;
    added.assert_status(404);
    let removed = writer.removes_client(&TALLKNUSEREN_AGENT, NATTERGAL).await;
    removed.assert_status(404);
    let path = format!(
        "/systembruker/api/v1/enduser/systemuser/clients:batch?agent={}",
        TALLKNUSEREN_AGENT.id
    );
    let batch = json!({"action": "add", "clients": [NATTERGAL.uuid]});
    writer.post(&path, batch).await.assert_status(404);
}
