//! Bodies of the decision endpoints: what is read twice, and what comes before them.

use serde_json::{Value, json};
use testkit::prelude::*;

const INTERNAL: &str = "/authorization/api/v1/decision";
const TOKEN: &str = "/authorization/api/v1/systemuser/authorize";
const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SEARCH: &str = "/access/v1/search/action";
const MARK: &str = "\u{feff}";

/// May Tindevandrer's system user send its a-melding?
fn xacml() -> Value {
    question(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER)
}

fn authzen() -> Value {
    json!({"subject": {"type": "systemuser", "id": &*TINDEVANDRER_USER.id}, "action": {"name": "write"},
        "resource": {"type": "resource", "id": A_MELDING.0, "properties": {"organization": TINDEVANDRER.number}}})
}

async fn token_check(world: &World) -> Value {
    let parameters = [
        ("systemUserId", &*TINDEVANDRER_USER.id),
        ("systemUserOrg", TINDEVANDRER.number),
        ("scopes", "test:scope"),
    ];
    let token = world.app.token("GetSystemUserToken", &parameters).await;
    json!({"token": token, "checks": [{"resource": A_MELDING.0, "action": "write"}]})
}

/// The text with one more member of the same name before the one that is there.
fn doubled(body: &Value, member: &str, other: &str) -> String {
    let text = body.to_string();
    let at = text.find(&format!("\"{member}\":")).expect(member);
    format!("{}{other},{}", &text[..at], &text[at..])
}

#[tokio::test]
async fn a_member_twice_is_refused_by_service_owners_decisions() {
    let world = World::start().await;
    for (member, other) in [
        ("Resource", r#""Resource":[]"#),
        ("Resource", r#""resource":[]"#),
        ("Resource", r#""RESOURCE":[]"#),
        ("Value", r#""VALUE":"x""#),
        ("Request", r#""Other":[{"a":1,"A":2}]"#),
    ] {
        let body = doubled(&xacml(), member, other);
        let answer = world.sav().post_text(AUTHORIZE_PATH, &body).await;
        assert!(!answer.error_keys().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_member_twice_is_no_request_for_the_platforms_own_parts() {
    let world = World::start().await;
    for (member, other) in [
        ("Resource", r#""Resource":[]"#),
        ("AttributeId", r#""attributeID":"urn:x""#),
    ] {
        let body = doubled(&xacml(), member, other);
        let answer = world.sav().post_text(INTERNAL, &body).await;
        let result = answer.assert_status(200).json()["response"][0].clone();
        assert_eq!(
            (
                &result["decision"],
                &result["status"]["statusCode"]["value"]
            ),
            (
                &json!("Indeterminate"),
                &json!("urn:oasis:names:tc:xacml:1.0:status:syntax-error")
            ),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_member_twice_is_refused_with_a_token() {
    let world = World::start().await;
    let check = token_check(&world).await;
    for (member, other) in [
        ("checks", r#""checks":[]"#),
        ("checks", r#""Checks":[]"#),
        ("resource", r#""resource":"mva-melding""#),
        ("action", r#""ACTION":"read""#),
    ] {
        let body = doubled(&check, member, other);
        let answer = world.sav().post_text(TOKEN, &body).await;
        assert!(!answer.error_keys().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_member_twice_is_refused_by_authzen() {
    let world = World::start().await;
    let mut batch = authzen();
    batch["evaluations"] = json!([{}]);
    let search = json!({"subject": authzen()["subject"], "resource": authzen()["resource"]});
    for (path, body) in [
        (EVALUATION, authzen()),
        (EVALUATIONS, batch),
        (SEARCH, search),
    ] {
        for (member, other) in [
            ("subject", r#""subject":{"type":"systemuser","id":"x"}"#),
            ("organization", r#""organization":"390326572""#),
        ] {
            let body = doubled(&body, member, other);
            let answer = world.sav().post_text(path, &body).await;
            let answer = answer.assert_status(400);
            assert!(
                answer.header("content-type").starts_with("text/plain")
                    && answer.text.contains("twice"),
                "{body}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn members_of_authzen_have_one_case_of_letters() {
    let world = World::start().await;
    let body = doubled(&authzen(), "subject", r#""Subject":{"type":"x"}"#);
    let answer = world.sav().post_text(EVALUATION, &body).await;
    assert_eq!(answer.assert_status(200).json()["decision"], true);
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_changes_nothing() {
    let world = World::start().await;
    let check = token_check(&world).await;
    for (path, body, permitted) in [
        (AUTHORIZE_PATH, xacml(), "/response/0/decision"),
        (INTERNAL, xacml(), "/response/0/decision"),
        (TOKEN, check, "/results/0/decision"),
        (EVALUATION, authzen(), "/context/xacml/decision"),
    ] {
        // An unusual request too, which is read in another way.
        for body in [
            body.to_string(),
            body.to_string().replace("{\"", "{ \"unknown\": 1, \""),
        ] {
            let answer = world.sav().post_text(path, &format!("{MARK}{body}")).await;
            let answer = answer.assert_status(200).json();
            assert_eq!(
                answer.pointer(permitted),
                Some(&json!("Permit")),
                "{path}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_accepted_before_a_batch_and_a_search_too() {
    let world = World::start().await;
    let mut batch = authzen();
    batch["evaluations"] = json!([{}]);
    let answer = world
        .sav()
        .post_text(EVALUATIONS, &format!("{MARK}{batch}"))
        .await;
    assert_eq!(
        answer.assert_status(200).json()["evaluations"][0]["decision"],
        true
    );
    let search = json!({"subject": authzen()["subject"], "resource": authzen()["resource"]});
    let answer = world
        .sav()
        .post_text(SEARCH, &format!("{MARK}{search}"))
        .await;
    assert_ne!(answer.assert_status(200).json()["results"], json!([]));
}
