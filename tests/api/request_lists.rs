//! Lists of requests, taking them back, passing them on, and what is open.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

fn for_keramikk() -> Value {
    request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING])
}

fn of_system(system: System) -> String {
    format!("{VENDOR_REQUESTS}/bysystem/{}", system.id)
}

/// Ids in a list.
fn ids(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|request| request["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_loses_no_row_at_the_border_of_a_page() {
    let world = World::with(&[("pagination.page_size", "3")]).await;
    let vendor = world.fjordlonn();
    // The universe has one, to Nattergal.
    let mut made = vec![world.request_to_nattergal().id];
    for n in 0..7 {
        let body = with(for_keramikk(), "externalRef", json!(format!("liste-{n}")));
        made.push(vendor.requests_as(KERAMIKK, body).await.id);
    }

    let mut seen = Vec::new();
    let mut next = Some(of_system(FJORDLONN_SYSTEM));
    while let Some(path) = next {
        let page = vendor.get(&path).await.assert_status(200).json();
        seen.extend(ids(&page["data"]));
        let link = page["links"].get("next").map(|link| link.as_str().unwrap());
        next = link.map(|link| world.app.path_of(link));
    }

    assert!(seen.is_sorted(), "{seen:?}");
    made.sort_unstable();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_listed_request_has_no_address_to_confirm_it() {
    let world = World::start().await;
    let list = world.fjordlonn().get(&of_system(FJORDLONN_SYSTEM)).await;
    let list = list.assert_status(200).json();
    let requests = list["data"].as_array().unwrap();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|r| r.get("confirmUrl").is_none()));
}

#[tokio::test]
async fn the_link_to_the_next_page_continues_after_a_row() {
    let world = World::with(&[("pagination.page_size", "1")]).await;
    world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let list = world.fjordlonn().get(&of_system(FJORDLONN_SYSTEM)).await;
    let body = list.assert_status(200).json();
    let next = world.app.path_of(body["links"]["next"].as_str().unwrap());
    // Rows that are added and deleted meanwhile do not move the others.
    assert!(next.starts_with("/authentication/"), "{next}");
    assert!(next.contains("?token="), "{next}");
}

#[tokio::test]
async fn agent_requests_have_a_list_of_their_own() {
    let world = World::start().await;
    let path = format!("{VENDOR_AGENT_REQUESTS}/bysystem/{}", SKYREGNSKAP_BYRA.id);
    let list = world
        .skyregnskap()
        .get(&path)
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        ids(&list["data"]),
        [world.agent_request_to_sifferhjelp().id]
    );
    assert_eq!(list["links"], json!({}));
}

#[tokio::test]
async fn requests_of_another_vendors_system_are_not_listed() {
    let world = World::start().await;
    world
        .fjordlonn()
        .get(&of_system(SKYREGNSKAP_BYRA))
        .await
        .assert_problem(404, "AUTH-00011");
}

#[tokio::test]
async fn a_place_in_a_list_is_one_that_was_given_out() {
    let world = World::start().await;
    for token in ["x", "NzM0Ng", "%21"] {
        let path = format!("{}?token={token}", of_system(FJORDLONN_SYSTEM));
        world
            .fjordlonn()
            .get(&path)
            .await
            .assert_error_keys(["token"]);
    }
}

#[tokio::test]
async fn a_request_is_not_taken_back_by_another_vendor() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world
        .skyregnskap()
        .takes_back(&request)
        .await
        .assert_problem(404, "AUTH-00010");
    request.assert_status(New).await;
}

#[tokio::test]
async fn a_token_that_only_reads_takes_no_request_back() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world
        .fjordlonn()
        .with_scopes(REQUEST_READ)
        .takes_back(&request)
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_request_is_taken_back_once_and_not_found_then() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let request = vendor.requests(KERAMIKK, [A_ORDNING]).await;
    vendor
        .takes_back(&request)
        .await
        .assert_status(202)
        .assert_empty();
    vendor
        .takes_back(&request)
        .await
        .assert_problem(404, "AUTH-00010");
    vendor.reads(&request).await.assert_status(404);
}

#[tokio::test]
async fn the_id_of_a_request_that_is_taken_back_is_a_uuid() {
    let world = World::start().await;
    world
        .fjordlonn()
        .delete(&format!("{VENDOR_REQUESTS}/x"))
        .await
        .assert_status(400);
}

#[tokio::test]
async fn after_a_request_was_taken_back_there_may_be_another() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let first = vendor.requests(KERAMIKK, [A_ORDNING]).await;
    vendor.takes_back(&first).await.assert_status(202);
    let second = vendor.requests(KERAMIKK, [A_ORDNING]).await;
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn a_rejected_request_is_taken_back_before_there_can_be_another() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let request = vendor.requests(KERAMIKK, [A_ORDNING]).await;
    world.oddny().rejects(&request).await.assert_status(200);
    let repeat = vendor.sends_request(for_keramikk()).await;
    assert_eq!(repeat.assert_status(200).json()["status"], "Rejected");

    vendor.takes_back(&request).await.assert_status(202);

    vendor.requests(KERAMIKK, [A_ORDNING]).await;
}

#[tokio::test]
async fn a_stranger_passes_nothing_on() {
    let world = World::start().await;
    world
        .oddny()
        .escalates(&world.request_to_nattergal())
        .await
        .assert_status(200)
        .assert_json(&json!(false));
}

#[tokio::test]
async fn who_may_not_answer_passes_a_request_on_once() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    for _ in 0..2 {
        world
            .jostein()
            .escalates(&request)
            .await
            .assert_status(200)
            .assert_json(&json!(true));
    }
    let event = "systemuser_request_escalated";
    assert_eq!(world.app.published(event).await, 1);
}

#[tokio::test]
async fn a_vendor_sees_that_its_request_was_passed_on() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.jostein().escalates(&request).await.assert_status(200);
    assert_eq!(request.shown().await["escalated"], true);
    request.assert_status(New).await;
}

#[tokio::test]
async fn a_request_is_passed_on_at_its_own_organisation() {
    let world = World::start().await;
    let jostein = world.jostein();
    let unknown = format!(
        "/authentication/api/v1/systemuser/request/{}/{}/escalate",
        NATTERGAL.party,
        Uuid::nil()
    );
    jostein
        .post_empty(&unknown)
        .await
        .assert_problem(404, "AUTH-00010");
    let foreign = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    jostein
        .escalates(&foreign.as_if_for(NATTERGAL))
        .await
        .assert_problem(403, "AUTH-00041");
}

#[tokio::test]
async fn an_answered_request_is_not_passed_on() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.torleif().rejects(&request).await.assert_status(200);
    world
        .jostein()
        .escalates(&request)
        .await
        .assert_problem(409, "AUTH-00013");
}

#[tokio::test]
async fn a_request_is_not_passed_on_without_a_token() {
    let world = World::start().await;
    let path = format!("{}/escalate", world.request_to_nattergal().customer_path());
    world
        .anonymous()
        .post_empty(&path)
        .await
        .assert_unauthorized();
}

/// Open requests of an organisation, as its access manager lists them.
fn pending(at: Organization, organization: Organization) -> String {
    format!("{REQUESTS}/{}/{}/pending", at.party, organization.number)
}

fn pending_agents(at: Organization, organization: Organization) -> String {
    format!(
        "{AGENT_REQUESTS}/{}/{}/pending",
        at.party, organization.number
    )
}

#[tokio::test]
async fn an_access_manager_lists_what_is_open() {
    let world = World::start().await;
    let open = world.torleif().get(&pending(NATTERGAL, NATTERGAL)).await;
    let open = open.assert_status(200).json();
    assert_eq!(ids(&open), [world.request_to_nattergal().id]);
    assert_eq!(open[0]["status"], "New");
    assert_eq!(open[0]["timedOut"], false);
    assert_eq!(open[0].get("confirmUrl"), None);
}

#[tokio::test]
async fn what_is_open_is_shown_to_access_managers_of_that_organisation() {
    let world = World::start().await;
    world
        .torleif()
        .get(&pending(NATTERGAL, KERAMIKK))
        .await
        .assert_problem(403, "AUTH-00041");
    world
        .jostein()
        .get(&pending(NATTERGAL, NATTERGAL))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn what_timed_out_is_not_open() {
    let world = World::start().await;
    world.app.advance(days(181)).await;
    let open = world.torleif().get(&pending(NATTERGAL, NATTERGAL)).await;
    open.assert_status(200).assert_json(&json!([]));
}

#[tokio::test]
async fn of_agent_requests_those_are_open_that_were_passed_on() {
    let world = World::start().await;
    let olav = world.olav();
    let path = pending_agents(SIFFERHJELP, SIFFERHJELP);
    olav.get(&path)
        .await
        .assert_status(200)
        .assert_json(&json!([]));

    let request = world.agent_request_to_sifferhjelp();
    world.app.mark_escalated(&request).await;

    let open = olav.get(&path).await.assert_status(200).json();
    assert_eq!(ids(&open), [request.id]);
}

#[tokio::test]
async fn open_agent_requests_are_shown_at_their_own_organisation() {
    let world = World::start().await;
    world
        .olav()
        .get(&pending_agents(SIFFERHJELP, KERAMIKK))
        .await
        .assert_problem(403, "AUTH-00042");
}
