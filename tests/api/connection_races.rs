//! Giving, taking and ending at the same time. The calls of each test wait for one lock, and race when it
//! is let go.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::prelude::*;

use crate::{
    access::{CONNECTIONS, V2, data},
    limits::{hold_writes, wait_for_waiting},
};

/// Needs [`SKATT_NAERING`], where no role leads to it.
const TAX_RETURN: Resource = Resource("skattemelding-naering");
/// How often each race is run.
const ROUNDS: usize = 5;

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

/// Waits until the calls reach the same lock, lets it go, and gives their answers.
async fn race(world: &World, calls: Vec<(Method, String, Option<Value>)>) -> Vec<Answer> {
    let held = hold_writes(world, "assignment").await;
    let token = world.person(SYNNOVE).token().await;
    let count = i64::try_from(calls.len()).unwrap();
    let sent = calls.into_iter().map(|(method, path, body)| {
        let token = token.clone();
        async move { world.app.send(method, &path, token.as_deref(), body).await }
    });
    let release = async {
        wait_for_waiting(world, count).await;
        drop(held);
    };
    let (answers, ()) = tokio::join!(join_all(sent), release);
    answers
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

#[tokio::test]
async fn giving_against_taking_ends_in_what_is_listed_and_decided_alike() {
    let world = without_relation().await;
    adds(&world).await;
    for round in 0..ROUNDS {
        let (give, take) = (
            (Method::POST, package(), None),
            (Method::DELETE, package(), None),
        );

        let answers = race(&world, vec![give, take]).await;

        assert_eq!((answers[0].status, answers[1].status), (200, 204));
        assert_eq!(
            is_listed(&world).await,
            decides(&world).await,
            "round {round}"
        );
    }
}

#[tokio::test]
async fn giving_against_ending_the_relation_leaves_no_package_without_it() {
    let world = without_relation().await;
    adds(&world).await;
    for round in 0..ROUNDS {
        let end = format!("{}&cascade=true", given(""));
        let (give, end) = ((Method::POST, package(), None), (Method::DELETE, end, None));

        let answers = race(&world, vec![give, end]).await;

        assert_eq!((answers[0].status, answers[1].status), (200, 204));
        let listed = is_listed(&world).await;
        assert_eq!(listed, decides(&world).await, "round {round}");
        let holders = data(world.person(SYNNOVE).get(&given("")).await);
        let is_holder = holders.iter().any(|one| {
            let roles = one["roles"].as_array().unwrap();
            one["party"]["id"] == TALLKNUSEREN.uuid
                && roles.iter().any(|role| role["code"] == "rettighetshaver")
        });
        assert_eq!(is_holder, listed, "round {round}");
        // Another race begins with a connection again.
        adds(&world).await;
    }
}

#[tokio::test]
async fn rights_that_are_given_against_taking_the_resource_are_all_or_none() {
    let world = without_relation().await;
    adds(&world).await;
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
    let rights = format!("{}&resource={}", given("/resources/rights"), TAX_RETURN.0);
    let taken = format!("{}&resource={}", given("/resources"), TAX_RETURN.0);
    for round in 0..ROUNDS {
        let body = json!({"directRightKeys": keys});
        let (give, take) = (
            (Method::POST, rights.clone(), Some(body)),
            (Method::DELETE, taken.clone(), None),
        );

        let answers = race(&world, vec![give, take]).await;

        assert_eq!((answers[0].status, answers[1].status), (201, 204));
        let listed = world.person(SYNNOVE).get(&rights).await;
        let listed = listed.assert_status(200).json();
        let count = listed["directRights"].as_array().unwrap().len();
        let expected = if decides(&world).await { keys.len() } else { 0 };
        assert_eq!(count, expected, "round {round}");
    }
}

#[tokio::test]
async fn delegating_against_taking_back_leaves_the_agent_nothing() {
    let world = without_relation().await;
    adds(&world).await;
    for round in 0..ROUNDS {
        gives(&world).await;
        let agent = &*TALLKNUSEREN_AGENT.id;
        let path = format!(
            "{V2}/agents/accesspackages?party={}&client={}&agent={agent}",
            TALLKNUSEREN.uuid, ROTFAST.uuid
        );
        let body =
            json!({"values": [{"role": "rettighetshaver", "packages": [SKATT_NAERING.urn()]}]});
        let held = hold_writes(&world, "assignment").await;
        let stian = world.stian().with_scopes(CLIENTS_WRITE);
        let synnove = world.person(SYNNOVE);
        let address = package();
        let release = async {
            wait_for_waiting(&world, 2).await;
            drop(held);
        };

        let (delegated, taken, ()) =
            tokio::join!(stian.post(&path, body), synnove.delete(&address), release);

        taken.assert_status(204);
        assert!(delegated.status < 500, "{}", delegated.text);
        let user = &TALLKNUSEREN_AGENT;
        let decision = world.sav().decides(user, "read", TAX_RETURN, ROTFAST).await;
        assert_eq!(decision, Decision::NotApplicable, "round {round}");
        let list = format!(
            "{V2}/clients/accesspackages?party={}&client={}",
            TALLKNUSEREN.uuid, ROTFAST.uuid
        );
        let left = data(world.stian().with_scopes(CLIENTS_READ).get(&list).await);
        assert_eq!(left, Vec::<Value>::new(), "round {round}");
    }
}
