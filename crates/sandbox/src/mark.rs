//! Marks an RSA key as made by a sandbox, in the key itself: as an attribute of its PKCS#8 form
//! (RFC 5208), which other programs read over. A copy of the file keeps it, under whatever name.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use foundation::{config::SANDBOX_MARK, token::SigningKey};

/// The attribute `unstructuredName` of PKCS#9, 1.2.840.113549.1.9.2, as DER.
const UNSTRUCTURED_NAME: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x02,
];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
/// `[0] IMPLICIT Attributes`
const ATTRIBUTES: u8 = 0xa0;

/// The same key with the mark, if it has none. Its id begins with `prefix`.
///
/// # Errors
/// The key has no form that can be marked.
pub fn mark(key: &SigningKey, prefix: &str) -> anyhow::Result<SigningKey> {
    let pem = key.to_pem();
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    let der = STANDARD.decode(body).context("a key that is not base64")?;
    if der
        .windows(SANDBOX_MARK.len())
        .any(|part| part == SANDBOX_MARK.as_bytes())
    {
        return SigningKey::from_pem(&pem, prefix);
    }
    let marked = with_attribute(&der).context("a key that is not PKCS#8")?;
    let text = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(marked)
    );
    SigningKey::from_pem(&text, prefix)
}

/// A PKCS#8 key with the attribute after what is there.
fn with_attribute(der: &[u8]) -> Option<Vec<u8>> {
    // An RSA key is so long that its length takes two bytes.
    let [SEQUENCE, 0x82, high, low, content @ ..] = der else {
        return None;
    };
    if usize::from(u16::from_be_bytes([*high, *low])) != content.len() {
        return None;
    }
    let value = element(SET, &element(UTF8_STRING, SANDBOX_MARK.as_bytes())?)?;
    let attribute = element(SEQUENCE, &[UNSTRUCTURED_NAME, &value].concat())?;
    let content = [content, &element(ATTRIBUTES, &attribute)?].concat();
    let [high, low] = u16::try_from(content.len()).ok()?.to_be_bytes();
    Some([&[SEQUENCE, 0x82, high, low], content.as_slice()].concat())
}

/// An element of DER of fewer than 128 bytes.
fn element(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(content.len()).ok().filter(|n| *n < 0x80)?;
    Some([&[tag, length], content].concat())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeySize;

    use super::*;

    #[test]
    fn a_marked_key_is_the_same_key() {
        let key = SigningKey::generate(KeySize::Rsa2048, "sandbox-").unwrap();
        let marked = mark(&key, "sandbox-").unwrap();
        assert_eq!(marked.kid(), key.kid());
        assert_eq!(marked.private_jwk().unwrap(), key.private_jwk().unwrap());
        assert_ne!(marked.to_pem(), key.to_pem());
    }

    #[test]
    fn a_key_is_marked_once() {
        let key = SigningKey::generate(KeySize::Rsa2048, "").unwrap();
        let marked = mark(&key, "").unwrap();
        assert_eq!(mark(&marked, "").unwrap().to_pem(), marked.to_pem());
    }

    #[test]
    fn a_marked_key_signs() {
        let key = SigningKey::generate(KeySize::Rsa2048, "").unwrap();
        let claims = serde_json::json!({"iss": "a"});
        assert_eq!(
            mark(&key, "").unwrap().sign(&claims, &[]).unwrap(),
            key.sign(&claims, &[]).unwrap()
        );
    }
}
