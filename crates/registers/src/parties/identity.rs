//! Identity numbers at rest: a keyed blind index to find a person by, and the number encrypted.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};

use foundation::ids::NationalId;

/// The keys for identity numbers.
pub struct IdentityKeys {
    index: hmac::Key,
    cipher: RandomizedNonceKey,
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
}

/// Which key a value was encrypted with, stored in front of it.
const KEY_ID: u8 = 1;

impl IdentityKeys {
    /// Keys from their material, 32 bytes each.
    ///
    /// # Errors
    /// Key material of the wrong length.
    pub fn new(index: &[u8], cipher: &[u8]) -> Result<Self, IdentityKeysError> {
        let cipher = cipher
            .get(..32)
            .and_then(|k| RandomizedNonceKey::new(&AES_256_GCM, k).ok())
            .ok_or(IdentityKeysError::Crypto)?;
        Ok(Self {
            index: hmac::Key::new(hmac::HMAC_SHA256, index),
            cipher,
        })
    }

    /// Value of the blind index: equal numbers give equal values, nobody without the key can
    /// compute them.
    #[must_use]
    pub fn index(&self, id: &NationalId) -> Vec<u8> {
        hmac::sign(&self.index, id.expose().as_bytes())
            .as_ref()
            .to_vec()
    }

    /// Signs something of ours that outsiders carry about. `purpose` keeps signatures for different
    /// uses apart, from each other and from identity numbers.
    #[must_use]
    pub fn sign(&self, purpose: &str, payload: &[u8]) -> Vec<u8> {
        hmac::sign(&self.index, &labelled(purpose, payload))
            .as_ref()
            .to_vec()
    }

    /// Whether we signed it for this purpose.
    #[must_use]
    pub fn is_signed(&self, purpose: &str, payload: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.index, &labelled(purpose, payload), signature).is_ok()
    }

    /// The number, encrypted: key id, nonce, ciphertext.
    ///
    /// # Errors
    /// The primitive refuses.
    pub fn encrypt(&self, id: &NationalId) -> Result<Vec<u8>, IdentityKeysError> {
        let mut sealed = id.expose().as_bytes().to_vec();
        let nonce = self
            .cipher
            .seal_in_place_append_tag(Aad::empty(), &mut sealed)
            .map_err(|_| IdentityKeysError::Crypto)?;
        let mut out = vec![KEY_ID];
        out.extend_from_slice(nonce.as_ref());
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// The number out of what [`IdentityKeys::encrypt`] made.
    ///
    /// # Errors
    /// It was made with another key, or changed.
    pub fn decrypt(&self, stored: &[u8]) -> Result<NationalId, IdentityKeysError> {
        let (nonce, sealed) = stored
            .strip_prefix(&[KEY_ID])
            .and_then(|rest| rest.split_at_checked(NONCE_LEN))
            .ok_or(IdentityKeysError::Crypto)?;
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_| IdentityKeysError::Crypto)?;
        let mut buffer = sealed.to_vec();
        let plain = self
            .cipher
            .open_in_place(nonce, Aad::empty(), &mut buffer)
            .map_err(|_| IdentityKeysError::Crypto)?;
        std::str::from_utf8(plain)
            .ok()
            .and_then(|t| NationalId::parse(t).ok())
            .ok_or(IdentityKeysError::Crypto)
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
}
