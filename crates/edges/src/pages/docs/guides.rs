//! Guides: what to do, in order, with commands that can be pasted. In English alone, as the API is.

use askama::Template;
use axum::{extract::State, response::Response};
use foundation::{config::CheckedSettings, http::path::PathValues};
use http::StatusCode;

use super::{
    super::{
        Pages,
        browser::BrowserRequest,
        layout::{Layout, message},
    },
    markdown,
};

/// A guide: its name in addresses, and its text. The first line is the title, the first paragraph
/// after it says whom it is for.
#[derive(Debug, Clone, Copy)]
pub struct Guide {
    name: &'static str,
    text: &'static str,
}

macro_rules! guides {
    ($($name:literal),* $(,)?) => {
        /// All guides, in the order in which they are listed.
        const GUIDES: &[Guide] = &[$(Guide {
            name: $name,
            text: include_str!(concat!("../../../../../docs/guides/", $name, ".md")),
        }),*];
    };
}

guides!(
    "vendor",
    "accountant",
    "service-owner",
    "authzen",
    "maskinporten",
    "operator",
);

/// A guide in a list.
#[derive(Debug)]
pub struct GuideEntry {
    pub address: String,
    pub title: &'static str,
    pub lead: String,
}

/// All guides.
pub fn entries() -> impl Iterator<Item = GuideEntry> {
    GUIDES.iter().map(|guide| GuideEntry {
        address: format!("/docs/guides/{}", guide.name),
        title: markdown::title(guide.text),
        lead: lead(guide.text),
    })
}

fn lead(text: &str) -> String {
    let paragraph = text.split("\n\n").nth(1).unwrap_or_default();
    paragraph.replace('\n', " ")
}

#[derive(Debug, Template)]
#[template(path = "docs_guide.html")]
struct GuidePage {
    f: Layout,
    body: String,
    others: Vec<GuideEntry>,
}

/// `GET /docs/guides/{name}`
pub async fn show(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
) -> Response {
    let name = path.get("name");
    let Some(guide) = GUIDES.iter().find(|guide| guide.name == name) else {
        return message(
            &pages,
            &browser,
            StatusCode::NOT_FOUND,
            "e.404_title",
            "e.404_body",
        );
    };
    let text = with_addresses(guide.text, &pages.config);
    let title = markdown::title(guide.text);
    let page = GuidePage {
        f: Layout::new(&pages, &browser, title.to_owned()),
        body: markdown::html(&text),
        others: entries().filter(|entry| entry.title != title).collect(),
    };
    page.f.respond(StatusCode::OK, &page)
}

/// Where a sandbox without settings listens, without the port.
const HOST: &str = "http://127.0.0.1:";

/// The text with the addresses of this sandbox, where it has those of a sandbox without settings.
fn with_addresses(text: &str, config: &CheckedSettings) -> String {
    let Some(local) = &config.local else {
        return text.to_owned();
    };
    let without_slash = |address: &str| address.trim_end_matches('/').to_owned();
    let addresses = [
        ("8080", config.public_base.clone()),
        ("8090", without_slash(&config.maskinporten_issuer)),
        ("8091", without_slash(&config.idporten_issuer)),
        ("8092", local.testtools.clone()),
    ];
    let mut parts = text.split(HOST);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = addresses
            .iter()
            .find_map(|(port, address)| Some((address.as_str(), part.strip_prefix(port)?)));
        let (address, rest) = known.unwrap_or((HOST, part));
        out.push_str(address);
        out.push_str(rest);
    }
    out
}
