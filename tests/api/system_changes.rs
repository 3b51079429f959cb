//! The system register: changing and deleting systems, and the log of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, REGISTER_WRITE, TestApp, request_body, who};

const BASE: &str = "/authentication/api/v1/systemregister/vendor";
const ID: &str = "390198116_endring";

fn body(clients: &[&str]) -> Value {
    json!({"id": ID, "vendor": {"ID": "0192:390198116"}, "name": {"en": "a", "nb": "b", "nn": "c"}, "description": {"en": "a", "nb": "b", "nn": "c"},
        "rights": [{"resource": [{"id": "urn:altinn:resource", "value": "kravogbetaling"}]}],
        "accessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}], "clientId": clients, "isVisible": false,
        "allowedRedirectUrls": ["https://Endring.example"]})
}

async fn put(app: &TestApp, path: &str, token: &str, body: Value) -> Answer {
    app.send(
        Method::PUT,
        &format!("{BASE}/{path}"),
        Some(token),
        Some(body),
    )
    .await
}

async fn registered(app: &TestApp, clients: &[&str]) -> String {
    let token = app.vendor(who::FJORDLONN).await;
    app.post(BASE, &token, body(clients)).await.expect(200);
    token
}

#[tokio::test]
async fn the_log_tells_every_change_newest_first() {
    let app = TestApp::start().await;
    let token = registered(&app, &["endring-1"]).await;
    let succeeded = json!({"succeeded": true});
    let mut changed = body(&["endring-2"]);
    changed["id"] = json!(format!("  {ID} "));
    assert_eq!(
        put(&app, ID, &token, changed).await.expect(200).json(),
        succeeded
    );
    let rights = json!([{"action": "read", "resource": [{"id": "urn:altinn:resource", "value": "a-melding"}]}]);
    assert_eq!(
        put(&app, &format!("{ID}/rights"), &token, rights.clone())
            .await
            .expect(200)
            .json(),
        succeeded
    );
    let packages = json!([{"urn": "urn:altinn:accesspackage:a-ordning"}]);
    assert_eq!(
        put(
            &app,
            &format!("{ID}/accesspackages/"),
            &token,
            packages.clone()
        )
        .await
        .expect(200)
        .json(),
        succeeded
    );
    let now = app.get(&format!("{BASE}/{ID}"), &token).await.json();
    assert_eq!(
        (&now["rights"], &now["accessPackages"], &now["clientId"]),
        (&rights, &packages, &json!(["endring-2"]))
    );
    assert_eq!(
        app.delete(&format!("{BASE}/{ID}/"), &token)
            .await
            .expect(200)
            .json(),
        succeeded
    );

    let log = app
        .get(&format!("{BASE}/{ID}/changelog"), &token)
        .await
        .expect(200)
        .json();
    let kinds: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["changeType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "delete",
            "accesspackageupdate",
            "rightsupdate",
            "update",
            "create"
        ]
    );
    assert!(log[0].get("changedData").is_none());
    assert_eq!(
        log[1]["changedData"],
        json!([{"Urn": "urn:altinn:accesspackage:a-ordning"}])
    );
    assert_eq!(
        log[2]["changedData"],
        json!([{"Action": "read", "Resource": [{"id": "urn:altinn:resource", "value": "a-melding"}]}])
    );
    assert_eq!(
        (
            &log[3]["changedData"]["Id"],
            &log[3]["changedData"]["AllowedRedirectUrls"]
        ),
        (&json!(ID), &json!(["https://Endring.example"]))
    );
    assert_eq!(
        log[4]["changedData"]["Rights"],
        json!([{"Action": null, "Resource": [{"id": "urn:altinn:resource", "value": "kravogbetaling"}]}])
    );
    assert!(
        log.as_array()
            .unwrap()
            .iter()
            .all(|e| e["changedByOrgNumber"] == who::FJORDLONN
                && e["created"].as_str().unwrap().ends_with("+00:00"))
    );
    assert_eq!(log[0]["systemInternalId"], log[4]["systemInternalId"]);

    let unknown = app
        .get(&format!("{BASE}/390198116_finnes-ikke/changelog"), &token)
        .await
        .expect(404);
    assert_eq!(
        unknown.text,
        "System with ID 390198116_finnes-ikke not found."
    );
    app.get(
        &format!("{BASE}/{ID}/changelog"),
        &app.vendor(who::SKYREGNSKAP).await,
    )
    .await
    .expect(403);
}

#[tokio::test]
async fn a_replacement_is_whole() {
    let app = TestApp::start().await;
    let token = registered(&app, &["endring-1", "endring-2"]).await;
    let bare = json!({"Id": ID, "vendor": {"id": "0192:390198116"}, "name": {"en": "x", "nb": "y", "nn": "z"}, "description": {"en": "a", "nb": "b", "nn": "c"},
        "isDeleted": true, "rights": null, "accessPackages": null});
    put(&app, ID, &token, bare).await.expect(200);
    let now = app.get(&format!("{BASE}/{ID}"), &token).await.json();
    assert_eq!(
        (
            &now["rights"],
            &now["accessPackages"],
            &now["clientId"],
            &now["allowedRedirectUrls"]
        ),
        (&json!([]), &json!([]), &json!([]), &json!([]))
    );
    assert_eq!(
        (&now["isVisible"], &now["isDeleted"], &now["name"]["nb"]),
        (&json!(true), &json!(false), &json!("y"))
    );
    // The clients are free for others at once, and http is taken where it was not for a new system.
    let mut other = body(&["ENDRING-1"]);
    other["id"] = json!("390184387_annen");
    other["vendor"]["ID"] = json!("0192:390184387");
    let neighbour = app.vendor(who::SKYREGNSKAP).await;
    app.post(BASE, &neighbour, other).await.expect(200);
    let mut local = body(&["endring-2", "endring-1"]);
    local["allowedRedirectUrls"] = json!(["http://localhost:8081/x"]);
    assert_eq!(
        put(&app, ID, &token, local.clone())
            .await
            .validation_codes(),
        ["AUTH.VLD-00004"]
    );
    local["clientId"] = json!(["endring-2"]);
    put(&app, ID, &token, local).await.expect(200);
    let now = app.get(&format!("{BASE}/{ID}"), &token).await.json();
    assert_eq!(
        now["allowedRedirectUrls"],
        json!(["http://localhost:8081/x"])
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_replacement() {
    let app = TestApp::start().await;
    let token = registered(&app, &["endring-1"]).await;
    let before = app.get(&format!("{BASE}/{ID}"), &token).await.json();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = body(&["endring-1"]);
        change(&mut body);
        body
    };
    let not_found = format!("System with ID '{ID}' not found.");
    assert_eq!(
        put(
            &app,
            ID,
            &token,
            with(&|b| b["vendor"]["ID"] = json!("0192:390184387"))
        )
        .await
        .expect(404)
        .text,
        not_found
    );
    let unknown = put(&app, "390198116_finnes-ikke", &token, body(&[]))
        .await
        .expect(404);
    assert_eq!(
        unknown.text,
        "System with ID '390198116_finnes-ikke' not found."
    );
    assert_eq!(
        put(
            &app,
            ID,
            &token,
            with(&|b| b["id"] = json!("390198116_Endring"))
        )
        .await
        .validation_codes(),
        ["AUTH.VLD-00012"]
    );
    put(&app, ID, &app.vendor(who::SKYREGNSKAP).await, body(&[]))
        .await
        .expect(403);
    let all = with(&|b| {
        b["allowedRedirectUrls"] = json!(["ftp://x"]);
        b["rights"] = json!([{"resource": [{"id": "urn:annet", "value": "x"}]}, {"resource": [{"id": "urn:altinn:resource", "value": "finnes-ikke"}]}]);
        b["accessPackages"] = json!([{"urn": "lonn"}, {"urn": "lonn"}, {"urn": "urn:altinn:accesspackage:regnskapsforer-lonn"}]);
        b["isVisible"] = json!(true);
        b["clientId"] = json!(["a", "A", who::FJORDLONN_CLIENT]);
        b["name"] = json!({"en": "a", "nb": "b"});
    });
    let codes = put(&app, ID, &token, all).await.validation_codes();
    let expected = [
        "00005", "00009", "00003", "00008", "00007", "00018", "00011", "00004",
    ]
    .map(|c| format!("AUTH.VLD-{c}"));
    assert_eq!(codes[..8], expected);
    assert_eq!(codes[8..], ["STD.VLD-00000"]);
    for (path, body) in [
        ("rights", json!({})),
        ("accesspackages", json!({"urn": "x"})),
        ("rights", json!([null])),
        ("rights", json!([{"resource": [{"id": "", "value": "x"}]}])),
    ] {
        let answer = put(&app, &format!("{ID}/{path}"), &token, body).await;
        assert!(!answer.error_keys().is_empty());
    }
    assert_eq!(
        put(
            &app,
            &format!("{ID}/rights"),
            &token,
            json!([{"resource": []}])
        )
        .await
        .validation_codes(),
        ["STD.VLD-00000"]
    );
    assert_eq!(
        put(
            &app,
            &format!("{ID}/accesspackages"),
            &token,
            json!([{"urn": "x"}])
        )
        .await
        .validation_codes(),
        ["AUTH.VLD-00008"]
    );
    for path in ["rights", "accesspackages"] {
        put(
            &app,
            &format!("390198116_finnes-ikke/{path}"),
            &token,
            json!([]),
        )
        .await
        .expect(404);
    }
    // Nothing of it was kept.
    assert_eq!(
        app.get(&format!("{BASE}/{ID}"), &token).await.json(),
        before
    );
    assert_eq!(
        app.get(&format!("{BASE}/{ID}/changelog"), &token)
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // The admin may write others' systems, but not give them away.
    let admin = app
        .organization(who::SAV, "altinn:authentication/systemregister.admin")
        .await;
    put(&app, &format!("{ID}/rights"), &admin, json!([]))
        .await
        .expect(200);
    let log = app
        .get(&format!("{BASE}/{ID}/changelog"), &token)
        .await
        .json();
    assert_eq!(log[0]["changedByOrgNumber"], who::SAV);
}

#[tokio::test]
async fn a_deleted_system_is_gone_for_everything_new() {
    let app = TestApp::start().await;
    let token = registered(&app, &[]).await;
    app.delete(&format!("{BASE}/{ID}"), &token)
        .await
        .expect(200);
    let second = app
        .delete(&format!("{BASE}/{ID}"), &token)
        .await
        .expect(400);
    assert_eq!(second.problem()["title"], "Bad Request");
    let unknown = app
        .delete(&format!("{BASE}/390198116_finnes-ikke"), &token)
        .await;
    assert_eq!(
        (
            unknown.error_keys(),
            unknown.problem()["errors"]["return"].clone()
        ),
        (vec!["return".to_owned()], json!(["System not found"]))
    );
    assert_eq!(
        app.get(&format!("{BASE}/{ID}"), &token).await.json()["isDeleted"],
        true
    );
    for answer in [
        put(&app, ID, &token, body(&[])).await,
        put(&app, &format!("{ID}/rights"), &token, json!([])).await,
    ] {
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (400, "Cannot update a system marked as deleted.")
        );
    }
    assert_eq!(
        app.post(BASE, &token, body(&[])).await.validation_codes(),
        ["AUTH.VLD-00002"]
    );

    // Its system users decide nothing any more, and nobody is asked on its behalf.
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "inntektsmelding",
            who::TINDEVANDRER
        )
        .await,
        "Permit"
    );
    app.delete(
        &format!("{BASE}/{}", who::FJORDLONN_SYSTEM),
        &app.organization(who::FJORDLONN, REGISTER_WRITE).await,
    )
    .await
    .expect(200);
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "inntektsmelding",
            who::TINDEVANDRER
        )
        .await,
        "NotApplicable"
    );
    let request = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &token,
            request_body(who::KERAMIKK, &["a-ordning"]),
        )
        .await;
    assert_eq!(request.code(), "AUTH-00011");
    let person = app.person(who::TORLEIF).await;
    let approve = app
        .post_empty(
            &format!(
                "/authentication/api/v1/systemuser/request/{}/{}/approve",
                who::NATTERGAL_PARTY,
                who::NATTERGAL_REQUEST
            ),
            &person,
        )
        .await;
    assert_eq!(approve.code(), "AUTH-00011");
}

#[tokio::test]
async fn one_of_many_takes_a_client_id() {
    let app = TestApp::start().await;
    let token = registered(&app, &[]).await;
    for at in 0..8 {
        let mut other = body(&[]);
        other["id"] = json!(format!("390198116_lop-{at}"));
        app.post(BASE, &token, other).await.expect(200);
    }
    let answers = futures::future::join_all((0..8).map(|at| {
        let mut other = body(&["omstridt"]);
        other["id"] = json!(format!("390198116_lop-{at}"));
        let (app, token) = (&app, &token);
        async move { put(app, &format!("390198116_lop-{at}"), token, other).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    assert!(
        answers
            .iter()
            .filter(|a| a.status != 200)
            .all(|a| a.validation_codes() == ["AUTH.VLD-00004"])
    );
}
