//! Verification of bearer tokens, at the edge: one row, one signed token, one answer.

use std::sync::Arc;

use aws_lc_rs::rsa::KeySize;
use foundation::{crypto::base64url, token::SigningKey};
use sandbox::SandboxKeys;
use serde_json::{Value, json};

use crate::{journey::claims_of, support::*};

struct Keys {
    maskinporten: Arc<foundation::token::OwnKeys>,
    idporten: Arc<foundation::token::OwnKeys>,
}

fn keys() -> Keys {
    let (keys, _) = SandboxKeys::load(&home().join("sandbox")).unwrap();
    Keys {
        maskinporten: keys.maskinporten,
        idporten: keys.idporten,
    }
}

fn maskinporten_claims(app: &TestApp) -> Value {
    let now = app.clock.seconds();
    json!({"iss": format!("{}/", app.maskinporten), "client_id": "c", "client_amr": "private_key_jwt", "scope": REQUEST_READ, "token_type": "Bearer",
        "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"}, "iat": now, "exp": now + 120, "jti": "j"})
}

/// Reads Fjordlønn's request with a token; the status, and the reason of a refusal.
async fn present(app: &TestApp, token: &str) -> (u16, String) {
    let answer = app
        .get(
            &format!(
                "/authentication/api/v1/systemuser/request/vendor/{}",
                who::NATTERGAL_REQUEST
            ),
            token,
        )
        .await;
    if answer.status == 401 {
        assert_eq!(answer.text, "");
    }
    let header = answer.header("www-authenticate");
    let reason = header
        .split_once("error_description=\"")
        .map(|(_, r)| r.trim_end_matches('"').to_owned())
        .unwrap_or_default();
    (answer.status, reason)
}

fn ok() -> (u16, String) {
    (200, String::new())
}

fn refused(reason: &str) -> (u16, String) {
    (401, reason.to_owned())
}

#[tokio::test]
async fn times_and_audiences() {
    let app = TestApp::with(&[("tokens.max_lifetime_s", "86400")]).await;
    let keys = keys();
    let now = app.clock.seconds();
    let cases: Vec<(&str, Value, (u16, String))> = vec![
        ("exp", json!(now - 8), ok()),
        ("exp", json!(now - 11), refused("expired")),
        ("exp", json!(now as f64 + 5.5), ok()),
        ("exp", json!((now + 60).to_string()), refused("malformed")),
        ("exp", Value::Null, refused("missing exp")),
        ("nbf", json!(now + 8), ok()),
        ("nbf", json!(now + 20), refused("not yet valid")),
        ("iat", json!(now + 8), ok()),
        ("iat", json!(now + 20), refused("issued in the future")),
        ("iat", Value::Null, refused("malformed")),
        ("exp", json!(now + 86_400), ok()),
        ("exp", json!(now + 86_401), refused("lifetime")),
        ("aud", json!("unspecified"), ok()),
        (
            "aud",
            json!(["https://foreign.example", "unspecified"]),
            ok(),
        ),
        ("aud", json!("https://foreign.example"), ok()),
        ("aud", json!(7), refused("malformed")),
        ("nonce", json!("n"), refused("type")),
        ("at_hash", json!("h"), refused("type")),
        ("scope", json!(["x", REQUEST_READ]), ok()),
        (
            "scope",
            json!(REQUEST_READ.to_uppercase()),
            (403, String::new()),
        ),
        (
            "scope",
            json!(format!("{REQUEST_READ}x")),
            (403, String::new()),
        ),
        (
            "consumer",
            json!(r#"{"authority":"iso6523-actorid-upis","ID":"9908:390198116"}"#),
            ok(),
        ),
        ("urn:altinn:scope", json!("x"), ok()),
    ];
    for (name, value, expected) in cases {
        let mut claims = maskinporten_claims(&app);
        claims["iat"] = json!(now);
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().shift_remove(name)),
            value => claims[name] = value,
        }
        let token = keys.maskinporten.signing_key().sign(&claims, &[]).unwrap();
        assert_eq!(present(&app, &token).await, expected, "{name}: {claims}");
    }
    let strict = TestApp::with(&[("tokens.audience_mode", "enforce")]).await;
    let mut claims = maskinporten_claims(&strict);
    claims["aud"] = json!("https://foreign.example");
    let sign = |claims: &Value| keys.maskinporten.signing_key().sign(claims, &[]).unwrap();
    assert_eq!(present(&strict, &sign(&claims)).await, refused("audience"));
    claims["aud"] = json!([strict.base]);
    assert_eq!(present(&strict, &sign(&claims)).await, ok());
}

#[tokio::test]
async fn issuers_and_keys() {
    let app = TestApp::start().await;
    let keys = keys();
    let sign = |claims: &Value| keys.maskinporten.signing_key().sign(claims, &[]).unwrap();
    let good = maskinporten_claims(&app);
    assert_eq!(present(&app, &sign(&good)).await, ok());
    for issuer in [
        app.maskinporten.clone(),
        format!("{}//", app.maskinporten),
        format!("{}.evil.example/", app.maskinporten),
        "https://maskinporten.no/".to_owned(),
        "https://test.maskinporten.no/".to_owned(),
    ] {
        let mut claims = good.clone();
        claims["iss"] = json!(issuer);
        assert_eq!(
            present(&app, &sign(&claims)).await,
            refused("unknown issuer"),
            "{issuer}"
        );
    }
    // Signed by one issuer, claiming to be another.
    let mut claims = good.clone();
    claims["iss"] = json!(app.running.config.own_issuer);
    assert_eq!(present(&app, &sign(&claims)).await, refused("key"));
    claims["iss"] = json!(app.idporten);
    assert_eq!(present(&app, &sign(&claims)).await, refused("key"));
    let stranger = SigningKey::generate(KeySize::Rsa2048, "sandbox-").unwrap();
    assert_eq!(
        present(&app, &stranger.sign(&good, &[]).unwrap()).await,
        refused("key")
    );
    let forged = SigningKey::generate(KeySize::Rsa2048, "")
        .unwrap()
        .with_kid(keys.maskinporten.signing_key().kid());
    assert_eq!(
        present(&app, &forged.sign(&good, &[]).unwrap()).await,
        refused("signature")
    );
    let token = sign(&good);
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(
        present(&app, &format!("{message}.{}", base64url([0; 256]))).await,
        refused("signature")
    );
    assert_eq!(
        present(&app, &format!("{message}.")).await,
        refused("signature")
    );
    let denied =
        TestApp::with(&[("tokens.denied_kids", keys.maskinporten.signing_key().kid())]).await;
    let token = sign(&maskinporten_claims(&denied));
    assert_eq!(present(&denied, &token).await, refused("key"));
}

#[tokio::test]
async fn algorithms() {
    let app = TestApp::start().await;
    let keys = keys();
    let payload = base64url(maskinporten_claims(&app).to_string());
    let kid = keys.maskinporten.signing_key().kid();
    for alg in ["none", "None", "HS256", "PS256", "ES256", "rs256", "RS1"] {
        let header = base64url(json!({"alg": alg, "kid": kid}).to_string());
        // What an attacker would sign an HS256 token with: the public key.
        let public = keys.maskinporten.document().to_string();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
        let signature = base64url(aws_lc_rs::hmac::sign(
            &key,
            format!("{header}.{payload}").as_bytes(),
        ));
        assert_eq!(
            present(&app, &format!("{header}.{payload}.{signature}")).await,
            refused("algorithm"),
            "{alg}"
        );
    }
    // ID-porten signs with RS256 only.
    let claims = json!({"iss": app.idporten, "scope": REQUEST_READ, "iat": app.clock.seconds(), "exp": app.clock.seconds() + 60});
    let header =
        base64url(json!({"alg": "RS384", "kid": keys.idporten.signing_key().kid()}).to_string());
    let token = format!(
        "{header}.{}.{}",
        base64url(claims.to_string()),
        base64url([1; 256])
    );
    assert_eq!(present(&app, &token).await, refused("algorithm"));
}

#[tokio::test]
async fn one_credential_from_one_place() {
    let app = TestApp::start().await;
    let token = app.organization(who::FJORDLONN, REQUEST_READ).await;
    let path = format!(
        "{}/authentication/api/v1/systemuser/request/vendor/{}",
        app.base,
        who::NATTERGAL_REQUEST
    );
    let status = async |headers: &[(&str, String)]| {
        let mut request = app.http.get(&path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        status(&[("authorization", format!("bearer {token}"))]).await,
        200
    );
    assert_eq!(
        status(&[
            ("authorization", format!("Bearer {token}")),
            ("authorization", format!("Bearer {token}"))
        ])
        .await,
        400
    );
    assert_eq!(
        status(&[("authorization", "Bearer ".to_owned())]).await,
        400
    );
    assert_eq!(
        status(&[("authorization", "Basic c2FuZGJveDpzYW5kYm94".to_owned())]).await,
        401
    );
    assert_eq!(
        status(&[("cookie", format!("AltinnStudioRuntime={token}"))]).await,
        401
    );
    assert_eq!(
        status(&[
            ("authorization", "Bearer x".to_owned()),
            ("cookie", format!("AltinnStudioRuntime={token}"))
        ])
        .await,
        401
    );
    app.send(
        reqwest::Method::GET,
        "/authentication/api/v1/openid/.well-known/openid-configuration",
        Some("broken"),
        None,
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn a_system_user_token_is_compared_with_what_is_true_now() {
    let app = TestApp::start().await;
    let client = crate::journey::Client::seeded(who::FJORDLONN_CLIENT);
    let mut grant = client.claims(&app, REQUEST_READ);
    grant["authorization_details"] = json!([{"type": "urn:altinn:systemuser", "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": "0192:390367767"}}]);
    let raw = client.send(&app, &grant).await.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let exchanged = app
        .get("/authentication/api/v1/exchange/maskinporten", &raw)
        .await
        .expect(200)
        .text;
    assert!(claims_of(&exchanged)["authorization_details"].is_array());
    let generated = app
        .token(
            "GetSystemUserToken",
            &[
                ("systemUserId", who::TINDEVANDRER_USER),
                ("orgNo", who::FJORDLONN),
                ("scopes", REQUEST_READ),
            ],
        )
        .await;
    for token in [&raw, &exchanged, &generated] {
        assert_eq!(present(&app, token).await, ok());
    }
    app.release_client(who::FJORDLONN_CLIENT).await;
    for (token, expected) in [
        (&raw, refused("client not registered")),
        (&exchanged, refused("client not registered")),
        (&generated, ok()),
    ] {
        assert_eq!(present(&app, token).await, expected);
    }
    app.take_client_back(who::FJORDLONN_CLIENT).await;
    app.set_owner_of_user(who::TINDEVANDRER_USER, who::KERAMIKK)
        .await;
    assert_eq!(present(&app, &raw).await, refused("system user mismatch"));
    app.mark_user_deleted(who::TINDEVANDRER_USER).await;
    for token in [&raw, &exchanged, &generated] {
        assert_eq!(
            present(&app, token).await,
            refused("system user not active")
        );
    }
}

#[tokio::test]
async fn which_person_a_token_names() {
    let app = TestApp::start().await;
    let oddny = ("pid", who::ODDNY);
    let uuid = app.running.state.identity.clone();
    let mut db = app.running.state.db.acquire().await.unwrap();
    let pid = foundation::ids::NationalId::parse(who::ODDNY).unwrap();
    let party = registers::parties::party_by_national_id(&mut db, &uuid, &pid)
        .await
        .unwrap()
        .unwrap();
    let (uuid, user_id, party_id) = (
        party.uuid.to_string(),
        party.user_id.unwrap().to_string(),
        party.party_id.unwrap().to_string(),
    );
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let path = format!(
        "/authentication/api/v1/systemuser/request/{}/{id}",
        who::KERAMIKK_PARTY
    );
    let zero = "00000000-0000-0000-0000-000000000000";
    let cases: Vec<(Vec<(&str, &str)>, u16)> = vec![
        (vec![oddny], 200),
        (vec![("partyuuid", &uuid), ("pid", who::TORLEIF)], 200),
        (vec![("userId", &user_id)], 200),
        (vec![("partyId", &party_id)], 200),
        (vec![("partyuuid", zero), ("userId", "0"), oddny], 200),
        (vec![("userId", "999999999")], 403),
        (vec![("userId", ""), ("partyuuid", "")], 403),
    ];
    for (mut parameters, status) in cases {
        parameters.push(("scopes", PORTAL));
        let token = app.token("GetPersonalToken", &parameters).await;
        app.get(&path, &token).await.expect(status);
    }
    let keys = keys();
    let raw = json!({"iss": app.idporten, "sub": "s", "aud": "unspecified", "client_id": "c", "scope": PORTAL, "pid": who::ODDNY,
        "acr": "idporten-loa-substantial", "iat": app.clock.seconds(), "exp": app.clock.seconds() + 60});
    app.get(&path, &keys.idporten.signing_key().sign(&raw, &[]).unwrap())
        .await
        .expect(200);
    let mut low = raw.clone();
    low["acr"] = json!("idporten-loa-low");
    app.get(&path, &keys.idporten.signing_key().sign(&low, &[]).unwrap())
        .await
        .expect(403);
}

#[tokio::test]
async fn tokens_of_a_partner_installation_are_accepted_where_it_is_listed() {
    let partner = TestApp::start().await;
    let issuer = partner.running.config.own_issuer.clone();
    let token = partner.organization(who::SAV, AUTHORIZE).await;
    let body = || {
        decision_request(
            ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
            "write",
            "a-melding",
            ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
        )
    };
    let stranger = TestApp::start().await;
    stranger
        .post("/authorization/api/v1/authorize", &token, body())
        .await
        .expect(401);
    let mut config = settings(&[]);
    let metadata = format!("{issuer}.well-known/openid-configuration");
    config
        .settings
        .tokens
        .altinn
        .external_issuers
        .push(foundation::config::AltinnIssuer { issuer, metadata });
    let friend = TestApp::of(config, stranger.database.clone()).await;
    let answer = friend
        .post("/authorization/api/v1/authorize", &token, body())
        .await
        .expect(200);
    assert_eq!(answer.json()["response"][0]["decision"], "Permit");
}
