//! What a proxy in front says about the client: believed only from the networks of
//! `server.trusted_proxies`.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, uri::Authority};
use ipnet::IpNet;

/// How the client called, as far as it differs from what reached us.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ForwardedHeaders {
    /// `X-Forwarded-Proto`
    pub scheme: Option<&'static str>,
    /// `X-Forwarded-Host`
    pub host: Option<String>,
    /// `X-Forwarded-Prefix`: begins with a slash, does not end with one.
    pub prefix: Option<String>,
    /// The last address of `X-Forwarded-For` that is no trusted proxy.
    pub client: Option<IpAddr>,
    /// `X-Forwarded-For` is there, and names no client that can be read.
    pub is_client_unreadable: bool,
}

impl ForwardedHeaders {
    /// Reads the headers when the peer is one of ours. Of several values the last counts; what
    /// cannot be read is ignored.
    #[must_use]
    pub fn read(headers: &HeaderMap, peer: Option<IpAddr>, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: &IpAddr| {
            trusted
                .iter()
                .any(|network| network.contains(&address.to_canonical()))
        };
        if !peer.as_ref().is_some_and(is_trusted) {
            return Self::default();
        }
        let last = |name: &str| {
            values(headers, name)
                .next_back()
                .map(str::trim)
                .filter(|v| !v.is_empty())
        };
        let client = values(headers, "x-forwarded-for")
            .rev()
            .map_while(|v| address(v.trim()))
            .find(|a| !is_trusted(a));
        Self {
            scheme: last("x-forwarded-proto").and_then(|s| {
                ["http", "https"]
                    .into_iter()
                    .find(|known| s.eq_ignore_ascii_case(known))
            }),
            host: last("x-forwarded-host")
                .filter(|h| Authority::from_str(h).is_ok_and(|a| !a.as_str().contains('@')))
                .map(str::to_owned),
            prefix: last("x-forwarded-prefix").and_then(clean_prefix),
            client,
            is_client_unreadable: client.is_none() && headers.contains_key("x-forwarded-for"),
        }
    }
}

/// An address, with or without a port, as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || SocketAddr::from_str(text).ok().map(|address| address.ip());
    let in_brackets = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        IpAddr::from_str(inner).ok()
    };
    let plain = IpAddr::from_str(text).ok();
    plain.or_else(with_port).or_else(in_brackets)
}

/// Every value of a header, lists taken apart.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
}

fn clean_prefix(prefix: &str) -> Option<String> {
    let prefix = prefix.trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~');
    (prefix.starts_with('/') && !prefix.starts_with("//") && prefix.bytes().all(plain))
        .then(|| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(peer: &str, given: &[(&'static str, &str)]) -> ForwardedHeaders {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        ForwardedHeaders::read(
            &headers,
            Some(peer.parse().unwrap()),
            &["10.0.0.0/8".parse().unwrap()],
        )
    }

    #[test]
    fn the_last_value_of_a_trusted_peer_counts() {
        let headers = [
            ("x-forwarded-host", "evil.example, other.example"),
            ("x-forwarded-host", "api.example:8443"),
            ("x-forwarded-proto", "http, HTTPS"),
            ("x-forwarded-prefix", "/sb/"),
            ("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.2.2.2"),
        ];
        let forwarded = read("10.1.1.1", &headers);
        assert_eq!(
            (
                forwarded.host.as_deref(),
                forwarded.scheme,
                forwarded.prefix.as_deref()
            ),
            (Some("api.example:8443"), Some("https"), Some("/sb"))
        );
        assert_eq!(forwarded.client, "198.51.100.7".parse().ok());
        assert_eq!(read("::ffff:10.1.1.1", &headers), forwarded);
        assert_eq!(read("192.0.2.1", &headers), ForwardedHeaders::default());
    }

    #[test]
    fn an_address_may_have_a_port() {
        for (given, expected) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
        ] {
            let forwarded = read("10.0.0.1", &[("x-forwarded-for", given)]);
            assert_eq!(forwarded.client, expected.parse().ok(), "{given}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_ignored() {
        let nonsense = [
            ("x-forwarded-host", "a b/<script>"),
            ("x-forwarded-proto", "javascript"),
            ("x-forwarded-prefix", "//evil.example"),
            ("x-forwarded-for", "198.51.100.7, unknown"),
        ];
        let ignored = ForwardedHeaders {
            is_client_unreadable: true,
            ..ForwardedHeaders::default()
        };
        assert_eq!(read("10.1.1.1", &nonsense), ignored);
        assert_eq!(
            read("10.1.1.1", &[("x-forwarded-host", "user@evil.example")]),
            ForwardedHeaders::default()
        );
    }
}
