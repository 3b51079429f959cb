//! Decisions as `AuthZEN` asks for them: the same decisions, in other words.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const ONE: &str = "/access/v1/evaluation";
const MANY: &str = "/access/v1/evaluations";

/// May Tindevandrer's system user do this with a resource, for Tindevandrer?
fn question(action: &str, resource: &str) -> Value {
    json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": action},
        "resource": {"type": "resource", "id": resource, "properties": {"organization": who::TINDEVANDRER}}})
}

fn with(mut question: Value, pointer: &str, value: Value) -> Value {
    *question.pointer_mut(pointer).unwrap() = value;
    question
}

#[tokio::test]
async fn a_question_is_answered_as_the_decision_point_decides() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let ask = async |body: Value| app.post(ONE, &token, body).await.expect(200).json();
    let yes = ask(question("write", "a-melding")).await;
    insta::assert_snapshot!(yes.to_string(), @r#"{"decision":true,"context":{"reason":"access_package","xacml":{"decision":"Permit","status_code":"urn:oasis:names:tc:xacml:1.0:status:ok"},"minimum_authentication_level":3,"granted_by":"access_package:a-ordning"}}"#);
    let no = ask(question("sign", "a-melding")).await;
    assert_eq!(
        (&no["decision"], &no["context"]["reason"]),
        (&json!(false), &json!("no_applicable_rule"))
    );
    // The same question from other viewpoints.
    let party = app.uuid_of(who::TINDEVANDRER).await;
    for properties in [
        json!({"organization": format!("0192:{}", who::TINDEVANDRER)}),
        json!({"party_id": who::TINDEVANDRER_PARTY}),
        json!({"party_id": who::TINDEVANDRER_PARTY.to_string()}),
        json!({"party_uuid": party}),
    ] {
        assert_eq!(
            ask(with(
                question("write", "a-melding"),
                "/resource/properties",
                properties.clone()
            ))
            .await,
            yes,
            "{properties}"
        );
    }
    for id in [
        who::TINDEVANDRER.to_owned(),
        format!(
            "urn:altinn:organization:identifier-no:{}",
            who::TINDEVANDRER
        ),
    ] {
        let resource = json!({"type": "party", "id": id, "properties": {"resource": "a-melding"}});
        assert_eq!(
            ask(with(question("write", "a-melding"), "/resource", resource)).await,
            yes
        );
    }
    let urn = with(
        question("write", "a-melding"),
        "/subject/type",
        json!("urn:altinn:systemuser:uuid"),
    );
    assert_eq!(ask(urn).await, yes);
    let context = json!({"ip": "10.0.0.1", "risk": 0.5, "known": true, "list": ["a", 1], "nested": {"a": null}, "urn:x:y": "z"});
    let mut asked = question("write", "a-melding");
    asked["context"] = context;
    assert_eq!(
        ask(asked).await,
        yes,
        "what no policy reads changes nothing"
    );
}

#[tokio::test]
async fn each_no_has_its_reason() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let good = || question("write", "a-melding");
    let cases = [
        (
            "unknown_subject",
            with(good(), "/subject/id", json!("not-a-uuid")),
        ),
        (
            "unknown_subject",
            with(good(), "/subject/id", json!(uuid::Uuid::new_v4())),
        ),
        (
            "unknown_subject",
            with(good(), "/subject/type", json!("robot")),
        ),
        (
            "unknown_resource",
            with(good(), "/resource/type", json!("record")),
        ),
        (
            "unknown_resource",
            with(good(), "/resource/id", json!("no-such-resource")),
        ),
        (
            "missing_party",
            with(good(), "/resource/properties", json!({})),
        ),
        (
            "unknown_party",
            with(
                good(),
                "/resource/properties",
                json!({"organization": "399999999"}),
            ),
        ),
        (
            "unknown_party",
            with(
                good(),
                "/resource",
                json!({"type": "party", "id": "unknown", "properties": {"resource": "a-melding"}}),
            ),
        ),
        (
            "no_applicable_rule",
            with(
                good(),
                "/resource/properties",
                json!({"organization": who::KERAMIKK}),
            ),
        ),
    ];
    for (reason, body) in cases {
        let answer = app.post(ONE, &token, body.clone()).await.expect(200).json();
        assert_eq!(
            (&answer["decision"], &answer["context"]["reason"]),
            (&json!(false), &json!(reason)),
            "{body}"
        );
    }
    for (properties, expected) in [
        (
            json!({"system_id": who::FJORDLONN_SYSTEM, "owner": who::TINDEVANDRER, "colour": 7}),
            "access_package",
        ),
        (
            json!({"system_id": "390184387_skyregnskap"}),
            "subject_mismatch",
        ),
        (json!({"owner": who::KERAMIKK}), "subject_mismatch"),
        (json!({"owner": [who::TINDEVANDRER]}), "subject_mismatch"),
        (json!({"owner": 390_367_767}), "subject_mismatch"),
        (
            json!({"system_id": {"id": who::FJORDLONN_SYSTEM}}),
            "subject_mismatch",
        ),
    ] {
        let mut asked = good();
        asked["subject"]["properties"] = properties;
        assert_eq!(
            app.post(ONE, &token, asked).await.expect(200).json()["context"]["reason"],
            expected
        );
    }
    let mut asked = good();
    asked["context"] = json!({"access_token": "a.b.c"});
    assert_eq!(
        app.post(ONE, &token, asked).await.expect(200).json()["context"]["reason"],
        "malformed_token"
    );
}

#[tokio::test]
async fn what_is_no_question_is_refused_in_plain_text() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let mut twice = question("read", "a-melding");
    twice["resource"]["properties"]["party_id"] = json!(1);
    for (body, message) in [
        (json!({}), "subject is required"),
        (json!([]), "the body must be a JSON object"),
        (
            with(question("read", "x"), "/action", json!({})),
            "action.name is required",
        ),
        (
            with(question("read", "x"), "/subject/id", json!(7)),
            "subject.id must be a string",
        ),
        (twice, "one party"),
    ] {
        let answer = app.post(ONE, &token, body).await.expect(400);
        assert!(
            answer.text.contains(message)
                && answer.header("content-type").starts_with("text/plain"),
            "{}",
            answer.text
        );
    }
    let send = async |content_type: Option<&str>, body: &'static str| {
        let mut request = app
            .http
            .post(format!("{}{ONE}", app.base))
            .bearer_auth(&token)
            .header("x-request-id", "mine")
            .body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        Answer::of(request.send().await.unwrap()).await
    };
    for (content_type, body) in [
        (None, "{}"),
        (Some("text/plain"), "{}"),
        (Some("application/json"), "{"),
        (Some("application/json"), ""),
    ] {
        let answer = send(content_type, body).await.expect(400);
        assert_eq!(answer.header("x-request-id"), "mine");
    }
    assert!(
        !app.post(ONE, &token, question("read", "a-melding"))
            .await
            .header("x-request-id")
            .is_empty()
    );
    app.send(Method::POST, ONE, None, Some(json!({})))
        .await
        .expect(401);
    app.post(
        ONE,
        &app.organization(who::SAV, REQUEST_READ).await,
        json!({}),
    )
    .await
    .expect(403);
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_stops_where_it_shall() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let ask = async |semantic: Option<&str>, actions: &[&str]| {
        let mut body = question("write", "a-melding");
        body["evaluations"] = actions
            .iter()
            .map(|action| json!({"action": {"name": action}}))
            .collect();
        if let Some(semantic) = semantic {
            body["options"] = json!({"evaluations_semantic": semantic, "other": 1});
        }
        let answer = app.post(MANY, &token, body).await.expect(200).json();
        assert!(answer.get("decision").is_none());
        answer["evaluations"].as_array().unwrap().clone()
    };
    let decisions = |answers: &[Value]| {
        answers
            .iter()
            .map(|a| a["decision"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        decisions(&ask(None, &["write", "sign", "read"]).await),
        [true, false, true]
    );
    assert_eq!(
        decisions(&ask(Some("execute_all"), &["sign", "write"]).await),
        [false, true]
    );
    let stopped = ask(Some("deny_on_first_deny"), &["write", "sign", "read"]).await;
    assert_eq!(decisions(&stopped), [true, false]);
    let context = &stopped[1]["context"];
    assert_eq!(
        (&context["reason"], &context["short_circuit"]),
        (&json!("no_applicable_rule"), &json!("deny_on_first_deny"))
    );
    assert_eq!(
        decisions(&ask(Some("permit_on_first_permit"), &["sign", "write", "read"]).await),
        [false, true]
    );
    assert_eq!(
        decisions(&ask(Some("permit_on_first_permit"), &["sign", "sign"]).await),
        [false, false]
    );
    // Without a list it is a single question, and answered as one.
    let single = app
        .post(ONE, &token, question("write", "a-melding"))
        .await
        .json();
    for list in [None, Some(json!([]))] {
        let mut body = question("write", "a-melding");
        if let Some(list) = list {
            body["evaluations"] = list;
        }
        assert_eq!(
            app.post(MANY, &token, body).await.expect(200).json(),
            single
        );
    }
    // The answer to a wrong item is in the place of the item.
    let mut body = question("write", "a-melding");
    body["evaluations"] = json!([{}, {"action": {}}, {"resource": {"type": "resource", "id": "none", "properties": {"organization": who::TINDEVANDRER}}}]);
    let answers = app.post(MANY, &token, body).await.expect(200).json()["evaluations"].clone();
    assert_eq!(answers[0]["decision"], true);
    assert_eq!(
        (
            &answers[1]["decision"],
            &answers[1]["context"]["error"]["status"]
        ),
        (&json!(false), &json!(400))
    );
    assert_eq!(answers[2]["context"]["error"]["status"], 404);
    for (member, value) in [
        ("subject", json!("x")),
        ("evaluations", json!({})),
        ("options", json!({"evaluations_semantic": "some"})),
    ] {
        let mut body = question("write", "a-melding");
        body["evaluations"] = json!([{}]);
        body[member] = value;
        app.post(MANY, &token, body).await.expect(400);
    }
}

#[tokio::test]
async fn the_metadata_names_the_endpoints() {
    let app = TestApp::start().await;
    let answer = app
        .send(
            Method::GET,
            "/.well-known/authzen-configuration",
            None,
            None,
        )
        .await
        .expect(200);
    assert_eq!(
        (
            answer.header("content-type"),
            answer.header("cache-control")
        ),
        ("application/json", "max-age=3600")
    );
    let body = answer.json();
    assert_eq!(body["policy_decision_point"], app.base);
    assert_eq!(
        body["access_evaluation_endpoint"],
        format!("{}{ONE}", app.base)
    );
    assert_eq!(
        body["access_evaluations_endpoint"],
        format!("{}{MANY}", app.base)
    );
}
