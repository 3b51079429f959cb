//! Host names that are answered to. A page of another site cannot talk to a service on this machine
//! or network under a name of its own, whatever address it lets that name point to.

use std::net::Ipv4Addr;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::IntoResponse as _,
};
use http::{StatusCode, Uri, header::HOST};

use foundation::config::CheckedSettings;

/// Names by which clients may call.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    /// In lower case.
    names: Vec<String>,
    /// Whether the names and addresses of this machine itself are among them.
    loopback: bool,
    /// Further names under which the service is called.
    is_alias: fn(&str) -> bool,
}

impl AllowedHosts {
    /// Those of the settings. `is_alias` names further ones.
    #[must_use]
    pub fn of(config: &CheckedSettings, is_alias: fn(&str) -> bool) -> Self {
        let settings = &config.settings;
        let of_base = |base: &str| base.parse::<Uri>().ok()?.host().map(str::to_owned);
        let mut names: Vec<String> = if settings.server.allowed_hosts.is_empty() {
            [&config.public_base, &config.ui_base]
                .into_iter()
                .filter_map(|base| of_base(base))
                .collect()
        } else {
            settings.server.allowed_hosts.clone()
        };
        if let Some(sandbox) = &settings.sandbox {
            names.extend(sandbox.allowed_hosts.iter().cloned());
        }
        for name in &mut names {
            name.make_ascii_lowercase();
        }
        Self {
            names,
            loopback: settings.sandbox.is_some(),
            is_alias,
        }
    }

    /// This machine alone.
    #[cfg(test)]
    pub(super) fn loopback() -> Self {
        Self {
            names: Vec::new(),
            loopback: true,
            is_alias: |_| false,
        }
    }

    /// Whether a request asks for one of the names.
    #[must_use]
    pub fn admit(&self, request: &Request) -> bool {
        let header = || {
            request
                .headers()
                .get(HOST)
                .and_then(|value| value.to_str().ok())
                .and_then(host_name)
        };
        let Some(host) = request.uri().host().or_else(header) else {
            return false;
        };
        (self.loopback && is_loopback(host))
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
            || (self.is_alias)(host)
    }

    /// A router that answers 421 to every other name.
    pub fn guard(self, router: Router) -> Router {
        router.layer(from_fn(move |request: Request, next: Next| {
            let admitted = self.admit(&request);
            async move {
                if admitted {
                    next.run(request).await
                } else {
                    StatusCode::MISDIRECTED_REQUEST.into_response()
                }
            }
        }))
    }
}

/// Exactly a name or an address of this machine; a name that only begins like one belongs to
/// another host.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The name in a `Host` header, without the port.
fn host_name(text: &str) -> Option<&str> {
    let name = match text.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => text.get(..end + 2)?,
        None => text.split(':').next()?,
    };
    let is_plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let port = text.get(name.len()..)?;
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    (!name.is_empty() && name.bytes().all(is_plain) && is_port).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_header_is_before_its_port() {
        for (text, name) in [
            ("sb.example", Some("sb.example")),
            ("sb.example:8080", Some("sb.example")),
            ("[::1]:8080", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("", None),
            (":80", None),
            ("a@b", None),
            ("a/b", None),
            ("a:b", None),
            ("a b", None),
            ("[::1", None),
        ] {
            assert_eq!(host_name(text), name, "{text}");
        }
    }

    #[test]
    fn only_exact_names_of_this_machine_are_loopback() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.evil.example",
            "127.0.0.1.evil.example",
            "127.1",
            "localhost.evil.example",
            "evil.localhost",
            "[::2]",
            "10.0.0.1",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
