//! Faults of the database in the log: the cause of each kind at most once a second, with the number
//! of lines that were left out. Thousands of calls may fail for the same reason.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultLevel {
    /// It passes by itself, though an operator should know.
    Warning,
    /// It stays until an operator acts.
    Error,
}

/// One line of a kind in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// When lines of each kind were written last.
#[derive(Debug)]
pub(super) struct FaultThrottle<K>(Mutex<HashMap<K, FaultLine>>);

impl<K> Default for FaultThrottle<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug, Clone, Copy)]
struct FaultLine {
    written: Instant,
    unwritten: u64,
}

/// The log is the process's; so is what was written to it.
static THROTTLE: LazyLock<FaultThrottle<&'static str>> = LazyLock::new(FaultThrottle::default);

/// How many lines of a kind were left out before the next one; none when this one is left out too.
#[must_use]
pub fn once_a_second(kind: &'static str) -> Option<u64> {
    THROTTLE.pass(kind, Instant::now())
}

/// Writes a line about a fault of the database, unless one of its kind was written within the last
/// second.
pub fn log(kind: &'static str, level: FaultLevel, cause: &str) {
    let Some(unwritten) = once_a_second(kind) else {
        return;
    };
    let unwritten = Some(unwritten).filter(|count| *count > 0);
    match level {
        FaultLevel::Warning => {
            tracing::warn!(fault = kind, cause, unwritten, "database unavailable");
        }
        FaultLevel::Error => {
            tracing::error!(fault = kind, cause, unwritten, "database unavailable");
        }
    }
}

impl<K: Eq + Hash> FaultThrottle<K> {
    /// How many lines of the kind were left out before this one; none when this one is left out.
    pub(super) fn pass(&self, kind: K, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = lines.get_mut(&kind) else {
            lines.insert(
                kind,
                FaultLine {
                    written: now,
                    unwritten: 0,
                },
            );
            return Some(0);
        };
        if now.duration_since(line.written) < INTERVAL {
            line.unwritten += 1;
            return None;
        }
        line.written = now;
        Some(std::mem::take(&mut line.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_once_a_second_with_the_number_of_the_others() {
        let throttle = FaultThrottle::default();
        let start = Instant::now();
        let written = (0..100).filter(|_| throttle.pass("disk_full", start).is_some());
        assert_eq!(written.count(), 1);
        assert_eq!(throttle.pass("deadlock", start), Some(0));
        assert_eq!(throttle.pass("disk_full", start + INTERVAL), Some(99));
        assert_eq!(throttle.pass("disk_full", start + 2 * INTERVAL), Some(0));
    }
}
