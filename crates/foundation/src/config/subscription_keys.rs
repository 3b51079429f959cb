//! Subscription keys: secrets by which the platform's own parts ask for decisions. Settings hold
//! their SHA-256 hashes, so that a reader of the settings cannot use the keys.

use aws_lc_rs::rand;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::{Choice, ConstantTimeEq as _};

use crate::crypto::{base64url, hex, sha256};

/// Bytes of a key that this program makes.
const KEY_BYTES: usize = 32;

/// A new key, and what settings hold of it.
pub struct NewSubscriptionKey {
    /// 256 random bits in base64url, 43 characters: what a client sends.
    pub key: SecretString,
    /// Its SHA-256 in hex, for `pdp.subscription_keys`.
    pub hash: String,
}

impl NewSubscriptionKey {
    /// Makes a key with the randomness of the operating system.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> anyhow::Result<Self> {
        let mut bytes = [0; KEY_BYTES];
        rand::fill(&mut bytes)
            .map_err(|_| anyhow::anyhow!("the operating system gives no random bytes"))?;
        let key = base64url(bytes);
        Ok(Self {
            hash: hex(&sha256(&key)),
            key: key.into(),
        })
    }
}

/// The keys that are taken.
#[derive(Clone, Default)]
pub struct SubscriptionKeys(Vec<[u8; 32]>);

impl std::fmt::Debug for SubscriptionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubscriptionKeys({})", self.0.len())
    }
}

impl SubscriptionKeys {
    /// Out of settings: an entry of 64 hex digits is the hash of a key, any other the key itself.
    #[must_use]
    pub fn of(entries: &[SecretString]) -> Self {
        let hash_of = |entry: &SecretString| {
            let text = entry.expose_secret();
            parse_hash(text).unwrap_or_else(|| sha256(text))
        };
        Self(entries.iter().map(hash_of).collect())
    }

    /// What each key is known by: the first 8 hex digits of the hash of its hash.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let id = |hash: &[u8; 32]| hex(&sha256(hash)[..4]);
        self.0.iter().map(id).collect()
    }

    /// None is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of the keys. The time it takes does not depend on them.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let given = sha256(key);
        let any = self
            .0
            .iter()
            .fold(Choice::from(0), |any, hash| any | hash.ct_eq(&given));
        any.into()
    }
}

/// A SHA-256 in hex.
fn parse_hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// What is wrong with an entry in production; none when it is the hash of a key of some strength.
pub(super) fn weakness(entry: &SecretString) -> Option<&'static str> {
    let Some(hash) = parse_hash(entry.expose_secret()) else {
        return Some("is a key in clear");
    };
    if hash.iter().all(|byte| *byte == hash[0]) {
        return Some("is a placeholder and no hash");
    }
    is_hash_of_sample(&hash).then_some("is the hash of a key that can be guessed")
}

/// Keys that are found by trying: well-known samples, and everything of at most two characters.
fn is_hash_of_sample(hash: &[u8; 32]) -> bool {
    const SAMPLES: &[&str] = &[
        "",
        "changeme",
        "default",
        "dummy",
        "example",
        "first-key",
        "key",
        "password",
        "postgres",
        "sample",
        "sandbox",
        "secret",
        "subscription-key",
        "subscriptionkey",
        "systembruker",
        "test",
        "test-key",
        "00000000000000000000000000000000",
        "12345678",
        "123456789",
        "1234567890",
    ];
    let printable = || (b' '..=b'~').map(char::from);
    let ones = printable().map(String::from);
    let twos = printable().flat_map(|a| printable().map(move |b| String::from_iter([a, b])));
    let samples = SAMPLES.iter().map(|sample| (*sample).to_owned());
    samples
        .chain(ones)
        .chain(twos)
        .any(|sample| sha256(sample) == *hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(entries: &[&str]) -> SubscriptionKeys {
        let entries: Vec<SecretString> = entries.iter().map(|e| (*e).into()).collect();
        SubscriptionKeys::of(&entries)
    }

    #[test]
    fn a_new_key_is_known_by_its_hash() {
        let new = NewSubscriptionKey::generate().unwrap();
        assert_eq!(new.key.expose_secret().len(), 43);
        let keys = keys(&["another", &new.hash]);
        assert!(keys.contains(new.key.expose_secret().as_bytes()));
        assert!(!keys.contains(new.hash.as_bytes()));
    }

    #[test]
    fn two_new_keys_differ() {
        let (one, other) = (
            NewSubscriptionKey::generate().unwrap(),
            NewSubscriptionKey::generate().unwrap(),
        );
        assert_ne!(one.hash, other.hash);
    }

    #[test]
    fn a_hash_in_capitals_is_the_same_hash() {
        let hash = hex(&sha256("a-key")).to_uppercase();
        assert!(keys(&[&hash]).contains(b"a-key"));
    }

    #[test]
    fn nothing_is_contained_in_nothing() {
        assert!(keys(&[]).is_empty() && !keys(&[]).contains(b""));
    }
}
