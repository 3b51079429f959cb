//! A service owner hands over a token and learns whether it is good, and what its system user may
//! do.

use serde_json::{Value, json};
use systembruker::{sandbox::SandboxKeys, token::base64url};

use crate::{journey::Client, support::*};

const PATH: &str = "/authorization/api/v1/systemuser/authorize";

async fn ask(app: &TestApp, body: Value) -> Answer {
    app.post(PATH, &app.organization(who::SAV, AUTHORIZE).await, body)
        .await
}

fn check(id: &str, resource: &str, action: &str, party: &Value) -> Value {
    json!({"id": id, "resource": resource, "action": action, "party": party})
}

/// A token of the local Maskinporten for the system user of Tindevandrer, and the claims to make
/// others like it.
async fn token(app: &TestApp) -> (String, Value) {
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    let raw = client
        .system_user_token(app, who::TINDEVANDRER, None)
        .await
        .expect(200)
        .json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let claims = crate::journey::claims_of(&raw);
    (raw, claims)
}

#[tokio::test]
async fn a_good_token_and_its_decisions() {
    let app = TestApp::start().await;
    let (raw, claims) = token(&app).await;
    let checks = json!([
        check("own", "a-melding", "write", &Value::Null),
        check("named", "a-melding", "write", &json!(who::TINDEVANDRER)),
        check(
            "urn",
            "a-melding",
            "write",
            &json!(format!("urn:altinn:partyid:{}", who::TINDEVANDRER_PARTY))
        ),
    ]);
    let answer = ask(
        &app,
        json!({"token": raw, "checks": checks, "requiredScopes": [claims["scope"]]}),
    )
    .await
    .expect(200);
    let mut shown = answer.json();
    assert_eq!(shown["token"]["clientId"], who::FJORDLONN_CLIENT);
    assert_eq!(shown["token"]["issuer"], format!("{}/", app.maskinporten));
    assert!(shown["token"]["expiresAt"].as_str().unwrap().ends_with('Z'));
    shown["token"].take();
    insta::assert_snapshot!(shown.to_string(), @r#"{"active":true,"authorized":true,"error":null,"token":null,"systemUser":{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","systemId":"390198116_fjordlonn","ownerOrganizationNumber":"390367767","type":"standard"},"results":[{"id":"own","systemUserId":"3f794e70-3593-53d5-8174-1a3371cf43dc","decision":"Permit","authorized":true,"statusCode":"urn:oasis:names:tc:xacml:1.0:status:ok","reason":"access_package","minimumAuthenticationLevel":3},{"id":"named","systemUserId":"3f794e70-3593-53d5-8174-1a3371cf43dc","decision":"Permit","authorized":true,"statusCode":"urn:oasis:names:tc:xacml:1.0:status:ok","reason":"access_package","minimumAuthenticationLevel":3},{"id":"urn","systemUserId":"3f794e70-3593-53d5-8174-1a3371cf43dc","decision":"Permit","authorized":true,"statusCode":"urn:oasis:names:tc:xacml:1.0:status:ok","reason":"access_package","minimumAuthenticationLevel":3}]}"#);
    // One that may not: the token is good all the same.
    let mixed = json!([
        check("yes", "a-melding", "write", &Value::Null),
        check("no", "pensjon-afp", "write", &Value::Null),
        check("elsewhere", "a-melding", "write", &json!(who::KERAMIKK)),
        check("nobody", "a-melding", "write", &json!("999999999")),
        check("nothing", "finnes-ikke", "write", &Value::Null),
    ]);
    let answer = ask(&app, json!({"token": raw, "checks": mixed}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&answer["active"], &answer["authorized"]),
        (&json!(true), &json!(false))
    );
    let reasons: Vec<(&str, &str)> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (
                r["decision"].as_str().unwrap(),
                r["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("Permit", "access_package"),
        ("NotApplicable", "no_applicable_rule"),
        ("NotApplicable", "no_applicable_rule"),
        ("NotApplicable", "unknown_party"),
        ("Indeterminate", "unknown_resource"),
    ];
    assert_eq!(reasons, expected);
    // The exchanged token says the same.
    let exchanged = app
        .get("/authentication/api/v1/exchange/maskinporten", &raw)
        .await
        .expect(200)
        .text;
    assert_eq!(ask(&app, json!({"token": exchanged, "checks": [check("own", "a-melding", "write", &Value::Null)]})).await.json()["authorized"], true);
    // A level that the token does not reach.
    let strict = TestApp::with(&[("pdp.systemuser_auth_level", "2")]).await;
    let (raw, _) = token(&strict).await;
    let result = ask(
        &strict,
        json!({"token": raw, "checks": [check("own", "a-melding", "write", &Value::Null)]}),
    )
    .await
    .json()["results"][0]
        .clone();
    assert_eq!(
        (&result["authorized"], &result["reason"]),
        (&json!(false), &json!("insufficient_authentication_level"))
    );
}

#[tokio::test]
async fn an_agent_is_asked_about_by_party() {
    let app = TestApp::start().await;
    let raw = app
        .token(
            "GetSystemUserToken",
            &[
                ("systemUserId", who::TALLKNUSEREN_AGENT),
                ("orgNo", who::SKYREGNSKAP),
                ("scopes", "demo:scope"),
            ],
        )
        .await;
    let checks = json!([
        check("whom", "mva-melding", "sign", &Value::Null),
        check("client", "mva-melding", "sign", &json!(who::NATTERGAL))
    ]);
    let answer = ask(&app, json!({"token": raw, "checks": checks}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &answer["active"],
            &answer["authorized"],
            &answer["systemUser"]["type"]
        ),
        (&json!(true), &json!(false), &json!("agent"))
    );
    assert_eq!(
        (
            &answer["results"][0]["decision"],
            &answer["results"][0]["reason"]
        ),
        (&json!("Indeterminate"), &json!("missing_party"))
    );
    assert_eq!(answer["results"][1]["decision"], "Permit");
}

#[tokio::test]
async fn each_fault_of_a_token_has_its_code() {
    let app = TestApp::start().await;
    let (raw, claims) = token(&app).await;
    let (keys, _) = SandboxKeys::load(&home().join("sandbox")).unwrap();
    let now = app.clock.seconds();
    let signed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        keys.maskinporten.signing_key().sign(&claims, &[]).unwrap()
    };
    let code = |token: String, extra: Value| {
        let app = &app;
        async move {
            let mut body =
                json!({"token": token, "checks": [check("c", "a-melding", "write", &Value::Null)]});
            for (name, value) in extra.as_object().unwrap() {
                body[name] = value.clone();
            }
            let answer = ask(app, body).await.expect(200).json();
            if answer["error"].is_null() {
                return String::new();
            }
            assert_eq!(
                (&answer["active"], &answer["authorized"], &answer["token"]),
                (&json!(false), &json!(false), &Value::Null)
            );
            assert_eq!(
                (&answer["systemUser"], &answer["results"]),
                (&Value::Null, &json!([]))
            );
            assert!(answer["error"]["message"].as_str().unwrap().ends_with('.'));
            answer["error"]["code"].as_str().unwrap().to_owned()
        }
    };
    let none = || json!({});
    let details = |entry: Value| json!([entry]);
    let mut parts: Vec<&str> = raw.split('.').collect();
    let unsigned = format!("{}.{}.", base64url(r#"{"alg":"none","kid":"x"}"#), parts[1]);
    let forged_payload = base64url(claims.to_string().replace("390367767", "390381492"));
    parts[1] = &forged_payload;
    let forged = parts.join(".");
    let other_key = format!(
        "{}.{}.{}",
        base64url(r#"{"alg":"RS256","kid":"nobody"}"#),
        raw.split('.').nth(1).unwrap(),
        raw.split('.').nth(2).unwrap()
    );
    let idporten = app.person(who::JOSTEIN).await;
    for (token, extra, expected) in [
        (raw.clone(), none(), ""),
        ("x.y".to_owned(), none(), "malformed_token"),
        ("not a token".to_owned(), none(), "malformed_token"),
        (unsigned, none(), "unsupported_algorithm"),
        (other_key, none(), "unknown_key"),
        (
            signed("iss", json!("https://maskinporten.example/")),
            none(),
            "untrusted_issuer",
        ),
        (forged, none(), "invalid_signature"),
        (signed("exp", json!(now - 60)), none(), "token_expired"),
        (
            signed("nbf", json!(now + 60)),
            none(),
            "token_not_yet_valid",
        ),
        (signed("aud", json!("https://other.example")), none(), ""),
        (
            signed("aud", json!("https://other.example")),
            json!({"audience": "https://api.example"}),
            "wrong_audience",
        ),
        (
            signed(
                "aud",
                json!(["https://other.example", "https://api.example"]),
            ),
            json!({"audience": "https://api.example"}),
            "",
        ),
        (
            raw.clone(),
            json!({"audience": "https://api.example"}),
            "wrong_audience",
        ),
        (
            raw.clone(),
            json!({"requiredScopes": ["finnes:ikke"]}),
            "missing_scope",
        ),
        (
            signed("authorization_details", json!([])),
            none(),
            "not_a_systemuser_token",
        ),
        (
            signed(
                "authorization_details",
                details(json!({"type": "urn:altinn:consent"})),
            ),
            none(),
            "not_a_systemuser_token",
        ),
        (
            signed(
                "authorization_details",
                details(json!({"type": "urn:altinn:systemuser", "systemuser_id": ["x"]})),
            ),
            none(),
            "invalid_authorization_details",
        ),
        (idporten, none(), "not_a_systemuser_token"),
        (
            signed("client_id", json!("another")),
            none(),
            "systemuser_mismatch",
        ),
    ] {
        assert_eq!(code(token.clone(), extra).await, expected, "{token}");
    }
    app.change_by_sql(&format!(
        "update \"system_user\" set is_deleted = true where id = '{}'",
        who::TINDEVANDRER_USER
    ))
    .await;
    assert_eq!(code(raw, none()).await, "systemuser_inactive");
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let app = TestApp::start().await;
    let one = check("c", "a-melding", "write", &Value::Null);
    for (body, key) in [
        (json!({"checks": [one]}), "Token"),
        (json!({"token": "x", "checks": []}), "Checks"),
        (
            json!({"token": "x", "checks": [{"action": "write"}]}),
            "Checks[0].Resource",
        ),
        (
            json!({"token": "x", "checks": [check("c", "r", "a", &json!("urn:what:ever:1"))]}),
            "party",
        ),
        (
            json!({"token": "x", "checks": [one], "requiredScopes": [7]}),
            "$.requiredScopes[0]",
        ),
    ] {
        let keys = ask(&app, body.clone()).await.expect(400).error_keys();
        assert!(
            keys.iter().any(|k| k.eq_ignore_ascii_case(key)),
            "{body}: {keys:?}"
        );
    }
    ask(&app, json!({"token": "x"})).await.expect(400);
    let many: Vec<Value> = (0..1001).map(|_| one.clone()).collect();
    ask(&app, json!({"token": "x", "checks": many}))
        .await
        .expect(400);
    app.post(PATH, &app.vendor(who::FJORDLONN).await, json!({}))
        .await
        .expect(403);
    app.send(reqwest::Method::POST, PATH, None, Some(json!({})))
        .await
        .expect(401);
}
