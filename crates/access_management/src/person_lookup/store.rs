//! All SQL of looking persons up.

use foundation::{
    config::Access,
    db::{AdvisoryLock, DbError},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Organizations;

/// The last name of a person.
pub(super) async fn last_name(db: &mut PgConnection, key: i32) -> Result<Option<String>, DbError> {
    Ok(
        sqlx::query_scalar!("select last_name from person_name where key = $1", key)
            .fetch_optional(db)
            .await?,
    )
}

/// Lets one call of a caller look up at a time, until the transaction ends.
pub(super) async fn lock_caller(tx: &mut PgConnection, caller: Uuid) -> Result<(), DbError> {
    AdvisoryLock::PersonLookUp(caller).take(tx).await
}

/// Seconds for which a caller may not look persons up; none when it may.
pub(super) async fn locked_for(
    db: &mut PgConnection,
    caller: Uuid,
    settings: &Access,
) -> Result<Option<u32>, DbError> {
    let seconds = sqlx::query_scalar!(
        r#"select ceil(extract(epoch from last_at + make_interval(secs => $3::float8) - service_now()))::int as "seconds!"
           from person_lookup_failure
           where caller_uuid = $1 and failures >= $2 and last_at + make_interval(secs => $3::float8) > service_now()"#,
        caller,
        i32::try_from(settings.person_lookup_attempts).unwrap_or(i32::MAX),
        f64::from(settings.person_lookup_window_s)
    )
    .fetch_optional(db)
    .await?;
    Ok(seconds.map(|seconds| u32::try_from(seconds).unwrap_or(1).max(1)))
}

/// Counts a failure; the count begins anew when the last one is longer ago than the window.
pub(super) async fn count_failure(
    db: &mut PgConnection,
    caller: Uuid,
    settings: &Access,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into person_lookup_failure as f (caller_uuid, failures, last_at) values ($1, 1, service_now())
           on conflict (caller_uuid) do update set
             failures = case when f.last_at + make_interval(secs => $2::float8) > service_now() then f.failures + 1 else 1 end,
             last_at = service_now()"#,
        caller,
        f64::from(settings.person_lookup_window_s)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets one call of an owner's and of a vendor's system users look up at a time, until the transaction
/// ends.
pub(super) async fn lock_organizations(
    tx: &mut PgConnection,
    behind: &Organizations<'_>,
) -> Result<(), DbError> {
    AdvisoryLock::PersonLookUpOfOwner(behind.owner)
        .take(tx)
        .await?;
    AdvisoryLock::PersonLookUpOfVendor(behind.vendor)
        .take(tx)
        .await
}

/// Seconds for which the system users of an owner or a vendor may not look persons up; none when they
/// may.
pub(super) async fn organizations_locked_for(
    db: &mut PgConnection,
    behind: &Organizations<'_>,
    settings: &Access,
) -> Result<Option<u32>, DbError> {
    let seconds = sqlx::query_scalar!(
        r#"select ceil(extract(epoch from max(last_at) + make_interval(secs => $5::float8) - service_now()))::int as "seconds"
           from person_lookup_failure_of_organization
           where (counted_as = 'owner' and org_number = $1 and failures >= $3 or counted_as = 'vendor' and org_number = $2 and failures >= $4)
             and last_at + make_interval(secs => $5::float8) > service_now()"#,
        behind.owner,
        behind.vendor,
        i32::try_from(settings.person_lookup_attempts_of_owner).unwrap_or(i32::MAX),
        i32::try_from(settings.person_lookup_attempts_of_vendor).unwrap_or(i32::MAX),
        f64::from(settings.person_lookup_window_s)
    )
    .fetch_one(db)
    .await?;
    Ok(seconds.map(|seconds| u32::try_from(seconds).unwrap_or(1).max(1)))
}

/// Counts a failure for the owner and for the vendor of a system user, each as [`count_failure`].
pub(super) async fn count_failure_of_organizations(
    db: &mut PgConnection,
    behind: &Organizations<'_>,
    settings: &Access,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into person_lookup_failure_of_organization as f (counted_as, org_number, failures, last_at)
           values ('owner', $1, 1, service_now()), ('vendor', $2, 1, service_now())
           on conflict (counted_as, org_number) do update set
             failures = case when f.last_at + make_interval(secs => $3::float8) > service_now() then f.failures + 1 else 1 end,
             last_at = service_now()"#,
        behind.owner,
        behind.vendor,
        f64::from(settings.person_lookup_window_s)
    )
    .execute(db)
    .await?;
    Ok(())
}
