//! Partitions whose time is over are dropped whole: of the decision log at once, of the audit trail
//! after a checkpoint said what they ended with.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::{RetentionClass, count, record, store};
use crate::{
    audit::{self, Checkpoints},
    db::DbError,
};

/// Drops the partitions whose month ended so many years ago. The first one with rows that have no
/// number in the chain yet ends it. Returns how many were dropped.
///
/// # Errors
/// The database or the file of checkpoints cannot be written; what was dropped stays so.
pub async fn drop_expired_trail(
    pool: &PgPool,
    checkpoints: Option<&Checkpoints>,
    years: u32,
    now: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let years = i32::try_from(years).unwrap_or(i32::MAX);
    let expired = store::expired_partitions(&mut *pool.acquire().await?, years).await?;
    let mut dropped = 0;
    for partition in expired {
        if partition.unsealed > 0 {
            tracing::warn!(
                partition = partition.part,
                rows = partition.unsealed,
                "an expired partition of the audit trail is kept: rows have no number in the chain"
            );
            break;
        }
        if let (Some(checkpoints), Some(length), Some(hash)) =
            (checkpoints, partition.length, &partition.hash)
        {
            checkpoints.note_end(length, hash, now)?;
            audit::note_written(&mut *pool.acquire().await?, checkpoints, length).await?;
        }
        let mut tx = pool.begin().await?;
        store::drop_partition(&mut tx, &partition.part, years)
            .await
            .with_context(|| format!("dropping {}", partition.part))?;
        record(&mut tx, RetentionClass::AuditTrail, 1).await?;
        crate::db::commit(tx).await?;
        count(RetentionClass::AuditTrail, 1);
        dropped += 1;
    }
    Ok(dropped)
}

/// Drops the partitions of decisions that ended more than so many months ago. Returns how many.
///
/// # Errors
/// The database fails, or the role may not call the function.
pub async fn drop_expired_decisions(pool: &PgPool, months: u32) -> Result<u64, DbError> {
    let months = i32::try_from(months).unwrap_or(i32::MAX);
    let mut tx = pool.begin().await?;
    let dropped = store::drop_decisions(&mut tx, months).await?;
    if dropped > 0 {
        record(&mut tx, RetentionClass::Decisions, dropped).await?;
    }
    crate::db::commit(tx).await?;
    count(RetentionClass::Decisions, dropped);
    Ok(dropped)
}
