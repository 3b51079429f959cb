//! Files of key material.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Deserializer};

use crate::crypto::unbase64;

/// What a sandbox writes into each key that it makes, as a comment or as an attribute of the key.
/// A copy of the file contains it too, so that `systembruker serve` recognises the key under
/// any name.
pub const SANDBOX_MARK: &str = "systembruker sandbox key";

/// Name of the file that a sandbox puts into its folder: no key below that folder is taken.
pub const SANDBOX_FOLDER_MARK: &str = "SYSTEMBRUKER-SANDBOX";

/// Key material of a file: at least 32 random bytes, in hex or base64. Lines that begin with `#`
/// are comments.
///
/// # Errors
/// The file cannot be read, or holds too little.
pub fn key_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    key_material(&text)
        .filter(|key| key.len() >= 32)
        .with_context(|| {
            format!(
                "{} must hold at least 32 random bytes in hex or base64",
                path.display()
            )
        })
}

/// The bytes that a text holds in hex or base64; none when it holds neither.
#[must_use]
pub fn key_material(text: &str) -> Option<Vec<u8>> {
    let text: String = without_comments(text);
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex {
        return (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok())
            .collect();
    }
    unbase64(&text)
}

/// A text of one or more lines without those that begin with `#`, in one piece.
#[must_use]
pub fn without_comments(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .collect()
}

/// Key material of several files.
///
/// # Errors
/// As [`key_file`].
pub fn key_files(paths: &[PathBuf]) -> anyhow::Result<Vec<Vec<u8>>> {
    paths.iter().map(|path| key_file(path)).collect()
}

/// Reads the name of a file, or a list of them.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Paths {
        One(PathBuf),
        More(Vec<PathBuf>),
    }
    Ok(match Paths::deserialize(deserializer)? {
        Paths::One(path) => vec![path],
        Paths::More(paths) => paths,
    })
}
