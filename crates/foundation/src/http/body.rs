//! Request bodies: media type, size and encoding are checked before anything is read out of them.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody as _, to_bytes},
    extract::{FromRequest, Request},
};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use utoipa::openapi::path::Operation;

use super::{
    ApiError, ApiResult, ModelState, context,
    describe::{self, DescribeInput},
};
use crate::{
    config::JsonLimits,
    strict_json::{self, MemberNames},
};

/// Greatest number of items of a list in a question for a decision.
pub const MAX_ITEMS: usize = JsonLimits::DEFAULT.items;
/// Greatest length of a text in a question for a decision, in bytes.
pub const MAX_STRING: usize = JsonLimits::DEFAULT.string_bytes;

/// The bytes of a JSON body of at most `limits.max_json_bytes`, not yet parsed.
#[derive(Debug)]
pub struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        // Without a body there is nothing whose type could be wrong: binding says that it is
        // missing.
        let (parts, body) = request.into_parts();
        let has_type = parts.headers.contains_key(CONTENT_TYPE);
        if (has_type && !is_json(&parts.headers)) || is_encoded(&parts.headers) {
            return Err(ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = read(&parts.headers, body, context::json_limits().bytes).await?;
        if !has_type && !bytes.is_empty() {
            return Err(ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        Ok(Self(bytes))
    }
}

/// The bytes of a body of at most `limit` bytes.
///
/// # Errors
/// 413 for more, 415 for one that is packed, 400 for one that broke off.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> ApiResult<Bytes> {
    if is_encoded(headers) {
        return Err(ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    if body.size_hint().lower() > limit as u64 {
        if !headers.contains_key(EXPECT) {
            Box::pin(discard(body)).await;
        }
        return Err(ApiError::Status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    to_bytes(body, limit)
        .await
        .map_err(|error| read_error(&error))
}

/// Reads what is on its way, within reason: a connection closed under a client that still writes
/// loses the answer.
pub async fn discard(mut body: Body) {
    const REASON: usize = 8 * 1024 * 1024;
    let mut seen = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > REASON {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
}

/// A body that broke off, or that was too large.
fn read_error(error: &axum::Error) -> ApiError {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = source {
        if inner.is::<http_body_util::LengthLimitError>() {
            return ApiError::Status(StatusCode::PAYLOAD_TOO_LARGE);
        }
        source = inner.source();
    }
    ApiError::Status(StatusCode::BAD_REQUEST)
}

/// `application/json`, `text/json` or `application/*+json`, whatever the parameters.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()) else {
        return false;
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || essence == "text/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Whether a body is compressed or otherwise not as it is. Such bodies are not taken.
#[must_use]
pub fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The text of a body without the byte order mark that some clients send before it.
#[must_use]
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Parses a body that must hold JSON within the limits of all bodies. Of a member that is there
/// twice the last one counts.
///
/// # Errors
/// Model state under `$` (or the empty key when there is no body) and the action's parameter name.
pub fn parse(bytes: &[u8], parameter: &str) -> ApiResult<Value> {
    parse_with(bytes, parameter, |bytes| serde_json::from_slice(bytes))
}

/// As [`parse`], and a member that is there twice in one object is a fault.
///
/// # Errors
/// As [`parse`].
pub fn parse_strictly(bytes: &[u8], parameter: &str, names: MemberNames) -> ApiResult<Value> {
    parse_with(bytes, parameter, |bytes| {
        strict_json::value(bytes, context::json_limits().depth, names)
    })
}

fn parse_with(
    bytes: &[u8],
    parameter: &str,
    read: impl FnOnce(&[u8]) -> serde_json::Result<Value>,
) -> ApiResult<Value> {
    let text = without_mark(bytes);
    if text.iter().all(u8::is_ascii_whitespace) {
        let mut state = ModelState::of("", "A non-empty request body is required.");
        state.add(parameter, format!("The {parameter} field is required."));
        return Err(state.into());
    }
    let value: Value = read(text).map_err(|error| fault(parameter, "$", &unreadable(&error)))?;
    within_limits(&value, 1, context::json_limits())
        .map_err(|sentence| fault(parameter, "$", sentence))?;
    Ok(value)
}

/// What is wrong with a text that could not be read as JSON.
fn unreadable(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_data() {
        format!(
            "The JSON names a member twice in one object, or is nested too deeply: line {line}, column {column}."
        )
    } else {
        format!("The JSON is not valid: line {line}, column {column}.")
    }
}

/// Model state for JSON of the wrong type at a path.
#[must_use]
pub fn fault(parameter: &str, path: &str, sentence: &str) -> ApiError {
    let mut state = ModelState::of(path, sentence);
    state.add(parameter, format!("The {parameter} field is required."));
    state.into()
}

fn within_limits(value: &Value, depth: usize, limits: JsonLimits) -> Result<(), &'static str> {
    if depth > limits.depth {
        return Err("The JSON is nested too deeply.");
    }
    match value {
        Value::String(text) => text_within_limits(text, limits),
        Value::Array(items) => {
            if items.len() > limits.items {
                return Err("A list in the JSON is too long.");
            }
            items
                .iter()
                .try_for_each(|item| within_limits(item, depth + 1, limits))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, item)| {
            text_within_limits(name, limits)?;
            within_limits(item, depth + 1, limits)
        }),
        _ => Ok(()),
    }
}

fn text_within_limits(text: &str, limits: JsonLimits) -> Result<(), &'static str> {
    if text.len() > limits.string_bytes {
        return Err("A text in the JSON is too long.");
    }
    // Postgres text cannot hold NUL.
    if text.contains('\0') {
        return Err("A text in the JSON contains a NUL character.");
    }
    Ok(())
}

impl DescribeInput for JsonBytes {
    fn describe(operation: &mut Operation) {
        for status in [400, 413, 415] {
            describe::answer(operation, status);
        }
    }
}
