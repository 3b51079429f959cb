//! All SQL of change requests.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{ChangeRequest, NewChange, RequestedChanges};
use crate::{
    requests::model::{RequestStatus, TimedOutRequest},
    systems::{AccessPackage, Right},
    users::SystemUser,
};
use foundation::db::{Column, DbError};

struct ChangeRequestRow {
    id: Uuid,
    system_user_id: Uuid,
    system_id: String,
    party_org_no: String,
    external_ref: String,
    required_rights: Column<Json<Vec<Right>>>,
    unwanted_rights: Column<Json<Vec<Right>>>,
    required_access_packages: Column<Json<Vec<AccessPackage>>>,
    unwanted_access_packages: Column<Json<Vec<AccessPackage>>>,
    status: Column<RequestStatus>,
    redirect_url: Option<String>,
    created: DateTime<Utc>,
    timed_out: bool,
    is_deleted: bool,
}

impl TryFrom<ChangeRequestRow> for ChangeRequest {
    type Error = DbError;

    fn try_from(row: ChangeRequestRow) -> Result<Self, DbError> {
        let id = row.id;
        Ok(Self {
            id,
            system_user_id: row.system_user_id,
            system_id: row.system_id,
            party_org_no: row.party_org_no,
            external_ref: row.external_ref,
            sets: RequestedChanges {
                required_rights: row
                    .required_rights
                    .read("change_request.required_rights", id)?
                    .0,
                unwanted_rights: row
                    .unwanted_rights
                    .read("change_request.unwanted_rights", id)?
                    .0,
                required_access_packages: row
                    .required_access_packages
                    .read("change_request.required_access_packages", id)?
                    .0,
                unwanted_access_packages: row
                    .unwanted_access_packages
                    .read("change_request.unwanted_access_packages", id)?
                    .0,
            },
            status: row.status.read("change_request.status", id)?,
            redirect_url: row.redirect_url,
            created: row.created,
            timed_out: row.timed_out,
            is_deleted: row.is_deleted,
        })
    }
}

macro_rules! changes {
    ($rest:literal, $lifetime_days:expr $(, $value:expr)*) => {
        sqlx::query_as!(
            ChangeRequestRow,
            r#"select id, system_user_id, system_id, party_org_no, external_ref, required_rights as "required_rights: Column<Json<Vec<Right>>>",
                 unwanted_rights as "unwanted_rights: Column<Json<Vec<Right>>>",
                 required_access_packages as "required_access_packages: Column<Json<Vec<AccessPackage>>>",
                 unwanted_access_packages as "unwanted_access_packages: Column<Json<Vec<AccessPackage>>>",
                 status as "status: Column<RequestStatus>", redirect_url, created, (created < service_now() - make_interval(days => $1)) as "timed_out!", is_deleted
               from change_request "# + $rest,
            $lifetime_days
            $(, $value)*
        )
    };
}

/// A change request in any state, deleted ones too.
pub async fn any_state(
    db: &mut PgConnection,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<ChangeRequest>, DbError> {
    changes!("where id = $2", lifetime_days, id)
        .fetch_optional(db)
        .await?
        .map(ChangeRequest::try_from)
        .transpose()
}

/// A visible change request.
pub async fn by_id(
    db: &mut PgConnection,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<ChangeRequest>, DbError> {
    Ok(any_state(db, id, lifetime_days)
        .await?
        .filter(|c| !c.is_deleted))
}

/// As [`by_id`], and locks it until the transaction ends.
pub async fn by_id_for_update(
    tx: &mut PgConnection,
    id: Uuid,
    lifetime_days: i32,
) -> Result<Option<ChangeRequest>, DbError> {
    changes!(
        "where id = $2 and not is_deleted for update",
        lifetime_days,
        id
    )
    .fetch_optional(tx)
    .await?
    .map(ChangeRequest::try_from)
    .transpose()
}

/// The newest visible change request with this key.
pub async fn by_key(
    db: &mut PgConnection,
    system_id: &str,
    party_org_no: &str,
    external_ref: &str,
    lifetime_days: i32,
) -> Result<Option<ChangeRequest>, DbError> {
    changes!(
        "where system_id = $2 and party_org_no = $3 and external_ref = $4 and not is_deleted order by created desc, id limit 1",
        lifetime_days,
        system_id,
        party_org_no,
        external_ref
    )
    .fetch_optional(db)
    .await?
    .map(ChangeRequest::try_from)
    .transpose()
}

/// Visible change requests for a system, by id, from an id on.
pub async fn of_system(
    db: &mut PgConnection,
    system_id: &str,
    from: Option<Uuid>,
    limit: i64,
    lifetime_days: i32,
) -> Result<Vec<ChangeRequest>, DbError> {
    let from = from.unwrap_or(Uuid::nil());
    changes!(
        "where system_id = $2 and not is_deleted and id >= $3 order by id limit $4",
        lifetime_days,
        system_id,
        from,
        limit
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(ChangeRequest::try_from)
    .collect()
}

/// Open change requests to an organisation, oldest first.
pub async fn pending(
    db: &mut PgConnection,
    party_org_no: &str,
    lifetime_days: i32,
) -> Result<Vec<ChangeRequest>, DbError> {
    changes!(
        r#"where party_org_no = $2 and status = 'New' and not is_deleted and created >= service_now() - make_interval(days => $1) order by created, id"#,
        lifetime_days,
        party_org_no
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(ChangeRequest::try_from)
    .collect()
}

/// Stores a new change request under the vendor's id. None when the id is taken meanwhile.
pub async fn insert(
    tx: &mut PgConnection,
    id: Uuid,
    user: &SystemUser,
    new: &NewChange,
) -> Result<Option<ChangeRequest>, DbError> {
    // Just stored: it cannot have timed out.
    sqlx::query_as!(
        ChangeRequestRow,
        r#"insert into change_request (id, system_user_id, system_id, party_org_no, external_ref, required_rights, unwanted_rights,
             required_access_packages, unwanted_access_packages, redirect_url)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing
           returning id, system_user_id, system_id, party_org_no, external_ref, required_rights as "required_rights: Column<Json<Vec<Right>>>",
             unwanted_rights as "unwanted_rights: Column<Json<Vec<Right>>>",
             required_access_packages as "required_access_packages: Column<Json<Vec<AccessPackage>>>",
             unwanted_access_packages as "unwanted_access_packages: Column<Json<Vec<AccessPackage>>>",
             status as "status: Column<RequestStatus>", redirect_url, created, false as "timed_out!", is_deleted"#,
        id,
        user.id,
        user.system_id,
        user.reportee_org_no,
        user.external_ref,
        Json(&new.sets.required_rights) as Json<&Vec<Right>>,
        Json(&new.sets.unwanted_rights) as Json<&Vec<Right>>,
        Json(&new.sets.required_access_packages) as Json<&Vec<AccessPackage>>,
        Json(&new.sets.unwanted_access_packages) as Json<&Vec<AccessPackage>>,
        new.redirect_url
    )
    .fetch_optional(tx)
    .await?
    .map(ChangeRequest::try_from)
    .transpose()
}

/// Hides a change request for good; its status stays.
pub async fn soft_delete(tx: &mut PgConnection, id: Uuid, by: &str) -> Result<(), DbError> {
    sqlx::query!(
        "update change_request set is_deleted = true, deleted_at = service_now(), last_changed = service_now(), changed_by = $2 where id = $1 and not is_deleted",
        id,
        by
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Answers a change request that is New; false when it is not.
pub async fn answer(
    tx: &mut PgConnection,
    id: Uuid,
    status: RequestStatus,
    by: &str,
) -> Result<bool, DbError> {
    let rows = sqlx::query!(
        "update change_request set status = $2, last_changed = service_now(), changed_by = $3 where id = $1 and status = 'New' and not is_deleted",
        id,
        status.as_str(),
        by
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(rows == 1)
}

/// Change requests that have timed out and were not published yet. They are marked as published
/// when the transaction commits.
pub async fn take_timed_out(
    tx: &mut PgConnection,
    lifetime_days: i32,
    limit: i64,
) -> Result<Vec<TimedOutRequest>, DbError> {
    Ok(sqlx::query_as!(
        TimedOutRequest,
        r#"update change_request r set timeout_told = true from system s
           where s.system_id = r.system_id and r.id in (
             select id from change_request
             where status = 'New' and not is_deleted and not timeout_told and created < service_now() - make_interval(days => $1)
             order by created limit $2 for update skip locked)
           returning r.id, r.system_user_id as "system_user_id?", r.system_id, s.vendor_org_number as vendor_org, r.party_org_no, r.external_ref"#,
        lifetime_days,
        limit
    )
    .fetch_all(tx)
    .await?)
}
