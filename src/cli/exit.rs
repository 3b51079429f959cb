//! How commands end.

use std::process::ExitCode;

use crate::app::start_check::StartRefusal;

/// What the exit code of a command says. Clap ends with [`Exit::WrongUse`] by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and what was checked holds.
    Good = 0,
    /// What was checked does not hold.
    DoesNotHold = 1,
    /// The arguments cannot be used.
    WrongUse = 2,
    /// It could not be done or checked: a file, the configuration, the database.
    CouldNot = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Part of each command's help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  what was checked does not hold
  2  wrong use
  3  could not be done or checked (a file, the configuration, the database)";

/// Arguments that contradict each other, which Clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// What was checked does not hold, as an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DoesNotHold(pub String);

/// Prints an error, and returns how the command ends with it.
pub fn failed(error: &anyhow::Error) -> Exit {
    eprintln!("error: {error:#}");
    if error.is::<WrongUse>() {
        Exit::WrongUse
    } else if error.is::<DoesNotHold>() {
        Exit::DoesNotHold
    } else {
        Exit::CouldNot
    }
}

/// How `config check` ends when an installation may not start.
pub const fn of_refusal(refused: &StartRefusal) -> Exit {
    match refused {
        StartRefusal::Unread(_) => Exit::CouldNot,
        StartRefusal::Findings(findings) if findings.wrong.is_empty() => Exit::CouldNot,
        StartRefusal::Findings(_) => Exit::DoesNotHold,
    }
}
