//! All SQL of the system register.

use std::collections::HashSet;

use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{AccessPackage, ChangeLogEntry, NewSystem, Right, System};
use foundation::{
    db::{
        Column, DbError,
        feed::{self, FeedEntryKind},
    },
    http::time,
};

struct SystemRow {
    system_internal_id: Uuid,
    system_id: String,
    vendor_org_number: String,
    name: Value,
    description: Value,
    rights: Column<Json<Vec<Right>>>,
    access_packages: Column<Json<Vec<AccessPackage>>>,
    allowed_redirect_urls: Vec<String>,
    is_visible: bool,
    is_deleted: bool,
}

impl TryFrom<SystemRow> for System {
    type Error = DbError;

    fn try_from(row: SystemRow) -> Result<Self, DbError> {
        let id = row.system_internal_id;
        Ok(Self {
            internal_id: id,
            id: row.system_id,
            vendor_org: row.vendor_org_number,
            name: row.name,
            description: row.description,
            rights: row.rights.read("system.rights", id)?.0,
            access_packages: row.access_packages.read("system.access_packages", id)?.0,
            redirect_urls: row.allowed_redirect_urls,
            is_visible: row.is_visible,
            is_deleted: row.is_deleted,
        })
    }
}

macro_rules! systems {
    ($rest:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            SystemRow,
            r#"select system_internal_id, system_id, vendor_org_number, name, description, rights as "rights: Column<Json<Vec<Right>>>",
                 access_packages as "access_packages: Column<Json<Vec<AccessPackage>>>", allowed_redirect_urls, is_visible, is_deleted from system "# + $rest
            $(, $value)*
        )
    };
}

/// A system by its public id, in any state.
pub async fn by_id(db: &mut PgConnection, id: &str) -> Result<Option<System>, DbError> {
    systems!("where system_id = $1", id)
        .fetch_optional(db)
        .await?
        .map(System::try_from)
        .transpose()
}

/// As [`by_id`], and the row stays as it is until the transaction ends.
pub async fn by_id_for_share(tx: &mut PgConnection, id: &str) -> Result<Option<System>, DbError> {
    systems!("where system_id = $1 for share", id)
        .fetch_optional(tx)
        .await?
        .map(System::try_from)
        .transpose()
}

/// As [`by_id`], and locks the row until the transaction ends.
pub async fn lock(tx: &mut PgConnection, id: &str) -> Result<Option<System>, DbError> {
    systems!("where system_id = $1 for update", id)
        .fetch_optional(tx)
        .await?
        .map(System::try_from)
        .transpose()
}

/// Live and visible systems of all vendors, oldest first.
pub async fn visible(db: &mut PgConnection) -> Result<Vec<System>, DbError> {
    systems!("where is_visible and not is_deleted order by created, system_internal_id")
        .fetch_all(db)
        .await?
        .into_iter()
        .map(System::try_from)
        .collect()
}

/// Live systems of a vendor, oldest first.
pub async fn of_vendor(db: &mut PgConnection, vendor_org: &str) -> Result<Vec<System>, DbError> {
    systems!(
        "where vendor_org_number = $1 and not is_deleted order by created, system_internal_id",
        vendor_org
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(System::try_from)
    .collect()
}

/// Client ids of a system in the order they were sent, also those a deleted system had.
pub async fn clients_of(db: &mut PgConnection, system: &System) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select client_id from system_client where system_internal_id = $1 and (released_at is null or $2) order by position",
        system.internal_id,
        system.is_deleted
    )
    .fetch_all(db)
    .await?)
}

/// Which of these client ids, in lower case, belong to another live system of this vendor.
pub async fn taken_clients(
    db: &mut PgConnection,
    vendor_org: &str,
    client_ids: &[String],
    but: Option<Uuid>,
) -> Result<HashSet<String>, DbError> {
    let wanted: Vec<String> = client_ids.iter().map(|c| c.to_lowercase()).collect();
    Ok(sqlx::query_scalar!(
        r#"select lower(client_id) as "client_id!" from system_client where released_at is null and lower(client_id) = any($1)
             and vendor_org_number = $3 and system_internal_id is distinct from $2"#,
        &wanted,
        but,
        vendor_org
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .collect())
}

/// Stores a new system with its clients and its line in the change log. Redirect URLs are given in
/// canonical form.
///
/// # Errors
/// The database fails; `system_system_id_key` and `system_client_live` are lost races.
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
        Json(&system.rights) as Json<&Vec<Right>>,
        Json(&system.access_packages) as Json<&Vec<AccessPackage>>,
        redirect_urls,
        system.is_visible,
    )
    .execute(&mut *tx)
    .await?;
    put_clients(&mut *tx, id, vendor_org, &system.client_ids).await?;
    log(
        &mut *tx,
        id,
        "create",
        Some(&system.snapshot()),
        by_org,
        by_client,
    )
    .await?;
    feed::append(tx, FeedEntryKind::System, &system.id).await?;
    Ok(id)
}

async fn put_clients(
    tx: &mut PgConnection,
    system: Uuid,
    vendor_org: &str,
    client_ids: &[String],
) -> Result<(), DbError> {
    let clients: Vec<String> = client_ids
        .iter()
        .filter(|c| !c.trim().is_empty())
        .cloned()
        .collect();
    sqlx::query!(
        r#"insert into system_client (client_id, system_internal_id, vendor_org_number, position)
           select c.id, $1, $3, c.position::int from unnest($2::text[]) with ordinality as c(id, position)"#,
        system,
        &clients,
        vendor_org
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn log(
    tx: &mut PgConnection,
    system: Uuid,
    change: &str,
    data: Option<&Value>,
    by_org: Option<&str>,
    by_client: Option<&str>,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into system_change_log (system_internal_id, changed_by_org_number, change_type, changed_data, client_id, created)
           values ($1, $2, $3, $4, $5, clock_timestamp())"#,
        system,
        by_org,
        change,
        data,
        by_client
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What of a system changes.
#[derive(Debug)]
pub enum SystemChange<'a> {
    /// Everything but its id, its vendor and when it was made. Redirect URLs are given in canonical
    /// form.
    Whole(&'a NewSystem, &'a [String]),
    /// Its rights.
    Rights(&'a [Right]),
    /// Its access packages.
    Packages(&'a [AccessPackage]),
    /// It is deleted: its clients are free for others, its id never is.
    Deleted,
}

impl SystemChange<'_> {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Whole(..) => "update",
            Self::Rights(_) => "rightsupdate",
            Self::Packages(_) => "accesspackageupdate",
            Self::Deleted => "delete",
        }
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::Whole(system, _) => Some(system.snapshot()),
            Self::Rights(rights) => Some(rights.iter().map(Right::snapshot).collect()),
            Self::Packages(packages) => Some(
                packages
                    .iter()
                    .map(|p| serde_json::json!({"Urn": p.urn}))
                    .collect(),
            ),
            Self::Deleted => None,
        }
    }
}

/// Changes a system whose row the transaction holds, with its line in the change log.
///
/// # Errors
/// The database fails; `system_client_live` is a lost race.
pub async fn change(
    tx: &mut PgConnection,
    system: &System,
    change: &SystemChange<'_>,
    by_org: Option<&str>,
    by_client: Option<&str>,
) -> Result<(), DbError> {
    let id = system.internal_id;
    match change {
        SystemChange::Whole(new, urls) => {
            sqlx::query!(
                r#"update system set name = $2, description = $3, rights = $4, access_packages = $5, allowed_redirect_urls = $6, is_visible = $7,
                     last_changed = service_now() where system_internal_id = $1"#,
                id,
                Value::Object(new.name.clone()),
                Value::Object(new.description.clone()),
                Json(&new.rights) as Json<&Vec<Right>>,
                Json(&new.access_packages) as Json<&Vec<AccessPackage>>,
                *urls,
                new.is_visible
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "delete from system_client where system_internal_id = $1",
                id
            )
            .execute(&mut *tx)
            .await?;
            put_clients(&mut *tx, id, &system.vendor_org, &new.client_ids).await?;
        }
        SystemChange::Rights(rights) => {
            sqlx::query!(
                "update system set rights = $2, last_changed = service_now() where system_internal_id = $1",
                id,
                Json(rights) as Json<&&[Right]>
            )
            .execute(&mut *tx)
            .await?;
        }
        SystemChange::Packages(packages) => {
            sqlx::query!(
                "update system set access_packages = $2, last_changed = service_now() where system_internal_id = $1",
                id,
                Json(packages) as Json<&&[AccessPackage]>
            )
            .execute(&mut *tx)
            .await?;
        }
        SystemChange::Deleted => {
            sqlx::query!("update system set is_deleted = true, last_changed = service_now() where system_internal_id = $1", id).execute(&mut *tx).await?;
            sqlx::query!("update system_client set released_at = service_now() where system_internal_id = $1 and released_at is null", id)
                .execute(&mut *tx)
                .await?;
        }
    }
    log(
        &mut *tx,
        id,
        change.kind(),
        change.data().as_ref(),
        by_org,
        by_client,
    )
    .await?;
    feed::append(tx, FeedEntryKind::System, &system.id).await?;
    Ok(())
}

/// The change log of a system, newest first.
pub async fn change_log(
    db: &mut PgConnection,
    system: &System,
) -> Result<Vec<ChangeLogEntry>, DbError> {
    let rows = sqlx::query!(
        r#"select changed_by_org_number, change_type, changed_data, client_id, created from system_change_log
           where system_internal_id = $1 order by seq desc"#,
        system.internal_id
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| ChangeLogEntry {
            system_internal_id: system.internal_id,
            changed_by_org_number: r.changed_by_org_number,
            change_type: r.change_type,
            changed_data: r.changed_data,
            client_id: r.client_id,
            created: time::format_with_offset(r.created),
        })
        .collect())
}
