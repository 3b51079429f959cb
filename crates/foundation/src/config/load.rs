//! Where settings come from: the defaults, the profile's own, a file, the environment.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::Path,
};

use config::{Config, ConfigError, File, FileFormat, Map, Source as _, Value, ValueKind};

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
    "keys.blind_index",
    "keys.person_id",
    "keys.audit_checkpoints",
    "sandbox.allowed_hosts",
    "sandbox.maskinporten.extra_audiences",
    "sandbox.testtools.users",
];

/// Which settings are asked for.
#[derive(Debug, Clone, Copy)]
pub enum SettingsSource<'a> {
    /// `systembruker serve` and `migrate`: an optional file on top of the defaults.
    Serve(Option<&'a Path>),
    /// `systembruker sandbox`: the sandbox's own on top of the defaults.
    Sandbox,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("{what} cannot be read: {error}")]
    Unread {
        /// What names the file: `--config` or a variable of the environment.
        what: String,
        /// As the system says it.
        error: io::Error,
    },
    /// The settings cannot be used. Each finding names its key, and no value.
    #[error("the settings are not usable:\n  {}", .0.join("\n  "))]
    Wrong(Vec<String>),
}

/// Settings as far as they could be read.
#[derive(Debug)]
pub struct LoadedSettings {
    /// A key that could not be read has its default.
    pub settings: Settings,
    /// What is wrong with single keys, each named, without its value. Settings with findings must
    /// not be used.
    pub wrong: Vec<String>,
}

/// Reads the settings.
///
/// # Errors
/// A message that names each wrong key, never a value, when a key is unknown, of the wrong type, or
/// a file cannot be read.
pub fn load(
    source: SettingsSource<'_>,
    environment: &HashMap<String, String>,
    overrides: &[(&str, String)],
) -> Result<Settings, SettingsError> {
    let LoadedSettings { settings, wrong } = load_all(source, environment, overrides)?;
    if wrong.is_empty() {
        Ok(settings)
    } else {
        Err(SettingsError::Wrong(wrong))
    }
}

/// Reads the settings, and goes on after a key that is wrong, so that all of them are reported at
/// once.
///
/// # Errors
/// A file cannot be read, or is not TOML.
pub fn load_all(
    source: SettingsSource<'_>,
    environment: &HashMap<String, String>,
    overrides: &[(&str, String)],
) -> Result<LoadedSettings, SettingsError> {
    let mut wrong = Vec::new();
    let defaults = collect(base(source), &mut wrong)?;
    let mut builder = base(source);
    if let SettingsSource::Serve(Some(path)) = source {
        builder = builder.add_source(File::from_str(&toml_file(path)?, FileFormat::Toml));
    }
    for (name, value) in prepare(environment)? {
        let key = name
            .trim_start_matches(PREFIX)
            .to_lowercase()
            .replace("__", ".");
        if !is_key(&key) {
            wrong.push(format!("{name}: names no setting"));
            continue;
        }
        // Texts become numbers and flags where the settings want them; only lists are
        // distinguished here.
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
        builder =
            result.map_err(|error| SettingsError::Wrong(vec![message_of(&error, &Map::new())]))?;
    }
    for (key, value) in overrides {
        builder = builder
            .set_override(key, value.as_str())
            .map_err(|error| SettingsError::Wrong(vec![message_of(&error, &Map::new())]))?;
    }
    let mut table = collect(builder, &mut wrong)?;
    if matches!(source, SettingsSource::Serve(_)) && table.remove("sandbox").is_some() {
        wrong.push("sandbox.*: no sandbox setting may be given to `systembruker serve`; take it out, or start `systembruker sandbox`".to_owned());
    }
    let settings = deserialize(table, &defaults, &mut wrong)?;
    Ok(LoadedSettings { settings, wrong })
}

type SettingsBuilder = config::ConfigBuilder<config::builder::DefaultState>;

/// The sources that the file and the environment override.
fn base(source: SettingsSource<'_>) -> SettingsBuilder {
    let builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    match source {
        SettingsSource::Sandbox => builder.add_source(File::from_str(SANDBOX, FileFormat::Toml)),
        SettingsSource::Serve(_) => builder,
    }
}

fn collect(
    builder: SettingsBuilder,
    wrong: &mut Vec<String>,
) -> Result<Map<String, Value>, SettingsError> {
    let built = builder.build().and_then(|config| config.collect());
    built.map_err(|error| {
        wrong.push(message_of(&error, &Map::new()));
        SettingsError::Wrong(std::mem::take(wrong))
    })
}

/// The text of a configuration file, which is TOML for sure: the library's own message would show
/// the line that is wrong, and with it a value.
fn toml_file(path: &Path) -> Result<String, SettingsError> {
    let text = fs::read_to_string(path).map_err(|error| SettingsError::Unread {
        what: format!("the file of --config, {},", path.display()),
        error,
    })?;
    if let Err(error) = toml::from_str::<toml::Table>(&text) {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        return Err(SettingsError::Wrong(vec![format!(
            "--config, line {line}: {}",
            error.message()
        )]));
    }
    Ok(text)
}

/// A path of names such as `pdp.max_body_bytes`.
fn is_key(key: &str) -> bool {
    key.split('.').all(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    })
}

/// Reads the table into settings. A key that cannot be read is noted and given its default, until
/// the rest can be read.
fn deserialize(
    mut table: Map<String, Value>,
    defaults: &Map<String, Value>,
    wrong: &mut Vec<String>,
) -> Result<Settings, SettingsError> {
    let mut reset = BTreeSet::new();
    loop {
        let mut unknown = Vec::new();
        let value = Value::new(None, ValueKind::Table(table.clone()));
        // `?` means "if there is one" in these paths.
        let read = serde_ignored::deserialize(value, |path| {
            unknown.push(path.to_string().replace(".?", ""));
        });
        let error = match read {
            Ok(settings) => {
                unknown.sort();
                let unknown = unknown.iter().map(|key| {
                    format!("{key}: there is no such setting; config/default.toml has all of them")
                });
                wrong.extend(unknown);
                return Ok(settings);
            }
            Err(error) => error,
        };
        wrong.push(message_of(&error, &table));
        let Some(key) = key_of(&error).filter(|key| reset.insert(key.clone())) else {
            return Err(SettingsError::Wrong(std::mem::take(wrong)));
        };
        put(&mut table, &key, find(defaults, &key).cloned());
    }
}

/// The setting that an error is about; a member of a list counts as the list.
fn key_of(error: &ConfigError) -> Option<String> {
    let key = match error {
        ConfigError::Type { key, .. } | ConfigError::At { key, .. } => key.as_ref()?,
        ConfigError::NotFound(key) => key,
        _ => return None,
    };
    let key = key.split('[').next()?;
    (!key.is_empty()).then(|| key.to_owned())
}

/// What an error says, without the value that it is about.
fn message_of(error: &ConfigError, table: &Map<String, Value>) -> String {
    let inner = |mut error: &'_ ConfigError| -> String {
        while let ConfigError::At { error: within, .. } = error {
            error = within;
        }
        match error {
            ConfigError::Type { expected, .. } => format!("cannot be read; expected {expected}"),
            ConfigError::NotFound(_) => "is required".to_owned(),
            other => {
                let text = other.to_string();
                // The text after this is what is expected, and never the value.
                text.rsplit_once(", expected ").map_or_else(
                    || format!("cannot be read: {text}"),
                    |(_, expected)| format!("cannot be read; expected {expected}"),
                )
            }
        }
    };
    let text = inner(error);
    let Some(key) = key_of(error) else {
        return text;
    };
    let shows_value = find(table, &key)
        .and_then(|value| value.clone().into_string().ok())
        .is_some_and(|value| !value.is_empty() && text.contains(&value));
    if shows_value {
        format!("{key}: cannot be read")
    } else {
        format!("{key}: {text}")
    }
}

fn find<'t>(table: &'t Map<String, Value>, key: &str) -> Option<&'t Value> {
    let mut names = key.split('.');
    let first = table.get(names.next()?)?;
    names.try_fold(first, |value, name| match &value.kind {
        ValueKind::Table(table) => table.get(name),
        _ => None,
    })
}

/// Sets a key, or takes it out.
fn put(table: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match key.split_once('.') {
        Some((section, rest)) => {
            if let Some(ValueKind::Table(inner)) = table.get_mut(section).map(|v| &mut v.kind) {
                put(inner, rest, value);
            }
        }
        None => match value {
            Some(value) => {
                table.insert(key.to_owned(), value);
            }
            None => {
                table.remove(key);
            }
        },
    }
}

/// Reads `…_FILE` variables and renames `DATABASE_URL`.
fn prepare(
    environment: &HashMap<String, String>,
) -> Result<HashMap<String, String>, SettingsError> {
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
            fs::read_to_string(value)
                .map_err(|error| SettingsError::Unread {
                    what: format!("the file that {name} names"),
                    error,
                })?
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
    use crate::config::LiveCheckMode;

    fn env(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn the_environment_beats_the_defaults() {
        let settings = load(
            SettingsSource::Serve(None),
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

    #[rstest::rstest]
    #[case(SettingsSource::Serve(None), LiveCheckMode::Strict)]
    #[case(SettingsSource::Sandbox, LiveCheckMode::ByIssuer)]
    fn the_live_check_is_strict_outside_the_sandbox(
        #[case] source: SettingsSource<'_>,
        #[case] expected: LiveCheckMode,
    ) {
        let settings = load(source, &env(&[]), &[]).unwrap();
        assert_eq!(settings.systemuser.live_check, expected);
    }

    fn wrong(pairs: &[(&str, &str)]) -> Vec<String> {
        load_all(SettingsSource::Serve(None), &env(pairs), &[])
            .unwrap()
            .wrong
    }

    #[rstest::rstest]
    #[case("PDP__MAX_STALENES_MS", "s3cret", "pdp.max_stalenes_ms: ")]
    #[case("PDP__MAX_BODY_BYTES", "s3cret", "pdp.max_body_bytes: ")]
    #[case("SERVER__LISTEN", "s3cret", "server.listen: ")]
    #[case("SERVER__PUBLIC_BASE_URL", "s3cret", "server.public_base_url: ")]
    #[case("SERVER__TRUSTED_PROXIES", "s3cret", "server.trusted_proxies: ")]
    #[case("SERVER__PROFILE", "s3cret", "server.profile: ")]
    #[case("SYSTEMUSER__LIVE_CHECK", "s3cret", "systemuser.live_check: ")]
    #[case("COMPAT__REFRESH", "s3cret", "compat.refresh: ")]
    #[case("SANDBOX__DIR", "s3cret", "sandbox.*: ")]
    #[case("NO_SECTION__OF_OURS", "s3cret", "no_section: ")]
    #[case("SERVER", "s3cret", "server: ")]
    #[case("SERVER__A B", "s3cret", "SYSTEMBRUKER__SERVER__A B: ")]
    fn a_wrong_key_is_named_and_its_value_is_not(
        #[case] name: &str,
        #[case] value: &str,
        #[case] message: &str,
    ) {
        let wrong = wrong(&[(&format!("{PREFIX}{name}"), value)]);
        assert!(
            wrong.len() == 1 && wrong[0].starts_with(message) && !wrong[0].contains(value),
            "{wrong:?}"
        );
    }

    #[test]
    fn all_wrong_keys_are_reported_at_once() {
        let mut wrong = wrong(&[
            ("SYSTEMBRUKER__PDP__MAX_STALENES_MS", "1"),
            ("SYSTEMBRUKER__PDP__MAX_BODY_BYTES", "many"),
            ("SYSTEMBRUKER__SERVER__LISTEN", "here"),
            ("SYSTEMBRUKER__SANDBOX__DIR", "/tmp"),
        ]);
        wrong.sort();
        let keys: Vec<_> = wrong.iter().filter_map(|w| w.split(": ").next()).collect();
        assert_eq!(
            keys,
            [
                "pdp.max_body_bytes",
                "pdp.max_stalenes_ms",
                "sandbox.*",
                "server.listen"
            ]
        );
    }
}
