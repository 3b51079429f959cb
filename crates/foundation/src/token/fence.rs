//! The time before which own tokens are refused.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};

/// Own tokens that were issued before a restore of the database are refused: what they rest on may
/// have ended since. Clones share it.
#[derive(Debug, Clone)]
pub struct RestoreFence(Arc<AtomicI64>);

impl Default for RestoreFence {
    /// Refuses none.
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl RestoreFence {
    /// Refuses what was issued before a time; none refuses nothing.
    pub fn set(&self, not_before: Option<DateTime<Utc>>) {
        let seconds = not_before.map_or(i64::MIN, |at| at.timestamp());
        self.0.store(seconds, Ordering::SeqCst);
    }

    /// Whether a token issued then, in seconds since 1970, is refused.
    pub(super) fn refuses(&self, issued: f64) -> bool {
        match self.0.load(Ordering::SeqCst) {
            i64::MIN => false,
            not_before => issued < not_before as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_issued_before_the_time_is_refused() {
        let fence = RestoreFence::default();
        assert!(!fence.refuses(0.0));
        fence.set(DateTime::from_timestamp(1_000, 0));
        assert_eq!([999.0, 1_000.0].map(|at| fence.refuses(at)), [true, false]);
        fence.set(None);
        assert!(!fence.refuses(0.0));
    }
}
