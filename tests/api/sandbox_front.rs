//! A sandbox under other addresses: everything on one port, or behind TLS with the names of the
//! public system.

use std::net::SocketAddr;

use foundation::crypto::random_text;
use reqwest::{Certificate, Client as Http, header::HOST, redirect::Policy};
use rstest::rstest;
use serde_json::{Value, json};

use crate::pages::Browser;
use crate::{
    journey::{Client, claims_of},
    support::*,
};

const ONE_PORT: &[(&str, &str)] = &[("sandbox.single_port", "true")];

#[tokio::test]
async fn on_one_port_everything_has_its_path() {
    let app = TestApp::with(ONE_PORT).await;
    let base = &app.base;
    assert_eq!(app.maskinporten, format!("{base}/sandbox/maskinporten"));
    let get = async |path: &str| {
        Answer::of(app.http.get(format!("{base}{path}")).send().await.unwrap()).await
    };
    for path in [
        "/sandbox/maskinporten/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/sandbox/maskinporten",
    ] {
        let metadata = get(path).await.expect(200).json();
        assert_eq!(metadata["issuer"], format!("{base}/sandbox/maskinporten/"));
        assert_eq!(
            metadata["token_endpoint"],
            format!("{base}/sandbox/maskinporten/token")
        );
    }
    for path in [
        "/sandbox/idporten/.well-known/openid-configuration",
        "/.well-known/openid-configuration/sandbox/idporten",
    ] {
        assert_eq!(
            get(path).await.expect(200).json()["issuer"],
            format!("{base}/sandbox/idporten")
        );
    }
    // The ports of their own stay closed.
    let sandbox = app.running.config.settings.sandbox.as_ref().unwrap();
    for listen in [
        sandbox.maskinporten.listen,
        sandbox.idporten.listen,
        sandbox.testtools.listen,
    ] {
        assert!(
            tokio::net::TcpStream::connect(listen).await.is_err(),
            "{listen}"
        );
    }
    // Whatever answers says that it is no real one.
    for path in [
        "/",
        "/sandbox/maskinporten/jwk",
        "/sandbox/idporten/jwks.json",
        "/sandbox/testtools/api/.well-known/jwks.json",
    ] {
        assert_eq!(
            get(path).await.expect(200).header("x-sandbox"),
            "true",
            "{path}"
        );
    }
    // A grant, a test token, and a login.
    let token = Client::seeded(who::FJORDLONN_CLIENT)
        .token(&app, REQUEST_READ)
        .await;
    assert_eq!(
        claims_of(&token)["iss"],
        format!("{base}/sandbox/maskinporten/")
    );
    app.get(
        "/authentication/api/v1/systemuser/request/vendor/bysystem/390198116_fjordlonn",
        &token,
    )
    .await
    .expect(200);
    app.get(
        "/authentication/api/v1/systemregister/vendor",
        &app.vendor(who::FJORDLONN).await,
    )
    .await
    .expect(200);
    let page = format!(
        "{base}/accessmanagement/ui/systemuser/request?id={}&DONTCHOOSEREPORTEE=true",
        who::NATTERGAL_REQUEST
    );
    Browser::new()
        .open_as(&page, who::TORLEIF)
        .await
        .expect(200, "value=\"approve\"");
}

/// As in a container: others call it by a name and a port that lead elsewhere from within.
#[rstest]
#[case::on_one_port(
    "true",
    "http://sandbox.example:8088/sandbox/maskinporten",
    "http://sandbox.example:8088/sandbox/idporten"
)]
#[case::on_ports_of_their_own("false", "http://sandbox.example:", "http://sandbox.example:")]
#[tokio::test]
async fn issuers_follow_the_configured_base_url(
    #[case] single_port: &str,
    #[case] maskinporten: &str,
    #[case] idporten: &str,
) {
    let app = TestApp::with(&[
        ("sandbox.single_port", single_port),
        ("server.public_base_url", "http://sandbox.example:8088"),
    ])
    .await;
    let listen = app.running.config.settings.server.listen;
    let get = async |path: &str, token: &str| {
        let request = app.http.get(format!("http://{listen}{path}"));
        let request = request.header(HOST, "sandbox.example:8088");
        Answer::of(request.bearer_auth(token).send().await.unwrap()).await
    };
    let issuer = &app.running.config.maskinporten_issuer;
    assert!(issuer.starts_with(maskinporten), "{issuer}");
    // Maskinporten bears the name, wants it as audience, and its tokens are taken.
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    let mut claims = client.claims(&app, REGISTER_WRITE);
    claims["aud"] = json!(issuer);
    let answer = client.send(&app, &claims).await.expect(200).json();
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(claims_of(token)["iss"], json!(issuer));
    let system = "/authentication/api/v1/systemregister/vendor/390198116_fjordlonn";
    get(system, token).await.expect(200);
    // The browser is sent to the login page by the name, although the service reached it by none.
    let page = format!(
        "/accessmanagement/ui/systemuser/request?id={}&DONTCHOOSEREPORTEE=true",
        who::NATTERGAL_REQUEST
    );
    let login = get(&page, "").await.expect(302);
    let sent = get(login.header("location"), "").await.expect(302);
    let address = sent.header("location").to_owned();
    assert!(
        address.starts_with(idporten) && address.contains("/authorize?"),
        "{address}"
    );
}

/// A client of the public system: it knows its names, and finds the sandbox behind them.
struct Elsewhere {
    http: Http,
    port: u16,
}

impl Elsewhere {
    fn of(app: &TestApp, names: &[&str]) -> Self {
        let sandbox = app.running.config.settings.sandbox.as_ref().unwrap();
        let front: SocketAddr = sandbox.tls.listen.unwrap();
        let authority =
            Certificate::from_pem(&std::fs::read(sandbox.dir.join("tls-ca.pem")).unwrap()).unwrap();
        let mut builder = Http::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tls_certs_only([authority]);
        for name in names {
            builder = builder.resolve(name, front);
        }
        Self {
            http: builder.build().unwrap(),
            port: front.port(),
        }
    }

    fn address(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }

    async fn get(&self, host: &str, path: &str, token: &str) -> Answer {
        Answer::of(
            self.http
                .get(self.address(host, path))
                .bearer_auth(token)
                .send()
                .await
                .unwrap(),
        )
        .await
    }
}

const GENERATOR: &str = "altinn-testtools-token-generator.azurewebsites.net";
const PLATFORM: &str = "platform.tt02.altinn.no";
const MASKINPORTEN: &str = "test.maskinporten.no";
const IDPORTEN: &str = "login.test.idporten.no";

/// A sandbox under the names of the public system.
async fn behind_names() -> TestApp {
    let listen = format!("127.0.0.1:{}", free_port());
    TestApp::with(&[
        ("sandbox.tls.listen", &listen),
        ("sandbox.assume_real_names", "true"),
        ("sandbox.testtools.real_issuer_names", "true"),
    ])
    .await
}

/// A client of the public system.
fn elsewhere(app: &TestApp) -> Elsewhere {
    Elsewhere::of(
        app,
        &[
            GENERATOR,
            PLATFORM,
            MASKINPORTEN,
            IDPORTEN,
            "am.ui.at22.altinn.cloud",
            "platform.altinn.no",
            "evil.example",
        ],
    )
}

/// A token of Fjordlønn from the generator, as scripts call it.
async fn generated(client: &Elsewhere) -> String {
    let asked = format!(
        "/api/GetEnterpriseToken?env=tt02&orgNo={}&scopes={REGISTER_WRITE},{REQUEST_WRITE}",
        who::FJORDLONN
    );
    let answer = client
        .http
        .get(client.address(GENERATOR, &asked))
        .basic_auth("sandbox", Some("sandbox"))
        .send()
        .await
        .unwrap();
    Answer::of(answer).await.expect(200).text
}

#[tokio::test]
async fn the_generator_is_found_behind_its_public_name_and_names_the_issuer_of_its_environment() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    let token = generated(&client).await;
    assert_eq!(
        claims_of(&token)["iss"],
        "https://platform.tt02.altinn.no/authentication/api/v1/openid/"
    );
}

#[tokio::test]
async fn a_path_with_two_slashes_at_its_beginning_is_found() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    let token = generated(&client).await;
    client
        .get(
            PLATFORM,
            "//authentication/api/v1/systemregister/vendor/390198116_fjordlonn",
            &token,
        )
        .await
        .expect(200);
}

#[tokio::test]
async fn the_platform_gives_addresses_by_its_public_name() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    let token = generated(&client).await;
    let body = request_body(who::KERAMIKK, &["a-ordning"]);
    let posted = client
        .http
        .post(client.address(PLATFORM, "/authentication/api/v1/systemuser/request/vendor"))
        .bearer_auth(&token)
        .json(&body);
    let made = Answer::of(posted.send().await.unwrap()).await.expect(201);
    assert!(
        made.header("location")
            .starts_with(&format!("https://{PLATFORM}:{}/", client.port)),
        "{}",
        made.header("location")
    );
}

#[tokio::test]
async fn maskinporten_is_found_behind_its_public_name() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    let metadata: Value = client
        .get(MASKINPORTEN, "/.well-known/oauth-authorization-server", "")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&metadata["issuer"], &metadata["token_endpoint"]),
        (
            &json!("https://test.maskinporten.no/"),
            &json!("https://test.maskinporten.no/token")
        )
    );
}

#[tokio::test]
async fn a_token_of_maskinporten_by_its_public_name_is_taken() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    let grantor = Client::seeded(who::FJORDLONN_CLIENT);
    let now = app.clock.seconds();
    let claims = json!({"iss": grantor.id, "aud": "https://test.maskinporten.no/", "scope": REQUEST_READ, "iat": now, "exp": now + 100, "jti": random_text(16)});
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", &grantor.key.sign(&claims, &[]).unwrap()),
    ];
    let granted = Answer::of(
        client
            .http
            .post(client.address(MASKINPORTEN, "/token"))
            .form(&form)
            .send()
            .await
            .unwrap(),
    )
    .await
    .expect(200)
    .json();
    let granted = granted["access_token"].as_str().unwrap();
    assert_eq!(claims_of(granted)["iss"], "https://test.maskinporten.no/");
    client
        .get(
            PLATFORM,
            "/authentication/api/v1/systemuser/request/vendor/bysystem/390198116_fjordlonn",
            granted,
        )
        .await
        .expect(200);
}

#[tokio::test]
async fn the_portal_is_found_behind_its_public_name() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    client
        .get("am.ui.at22.altinn.cloud", "/alive", "")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_login_leads_to_the_public_name_of_idporten() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    let login: Value = client
        .get(IDPORTEN, "/.well-known/openid-configuration", "")
        .await
        .expect(200)
        .json();
    assert_eq!(login["issuer"], "https://test.idporten.no");
    let begun = app
        .http
        .get(format!(
            "{}/authentication/api/v1/authentication?goto=/",
            app.base
        ))
        .send()
        .await
        .unwrap();
    assert!(
        begun.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with("https://test.idporten.no/authorize?")
    );
}

#[tokio::test]
async fn no_other_name_gets_a_certificate() {
    let app = behind_names().await;
    let client = elsewhere(&app);
    for host in ["platform.altinn.no", "evil.example"] {
        assert!(
            client
                .http
                .get(client.address(host, "/alive"))
                .send()
                .await
                .unwrap_err()
                .is_connect(),
            "{host}"
        );
    }
}

#[tokio::test]
async fn without_the_front_its_names_are_unknown_here() {
    let app = TestApp::start().await;
    let answer = app
        .http
        .get(format!("{}/", app.base))
        .header("host", PLATFORM)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 421);
}
