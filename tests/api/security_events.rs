//! Security events: what the operator of an installation sees of what happens.

use foundation::audit::{self, CheckpointKey, Checkpoints};
use testkit::{log::SecurityLog, prelude::*};

use crate::{pages::Browser, resources};

fn login_of(app: &TestApp) -> String {
    format!(
        "{}/authentication/api/v1/authentication?goto=/accessmanagement/ui/help",
        app.base
    )
}

#[tokio::test]
async fn a_refused_credential_is_logged_with_its_reason_issuer_and_address() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    let good = world
        .app
        .token("GetPersonalToken", &[("pid", ODDNY.pid)])
        .await;
    let (signed, _) = good.rsplit_once('.').unwrap();
    world
        .bearer(&format!("{signed}.AAAA"))
        .get(&format!(
            "/authentication/api/v1/systemuser/{}",
            KERAMIKK.party
        ))
        .await
        .assert_unauthorized();

    let event = log.only("auth.failed");

    assert_eq!(event["reason"], "signature");
    assert_eq!(event["address"], "127.0.0.1");
    assert!(event.contains_key("issuer"), "{event:?}");
}

#[tokio::test]
async fn an_issuer_that_is_not_trusted_is_not_logged() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    world
        .bearer("x")
        .get(&format!(
            "/authentication/api/v1/systemuser/{}",
            KERAMIKK.party
        ))
        .await
        .assert_unauthorized();

    assert!(!log.only("auth.failed").contains_key("issuer"));
}

#[tokio::test]
async fn an_unknown_subscription_key_is_logged() {
    let world = World::with(&[("pdp.subscription_keys", "a-key-that-is-long-enough")]).await;
    let log = SecurityLog::capture();
    world
        .anonymous()
        .with_header("ocp-apim-subscription-key", "guessed")
        .post("/authorization/api/v1/decision", serde_json::json!({}))
        .await
        .assert_unauthorized();

    assert_eq!(log.only("auth.failed")["reason"], "subscription key");
}

#[tokio::test]
async fn a_denied_call_is_logged_with_its_caller() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    world
        .organization(FJORDLONN, REQUEST_READ)
        .post(SYSTEMS, serde_json::json!({}))
        .await
        .assert_forbidden();

    let event = log.only("authz.denied");

    assert!(event["caller"].contains(FJORDLONN.number), "{event:?}");
}

#[tokio::test]
async fn a_denied_person_is_logged_by_party_uuid() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    world
        .oddny()
        .approves(&world.request_to_nattergal())
        .await
        .assert_forbidden();

    let event = log.only("authz.denied");

    assert_eq!(event["person"], ODDNY.uuid);
    assert!(!format!("{event:?}").contains(ODDNY.pid));
}

#[tokio::test]
async fn asking_for_the_request_of_another_vendor_is_logged() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    world
        .havblikk()
        .get(&world.request_to_nattergal().vendor_path())
        .await
        .assert_status(404);

    let event = log.only("tenant.mismatch");

    assert_eq!(event["object_kind"], "system");
    assert_eq!(event["object_id"], FJORDLONN_SYSTEM.id);
}

#[tokio::test]
async fn approving_the_request_of_another_party_is_logged() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    let request = world.request_to_nattergal();
    let path = format!("{REQUESTS}/{}/{}/approve", KERAMIKK.party, request.id);
    world
        .oddny()
        .post_empty(&path)
        .await
        .assert_problem(403, "AUTH-00041");

    let event = log.only("tenant.mismatch");

    assert_eq!(event["object_id"], request.id);
}

#[tokio::test]
async fn uploading_a_policy_for_the_resource_of_another_owner_is_logged() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    let token = world
        .app
        .token(
            "GetEnterpriseToken",
            &[
                ("orgNo", FJORDLONN.number),
                ("scopes", "altinn:resourceregistry/resource.write"),
            ],
        )
        .await;
    let policy = resources::policy("a-melding", &["lonn"]);
    resources::upload(&world.app, &token, "a-melding", "policyFile", &policy)
        .await
        .assert_forbidden();

    assert_eq!(log.only("tenant.mismatch")["object_id"], "a-melding");
}

#[tokio::test]
async fn every_form_of_another_site_is_logged() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let browser = Browser::new();
    browser.open_as(&login_of(&world.app), ODDNY.pid).await;
    let log = SecurityLog::capture();
    let paths = [
        format!("/accessmanagement/ui/systemuser/request/{}", request.id),
        "/authentication/api/v1/logout".to_owned(),
    ];
    for path in &paths {
        browser
            .post(&format!("{}{path}", world.app.base), &[("csrf", "x")])
            .await
            .expect(403, "");
    }

    let logged: Vec<String> = log
        .events("csrf.rejected")
        .into_iter()
        .map(|event| event["path"].clone())
        .collect();

    assert_eq!(logged, paths);
    assert_eq!(log.events("authz.denied").len(), 0);
}

#[tokio::test]
async fn a_call_by_cookie_without_proof_is_logged() {
    let world = World::with(&[("compat.runtime_cookie", "true")]).await;
    let browser = Browser::new();
    browser.open_as(&login_of(&world.app), ODDNY.pid).await;
    let token = browser
        .cookie(&world.app.base, "AltinnStudioRuntime")
        .unwrap();
    let log = SecurityLog::capture();
    let path = format!(
        "{REQUESTS}/{}/{}/approve",
        KERAMIKK.party,
        uuid::Uuid::nil()
    );
    let answer = world
        .app
        .http
        .post(format!("{}{path}", world.app.base))
        .header("cookie", format!("AltinnStudioRuntime={token}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);

    assert_eq!(log.only("csrf.rejected")["path"], path);
}

#[tokio::test]
async fn an_address_that_the_vendor_does_not_list_any_more_is_logged() {
    let world = World::start().await;
    let mut body = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
    body["redirectUrl"] = serde_json::json!("https://fjordlonn.example/kvittering");
    let request = world.fjordlonn().requests_as(KERAMIKK, body).await;
    let browser = Browser::new();
    let address = format!(
        "{}/accessmanagement/ui/systemuser/request?id={}",
        world.app.base, request.id
    );
    let page = browser.open_as(&address, ODDNY.pid).await;
    world
        .fjordlonn()
        .changes(
            FJORDLONN_SYSTEM,
            "allowedRedirectUrls",
            serde_json::json!(["https://fjordlonn.example/annet"]),
        )
        .await;
    let log = SecurityLog::capture();
    let action = format!("/accessmanagement/ui/systemuser/request/{}", request.id);
    let field = |name: &str| page.field(&action, name);
    let form = [
        ("csrf", field("csrf")),
        ("party", field("party")),
        ("seen", field("seen")),
        ("decision", "reject".to_owned()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    browser
        .post(&format!("{}{action}", world.app.base), &form)
        .await;

    assert_eq!(
        log.only("redirect.rejected")["object_id"],
        FJORDLONN_SYSTEM.id
    );
}

#[tokio::test]
async fn a_login_is_logged_with_person_and_level() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    Browser::new()
        .open_as(&login_of(&world.app), ODDNY.pid)
        .await;

    let event = log.only("login.ok");

    assert_eq!(
        (event["person"].as_str(), event["level"].as_str()),
        (ODDNY.uuid, "3")
    );
}

#[tokio::test]
async fn a_failed_login_is_logged_with_its_reason() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    let callback = format!(
        "{}/authentication/api/v1/upstream/callback?code=x&state=y",
        world.app.base
    );
    Browser::new().open(&callback).await.expect(400, "");

    let event = log.only("login.failed");

    assert_eq!(event["reason"], "no login cookie");
    assert_eq!(event["address"], "127.0.0.1");
}

#[tokio::test]
async fn the_end_of_a_session_is_logged_with_its_cause() {
    let world = World::start().await;
    let browser = Browser::new();
    browser.open_as(&login_of(&world.app), ODDNY.pid).await;
    let log = SecurityLog::capture();
    browser
        .open(&format!("{}/authentication/api/v1/logout", world.app.base))
        .await;

    let event = log.only("session.ended");

    assert_eq!(
        (event["person"].as_str(), event["reason"].as_str()),
        (ODDNY.uuid, "logged_out")
    );
}

#[tokio::test]
async fn a_refused_policy_is_logged_with_its_resource() {
    let world = World::start().await;
    let token = resources::owner(&world.app).await;
    let log = SecurityLog::capture();
    resources::upload(&world.app, &token, "a-melding", "policyFile", "<Policy")
        .await
        .assert_status(400);

    let event = log.only("policy.rejected");

    assert_eq!(event["object_id"], "a-melding");
    assert!(!event["reason"].is_empty());
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_written_is_logged() {
    let world = World::start().await;
    world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let folder = testkit::cluster::home().join(format!("gone-{}", uuid::Uuid::new_v4()));
    let checkpoints = Checkpoints::open(
        folder.join("checkpoints.jsonl"),
        CheckpointKey::new(&[7; 32]).unwrap(),
    )
    .unwrap();
    let log = SecurityLog::capture();
    let state = &world.app.running.state;
    // Rows wait for every transaction of the cluster that still runs.
    while audit::seal(&state.db, Some(&checkpoints), world.app.clock.now())
        .await
        .is_ok()
    {}

    assert!(log.only("audit.gap")["reason"].contains("checkpoint"));
}

#[tokio::test]
async fn a_start_with_other_settings_is_logged() {
    let world = World::start().await;
    let log = SecurityLog::capture();
    let settings = [("requests.lifetime_days", "90")];
    let again = TestApp::on(world.app.database.clone(), &settings).await;
    again.running.stop().await;

    assert_eq!(log.only("config.changed")["digest"].len(), 64);
}
