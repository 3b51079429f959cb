//! All SQL of parties as access management shows them.

use std::collections::HashMap;

use authorization::live_system_users::SystemUserKind;
use foundation::db::DbError;
use registers::parties::{IdentityKeys, PartyKind, PartyStatus};
use sqlx::PgConnection;

use super::model::{Entity, EntityRow, EntityType};

/// Parties as stored, by key. Unknown keys are left out.
pub async fn entity_rows(
    db: &mut PgConnection,
    keys: &[i32],
) -> Result<HashMap<i32, EntityRow>, DbError> {
    let rows = sqlx::query_as!(
        EntityRow,
        r#"select /* hot path */ p.key as "key!", p.uuid as "uuid!", p.party_id, p.kind as "kind!: PartyKind", f.code as "form?", p.status as "status!: PartyStatus", p.deleted_at,
             p.org_number, p.person_id_enc,
             p.user_id, p.parent_key, p.name as "name!", p.birth_date, p.death_date, u.kind as "system_user_kind?: SystemUserKind"
           from party p left join entity_variant f on f.key = p.form_id
           left join "system_user" u on u.id = p.uuid and p.kind = 'system-user'
           where p.key = any($1)"#,
        keys
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row)).collect())
}

/// Parties by key, without their main units.
pub async fn entities(
    db: &mut PgConnection,
    identity: &IdentityKeys,
    keys: &[i32],
) -> Result<HashMap<i32, Entity>, DbError> {
    let rows = entity_rows(db, keys).await?;
    Ok(rows
        .into_iter()
        .map(|(key, row)| (key, Entity::new(row, identity)))
        .collect())
}

impl Entity {
    /// Leaves out what identifies a person beyond name and uuid.
    pub fn hide_identity(&mut self) {
        self.person_identifier = None;
        self.date_of_birth = None;
        self.date_of_death = None;
    }

    /// A party without its main unit.
    #[must_use]
    pub fn new(row: EntityRow, identity: &IdentityKeys) -> Self {
        let kind = row.entity_type();
        let variant = match kind {
            EntityType::Organization => row.form.unwrap_or_default(),
            EntityType::Person => "Person".to_owned(),
            EntityType::SystemUser => match row.system_user_kind {
                Some(SystemUserKind::Agent) => "AgentSystem".to_owned(),
                Some(SystemUserKind::Standard) | None => "StandardSystem".to_owned(),
            },
            EntityType::Other => String::new(),
        };
        Self {
            id: row.uuid,
            name: row.name,
            kind: kind.wire(),
            variant,
            parent: None,
            children: None,
            party_id: row.party_id,
            user_id: row.user_id,
            username: None,
            organization_identifier: row.org_number,
            person_identifier: row
                .person_id_enc
                .and_then(|sealed| identity.decrypt(&sealed).ok())
                .map(|id| id.expose().to_owned()),
            date_of_birth: row.birth_date,
            date_of_death: row.death_date,
            is_deleted: row.status == PartyStatus::Deleted,
            deleted_at: row.deleted_at,
        }
    }
}
