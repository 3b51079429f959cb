//! Parameters that several routes have in common.

use axum::extract::FromRequestParts;
use foundation::http::{
    ApiError, ApiResult, ModelState,
    describe::{self, DescribeInput},
    query::{Query, parse_uuid},
};
use http::request::Parts;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

/// Uuids that must be in the query.
///
/// # Errors
/// Model state with each name that is missing or has no uuid.
pub fn required_uuids<const N: usize>(query: &Query, names: [&str; N]) -> ApiResult<[Uuid; N]> {
    let mut state = ModelState::default();
    let found = add_required_uuids(query, names, &mut state);
    finished(state, found)
}

/// Uuids and a text that must be in the query.
///
/// # Errors
/// Model state with each name that is missing or has no uuid.
pub fn required_uuids_and<'q, const N: usize>(
    query: &'q Query,
    names: [&str; N],
    text: &'static str,
) -> ApiResult<([Uuid; N], &'q str)> {
    let mut state = ModelState::default();
    let found = add_required_uuids(query, names, &mut state);
    let given = query.get(text).map(str::trim).unwrap_or_default();
    if given.is_empty() {
        state.add(text, format!("The {text} field is required."));
    }
    finished(state, (found, given))
}

fn add_required_uuids<const N: usize>(
    query: &Query,
    names: [&str; N],
    state: &mut ModelState,
) -> [Uuid; N] {
    let mut found = [Uuid::nil(); N];
    for (place, name) in found.iter_mut().zip(names) {
        let text = query.get(name).unwrap_or_default();
        if text.trim().is_empty() {
            state.add(name, format!("The {name} field is required."));
            continue;
        }
        match parse_uuid(name, text) {
            Ok(uuid) => *place = uuid,
            Err(_) => state.add(name, format!("The value '{}' is not valid.", shown(text))),
        }
    }
    found
}

fn finished<T>(state: ModelState, found: T) -> ApiResult<T> {
    if state.is_empty() {
        Ok(found)
    } else {
        Err(state.into())
    }
}

/// What an error repeats of a value.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(50).collect()
}

/// Every uuid of a repeated parameter; empty ones are left out.
///
/// # Errors
/// Model state for a value that is no uuid.
pub fn uuids(query: &Query, name: &str) -> ApiResult<Vec<Uuid>> {
    query
        .all(name)
        .filter(|text| !text.trim().is_empty())
        .map(|text| parse_uuid(name, text))
        .collect()
}

/// Headers that ask for a page. Lists come whole, as in the public service; what the headers contain
/// must be readable.
#[derive(Debug, Clone, Copy)]
pub struct PagingHeaders;

impl<S: Sync> FromRequestParts<S> for PagingHeaders {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        for name in ["X-Page-Size", "X-Page-Number"] {
            let Some(value) = parts.headers.get(name) else {
                continue;
            };
            let text = value.to_str().unwrap_or_default();
            if text.trim().parse::<u32>().is_err() {
                return Err(ModelState::not_valid(name, text).into());
            }
        }
        Ok(Self)
    }
}

impl DescribeInput for PagingHeaders {
    fn describe(operation: &mut Operation) {
        for name in ["X-Page-Size", "X-Page-Number"] {
            describe::header(
                operation,
                name,
                "A number. Lists come whole, whatever it is.",
            );
        }
    }
}
