//! `audit`: the audit trail from outside.

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{
    exit::{DoesNotHold, EXIT_CODES, Exit},
    output::OutputArgs,
    target::TargetArgs,
};
use crate::app::setup::CommandAccess;
use foundation::audit;

/// What can be done about the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Computes the chain of the trail again and holds it against the signed checkpoints. Exit code
    /// 1, and the first row that does not hold, when anything was changed, added, removed or moved.
    #[command(after_help = EXIT_CODES)]
    Verify(VerifyArgs),
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// File of checkpoints [default: `audit.checkpoint_path`].
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What came of the verification.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditReport {
    holds: bool,
    /// Rows that hold, from the first on.
    rows: i64,
    /// Checkpoints that agree with them.
    checkpoints: usize,
    /// Rows that are not in the chain yet.
    waiting: i64,
    waiting_since: Option<DateTime<Utc>>,
    /// The first thing that does not hold.
    fault: Option<String>,
    /// Without checkpoints, rows that are cut off at the end go unnoticed.
    keeps_checkpoints: bool,
}

/// Runs the command.
///
/// # Errors
/// The installation cannot be opened, or a checkpoint is not ours.
pub async fn run(command: &AuditCommand) -> anyhow::Result<Exit> {
    let AuditCommand::Verify(args) = command;
    let target = args.target.open(CommandAccess::Read).await?;
    let path = args
        .checkpoints
        .clone()
        .or_else(|| target.settings.audit.checkpoint_path.clone());
    let checkpoints = match &path {
        None => Vec::new(),
        Some(path) => {
            let key = target
                .checkpoint_key
                .as_ref()
                .context("keys.audit_checkpoints is needed to read checkpoints")?;
            key.read(path).map_err(unfit)?
        }
    };
    let progress = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} rows, {eta} left")
    {
        progress.set_style(style);
    }
    let verdict = audit::verify(&target.db, &checkpoints, |done, total| {
        progress.set_length(total.unsigned_abs());
        progress.set_position(done.unsigned_abs());
    })
    .await;
    progress.finish_and_clear();
    let verdict = verdict?;
    target.db.close().await;
    let held = HumanCount(verdict.rows.unsigned_abs());
    let fault = match (verdict.fault, &path) {
        (Some(fault), _) => Some(format!(
            "the audit trail does not hold: {fault} ({held} rows before it do)"
        )),
        (None, Some(path)) if checkpoints.is_empty() && verdict.rows > 0 => Some(format!(
            "the checkpoints are missing: {} holds none, although {held} rows are sealed",
            path.display()
        )),
        (None, _) => None,
    };
    let found = AuditReport {
        holds: fault.is_none(),
        rows: verdict.rows,
        checkpoints: verdict.checkpoints,
        waiting: verdict.waiting.0,
        waiting_since: verdict.waiting.1,
        fault,
        keeps_checkpoints: path.is_some(),
    };
    args.output.print(&found, describe)?;
    Ok(if found.holds {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}

fn describe(found: &AuditReport) {
    if let Some(since) = found.waiting_since {
        println!(
            "{} rows are not in the chain yet, the oldest since {}",
            HumanCount(found.waiting.unsigned_abs()),
            since.to_rfc3339()
        );
    }
    if let Some(fault) = &found.fault {
        eprintln!("{fault}");
        return;
    }
    if !found.keeps_checkpoints && found.rows > 0 {
        println!(
            "no checkpoints are kept (audit.checkpoint_path): rows cut off at the end would go unnoticed"
        );
    }
    println!(
        "the audit trail holds: {} rows; checkpoints that agree: {}",
        HumanCount(found.rows.unsigned_abs()),
        found.checkpoints
    );
}

/// A file of checkpoints that was read and holds something else is what the command looks for; one
/// that cannot be read leaves the question open.
fn unfit(error: anyhow::Error) -> anyhow::Error {
    if error.root_cause().is::<std::io::Error>() {
        error
    } else {
        DoesNotHold(format!("{error:#}")).into()
    }
}
