//! All SQL of keys in use.

use sqlx::PgConnection;

use super::model::KeyInUse;
use crate::db::DbError;

/// Setting and id of every key that was used; of instances that start at the same time one waits for the
/// other.
pub async fn lock_known(tx: &mut PgConnection) -> Result<Vec<(String, String)>, DbError> {
    sqlx::query!("select profile from installation for update")
        .fetch_one(&mut *tx)
        .await?;
    let rows = sqlx::query!("select setting, id from key_in_use")
        .fetch_all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.setting, row.id)).collect())
}

/// A key that a setting had.
#[derive(Debug)]
pub struct KnownKey {
    pub id: String,
    /// Whether what is stored rests on it; none when that was never noted.
    pub is_in_use: Option<bool>,
}

/// The keys that a setting had, the newest first.
pub async fn known(db: &mut PgConnection, setting: &str) -> Result<Vec<KnownKey>, DbError> {
    Ok(sqlx::query_as!(
        KnownKey,
        "select id, is_in_use from key_in_use where setting = $1 order by since desc, id",
        setting
    )
    .fetch_all(db)
    .await?)
}

/// Adds a key; false when it was there.
pub async fn add(tx: &mut PgConnection, key: &KeyInUse, is_in_use: bool) -> Result<bool, DbError> {
    let added = sqlx::query!(
        "insert into key_in_use (setting, id, is_in_use) values ($1, $2, $3) on conflict do nothing",
        key.setting,
        key.id,
        is_in_use
    );
    Ok(added.execute(tx).await?.rows_affected() == 1)
}

/// Notes that a key is in use from now on.
pub async fn use_key(tx: &mut PgConnection, key: &KeyInUse) -> Result<(), DbError> {
    sqlx::query!(
        "update key_in_use set is_in_use = true where setting = $1 and id = $2 and is_in_use is not true",
        key.setting,
        key.id
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes whether a key is in use of which that was never noted.
pub async fn note_use(
    tx: &mut PgConnection,
    setting: &str,
    id: &str,
    is_in_use: bool,
) -> Result<(), DbError> {
    sqlx::query!(
        "update key_in_use set is_in_use = $3 where setting = $1 and id = $2 and is_in_use is null",
        setting,
        id,
        is_in_use
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that of the keys of a setting these are in use, and no others.
pub async fn use_only(tx: &mut PgConnection, setting: &str, ids: &[String]) -> Result<(), DbError> {
    sqlx::query!(
        "update key_in_use set is_in_use = id = any($2) where setting = $1",
        setting,
        ids
    )
    .execute(tx)
    .await?;
    Ok(())
}
