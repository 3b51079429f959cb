//! Change requests: a system user gets more, or less.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

const VENDOR: &str = "/authentication/api/v1/systemuser/changerequest/vendor";
const BASE: &str = "/authentication/api/v1/systemuser/changerequest";

fn packages(names: &[&str]) -> Value {
    names
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect()
}

fn rights(resources: &[&str]) -> Value {
    resources
        .iter()
        .map(|r| json!({"resource": [{"id": "urn:altinn:resource", "value": r}]}))
        .collect()
}

fn path(id: Uuid) -> String {
    format!(
        "{VENDOR}?correlation-id={id}&system-user-id={}",
        who::TINDEVANDRER_USER
    )
}

fn decision(id: Uuid, what: &str) -> String {
    format!("{BASE}/{}/{id}/{what}", who::TINDEVANDRER_PARTY)
}

#[tokio::test]
async fn a_change_is_asked_for_approved_and_decides_at_once() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let id = Uuid::new_v4();
    let body = json!({"requiredAccessPackages": packages(&["pensjon", "lonn"]), "unwantedAccessPackages": packages(&["a-ordning"]),
        "requiredRights": rights(&["inntektsmelding"]), "redirectUrl": "https://fjordlonn.example/kvittering"});
    let answer = app.post(&path(id), &token, body.clone()).await.expect(201);
    assert_eq!(
        answer.header("location"),
        format!("{}{BASE}/{id}", app.base)
    );
    let mut shown = answer.json();
    shown["created"].take();
    let text = shown
        .to_string()
        .replace(&id.to_string(), "ID")
        .replace(&app.base, "BASE");
    insta::assert_snapshot!(text, @r#"{"id":"ID","externalRef":"390367767","systemId":"390198116_fjordlonn","systemUserId":"3f794e70-3593-53d5-8174-1a3371cf43dc","partyOrgNo":"390367767","requiredRights":[{"resource":[{"id":"urn:altinn:resource","value":"inntektsmelding"}]}],"unwantedRights":[],"requiredAccessPackages":[{"urn":"urn:altinn:accesspackage:pensjon"},{"urn":"urn:altinn:accesspackage:lonn"}],"unwantedAccessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"}],"status":"New","redirectUrl":"https://fjordlonn.example/kvittering","confirmUrl":"BASE/accessmanagement/ui/systemuser/changerequest?id=ID&DONTCHOOSEREPORTEE=true","created":null,"timedOut":false}"#);
    // The same again, in other words.
    assert_eq!(
        app.post(
            &path(id),
            &token,
            json!({"requiredAccessPackages": packages(&["finnes-ikke"])})
        )
        .await
        .expect(200)
        .json()["id"],
        id.to_string()
    );
    for url in [
        format!("{VENDOR}/{id}"),
        format!(
            "{VENDOR}/byexternalref/{}/{}/{}",
            who::FJORDLONN_SYSTEM,
            who::TINDEVANDRER,
            who::TINDEVANDRER
        ),
    ] {
        assert_eq!(
            app.get(&url, &token).await.expect(200).json()["confirmUrl"],
            answer.json()["confirmUrl"]
        );
    }
    let listed = app
        .get(
            &format!("{VENDOR}/bysystem/{}", who::FJORDLONN_SYSTEM),
            &token,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        (listed["data"].as_array().unwrap().len(), &listed["links"]),
        (1, &json!({}))
    );

    let jostein = app.person(who::JOSTEIN).await;
    assert_eq!(
        app.get(
            &format!("{BASE}/{}/{id}", who::TINDEVANDRER_PARTY),
            &jostein
        )
        .await
        .expect(200)
        .json()["id"],
        id.to_string()
    );
    assert_eq!(
        app.get(&format!("{BASE}/{id}"), &jostein)
            .await
            .expect(200)
            .json()["partyId"],
        who::TINDEVANDRER_PARTY
    );
    assert_eq!(
        app.get(&format!("{BASE}/{id}"), &app.person(who::ODDNY).await)
            .await
            .expect(403)
            .code(),
        "AUTH-00066"
    );
    let open = app
        .get(
            &format!(
                "{BASE}/{}/{}/pending",
                who::TINDEVANDRER_PARTY,
                who::TINDEVANDRER
            ),
            &jostein,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(open[0]["id"], id.to_string());

    let before = app
        .count(&format!(
            "select sequence_no from \"system_user\" where id = '{}'",
            who::TINDEVANDRER_USER
        ))
        .await;
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "a-melding",
            who::TINDEVANDRER
        )
        .await,
        "Permit"
    );
    let user = format!(
        "/authentication/api/v1/systemuser/{}/{}",
        who::TINDEVANDRER_PARTY,
        who::TINDEVANDRER_USER
    );
    assert_eq!(
        app.post_empty(&decision(id, "approve"), &jostein)
            .await
            .expect(200)
            .json(),
        json!(true)
    );
    let held = app.get(&user, &jostein).await.expect(200).json();
    assert_eq!(held["accessPackages"], packages(&["lonn", "pensjon"]));
    assert_eq!(held["rights"], rights(&["inntektsmelding"]));
    assert!(
        app.count(&format!(
            "select sequence_no from \"system_user\" where id = '{}'",
            who::TINDEVANDRER_USER
        ))
        .await
            > before
    );
    assert_eq!(
        app.post_empty(&decision(id, "approve"), &jostein)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    assert_eq!(
        app.post(&path(id), &token, body).await.expect(200).json()["status"],
        "Accepted"
    );
    assert_eq!(
        app.count("select count(*) from outbox where subject_kind = 'change_request'")
            .await,
        2
    );

    // And away with what was given.
    let id = Uuid::new_v4();
    let less = json!({"unwantedRights": rights(&["inntektsmelding"]), "unwantedAccessPackages": packages(&["pensjon", "lonn", "jordbruk"])});
    app.post(&path(id), &token, less).await.expect(201);
    app.post_empty(&decision(id, "approve"), &jostein)
        .await
        .expect(200);
    let held = app.get(&user, &jostein).await.json();
    assert_eq!(
        (&held["accessPackages"], &held["rights"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "a-melding",
            who::TINDEVANDRER
        )
        .await,
        "NotApplicable"
    );
}

#[tokio::test]
async fn nothing_asked_for_is_no_change() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let id = Uuid::new_v4();
    let answer = app
        .post(&path(id), &token, json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&answer["status"], &answer["confirmUrl"], &answer["created"]),
        (
            &json!("NoChangeNeeded"),
            &json!(""),
            &json!("0001-01-01T00:00:00")
        )
    );
    assert_eq!(
        (&answer["systemUserId"], &answer["requiredRights"]),
        (&json!(who::TINDEVANDRER_USER), &json!([]))
    );
    app.get(&format!("{VENDOR}/{id}"), &token).await.expect(404);
    // An agent gets this answer too, and no other.
    let byra = app.vendor(who::SKYREGNSKAP).await;
    let agent = format!(
        "{VENDOR}?correlation-id={id}&system-user-id={}",
        who::TALLKNUSEREN_AGENT
    );
    assert_eq!(
        app.post(&agent, &byra, json!({})).await.expect(200).json()["status"],
        "NoChangeNeeded"
    );
    assert_eq!(
        app.post(
            &agent,
            &byra,
            json!({"requiredAccessPackages": packages(&["lonn"])})
        )
        .await
        .expect(404)
        .code(),
        "AUTH-00015"
    );
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let some = json!({"requiredAccessPackages": packages(&["pensjon"])});
    let ask = async |query: String, body: &Value| {
        app.post(&format!("{VENDOR}?{query}"), &token, body.clone())
            .await
    };
    let user = who::TINDEVANDRER_USER;
    let id = Uuid::new_v4();
    assert!(
        ask(format!("system-user-id={user}"), &some)
            .await
            .expect(400)
            .text
            .contains("correlation-id")
    );
    assert!(
        ask(
            format!("correlation-id={}&system-user-id={user}", Uuid::nil()),
            &some
        )
        .await
        .expect(400)
        .text
        .contains("correlation-id")
    );
    assert_eq!(
        ask(format!("correlation-id=x&system-user-id={user}"), &some)
            .await
            .error_keys(),
        ["correlation-id"]
    );
    assert_eq!(
        ask(format!("correlation-id={id}"), &some)
            .await
            .expect(404)
            .code(),
        "AUTH-00015"
    );
    ask(
        format!("correlation-id={user}&system-user-id={user}"),
        &some,
    )
    .await
    .expect(400);
    for (code, body) in [
        (
            "AUTH-00063",
            json!({"requiredAccessPackages": packages(&["jordbruk"])}),
        ),
        (
            "AUTH-00001",
            json!({"requiredRights": rights(&["kravogbetaling"])}),
        ),
        (
            "AUTH-00021",
            json!({"requiredAccessPackages": packages(&["pensjon"]), "redirectUrl": "https://evil.example/"}),
        ),
    ] {
        assert_eq!(
            ask(format!("correlation-id={id}&system-user-id={user}"), &body)
                .await
                .expect(400)
                .code(),
            code
        );
    }
    let nulls = ask(
        format!("correlation-id={id}&system-user-id={user}"),
        &json!({"requiredRights": null}),
    )
    .await;
    assert_eq!(nulls.error_keys(), ["RequiredRights"]);
    // Another vendor: neither the system user nor a used id is his.
    let other = app.vendor(who::SKYREGNSKAP).await;
    app.post(&path(id), &other, some.clone()).await.expect(401);
    ask(format!("correlation-id={id}&system-user-id={user}"), &some)
        .await
        .expect(201);
    let theirs =
        app.sql_text("select id::text from \"system_user\" where reportee_org_no = '390326572' and kind = 'standard' and not is_deleted").await;
    let taken = format!("{VENDOR}?correlation-id={id}&system-user-id={theirs}");
    let sky = json!({"requiredAccessPackages": packages(&["skatt-naering"])});
    assert_eq!(
        app.post(&taken, &other, sky.clone())
            .await
            .expect(400)
            .code(),
        "AUTH-00007"
    );
    assert_eq!(
        app.get(&format!("{VENDOR}/{id}"), &other)
            .await
            .expect(404)
            .code(),
        "AUTH-00011"
    );
    assert_eq!(
        app.delete(&format!("{VENDOR}/{id}"), &other)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );
    app.delete(&format!("{VENDOR}/{id}"), &token)
        .await
        .expect(202);
    app.delete(&format!("{VENDOR}/{id}"), &token)
        .await
        .expect(404);
    assert_eq!(
        ask(format!("correlation-id={id}&system-user-id={user}"), &some)
            .await
            .expect(409)
            .code(),
        "AUTH-00061"
    );
    assert_eq!(
        app.post(&taken, &other, sky).await.expect(409).code(),
        "AUTH-00061"
    );
}

#[tokio::test]
async fn who_may_approve_and_what_stops_it() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let (id, late) = (Uuid::new_v4(), Uuid::new_v4());
    for id in [id, late] {
        app.post(
            &path(id),
            &token,
            json!({"requiredAccessPackages": packages(&["pensjon"])}),
        )
        .await
        .expect(201);
    }
    let jostein = app.person(who::JOSTEIN).await;
    // An access manager of somebody else.
    let torleif = app.person(who::TORLEIF).await;
    assert_eq!(
        app.post_empty(
            &format!("{BASE}/{}/{id}/approve", who::NATTERGAL_PARTY),
            &torleif
        )
        .await
        .expect(403)
        .code(),
        "AUTH-00041"
    );
    assert_eq!(
        app.post_empty(
            &format!("{BASE}/{}/{id}/reject", who::NATTERGAL_PARTY),
            &torleif
        )
        .await
        .expect(403)
        .code(),
        "AUTH-00041"
    );
    app.post_empty(&decision(id, "approve"), &torleif)
        .await
        .expect(403);
    // The system lists less now: nothing is handed out, and the request stays open.
    app.run_sql(&format!(
        "update system set access_packages = '[]' where system_id = '{}'",
        who::FJORDLONN_SYSTEM
    ))
    .await;
    let refused = app
        .post_empty(&decision(id, "approve"), &jostein)
        .await
        .expect(400);
    assert_eq!(
        (
            refused.code().as_str(),
            refused.problem()["Invalid Urn Details : "].as_str()
        ),
        ("AUTH-00052", Some("urn:altinn:accesspackage:pensjon"))
    );
    assert_eq!(
        app.get(&format!("{VENDOR}/{id}"), &token).await.json()["status"],
        "New"
    );
    app.run_sql(&format!(
        "update change_request set created = now() - interval '181 days' where id = '{late}'"
    ))
    .await;
    assert_eq!(
        app.post_empty(&decision(late, "approve"), &jostein)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    assert_eq!(
        app.get(&format!("{VENDOR}/{late}"), &token).await.json()["timedOut"],
        true
    );
    app.post_empty(&decision(late, "reject"), &jostein)
        .await
        .expect(200);
    assert_eq!(
        app.post_empty(&decision(late, "reject"), &jostein)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    // The system user is gone: approving is no use, rejecting is.
    app.delete(
        &format!(
            "/authentication/api/v1/systemuser/{}/{}",
            who::TINDEVANDRER_PARTY,
            who::TINDEVANDRER_USER
        ),
        &jostein,
    )
    .await
    .expect(202);
    assert_eq!(
        app.post_empty(&decision(id, "approve"), &jostein)
            .await
            .expect(404)
            .code(),
        "AUTH-00015"
    );
    app.post_empty(&decision(id, "reject"), &jostein)
        .await
        .expect(200);
}

#[tokio::test]
async fn of_many_approvals_one_counts() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let id = Uuid::new_v4();
    app.post(
        &path(id),
        &token,
        json!({"requiredAccessPackages": packages(&["pensjon"])}),
    )
    .await
    .expect(201);
    let jostein = app.person(who::JOSTEIN).await;
    let url = decision(id, "approve");
    let answers = futures::future::join_all((0..10).map(|_| app.post_empty(&url, &jostein))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    assert!(
        answers
            .iter()
            .filter(|a| a.status != 200)
            .all(|a| a.code() == "AUTH-00013")
    );
}
