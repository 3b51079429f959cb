//! The interactive reference: Swagger UI out of the program itself, with the scopes of each operation
//! and, in a sandbox, test tokens.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use foundation::{
    config::{CheckedSettings, Profile},
    http::{ApiError, path::PathValues},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

use super::super::Pages;

/// Nothing is loaded from elsewhere. Swagger UI sets styles of elements by itself.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

/// Path below which a sandbox has its generator of test tokens, on the port of the service too.
pub const TEST_TOKENS: &str = "/sandbox/testtools";

/// A caller of the sandbox's universe for whom a test token is asked.
#[derive(Debug)]
struct SuggestedCaller {
    number: &'static str,
    name: &'static str,
}

const ORGANIZATIONS: &[SuggestedCaller] = &[
    SuggestedCaller {
        number: "390198116",
        name: "Fjordlønn Programvare: a vendor",
    },
    SuggestedCaller {
        number: "390028466",
        name: "Skatte- og avgiftsverket: a service owner",
    },
    SuggestedCaller {
        number: "390367767",
        name: "Tindevandrer: a customer",
    },
    SuggestedCaller {
        number: "390381492",
        name: "Oddny Ildflue Keramikk: a customer",
    },
];

const PERSONS: &[SuggestedCaller] = &[SuggestedCaller {
    number: "11859024884",
    name: "Oddny Ildflue: Keramikk",
}];

/// How the page asks for test tokens.
#[derive(Debug)]
struct TestTokens {
    address: &'static str,
    /// User and password, with a colon between them: a sandbox's are no secret.
    user: String,
    organizations: &'static [SuggestedCaller],
    persons: &'static [SuggestedCaller],
}

impl TestTokens {
    fn of(config: &CheckedSettings) -> Option<Self> {
        let sandbox = config.settings.sandbox.as_ref()?;
        (config.profile() == Profile::Sandbox).then(|| Self {
            address: TEST_TOKENS,
            user: sandbox.testtools.users.first().cloned().unwrap_or_default(),
            organizations: ORGANIZATIONS,
            persons: PERSONS,
        })
    }
}

#[derive(Debug, Template)]
#[template(path = "docs_reference.html")]
struct ReferencePage {
    tokens: Option<TestTokens>,
}

/// Routes of the reference.
pub fn routes() -> Vec<(String, MethodRouter<Pages>)> {
    let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi/v1.json"));
    vec![
        ("/docs/api".to_owned(), get(page)),
        (
            "/docs/api/{file}".to_owned(),
            get(async move |path: PathValues| file(path.get("file"), config)),
        ),
    ]
}

async fn page(State(pages): State<Pages>) -> Response {
    let page = ReferencePage {
        tokens: TestTokens::of(&pages.config),
    };
    match page.render() {
        Ok(html) => protected(html.into_bytes(), "text/html; charset=utf-8"),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// A file of Swagger UI. Its own page and start are not among them: ours take their place.
fn file(name: &str, config: Arc<utoipa_swagger_ui::Config<'static>>) -> Response {
    if matches!(name, "index.html" | "swagger-initializer.js") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match utoipa_swagger_ui::serve(name, config) {
        Ok(Some(found)) => protected(found.bytes.into_owned(), &found.content_type),
        Ok(None) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn protected(bytes: Vec<u8>, content_type: &str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_sandbox_the_page_asks_for_no_tokens() {
        let page = ReferencePage { tokens: None }.render().unwrap_or_default();
        assert!(page.contains("swagger-ui"), "{page}");
        assert!(!page.contains("token"), "{page}");
    }
}
