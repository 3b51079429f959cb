//! SQL of another key for identity numbers.

use sqlx::PgConnection;

use super::model::{RekeyChanges, StoredFormerIndex, StoredPerson};
use foundation::db::DbError;

/// An import that merges holds the rows of its persons for a while.
pub async fn prepare(db: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query("set lock_timeout = '10min'")
        .execute(&mut *db)
        .await?;
    sqlx::query("set statement_timeout = 0").execute(db).await?;
    Ok(())
}

/// How many persons there are.
pub async fn count(db: &mut PgConnection) -> Result<u64, DbError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from party where person_id_hmac is not null"#
    );
    Ok(count.fetch_one(db).await?.unsigned_abs())
}

/// Persons after a key, in order.
pub async fn persons(
    tx: &mut PgConnection,
    after: i32,
    limit: i64,
) -> Result<Vec<StoredPerson>, DbError> {
    Ok(sqlx::query_as!(
        StoredPerson,
        r#"select key, person_id_hmac as "hmac!", person_id_enc as enc from party
           where key > $1 and person_id_hmac is not null order by key limit $2 for update"#,
        after,
        limit
    )
    .fetch_all(tx)
    .await?)
}

/// Some persons, from all over the register: about so many, and none only when there is none.
pub async fn sample(db: &mut PgConnection, size: i32) -> Result<Vec<StoredPerson>, DbError> {
    Ok(sqlx::query_as!(
        StoredPerson,
        r#"select key as "key!", person_id_hmac as "hmac!", person_id_enc as enc from party
           where person_id_hmac is not null and key in (
             select (first + (last - first) * n / $1)::int
             from (select min(key)::bigint as first, max(key)::bigint as last from party) ends, generate_series(0, $1) n)
           union
           (select key, person_id_hmac, person_id_enc from party where person_id_hmac is not null order by key desc limit $1)"#,
        size
    )
    .fetch_all(db)
    .await?)
}

/// Whether a number is encrypted with the key of this beginning.
pub async fn is_encrypted_with(db: &mut PgConnection, beginning: &[u8]) -> Result<bool, DbError> {
    // Every person is looked at, once after an upgrade.
    sqlx::query("set local statement_timeout = '10min'")
        .execute(&mut *db)
        .await?;
    let length = i32::try_from(beginning.len()).unwrap_or(i32::MAX);
    let found = sqlx::query_scalar!(
        r#"select exists (select from party where substring(person_id_enc from 1 for $2) = $1)
             or exists (select from person_former_id where substring(person_id_enc from 1 for $2) = $1) as "found!""#,
        beginning,
        length
    );
    Ok(found.fetch_one(db).await?)
}

/// Index values besides their own of some persons.
pub async fn former(
    tx: &mut PgConnection,
    keys: &[i32],
) -> Result<Vec<StoredFormerIndex>, DbError> {
    Ok(sqlx::query_as!(
        StoredFormerIndex,
        "select key, person_id_hmac as hmac, person_id_enc as enc from person_former_id where key = any($1)",
        keys
    )
    .fetch_all(tx)
    .await?)
}

/// Writes what changes.
pub async fn write(tx: &mut PgConnection, changes: &RekeyChanges) -> Result<(), DbError> {
    sqlx::query!(
        "delete from person_former_id where person_id_hmac = any($1)",
        &changes.removed
    )
    .execute(&mut *tx)
    .await?;
    let (keys, hmacs, encs) = columns(changes.persons.iter().map(|p| (p.key, &p.hmac, &p.enc)));
    sqlx::query!(
        r#"update party p set person_id_hmac = t.hmac, person_id_enc = t.enc
           from unnest($1::int[], $2::bytea[], $3::bytea[]) as t(key, hmac, enc) where p.key = t.key"#,
        &keys,
        &hmacs,
        &encs as &[Option<Vec<u8>>]
    )
    .execute(&mut *tx)
    .await?;
    let (keys, hmacs, encs) = columns(changes.added.iter().map(|f| (f.key, &f.hmac, &f.enc)));
    sqlx::query!(
        r#"insert into person_former_id (key, person_id_hmac, person_id_enc)
           select key, hmac, enc from unnest($1::int[], $2::bytea[], $3::bytea[]) as t(key, hmac, enc)
           on conflict (person_id_hmac) do update set person_id_enc = excluded.person_id_enc where person_former_id.key = excluded.key"#,
        &keys,
        &hmacs,
        &encs as &[Option<Vec<u8>>]
    )
    .execute(tx)
    .await?;
    Ok(())
}

type PersonColumns = (Vec<i32>, Vec<Vec<u8>>, Vec<Option<Vec<u8>>>);

fn columns<'a>(
    rows: impl Iterator<Item = (i32, &'a Vec<u8>, &'a Option<Vec<u8>>)>,
) -> PersonColumns {
    let mut out = PersonColumns::default();
    for (key, hmac, enc) in rows {
        out.0.push(key);
        out.1.push(hmac.clone());
        out.2.push(enc.clone());
    }
    out
}
