//! Keys of the sandbox: made at the first start, kept in its folder, readable by its owner only, and
//! marked as its own ([`SANDBOX_MARK`]), so that no copy of one gets into a real installation.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::mark;
use foundation::{
    audit::CheckpointKey,
    config::{SANDBOX_FOLDER_MARK, SANDBOX_MARK, without_comments},
    crypto::{base64url, random_text, sha256, unbase64url},
    token::{KeySet, OwnKeys, SigningKey},
};
use registers::parties::IdentityKeys;

/// Prefix of the id of every key the sandbox signs with. No other profile takes such a key.
pub const KID_PREFIX: &str = "sandbox-";

/// Every key of a sandbox.
#[derive(Debug)]
pub struct SandboxKeys {
    /// The local Maskinporten's.
    pub maskinporten: Arc<OwnKeys>,
    /// The local ID-porten's.
    pub idporten: Arc<OwnKeys>,
    /// The test-token generator's key for `env=none`.
    pub none: Arc<EcKey>,
    /// For pairwise subject identifiers.
    pub subject_secret: Vec<u8>,
}

/// Keys of the service itself, which a sandbox makes up.
#[derive(Debug)]
pub struct ServiceKeys {
    /// Signs exchanged tokens.
    pub own_keys: Arc<OwnKeys>,
    /// For identity numbers.
    pub identity: Arc<IdentityKeys>,
    /// Signs checkpoints of the audit trail.
    pub checkpoint_key: CheckpointKey,
    /// Key of the service's client at ID-porten.
    pub login_key: SigningKey,
}

/// A P-256 key for ES256.
pub struct EcKey {
    kid: String,
    encoding: EncodingKey,
    public: Value,
}

impl std::fmt::Debug for EcKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EcKey({})", self.kid)
    }
}

impl EcKey {
    fn load(path: &Path) -> anyhow::Result<Self> {
        let stored = commented(path, || {
            let der = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &SystemRandom::new(),
            )
            .map_err(|_| anyhow::anyhow!("generating an EC key failed"))?;
            Ok(base64url(der.as_ref()))
        })?;
        let der = unbase64url(&stored).with_context(|| format!("{} is damaged", path.display()))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|_| anyhow::anyhow!("{} is damaged", path.display()))?;
        let point = pair.public_key().as_ref();
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..65]));
        let thumbprint = base64url(sha256(format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#
        )));
        let kid = format!("{KID_PREFIX}{thumbprint}");
        let public = json!({"kty": "EC", "use": "sig", "alg": "ES256", "kid": kid, "crv": "P-256", "x": x, "y": y});
        Ok(Self {
            kid,
            encoding: EncodingKey::from_ec_der(&der),
            public,
        })
    }

    /// The public half, as a key set.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({"keys": [self.public]})
    }

    /// What verifies.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        KeySet::read(&self.document())
    }

    /// Signs claims.
    ///
    /// # Errors
    /// Signing fails.
    pub fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.kid, "x5c": self.kid});
        let message = format!(
            "{}.{}",
            base64url(header.to_string()),
            base64url(claims.to_string())
        );
        let signature = jsonwebtoken::crypto::sign(
            message.as_bytes(),
            &self.encoding,
            jsonwebtoken::Algorithm::ES256,
        )?;
        Ok(format!("{message}.{signature}"))
    }
}

impl SandboxKeys {
    /// Reads the keys of a sandbox's folder, making those that are not there yet, and the secrets
    /// of the service.
    ///
    /// # Errors
    /// A file cannot be read or written, or is damaged.
    pub fn load(dir: &Path) -> anyhow::Result<(Self, ServiceKeys)> {
        let keys = dir.join("keys");
        fs::create_dir_all(&keys).with_context(|| format!("creating {}", keys.display()))?;
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o700))?;
        mark_folder(dir)?;
        let own = |name: &str| -> anyhow::Result<Arc<OwnKeys>> {
            Ok(Arc::new(OwnKeys::new(vec![rsa_key(
                &keys.join(name),
                KID_PREFIX,
            )?])?))
        };
        let secret = |name: &str| -> anyhow::Result<Vec<u8>> {
            let text = commented(&keys.join(name), || Ok(random_text(32)))?;
            unbase64url(&text).with_context(|| format!("{name} is damaged"))
        };
        let secrets = ServiceKeys {
            own_keys: own("altinn.pem")?,
            identity: Arc::new(IdentityKeys::new(
                &secret("blind-index")?,
                &secret("person-id")?,
            )?),
            checkpoint_key: CheckpointKey::new(&secret("audit-checkpoints")?)?,
            login_key: rsa_key(&keys.join("login-client.pem"), KID_PREFIX)?,
        };
        let sandbox = Self {
            maskinporten: own("maskinporten.pem")?,
            idporten: own("idporten.pem")?,
            none: Arc::new(EcKey::load(&keys.join("none.key"))?),
            subject_secret: secret("subject")?,
        };
        Ok((sandbox, secrets))
    }
}

/// The RSA key of a file, made when there is none. A key from before there was a mark gets it.
///
/// # Errors
/// The file cannot be read or written, or is damaged.
pub fn rsa_key(path: &Path, prefix: &str) -> anyhow::Result<SigningKey> {
    let stored = match read(path)? {
        Some(text) => SigningKey::from_pem(&text, prefix)
            .with_context(|| format!("{} is damaged", path.display()))?,
        None => SigningKey::generate(KeySize::Rsa2048, prefix)?,
    };
    let marked = mark::mark(&stored, prefix)?;
    if marked.to_pem() != stored.to_pem() || !path.exists() {
        write_private(path, &marked.to_pem())?;
    }
    Ok(marked)
}

/// A new RSA key, marked as a sandbox's.
///
/// # Errors
/// The generator fails.
pub fn new_rsa_key() -> anyhow::Result<SigningKey> {
    mark::mark(&SigningKey::generate(KeySize::Rsa2048, "")?, "")
}

/// The text of a file without its comments, made when there is none. A comment says whose it is.
fn commented(path: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<String> {
    let stored = read(path)?;
    let is_marked = stored
        .as_ref()
        .is_some_and(|text| text.contains(SANDBOX_MARK));
    let text = match stored {
        Some(text) => without_comments(&text),
        None => make()?,
    };
    if !is_marked {
        write_private(
            path,
            &format!("# {SANDBOX_MARK}: `systembruker serve` does not start with it\n{text}\n"),
        )?;
    }
    Ok(text)
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Says what the folder is, to people and to `systembruker serve`.
fn mark_folder(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join(SANDBOX_FOLDER_MARK);
    if !path.exists() {
        fs::write(
            &path,
            "The folder of a systembruker sandbox. Its keys are known to all who run it, and no real installation takes them.\n",
        )
        .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Writes a file that only its owner can read. What was there is replaced as a whole.
///
/// # Errors
/// The file cannot be written.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&draft, path).with_context(|| format!("writing {}", path.display()))
}
