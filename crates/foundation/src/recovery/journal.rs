//! The journal itself: a folder or an object store outside the database.
//!
//! `head.json` holds the newest sign of life ([`JournalHead`]), `entries/<thousand>/<number>-<time>-<uuid>.ndjson`
//! what happened, one [`JournalEntry`] a line, and at last how many
//! ([`ObjectEnd`]). An object is written once and never changed.
//! Numbers grow by one; two histories of a database may have used the same.

use std::{sync::Arc, time::Duration};

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

use super::change::JournalEntry;
use crate::config::JournalPlace;

/// The newest sign of life of the database that writes the journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct JournalHead {
    /// The installation that the journal belongs to.
    pub journal: Uuid,
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
    /// Number of the last object with entries.
    pub objects: i64,
}

/// Why a database cannot be compared with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    /// The database has written a journal, and here is none.
    #[error(
        "the journal is empty, although the database has written it: its folder was moved, emptied or is not mounted, or recovery.journal names another place. Every instance names the same one"
    )]
    Missing,
    /// Another installation writes it.
    #[error(
        "the journal is that of another installation ({theirs}, not {ours}): recovery.journal names the wrong place"
    )]
    Foreign {
        /// What the database calls its journal.
        ours: Uuid,
        /// What the journal calls itself.
        theirs: Uuid,
    },
    /// A database with another history writes it.
    #[error(
        "the journal has a newer sign of life than this database: another copy of this installation writes it, or another history of the database goes on. Stop that copy, or give it a journal of its own in recovery.journal"
    )]
    Ahead,
    /// Its head is none.
    #[error("head.json of the journal cannot be read: {0}")]
    HeadDamaged(serde_json::Error),
}

/// Name of the head.
const HEAD: &str = "head.json";
/// Folder of the entries.
const ENTRIES: &str = "entries";
/// Format of the time in the name of an object.
const NAME_TIME: &str = "%Y%m%dT%H%M%S%.6f";
/// Reading or writing one thing takes no longer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Listing takes no longer.
const LISTING: Duration = Duration::from_mins(5);
/// Names of variables of the environment that an object store reads begin with one of these.
const PROVIDERS: [&str; 3] = ["aws_", "google_", "azure_"];

/// An object with entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalObject {
    /// Its number.
    pub number: i64,
    /// When it was begun, by the database's clock.
    pub at: DateTime<Utc>,
    /// Its name in the journal.
    pub name: String,
}

/// Name of an object with entries. Names are in the order of their numbers.
#[must_use]
pub fn object_name(number: i64, at: DateTime<Utc>) -> String {
    format!(
        "{}{}-{}.ndjson",
        numbered(number),
        at.format(NAME_TIME),
        Uuid::new_v4().simple()
    )
}

/// The beginning of the names of the objects with a number.
fn numbered(number: i64) -> String {
    format!("{ENTRIES}/{:012}/{number:015}-", number / 1_000)
}

impl JournalObject {
    fn named(name: String) -> Option<Self> {
        let rest = name.strip_prefix(ENTRIES)?.strip_prefix('/')?;
        let (_, rest) = rest.split_once('/')?;
        let mut parts = rest.split('-');
        let (number, time) = (parts.next()?.parse().ok()?, parts.next()?);
        let at = NaiveDateTime::parse_from_str(time, NAME_TIME).ok()?;
        Some(Self {
            number,
            at: at.and_utc(),
            name,
        })
    }
}

/// The last line of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ObjectEnd {
    /// How many lines come before.
    entries: usize,
    /// How many rows the audit trail had when the object was written; none in objects of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit_rows: Option<i64>,
}

/// What an object holds.
#[derive(Debug, Default)]
pub struct ObjectContents {
    /// Its entries, in order.
    pub entries: Vec<JournalEntry>,
    /// How many rows the audit trail had when it was written; none when it does not say so.
    pub audit_rows: Option<i64>,
    /// What is wrong with it: lines that are no entries, or that are missing.
    pub wrong: Vec<String>,
}

fn read_entries(name: &str, bytes: &[u8]) -> ObjectContents {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let end = lines
        .last()
        .and_then(|line| serde_json::from_slice::<ObjectEnd>(line).ok());
    if end.is_some() {
        lines.pop();
    }
    let is_whole = end.is_some_and(|end| end.entries == lines.len());
    for (number, line) in lines.into_iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(entry) => entries.push(entry),
            Err(error) => wrong.push(format!(
                "{name} of the journal, line {}: this is no entry: {error}",
                number + 1
            )),
        }
    }
    if !is_whole {
        wrong.push(format!(
            "{name} of the journal is not whole: lines of it are missing"
        ));
    }
    ObjectContents {
        entries,
        audit_rows: end.and_then(|end| end.audit_rows),
        wrong,
    }
}

/// A place outside the database that keeps what ended an access.
#[derive(Debug, Clone)]
pub struct Journal(Arc<dyn ObjectStore>);

impl Journal {
    /// Opens the journal, if there is one; a folder that is missing is made. Credentials and further
    /// settings of an object store come from the environment, by the names that its provider gives them:
    /// they begin with `AWS_`, `GOOGLE_` or `AZURE_`.
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
        let options =
            options.filter(|(name, _)| PROVIDERS.iter().any(|provider| name.starts_with(provider)));
        let (store, path) = object_store::parse_url_opts(address, options)
            .with_context(|| format!("opening the object store {address}"))?;
        Ok(Self(Arc::new(PrefixStore::new(store, path))))
    }

    /// The newest sign of life; none when nothing was ever written.
    ///
    /// # Errors
    /// The journal cannot be read, or the head is none.
    pub async fn head(&self) -> anyhow::Result<Option<JournalHead>> {
        match self.read(HEAD).await {
            Ok(bytes) => {
                let head = serde_json::from_slice(&bytes).map_err(JournalFault::HeadDamaged)?;
                Ok(Some(head))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the head.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn put_head(&self, head: &JournalHead) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec(head)?;
        bytes.push(b'\n');
        self.put(HEAD, bytes).await
    }

    /// Writes an object with entries, at a time when the audit trail has so many rows. The same one may be written again.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn put_entries(
        &self,
        name: &str,
        entries: &[JournalEntry],
        audit_rows: i64,
    ) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut bytes, entry)?;
            bytes.push(b'\n');
        }
        let end = ObjectEnd {
            entries: entries.len(),
            audit_rows: Some(audit_rows),
        };
        serde_json::to_writer(&mut bytes, &end)?;
        bytes.push(b'\n');
        self.put(name, bytes).await
    }

    async fn put(&self, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let path = Path::from(name);
        let put = self.0.put(&path, PutPayload::from(bytes));
        let put = tokio::time::timeout(TIMEOUT, put).await;
        let doing = || format!("writing {name} to the journal");
        put.with_context(doing)?.with_context(doing)?;
        Ok(())
    }

    async fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = Path::from(name);
        let read = async {
            Ok::<_, object_store::Error>(self.0.get(&path).await?.bytes().await?.to_vec())
        };
        let read = tokio::time::timeout(TIMEOUT, read).await;
        let doing = || format!("reading {name} of the journal");
        read.with_context(doing)?.with_context(doing)
    }

    /// The objects from a number on, in order.
    ///
    /// # Errors
    /// The journal cannot be listed.
    pub async fn objects_from(&self, number: i64) -> anyhow::Result<Vec<JournalObject>> {
        // Everything in the folder that sorts after the beginning of that name.
        let offset = Path::from(numbered(number));
        let found = self
            .0
            .list_with_offset(Some(&Path::from(ENTRIES)), &offset)
            .try_filter_map(async |object| Ok(JournalObject::named(object.location.to_string())));
        let found = tokio::time::timeout(LISTING, found.try_collect()).await;
        let mut found: Vec<_> = found
            .context("listing the journal")?
            .context("listing the journal")?;
        found.sort_unstable();
        Ok(found)
    }

    /// What an object holds.
    ///
    /// # Errors
    /// The object cannot be read.
    pub async fn entries(&self, name: &str) -> anyhow::Result<ObjectContents> {
        let bytes = self.read(name).await?;
        Ok(read_entries(name, &bytes))
    }

    /// Removes an object.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        let path = Path::from(name);
        let removed = tokio::time::timeout(TIMEOUT, self.0.delete(&path)).await;
        let doing = || format!("removing {name} of the journal");
        match removed.with_context(doing)? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).with_context(doing),
        }
    }

    /// Writes, reads and removes an object, as `doctor` does.
    ///
    /// # Errors
    /// One of them is not possible.
    pub async fn try_out(&self) -> anyhow::Result<()> {
        let name = format!("try-{}.json", Uuid::new_v4().simple());
        self.put(&name, b"{}\n".to_vec()).await?;
        self.read(&name).await?;
        self.remove(&name).await
    }
}

/// Whether what should be read is not there.
fn is_missing(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(object_store::Error::NotFound { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_name_of_an_object_says_its_number_and_when_it_was_begun() {
        let begun = at("2026-11-28T10:00:00.5Z");
        let object = JournalObject::named(object_name(1_234, begun)).unwrap();
        assert_eq!((object.number, object.at), (1_234, begun));
        for other in [
            "entries/x.ndjson",
            "entries/000000000000/x.ndjson",
            "head.json",
        ] {
            assert_eq!(JournalObject::named(other.to_owned()), None, "{other}");
        }
    }

    #[test]
    fn an_object_that_lost_lines_is_not_whole() {
        let whole = "{\"x\": 1}\n{\"entries\":1}\n";
        let faults = |text: &str| read_entries("o", text.as_bytes()).wrong;
        // The line is none of ours, and there.
        assert!(faults(whole).iter().all(|fault| fault.contains("line 1")));
        for cut in ["", "{\"x\": 1}\n", "{\"entries\":1}\n"] {
            let faults = faults(cut);
            let last = faults.last().unwrap();
            assert!(last.contains("not whole"), "{cut:?}: {faults:?}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let (early, late) = (
            at("2026-11-28T09:59:59.999999Z"),
            at("2026-12-01T00:00:00Z"),
        );
        let names: Vec<_> = [1, 2, 999, 1_000, 10_000, 1_000_000]
            .into_iter()
            .zip([late, early, late, early, late, early])
            .map(|(number, at)| object_name(number, at))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(*numbered(1_000) > *names[2] && *numbered(1_000) < *names[3]);
    }
}
