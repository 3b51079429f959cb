//! All SQL of the decision log.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Row;
use crate::db::{DbError, copy::Rows};

/// Stores rows, all or none. Rows that are there already, because an answer to an earlier attempt was lost, count as stored.
pub async fn insert(pool: &PgPool, rows: &[Row]) -> Result<(), DbError> {
    let mut text = Rows::default();
    for row in rows {
        put(&mut text, row);
    }
    let mut db = pool.acquire().await?;
    let mut copy = db
        .copy_in_raw(
            "copy decision_log (decision_id, part, created, endpoint, caller_org, caller_client_id, caller_jti, request_id, address, session_id, \
             subject_user_id, subject_party_id, subject_org_code, subject_org_number, subject_party_uuid, resource_party_id, resource, instance_id, \
             operation, decision, status_code, reason, policy_version, decided_by, enriched_by_caller, duration_us, context, explanation) from stdin",
        )
        .await?;
    if let Err(error) = copy.send(text.bytes).await {
        let _ = copy.abort("the connection failed").await;
        return Err(error.into());
    }
    match copy.finish().await {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(()),
        done => Ok(done.map(drop)?),
    }
}

/// Names from outside may be anything; the database stores no NUL.
fn storable(text: Option<&String>) -> Option<String> {
    text.map(|text| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.clone() })
}

fn put(rows: &mut Rows, row: &Row) {
    let caller = &row.caller;
    let address = caller.address.map(|address| address.to_string());
    rows.row()
        .uuid(row.decision_id)
        .integer(row.part)
        .instant(row.created)
        .text(row.endpoint.as_str())
        .optional_text(caller.org.as_deref())
        .optional_text(storable(caller.client_id.as_ref()).as_deref())
        .optional_text(storable(caller.jti.as_ref()).as_deref())
        .optional_uuid(caller.request_id)
        .optional_text(address.as_deref())
        .optional_text(storable(row.session_id.as_ref()).as_deref())
        .optional_integer(row.subject_user_id)
        .optional_integer(row.subject_party_id)
        .optional_text(storable(row.subject_org_code.as_ref()).as_deref())
        .optional_text(storable(row.subject_org_number.as_ref()).as_deref())
        .optional_uuid(row.subject_party_uuid)
        .optional_integer(row.resource_party_id)
        .optional_text(storable(row.resource.as_ref()).as_deref())
        .optional_text(storable(row.instance_id.as_ref()).as_deref())
        .optional_text(storable(row.operation.as_ref()).as_deref())
        .small(row.decision)
        .text(row.status_code)
        .text(row.reason)
        .optional_integer(row.policy_version)
        .optional_text(storable(row.decided_by.as_ref()).as_deref())
        .flag(row.enriched_by_caller)
        .integer(row.duration_us)
        .text(&row.context)
        .optional_text(row.explanation.as_deref());
}

/// A row as it was stored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table, explained in its migration")]
pub struct Stored {
    pub decision_id: Uuid,
    pub part: i32,
    pub created: DateTime<Utc>,
    pub endpoint: String,
    pub caller_org: Option<String>,
    pub caller_client_id: Option<String>,
    pub caller_jti: Option<String>,
    pub request_id: Option<Uuid>,
    pub address: Option<String>,
    pub session_id: Option<String>,
    pub subject_user_id: Option<i32>,
    pub subject_party_id: Option<i32>,
    pub subject_org_code: Option<String>,
    pub subject_org_number: Option<String>,
    pub subject_party_uuid: Option<Uuid>,
    pub resource_party_id: Option<i32>,
    pub resource: Option<String>,
    pub instance_id: Option<String>,
    pub operation: Option<String>,
    pub decision: i16,
    pub status_code: String,
    pub reason: String,
    pub policy_version: Option<i32>,
    pub decided_by: Option<String>,
    pub enriched_by_caller: bool,
    pub duration_us: i32,
    pub context: Option<Value>,
    pub explanation: Option<Value>,
}

/// The decisions of one answer, in order.
///
/// # Errors
/// As the database says.
pub async fn of_answer(db: &mut PgConnection, id: Uuid, created: DateTime<Utc>) -> Result<Vec<Stored>, DbError> {
    Ok(sqlx::query_as!(
        Stored,
        r#"select decision_id, part, created, endpoint, caller_org, caller_client_id, caller_jti, request_id, address, session_id, subject_user_id,
             subject_party_id, subject_org_code, subject_org_number, subject_party_uuid, resource_party_id, resource, instance_id, operation, decision,
             status_code, reason, policy_version, decided_by, enriched_by_caller, duration_us, context, explanation
           from decision_log where decision_id = $1 and created = $2 order by part"#,
        id,
        created
    )
    .fetch_all(db)
    .await?)
}

/// Decisions of a stretch of time behind a place in it, in order, so many at most.
///
/// # Errors
/// As the database says.
pub async fn between(db: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>, after: (Uuid, i32), limit: i64) -> Result<Vec<Stored>, DbError> {
    Ok(sqlx::query_as!(
        Stored,
        r#"select decision_id, part, created, endpoint, caller_org, caller_client_id, caller_jti, request_id, address, session_id, subject_user_id,
             subject_party_id, subject_org_code, subject_org_number, subject_party_uuid, resource_party_id, resource, instance_id, operation, decision,
             status_code, reason, policy_version, decided_by, enriched_by_caller, duration_us, context, explanation
           from decision_log where created >= $1 and created < $2 and (decision_id, part) > ($3, $4) order by decision_id, part limit $5"#,
        from,
        to,
        after.0,
        after.1,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// How many decisions lie in a stretch of time.
///
/// # Errors
/// As the database says.
pub async fn count(db: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from decision_log where created >= $1 and created < $2"#, from, to).fetch_one(db).await?)
}

/// Drops partitions that end before a number of months ago.
///
/// # Errors
/// As the database says.
pub async fn drop_expired(pool: &PgPool, months: u32) -> Result<(), DbError> {
    let months = i32::try_from(months).unwrap_or(i32::MAX);
    let expired = sqlx::query_scalar!(
        r#"select c.relname::text as "name!" from pg_inherits i join pg_class c on c.oid = i.inhrelid
           where i.inhparent = 'decision_log'::regclass and c.relname ~ '^decision_log_[0-9]{8}$'
             and to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= (now() - make_interval(months => $1))::date"#,
        months
    )
    .fetch_all(pool)
    .await?;
    for name in expired {
        // The name was matched against a pattern of letters and digits.
        sqlx::query(sqlx::AssertSqlSafe(format!("drop table if exists {name}"))).execute(pool).await?;
    }
    Ok(())
}
