//! The outbox. All SQL of events.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::{NoContext, Timestamp, Uuid};

use super::Message;
use crate::db::DbError;

/// Transaction and row: the order in which vendors get events.
pub type Position = (i64, i64);

/// An event as stored.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct Stored {
    pub id: Uuid,
    /// The text of an [`super::EventKind`].
    pub event: String,
    pub subject_id: Uuid,
    pub party_org_no: Option<String>,
    pub payload: Value,
    pub created: DateTime<Utc>,
    pub position: Position,
}

/// Puts a message into the outbox. A repeat of the same event on the same subject changes nothing.
pub async fn post(tx: &mut PgConnection, message: Message<'_>) -> Result<(), DbError> {
    post_all(tx, &[message]).await
}

/// Puts messages into the outbox, in order.
pub async fn post_all(tx: &mut PgConnection, messages: &[Message<'_>]) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into outbox (id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload)
           select id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload
           from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[]) with ordinality
             as t(id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload, place)
           order by place on conflict (event, subject_id) do nothing"#,
        &messages.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>(),
        &messages.iter().map(|m| m.event.wire().to_owned()).collect::<Vec<_>>(),
        &messages.iter().map(|m| m.event.subject().wire().to_owned()).collect::<Vec<_>>(),
        &messages.iter().map(|m| m.subject_id).collect::<Vec<_>>(),
        &messages.iter().map(|m| m.party_org.to_owned()).collect::<Vec<_>>(),
        &messages.iter().map(|m| m.vendor_org.to_owned()).collect::<Vec<_>>(),
        &messages.iter().map(|m| m.payload.clone()).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Messages that no vendor can read yet.
#[derive(Debug, Clone, Copy)]
pub struct HiddenMessages {
    /// How many they are.
    pub messages: i64,
    /// Age of the oldest, in seconds; 0 when there is none.
    pub age_s: f64,
}

/// Counts the messages of the last hour whose transaction is not older than every transaction still
/// running.
pub async fn hidden(db: &mut PgConnection, now: DateTime<Utc>) -> Result<HiddenMessages, DbError> {
    // Ids begin with the time, so that the index of the primary key finds the last hour.
    let hour_ago = u64::try_from((now - TimeDelta::hours(1)).timestamp()).unwrap_or_default();
    let first = Uuid::new_v7(Timestamp::from_unix(NoContext, hour_ago, 0));
    let found = sqlx::query!(
        r#"select count(*) as "count!", coalesce(extract(epoch from service_now() - min(created))::float8, 0) as "age!" from outbox
           where id >= $1 and xact >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"#,
        first
    )
    .fetch_one(db)
    .await?;
    Ok(HiddenMessages {
        messages: found.count,
        age_s: found.age.max(0.0),
    })
}

/// Events of a vendor behind a position. One whose transaction is older than some transaction still
/// running waits for it, so that nothing turns up behind what was read.
pub async fn of_vendor(
    db: &mut PgConnection,
    vendor_org: &str,
    after: Position,
    limit: i64,
) -> Result<Vec<Stored>, DbError> {
    let rows = sqlx::query!(
        r#"select id, event, subject_id, party_org_no, payload, created, xact, seq from outbox
           where vendor_org_no = $1 and (xact, seq) > ($2, $3) and xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
           order by xact, seq limit $4"#,
        vendor_org,
        after.0,
        after.1,
        limit
    )
    .fetch_all(db)
    .await?;
    let stored = rows.into_iter().map(|row| Stored {
        id: row.id,
        event: row.event,
        subject_id: row.subject_id,
        party_org_no: row.party_org_no,
        payload: row.payload,
        created: row.created,
        position: (row.xact, row.seq),
    });
    Ok(stored.collect())
}
