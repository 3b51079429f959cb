//! What a service owner learns about a token that is not good: each fault has its code.

use foundation::crypto::base64url;
use sandbox::SandboxKeys;
use serde_json::{Value, json};
use testkit::{prelude::*, settings::sandbox_dir};

use crate::journey::{Client, claims_of};

const PATH: &str = "/authorization/api/v1/systemuser/authorize";
const API: &str = "https://api.example";

/// A good token for the system user of Tindevandrer, and what makes others like it.
struct Good {
    world: World,
    raw: String,
    claims: Value,
    keys: SandboxKeys,
}

impl Good {
    async fn token() -> Self {
        let world = World::start().await;
        let granted = Client::seeded(FJORDLONN_SYSTEM.client)
            .system_user_token(&world.app, TINDEVANDRER.number, None)
            .await
            .assert_status(200)
            .json();
        let raw = granted["access_token"].as_str().unwrap().to_owned();
        Self {
            world,
            claims: claims_of(&raw),
            raw,
            keys: SandboxKeys::load(&sandbox_dir()).unwrap().0,
        }
    }

    /// Another token of the same issuer, with one claim changed.
    fn with(&self, name: &str, value: Value) -> String {
        let claims = with(self.claims.clone(), name, value);
        let key = self.keys.maskinporten.signing_key();
        key.sign(&claims, &[]).unwrap()
    }

    /// The token with another part in its place: 0 the header, 1 the claims, 2 the signature.
    fn with_part(&self, at: usize, part: &str) -> String {
        let mut parts: Vec<&str> = self.raw.split('.').collect();
        parts[at] = part;
        parts.join(".")
    }

    async fn asked(&self, token: &str, members: Value) -> Value {
        let mut body = members;
        body["token"] = json!(token);
        body["checks"] = json!([{"id": "c", "resource": A_MELDING.0, "action": "write"}]);
        let answer = self.world.sav().post(PATH, body).await;
        answer.assert_status(200).json()
    }

    /// The token is good when it is asked about with these members.
    async fn assert_good(&self, token: &str, members: Value) {
        let answer = self.asked(token, members).await;
        assert_eq!(answer["error"], Value::Null, "{token}");
        assert_eq!(answer["active"], true, "{token}");
    }

    /// The token has this fault, and the answer contains nothing else of it.
    async fn assert_fault(&self, token: &str, members: Value, code: &str) {
        let answer = self.asked(token, members).await;
        assert_eq!(answer["error"]["code"], code, "{token}");
        assert!(answer["error"]["message"].as_str().unwrap().ends_with('.'));
        assert_eq!(answer["active"], false);
        assert_eq!(answer["authorized"], false);
        assert_eq!(answer["token"], Value::Null);
        assert_eq!(answer["systemUser"], Value::Null);
        assert_eq!(answer["results"], json!([]));
    }
}

#[tokio::test]
async fn a_token_as_it_was_issued_is_good() {
    let good = Good::token().await;
    good.assert_good(&good.raw, json!({})).await;
}

#[tokio::test]
async fn a_text_that_is_no_token_is_malformed() {
    let good = Good::token().await;
    for text in ["x.y", "not a token"] {
        good.assert_fault(text, json!({}), "malformed_token").await;
    }
}

#[tokio::test]
async fn a_token_without_a_signature_has_an_unsupported_algorithm() {
    let good = Good::token().await;
    let claims = good.raw.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{claims}.", base64url(r#"{"alg":"none","kid":"x"}"#));
    good.assert_fault(&unsigned, json!({}), "unsupported_algorithm")
        .await;
}

#[tokio::test]
async fn a_token_of_a_key_that_is_not_published_has_an_unknown_key() {
    let good = Good::token().await;
    let header = base64url(r#"{"alg":"RS256","kid":"unknown"}"#);
    let token = good.with_part(0, &header);
    good.assert_fault(&token, json!({}), "unknown_key").await;
}

#[tokio::test]
async fn a_token_of_another_issuer_has_an_untrusted_issuer() {
    let good = Good::token().await;
    let token = good.with("iss", json!("https://maskinporten.example/"));
    good.assert_fault(&token, json!({}), "untrusted_issuer")
        .await;
}

#[tokio::test]
async fn a_token_that_was_changed_has_an_invalid_signature() {
    let good = Good::token().await;
    let claims = good.claims.to_string();
    let forged = base64url(claims.replace(TINDEVANDRER.number, KERAMIKK.number));
    let token = good.with_part(1, &forged);
    good.assert_fault(&token, json!({}), "invalid_signature")
        .await;
}

#[tokio::test]
async fn a_token_is_good_for_a_time() {
    let good = Good::token().await;
    let now = good.world.app.clock.seconds();
    let expired = good.with("exp", json!(now - 60));
    let early = good.with("nbf", json!(now + 60));
    good.assert_fault(&expired, json!({}), "token_expired")
        .await;
    good.assert_fault(&early, json!({}), "token_not_yet_valid")
        .await;
}

#[tokio::test]
async fn the_audience_of_a_token_counts_when_it_is_asked_about() {
    let good = Good::token().await;
    let elsewhere = good.with("aud", json!("https://other.example"));
    let here_too = good.with("aud", json!(["https://other.example", API]));
    let audience = json!({"audience": API});
    good.assert_good(&elsewhere, json!({})).await;
    good.assert_good(&here_too, audience.clone()).await;
    for token in [&elsewhere, &good.raw] {
        good.assert_fault(token, audience.clone(), "wrong_audience")
            .await;
    }
}

#[tokio::test]
async fn a_token_has_the_scopes_that_are_required() {
    let good = Good::token().await;
    let required = json!({"requiredScopes": ["finnes:ikke"]});
    good.assert_fault(&good.raw, required, "missing_scope")
        .await;
}

#[tokio::test]
async fn a_token_without_a_system_user_is_none_of_a_system_user() {
    let good = Good::token().await;
    let consent = json!([{"type": "urn:altinn:consent"}]);
    let person = good.world.jostein().token().await.unwrap();
    for token in [
        good.with("authorization_details", json!([])),
        good.with("authorization_details", consent),
        person,
    ] {
        good.assert_fault(&token, json!({}), "not_a_systemuser_token")
            .await;
    }
}

#[tokio::test]
async fn the_system_user_of_a_token_is_a_uuid() {
    let good = Good::token().await;
    let details = json!([{"type": "urn:altinn:systemuser", "systemuser_id": ["x"]}]);
    let token = good.with("authorization_details", details);
    good.assert_fault(&token, json!({}), "invalid_authorization_details")
        .await;
}

#[tokio::test]
async fn the_system_user_of_a_token_belongs_to_its_client() {
    let good = Good::token().await;
    let token = good.with("client_id", json!("another"));
    good.assert_fault(&token, json!({}), "systemuser_mismatch")
        .await;
}

#[tokio::test]
async fn the_token_of_a_deleted_system_user_is_inactive() {
    let good = Good::token().await;
    let marit = good.world.marit();
    marit.deletes(&TINDEVANDRER_USER).await.assert_status(202);
    good.assert_fault(&good.raw, json!({}), "systemuser_inactive")
        .await;
}
