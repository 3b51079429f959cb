//! `decisions`: the decision log from outside.

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    exit::{EXIT_CODES, Exit, WrongUse},
    output::OutputArgs,
    target::TargetArgs,
};
use crate::app::setup::CommandAccess;
use authorization::pdp::log::{COLUMNS, export, import};
use foundation::clock::Clock;

/// What can be done about the decision log.
#[derive(Debug, Subcommand)]
pub enum DecisionsCommand {
    /// Writes the decisions of a period, one a line.
    #[command(after_help = EXIT_CODES)]
    Export(DecisionsExportArgs),
    /// Stores the decisions that the service printed on standard output while the database was away.
    ///
    /// Everything else in the file is passed over, and so is what is stored already: a whole log of
    /// the service may be given, and given again.
    #[command(after_help = EXIT_CODES)]
    Import(DecisionsImportArgs),
}

/// Arguments of `decisions import`.
#[derive(Debug, Args)]
pub struct DecisionsImportArgs {
    /// What the service printed; - for standard input.
    file: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `decisions import` did.
#[derive(Debug, Serialize)]
struct DecisionsImportOutcome {
    holds: bool,
    stored: usize,
    /// Stored before.
    known: usize,
    /// Lines that are no decisions.
    others: usize,
    /// Decisions that are cut off or changed, and were not stored.
    damaged: usize,
}

/// Arguments of `decisions export`.
#[derive(Debug, Args)]
pub struct DecisionsExportArgs {
    /// First instant: a date, or an instant such as 2026-01-31T12:00:00Z.
    #[arg(long, value_parser = instant)]
    from: DateTime<Utc>,
    /// Instant after the last: a date, or an instant [default: now].
    #[arg(long, value_parser = instant)]
    to: Option<DateTime<Utc>>,
    /// How lines are written.
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
    format: ExportFormat,
    /// File to write, which must not be there yet [default: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// An object a line.
    Ndjson,
    /// A header, and then values with commas between them (RFC 4180).
    Csv,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            "neither a date such as 2026-01-31 nor an instant such as 2026-01-31T12:00:00Z"
                .to_owned()
        })
}

/// Runs the command.
///
/// # Errors
/// The installation cannot be opened, the range is empty, or the file cannot be written or read.
pub async fn run(command: &DecisionsCommand) -> anyhow::Result<Exit> {
    match command {
        DecisionsCommand::Export(args) => run_export(args).await,
        DecisionsCommand::Import(args) => run_import(args).await,
    }
}

async fn run_import(args: &DecisionsImportArgs) -> anyhow::Result<Exit> {
    let (text, size): (Box<dyn Read>, _) = if args.file == Path::new("-") {
        (Box::new(std::io::stdin()), None)
    } else {
        let opened = || format!("opening {}", args.file.display());
        let file = File::open(&args.file).with_context(opened)?;
        let size = file.metadata().with_context(opened)?.len();
        (Box::new(file), Some(size))
    };
    let target = args.target.open(CommandAccess::Write).await?;
    let progress = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = if size.is_some() {
        "{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left"
    } else {
        "{spinner} {binary_bytes}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    let imported = import::lines(&target.db, progress.wrap_read(text)).await;
    progress.finish_and_clear();
    let imported = imported?;
    target.db.close().await;
    let outcome = DecisionsImportOutcome {
        holds: imported.damaged == 0,
        stored: imported.stored,
        known: imported.known,
        others: imported.others,
        damaged: imported.damaged,
    };
    args.output.print(&outcome, |outcome| {
        eprintln!(
            "{} decisions stored, {} stored before, {} other lines passed over",
            HumanCount(outcome.stored as u64),
            HumanCount(outcome.known as u64),
            HumanCount(outcome.others as u64)
        );
        if outcome.damaged > 0 {
            eprintln!(
                "{} decisions are cut off or changed, and were not stored",
                HumanCount(outcome.damaged as u64)
            );
        }
    })?;
    Ok(if outcome.holds {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}

async fn run_export(args: &DecisionsExportArgs) -> anyhow::Result<Exit> {
    let to = args.to.unwrap_or_else(|| Clock::default().now());
    anyhow::ensure!(
        args.from < to,
        WrongUse("--from must be before --to".to_owned())
    );
    let target = args.target.open(CommandAccess::Read).await?;
    let mut out: Box<dyn Write> = match &args.out {
        None => Box::new(BufWriter::new(std::io::stdout())),
        Some(path) => Box::new(BufWriter::new(
            File::create_new(path).with_context(|| format!("creating {}", path.display()))?,
        )),
    };
    let progress = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} decisions, {eta} left")
    {
        progress.set_style(style);
    }
    if args.format == ExportFormat::Csv {
        writeln!(out, "{}\r", COLUMNS.join(","))?;
    }
    let mut db = target.db.acquire().await?;
    // A month is more than a request may read.
    sqlx::query("set statement_timeout = 0")
        .execute(&mut *db)
        .await?;
    let exported = export::each(&mut db, args.from, to, |total, row| {
        progress.set_length(total.unsigned_abs());
        progress.inc(1);
        match args.format {
            ExportFormat::Ndjson => writeln!(out, "{}", Value::Object(row.clone())),
            ExportFormat::Csv => writeln!(out, "{}\r", csv(row)),
        }
    })
    .await;
    progress.finish_and_clear();
    exported?;
    out.flush()?;
    drop(db);
    target.db.close().await;
    eprintln!(
        "{} decisions from {} to {}",
        HumanCount(progress.position()),
        args.from.to_rfc3339(),
        to.to_rfc3339()
    );
    Ok(Exit::Good)
}

fn csv(row: &Map<String, Value>) -> String {
    let values = COLUMNS.iter().map(|name| match &row[*name] {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
        value @ (Value::Array(_) | Value::Object(_)) => quoted(&value.to_string()),
    });
    values.collect::<Vec<_>>().join(",")
}

/// A text that a spreadsheet takes for a text: quoted where RFC 4180 wants it, and no formula.
fn quoted(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_never_formulas() {
        assert_eq!(quoted("a,b\"c"), "\"a,b\"\"c\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("plain"), "plain");
    }

    #[test]
    fn bounds_are_dates_or_instants() {
        assert_eq!(
            instant("2026-01-31").unwrap().to_rfc3339(),
            "2026-01-31T00:00:00+00:00"
        );
        assert_eq!(
            instant("2026-01-31T12:00:00+02:00").unwrap().to_rfc3339(),
            "2026-01-31T10:00:00+00:00"
        );
        assert!(instant("yesterday").is_err());
    }
}
