//! `limits.*`: the clocks of the HTTP server, and how much it takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `limits.*`: the same for every listener, and for each instance by itself.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in config/default.toml and config/sandbox.toml"
)]
pub struct LimitSettings {
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    pub first_byte_timeout_s: u64,
    pub header_timeout_s: u64,
    pub keep_alive_s: u64,
    pub http2_ping_s: u64,
    pub http2_max_streams: u32,
    pub http2_max_pending_resets: usize,
    pub write_timeout_s: u64,
    pub body_timeout_s: u64,
    pub request_timeout_s: u64,
    pub decision_timeout_s: u64,
    pub page_timeout_s: u64,
    pub max_in_flight: usize,
    pub max_decisions_in_flight: usize,
    pub max_writes_in_flight: usize,
    pub max_consumer_in_flight: u32,
    pub max_awaited_bodies: usize,
    pub max_awaited_bodies_per_address: usize,
    pub max_awaited_body_bytes: usize,
    pub max_body_bytes_in_flight: usize,
    pub max_target_bytes: usize,
    pub max_header_bytes: usize,
    pub max_headers: usize,
    pub max_form_bytes: usize,
    pub max_json_bytes: usize,
    pub max_json_string_bytes: usize,
    pub max_json_depth: usize,
    pub max_json_items: usize,
    pub rates_enabled: bool,
    pub max_rate_keys: u64,
    pub rates: Rates,
}

/// Limits of JSON bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Bytes of a body.
    pub bytes: usize,
    /// Bytes of one text.
    pub string_bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Items of one list.
    pub items: usize,
}

impl JsonLimits {
    /// The defaults of the settings, for JSON that comes with no request.
    pub const DEFAULT: Self = Self {
        bytes: 256 * 1024,
        string_bytes: 16 * 1024,
        depth: 32,
        items: 1_000,
    };
}

/// `limits.rates.*`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "each key is explained in config/default.toml")]
pub struct Rates {
    pub vendor_writes: Rate,
    pub vendor_reads: Rate,
    pub decisions: Rate,
    pub external_id_lookups: Rate,
    pub exchange: Rate,
    pub logins: Rate,
    pub page_reads: Rate,
    pub page_writes: Rate,
    pub page_misses: Rate,
    pub failed_credentials: Rate,
    pub anonymous: Rate,
}

/// A bucket of `burst` requests, into which `requests` flow back every `per_s` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "described by the type")]
pub struct Rate {
    pub requests: u32,
    pub per_s: u32,
    pub burst: u32,
}

impl LimitSettings {
    /// The limits of JSON bodies.
    #[must_use]
    pub const fn json(&self) -> JsonLimits {
        JsonLimits {
            bytes: self.max_json_bytes,
            string_bytes: self.max_json_string_bytes,
            depth: self.max_json_depth,
            items: self.max_json_items,
        }
    }

    /// How long a connection may be open without a byte.
    #[must_use]
    pub const fn first_byte_timeout(&self) -> Duration {
        Duration::from_secs(self.first_byte_timeout_s)
    }

    /// How long the head of a request may take from its first byte.
    #[must_use]
    pub const fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_s)
    }

    /// How long a connection may be open between two requests.
    #[must_use]
    pub const fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_s)
    }

    /// How long an HTTP/2 connection is quiet before it is asked whether the client is there, and
    /// how long that answer may take.
    #[must_use]
    pub const fn http2_ping(&self) -> Duration {
        Duration::from_secs(self.http2_ping_s)
    }

    /// How long a client may take nothing of an answer.
    #[must_use]
    pub const fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_s)
    }

    /// How long the body of a request may take.
    #[must_use]
    pub const fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_s)
    }
}

/// A setting with its number and its range.
pub(super) type SettingRange = (&'static str, i64, std::ops::RangeInclusive<i64>);

fn number(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// The ranges of the numbers.
pub(super) fn ranges(limits: &LimitSettings) -> Vec<SettingRange> {
    const SECONDS: std::ops::RangeInclusive<i64> = 1..=3_600;
    vec![
        (
            "limits.max_connections",
            number(limits.max_connections),
            16..=1_000_000,
        ),
        (
            "limits.max_connections_per_address",
            number(limits.max_connections_per_address),
            1..=1_000_000,
        ),
        (
            "limits.first_byte_timeout_s",
            number(limits.first_byte_timeout_s),
            SECONDS,
        ),
        (
            "limits.header_timeout_s",
            number(limits.header_timeout_s),
            SECONDS,
        ),
        ("limits.keep_alive_s", number(limits.keep_alive_s), SECONDS),
        ("limits.http2_ping_s", number(limits.http2_ping_s), SECONDS),
        (
            "limits.http2_max_streams",
            limits.http2_max_streams.into(),
            1..=10_000,
        ),
        (
            "limits.http2_max_pending_resets",
            number(limits.http2_max_pending_resets),
            1..=10_000,
        ),
        (
            "limits.write_timeout_s",
            number(limits.write_timeout_s),
            SECONDS,
        ),
        (
            "limits.body_timeout_s",
            number(limits.body_timeout_s),
            SECONDS,
        ),
        (
            "limits.request_timeout_s",
            number(limits.request_timeout_s),
            SECONDS,
        ),
        (
            "limits.decision_timeout_s",
            number(limits.decision_timeout_s),
            SECONDS,
        ),
        (
            "limits.page_timeout_s",
            number(limits.page_timeout_s),
            SECONDS,
        ),
        (
            "limits.max_in_flight",
            number(limits.max_in_flight),
            2..=1_000_000,
        ),
        (
            "limits.max_decisions_in_flight",
            number(limits.max_decisions_in_flight),
            1..=1_000_000,
        ),
        (
            "limits.max_writes_in_flight",
            number(limits.max_writes_in_flight),
            1..=1_000_000,
        ),
        (
            "limits.max_consumer_in_flight",
            limits.max_consumer_in_flight.into(),
            1..=1_000_000,
        ),
        (
            "limits.max_awaited_bodies",
            number(limits.max_awaited_bodies),
            1..=1_000_000,
        ),
        (
            "limits.max_awaited_bodies_per_address",
            number(limits.max_awaited_bodies_per_address),
            1..=1_000_000,
        ),
        // Not less than the largest body.
        (
            "limits.max_awaited_body_bytes",
            number(limits.max_awaited_body_bytes),
            33_554_432..=1_099_511_627_776,
        ),
        (
            "limits.max_body_bytes_in_flight",
            number(limits.max_body_bytes_in_flight),
            33_554_432..=1_099_511_627_776,
        ),
        // Redirect URLs of 8,192 characters come in bodies, and are not refused there; heads are
        // held in 64 KiB.
        (
            "limits.max_target_bytes",
            number(limits.max_target_bytes),
            256..=32_768,
        ),
        (
            "limits.max_header_bytes",
            number(limits.max_header_bytes),
            1_024..=49_152,
        ),
        ("limits.max_headers", number(limits.max_headers), 10..=100),
        (
            "limits.max_form_bytes",
            number(limits.max_form_bytes),
            1_024..=1_048_576,
        ),
        (
            "limits.max_json_bytes",
            number(limits.max_json_bytes),
            1_024..=16_777_216,
        ),
        (
            "limits.max_json_string_bytes",
            number(limits.max_json_string_bytes),
            256..=1_048_576,
        ),
        // What reads JSON goes no deeper than 127.
        (
            "limits.max_json_depth",
            number(limits.max_json_depth),
            8..=100,
        ),
        (
            "limits.max_json_items",
            number(limits.max_json_items),
            10..=100_000,
        ),
        (
            "limits.max_rate_keys",
            number(limits.max_rate_keys),
            100..=10_000_000,
        ),
    ]
}

impl Rates {
    /// Each rate with its key.
    fn named(&self) -> [(&'static str, Rate); 11] {
        [
            ("limits.rates.vendor_writes", self.vendor_writes),
            ("limits.rates.vendor_reads", self.vendor_reads),
            ("limits.rates.decisions", self.decisions),
            ("limits.rates.external_id_lookups", self.external_id_lookups),
            ("limits.rates.exchange", self.exchange),
            ("limits.rates.logins", self.logins),
            ("limits.rates.page_reads", self.page_reads),
            ("limits.rates.page_writes", self.page_writes),
            ("limits.rates.page_misses", self.page_misses),
            ("limits.rates.failed_credentials", self.failed_credentials),
            ("limits.rates.anonymous", self.anonymous),
        ]
    }
}

/// Which of the limits may be combined.
pub(super) fn check(limits: &LimitSettings, wrong: &mut Vec<String>) {
    if limits.max_decisions_in_flight >= limits.max_in_flight {
        wrong.push(
            "limits.max_decisions_in_flight: must be less than limits.max_in_flight, of which the rest is for all other requests"
                .to_owned(),
        );
    }
    for (key, rate) in limits.rates.named() {
        for (member, value, most) in [
            ("requests", rate.requests, 1_000_000),
            ("per_s", rate.per_s, 3_600),
            ("burst", rate.burst, 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                wrong.push(format!("{key}.{member}: must be between 1 and {most}"));
            }
        }
    }
}
