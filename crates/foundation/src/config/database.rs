//! How production reaches its database: encrypted, and with a verified server.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::{Database, Pooler, Profile, Settings};

/// Passwords of examples.
const SAMPLE_PASSWORDS: &[&str] = &[
    "",
    "admin",
    "changeme",
    "example",
    "password",
    "postgres",
    "root",
    "sandbox",
    "secret",
    "systembruker",
    "test",
];

/// Parameters of an address that the driver knows.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The addresses of single servers that an address with several hosts contains, in order. Text that
/// is no address is returned as it is.
#[must_use]
pub fn server_addresses(address: &SecretString) -> Vec<SecretString> {
    let address = address.expose_secret();
    let Some((scheme, rest)) = address.split_once("://") else {
        return vec![address.into()];
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // A comma in a password is written as %2C.
    let (user, hosts) = authority
        .rfind('@')
        .map_or(("", authority), |at| authority.split_at(at + 1));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let parameters: Vec<&str> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty() && target_session(parameter).is_none())
        .collect();
    let query = if parameters.is_empty() {
        String::new()
    } else {
        format!("?{}", parameters.join("&"))
    };
    hosts
        .split(',')
        .map(|host| format!("{scheme}://{user}{host}{path}{query}").into())
        .collect()
}

/// The value of `target_session_attrs`, when a parameter is that.
fn target_session(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    (name == TARGET_SESSION).then_some(value)
}

/// No address leads to sessions of Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSessionAddress {
    /// There is no address at all.
    #[error("database.url (DATABASE_URL) is required")]
    NoAddress,
    /// There is one of a pooler alone.
    #[error(
        "database.pooler is `transaction`, and this needs a session of its own: set database.direct_url to the address of Postgres itself"
    )]
    Pooled,
}

impl Database {
    /// The settings with which work connects that needs a session: with the direct address, where
    /// there is one.
    ///
    /// # Errors
    /// There is no address, or only one of a pooler that shares sessions.
    pub fn for_sessions(&self) -> Result<Self, NoSessionAddress> {
        if self.url.is_none() && self.direct_url.is_none() {
            return Err(NoSessionAddress::NoAddress);
        }
        let mut settings = self.clone();
        if let Some(direct) = settings.direct_url.take() {
            settings.url = Some(direct);
            settings.pooler = Pooler::None;
        }
        match settings.pooler {
            Pooler::None | Pooler::Session => Ok(settings),
            Pooler::Transaction => Err(NoSessionAddress::Pooled),
        }
    }
}

const URL: &str = "database.url (DATABASE_URL)";
const DIRECT_URL: &str = "database.direct_url";

/// What is wrong with the addresses of the database, for a profile that needs one. Nothing is
/// connected.
#[must_use]
pub fn check_database(settings: &Settings) -> Vec<String> {
    let database = &settings.database;
    let Some(url) = &database.url else {
        return vec![format!("{URL}: is required")];
    };
    let mut wrong = check_address(settings, url, URL);
    if let Some(direct) = &database.direct_url {
        wrong.extend(check_address(settings, direct, DIRECT_URL));
    }
    let migrates = database
        .migrate_on_start
        .unwrap_or(settings.server.profile != Profile::Prod);
    if migrates && matches!(database.for_sessions(), Err(NoSessionAddress::Pooled)) {
        wrong.push(format!(
            "{DIRECT_URL}: is required to migrate at the start past a pooler of transactions; or set database.migrate_on_start = false"
        ));
    }
    wrong
}

fn check_address(settings: &Settings, url: &SecretString, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let query = url.expose_secret().split_once('?').map(|(_, query)| query);
    let wanted = query
        .unwrap_or_default()
        .split('&')
        .find_map(target_session);
    if wanted.is_some_and(|wanted| !TARGETS.contains(&wanted)) {
        wrong.push(format!(
            "{name}: `{TARGET_SESSION}` must be one of {}: only the server that takes changes is used",
            TARGETS.join(", ")
        ));
    }
    for server in server_addresses(url) {
        for fault in check_server(settings, &server, name) {
            if !wrong.contains(&fault) {
                wrong.push(fault);
            }
        }
    }
    wrong
}

fn check_server(settings: &Settings, url: &SecretString, named: &str) -> Vec<String> {
    // The library's own message would show parts of the address.
    let Ok(options) = url.expose_secret().parse::<PgConnectOptions>() else {
        return vec![format!("{named}: {}", unreadable(url.expose_secret()))];
    };
    let mut wrong = Vec::new();
    if options.get_host().contains(',') {
        wrong.push(format!(
            "{named}: several hosts must be before the path, as in postgresql://user@one,two/database"
        ));
    }
    match Url::parse(url.expose_secret()) {
        Ok(parsed) if matches!(parsed.scheme(), "postgres" | "postgresql") => {
            // The driver would print a parameter that it does not know with its value.
            for (name, value) in parsed.query_pairs() {
                let is_option = name.starts_with("options[") && name.ends_with(']');
                if !is_option && !PARAMETERS.contains(&&*name) {
                    wrong.push(format!(
                        "{named}: the parameter `{}` is none of Postgres'",
                        name.chars().take(30).collect::<String>()
                    ));
                }
                if value.contains("clock_offset") || name.contains("clock_offset") {
                    wrong.push(format!(
                        "{named}: the offset of the clock is for tests alone"
                    ));
                }
            }
        }
        Ok(_) | Err(_) => wrong.push(format!(
            "{named}: is no address such as postgresql://user@host/database"
        )),
    }
    if settings.server.profile != Profile::Prod {
        return wrong;
    }
    if !is_local(&options) && !is_verified(options.get_ssl_mode()) {
        wrong.push(format!(
            "{named}: the connection is not verified by TLS; add sslmode=verify-full (and sslrootcert=FILE for an authority of your own), or use a Unix socket or a loopback address"
        ));
    }
    if given_password(url.expose_secret())
        .is_some_and(|password| SAMPLE_PASSWORDS.contains(&password.to_lowercase().as_str()))
    {
        wrong.push(format!(
            "{named}: the password is a well-known sample; give the role a random one"
        ));
    }
    wrong
}

/// Parameter by which libpq chooses among several hosts, and those of its values that lead to the
/// primary.
const TARGET_SESSION: &str = "target_session_attrs";
const TARGETS: [&str; 3] = ["read-write", "primary", "any"];

/// Why an address cannot be read, without any part of it.
fn unreadable(address: &str) -> String {
    let is_of_libpq = !address.contains("://") && address.contains('=');
    if is_of_libpq {
        "is written as `host=… dbname=…`; write it as postgresql://user@host/database".to_owned()
    } else {
        "is no address such as postgresql://user@host/database".to_owned()
    }
}

const fn is_verified(mode: PgSslMode) -> bool {
    match mode {
        PgSslMode::VerifyFull => true,
        PgSslMode::Disable
        | PgSslMode::Allow
        | PgSslMode::Prefer
        | PgSslMode::Require
        | PgSslMode::VerifyCa => false,
    }
}

/// By a Unix socket, or on this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The password in an address, if there is one.
fn given_password(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let parameter = || {
        url.query_pairs()
            .find(|(name, _)| name == "password")
            .map(|(_, value)| value.into_owned())
    };
    let password = url.password().map(|password| {
        percent_encoding::percent_decode_str(password)
            .decode_utf8_lossy()
            .into_owned()
    });
    password.or_else(parameter)
}
