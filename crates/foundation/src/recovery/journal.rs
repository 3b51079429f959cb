//! The journal itself: a folder or an object store outside the database.
//!
//! `head.json` holds the newest sign of life ([`Head`]), `entries/<day>/<time>-<uuid>.ndjson` what
//! happened, one [`Entry`] a line. An object is written once and never changed.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use futures_util::TryStreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, local::LocalFileSystem, path::Path,
    prefix::PrefixStore,
};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::change::Entry;
use crate::config::JournalPlace;

/// The newest sign of life of the database that writes the journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Head {
    /// The mark, which the database holds too.
    pub mark: Uuid,
    /// When it was made, by the database's clock, RFC 3339.
    pub at: DateTime<Utc>,
    /// Epoch of the change feed, 16 hexadecimal digits.
    pub epoch: String,
    /// Last position of the change feed.
    pub position: i64,
    /// Length of the chain of the audit trail.
    pub audit_length: i64,
}

/// Name of the head.
const HEAD: &str = "head.json";
/// Folder of the entries.
const ENTRIES: &str = "entries";
/// How the time stands in the name of an object.
const NAME_TIME: &str = "%Y-%m-%d/%H%M%S%.6f";

/// Name of an object with entries. Names are in the order of their times.
#[must_use]
pub fn object_name(at: DateTime<Utc>) -> String {
    format!(
        "{ENTRIES}/{}-{}.ndjson",
        at.format(NAME_TIME),
        Uuid::new_v4().simple()
    )
}

/// The time in an object's name.
fn time_of(name: &str) -> Option<DateTime<Utc>> {
    let name = name.strip_prefix(ENTRIES)?.strip_prefix('/')?;
    let (time, _) = name.rsplit_once('-')?;
    let time = NaiveDateTime::parse_from_str(time, NAME_TIME).ok()?;
    Some(time.and_utc())
}

/// A place outside the database that keeps what ended an access.
#[derive(Debug, Clone)]
pub struct Journal(Arc<dyn ObjectStore>);

impl Journal {
    /// Opens the journal, if there is one; a folder that is missing is made. Credentials of an object store come
    /// from the environment, by the names that its provider gives them.
    ///
    /// # Errors
    /// The folder cannot be made, or the address is of no kind of object store that is known.
    pub fn open(place: &JournalPlace) -> anyhow::Result<Option<Self>> {
        match place {
            JournalPlace::None => Ok(None),
            JournalPlace::Folder(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("making the folder {}", folder.display()))?;
                let files = LocalFileSystem::new_with_prefix(folder)
                    .with_context(|| format!("opening the folder {}", folder.display()))?
                    .with_fsync(true);
                Ok(Some(Self(Arc::new(files))))
            }
            JournalPlace::Store(address) => Self::in_store(address).map(Some),
        }
    }

    fn in_store(address: &Url) -> anyhow::Result<Self> {
        let options = std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (store, path) = object_store::parse_url_opts(address, options)
            .with_context(|| format!("opening the object store {address}"))?;
        Ok(Self(Arc::new(PrefixStore::new(store, path))))
    }

    /// The newest sign of life; none when nothing was ever written.
    ///
    /// # Errors
    /// The journal cannot be read, or the head is none.
    pub async fn head(&self) -> anyhow::Result<Option<Head>> {
        let bytes = match self.0.get(&Path::from(HEAD)).await {
            Ok(found) => found.bytes().await.context("reading the journal's head")?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).context("reading the journal's head"),
        };
        let head = serde_json::from_slice(&bytes)
            .with_context(|| format!("{HEAD} of the journal cannot be read"))?;
        Ok(Some(head))
    }

    /// Replaces the head.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn put_head(&self, head: &Head) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec(head)?;
        bytes.push(b'\n');
        self.put(HEAD, bytes).await
    }

    /// Writes an object with entries. The same one may be written again.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn put_entries(&self, name: &str, entries: &[Entry]) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut bytes, entry)?;
            bytes.push(b'\n');
        }
        self.put(name, bytes).await
    }

    async fn put(&self, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.0
            .put(&Path::from(name), PutPayload::from(bytes))
            .await
            .with_context(|| format!("writing {name} to the journal"))?;
        Ok(())
    }

    /// Names and times of the objects written since a time, in order.
    ///
    /// # Errors
    /// The journal cannot be listed.
    pub async fn objects_since(
        &self,
        since: DateTime<Utc>,
    ) -> anyhow::Result<Vec<(String, DateTime<Utc>)>> {
        // Everything in the folder that sorts behind the time.
        let offset = Path::from(format!("{ENTRIES}/{}", since.format(NAME_TIME)));
        let found = self
            .0
            .list_with_offset(Some(&Path::from(ENTRIES)), &offset)
            .try_filter_map(async |object| {
                let name = object.location.to_string();
                Ok(time_of(&name).map(|time| (name, time)))
            });
        let mut found: Vec<_> = found.try_collect().await.context("listing the journal")?;
        found.retain(|(_, time)| *time >= since);
        found.sort_unstable();
        Ok(found)
    }

    /// Names of the objects that are older than a time.
    ///
    /// # Errors
    /// The journal cannot be listed.
    pub async fn objects_before(&self, time: DateTime<Utc>) -> anyhow::Result<Vec<String>> {
        let found = self
            .0
            .list(Some(&Path::from(ENTRIES)))
            .try_filter_map(async |object| {
                let name = object.location.to_string();
                Ok(time_of(&name).is_some_and(|at| at < time).then_some(name))
            });
        found.try_collect().await.context("listing the journal")
    }

    /// The entries of an object, in order.
    ///
    /// # Errors
    /// The object cannot be read, or a line is no entry.
    pub async fn entries(&self, name: &str) -> anyhow::Result<Vec<Entry>> {
        let found = self.0.get(&Path::from(name)).await;
        let bytes = found
            .with_context(|| format!("reading {name} of the journal"))?
            .bytes()
            .await
            .with_context(|| format!("reading {name} of the journal"))?;
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(number, line)| {
                serde_json::from_slice(line).with_context(|| {
                    format!(
                        "{name} of the journal, line {}: this is no entry",
                        number + 1
                    )
                })
            })
            .collect()
    }

    /// Removes an object.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        match self.0.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("removing {name} of the journal")),
        }
    }

    /// Writes, reads and removes an object, as `doctor` does.
    ///
    /// # Errors
    /// One of them is not possible.
    pub async fn try_out(&self) -> anyhow::Result<()> {
        let name = format!("try-{}.json", Uuid::new_v4().simple());
        self.put(&name, b"{}\n".to_vec()).await?;
        let found = self.0.get(&Path::from(&*name)).await;
        found.with_context(|| format!("reading {name} of the journal"))?;
        self.remove(&name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_object_says_when_it_was_made() {
        let at = "2026-11-28T10:00:00.5Z".parse().unwrap();
        assert_eq!(time_of(&object_name(at)), Some(at));
        assert_eq!(time_of("entries/x.ndjson"), None);
        assert_eq!(time_of("head.json"), None);
    }

    #[test]
    fn names_are_in_the_order_of_their_times() {
        let times = [
            "2026-11-28T09:59:59.999999Z",
            "2026-11-28T10:00:00Z",
            "2026-11-28T10:00:00.5Z",
            "2026-12-01T00:00:00Z",
        ];
        let names = times.map(|time| object_name(time.parse().unwrap()));
        assert!(names.is_sorted(), "{names:?}");
    }
}
