//! All SQL of the chain.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::chain::Row;
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
            Row,
            r#"select seq, at, request_id, trace_id, instance, actor_kind, actor_org, actor_supplier, actor_party_uuid, client_id, token_issuer,
                 token_id, auth_level, address, action, object_kind, object_id, party_org, vendor_org, outcome, code, detail::text as detail,
                 chain, prev_hash, hash
               from audit_log "# + $rest
            $(, $value)*
        )
    };
}

/// Length of the chain and its last hash, for whoever seals; none while somebody else does.
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

/// Rows to be sealed next: those of transactions older than every transaction still running, so
/// that none turns up behind one that has its place.
pub async fn unsealed(tx: &mut PgConnection, limit: i64) -> Result<Vec<Row>, DbError> {
    let found = rows!(
        "where chain is null and xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint order by xact, seq limit $1",
        limit
    );
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

/// Sealed rows behind a place, in order.
pub async fn behind(
    db: &mut PgConnection,
    place: i64,
    seq: i64,
    limit: i64,
) -> Result<Vec<Row>, DbError> {
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
