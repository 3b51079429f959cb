//! Facts in memory, each as long as the feed says nothing of what it depends on.

use std::{fmt, hash::Hash, ops::Deref, sync::Arc, time::Duration};

use hashbrown::DefaultHashBuilder;
use moka::sync::Cache;

use super::{ChangeFeed, Tag, VersionStamp};

/// Some facts depend on the date too: what no entry touches is read again now and then.
const LIFETIME: Duration = Duration::from_mins(10);
/// What an entry takes besides key, value and tags, in bytes.
const OVERHEAD: usize = 160;

/// What was read at one instant, with everything whose change may change it.
#[derive(Debug)]
pub struct Fact<V> {
    since: VersionStamp,
    tags: Box<[Tag]>,
    value: V,
}

impl<V> Fact<V> {
    /// What was read after a version stamp was taken.
    #[must_use]
    pub fn new(value: V, since: VersionStamp, mut tags: Vec<Tag>) -> Self {
        tags.sort_unstable();
        tags.dedup();
        Self {
            since,
            tags: tags.into(),
            value,
        }
    }
}

impl<V> Deref for Fact<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

/// Facts by key; clones share them.
pub struct FactCache<K, V> {
    feed: Arc<ChangeFeed>,
    facts: Cache<K, Arc<Fact<V>>, DefaultHashBuilder>,
}

impl<K, V> Clone for FactCache<K, V> {
    fn clone(&self) -> Self {
        Self {
            feed: Arc::clone(&self.feed),
            facts: self.facts.clone(),
        }
    }
}

impl<K, V> fmt::Debug for FactCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

impl<K, V> FactCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Capacity for so many bytes; `size` says about how many a value takes besides its own struct.
    #[must_use]
    pub fn new(feed: Arc<ChangeFeed>, bytes: u64, size: fn(&V) -> usize) -> Self {
        let weigh = move |_: &K, fact: &Arc<Fact<V>>| {
            let all = size_of::<Fact<V>>()
                + size_of::<K>()
                + OVERHEAD
                + size_of_val(&*fact.tags)
                + size(fact);
            u32::try_from(all).unwrap_or(u32::MAX)
        };
        let facts = Cache::builder()
            .max_capacity(bytes)
            .time_to_live(LIFETIME)
            .weigher(weigh);
        Self {
            feed,
            facts: facts.build_with_hasher(DefaultHashBuilder::default()),
        }
    }

    /// What is known, and still true.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Arc<Fact<V>>> {
        self.facts
            .get(key)
            .filter(|fact| self.feed.holds(fact.since, fact.tags.iter().copied()))
    }

    /// Keeps a fact.
    pub fn put(&self, key: K, fact: Arc<Fact<V>>) {
        self.facts.insert(key, fact);
    }
}
