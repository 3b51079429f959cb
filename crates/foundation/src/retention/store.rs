//! SQL that all classes share.

use sqlx::PgConnection;

use crate::db::DbError;

/// An expired partition of the trail.
#[derive(Debug)]
pub struct ExpiredPartition {
    pub part: String,
    /// Number in the chain and hash of its last row; none when it is empty.
    pub length: Option<i64>,
    pub hash: Option<Vec<u8>>,
    /// Rows without a number.
    pub unsealed: i64,
}

/// Partitions whose month ended so many years ago, oldest first.
pub async fn expired_partitions(
    db: &mut PgConnection,
    years: i32,
) -> Result<Vec<ExpiredPartition>, DbError> {
    Ok(sqlx::query_as!(
        ExpiredPartition,
        r#"select part as "part!", length, hash, unsealed as "unsealed!" from expired_audit_partitions($1)"#,
        years
    )
    .fetch_all(db)
    .await?)
}

/// Drops an expired partition, and notes where the chain begins then.
pub async fn drop_partition(tx: &mut PgConnection, part: &str, years: i32) -> Result<(), DbError> {
    sqlx::query!(
        "select drop_audit_partition($1, $2) as dropped",
        part,
        years
    )
    .fetch_one(tx)
    .await?;
    Ok(())
}

/// Drops the partitions of decisions that ended so many months ago. Returns how many.
pub async fn drop_decisions(tx: &mut PgConnection, months: i32) -> Result<u64, DbError> {
    let before = decision_partitions(&mut *tx).await?;
    sqlx::query!("select drop_expired_decisions($1) as dropped", months)
        .fetch_one(&mut *tx)
        .await?;
    let after = decision_partitions(tx).await?;
    Ok((before - after).unsigned_abs())
}

async fn decision_partitions(db: &mut PgConnection) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from pg_inherits where inhparent = 'decision_block'::regclass"#
    )
    .fetch_one(db)
    .await?)
}
