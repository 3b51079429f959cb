//! The files of Altinn's built front end, which take the place of our own pages: read once, at start,
//! with the host names in its scripts replaced where it is served under another name.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context as _, ensure};
use axum::{
    body::Bytes,
    response::{IntoResponse as _, Response},
};
use foundation::{
    config::CheckedSettings,
    crypto::{hex, sha256},
};
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

const SCRIPT: &str = "assets/accessmanagement.js";
const STYLE: &str = "assets/accessmanagement.css";
/// All files together, in bytes; a build has a few million.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
const MAX_FILES: usize = 5_000;
/// Folders deep below the one of the settings.
const MAX_DEPTH: usize = 8;

/// Altinn's environments, as its scripts spell them in host names.
const ENVIRONMENTS: [&str; 5] = [
    "altinn.no",
    "tt02.altinn.no",
    "at22.altinn.cloud",
    "at23.altinn.cloud",
    "yt01.altinn.cloud",
];

/// A built front end.
#[derive(Debug)]
pub struct FrontEnd {
    /// By path below the folder of the settings.
    files: HashMap<String, FrontEndFile>,
}

#[derive(Debug)]
struct FrontEndFile {
    body: Bytes,
    content_type: &'static str,
    /// Hexadecimal digits of a digest of the body.
    digest: String,
    lifetime: CacheLifetime,
}

/// How long a browser may keep a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CacheLifetime {
    /// For good: another content has another address.
    ForGood,
    /// As long as it is asked about each time.
    Revalidated,
}

impl CacheLifetime {
    const fn header(self) -> &'static str {
        match self {
            Self::ForGood => "public, max-age=31536000, immutable",
            Self::Revalidated => "no-cache",
        }
    }
}

impl FrontEnd {
    /// Reads the front end that the settings name; none when they name none.
    ///
    /// # Errors
    /// A file cannot be read, the files are too many or too large, or the script or the style sheet
    /// of the shell is missing.
    pub fn read(config: &CheckedSettings) -> anyhow::Result<Option<Self>> {
        let settings = &config.settings.portal;
        let Some(folder) = &settings.dist_dir else {
            return Ok(None);
        };
        let names = HostNames::of(config);
        let mut found = FilesOnDisk::default();
        for part in ["assets", "localizations"] {
            let part_folder = folder.join(part);
            if part_folder.is_dir() {
                found
                    .read_folder(&part_folder, part, 0)
                    .with_context(|| format!("portal.dist_dir: {}", part_folder.display()))?;
            }
        }
        let mut files = HashMap::new();
        for (name, body) in found.files {
            let body = match &names {
                Some(names) if is_script(&name) => {
                    let (body, replaced) = names.replace(body);
                    if name == SCRIPT && replaced == 0 {
                        tracing::warn!(
                            "portal.rewrite_hosts: the front end's script names no host of Altinn that could be replaced"
                        );
                    }
                    body
                }
                Some(_) | None => body,
            };
            files.insert(name.clone(), FrontEndFile::new(&name, body));
        }
        for needed in [SCRIPT, STYLE] {
            ensure!(
                files.contains_key(needed),
                "portal.dist_dir: {needed} is not in {}",
                folder.display()
            );
        }
        Ok(Some(Self { files }))
    }

    /// Address of the shell's script, which changes with its content.
    pub fn script(&self) -> String {
        self.address(SCRIPT)
    }

    /// Address of the shell's style sheet, which changes with its content.
    pub fn style(&self) -> String {
        self.address(STYLE)
    }

    fn address(&self, name: &str) -> String {
        let version = self.files.get(name).map_or("", |file| file.digest.as_str());
        format!("/accessmanagement/{name}?v={version}")
    }

    /// A file, by its path below the folder of the settings.
    pub fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.files.get(name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let tag = format!("\"{}\"", file.digest);
        let fixed = [
            (CACHE_CONTROL, file.lifetime.header().to_owned()),
            (ETAG, tag.clone()),
        ];
        let is_known = headers
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|known| known.split(',').any(|k| k.trim() == tag));
        if is_known {
            return (StatusCode::NOT_MODIFIED, fixed).into_response();
        }
        let kind = [(CONTENT_TYPE, file.content_type)];
        (fixed, kind, file.body.clone()).into_response()
    }
}

/// Files as they are on disk.
#[derive(Default)]
struct FilesOnDisk {
    files: Vec<(String, Vec<u8>)>,
    bytes: u64,
}

impl FilesOnDisk {
    /// Reads what is below a folder. What a link leads to is left out: it may be outside the
    /// folder.
    fn read_folder(&mut self, folder: &Path, name: &str, depth: usize) -> anyhow::Result<()> {
        ensure!(depth < MAX_DEPTH, "more than {MAX_DEPTH} folders deep");
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(own) = entry.file_name().into_string() else {
                continue;
            };
            let name = format!("{name}/{own}");
            if kind.is_dir() {
                self.read_folder(&entry.path(), &name, depth + 1)?;
            } else if kind.is_file() {
                self.bytes += entry.metadata()?.len();
                ensure!(
                    self.bytes <= MAX_BYTES && self.files.len() < MAX_FILES,
                    "more than {MAX_FILES} files or {MAX_BYTES} bytes"
                );
                self.files.push((name, fs::read(entry.path())?));
            }
        }
        Ok(())
    }
}

impl FrontEndFile {
    fn new(name: &str, body: Vec<u8>) -> Self {
        let lifetime = if matches!(name, SCRIPT | STYLE) || has_hash(name) {
            CacheLifetime::ForGood
        } else {
            CacheLifetime::Revalidated
        };
        Self {
            content_type: content_type(name),
            digest: hex(&sha256(&body)[..8]),
            lifetime,
            body: body.into(),
        }
    }
}

fn extension(name: &str) -> &str {
    Path::new(name)
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

fn is_script(name: &str) -> bool {
    name.starts_with("assets/") && extension(name) == "js"
}

/// Whether the name of a file ends in a hash of its content, as build tools write it: `-` and eight
/// characters of base64url before the extension, not all of them small letters.
fn has_hash(name: &str) -> bool {
    let stem = Path::new(name)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let Some((at, hash)) = stem
        .len()
        .checked_sub(8)
        .and_then(|at| Some((at, stem.get(at..)?)))
    else {
        return false;
    };
    let is_hash = hash
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    stem[..at].ends_with('-') && is_hash && hash.bytes().any(|b| !b.is_ascii_lowercase())
}

fn content_type(name: &str) -> &'static str {
    match extension(name) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Names of Altinn's hosts in scripts, and what replaces them.
struct HostNames(Vec<(String, String)>);

impl HostNames {
    /// None where names are left as they are.
    fn of(config: &CheckedSettings) -> Option<Self> {
        let by_name = || !is_altinn(&config.ui_base);
        let rewrites = config.settings.portal.rewrite_hosts;
        rewrites
            .unwrap_or_else(by_name)
            .then(|| Self::leading_to(&config.public_base, &config.ui_base))
    }

    fn leading_to(public_base: &str, ui_base: &str) -> Self {
        let names = ENVIRONMENTS.iter().flat_map(|environment| {
            [
                (
                    format!("https://platform.{environment}/"),
                    format!("{public_base}/"),
                ),
                (
                    format!("https://am.ui.{environment}/accessmanagement/"),
                    format!("{ui_base}/accessmanagement/"),
                ),
            ]
        });
        Self(names.collect())
    }

    /// A script with the names replaced, and how many there were. What is not UTF-8 stays.
    fn replace(&self, body: Vec<u8>) -> (Vec<u8>, usize) {
        let mut text = match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => return (error.into_bytes(), 0),
        };
        let mut count = 0;
        for (name, own) in &self.0 {
            let found = text.matches(name.as_str()).count();
            if found > 0 {
                text = text.replace(name.as_str(), own);
                count += found;
            }
        }
        (text.into_bytes(), count)
    }
}

/// Whether a base address is on a host of Altinn's.
fn is_altinn(base: &str) -> bool {
    let url = url::Url::parse(base).ok();
    let host = url.as_ref().and_then(|url| url.host_str());
    host.is_some_and(|host| {
        ["altinn.no", "altinn.cloud"].iter().any(|own| {
            host.strip_suffix(own)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_lead_to_us() {
        let names = HostNames::leading_to("https://sb.example", "https://ui.example");
        let script = "a(`https://platform.tt02.altinn.no/authentication`),b('https://am.ui.altinn.no/accessmanagement/ui'),c('https://info.altinn.no/')";
        let (body, count) = names.replace(script.as_bytes().to_vec());
        let expected = "a(`https://sb.example/authentication`),b('https://ui.example/accessmanagement/ui'),c('https://info.altinn.no/')";
        assert_eq!(
            (String::from_utf8(body).unwrap().as_str(), count),
            (expected, 2)
        );
    }

    #[test]
    fn what_is_no_text_stays() {
        let names = HostNames::leading_to("https://sb.example", "https://ui.example");
        assert_eq!(names.replace(vec![0xff, 0xfe]), (vec![0xff, 0xfe], 0));
    }

    #[test]
    fn altinn_is_known_by_its_domains() {
        for (base, expected) in [
            ("https://am.ui.altinn.no", true),
            ("https://am.ui.at22.altinn.cloud", true),
            ("https://notaltinn.no", false),
            ("http://127.0.0.1:8080", false),
            ("https://altinn.no.example", false),
        ] {
            assert_eq!(is_altinn(base), expected, "{base}");
        }
    }

    #[test]
    fn a_hash_in_a_name_is_known() {
        for (name, expected) in [
            ("assets/logo-Ab3_x-9Z.svg", true),
            ("assets/logo.svg", false),
            ("assets/accessmanagement.js", false),
            ("assets/some-pictures.svg", false),
            ("assets/æ-øåæøå.svg", false),
        ] {
            assert_eq!(has_hash(name), expected, "{name}");
        }
    }
}
