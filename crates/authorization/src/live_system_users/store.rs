//! All SQL of the live check.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{LiveSystemUserFacts, SystemUserKind, SystemUserParty};
use foundation::db::{Column, DbError};

/// The facts of active system users of existing systems among these ids.
pub async fn live_facts(
    db: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<LiveSystemUserFacts>, DbError> {
    let rows = sqlx::query!(
        r#"select /* hot path */ u.id, u.kind as "kind: Column<SystemUserKind>", u.reportee_org_no, s.system_id, s.vendor_org_number,
             array(select c.client_id from system_client c where c.system_internal_id = s.system_internal_id and c.released_at is null) as "clients!"
           from "system_user" u join system s on s.system_internal_id = u.system_internal_id
           where u.id = any($1) and not u.is_deleted and not s.is_deleted"#,
        ids
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| {
        Ok(LiveSystemUserFacts {
            id: row.id,
            kind: row.kind.read("system_user.kind", row.id)?,
            owner_org: row.reportee_org_no,
            system_id: row.system_id,
            vendor_org: row.vendor_org_number,
            clients: row.clients,
        })
    })
    .collect()
}

/// A system user as decisions see it; none when there is no such.
pub async fn party_of(db: &mut PgConnection, id: Uuid) -> Result<Option<SystemUserParty>, DbError> {
    Ok(sqlx::query_as!(
        SystemUserParty,
        r#"select /* hot path */ p.key, (not u.is_deleted and not s.is_deleted and o.status <> 'deleted') as "is_active!"
           from "system_user" u join party p on p.uuid = u.id join system s on s.system_internal_id = u.system_internal_id
           join party o on o.key = u.owner_key where u.id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?)
}
