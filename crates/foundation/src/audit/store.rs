//! All SQL of the chain, and of attempts.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    Action, ActorKind, ObjectKind, Outcome,
    chain::AuditRow,
    model::{ChainAfterCheckpoint, WrittenCheckpoints},
};
use crate::db::DbError;

/// The place of a row in the chain.
#[derive(Debug)]
pub struct Seal {
    pub at: DateTime<Utc>,
    pub seq: i64,
    pub place: i64,
    pub before: Vec<u8>,
    pub hash: Vec<u8>,
}

macro_rules! rows {
    ($rest:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            AuditRow,
            r#"select seq, at, request_id, trace_id, instance, actor_kind, actor_org, actor_supplier, actor_party_uuid, client_id, token_issuer,
                 token_id, auth_level, address, action, object_kind, object_id, party_org, vendor_org, outcome, code, detail::text as detail,
                 chain, prev_hash, hash
               from audit_log "# + $rest
            $(, $value)*
        )
    };
}

/// Length of the chain and its last hash, locked for the transaction that seals; none while another
/// one holds the lock.
pub async fn end_for_update(tx: &mut PgConnection) -> Result<Option<(i64, Vec<u8>)>, DbError> {
    let end = sqlx::query!("select length, hash from audit_chain for update skip locked")
        .fetch_optional(tx)
        .await?;
    Ok(end.map(|row| (row.length, row.hash)))
}

/// Length of the chain and its last hash.
pub async fn end(db: &mut PgConnection) -> Result<Option<(i64, Vec<u8>)>, DbError> {
    let end = sqlx::query!("select length, hash from audit_chain")
        .fetch_optional(db)
        .await?;
    Ok(end.map(|row| (row.length, row.hash)))
}

/// Moves the end of the chain.
pub async fn set_end(tx: &mut PgConnection, length: i64, hash: &[u8]) -> Result<(), DbError> {
    sqlx::query!(
        "update audit_chain set length = $1, hash = $2",
        length,
        hash
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Rows to be sealed next. A row that becomes visible later gets a later place.
pub async fn unsealed(tx: &mut PgConnection, limit: i64) -> Result<Vec<AuditRow>, DbError> {
    let found = rows!("where chain is null order by seq limit $1", limit);
    Ok(found.fetch_all(tx).await?)
}

/// How many rows have no place yet, and since when.
pub async fn waiting(db: &mut PgConnection) -> Result<(i64, Option<DateTime<Utc>>), DbError> {
    let found = sqlx::query!(
        r#"select count(*) as "count!", min(at) as since from audit_log where chain is null"#
    )
    .fetch_one(db)
    .await?;
    Ok((found.count, found.since))
}

/// How many rows have a place.
pub async fn sealed(db: &mut PgConnection) -> Result<i64, DbError> {
    Ok(
        sqlx::query_scalar!(
            r#"select count(*) as "count!" from audit_log where chain is not null"#
        )
        .fetch_one(db)
        .await?,
    )
}

/// Sealed rows after a place, in order.
pub async fn after(
    db: &mut PgConnection,
    place: i64,
    seq: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    Ok(rows!(
        "where chain >= $1 and (chain, seq) > ($1, $2) order by chain, seq limit $3",
        place,
        seq,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Gives rows their places.
pub async fn put(tx: &mut PgConnection, seals: &[Seal]) -> Result<(), DbError> {
    sqlx::query!(
        r#"update audit_log a set chain = t.place, prev_hash = t.before, hash = t.hash
           from unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) as t(at, seq, place, before, hash)
           where a.at = t.at and a.seq = t.seq"#,
        &seals.iter().map(|s| s.at).collect::<Vec<_>>(),
        &seals.iter().map(|s| s.seq).collect::<Vec<_>>(),
        &seals.iter().map(|s| s.place).collect::<Vec<_>>(),
        &seals.iter().map(|s| s.before.clone()).collect::<Vec<_>>(),
        &seals.iter().map(|s| s.hash.clone()).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A row about attempts.
#[derive(Debug)]
pub struct AttemptRow {
    pub request_id: Uuid,
    pub trace_id: String,
    pub action: Action,
    pub object_kind: ObjectKind,
    pub object_id: String,
    pub outcome: Outcome,
    pub code: String,
    pub party: Option<String>,
    pub actor_kind: ActorKind,
    pub actor_org: Option<String>,
    pub actor_supplier: Option<String>,
    pub actor_party_uuid: Option<Uuid>,
    pub client_id: Option<String>,
    pub token_issuer: Option<String>,
    pub token_id: Option<String>,
    pub auth_level: Option<i16>,
    pub address: Option<String>,
    /// How many it represents.
    pub attempts: u64,
}

/// What a row about attempts contains in addition to its columns.
fn detail(row: &AttemptRow) -> Option<Value> {
    let mut members = Map::new();
    if let Some(party) = &row.party {
        members.insert("party".to_owned(), json!(party));
    }
    if row.attempts > 1 {
        members.insert("attempts".to_owned(), json!(row.attempts));
    }
    (!members.is_empty()).then_some(Value::Object(members))
}

/// Rows about attempts that are written together.
#[derive(Debug)]
pub struct AttemptBatch {
    /// Nothing is written twice under it.
    pub id: Uuid,
    pub rows: Vec<AttemptRow>,
}

/// Writes a batch, all of it or nothing. When it is there already, because the answer to an earlier
/// attempt was lost, it counts as written.
pub async fn insert_attempts(pool: &PgPool, batch: &AttemptBatch) -> Result<(), DbError> {
    let rows = &batch.rows;
    macro_rules! column {
        (|$row:ident| $value:expr) => {
            &rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        r#"with batch as (insert into attempt_batch (id) values ($19) on conflict do nothing returning id)
           insert into audit_log (request_id, trace_id, instance, actor_kind, actor_org, actor_supplier, actor_party_uuid,
             client_id, token_issuer, token_id, auth_level, address, action, object_kind, object_id, outcome, code, detail)
           select t.request_id, t.trace_id, $1, t.actor_kind, t.actor_org, t.actor_supplier, t.actor_party_uuid,
             t.client_id, t.token_issuer, t.token_id, t.auth_level, t.address, t.action, t.object_kind, t.object_id, t.outcome, t.code, t.detail
           from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[],
             $11::smallint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::jsonb[])
             with ordinality as t(request_id, trace_id, actor_kind, actor_org, actor_supplier, actor_party_uuid, client_id, token_issuer,
               token_id, auth_level, address, action, object_kind, object_id, outcome, code, detail, place)
           where exists (select from batch) order by t.place"#,
        super::instance(),
        column!(|row| row.request_id),
        column!(|row| row.trace_id.clone()),
        column!(|row| row.actor_kind.wire().to_owned()),
        column!(|row| row.actor_org.clone()) as &[Option<String>],
        column!(|row| row.actor_supplier.clone()) as &[Option<String>],
        column!(|row| row.actor_party_uuid) as &[Option<Uuid>],
        column!(|row| row.client_id.clone()) as &[Option<String>],
        column!(|row| row.token_issuer.clone()) as &[Option<String>],
        column!(|row| row.token_id.clone()) as &[Option<String>],
        column!(|row| row.auth_level) as &[Option<i16>],
        column!(|row| row.address.clone()) as &[Option<String>],
        column!(|row| row.action.wire().to_owned()),
        column!(|row| row.object_kind.wire().to_owned()),
        column!(|row| row.object_id.clone()),
        column!(|row| row.outcome.wire().to_owned()),
        column!(|row| row.code.clone()),
        column!(|row| detail(row)) as &[Option<Value>],
        batch.id,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What was written to a file of checkpoints; none when nothing is known of it.
pub async fn written_checkpoints(
    db: &mut PgConnection,
    host: &str,
    path: &str,
) -> Result<Option<WrittenCheckpoints>, DbError> {
    Ok(sqlx::query_as!(
        WrittenCheckpoints,
        "select begun, length, at from audit_checkpoint_file where host = $1 and path = $2",
        host,
        path
    )
    .fetch_optional(db)
    .await?)
}

/// Notes a checkpoint that was written to a file, and deletes what is noted of files that got none for a year. It can be noted
/// again, and waits for no standby.
pub async fn checkpoint_written(
    db: &mut PgConnection,
    host: &str,
    path: &str,
    written: WrittenCheckpoints,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"with expired as (delete from audit_checkpoint_file where at < service_now() - interval '1 year' and (host, path) <> ($1, $2))
           insert into audit_checkpoint_file (host, path, begun, length, at)
           select $1, $2, $3, $4, $5 from set_config('synchronous_commit', 'local', true)
           on conflict (host, path) do update set length = excluded.length, at = excluded.at"#,
        host,
        path,
        written.begun,
        written.length,
        written.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The chain after a checkpoint.
pub async fn after_checkpoint(
    db: &mut PgConnection,
    length: i64,
) -> Result<ChainAfterCheckpoint, DbError> {
    Ok(sqlx::query_as!(
        ChainAfterCheckpoint,
        r#"select service_now() as "now!", (select at from audit_log where chain > $1 order by chain limit 1) as first,
             (select at from audit_log where chain is not null order by chain desc limit 1) as last"#,
        length
    )
    .fetch_one(db)
    .await?)
}

/// Number and hash of the last row that was dropped; none when there is none.
pub async fn start(db: &mut PgConnection) -> Result<Option<(i64, Vec<u8>)>, DbError> {
    let start = sqlx::query!("select length, hash from audit_start")
        .fetch_optional(db)
        .await?;
    Ok(start.map(|row| (row.length, row.hash)))
}
