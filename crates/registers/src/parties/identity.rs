//! Identity numbers at rest: a keyed blind index to find a person by, and the number encrypted.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};

use foundation::{
    crypto::{hex, sha256},
    ids::NationalId,
};

/// The keys for identity numbers. The first of each kind writes; those before it are read, while what
/// they wrote is brought to the first one ([`super::rekey`]).
pub struct IdentityKeys {
    index: IndexKey,
    earlier_indexes: Vec<IndexKey>,
    cipher: CipherKey,
    earlier_ciphers: Vec<CipherKey>,
}

struct IndexKey {
    id: String,
    key: hmac::Key,
}

struct CipherKey {
    id: [u8; KEY_ID_BYTES],
    key: RandomizedNonceKey,
}

impl std::fmt::Debug for IdentityKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityKeys")
    }
}

/// Why keys or numbers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityKeysError {
    /// The primitive refused.
    #[error("encryption failed")]
    Crypto,
    /// There is no key for one of the purposes.
    #[error("a key for identity numbers is missing")]
    Missing,
}

/// Begins a value that names no key, as earlier releases wrote it.
const WITHOUT_KEY_ID: u8 = 1;
/// Begins a value that names its key.
const WITH_KEY_ID: u8 = 2;
/// Bytes of the id of a key.
const KEY_ID_BYTES: usize = 4;

impl IndexKey {
    fn new(material: &[u8]) -> Self {
        Self {
            id: hex(&key_id("blind index", material)),
            key: hmac::Key::new(hmac::HMAC_SHA256, material),
        }
    }

    fn of(&self, id: &NationalId) -> Vec<u8> {
        hmac::sign(&self.key, id.expose().as_bytes())
            .as_ref()
            .to_vec()
    }
}

impl CipherKey {
    fn new(material: &[u8]) -> Result<Self, IdentityKeysError> {
        let key = material
            .get(..32)
            .and_then(|k| RandomizedNonceKey::new(&AES_256_GCM, k).ok())
            .ok_or(IdentityKeysError::Crypto)?;
        Ok(Self {
            id: key_id("person id", material),
            key,
        })
    }

    /// The number out of nonce and ciphertext.
    fn open(&self, sealed: &[u8]) -> Option<NationalId> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = sealed.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::empty(), &mut buffer)
            .ok()?;
        NationalId::parse(std::str::from_utf8(plain).ok()?).ok()
    }
}

/// What a key is known by. It says nothing about the key.
fn key_id(purpose: &str, material: &[u8]) -> [u8; KEY_ID_BYTES] {
    let hash = sha256([b"id of a key for ", purpose.as_bytes(), b"\0", material].concat());
    let mut id = [0; KEY_ID_BYTES];
    id.copy_from_slice(&hash[..KEY_ID_BYTES]);
    id
}

impl IdentityKeys {
    /// Keys from their material, 32 bytes each.
    ///
    /// # Errors
    /// Key material of the wrong length.
    pub fn new(index: &[u8], cipher: &[u8]) -> Result<Self, IdentityKeysError> {
        Self::with_earlier(&[index.to_vec()], &[cipher.to_vec()])
    }

    /// Keys from the material of several: the present one first, then those before it.
    ///
    /// # Errors
    /// Key material of the wrong length, or none.
    pub fn with_earlier(
        indexes: &[Vec<u8>],
        ciphers: &[Vec<u8>],
    ) -> Result<Self, IdentityKeysError> {
        let mut indexes = indexes.iter().map(|material| IndexKey::new(material));
        let mut ciphers = ciphers.iter().map(|material| CipherKey::new(material));
        Ok(Self {
            index: indexes.next().ok_or(IdentityKeysError::Missing)?,
            earlier_indexes: indexes.collect(),
            cipher: ciphers.next().ok_or(IdentityKeysError::Missing)??,
            earlier_ciphers: ciphers.collect::<Result<_, _>>()?,
        })
    }

    /// Ids of the keys of the blind index, the present one first.
    #[must_use]
    pub fn index_ids(&self) -> Vec<String> {
        self.indexes().map(|key| key.id.clone()).collect()
    }

    /// Ids of the keys that encrypt, the present one first.
    #[must_use]
    pub fn cipher_ids(&self) -> Vec<String> {
        let all = std::iter::once(&self.cipher).chain(&self.earlier_ciphers);
        all.map(|key| hex(&key.id)).collect()
    }

    fn indexes(&self) -> impl Iterator<Item = &IndexKey> {
        std::iter::once(&self.index).chain(&self.earlier_indexes)
    }

    /// Value of the blind index: equal numbers give equal values. Without the key they cannot
    /// be computed.
    #[must_use]
    pub fn index(&self, id: &NationalId) -> Vec<u8> {
        self.index.of(id)
    }

    /// Values of the blind index by the keys that are not the present one: by them the person is
    /// found while instances disagree on which key that is.
    #[must_use]
    pub fn earlier_indexes(&self, id: &NationalId) -> Vec<Vec<u8>> {
        self.earlier_indexes.iter().map(|key| key.of(id)).collect()
    }

    /// Value of the blind index by each key, with the id of the key, the present one first.
    pub fn indexes_by_id(&self, id: &NationalId) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.indexes().map(|key| (&*key.id, key.of(id)))
    }

    /// How a value begins that was encrypted with the key of this id.
    #[must_use]
    pub fn beginning_of(id: &str) -> Option<Vec<u8>> {
        let id = u32::from_str_radix(id, 16).ok()?.to_be_bytes();
        let beginning: [u8; 1 + KEY_ID_BYTES] = [WITH_KEY_ID, id[0], id[1], id[2], id[3]];
        Some(beginning.to_vec())
    }

    /// Signs something of ours that outsiders carry about. `purpose` keeps signatures for different
    /// uses apart, from each other and from identity numbers.
    #[must_use]
    pub fn sign(&self, purpose: &str, payload: &[u8]) -> Vec<u8> {
        hmac::sign(&self.index.key, &labelled(purpose, payload))
            .as_ref()
            .to_vec()
    }

    /// Whether we signed it for this purpose, with the present key or one before it.
    #[must_use]
    pub fn is_signed(&self, purpose: &str, payload: &[u8], signature: &[u8]) -> bool {
        let signed = labelled(purpose, payload);
        self.indexes()
            .any(|key| hmac::verify(&key.key, &signed, signature).is_ok())
    }

    /// The number, encrypted with the present key: 2, id of the key, nonce, ciphertext.
    ///
    /// # Errors
    /// The primitive refuses.
    pub fn encrypt(&self, id: &NationalId) -> Result<Vec<u8>, IdentityKeysError> {
        let mut sealed = id.expose().as_bytes().to_vec();
        let nonce = self
            .cipher
            .key
            .seal_in_place_append_tag(Aad::empty(), &mut sealed)
            .map_err(|_| IdentityKeysError::Crypto)?;
        let mut out = vec![WITH_KEY_ID];
        out.extend_from_slice(&self.cipher.id);
        out.extend_from_slice(nonce.as_ref());
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Whether a value was encrypted with the present key.
    #[must_use]
    pub fn is_present(&self, stored: &[u8]) -> bool {
        let rest = stored.strip_prefix(&[WITH_KEY_ID]);
        rest.is_some_and(|rest| rest.starts_with(&self.cipher.id))
    }

    /// The number out of what [`IdentityKeys::encrypt`] made, with the present key or one before it.
    ///
    /// # Errors
    /// It was made with another key, or changed.
    pub fn decrypt(&self, stored: &[u8]) -> Result<NationalId, IdentityKeysError> {
        let mut keys = std::iter::once(&self.cipher).chain(&self.earlier_ciphers);
        let opened = match stored.split_first() {
            Some((&WITH_KEY_ID, rest)) => keys
                .find_map(|key| Some((key, rest.strip_prefix(&key.id)?)))
                .and_then(|(key, sealed)| key.open(sealed)),
            Some((&WITHOUT_KEY_ID, sealed)) => keys.find_map(|key| key.open(sealed)),
            _ => None,
        };
        opened.ok_or(IdentityKeysError::Crypto)
    }
}

fn labelled(purpose: &str, payload: &[u8]) -> Vec<u8> {
    [b"signed for ", purpose.as_bytes(), b"\0", payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_comes_back_and_looks_different_each_time() {
        let keys = IdentityKeys::new(&[1; 32], &[2; 32]).unwrap();
        let id = NationalId::parse("11859024884").unwrap();
        let (a, b) = (keys.encrypt(&id).unwrap(), keys.encrypt(&id).unwrap());
        assert_ne!(a, b);
        assert_eq!(keys.decrypt(&a).unwrap(), id);
        assert_eq!(keys.index(&id), keys.index(&id));
        assert!(keys.decrypt(&a[1..]).is_err());
    }

    fn keys(index: &[u8], cipher: &[u8]) -> IdentityKeys {
        let material = |numbers: &[u8]| numbers.iter().map(|n| vec![*n; 32]).collect::<Vec<_>>();
        IdentityKeys::with_earlier(&material(index), &material(cipher)).unwrap()
    }

    #[test]
    fn what_the_key_before_encrypted_is_read_and_known_to_be_of_it() {
        let id = NationalId::parse("11859024884").unwrap();
        let (before, during) = (keys(&[1], &[2]), keys(&[1], &[3, 2]));
        let stored = before.encrypt(&id).unwrap();
        assert_eq!(during.decrypt(&stored).unwrap(), id);
        assert!(before.is_present(&stored) && !during.is_present(&stored));
        assert!(keys(&[1], &[3]).decrypt(&stored).is_err());
        assert!(before.decrypt(&during.encrypt(&id).unwrap()).is_err());
    }

    #[test]
    fn a_value_of_an_earlier_release_names_no_key_and_is_read_with_any() {
        let id = NationalId::parse("11859024884").unwrap();
        let mut stored = keys(&[1], &[2]).encrypt(&id).unwrap();
        stored.splice(..=KEY_ID_BYTES, [WITHOUT_KEY_ID]);
        for ciphers in [&[2][..], &[3, 2], &[2, 3]] {
            let keys = keys(&[1], ciphers);
            assert_eq!(keys.decrypt(&stored).unwrap(), id);
            assert!(!keys.is_present(&stored));
        }
    }

    #[test]
    fn what_the_key_before_signed_is_taken() {
        let signature = keys(&[1], &[2]).sign("x", b"y");
        assert!(keys(&[3, 1], &[2]).is_signed("x", b"y", &signature));
        assert!(!keys(&[3], &[2]).is_signed("x", b"y", &signature));
    }

    #[test]
    fn a_number_has_an_index_by_each_key() {
        let id = NationalId::parse("11859024884").unwrap();
        let (before, during) = (keys(&[1], &[2]), keys(&[3, 1], &[2]));
        assert_eq!(during.earlier_indexes(&id), [before.index(&id)]);
        assert_eq!(during.index_ids()[1..], before.index_ids());
    }
}
