//! Paths: clients write them in many ways, routes are written in one.
//!
//! Literal segments match without case, a trailing slash is dropped, repeated slashes are one, and
//! a value is decoded once. [`RouteTable`] knows every template and rewrites a path to the spelling
//! of the route.

use std::{collections::HashMap, sync::Arc};

use axum::extract::{FromRequestParts, RawPathParams, Request};
use http::{Method, StatusCode, Uri, request::Parts, uri::PathAndQuery};
use percent_encoding::percent_decode_str;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use super::{
    ApiError, ApiResult, ModelState,
    describe::{self, DescribeInput},
    query::parse_uuid,
};

/// Every route template, such as `/authentication/api/v1/systemuser/{party}/{systemUserId}`.
#[derive(Debug, Default, Clone)]
pub struct RouteTable {
    templates: Vec<Vec<RouteSegment>>,
    /// The templates as they were given.
    texts: Vec<Arc<str>>,
    /// Templates without parameters: a path that is one of them needs no other spelling.
    plain: HashMap<String, RouteId>,
}

/// Number of a template in a [`RouteTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteId(usize);

impl RouteId {
    /// The number, from 0 without gaps.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

#[derive(Debug, Clone)]
enum RouteSegment {
    Literal(String),
    /// A version of access management, `v2`, which may be written `v2.0`.
    Version(String),
    Parameter,
    Rest,
}

/// Paths whose version may have a fraction.
const VERSIONED: &str = "/accessmanagement/api/v";

impl RouteTable {
    /// A table of templates; parameters are in braces.
    pub fn new<'a>(templates: impl IntoIterator<Item = &'a str>) -> Self {
        let templates: Vec<&str> = templates.into_iter().collect();
        let parse = |template: &str| {
            template
                .split('/')
                .filter(|s| !s.is_empty())
                .map(|s| match s {
                    s if s.starts_with("{*") => RouteSegment::Rest,
                    s if s.starts_with('{') => RouteSegment::Parameter,
                    "v1" | "v2" if template.starts_with(VERSIONED) => {
                        RouteSegment::Version(s.to_owned())
                    }
                    s => RouteSegment::Literal(s.to_owned()),
                })
                .collect()
        };
        let plain = templates
            .iter()
            .enumerate()
            .filter(|(_, template)| !template.contains('{'))
            .map(|(number, template)| ((*template).to_owned(), RouteId(number)))
            .collect();
        Self {
            texts: templates.iter().copied().map(Arc::from).collect(),
            templates: templates.into_iter().map(parse).collect(),
            plain,
        }
    }

    /// The templates in the order of their numbers.
    #[must_use]
    pub fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// The path in the route's own spelling, and the route; a path that matches nothing only loses
    /// its surplus slashes.
    #[must_use]
    pub fn normalize(&self, path: &str) -> (String, Option<RouteId>) {
        let given: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let best = self
            .templates
            .iter()
            .enumerate()
            .filter(|(_, t)| matches(t, &given))
            .max_by_key(|(_, t)| {
                t.iter()
                    .map(|s| matches!(s, RouteSegment::Literal(_) | RouteSegment::Version(_)))
                    .collect::<Vec<bool>>()
            });
        let mut out = String::with_capacity(path.len() + 1);
        for (index, segment) in given.iter().enumerate() {
            out.push('/');
            match best.and_then(|(_, t)| t.get(index)) {
                Some(RouteSegment::Literal(text) | RouteSegment::Version(text)) => {
                    out.push_str(text);
                }
                Some(RouteSegment::Parameter | RouteSegment::Rest) | None => out.push_str(segment),
            }
        }
        if out.is_empty() {
            out.push('/');
        }
        (out, best.map(|(number, _)| RouteId(number)))
    }
}

fn matches(template: &[RouteSegment], given: &[&str]) -> bool {
    let rest = matches!(template.last(), Some(RouteSegment::Rest));
    if if rest {
        given.len() < template.len()
    } else {
        given.len() != template.len()
    } {
        return false;
    }
    template
        .iter()
        .zip(given)
        .all(|(segment, text)| match segment {
            RouteSegment::Literal(literal) => {
                literal.eq_ignore_ascii_case(text)
                    || (text.contains('%')
                        && percent_decode_str(text)
                            .decode_utf8()
                            .is_ok_and(|t| t.eq_ignore_ascii_case(literal)))
            }
            RouteSegment::Version(version) => {
                let number = text.strip_suffix(".0").unwrap_or(text);
                number.eq_ignore_ascii_case(version)
            }
            RouteSegment::Parameter | RouteSegment::Rest => true,
        })
}

/// Rewrites a request's path by the table, and refuses what must never reach a route. Returns the
/// route that the path is one of; none when it is no route's.
///
/// # Errors
/// 400 for `.` and `..` segments, encoded or not, for NUL, and for what is not UTF-8 after
/// decoding.
pub fn rewrite(table: &RouteTable, request: &mut Request) -> Result<Option<RouteId>, StatusCode> {
    let path = request.uri().path();
    if let Some(route) = table.plain.get(path) {
        without_unoffered(request);
        return Ok(Some(*route));
    }
    for segment in path.split('/') {
        match percent_decode_str(segment).decode_utf8() {
            Ok(text) if text == "." || text == ".." || text.contains('\0') => {
                return Err(StatusCode::BAD_REQUEST);
            }
            Ok(_) => {}
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        }
    }
    let (mut target, route) = table.normalize(path);
    if let Some(query) = request.uri().query() {
        target.push('?');
        target.push_str(query);
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| StatusCode::BAD_REQUEST)?;
    without_unoffered(request);
    Ok(route)
}

/// The APIs offer neither HEAD nor OPTIONS: as an unknown method they fall into 405 with `Allow`.
fn without_unoffered(request: &mut Request) {
    if is_api(request.uri().path())
        && matches!(
            *request.method(),
            Method::HEAD | Method::OPTIONS | Method::TRACE
        )
        && let Ok(unknown) = Method::from_bytes(b"NOT-OFFERED")
    {
        *request.method_mut() = unknown;
    }
}

/// Whether a path belongs to the JSON APIs rather than to pages.
#[must_use]
pub fn is_api(path: &str) -> bool {
    let page = [
        "/authentication/api/v1/authentication",
        "/authentication/api/v1/logout",
        "/authentication/api/v1/upstream",
    ];
    [
        "/authentication/api/",
        "/authorization/api/",
        "/resourceregistry/api/",
        "/accessmanagement/api/",
        "/register/api/",
        "/access/v1/",
        "/systembruker/api/",
    ]
    .iter()
    .any(|base| path.starts_with(base))
        && !page.iter().any(|base| path.starts_with(base))
}

/// Decoded path parameters.
#[derive(Debug, Clone)]
pub struct PathValues(Vec<(String, String)>);

impl PathValues {
    /// The value of a parameter, decoded once; empty when the route has none of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }

    /// A uuid parameter.
    ///
    /// # Errors
    /// Model state under the parameter's name.
    pub fn uuid(&self, name: &str) -> ApiResult<Uuid> {
        parse_uuid(name, self.get(name))
    }

    /// `{party}`: an integer party id.
    ///
    /// # Errors
    /// Model state under `party`.
    pub fn party_id(&self) -> ApiResult<i32> {
        let text = self.get("party");
        text.trim()
            .parse()
            .map_err(|_| ModelState::not_valid("party", text).into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathValues {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::Empty(StatusCode::NOT_FOUND))?;
        Ok(Self(
            params
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }
}

impl DescribeInput for PathValues {
    fn describe(operation: &mut Operation) {
        describe::answer(operation, 400);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> RouteTable {
        RouteTable::new([
            "/authentication/api/v1/systemregister/vendor",
            "/authentication/api/v1/systemregister/{systemId}",
            "/authentication/api/v1/systemuser/byExternalId",
            "/authentication/api/v1/systemuser/{party}/{systemUserId}",
            "/static/{*file}",
            "/accessmanagement/api/v2/enduser/clientdelegations/agents",
        ])
    }

    #[test]
    fn literals_lose_their_case_and_values_keep_it() {
        let spelled = |path: &str| table().normalize(path).0;
        assert_eq!(
            spelled("//authentication/API/v1/SystemRegister/Vendor/"),
            "/authentication/api/v1/systemregister/vendor"
        );
        assert_eq!(
            spelled("/authentication/api/v1/systemregister/ABC_x%20Y"),
            "/authentication/api/v1/systemregister/ABC_x%20Y"
        );
        assert_eq!(
            spelled("/authentication/api/v1/systemuser/BYEXTERNALID"),
            "/authentication/api/v1/systemuser/byExternalId"
        );
        assert_eq!(spelled("/Static/a/B.css"), "/static/a/B.css");
        assert_eq!(
            spelled("/accessmanagement/api/V2.0/enduser/clientdelegations/agents"),
            "/accessmanagement/api/v2/enduser/clientdelegations/agents"
        );
        assert_eq!(spelled("/"), "/");
        assert_eq!(spelled("/No/Such//Path/"), "/No/Such/Path");
    }

    #[test]
    fn a_path_has_the_route_with_most_literals() {
        let route = |path: &str| table().normalize(path).1.map(RouteId::number);
        assert_eq!(
            route("/authentication/api/v1/systemregister/VENDOR"),
            Some(0)
        );
        assert_eq!(route("/authentication/api/v1/systemregister/x"), Some(1));
        assert_eq!(route("/static/a/b.css"), Some(4));
        assert_eq!(route("/nowhere"), None);
    }

    proptest::proptest! {
        #[test]
        fn normalizing_is_idempotent(path in "(/[a-zA-Z0-9%_.:-]{0,12}){0,6}/?") {
            let once = table().normalize(&path);
            proptest::prop_assert_eq!(table().normalize(&once.0), once);
        }
    }
}
