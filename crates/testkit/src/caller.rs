//! Who calls, and plain HTTP.

use reqwest::Method;
use serde_json::Value;

use crate::{
    answer::Answer, app::TestApp, organizations::Organization, people::Person, systems::SystemUser,
};

/// How a caller shows who it is.
#[derive(Debug, Clone)]
enum Credential {
    Anonymous,
    Token(String),
    Generated {
        kind: &'static str,
        parameters: Vec<(&'static str, String)>,
    },
}

/// A caller of no special kind.
#[derive(Debug, Clone, Copy)]
pub struct Other;

/// A caller of the service. The kind `K` has the verbs.
#[derive(Debug, Clone)]
pub struct Caller<'a, K = Other> {
    pub(crate) app: &'a TestApp,
    pub(crate) kind: K,
    credential: Credential,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Caller<'a> {
    fn new(app: &'a TestApp, credential: Credential) -> Self {
        Self {
            app,
            kind: Other,
            credential,
            headers: Vec::new(),
        }
    }

    /// Without any credential.
    #[must_use]
    pub fn anonymous(app: &'a TestApp) -> Self {
        Self::new(app, Credential::Anonymous)
    }

    /// With a token that the test made.
    #[must_use]
    pub fn bearer(app: &'a TestApp, token: &str) -> Self {
        Self::new(app, Credential::Token(token.to_owned()))
    }

    /// With a token of an organisation.
    #[must_use]
    pub fn organization(app: &'a TestApp, organization: Organization, scopes: &str) -> Self {
        let parameters = vec![
            ("orgNo", organization.number.to_owned()),
            ("scopes", scopes.to_owned()),
        ];
        Self::new(
            app,
            Credential::Generated {
                kind: "GetEnterpriseToken",
                parameters,
            },
        )
    }

    /// With a token of a person.
    #[must_use]
    pub fn person(app: &'a TestApp, person: Person, scopes: &str) -> Self {
        let parameters = vec![
            ("pid", person.pid.to_owned()),
            ("scopes", scopes.to_owned()),
        ];
        Self::new(
            app,
            Credential::Generated {
                kind: "GetPersonalToken",
                parameters,
            },
        )
    }

    /// With a token for a system user, held by a vendor.
    #[must_use]
    pub fn system_user(app: &'a TestApp, user: &SystemUser, vendor: Organization) -> Self {
        let parameters = vec![
            ("systemUserId", user.id.to_string()),
            ("orgNo", vendor.number.to_owned()),
            ("scopes", "demo:scope".to_owned()),
        ];
        Self::new(
            app,
            Credential::Generated {
                kind: "GetSystemUserToken",
                parameters,
            },
        )
    }

    /// The same caller with the verbs of a kind.
    pub(crate) fn with_kind<K>(self, kind: K) -> Caller<'a, K> {
        Caller {
            app: self.app,
            kind,
            credential: self.credential,
            headers: self.headers,
        }
    }
}

impl<K> Caller<'_, K> {
    fn with_parameter(mut self, name: &'static str, value: &str) -> Self {
        let Credential::Generated { parameters, .. } = &mut self.credential else {
            panic!("{name} cannot be set in a token that the test made");
        };
        parameters.retain(|(known, _)| *known != name);
        parameters.push((name, value.to_owned()));
        self
    }

    /// The same caller with a token of these scopes, separated by spaces.
    #[must_use]
    pub fn with_scopes(self, scopes: &str) -> Self {
        self.with_parameter("scopes", scopes)
    }

    /// The same caller, logged in at this level.
    #[must_use]
    pub fn at_level(self, level: u8) -> Self {
        self.with_parameter("authLvl", &level.to_string())
    }

    /// The same caller, who sends a header too.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The token it shows; none when it is anonymous.
    pub async fn token(&self) -> Option<String> {
        match &self.credential {
            Credential::Anonymous => None,
            Credential::Token(token) => Some(token.clone()),
            Credential::Generated { kind, parameters } => {
                let parameters: Vec<(&str, &str)> = parameters
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                Some(self.app.cached_token(kind, &parameters).await)
            }
        }
    }

    async fn request(&self, method: &Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.app.base);
        let mut request = self.app.http.request(method.clone(), url);
        if let Some(token) = self.token().await {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(&method, path).await;
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::to(&method, request.send().await.expect("the service answers")).await
    }

    /// Reads a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// Posts a body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts a body of JSON that the test wrote by hand.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        let request = self.request(&Method::POST, path).await;
        let request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
        Answer::to(
            &Method::POST,
            request.send().await.expect("the service answers"),
        )
        .await
    }

    /// Posts without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// Puts a body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// Deletes what a body names.
    pub async fn delete_named(&self, path: &str, body: Value) -> Answer {
        self.send(Method::DELETE, path, Some(body)).await
    }

    /// Patches with a body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }
}
