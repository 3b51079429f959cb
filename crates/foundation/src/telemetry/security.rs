//! Security events: what the operator of an installation monitors, each under a name that
//! never changes. They are lines of the log with the target `security` and the field `event`.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{metrics::SECURITY_EVENTS, text::shortened};

macro_rules! names {
    ($($variant:ident = $word:literal, $about:literal;)*) => {
        /// Name of a security event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventName {
            $(#[doc = concat!("`", $word, "`: ", $about)] $variant,)*
        }

        impl EventName {
            /// Every name there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text in the log.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

names! {
    AuthFailed = "auth.failed", "a credential was refused.";
    UnknownKid = "auth.unknown_kid", "a token names a key that its issuer does not publish.";
    AuthzDenied = "authz.denied", "a caller may not do what it asked for.";
    TenantMismatch = "tenant.mismatch", "a caller asked for what belongs to another organisation.";
    CsrfRejected = "csrf.rejected", "a form or a call did not come from one of our pages.";
    RedirectRejected = "redirect.rejected", "a browser was not sent to an address that its vendor does not list.";
    JwksRejected = "jwks.rejected", "keys of an issuer were not taken.";
    LoginOk = "login.ok", "a person logged in.";
    LoginFailed = "login.failed", "a login led to no session.";
    SessionEnded = "session.ended", "a session ended before its time.";
    PolicyRejected = "policy.rejected", "an uploaded policy was refused.";
    AuditGap = "audit.gap", "the audit trail cannot be continued or sealed.";
    RateLimited = "rate.limited", "a client asks more often than it may.";
    ConfigChanged = "config.changed", "the service starts with other settings than the last time.";
    ClockSkew = "clock.skew", "this machine's clock and the database's differ by more than two seconds.";
}

/// Something that happened. The line also carries who called, from where, in which request.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "fields of the line, named as in it")]
pub enum SecurityEvent<'a> {
    AuthFailed {
        /// One of the fixed reasons.
        reason: &'a str,
        /// The issuer that the token names, when it is one that we trust.
        issuer: Option<&'a str>,
    },
    UnknownKid {
        issuer: &'a str,
    },
    AuthzDenied {
        /// Problem code, or HTTP status.
        reason: &'a str,
    },
    TenantMismatch {
        /// Kind of the thing.
        object_kind: &'static str,
        object_id: &'a str,
    },
    CsrfRejected {
        /// Path of the form or call.
        path: &'a str,
    },
    RedirectRejected {
        system_id: &'a str,
    },
    JwksRejected {
        issuer: Option<&'a str>,
        reason: &'a str,
    },
    LoginOk {
        person: Uuid,
        level: u8,
    },
    LoginFailed {
        reason: &'a str,
    },
    SessionEnded {
        person: Uuid,
        cause: &'a str,
    },
    PolicyRejected {
        resource: &'a str,
        reason: &'a str,
    },
    AuditGap {
        reason: &'a str,
    },
    RateLimited {
        /// One of the limits.
        limit: &'a str,
    },
    ConfigChanged {
        /// SHA-256 of the settings without secrets, in hex.
        digest: &'a str,
    },
    ClockSkew {
        /// By which our clock is ahead of the database's.
        seconds: f64,
    },
}

/// The fields that events have.
#[derive(Debug, Default)]
struct EventFields<'a> {
    reason: Option<&'a str>,
    issuer: Option<&'a str>,
    object_kind: Option<&'a str>,
    object_id: Option<&'a str>,
    path: Option<&'a str>,
    person: Option<Uuid>,
    level: Option<u8>,
    digest: Option<&'a str>,
    seconds: Option<f64>,
}

impl<'a> SecurityEvent<'a> {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> EventName {
        match self {
            Self::AuthFailed { .. } => EventName::AuthFailed,
            Self::UnknownKid { .. } => EventName::UnknownKid,
            Self::AuthzDenied { .. } => EventName::AuthzDenied,
            Self::TenantMismatch { .. } => EventName::TenantMismatch,
            Self::CsrfRejected { .. } => EventName::CsrfRejected,
            Self::RedirectRejected { .. } => EventName::RedirectRejected,
            Self::JwksRejected { .. } => EventName::JwksRejected,
            Self::LoginOk { .. } => EventName::LoginOk,
            Self::LoginFailed { .. } => EventName::LoginFailed,
            Self::SessionEnded { .. } => EventName::SessionEnded,
            Self::PolicyRejected { .. } => EventName::PolicyRejected,
            Self::AuditGap { .. } => EventName::AuditGap,
            Self::RateLimited { .. } => EventName::RateLimited,
            Self::ConfigChanged { .. } => EventName::ConfigChanged,
            Self::ClockSkew { .. } => EventName::ClockSkew,
        }
    }

    fn fields(self) -> EventFields<'a> {
        let none = EventFields::default();
        match self {
            Self::AuthFailed { reason, issuer } => EventFields {
                reason: Some(reason),
                issuer,
                ..none
            },
            Self::UnknownKid { issuer } => EventFields {
                issuer: Some(issuer),
                ..none
            },
            Self::AuthzDenied { reason }
            | Self::LoginFailed { reason }
            | Self::AuditGap { reason } => EventFields {
                reason: Some(reason),
                ..none
            },
            Self::RateLimited { limit } => EventFields {
                reason: Some(limit),
                ..none
            },
            Self::TenantMismatch {
                object_kind,
                object_id,
            } => EventFields {
                object_kind: Some(object_kind),
                object_id: Some(object_id),
                ..none
            },
            Self::CsrfRejected { path } => EventFields {
                path: Some(path),
                ..none
            },
            Self::RedirectRejected { system_id } => EventFields {
                object_kind: Some("system"),
                object_id: Some(system_id),
                ..none
            },
            Self::JwksRejected { issuer, reason } => EventFields {
                issuer,
                reason: Some(reason),
                ..none
            },
            Self::LoginOk { person, level } => EventFields {
                person: Some(person),
                level: Some(level),
                ..none
            },
            Self::SessionEnded { person, cause } => EventFields {
                person: Some(person),
                reason: Some(cause),
                ..none
            },
            Self::PolicyRejected { resource, reason } => EventFields {
                object_kind: Some("resource"),
                object_id: Some(resource),
                reason: Some(reason),
                ..none
            },
            Self::ConfigChanged { digest } => EventFields {
                digest: Some(digest),
                ..none
            },
            Self::ClockSkew { seconds } => EventFields {
                seconds: Some(seconds),
                ..none
            },
        }
    }

    /// Writes the line, unless the same event comes from the same address too often. Events of a
    /// request are written by `http::context::report`, which knows their origin.
    pub fn emit(self, origin: &EventOrigin) {
        let name = self.name();
        metrics::counter!(SECURITY_EVENTS.name, "event" => name.wire()).increment(1);
        let taken = SAMPLER.get().map_or(Some(0), |sampler| {
            sampler.take((name, origin.address), Instant::now())
        });
        let Some(unwritten) = taken else {
            return;
        };
        let fields = self.fields();
        let person = fields.person.or(origin.person);
        let unwritten = Some(unwritten).filter(|count| *count > 0);
        tracing::info!(
            target: "security",
            event = name.wire(),
            reason = fields.reason.map(shortened),
            issuer = fields.issuer,
            object_kind = fields.object_kind,
            object_id = fields.object_id.map(shortened),
            path = fields.path.map(shortened),
            person = person.map(tracing::field::display),
            level = fields.level,
            digest = fields.digest,
            seconds = fields.seconds,
            caller = origin.caller.as_deref(),
            address = origin.address.map(tracing::field::display),
            unwritten,
        );
    }
}

/// Where an event comes from; nothing is known of one that belongs to no request.
#[derive(Debug, Clone, Default)]
pub struct EventOrigin {
    /// Address of the client.
    pub address: Option<IpAddr>,
    /// Name of the verified caller in the log.
    pub caller: Option<String>,
    /// Party uuid of the person who calls.
    pub person: Option<Uuid>,
}

/// What counts together.
type SamplingKey = (EventName, Option<IpAddr>);

/// Lines of one key in one second; the others are counted.
const LINES: u64 = 10;
/// Keys that are counted; when there are more, counting begins anew.
const KEYS: usize = 10_000;

/// Keeps a flood of events from filling the log.
#[derive(Debug, Default)]
struct EventSampler(Mutex<HashMap<SamplingKey, SamplingWindow>>);

#[derive(Debug, Clone, Copy)]
struct SamplingWindow {
    since: Instant,
    lines: u64,
    unwritten: u64,
}

/// The log is the process's; so is the measure of its floods. Absent until the log is installed.
static SAMPLER: OnceLock<EventSampler> = OnceLock::new();

/// Writes of a flood of events only some from now on.
pub(super) fn sample() {
    let _ = SAMPLER.set(EventSampler::default());
}

impl EventSampler {
    /// How many events of the key were not written before this one; none when this one is not
    /// written either.
    fn take(&self, key: SamplingKey, now: Instant) -> Option<u64> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= KEYS && !windows.contains_key(&key) {
            windows.clear();
        }
        let window = windows.entry(key).or_insert(SamplingWindow {
            since: now,
            lines: 0,
            unwritten: 0,
        });
        if now.duration_since(window.since) >= Duration::from_secs(1) {
            (window.since, window.lines) = (now, 0);
        }
        if window.lines >= LINES {
            window.unwritten += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_ten_lines_a_second_are_written_and_the_others_counted() {
        let sampler = EventSampler::default();
        let (key, start) = ((EventName::AuthFailed, None), Instant::now());
        let written = (0..100)
            .filter(|_| sampler.take(key, start).is_some())
            .count();
        assert_eq!(written, 10);
        let later = start + Duration::from_secs(1);
        assert_eq!(sampler.take(key, later), Some(90));
        assert_eq!(sampler.take(key, later), Some(0));
    }

    #[test]
    fn events_of_one_address_do_not_hide_those_of_another() {
        let sampler = EventSampler::default();
        let now = Instant::now();
        let of = |n: u8| (EventName::AuthFailed, Some(IpAddr::from([10, 0, 0, n])));
        for _ in 0..20 {
            sampler.take(of(1), now);
        }
        assert_eq!(sampler.take(of(2), now), Some(0));
    }
}
