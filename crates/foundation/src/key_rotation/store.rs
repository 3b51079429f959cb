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

/// Ids of the keys that a setting had.
pub async fn known(db: &mut PgConnection, setting: &str) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select id from key_in_use where setting = $1 order by since desc, id",
        setting
    )
    .fetch_all(db)
    .await?)
}

/// Adds a key; false when it was there.
pub async fn add(tx: &mut PgConnection, key: &KeyInUse) -> Result<bool, DbError> {
    let added = sqlx::query!(
        "insert into key_in_use (setting, id) values ($1, $2) on conflict do nothing",
        key.setting,
        key.id
    );
    Ok(added.execute(tx).await?.rows_affected() == 1)
}
