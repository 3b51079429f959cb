//! Sending a browser on to an address of another origin.
//!
//! A browser holds every redirect that follows a form to the policy of the page with the form, and
//! that policy permits our own origin alone: where a vendor or an identity provider leads on to is
//! not known here. A form is therefore answered with a page of ours, which leads on by itself.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header::LOCATION};

use super::layout::Layout;

/// A page that leads on at once, and has a link for a browser that does not follow.
#[derive(Debug, Template)]
#[template(path = "onward.html")]
struct OnwardPage {
    f: Layout,
    lines: Vec<String>,
    address: String,
    link: String,
}

/// What a page that leads on says.
#[derive(Debug)]
pub struct OnwardContent {
    /// The layout, with the heading as its title.
    pub layout: Layout,
    /// Sentences below the heading.
    pub lines: Vec<String>,
    /// Text of the link.
    pub link: String,
}

/// The page that leads to an address.
pub fn page(onward: OnwardContent, address: &str) -> Response {
    let OnwardContent {
        layout: mut f,
        lines,
        link,
    } = onward;
    f.refresh = Some(address.to_owned());
    let page = OnwardPage {
        f,
        lines,
        address: address.to_owned(),
        link,
    };
    page.f.respond(StatusCode::OK, &page)
}

/// Leads to an address of any origin: what sent a form by a page, everything else by a redirect.
pub fn lead(is_form: bool, address: &str, onward: impl FnOnce() -> OnwardContent) -> Response {
    if is_form {
        page(onward(), address)
    } else {
        found(address)
    }
}

/// 302, as the public system answers.
pub fn found(address: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, address.to_owned())]).into_response()
}
