//! The local Maskinporten: each mistake has its code.

use serde_json::{Value, json};

use crate::{
    journey::{Client, claims_of, post_assertion},
    support::*,
};

#[tokio::test]
async fn each_mistake_has_its_code() {
    let app = TestApp::start().await;
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    let now = app.clock.seconds();
    let org = |id: &str| json!({"authority": "iso6523-actorid-upis", "ID": id});
    let details = |entry: Value| json!([entry]);
    let good = || json!({"type": "urn:altinn:systemuser", "systemuser_org": org("0192:390367767")});
    let with = |name: &str, value: Value| {
        let mut entry = good();
        entry[name] = value;
        details(entry)
    };
    let cases: Vec<(&str, Value, u16, &str, &str)> = vec![
        ("iss", json!("unknown"), 400, "invalid_grant", "MP-100"),
        ("iss", json!("\u{0}"), 400, "invalid_grant", "MP-100"),
        ("iss", json!(7), 400, "invalid_request", "MP-011"),
        (
            "aud",
            json!("https://maskinporten.no/"),
            400,
            "invalid_grant",
            "MP-110",
        ),
        ("iat", json!(now + 60), 400, "invalid_grant", ""),
        ("exp", json!(now - 30), 400, "invalid_grant", "MP-130"),
        ("exp", json!(now + 200), 400, "invalid_request", "MP-011"),
        (
            "scope",
            json!("finnes:ikke"),
            400,
            "invalid_scope",
            "MP-200",
        ),
        ("scope", json!(""), 400, "invalid_scope", "MP-200"),
        (
            "consumer_org",
            json!(who::SKYREGNSKAP),
            403,
            "forbidden",
            "MP-251",
        ),
        (
            "consumer_org",
            json!(who::FJORDLONN),
            400,
            "invalid_request",
            "MP-011",
        ),
        (
            "authorization_details",
            json!({}),
            400,
            "invalid_authorization_details",
            "MP-301",
        ),
        (
            "authorization_details",
            details(json!({"type": "urn:altinn:consent"})),
            400,
            "invalid_authorization_details",
            "MP-301",
        ),
        (
            "authorization_details",
            json!([good(), good()]),
            400,
            "invalid_authorization_details",
            "MP-301",
        ),
        (
            "authorization_details",
            with("system_id", json!("x")),
            400,
            "invalid_authorization_details",
            "MP-302",
        ),
        (
            "authorization_details",
            with(
                "systemuser_org",
                json!({"authority": "iso6523-actorid-upis", "ID": "0192:390367767", "x": 1}),
            ),
            400,
            "invalid_authorization_details",
            "MP-302",
        ),
        (
            "authorization_details",
            with("systemuser_org", org("0192:390381492")),
            400,
            "invalid_altinn_customer_configuration",
            "MP-303",
        ),
        (
            "authorization_details",
            with("systemuser_org", org("0193:390367767")),
            400,
            "invalid_altinn_customer_configuration",
            "MP-303",
        ),
        (
            "authorization_details",
            with("externalRef", json!("other")),
            400,
            "invalid_altinn_customer_configuration",
            "MP-303",
        ),
        (
            "authorization_details",
            with("externalRef", json!(7)),
            400,
            "invalid_altinn_customer_configuration",
            "MP-303",
        ),
    ];
    for (name, value, status, error, code) in cases {
        let mut claims = client.claims(&app, "altinn:systembruker.demo");
        claims[name] = value;
        let answer = client.send(&app, &claims).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, body["error"].as_str()),
            (status, Some(error)),
            "{claims} {body}"
        );
        assert_eq!(
            body["error_uri"].as_str().unwrap_or_default(),
            if code.is_empty() {
                String::new()
            } else {
                format!("{}/errors/{code}", app.maskinporten)
            }
        );
        assert!(
            body["error_description"]
                .as_str()
                .unwrap()
                .contains("(trace_id: ")
        );
    }
}

#[tokio::test]
async fn audiences_replays_headers_and_lifetimes() {
    let app = TestApp::start().await;
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    for audience in [
        json!(app.maskinporten),
        json!(format!("{}/", app.maskinporten)),
        json!(format!("{}/token", app.maskinporten)),
        json!(["x", app.maskinporten]),
    ] {
        let mut claims = client.claims(&app, REQUEST_READ);
        claims["aud"] = audience;
        client.send(&app, &claims).await.expect(200);
    }
    let claims = client.claims(&app, REQUEST_READ);
    let assertion = client.key.sign(&claims, &[]).unwrap();
    post_assertion(&app, &assertion).await.expect(200);
    assert!(
        post_assertion(&app, &assertion)
            .await
            .expect(400)
            .text
            .contains("MP-012")
    );
    assert!(
        client
            .send(&app, &claims)
            .await
            .expect(400)
            .text
            .contains("MP-012"),
        "the same jti signed again"
    );
    let (message, _) = assertion.rsplit_once('.').unwrap();
    assert!(
        post_assertion(&app, &format!("{message}.AAAA"))
            .await
            .expect(400)
            .text
            .contains("MP-124")
    );
    assert!(
        post_assertion(&app, "not a grant")
            .await
            .expect(400)
            .text
            .contains("MP-011")
    );
    let wrong_type = [("grant_type", "client_credentials")];
    let answer = Answer::of(
        app.http
            .post(format!("{}/token", app.maskinporten))
            .form(&wrong_type)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(answer.expect(400).json()["error"], "unsupported_grant_type");
    let with_x5c = client
        .key
        .sign(&client.claims(&app, REQUEST_READ), &[("x5c", "text")])
        .unwrap();
    assert!(
        post_assertion(&app, &with_x5c)
            .await
            .expect(400)
            .text
            .contains("MP-123")
    );
    let mut claims = client.claims(&app, "altinn:systembruker.demo");
    claims["resource"] = json!("https://api.example");
    let token = client.send(&app, &claims).await.expect(200).json();
    let token = claims_of(token["access_token"].as_str().unwrap());
    assert_eq!(
        (
            &token["aud"],
            token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap()
        ),
        (&json!("https://api.example"), 600)
    );
    assert_eq!(
        token["consumer"],
        json!({"authority": "iso6523-actorid-upis", "ID": "0192:390198116"})
    );
}

#[tokio::test]
async fn clients_can_be_registered_and_taken_away() {
    let app = TestApp::start().await;
    let clients = format!("{}/sandbox/clients", app.testtools);
    let call = async |method: reqwest::Method, address: String, body: Value| {
        let request = app
            .http
            .request(method, address)
            .basic_auth("sandbox", Some("sandbox"))
            .json(&body);
        Answer::of(request.send().await.unwrap()).await
    };
    let body = json!({"orgNumber": who::HAVBLIKK, "scopes": ["a:b", "c:d"], "ungrantedScopes": ["c:d"], "delegatedBy": [who::KERAMIKK]});
    let made = call(reqwest::Method::POST, clients.clone(), body.clone())
        .await
        .expect(201)
        .json();
    let id = made["clientId"].as_str().unwrap().to_owned();
    let key =
        foundation::token::SigningKey::from_pem(made["privatePem"].as_str().unwrap(), "").unwrap();
    for member in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        assert!(made["jwk"][member].is_string(), "{member}");
    }
    let client = Client {
        id: id.clone(),
        key,
    };
    client.token(&app, "a:b").await;
    assert!(
        client
            .send(&app, &client.claims(&app, "a:b c:d"))
            .await
            .expect(403)
            .text
            .contains("MP-250")
    );
    let mut for_customer = client.claims(&app, "a:b");
    for_customer["consumer_org"] = json!(who::KERAMIKK);
    let token = client.send(&app, &for_customer).await.expect(200).json();
    let token = claims_of(token["access_token"].as_str().unwrap());
    assert_eq!(
        (&token["consumer"]["ID"], &token["supplier"]["ID"]),
        (&json!("0192:390381492"), &json!("0192:390211848"))
    );
    let mut expired = body;
    expired["expiredKids"] = json!([client.key.kid()]);
    call(reqwest::Method::PUT, format!("{clients}/{id}"), expired)
        .await
        .expect(200);
    assert!(
        client
            .send(&app, &client.claims(&app, "a:b"))
            .await
            .expect(400)
            .text
            .contains("MP-121")
    );
    call(
        reqwest::Method::PUT,
        format!("{clients}/{id}/jwks"),
        json!({"keys": []}),
    )
    .await
    .expect(400);
    call(reqwest::Method::GET, format!("{clients}/{id}"), json!({}))
        .await
        .expect(200);
    call(
        reqwest::Method::DELETE,
        format!("{clients}/{id}"),
        json!({}),
    )
    .await
    .expect(204);
    call(reqwest::Method::GET, format!("{clients}/{id}"), json!({}))
        .await
        .expect(404);
    assert!(
        client
            .send(&app, &client.claims(&app, "a:b"))
            .await
            .expect(400)
            .text
            .contains("MP-100")
    );
    app.http
        .get(&clients)
        .send()
        .await
        .map(|r| assert_eq!(r.status(), 401))
        .unwrap();
}

#[tokio::test]
async fn what_was_registered_is_kept_when_the_sandbox_starts_again() {
    let app = TestApp::start().await;
    let request = app
        .http
        .post(format!("{}/sandbox/clients", app.testtools))
        .basic_auth("sandbox", Some("sandbox"));
    let made = Answer::of(
        request
            .json(&json!({"orgNumber": who::FJORDLONN}))
            .send()
            .await
            .unwrap(),
    )
    .await
    .expect(201)
    .json();
    let id = made["clientId"].as_str().unwrap().to_owned();
    let key =
        foundation::token::SigningKey::from_pem(made["privatePem"].as_str().unwrap(), "").unwrap();
    let client = Client { id, key };
    let system = system_with_client("390198116_kept", &client.id);
    app.post(
        "/authentication/api/v1/systemregister/vendor",
        &app.vendor(who::FJORDLONN).await,
        system,
    )
    .await
    .expect(200);
    let again = TestApp::on(app.database.clone(), &[]).await;
    client.token(&again, REQUEST_READ).await;
    Client::seeded(who::FJORDLONN_CLIENT)
        .token(&again, REQUEST_READ)
        .await;
}

#[tokio::test]
async fn new_systems_bring_their_clients_when_the_sandbox_is_configured_so() {
    let app = TestApp::with(&[("sandbox.autoregister_clients", "true")]).await;
    let id = uuid::Uuid::new_v4().to_string();
    let system = system_with_client("390198116_brings", &id);
    app.post(
        "/authentication/api/v1/systemregister/vendor",
        &app.vendor(who::FJORDLONN).await,
        system,
    )
    .await
    .expect(200);
    let registered = format!("{}/sandbox/clients/{id}", app.testtools);
    let there = async || {
        app.http
            .get(&registered)
            .basic_auth("sandbox", Some("sandbox"))
            .send()
            .await
            .unwrap()
            .status()
            == 200
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while !there().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the client is registered");
    Client::seeded(&id).token(&app, REQUEST_READ).await;
}

fn system_with_client(id: &str, client: &str) -> Value {
    let name = json!({"nb": "a", "nn": "a", "en": "a"});
    json!({"id": id, "vendor": {"ID": "0192:390198116"}, "name": name, "description": name, "clientId": [client],
        "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}], "allowedRedirectUrls": ["https://a.example/"]})
}
