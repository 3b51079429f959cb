//! How `demo --show-requests` shows what it sends.
//!
//! Persons and organisations of a sandbox are made up and printed whole. Tokens, assertions
//! and the like are shortened all the same: what they hold is shown next to them, they are of no use
//! to a reader, and it is no good habit to see whole ones in a terminal.

use std::fmt::Write as _;

use foundation::crypto::unbase64url;
use reqwest::{
    Request,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use url::form_urlencoded;

/// Columns before each line.
const INDENT: &str = "       ";
/// Characters of a secret that are shown, so that two can be distinguished.
const SHOWN_OF_SECRET: usize = 12;
/// Values of parameters and of fields that are secrets in a real installation.
const SECRETS: [&str; 5] = ["assertion", "csrf", "code", "state", "request_uri"];

/// A request as it goes over the wire, one line a field, with an empty line at its end.
pub fn text(request: &Request) -> String {
    let mut out = format!("{} {}\n", request.method(), address(request));
    for (name, value) in request.headers() {
        let _ = writeln!(out, "{name}: {}", header(value));
    }
    let body = request.body().and_then(|body| body.as_bytes());
    if let Some(body) = body {
        out.push('\n');
        let kind = request.headers().get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind == "application/x-www-form-urlencoded") {
            out.push_str(&form(body));
        } else {
            out.push_str(&json(body));
        }
    }
    out.push('\n');
    out
}

/// A text with each line moved to the right.
pub fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("{INDENT}{line}\n"),
    });
    lines.collect()
}

fn address(request: &Request) -> String {
    let url = request.url();
    if url.query().is_none() {
        return url.to_string();
    }
    let mut shown = url.clone();
    let pairs = url.query_pairs().map(|(name, value)| {
        let value = field(&name, &value);
        format!("{name}={value}")
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    shown.set_query(None);
    format!("{shown}?{query}")
}

fn header(value: &HeaderValue) -> String {
    let Ok(value) = value.to_str() else {
        return "…".to_owned();
    };
    match value.strip_prefix("Bearer ") {
        Some(token) => format!("Bearer {}", shortened(token)),
        None => value.to_owned(),
    }
}

/// Each field on a line of its own, and behind a JWT what it says.
fn form(body: &[u8]) -> String {
    let mut out = String::new();
    for (name, value) in form_urlencoded::parse(body) {
        let _ = writeln!(out, "{name}={}", field(&name, &value));
        if let Some(claims) = claims(&value) {
            out.push_str(&indented(&claims));
        }
    }
    out
}

fn field(name: &str, value: &str) -> String {
    if SECRETS.contains(&name) {
        shortened(value)
    } else {
        value.to_owned()
    }
}

fn json(body: &[u8]) -> String {
    let pretty =
        serde_json::from_slice::<Value>(body).and_then(|body| serde_json::to_string_pretty(&body));
    format!(
        "{}\n",
        pretty.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned())
    )
}

/// The claims of a signed token.
fn claims(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Value = serde_json::from_slice(&unbase64url(payload)?).ok()?;
    serde_json::to_string_pretty(&claims).ok()
}

fn shortened(secret: &str) -> String {
    let beginning: String = secret.chars().take(SHOWN_OF_SECRET).collect();
    if beginning == secret {
        "…".to_owned()
    } else {
        format!("{beginning}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::Client;

    fn shown(request: reqwest::RequestBuilder) -> String {
        text(&request.build().unwrap())
    }

    #[test]
    fn a_body_is_shown_whole_and_a_token_is_not() {
        let token = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2lnbmF0dXJl";
        let request = Client::new()
            .post("http://localhost/requests?party=1")
            .bearer_auth(token)
            .json(&serde_json::json!({"partyOrgNo": "390381492"}));
        assert_eq!(
            shown(request),
            "POST http://localhost/requests?party=1\nauthorization: Bearer eyJhbGciOiJu…\ncontent-type: application/json\n\n\
             {\n  \"partyOrgNo\": \"390381492\"\n}\n\n"
        );
    }

    #[test]
    fn an_assertion_is_shown_by_its_claims() {
        let assertion = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2lnbmF0dXJl";
        let request = Client::new()
            .post("http://localhost/token")
            .form(&[("assertion", assertion), ("pid", "11859024884")]);
        let text = shown(request);
        assert!(
            text.contains(
                "assertion=eyJhbGciOiJu…\n       {\n         \"a\": 1\n       }\npid=11859024884\n"
            ),
            "{text}"
        );
        assert!(!text.contains("c2lnbmF0dXJl"), "{text}");
    }

    #[test]
    fn a_code_in_an_address_is_shortened() {
        let request = Client::new().get("http://localhost/callback?code=abcdefghijklmnop&lang=nb");
        assert_eq!(
            shown(request),
            "GET http://localhost/callback?code=abcdefghijkl…&lang=nb\n\n"
        );
    }
}
