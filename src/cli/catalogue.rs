//! `import catalogue` and `catalogue status`: roles and packages, replaced without a release.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use indicatif::HumanCount;
use registers::packages::catalogue::{
    self, CatalogueChangeCounts, CatalogueFile, CatalogueImportOptions, CatalogueImportOutcome,
    CatalogueStatus, MAX_FILE_BYTES, MissingPackages,
};
use serde::Serialize;

use super::{
    exit::{EXIT_CODES, Exit},
    import::{ImportArgs, wrong_use},
    output::OutputArgs,
    target::TargetArgs,
};
use crate::app::setup::CommandAccess;

/// What can be asked of the catalogue.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Shows which catalogue is in force, and whether the program comes with another.
    Status(StatusArgs),
}

/// Arguments of `catalogue status`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct StatusArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The catalogue that is in force, as a script reads it.
#[derive(Debug, Serialize)]
struct StoredVersion {
    version: i64,
    is_imported: bool,
    made_at: DateTime<Utc>,
    made_by: String,
    sha256: String,
    /// Whether the program comes with another catalogue than it came with before.
    is_another_shipped: bool,
}

impl From<CatalogueStatus> for StoredVersion {
    fn from(found: CatalogueStatus) -> Self {
        Self {
            version: found.version.seq,
            is_imported: found.version.is_imported,
            made_at: found.version.made_at,
            sha256: found.version.sha256_text(),
            made_by: found.version.made_by,
            is_another_shipped: found.is_another_shipped,
        }
    }
}

/// What an import did, as a script reads it.
#[derive(Debug, Serialize)]
struct ImportReport<'a> {
    is_dry_run: bool,
    /// What is wrong; then nothing was written.
    faults: &'a [String],
    warnings: &'a [String],
    counts: CatalogueChangeCounts,
    changes: Vec<String>,
}

/// Runs a command.
///
/// # Errors
/// The installation cannot be opened, or the database fails.
pub async fn run(command: &CatalogueCommand) -> anyhow::Result<Exit> {
    let CatalogueCommand::Status(args) = command;
    let target = args.target.open(CommandAccess::Read).await?;
    let found = catalogue::status(&target.db).await?;
    target.db.close().await;
    let found = found.map(StoredVersion::from);
    args.output.print(&found, |found| match found {
        None => println!(
            "no catalogue is stored yet; the service stores that of the program when it starts"
        ),
        Some(found) => print_version(found),
    })?;
    Ok(match found {
        Some(_) => Exit::Good,
        None => Exit::DoesNotHold,
    })
}

fn print_version(found: &StoredVersion) {
    println!(
        "version {}, {} at {} by {}, sha256 {}",
        found.version,
        if found.is_imported {
            "imported"
        } else {
            "shipped"
        },
        found.made_at.to_rfc3339(),
        found.made_by,
        found.sha256
    );
    if found.is_another_shipped {
        println!("the program comes with another one");
    }
}

/// Imports a catalogue.
///
/// # Errors
/// The arguments contradict each other, a file cannot be read, or the database fails.
pub async fn import(args: &ImportArgs) -> anyhow::Result<Exit> {
    let files = read(args)?;
    let target = args.open().await?;
    let missing = if args.retire_missing {
        MissingPackages::Retired
    } else {
        MissingPackages::Refused
    };
    let options = |dry_run| CatalogueImportOptions { missing, dry_run };
    let mut is_wanted = true;
    if !args.dry_run && !args.yes && !args.output.json && std::io::stdin().is_terminal() {
        let outcome = catalogue::import(&target.db, &files, options(true)).await?;
        if outcome.faults.is_empty() && !outcome.changes.is_empty() {
            show_changes(&outcome);
            is_wanted = asked("Write these changes? [y/N] ")?;
        }
    }
    if !is_wanted {
        target.db.close().await;
        println!("nothing was written");
        return Ok(Exit::Good);
    }
    let outcome = catalogue::import(&target.db, &files, options(args.dry_run)).await?;
    target.db.close().await;
    print_outcome(args, &outcome)
}

fn read(args: &ImportArgs) -> anyhow::Result<Vec<CatalogueFile>> {
    anyhow::ensure!(
        !args.files.is_empty(),
        wrong_use("which files? systembruker import catalogue FILE…")
    );
    let read = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let size = std::fs::metadata(path).with_context(|| name.clone())?.len();
        anyhow::ensure!(
            size <= MAX_FILE_BYTES,
            "{name} has {} bytes; a file of the catalogue has at most {}",
            HumanCount(size),
            HumanCount(MAX_FILE_BYTES)
        );
        let bytes = std::fs::read(path).with_context(|| name.clone())?;
        Ok(CatalogueFile { name, bytes })
    };
    args.files.iter().map(read).collect()
}

fn asked(question: &str) -> anyhow::Result<bool> {
    print!("{question}");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn show_changes(outcome: &CatalogueImportOutcome) {
    for change in &outcome.changes {
        println!("{change}");
    }
}

fn print_outcome(args: &ImportArgs, outcome: &CatalogueImportOutcome) -> anyhow::Result<Exit> {
    let report = ImportReport {
        is_dry_run: args.dry_run,
        faults: &outcome.faults,
        warnings: &outcome.warnings,
        counts: outcome.counts,
        changes: outcome.changes.iter().map(ToString::to_string).collect(),
    };
    args.output
        .print(&report, |report| print_words(report, outcome))?;
    Ok(if outcome.faults.is_empty() {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}

fn print_words(report: &ImportReport<'_>, outcome: &CatalogueImportOutcome) {
    for warning in report.warnings {
        eprintln!("warning: {warning}");
    }
    if !report.faults.is_empty() {
        for fault in report.faults {
            eprintln!("{fault}");
        }
        eprintln!(
            "catalogue: refused, nothing was written ({} faults)",
            report.faults.len()
        );
        return;
    }
    if report.is_dry_run {
        show_changes(outcome);
    }
    let done = if report.is_dry_run {
        "would be"
    } else {
        "were"
    };
    let counts = report.counts;
    println!(
        "catalogue: {} {done} added, {} changed, {} removed, {} retired",
        counts.added, counts.changed, counts.removed, counts.retired
    );
}
