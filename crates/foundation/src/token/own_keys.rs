//! Keys this service signs with, and what it publishes of them.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::EncodingKey;
use pkcs1::der::Decode as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::KeySet;
use crate::crypto::{base64url, sha256};

/// An RSA key for RS256.
pub struct SigningKey {
    kid: String,
    encoding: EncodingKey,
    public: Value,
    pkcs8: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

impl SigningKey {
    /// Makes a new RSA key of 2048 or 3072 bits. Its id is `prefix` and the RFC 7638 thumbprint.
    ///
    /// # Errors
    /// The generator fails.
    pub fn generate(size: KeySize, prefix: &str) -> anyhow::Result<Self> {
        let pair =
            KeyPair::generate(size).map_err(|_| anyhow::anyhow!("generating an RSA key failed"))?;
        let der = pair
            .as_der()
            .map_err(|_| anyhow::anyhow!("encoding an RSA key failed"))?;
        Self::from_pkcs8(der.as_ref(), prefix)
    }

    /// Reads a PKCS#8 PEM file.
    ///
    /// # Errors
    /// The file cannot be read, holds no RSA key, or one of less than 2048 bits.
    pub fn from_pem_file(path: &Path, prefix: &str) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::from_pem(&text, prefix)
            .with_context(|| format!("{} is not a PKCS#8 RSA key", path.display()))
    }

    /// Reads PKCS#8 PEM text.
    ///
    /// # Errors
    /// As [`SigningKey::from_pem_file`].
    pub fn from_pem(text: &str, prefix: &str) -> anyhow::Result<Self> {
        let body: String = text
            .lines()
            .filter(|l| !l.starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        ensure!(
            text.contains("-----BEGIN PRIVATE KEY-----"),
            "no PKCS#8 header"
        );
        Self::from_pkcs8(&STANDARD.decode(body).context("not base64")?, prefix)
    }

    fn from_pkcs8(der: &[u8], prefix: &str) -> anyhow::Result<Self> {
        let pair =
            KeyPair::from_pkcs8(der).map_err(|_| anyhow::anyhow!("not an RSA key in PKCS#8"))?;
        let public = pkcs1::RsaPublicKey::from_der(pair.public_key().as_ref())
            .map_err(|_| anyhow::anyhow!("not an RSA key"))?;
        let (n, e) = (public.modulus.as_bytes(), public.public_exponent.as_bytes());
        ensure!(n.len() >= 256, "RSA keys need at least 2048 bits");
        let (n, e) = (base64url(n), base64url(e));
        let thumbprint = base64url(sha256(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)));
        let kid = format!("{prefix}{thumbprint}");
        let public =
            json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e});
        let private = pkcs1_of(der)?;
        Ok(Self {
            kid,
            encoding: EncodingKey::from_rsa_der(&private),
            public,
            pkcs8: der.to_vec(),
        })
    }

    /// Key id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The same key under another id, for a client that was registered with it.
    #[must_use]
    pub fn with_kid(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.kid);
        self.public["kid"] = kid.into();
        self
    }

    /// The public half as a JWK.
    #[must_use]
    pub fn public_jwk(&self) -> &Value {
        &self.public
    }

    /// The private key as PKCS#8 PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode(&self.pkcs8);
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(64)
            .filter_map(|c| std::str::from_utf8(c).ok())
            .collect();
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines.join("\n")
        )
    }

    /// The private key as a JWK with all of `n e d p q dp dq qi`.
    ///
    /// # Errors
    /// The key cannot be taken apart.
    pub fn private_jwk(&self) -> anyhow::Result<Value> {
        let der = pkcs1_of(&self.pkcs8)?;
        let key =
            pkcs1::RsaPrivateKey::from_der(&der).map_err(|_| anyhow::anyhow!("not an RSA key"))?;
        let mut jwk = self.public.clone();
        for (name, number) in [
            ("d", key.private_exponent),
            ("p", key.prime1),
            ("q", key.prime2),
            ("dp", key.exponent1),
            ("dq", key.exponent2),
            ("qi", key.coefficient),
        ] {
            jwk[name] = base64url(number.as_bytes()).into();
        }
        Ok(jwk)
    }

    /// Signs claims. Further header members come after `alg`, `typ` and `kid`.
    ///
    /// # Errors
    /// The claims cannot be written, or signing fails.
    pub fn sign(
        &self,
        claims: &impl Serialize,
        extra_header: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": self.kid});
        for (name, value) in extra_header {
            header[*name] = (*value).into();
        }
        let message = format!(
            "{}.{}",
            base64url(header.to_string()),
            base64url(serde_json::to_vec(claims)?)
        );
        let signature = jsonwebtoken::crypto::sign(
            message.as_bytes(),
            &self.encoding,
            jsonwebtoken::Algorithm::RS256,
        )?;
        Ok(format!("{message}.{signature}"))
    }
}

/// The PKCS#1 key inside a PKCS#8 envelope, which the JWT library wants.
fn pkcs1_of(der: &[u8]) -> anyhow::Result<Vec<u8>> {
    let info = pkcs8::PrivateKeyInfo::try_from(der).map_err(|_| anyhow::anyhow!("not PKCS#8"))?;
    Ok(info.private_key.to_vec())
}

/// Our own issuer's keys: the first one signs, all verify.
#[derive(Debug)]
pub struct OwnKeys {
    keys: Vec<SigningKey>,
    set: Arc<KeySet>,
    document: Value,
}

impl OwnKeys {
    /// Newest first, at most four.
    ///
    /// # Errors
    /// None, or too many.
    pub fn new(keys: Vec<SigningKey>) -> anyhow::Result<Self> {
        ensure!(
            (1..=4).contains(&keys.len()),
            "one to four signing keys are needed"
        );
        let document =
            json!({"keys": keys.iter().map(|k| k.public_jwk().clone()).collect::<Vec<_>>()});
        Ok(Self {
            set: Arc::new(KeySet::read(&document)),
            keys,
            document,
        })
    }

    /// What verifies.
    #[must_use]
    pub fn key_set(&self) -> &Arc<KeySet> {
        &self.set
    }

    /// What is published.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Ids of all of them, the one that signs first.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(SigningKey::kid)
    }

    /// What signs.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.keys[0]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::{SignatureAlgorithm, parse, verify::verifies};

    /// A token that the first of these keys signs.
    fn signed(keys: &OwnKeys) -> String {
        let claims = json!({"iss": "us", "exp": 4_000_000_000_i64});
        keys.signing_key().sign(&claims, &[]).unwrap()
    }

    fn is_taken(keys: &OwnKeys, token: &str) -> bool {
        let token = parse(token, 8_192).unwrap();
        let key = token.kid.as_deref().and_then(|kid| keys.key_set().get(kid));
        key.is_some_and(|key| verifies(&token, &key, SignatureAlgorithm::RS256).is_ok())
    }

    #[test]
    fn at_each_step_of_a_rotation_every_instance_takes_the_tokens_of_every_other() {
        let pems = [(); 2].map(|()| SigningKey::generate(KeySize::Rsa2048, "").unwrap().to_pem());
        let keys = |order: &[usize]| {
            let keys = order
                .iter()
                .map(|n| SigningKey::from_pem(&pems[*n], "").unwrap());
            OwnKeys::new(keys.collect()).unwrap()
        };
        let steps = [keys(&[0]), keys(&[0, 1]), keys(&[1, 0])];
        for pair in steps.windows(2) {
            let [before, after] = pair else { continue };
            assert!(is_taken(after, &signed(before)) && is_taken(before, &signed(after)));
        }
        assert!(
            !is_taken(&steps[0], &signed(&steps[2])),
            "the step between is needed"
        );
        assert!(
            !is_taken(&keys(&[1]), &signed(&steps[0])),
            "the old key is gone"
        );
    }
}
