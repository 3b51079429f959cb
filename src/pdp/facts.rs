//! What a decision needs to know. All SQL of the decision path that is not the register's or the registry's.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{db::DbError, register::PartyKind};

/// A right handed to a system user: further resource attributes that must be in the request.
pub type GrantedRight = Vec<(String, String)>;

/// Rights on this resource and action that the system user got from the reportee or its main unit.
pub async fn granted_rights(
    db: &mut PgConnection,
    system_user_key: i32,
    reportee_key: i32,
    resource: &str,
    action: &str,
) -> Result<Vec<GrantedRight>, DbError> {
    let rows = sqlx::query_scalar!(
        r#"select /* hot path */ ar.extra from assignment a join assignment_right ar on ar.assignment_id = a.id
           where a.to_key = $1 and ar.resource_id = $3 and ar.action = $4
             and a.from_key in (select key from party where key = $2 union all select parent_key from party where key = $2)"#,
        system_user_key,
        reportee_key,
        resource,
        action
    )
    .fetch_all(db)
    .await?;
    let pairs = |extra: &Value| -> GrantedRight {
        extra
            .as_array()
            .map(|list| list.iter().filter_map(|p| Some((p.get(0)?.as_str()?.to_owned(), p.get(1)?.as_str()?.to_owned()))).collect())
            .unwrap_or_default()
    };
    Ok(rows.iter().map(pairs).collect())
}

/// Whether lists may name this party at all.
pub fn can_be_listed(kind: PartyKind) -> bool {
    kind == PartyKind::Organization
}
