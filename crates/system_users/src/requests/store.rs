//! All SQL of requests.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{NewRequest, RequestKind, RequestStatus, SystemUserRequest, TimedOutRequest};
use crate::systems::{AccessPackage, Right};
use foundation::db::{Column, DbError};

struct SystemUserRequestRow {
    id: Uuid,
    kind: Column<RequestKind>,
    system_id: String,
    party_org_no: String,
    external_ref: String,
    integration_title: Option<String>,
    rights: Column<Json<Vec<Right>>>,
    access_packages: Column<Json<Vec<AccessPackage>>>,
    status: Column<RequestStatus>,
    escalated: bool,
    redirect_url: Option<String>,
    created: DateTime<Utc>,
    timed_out: bool,
    is_deleted: bool,
}

impl TryFrom<SystemUserRequestRow> for SystemUserRequest {
    type Error = DbError;

    fn try_from(row: SystemUserRequestRow) -> Result<Self, DbError> {
        let id = row.id;
        Ok(Self {
            id,
            kind: row.kind.read("request.kind", id)?,
            system_id: row.system_id,
            party_org_no: row.party_org_no,
            external_ref: row.external_ref,
            integration_title: row.integration_title,
            rights: row.rights.read("request.rights", id)?.0,
            access_packages: row.access_packages.read("request.access_packages", id)?.0,
            status: row.status.read("request.status", id)?,
            escalated: row.escalated,
            redirect_url: row.redirect_url,
            created: row.created,
            timed_out: row.timed_out,
            is_deleted: row.is_deleted,
        })
    }
}

macro_rules! requests {
    ($rest:literal, $lifetime_days:expr $(, $value:expr)*) => {
        sqlx::query_as!(
            SystemUserRequestRow,
            r#"select id, kind as "kind: Column<RequestKind>", system_id, party_org_no, external_ref, integration_title,
                 rights as "rights: Column<Json<Vec<Right>>>", access_packages as "access_packages: Column<Json<Vec<AccessPackage>>>",
                 status as "status: Column<RequestStatus>", escalated, redirect_url, created, (created < service_now() - make_interval(days => $1)) as "timed_out!", is_deleted
               from request "# + $rest,
            $lifetime_days
            $(, $value)*
        )
    };
}

/// A visible request of this kind.
pub async fn by_id(
    db: &mut PgConnection,
    kind: RequestKind,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<SystemUserRequest>, DbError> {
    requests!(
        "where id = $2 and kind = $3 and not is_deleted",
        lifetime_days,
        id,
        kind.as_str()
    )
    .fetch_optional(db)
    .await?
    .map(SystemUserRequest::try_from)
    .transpose()
}

/// As [`by_id`], and locks it until the transaction ends.
pub async fn by_id_for_update(
    tx: &mut PgConnection,
    kind: RequestKind,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<SystemUserRequest>, DbError> {
    requests!(
        "where id = $2 and kind = $3 and not is_deleted for update",
        lifetime_days,
        id,
        kind.as_str()
    )
    .fetch_optional(tx)
    .await?
    .map(SystemUserRequest::try_from)
    .transpose()
}

/// A request of any kind and state, deleted ones too.
pub async fn any_state(
    db: &mut PgConnection,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<SystemUserRequest>, DbError> {
    requests!("where id = $2", lifetime_days, id)
        .fetch_optional(db)
        .await?
        .map(SystemUserRequest::try_from)
        .transpose()
}

/// The visible request of this kind with this key.
pub async fn by_key(
    db: &mut PgConnection,
    kind: RequestKind,
    system_id: &str,
    party_org_no: &str,
    external_ref: &str,
    lifetime_days: i32,
) -> Result<Option<SystemUserRequest>, DbError> {
    requests!(
        "where system_id = $2 and party_org_no = $3 and external_ref = $4 and kind = $5 and not is_deleted",
        lifetime_days,
        system_id,
        party_org_no,
        external_ref,
        kind.as_str()
    )
    .fetch_optional(db)
    .await?
    .map(SystemUserRequest::try_from)
    .transpose()
}

/// Visible requests of a kind for a system, by id, from an id on.
pub async fn of_system(
    db: &mut PgConnection,
    kind: RequestKind,
    system_id: &str,
    from: Option<Uuid>,
    limit: i64,
    lifetime_days: i32,
) -> Result<Vec<SystemUserRequest>, DbError> {
    let from = from.unwrap_or(Uuid::nil());
    requests!(
        "where system_id = $2 and kind = $3 and not is_deleted and id >= $4 order by id limit $5",
        lifetime_days,
        system_id,
        kind.as_str(),
        from,
        limit
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(SystemUserRequest::try_from)
    .collect()
}

/// Open requests of a kind to an organisation, oldest first; of agents only those that were
/// escalated.
pub async fn pending(
    db: &mut PgConnection,
    kind: RequestKind,
    party_org_no: &str,
    lifetime_days: i32,
) -> Result<Vec<SystemUserRequest>, DbError> {
    requests!(
        r#"where party_org_no = $2 and kind = $3 and status = 'New' and not is_deleted and (escalated or kind <> 'agent')
             and created >= service_now() - make_interval(days => $1) order by created, id"#,
        lifetime_days,
        party_org_no,
        kind.as_str()
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(SystemUserRequest::try_from)
    .collect()
}

/// A visible request of any kind; locked until the transaction ends.
pub async fn any_kind_for_update(
    tx: &mut PgConnection,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<SystemUserRequest>, DbError> {
    requests!(
        "where id = $2 and not is_deleted for update",
        lifetime_days,
        id
    )
    .fetch_optional(tx)
    .await?
    .map(SystemUserRequest::try_from)
    .transpose()
}

/// Passes a request on to those who may decide.
pub async fn escalate(tx: &mut PgConnection, id: Uuid, by: &str) -> Result<(), DbError> {
    sqlx::query!("update request set escalated = true, last_changed = service_now(), changed_by = $2 where id = $1 and not escalated", id, by)
        .execute(tx)
        .await?;
    Ok(())
}

/// Requests of a vendor to a customer that are open; no more are counted than `limit`.
pub async fn open_to_customer(
    tx: &mut PgConnection,
    vendor_org: &str,
    party_org_no: &str,
    lifetime_days: i32,
    limit: i64,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select 1 from request r join system s on s.system_id = r.system_id
             where r.party_org_no = $1 and r.status = 'New' and not r.is_deleted and s.vendor_org_number = $2
               and r.created + make_interval(days => $3) > service_now() limit $4) r"#,
        party_org_no,
        vendor_org,
        lifetime_days,
        limit,
    )
    .fetch_one(tx)
    .await?)
}

/// Requests of a vendor that are open; no more are counted than `limit`.
pub async fn open_of_vendor(
    tx: &mut PgConnection,
    vendor_org: &str,
    lifetime_days: i32,
    limit: i64,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select 1 from system s join request r on r.system_id = s.system_id
             where s.vendor_org_number = $1 and r.status = 'New' and not r.is_deleted
               and r.created > service_now() - make_interval(days => $2) limit $3) r"#,
        vendor_org,
        lifetime_days,
        limit,
    )
    .fetch_one(tx)
    .await?)
}

/// Stores a new request. None when one with this key is there already.
pub async fn insert(
    tx: &mut PgConnection,
    kind: RequestKind,
    request: &NewRequest,
    external_ref: &str,
    integration_title: Option<&str>,
) -> Result<Option<SystemUserRequest>, DbError> {
    let rights = request.rights.as_deref().unwrap_or_default();
    let packages = request.access_packages.as_deref().unwrap_or_default();
    // Just stored: it cannot have timed out.
    sqlx::query_as!(
        SystemUserRequestRow,
        r#"insert into request (id, kind, system_id, party_org_no, external_ref, integration_title, rights, access_packages, redirect_url)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (system_id, party_org_no, external_ref, kind) where not is_deleted do nothing
           returning id, kind as "kind: Column<RequestKind>", system_id, party_org_no, external_ref, integration_title,
             rights as "rights: Column<Json<Vec<Right>>>", access_packages as "access_packages: Column<Json<Vec<AccessPackage>>>",
             status as "status: Column<RequestStatus>", escalated, redirect_url, created, false as "timed_out!", is_deleted"#,
        Uuid::new_v4(),
        kind.as_str(),
        request.system_id,
        request.party_org_no,
        external_ref,
        integration_title,
        Json(rights) as Json<&[Right]>,
        Json(packages) as Json<&[AccessPackage]>,
        request.redirect_url,
    )
    .fetch_optional(tx)
    .await?
    .map(SystemUserRequest::try_from)
    .transpose()
}

/// Hides a request for good; its status stays.
pub async fn soft_delete(tx: &mut PgConnection, id: Uuid, by: &str) -> Result<(), DbError> {
    sqlx::query!(
        "update request set is_deleted = true, deleted_at = service_now(), last_changed = service_now(), changed_by = $2 where id = $1 and not is_deleted",
        id,
        by
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Answers a request that is New; false when it is not.
pub async fn answer(
    tx: &mut PgConnection,
    id: Uuid,
    status: RequestStatus,
    by: &str,
) -> Result<bool, DbError> {
    let rows = sqlx::query!(
        "update request set status = $2, last_changed = service_now(), changed_by = $3 where id = $1 and status = 'New' and not is_deleted",
        id,
        status.as_str(),
        by
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(rows == 1)
}

/// Requests that have timed out and were not published yet. They are marked as published when the
/// transaction commits.
pub async fn take_timed_out(
    tx: &mut PgConnection,
    lifetime_days: i32,
    limit: i64,
) -> Result<Vec<TimedOutRequest>, DbError> {
    Ok(sqlx::query_as!(
        TimedOutRequest,
        r#"update request r set timeout_told = true from system s
           where s.system_id = r.system_id and r.id in (
             select id from request where status = 'New' and not is_deleted and not timeout_told and created < service_now() - make_interval(days => $1)
             order by created limit $2 for update skip locked)
           returning r.id, null::uuid as system_user_id, r.system_id, s.vendor_org_number as vendor_org, r.party_org_no, r.external_ref"#,
        lifetime_days,
        limit
    )
    .fetch_all(tx)
    .await?)
}
