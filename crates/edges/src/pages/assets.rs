//! Static files, embedded, under addresses that change with their content.

use std::{collections::HashMap, path::Path, sync::LazyLock};

use axum::response::{IntoResponse, Response};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue},
};
use rust_embed::RustEmbed;

use foundation::http::path::PathValues;

#[derive(RustEmbed)]
#[folder = "../../static"]
struct StaticFiles;

/// File name to address, and address part to embedded path.
static ADDRESSES: LazyLock<HashMap<String, (String, String)>> = LazyLock::new(|| {
    StaticFiles::iter()
        .filter(|path| !path.ends_with(".toml"))
        .filter_map(|path| {
            let digest = StaticFiles::get(&path)?.metadata.sha256_hash();
            let hash: String = digest[..6].iter().map(|b| format!("{b:02x}")).collect();
            let name = path.rsplit('/').next()?.to_owned();
            Some((
                name.clone(),
                (format!("/static/{hash}/{name}"), path.into_owned()),
            ))
        })
        .collect()
});

/// Address of a file, by name.
#[must_use]
pub fn address(name: &str) -> &'static str {
    ADDRESSES
        .get(name)
        .map(|(address, _)| address.as_str())
        .unwrap_or_default()
}

/// Serves a file under its address; for good, since another content has another address.
pub async fn serve(path: PathValues) -> Response {
    let (hash, name) = (path.get("hash"), path.get("file"));
    let found = ADDRESSES
        .get(name)
        .filter(|(address, _)| *address == format!("/static/{hash}/{name}"))
        .and_then(|(_, path)| StaticFiles::get(path));
    match found {
        Some(file) => respond(name, hash, file.data.into_owned()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn is_font(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "woff2")
}

fn respond(name: &str, hash: &str, data: Vec<u8>) -> Response {
    // Fonts name each other by bare name, so the style sheet is written with their addresses.
    let data = if name == "app.css" {
        let mut text = String::from_utf8_lossy(&data).into_owned();
        for (name, (address, _)) in ADDRESSES.iter().filter(|(name, _)| is_font(name)) {
            text = text.replace(&format!("url(\"{name}\")"), &format!("url(\"{address}\")"));
        }
        text.into_bytes()
    } else {
        data
    };
    let content_type = match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    let mut response = (
        [
            (CONTENT_TYPE, content_type),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ],
        data,
    )
        .into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{hash}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The mark in the browser's tab.
pub async fn icon() -> Response {
    match StaticFiles::get("icon.svg") {
        Some(file) => (
            [
                (CONTENT_TYPE, "image/svg+xml"),
                (CACHE_CONTROL, "public, max-age=86400"),
            ],
            file.data.into_owned(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
