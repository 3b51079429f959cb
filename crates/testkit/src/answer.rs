//! An HTTP answer and what tests say about it.
#![expect(
    clippy::return_self_not_must_use,
    reason = "an assertion may be the last word about an answer"
)]

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::description::{self, Seen};

/// An answer, with what was asked.
#[derive(Debug)]
pub struct Answer {
    /// Method and URL, for messages.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Reads an answer to a request whose method is not known any more.
    pub async fn of(response: reqwest::Response) -> Self {
        let asked = response.url().to_string();
        Self::read(asked, response).await
    }

    /// Reads the answer to a request.
    pub async fn to(method: &Method, response: reqwest::Response) -> Self {
        let asked = format!("{method} {}", response.url());
        Self::read(asked, response).await
    }

    async fn read(asked: String, response: reqwest::Response) -> Self {
        let answer = Self {
            asked,
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        };
        description::committed().check(Seen {
            asked: &answer.asked,
            status: answer.status,
            media: answer.header("content-type"),
            text: &answer.text,
        });
        answer
    }

    /// What a failing assertion shows.
    fn shown(&self) -> String {
        format!("{}\nstatus {}\n{}", self.asked, self.status, self.text)
    }

    /// Value of a header, empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|v| v.to_str().expect("a readable header"))
            .unwrap_or_default()
    }

    /// The body as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.shown()))
    }

    /// The list that the body is.
    #[must_use]
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        match self.json() {
            Value::Array(list) => list,
            _ => panic!("no list: {}", self.shown()),
        }
    }

    /// Status and body of a problem, without what differs from run to run.
    #[must_use]
    #[track_caller]
    pub fn problem(&self) -> Value {
        let mut body = self.json();
        if let Some(object) = body.as_object_mut() {
            assert!(
                object
                    .shift_remove("traceId")
                    .is_some_and(|t| t.as_str().is_some_and(|t| t.len() == 55)),
                "no trace id: {}",
                self.shown()
            );
        }
        assert_eq!(body["status"], self.status, "{}", self.shown());
        body
    }

    /// Problem code.
    #[must_use]
    #[track_caller]
    pub fn code(&self) -> String {
        self.problem()["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code: {}", self.shown()))
            .to_owned()
    }

    /// Codes of the validation errors.
    #[must_use]
    #[track_caller]
    pub fn validation_codes(&self) -> Vec<String> {
        let body = self.problem();
        assert_eq!(
            (self.status, &body["code"]),
            (400, &json!("STD-00000")),
            "{}",
            self.shown()
        );
        body["validationErrors"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|e| e["code"].as_str().expect("a code").to_owned())
            .collect()
    }

    /// The validation errors, whole.
    #[must_use]
    #[track_caller]
    pub fn validation_errors(&self) -> Vec<Value> {
        let _ = self.validation_codes();
        match self.json()["validationErrors"].take() {
            Value::Array(errors) => errors,
            _ => panic!("no validation errors: {}", self.shown()),
        }
    }

    /// Keys of the model-state errors.
    #[must_use]
    #[track_caller]
    pub fn error_keys(&self) -> Vec<String> {
        let body = self.problem();
        assert_eq!(
            (self.status, &body["title"]),
            (400, &json!("One or more validation errors occurred.")),
            "{}",
            self.shown()
        );
        assert!(body.get("code").is_none(), "{}", self.shown());
        body["errors"]
            .as_object()
            .expect("errors")
            .keys()
            .cloned()
            .collect()
    }

    /// The status is this one.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.shown());
        self
    }

    /// As [`Answer::assert_status`].
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        self.assert_status(status)
    }

    /// 403.
    #[track_caller]
    pub fn assert_forbidden(self) -> Self {
        self.assert_status(403)
    }

    /// 401.
    #[track_caller]
    pub fn assert_unauthorized(self) -> Self {
        self.assert_status(401)
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn assert_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(self.status, status, "{}", self.shown());
        assert_eq!(self.problem()["code"], code, "{}", self.shown());
        self
    }

    /// Exactly these validation errors, in this order.
    #[track_caller]
    pub fn assert_validation<const N: usize>(self, codes: [&str; N]) -> Self {
        assert_eq!(self.validation_codes(), codes, "{}", self.shown());
        self
    }

    /// Exactly these model-state errors, in this order.
    #[track_caller]
    pub fn assert_error_keys<const N: usize>(self, keys: [&str; N]) -> Self {
        assert_eq!(self.error_keys(), keys, "{}", self.shown());
        self
    }

    /// A model-state error for this key, maybe with others.
    #[track_caller]
    pub fn assert_error_key(self, key: &str) -> Self {
        let keys = self.error_keys();
        assert!(
            keys.iter().any(|found| found == key),
            "no error for {key}: {}",
            self.shown()
        );
        self
    }

    /// The body is exactly this text.
    #[track_caller]
    pub fn assert_text(self, text: &str) -> Self {
        assert_eq!(self.text, text, "{}", self.shown());
        self
    }

    /// The body is exactly this JSON.
    #[track_caller]
    pub fn assert_json(self, body: &Value) -> Self {
        assert_eq!(self.json(), *body, "{}", self.shown());
        self
    }

    /// No body.
    #[track_caller]
    pub fn assert_empty(self) -> Self {
        self.assert_text("")
    }

    /// A header has this value; empty means that it is not there.
    #[track_caller]
    pub fn assert_header(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), value, "{name}: {}", self.shown());
        self
    }
}
