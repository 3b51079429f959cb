//! `audit`: the audit trail from outside.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::{
    exit::{DoesNotHold, EXIT_CODES, Exit},
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
    if let (waiting, Some(since)) = verdict.waiting {
        println!(
            "{} rows are not in the chain yet, the oldest since {}",
            HumanCount(waiting.unsigned_abs()),
            since.to_rfc3339()
        );
    }
    let held = HumanCount(verdict.rows.unsigned_abs());
    if let Some(fault) = &verdict.fault {
        eprintln!("the audit trail does not hold: {fault} ({held} rows before it do)");
        return Ok(Exit::DoesNotHold);
    }
    match (&path, checkpoints.is_empty() && verdict.rows > 0) {
        (Some(path), true) => {
            eprintln!(
                "the checkpoints are missing: {} holds none, although {held} rows are sealed",
                path.display()
            );
            return Ok(Exit::DoesNotHold);
        }
        (None, true) => println!(
            "no checkpoints are kept (audit.checkpoint_path): rows cut off at the end would go unnoticed"
        ),
        _ => {}
    }
    println!(
        "the audit trail holds: {held} rows; checkpoints that agree: {}",
        verdict.checkpoints
    );
    Ok(Exit::Good)
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
