//! Client administration and right-holders: what the portal's pages write, and what an agent gives up.

use serde_json::{Value, json};
use testkit::prelude::*;

use crate::access::{hege, of_party, urns};

const BASE: &str = "/accessmanagement/api/v1";
const UNEXPECTED: &str = "Unexpected HttpStatus response";

/// Needs the package `skatt-naering`.
const TAX_RETURN: Resource = Resource("skattemelding-naering");

/// A path on client administration of Tallknuseren.
fn delegations(path: &str) -> String {
    format!(
        "{BASE}/clientdelegations/{path}?party={}",
        TALLKNUSEREN.uuid
    )
}

/// A path on what an agent has of Rotfast.
fn of_rotfast(path: &str, agent: &str) -> String {
    format!("{}&from={}&to={agent}", delegations(path), ROTFAST.uuid)
}

fn tax() -> Value {
    json!({"values": [{"role": "rettighetshaver", "packages": [SKATT_NAERING.urn()]}]})
}

fn right_holder(party: Organization, query: &str) -> String {
    format!(
        "{BASE}/connection/reportee/{}/rightholder{query}",
        party.uuid
    )
}

/// Makes Hege an agent of Tallknuseren that has the tax package of Rotfast.
async fn delegates_to_hege(world: &World) {
    let stian = world.stian();
    let added = stian.post(&delegations("agents"), hege()).await;
    added.assert_status(200);
    let path = of_rotfast("agents/accesspackages", HEGE.uuid);
    stian.post(&path, tax()).await.assert_status(200);
}

/// A problem of the call behind.
#[track_caller]
fn assert_passed(answer: &Answer, title: &str, detail: Option<&str>) {
    let problem = answer.problem();
    assert_eq!((answer.status, &problem["status"]), (400, &json!(400)));
    assert_eq!(problem["title"], title, "{}", answer.text);
    let found = problem.get("detail").map(|text| text.as_str().unwrap());
    assert_eq!(found, detail, "{}", answer.text);
}

#[tokio::test]
async fn an_agent_is_added_and_removed_with_what_it_has() {
    let world = World::start().await;
    delegates_to_hege(&world).await;
    let sav = world.sav();
    let decision = async || sav.decides_for(HEGE, "read", TAX_RETURN, ROTFAST).await;
    assert_eq!(decision().await, Permit);
    let path = format!("{}&to={}", delegations("agents"), HEGE.uuid);

    for _ in 0..2 {
        let removed = world.stian().delete(&path).await;
        removed.assert_status(204).assert_empty();
    }

    assert_eq!(decision().await, NotApplicable);
    assert_eq!(world.app.audited("agent.removed").await, 1);
}

#[tokio::test]
async fn an_agent_that_is_known_is_added_by_its_uuid() {
    let world = World::start().await;
    let path = format!("{}&to={}", delegations("agents"), RANDI.uuid);
    let added = world.stian().post_empty(&path).await;
    assert_eq!(added.assert_status(200).json()["toId"], RANDI.uuid);
}

#[tokio::test]
async fn a_body_that_describes_no_person_is_refused_with_a_sentence() {
    let world = World::start().await;
    let stian = world.stian();
    let path = delegations("agents");
    let person = |number: &str, name: &str| {
        json!({"personIdentifier": number, "lastName": name}).to_string()
    };
    for (body, sentence) in [
        ("[1]".to_owned(), "Failed to read PersonInput."),
        (
            "null".to_owned(),
            "Either to or personInput must be provided.",
        ),
        (
            person(HEGE.pid, " "),
            "PersonInput requires both personIdentifier and lastName.",
        ),
        (
            person("1234567890", "Mellomregning"),
            "Invalid person identifier format",
        ),
    ] {
        let refused = stian.post_text(&path, &body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.text.contains(sentence), "{body}: {}", refused.text);
    }
    let quoted = person(&format!("\"{}\"", HEGE.pid), "\"Mellomregning\" ");
    stian.post_text(&path, &quoted).await.assert_status(200);
}

#[tokio::test]
async fn a_caller_that_names_unknown_persons_too_often_gets_an_empty_429() {
    let world = World::start().await;
    let stian = world.stian();
    let wrong = json!({"personIdentifier": HEGE.pid, "lastName": "Andersen"});
    for _ in 0..2 {
        let refused = stian.post(&delegations("agents"), wrong.clone()).await;
        assert_passed(&refused, UNEXPECTED, Some("Bad Request"));
    }
    let marit = world.marit();
    let validation = right_holder(TINDEVANDRER, "/validateperson");
    for _ in 0..2 {
        marit
            .post(&validation, wrong.clone())
            .await
            .assert_status(404);
    }
    for (caller, path) in [
        (&stian, delegations("agents")),
        (&marit, right_holder(TINDEVANDRER, "")),
        (&marit, validation),
    ] {
        let locked = caller.post(&path, hege()).await;
        assert!(!locked.header("retry-after").is_empty(), "{path}");
        locked.assert_status(429).assert_empty();
    }
}

#[tokio::test]
async fn packages_of_a_client_are_delegated_listed_and_taken_back() {
    let world = World::start().await;
    delegates_to_hege(&world).await;
    let stian = world.stian();
    let path = of_rotfast("agents/accesspackages", HEGE.uuid);
    let again = stian.post(&path, tax()).await;
    again.assert_status(200).assert_json(&json!([{
        "roleId": "42cae370-2dc1-4fdc-9c67-c2f4b0f0f829",
        "packageId": "1dba50d6-f604-48e9-bd41-82321b13e85c",
        "viaId": TALLKNUSEREN.uuid,
        "fromId": ROTFAST.uuid,
        "toId": HEGE.uuid,
    }]));
    let by_agent = format!("{}&to={}", delegations("agents/accesspackages"), HEGE.uuid);
    let clients = stian.get(&by_agent).await.assert_status(200).list();
    let client = of_party(&clients, "client", ROTFAST.uuid).unwrap();
    assert_eq!(urns(&client["access"][0]), [SKATT_NAERING.urn()]);
    assert_eq!(client["access"][0]["resources"], json!([]));
    assert_eq!(client["client"]["partyId"], ROTFAST.party);
    let by_client = format!(
        "{}&from={}",
        delegations("clients/accesspackages"),
        ROTFAST.uuid
    );
    let agents = stian.get(&by_client).await.assert_status(200).list();
    let agent = of_party(&agents, "agent", HEGE.uuid).unwrap();
    assert_eq!(urns(&agent["access"][0]), [SKATT_NAERING.urn()]);
    assert_eq!(agent["agent"].get("personIdentifier"), None);

    let taken = stian.delete_named(&path, tax()).await;

    taken.assert_status(204).assert_empty();
    assert_eq!(stian.get(&by_agent).await.list(), Vec::<Value>::new());
}

#[tokio::test]
async fn single_resources_of_a_client_are_delegated_listed_and_taken_back() {
    let world = World::start().await;
    delegates_to_hege(&world).await;
    let stian = world.stian();
    gives_tallknuseren_a_resource(&world).await;
    let path = of_rotfast("agents/resources", HEGE.uuid);
    let body = json!({"values": [{"role": "rettighetshaver", "resources": [A_MELDING.0]}]});

    let given = stian.post(&path, body.clone()).await;

    let given = given.assert_status(200).list();
    assert_eq!(given[0]["toId"], HEGE.uuid);
    assert_eq!(given[0].get("changed"), None);
    let by_agent = format!("{}&to={}", delegations("agents/resources"), HEGE.uuid);
    let clients = stian.get(&by_agent).await.assert_status(200).list();
    let access = &of_party(&clients, "client", ROTFAST.uuid).unwrap()["access"][0];
    assert_eq!(access["packages"], json!([]));
    assert_eq!(access["resources"][0]["refId"], A_MELDING.0);
    let details = &access["resources"][0]["details"];
    assert_eq!(details["identifier"], A_MELDING.0);
    assert!(details["title"].is_string());
    let by_client = format!("{}&from={}", delegations("clients/resources"), ROTFAST.uuid);
    let agents = stian.get(&by_client).await.assert_status(200).list();
    let agent = of_party(&agents, "agent", HEGE.uuid).unwrap();
    assert_eq!(agent["access"][0]["resources"], access["resources"]);
    let taken = stian.delete_named(&path, body).await;
    taken.assert_status(204).assert_empty();
    assert_eq!(stian.get(&by_agent).await.list(), Vec::<Value>::new());
}

/// Rotfast gives Tallknuseren rights on a single resource.
async fn gives_tallknuseren_a_resource(world: &World) {
    let synnove = world.person(SYNNOVE);
    let connections = format!("{BASE}/enduser/connections/resources");
    let query = format!(
        "party={}&from={}&to={}&resource={}",
        ROTFAST.uuid, ROTFAST.uuid, TALLKNUSEREN.uuid, A_MELDING.0
    );
    let checked = synnove
        .get(&format!("{connections}/delegationcheck?{query}"))
        .await;
    let checked = checked.assert_status(200).json();
    let rights = checked["rights"].as_array().unwrap();
    let given = rights.iter().find(|right| right["result"] == true).unwrap();
    let body = json!({"directRightKeys": [given["right"]["key"]]});
    let path = format!("{connections}/rights?{query}");
    synnove.post(&path, body).await.assert_status(201);
}

#[tokio::test]
async fn an_agent_gives_nothing_up_below_level_3() {
    let world = World::start().await;
    delegates_to_hege(&world).await;
    let own = format!(
        "{BASE}/clientdelegations/my/clientproviders?provider={}",
        TALLKNUSEREN.uuid
    );
    let decision = async || {
        let sav = world.sav();
        sav.decides_for(HEGE, "read", TAX_RETURN, ROTFAST).await
    };

    let refused = world.person(HEGE).at_level(2).delete(&own).await;

    refused.assert_forbidden();
    assert_eq!(decision().await, Permit);
    let left = world.person(HEGE).at_level(3).delete(&own).await;
    left.assert_status(204);
    assert_eq!(decision().await, NotApplicable);
}

#[tokio::test]
async fn system_users_have_no_portal() {
    let world = World::start().await;
    let package = Package("klientadministrator");
    let user = world.app.standard_user_with(TALLKNUSEREN, package).await;
    let user = Caller::system_user(&world.app, &user, SKYREGNSKAP).with_scopes(PORTAL);

    user.get(&delegations("agents")).await.assert_forbidden();
    let added = user.post(&delegations("agents"), hege()).await;
    added.assert_forbidden();
    let mine = format!("{BASE}/clientdelegations/my/clients");
    user.get(&mine).await.assert_status(401);
}

#[tokio::test]
async fn a_batch_must_be_there() {
    let world = World::start().await;
    let stian = world.stian();
    let hege = world.person(HEGE);
    let own = |path: &str| {
        format!(
            "{BASE}/clientdelegations/{path}?provider={}&from={}",
            TALLKNUSEREN.uuid, ROTFAST.uuid
        )
    };
    let packages = of_rotfast("agents/accesspackages", HEGE.uuid);
    let resources = of_rotfast("agents/resources", HEGE.uuid);
    for answer in [
        stian.post_empty(&packages).await,
        stian.delete(&packages).await,
        stian.post_empty(&resources).await,
        stian.delete(&resources).await,
        hege.delete(&own("my/clients")).await,
        hege.delete(&own("my/clients/resources")).await,
    ] {
        assert_eq!(answer.status, 400);
        let sentence = "Delegation payload is required.";
        assert!(answer.text.contains(sentence), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_the_call_behind_refuses_is_passed_on_by_kind_of_row() {
    let world = World::start().await;
    let stian = world.stian();
    let unknown = json!({"values": [{"role": "rettighetshaver", "packages": ["no-such"]}]});
    let path = of_rotfast("agents/accesspackages", HEGE.uuid);

    let given = stian.post(&path, unknown.clone()).await;
    let taken = stian.delete_named(&path, unknown).await;

    assert_passed(&given, UNEXPECTED, Some("Bad Request"));
    let problem = taken.problem();
    let body: Value = serde_json::from_str(problem["detail"].as_str().unwrap()).unwrap();
    assert_eq!(body["validationErrors"][0]["code"], "AM.VLD-00030");
    assert_eq!(body["status"], 400);
    assert_eq!(problem["title"], UNEXPECTED);
}

#[tokio::test]
async fn rows_of_client_administration_need_both_ends() {
    let world = World::start().await;
    let (stian, hege) = (world.stian(), world.person(HEGE));
    let own = |path: &str| format!("{BASE}/clientdelegations/{path}");
    for (answer, missing) in [
        (stian.get(&delegations("agents/accesspackages")).await, "to"),
        (
            stian.get(&delegations("clients/accesspackages")).await,
            "from",
        ),
        (stian.get(&delegations("agents/resources")).await, "to"),
        (stian.get(&delegations("clients/resources")).await, "from"),
        (stian.delete(&delegations("agents")).await, "to"),
        (hege.delete(&own("my/clientproviders")).await, "provider"),
    ] {
        assert_eq!(answer.status, 400, "{missing}");
        let errors = &answer.problem()["errors"];
        assert!(errors[missing].is_array(), "{missing}: {}", answer.text);
    }
    let wrong = hege.get(&own("my/clients?provider=x")).await;
    assert!(wrong.assert_status(400).problem()["errors"]["provider"].is_array());
}

#[tokio::test]
async fn an_agent_sees_its_clients_and_gives_them_up() {
    let world = World::start().await;
    delegates_to_hege(&world).await;
    let hege = world.person(HEGE);
    let path = format!("{BASE}/clientdelegations/my/clients");
    let mine = hege.get(&path).await.assert_status(200).list();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0]["provider"]["id"], TALLKNUSEREN.uuid);
    let clients = mine[0]["clients"].as_array().unwrap();
    assert!(of_party(clients, "client", ROTFAST.uuid).is_some());
    let own = format!("?provider={}&from={}", TALLKNUSEREN.uuid, ROTFAST.uuid);

    let given_up = hege.delete_named(&format!("{path}{own}"), tax()).await;

    given_up.assert_status(204).assert_empty();
    let mine = hege.get(&path).await.list();
    assert_eq!(mine[0]["clients"], json!([]));
    let left = format!(
        "{BASE}/clientdelegations/my/clientproviders?provider={}",
        TALLKNUSEREN.uuid
    );
    hege.delete(&left).await.assert_status(204).assert_empty();
    assert_eq!(hege.get(&path).await.list(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_agent_gives_up_single_resources() {
    let world = World::start().await;
    delegates_to_hege(&world).await;
    gives_tallknuseren_a_resource(&world).await;
    let body = json!({"values": [{"role": "rettighetshaver", "resources": [A_MELDING.0]}]});
    let path = of_rotfast("agents/resources", HEGE.uuid);
    let given = world.stian().post(&path, body.clone()).await;
    given.assert_status(200);
    let own = format!(
        "{BASE}/clientdelegations/my/clients/resources?provider={}&from={}",
        TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    let given_up = world.person(HEGE).delete_named(&own, body).await;
    given_up.assert_status(204).assert_empty();
    let by_agent = format!("{}&to={}", delegations("agents/resources"), HEGE.uuid);
    let left = world.stian().get(&by_agent).await.list();
    assert_eq!(left, Vec::<Value>::new());
}

#[tokio::test]
async fn a_right_holder_is_added_and_removed_with_all_that_it_has() {
    let world = World::start().await;
    let marit = world.marit();
    let named = format!("?rightholderPartyUuid={}", SIFFERHJELP.uuid);
    let added = marit.post_empty(&right_holder(TINDEVANDRER, &named)).await;
    added
        .assert_status(200)
        .assert_json(&json!(SIFFERHJELP.uuid));
    let given = format!(
        "{BASE}/enduser/connections/accesspackages?party={}&to={}&package={}",
        TINDEVANDRER.uuid,
        SIFFERHJELP.uuid,
        LONN.urn()
    );
    marit.post_empty(&given).await.assert_status(200);
    let (party, to) = (TINDEVANDRER.uuid, SIFFERHJELP.uuid);
    let path = format!("{BASE}/connection/reportee?party={party}&from={party}&to={to}");

    for _ in 0..2 {
        let removed = marit.delete(&path).await;
        removed.assert_status(204).assert_empty();
    }

    let list = format!("{BASE}/connection/rightholders?party={party}&from={party}");
    let list = marit.get(&list).await.assert_status(200).list();
    assert!(of_party(&list, "party", to).is_none());
}

#[tokio::test]
async fn a_person_becomes_a_right_holder_where_the_pages_name_no_uuid() {
    let world = World::start().await;
    let marit = world.marit();
    for query in ["", "?rightholderPartyUuid=undefined"] {
        let path = right_holder(TINDEVANDRER, query);
        let added = marit.post(&path, hege()).await;
        added.assert_status(200).assert_json(&json!(HEGE.uuid));
        let neither = marit.post_empty(&path).await;
        let sentence = "Either rightholderPartyUuid or personInput must be provided.";
        assert_eq!(neither.status, 400);
        assert!(neither.text.contains(sentence), "{}", neither.text);
    }
}

#[tokio::test]
async fn a_stranger_does_not_become_a_right_holder_by_uuid() {
    let world = World::start().await;
    let named = format!("?rightholderPartyUuid={}", HEGE.uuid);
    let path = right_holder(TINDEVANDRER, &named);
    let refused = world.marit().post_empty(&path).await;
    assert_passed(&refused, UNEXPECTED, Some("Bad Request"));
    let path = path.replace(TINDEVANDRER.uuid, "tindevandrer");
    let refused = world.marit().post_empty(&path).await;
    assert!(refused.assert_status(400).problem()["errors"]["partyUuid"].is_array());
    let (party, unknown) = (TINDEVANDRER.uuid, "11111111-1111-4111-8111-111111111111");
    let path = format!("{BASE}/connection/reportee?party={party}&from={party}&to={unknown}");
    let refused = world.marit().delete(&path).await;
    assert_passed(&refused, UNEXPECTED, Some("Bad Request"));
}

#[tokio::test]
async fn a_person_is_found_by_number_and_last_name() {
    let world = World::start().await;
    let marit = world.marit();
    let path = right_holder(TINDEVANDRER, "/validateperson");
    let found = marit.post(&path, hege()).await;
    found.assert_status(200).assert_json(&json!(HEGE.uuid));
    let person = |number: &str, name: &str| json!({"personIdentifier": number, "lastName": name});
    for wrong in [
        person(HEGE.pid, "Andersen"),
        person("1234567890", "Mellomregning"),
        person(HEGE.pid, ""),
    ] {
        let absent = marit.post(&path, wrong).await;
        absent.assert_status(404);
    }
    let missing = marit.post_empty(&path).await;
    assert!(missing.assert_status(400).problem()["errors"].is_object());
    world.oddny().post(&path, hege()).await.assert_forbidden();
}
