//! API documentation: a front page, and the interactive reference.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION},
};

use super::Pages;
use super::{browser::Browser, frame::Frame};
use foundation::http::path::PathValues;

#[derive(Debug, Template)]
#[template(path = "docs.html")]
struct Docs {
    f: Frame,
    base: String,
}

/// `GET /docs`
pub async fn front(State(pages): State<Pages>, browser: Browser) -> Response {
    let f = Frame::new(
        &pages,
        &browser,
        super::text(browser.language, "docs.title").to_owned(),
    );
    let page = Docs {
        f,
        base: pages.config.public_base.clone(),
    };
    page.f.respond(StatusCode::OK, &page)
}

/// `GET /swagger`
pub async fn to_reference() -> Response {
    found("/docs/api/")
}

/// Altinn's address of the description.
pub async fn to_file() -> Response {
    found("/openapi/v1.json")
}

fn found(address: &'static str) -> Response {
    let location = [(LOCATION, HeaderValue::from_static(address))];
    (StatusCode::FOUND, location).into_response()
}

/// The reference: Swagger UI out of the program itself.
pub fn reference_routes() -> Vec<(String, MethodRouter<Pages>)> {
    let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi/v1.json"));
    let index = Arc::clone(&config);
    vec![
        (
            "/docs/api".to_owned(),
            get(async move || reference("index.html", index)),
        ),
        (
            "/docs/api/{file}".to_owned(),
            get(async move |path: PathValues| reference(path.get("file"), config)),
        ),
    ]
}

/// What a reader sees whose browser runs no scripts.
const WITHOUT_SCRIPTS: &str = "<body><noscript><p>This page needs JavaScript. \
    <a href=\"/openapi.json\">The description itself</a> does not. <a href=\"/docs\">Back</a></p></noscript>";

fn reference(file: &str, config: Arc<utoipa_swagger_ui::Config<'static>>) -> Response {
    let Ok(Some(found)) = utoipa_swagger_ui::serve(file, config) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let bytes = if file == "index.html" {
        // The page is asked for with and without a slash at its end; its files are named from the
        // root.
        String::from_utf8_lossy(&found.bytes)
            .replace("./", "/docs/api/")
            .replace("href=\"index.css\"", "href=\"/docs/api/index.css\"")
            .replace(
                "<title>Swagger UI</title>",
                "<title>systembruker: API</title>",
            )
            .replace("<body>", WITHOUT_SCRIPTS)
            .into_bytes()
    } else {
        found.bytes.into_owned()
    };
    let mut response = bytes.into_response();
    if let Ok(content_type) = HeaderValue::from_str(&found.content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    let policy = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src 'self' data:; font-src 'self'; \
        connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
