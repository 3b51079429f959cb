//! Documentation: a front page, guides, pages about error codes, and the interactive reference.

pub mod error_pages;
pub mod guides;
mod markdown;
pub mod reference;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::LOCATION};

use super::Pages;
use super::{browser::BrowserRequest, layout::Layout};

#[derive(Debug, Template)]
#[template(path = "docs.html")]
struct DocsPage {
    f: Layout,
    base: String,
    guides: Vec<guides::GuideEntry>,
}

/// `GET /docs`
pub async fn front(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let f = Layout::new(
        &pages,
        &browser,
        super::text(browser.language, "docs.title").to_owned(),
    );
    let page = DocsPage {
        f,
        base: pages.config.public_base.clone(),
        guides: guides::entries().collect(),
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
