//! The one source of the time of day, so that tests can move it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// The clock that tokens, sessions and issuers go by. Clones share their offset.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<ClockOffset>);

#[derive(Debug, Default)]
struct ClockOffset {
    seconds: AtomicI64,
    drift: AtomicI64,
    moved: AtomicBool,
}

impl Clock {
    /// Now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system clock"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        let moved = self.0.seconds.load(Ordering::Relaxed) + self.0.drift.load(Ordering::Relaxed);
        Utc::now() + TimeDelta::seconds(moved)
    }

    /// Now, in whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.now().timestamp()
    }

    /// Moves the clock by so many seconds, for every holder of it and for the database.
    pub fn shift(&self, seconds: i64) {
        self.0.seconds.fetch_add(seconds, Ordering::Relaxed);
        self.0.moved.store(true, Ordering::Relaxed);
    }

    /// Lets this machine's clock differ from the database's by so many seconds more.
    pub fn drift(&self, seconds: i64) {
        self.0.drift.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Seconds that the clock was moved by; none when it never was.
    #[must_use]
    pub fn offset(&self) -> Option<i64> {
        // Outside tests it is never moved, and this is all it costs.
        if !self.0.moved.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.0.seconds.load(Ordering::Relaxed))
    }
}
