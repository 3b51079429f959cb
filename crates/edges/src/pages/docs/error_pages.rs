//! A page about each code that answers can have, and a list of them by family. In English alone, as
//! the texts of the codes are.

use std::{collections::BTreeMap, sync::LazyLock};

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use foundation::http::{self as api, AnswerCode, help::CODE_PAGES, path::PathValues};
use http::{StatusCode, header::LOCATION};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{
        Pages,
        browser::BrowserRequest,
        layout::{Layout, message},
    },
    markdown,
};
use crate::portal;

/// What a page says about a code. Texts are Markdown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeText {
    what: String,
    mend: String,
    example: Option<String>,
    /// Clients of the public system know the code, and this service never answers with it.
    #[serde(default)]
    unused: bool,
}

static TEXTS: LazyLock<BTreeMap<String, CodeText>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../../../docs/errors.toml")).unwrap_or_default()
});

/// The text about a code. Codes of the portal share those of the problems that they represent.
fn text_of(code: &str) -> Option<&'static CodeText> {
    TEXTS.get(code).or_else(|| {
        let number = code.strip_prefix(PORTAL)?;
        TEXTS.get(&format!("{PROBLEMS}{number}"))
    })
}

const PORTAL: &str = "AMUI-";
const PROBLEMS: &str = "AUTH-";

/// Families of codes, with the beginning of their codes.
const FAMILIES: &[(&str, &str)] = &[
    ("Systems, requests and system users", PROBLEMS),
    ("The portal", PORTAL),
    ("Giving access, and clients", "AM-"),
    ("Register", "REG-"),
    ("Resource registry and access lists", "RR-"),
    ("Findings: the problem that contains them", "STD-"),
    ("Findings: systems and clients", "AUTH.VLD-"),
    ("Findings: giving access", "AM.VLD-"),
    ("Findings: register", "REG.VLD-"),
    ("Findings: resource registry", "RR.VLD-"),
    ("Findings: what is missing or too long", "STD.VLD-"),
];

/// All codes, those of a family in order.
fn codes() -> Vec<AnswerCode> {
    let mut codes = api::answer_codes();
    codes.extend(access_management::errors::answer_codes());
    codes.extend(portal::answer_codes());
    codes.sort_by(|one, other| one.code.cmp(&other.code));
    // The same code with the same text may come from two modules.
    codes.dedup_by(|one, other| one.code == other.code && one.title == other.title);
    codes
}

/// A code with its titles.
#[derive(Debug)]
struct CodeRow {
    code: String,
    address: String,
    titles: Vec<&'static str>,
    is_unused: bool,
}

#[derive(Debug, Template)]
#[template(path = "docs_errors.html")]
struct ErrorIndexPage {
    f: Layout,
    families: Vec<(&'static str, Vec<CodeRow>)>,
}

/// `GET /docs/errors`
pub async fn index(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let mut rows: Vec<CodeRow> = Vec::new();
    for code in codes() {
        match rows.last_mut() {
            Some(last) if last.code == code.code => last.titles.push(code.title),
            Some(_) | None => rows.push(CodeRow {
                address: format!("{CODE_PAGES}{}", code.code),
                is_unused: text_of(&code.code).is_some_and(|text| text.unused),
                titles: vec![code.title],
                code: code.code,
            }),
        }
    }
    let mut families: Vec<(&str, Vec<CodeRow>)> = FAMILIES
        .iter()
        .map(|(family, _)| (*family, Vec::new()))
        .collect();
    for row in rows {
        let place = FAMILIES
            .iter()
            .position(|(_, beginning)| row.code.starts_with(beginning));
        if let Some((_, rows)) = place.and_then(|place| families.get_mut(place)) {
            rows.push(row);
        }
    }
    let page = ErrorIndexPage {
        f: Layout::new(&pages, &browser, "Error codes".to_owned()),
        families,
    };
    page.f.respond(StatusCode::OK, &page)
}

#[derive(Debug, Template)]
#[template(path = "docs_error.html")]
struct ErrorPage {
    f: Layout,
    titles: Vec<&'static str>,
    status: String,
    is_finding: bool,
    is_unused: bool,
    what: String,
    mend: String,
    good: Option<&'static str>,
    answer: String,
}

/// `GET /docs/errors/{code}`
pub async fn show(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
) -> Response {
    let asked = path.get("code");
    let found: Vec<AnswerCode> = codes()
        .into_iter()
        .filter(|code| code.code.eq_ignore_ascii_case(asked))
        .collect();
    let (Some(code), Some(text)) = (found.first(), text_of(&asked.to_ascii_uppercase())) else {
        return message(
            &pages,
            &browser,
            StatusCode::NOT_FOUND,
            "e.404_title",
            "e.404_body",
        );
    };
    if code.code != asked {
        let address = format!("{CODE_PAGES}{}", code.code);
        return (StatusCode::FOUND, [(LOCATION, address)]).into_response();
    }
    let page = ErrorPage {
        f: Layout::new(&pages, &browser, code.code.clone()),
        titles: found.iter().map(|code| code.title).collect(),
        status: code.status.to_string(),
        is_finding: code.code.contains(".VLD-"),
        is_unused: text.unused,
        what: markdown::html(&text.what),
        mend: markdown::html(&text.mend),
        good: text.example.as_deref(),
        answer: serde_json::to_string_pretty(&Value::Object(code.example.clone()))
            .unwrap_or_default(),
    };
    page.f.respond(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_a_text_and_each_text_a_code() {
        let codes: BTreeSet<String> = codes().into_iter().map(|code| code.code).collect();
        let without: Vec<&String> = codes
            .iter()
            .filter(|code| text_of(code).is_none())
            .collect();
        assert!(without.is_empty(), "docs/errors.toml has no {without:?}");
        let unknown: Vec<&String> = TEXTS.keys().filter(|code| !codes.contains(*code)).collect();
        assert!(unknown.is_empty(), "nothing answers with {unknown:?}");
    }

    #[test]
    fn each_code_is_of_a_family() {
        for code in codes() {
            let families = FAMILIES
                .iter()
                .filter(|(_, beginning)| code.code.starts_with(beginning));
            assert_eq!(families.count(), 1, "{}", code.code);
        }
    }
}
