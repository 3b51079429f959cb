//! The last calls of the APIs that a sandbox answered, and why it refused those that it refused.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use foundation::ids::OrgNumber;
use http::{Method, StatusCode};
use serde::Deserialize;

/// So many are there; the oldest goes when one more comes.
const CALLS: usize = 100;

/// A call that was answered.
#[derive(Debug, Clone)]
pub struct RecentCall {
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// Its method.
    pub method: Method,
    /// Template of its route.
    pub route: Arc<str>,
    /// Status of the answer.
    pub status: StatusCode,
    /// The organisation of its token.
    pub organization: Option<OrgNumber>,
    /// What the answer says of its refusal.
    pub reason: Option<String>,
}

/// The last calls, the latest first.
#[derive(Debug, Default)]
pub struct RecentCalls(Mutex<VecDeque<RecentCall>>);

impl RecentCalls {
    /// Adds a call.
    pub fn add(&self, call: RecentCall) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.truncate(CALLS - 1);
        calls.push_front(call);
    }

    /// All that are there.
    #[must_use]
    pub fn all(&self) -> Vec<RecentCall> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().cloned().collect()
    }
}

/// What refusals have in common, whatever their form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RefusalBody {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    validation_errors: Vec<FindingBody>,
    errors: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FindingBody {
    code: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
}

/// What a refusal says in one line; none when its body says nothing.
#[must_use]
pub fn reason(body: &[u8]) -> Option<String> {
    let body: RefusalBody = serde_json::from_slice(body).ok()?;
    let mut parts: Vec<String> = Vec::new();
    let mut first = [body.code, body.title];
    parts.extend(first.iter_mut().filter_map(Option::take));
    let is_repeated = body
        .detail
        .as_ref()
        .is_some_and(|detail| parts.contains(detail));
    parts.extend(body.detail.filter(|_| !is_repeated));
    parts.extend(body.validation_errors.into_iter().map(|finding| {
        let paths = finding.paths.join(", ");
        [finding.code, finding.title.unwrap_or_default(), paths]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }));
    parts.extend(
        body.errors
            .into_iter()
            .map(|(name, texts)| format!("{name}: {}", texts.join(" "))),
    );
    (!parts.is_empty()).then(|| parts.join(" – "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_its_code_and_title() {
        let body = br#"{"code": "AUTH-00011", "title": "No such system.", "detail": "No such system.", "status": 404}"#;
        assert_eq!(
            reason(body).as_deref(),
            Some("AUTH-00011 – No such system.")
        );
    }

    #[test]
    fn findings_are_named_with_their_paths() {
        let body = br#"{"code": "STD-00000", "title": "T", "validationErrors": [{"code": "AUTH.VLD-00003", "title": "X", "paths": ["/id", "/name"]}]}"#;
        assert_eq!(
            reason(body).as_deref(),
            Some("STD-00000 – T – AUTH.VLD-00003 X /id, /name")
        );
    }

    #[test]
    fn model_state_is_named_by_field() {
        let body = br#"{"title": "T", "errors": {"$.id": ["is missing"]}}"#;
        assert_eq!(reason(body).as_deref(), Some("T – $.id: is missing"));
    }

    #[test]
    fn what_is_no_problem_has_no_reason() {
        assert_eq!(reason(b"plain text"), None);
        assert_eq!(reason(b"{}"), None);
    }

    #[test]
    fn the_oldest_goes_when_there_are_many() {
        let calls = RecentCalls::default();
        for number in 0..=CALLS {
            calls.add(RecentCall {
                at: DateTime::UNIX_EPOCH,
                method: Method::GET,
                route: number.to_string().into(),
                status: StatusCode::OK,
                organization: None,
                reason: None,
            });
        }
        let all = calls.all();
        assert_eq!(all.len(), CALLS);
        assert_eq!(&*all[0].route, CALLS.to_string());
        assert_eq!(&*all[CALLS - 1].route, "1");
    }
}
