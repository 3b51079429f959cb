//! Requests for agents.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

/// A request to an organisation of accountants, in addition to any that is there.
fn for_agent(customer: Organization, list: impl IntoIterator<Item = Package>) -> Value {
    let mut body = request_for(SKYREGNSKAP_BYRA, customer, list);
    body["externalRef"] = json!("ny");
    body["rights"] = json!([{"resource": []}]);
    body
}

async fn asked(world: &World) -> RequestHandle<'_> {
    let body = for_agent(SIFFERHJELP, [REGNSKAPSFORER_LONN]);
    let vendor = world.skyregnskap();
    vendor.requests_agent_as(SIFFERHJELP, body).await
}

#[tokio::test]
async fn a_new_agent_request_is_shown_without_rights() {
    let world = World::start().await;
    let body = for_agent(SIFFERHJELP, [REGNSKAPSFORER_LONN]);

    let answer = world.skyregnskap().sends_agent_request(body).await;

    let answer = answer.assert_status(201);
    let shown = answer.json();
    assert_eq!(shown.get("rights"), None);
    let confirm_url = shown["confirmUrl"].as_str().unwrap();
    assert!(
        confirm_url.contains("/systemuser/agentrequest?id="),
        "{confirm_url}"
    );
    assert_eq!(
        world.app.path_of(answer.header("location")),
        format!(
            "/authentication/api/v1/systemuser/request/{}",
            shown["id"].as_str().unwrap()
        )
    );
}

#[tokio::test]
async fn a_repeated_agent_request_gets_the_stored_one() {
    let world = World::start().await;
    let request = asked(&world).await;
    let repeat = for_agent(SIFFERHJELP, NO_PACKAGES);
    let answer = world.skyregnskap().sends_agent_request(repeat).await;
    assert_eq!(answer.assert_status(200).json()["id"], request.id);
}

#[tokio::test]
async fn a_vendor_reads_its_agent_request_by_id_and_by_external_reference() {
    let world = World::start().await;
    let body = for_agent(SIFFERHJELP, [REGNSKAPSFORER_LONN]);
    let vendor = world.skyregnskap();
    let made = vendor
        .sends_agent_request(body)
        .await
        .assert_status(201)
        .json();
    let (system, customer) = (SKYREGNSKAP_BYRA.id, SIFFERHJELP.number);
    for path in [
        made["id"].as_str().unwrap().to_owned(),
        format!("byexternalref/{system}/{customer}/ny"),
    ] {
        vendor
            .get(&format!("{VENDOR_AGENT_REQUESTS}/{path}"))
            .await
            .assert_status(200)
            .assert_json(&made);
    }
}

#[tokio::test]
async fn an_agent_request_is_no_standard_request() {
    let world = World::start().await;
    let request = asked(&world).await.as_if_of_kind(RequestKind::Standard);
    world
        .skyregnskap()
        .reads(&request)
        .await
        .assert_problem(404, "AUTH-00010");
    world
        .olav()
        .approves(&request)
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn a_customer_reads_an_agent_request() {
    let world = World::start().await;
    let request = asked(&world).await;
    let read = world.olav().reads(&request).await.assert_status(200);
    assert_eq!(read.json()["id"], request.id);
}

#[tokio::test]
async fn the_page_of_an_agent_request_knows_its_kind_and_who_may_approve() {
    let world = World::start().await;
    let request = asked(&world).await;
    let opened = world.olav().opens(&request).await.assert_status(200);
    let shown = opened.json();
    assert_eq!(shown["systemUserType"], "Agent");
    assert_eq!(shown["rights"], json!([]));
    assert_eq!(shown["userMayEscalateButNotApprove"], false);
}

#[tokio::test]
async fn an_agent_request_is_not_approved_at_another_organisation() {
    let world = World::start().await;
    let elsewhere = asked(&world).await.as_if_for(NATTERGAL);
    world
        .torleif()
        .approves(&elsewhere)
        .await
        .assert_problem(403, "AUTH-00042");
}

#[tokio::test]
async fn an_approved_agent_is_listed_and_holds_nothing_until_it_has_clients() {
    let world = World::start().await;
    let request = asked(&world).await;

    world
        .olav()
        .approves(&request)
        .await
        .assert_status(200)
        .assert_json(&json!(true));

    let path = format!("{AGENTS}/{}", SIFFERHJELP.party);
    let agents = world.olav().get(&path).await.assert_status(200).list();
    assert!(agents.iter().any(|agent| agent["id"] == request.id));
    let agent = request.system_user();
    let decision = world
        .sav()
        .decides(&agent, "read", MVA_MELDING, SIFFERHJELP)
        .await;
    assert_eq!(decision, NotApplicable);
}

#[tokio::test]
async fn an_approved_agent_request_is_not_approved_again() {
    let world = World::start().await;
    let request = asked(&world).await;
    let olav = world.olav();
    olav.approves(&request).await.assert_status(200);
    olav.approves(&request)
        .await
        .assert_problem(409, "AUTH-00013");
}

#[tokio::test]
async fn an_organisation_that_has_the_agent_is_not_asked_again() {
    let world = World::start().await;
    let request = asked(&world).await;
    world.olav().approves(&request).await.assert_status(200);
    let again = for_agent(SIFFERHJELP, [REGNSKAPSFORER_LONN]);
    world
        .skyregnskap()
        .sends_agent_request(again)
        .await
        .assert_problem(400, "AUTH-00004");
}

#[tokio::test]
async fn an_unknown_agent_request_is_not_rejected() {
    let world = World::start().await;
    let path = format!(
        "{AGENT_REQUESTS}/{}/{}/reject",
        SIFFERHJELP.party,
        Uuid::nil()
    );
    world
        .olav()
        .post_empty(&path)
        .await
        .assert_problem(404, "AUTH-00030");
}

/// A request for an agent of Granskeren, with a change.
async fn ask_auditors(world: &World, change: impl FnOnce(&mut Value)) -> Answer {
    let mut body = for_agent(GRANSKEREN, [ANSVARLIG_REVISOR]);
    change(&mut body);
    world.skyregnskap().sends_agent_request(body).await
}

#[tokio::test]
async fn an_agent_has_at_least_one_package() {
    let world = World::start().await;
    ask_auditors(&world, |b| b["accessPackages"] = json!([]))
        .await
        .assert_problem(400, "AUTH-00058");
    ask_auditors(&world, |b| b["accessPackages"] = json!(null))
        .await
        .assert_error_key("AccessPackages");
}

#[tokio::test]
async fn an_agent_request_is_for_what_there_is() {
    let world = World::start().await;
    ask_auditors(&world, |b| b["accessPackages"] = packages([LONN]))
        .await
        .assert_problem(400, "AUTH-00063");
    ask_auditors(&world, |b| b["systemId"] = json!(FJORDLONN_SYSTEM.id))
        .await
        .assert_problem(404, "AUTH-00011");
    ask_auditors(&world, |b| b["partyOrgNo"] = json!(UNKNOWN_ORG_NUMBER))
        .await
        .assert_problem(400, "AUTH-00000");
}

#[tokio::test]
async fn an_agent_request_names_a_package_that_is_not_for_clients() {
    let world = World::start().await;
    world
        .app
        .list_in_system(SKYREGNSKAP_BYRA, [ANSVARLIG_REVISOR, TILGANGSSTYRER])
        .await;

    let refused = ask_auditors(&world, |b| b["accessPackages"] = packages([TILGANGSSTYRER])).await;

    let problem = refused.assert_problem(400, "AUTH-00065").problem();
    assert_eq!(problem["NotDelegablePackages"], TILGANGSSTYRER.urn());
}
