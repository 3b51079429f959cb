//! The outbox. All SQL of events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::OutboxMessage;
use crate::{
    db::{DbError, DbFault},
    retention,
};

/// How far a vendor has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventCursor {
    /// A position, and the history of the database in which it was read.
    At(i64, String),
    /// Transaction and row, as earlier versions gave it.
    Earlier(i64, i64),
}

impl EventCursor {
    /// Before the first event.
    #[must_use]
    pub const fn begin() -> Self {
        Self::At(0, String::new())
    }
}

/// Events of a vendor, in order.
#[derive(Debug)]
pub struct EventList {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// After the last of them.
    pub next: EventCursor,
}

/// An event as stored.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct StoredEvent {
    pub id: Uuid,
    /// The text of an [`super::EventKind`].
    pub event: String,
    pub subject_id: Uuid,
    pub party_org_no: Option<String>,
    pub payload: Value,
    pub created: DateTime<Utc>,
}

/// Puts a message into the outbox. A repeat of the same event on the same subject changes nothing.
pub async fn post(tx: &mut PgConnection, message: OutboxMessage<'_>) -> Result<(), DbError> {
    post_all(tx, &[message]).await
}

/// Puts messages into the outbox, in order.
pub async fn post_all(
    tx: &mut PgConnection,
    messages: &[OutboxMessage<'_>],
) -> Result<(), DbError> {
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

/// Counts the messages that have no position yet.
pub async fn hidden(db: &mut PgConnection) -> Result<HiddenMessages, DbError> {
    let found = sqlx::query!(
        r#"select count(*) as "count!", coalesce(extract(epoch from service_now() - min(created))::float8, 0) as "age!" from outbox
           where position is null"#
    )
    .fetch_one(db)
    .await?;
    Ok(HiddenMessages {
        messages: found.count,
        age_s: found.age.max(0.0),
    })
}

/// Messages that get their positions in one transaction.
const BATCH: i64 = 10_000;

/// Gives every message that is visible a position after all that have one.
///
/// # Errors
/// The database fails, or takes no changes.
pub async fn number(db: &mut PgConnection) -> Result<(), DbError> {
    loop {
        let is_waiting = sqlx::query_scalar!(
            r#"select exists (select from outbox where position is null) as "is_waiting!""#
        );
        if !is_waiting.fetch_one(&mut *db).await? {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        // The holder of the row gives positions. What is visible is read again under the lock.
        let end = sqlx::query_scalar!("select position from outbox_end for update")
            .fetch_one(&mut *tx)
            .await?;
        let given = sqlx::query!(
            r#"with waiting as (
                   select id, $1 + row_number() over (order by seq) as position from outbox where position is null order by seq limit $2)
               update outbox o set position = w.position from waiting w where o.id = w.id"#,
            end,
            BATCH
        )
        .execute(&mut *tx)
        .await?;
        let given = i64::try_from(given.rows_affected()).unwrap_or_default();
        // Positions can be given again: they wait for no standby.
        sqlx::query!(
            "update outbox_end set position = $1 from set_config('synchronous_commit', 'local', true)",
            end + given
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into outbox_epoch (epoch, first) select epoch, $1 from feed_epoch where origin = feed_origin() on conflict do nothing",
            end + 1
        )
        .execute(&mut *tx)
        .await?;
        crate::db::commit_at_last(tx).await?;
        if given < BATCH {
            return Ok(());
        }
    }
}

/// Events of a vendor after a cursor. All that are visible have their positions first, where the
/// database takes changes.
///
/// # Errors
/// The database fails.
pub async fn of_vendor(
    db: &mut PgConnection,
    vendor_org: &str,
    after: &EventCursor,
    limit: i64,
) -> Result<EventList, DbError> {
    match number(db).await {
        Ok(()) => {}
        Err(DbError::Unavailable(error)) if error.fault == DbFault::ReadOnly => {}
        Err(error) => return Err(error),
    }
    let after = position(db, vendor_org, after).await?;
    let rows = sqlx::query!(
        r#"select id, event, subject_id, party_org_no, payload, created, position as "position!" from outbox
           where vendor_org_no = $1 and position > $2 order by position limit $3"#,
        vendor_org,
        after,
        limit
    )
    .fetch_all(&mut *db)
    .await?;
    let last = rows.last().map_or(after, |row| row.position);
    let epoch = sqlx::query_scalar!("select epoch from outbox_epoch order by first desc limit 1")
        .fetch_optional(&mut *db)
        .await?;
    let events = rows.into_iter().map(|row| StoredEvent {
        id: row.id,
        event: row.event,
        subject_id: row.subject_id,
        party_org_no: row.party_org_no,
        payload: row.payload,
        created: row.created,
    });
    Ok(EventList {
        events: events.collect(),
        next: EventCursor::At(last, epoch.unwrap_or_default()),
    })
}

/// The position after which a cursor goes on. Where that is not certain, events come again.
async fn position(
    db: &mut PgConnection,
    vendor_org: &str,
    cursor: &EventCursor,
) -> Result<i64, DbError> {
    let found = match cursor {
        EventCursor::At(0, _) => Some(0),
        EventCursor::At(position, epoch) => {
            sqlx::query_scalar!(
                r#"select least($1, (select min(first) - 1 from outbox_epoch later where later.first > own.first)) as "position!"
                   from (select first from outbox_epoch where epoch = $2
                         union all select 0 where $2 = '') own"#,
                position,
                epoch
            )
            .fetch_optional(db)
            .await?
        }
        EventCursor::Earlier(xact, seq) => {
            sqlx::query_scalar!(
                r#"select least((select position from outbox where vendor_org_no = $1 and (xact, seq) = ($2, $3)),
                     (select min(position) - 1 from outbox where vendor_org_no = $1 and (xact, seq) > ($2, $3)))"#,
                vendor_org,
                xact,
                seq
            )
            .fetch_one(db)
            .await?
        }
    };
    Ok(found.unwrap_or(0))
}

/// Deletes messages that vendors could read for so many days. A message without a position is kept,
/// however old it is.
pub async fn delete_old(tx: &mut PgConnection, days: i32) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "delete from outbox where id in (
           select id from outbox where position is not null and created < service_now() - make_interval(days => $1)
           order by created limit $2)",
        days,
        retention::BATCH
    )
    .execute(tx)
    .await?
    .rows_affected())
}
