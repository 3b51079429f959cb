//! Checkpoints: how long the chain was at a time, and what it ended with, signed, in a file that
//! the database cannot write.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    config,
    crypto::{base64url, hex, sha256, unbase64url},
    http::time,
};

/// A checkpoint is written when the newest is as old as this.
pub(super) const EVERY: Duration = Duration::hours(1);

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Rows in the chain.
    pub length: i64,
    /// Hash of the last one, in hex.
    pub hash: String,
    /// When it was written, RFC 3339.
    pub at: DateTime<Utc>,
    /// Ed25519 over the three, base64url.
    pub signature: String,
}

fn message(length: i64, hash: &str, at: DateTime<Utc>) -> String {
    format!(
        "systembruker audit checkpoint\n{length}\n{hash}\n{}\n",
        time::format(at)
    )
}

/// The key that signs checkpoints, and those before it, whose checkpoints are still read.
pub struct CheckpointKey {
    id: String,
    key: Ed25519KeyPair,
    earlier: Vec<Ed25519KeyPair>,
}

fn pair(material: &[u8]) -> anyhow::Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&sha256(material))
        .map_err(|_| anyhow::anyhow!("the checkpoint key cannot be used"))
}

impl std::fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheckpointKey")
    }
}

impl CheckpointKey {
    /// The key that follows from random material of at least 32 bytes.
    ///
    /// # Errors
    /// The primitive refuses.
    pub fn new(material: &[u8]) -> anyhow::Result<Self> {
        Self::with_earlier(material, &[])
    }

    /// The same, with the material of keys before it.
    ///
    /// # Errors
    /// As [`CheckpointKey::new`].
    pub fn with_earlier(material: &[u8], earlier: &[Vec<u8>]) -> anyhow::Result<Self> {
        let key = pair(material)?;
        let earlier = earlier.iter().map(|material| pair(material));
        Ok(Self {
            id: hex(&sha256(key.public_key().as_ref())[..4]),
            earlier: earlier.collect::<anyhow::Result<_>>()?,
            key,
        })
    }

    /// From files, the present key first; none where none is named.
    ///
    /// # Errors
    /// A file cannot be read, or holds too little.
    pub fn of_files(paths: &[PathBuf]) -> anyhow::Result<Option<Self>> {
        let materials = config::key_files(paths)?;
        let Some((material, earlier)) = materials.split_first() else {
            return Ok(None);
        };
        Self::with_earlier(material, earlier).map(Some)
    }

    /// What the key is known by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn sign(&self, length: i64, hash: &str, at: DateTime<Utc>) -> Checkpoint {
        let signature = base64url(self.key.sign(message(length, hash, at).as_bytes()).as_ref());
        Checkpoint {
            length,
            hash: hash.to_owned(),
            at,
            signature,
        }
    }

    fn verifies(&self, checkpoint: &Checkpoint) -> bool {
        let Some(signature) = unbase64url(&checkpoint.signature) else {
            return false;
        };
        let text = message(checkpoint.length, &checkpoint.hash, checkpoint.at);
        std::iter::once(&self.key).chain(&self.earlier).any(|key| {
            UnparsedPublicKey::new(&ED25519, key.public_key().as_ref())
                .verify(text.as_bytes(), &signature)
                .is_ok()
        })
    }

    fn line(&self, line: &[u8]) -> anyhow::Result<Checkpoint> {
        let checkpoint: Checkpoint =
            serde_json::from_slice(line).context("this is no checkpoint")?;
        anyhow::ensure!(
            self.verifies(&checkpoint),
            "this checkpoint was not signed with a key of ours"
        );
        Ok(checkpoint)
    }

    /// The checkpoints of a file, in order of length; none when there is no such file.
    ///
    /// # Errors
    /// A line cannot be read, or was not signed by this key.
    pub fn read(&self, path: &Path) -> anyhow::Result<Vec<Checkpoint>> {
        let mut all = self.read_as_written(path)?;
        all.sort_by_key(|c| c.length);
        Ok(all)
    }

    /// The checkpoints of a file, as they were written one after the other; none when there is no such file.
    ///
    /// # Errors
    /// As [`CheckpointKey::read`].
    pub fn read_as_written(&self, path: &Path) -> anyhow::Result<Vec<Checkpoint>> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.with_context(|| format!("reading {}", path.display()))?,
        };
        let mut out = Vec::new();
        let text = &text[..whole_lines(text.as_bytes())];
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.trim().is_empty())
        {
            let place = || format!("{}, line {}", path.display(), number + 1);
            out.push(self.line(line.as_bytes()).with_context(place)?);
        }
        Ok(out)
    }
}

/// How every line begins.
const BEGINNING: &[u8] = b"{\"length\":";

/// How many bytes of a file count. The beginning of a checkpoint without an end, after the last
/// line, was being written when the disk was full or the machine stopped.
fn whole_lines(bytes: &[u8]) -> usize {
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let rest = &bytes[end..];
    let is_cut = rest.starts_with(BEGINNING) || BEGINNING.starts_with(rest);
    if is_cut && !rest.ends_with(b"}") {
        end
    } else {
        bytes.len()
    }
}

/// Appends a line in place of what is no whole line at the end.
fn append_line(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = whole_lines(&bytes);
    let end = u64::try_from(whole).unwrap_or(u64::MAX);
    if whole < bytes.len() {
        file.set_len(end)?;
    }
    file.write_all(line)
        .and_then(|()| file.sync_data())
        .inspect_err(|_| {
            // Half a line would hide the next one; one that is left is replaced by it.
            let _ = file.set_len(end);
        })
}

/// What a file of checkpoints begins and ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CheckpointFileEnds {
    /// Rows of the chain at the first checkpoint.
    pub begun: i64,
    /// Rows of the chain at the newest.
    pub length: i64,
    /// When the newest was written.
    pub at: DateTime<Utc>,
}

/// So many bytes of each end of a file hold a line at least.
const END_BYTES: u64 = 4 * 1024;

/// The file to which checkpoints go.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    is_missing: AtomicBool,
    key: CheckpointKey,
    newest: Mutex<Option<(i64, DateTime<Utc>)>>,
}

impl Checkpoints {
    /// Opens the file; the first checkpoint makes it.
    ///
    /// # Errors
    /// What is in it is none of ours.
    pub fn open(path: PathBuf, key: CheckpointKey) -> anyhow::Result<Self> {
        let newest = key.read(&path)?.last().map(|c| (c.length, c.at));
        Ok(Self {
            path,
            is_missing: AtomicBool::new(false),
            key,
            newest: Mutex::new(newest),
        })
    }

    /// The checkpoints of the file, as they were written.
    ///
    /// # Errors
    /// What is in the file is none of ours.
    pub fn all(&self) -> anyhow::Result<Vec<Checkpoint>> {
        self.key.read_as_written(&self.path)
    }

    /// The file, as the database knows it.
    pub(super) fn path(&self) -> String {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        path.display().to_string()
    }

    /// What the file begins and ends with, without reading all of it; none when it is not there, or holds
    /// no checkpoint.
    ///
    /// # Errors
    /// It cannot be read, or a line there is none of ours.
    pub(super) fn ends(&self) -> anyhow::Result<Option<CheckpointFileEnds>> {
        let place = || format!("the ends of {}", self.path.display());
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.with_context(place)?,
        };
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        (&mut file).take(END_BYTES).read_to_end(&mut head)?;
        let length = file.metadata()?.len();
        let from = file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
        file.read_to_end(&mut tail)?;
        let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let whole = bytes.get(..whole_lines(bytes)).unwrap_or_default();
            let lines = whole.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
            lines.filter(|line| !line.trim_ascii().is_empty()).collect()
        };
        let Some(first) = lines(&head).into_iter().next() else {
            return Ok(None);
        };
        let begun = self.key.line(&first).with_context(place)?.length;
        // The first line of the tail may be the end of one.
        let last = lines(&tail).into_iter().skip(usize::from(from > 0));
        let last = last
            .map(|line| self.key.line(&line))
            .collect::<anyhow::Result<Vec<_>>>();
        let last = last.with_context(place)?;
        let newest = last.iter().map(|checkpoint| checkpoint.at).max();
        let longest = last.iter().map(|checkpoint| checkpoint.length).max();
        Ok(newest
            .zip(longest)
            .map(|(at, length)| CheckpointFileEnds { begun, length, at }))
    }

    /// Keeps whether the file lacks something; true when that is new.
    pub(super) fn keep_missing(&self, is_missing: bool) -> bool {
        !self.is_missing.swap(is_missing, Ordering::Relaxed) && is_missing
    }

    /// Appends a checkpoint when it is time for one and the chain has grown. Whether it did.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, length: i64, hash: &[u8], now: DateTime<Utc>) -> anyhow::Result<bool> {
        let mut newest = self
            .newest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if length == 0 || newest.is_some_and(|(last, at)| length == last || now - at < EVERY) {
            return Ok(false);
        }
        self.append(length, hash, now)?;
        *newest = Some((length, now));
        Ok(true)
    }

    /// Appends a checkpoint of rows that are about to be dropped.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_end(&self, length: i64, hash: &[u8], now: DateTime<Utc>) -> anyhow::Result<()> {
        let _newest = self
            .newest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.append(length, hash, now)
    }

    fn append(&self, length: i64, hash: &[u8], now: DateTime<Utc>) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&self.key.sign(length, &hex(hash), now))?;
        line.push(b'\n');
        let written = append_line(&self.path, &line);
        written.with_context(|| format!("writing a checkpoint to {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_at_the_end_is_passed_over_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let key = CheckpointKey::new(&[7; 32]).unwrap();
        let now = DateTime::UNIX_EPOCH;
        let checkpoints = Checkpoints::open(path.clone(), key).unwrap();
        checkpoints.note(1, b"one", now).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"length\":").unwrap();
        let key = CheckpointKey::new(&[7; 32]).unwrap();
        let checkpoints = Checkpoints::open(path, key).unwrap();
        assert_eq!(checkpoints.all().unwrap().last().unwrap().length, 1);

        checkpoints.note(2, b"two", now + EVERY).unwrap();

        assert_eq!(checkpoints.all().unwrap().last().unwrap().length, 2);
    }
}
