//! A service owner sends a token and learns whether it is good, and what its system user may
//! do.

use serde_json::{Value, json};
use testkit::prelude::*;

use crate::journey::Client;

const PATH: &str = "/authorization/api/v1/systemuser/authorize";
/// Pensions of those who retire early, of `sav`; no subject in these tests may write them.
const PENSJON_AFP: Resource = Resource("pensjon-afp");

/// A question about a token; without a party it is about the system user's owner.
fn check(id: &str, action: &str, resource: Resource, party: Option<&str>) -> Value {
    json!({"id": id, "resource": resource.0, "action": action, "party": party})
}

/// May it write the employers' return of its owner?
fn own() -> Value {
    check("own", "write", A_MELDING, None)
}

async fn ask(world: &World, token: &str, checks: Value) -> Value {
    let body = json!({"token": token, "checks": checks});
    world.sav().post(PATH, body).await.assert_status(200).json()
}

/// A token of the local Maskinporten for the system user of Tindevandrer.
async fn token(world: &World) -> String {
    let client = Client::seeded(FJORDLONN_SYSTEM.client);
    let granted = client
        .system_user_token(&world.app, TINDEVANDRER.number, None)
        .await
        .assert_status(200)
        .json();
    granted["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_good_token_is_described_with_its_system_user() {
    let world = World::start().await;
    let token = token(&world).await;

    let mut shown = ask(&world, &token, json!([own()])).await;

    let described = shown["token"].take();
    assert_eq!(described["clientId"], FJORDLONN_SYSTEM.client);
    assert_eq!(described["issuer"], format!("{}/", world.app.maskinporten));
    assert!(described["expiresAt"].as_str().unwrap().ends_with('Z'));
    insta::assert_snapshot!(shown.to_string(), @r#"{"active":true,"authorized":true,"error":null,"token":null,"systemUser":{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","systemId":"390198116_fjordlonn","ownerOrganizationNumber":"390367767","type":"standard"},"results":[{"id":"own","systemUserId":"3f794e70-3593-53d5-8174-1a3371cf43dc","decision":"Permit","authorized":true,"statusCode":"urn:oasis:names:tc:xacml:1.0:status:ok","reason":"access_package","minimumAuthenticationLevel":3}]}"#);
}

#[tokio::test]
async fn the_owner_may_be_named_or_left_out() {
    let world = World::start().await;
    let token = token(&world).await;
    let urn = format!("urn:altinn:partyid:{}", TINDEVANDRER.party);
    let checks = json!([
        own(),
        check("named", "write", A_MELDING, Some(TINDEVANDRER.number)),
        check("urn", "write", A_MELDING, Some(&urn)),
    ]);

    let shown = ask(&world, &token, checks).await;

    let results = shown["results"].as_array().unwrap();
    for (result, id) in results.iter().zip(["own", "named", "urn"]) {
        assert_eq!(
            *result,
            json!({
                "id": id,
                "systemUserId": TINDEVANDRER_USER.id,
                "decision": "Permit",
                "authorized": true,
                "statusCode": "urn:oasis:names:tc:xacml:1.0:status:ok",
                "reason": "access_package",
                "minimumAuthenticationLevel": 3,
            })
        );
    }
    assert_eq!(results.len(), 3);
}

#[tokio::test]
async fn scopes_that_the_token_has_may_be_required() {
    let world = World::start().await;
    let token = token(&world).await;
    let claims = crate::journey::claims_of(&token);
    let body = json!({"token": token, "checks": [own()], "requiredScopes": [claims["scope"]]});
    let answer = world.sav().post(PATH, body).await.assert_status(200);
    assert_eq!(answer.json()["authorized"], true);
}

#[tokio::test]
async fn one_check_that_fails_leaves_the_token_active_and_unauthorized() {
    let world = World::start().await;
    let token = token(&world).await;
    let checks = json!([
        own(),
        check("no", "write", PENSJON_AFP, None),
        check("elsewhere", "write", A_MELDING, Some(KERAMIKK.number)),
        check("unknown", "write", A_MELDING, Some(UNKNOWN_ORG_NUMBER)),
        check("nothing", "write", UNKNOWN_RESOURCE, None),
    ]);

    let shown = ask(&world, &token, checks).await;

    assert_eq!(shown["active"], true);
    assert_eq!(shown["authorized"], false);
    let results = shown["results"].as_array().unwrap();
    let reasons: Vec<(Decision, &str)> = results
        .iter()
        .map(|result| {
            (
                Decision::of(&result["decision"]),
                result["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (Permit, "access_package"),
            (NotApplicable, "no_applicable_rule"),
            (NotApplicable, "no_applicable_rule"),
            (NotApplicable, "unknown_party"),
            (Indeterminate, "unknown_resource"),
        ]
    );
}

#[tokio::test]
async fn an_exchanged_token_says_the_same() {
    let world = World::start().await;
    let raw = token(&world).await;
    let exchanged = world
        .bearer(&raw)
        .get("/authentication/api/v1/exchange/maskinporten")
        .await
        .assert_status(200)
        .text;
    let shown = ask(&world, &exchanged, json!([own()])).await;
    assert_eq!(shown["authorized"], true);
}

#[tokio::test]
async fn a_token_below_the_level_of_the_resource_is_not_authorized() {
    let world = World::with(&[("pdp.systemuser_auth_level", "2")]).await;
    let token = token(&world).await;
    let shown = ask(&world, &token, json!([own()])).await;
    let result = &shown["results"][0];
    assert_eq!(result["authorized"], false);
    assert_eq!(result["reason"], "insufficient_authentication_level");
}

#[tokio::test]
async fn an_agent_is_asked_about_with_the_client_as_party() {
    let world = World::start().await;
    let agent = Caller::system_user(&world.app, &TALLKNUSEREN_AGENT, SKYREGNSKAP);
    let token = agent.token().await.unwrap();
    let checks = json!([
        check("whom", "sign", MVA_MELDING, None),
        check("client", "sign", MVA_MELDING, Some(NATTERGAL.number)),
    ]);

    let shown = ask(&world, &token, checks).await;

    assert_eq!(shown["active"], true);
    assert_eq!(shown["authorized"], false);
    assert_eq!(shown["systemUser"]["type"], "agent");
    let results = &shown["results"];
    assert_eq!(results[0]["decision"], "Indeterminate");
    assert_eq!(results[0]["reason"], "missing_party");
    assert_eq!(results[1]["decision"], "Permit");
}

#[tokio::test]
async fn what_is_no_question_names_the_member() {
    let world = World::start().await;
    let one = own();
    let no_party = check("c", "a", Resource("r"), Some("urn:what:ever:1"));
    for (body, key) in [
        (json!({"checks": [one]}), "Token"),
        (json!({"token": "x", "checks": []}), "Checks"),
        (
            json!({"token": "x", "checks": [{"action": "write"}]}),
            "Checks[0].Resource",
        ),
        (json!({"token": "x", "checks": [no_party]}), "Party"),
        (
            json!({"token": "x", "checks": [one], "requiredScopes": [7]}),
            "$.requiredScopes[0]",
        ),
    ] {
        let keys = world.sav().post(PATH, body).await.error_keys();
        assert!(
            keys.iter().any(|found| found.eq_ignore_ascii_case(key)),
            "{key}: {keys:?}"
        );
    }
}

#[tokio::test]
async fn a_question_has_1_to_1000_checks() {
    let world = World::start().await;
    let many = vec![own(); 1001];
    for body in [json!({"token": "x"}), json!({"token": "x", "checks": many})] {
        world.sav().post(PATH, body).await.assert_status(400);
    }
}

#[tokio::test]
async fn tokens_are_checked_for_service_owners() {
    let world = World::start().await;
    world
        .fjordlonn()
        .post(PATH, json!({}))
        .await
        .assert_forbidden();
    world
        .anonymous()
        .post(PATH, json!({}))
        .await
        .assert_unauthorized();
}
