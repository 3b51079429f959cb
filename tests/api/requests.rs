//! Vendors' requests, and what persons do with them.

use serde_json::{Value, json};

use crate::support::*;

const VENDOR: &str = "/authentication/api/v1/systemuser/request/vendor";

fn party(id: &str, party: i32) -> String {
    format!("/authentication/api/v1/systemuser/request/{party}/{id}")
}

#[tokio::test]
async fn a_new_request_and_its_repeat() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["redirectUrl"] = json!(" https://fjordlonn.example/kvittering?ref=7 ");
    body["rights"] = json!([{"action": null, "resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]);
    body["externalReference"] = json!("ignored");
    let answer = app.post(VENDOR, &token, body).await.expect(201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        answer.header("location"),
        format!("{}/authentication/api/v1/systemuser/request/{id}", app.base)
    );
    let mut shown = answer.json();
    let created = shown["created"].take();
    assert!(created.as_str().unwrap().ends_with('Z'));
    let text = shown
        .to_string()
        .replace(&id, "ID")
        .replace(&app.base, "BASE");
    insta::assert_snapshot!(text, @r#"{"id":"ID","integrationTitle":"Fjordlønn","externalRef":"390381492","systemId":"390198116_fjordlonn","partyOrgNo":"390381492","rights":[{"resource":[{"id":"urn:altinn:resource","value":"inntektsmelding"}]}],"accessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"}],"status":"New","redirectUrl":"https://fjordlonn.example/kvittering?ref=7","confirmUrl":"BASE/accessmanagement/ui/systemuser/request?id=ID&DONTCHOOSEREPORTEE=true","escalated":false,"created":null,"timedOut":false}"#);
    // The same again, in other words: the stored request, whatever else the body says.
    for external_ref in [json!(null), json!(""), json!("  "), json!(who::KERAMIKK)] {
        let mut repeat = request_body(who::KERAMIKK, &["finnes-ikke"]);
        repeat["externalRef"] = external_ref;
        let answer = app.post(VENDOR, &token, repeat).await.expect(200);
        assert_eq!(
            (answer.json()["id"].as_str(), answer.header("location")),
            (Some(id.as_str()), "")
        );
    }
    for path in [
        format!("{VENDOR}/{id}"),
        format!(
            "{VENDOR}/byexternalref/{}/{}/{}",
            who::FJORDLONN_SYSTEM,
            who::KERAMIKK,
            who::KERAMIKK
        ),
    ] {
        assert_eq!(
            app.get(&path, &token).await.expect(200).json()["confirmUrl"],
            answer.json()["confirmUrl"]
        );
    }
    let mut other = request_body(who::KERAMIKK, &["a-ordning"]);
    other["externalRef"] = json!("second");
    app.post(VENDOR, &token, other).await.expect(201);
    assert_eq!(
        app.count("select count(*) from outbox where event = 'systemuser_request_created'")
            .await,
        2
    );
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
        change(&mut body);
        body
    };
    let right =
        |value: &str| json!([{"resource": [{"id": "urn:altinn:resource", "value": value}]}]);
    let cases: Vec<(u16, &str, Value)> = vec![
        (
            404,
            "AUTH-00011",
            with(&|b| b["systemId"] = json!("390198116_finnes-ikke")),
        ),
        (
            404,
            "AUTH-00011",
            with(&|b| b["systemId"] = json!("390184387_skyregnskap")),
        ),
        (
            404,
            "AUTH-00011",
            with(&|b| b["systemId"] = json!("390198116_fjordlonn_klassisk")),
        ),
        (
            400,
            "AUTH-00004",
            with(&|b| b["partyOrgNo"] = json!(who::TINDEVANDRER)),
        ),
        (
            400,
            "AUTH-00000",
            with(&|b| b["partyOrgNo"] = json!("999999999")),
        ),
        (
            400,
            "AUTH-00000",
            with(&|b| b["partyOrgNo"] = json!("390559984")),
        ),
        (
            400,
            "AUTH-00021",
            with(&|b| b["redirectUrl"] = json!("https://fjordlonn.example/annet")),
        ),
        (
            400,
            "AUTH-00021",
            with(&|b| b["redirectUrl"] = json!("kvittering")),
        ),
        (
            400,
            "AUTH-00001",
            with(&|b| drop(b.as_object_mut().unwrap().remove("accessPackages"))),
        ),
        (
            400,
            "AUTH-00059",
            with(&|b| b["accessPackages"] = json!([])),
        ),
        (
            400,
            "AUTH-00059",
            with(&|b| {
                b["accessPackages"] = json!([]);
                b["rights"] = json!([]);
            }),
        ),
        (
            400,
            "AUTH-00001",
            with(&|b| b["rights"] = right("kravogbetaling")),
        ),
        (
            400,
            "AUTH-00001",
            with(&|b| b["rights"] = json!([{"resource": []}])),
        ),
        (
            400,
            "AUTH-00063",
            with(&|b| b["accessPackages"] = json!([{"urn": "urn:altinn:accesspackage:jordbruk"}])),
        ),
    ];
    for (status, code, body) in cases {
        let answer = app.post(VENDOR, &token, body.clone()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}"
        );
    }
    let packages = with(
        &|b| b["accessPackages"] = json!([{"urn": "urn:altinn:accesspackage:jordbruk"}, {"urn": "urn:altinn:accesspackage:fiske"}]),
    );
    let problem = app.post(VENDOR, &token, packages).await.problem();
    assert_eq!(
        problem["NotFoundPackages"],
        "urn:altinn:accesspackage:jordbruk, urn:altinn:accesspackage:fiske"
    );
    let accountant = app.vendor(who::SKYREGNSKAP).await;
    let mut body = request_body(who::KERAMIKK, &["regnskapsforer-lonn"]);
    body["systemId"] = json!("390184387_skyregnskap_byra");
    let problem = app
        .post(VENDOR, &accountant, body)
        .await
        .expect(400)
        .problem();
    assert_eq!(
        (&problem["code"], &problem["NotDelegablePackages"]),
        (
            &json!("AUTH-00064"),
            &json!("urn:altinn:accesspackage:regnskapsforer-lonn")
        )
    );
    app.run_sql(
        "update system set allowed_redirect_urls = '{}' where system_id = '390198116_fjordlonn'",
    )
    .await;
    let body = with(&|b| b["redirectUrl"] = json!("https://fjordlonn.example/kvittering"));
    assert_eq!(
        app.post(VENDOR, &token, body).await.expect(400).code(),
        "AUTH-00026"
    );
    app.post(VENDOR, &token, with(&|b| b["redirectUrl"] = json!("")))
        .await
        .expect(201);
}

#[tokio::test]
async fn what_cannot_be_bound_is_told_by_its_key() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let cases = [
        (json!({}), "$"),
        (json!({"systemId": " ", "partyOrgNo": "1"}), "SystemId"),
        (json!({"systemId": "a", "partyOrgNo": null}), "PartyOrgNo"),
        (json!({"systemId": 7, "partyOrgNo": "1"}), "$.systemId"),
        (
            json!({"systemId": "a", "partyOrgNo": "1", "externalRef": "x".repeat(256)}),
            "ExternalRef",
        ),
        (
            json!({"SYSTEMID": "a", "partyorgno": "1", "accesspackages": [{"urn": 1}]}),
            "$.accesspackages[0].urn",
        ),
        (
            json!({"systemId": "a", "partyOrgNo": "1", "rights": [null]}),
            "Rights[0]",
        ),
    ];
    for (body, key) in cases {
        let keys = app.post(VENDOR, &token, body).await.error_keys();
        assert!(keys.contains(&key.to_owned()), "{key}: {keys:?}");
    }
    let long = json!({"systemId": who::FJORDLONN_SYSTEM, "partyOrgNo": who::KERAMIKK, "accessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}],
        "redirectUrl": format!("https://fjordlonn.example/kvittering?x={}", "y".repeat(8_150))});
    app.post(VENDOR, &token, long).await.expect(201);
}

#[tokio::test]
async fn scopes_and_organisations() {
    let app = TestApp::start().await;
    let body = || request_body(who::KERAMIKK, &["a-ordning"]);
    let read = format!("{VENDOR}/{}", who::NATTERGAL_REQUEST);
    let anonymous = app
        .send(reqwest::Method::POST, VENDOR, None, Some(body()))
        .await
        .expect(401);
    assert_eq!(
        (
            anonymous.text.as_str(),
            anonymous.header("www-authenticate")
        ),
        ("", "Bearer realm=\"systembruker\"")
    );
    let reader = app.organization(who::FJORDLONN, REQUEST_READ).await;
    let writer = app.organization(who::FJORDLONN, REQUEST_WRITE).await;
    let refused = app
        .post(VENDOR, &reader, json!("nonsense"))
        .await
        .expect(403);
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer realm=\"systembruker\", error=\"insufficient_scope\", scope=\"altinn:authentication/systemuser.request.write\""
    );
    app.get(&read, &writer).await.expect(403);
    app.get(&read, &reader).await.expect(200);
    let other = app.organization(who::SKYREGNSKAP, REQUEST_READ).await;
    assert_eq!(
        app.get(&read, &other).await.expect(404).code(),
        "AUTH-00011"
    );
    assert_eq!(
        app.get(&format!("{VENDOR}/{}", uuid::Uuid::new_v4()), &other)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );
    assert_eq!(
        app.get(
            &format!("{VENDOR}/d2028fcf-dbe6-5d3d-b2f8-c78f48978c8a"),
            &other
        )
        .await
        .expect(404)
        .code(),
        "AUTH-00010",
        "an agent's"
    );
    assert_eq!(
        app.get(&format!("{VENDOR}/not-a-uuid"), &other)
            .await
            .error_keys(),
        ["requestId"]
    );
    let nobody = app
        .token(
            "GetPersonalToken",
            &[
                ("pid", who::ODDNY),
                ("scopes", &format!("{REQUEST_READ} {REQUEST_WRITE}")),
            ],
        )
        .await;
    assert_eq!(
        app.post(VENDOR, &nobody, body()).await.expect(401).code(),
        "AUTH-00023"
    );
    let bare = app.get(&read, &nobody).await.expect(401);
    assert_eq!(bare.problem()["title"], "Unauthorized");
    assert!(
        bare.header("www-authenticate")
            .contains("no organisation in token")
    );
}

#[tokio::test]
async fn only_an_access_manager_who_holds_the_powers_approves() {
    let app = TestApp::start().await;
    let id = who::NATTERGAL_REQUEST;
    let (torleif, jostein, oddny) = (
        app.person(who::TORLEIF).await,
        app.person(who::JOSTEIN).await,
        app.person(who::ODDNY).await,
    );
    let path = party(id, who::NATTERGAL_PARTY);
    let by_id = format!("/authentication/api/v1/systemuser/request/{id}");
    assert_eq!(
        app.get(&by_id, &torleif).await.expect(200).json()["userMayEscalateButNotApprove"],
        false
    );
    let related = app.get(&by_id, &jostein).await.expect(200).json();
    assert_eq!(
        (
            &related["userMayEscalateButNotApprove"],
            &related["systemUserType"]
        ),
        (&json!(true), &json!("Standard"))
    );
    assert_eq!(
        app.get(&by_id, &oddny).await.expect(403).code(),
        "AUTH-00066"
    );
    for stranger in [&jostein, &oddny] {
        assert_eq!(app.get(&path, stranger).await.expect(403).text, "");
        assert_eq!(
            app.post_empty(&format!("{path}/approve"), stranger)
                .await
                .expect(403)
                .text,
            ""
        );
        app.post_empty(&format!("{path}/reject"), stranger)
            .await
            .expect(403);
    }
    assert_eq!(
        app.get(&party(id, who::KERAMIKK_PARTY), &oddny)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );
    for action in ["approve", "reject"] {
        let answer = app
            .post_empty(
                &format!("{}/{action}", party(id, who::KERAMIKK_PARTY)),
                &oddny,
            )
            .await
            .expect(403);
        assert_eq!(answer.code(), "AUTH-00041");
    }
    app.get("/authentication/api/v1/systemuser/request/abc/x", &torleif)
        .await
        .expect(400);
    app.get(&party(id, 1), &torleif).await.expect(403);
    let without_portal = app
        .token(
            "GetPersonalToken",
            &[("pid", who::TORLEIF), ("scopes", "altinn:enduser")],
        )
        .await;
    app.post_empty(&format!("{path}/approve"), &without_portal)
        .await
        .expect(403);
    let weak = app
        .token(
            "GetPersonalToken",
            &[("pid", who::TORLEIF), ("scopes", PORTAL), ("authLvl", "2")],
        )
        .await;
    app.post_empty(&format!("{path}/approve"), &weak)
        .await
        .expect(403);
    app.post_empty(&format!("{path}/approve"), &torleif)
        .await
        .expect(200);
    assert_eq!(
        app.post_empty(&format!("{path}/approve"), &torleif)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    assert_eq!(
        app.post_empty(&format!("{path}/reject"), &torleif)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    assert_eq!(
        app.decide_system_user(id, "write", "a-melding", who::NATTERGAL)
            .await,
        "Permit"
    );
    assert_eq!(
        app.decide_system_user(id, "write", "a-melding", "290340306")
            .await,
        "Permit",
        "sub-units are covered"
    );
}

#[tokio::test]
async fn a_failing_delegation_check_creates_nothing_and_says_what_is_missing() {
    let app = TestApp::start().await;
    // A right-holder with tilgangsstyrer and lonn, not with pensjon.
    let borghild = app.person("05927921520").await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let mut body = request_body(who::NATTERGAL, &["lonn", "pensjon"]);
    body["externalRef"] = json!("with-pension");
    let id = app.post(VENDOR, &vendor, body).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = party(&id, who::NATTERGAL_PARTY);
    let problem = app
        .post_empty(&format!("{path}/approve"), &borghild)
        .await
        .expect(400)
        .problem();
    assert_eq!(problem["code"], "AUTH-00053");
    let reasons: Value =
        serde_json::from_str(problem["delegationReasons"].as_str().unwrap()).unwrap();
    assert_eq!(
        reasons,
        json!([{"type": "package", "id": "urn:altinn:accesspackage:pensjon", "codes": ["MissingPackageAccess"]}])
    );
    assert_eq!(
        app.count(&format!(
            "select count(*) from \"system_user\" where id = '{id}'"
        ))
        .await,
        0
    );
    assert_eq!(
        app.count(&format!("select count(*) from party where uuid = '{id}'"))
            .await,
        0
    );
    let torleif = app.person(who::TORLEIF).await;
    assert_eq!(app.get(&path, &torleif).await.json()["status"], "New");
    app.post_empty(&format!("{path}/approve"), &torleif)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_right_is_handed_out_key_by_key() {
    let app = TestApp::start().await;
    let vendor = app.vendor(who::SKYREGNSKAP).await;
    let oddny = app.person(who::ODDNY).await;
    let right =
        |value: &str| json!([{"resource": [{"id": "urn:altinn:resource", "value": value}]}]);
    let body = json!({"systemId": "390184387_skyregnskap", "partyOrgNo": who::KERAMIKK, "rights": right("arbeidstrening-avtale")});
    let id = app.post(VENDOR, &vendor, body).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.post_empty(
        &format!("{}/approve", party(&id, who::KERAMIKK_PARTY)),
        &oddny,
    )
    .await
    .expect(200);
    assert_eq!(
        app.decide_system_user(&id, "read", "arbeidstrening-avtale", who::KERAMIKK)
            .await,
        "Permit"
    );
    assert_eq!(
        app.decide_system_user(&id, "read", "arbeidstrening-avtale", who::NATTERGAL)
            .await,
        "NotApplicable"
    );
    assert_eq!(
        app.decide_system_user(&id, "burn", "arbeidstrening-avtale", who::KERAMIKK)
            .await,
        "NotApplicable"
    );
    let detail = app
        .get(
            &format!(
                "/authentication/api/v1/systemuser/{}/{id}",
                who::KERAMIKK_PARTY
            ),
            &oddny,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(detail["rights"], right("arbeidstrening-avtale"));
}

#[tokio::test]
async fn a_shrunken_or_deleted_system_stops_the_approval() {
    let app = TestApp::start().await;
    let oddny = app.person(who::ODDNY).await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let approve = format!("{}/approve", party(&id, who::KERAMIKK_PARTY));
    app.run_sql(r#"update system set access_packages = '[{"urn": "urn:altinn:accesspackage:lonn"}]' where system_id = '390198116_fjordlonn'"#).await;
    assert_eq!(
        app.post_empty(&approve, &oddny).await.expect(400).code(),
        "AUTH-00063"
    );
    app.run_sql("update system set is_deleted = true where system_id = '390198116_fjordlonn'")
        .await;
    assert_eq!(
        app.post_empty(&approve, &oddny).await.expect(404).code(),
        "AUTH-00011"
    );
    assert_eq!(
        app.get(&party(&id, who::KERAMIKK_PARTY), &oddny)
            .await
            .json()["status"],
        "New"
    );
    app.post_empty(
        &format!("{}/reject", party(&id, who::KERAMIKK_PARTY)),
        &oddny,
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn after_180_days_a_request_is_readable_rejectable_and_replaceable() {
    let app = TestApp::start().await;
    let (vendor, oddny) = (
        app.vendor(who::FJORDLONN).await,
        app.person(who::ODDNY).await,
    );
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let path = party(&id, who::KERAMIKK_PARTY);
    app.run_sql(&format!(
        "update request set created = now() - interval '179 days' where id = '{id}'"
    ))
    .await;
    assert_eq!(app.get(&path, &oddny).await.json()["timedOut"], false);
    app.run_sql(&format!(
        "update request set created = now() - interval '181 days' where id = '{id}'"
    ))
    .await;
    let read = app
        .get(&format!("{VENDOR}/{id}"), &vendor)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&read["status"], &read["timedOut"]),
        (&json!("New"), &json!(true))
    );
    assert_eq!(
        app.post_empty(&format!("{path}/approve"), &oddny)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    let new = app
        .post(VENDOR, &vendor, request_body(who::KERAMIKK, &["a-ordning"]))
        .await
        .expect(201)
        .json();
    assert_ne!(new["id"], json!(id));
    assert_eq!(
        app.get(&format!("{VENDOR}/{id}"), &vendor)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );
    let id = new["id"].as_str().unwrap();
    app.run_sql(&format!(
        "update request set created = now() - interval '181 days' where id = '{id}'"
    ))
    .await;
    app.post_empty(
        &format!("{}/reject", party(id, who::KERAMIKK_PARTY)),
        &oddny,
    )
    .await
    .expect(200);
    assert_eq!(
        app.post(VENDOR, &vendor, request_body(who::KERAMIKK, &["a-ordning"]))
            .await
            .expect(200)
            .json()["status"],
        "Rejected"
    );
}

#[tokio::test]
async fn twenty_posts_make_one_request_and_twenty_approvals_one_system_user() {
    let app = TestApp::start().await;
    let (vendor, oddny) = (
        app.vendor(who::FJORDLONN).await,
        app.person(who::ODDNY).await,
    );
    let posts =
        (0..20).map(|_| app.post(VENDOR, &vendor, request_body(who::KERAMIKK, &["a-ordning"])));
    let answers = futures::future::join_all(posts).await;
    let statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
    assert_eq!(
        (
            statuses.iter().filter(|s| **s == 201).count(),
            statuses.iter().filter(|s| **s == 200).count()
        ),
        (1, 19),
        "{statuses:?}"
    );
    let id = answers[0].json()["id"].as_str().unwrap().to_owned();
    assert!(answers.iter().all(|a| a.json()["id"] == json!(id)));
    let approve = format!("{}/approve", party(&id, who::KERAMIKK_PARTY));
    let approvals =
        futures::future::join_all((0..20).map(|_| app.post_empty(&approve, &oddny))).await;
    assert_eq!(approvals.iter().filter(|a| a.status == 200).count(), 1);
    assert!(
        approvals
            .iter()
            .filter(|a| a.status != 200)
            .all(|a| a.status == 409 && a.code() == "AUTH-00013")
    );
    assert_eq!(
        app.count(&format!(
            "select count(*) from \"system_user\" where id = '{id}'"
        ))
        .await,
        1
    );
}

#[tokio::test]
async fn approve_against_reject_has_one_winner() {
    let app = TestApp::start().await;
    let oddny = app.person(who::ODDNY).await;
    for n in 0..6 {
        let vendor = app.vendor(who::FJORDLONN).await;
        let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
        body["externalRef"] = json!(format!("race-{n}"));
        let id = app.post(VENDOR, &vendor, body).await.expect(201).json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let path = party(&id, who::KERAMIKK_PARTY);
        let (approved, rejected) = (format!("{path}/approve"), format!("{path}/reject"));
        let (a, r) = tokio::join!(
            app.post_empty(&approved, &oddny),
            app.post_empty(&rejected, &oddny)
        );
        let mut statuses = [a.status, r.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let status = app.get(&path, &oddny).await.json()["status"].clone();
        let users = app
            .count(&format!(
                "select count(*) from \"system_user\" where id = '{id}'"
            ))
            .await;
        assert_eq!(
            (a.status == 200, status == "Accepted", users == 1),
            (status == "Accepted", users == 1, a.status == 200)
        );
    }
}
