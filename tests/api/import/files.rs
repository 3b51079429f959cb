//! Files made for a test, and what the importer makes of them.

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use edges::import::{
    self, AcceptedPersons, FileImportOptions, FileImportOutcome, ImportContext, ImportFormat,
    ImportKind, ImportMode, PersonMatch,
};
use flate2::{Compression, write::GzEncoder};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::support::{TestApp, home};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A file of this test run.
pub fn file(bytes: impl AsRef<[u8]>) -> PathBuf {
    let dir = home().join("files");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(format!(
        "{}-{}.ndjson",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    ));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Objects, one a line.
pub fn ndjson(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// An import of a kind with the usual settings.
pub fn options(kind: ImportKind, file: PathBuf) -> FileImportOptions {
    FileImportOptions {
        kind,
        format: ImportFormat::Ndjson,
        file,
        source: "operator".to_owned(),
        mode: ImportMode::Snapshot,
        dry_run: false,
        max_errors: 0,
        max_shrink: 2.0,
        person_match: PersonMatch::Off,
        person_id_member: "fodselsnummer".to_owned(),
    }
}

/// Imports into the database of a running service.
pub async fn import(
    app: &TestApp,
    options: &FileImportOptions,
) -> anyhow::Result<FileImportOutcome> {
    import_as(app, options, AcceptedPersons::Synthetic).await
}

/// As [`import`], where it is said whose identity numbers are taken.
pub async fn import_as(
    app: &TestApp,
    options: &FileImportOptions,
    persons: AcceptedPersons,
) -> anyhow::Result<FileImportOutcome> {
    let state = &app.running.state;
    let context = ImportContext {
        persons,
        catalogue: Arc::clone(&state.catalogue),
        identity: Arc::clone(&state.identity),
    };
    let outcome = import::import(&state.db, &context, options, &ProgressBar::hidden()).await;
    // The command is another program: an instance knows of it as soon as it has read the feed.
    app.caught_up().await;
    outcome
}

/// Imports lines, which must all be good.
pub async fn good(app: &TestApp, kind: ImportKind, lines: &[Value]) -> import::MergeCounts {
    let outcome = import(app, &options(kind, file(ndjson(lines))))
        .await
        .unwrap();
    assert_eq!(
        (&outcome.refused, &outcome.findings.list),
        (&None, &vec![]),
        "{kind:?}"
    );
    outcome.counts
}

/// Codes of what is wrong, with their lines.
pub fn codes(outcome: &FileImportOutcome) -> Vec<(u64, &str)> {
    outcome
        .findings
        .list
        .iter()
        .map(|f| (f.line, f.code.as_str()))
        .collect()
}
