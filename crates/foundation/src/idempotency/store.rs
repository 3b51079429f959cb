//! All SQL of idempotency keys.

use sqlx::PgConnection;

use crate::{db::DbError, retention::BATCH};

/// A key that was used.
#[derive(Debug)]
pub struct StoredKey {
    pub fingerprint: Vec<u8>,
    pub status: Option<i16>,
    pub location: Option<String>,
    pub body: Option<Vec<u8>>,
}

/// Takes a key; false when it was used. Waits for a transaction that has it.
pub async fn claim(
    tx: &mut PgConnection,
    caller: &str,
    key: &str,
    fingerprint: &[u8],
) -> Result<bool, DbError> {
    let rows = sqlx::query!(
        "insert into idempotency_key (caller, key, fingerprint) values ($1, $2, $3) on conflict (caller, key) do nothing",
        caller,
        key,
        fingerprint
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(rows == 1)
}

/// The request that a key belongs to.
pub async fn find(
    tx: &mut PgConnection,
    caller: &str,
    key: &str,
) -> Result<Option<StoredKey>, DbError> {
    let found = sqlx::query_as!(
        StoredKey,
        "select fingerprint, status, location, body from idempotency_key where caller = $1 and key = $2",
        caller,
        key
    );
    Ok(found.fetch_optional(tx).await?)
}

/// Stores the answer of a key.
pub async fn keep(
    tx: &mut PgConnection,
    caller: &str,
    key: &str,
    status: i16,
    location: Option<&str>,
    body: &[u8],
) -> Result<(), DbError> {
    sqlx::query!(
        "update idempotency_key set status = $3, location = $4, body = $5 where caller = $1 and key = $2",
        caller,
        key,
        status,
        location,
        body
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes keys of more than a week ago.
pub async fn delete_old(tx: &mut PgConnection) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "delete from idempotency_key where (caller, key) in (
           select caller, key from idempotency_key where created < service_now() - interval '7 days' order by created limit $1)",
        BATCH
    )
    .execute(tx)
    .await?
    .rows_affected())
}
