//! The outbox. All SQL of events.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Message;
use crate::db::DbError;

/// Transaction and row: the order in which vendors get events.
pub type Position = (i64, i64);

/// An event as stored.
#[derive(Debug)]
pub struct Stored {
    pub id: Uuid,
    pub event: String,
    pub subject_kind: String,
    pub subject_id: Uuid,
    pub party_org_no: Option<String>,
    pub payload: Value,
    pub created: DateTime<Utc>,
    pub position: Position,
}

/// Puts a message into the outbox. A repeat of the same event on the same subject changes nothing.
///
/// # Errors
/// As the database says.
pub async fn post(tx: &mut PgConnection, message: Message<'_>) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into outbox (id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict (event, subject_id) do nothing"#,
        Uuid::now_v7(),
        message.event,
        message.subject_kind,
        message.subject_id,
        message.party_org,
        message.vendor_org,
        message.payload,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Events of a vendor behind a position. One whose transaction is older than some transaction still running waits for
/// it, so that nothing turns up behind what was read.
///
/// # Errors
/// As the database says.
pub async fn of_vendor(db: &mut PgConnection, vendor_org: &str, after: Position, limit: i64) -> Result<Vec<Stored>, DbError> {
    let rows = sqlx::query!(
        r#"select id, event, subject_kind, subject_id, party_org_no, payload, created, xact, seq from outbox
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
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        party_org_no: row.party_org_no,
        payload: row.payload,
        created: row.created,
        position: (row.xact, row.seq),
    });
    Ok(stored.collect())
}
