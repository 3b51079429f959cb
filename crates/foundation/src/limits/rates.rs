//! Token buckets by key, in a table of bounded size.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::config::Rate;

/// The buckets: the least recently used one is dropped where there are too many.
struct RateBuckets<K>(Cache<K, Arc<InMemoryState>>);

impl<K: Hash + Eq + Clone + Send + Sync + 'static> StateStore for RateBuckets<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let bucket = self.0.get_with_by_ref(key, Arc::default);
        bucket.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

type BucketLimiter<K> =
    RateLimiter<K, RateBuckets<K>, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

/// Whole seconds, at least one, until a bucket has a token again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub u32);

impl RetryAfter {
    /// A duration in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn of(duration: Duration) -> Self {
        let seconds = duration.as_millis().div_ceil(1000).max(1);
        Self(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

/// A rate that counts by key.
pub struct RateTable<K: Hash + Eq + Clone + Send + Sync + 'static> {
    limiter: BucketLimiter<K>,
    burst: u32,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> std::fmt::Debug for RateTable<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateTable").finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> RateTable<K> {
    /// A table of at most so many keys. A rate of nothing is one of one.
    #[must_use]
    pub fn new(rate: Rate, max_keys: u64) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let period = Duration::from_secs(rate.per_s.max(1).into());
        let each = (period / rate.requests.max(1)).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each)
            .unwrap_or_else(|| Quota::per_second(at_least_one(rate.requests)))
            .allow_burst(at_least_one(rate.burst));
        // A bucket that is full again is as good as none.
        let full_after = each.saturating_mul(rate.burst) + Duration::from_secs(1);
        let buckets = Cache::builder()
            .max_capacity(max_keys)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(full_after)
            .build();
        Self {
            limiter: RateLimiter::new(quota, RateBuckets(buckets), MonotonicClock),
            burst: rate.burst.max(1),
        }
    }

    /// Takes a token out of the bucket of a key.
    ///
    /// # Errors
    /// It is empty.
    pub fn take(&self, key: &K) -> Result<(), RetryAfter> {
        self.limiter
            .check_key(key)
            .map_err(|empty| RetryAfter::of(empty.wait_time_from(MonotonicClock.now())))
    }

    /// Takes several tokens at once, all of them or none; of more than the bucket holds, as many as it
    /// holds.
    ///
    /// # Errors
    /// There are not so many.
    pub fn take_several(&self, key: &K, count: u32) -> Result<(), RetryAfter> {
        let Some(count) = NonZeroU32::new(count.min(self.burst)) else {
            return Ok(());
        };
        match self.limiter.check_key_n(key, count) {
            Ok(taken) => {
                taken.map_err(|empty| RetryAfter::of(empty.wait_time_from(MonotonicClock.now())))
            }
            // Never more than the bucket holds.
            Err(_) => Ok(()),
        }
    }
}

/// The address of a client as rates and limits count it: of IPv6 the network of 64 bits, since
/// every client has that many addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey(IpAddr);

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        const NETWORK: u128 = !0 << 64;
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(requests: u32, per_s: u32, burst: u32) -> Rate {
        Rate {
            requests,
            per_s,
            burst,
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_says_when_it_has_a_token_again() {
        let table = RateTable::new(rate(20, 60, 40), 100);
        for _ in 0..40 {
            assert_eq!(table.take(&1), Ok(()));
        }
        // One token flows back every three seconds.
        assert_eq!(table.take(&1), Err(RetryAfter(3)));
        assert_eq!(table.take(&2), Ok(()));
    }

    #[test]
    fn several_tokens_are_taken_at_once_or_none_of_them() {
        let table = RateTable::new(rate(1, 3_600, 10), 100);
        assert_eq!(table.take_several(&1, 8), Ok(()));
        assert!(table.take_several(&1, 3).is_err());
        assert_eq!(table.take_several(&1, 2), Ok(()));
        assert_eq!(
            table.take_several(&2, 1_000),
            Ok(()),
            "as many as there are"
        );
        assert!(table.take(&2).is_err());
    }

    #[test]
    fn a_wait_is_whole_seconds_and_at_least_one() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (3_000, 3)] {
            assert_eq!(
                RetryAfter::of(Duration::from_millis(milliseconds)),
                RetryAfter(seconds)
            );
        }
    }

    #[test]
    fn a_table_stays_within_its_size() {
        let table = RateTable::new(rate(1, 3_600, 1), 100);
        for key in 0..10_000 {
            let _ = table.take(&key);
        }
        let buckets = table.limiter.into_state_store().0;
        buckets.run_pending_tasks();
        assert!(buckets.entry_count() <= 100, "{}", buckets.entry_count());
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one() {
        let key = |text: &str| AddressKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
    }
}
