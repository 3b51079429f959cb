//! All SQL that changes of access have in common.

use std::collections::HashMap;

use foundation::db::DbError;
use registers::parties::{self, Party};
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether an agent still has packages of a client.
pub async fn has_client(db: &mut PgConnection, agent: i32, client: i32) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
             select from client_delegation d join client_delegation_package p on p.delegation_id = d.id
             where d.system_user_key = $1 and d.client_key = $2) as "exists!""#,
        agent,
        client
    )
    .fetch_one(db)
    .await?)
}

/// Keeps a system user from being deleted, and others from changing its clients, until the transaction
/// ends. False when it is deleted.
pub async fn lock_system_user(tx: &mut PgConnection, id: Uuid) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select id from "system_user" where id = $1 and not is_deleted for update"#,
        id
    )
    .fetch_optional(tx)
    .await?
    .is_some())
}

/// Parties by key.
pub async fn parties_by_key(
    db: &mut PgConnection,
    keys: &[i32],
) -> Result<HashMap<i32, Party>, DbError> {
    let mut out = HashMap::new();
    for key in keys {
        if !out.contains_key(key)
            && let Some(party) = parties::party_by_key(&mut *db, *key).await?
        {
            out.insert(*key, party);
        }
    }
    Ok(out)
}
