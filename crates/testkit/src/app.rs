//! The application under test: a whole sandbox on ports of its own.

use std::{collections::HashMap, ops::Deref, sync::Mutex};

use foundation::{clock::Clock, config::CheckedSettings};
use indicatif::ProgressBar;
use reqwest::{Method, StatusCode, redirect::Policy};
use secrecy::SecretString;
use serde_json::Value;
use systembruker::sandbox::{self, RunningSandbox};

use crate::{answer::Answer, database::Database, postgres, settings};

/// A sandbox of its own for one test.
#[derive(Debug)]
pub struct TestApp {
    /// The service and its issuers.
    pub running: RunningSandbox,
    /// An HTTP client that follows no redirects.
    pub http: reqwest::Client,
    /// Address of the service.
    pub base: String,
    /// Address of the local Maskinporten.
    pub maskinporten: String,
    /// Address of the local ID-porten.
    pub idporten: String,
    /// Address of the generator of test tokens.
    pub testtools: String,
    /// Address of the test's database.
    pub database: SecretString,
    stored: Database,
    /// The clock of the service and its issuers.
    pub clock: Clock,
    /// Tokens of callers, by what was asked for and the offset of the clock.
    tokens: Mutex<HashMap<String, String>>,
}

/// What is stored is read and changed as if it were the application's own.
impl Deref for TestApp {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.stored
    }
}

impl TestApp {
    /// With the usual settings.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings as `section.key`.
    pub async fn with(extra: &[(&str, &str)]) -> Self {
        Self::on(postgres::database().await, extra).await
    }

    /// On a database that is there.
    pub async fn on(database: SecretString, extra: &[(&str, &str)]) -> Self {
        Self::of(settings::settings(extra), database).await
    }

    /// With settings of its own.
    pub async fn of(config: CheckedSettings, database: SecretString) -> Self {
        let clock = Clock::default();
        let progress = ProgressBar::hidden();
        // A large future, which every test would hold.
        let starting = Box::pin(sandbox::start(config, &database, clock.clone(), &progress));
        let running = starting.await.expect("a sandbox starts");
        let config = &running.config;
        let local = config.loopback.as_ref().expect("a sandbox");
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
            stored: Database::at(database.clone()),
            database,
            clock,
            tokens: Mutex::default(),
        }
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

    /// A token of the generator; the same one when it is asked for again at the same time of day.
    pub(crate) async fn cached_token(&self, kind: &str, parameters: &[(&str, &str)]) -> String {
        let key = format!("{kind} {parameters:?} {:?}", self.clock.offset());
        let known = self.tokens.lock().expect("no panic").get(&key).cloned();
        if let Some(token) = known {
            return token;
        }
        let token = self.token(kind, parameters).await;
        self.tokens
            .lock()
            .expect("no panic")
            .insert(key, token.clone());
        token
    }

    /// Sends a request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::to(&method, request.send().await.expect("the service answers")).await
    }

    /// Reads a path.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, Some(token), None).await
    }

    /// Posts a body.
    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(token), Some(body)).await
    }

    /// Posts without a body.
    pub async fn post_empty(&self, path: &str, token: &str) -> Answer {
        self.send(Method::POST, path, Some(token), None).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, Some(token), None).await
    }

    /// A path of an address that the service gave out, such as `location` and `links.next`.
    #[must_use]
    #[track_caller]
    pub fn path_of(&self, url: &str) -> String {
        url.strip_prefix(&self.base)
            .unwrap_or_else(|| panic!("{url} is not below {}", self.base))
            .to_owned()
    }

    /// A JSON text without the address of this service, for snapshots.
    #[must_use]
    pub fn without_base(&self, body: &Value) -> String {
        body.to_string().replace(&self.base, "BASE")
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
}
