//! All SQL of the system register.

use std::collections::HashSet;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{NewSystem, System};
use crate::db::DbError;

struct Row {
    system_internal_id: Uuid,
    system_id: String,
    vendor_org_number: String,
    name: Value,
    description: Value,
    rights: Value,
    access_packages: Value,
    allowed_redirect_urls: Vec<String>,
    is_visible: bool,
    is_deleted: bool,
}

impl From<Row> for System {
    fn from(row: Row) -> Self {
        Self {
            internal_id: row.system_internal_id,
            id: row.system_id,
            vendor_org: row.vendor_org_number,
            name: row.name,
            description: row.description,
            rights: serde_json::from_value(row.rights).unwrap_or_default(),
            access_packages: serde_json::from_value(row.access_packages).unwrap_or_default(),
            redirect_urls: row.allowed_redirect_urls,
            is_visible: row.is_visible,
            is_deleted: row.is_deleted,
        }
    }
}

macro_rules! systems {
    ($rest:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            Row,
            r#"select system_internal_id, system_id, vendor_org_number, name, description, rights, access_packages, allowed_redirect_urls,
                 is_visible, is_deleted from system "# + $rest
            $(, $value)*
        )
    };
}

/// A system by its public id, in any state.
///
/// # Errors
/// As the database says.
pub async fn by_id(db: &mut PgConnection, id: &str) -> Result<Option<System>, DbError> {
    Ok(systems!("where system_id = $1", id).fetch_optional(db).await?.map(System::from))
}

/// As [`by_id`], and the row stays as it is until the transaction ends.
///
/// # Errors
/// As the database says.
pub async fn by_id_for_share(tx: &mut PgConnection, id: &str) -> Result<Option<System>, DbError> {
    Ok(systems!("where system_id = $1 for share", id).fetch_optional(tx).await?.map(System::from))
}

/// Live and visible systems of all vendors, oldest first.
///
/// # Errors
/// As the database says.
pub async fn visible(db: &mut PgConnection) -> Result<Vec<System>, DbError> {
    Ok(systems!("where is_visible and not is_deleted order by created, system_internal_id")
        .fetch_all(db)
        .await?
        .into_iter()
        .map(System::from)
        .collect())
}

/// Live systems of a vendor, oldest first.
///
/// # Errors
/// As the database says.
pub async fn of_vendor(db: &mut PgConnection, vendor_org: &str) -> Result<Vec<System>, DbError> {
    Ok(systems!("where vendor_org_number = $1 and not is_deleted order by created, system_internal_id", vendor_org)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(System::from)
        .collect())
}

/// Client ids of a system in the order they were sent, also those a deleted system had.
///
/// # Errors
/// As the database says.
pub async fn clients_of(db: &mut PgConnection, system: &System) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select client_id from system_client where system_internal_id = $1 and (released_at is null or $2) order by position",
        system.internal_id,
        system.is_deleted
    )
    .fetch_all(db)
    .await?)
}

/// Which of these client ids, in lower case, belong to a live system.
///
/// # Errors
/// As the database says.
pub async fn taken_clients(db: &mut PgConnection, client_ids: &[String]) -> Result<HashSet<String>, DbError> {
    let wanted: Vec<String> = client_ids.iter().map(|c| c.to_lowercase()).collect();
    Ok(sqlx::query_scalar!(
        r#"select lower(client_id) as "client_id!" from system_client where released_at is null and lower(client_id) = any($1)"#,
        &wanted
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .collect())
}

/// Stores a new system with its clients and its line in the change log. Redirect URLs are given in canonical form.
///
/// # Errors
/// As the database says; `system_system_id_key` and `system_client_live` are lost races.
pub async fn insert(
    tx: &mut PgConnection,
    system: &NewSystem,
    vendor_org: &str,
    redirect_urls: &[String],
    by_org: Option<&str>,
    by_client: Option<&str>,
) -> Result<Uuid, DbError> {
    let id = Uuid::new_v4();
    sqlx::query!(
        r#"insert into system (system_internal_id, system_id, vendor_org_number, name, description, rights, access_packages,
             allowed_redirect_urls, is_visible)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"#,
        id,
        system.id,
        vendor_org,
        Value::Object(system.name.clone()),
        Value::Object(system.description.clone()),
        serde_json::to_value(&system.rights).unwrap_or_default(),
        serde_json::to_value(&system.access_packages).unwrap_or_default(),
        redirect_urls,
        system.is_visible,
    )
    .execute(&mut *tx)
    .await?;
    let clients: Vec<String> = system.client_ids.iter().filter(|c| !c.trim().is_empty()).cloned().collect();
    sqlx::query!(
        r#"insert into system_client (client_id, system_internal_id, position)
           select c.id, $1, c.position::int from unnest($2::text[]) with ordinality as c(id, position)"#,
        id,
        &clients
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into system_change_log (system_internal_id, changed_by_org_number, change_type, changed_data, client_id)
           values ($1, $2, 'create', $3, $4)"#,
        id,
        by_org,
        system.snapshot(),
        by_client,
    )
    .execute(&mut *tx)
    .await?;
    crate::db::feed::append(tx, crate::db::feed::Touched::System, &system.id).await?;
    Ok(id)
}
