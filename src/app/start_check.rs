//! Whether an installation may start with its settings. `serve` asks before it opens a port, `config
//! check` without starting. The database is not needed for it.

use std::{collections::HashMap, io, path::Path};

use foundation::{
    audit::CheckpointKey,
    config::{self, CheckedSettings, Settings, SettingsError, SettingsSource},
    key_files,
};

/// Why an installation may not start.
#[derive(Debug, thiserror::Error)]
pub enum StartRefusal {
    /// The settings could not be read at all.
    #[error("{0}")]
    Unread(String),
    /// Each finding names the key of a setting and what helps, and no value.
    #[error("the settings cannot be used:\n  {}\n\nEvery key is explained in config/default.toml; config/production.example.toml is a start.", .0.lines().join("\n  "))]
    Findings(SettingsFindings),
}

/// Everything that is wrong with settings.
#[derive(Debug, Default)]
pub struct SettingsFindings {
    /// What does not hold.
    pub wrong: Vec<String>,
    /// What this user could not look at.
    pub unread: Vec<String>,
}

impl SettingsFindings {
    /// All of it, one a line.
    #[must_use]
    pub fn lines(&self) -> Vec<&str> {
        self.wrong
            .iter()
            .chain(&self.unread)
            .map(String::as_str)
            .collect()
    }
}

/// As [`installation`], and looks at the checkpoints of the audit trail besides.
///
/// # Errors
/// Everything for which the service does not start, at once.
pub fn check(
    path: Option<&Path>,
    environment: &HashMap<String, String>,
) -> Result<CheckedSettings, StartRefusal> {
    look(path, environment, checkpoints)
}

/// Reads the settings of `serve`, and looks at all of them and at the key files that they name.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn installation(
    path: Option<&Path>,
    environment: &HashMap<String, String>,
) -> Result<CheckedSettings, StartRefusal> {
    look(path, environment, |_, _| ())
}

fn look(
    path: Option<&Path>,
    environment: &HashMap<String, String>,
    besides: impl FnOnce(&Settings, &mut SettingsFindings),
) -> Result<CheckedSettings, StartRefusal> {
    let loaded = match config::load_all(SettingsSource::Serve(path), environment, &[]) {
        Ok(loaded) => loaded,
        Err(error @ SettingsError::Unread { .. }) => {
            return Err(StartRefusal::Unread(error.to_string()));
        }
        Err(SettingsError::Wrong(wrong)) => {
            return Err(StartRefusal::Findings(SettingsFindings {
                wrong,
                unread: Vec::new(),
            }));
        }
    };
    let mut findings = SettingsFindings {
        wrong: loaded.wrong,
        unread: Vec::new(),
    };
    for finding in key_files::inspect(&loaded.settings) {
        if finding.fault.is_unread() {
            findings.unread.push(finding.to_string());
        } else {
            findings.wrong.push(finding.to_string());
        }
    }
    besides(&loaded.settings, &mut findings);
    let checked = config::check(loaded.settings);
    match checked {
        Ok(checked) if findings.lines().is_empty() => Ok(checked),
        Ok(_) => Err(StartRefusal::Findings(findings)),
        Err(wrong) => {
            // A key that could not be read has its default here, about which nothing is to be said.
            let unread: Vec<String> = findings.wrong.iter().filter_map(|w| key(w)).collect();
            let wrong = wrong
                .into_iter()
                .filter(|wrong| !key(wrong).is_some_and(|key| unread.contains(&key)));
            findings.wrong.extend(wrong);
            Err(StartRefusal::Findings(findings))
        }
    }
}

/// The key that a finding names.
fn key(finding: &str) -> Option<String> {
    finding.split_once(": ").map(|(key, _)| key.to_owned())
}

/// Looks at the checkpoints of the audit trail that are there. A finding about their key is
/// reported elsewhere.
fn checkpoints(settings: &Settings, findings: &mut SettingsFindings) {
    let Some(path) = &settings.audit.checkpoint_path else {
        return;
    };
    let Ok(Some(key)) = CheckpointKey::of_files(&settings.keys.audit_checkpoints) else {
        return;
    };
    let Err(error) = key.read(path) else {
        return;
    };
    match error.root_cause().downcast_ref::<io::Error>() {
        Some(error) => findings.unread.push(format!(
            "audit.checkpoint_path: the file that it names cannot be read by this user ({})",
            error.kind()
        )),
        None => findings.wrong.push(
            "audit.checkpoint_path: the file holds a line that keys.audit_checkpoints did not sign; name the key that did, or another file"
                .to_owned(),
        ),
    }
}
