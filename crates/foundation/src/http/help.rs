//! The pages about codes of problems and findings, which answers name in `Link`.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue, header::LINK};

use super::context;

/// Path of the page about a code, without the code.
pub const CODE_PAGES: &str = "/docs/errors/";

/// The problem that contains findings.
pub const FINDINGS: &str = "STD-00000";
/// Its title.
pub const FINDINGS_TITLE: &str = "One or more validation errors occurred.";

/// Names the pages about the codes of a problem: `Link: <…/docs/errors/AUTH-00011>; rel="help"`. Each
/// page is named once.
pub fn name_pages<'a>(headers: &mut HeaderMap, codes: impl IntoIterator<Item = &'a str>) {
    let base = context::base_address();
    let mut named = BTreeSet::new();
    let links: Vec<String> = codes
        .into_iter()
        .filter(|code| named.insert(*code))
        .map(|code| format!("<{base}{CODE_PAGES}{code}>; rel=\"help\""))
        .collect();
    if let Ok(links) = HeaderValue::from_str(&links.join(", ")) {
        headers.insert(LINK, links);
    }
}
