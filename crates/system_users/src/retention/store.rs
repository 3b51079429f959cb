//! All SQL of the retention of requests and system users.

use sqlx::PgConnection;

use super::ClosedRequests;
use foundation::{db::DbError, retention::BATCH};

/// Moves requests and change requests to their archives that were deleted so many days ago.
pub async fn archive_requests(tx: &mut PgConnection, days: i32) -> Result<u64, DbError> {
    let requests = sqlx::query!(
        r#"with moved as (
             delete from request where id in (
               select id from request where is_deleted and deleted_at < service_now() - make_interval(days => $1)
               order by deleted_at limit $2 for update skip locked)
             returning id, kind, system_id, party_org_no, external_ref, integration_title, rights, access_packages, status, escalated, redirect_url, created, last_changed, changed_by, is_deleted, deleted_at, timeout_told, tombstoned_at)
           insert into request_archive (id, kind, system_id, party_org_no, external_ref, integration_title, rights, access_packages, status, escalated, redirect_url, created, last_changed, changed_by, is_deleted, deleted_at, timeout_told, tombstoned_at)
           select id, kind, system_id, party_org_no, external_ref, integration_title, rights, access_packages, status, escalated, redirect_url, created, last_changed, changed_by, is_deleted, deleted_at, timeout_told, tombstoned_at from moved"#,
        days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let change_requests = sqlx::query!(
        r#"with moved as (
             delete from change_request where id in (
               select id from change_request where is_deleted and deleted_at < service_now() - make_interval(days => $1)
               order by deleted_at limit $2 for update skip locked)
             returning id, system_user_id, system_id, party_org_no, external_ref, required_rights, unwanted_rights, required_access_packages, unwanted_access_packages, status, redirect_url, created, last_changed, changed_by, is_deleted, deleted_at, timeout_told, tombstoned_at)
           insert into change_request_archive (id, system_user_id, system_id, party_org_no, external_ref, required_rights, unwanted_rights, required_access_packages, unwanted_access_packages, status, redirect_url, created, last_changed, changed_by, is_deleted, deleted_at, timeout_told, tombstoned_at)
           select id, system_user_id, system_id, party_org_no, external_ref, required_rights, unwanted_rights, required_access_packages, unwanted_access_packages, status, redirect_url, created, last_changed, changed_by, is_deleted, deleted_at, timeout_told, tombstoned_at from moved"#,
        days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(requests + change_requests)
}

/// Takes the references to persons out of old requests. Who decided stays in the audit trail for as
/// long as that is kept.
pub async fn remove_persons(tx: &mut PgConnection, old: ClosedRequests) -> Result<u64, DbError> {
    let mut all = 0;
    all += sqlx::query!(
        r#"update request set changed_by = 'removed', tombstoned_at = service_now() where id in (
             select id from request
             where tombstoned_at is null and changed_by like 'user_id:%'
               and (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    all += sqlx::query!(
        r#"update request_archive set changed_by = 'removed', tombstoned_at = service_now() where id in (
             select id from request_archive
             where tombstoned_at is null and changed_by like 'user_id:%'
               and (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    all += sqlx::query!(
        r#"update change_request set changed_by = 'removed', tombstoned_at = service_now() where id in (
             select id from change_request
             where tombstoned_at is null and changed_by like 'user_id:%'
               and (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    all += sqlx::query!(
        r#"update change_request_archive set changed_by = 'removed', tombstoned_at = service_now() where id in (
             select id from change_request_archive
             where tombstoned_at is null and changed_by like 'user_id:%'
               and (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(all)
}

/// Deletes old requests and change requests, archived ones too. A system user that was made stays.
pub async fn delete_requests(tx: &mut PgConnection, old: ClosedRequests) -> Result<u64, DbError> {
    let mut all = 0;
    all += sqlx::query!(
        r#"delete from request where id in (
             select id from request
             where (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    all += sqlx::query!(
        r#"delete from request_archive where id in (
             select id from request_archive
             where (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    all += sqlx::query!(
        r#"delete from change_request where id in (
             select id from change_request
             where (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    all += sqlx::query!(
        r#"delete from change_request_archive where id in (
             select id from change_request_archive
             where (((status <> 'New' or is_deleted) and last_changed < service_now() - make_interval(days => $2))
                 or (status = 'New' and not is_deleted and created < service_now() - make_interval(days => $1) - make_interval(days => $2)))
             limit $3)"#,
        old.lifetime_days,
        old.days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(all)
}

/// Deletes system users that were deleted so many days ago, with their parties. One that a change
/// request still names is kept as long as that. No decision changes: a deleted system user has no
/// access, and neither has an unknown one.
pub async fn delete_system_users(tx: &mut PgConnection, days: i32) -> Result<u64, DbError> {
    let deleted = sqlx::query_scalar!(
        r#"with old as (
             delete from "system_user" where id in (
               select id from "system_user" u
               where is_deleted and deleted_at < service_now() - make_interval(days => $1)
                 and not exists (select from change_request c where c.system_user_id = u.id)
               order by deleted_at limit $2 for update skip locked)
             returning id
           ), parties as (
             delete from party p using old where p.uuid = old.id and p.kind = 'system-user'
               and not exists (select from assignment a where a.to_key = p.key or a.from_key = p.key)
               and not exists (select from client_delegation d where d.system_user_key = p.key))
           select count(*) as "count!" from old"#,
        days,
        BATCH
    )
    .fetch_one(tx)
    .await?;
    Ok(deleted.unsigned_abs())
}
