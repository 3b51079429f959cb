//! Looking at every key file.

use std::{
    collections::HashMap,
    fs,
    io::{ErrorKind, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pkcs1::der::Decode as _;
use serde_json::Value;

use super::{
    fault::{KeyFault, KeyFileFinding},
    randomness,
};
use crate::{
    config::{
        Profile, SANDBOX_FOLDER_MARK, SANDBOX_MARK, Settings, key_material, without_comments,
    },
    crypto::{base64url, hex, sha256, unbase64},
    token::{KeySet, SigningKey},
};

/// Larger than any key or key set that we take.
const MAX_BYTES: u64 = 256 * 1024;
/// Fewest bits of an RSA modulus.
const MIN_RSA_BITS: usize = 2048;
/// Fewest bytes of a key of random bytes.
const MIN_BYTES: usize = 32;
/// Begins the id of every key that a sandbox signs with.
const SANDBOX_KID: &str = "sandbox-";

/// Thumbprints (RFC 7638) of RSA keys whose private half is printed: RFC 7515 (A.2), RFC 7517 (A.2),
/// RFC 9500 (2.1), and the example of the debugger that newcomers try first.
const PRINTED_RSA: &[&str] = &[
    "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8",
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "Fa5JHFzFB8yHv0Dk3rGTgtCQPXPr3q8midyfylf8CUU",
    "oGDmHqCJ7yzMkWEkrlZVHkvrHIyQwtlDmeq5ForUHeY",
];

/// What a file must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyFileForm {
    /// A private RSA key.
    Rsa,
    /// Random bytes.
    Random,
    /// Public keys of another issuer.
    KeySet,
}

/// A key file that the settings name.
#[derive(Debug)]
struct NamedKeyFile<'s> {
    setting: String,
    path: &'s Path,
    form: KeyFileForm,
}

/// Every key file of the settings, each with what it must hold.
fn named(settings: &Settings) -> Vec<NamedKeyFile<'_>> {
    fn one<'s>(setting: &str, path: &'s Path, form: KeyFileForm) -> NamedKeyFile<'s> {
        let setting = setting.to_owned();
        NamedKeyFile {
            setting,
            path,
            form,
        }
    }
    let signing = settings.tokens.signing_keys.iter().enumerate();
    let signing = signing.map(|(number, path)| NamedKeyFile {
        setting: format!("tokens.signing_keys, file {}", number + 1),
        path,
        form: KeyFileForm::Rsa,
    });
    let keys = &settings.keys;
    let login = settings.idporten.key_file.as_deref();
    let login = login.map(|path| one("idporten.key_file", path, KeyFileForm::Rsa));
    let random = [
        ("keys.blind_index", &keys.blind_index),
        ("keys.person_id", &keys.person_id),
        ("keys.audit_checkpoints", &keys.audit_checkpoints),
    ];
    let random = random.into_iter().flat_map(|(setting, paths)| {
        paths.iter().enumerate().map(move |(number, path)| {
            let setting = match number {
                0 => setting.to_owned(),
                before => format!("{setting}, file {}", before + 1),
            };
            one(&setting, path, KeyFileForm::Random)
        })
    });
    let platform = settings.platform_tokens.keys.iter().map(|(name, path)| {
        one(
            &format!("platform_tokens.keys.{name}"),
            path,
            KeyFileForm::KeySet,
        )
    });
    signing.chain(login).chain(random).chain(platform).collect()
}

/// Looks at every key file that the settings name. Outside production a file must be readable, hold
/// what it should, and be no sandbox's.
#[must_use]
pub fn inspect(settings: &Settings) -> Vec<KeyFileFinding> {
    let is_prod = settings.server.profile == Profile::Prod;
    let mut findings = Vec::new();
    let mut known: HashMap<String, String> = HashMap::new();
    for file in named(settings) {
        let mut faults = Vec::new();
        let ids = look(&file, is_prod, &mut faults);
        if is_prod {
            for id in ids {
                let first = known.entry(id).or_insert_with(|| file.setting.clone());
                if *first != file.setting {
                    faults.push(KeyFault::Shared {
                        other: first.clone(),
                    });
                }
            }
        }
        faults.dedup();
        findings.extend(faults.into_iter().map(|fault| KeyFileFinding {
            setting: file.setting.clone(),
            fault,
        }));
    }
    findings
}

/// Looks at one file. Gives what its keys are known by.
fn look(file: &NamedKeyFile<'_>, is_prod: bool, faults: &mut Vec<KeyFault>) -> Vec<String> {
    let (text, mode) = match read(file.path) {
        Ok(found) => found,
        Err(fault) => {
            faults.push(fault);
            return Vec::new();
        }
    };
    if is_prod {
        faults.extend(rights(file.form, mode));
    }
    if text.contains(SANDBOX_MARK) || is_in_sandbox(file.path) {
        faults.push(KeyFault::OfSandbox);
        return Vec::new();
    }
    let keys = match file.form {
        KeyFileForm::Rsa => rsa(&text).map(|id| vec![id]),
        KeyFileForm::Random => random(&text, is_prod).map(|id| vec![id]),
        KeyFileForm::KeySet => key_set(&text),
    };
    keys.unwrap_or_else(|fault| {
        faults.push(fault);
        Vec::new()
    })
}

/// Text and rights of a file, of one and the same.
fn read(path: &Path) -> Result<(String, u32), KeyFault> {
    let unread = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => KeyFault::Missing,
        ErrorKind::InvalidData => KeyFault::NotText,
        kind => KeyFault::Unread(kind),
    };
    // Opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unread)?.is_file() {
        return Err(KeyFault::NotAFile);
    }
    let file = fs::File::open(path).map_err(unread)?;
    let metadata = file.metadata().map_err(unread)?;
    if !metadata.is_file() {
        return Err(KeyFault::NotAFile);
    }
    if metadata.len() > MAX_BYTES {
        return Err(KeyFault::TooLarge);
    }
    let mut text = String::new();
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(unread)?;
    Ok((text, metadata.permissions().mode() & 0o7777))
}

fn rights(form: KeyFileForm, mode: u32) -> Option<KeyFault> {
    match form {
        KeyFileForm::Rsa | KeyFileForm::Random => {
            (mode & 0o077 != 0).then_some(KeyFault::Exposed { mode })
        }
        KeyFileForm::KeySet => (mode & 0o022 != 0).then_some(KeyFault::Writable { mode }),
    }
}

/// Whether a file is below the folder of a sandbox, by whatever links it is reached.
fn is_in_sandbox(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| {
        path.ancestors()
            .skip(1)
            .any(|folder| folder.join(SANDBOX_FOLDER_MARK).exists())
    })
}

/// The key of a PEM text, known by its thumbprint.
fn rsa(text: &str) -> Result<String, KeyFault> {
    let der = pkcs8(text).ok_or(KeyFault::NotRsa)?;
    if contains(&der, SANDBOX_MARK.as_bytes()) {
        return Err(KeyFault::OfSandbox);
    }
    let bits = rsa_bits(&der).ok_or(KeyFault::NotRsa)?;
    if bits < MIN_RSA_BITS {
        return Err(KeyFault::ShortRsa { bits });
    }
    // The same code as at the start decides whether it can be used.
    let key = SigningKey::from_pem(text, "").map_err(|_| KeyFault::NotRsa)?;
    if PRINTED_RSA.contains(&key.kid()) {
        return Err(KeyFault::Sample);
    }
    Ok(key.kid().to_owned())
}

/// The text between the two lines of PKCS#8.
fn pkcs8(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok()
}

fn rsa_bits(der: &[u8]) -> Option<usize> {
    let info = pkcs8::PrivateKeyInfo::try_from(der).ok()?;
    let key = pkcs1::RsaPrivateKey::from_der(info.private_key).ok()?;
    let modulus = key.modulus.as_bytes();
    Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A key of random bytes, known by its digest.
fn random(text: &str, is_prod: bool) -> Result<String, KeyFault> {
    let key = key_material(text).ok_or(KeyFault::NotEncoded)?;
    if contains(&key, SANDBOX_MARK.as_bytes()) {
        return Err(KeyFault::OfSandbox);
    }
    if key.len() < MIN_BYTES {
        return Err(KeyFault::Short { bytes: key.len() });
    }
    if is_prod {
        if randomness::is_printed(&key) {
            return Err(KeyFault::Sample);
        }
        if let Some(pattern) = randomness::pattern(&key, &without_comments(text)) {
            return Err(KeyFault::NotRandom(pattern));
        }
    }
    Ok(hex(&sha256(&key)))
}

/// The keys of a key set, each known by its thumbprint.
fn key_set(text: &str) -> Result<Vec<String>, KeyFault> {
    let document: Value = serde_json::from_str(text).map_err(|_| KeyFault::NoKeySet)?;
    if KeySet::read(&document).is_empty() {
        return Err(KeyFault::NoKeySet);
    }
    let entries = document
        .get("keys")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_of_sandbox = |entry: &Value| {
        entry
            .get("kid")
            .and_then(Value::as_str)
            .is_some_and(|kid| kid.starts_with(SANDBOX_KID))
    };
    if entries.iter().any(is_of_sandbox) {
        return Err(KeyFault::OfSandbox);
    }
    let ids: Vec<String> = entries.iter().filter_map(thumbprint).collect();
    if ids.iter().any(|id| PRINTED_RSA.contains(&id.as_str())) {
        return Err(KeyFault::Sample);
    }
    Ok(ids)
}

/// Thumbprint (RFC 7638) of a public RSA key, as [`SigningKey::kid`] has it.
fn thumbprint(entry: &Value) -> Option<String> {
    let number = |name: &str| {
        let bytes = unbase64(entry.get(name)?.as_str()?)?;
        let start = bytes.iter().position(|byte| *byte != 0)?;
        Some(base64url(&bytes[start..]))
    };
    let (n, e) = (number("n")?, number("e")?);
    Some(base64url(sha256(format!(
        r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#
    ))))
}
