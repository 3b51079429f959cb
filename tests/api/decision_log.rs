//! Every decision leaves a row, and its caller can see it again, with an explanation
//! if wanted.

use std::process::Command;

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::*;

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";
const ADMIN: &str = "altinn:authorization/authorize.admin";
const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
const ORGANIZATION: &str = "urn:altinn:organization:identifier-no";
/// Owner of resource `a-melding`.
const SAV: &str = who::SAV;

fn again(id: &str) -> String {
    format!("/systembruker/api/v1/decisions/{id}")
}

fn own(action: &str) -> Value {
    decision_request(
        (SYSTEM_USER, who::TINDEVANDRER_USER),
        action,
        "a-melding",
        (ORGANIZATION, who::TINDEVANDRER),
    )
}

async fn owner_of(app: &TestApp, resource: &str) -> String {
    app.owner_of_resource(resource).await
}

async fn flush(app: &TestApp) {
    app.running.state.pdp.log().flush().await;
}

#[tokio::test]
async fn each_part_of_a_request_leaves_a_row() {
    let app = TestApp::start().await;
    let attribute = |id: &str, value: &str| json!({"AttributeId": id, "Value": value});
    let body = json!({"Request": {
        "AccessSubject": [{"Id": "s1", "Attribute": [attribute(SYSTEM_USER, who::TINDEVANDRER_USER)]},
            {"Id": "s2", "Attribute": [attribute("urn:altinn:person:identifier-no", who::ODDNY)]}],
        "Action": [{"Id": "a1", "Attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write")]}],
        "Resource": [
            {"Id": "r1", "Attribute": [attribute("urn:altinn:resource", "a-melding"), attribute(ORGANIZATION, who::TINDEVANDRER)]},
            {"Id": "r2", "Attribute": [attribute("urn:altinn:resource", "no-such\u{1}"), attribute(ORGANIZATION, who::KERAMIKK)]}],
        "MultiRequests": {"RequestReference": [{"ReferenceId": ["s1", "a1", "r1"]}, {"ReferenceId": ["s2", "a1", "r1"]}, {"ReferenceId": ["s1", "a1", "r2"]}]},
    }});
    let token = app.organization(SAV, AUTHORIZE).await;
    let answer = app.post(AUTHORIZE_PATH, &token, body).await.expect(200);
    let id = answer.header("systembruker-decision-id").to_owned();
    flush(&app).await;
    let rows = app.logged_parts(&id).await;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.part,
                row.decision,
                row.status_code.as_str(),
                row.reason.as_str(),
                row.resource.as_deref(),
                row.resource_party_id,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                0,
                1,
                "ok",
                "access_package",
                Some("a-melding"),
                Some(who::TINDEVANDRER_PARTY)
            ),
            (
                1,
                4,
                "ok",
                "no_applicable_rule",
                Some("a-melding"),
                Some(who::TINDEVANDRER_PARTY)
            ),
            (
                2,
                3,
                "processing-error",
                "unknown_resource",
                Some("no-such\u{1}"),
                None
            ),
        ]
    );
    assert!(
        rows[0].context.contains("urn:altinn:accesspackage"),
        "what was added is there: {}",
        rows[0].context
    );
    let oddny = app.uuid_of_role_holder(who::KERAMIKK).await;
    assert!(
        !rows.iter().any(|row| row.context.contains(who::ODDNY)),
        "no identity number is stored"
    );
    assert!(
        rows[1].context.contains(&oddny),
        "{} replaces the person in {}",
        oddny,
        rows[1].context
    );
    let first = &rows[0];
    assert_eq!(
        (
            first.caller_org.as_str(),
            first.address.as_str(),
            first.endpoint.as_str()
        ),
        (SAV, "127.0.0.0/24", "external")
    );
}

#[tokio::test]
async fn every_endpoint_writes() {
    let app = TestApp::with(&[("pdp.subscription_keys", "a-key-that-is-long-enough")]).await;
    let keyed = |path: &'static str, body: Value| {
        app.http
            .post(format!("{}{path}", app.base))
            .header("Ocp-Apim-Subscription-Key", "a-key-that-is-long-enough")
            .json(&body)
            .send()
    };
    let internal = Answer::of(
        keyed("/authorization/api/v1/decision", own("write"))
            .await
            .unwrap(),
    )
    .await
    .expect(200);
    let token = app.organization(SAV, AUTHORIZE).await;
    let question = json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": "write"},
        "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": who::TINDEVANDRER}}});
    let authzen = app
        .post("/access/v1/evaluation", &token, question.clone())
        .await
        .expect(200);
    let mut refused = question;
    refused["subject"]["id"] = json!("unknown");
    let refused = app
        .post("/access/v1/evaluation", &token, refused)
        .await
        .expect(200);
    let inspected = json!({"token": "a.b.c", "checks": [{"resource": "a-melding", "action": "write"}, {"resource": "a-melding", "action": "read"}]});
    let inspected = app
        .post(
            "/authorization/api/v1/systemuser/authorize",
            &token,
            inspected,
        )
        .await
        .expect(200);
    for (answer, endpoint, reasons) in [
        (&internal, "internal", vec!["access_package"]),
        (&authzen, "authzen", vec!["access_package"]),
        (&refused, "authzen", vec!["unknown_subject"]),
        (
            &inspected,
            "token",
            vec!["malformed_token", "malformed_token"],
        ),
    ] {
        let id = answer.header("systembruker-decision-id");
        let path = format!("{}{}", app.base, again(id));
        let shown = app
            .http
            .get(path)
            .header("Ocp-Apim-Subscription-Key", "a-key-that-is-long-enough");
        let shown = if endpoint == "internal" {
            shown
        } else {
            shown.bearer_auth(&token)
        };
        let shown = Answer::of(shown.send().await.unwrap())
            .await
            .expect(200)
            .json();
        assert_eq!(shown["endpoint"], endpoint);
        let stored: Vec<&str> = shown["decisions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["reason"].as_str().unwrap())
            .collect();
        assert_eq!(stored, reasons);
    }
    assert_eq!(app.logged_with("a.b.c").await, 0, "tokens are not stored");
}

#[tokio::test]
async fn only_the_caller_that_got_an_answer_sees_it_again() {
    let app = TestApp::start().await;
    let token = app.organization(SAV, AUTHORIZE).await;
    let id = app
        .post(AUTHORIZE_PATH, &token, own("write"))
        .await
        .expect(200)
        .header("systembruker-decision-id")
        .to_owned();
    let shown = app.get(&again(&id), &token).await.expect(200).json();
    assert_eq!(shown["decisionId"], id.as_str());
    let decision = &shown["decisions"][0];
    assert_eq!(
        (
            &decision["decision"],
            &decision["resource"],
            &decision["action"],
            &decision["policyVersion"]
        ),
        (
            &json!("Permit"),
            &json!("a-melding"),
            &json!("write"),
            &json!(1)
        )
    );
    assert_eq!(decision["resourcePartyId"], who::TINDEVANDRER_PARTY);
    assert_eq!(decision["subjectPartyUuid"], who::TINDEVANDRER_USER);
    app.get(
        &again(&id),
        &app.organization(who::HAVBLIKK, AUTHORIZE).await,
    )
    .await
    .expect(404);
    app.get(&again(&id), &app.organization(SAV, REQUEST_READ).await)
        .await
        .expect(403);
    app.send(Method::GET, &again(&id), None, None)
        .await
        .expect(401);
    app.get(&again("not-a-uuid"), &token).await.expect(400);
    app.get(&again(&uuid::Uuid::new_v4().to_string()), &token)
        .await
        .expect(404);
    app.get(&again(&uuid::Uuid::now_v7().to_string()), &token)
        .await
        .expect(404);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_changes_no_answer() {
    let app = TestApp::start().await;
    let token = app.organization(SAV, AUTHORIZE).await;
    app.take_decision_log_away().await;
    for _ in 0..5 {
        let answer = app
            .post(AUTHORIZE_PATH, &token, own("write"))
            .await
            .expect(200)
            .json();
        assert_eq!(answer["response"][0]["decision"], "Permit");
    }
    flush(&app).await;
    app.bring_decision_log_back().await;
    // It is tried again within a second or so, and then written as before.
    let id = async || {
        app.post(AUTHORIZE_PATH, &token, own("write"))
            .await
            .expect(200)
            .header("systembruker-decision-id")
            .to_owned()
    };
    let mut stored = false;
    for _ in 0..40 {
        stored = app.get(&again(&id().await), &token).await.status == 200;
        if stored {
            break;
        }
    }
    assert!(stored, "the log is written again");
}

#[tokio::test]
async fn a_permit_is_explained_by_its_rule_and_its_grant() {
    let app = TestApp::start().await;
    let owner = owner_of(&app, "a-melding").await;
    let token = app.organization(&owner, AUTHORIZE).await;
    let plain = app
        .post(AUTHORIZE_PATH, &token, own("write"))
        .await
        .expect(200)
        .json();
    let mut explained = app
        .post(
            &format!("{AUTHORIZE_PATH}?explain=true"),
            &token,
            own("write"),
        )
        .await
        .expect(200)
        .json();
    let explanation = explained["response"][0]
        .as_object_mut()
        .unwrap()
        .shift_remove("explanation")
        .unwrap();
    assert_eq!(explained, plain, "the answer is the same otherwise");
    assert_eq!(explanation["reason"], "access_package");
    let codes: Vec<&str> = explanation["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "resource_found",
            "party_found",
            "system_user_found",
            "system_user_live",
            "acts_for_owner",
            "packages_held",
            "no_rights",
            "rule_permits",
            "level_required"
        ]
    );
    for step in explanation["steps"].as_array().unwrap() {
        assert!(
            ["nb", "nn", "en"]
                .iter()
                .all(|l| step["text"][l].as_str().is_some_and(|t| !t.is_empty())),
            "{step}"
        );
    }
    let rule = &explanation["steps"][7]["facts"]["rule"];
    let deciding = explanation["policy"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["id"] == *rule)
        .unwrap();
    assert_eq!(
        (&deciding["outcome"], &deciding["effect"]),
        (&json!("Permit"), &json!("Permit"))
    );
    let grant = &explanation["grants"][0];
    assert_eq!(
        (
            &grant["kind"],
            grant["package"]
                .as_str()
                .unwrap()
                .starts_with("urn:altinn:accesspackage:")
        ),
        (&json!("access_package"), true)
    );
    let party = app.uuid_of(who::TINDEVANDRER).await;
    assert_eq!(grant["from"], party);
    // And again by its id.
    let answer = app
        .post(
            &format!("{AUTHORIZE_PATH}?explain=true"),
            &token,
            own("write"),
        )
        .await
        .expect(200);
    let shown = app
        .get(&again(answer.header("systembruker-decision-id")), &token)
        .await
        .expect(200)
        .json();
    assert_eq!(shown["decisions"][0]["explanation"], explanation);
}

#[tokio::test]
async fn a_no_is_explained_by_the_nearest_miss() {
    let app = TestApp::start().await;
    let token = app.organization(SAV, ADMIN).await;
    let explain = async |body: Value| {
        let answer = app
            .post(&format!("{AUTHORIZE_PATH}?explain=true"), &token, body)
            .await
            .expect(200);
        assert!(
            !answer.text.contains(who::ODDNY),
            "the answer contains no identity number"
        );
        answer.json()["response"][0]["explanation"].clone()
    };
    let codes = |explanation: &Value| -> Vec<String> {
        explanation["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let action = explain(own("sign")).await;
    assert_eq!(action["nearestMiss"]["missing"], "action");
    assert!(
        action["nearestMiss"]["known"]
            .as_array()
            .unwrap()
            .contains(&json!("write"))
    );
    let foreign = explain(decision_request(
        (SYSTEM_USER, who::TINDEVANDRER_USER),
        "write",
        "a-melding",
        (ORGANIZATION, who::KERAMIKK),
    ))
    .await;
    assert_eq!(foreign["nearestMiss"]["missing"], "subject");
    assert!(
        foreign["nearestMiss"]["needsOneOf"]
            .as_array()
            .unwrap()
            .iter()
            .any(|n| n["type"] == "urn:altinn:accesspackage")
    );
    assert!(
        codes(&foreign).contains(&"no_relation".to_owned())
            && codes(&foreign).contains(&"no_packages".to_owned())
    );
    let person = ("urn:altinn:person:identifier-no", who::ODDNY);
    assert!(
        codes(
            &explain(decision_request(
                person,
                "sign",
                "a-melding",
                (ORGANIZATION, who::KERAMIKK)
            ))
            .await
        )
        .contains(&"roles_held".to_owned())
    );
    let unknown = explain(decision_request(
        (SYSTEM_USER, "11111111-1111-4111-8111-111111111111"),
        "write",
        "a-melding",
        (ORGANIZATION, who::KERAMIKK),
    ))
    .await;
    assert_eq!(
        codes(&unknown),
        ["resource_found", "party_found", "system_user_unknown"]
    );
    let nothing = explain(decision_request(
        (SYSTEM_USER, who::TINDEVANDRER_USER),
        "write",
        "no-such",
        (ORGANIZATION, who::KERAMIKK),
    ))
    .await;
    assert_eq!(codes(&nothing), ["resource_unknown"]);
    let contradictory = json!({"AttributeId": "urn:altinn:partyid", "Value": "52000091"});
    let mut two = own("write");
    two["Request"]["Resource"][0]["Attribute"]
        .as_array_mut()
        .unwrap()
        .push(contradictory);
    assert_eq!(
        codes(&explain(two).await),
        ["resource_found", "party_contradictory"]
    );
    let agent = explain(decision_request(
        (SYSTEM_USER, who::TALLKNUSEREN_AGENT),
        "write",
        "a-melding",
        (ORGANIZATION, who::KERAMIKK),
    ))
    .await;
    assert!(codes(&agent).contains(&"system_user_live".to_owned()));
    let faulty = explain(json!({"Request": {"Resource": [{"Attribute": [{"AttributeId": "urn:altinn:resource", "Value": "a-melding"}]}]}})).await;
    assert_eq!(codes(&faulty), ["request_faulty"]);
}

#[tokio::test]
async fn only_those_concerned_get_the_reason() {
    let app = TestApp::start().await;
    let foreign = app.organization(who::HAVBLIKK, AUTHORIZE).await;
    app.post(AUTHORIZE_PATH, &foreign, own("write"))
        .await
        .expect(200);
    app.post(
        &format!("{AUTHORIZE_PATH}?explain=true"),
        &foreign,
        own("write"),
    )
    .await
    .expect(403);
    app.post(
        &format!("{AUTHORIZE_PATH}?explain=perhaps"),
        &foreign,
        own("write"),
    )
    .await
    .expect(400);
    let question = |explain: Value| {
        json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": "write"}, "context": {"explain": explain},
            "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": who::TINDEVANDRER}}})
    };
    let ask = async |token: &str, explain: Value| {
        app.post("/access/v1/evaluation", token, question(explain))
            .await
    };
    ask(&foreign, json!(true)).await.expect(403);
    ask(&foreign, json!("yes")).await.expect(400);
    assert!(
        ask(&foreign, json!(false)).await.expect(200).json()["context"]
            .get("explanation")
            .is_none()
    );
    let admin = app.organization(who::HAVBLIKK, ADMIN).await;
    assert_eq!(
        ask(&admin, json!(true)).await.expect(200).json()["context"]["explanation"]["reason"],
        "access_package"
    );
}

#[tokio::test]
async fn the_log_is_exported_as_lines_and_as_a_table() {
    let app = TestApp::start().await;
    let token = app.organization(SAV, AUTHORIZE).await;
    for action in ["write", "sign", "read"] {
        app.post(AUTHORIZE_PATH, &token, own(action))
            .await
            .expect(200);
    }
    flush(&app).await;
    let export = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_systembruker"));
        command
            .args(["decisions", "export", "--from", "2020-01-01", "--data-dir"])
            .arg(home().join("sandbox"))
            .args(arguments);
        let output = command
            .env("DATABASE_URL", app.database.expose_secret())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, lines, errors) = export(&[]);
    assert_eq!(
        (code, errors.contains("3 decisions from")),
        (0, true),
        "{errors}"
    );
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let operations: Vec<&str> = lines
        .iter()
        .map(|l| l["operation"].as_str().unwrap())
        .collect();
    assert_eq!(operations, ["write", "sign", "read"], "in order of time");
    assert_eq!(
        (&lines[0]["decision"], &lines[1]["decision"]),
        (&json!(1), &json!(4))
    );
    let categories: Vec<&str> = lines[0]["contextRequestJson"]["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["category"].as_str().unwrap())
        .collect();
    assert!(categories.contains(&"urn:oasis:names:tc:xacml:1.0:subject-category:access-subject"));
    let (code, table, _) = export(&["--format", "csv"]);
    assert_eq!((code, table.lines().count()), (0, 4));
    assert!(table.starts_with("created,sessionId,subjectUserId"));
    assert_eq!(
        export(&["--to", "2020-01-02"]).1,
        "",
        "nothing was decided then"
    );
    let (code, _, errors) = export(&["--to", "2019-01-01"]);
    assert!(
        code != 0 && errors.contains("--from must be before --to"),
        "{errors}"
    );
}

#[tokio::test]
async fn partitions_are_of_a_day_and_go_when_they_expire() {
    let app = TestApp::start().await;
    let today = app.decision_partitions(None).await;
    assert_eq!(today, 1);
    app.make_decision_partition_of_2020().await;
    foundation::retention::drop_expired_decisions(&app.running.state.db, 12)
        .await
        .unwrap();
    assert_eq!(app.decision_partitions(Some("20200131")).await, 0);
    assert_eq!(app.decision_partitions(None).await, 1);
}

/// A question with an identity number in every place that a caller fills: names and values of
/// attributes, resource, instance, action, session.
fn question_full_of_identity_numbers() -> Value {
    let pid = who::ODDNY;
    let attribute = |id: &str, value: String| json!({"AttributeId": id, "Value": value});
    json!({"Request": {
        "AccessSubject": [{"Attribute": [
            attribute("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER.to_owned()),
            attribute("urn:altinn:sessionid", format!("s{pid}")),
            attribute("urn:note", format!("urn:altinn:person:identifier-no:{pid}")),
            attribute(&format!("urn:name:{pid}"), format!(" {pid}")),
        ]}],
        "Action": [{"Attribute": [
            attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", format!("read-{pid}")),
        ]}],
        "Resource": [{"Attribute": [
            attribute("urn:altinn:resource", format!("ressurs_{pid}")),
            attribute("urn:altinn:resource:instance-id", format!("53000030/{pid}")),
            attribute("urn:altinn:organization:identifier-no", who::TINDEVANDRER.to_owned()),
        ]}],
    }})
}

#[tokio::test]
async fn no_identity_number_is_stored_wherever_a_caller_puts_it() {
    let app = TestApp::start().await;
    let token = app.organization(SAV, AUTHORIZE).await;
    app.post(
        "/authorization/api/v1/authorize",
        &token,
        question_full_of_identity_numbers(),
    )
    .await
    .expect(200);
    app.running.state.pdp.log().flush().await;

    let stored = app.logged_text().await;

    assert!(stored.contains("53000030/***********"), "{stored}");
    assert!(!stored.contains(who::ODDNY), "{stored}");
}
