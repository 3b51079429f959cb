//! An import from its file to its end.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::mpsc;

use super::{
    FileImportOptions, ImportContext, ImportFormat, ImportKind, ImportMode, PersonMatch,
    apply::apply,
    batch::{ImportBatch, StagingTable},
    findings::ImportFindings,
    merge::{Merge, MergeCounts, MergeError},
    read,
    source::{self, ImportSource},
    store,
};
use foundation::audit::{self, Action, ObjectKind};

/// What came of an import.
#[derive(Debug)]
pub struct FileImportOutcome {
    /// Lines, or elements, of the file.
    pub lines: u64,
    /// Lines that an earlier run had staged.
    pub resumed_after: u64,
    /// What was done, or would be.
    pub counts: MergeCounts,
    /// What is wrong or strange.
    pub findings: ImportFindings,
    /// Why nothing was written; none when all went well.
    pub refused: Option<String>,
}

/// A source of files that lines name.
type FileSource = Arc<dyn Fn(&str) -> anyhow::Result<Vec<u8>> + Send + Sync>;

/// Imports a file.
///
/// # Errors
/// The file cannot be read to its end, another import is running, or the database fails. What is
/// wrong with the lines of a file is in the outcome.
pub async fn import(
    pool: &PgPool,
    context: &ImportContext,
    options: &FileImportOptions,
    progress: &ProgressBar,
) -> anyhow::Result<FileImportOutcome> {
    let mut db = PgConnection::connect_with(&pool.connect_options())
        .await
        .context("connecting to the database")?;
    let outcome = import_on(&mut db, context, options, progress).await;
    // With the connection goes the lock.
    let _ = db.close().await;
    outcome
}

async fn import_on(
    db: &mut PgConnection,
    context: &ImportContext,
    options: &FileImportOptions,
    progress: &ProgressBar,
) -> anyhow::Result<FileImportOutcome> {
    store::configure_import_session(&mut *db).await?;
    anyhow::ensure!(
        store::lock(&mut *db).await?,
        "another import is running; wait for it to end"
    );
    progress.set_message(format!("{}: looking at the file", options.kind.as_str()));
    let file = options.file.clone();
    let source = tokio::task::spawn_blocking(move || source::open(&file)).await??;
    let run = store::begin(&mut *db, options, &source.sha256).await?;
    let (lines, mut findings) =
        stage(&mut *db, context, options, source, Some(run), progress).await?;
    let folder: PathBuf = options
        .file
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let files: FileSource = Arc::new(move |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
    });
    waiting(
        progress,
        format!(
            "{}: merging {} lines",
            options.kind.as_str(),
            HumanCount(lines)
        ),
    );
    let mut tx = db.begin().await?;
    let mut merging = Merge {
        context,
        options,
        findings: std::mem::take(&mut findings),
        files: &*files,
    };
    let merged = apply(&mut tx, &mut merging).await;
    let findings = merging.findings;
    let errors = serde_json::to_value(&findings.list)?;
    let outcome = |counts, findings, refused| FileImportOutcome {
        lines,
        resumed_after: run.done,
        counts,
        findings,
        refused,
    };
    match merged {
        Ok(counts) if options.dry_run => {
            tx.rollback().await?;
            store::delete_run(&mut *db, run.id).await?;
            store::clear(&mut *db).await?;
            Ok(outcome(counts, findings, None))
        }
        Ok(counts) => {
            if !counts.is_nothing() {
                record(&mut tx, options, counts).await?;
            }
            store::end(&mut tx, run.id, "done", &json!(counts), &errors).await?;
            foundation::db::commit_at_last(tx).await?;
            store::clear(&mut *db).await?;
            if !counts.is_nothing() {
                analyze(&mut *db, options.kind, progress).await?;
            }
            Ok(outcome(counts, findings, None))
        }
        Err(MergeError::Database(error)) => Err(error.into()),
        Err(error) => {
            tx.rollback().await?;
            if options.dry_run {
                store::delete_run(&mut *db, run.id).await?;
            } else {
                store::end(
                    &mut *db,
                    run.id,
                    "refused",
                    &json!(MergeCounts::default()),
                    &errors,
                )
                .await?;
            }
            store::clear(&mut *db).await?;
            Ok(outcome(
                MergeCounts::default(),
                findings,
                Some(error.to_string()),
            ))
        }
    }
}

/// Imports a file that is in memory, in the caller's transaction. Every line must be good.
///
/// # Errors
/// A line is wrong, or the database fails.
pub async fn import_embedded(
    tx: &mut PgConnection,
    context: &ImportContext,
    kind: ImportKind,
    bytes: Vec<u8>,
    source: &str,
    files: impl Fn(&str) -> anyhow::Result<Vec<u8>> + Send + Sync,
) -> anyhow::Result<MergeCounts> {
    let options = FileImportOptions {
        kind,
        format: ImportFormat::Ndjson,
        file: PathBuf::from(kind.as_str()),
        source: source.to_owned(),
        mode: ImportMode::Delta,
        dry_run: false,
        max_errors: 0,
        max_shrink: 0.0,
        person_match: PersonMatch::Off,
        person_id_member: String::new(),
    };
    store::clear(&mut *tx).await?;
    let (_, findings) = stage(
        &mut *tx,
        context,
        &options,
        source::embedded(bytes),
        None,
        &ProgressBar::hidden(),
    )
    .await?;
    let mut merging = Merge {
        context,
        options: &options,
        findings,
        files: &files,
    };
    let merged = apply(&mut *tx, &mut merging).await;
    let first = merging
        .findings
        .list
        .first()
        .map(|f| format!("line {}: {} {}", f.line, f.member, f.reason));
    merged.with_context(|| first.unwrap_or_default())
}

/// Reads the file on another thread, and stages what it holds. Gives the number of lines, and what
/// is to be looked at.
async fn stage(
    db: &mut PgConnection,
    context: &ImportContext,
    options: &FileImportOptions,
    source: ImportSource,
    run: Option<store::ImportRun>,
    progress: &ProgressBar,
) -> anyhow::Result<(u64, ImportFindings)> {
    let table = StagingTable::of(options.kind);
    let done = run.map_or(0, |r| r.done);
    let position = source.position.clone();
    reading(progress, source.size, options.kind);
    let (sender, mut batches) = mpsc::channel::<ImportBatch>(2);
    let reader = {
        let (context, options) = (context.clone(), options.clone());
        tokio::task::spawn_blocking(move || read::read(&context, &options, source, done, &sender))
    };
    let mut lines = done;
    let mut findings = ImportFindings::default();
    while let Some(mut batch) = batches.recv().await {
        store::stage(&mut *db, table, &batch, run.map(|r| r.id)).await?;
        lines = batch.last_line;
        // Those in words wait in the database; here only what would be lost.
        let unkept = batch.findings.count - batch.findings.list.len() as u64;
        batch.findings.list.clear();
        batch.findings.count = unkept;
        findings.extend(batch.findings);
        progress.set_position(position.get());
        progress.set_message(format!("{} lines", HumanCount(lines)));
    }
    reader.await??;
    let name = match table {
        StagingTable::Organization => "organization",
        StagingTable::Person => "person",
        StagingTable::Role => "role",
        StagingTable::ClientDelegation => "client_delegation",
        StagingTable::Document => "document",
    };
    sqlx::query(sqlx::AssertSqlSafe(format!("analyze staging.{name}")))
        .execute(db)
        .await?;
    Ok((lines, findings))
}

fn reading(progress: &ProgressBar, size: Option<u64>, kind: ImportKind) {
    if progress.is_hidden() {
        return;
    }
    let template = match size {
        Some(size) => {
            progress.set_length(size);
            "{prefix} {bar:30} {percent}% of {total_bytes} · {msg} · {bytes_per_sec} · {eta} left"
        }
        None => "{prefix} {spinner} {bytes} · {msg} · {bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    progress.set_prefix(kind.as_str());
    progress.enable_steady_tick(Duration::from_millis(200));
}

fn waiting(progress: &ProgressBar, message: String) {
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        progress.set_style(style);
    }
    progress.set_message(message);
}

/// Writes the audit row of a run.
async fn record(
    tx: &mut PgConnection,
    options: &FileImportOptions,
    counts: MergeCounts,
) -> anyhow::Result<()> {
    let event = audit::AuditEvent {
        actor: audit::Actor::Operator,
        action: Action::OperatorImported,
        object_kind: ObjectKind::Import,
        object_id: format!("{}:{}", options.source, options.kind.as_str()),
        party_org: None,
        vendor_org: None,
        detail: Some(json!({"mode": options.mode.as_str(), "counts": counts})),
    };
    Ok(audit::record(tx, event).await?)
}

/// Gathers statistics, so that the planner knows the size of the tables.
async fn analyze(
    db: &mut PgConnection,
    kind: ImportKind,
    progress: &ProgressBar,
) -> anyhow::Result<()> {
    waiting(progress, format!("{}: gathering statistics", kind.as_str()));
    let tables: &[&str] = match kind {
        ImportKind::Organizations => &["party", "register_role"],
        ImportKind::Persons => &["party", "person_name"],
        ImportKind::Roles => &["register_role", "party"],
        ImportKind::Rightholders | ImportKind::SystemUsers => &[
            "party",
            "system_user",
            "assignment",
            "assignment_package",
            "assignment_right",
        ],
        ImportKind::ClientDelegations => &[
            "assignment",
            "client_delegation",
            "client_delegation_package",
        ],
        ImportKind::Requests => &["request"],
        ImportKind::Systems => &["system", "system_client"],
        ImportKind::Resources => &[
            "resource",
            "resource_version",
            "resource_policy",
            "resource_subject",
        ],
        ImportKind::AccessLists => &["access_list", "access_list_member"],
        ImportKind::ServiceOwners | ImportKind::Vendors => &[],
    };
    for table in tables {
        sqlx::query(sqlx::AssertSqlSafe(format!("analyze \"{table}\"")))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
