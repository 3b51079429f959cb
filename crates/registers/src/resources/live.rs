//! Every resource in memory, as true as the change feed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::{CompiledPolicies, Resource};
use foundation::db::{
    DbError,
    feed::{ChangeFeed, FeedEntryKind, Tag, VersionStamp},
};

/// What memory says about a resource.
#[derive(Debug, Clone)]
pub enum CachedResource {
    /// It exists.
    Live(Arc<Resource>),
    /// There is no such, or it was deleted.
    Absent,
    /// Memory does not say.
    Unknown,
}

/// More identifiers than this that name nothing are not remembered.
const MAX_ENTRIES: usize = 100_000;
/// When more than this must be read again, all are.
const FEW: usize = 16;

#[derive(Debug, Clone)]
struct ResourceEntry {
    resource: Option<Arc<Resource>>,
    tag: Tag,
    since: VersionStamp,
}

#[derive(Debug, Clone, Default)]
struct AllResources {
    /// When all were read; none: not yet.
    since: Option<VersionStamp>,
    entries: HashMap<Arc<str>, ResourceEntry>,
}

/// Resources as decisions see them. All are read at once, and then one by one as the feed names
/// them.
#[derive(Debug)]
pub struct LiveResources {
    policies: CompiledPolicies,
    feed: Arc<ChangeFeed>,
    all: ArcSwap<AllResources>,
    /// One reads at a time.
    reading: Mutex<()>,
    /// Whether all are being read. No request waits for that.
    is_loading: AtomicBool,
}

/// As long as all are being read; also when the reader gives up.
struct LoadingGuard<'f>(&'f AtomicBool);

impl<'f> LoadingGuard<'f> {
    fn begin(flag: &'f AtomicBool) -> Self {
        flag.store(true, Ordering::SeqCst);
        Self(flag)
    }
}

impl Drop for LoadingGuard<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl LiveResources {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(policies: CompiledPolicies, feed: Arc<ChangeFeed>) -> Self {
        Self {
            policies,
            feed,
            all: ArcSwap::default(),
            reading: Mutex::new(()),
            is_loading: AtomicBool::new(false),
        }
    }

    /// What is known about a resource. Takes no lock.
    #[must_use]
    pub fn get(&self, identifier: &str) -> CachedResource {
        let all = self.all.load();
        match all.entries.get(identifier) {
            Some(entry) if self.feed.holds(entry.since, [entry.tag]) => entry
                .resource
                .clone()
                .map_or(CachedResource::Absent, CachedResource::Live),
            None if all.since.is_some_and(|since| {
                self.feed
                    .holds(since, [self.feed.tag(FeedEntryKind::Resource, identifier)])
            }) =>
            {
                CachedResource::Absent
            }
            Some(_) | None => CachedResource::Unknown,
        }
    }

    /// Reads all of them.
    pub async fn load(&self, pool: &PgPool) -> Result<(), DbError> {
        let _reading = self.reading.lock().await;
        self.load_all(pool).await
    }

    async fn load_all(&self, pool: &PgPool) -> Result<(), DbError> {
        let since = self.feed.version_stamp();
        let loading = LoadingGuard::begin(&self.is_loading);
        let read = self.policies.all(&mut *pool.acquire().await?).await?;
        let entries = read
            .into_iter()
            .map(|resource| {
                self.entry(
                    Arc::from(resource.identifier.as_str()),
                    Some(resource),
                    since,
                )
            })
            .collect();
        self.all.store(Arc::new(AllResources {
            since: Some(since),
            entries,
        }));
        drop(loading);
        Ok(())
    }

    fn entry(
        &self,
        identifier: Arc<str>,
        resource: Option<Resource>,
        since: VersionStamp,
    ) -> (Arc<str>, ResourceEntry) {
        let tag = self.feed.tag(FeedEntryKind::Resource, &identifier);
        (
            identifier,
            ResourceEntry {
                resource: resource.map(Arc::new),
                tag,
                since,
            },
        )
    }

    /// Reads these from the database, and remembers them; with `anew`, whatever is remembered
    /// already.
    pub async fn read(
        &self,
        pool: &PgPool,
        identifiers: &[String],
        anew: bool,
    ) -> Result<HashMap<String, Arc<Resource>>, DbError> {
        if anew || !self.feed.is_followed() {
            // Nothing is cached, so no request needs to wait for another.
            let read = self
                .policies
                .resources(&mut *pool.acquire().await?, identifiers)
                .await?;
            return Ok(read
                .into_iter()
                .map(|resource| (resource.identifier.clone(), Arc::new(resource)))
                .collect());
        }
        if self.is_loading.load(Ordering::SeqCst) {
            return self.read_and_cache(pool, identifiers).await;
        }
        let _reading = self.reading.lock().await;
        let is_old = self
            .all
            .load()
            .since
            .is_none_or(|since| !self.feed.holds(since, []));
        if is_old || identifiers.len() > FEW {
            // Another request may have read them meanwhile.
            if identifiers
                .iter()
                .any(|identifier| matches!(self.get(identifier), CachedResource::Unknown))
            {
                self.load_all(pool).await?;
            }
            let all = self.all.load();
            let live = |identifier: &String| {
                Some((
                    identifier.clone(),
                    all.entries.get(identifier.as_str())?.resource.clone()?,
                ))
            };
            return Ok(identifiers.iter().filter_map(live).collect());
        }
        self.read_and_cache(pool, identifiers).await
    }

    async fn read_and_cache(
        &self,
        pool: &PgPool,
        identifiers: &[String],
    ) -> Result<HashMap<String, Arc<Resource>>, DbError> {
        let since = self.feed.version_stamp();
        let read = self
            .policies
            .resources(&mut *pool.acquire().await?, identifiers)
            .await?;
        let mut found: HashMap<String, Resource> = read
            .into_iter()
            .map(|resource| (resource.identifier.clone(), resource))
            .collect();
        let entries: Vec<_> = identifiers
            .iter()
            .map(|identifier| {
                let name = Arc::from(identifier.as_str());
                self.entry(name, found.remove(identifier), since)
            })
            .collect();
        // All may be read at the same time: what is newer is not lost, and what is lost is read again.
        self.all.rcu(|all| {
            let mut all = AllResources::clone(all);
            for (name, entry) in &entries {
                if entry.resource.is_some() || all.entries.len() < MAX_ENTRIES {
                    all.entries.insert(Arc::clone(name), entry.clone());
                }
            }
            all
        });
        let live =
            |(name, entry): (Arc<str>, ResourceEntry)| Some((name.to_string(), entry.resource?));
        Ok(entries.into_iter().filter_map(live).collect())
    }
}
