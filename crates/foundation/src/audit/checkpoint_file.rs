//! Whether the file of checkpoints has what was written to it.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

use super::{
    checkpoint::{self, Checkpoints},
    host,
    model::WrittenCheckpoints,
    store,
};
use crate::{http::context, telemetry::security::SecurityEvent};

/// A file of checkpoints.
#[derive(Debug)]
pub struct CheckpointFile {
    /// How long ago the newest checkpoint was written, while the chain has rows after it; else 0. Without any
    /// checkpoint, the age of the first row.
    pub age: Duration,
    /// When the newest was written; none when the file holds none.
    pub newest: Option<DateTime<Utc>>,
    /// Checkpoints that were written and are not in it.
    pub missing: Option<CheckpointsMissing>,
    /// Time of the last row of the chain, when a checkpoint should have been written since the newest.
    pub overdue_since: Option<DateTime<Utc>>,
}

/// What a file of checkpoints lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointsMissing {
    /// It is not there, or empty.
    #[error("it has vanished: a checkpoint was written to it at {0}")]
    All(DateTime<Utc>),
    /// Its end.
    #[error("it is an older copy: a later checkpoint was written to it at {0}")]
    Last(DateTime<Utc>),
    /// Its beginning.
    #[error(
        "it was begun anew at row {begun} of the audit trail, although it had checkpoints from row {before} on"
    )]
    First {
        /// Rows of the chain at its first checkpoint.
        begun: i64,
        /// Rows of the chain at the first one that was written.
        before: i64,
    },
}

/// A checkpoint is late when a row was sealed so long after it was due.
const LATE: Duration = Duration::minutes(10);

/// Looks at the file.
///
/// # Errors
/// The file or the database cannot be read, or a line of it is none of ours.
pub async fn checkpoint_file(
    db: &mut PgConnection,
    checkpoints: &Checkpoints,
) -> anyhow::Result<CheckpointFile> {
    // What the database knows is in the file already.
    let written = store::written_checkpoints(db, host(), &checkpoints.path()).await?;
    let ends = checkpoints.ends()?;
    let length = ends.map_or(0, |ends| ends.length);
    let after = store::after_checkpoint(db, length).await?;
    let newest = ends.map(|ends| ends.at);
    let missing = written.and_then(|written| match ends {
        None => Some(CheckpointsMissing::All(written.at)),
        Some(ends) if ends.length < written.length => Some(CheckpointsMissing::Last(written.at)),
        Some(ends) if ends.begun > written.begun => Some(CheckpointsMissing::First {
            begun: ends.begun,
            before: written.begun,
        }),
        Some(_) => None,
    });
    let since = after.first.map(|first| newest.unwrap_or(first));
    let due = newest.map(|at| at + checkpoint::EVERY + LATE);
    Ok(CheckpointFile {
        age: since.map_or(Duration::zero(), |since| after.now - since),
        newest,
        missing,
        overdue_since: after.last.filter(|last| due.is_some_and(|due| *last > due)),
    })
}

/// Reports a file that lacks something, once.
pub fn report_checkpoint_file(file: &CheckpointFile, checkpoints: &Checkpoints) {
    if checkpoints.keep_missing(file.missing.is_some())
        && let Some(missing) = file.missing
    {
        let reason = format!("the file of checkpoints {}: {missing}", checkpoints.path());
        context::report(SecurityEvent::AuditGap { reason: &reason });
    }
}

/// Notes that a checkpoint was written.
///
/// # Errors
/// The file or the database fails.
pub(crate) async fn note_written(
    db: &mut PgConnection,
    checkpoints: &Checkpoints,
    length: i64,
) -> anyhow::Result<()> {
    if let Some(ends) = checkpoints.ends()? {
        let written = WrittenCheckpoints {
            begun: ends.begun,
            length,
            at: ends.at,
        };
        store::checkpoint_written(db, host(), &checkpoints.path(), written).await?;
    }
    Ok(())
}
