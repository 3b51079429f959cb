//! Reading a file into batches of rows, on a thread of its own.

use std::io::BufRead;

use tokio::sync::mpsc;

use super::{
    Context, Format, Kind, Options, brreg,
    copy::Rows,
    findings::Findings,
    kinds,
    source::{Source, next_line},
};

/// A staging table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `staging.organization`
    Organization,
    /// `staging.person`
    Person,
    /// `staging.role`
    Role,
    /// `staging.client_delegation`
    ClientDelegation,
    /// `staging.document`
    Document,
}

impl Table {
    /// The table that a kind waits in.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Organizations => Self::Organization,
            Kind::Persons => Self::Person,
            Kind::Roles => Self::Role,
            Kind::ClientDelegations => Self::ClientDelegation,
            _ => Self::Document,
        }
    }
}

/// What was read of a file since the last batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// Rows to be staged.
    pub rows: Rows,
    /// What was wrong.
    pub findings: Findings,
    /// Last line that is in it.
    pub last_line: u64,
}

/// A batch is sent when it has so many bytes of rows …
const BATCH_BYTES: usize = 1024 * 1024;
/// … or so many lines.
const BATCH_LINES: u64 = 20_000;
/// Longest line.
const LINE_LIMIT: usize = 64 * 1024;

/// Reads the file to its end and sends what it holds. Lines up to `done` are passed over.
///
/// # Errors
/// The file cannot be read on. What is wrong with single lines is in the batches.
pub fn read(
    context: &Context,
    options: &Options,
    source: Source,
    done: u64,
    out: &mpsc::Sender<Batch>,
) -> anyhow::Result<()> {
    let mut batches = Batches {
        batch: Batch::default(),
        sent: done,
        out,
    };
    match options.format {
        Format::Ndjson => lines(context, options, source.reader, done, &mut batches)?,
        Format::BrregUnits | Format::BrregSubUnits | Format::BrregRoles => {
            brreg::elements(context, options, source.reader, done, &mut batches)?
        }
    }
    batches.finish();
    Ok(())
}

/// Collects rows until there are enough of them.
pub struct Batches<'a> {
    batch: Batch,
    sent: u64,
    out: &'a mpsc::Sender<Batch>,
}

impl Batches<'_> {
    /// The batch being filled.
    pub fn current(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// A line is complete. False when nobody listens any more.
    pub fn line_done(&mut self, line: u64) -> bool {
        self.batch.last_line = line;
        if self.batch.rows.bytes.len() < BATCH_BYTES && line - self.sent < BATCH_LINES {
            return true;
        }
        self.sent = line;
        self.out
            .blocking_send(std::mem::take(&mut self.batch))
            .is_ok()
    }

    fn finish(self) {
        if self.batch.last_line > 0 {
            let _ = self.out.blocking_send(self.batch);
        }
    }
}

fn lines(
    context: &Context,
    options: &Options,
    mut reader: Box<dyn BufRead + Send>,
    done: u64,
    batches: &mut Batches<'_>,
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
        let Batch { rows, findings, .. } = batches.current();
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
