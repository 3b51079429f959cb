//! Ids of answers: version 7, so that they begin with their time, and in the order in which this
//! instance gave them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use uuid::{Builder, Uuid};

/// Ids within a millisecond; when there are more, they run ahead of the clock.
const PER_MILLISECOND: u64 = 1 << 12;

/// A clock that is set back by more than ten seconds is followed, though order is lost then.
const AHEAD: u64 = 10_000 * PER_MILLISECOND;

/// Gives out ids.
#[derive(Debug, Clone, Default)]
pub struct AnswerIds(Arc<AtomicU64>);

impl AnswerIds {
    /// The next id, and the time that it contains.
    pub fn next(&self, now: DateTime<Utc>) -> (Uuid, DateTime<Utc>) {
        let present = now.timestamp_millis().unsigned_abs() * PER_MILLISECOND;
        let following = |last: u64| {
            if last > present + AHEAD {
                present
            } else {
                (last + 1).max(present)
            }
        };
        let last = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(following(last))
            })
            .unwrap_or_else(|last| last);
        let place = following(last);
        let (millis, number) = (place / PER_MILLISECOND, place % PER_MILLISECOND);
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&(number as u16).to_be_bytes());
        bytes[2..].copy_from_slice(&Uuid::new_v4().as_bytes()[8..]);
        let id = Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
        (
            id,
            DateTime::from_timestamp_millis(millis.cast_signed()).unwrap_or(now),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_follow_each_other_and_contain_their_time() {
        let ids = AnswerIds::default();
        let now = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let given: Vec<(Uuid, DateTime<Utc>)> = (0..10_000).map(|_| ids.next(now)).collect();
        assert!(given.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(given[0].1, now);
        assert_eq!(
            given
                .iter()
                .map(|(id, _)| id)
                .collect::<BTreeSet<_>>()
                .len(),
            given.len()
        );
        for (id, time) in given {
            let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
            assert_eq!(
                DateTime::from_timestamp(seconds.cast_signed(), nanos).unwrap(),
                time
            );
            assert_eq!(id.get_version_num(), 7);
        }
        // A clock that is set back a little changes nothing of that.
        let earlier = DateTime::from_timestamp_millis(1_699_999_995_000).unwrap();
        assert!(ids.next(earlier).1 >= now);
        let long_ago = DateTime::from_timestamp_millis(1_600_000_000_000).unwrap();
        assert_eq!(ids.next(long_ago).1, long_ago);
    }
}
