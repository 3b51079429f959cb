//! Customers answer requests.

use serde_json::{Value, json};
use testkit::prelude::*;

#[tokio::test]
async fn the_page_knows_who_may_approve() {
    let world = World::start().await;
    let opened = world.torleif().opens(&world.request_to_nattergal()).await;
    let shown = opened.assert_status(200).json();
    assert_eq!(shown["userMayEscalateButNotApprove"], false);
}

#[tokio::test]
async fn the_page_knows_who_may_only_escalate() {
    let world = World::start().await;
    let opened = world.jostein().opens(&world.request_to_nattergal()).await;
    let shown = opened.assert_status(200).json();
    assert_eq!(shown["userMayEscalateButNotApprove"], true);
    assert_eq!(shown["systemUserType"], "Standard");
}

#[tokio::test]
async fn the_page_shows_a_stranger_nothing() {
    let world = World::start().await;
    world
        .oddny()
        .opens(&world.request_to_nattergal())
        .await
        .assert_problem(403, "AUTH-00066");
}

#[tokio::test]
async fn only_an_access_manager_reads_a_request_of_an_organisation() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    for other in [world.jostein(), world.oddny()] {
        other
            .reads(&request)
            .await
            .assert_forbidden()
            .assert_empty();
    }
    world.torleif().reads(&request).await.assert_status(200);
}

#[tokio::test]
async fn approve_refuses_who_is_no_access_manager() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    for other in [world.jostein(), world.oddny()] {
        other
            .approves(&request)
            .await
            .assert_forbidden()
            .assert_empty();
    }
    request.assert_status(New).await;
}

#[tokio::test]
async fn reject_refuses_who_is_no_access_manager() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    for other in [world.jostein(), world.oddny()] {
        other.rejects(&request).await.assert_forbidden();
    }
    request.assert_status(New).await;
}

#[tokio::test]
async fn a_request_is_not_found_at_another_organisation() {
    let world = World::start().await;
    let elsewhere = world.request_to_nattergal().as_if_for(KERAMIKK);
    world
        .oddny()
        .reads(&elsewhere)
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn a_request_is_not_answered_at_another_organisation() {
    let world = World::start().await;
    let elsewhere = world.request_to_nattergal().as_if_for(KERAMIKK);
    let oddny = world.oddny();
    oddny
        .approves(&elsewhere)
        .await
        .assert_problem(403, "AUTH-00041");
    oddny
        .rejects(&elsewhere)
        .await
        .assert_problem(403, "AUTH-00041");
}

#[tokio::test]
async fn a_party_is_a_number() {
    let world = World::start().await;
    world
        .torleif()
        .get("/authentication/api/v1/systemuser/request/abc/x")
        .await
        .assert_status(400);
}

#[tokio::test]
async fn a_party_that_does_not_exist_has_no_access_manager() {
    let world = World::start().await;
    let nowhere = world.request_to_nattergal().as_if_for(UNKNOWN);
    world.torleif().reads(&nowhere).await.assert_forbidden();
}

#[tokio::test]
async fn approve_refuses_a_token_without_the_portal_scope() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world
        .torleif()
        .with_scopes("altinn:enduser")
        .approves(&request)
        .await
        .assert_forbidden();
    request.assert_status(New).await;
}

#[tokio::test]
async fn approve_refuses_a_login_below_level_3() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world
        .torleif()
        .at_level(2)
        .approves(&request)
        .await
        .assert_forbidden();
    request.assert_status(New).await;
}

#[tokio::test]
async fn an_approved_system_user_may_act_for_its_owner_and_the_sub_units() {
    let world = World::start().await;
    let request = world.request_to_nattergal();

    world.torleif().approves(&request).await.assert_status(200);

    let user = request.system_user();
    for organization in [NATTERGAL, NATTERGAL_SENTRUM] {
        let sav = world.sav();
        let decision = sav.decides(&user, "write", A_MELDING, organization).await;
        assert_eq!(decision, Permit);
    }
}

#[tokio::test]
async fn an_approved_request_is_not_answered_again() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    let torleif = world.torleif();
    torleif.approves(&request).await.assert_status(200);
    torleif
        .approves(&request)
        .await
        .assert_problem(409, "AUTH-00013");
    torleif
        .rejects(&request)
        .await
        .assert_problem(409, "AUTH-00013");
}

/// Borghild manages access at Nattergal, and does not hold `pensjon` there.
async fn with_pension(world: &World) -> RequestHandle<'_> {
    let body = request_for(FJORDLONN_SYSTEM, NATTERGAL, [LONN, PENSJON]);
    let body = with(body, "externalRef", json!("with-pension"));
    world.fjordlonn().requests_as(NATTERGAL, body).await
}

#[tokio::test]
async fn approve_names_what_the_approver_may_not_give() {
    let world = World::start().await;
    let request = with_pension(&world).await;

    let refused = world.borghild().approves(&request).await;

    let problem = refused.assert_problem(400, "AUTH-00053").problem();
    let reasons: Value =
        serde_json::from_str(problem["delegationReasons"].as_str().unwrap()).unwrap();
    assert_eq!(
        reasons,
        json!([{"type": "package", "id": PENSJON.urn(), "codes": ["MissingPackageAccess"]}])
    );
}

#[tokio::test]
async fn a_refused_approval_stores_nothing() {
    let world = World::start().await;
    let request = with_pension(&world).await;

    world.borghild().approves(&request).await.assert_status(400);

    let user = request.system_user();
    assert_eq!(world.app.stored_users(&user).await, 0);
    assert_eq!(world.app.stored_parties(&user).await, 0);
    let read = world.torleif().reads(&request).await;
    assert_eq!(read.json()["status"], "New");
}

#[tokio::test]
async fn after_a_refused_approval_another_person_may_approve() {
    let world = World::start().await;
    let request = with_pension(&world).await;
    world.borghild().approves(&request).await.assert_status(400);
    world.torleif().approves(&request).await.assert_status(200);
}

/// A request that Oddny approved, for one single right.
async fn approved_right(world: &World) -> SystemUser {
    let body = json!({
        "systemId": SKYREGNSKAP_SYSTEM.id,
        "partyOrgNo": KERAMIKK.number,
        "rights": rights([ARBEIDSTRENING_AVTALE]),
    });
    let request = world.skyregnskap().requests_as(KERAMIKK, body).await;
    world.oddny().approves(&request).await.assert_status(200);
    request.system_user()
}

#[tokio::test]
async fn an_approved_right_holds_for_its_actions_and_its_owner_alone() {
    let world = World::start().await;
    let user = approved_right(&world).await;
    for (action, organization, expected) in [
        ("read", KERAMIKK, Permit),
        ("read", NATTERGAL, NotApplicable),
        ("burn", KERAMIKK, NotApplicable),
    ] {
        let decision = world
            .sav()
            .decides(&user, action, ARBEIDSTRENING_AVTALE, organization)
            .await;
        assert_eq!(decision, expected, "{action} for {organization:?}");
    }
}

#[tokio::test]
async fn an_approved_right_is_shown_to_its_owner() {
    let world = World::start().await;
    let user = approved_right(&world).await;
    let shown = world.oddny().reads_user(&user).await.assert_status(200);
    assert_eq!(shown.json()["rights"], rights([ARBEIDSTRENING_AVTALE]));
}

#[tokio::test]
async fn approve_refuses_a_package_that_the_system_offers_no_more() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.fjordlonn().offers(FJORDLONN_SYSTEM, [LONN]).await;

    let refused = world.oddny().approves(&request).await;

    refused.assert_problem(400, "AUTH-00063");
}

#[tokio::test]
async fn a_request_of_a_deleted_system_is_rejected_and_not_approved() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world
        .fjordlonn()
        .deletes_system(FJORDLONN_SYSTEM.id)
        .await
        .assert_status(200);
    let oddny = world.oddny();

    oddny
        .approves(&request)
        .await
        .assert_problem(404, "AUTH-00011");

    assert_eq!(oddny.reads(&request).await.json()["status"], "New");
    oddny.rejects(&request).await.assert_status(200);
}

#[tokio::test]
async fn a_request_times_out_after_180_days() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;

    world.app.advance(days(179)).await;
    let read = world.oddny().reads(&request).await;
    assert_eq!(read.json()["timedOut"], false);

    world.app.advance(days(2)).await;
    request.assert_timed_out(true).await;
    request.assert_status(New).await;
}

#[tokio::test]
async fn approve_refuses_a_request_that_timed_out() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.app.advance(days(181)).await;
    world
        .oddny()
        .approves(&request)
        .await
        .assert_problem(409, "AUTH-00013");
}

#[tokio::test]
async fn a_request_that_timed_out_is_replaced_by_the_next() {
    let world = World::start().await;
    let old = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.app.advance(days(181)).await;

    let new = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;

    assert_ne!(new.id, old.id);
    world
        .fjordlonn()
        .reads(&old)
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn a_request_that_timed_out_may_be_rejected() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.app.advance(days(181)).await;

    world.oddny().rejects(&request).await.assert_status(200);

    let again = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
    let again = world.fjordlonn().sends_request(again).await;
    assert_eq!(again.assert_status(200).json()["status"], "Rejected");
}
