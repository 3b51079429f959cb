//! Settings of the application under test.

use std::{
    collections::{BTreeSet, HashMap},
    net::TcpListener,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use foundation::config::{CheckedSettings, SettingsSource, check, load};

use crate::cluster;

/// The ports that this process has given out, all below those that a system gives to
/// outgoing connections: no other program takes one of them unasked.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;

/// A port that no program listens on, and that no other call has returned.
#[must_use]
pub fn free_port() -> u16 {
    free_ports(&[0])
}

/// A port such that no program listens on it plus any of `offsets`, and that no other call has
/// returned one of these.
///
/// # Panics
/// When no port is left.
#[must_use]
pub fn free_ports(offsets: &[u16]) -> u16 {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Processes that run at the same time start at different ports.
    let start = u16::try_from(std::process::id().wrapping_mul(397) % u32::from(PORTS)).unwrap_or(0);
    let base = (0..PORTS)
        .map(|n| FIRST_PORT + (start + n) % PORTS)
        .find(|base| {
            offsets.iter().all(|offset| {
                let port = base + offset;
                !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok()
            })
        })
        .expect("a free port");
    given.extend(offsets.iter().map(|offset| base + offset));
    base
}

/// Folder with the sandbox's keys and its clients' keys.
#[must_use]
pub fn sandbox_dir() -> PathBuf {
    cluster::home().join("sandbox")
}

/// Settings of a sandbox on free ports, with further settings as `section.key`.
#[must_use]
pub fn settings(extra: &[(&str, &str)]) -> CheckedSettings {
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
    check(load(SettingsSource::Sandbox, &environment, &overrides).expect("settings load"))
        .expect("settings are fit for use")
}
