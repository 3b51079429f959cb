//! `import`: files into the database.

use std::{path::PathBuf, sync::Arc, time::Instant};

use anyhow::Context as _;
use clap::Args;
use indicatif::{HumanCount, ProgressBar};

use super::{
    exit::{EXIT_CODES, Exit, WrongUse},
    output::OutputArgs,
    recover,
    target::{Installation, TargetArgs},
};
use crate::app::setup::{self, CommandAccess};
use edges::import::{
    self, AcceptedPersons, FileImportOptions, FileImportOutcome, ImportContext, ImportFormat,
    ImportKind, ImportMode,
};
use registers::packages;

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = format!("{AFTER_HELP}\n\n{EXIT_CODES}"))]
pub struct ImportArgs {
    /// What the file holds, or `brreg` for the open files of the Brønnøysund registers, or `catalogue`
    /// for roles and packages. In load order: organizations, persons, roles, service-owners, resources,
    /// access-lists, rightholders, vendors, systems, system-users, client-delegations, requests.
    #[arg(value_name = "KIND")]
    what: String,
    /// The file, one JSON object a line, plain or gzip; `-` reads standard input. With `catalogue`: JSON
    /// documents of at most 8 MiB, in the format of those that come with the program; a part that is in
    /// none of them stays as it is.
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// With `catalogue`: keeps packages that are in use and not in the files, for those who hold them.
    #[arg(long)]
    pub(super) retire_missing: bool,
    /// With `catalogue`: does not ask on a terminal; `--json` does not either.
    #[arg(long)]
    pub(super) yes: bool,
    /// With `brreg`: main units (`api/enheter/lastned`).
    #[arg(long, value_name = "FILE")]
    enheter: Option<PathBuf>,
    /// With `brreg`: sub-units (`api/underenheter/lastned`).
    #[arg(long, value_name = "FILE")]
    underenheter: Option<PathBuf>,
    /// With `brreg`: roles (`api/roller/totalbestand`).
    #[arg(long, value_name = "FILE")]
    roller: Option<PathBuf>,
    /// Who says so. What a source named, only that source ends [default: operator, or brreg].
    #[arg(long)]
    source: Option<String>,
    /// Whether the file is all that its source knows, or only what changed.
    #[arg(long, value_enum, default_value_t = ImportMode::Snapshot)]
    mode: ImportMode,
    /// Does everything and keeps nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Leaves out so many wrong lines; one more refuses the file.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_errors: u64,
    /// Greatest part of a source's rows that a snapshot may end [default:
    /// `import.max_shrink_percent`].
    #[arg(long, value_name = "PERCENT")]
    max_shrink: Option<f64>,
    /// Writes what was done and everything that is wrong to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

impl ImportArgs {
    /// Whether the files are a catalogue, which is not read line by line.
    pub fn is_catalogue(&self) -> bool {
        self.what == "catalogue"
    }

    /// Opens the installation: for a dry run to read alone, else to write, when it lacks nothing.
    ///
    /// # Errors
    /// It cannot be opened, or lacks something.
    pub(super) async fn open(&self) -> anyhow::Result<Installation> {
        if self.dry_run {
            return self.target.open(CommandAccess::Read).await;
        }
        let target = self.target.open(CommandAccess::Write).await?;
        recover::require_complete(&target).await?;
        Ok(target)
    }
}

const AFTER_HELP: &str = "\
Examples:
  systembruker import organizations organizations.ndjson.gz --config production.toml
  systembruker import roles changes.ndjson --mode delta --config production.toml
  systembruker import brreg --enheter enheter.json.gz --underenheter underenheter.json.gz --roller roller.json.gz
  systembruker import persons persons.ndjson --dry-run --data-dir .sandbox
  systembruker import catalogue packages.json roles.json --dry-run --config production.toml

One transaction per file: all of it or nothing. A run that was cut off goes on where it stopped when it is started again
with the same file.";

/// Runs the command.
///
/// # Errors
/// The arguments contradict each other, a file cannot be read, or the database fails.
pub async fn run(args: &ImportArgs) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !args.retire_missing && !args.yes,
        wrong_use("--retire-missing and --yes are for `import catalogue`")
    );
    let files = files(args)?;
    let target = args.open().await?;
    if !args.dry_run {
        let mut tx = target.db.begin().await?;
        setup::require_identity_keys(&mut tx, &target.identity).await?;
        tx.rollback().await?;
    }
    let catalogue = packages::load(&target.db)
        .await
        .context("reading the catalogue")?;
    anyhow::ensure!(
        catalogue.packages().next().is_some(),
        "the database has no catalogue yet: start the service once, or import without --dry-run"
    );
    let context = ImportContext {
        persons: AcceptedPersons::of(target.settings.server.profile),
        catalogue: Arc::new(catalogue),
        identity: target.identity,
    };
    let mut good = true;
    let mut reports = Vec::new();
    for (kind, format, file) in files {
        let name = if format == ImportFormat::Ndjson {
            "operator".to_owned()
        } else {
            "brreg".to_owned()
        };
        let source = args.source.clone().unwrap_or(name);
        let options = FileImportOptions {
            kind,
            format,
            // Main units and sub-units are two files of one kind: neither ends what the other
            // names.
            source: if format == ImportFormat::BrregSubUnits {
                format!("{source}:underenheter")
            } else {
                source
            },
            file,
            mode: args.mode,
            dry_run: args.dry_run,
            max_errors: args.max_errors,
            max_shrink: args
                .max_shrink
                .unwrap_or(target.settings.import.max_shrink_percent),
            person_match: target.settings.import.person_match,
            person_id_member: target.settings.import.person_id_member.clone(),
        };
        let started = Instant::now();
        let progress = ProgressBar::new_spinner();
        let outcome = import::import(&target.db, &context, &options, &progress).await;
        progress.finish_and_clear();
        let outcome = outcome.with_context(|| options.file.display().to_string())?;
        if !args.output.json {
            print_outcome(&options, &outcome, started.elapsed().as_secs_f64());
        }
        reports.push(report(&options, &outcome));
        good = outcome.refused.is_none();
        if !good {
            break;
        }
    }
    if let Some(path) = &args.report {
        std::fs::write(path, serde_json::to_string_pretty(&reports)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    target.db.close().await;
    // In words, each file was reported when it was done.
    args.output.print(&reports, |_| ())?;
    Ok(if good { Exit::Good } else { Exit::DoesNotHold })
}

fn files(args: &ImportArgs) -> anyhow::Result<Vec<(ImportKind, ImportFormat, PathBuf)>> {
    let open = [
        (
            ImportKind::Organizations,
            ImportFormat::BrregUnits,
            &args.enheter,
        ),
        (
            ImportKind::Organizations,
            ImportFormat::BrregSubUnits,
            &args.underenheter,
        ),
        (ImportKind::Roles, ImportFormat::BrregRoles, &args.roller),
    ];
    let given: Vec<_> = open
        .into_iter()
        .filter_map(|(kind, format, file)| Some((kind, format, file.clone()?)))
        .collect();
    if args.what == "brreg" {
        anyhow::ensure!(
            args.files.is_empty(),
            wrong_use("with brreg, files are given by --enheter, --underenheter and --roller")
        );
        anyhow::ensure!(
            !given.is_empty(),
            wrong_use("brreg needs at least one of --enheter, --underenheter and --roller")
        );
        return Ok(given);
    }
    anyhow::ensure!(
        given.is_empty(),
        wrong_use("--enheter, --underenheter and --roller are for `import brreg`")
    );
    let names = || ImportKind::ALL.map(ImportKind::as_str).join(", ");
    let kind = ImportKind::from_name(&args.what).ok_or_else(|| {
        wrong_use(format!(
            "`{}` is no kind of file; the kinds are {}, catalogue and brreg",
            args.what,
            names()
        ))
    })?;
    let [file] = args.files.as_slice() else {
        let question = format!("which file? systembruker import {} FILE", args.what);
        return Err(wrong_use(question).into());
    };
    Ok(vec![(kind, ImportFormat::Ndjson, file.clone())])
}

pub(super) fn wrong_use(text: impl Into<String>) -> WrongUse {
    WrongUse(text.into())
}

/// Prints the outcome of a file in words.
fn print_outcome(options: &FileImportOptions, outcome: &FileImportOutcome, seconds: f64) {
    const SHOWN: usize = 20;
    let findings = &outcome.findings;
    for finding in findings.list.iter().take(SHOWN) {
        let member = if finding.member.is_empty() {
            String::new()
        } else {
            format!(" {}", finding.member)
        };
        eprintln!(
            "line {}:{member} {}: {}",
            finding.line, finding.code, finding.reason
        );
    }
    if findings.count > SHOWN as u64 {
        eprintln!(
            "… and {} more; --report FILE writes the first {} down",
            HumanCount(findings.count - SHOWN as u64),
            findings.list.len()
        );
    }
    for warning in findings.warnings() {
        eprintln!(
            "warning, {} lines, first line {}: {}: {}",
            HumanCount(warning.count),
            warning.first_line,
            warning.code,
            warning.reason
        );
    }
    let name = format!("{} from {}", options.kind.as_str(), options.file.display());
    if let Some(reason) = &outcome.refused {
        eprintln!(
            "{name}: refused after {seconds:.1} s, nothing was written: {reason} ({} wrong lines)",
            HumanCount(findings.count)
        );
        return;
    }
    let counts = outcome.counts;
    let done = if options.dry_run { "would be" } else { "were" };
    let resumed = if outcome.resumed_after > 0 {
        format!(
            ", going on after line {}",
            HumanCount(outcome.resumed_after)
        )
    } else {
        String::new()
    };
    println!(
        "{name}: {} lines in {seconds:.1} s{resumed}; {} {done} added, {} changed, {} ended, {} left out",
        HumanCount(outcome.lines),
        HumanCount(counts.added),
        HumanCount(counts.changed),
        HumanCount(counts.ended),
        HumanCount(findings.count)
    );
}

fn report(options: &FileImportOptions, outcome: &FileImportOutcome) -> serde_json::Value {
    serde_json::json!({
        "kind": options.kind.as_str(), "file": options.file.display().to_string(), "source": options.source, "mode": options.mode.as_str(),
        "dryRun": options.dry_run, "lines": outcome.lines, "counts": outcome.counts, "refused": outcome.refused,
        "wrong": outcome.findings.count, "findings": outcome.findings.list, "warnings": outcome.findings.warnings(),
    })
}
