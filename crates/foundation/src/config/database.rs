//! How production reaches its database: encrypted, and sure of whom it speaks to.

use std::net::IpAddr;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::{Profile, Settings};

/// Passwords that stand in examples.
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

/// What is wrong with `database.url`, for a profile that needs one. Nothing is connected.
#[must_use]
pub fn check_database(settings: &Settings) -> Vec<String> {
    let Some(url) = &settings.database.url else {
        return vec!["database.url (DATABASE_URL): is required".to_owned()];
    };
    // The library's own message would show parts of the address.
    let Ok(options) = url.expose_secret().parse::<PgConnectOptions>() else {
        return vec![format!(
            "database.url (DATABASE_URL): {}",
            unreadable(url.expose_secret())
        )];
    };
    let mut wrong = Vec::new();
    if options.get_host().contains(',') {
        wrong.push(format!(
            "database.url (DATABASE_URL): names several hosts, which is not supported; {ONE_HOST}"
        ));
    }
    match Url::parse(url.expose_secret()) {
        Ok(parsed) if matches!(parsed.scheme(), "postgres" | "postgresql") => {
            // The driver would print a parameter that it does not know with its value.
            for (name, value) in parsed.query_pairs() {
                if name == TARGET_SESSION {
                    wrong.push(format!(
                        "database.url (DATABASE_URL): `{TARGET_SESSION}` is not supported; {ONE_HOST}. Sessions of a server that is read-only are closed, and opened anew"
                    ));
                    continue;
                }
                let is_option = name.starts_with("options[") && name.ends_with(']');
                if !is_option && !PARAMETERS.contains(&&*name) {
                    wrong.push(format!(
                        "database.url (DATABASE_URL): the parameter `{}` is none of Postgres'",
                        name.chars().take(30).collect::<String>()
                    ));
                }
                if value.contains("clock_offset") || name.contains("clock_offset") {
                    wrong.push(
                        "database.url (DATABASE_URL): the offset of the clock is for tests alone"
                            .to_owned(),
                    );
                }
            }
        }
        Ok(_) | Err(_) => wrong.push(
            "database.url (DATABASE_URL): is no address such as postgresql://user@host/database"
                .to_owned(),
        ),
    }
    if settings.server.profile != Profile::Prod {
        return wrong;
    }
    if !is_local(&options) && !is_verified(options.get_ssl_mode()) {
        wrong.push(
            "database.url (DATABASE_URL): the connection is not verified by TLS; add sslmode=verify-full (and sslrootcert=FILE for an authority of your own), or use a Unix socket or a loopback address"
                .to_owned(),
        );
    }
    if given_password(url.expose_secret())
        .is_some_and(|password| SAMPLE_PASSWORDS.contains(&password.to_lowercase().as_str()))
    {
        wrong.push(
            "database.url (DATABASE_URL): the password is a well-known sample; give the role a random one"
                .to_owned(),
        );
    }
    wrong
}

/// Parameter by which libpq chooses among several hosts.
const TARGET_SESSION: &str = "target_session_attrs";
const ONE_HOST: &str =
    "name one host, whose address follows the primary (a virtual address, a proxy, a service)";

/// Why an address cannot be read, without any part of it.
fn unreadable(address: &str) -> String {
    let authority = address
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    match authority {
        // A comma in a password is written as %2C.
        Some(authority) if authority.contains(',') => {
            format!("names several hosts, which is not supported; {ONE_HOST}")
        }
        None if address.contains('=') => {
            "is written as `host=… dbname=…`; write it as postgresql://user@host/database"
                .to_owned()
        }
        Some(_) | None => "is no address such as postgresql://user@host/database".to_owned(),
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
