//! Files of key material.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::crypto::unbase64;

/// Key material of a file: at least 32 random bytes, in hex or base64.
///
/// # Errors
/// The file cannot be read, or holds too little.
pub fn key_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let text = text.trim();
    let hex: Option<Vec<u8>> =
        (text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| {
            (0..text.len())
                .step_by(2)
                .filter_map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok())
                .collect()
        });
    let key = hex.or_else(|| unbase64(text)).filter(|k| k.len() >= 32);
    key.with_context(|| {
        format!(
            "{} must hold at least 32 random bytes in hex or base64",
            path.display()
        )
    })
}
