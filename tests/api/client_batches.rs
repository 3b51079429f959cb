//! Many clients at once, and lists of many clients.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

const BATCH: &str = "/systembruker/api/v1/enduser/systemuser/clients:batch";
const SCOPES: &str = "altinn:clientdelegations.read altinn:clientdelegations.write";

fn randi(world: &World) -> EndUserCaller<'_> {
    world.randi().with_scopes(SCOPES)
}

fn batch_of(agent: &SystemUser) -> String {
    format!("{BATCH}?agent={}", agent.id)
}

async fn post(caller: &EndUserCaller<'_>, body: Value) -> Answer {
    caller.post(&batch_of(&TALLKNUSEREN_AGENT), body).await
}

fn results(answer: &Value) -> Vec<&str> {
    answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["result"].as_str().unwrap())
        .collect()
}

async fn clients(world: &World) -> BTreeSet<String> {
    let list = randi(world).lists_clients(&TALLKNUSEREN_AGENT).await;
    list.assert_status(200).json()["data"]
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

async fn may_read_vat(world: &World) -> Decision {
    let sav = world.sav();
    sav.decides(&TALLKNUSEREN_AGENT, "read", MVA_MELDING, TINDEVANDRER)
        .await
}

/// One that can be added, one that cannot, one that is there, one that is unknown, and the first
/// again.
fn mixed() -> Value {
    let uuids = [TINDEVANDRER, HAVBLIKK, NATTERGAL, UNKNOWN, TINDEVANDRER].map(|o| o.uuid);
    json!({"action": "add", "clients": uuids})
}

#[tokio::test]
async fn each_client_has_one_result_in_order() {
    let world = World::start().await;

    let answer = post(&randi(&world), mixed())
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        results(&answer),
        ["added", "refused", "unchanged", "refused"]
    );
    assert_eq!(answer["committed"], true);
    assert_eq!(answer["done"], 1);
    assert_eq!(answer["unchanged"], 1);
    assert_eq!(answer["refused"], 2);
    assert_eq!(answer["results"][1]["problem"]["code"], "AUTH-00079");
    assert_eq!(answer["results"][0].get("problem"), None);
}

#[tokio::test]
async fn an_added_client_is_listed_and_decided_about() {
    let world = World::start().await;
    post(&randi(&world), mixed()).await.assert_status(200);
    assert!(clients(&world).await.contains(TINDEVANDRER.number));
    assert_eq!(may_read_vat(&world).await, Permit);
}

#[tokio::test]
async fn a_repeated_batch_changes_nothing_and_is_recorded_once() {
    let world = World::start().await;
    post(&randi(&world), mixed()).await.assert_status(200);
    let repeat = post(&randi(&world), mixed()).await.assert_status(200);
    assert_eq!(results(&repeat.json())[0], "unchanged");
    assert_eq!(world.app.audited("client.added").await, 1);
    assert_eq!(world.app.published("systemuser_client_added").await, 1);
}

#[tokio::test]
async fn removed_clients_decide_nothing_and_removing_nothing_changes_nothing() {
    let world = World::start().await;
    post(&randi(&world), mixed()).await.assert_status(200);
    let uuids = [TINDEVANDRER, HAVBLIKK, UNKNOWN].map(|o| o.uuid);
    let body = json!({"action": "REMOVE", "clients": uuids});

    let answer = post(&randi(&world), body).await.assert_status(200).json();

    assert_eq!(results(&answer), ["removed", "unchanged", "unchanged"]);
    assert_eq!(may_read_vat(&world).await, NotApplicable);
}

/// All of them, or none.
fn all(clients: &[Organization]) -> Value {
    let uuids: Vec<&str> = clients.iter().map(|client| client.uuid).collect();
    json!({"action": "add", "mode": "all", "clients": uuids})
}

#[tokio::test]
async fn a_batch_of_all_or_none_does_none_when_one_is_refused() {
    let world = World::start().await;
    let before = clients(&world).await;

    let refused = post(&randi(&world), all(&[TINDEVANDRER, HAVBLIKK])).await;

    let answer = refused.assert_status(422).json();
    assert_eq!(results(&answer), ["notDone", "refused"]);
    assert_eq!(answer["committed"], false);
    assert_eq!(answer["done"], 0);
    assert_eq!(clients(&world).await, before);
    assert_eq!(world.app.audited("client.added").await, 0);
}

#[tokio::test]
async fn a_refused_batch_leaves_its_key_free() {
    let world = World::start().await;
    let randi = randi(&world).with_header("idempotency-key", "k");
    post(&randi, all(&[TINDEVANDRER, HAVBLIKK]))
        .await
        .assert_status(422);
    post(&randi, all(&[TINDEVANDRER])).await.assert_status(200);
}

#[tokio::test]
async fn a_batch_under_the_same_key_gets_the_answer_of_then() {
    let world = World::start().await;
    let randi = randi(&world).with_header("idempotency-key", "k");
    let first = post(&randi, all(&[TINDEVANDRER])).await.assert_status(200);

    let again = post(&randi, all(&[TINDEVANDRER])).await;

    let again = again
        .assert_status(200)
        .assert_header("idempotency-replayed", "true")
        .assert_text(&first.text);
    assert_eq!(results(&again.json()), ["added"]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_bound_names_the_member() {
    let world = World::start().await;
    let one = json!([Uuid::new_v4()]);
    for (body, key) in [
        (json!({"clients": one}), "Action"),
        (json!({"action": "move", "clients": one}), "$.action"),
        (json!({"action": "add", "clients": []}), "Clients"),
        (json!({"action": "add"}), "$"),
        (json!({"action": "add", "clients": ["x"]}), "Clients[0]"),
        (
            json!({"action": "add", "mode": "some", "clients": one}),
            "$.mode",
        ),
        (
            json!({"action": "add", "clients": vec![Uuid::new_v4(); 1_001]}),
            "$",
        ),
    ] {
        post(&randi(&world), body).await.assert_error_key(key);
    }
}

#[tokio::test]
async fn a_batch_is_for_an_agent() {
    let world = World::start().await;
    let body = all(&[TINDEVANDRER]);
    randi(&world)
        .post(BATCH, body.clone())
        .await
        .assert_validation(["AUTH.VLD-00014"]);
    randi(&world)
        .post(&batch_of(&TINDEVANDRER_USER), body)
        .await
        .assert_validation(["AUTH.VLD-00015"]);
}

#[tokio::test]
async fn a_batch_is_sent_by_who_may_change_the_clients() {
    let world = World::start().await;
    let reader = world.randi().with_scopes(CLIENTS_READ);
    let stranger = world.oddny().with_scopes(SCOPES);
    for caller in [reader, stranger] {
        post(&caller, all(&[TINDEVANDRER])).await.assert_forbidden();
    }
}

#[tokio::test]
async fn an_agent_without_packages_gets_no_batch() {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, NO_PACKAGES)
        .await;
    post(&randi(&world), all(&[TINDEVANDRER]))
        .await
        .assert_problem(400, "AUTH-00063");
}

const LISTS: [&str; 2] = ["clients", "clients/available"];

fn list_path(list: &str, rest: &str) -> String {
    format!("{ENDUSER}/{list}?agent={}{rest}", TALLKNUSEREN_AGENT.id)
}

/// Follows a list page by page; names and ids in order.
async fn walk(world: &World, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = randi(world).get(&path).await.assert_status(200).json();
        let clients = page["data"].as_array().unwrap().iter();
        names.extend(clients.map(|c| format!("{} {}", c["clientOrganizationName"], c["clientId"])));
        let link = page["links"].get("next");
        next = link.map(|link| world.app.path_of(link.as_str().unwrap()));
    }
    names
}

#[tokio::test]
async fn pages_hold_what_the_whole_list_holds() {
    let world = World::start().await;
    for list in LISTS {
        let whole = walk(&world, &list_path(list, "")).await;
        assert!(whole.len() > 1, "{list}: {whole:?}");
        for limit in [1, 2, 1_000] {
            let pages = walk(&world, &list_path(list, &format!("&limit={limit}"))).await;
            assert_eq!(pages, whole, "{list} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_of_clients_has_1_to_1000_rows() {
    let world = World::start().await;
    for list in LISTS {
        for limit in ["0", "1001", "x", "-1"] {
            randi(&world)
                .get(&list_path(list, &format!("&limit={limit}")))
                .await
                .assert_error_keys(["limit"]);
        }
    }
}

#[tokio::test]
async fn a_place_in_the_clients_is_one_that_was_given_out() {
    let world = World::start().await;
    for list in LISTS {
        randi(&world)
            .get(&list_path(list, "&limit=5&token=x"))
            .await
            .assert_error_keys(["token"]);
    }
}

#[tokio::test]
async fn pages_of_a_large_provider_hold_what_the_whole_list_holds() {
    let world = World::start().await;
    world
        .app
        .add_many_clients(TALLKNUSEREN, &TALLKNUSEREN_AGENT)
        .await;
    for (list, least) in [("clients", 9_000), ("clients/available", 10_000)] {
        let whole = walk(&world, &list_path(list, "")).await;
        assert!(whole.len() > least, "{list}: {}", whole.len());
        let pages = walk(&world, &list_path(list, "&limit=777")).await;
        assert_eq!(pages, whole, "{list}");
    }
}
