//! The one clock that moves: the service's, its issuers' and its database's.

use std::time::Duration;

use foundation::db;
use system_users::requests;

use crate::app::TestApp;

/// Seconds of a day.
const DAY: u64 = 24 * 3_600;

/// So many days.
#[must_use]
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY)
}

/// So many hours.
#[must_use]
pub const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

impl TestApp {
    /// Moves the clock forward, and makes the partitions of the time that it moved to.
    pub async fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).expect("a duration of less than an age");
        self.clock.shift(seconds);
        db::make_partitions(&self.running.state.db)
            .await
            .expect("partitions can be made");
    }

    /// Does now what a background task does every minute: publishes which requests timed out.
    pub async fn publish_time_outs(&self) {
        let lifetime = self.running.state.config.settings.requests.lifetime_days;
        requests::timeouts::publish_time_outs(&self.running.state.db, lifetime)
            .await
            .expect("time-outs are published");
    }
}
