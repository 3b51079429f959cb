//! `config`: the settings from outside.

use std::{collections::HashMap, path::PathBuf};

use clap::{Args, Subcommand};
use foundation::config::{AudienceMode, CheckedSettings, LiveCheckMode, Profile};

use serde::Serialize;

use super::{
    exit::{self, Exit},
    output::OutputArgs,
};
use crate::app::start_check::{self, StartRefusal};

/// What can be done about the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Says everything for which `systembruker serve` would not start, without starting.
    #[command(after_help = HELP)]
    Check(ConfigCheckArgs),
}

const HELP: &str = "\
Reads what `systembruker serve` would read: the file, and the variables SYSTEMBRUKER__… and DATABASE_URL of the environment.
It looks at each key file, so run it as the user of the service. Nothing is connected: the database may be down, or not
there yet. Findings name keys of settings, never values.

Examples:
  systembruker config check --config production.toml
  docker run --rm --env-file production.env -v /etc/systembruker:/etc/systembruker:ro systembruker \\
      config check --config /etc/systembruker/production.toml

Exit codes:
  0  serve starts with these settings
  1  it does not; standard output says why, one line a finding
  2  wrong use
  3  could not check: a file cannot be read by this user";

/// Arguments of `config check`.
#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    /// Configuration file (TOML). Every key is explained in config/default.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What the check found.
#[derive(Debug, Default, Serialize)]
struct ConfigReport<'a> {
    holds: bool,
    /// None where the settings cannot be used.
    profile: Option<&'static str>,
    /// What stops the start.
    wrong: &'a [String],
    /// What this user could not look at.
    unread: &'a [String],
    notes: Vec<&'static str>,
}

/// Runs the command.
///
/// # Errors
/// The result cannot be printed.
pub fn run(command: &ConfigCommand) -> anyhow::Result<Exit> {
    let ConfigCommand::Check(args) = command;
    let environment: HashMap<String, String> = std::env::vars().collect();
    match start_check::check(args.config.as_deref(), &environment) {
        Ok(checked) => {
            let verdict = ConfigReport {
                holds: true,
                profile: Some(checked.profile().as_str()),
                notes: notes(&checked),
                ..ConfigReport::default()
            };
            args.output.print(&verdict, |verdict| {
                println!("good: profile {}", checked.profile().as_str());
                for note in &verdict.notes {
                    println!("note: {note}");
                }
            })?;
            Ok(Exit::Good)
        }
        Err(refused) => {
            match &refused {
                StartRefusal::Unread(reason) => eprintln!("could not check: {reason}"),
                StartRefusal::Findings(findings) => {
                    let verdict = ConfigReport {
                        wrong: &findings.wrong,
                        unread: &findings.unread,
                        ..ConfigReport::default()
                    };
                    args.output.print(&verdict, |_| {
                        for line in findings.lines() {
                            println!("{line}");
                        }
                    })?;
                    match (findings.wrong.len(), findings.unread.len()) {
                        (0, _) => eprintln!("could not check everything"),
                        (1, _) => eprintln!("1 setting stops the start"),
                        (wrong, _) => eprintln!("{wrong} settings stop the start"),
                    }
                }
            }
            Ok(exit::of_refusal(&refused))
        }
    }
}

/// What the settings lead to, and what an operator may want to reconsider.
fn notes(checked: &CheckedSettings) -> Vec<&'static str> {
    let settings = &checked.settings;
    let mut notes = Vec::new();
    if checked.profile() != Profile::Prod {
        notes.push("outside profile prod, key files and the database's TLS are not judged");
    }
    if settings.systemuser.live_check != LiveCheckMode::Strict {
        notes.push(
            "systemuser.live_check: less than `strict` of a system user's token is compared with the register"
        );
    }
    if settings.tokens.audience_mode != AudienceMode::Enforce {
        notes.push("tokens.audience_mode: tokens made for another audience are taken and logged");
    }
    if settings.pdp.decision_open {
        notes
            .push("pdp.decision_open: every caller that reaches the service may ask for decisions");
    }
    notes
}
