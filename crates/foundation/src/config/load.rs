//! Where settings come from: the defaults, the profile's own, a file, the environment.

use std::{collections::HashMap, path::Path};

use anyhow::Context as _;
use config::{Config, File, FileFormat};

use super::Settings;

const DEFAULTS: &str = include_str!("../../../../config/default.toml");
const SANDBOX: &str = include_str!("../../../../config/sandbox.toml");
const PREFIX: &str = "SYSTEMBRUKER__";

/// Keys whose value is a list, comma-separated in the environment.
const LISTS: &[&str] = &[
    "server.allowed_hosts",
    "server.trusted_proxies",
    "tokens.signing_keys",
    "tokens.audiences",
    "tokens.denied_kids",
    "platform_tokens.issuers",
    "exchange.partner_scopes",
    "byexternalid.allowed_consumers",
    "pdp.subscription_keys",
    "sandbox.allowed_hosts",
    "sandbox.maskinporten.extra_audiences",
    "sandbox.testtools.users",
];

/// Which settings are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// `systembruker serve` and `migrate`: an optional file on top of the defaults.
    Serve(Option<&'a Path>),
    /// `systembruker sandbox`: the sandbox's own on top of the defaults.
    Sandbox,
}

/// Reads the settings.
///
/// # Errors
/// A message that names the key, never a value, when a key is unknown, of the wrong type, or a file
/// cannot be read.
pub fn load(
    source: Source<'_>,
    environment: &HashMap<String, String>,
    overrides: &[(&str, String)],
) -> anyhow::Result<Settings> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    match source {
        Source::Sandbox => builder = builder.add_source(File::from_str(SANDBOX, FileFormat::Toml)),
        Source::Serve(Some(path)) => {
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        Source::Serve(None) => {}
    }
    for (name, value) in prepare(environment)? {
        let key = name
            .trim_start_matches(PREFIX)
            .to_lowercase()
            .replace("__", ".");
        // Texts become numbers and flags where the settings want them; only lists are told apart
        // here.
        let result = if LISTS.contains(&key.as_str()) {
            let items: Vec<String> = value
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect();
            builder.set_override(&key, items)
        } else {
            builder.set_override(&key, value)
        };
        builder = result.with_context(|| format!("{name} names no setting"))?;
    }
    for (key, value) in overrides {
        builder = builder
            .set_override(key, value.as_str())
            .with_context(|| format!("setting {key}"))?;
    }
    let config = builder.build().context("reading the settings")?;
    config
        .try_deserialize()
        .context("the settings are not usable")
}

/// Reads `…_FILE` variables and renames `DATABASE_URL`.
fn prepare(environment: &HashMap<String, String>) -> anyhow::Result<HashMap<String, String>> {
    let mut out = HashMap::new();
    for (name, value) in environment {
        let (bare, is_file) = name
            .strip_suffix("_FILE")
            .map_or((name.as_str(), false), |bare| (bare, true));
        let key = match bare {
            "DATABASE_URL" => "SYSTEMBRUKER__DATABASE__URL",
            // A setting that itself names a file keeps its name.
            _ if bare.starts_with(PREFIX) && !(is_file && name.ends_with("__KEY_FILE")) => bare,
            _ if name.starts_with(PREFIX) => {
                out.insert(name.clone(), value.clone());
                continue;
            }
            _ => continue,
        };
        let value = if is_file {
            std::fs::read_to_string(value)
                .with_context(|| format!("reading the file that {name} names"))?
                .trim()
                .to_owned()
        } else {
            value.clone()
        };
        out.insert(key.to_owned(), value);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn the_environment_beats_the_defaults() {
        let settings = load(
            Source::Serve(None),
            &env(&[
                ("SYSTEMBRUKER__PDP__MAX_DECISIONS_PER_REQUEST", "7"),
                ("SYSTEMBRUKER__TOKENS__DENIED_KIDS", "a,b"),
                ("DATABASE_URL", "postgresql://x"),
                ("PATH", "/bin"),
            ]),
            &[],
        )
        .unwrap();
        assert_eq!(settings.pdp.max_decisions_per_request, 7);
        assert_eq!(settings.tokens.denied_kids, ["a", "b"]);
        assert!(settings.database.url.is_some() && settings.sandbox.is_none());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = load(
            Source::Serve(None),
            &env(&[("SYSTEMBRUKER__PDP__MAX_STALENES_MS", "s3cret")]),
            &[],
        )
        .unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("max_stalenes_ms") && !text.contains("s3cret"),
            "{text}"
        );
    }
}
