//! `config`: the settings from outside.

use std::{collections::HashMap, path::PathBuf};

use clap::{Args, Subcommand};
use foundation::config::{AudienceMode, Checked, LiveCheckMode, Profile};

use super::exit::{self, Exit};
use crate::app::start_check::{self, StartRefused};

/// What can be done about the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Says everything for which `systembruker serve` would not start, without starting.
    #[command(after_help = HELP)]
    Check(CheckArgs),
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
pub struct CheckArgs {
    /// Configuration file (TOML). Every key is explained in config/default.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub fn run(command: &ConfigCommand) -> Exit {
    let ConfigCommand::Check(args) = command;
    let environment: HashMap<String, String> = std::env::vars().collect();
    match start_check::check(args.config.as_deref(), &environment) {
        Ok(checked) => {
            print_notes(&checked);
            Exit::Good
        }
        Err(refused) => {
            match &refused {
                StartRefused::Unread(reason) => eprintln!("could not check: {reason}"),
                StartRefused::Findings(findings) => {
                    for line in findings.lines() {
                        println!("{line}");
                    }
                    match (findings.wrong.len(), findings.unread.len()) {
                        (0, _) => eprintln!("could not check everything"),
                        (1, _) => eprintln!("1 setting stops the start"),
                        (wrong, _) => eprintln!("{wrong} settings stop the start"),
                    }
                }
            }
            exit::of_refusal(&refused)
        }
    }
}

/// What the settings lead to, and what an operator may want to reconsider.
fn print_notes(checked: &Checked) {
    let settings = &checked.settings;
    println!("good: profile {}", checked.profile().as_str());
    if checked.profile() != Profile::Prod {
        println!("note: outside profile prod, key files and the database's TLS are not judged");
    }
    if settings.systemuser.live_check != LiveCheckMode::Strict {
        println!(
            "note: systemuser.live_check: less than `strict` of a system user's token is compared with the register"
        );
    }
    if settings.tokens.audience_mode != AudienceMode::Enforce {
        println!(
            "note: tokens.audience_mode: tokens made for another audience are taken and logged"
        );
    }
    if settings.pdp.decision_open {
        println!(
            "note: pdp.decision_open: every caller that reaches the service may ask for decisions"
        );
    }
}
