//! Rows between the reader of a file and the staging tables.

use tokio::sync::mpsc;

use super::{ImportKind, copy::CopyRows, findings::ImportFindings};

/// A staging table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagingTable {
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

impl StagingTable {
    /// The table that a kind waits in.
    #[must_use]
    pub const fn of(kind: ImportKind) -> Self {
        match kind {
            ImportKind::Organizations => Self::Organization,
            ImportKind::Persons => Self::Person,
            ImportKind::Roles => Self::Role,
            ImportKind::ClientDelegations => Self::ClientDelegation,
            _ => Self::Document,
        }
    }
}

/// What was read of a file since the last batch.
#[derive(Debug, Default)]
pub struct ImportBatch {
    /// Rows to be staged.
    pub rows: CopyRows,
    /// What was wrong.
    pub findings: ImportFindings,
    /// Last line that is in it.
    pub last_line: u64,
}

/// A batch is sent when it has so many bytes of rows …
const BATCH_BYTES: usize = 1024 * 1024;
/// … or so many lines.
const BATCH_LINES: u64 = 20_000;

/// Collects rows until there are enough of them.
pub struct ImportBatches<'a> {
    batch: ImportBatch,
    sent: u64,
    out: &'a mpsc::Sender<ImportBatch>,
}

impl<'a> ImportBatches<'a> {
    /// Nothing yet, after the lines up to `done`.
    pub fn new(done: u64, out: &'a mpsc::Sender<ImportBatch>) -> Self {
        Self {
            batch: ImportBatch::default(),
            sent: done,
            out,
        }
    }

    /// The batch being filled.
    pub fn current(&mut self) -> &mut ImportBatch {
        &mut self.batch
    }

    /// A line is complete. False when the receiver is closed.
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

    /// Sends what is left.
    pub fn finish(self) {
        if self.batch.last_line > 0 {
            let _ = self.out.blocking_send(self.batch);
        }
    }
}
