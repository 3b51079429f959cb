//! Candidates of searches. All SQL of searches.

use sqlx::PgConnection;
use uuid::Uuid;

use foundation::db::DbError;

/// Active system users that hold anything from a party or its main unit, by id, after
/// one of them.
pub async fn system_users_for(
    db: &mut PgConnection,
    reportee_key: i32,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"with source as (select key from party where key = $1 union all select parent_key from party where key = $1 and parent_key is not null),
           holder as (
             select to_key as key from assignment where from_key in (select key from source)
             union select system_user_key from client_delegation where client_key in (select key from source))
           select u.id from holder h join party p on p.key = h.key join "system_user" u on u.id = p.uuid and not u.is_deleted
           where u.id > $2 order by u.id limit $3"#,
        reportee_key,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Parties that a system user holds anything for, their sub-units included, by the URN they are
/// named by, after one of them.
pub async fn parties_of(
    db: &mut PgConnection,
    system_user_key: i32,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"with giver as (
             select from_key as key from assignment where to_key = $1 union select client_key from client_delegation where system_user_key = $1),
           reached as (select key from giver union select p.key from giver g join party p on p.parent_key = g.key)
           select named.urn as "urn!" from (
             select case when p.org_number is not null then 'urn:altinn:organization:identifier-no:' || p.org_number
                         else 'urn:altinn:party:uuid:' || p.uuid end collate "C" as urn
             from reached r join party p on p.key = r.key) named
           where named.urn > $2 order by named.urn limit $3"#,
        system_user_key,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}
