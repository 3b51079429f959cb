//! Small helpers over vetted primitives.

use aws_lc_rs::{digest, rand};
use base64::{
    Engine as _,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD,
    },
};
use uuid::Uuid;

/// Unpadded base64url.
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Strict unpadded base64url.
#[must_use]
pub fn unbase64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Base64url or standard base64, padded or not: key sets of issuers use both.
#[must_use]
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    LENIENT
        .decode(text.replace('+', "-").replace('/', "_"))
        .ok()
}

/// Hex in lower case.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes.as_ref()).as_ref());
    out
}

/// So many random bytes from the operating system, as base64url text.
#[must_use]
pub fn random_text(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    // The system's generator does not fail once it is seeded; an empty text would be refused
    // everywhere.
    if rand::fill(&mut buffer).is_err() {
        buffer.clear();
    }
    base64url(buffer)
}

/// The uuid of a name in a namespace (RFC 9562, version 5).
#[must_use]
pub fn uuid_v5(namespace: Uuid, name: &str) -> Uuid {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(namespace.as_bytes());
    context.update(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}
