//! Key sets of other issuers in the database. All SQL of key sets.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;

use crate::db::DbError;

/// The key set of an issuer as some instance fetched it last, and how long ago.
pub(super) async fn read(
    pool: &PgPool,
    issuer: &str,
) -> Result<Option<(Value, Duration)>, DbError> {
    let found = sqlx::query!(
        r#"select jwks, extract(epoch from service_now() - fetched_at)::float8 as "age!" from key_set where issuer = $1"#,
        issuer
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.map(|row| {
        // A clock that was set back makes no key set younger than new.
        let age = Duration::try_from_secs_f64(row.age).unwrap_or_default();
        (row.jwks, age)
    }))
}

/// Stores a key set that was fetched just now. It can be fetched again, and waits for no standby.
pub(super) async fn write(pool: &PgPool, issuer: &str, document: &Value) -> Result<(), DbError> {
    sqlx::query!(
        "insert into key_set (issuer, jwks, fetched_at) select $1, $2, service_now() from set_config('synchronous_commit', 'local', true)
         on conflict (issuer) do update set jwks = excluded.jwks, fetched_at = excluded.fetched_at",
        issuer,
        document
    )
    .execute(pool)
    .await?;
    Ok(())
}
