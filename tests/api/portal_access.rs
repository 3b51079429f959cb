//! Client administration and right-holders, as the portal's pages read them.

use serde_json::{Value, json};
use testkit::prelude::*;

use crate::access::of_party;

const BASE: &str = "/accessmanagement/api/v1";

#[tokio::test]
async fn a_client_administrator_opens_clients_and_agents() {
    let world = World::start().await;
    let stian = world.stian();
    let party = TALLKNUSEREN.uuid;
    let path = format!("{BASE}/clientdelegations/clients?party={party}&roles=rettighetshaver");
    let clients = stian.get(&path).await.assert_status(200).list();
    let rotfast = of_party(&clients, "client", ROTFAST.uuid).unwrap();
    let client = &rotfast["client"];
    assert_eq!(client["partyId"], ROTFAST.party);
    assert_eq!(client.get("personIdentifier"), None);
    let role = &rotfast["access"][0]["role"];
    assert_eq!(role["code"], "rettighetshaver");
    assert_eq!(role["legacyUrn"], Value::Null);
    assert_eq!(rotfast["access"][0]["resources"], json!([]));
    let path = format!("{BASE}/clientdelegations/agents?party={party}");
    let agents = stian.get(&path).await.assert_status(200).list();
    let agent = of_party(&agents, "agent", &TALLKNUSEREN_AGENT.id).unwrap();
    assert!(agent["agentAddedAt"].is_string());
    assert_eq!(agent["access"][0]["packages"], json!([]));
    world.oddny().get(&path).await.assert_forbidden();
}

#[tokio::test]
async fn right_holders_are_listed_with_their_roles() {
    let world = World::start().await;
    let synnove = world.person(SYNNOVE);
    let party = ROTFAST.uuid;
    let path = format!("{BASE}/connection/rightholders?party={party}&from={party}&to=");
    let list = synnove.get(&path).await.assert_status(200).list();
    let firm = of_party(&list, "party", TALLKNUSEREN.uuid).unwrap();
    assert_eq!(firm["roles"][0]["code"], "rettighetshaver");
    assert!(!firm["connections"].as_array().unwrap().is_empty());
    assert_eq!(firm.get("packages"), None);
    let neither = format!("{BASE}/connection/rightholders?party={party}");
    let neither = synnove.get(&neither).await.assert_status(400);
    assert!(neither.text.contains("'from' or 'to'"), "{}", neither.text);
    let wrong = format!("{path}x");
    let wrong = synnove.get(&wrong).await.assert_status(400);
    assert_eq!(wrong.problem()["title"], "Unexpected HttpStatus response");
}

#[tokio::test]
async fn an_access_manager_sees_what_may_be_given() {
    let world = World::start().await;
    let path = format!(
        "{BASE}/accesspackage/delegationcheck?party={}",
        NATTERGAL.uuid
    );
    let list = world.borghild().get(&path).await.assert_status(200).list();
    let of = |package: Package| {
        let is = |one: &&Value| one["package"]["urn"] == package.urn();
        list.iter().find(is).unwrap()
    };
    let lonn = of(LONN);
    assert_eq!(lonn["result"], true);
    assert_eq!(
        lonn["reasons"],
        json!([{"description": "Direct-AssignmentPackage"}])
    );
    assert_eq!(of(PENSJON)["result"], false);
}

#[tokio::test]
async fn the_portals_scope_is_needed() {
    let world = World::start().await;
    let stian = world.stian().with_scopes(CLIENTS_READ);
    let path = format!(
        "{BASE}/clientdelegations/agents?party={}",
        TALLKNUSEREN.uuid
    );
    stian.get(&path).await.assert_forbidden();
}
