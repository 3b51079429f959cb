//! What keeps a vendor from asking twice or in vain: `Idempotency-Key`, and the question what would
//! come of a request.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

const VENDOR: &str = "/authentication/api/v1/systemuser/request/vendor";
const CHECK: &str = "/systembruker/api/v1/requests:check";

async fn post_with_key(app: &TestApp, path: &str, token: &str, key: &str, body: &Value) -> Answer {
    let request = app
        .http
        .request(Method::POST, format!("{}{path}", app.base))
        .bearer_auth(token)
        .header("idempotency-key", key)
        .json(body);
    Answer::of(request.send().await.expect("the service answers")).await
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let body = request_body(who::KERAMIKK, &["a-ordning"]);
    let first = post_with_key(&app, VENDOR, &token, "\"a key\"", &body)
        .await
        .expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = post_with_key(&app, VENDOR, &token, "a key", &body)
        .await
        .expect(201);
    assert_eq!(
        (
            &again.text,
            again.header("location"),
            again.header("idempotency-replayed")
        ),
        (&first.text, first.header("location"), "true")
    );
    // Without the key, or with another, the rule of the endpoint holds: the stored request, 200.
    app.post(VENDOR, &token, body.clone()).await.expect(200);
    let stored = post_with_key(&app, VENDOR, &token, "other", &body)
        .await
        .expect(200);
    assert_eq!(stored.json()["id"], first.json()["id"]);
    // Another request under the key, another path, another caller.
    let other = request_body(who::NATTERGAL, &["lonn"]);
    let refused = post_with_key(&app, VENDOR, &token, "a key", &other)
        .await
        .expect(422)
        .problem();
    assert_eq!(
        refused["errors"],
        json!({"Idempotency-Key": ["The key was used before, with another request."]})
    );
    post_with_key(&app, &format!("{VENDOR}/agent"), &token, "a key", &body)
        .await
        .expect(422);
    let theirs = post_with_key(
        &app,
        VENDOR,
        &app.vendor(who::SKYREGNSKAP).await,
        "a key",
        &body,
    )
    .await;
    assert_eq!((theirs.status, theirs.code().as_str()), (404, "AUTH-00011"));
    for bad in ["", "\"\"", &"x".repeat(256)] {
        assert_eq!(
            post_with_key(&app, VENDOR, &token, bad, &body)
                .await
                .error_keys(),
            ["Idempotency-Key"]
        );
    }
}

#[tokio::test]
async fn an_error_leaves_the_key_free() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let wrong = request_body(who::KERAMIKK, &["jordbruk"]);
    assert_eq!(
        post_with_key(&app, VENDOR, &token, "k", &wrong)
            .await
            .expect(400)
            .code(),
        "AUTH-00063"
    );
    post_with_key(
        &app,
        VENDOR,
        &token,
        "k",
        &request_body(who::KERAMIKK, &["lonn"]),
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn twenty_at_once_under_one_key_do_the_work_once() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let system = json!({"id": "390198116_en_gang", "vendor": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
        "name": {"nb": "En gang", "nn": "Ein gong", "en": "Once"}, "description": {"nb": "a", "nn": "b", "en": "c"},
        "allowedRedirectUrls": ["https://fjordlonn.example/"], "isVisible": false, "clientId": [Uuid::new_v4()]});
    let path = "/authentication/api/v1/systemregister/vendor";
    let answers = futures::future::join_all(
        (0..20).map(|_| post_with_key(&app, path, &token, "register", &system)),
    )
    .await;
    let mut texts: Vec<String> = answers.into_iter().map(|a| a.expect(200).text).collect();
    texts.dedup();
    assert_eq!(texts.len(), 1);
    // Without the key the second is told that the id is taken.
    app.post(path, &token, system).await.expect(400);
    assert_eq!(app.count("select count(*) from audit_log where action = 'system.created' and object_id = '390198116_en_gang'").await, 1);
}

#[tokio::test]
async fn a_change_request_is_ensured_too() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let path = format!(
        "/authentication/api/v1/systemuser/changerequest/vendor?correlation-id={}&system-user-id={}",
        Uuid::new_v4(),
        who::TINDEVANDRER_USER
    );
    let body = json!({"requiredAccessPackages": [{"urn": "urn:altinn:accesspackage:pensjon"}]});
    let first = post_with_key(&app, &path, &token, "c", &body)
        .await
        .expect(201);
    let again = post_with_key(&app, &path, &token, "c", &body)
        .await
        .expect(201);
    assert_eq!(
        (first.text, again.header("idempotency-replayed")),
        (again.text.clone(), "true")
    );
    let elsewhere = path.replace("correlation-id=", "correlation-id=0");
    assert_eq!(
        post_with_key(&app, &elsewhere, &token, "c", &body)
            .await
            .status,
        400,
        "the query is part of the request"
    );
}

#[tokio::test]
async fn a_check_says_what_the_request_would_get() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let check = async |body: Value| app.post(CHECK, &token, body).await.expect(200).json();
    let good = request_body(who::KERAMIKK, &["a-ordning"]);
    assert_eq!(
        check(good.clone()).await,
        json!({"accepted": true, "outcome": "created", "problems": []})
    );
    assert_eq!(
        app.count("select count(*) from request where party_org_no = '390381492'")
            .await,
        0,
        "nothing was made"
    );

    // Everything that is wrong, in one answer, and in the order in which the request itself would
    // tell.
    let mut bad = request_body("999999999", &["jordbruk", "a-ordning"]);
    bad["redirectUrl"] = json!("https://fjordlonn.example/annet");
    bad["rights"] =
        json!([{"resource": [{"id": "urn:altinn:resource", "value": "kravogbetaling"}]}]);
    let told = check(bad.clone()).await;
    assert_eq!(
        (&told["accepted"], &told["outcome"]),
        (&json!(false), &json!("refused"))
    );
    let codes: Vec<&str> = told["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["AUTH-00000", "AUTH-00021", "AUTH-00001", "AUTH-00063"]
    );
    let mut first = told["problems"][0].clone();
    first.as_object_mut().unwrap().shift_remove("traceId");
    assert_eq!(
        first,
        app.post(VENDOR, &token, bad).await.problem(),
        "the first is what the request gets"
    );
    assert_eq!(
        told["problems"][3]["NotFoundPackages"],
        "urn:altinn:accesspackage:jordbruk"
    );

    for (code, body) in [
        (
            "AUTH-00004",
            request_body(who::TINDEVANDRER, &["a-ordning"]),
        ),
        ("AUTH-00059", request_body(who::KERAMIKK, &[])),
        (
            "AUTH-00011",
            json!({"systemId": "390184387_skyregnskap", "partyOrgNo": who::KERAMIKK, "accessPackages": []}),
        ),
        (
            "AUTH-00058",
            json!({"userType": "agent", "systemId": who::FJORDLONN_SYSTEM, "partyOrgNo": who::KERAMIKK, "accessPackages": []}),
        ),
    ] {
        assert_eq!(check(body).await["problems"][0]["code"], code);
    }
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let there = check(good).await;
    assert_eq!(
        (&there["outcome"], &there["requestId"], &there["status"]),
        (&json!("existing"), &json!(id), &json!("New"))
    );
    assert!(there["confirmUrl"].as_str().unwrap().contains(&id));
    assert_eq!(
        app.post(CHECK, &token, json!({"userType": "robot"}))
            .await
            .error_keys(),
        ["UserType"]
    );
    assert_eq!(
        app.post(CHECK, &token, json!({"partyOrgNo": who::KERAMIKK}))
            .await
            .error_keys(),
        ["$", "createRequest"]
    );
    app.post(
        CHECK,
        &app.organization(who::FJORDLONN, REQUEST_READ).await,
        json!({}),
    )
    .await
    .expect(403);
    app.send(Method::POST, CHECK, None, Some(json!({})))
        .await
        .expect(401);
}

#[tokio::test]
async fn a_change_is_checked_too() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let change = |rest: Value| {
        let mut body = json!({"systemUserId": who::TINDEVANDRER_USER});
        body.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        body
    };
    let package = |name: &str| json!([{"urn": format!("urn:altinn:accesspackage:{name}")}]);
    let check =
        async |token: &str, body: Value| app.post(CHECK, token, body).await.expect(200).json();
    assert_eq!(
        check(&token, change(json!({}))).await["outcome"],
        "noChangeNeeded"
    );
    assert_eq!(
        check(
            &token,
            change(json!({"requiredAccessPackages": package("pensjon")}))
        )
        .await["outcome"],
        "created"
    );
    let refused = check(
        &token,
        change(json!({"requiredAccessPackages": package("jordbruk"), "redirectUrl": "kvittering"})),
    )
    .await;
    let codes: Vec<&str> = refused["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["AUTH-00021", "AUTH-00063"]);
    // Another vendor's looks like none at all.
    let body = change(json!({"requiredAccessPackages": package("pensjon")}));
    let mut foreign = check(&app.vendor(who::SKYREGNSKAP).await, body).await;
    let mut unknown = check(
        &token,
        json!({"systemUserId": Uuid::new_v4(), "requiredAccessPackages": package("pensjon")}),
    )
    .await;
    for answer in [&mut foreign, &mut unknown] {
        assert_eq!(answer["problems"][0]["code"], "AUTH-00015");
        answer["problems"][0]
            .as_object_mut()
            .unwrap()
            .shift_remove("traceId");
    }
    assert_eq!(foreign, unknown);
    assert_eq!(app.count("select count(*) from change_request").await, 0);
}
