//! Query parameters: names match without case, the first value of a repeated name counts, unknown
//! names are ignored.

use axum::extract::FromRequestParts;
use http::request::Parts;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use super::{
    ApiError, ApiResult, ModelState,
    describe::{self, DescribeInput},
};

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads an encoded query string.
    #[must_use]
    pub fn parse(encoded: &str) -> Self {
        Self(
            url::form_urlencoded::parse(encoded.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// First value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A value that must be there; empty counts as missing.
    ///
    /// # Errors
    /// Model state under the name.
    pub fn required(&self, name: &str) -> ApiResult<&str> {
        self.get(name)
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| ModelState::required(name).into())
    }

    /// A uuid; none when it is absent, empty, or all zeros.
    ///
    /// # Errors
    /// Model state under the name.
    pub fn uuid(&self, name: &str) -> ApiResult<Option<Uuid>> {
        let Some(text) = self.get(name).filter(|t| !t.trim().is_empty()) else {
            return Ok(None);
        };
        Ok(Some(parse_uuid(name, text)?).filter(|id| !id.is_nil()))
    }

    /// `true` or `false` in any case; absent is `false`.
    ///
    /// # Errors
    /// Model state under the name.
    pub fn flag(&self, name: &str) -> ApiResult<bool> {
        self.flag_or(name, false)
    }

    /// As [`Query::flag`], with what holds when it is absent or empty.
    ///
    /// # Errors
    /// As [`Query::flag`].
    pub fn flag_or(&self, name: &str, default: bool) -> ApiResult<bool> {
        match self.get(name).map(str::trim) {
            None | Some("") => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(ModelState::not_valid(name, text).into()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = Self::parse(parts.uri.query().unwrap_or_default());
        // Postgres text cannot hold NUL: refuse it here instead of failing there.
        match query.0.iter().find(|(_, value)| value.contains('\0')) {
            Some((name, value)) => Err(ModelState::not_valid(name, value).into()),
            None => Ok(query),
        }
    }
}

/// Reads a uuid in any of its usual text forms.
///
/// # Errors
/// Model state under the parameter's name.
pub fn parse_uuid(name: &str, text: &str) -> ApiResult<Uuid> {
    let bare = text
        .trim()
        .trim_start_matches(['{', '('])
        .trim_end_matches(['}', ')']);
    Uuid::try_parse(bare).map_err(|_| ModelState::not_valid(name, text).into())
}

impl DescribeInput for Query {
    fn describe(operation: &mut Operation) {
        describe::answer(operation, 400);
    }
}
