//! Sealing: rows get their place in the chain once they are visible to every transaction.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::{checkpoint::Checkpoints, checkpoint_file::note_written, store};
use crate::{http::context, telemetry::security::SecurityEvent};

/// So many rows are sealed in one transaction.
const BATCH: i64 = 1_000;

/// Seals every row that has no place yet, and notes a checkpoint when it is time. While another instance seals, this one does nothing.
///
/// # Errors
/// The database or the file of checkpoints cannot be written; what was sealed stays so.
pub async fn seal(
    pool: &PgPool,
    checkpoints: Option<&Checkpoints>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    loop {
        let mut tx = pool.begin().await?;
        let Some((mut length, mut hash)) = store::end_for_update(&mut tx).await? else {
            return Ok(());
        };
        let rows = store::unsealed(&mut tx, BATCH).await?;
        if !rows.is_empty() {
            let mut sealed = Vec::with_capacity(rows.len());
            for row in &rows {
                length += 1;
                let next = row.hash_at(length, &hash).to_vec();
                sealed.push(store::Seal {
                    at: row.at,
                    seq: row.seq,
                    place: length,
                    before: hash,
                    hash: next.clone(),
                });
                hash = next;
            }
            store::put(&mut tx, &sealed).await?;
            store::set_end(&mut tx, length, &hash).await?;
            crate::db::commit(tx).await?;
        }
        let is_last = i64::try_from(rows.len()).unwrap_or(BATCH) < BATCH;
        if is_last {
            let Some(checkpoints) = checkpoints else {
                return Ok(());
            };
            let noted = checkpoints.note(length, &hash, now);
            let is_written = noted.inspect_err(|error| {
                let reason = format!("{error:#}");
                context::report(SecurityEvent::AuditGap { reason: &reason });
            })?;
            if is_written {
                note_written(&mut *pool.acquire().await?, checkpoints, length).await?;
            }
            return Ok(());
        }
    }
}
