//! What every HTTP endpoint shares: error bodies, body binding, paths, paging, and the context of a
//! request.

pub mod bind;
pub mod body;
pub mod context;
mod error;
mod forwarded;
mod language;
pub mod list_stream;
mod model_state;
pub mod paging;
pub mod path;
mod problem;
pub mod query;
pub mod strict_json;
pub mod time;
mod validation;

pub use error::{ApiError, coded_problem, problem_body};
pub use language::Language;
pub use model_state::ModelState;
pub use problem::{Problem, ProblemCode, RegisterProblem};
pub use validation::{ValidationCode, ValidationError};

/// What a handler answers with when something is wrong.
pub type ApiResult<T> = Result<T, ApiError>;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA};
use serde::Serialize;

/// A JSON answer with the charset that Altinn's clients see.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => (
                [(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/json; charset=utf-8"),
                )],
                bytes,
            )
                .into_response(),
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}

/// Headers that keep an answer out of every cache.
#[must_use]
pub fn no_store() -> [(http::HeaderName, HeaderValue); 2] {
    [
        (CACHE_CONTROL, HeaderValue::from_static("no-store,no-cache")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ]
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
        Json(text).into_response()
    }
}
