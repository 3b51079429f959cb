//! Reading a file into batches of rows, on a thread of its own.

use std::io::BufRead;

use tokio::sync::mpsc;

use super::{
    FileImportOptions, ImportContext, ImportFormat,
    batch::{ImportBatch, ImportBatches},
    brreg, kinds,
    source::{ImportSource, next_line},
};

/// Longest line.
const LINE_LIMIT: usize = 64 * 1024;

/// Reads the file to its end and sends what it holds. Lines up to `done` are passed over.
///
/// # Errors
/// The file cannot be read on. What is wrong with single lines is in the batches.
pub fn read(
    context: &ImportContext,
    options: &FileImportOptions,
    source: ImportSource,
    done: u64,
    out: &mpsc::Sender<ImportBatch>,
) -> anyhow::Result<()> {
    let mut batches = ImportBatches::new(done, out);
    match options.format {
        ImportFormat::Ndjson => lines(context, options, source.reader, done, &mut batches)?,
        ImportFormat::BrregUnits | ImportFormat::BrregSubUnits | ImportFormat::BrregRoles => {
            brreg::elements(context, options, source.reader, done, &mut batches)?;
        }
    }
    batches.finish();
    Ok(())
}

fn lines(
    context: &ImportContext,
    options: &FileImportOptions,
    mut reader: Box<dyn BufRead + Send>,
    done: u64,
    batches: &mut ImportBatches<'_>,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        let (more, too_long) = next_line(&mut reader, &mut line, LINE_LIMIT).map_err(|error| {
            anyhow::anyhow!("the file breaks off after line {number}, or cannot be read: {error}")
        })?;
        if !more {
            return Ok(());
        }
        number += 1;
        if number <= done {
            continue;
        }
        // A byte order mark comes from some editors.
        let text = if number == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)
        } else {
            &line
        };
        let ImportBatch { rows, findings, .. } = batches.current();
        if too_long {
            findings.add(
                number,
                "",
                "TOO_LONG",
                format!("the line has more than {LINE_LIMIT} bytes"),
            );
        } else if !text.trim_ascii().is_empty() {
            kinds::stage(context, options, number, text, rows, findings);
        }
        if !batches.line_done(number) {
            return Ok(());
        }
    }
}
