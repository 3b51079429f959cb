//! `Idempotency-Key`: a client that does not know whether its POST arrived sends it again, and gets
//! the same answer.
//!
//! The answer is stored in the transaction that does the work, so there is never one without the
//! other. An error stores nothing: nothing was done, and the same key may try again.

mod store;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
    request::Parts,
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::openapi::path::Operation;

pub use store::delete_old;

use crate::{
    crypto::sha256,
    http::{
        ApiError, ApiResult, ModelState,
        describe::{self, DescribeInput},
    },
};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_LENGTH: usize = 255;

/// An answer that can be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatableAnswer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl RepeatableAnswer {
    /// A JSON answer.
    ///
    /// # Errors
    /// The value cannot be written as JSON.
    pub fn json(
        status: StatusCode,
        location: Option<String>,
        value: &impl Serialize,
    ) -> ApiResult<Self> {
        Ok(Self {
            status,
            location,
            body: serde_json::to_vec(value).map_err(ApiError::internal)?,
        })
    }
}

impl IntoResponse for RepeatableAnswer {
    fn into_response(self) -> Response {
        let mut response = (
            self.status,
            [(
                CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            )],
            self.body,
        )
            .into_response();
        if let Some(location) = self.location.and_then(|l| HeaderValue::from_str(&l).ok()) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

/// The header of a request, with what else makes two requests the same. Without the header
/// everything here does nothing.
#[derive(Debug, Clone)]
pub struct IdempotentRequest {
    key: Option<String>,
    target: String,
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotentRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let target = format!("{} {}", parts.method, parts.uri);
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Ok(Self { key: None, target });
        };
        let key = value
            .to_str()
            .ok()
            .map(unquoted)
            .filter(|k| !k.is_empty() && k.len() <= MAX_LENGTH);
        match (key, values.next()) {
            (Some(key), None) => Ok(Self {
                key: Some(key.to_owned()),
                target,
            }),
            _ => Err(ModelState::of(
                "Idempotency-Key",
                "The header must hold one key of 1 to 255 visible characters.",
            )
            .into()),
        }
    }
}

/// The key itself: it may be written as a string of structured fields, in quotation marks.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    value
        .strip_prefix('"')
        .and_then(|v| v.strip_suffix('"'))
        .unwrap_or(value)
}

impl IdempotentRequest {
    /// The stored answer, when this caller did the same before. Else the key is the caller's until
    /// the transaction ends, and another request with it waits.
    ///
    /// # Errors
    /// 422 when the key belongs to another request; or the database fails.
    pub async fn answered(
        &self,
        tx: &mut PgConnection,
        caller: &str,
        body: &[u8],
    ) -> ApiResult<Option<Response>> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let fingerprint = self.fingerprint(body);
        if store::claim(&mut *tx, caller, key, &fingerprint).await? {
            return Ok(None);
        }
        let other = || {
            let state = ModelState::of(
                "Idempotency-Key",
                "The key was used before, with another request.",
            );
            ApiError::Findings(StatusCode::UNPROCESSABLE_ENTITY, Box::new(state))
        };
        let stored = store::find(tx, caller, key)
            .await?
            .filter(|s| s.fingerprint == fingerprint)
            .ok_or_else(other)?;
        let status = stored
            .status
            .and_then(|s| u16::try_from(s).ok())
            .and_then(|s| StatusCode::from_u16(s).ok())
            .unwrap_or_default();
        let mut response = RepeatableAnswer {
            status,
            location: stored.location,
            body: stored.body.unwrap_or_default(),
        }
        .into_response();
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(Some(response))
    }

    /// Stores the answer under the key that [`IdempotentRequest::answered`] took.
    pub async fn keep(
        &self,
        tx: &mut PgConnection,
        caller: &str,
        answer: &RepeatableAnswer,
    ) -> ApiResult<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let status = i16::try_from(answer.status.as_u16()).unwrap_or_default();
        Ok(store::keep(
            tx,
            caller,
            key,
            status,
            answer.location.as_deref(),
            &answer.body,
        )
        .await?)
    }

    fn fingerprint(&self, body: &[u8]) -> Vec<u8> {
        let mut text = self.target.clone().into_bytes();
        text.push(b'\n');
        text.extend_from_slice(body);
        sha256(text).to_vec()
    }
}

impl DescribeInput for IdempotentRequest {
    fn describe(operation: &mut Operation) {
        describe::header(
            operation,
            "Idempotency-Key",
            "A key of the client's own for this request, 1 to 255 visible characters. Sent again within a week with the same \
             request, it gives the first answer again, with `Idempotency-Replayed: true`; with another request, 422.",
        );
        describe::answer(operation, 422);
    }
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn quotation_marks_are_not_part_of_the_key() {
        assert_eq!(unquoted("\"8e03978e-40d5\""), "8e03978e-40d5");
        assert_eq!(unquoted(" 8e03978e-40d5 "), "8e03978e-40d5");
        assert_eq!(unquoted("\"\""), "");
    }
}
