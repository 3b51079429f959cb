//! The local ID-porten as an end-user system's own client uses it.

use foundation::crypto::{base64url, random_text, sha256};
use serde_json::{Value, json};

use crate::{journey::claims_of, support::*};

const REDIRECT: &str = "http://localhost:8081/callback";

async fn new_client(app: &TestApp) -> String {
    let body = json!({"orgNumber": who::FJORDLONN, "clientSecret": "s3cret", "redirectUris": [REDIRECT],
        "postLogoutRedirectUris": ["http://localhost:8081/out"], "scopes": [PORTAL]});
    let request = app
        .http
        .post(format!("{}/sandbox/oidc-clients", app.testtools))
        .basic_auth("sandbox", Some("sandbox"))
        .json(&body);
    Answer::of(request.send().await.unwrap())
        .await
        .expect(201)
        .json()["clientId"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn parameters<'a>(client: &'a str, challenge: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid altinn:portal/enduser"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        ("acr_values", "idporten-loa-high"),
    ]
}

/// Logs Oddny in without the page; the code.
async fn code(app: &TestApp, client: &str, verifier: &str) -> String {
    let challenge = base64url(sha256(verifier));
    let mut query = parameters(client, &challenge);
    query.push(("login_hint", "pid:11859024884"));
    let response = app
        .http
        .get(format!("{}/authorize", app.idporten))
        .query(&query)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 303);
    let location = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let get = |name: &str| {
        location
            .query_pairs()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.into_owned())
            .unwrap()
    };
    assert_eq!(
        (get("state"), get("iss")),
        ("st".to_owned(), app.idporten.clone())
    );
    get("code")
}

async fn redeem(app: &TestApp, client: &str, code: &str, verifier: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    let request = app
        .http
        .post(format!("{}/token", app.idporten))
        .basic_auth(client, Some("s3cret"))
        .form(&form);
    Answer::of(request.send().await.unwrap()).await
}

/// RFC 6749, 2.3.1: id and secret are form-urlencoded before they are joined.
#[tokio::test]
async fn a_secret_comes_encoded_as_a_form_has_it() {
    let app = TestApp::start().await;
    let secret = "a+b c%d:e";
    let body = json!({"orgNumber": who::FJORDLONN, "clientSecret": secret, "redirectUris": [REDIRECT], "scopes": [PORTAL]});
    let made = app
        .http
        .post(format!("{}/sandbox/oidc-clients", app.testtools))
        .basic_auth("sandbox", Some("sandbox"))
        .json(&body);
    let made = Answer::of(made.send().await.unwrap()).await.expect(201);
    let client = made.json()["clientId"].as_str().unwrap().to_owned();
    let verifier = random_text(48);
    let granted = code(&app, &client, &verifier).await;

    // Some libraries encode what needs no encoding, such as the hyphens of an id.
    let encoded = ("a%2Bb+c%25d%3Ae", client.replace('-', "%2D"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &granted),
        ("redirect_uri", REDIRECT),
        ("code_verifier", &verifier),
    ];
    let request = app
        .http
        .post(format!("{}/token", app.idporten))
        .basic_auth(encoded.1, Some(encoded.0))
        .form(&form);

    Answer::of(request.send().await.unwrap()).await.expect(200);
}

/// A client with tokens of Oddny.
struct Granted {
    app: TestApp,
    client: String,
    verifier: String,
    code: String,
    tokens: Value,
}

impl Granted {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let client = new_client(&app).await;
        let verifier = random_text(48);
        let code = code(&app, &client, &verifier).await;
        let tokens = redeem(&app, &client, &code, &verifier).await;
        Self {
            tokens: tokens.expect(200).json(),
            app,
            client,
            verifier,
            code,
        }
    }

    fn token(&self, name: &str) -> &str {
        self.tokens[name].as_str().unwrap()
    }
}

#[tokio::test]
async fn an_access_token_of_idporten_says_who_logged_in_and_for_which_consumer() {
    let granted = Granted::start().await;
    let access = claims_of(granted.token("access_token"));
    assert_eq!(
        (
            &access["pid"],
            &access["acr"],
            &access["aud"],
            &access["consumer"]["ID"]
        ),
        (
            &json!(who::ODDNY),
            &json!("idporten-loa-high"),
            &json!("unspecified"),
            &json!("0192:390198116")
        )
    );
}

#[tokio::test]
async fn an_id_token_is_for_its_client() {
    let granted = Granted::start().await;
    let access = claims_of(granted.token("access_token"));
    let id = claims_of(granted.token("id_token"));
    assert_eq!(
        (&id["nonce"], &id["aud"], &id["amr"], &id["sub"]),
        (
            &json!("no"),
            &json!(granted.client),
            &json!(["TestID"]),
            &access["sub"]
        )
    );
    assert!(id["sid"].is_string() && id["auth_time"].is_number());
}

#[tokio::test]
async fn an_access_token_of_idporten_is_a_persons_token_and_an_id_token_is_none() {
    let granted = Granted::start().await;
    let request = granted.app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let path = format!(
        "/authentication/api/v1/systemuser/request/{}/{request}",
        who::KERAMIKK_PARTY
    );
    granted
        .app
        .get(&path, granted.token("access_token"))
        .await
        .expect(200);
    granted
        .app
        .get(&path, granted.token("id_token"))
        .await
        .expect(401);
}

#[tokio::test]
async fn a_refresh_token_is_used_once() {
    let granted = Granted::start().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", granted.token("refresh_token")),
    ];
    let refresh = async || {
        Answer::of(
            granted
                .app
                .http
                .post(format!("{}/token", granted.app.idporten))
                .basic_auth(&granted.client, Some("s3cret"))
                .form(&form)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    refresh().await.expect(200);
    refresh().await.expect(400);
}

#[tokio::test]
async fn a_code_is_used_once() {
    let granted = Granted::start().await;
    let Granted {
        app,
        client,
        code,
        verifier,
        ..
    } = &granted;
    let again = redeem(app, client, code, verifier).await;
    assert_eq!(again.expect(400).json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_own_verifier_alone() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let other = code(&app, &client, &random_text(48)).await;
    redeem(&app, &client, &other, "another verifier")
        .await
        .expect(400);
}

#[tokio::test]
async fn a_code_is_redeemed_by_a_client_that_proves_who_it_is_alone() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let verifier = random_text(48);
    let other = code(&app, &client, &verifier).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &other),
        ("redirect_uri", REDIRECT),
        ("code_verifier", &verifier),
        ("client_id", &client),
    ];
    let unproven = Answer::of(
        app.http
            .post(format!("{}/token", app.idporten))
            .form(&form)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(unproven.expect(401).json()["error"], "invalid_client");
}

#[tokio::test]
async fn an_authorization_request_that_does_not_fit_the_client_is_refused() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let challenge = base64url(sha256("v"));
    for (name, value) in [
        ("client_id", "unknown"),
        ("redirect_uri", "http://localhost:8081/other"),
        ("response_type", "token"),
        ("scope", "altinn:portal/enduser"),
        ("scope", "openid other:scope"),
        ("code_challenge_method", "plain"),
        ("code_challenge", "short"),
    ] {
        let mut query = parameters(&client, &challenge);
        query.retain(|(n, _)| *n != name);
        query.push((name, value));
        let answer = Answer::of(
            app.http
                .get(format!("{}/authorize", app.idporten))
                .query(&query)
                .send()
                .await
                .unwrap(),
        )
        .await;
        assert!(
            answer.expect(400).json()["error"].is_string(),
            "{name}={value}"
        );
    }
}

#[tokio::test]
async fn the_metadata_of_idporten_names_its_issuer_and_pkce() {
    let app = TestApp::start().await;
    let metadata: Value = app
        .http
        .get(format!("{}/.well-known/openid-configuration", app.idporten))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (
            &metadata["issuer"],
            &metadata["code_challenge_methods_supported"]
        ),
        (&json!(app.idporten), &json!(["S256"]))
    );
}

#[tokio::test]
async fn a_pushed_authorization_request_shows_the_people_of_the_universe() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let challenge = base64url(sha256("v"));
    let pushed = app
        .http
        .post(format!("{}/par", app.idporten))
        .basic_auth(&client, Some("s3cret"))
        .form(&parameters(&client, &challenge));
    let pushed = Answer::of(pushed.send().await.unwrap())
        .await
        .expect(201)
        .json();
    let query = [
        ("client_id", client.as_str()),
        ("request_uri", pushed["request_uri"].as_str().unwrap()),
    ];
    let page = Answer::of(
        app.http
            .get(format!("{}/authorize", app.idporten))
            .query(&query)
            .send()
            .await
            .unwrap(),
    )
    .await
    .expect(200);
    assert!(
        page.text.contains("TestID Lag din egen testbruker") && page.text.contains("Oddny Ildflue")
    );
}

#[tokio::test]
async fn a_log_out_leads_to_the_address_of_its_client() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let query = [
        ("client_id", client.as_str()),
        ("post_logout_redirect_uri", "http://localhost:8081/out"),
        ("state", "s"),
    ];
    let out = app
        .http
        .get(format!("{}/logout", app.idporten))
        .query(&query)
        .send()
        .await
        .unwrap();
    assert_eq!(
        out.headers()["location"],
        "http://localhost:8081/out?state=s"
    );
}

#[tokio::test]
async fn a_log_out_leads_to_no_address_that_its_client_did_not_register() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let query = [
        ("client_id", client.as_str()),
        ("post_logout_redirect_uri", "https://evil.example/"),
    ];
    assert_eq!(
        app.http
            .get(format!("{}/logout", app.idporten))
            .query(&query)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn what_no_database_can_hold_is_a_bad_request() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    for (path, name) in [
        ("par", "client_id"),
        ("token", "code"),
        ("token", "client_id"),
        ("authorize", "request"),
    ] {
        let mut form = vec![
            ("client_id", client.as_str()),
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("pid", who::ODDNY),
            ("level", "3"),
        ];
        form.retain(|(n, _)| *n != name);
        form.push((name, "a\0b"));
        let answer = Answer::of(
            app.http
                .post(format!("{}/{path}", app.idporten))
                .form(&form)
                .send()
                .await
                .unwrap(),
        )
        .await;
        assert!(
            matches!(answer.status, 400 | 401),
            "{path} {name}: {} {}",
            answer.status,
            answer.text
        );
    }
}

#[tokio::test]
async fn only_numbers_with_good_check_digits_log_in() {
    let app = TestApp::start().await;
    let client = new_client(&app).await;
    let challenge = base64url(sha256("x".repeat(48)));
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../data/check-digits.json")).unwrap();
    for vector in vectors["personIds"].as_array().unwrap() {
        let hint = format!("pid:{}", vector["value"].as_str().unwrap());
        let mut query = parameters(&client, &challenge);
        query.push(("login_hint", &hint));
        let response = app
            .http
            .get(format!("{}/authorize", app.idporten))
            .query(&query)
            .send()
            .await
            .unwrap();
        // Who cannot be logged in is shown the page to choose from.
        assert_eq!(
            response.status(),
            if vector["valid"] == true { 303 } else { 200 },
            "{vector}"
        );
    }
}
