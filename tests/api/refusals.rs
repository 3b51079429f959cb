//! Denied and failed attempts leave rows in the audit trail, and no request waits for them.

use std::time::{Duration, Instant};

use http::Method;
use testkit::{prelude::*, trail::AuditRow};

use crate::{journey::Client, pages::Browser};

fn shown(rows: &[AuditRow]) -> Vec<(&str, &str, &str)> {
    rows.iter()
        .map(|row| {
            (
                row.action.as_str(),
                row.outcome.as_str(),
                row.code.as_deref().unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_refused_approval_leaves_a_row_with_the_person_and_the_request() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.oddny().approves(&request).await.assert_forbidden();

    let rows = world.app.refusals().await;

    assert_eq!(shown(&rows), [("request.approved", "denied", "403")]);
    assert_eq!(rows[0].object_id, request.id);
    assert_eq!(rows[0].actor_kind, "person");
    assert_eq!(
        rows[0].actor_party_uuid.map(|uuid| uuid.to_string()),
        Some(ODDNY.uuid.to_owned())
    );
}

#[tokio::test]
async fn an_approval_of_more_than_the_person_holds_leaves_a_row_with_the_problem() {
    let world = World::start().await;
    let body = with(
        request_for(FJORDLONN_SYSTEM, NATTERGAL, [PENSJON]),
        "externalRef",
        serde_json::json!("pensjon"),
    );
    let request = world.fjordlonn().requests_as(NATTERGAL, body).await;
    let code = world.borghild().approves(&request).await.code();

    let rows = world.app.refusals().await;

    assert_eq!(
        shown(&rows),
        [("request.approved", "denied", code.as_str())]
    );
}

#[tokio::test]
async fn deleting_the_request_of_another_vendor_leaves_a_row_with_the_vendor() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.havblikk().delete(&request.vendor_path()).await;

    let rows = world.app.refusals().await;

    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].action.as_str(), rows[0].object_id.as_str()),
        ("request.deleted", request.id.as_str())
    );
    assert_eq!(
        (rows[0].actor_kind.as_str(), rows[0].actor_org.as_deref()),
        ("vendor", Some(HAVBLIKK.number))
    );
}

#[tokio::test]
async fn a_write_without_the_scope_leaves_a_row() {
    let world = World::start().await;
    let caller = world.organization(FJORDLONN, REQUEST_READ);
    caller
        .post(SYSTEMS, serde_json::json!({}))
        .await
        .assert_forbidden();

    let rows = world.app.refusals().await;

    assert_eq!(shown(&rows), [("system.created", "denied", "403")]);
}

#[tokio::test]
async fn a_refused_upload_of_a_policy_leaves_a_row() {
    let world = World::start().await;
    let path = "/resourceregistry/api/v1/resource/a-melding/policy";
    world.fjordlonn().post_empty(path).await.assert_forbidden();

    let rows = world.app.refusals().await;

    assert_eq!(shown(&rows), [("policy.uploaded", "denied", "403")]);
    assert_eq!(rows[0].object_id, "a-melding");
}

#[tokio::test]
async fn a_client_refused_within_a_batch_leaves_a_row_of_its_own() {
    let world = World::start().await;
    let path = format!(
        "/systembruker/api/v1/enduser/systemuser/clients:batch?agent={}",
        TALLKNUSEREN_AGENT.id
    );
    let body = serde_json::json!({"action": "add", "clients": [FJORDLONN.uuid]});
    let answer = Caller::person(&world.app, RANDI, "altinn:clientdelegations.write")
        .post(&path, body)
        .await
        .assert_status(200);
    assert_eq!(answer.json()["refused"], 1);

    let rows = world.app.refusals().await;

    assert_eq!(shown(&rows), [("client.added", "failed", "AUTH-00079")]);
    assert_eq!(rows[0].object_id, FJORDLONN.uuid);
}

#[tokio::test]
async fn a_form_of_another_site_leaves_a_row_with_what_it_would_have_done() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let browser = Browser::new();
    let page = format!(
        "{}/accessmanagement/ui/systemuser/request?id={}",
        world.app.base, request.id
    );
    browser.open_as(&page, ODDNY.pid).await;
    let form = format!(
        "{}/accessmanagement/ui/systemuser/request/{}",
        world.app.base, request.id
    );
    browser
        .post(&form, &[("csrf", "x"), ("decision", "reject")])
        .await
        .expect(403, "");

    let rows = world.app.refusals().await;

    assert_eq!(shown(&rows), [("request.rejected", "denied", "csrf")]);
    assert_eq!(
        rows[0].actor_party_uuid.map(|uuid| uuid.to_string()),
        Some(ODDNY.uuid.to_owned())
    );
}

#[tokio::test]
async fn a_failed_login_leaves_a_row_with_the_reason() {
    let world = World::start().await;
    let callback = format!(
        "{}/authentication/api/v1/upstream/callback?code=x&state=y",
        world.app.base
    );
    Browser::new().open(&callback).await.expect(400, "");

    let rows = world.app.refusals().await;

    assert_eq!(
        shown(&rows),
        [("login.failed", "failed", "no login cookie")]
    );
}

#[tokio::test]
async fn a_login_and_a_log_out_leave_rows_about_one_session() {
    let world = World::start().await;
    let browser = Browser::new();
    let login = format!(
        "{}/authentication/api/v1/authentication?goto=/accessmanagement/ui/help",
        world.app.base
    );
    browser.open_as(&login, ODDNY.pid).await;
    browser
        .open(&format!("{}/authentication/api/v1/logout", world.app.base))
        .await;

    let started = world.app.rows_of("session.started").await;
    let ended = world.app.rows_of("session.ended").await;

    assert_eq!((started.len(), ended.len()), (1, 1));
    assert_eq!(started[0].object_id, ended[0].object_id);
    assert_eq!(ended[0].detail.as_ref().unwrap()["cause"], "logged_out");
    assert_eq!(
        started[0].actor_party_uuid.map(|uuid| uuid.to_string()),
        Some(ODDNY.uuid.to_owned())
    );
}

#[tokio::test]
async fn an_exchange_leaves_a_row_with_the_client() {
    let world = World::start().await;
    let raw = Client::seeded(FJORDLONN_SYSTEM.client)
        .token(&world.app, REQUEST_READ)
        .await;
    world
        .bearer(&raw)
        .get("/authentication/api/v1/exchange/maskinporten")
        .await
        .assert_status(200);

    let rows = world.app.rows_of("token.exchanged").await;

    assert_eq!(shown(&rows), [("token.exchanged", "ok", "")]);
    assert_eq!(rows[0].client_id.as_deref(), Some(FJORDLONN_SYSTEM.client));
}

#[tokio::test]
async fn a_refused_exchange_leaves_a_row() {
    let world = World::start().await;
    world
        .bearer("x")
        .get("/authentication/api/v1/exchange/id-porten")
        .await
        .assert_unauthorized();

    let rows = world.app.rows_of("token.exchanged").await;

    assert_eq!(shown(&rows), [("token.exchanged", "denied", "401")]);
    assert_eq!(rows[0].object_id, "id-porten");
}

#[tokio::test]
async fn a_refused_look_up_leaves_a_row() {
    let world = World::start().await;
    world
        .fjordlonn()
        .get("/authentication/api/v1/systemuser/byExternalId")
        .await
        .assert_forbidden();

    let rows = world.app.rows_of("lookup.byexternalid").await;

    assert_eq!(shown(&rows), [("lookup.byexternalid", "denied", "403")]);
}

#[tokio::test]
async fn attempts_without_a_credential_are_counted_in_one_row() {
    let world = World::start().await;
    for _ in 0..5 {
        world
            .anonymous()
            .post_empty(VENDOR_REQUESTS)
            .await
            .assert_unauthorized();
    }

    let rows = world.app.refusals().await;

    let attempts: i64 = rows.iter().map(AuditRow::attempts).sum();
    assert_eq!(attempts, 5);
    assert!(rows.iter().all(|row| row.action == "request.created"));
}

#[tokio::test]
async fn an_identity_number_in_a_path_does_not_reach_the_trail() {
    let world = World::start().await;
    let path = format!(
        "/authentication/api/v1/systemregister/vendor/x-{}",
        ODDNY.pid
    );
    world.havblikk().delete(&path).await;

    let rows = world.app.refusals().await;

    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].object_id, "x-***********");
}

#[tokio::test]
async fn a_refusal_is_written_in_the_background() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.oddny().approves(&request).await.assert_forbidden();

    let since = Instant::now();
    while world.app.audited_of("request.approved", &request.id).await == 0 {
        assert!(since.elapsed() < Duration::from_secs(20), "no row came");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_refusal_is_written_before_the_service_ends() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    let id = request.id.clone();
    let database = world.app.database.clone();
    world.oddny().approves(&request).await.assert_forbidden();

    world.app.running.stop().await;

    let rows = testkit::trail::denied(&database, "request.approved", &id).await;
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn callers_do_not_wait_for_the_trail() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    let held = world.app.hold("audit_log").await;

    for _ in 0..20 {
        world.oddny().approves(&request).await.assert_forbidden();
    }
    held.release().await;

    while !world.app.running.state.attempts.flush().await {}
    let attempts: i64 = world
        .app
        .refusals()
        .await
        .iter()
        .map(AuditRow::attempts)
        .sum();
    assert_eq!(attempts, 20);
}

/// Calls by methods that change something, and that change nothing: questions with a body.
const QUESTIONS: [&str; 17] = [
    "/access/v1/evaluation",
    "/access/v1/evaluations",
    "/access/v1/search/action",
    "/access/v1/search/resource",
    "/access/v1/search/subject",
    "/accessmanagement/api/v1/connection/reportee/{partyUuid}/rightholder/validateperson",
    "/accessmanagement/api/v1/reportee/change",
    "/accessmanagement/api/v1/resourceowner/authorizedparties",
    "/accessmanagement/api/v1/serviceowner/authorizedparties",
    "/authorization/api/v1/authorize",
    "/authorization/api/v1/decision",
    "/authorization/api/v1/systemuser/authorize",
    "/register/api/v1/parties/lookup",
    "/register/api/v1/parties/nameslookup",
    "/resourceregistry/api/v1/resource/bysubjects",
    "/systembruker/api/v1/requests:check",
    "/systembruker/api/v1/token:explain",
];

/// What a person wants to see of the portal says nothing about who may act for whom.
const PREFERENCES: [&str; 3] = [
    "/accessmanagement/api/v1/settings/language/selectedLanguage",
    "/accessmanagement/api/v1/user/actorlist/favorites/{uuid}",
    "/accessmanagement/api/v1/user/profile/settingspreferences/showdeleted",
];

#[tokio::test]
async fn every_route_that_changes_something_leaves_rows_when_it_refuses() {
    let world = World::start().await;
    let description = world
        .anonymous()
        .get("/openapi.json")
        .await
        .assert_status(200)
        .json();
    let mut silent = Vec::new();
    for (template, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let asks = method.is_safe()
                || QUESTIONS.contains(&template.as_str())
                || PREFERENCES.contains(&template.as_str())
                || template.starts_with("/register/api/");
            if !asks && !systembruker::app::leaves_rows(&method, template) {
                silent.push(format!("{method} {template}"));
            }
        }
    }
    assert!(silent.is_empty(), "no row for {silent:#?}");
}
