//! Lists in pages: `links` and `data`, with an opaque token that names the first item of the next
//! page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{ApiResult, Json, ModelState, query::Query};
use crate::crypto::{base64url, unbase64url};

/// Links of a list; `next` only when there is more.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Links {
    /// Address of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A list with its links.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paginated<T> {
    /// Where to go on.
    pub links: Links,
    /// The items.
    pub data: Vec<T>,
}

impl<T> Paginated<T> {
    /// A list that is whole.
    pub fn whole(data: Vec<T>) -> Json<Self> {
        Json(Self {
            links: Links::default(),
            data,
        })
    }

    /// A page out of one item more than it holds: `next` makes the address of the page that begins
    /// with that item.
    pub fn of(mut data: Vec<T>, size: usize, next: impl FnOnce(&T) -> String) -> Json<Self> {
        let more = (data.len() > size).then(|| data.pop()).flatten();
        Json(Self {
            links: Links {
                next: more.as_ref().map(next),
            },
            data,
        })
    }
}

/// What is not written as it is in a path segment or a value of a query: all but the unreserved
/// characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as a segment or a value of a link.
#[must_use]
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The text of a token.
pub fn token(key: &impl Serialize) -> String {
    base64url(serde_json::to_vec(key).unwrap_or_default())
}

/// The key in parameter `token`; none when there is no token.
///
/// # Errors
/// Model state for a token that is none of ours.
pub fn key<K: DeserializeOwned>(query: &Query) -> ApiResult<Option<K>> {
    let Some(text) = query.get("token").filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    let read = unbase64url(text.trim_end_matches('='))
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.map(Some)
        .ok_or_else(|| ModelState::not_valid("token", text).into())
}
