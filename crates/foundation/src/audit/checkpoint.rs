//! Checkpoints: how long the chain was at a time, and what it ended with, signed, in a file that
//! the database cannot write.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
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
const EVERY: Duration = Duration::hours(1);

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

    /// The checkpoints of a file, in order of length; none when there is no such file.
    ///
    /// # Errors
    /// A line cannot be read, or was not signed by this key.
    pub fn read(&self, path: &Path) -> anyhow::Result<Vec<Checkpoint>> {
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
            let checkpoint: Checkpoint = serde_json::from_str(line)
                .with_context(|| format!("{}: this is no checkpoint", place()))?;
            anyhow::ensure!(
                self.verifies(&checkpoint),
                "{}: this checkpoint was not signed with a key of ours",
                place()
            );
            out.push(checkpoint);
        }
        out.sort_by_key(|c| c.length);
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

/// The file to which checkpoints go.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
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
            key,
            newest: Mutex::new(newest),
        })
    }

    /// The newest checkpoint of the file.
    ///
    /// # Errors
    /// What is in the file is none of ours.
    pub fn newest(&self) -> anyhow::Result<Option<Checkpoint>> {
        Ok(self.key.read(&self.path)?.pop())
    }

    /// Appends a checkpoint when it is time for one and the chain has grown.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, length: i64, hash: &[u8], now: DateTime<Utc>) -> anyhow::Result<()> {
        let mut newest = self
            .newest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if length == 0 || newest.is_some_and(|(last, at)| length == last || now - at < EVERY) {
            return Ok(());
        }
        self.append(length, hash, now)?;
        *newest = Some((length, now));
        Ok(())
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
        assert_eq!(checkpoints.newest().unwrap().unwrap().length, 1);

        checkpoints.note(2, b"two", now + EVERY).unwrap();

        assert_eq!(checkpoints.newest().unwrap().unwrap().length, 2);
    }
}
