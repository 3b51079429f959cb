//! Long answers about resources and policies: one copy serves all who read the same one, however
//! slowly they do.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use moka::sync::Cache;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    compiled::CompiledPolicy,
    rights::{self, FurtherRights, MAX_LISTED_BYTES},
    workers::{PolicyWorkers, WorkersBusy},
};
use foundation::{crypto::sha256, http::Language};

/// Which list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PolicyListing {
    /// The rules, one element for each combination of their alternatives.
    Rules,
    /// The rights, with those who come to them.
    Rights,
    /// The rights of a resource with their names.
    NamedRights {
        /// The resource.
        identifier: String,
        /// Which rights besides those of people.
        further: FurtherRights,
        /// The language of the names.
        language: Language,
    },
    /// A text of its own; the digest is that of the text.
    Text,
}

/// Bytes of lists that are kept for those who ask next.
const KEPT_BYTES: u64 = 24 * 1024 * 1024;
/// Long lists that are read and made at a time.
const READERS: usize = 2;
/// How long a request waits to be one of them.
const READER_TIMEOUT: Duration = Duration::from_secs(2);
/// Kilobytes of lists there are, those included that a client is still reading.
const KILOBYTES: usize = 64 * 1024;

/// The lists in memory. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct PolicyListings {
    kept: Cache<([u8; 32], PolicyListing), Bytes>,
    space: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    workers: PolicyWorkers,
}

/// A list with the space that it takes.
struct CachedListing {
    json: Vec<u8>,
    _space: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for CachedListing {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

impl PolicyListings {
    pub(super) fn new(workers: PolicyWorkers) -> Self {
        let weight = |_: &_, list: &Bytes| u32::try_from(list.len()).unwrap_or(u32::MAX);
        Self {
            kept: Cache::builder()
                .weigher(weight)
                .max_capacity(KEPT_BYTES)
                .build(),
            space: Arc::new(Semaphore::new(KILOBYTES)),
            readers: Arc::new(Semaphore::new(READERS)),
            workers,
        }
    }

    /// A list as JSON, of a policy that [can be listed](rights::ListingSize::is_listable).
    ///
    /// # Errors
    /// Too much is made, or is being read, already.
    pub async fn get(
        &self,
        policy: &Arc<CompiledPolicy>,
        listing: PolicyListing,
    ) -> Result<Bytes, WorkersBusy> {
        let key = (policy.digest, listing);
        if let Some(list) = self.kept.get(&key) {
            return Ok(list);
        }
        let size = usize::try_from(policy.listing.bytes).unwrap_or(usize::MAX);
        let (listings, policy) = (self.clone(), Arc::clone(policy));
        let make = move || {
            // Others may have asked for it at the same time, and been first.
            if let Some(list) = listings.kept.get(&key) {
                return Ok(list);
            }
            let list = listings.held(made(&policy, &key.1))?;
            listings.kept.insert(key, list.clone());
            Ok(list)
        };
        self.workers.run(size, make).await?
    }

    /// A text, in the one copy that all have who read it.
    ///
    /// # Errors
    /// Too much is being read already.
    pub fn shared(&self, text: Vec<u8>) -> Result<Bytes, WorkersBusy> {
        if text.len() <= SHORT {
            return Ok(text.into());
        }
        let key = (sha256(&text), PolicyListing::Text);
        if let Some(known) = self.kept.get(&key) {
            return Ok(known);
        }
        let text = self.held(text)?;
        self.kept.insert(key, text.clone());
        Ok(text)
    }

    /// Waits until a long list may be read from the database; another may when the result is dropped.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, WorkersBusy> {
        let turn = Arc::clone(&self.readers).acquire_owned();
        match tokio::time::timeout(READER_TIMEOUT, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(WorkersBusy),
        }
    }

    /// A list as JSON, made in a thread where no other request waits for it. `bytes` is about how
    /// many it has.
    ///
    /// # Errors
    /// Too much is made, or is being read, already.
    pub async fn of<T: Serialize + Send + 'static>(
        &self,
        bytes: usize,
        list: impl Iterator<Item = T> + Send + 'static,
    ) -> Result<Bytes, WorkersBusy> {
        let listings = self.clone();
        let make = move || {
            let mut json = Vec::new();
            write(&mut json, list);
            listings.shared(json)
        };
        self.workers.run(bytes, make).await?
    }

    fn held(&self, json: Vec<u8>) -> Result<Bytes, WorkersBusy> {
        let kilobytes = u32::try_from(json.capacity() / 1024 + 1).unwrap_or(u32::MAX);
        let space = || Arc::clone(&self.space).try_acquire_many_owned(kilobytes);
        let space = space().or_else(|_| {
            // Lists that no client reads are dropped.
            self.kept.invalidate_all();
            self.kept.run_pending_tasks();
            space().map_err(|_| WorkersBusy)
        })?;
        Ok(Bytes::from_owner(CachedListing {
            json,
            _space: space,
        }))
    }
}

/// Bytes of a text of which each reader may have a copy.
const SHORT: usize = 16 * 1024;

fn made(policy: &CompiledPolicy, listing: &PolicyListing) -> Vec<u8> {
    let size = policy.listing.bytes.min(MAX_LISTED_BYTES);
    let mut json = Vec::with_capacity(usize::try_from(size / 2).unwrap_or(0));
    match listing {
        PolicyListing::Rules => write(&mut json, rights::rules(&policy.policy)),
        PolicyListing::Rights => write(&mut json, rights::rights(&policy.policy)),
        PolicyListing::NamedRights {
            identifier,
            further,
            language,
        } => write(
            &mut json,
            rights::named_rights(&policy.policy, identifier, *further, *language).into_iter(),
        ),
        // It is not made, but shared.
        PolicyListing::Text => {}
    }
    json.shrink_to_fit();
    json
}

/// Writes a list element by element, so that it is in memory once.
fn write<T: Serialize>(json: &mut Vec<u8>, list: impl Iterator<Item = T>) {
    json.push(b'[');
    for (n, element) in list.enumerate() {
        if n > 0 {
            json.push(b',');
        }
        // Writing to memory does not fail, nor do the members of these elements.
        let _ = serde_json::to_writer(&mut *json, &element);
    }
    json.push(b']');
}
