//! The whole journey over HTTP, with the grant to the local Maskinporten.

use foundation::{crypto::random_text, token::SigningKey};
use serde_json::{Value, json};

use crate::support::*;

/// A vendor's Maskinporten client, with its key.
pub struct Client {
    pub id: String,
    pub key: SigningKey,
}

impl Client {
    /// The client of a seeded system.
    pub fn seeded(id: &str) -> Self {
        let path = sandbox::material_dir(&home().join("sandbox"), id).join("private.pem");
        Self {
            id: id.to_owned(),
            key: SigningKey::from_pem_file(&path, "").unwrap(),
        }
    }

    /// Claims of a grant that is good now.
    pub fn claims(&self, app: &TestApp, scope: &str) -> Value {
        let now = app.clock.seconds();
        json!({"iss": self.id, "aud": format!("{}/", app.maskinporten), "scope": scope, "iat": now, "exp": now + 100, "jti": random_text(16)})
    }

    pub async fn send(&self, app: &TestApp, claims: &Value) -> Answer {
        post_assertion(app, &self.key.sign(claims, &[]).unwrap()).await
    }

    pub async fn token(&self, app: &TestApp, scope: &str) -> String {
        self.send(app, &self.claims(app, scope))
            .await
            .expect(200)
            .json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn system_user_token(
        &self,
        app: &TestApp,
        owner: &str,
        external_ref: Option<&str>,
    ) -> Answer {
        let mut claims = self.claims(app, "altinn:systembruker.demo");
        claims["authorization_details"] = json!([{"type": "urn:altinn:systemuser",
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{owner}")}}]);
        if let Some(external_ref) = external_ref {
            claims["authorization_details"][0]["externalRef"] = external_ref.into();
        }
        self.send(app, &claims).await
    }
}

pub async fn post_assertion(app: &TestApp, assertion: &str) -> Answer {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", assertion),
        ("alg", "RS256"),
    ];
    Answer::of(
        app.http
            .post(format!("{}/token", app.maskinporten))
            .form(&form)
            .send()
            .await
            .unwrap(),
    )
    .await
}

/// How the vendor and the service owner present their tokens.
#[derive(Clone, Copy)]
enum Presented {
    Raw,
    Exchanged,
}

async fn present(app: &TestApp, how: Presented, token: String) -> String {
    match how {
        Presented::Raw => token,
        Presented::Exchanged => {
            app.get("/authentication/api/v1/exchange/maskinporten", &token)
                .await
                .expect(200)
                .text
        }
    }
}

async fn play(how: Presented, extra: &[(&str, &str)]) -> Vec<String> {
    let app = TestApp::with(extra).await;
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    let token = client
        .token(
            &app,
            &format!("{REGISTER_WRITE} {REQUEST_WRITE} {REQUEST_READ}"),
        )
        .await;
    let vendor = present(&app, how, token).await;
    let system = format!(
        "/authentication/api/v1/systemregister/vendor/{}",
        who::FJORDLONN_SYSTEM
    );
    assert_eq!(
        app.get(&system, &vendor).await.expect(200).json()["clientId"],
        json!([who::FJORDLONN_CLIENT])
    );
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["redirectUrl"] = json!("http://localhost:8081/kvittering");
    let request = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &vendor,
            body,
        )
        .await
        .expect(201)
        .json();
    let id = request["id"].as_str().unwrap();
    assert_eq!(
        request["confirmUrl"],
        format!(
            "{}/accessmanagement/ui/systemuser/request?id={id}&DONTCHOOSEREPORTEE=true",
            app.base
        )
    );
    assert_eq!(
        client
            .system_user_token(&app, who::KERAMIKK, None)
            .await
            .expect(400)
            .json()["error"],
        "invalid_altinn_customer_configuration"
    );
    let oddny = app.person(who::ODDNY).await;
    let party = format!(
        "/authentication/api/v1/systemuser/request/{}/{id}",
        who::KERAMIKK_PARTY
    );
    assert_eq!(
        app.get(&party, &oddny).await.expect(200).json()["status"],
        "New"
    );
    assert_eq!(
        app.post_empty(&format!("{party}/approve"), &oddny)
            .await
            .expect(200)
            .text,
        "true"
    );
    let read = format!("/authentication/api/v1/systemuser/request/vendor/{id}");
    assert_eq!(
        app.get(&read, &vendor).await.expect(200).json()["status"],
        "Accepted"
    );
    let granted = client
        .system_user_token(&app, who::KERAMIKK, None)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&granted["expires_in"], &granted["token_type"]),
        (&json!(599), &json!("Bearer"))
    );
    let claims = claims_of(granted["access_token"].as_str().unwrap());
    assert_eq!(
        claims["authorization_details"],
        json!([{"type": "urn:altinn:systemuser", "systemuser_id": [id], "system_id": who::FJORDLONN_SYSTEM,
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": "0192:390381492"}}])
    );
    let owner = Client::seeded("serviceowner-sav")
        .token(&app, "altinn:authorization/authorize altinn:serviceowner")
        .await;
    let owner = present(&app, how, owner).await;
    let party_org = ("urn:altinn:organization:identifier-no", who::KERAMIKK);
    let subject = ("urn:altinn:systemuser:uuid", id);
    let mut decisions = Vec::new();
    for resource in ["a-melding", "inntektsmelding"] {
        decisions.push(
            app.decide(&owner, subject, "write", resource, party_org)
                .await["decision"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let user = format!(
        "/authentication/api/v1/systemuser/{}/{id}",
        who::KERAMIKK_PARTY
    );
    let detail = app.get(&user, &oddny).await.expect(200).json();
    assert_eq!(
        detail["accessPackages"],
        json!([{"urn": "urn:altinn:accesspackage:a-ordning"}])
    );
    assert_eq!(app.delete(&user, &oddny).await.expect(202).text, "1");
    assert_eq!(app.delete(&user, &oddny).await.expect(404).text, "0");
    decisions.push(
        app.decide(&owner, subject, "write", "a-melding", party_org)
            .await["decision"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    assert_eq!(
        app.get(&read, &vendor).await.expect(404).code(),
        "AUTH-00010"
    );
    assert_eq!(
        client
            .system_user_token(&app, who::KERAMIKK, None)
            .await
            .status,
        400
    );
    app.post(
        "/authentication/api/v1/systemuser/request/vendor",
        &vendor,
        request_body(who::KERAMIKK, &["a-ordning"]),
    )
    .await
    .expect(201);
    let mut trail = 0;
    for action in [
        "request.created",
        "request.approved",
        "systemuser.created",
        "systemuser.deleted",
    ] {
        trail += app.audited(action).await;
    }
    decisions.push(trail.to_string());
    decisions
}

/// Claims of a token, unverified.
pub fn claims_of(token: &str) -> Value {
    let parsed = foundation::token::parse(token, 64 * 1024).unwrap();
    Value::Object(parsed.claims)
}

#[tokio::test]
async fn from_request_to_permit_to_deletion_with_raw_tokens() {
    assert_eq!(
        Box::pin(play(Presented::Raw, &[])).await,
        ["Permit", "NotApplicable", "NotApplicable", "5"]
    );
}

#[tokio::test]
async fn exchanged_tokens_lead_to_the_same() {
    assert_eq!(
        Box::pin(play(Presented::Exchanged, &[])).await,
        ["Permit", "NotApplicable", "NotApplicable", "5"]
    );
}

#[tokio::test]
async fn on_one_port_the_same_holds() {
    assert_eq!(
        Box::pin(play(Presented::Raw, &[("sandbox.single_port", "true")])).await,
        ["Permit", "NotApplicable", "NotApplicable", "5"]
    );
}
