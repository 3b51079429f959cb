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

/// Refuses a database in which rows of tomorrow would have no partition.
///
/// # Errors
/// The text says what helps; or the database cannot be asked.
pub async fn require_partitions(pool: &PgPool) -> anyhow::Result<()> {
    let missing = sqlx::query_scalar!(
        r#"select part as "part!" from (
             select 'decision_block_' || to_char(service_now() + interval '1 day', 'YYYYMMDD') as part
             union all select 'audit_log_' || to_char(service_now() + interval '1 day', 'YYYYMM')) wanted
           where to_regclass(part) is null"#
    )
    .fetch_all(pool)
    .await?;
    anyhow::ensure!(
        missing.is_empty(),
        "{} not there: run `systembruker migrate` as the owner of the schema; the service makes them in time where its role may call \
         make_partitions()",
        missing.join(" and ") + if missing.len() == 1 { " is" } else { " are" }
    );
    Ok(())
}
