//! Sentences as answers, and headers that keep answers out of caches.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA};
use serde_json::Value;

use super::context;

/// Media type of JSON, with the charset that Altinn's clients see.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Headers that keep an answer out of every cache.
#[must_use]
pub fn no_store() -> [(http::HeaderName, HeaderValue); 2] {
    [
        (CACHE_CONTROL, HeaderValue::from_static("no-store,no-cache")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ]
}

/// A sentence as a JSON string.
pub(super) fn json_text(text: &str) -> Response {
    ([(CONTENT_TYPE, JSON)], Value::from(text).to_string()).into_response()
}

/// A sentence as plain text, or as a JSON string when the client takes only JSON.
#[must_use]
pub fn negotiated_text(text: &str) -> Response {
    if context::prefers_plain_text() {
        (
            [(
                CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            )],
            text.to_owned(),
        )
            .into_response()
    } else {
        json_text(text)
    }
}
