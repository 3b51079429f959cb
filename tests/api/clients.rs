//! Clients of agents, as an end user's system manages them.

use edges::import::ImportKind;
use serde_json::{Value, json};
use testkit::prelude::*;

use crate::import::files::good;

/// Stian's system, which manages the clients of Tallknuseren's agent.
fn administrator(world: &World) -> EndUserCaller<'_> {
    let scopes = format!("{CLIENTS_READ} {CLIENTS_WRITE}");
    world.stian().with_scopes(&scopes)
}

/// Organisation numbers in a list of clients.
fn numbers(answer: &Answer) -> Vec<String> {
    answer.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|client| {
            client["clientOrganizationNumber"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

async fn has_client(world: &World, client: Organization) -> bool {
    let listed = administrator(world)
        .lists_clients(&TALLKNUSEREN_AGENT)
        .await;
    numbers(&listed.assert_status(200)).contains(&client.number.to_owned())
}

async fn may_read_vat(world: &World, client: Organization) -> Decision {
    let sav = world.sav();
    sav.decides(&TALLKNUSEREN_AGENT, "read", MVA_MELDING, client)
        .await
}

fn added(client: Organization) -> Value {
    json!({"agent": TALLKNUSEREN_AGENT.id, "client": client.uuid})
}

#[tokio::test]
async fn an_administrator_finds_the_agents_of_an_organisation() {
    let world = World::start().await;
    let path = format!("{ENDUSER}/agents?party={}", TALLKNUSEREN.number);
    let agents = world.stian().with_scopes(CLIENTS_READ).get(&path).await;
    assert_eq!(
        agents.assert_status(200).json()[0]["id"],
        *TALLKNUSEREN_AGENT.id
    );
}

#[tokio::test]
async fn available_clients_are_the_organisations_with_a_relation_to_the_provider() {
    let world = World::start().await;

    let available = administrator(&world)
        .lists_available_clients(&TALLKNUSEREN_AGENT)
        .await;

    let mut found = numbers(&available.assert_status(200));
    found.sort_unstable();
    let expected = [NATTERGAL, TINDEVANDRER, KERAMIKK, HELLESYN_DRIFT, GAARDSTUN];
    assert_eq!(found, expected.map(|client| client.number));
}

#[tokio::test]
async fn available_clients_are_shown_with_the_agent_by_name() {
    let world = World::start().await;

    let available = administrator(&world)
        .lists_available_clients(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(200);

    let head = available.text.split("\"data\"").next().unwrap();
    insta::assert_snapshot!(head, @r#"{"links":{},"systemUserInformation":{"systemUserId":"05042226-1aa3-5372-87bc-b03f76163fdf","systemUserOwnerOrg":"390784554"},"#);
    let body = available.json();
    let clients = body["data"].as_array().unwrap();
    let members: Vec<&String> = clients[0].as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "clientId",
            "clientOrganizationNumber",
            "clientOrganizationName"
        ]
    );
    let name = |client: &Value| client["clientOrganizationName"].to_string();
    assert!(clients.is_sorted_by_key(name), "{clients:?}");
}

#[tokio::test]
async fn an_agent_decides_nothing_for_who_is_not_its_client() {
    let world = World::start().await;
    assert!(!has_client(&world, TINDEVANDRER).await);
    assert_eq!(may_read_vat(&world, TINDEVANDRER).await, NotApplicable);
}

#[tokio::test]
async fn an_added_client_is_listed_and_decided_about_however_often_it_is_added() {
    let world = World::start().await;
    for _ in 0..2 {
        administrator(&world)
            .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_status(200)
            .assert_text(&added(TINDEVANDRER).to_string());
        assert!(has_client(&world, TINDEVANDRER).await);
        assert_eq!(may_read_vat(&world, TINDEVANDRER).await, Permit);
    }
}

#[tokio::test]
async fn a_removed_client_is_gone_however_often_it_is_removed() {
    let world = World::start().await;
    let administrator = administrator(&world);
    let before = administrator.lists_clients(&TALLKNUSEREN_AGENT).await;
    administrator
        .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
        .await
        .assert_status(200);
    for _ in 0..2 {
        administrator
            .removes_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_status(200)
            .assert_text(&added(TINDEVANDRER).to_string());
        assert_eq!(may_read_vat(&world, TINDEVANDRER).await, NotApplicable);
    }
    administrator
        .lists_clients(&TALLKNUSEREN_AGENT)
        .await
        .assert_json(&before.json());
}

#[tokio::test]
async fn a_change_of_clients_is_recorded_once_and_its_repeats_are_not() {
    let world = World::start().await;
    let administrator = administrator(&world);
    for _ in 0..2 {
        administrator
            .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_status(200);
    }
    for _ in 0..2 {
        administrator
            .removes_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_status(200);
    }
    assert_eq!(world.app.audited("client.added").await, 1);
    assert_eq!(world.app.audited("client.removed").await, 1);
    assert_eq!(world.app.published_about("client_change").await, 2);
}

#[tokio::test]
async fn parameters_match_in_any_case_and_a_body_is_ignored() {
    let world = World::start().await;
    let query = format!(
        "Agent={}&CLIENT={}",
        TALLKNUSEREN_AGENT.id, TINDEVANDRER.uuid
    );
    administrator(&world)
        .post(
            &format!("{ENDUSER}/clients/?{query}"),
            json!({"ignored": true}),
        )
        .await
        .assert_status(200)
        .assert_json(&added(TINDEVANDRER));
}

/// Rotfast has given Tallknuseren the package, and is its client by no register role.
async fn rotfast_through_a_package(world: &World) {
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, [REGNSKAPSFORER_LONN, SKATT_NAERING])
        .await;
}

#[tokio::test]
async fn a_client_with_some_of_the_packages_is_available_and_not_added() {
    let world = World::start().await;
    rotfast_through_a_package(&world).await;
    let administrator = administrator(&world);

    let available = administrator
        .lists_available_clients(&TALLKNUSEREN_AGENT)
        .await;

    assert!(numbers(&available).contains(&ROTFAST.number.to_owned()));
    administrator
        .adds_client(&TALLKNUSEREN_AGENT, ROTFAST)
        .await
        .assert_problem(400, "AUTH-00080");
}

#[tokio::test]
async fn a_client_is_added_with_packages_of_two_relations_and_loses_both() {
    let world = World::start().await;
    rotfast_through_a_package(&world).await;
    world.app.register_role(ROTFAST, "REGN", TALLKNUSEREN).await;
    let administrator = administrator(&world);

    administrator
        .adds_client(&TALLKNUSEREN_AGENT, ROTFAST)
        .await
        .assert_status(200);

    assert_eq!(
        world.app.client_grants(ROTFAST).await,
        [
            "regnskapsforer regnskapsforer-lonn role-package",
            "rettighetshaver skatt-naering assignment-package",
        ]
    );
    administrator
        .removes_client(&TALLKNUSEREN_AGENT, ROTFAST)
        .await
        .assert_status(200);
    assert!(world.app.client_grants(ROTFAST).await.is_empty());
}

#[tokio::test]
async fn the_portal_names_each_relation_of_an_added_client() {
    let world = World::start().await;
    rotfast_through_a_package(&world).await;
    world.app.register_role(ROTFAST, "REGN", TALLKNUSEREN).await;

    let path = format!(
        "{AGENTS}/{}/{}?provider={}&client={}",
        TALLKNUSEREN.party, TALLKNUSEREN_AGENT.id, TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    let added = world.randi().post_empty(&path).await;

    assert_eq!(added.assert_status(200).list().len(), 2);
}

#[tokio::test]
async fn business_managers_have_clients_by_organisation_form() {
    let world = World::start().await;
    let available = world
        .grete()
        .with_scopes(CLIENTS_READ)
        .lists_available_clients(&GAARDSTUN_AGENT)
        .await;
    assert_eq!(
        numbers(&available.assert_status(200)),
        [SOLBAKKEN.number, UTSIKTEN.number]
    );
}

/// Adds Tindevandrer while another call removes it, in this order or the other; whether it is a client
/// afterwards, and what is decided about it.
async fn adds_and_removes(world: &World, is_added_first: bool) -> (bool, Decision) {
    let administrator = administrator(world);
    let adds = administrator.adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER);
    let removes = administrator.removes_client(&TALLKNUSEREN_AGENT, TINDEVANDRER);
    let held = world.app.hold_user(&TALLKNUSEREN_AGENT).await;

    let (first, second) = if is_added_first {
        held.in_turn(adds, removes).await
    } else {
        held.in_turn(removes, adds).await
    };

    first.assert_status(200);
    second.assert_status(200);
    (
        has_client(world, TINDEVANDRER).await,
        may_read_vat(world, TINDEVANDRER).await,
    )
}

#[tokio::test]
async fn a_client_that_is_removed_while_it_is_added_is_none() {
    let world = World::start().await;
    assert_eq!(adds_and_removes(&world, true).await, (false, NotApplicable));
}

#[tokio::test]
async fn a_client_that_is_added_while_it_is_removed_is_one() {
    let world = World::start().await;
    assert_eq!(adds_and_removes(&world, false).await, (true, Permit));
}

#[tokio::test]
async fn an_agent_that_is_deleted_while_a_client_is_added_keeps_none() {
    let world = World::start().await;
    let (administrator, randi) = (administrator(&world), world.randi());
    let held = world.app.hold_user(&TALLKNUSEREN_AGENT).await;

    let (added, deleted) = held
        .in_turn(
            administrator.adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER),
            randi.deletes_agent(&TALLKNUSEREN_AGENT),
        )
        .await;

    added.assert_status(200);
    deleted.assert_status(200);
    assert_eq!(world.app.stored_clients(&TALLKNUSEREN_AGENT).await, 0);
}

#[tokio::test]
async fn an_agent_gets_no_client_while_it_is_deleted() {
    let world = World::start().await;
    let (administrator, randi) = (administrator(&world), world.randi());
    let held = world.app.hold_user(&TALLKNUSEREN_AGENT).await;

    let (deleted, added) = held
        .in_turn(
            randi.deletes_agent(&TALLKNUSEREN_AGENT),
            administrator.adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER),
        )
        .await;

    deleted.assert_status(200);
    added.assert_status(404);
    assert_eq!(world.app.stored_clients(&TALLKNUSEREN_AGENT).await, 0);
}

/// Tindevandrer gives Tallknuseren these packages, and no others any more.
async fn tindevandrer_gives<const N: usize>(world: &World, list: [Package; N]) {
    let line = json!({
        "from": TINDEVANDRER.number,
        "toOrg": TALLKNUSEREN.number,
        "accessPackages": list.map(Package::urn).to_vec(),
        "rights": [],
    });
    good(&world.app, ImportKind::Rightholders, &[line]).await;
}

#[tokio::test]
async fn a_package_that_the_client_takes_back_is_gone_for_the_agent_too() {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, [REGNSKAPSFORER_LONN, SKATT_NAERING])
        .await;
    tindevandrer_gives(&world, [SKATT_NAERING, MERVERDIAVGIFT]).await;
    let administrator = administrator(&world);
    administrator
        .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
        .await
        .assert_status(200);
    let by_role = "regnskapsforer regnskapsforer-lonn role-package";
    let by_package = "rettighetshaver skatt-naering assignment-package";
    assert_eq!(
        world.app.client_grants(TINDEVANDRER).await,
        [by_role, by_package]
    );
    let published = world.app.feed_entries(&TALLKNUSEREN_AGENT).await;

    tindevandrer_gives(&world, [MERVERDIAVGIFT]).await;

    assert_eq!(world.app.client_grants(TINDEVANDRER).await, [by_role]);
    assert_eq!(
        world.app.feed_entries(&TALLKNUSEREN_AGENT).await,
        published + 1
    );
    administrator
        .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
        .await
        .assert_problem(400, "AUTH-00080");
}

#[tokio::test]
async fn a_party_that_is_no_client_is_not_added() {
    let world = World::start().await;
    // Unknown, without a relation that the agent's packages follow from, and the provider itself.
    for client in [UNKNOWN, ROTFAST, TALLKNUSEREN] {
        administrator(&world)
            .adds_client(&TALLKNUSEREN_AGENT, client)
            .await
            .assert_problem(400, "AUTH-00079");
    }
}

#[tokio::test]
async fn a_client_without_a_required_package_is_not_added() {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, [REGNSKAPSFORER_LONN, SKATT_NAERING])
        .await;
    administrator(&world)
        .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
        .await
        .assert_problem(400, "AUTH-00080");
}

#[tokio::test]
async fn an_agent_without_packages_gets_no_client() {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, NO_PACKAGES)
        .await;
    administrator(&world)
        .adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
        .await
        .assert_problem(400, "AUTH-00063");
}
