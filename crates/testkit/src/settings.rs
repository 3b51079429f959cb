//! Settings of the application under test.

use std::{
    collections::HashMap,
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicU16, Ordering},
};

use foundation::config::{Checked, Source, check, load};

use crate::cluster;

/// A port that nobody listens on.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 90).unwrap_or(0) * 400;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed) % 8_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Folder with the sandbox's keys and its clients' keys.
#[must_use]
pub fn sandbox_dir() -> PathBuf {
    cluster::home().join("sandbox")
}

/// Settings of a sandbox on free ports, with further settings as `section.key`.
#[must_use]
pub fn settings(extra: &[(&str, &str)]) -> Checked {
    let mut overrides: Vec<(&str, String)> = [
        "server.listen",
        "server.internal_listen",
        "sandbox.maskinporten.listen",
        "sandbox.idporten.listen",
        "sandbox.testtools.listen",
    ]
    .map(|key| (key, format!("127.0.0.1:{}", free_port())))
    .into();
    overrides.push(("sandbox.dir", sandbox_dir().display().to_string()));
    overrides.push(("jwks.min_interval_s", "1".to_owned()));
    overrides.push(("database.max_connections", "8".to_owned()));
    // As an operator would set them, so that lists are read as lists.
    let variable = |key: &str| format!("SYSTEMBRUKER__{}", key.to_uppercase().replace('.', "__"));
    let environment: HashMap<String, String> = extra
        .iter()
        .map(|(key, value)| (variable(key), (*value).to_owned()))
        .collect();
    check(load(Source::Sandbox, &environment, &overrides).expect("settings load"))
        .expect("settings are fit for use")
}
