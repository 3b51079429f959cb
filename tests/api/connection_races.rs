//! Giving, taking and ending at the same time. The calls of each test wait for one lock, and race when it
//! is let go.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::prelude::*;

use crate::access::{CONNECTIONS, V2, data};

/// Needs [`SKATT_NAERING`], where no role leads to it.
const TAX_RETURN: Resource = Resource("skattemelding-naering");

/// A path on what Rotfast gives Tallknuseren.
fn given(path: &str) -> String {
    format!(
        "{CONNECTIONS}{path}?party={0}&from={0}&to={1}",
        ROTFAST.uuid, TALLKNUSEREN.uuid
    )
}

fn package() -> String {
    format!(
        "{}&package={}",
        given("/accesspackages"),
        SKATT_NAERING.urn()
    )
}

type Call = (Method, String, Option<Value>);

async fn send(world: &World, (method, path, body): Call) -> Answer {
    let token = world.person(SYNNOVE).token().await;
    world.app.send(method, &path, token.as_deref(), body).await
}

/// The answers to calls that all waited to write relations.
async fn race(world: &World, calls: Vec<Call>) -> Vec<Answer> {
    let held = world.app.hold_writes("assignment").await;
    held.race(calls.into_iter().map(|call| send(world, call)))
        .await
}

/// The statuses of two calls about the relation of Rotfast to Tallknuseren, of which the first gets it first.
async fn in_turn(world: &World, first: Call, second: Call) -> (u16, u16) {
    let held = world.app.hold_relation(ROTFAST, TALLKNUSEREN).await;
    let (first, second) = held.in_turn(send(world, first), send(world, second)).await;
    (first.status, second.status)
}

fn gives_package() -> Call {
    (Method::POST, package(), None)
}

fn takes_package() -> Call {
    (Method::DELETE, package(), None)
}

fn ends_relation() -> Call {
    (Method::DELETE, format!("{}&cascade=true", given("")), None)
}

/// A world in which Rotfast gave Tallknuseren nothing yet.
async fn without_relation() -> World {
    let world = World::start().await;
    let path = format!("{}&cascade=true", given(""));
    let ended = world.person(SYNNOVE).delete(&path).await;
    ended.assert_status(204);
    world
}

async fn adds(world: &World) {
    let synnove = world.person(SYNNOVE);
    synnove.post_empty(&given("")).await.assert_status(200);
}

async fn gives(world: &World) {
    let synnove = world.person(SYNNOVE);
    synnove.post_empty(&package()).await.assert_status(200);
}

/// Whether the package of the relation is listed.
async fn is_listed(world: &World) -> bool {
    let list = data(world.person(SYNNOVE).get(&given("/accesspackages")).await);
    list.iter()
        .any(|one| one["package"]["urn"] == SKATT_NAERING.urn())
}

/// Whether what the package opens is open to who acts for the receiver.
async fn decides(world: &World) -> bool {
    let decision = world
        .sav()
        .decides_for(RANDI, "read", TAX_RETURN, ROTFAST)
        .await;
    decision == Decision::Permit
}

#[tokio::test]
async fn who_is_added_several_times_at_once_is_one_right_holder() {
    let world = without_relation().await;
    let call = || (Method::POST, given(""), None);

    let answers = race(&world, vec![call(), call(), call()]).await;

    let first = answers[0].json();
    for answer in answers {
        assert_eq!(answer.assert_status(200).json(), first);
    }
    assert_eq!(world.app.audited("rightholder.added").await, 1);
}

#[tokio::test]
async fn a_package_that_is_given_several_times_at_once_is_one_row() {
    let world = without_relation().await;
    adds(&world).await;
    let call = || (Method::POST, package(), None);

    let answers = race(&world, vec![call(), call(), call()]).await;

    let first = answers[0].json();
    for answer in answers {
        assert_eq!(answer.assert_status(200).json(), first);
    }
    assert_eq!(world.app.audited("delegation.granted").await, 1);
}

#[tokio::test]
async fn a_package_that_is_taken_several_times_at_once_ends_once() {
    let world = without_relation().await;
    adds(&world).await;
    gives(&world).await;
    let before = world.app.audited("delegation.revoked").await;
    let call = || (Method::DELETE, package(), None);

    for answer in race(&world, vec![call(), call(), call()]).await {
        answer.assert_status(204);
    }

    let after = world.app.audited("delegation.revoked").await;
    assert_eq!(after - before, 1);
    assert_eq!(
        (is_listed(&world).await, decides(&world).await),
        (false, false)
    );
}

/// Whether Tallknuseren is among the right-holders of Rotfast.
async fn is_right_holder(world: &World) -> bool {
    let holders = data(world.person(SYNNOVE).get(&given("")).await);
    holders.iter().any(|one| {
        let roles = one["roles"].as_array().unwrap();
        one["party"]["id"] == TALLKNUSEREN.uuid
            && roles.iter().any(|role| role["code"] == "rettighetshaver")
    })
}

#[tokio::test]
async fn a_package_that_is_taken_while_it_is_given_is_gone() {
    let world = without_relation().await;
    adds(&world).await;

    let statuses = in_turn(&world, gives_package(), takes_package()).await;

    assert_eq!(statuses, (200, 204));
    let seen = (is_listed(&world).await, decides(&world).await);
    assert_eq!(seen, (false, false));
}

#[tokio::test]
async fn a_package_that_is_given_while_it_is_taken_is_there() {
    let world = without_relation().await;
    adds(&world).await;
    gives(&world).await;

    let statuses = in_turn(&world, takes_package(), gives_package()).await;

    assert_eq!(statuses, (204, 200));
    let seen = (is_listed(&world).await, decides(&world).await);
    assert_eq!(seen, (true, true));
}

#[tokio::test]
async fn a_package_that_is_given_while_the_relation_ends_ends_with_it() {
    let world = without_relation().await;
    adds(&world).await;

    let statuses = in_turn(&world, gives_package(), ends_relation()).await;

    assert_eq!(statuses, (200, 204));
    let seen = (is_listed(&world).await, decides(&world).await);
    assert_eq!(seen, (false, false));
    assert!(!is_right_holder(&world).await);
}

#[tokio::test]
async fn a_package_that_is_given_after_the_relation_ended_begins_another() {
    let world = without_relation().await;
    adds(&world).await;

    let statuses = in_turn(&world, ends_relation(), gives_package()).await;

    assert_eq!(statuses, (204, 200));
    let seen = (is_listed(&world).await, decides(&world).await);
    assert_eq!(seen, (true, true));
    assert!(is_right_holder(&world).await);
}

/// Path of the single rights to the tax return.
fn rights_path() -> String {
    format!("{}&resource={}", given("/resources/rights"), TAX_RETURN.0)
}

/// Gives every right to the tax return that may be given, which are several; and how many they are.
async fn gives_rights(world: &World) -> (Call, usize) {
    let check = format!(
        "{CONNECTIONS}/resources/delegationcheck?party={}&resource={}",
        ROTFAST.uuid, TAX_RETURN.0
    );
    let checked = world.person(SYNNOVE).get(&check).await;
    let checked = checked.assert_status(200).json();
    let keys: Vec<&Value> = checked["rights"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|right| right["result"] == true)
        .map(|right| &right["right"]["key"])
        .collect();
    assert!(keys.len() > 1, "{checked}");
    let body = json!({"directRightKeys": keys});
    ((Method::POST, rights_path(), Some(body)), keys.len())
}

fn takes_rights() -> Call {
    let path = format!("{}&resource={}", given("/resources"), TAX_RETURN.0);
    (Method::DELETE, path, None)
}

async fn listed_rights(world: &World) -> usize {
    let listed = world.person(SYNNOVE).get(&rights_path()).await;
    let listed = listed.assert_status(200).json();
    listed["directRights"].as_array().unwrap().len()
}

#[tokio::test]
async fn rights_to_a_resource_that_is_taken_while_they_are_given_are_all_gone() {
    let world = without_relation().await;
    adds(&world).await;
    let (gives_rights, _) = gives_rights(&world).await;

    let statuses = in_turn(&world, gives_rights, takes_rights()).await;

    assert_eq!(statuses, (201, 204));
    let seen = (listed_rights(&world).await, decides(&world).await);
    assert_eq!(seen, (0, false));
}

#[tokio::test]
async fn rights_that_are_given_while_their_resource_is_taken_are_all_there() {
    let world = without_relation().await;
    adds(&world).await;
    let (gives_rights, count) = gives_rights(&world).await;
    send(&world, gives_rights.clone()).await.assert_status(201);

    let statuses = in_turn(&world, takes_rights(), gives_rights).await;

    assert_eq!(statuses, (204, 201));
    let seen = (listed_rights(&world).await, decides(&world).await);
    assert_eq!(seen, (count, true));
}

/// Stian delegates what Rotfast gave to Tallknuseren's agent.
async fn delegates(world: &World) -> Answer {
    let agent = &*TALLKNUSEREN_AGENT.id;
    let path = format!(
        "{V2}/agents/accesspackages?party={}&client={}&agent={agent}",
        TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    let body = json!({"values": [{"role": "rettighetshaver", "packages": [SKATT_NAERING.urn()]}]});
    let stian = world.stian().with_scopes(CLIENTS_WRITE);
    stian.post(&path, body).await
}

async fn assert_agent_has_nothing(world: &World) {
    let user = &TALLKNUSEREN_AGENT;
    let decision = world.sav().decides(user, "read", TAX_RETURN, ROTFAST).await;
    assert_eq!(decision, Decision::NotApplicable);
    let list = format!(
        "{V2}/clients/accesspackages?party={}&client={}",
        TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    let left = data(world.stian().with_scopes(CLIENTS_READ).get(&list).await);
    assert_eq!(left, Vec::<Value>::new());
}

#[tokio::test]
async fn an_agent_loses_a_package_that_is_taken_back_while_it_is_delegated() {
    let world = without_relation().await;
    adds(&world).await;
    gives(&world).await;
    let held = world.app.hold_relation(ROTFAST, TALLKNUSEREN).await;

    let (delegated, taken) = held
        .in_turn(delegates(&world), send(&world, takes_package()))
        .await;

    delegated.assert_status(200);
    taken.assert_status(204);
    assert_agent_has_nothing(&world).await;
}

#[tokio::test]
async fn an_agent_gets_no_package_while_it_is_taken_back() {
    let world = without_relation().await;
    adds(&world).await;
    gives(&world).await;
    let held = world.app.hold_relation(ROTFAST, TALLKNUSEREN).await;

    let (taken, delegated) = held
        .in_turn(send(&world, takes_package()), delegates(&world))
        .await;

    taken.assert_status(204);
    delegated.assert_status(400);
    assert_agent_has_nothing(&world).await;
}
