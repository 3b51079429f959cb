//! Token exchange, and our own issuer.

use sandbox::SandboxKeys;
use serde_json::{Value, json};

use crate::{
    journey::{Client, claims_of},
    support::*,
};

const MASKINPORTEN: &str = "/authentication/api/v1/exchange/maskinporten";

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused() {
    let app = TestApp::start().await;
    let answer = app.get(&format!("{MASKINPORTEN}?test=x%00"), "x").await;
    assert_eq!(
        answer.expect(400).json()["errors"]["test"],
        json!(["The value 'x' is not valid."])
    );
}

#[tokio::test]
async fn a_maskinporten_token_becomes_ours() {
    let app = TestApp::start().await;
    let raw = Client::seeded(who::FJORDLONN_CLIENT)
        .token(&app, REQUEST_READ)
        .await;
    let old = claims_of(&raw);
    let new = claims_of(&app.get(MASKINPORTEN, &raw).await.expect(200).text);
    for kept in ["jti", "client_id", "scope", "consumer", "token_type"] {
        assert_eq!(new[kept], old[kept], "{kept}");
    }
    assert!(new.get("client_amr").is_none() && new.get("aud").is_none());
    assert_eq!(
        (
            &new["iss"],
            &new["urn:altinn:orgNumber"],
            &new["urn:altinn:authlevel"],
            &new["urn:altinn:authenticatemethod"]
        ),
        (
            &json!(app.running.config.own_issuer),
            &json!(who::FJORDLONN),
            &json!(3),
            &json!("maskinporten")
        )
    );
    assert_eq!(
        new["exp"].as_i64().unwrap() - new["iat"].as_i64().unwrap(),
        1800
    );
    assert_eq!(new["nbf"], new["iat"]);
    assert!(new.get("urn:altinn:org").is_none());
    let owner = Client::seeded("serviceowner-sav");
    for (scope, code) in [
        ("altinn:serviceowner", json!("sav")),
        ("altinn:authorization/authorize", Value::Null),
    ] {
        let raw = owner.token(&app, scope).await;
        assert_eq!(
            claims_of(&app.get(MASKINPORTEN, &raw).await.text)["urn:altinn:org"],
            code
        );
    }
    let capped = TestApp::with(&[("exchange.cap_to_original", "true")]).await;
    let raw = Client::seeded(who::FJORDLONN_CLIENT)
        .token(&capped, REQUEST_READ)
        .await;
    let new = claims_of(&capped.get(MASKINPORTEN, &raw).await.expect(200).text);
    assert_eq!(new["exp"], claims_of(&raw)["exp"]);
}

#[tokio::test]
async fn the_form_of_the_answer_follows_accept() {
    let app = TestApp::start().await;
    let raw = Client::seeded(who::FJORDLONN_CLIENT)
        .token(&app, REQUEST_READ)
        .await;
    for (accept, quoted) in [
        (None, false),
        (Some("*/*"), false),
        (Some("text/plain"), false),
        (Some("text/*"), false),
        (Some("application/json, */*;q=0.1"), false),
        (Some("application/json"), true),
    ] {
        let mut request = app
            .http
            .get(format!("{}{MASKINPORTEN}", app.base))
            .bearer_auth(&raw);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let answer = Answer::of(request.send().await.unwrap()).await.expect(200);
        assert_eq!(answer.text.starts_with('"'), quoted, "{accept:?}");
        let expected = if quoted {
            "application/json; charset=utf-8"
        } else {
            "text/plain; charset=utf-8"
        };
        assert_eq!(answer.header("content-type"), expected);
    }
}

#[tokio::test]
async fn what_cannot_be_exchanged() {
    let app = TestApp::start().await;
    let raw = Client::seeded(who::FJORDLONN_CLIENT)
        .token(&app, REQUEST_READ)
        .await;
    let unknown = app
        .get("/authentication/api/v1/exchange/Facebook", &raw)
        .await
        .expect(400);
    assert_eq!(
        unknown.text,
        "Invalid token provider: Facebook. Trusted token providers are 'Maskinporten', 'Id-porten' and 'AltinnStudio'."
    );
    for (path, token) in [
        (MASKINPORTEN, "x"),
        ("/authentication/api/v1/exchange/id-porten", raw.as_str()),
        ("/authentication/api/v1/exchange/altinnstudio", raw.as_str()),
    ] {
        assert_eq!(
            app.get(path, token).await.expect(401).problem()["title"],
            "Unauthorized",
            "{path}"
        );
    }
    app.send(reqwest::Method::GET, MASKINPORTEN, None, None)
        .await
        .expect(401);
    let own = app.vendor(who::FJORDLONN).await;
    app.get(MASKINPORTEN, &own).await.expect(401);
    app.get("/authentication/api/v1/Exchange/MaskinPorten", &raw)
        .await
        .expect(200);
    let request = app
        .http
        .get(format!("{}{MASKINPORTEN}", app.base))
        .bearer_auth(&raw)
        .header("X-Altinn-EnterpriseUser-Authentication", "x");
    assert_eq!(
        Answer::of(request.send().await.unwrap())
            .await
            .expect(410)
            .problem()["title"],
        "Virksomhetsbruker is no longer available"
    );
}

#[tokio::test]
async fn an_id_porten_token_becomes_a_persons() {
    let app = TestApp::start().await;
    let (keys, _) = SandboxKeys::load(&home().join("sandbox")).unwrap();
    let now = app.clock.seconds();
    let raw = json!({"iss": app.idporten, "sub": "s", "aud": "unspecified", "client_id": "c", "scope": PORTAL, "pid": who::ODDNY, "amr": ["BankID"],
        "acr": "idporten-loa-high", "iat": now, "exp": now + 100});
    let path = "/authentication/api/v1/exchange/id-porten";
    let sign = |claims: &Value| keys.idporten.signing_key().sign(claims, &[]).unwrap();
    let new = claims_of(&app.get(path, &sign(&raw)).await.expect(200).text);
    assert_eq!(
        (
            &new["urn:altinn:authlevel"],
            &new["urn:altinn:authenticatemethod"],
            &new["exp"]
        ),
        (&json!(4), &json!("BankID"), &raw["exp"])
    );
    assert!(
        new["urn:altinn:userid"].is_string()
            && new["urn:altinn:partyid"].is_number()
            && new.get("sub").is_none()
    );
    let change = |name: &str, value: Value| {
        let mut claims = raw.clone();
        claims[name] = value;
        sign(&claims)
    };
    app.get(path, &change("scope", json!("openid")))
        .await
        .expect(403);
    app.get(
        path,
        &change("scope", json!("skatteetaten:mvameldinginnsending")),
    )
    .await
    .expect(200);
    app.get(path, &change("pid", json!("01810000000")))
        .await
        .expect(401);
    app.get(path, &change("iss", json!("https://idporten.no")))
        .await
        .expect(401);
    let mut without_acr = raw.clone();
    without_acr.as_object_mut().unwrap().shift_remove("acr");
    app.get(path, &sign(&without_acr)).await.expect(401);
}

#[tokio::test]
async fn our_own_keys_are_published_in_the_standard_form() {
    let app = TestApp::start().await;
    let base = "/authentication/api/v1/openid/.well-known/openid-configuration";
    let metadata = app
        .send(reqwest::Method::GET, base, None, None)
        .await
        .expect(200);
    assert_eq!(metadata.header("cache-control"), "public, max-age=3600");
    let metadata = metadata.json();
    assert_eq!(metadata["issuer"], app.running.config.own_issuer);
    assert_eq!(
        metadata["jwks_uri"],
        format!(
            "{}.well-known/openid-configuration/jwks",
            app.running.config.own_issuer
        )
    );
    let keys = app
        .send(reqwest::Method::GET, &format!("{base}/jwks"), None, None)
        .await
        .expect(200)
        .json();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["use"], &key["alg"], &key["e"]),
        (
            &json!("RSA"),
            &json!("sig"),
            &json!("RS256"),
            &json!("AQAB")
        )
    );
    assert!(
        key["kid"].as_str().unwrap().starts_with("sandbox-")
            && !key["n"].as_str().unwrap().contains(['=', '+', '/'])
    );
}
