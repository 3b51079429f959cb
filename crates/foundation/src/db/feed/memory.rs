//! What an instance knows of the feed: when something was last touched, and how sure it is that
//! nothing was missed.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

use super::{AppendedEntries, Epoch, FeedEntryKind, FeedPosition};

/// A place to note when an entity was last touched. Several entities may share one: that costs a
/// needless reading, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(u32);

/// The value of the change counter. What was read after it is valid until something it is about is
/// touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionStamp(u64);

/// How many places there are: 2 MiB of memory.
const PLACES: usize = 1 << 18;
/// How long a reader waits for a position before it reads the database itself.
const POSITION_TIMEOUT: Duration = Duration::from_secs(1);

/// The feed as this instance has followed it. Readers never wait for each other.
#[derive(Debug)]
pub struct ChangeFeed {
    began: Instant,
    bound: Duration,
    hasher: RandomState,
    touched: Box<[AtomicU64]>,
    everything: AtomicU64,
    version: AtomicU64,
    /// Nanoseconds from `began` to the last time at which nothing was missing; 0: there was none.
    confirmed: AtomicU64,
    /// Nanoseconds from `began` to when a connection was seen that reads another history; 0: none was
    /// since the feed was last read.
    doubted: AtomicU64,
    /// The last position that was seen.
    place: AtomicI64,
    /// Bits of the epoch that is followed; 0: none yet.
    epoch: AtomicU64,
    pub(super) wake: Notify,
    rounds: watch::Sender<u64>,
}

impl ChangeFeed {
    /// A feed that is not followed yet; `bound` is `pdp.max_staleness_ms`.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        Self {
            began: Instant::now(),
            bound,
            hasher: RandomState::new(),
            touched: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            everything: AtomicU64::new(0),
            version: AtomicU64::new(1),
            confirmed: AtomicU64::new(0),
            doubted: AtomicU64::new(0),
            place: AtomicI64::new(0),
            epoch: AtomicU64::new(Epoch::UNKNOWN.bits()),
            wake: Notify::new(),
            rounds: watch::Sender::new(0),
        }
    }

    /// Where touches of an entity are noted.
    #[must_use]
    pub fn tag(&self, touched: FeedEntryKind, key: &str) -> Tag {
        Tag((self.hasher.hash_one((touched.as_str(), key)) % PLACES as u64) as u32)
    }

    /// The present version stamp. To be taken before facts are read.
    #[must_use]
    pub fn version_stamp(&self) -> VersionStamp {
        VersionStamp(self.version.load(Ordering::SeqCst))
    }

    /// Whether nothing of these was touched since a version stamp.
    #[must_use]
    pub fn holds(&self, since: VersionStamp, tags: impl IntoIterator<Item = Tag>) -> bool {
        let is_older = |at: &AtomicU64| at.load(Ordering::SeqCst) <= since.0;
        is_older(&self.everything)
            && tags
                .into_iter()
                .all(|tag| self.touched.get(tag.0 as usize).is_some_and(is_older))
    }

    /// Whether memory may answer: what other instances wrote before the bound is known here.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.age() <= self.bound
    }

    /// How long ago nothing was missing.
    #[must_use]
    pub fn age(&self) -> Duration {
        match self.confirmed.load(Ordering::SeqCst) {
            0 => Duration::MAX,
            at => self
                .began
                .elapsed()
                .saturating_sub(Duration::from_nanos(at)),
        }
    }

    /// Sets the version stamp of an entity to now.
    pub fn touch(&self, touched: FeedEntryKind, key: &str) {
        let at = if touched == FeedEntryKind::Everything {
            Some(&self.everything)
        } else {
            self.touched.get(self.tag(touched, key).0 as usize)
        };
        // A reader of facts between the two lines reads them after the change, and keeps them.
        let stamp = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(at) = at {
            at.fetch_max(stamp, Ordering::SeqCst);
        }
    }

    /// Touches what a call of this instance has appended.
    pub fn take(&self, notes: &AppendedEntries) {
        for (touched, key) in &notes.touched {
            self.touch(*touched, key);
        }
    }

    /// Lets the follower look at once.
    pub(in crate::db) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Records that a connection reads another history than the one that is followed.
    pub(in crate::db) fn doubt(&self) {
        self.doubted.store(self.nanoseconds(), Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// Whether a connection reads another history than the one that is followed.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.doubted.load(Ordering::SeqCst) != 0
    }

    fn nanoseconds(&self) -> u64 {
        let elapsed = self.began.elapsed().as_nanos();
        u64::try_from(elapsed).unwrap_or(u64::MAX).max(1)
    }

    /// Which history is followed.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::of_bits(self.epoch.load(Ordering::SeqCst))
    }

    /// How far which history was followed.
    #[must_use]
    pub fn position(&self) -> FeedPosition {
        FeedPosition {
            epoch: self.epoch(),
            number: self.place.load(Ordering::SeqCst),
        }
    }

    /// Follows another history from now on. Nothing that was read from the one before holds.
    pub(super) fn follow_epoch(&self, epoch: Epoch) {
        self.place.store(0, Ordering::SeqCst);
        self.epoch.store(epoch.bits(), Ordering::SeqCst);
        self.touch(FeedEntryKind::Everything, "");
    }

    /// Records that everything committed before `when` is known, up to this place.
    pub(super) fn confirm(&self, when: Instant, place: i64) {
        self.place.store(place, Ordering::SeqCst);
        let at = u64::try_from(when.duration_since(self.began).as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        self.confirmed.fetch_max(at, Ordering::SeqCst);
        // A doubt that came after the look began keeps.
        let doubted = self.doubted.load(Ordering::SeqCst);
        if doubted != 0 && doubted <= at {
            let _ = self
                .doubted
                .compare_exchange(doubted, 0, Ordering::SeqCst, Ordering::SeqCst);
        }
        self.rounds.send_modify(|round| *round += 1);
    }

    /// Waits until everything that was committed before this call is known; false when that takes
    /// too long.
    pub async fn catch_up(&self) -> bool {
        let began = Instant::now();
        self.wait_until(|| self.confirmed_at().is_some_and(|at| at >= began))
            .await
    }

    /// Waits until more was touched since a stamp than is listed by name.
    pub async fn everything_touched(&self, since: VersionStamp) {
        let mut rounds = self.rounds.subscribe();
        while self.holds(since, []) {
            // The sender is a member of this struct: it is not dropped while this waits.
            let _ = rounds.changed().await;
        }
    }

    /// Waits until an entry is known; false when that takes too long, or it belongs to another
    /// history.
    pub async fn reach(&self, position: FeedPosition) -> bool {
        self.epoch() == position.epoch
            && self.wait_until(|| self.has(position)).await
            && self.epoch() == position.epoch
    }

    fn has(&self, position: FeedPosition) -> bool {
        position.number <= self.place.load(Ordering::SeqCst)
    }

    fn confirmed_at(&self) -> Option<Instant> {
        match self.confirmed.load(Ordering::SeqCst) {
            0 => None,
            at => self.began.checked_add(Duration::from_nanos(at)),
        }
    }

    async fn wait_until(&self, is_so: impl Fn() -> bool) -> bool {
        let mut rounds = self.rounds.subscribe();
        if is_so() {
            return true;
        }
        let waiting = async {
            loop {
                self.wake.notify_one();
                if rounds.changed().await.is_err() {
                    return false;
                }
                if is_so() {
                    return true;
                }
            }
        };
        tokio::time::timeout(POSITION_TIMEOUT, waiting)
            .await
            .unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_holds_until_it_is_touched() {
        let feed = ChangeFeed::new(Duration::from_secs(1));
        let (a, b) = (
            feed.tag(FeedEntryKind::Party, "a"),
            feed.tag(FeedEntryKind::Resource, "a"),
        );
        assert_ne!(a, b);
        let read = feed.version_stamp();
        feed.touch(FeedEntryKind::Resource, "a");
        assert!(feed.holds(read, [a]) && !feed.holds(read, [a, b]));
        assert!(feed.holds(feed.version_stamp(), [a, b]));
        let again = feed.version_stamp();
        feed.touch(FeedEntryKind::Everything, "");
        assert!(!feed.holds(again, [a]) && !feed.holds(again, []));
    }

    #[test]
    fn a_feed_that_was_not_followed_within_the_bound_is_not_trusted() {
        let feed = ChangeFeed::new(Duration::from_secs(1));
        assert!(!feed.is_followed());
        feed.confirm(Instant::now(), 0);
        assert!(feed.is_followed());
        let bounded = ChangeFeed::new(Duration::ZERO);
        bounded.confirm(bounded.began, 0);
        assert!(!bounded.is_followed());
    }
}
