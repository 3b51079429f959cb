//! Partitions of the audit trail and the decision log. Functions of the schema's owner make and drop
//! them, so that the role that serves need not own a table.

use sqlx::PgPool;

use super::DbError;

/// Makes the partitions that are needed soon: of this month and the next two for the audit trail, of
/// today and the next ten days for the decision log. Rows that a default partition holds for them
/// are moved.
///
/// # Errors
/// The database cannot be reached, or the role may not call the function.
pub async fn make_partitions(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query!("select make_partitions() as made")
        .fetch_one(pool)
        .await?;
    Ok(())
}

/// Drops the partitions of decisions that ended more than so many months ago.
///
/// # Errors
/// As [`make_partitions`].
pub async fn drop_expired_decisions(pool: &PgPool, months: u32) -> Result<(), DbError> {
    let months = i32::try_from(months).unwrap_or(i32::MAX);
    sqlx::query!("select drop_expired_decisions($1) as dropped", months)
        .fetch_one(pool)
        .await?;
    Ok(())
}
