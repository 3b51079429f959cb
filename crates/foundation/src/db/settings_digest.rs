//! The settings with which the service was last started on a database.

use sqlx::PgConnection;

use super::DbError;

/// Stores the digest of the settings of a start, and gives that of the start before; none at the
/// first. Of instances that start at the same time one waits for the other.
pub async fn replace_settings_digest(
    tx: &mut PgConnection,
    digest: &str,
) -> Result<Option<String>, DbError> {
    let before = sqlx::query_scalar!("select settings_digest from installation for update")
        .fetch_one(&mut *tx)
        .await?;
    if before.as_deref() != Some(digest) {
        sqlx::query!("update installation set settings_digest = $1", digest)
            .execute(tx)
            .await?;
    }
    Ok(before)
}
