//! Clients of agents, as the portal manages them.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

/// Clients of a facilitator, as Tallknuseren's director lists them.
async fn clients(world: &World, query: &str) -> Answer {
    let path = format!("{AGENTS}/{}/clients{query}", TALLKNUSEREN.party);
    world.randi().get(&path).await
}

async fn own_clients(world: &World, filter: &str) -> Vec<Value> {
    let query = format!("?facilitator={}{filter}", TALLKNUSEREN.uuid);
    clients(world, &query).await.assert_status(200).list()
}

fn numbers(list: &[Value]) -> Vec<&str> {
    list.iter()
        .map(|client| client["organizationIdentifier"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_portal_lists_clients_with_what_gives_a_package() {
    let world = World::start().await;
    let list = own_clients(&world, "&packages=REGNSKAPSFORER-LONN").await;
    let tindevandrer = list
        .iter()
        .find(|client| client["organizationIdentifier"] == TINDEVANDRER.number)
        .unwrap();
    insta::assert_snapshot!(tindevandrer.to_string().replace(TINDEVANDRER.uuid, "UUID"), @r#"{"partyUuid":"UUID","displayName":"TINDEVANDRER SPORT AS","organizationIdentifier":"390367767","access":[{"role":"urn:altinn:external-role:ccr:regnskapsforer","packages":["urn:altinn:accesspackage:regnskapsforer-lonn"]}]}"#);
}

#[tokio::test]
async fn a_package_may_be_named_in_several_ways() {
    let world = World::start().await;
    let expected = own_clients(&world, "&packages=REGNSKAPSFORER-LONN").await;
    for filter in [
        "&packages=:regnskapsforer-lonn",
        "&packages=urn:altinn:accesspackage:regnskapsforer-lonn&packages=ansvarlig-revisor",
    ] {
        assert_eq!(own_clients(&world, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn an_unknown_package_gives_no_clients() {
    let world = World::start().await;
    let list = own_clients(&world, "&packages=finnes-ikke").await;
    assert!(list.is_empty(), "{list:?}");
}

#[tokio::test]
async fn without_a_filter_clients_of_every_relation_are_listed() {
    let world = World::start().await;
    let all = own_clients(&world, "").await;
    let some = own_clients(&world, "&packages=REGNSKAPSFORER-LONN").await;
    assert!(all.len() > some.len(), "{all:?}");
}

#[tokio::test]
async fn without_a_filter_clients_are_listed_that_the_role_gives_nothing_for() {
    let world = World::start().await;
    let path = format!(
        "{AGENTS}/{}/clients?facilitator={}",
        GAARDSTUN.party, GAARDSTUN.uuid
    );
    let list = world.grete().get(&path).await.assert_status(200).list();
    for client in [SOLBAKKEN, UTSIKTEN, POLARISK] {
        assert!(numbers(&list).contains(&client.number), "{list:?}");
    }
}

#[tokio::test]
async fn the_facilitator_of_a_list_is_named_and_is_the_party() {
    let world = World::start().await;
    clients(&world, "").await.assert_problem(400, "AUTH-00000");
    clients(&world, &format!("?facilitator={}", TINDEVANDRER.uuid))
        .await
        .assert_problem(403, "AUTH-00044");
}

/// Clients that an agent has, of a facilitator.
async fn delegations(world: &World, facilitator: &str, agent: &str) -> Vec<Value> {
    let path = format!(
        "{AGENTS}/{}/{facilitator}/{agent}/delegations",
        TALLKNUSEREN.party
    );
    world.randi().get(&path).await.assert_status(200).list()
}

async fn own_delegations(world: &World) -> Vec<Value> {
    delegations(world, TALLKNUSEREN.uuid, &TALLKNUSEREN_AGENT.id).await
}

fn adding(agent: &str, provider: &str, client: &str) -> String {
    let party = TALLKNUSEREN.party;
    format!("{AGENTS}/{party}/{agent}?provider={provider}&client={client}")
}

async fn add_tindevandrer(world: &World) -> Answer {
    let path = adding(&TALLKNUSEREN_AGENT.id, TALLKNUSEREN.uuid, TINDEVANDRER.uuid);
    world.randi().post_empty(&path).await
}

#[tokio::test]
async fn adding_a_client_answers_with_an_entry_per_package() {
    let world = World::start().await;
    let entry = json!({
        "agentSystemUserId": TALLKNUSEREN_AGENT.id,
        "delegationId": TINDEVANDRER.uuid,
        "customerId": TINDEVANDRER.uuid,
        "assignmentId": Uuid::nil(),
    });
    add_tindevandrer(&world)
        .await
        .assert_status(200)
        .assert_json(&json!([entry, entry]));
}

#[tokio::test]
async fn an_added_client_is_listed_with_its_name() {
    let world = World::start().await;
    add_tindevandrer(&world).await.assert_status(200);

    let list = own_delegations(&world).await;

    let entry = list
        .iter()
        .find(|entry| entry["customerId"] == TINDEVANDRER.uuid)
        .unwrap();
    insta::assert_snapshot!(entry.to_string().replace(TINDEVANDRER.uuid, "UUID"), @r#"{"agentSystemUserId":"05042226-1aa3-5372-87bc-b03f76163fdf","delegationId":"UUID","customerId":"UUID","assignmentId":"00000000-0000-0000-0000-000000000000","customerName":"TINDEVANDRER SPORT AS","customerOrganizationNumber":"390367767"}"#);
}

#[tokio::test]
async fn an_agent_has_no_clients_of_another_facilitator_and_an_unknown_one_has_none() {
    let world = World::start().await;
    let foreign = delegations(&world, TINDEVANDRER.uuid, &TALLKNUSEREN_AGENT.id).await;
    let unknown = delegations(&world, TALLKNUSEREN.uuid, &Uuid::nil().to_string()).await;
    assert_eq!((foreign, unknown), (vec![], vec![]));
}

#[tokio::test]
async fn an_unknown_agent_gets_no_client() {
    let world = World::start().await;
    let nil = Uuid::nil().to_string();
    let path = adding(&nil, TALLKNUSEREN.uuid, TINDEVANDRER.uuid);
    let refused = world.randi().post_empty(&path).await.assert_status(400);
    assert_eq!(
        refused.problem()["errors"]["return"][0],
        format!("SystemUser with Id {nil} Not Found")
    );
}

#[tokio::test]
async fn a_standard_system_user_gets_no_client() {
    let world = World::start().await;
    let path = adding(&TINDEVANDRER_USER.id, TALLKNUSEREN.uuid, TINDEVANDRER.uuid);
    world
        .randi()
        .post_empty(&path)
        .await
        .assert_forbidden()
        .assert_empty();
}

#[tokio::test]
async fn a_client_is_added_for_the_agents_own_provider() {
    let world = World::start().await;
    let agent = &TALLKNUSEREN_AGENT.id;
    let client = TINDEVANDRER.uuid;
    for (path, status, code) in [
        (adding(agent, "", client), 400, "AUTH-00000"),
        (adding(agent, client, client), 403, "AUTH-00044"),
        (adding(agent, TALLKNUSEREN.uuid, ""), 400, "AUTH-00079"),
    ] {
        world
            .randi()
            .post_empty(&path)
            .await
            .assert_problem(status, code);
    }
}

#[tokio::test]
async fn a_stranger_adds_no_client_in_the_portal() {
    let world = World::start().await;
    let path = adding(&TALLKNUSEREN_AGENT.id, TALLKNUSEREN.uuid, TINDEVANDRER.uuid);
    world.oddny().post_empty(&path).await.assert_forbidden();
}

fn removing(agent: &str, provider: &str) -> String {
    format!(
        "{AGENTS}/{}/{agent}/client?client={}&provider={provider}",
        TALLKNUSEREN.party, TINDEVANDRER.uuid
    )
}

#[tokio::test]
async fn a_client_is_removed_for_the_agents_own_provider() {
    let world = World::start().await;
    for path in [
        removing(&TALLKNUSEREN_AGENT.id, TINDEVANDRER.uuid),
        removing(&TINDEVANDRER_USER.id, TALLKNUSEREN.uuid),
    ] {
        world
            .randi()
            .delete(&path)
            .await
            .assert_problem(400, "AUTH-00031");
    }
}

#[tokio::test]
async fn a_removed_client_is_gone_and_removing_nothing_succeeds() {
    let world = World::start().await;
    let before = own_delegations(&world).await;
    add_tindevandrer(&world).await.assert_status(200);
    let agent = TALLKNUSEREN_AGENT.id.to_string();
    for agent in [&agent, &agent, &Uuid::nil().to_string()] {
        world
            .randi()
            .delete(&removing(agent, TALLKNUSEREN.uuid))
            .await
            .assert_status(200)
            .assert_empty();
    }
    assert_eq!(own_delegations(&world).await, before);
}

/// The older addresses, where they are switched on.
async fn with_aliases() -> World {
    World::with(&[("compat.delegation_aliases", "true")]).await
}

fn adding_by_alias() -> String {
    format!(
        "{AGENTS}/{}/{}/delegation",
        TALLKNUSEREN.party, TALLKNUSEREN_AGENT.id
    )
}

fn removing_by_alias(id: &str, facilitator: Organization) -> String {
    format!(
        "{AGENTS}/{}/delegation/{id}?facilitatorId={}",
        TALLKNUSEREN.party, facilitator.uuid
    )
}

/// Adds Tindevandrer by the older address; the id of the delegation.
async fn add_by_alias(world: &World) -> String {
    let body = json!({
        "CustomerId": TINDEVANDRER.uuid,
        "facilitatorid": TALLKNUSEREN.uuid,
        "access": [],
    });
    let added = world.randi().post(&adding_by_alias(), body).await;
    let list = added.assert_status(200).list();
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0]["customerId"], TINDEVANDRER.uuid);
    list[0]["delegationId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_older_address_adds_a_client_and_removes_it_by_the_id_of_the_delegation() {
    let world = with_aliases().await;
    let sav = world.sav();
    let decide = || sav.decides(&TALLKNUSEREN_AGENT, "read", MVA_MELDING, TINDEVANDRER);

    let id = add_by_alias(&world).await;

    assert_ne!(id, TINDEVANDRER.uuid);
    assert_eq!(decide().await, Permit);
    world
        .randi()
        .delete(&removing_by_alias(&id, TALLKNUSEREN))
        .await
        .assert_status(200)
        .assert_empty();
    assert_eq!(decide().await, NotApplicable);
}

#[tokio::test]
async fn an_older_address_needs_a_customer() {
    let world = with_aliases().await;
    for body in [
        json!({"facilitatorId": TALLKNUSEREN.uuid}),
        json!({"customerId": "x", "facilitatorId": TALLKNUSEREN.uuid}),
    ] {
        world
            .randi()
            .post(&adding_by_alias(), body)
            .await
            .assert_problem(400, "AUTH-00028");
    }
}

#[tokio::test]
async fn an_older_address_removes_only_what_the_facilitator_delegated() {
    let world = with_aliases().await;
    let own = add_by_alias(&world).await;
    let auditors = world.app.delegation_id(GRANSKEREN).await;
    for (path, code) in [
        (
            removing_by_alias(&Uuid::new_v4().to_string(), TALLKNUSEREN),
            "AUTH-00038",
        ),
        (removing_by_alias(&own, TINDEVANDRER), "AUTH-00039"),
        (removing_by_alias(&auditors, GRANSKEREN), "AUTH-00040"),
    ] {
        world.randi().delete(&path).await.assert_problem(400, code);
    }
}

#[tokio::test]
async fn a_stranger_adds_no_client_by_an_older_address() {
    let world = with_aliases().await;
    world
        .oddny()
        .post(&adding_by_alias(), json!({}))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn older_addresses_are_switched_off_unless_asked_for() {
    let world = World::start().await;
    world
        .randi()
        .post(&adding_by_alias(), json!({}))
        .await
        .assert_status(404)
        .assert_empty();
}
