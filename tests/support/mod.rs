//! What the integration tests share: a private Postgres, a database per test, a whole sandbox on
//! ports of its own, and a client that talks to it as others do.

use std::{
    collections::HashMap,
    net::TcpListener,
    path::PathBuf,
    sync::{
        LazyLock,
        atomic::{AtomicU16, AtomicU32, Ordering},
    },
};

use indicatif::ProgressBar;
use reqwest::{Method, StatusCode, header::HeaderMap, redirect::Policy};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use systembruker::{
    clock::Clock,
    config::{Checked, Source, check, load},
    db::cluster::{Cluster, Durability},
    sandbox::{self, Running},
};
use tokio::sync::OnceCell;

/// Organisations and people of the universe.
pub mod who {
    pub const FJORDLONN: &str = "390198116";
    pub const SKYREGNSKAP: &str = "390184387";
    pub const HAVBLIKK: &str = "390211848";
    pub const SAV: &str = "390028466";
    pub const KERAMIKK: &str = "390381492";
    pub const KERAMIKK_PARTY: i32 = 52_000_091;
    pub const NATTERGAL: &str = "390326572";
    pub const NATTERGAL_PARTY: i32 = 52_000_063;
    pub const TINDEVANDRER: &str = "390367767";
    pub const TINDEVANDRER_PARTY: i32 = 52_000_084;
    pub const ODDNY: &str = "11859024884";
    pub const TORLEIF: &str = "19867518188";
    pub const JOSTEIN: &str = "22878422566";
    pub const OLAV: &str = "30907001160";
    pub const FJORDLONN_SYSTEM: &str = "390198116_fjordlonn";
    pub const FJORDLONN_CLIENT: &str = "08b08038-be28-511d-9ee8-c25fec65e65e";
    /// Open request of Fjordlønn to Nattergal.
    pub const NATTERGAL_REQUEST: &str = "dd763c00-ef5a-51fc-9b94-33c923dbaf60";
    /// Standard system user of Tindevandrer at Fjordlønn.
    pub const TINDEVANDRER_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";
    /// Managing director of Tallknuseren.
    pub const RANDI: &str = "13837347860";
    /// Agent system user of Tallknuseren.
    pub const TALLKNUSEREN_AGENT: &str = "05042226-1aa3-5372-87bc-b03f76163fdf";
}

pub const REGISTER_WRITE: &str = "altinn:authentication/systemregister.write";
pub const REQUEST_WRITE: &str = "altinn:authentication/systemuser.request.write";
pub const REQUEST_READ: &str = "altinn:authentication/systemuser.request.read";
pub const PORTAL: &str = "altinn:portal/enduser";
pub const AUTHORIZE: &str = "altinn:authorization/authorize";
pub const LOOKUP: &str = "altinn:maskinporten/systemuser.read";

/// Folder of this test binary.
pub fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"))
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let dir = home().join("cluster");
    std::fs::create_dir_all(&dir).expect("a folder for the tests' cluster");
    Cluster::remove(&dir).expect("the last run's cluster can be removed");
    Cluster::start(&dir, Durability::Volatile).expect("Postgres starts")
});

/// A private cluster that every test of this binary shares.
pub fn cluster() -> &'static Cluster {
    &CLUSTER
}

async fn admin() -> PgConnection {
    PgConnection::connect(cluster().url("postgres").expose_secret())
        .await
        .expect("the tests' cluster answers")
}

async fn execute(admin: &mut PgConnection, statement: String) {
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(admin)
        .await
        .expect("a database can be made");
}

/// The database that others are copied from: schema, catalogues, universe, clients.
static TEMPLATE: OnceCell<()> = OnceCell::const_new();

async fn prepare_template() {
    execute(&mut admin().await, "create database template".to_owned()).await;
    let url = cluster().url("template");
    let running = sandbox::start(
        settings(&[]),
        &url,
        Clock::default(),
        &ProgressBar::hidden(),
    )
    .await
    .expect("a sandbox starts");
    running.stop().await;
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database of its own for one test.
pub async fn database() -> SecretString {
    TEMPLATE.get_or_init(prepare_template).await;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut admin = admin().await;
    // Copies of one template queue up; on a disk without fsync each takes some ten milliseconds.
    execute(
        &mut admin,
        format!("create database {name} template template strategy file_copy"),
    )
    .await;
    cluster().url(&name)
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 90).unwrap_or(0) * 400;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed) % 8_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Settings of a sandbox on free ports, with further settings as `section.key`.
pub fn settings(extra: &[(&str, &str)]) -> Checked {
    let mut overrides: Vec<(&str, String)> = [
        "server.listen",
        "server.internal_listen",
        "sandbox.maskinporten.listen",
        "sandbox.idporten.listen",
        "sandbox.testtools.listen",
    ]
    .map(|key| (key, format!("127.0.0.1:{}", free_port())))
    .into();
    overrides.push(("sandbox.dir", home().join("sandbox").display().to_string()));
    overrides.push(("jwks.min_interval_s", "1".to_owned()));
    overrides.push(("database.max_connections", "8".to_owned()));
    // As an operator would set them, so that lists are read as lists.
    let variable = |key: &str| format!("SYSTEMBRUKER__{}", key.to_uppercase().replace('.', "__"));
    let environment: HashMap<String, String> = extra
        .iter()
        .map(|(key, value)| (variable(key), (*value).to_owned()))
        .collect();
    check(load(Source::Sandbox, &environment, &overrides).expect("settings load"))
        .expect("settings are fit for use")
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|v| v.to_str().expect("a readable header"))
            .unwrap_or_default()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|e| panic!("not JSON ({e}), status {}: {}", self.status, self.text))
    }

    /// Status and body, without what differs from run to run.
    #[track_caller]
    pub fn problem(&self) -> Value {
        let mut body = self.json();
        if let Some(object) = body.as_object_mut() {
            assert!(
                object
                    .shift_remove("traceId")
                    .is_some_and(|t| t.as_str().is_some_and(|t| t.len() == 55)),
                "no trace id: {}",
                self.text
            );
        }
        assert_eq!(body["status"], self.status);
        body
    }

    /// Problem code.
    #[track_caller]
    pub fn code(&self) -> String {
        self.problem()["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code, status {}: {}", self.status, self.text))
            .to_owned()
    }

    /// Codes of the validation errors.
    #[track_caller]
    pub fn validation_codes(&self) -> Vec<String> {
        let body = self.problem();
        assert_eq!(
            (self.status, &body["code"]),
            (400, &json!("STD-00000")),
            "{}",
            self.text
        );
        body["validationErrors"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|e| e["code"].as_str().expect("a code").to_owned())
            .collect()
    }

    /// Keys of the model-state errors.
    #[track_caller]
    pub fn error_keys(&self) -> Vec<String> {
        let body = self.problem();
        assert_eq!(
            (self.status, &body["title"]),
            (400, &json!("One or more validation errors occurred.")),
            "{}",
            self.text
        );
        assert!(body.get("code").is_none());
        body["errors"]
            .as_object()
            .expect("errors")
            .keys()
            .cloned()
            .collect()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// A sandbox of its own for one test.
pub struct TestApp {
    pub running: Running,
    pub http: reqwest::Client,
    pub base: String,
    pub maskinporten: String,
    pub idporten: String,
    pub testtools: String,
    pub database: SecretString,
    pub clock: Clock,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(extra: &[(&str, &str)]) -> Self {
        Self::on(database().await, extra).await
    }

    /// On a database that is there.
    pub async fn on(database: SecretString, extra: &[(&str, &str)]) -> Self {
        Self::of(settings(extra), database).await
    }

    /// With settings of its own.
    pub async fn of(config: Checked, database: SecretString) -> Self {
        let clock = Clock::default();
        let running = sandbox::start(config, &database, clock.clone(), &ProgressBar::hidden())
            .await
            .expect("a sandbox starts");
        let config = &running.config;
        let local = config.local.as_ref().expect("a sandbox");
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self {
            base: config.public_base.clone(),
            maskinporten: local.maskinporten.clone(),
            idporten: local.idporten.clone(),
            testtools: local.testtools.clone(),
            running,
            http,
            database,
            clock,
        }
    }

    /// A connection of the test's own.
    pub async fn sql(&self) -> PgConnection {
        PgConnection::connect(self.database.expose_secret())
            .await
            .expect("the test's database answers")
    }

    /// Runs a statement on the side.
    pub async fn run_sql(&self, statement: &str) -> u64 {
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.sql().await)
            .await
            .expect("a statement")
            .rows_affected()
    }

    /// Runs a statement on the side, and tells those who remember facts, as every change of ours
    /// does.
    pub async fn change_by_sql(&self, statement: &str) {
        self.run_sql(statement).await;
        self.run_sql("insert into change_feed (kind, key) values ('everything', 'test')")
            .await;
        self.caught_up().await;
    }

    /// Waits until the instance knows everything that was committed so far.
    pub async fn caught_up(&self) {
        for _ in 0..10 {
            if self.running.state.feed.catch_up().await {
                return;
            }
        }
        panic!("the feed is not followed");
    }

    /// A number out of the database.
    pub async fn count(&self, query: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a number")
    }

    /// A text out of the database.
    pub async fn sql_text(&self, query: &str) -> String {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a text")
    }

    /// A token of the generator.
    pub async fn token(&self, kind: &str, parameters: &[(&str, &str)]) -> String {
        let request = self
            .http
            .get(format!("{}/api/{kind}", self.testtools))
            .basic_auth("sandbox", Some("sandbox"));
        let response = request
            .query(&[("env", "local")])
            .query(parameters)
            .send()
            .await
            .expect("the generator answers");
        assert_eq!(response.status(), StatusCode::OK);
        response.text().await.expect("a token")
    }

    pub async fn organization(&self, org: &str, scopes: &str) -> String {
        self.token("GetEnterpriseToken", &[("orgNo", org), ("scopes", scopes)])
            .await
    }

    pub async fn vendor(&self, org: &str) -> String {
        self.organization(
            org,
            &format!("{REGISTER_WRITE} {REQUEST_WRITE} {REQUEST_READ}"),
        )
        .await
    }

    pub async fn person(&self, pid: &str) -> String {
        self.token("GetPersonalToken", &[("pid", pid), ("scopes", PORTAL)])
            .await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.expect("the service answers")).await
    }

    /// Status of a request written by hand, for what an HTTP client would tidy up first.
    pub async fn raw_status(&self, request: &str) -> u16 {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let address = self.base.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("the service listens");
        stream
            .write_all(request.replace("{host}", address).as_bytes())
            .await
            .expect("a request is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer)
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or(0)
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, Some(token), None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(token), Some(body)).await
    }

    pub async fn post_empty(&self, path: &str, token: &str) -> Answer {
        self.send(Method::POST, path, Some(token), None).await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, Some(token), None).await
    }

    /// One decision, by attributes.
    pub async fn decide(
        &self,
        token: &str,
        subject: (&str, &str),
        action: &str,
        resource: &str,
        party: (&str, &str),
    ) -> Value {
        let answer = self
            .post(
                "/authorization/api/v1/authorize",
                token,
                decision_request(subject, action, resource, party),
            )
            .await
            .expect(200);
        answer.json()["response"][0].clone()
    }

    pub async fn decide_system_user(
        &self,
        id: &str,
        action: &str,
        resource: &str,
        org: &str,
    ) -> String {
        let token = self.organization(who::SAV, AUTHORIZE).await;
        let result = self
            .decide(
                &token,
                ("urn:altinn:systemuser:uuid", id),
                action,
                resource,
                ("urn:altinn:organization:identifier-no", org),
            )
            .await;
        result["decision"].as_str().expect("a decision").to_owned()
    }

    /// A request of Fjordlønn to a customer; its id.
    pub async fn new_request(&self, org: &str, packages: &[&str]) -> String {
        let token = self.vendor(who::FJORDLONN).await;
        let answer = self
            .post(
                "/authentication/api/v1/systemuser/request/vendor",
                &token,
                request_body(org, packages),
            )
            .await
            .expect(201);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}

/// Body of a request for Fjordlønn's system.
pub fn request_body(org: &str, packages: &[&str]) -> Value {
    let packages: Vec<Value> = packages
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect();
    json!({"systemId": who::FJORDLONN_SYSTEM, "partyOrgNo": org, "accessPackages": packages})
}

/// Body of a decision request.
pub fn decision_request(
    subject: (&str, &str),
    action: &str,
    resource: &str,
    party: (&str, &str),
) -> Value {
    let attribute = |id: &str, value: &str| json!({"AttributeId": id, "Value": value});
    json!({"Request": {
        "AccessSubject": [{"Attribute": [attribute(subject.0, subject.1)]}],
        "Action": [{"Attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", action)]}],
        "Resource": [{"Attribute": [attribute("urn:altinn:resource", resource), attribute(party.0, party.1)]}],
    }})
}
