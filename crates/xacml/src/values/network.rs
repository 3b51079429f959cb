//! Grammars of IP addresses and host names. The standard compares such values by regular expressions
//! alone.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `a.b.c.d[/mask][:ports]` or `[a]` `[/[mask]]` `[:ports]` for version 6.
pub fn is_ip_address(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else {
            return false;
        };
        let after_mask = match rest.strip_prefix("/[") {
            None => Some(rest),
            Some(mask) => mask
                .split_once(']')
                .filter(|(m, _)| m.parse::<Ipv6Addr>().is_ok())
                .map(|(_, rest)| rest),
        };
        return address.parse::<Ipv6Addr>().is_ok() && after_mask.is_some_and(is_port_suffix);
    }
    let (host, ports) = text.find(':').map_or((text, ""), |at| text.split_at(at));
    let (address, mask) = host
        .split_once('/')
        .map_or((host, None), |(a, m)| (a, Some(m)));
    address.parse::<Ipv4Addr>().is_ok()
        && mask.is_none_or(|m| m.parse::<Ipv4Addr>().is_ok())
        && is_port_suffix(ports)
}

/// `host[:ports]`, the leftmost label may be `*`.
pub fn is_dns_name(text: &str) -> bool {
    let (host, ports) = text.find(':').map_or((text, ""), |at| text.split_at(at));
    let mut labels = host
        .strip_suffix('.')
        .unwrap_or(host)
        .split('.')
        .enumerate();
    let is_label = |(n, label): (usize, &str)| {
        (n == 0 && label == "*")
            || (!label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-'))
    };
    host.len() <= 254 && labels.all(is_label) && is_port_suffix(ports)
}

/// Nothing, or `:` with `n`, `-n`, `n-` or `n-m`.
fn is_port_suffix(text: &str) -> bool {
    let Some(range) = text.strip_prefix(':') else {
        return text.is_empty();
    };
    let port = |t: &str| {
        t.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| t.parse::<u16>().ok())
            .flatten()
    };
    match range.split_once('-') {
        None => port(range).is_some(),
        Some(("", to)) => port(to).is_some(),
        Some((from, "")) => port(from).is_some(),
        Some((from, to)) => matches!((port(from), port(to)), (Some(a), Some(b)) if a <= b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let good = [
            "1.2.3.4",
            "1.2.3.4/255.255.0.0",
            "1.2.3.4:80",
            "1.2.3.4/255.0.0.0:80-90",
            "1.2.3.4:-80",
            "1.2.3.4:80-",
            "[::1]",
            "[fe80::1]/[ffff::]:80",
        ];
        assert!(good.iter().all(|t| is_ip_address(t)));
        let bad = [
            "",
            "1.2.3",
            "1.2.3.256",
            "1.2.3.4:",
            "1.2.3.4:-",
            "1.2.3.4:90-80",
            "1.2.3.4:+80",
            "::1",
            "[::1",
            "[::1]/ff::",
            "[::1]x",
            "1.2.3.4/",
        ];
        assert!(bad.iter().all(|t| !is_ip_address(t)));
    }

    #[test]
    fn host_names() {
        assert!(
            [
                "example.com",
                "*.example.com",
                "localhost:8080",
                "a-b.c:1-2",
                "*"
            ]
            .iter()
            .all(|t| is_dns_name(t))
        );
        assert!(
            ["", "a..b", "a.*.b", "-a.b", "a b", "a.b:", "æ.org", ".a"]
                .iter()
                .all(|t| !is_dns_name(t))
        );
    }
}
