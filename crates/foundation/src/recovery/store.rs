//! All SQL of the journal and of recoveries.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection, types::Json};
use uuid::Uuid;

use super::{
    LossKind,
    change::{JournalEntry, JournaledChange, JournaledTable, RowChange},
    journal::{JournalHead, JournalObject, object_name},
};
use crate::{audit::Checkpoint, db::DbError};

/// Entries of one object.
const BATCH: i64 = 1_000;
/// Bytes of their changes, about.
const BATCH_BYTES: i64 = 8 << 20;
/// A mark is made when the newest is as old as this, in seconds.
const MARK_EVERY_S: f64 = 15.0;

/// Claims entries that no object holds for a new one, and returns its name; none when there are
/// none, or another instance claims them now.
pub async fn claim(tx: &mut PgConnection) -> Result<Option<String>, DbError> {
    let end = sqlx::query!(
        r#"select service_now() as "now!", objects + 1 as "number!" from journal_end
           where exists (select from journal_entry where object is null) for update skip locked"#
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(end) = end else {
        return Ok(None);
    };
    let name = object_name(end.number, end.now);
    let claimed = sqlx::query!(
        r#"update journal_entry e set object = $1 from (
             select seq, row_number() over (order by seq) as place, sum(pg_column_size(change)) over (order by seq) as bytes
             from (select seq, change from journal_entry where object is null order by seq limit $2) waiting) w
           where e.seq = w.seq and (w.place = 1 or w.bytes <= $3)"#,
        name,
        BATCH,
        BATCH_BYTES
    )
    .execute(&mut *tx)
    .await?;
    if claimed.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query!(
        r#"with begun as (insert into journal_object (name, claimed_at) values ($1, $2))
           update journal_end set objects = $3"#,
        name,
        end.now,
        end.number
    )
    .execute(tx)
    .await?;
    Ok(Some(name))
}

/// Names of objects that were claimed so many seconds ago, and may not be written.
pub async fn unwritten(db: &mut PgConnection, older_than_s: f64) -> Result<Vec<String>, DbError> {
    let names = sqlx::query_scalar!(
        r#"select name from journal_object
           where written_at is null and claimed_at <= service_now() - make_interval(secs => $1) order by claimed_at limit 100"#,
        older_than_s
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// The entries of an object.
pub async fn entries(db: &mut PgConnection, object: &str) -> Result<Vec<JournalEntry>, DbError> {
    let rows = sqlx::query!(
        r#"select e.seq, e.at, e.change as "change: Json<JournaledChange>",
             coalesce((select epoch from feed_epoch where origin = feed_origin()), '') as "epoch!"
           from journal_entry e where e.object = $1 order by e.seq"#,
        object
    )
    .fetch_all(db)
    .await?;
    let entries = rows.into_iter().map(|row| JournalEntry {
        epoch: row.epoch,
        position: row.seq,
        at: row.at,
        change: row.change.0,
    });
    Ok(entries.collect())
}

/// How many rows the audit trail has or had.
pub async fn audit_rows(db: &mut PgConnection) -> Result<i64, DbError> {
    let rows = sqlx::query_scalar!(
        r#"select coalesce((select length from audit_chain), 0) + (select count(*) from audit_log where chain is null) as "rows!""#
    )
    .fetch_one(db)
    .await?;
    Ok(rows)
}

/// Marks an object as written.
pub async fn written(db: &mut PgConnection, object: &str) -> Result<(), DbError> {
    sqlx::query!(
        "update journal_object set written_at = service_now() where name = $1 and written_at is null",
        object
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether something waits for the journal, or it is time for a mark. After the clock was put back, it
/// is.
pub async fn is_due(db: &mut PgConnection) -> Result<bool, DbError> {
    let is_due = sqlx::query_scalar!(
        r#"select exists (select from journal_entry where object is null)
             or exists (select from journal_object where written_at is null)
             or marked_at < service_now() - make_interval(secs => $1) or marked_at > service_now() as "is_due!"
           from journal_end"#,
        MARK_EVERY_S
    )
    .fetch_one(db)
    .await?;
    Ok(is_due)
}

/// How often a mark is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkFrequency {
    /// When it is time for one.
    WhenDue,
    /// Now.
    Now,
}

/// Makes a mark.
pub async fn mark(
    tx: &mut PgConnection,
    marks: MarkFrequency,
) -> Result<Option<JournalHead>, DbError> {
    let head = sqlx::query!(
        r#"with due as (
             update journal_end set marked_at = service_now()
             where $2 or marked_at < service_now() - make_interval(secs => $1) or marked_at > service_now() returning marked_at, journal, objects),
           made as (insert into journal_mark (id, at) select gen_random_uuid(), marked_at from due returning id, at)
           select made.id as "id!", made.at as "at!", due.journal as "journal!", due.objects as "objects!",
             (select position from change_feed_end) as "position!",
             coalesce((select length from audit_chain), 0) as "audit_length!",
             coalesce((select epoch from feed_epoch where origin = feed_origin()), '') as "epoch!"
           from made cross join due"#,
        MARK_EVERY_S,
        marks == MarkFrequency::Now
    )
    .fetch_optional(tx)
    .await?;
    Ok(head.map(|row| JournalHead {
        journal: row.journal,
        objects: row.objects,
        mark: row.id,
        at: row.at,
        epoch: row.epoch,
        position: row.position,
        audit_length: row.audit_length,
    }))
}

/// What waits for the journal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaitingEntries {
    /// Entries.
    pub entries: i64,
    /// Age of the oldest, in seconds; 0 when there is none.
    pub age_s: f64,
}

/// Counts what is not in the journal yet.
pub async fn waiting(db: &mut PgConnection) -> Result<WaitingEntries, DbError> {
    let row = sqlx::query!(
        r#"select count(*) as "entries!", coalesce(extract(epoch from service_now() - min(e.at))::float8, 0) as "age!"
           from journal_entry e left join journal_object o on o.name = e.object where o.written_at is null"#
    )
    .fetch_one(db)
    .await?;
    Ok(WaitingEntries {
        entries: row.entries,
        age_s: row.age.max(0.0),
    })
}

/// What the database knows of the journal.
#[derive(Debug)]
pub struct JournalState {
    /// What it calls its journal.
    pub journal: Uuid,
    /// Number of the last object that it began.
    pub objects: i64,
    /// Time of its newest mark; none when it never wrote the journal.
    pub last: Option<DateTime<Utc>>,
    /// Time of the newest row of its audit trail that is no newer than the checkpoint.
    pub last_audited: Option<DateTime<Utc>>,
    /// Whether it made the mark that was asked for.
    pub has_mark: bool,
    /// Whether the epoch that was asked for is one of its own.
    pub has_epoch: bool,
    /// Length of the chain of its audit trail.
    pub audit_length: i64,
    /// Whether a row of the audit trail has the place and hash that were asked for, or a recovery
    /// noted that it is lost.
    pub has_checkpoint: bool,
}

/// Reads what the database knows of the journal and of a checkpoint.
pub async fn known(
    db: &mut PgConnection,
    head: Option<&JournalHead>,
    checkpoint: Option<&Checkpoint>,
) -> Result<JournalState, DbError> {
    let row = sqlx::query!(
        r#"select e.journal, e.objects, (select max(at) from journal_mark) as last,
             (select max(at) from audit_log where at <= $4) as last_audited,
             exists (select from journal_mark where id = $1) as "has_mark!",
             exists (select from feed_epoch where epoch = $5) as "has_epoch!",
             coalesce((select length from audit_chain), 0) as "audit_length!",
             (exists (select from audit_log where chain = $2 and encode(hash, 'hex') = $3)
               or exists (select from recovery_run where checkpoint = $3)) as "has_checkpoint!"
           from journal_end e"#,
        head.map(|head| head.mark),
        checkpoint.map(|checkpoint| checkpoint.length),
        checkpoint.map(|checkpoint| &*checkpoint.hash),
        checkpoint.map(|checkpoint| checkpoint.at),
        head.map(|head| &*head.epoch)
    )
    .fetch_one(db)
    .await?;
    Ok(JournalState {
        journal: row.journal,
        objects: row.objects,
        last: row.last,
        last_audited: row.last_audited,
        has_mark: row.has_mark,
        has_epoch: row.has_epoch,
        audit_length: row.audit_length,
        has_checkpoint: row.has_checkpoint,
    })
}

/// How many of these checkpoints there are up to the last that a recovery noted; none when none was.
pub async fn last_noted(
    db: &mut PgConnection,
    checkpoints: &[Checkpoint],
) -> Result<Option<usize>, DbError> {
    let hashes: Vec<String> = checkpoints.iter().map(|one| one.hash.clone()).collect();
    let noted = sqlx::query_scalar!(
        r#"select checkpoint as "checkpoint!" from recovery_run where checkpoint = any($1)"#,
        &hashes
    )
    .fetch_all(db)
    .await?;
    let last = hashes.iter().rposition(|hash| noted.contains(hash));
    Ok(last.map(|place| place + 1))
}

/// Those of these checkpoints whose rows the audit trail does not hold, although they were not dropped for
/// their age, in the same order.
pub async fn lost_checkpoints(
    db: &mut PgConnection,
    checkpoints: &[Checkpoint],
) -> Result<Vec<Checkpoint>, DbError> {
    let lost = sqlx::query_scalar!(
        r#"select n.place as "place!" from unnest($1::bigint[], $2::text[]) with ordinality as n(length, hash, place)
           where n.length > coalesce((select length from audit_start), 0)
             and not exists (select from audit_log a where a.chain = n.length and encode(a.hash, 'hex') = n.hash)"#,
        &checkpoints.iter().map(|one| one.length).collect::<Vec<_>>(),
        &checkpoints.iter().map(|one| one.hash.clone()).collect::<Vec<_>>()
    )
    .fetch_all(db)
    .await?;
    let places = checkpoints.iter().zip(1..);
    let of_lost = places.filter(|(_, place)| lost.contains(place));
    Ok(of_lost.map(|(checkpoint, _)| checkpoint.clone()).collect())
}

/// Which of these objects do not belong to the database's history.
pub async fn unknown(db: &mut PgConnection, names: &[String]) -> Result<Vec<String>, DbError> {
    let names = sqlx::query_scalar!(
        r#"select n.name as "name!" from unnest($1::text[]) with ordinality as n(name, place)
           where not exists (select from journal_object o where o.name = n.name) order by n.place"#,
        names
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// Which of these entries the database holds itself, so that they are no loss: their places, from 1.
pub async fn held(
    db: &mut PgConnection,
    entries: &[JournalEntry],
) -> Result<HashSet<usize>, anyhow::Error> {
    let changes: Result<Vec<Value>, _> = entries
        .iter()
        .map(|entry| serde_json::to_value(&entry.change))
        .collect();
    let places = sqlx::query_scalar!(
        r#"select n.place as "place!" from unnest($1::bigint[], $2::timestamptz[], $3::jsonb[]) with ordinality as n(seq, at, change, place)
           where exists (select from journal_entry e where e.seq = n.seq and e.at = n.at and e.change = n.change)"#,
        &entries.iter().map(|entry| entry.position).collect::<Vec<_>>(),
        &entries.iter().map(|entry| entry.at).collect::<Vec<_>>(),
        &changes?
    )
    .fetch_all(db)
    .await?;
    let places = places.into_iter().map(usize::try_from);
    Ok(places.collect::<Result<_, _>>()?)
}

/// Does changes of one kind of a table again, no two of the same row. Returns how many rows that
/// changed: none when it was so already.
pub async fn replay(
    tx: &mut PgConnection,
    changed: JournaledTable,
    what: RowChange,
    rows: &[&Map<String, Value>],
) -> Result<u64, DbError> {
    // Names of tables and columns are those of `JournaledTable`.
    let table = format!("\"{}\"", changed.name());
    let same = all_of(changed.key(), " and ", |c| format!("t.\"{c}\" = r.\"{c}\""));
    let statement = match what {
        RowChange::Gone => sqlx::query(AssertSqlSafe(format!(
            "delete from {table} t using jsonb_populate_recordset(null::{table}, $1) r where {same}"
        ))),
        // What a change of a party ends, without what it gives: a party is closed by it and never opened, and
        // loses a main unit that the journal does not confirm. Another that the change named may have been
        // lost with its number, and given to another party since. The next import of the registers gives what
        // is right.
        RowChange::Set if changed == JournaledTable::Party => sqlx::query(
            r"update party t set
      status = case when t.status = 'deleted' or r.status = 'active' then t.status else r.status end,
      deleted_at = coalesce(t.deleted_at, r.deleted_at),
      death_date = coalesce(t.death_date, r.death_date),
      parent_key = case when t.parent_key = r.parent_key then t.parent_key end,
      form_id = r.form_id
    from jsonb_populate_recordset(null::party, $1) r
    where t.key = r.key and (
      (t.status is distinct from r.status and t.status <> 'deleted' and r.status <> 'active')
      or (t.deleted_at is null and r.deleted_at is not null)
      or (t.death_date is null and r.death_date is not null)
      or (t.parent_key is not null and t.parent_key is distinct from r.parent_key)
      or t.form_id is distinct from r.form_id)",
        ),
        RowChange::Set => {
            let set = all_of(changed.watched(), ", ", |c| format!("\"{c}\" = r.\"{c}\""));
            let differs = all_of(changed.watched(), " or ", |c| {
                format!("t.\"{c}\" is distinct from r.\"{c}\"")
            });
            sqlx::query(AssertSqlSafe(format!(
                "update {table} t set {set} from jsonb_populate_recordset(null::{table}, $1) r where {same} and ({differs})"
            )))
        }
        RowChange::Added => {
            let columns = all_of(changed.added(), ", ", |c| format!("\"{c}\""));
            // The resource may be one that was made since.
            sqlx::query(AssertSqlSafe(format!(
                "insert into {table} ({columns}) select {columns} from jsonb_populate_recordset(null::{table}, $1) r
                 where not exists (select from {table} t where {same})
                   and exists (select from resource known where known.identifier = r.identifier)"
            )))
        }
    };
    let done = statement.bind(Json(rows)).execute(tx).await?;
    Ok(done.rows_affected())
}

/// Each of these columns as `written`, with a word between them.
fn all_of(columns: &[&str], between: &str, written: impl Fn(&str) -> String) -> String {
    let all: Vec<_> = columns.iter().map(|column| written(column)).collect();
    all.join(between)
}

/// Keeps others from recovering at the same time. False when another one does so now.
pub async fn lock(tx: &mut PgConnection) -> Result<bool, DbError> {
    let locked = sqlx::query!("select id from journal_end for update skip locked")
        .fetch_optional(tx)
        .await?;
    Ok(locked.is_some())
}

/// A recovery that was made.
#[derive(Debug)]
pub struct RecoveryRun<'a> {
    pub kind: LossKind,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub revocations: i64,
    pub audit_rows_lost: Option<i64>,
    pub checkpoint: Option<&'a str>,
}

/// Stores a recovery, and that what the journal holds belongs to the present history from now on.
pub async fn note(
    tx: &mut PgConnection,
    run: RecoveryRun<'_>,
    objects: &[JournalObject],
    mark: Option<Uuid>,
) -> Result<(), DbError> {
    let names: Vec<String> = objects.iter().map(|object| object.name.clone()).collect();
    let last = objects.iter().map(|object| object.number).max();
    sqlx::query!(
        r#"with numbers as (update journal_end set objects = greatest(objects, $9)),
           -- Files of checkpoints are begun anew then, since those of rows that are lost hold no more.
           files as (delete from audit_checkpoint_file where $1 = 'restore'),
           run as (
             insert into recovery_run (kind, lost_from, lost_to, revocations, audit_rows_lost, checkpoint) values ($1, $2, $3, $4, $5, $6)),
           objects as (
             insert into journal_object (name, written_at) select name, service_now() from unnest($7::text[]) name on conflict do nothing)
           insert into journal_mark (id) select $8 where $8::uuid is not null on conflict do nothing"#,
        run.kind.wire(),
        run.from,
        run.to,
        run.revocations,
        run.audit_rows_lost,
        run.checkpoint,
        &names,
        mark,
        last
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends every session, and refuses own tokens that were issued before now. Returns how many sessions
/// there were.
pub async fn fence(tx: &mut PgConnection) -> Result<u64, DbError> {
    sqlx::query!(
        "insert into token_fence (not_before) values (service_now()) on conflict (id) do update set not_before = excluded.not_before"
    )
    .execute(&mut *tx)
    .await?;
    let ended = sqlx::query!("delete from session").execute(tx).await?;
    Ok(ended.rows_affected())
}

/// Time before which own tokens were issued that are refused.
pub async fn not_before(db: &mut PgConnection) -> Result<Option<DateTime<Utc>>, DbError> {
    let found = sqlx::query_scalar!("select not_before from token_fence")
        .fetch_optional(db)
        .await?;
    Ok(found)
}

/// An object that was written and is not in the journal any more.
#[derive(Debug)]
pub struct VanishedObject {
    /// Its name.
    pub name: String,
    /// Its entries are still in the database.
    pub has_entries: bool,
}

/// The objects that were written at the latest at a time, and are not among these.
pub async fn vanished(
    db: &mut PgConnection,
    names: &[String],
    by: DateTime<Utc>,
) -> Result<Vec<VanishedObject>, DbError> {
    let rows = sqlx::query_as!(
        VanishedObject,
        r#"select name, written_at > service_now() - interval '20 hours' and exists (select from journal_entry where object = name) as "has_entries!"
           from journal_object where written_at <= $2 and not name = any($1) order by name"#,
        names,
        by
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The database's time.
pub async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, DbError> {
    let now = sqlx::query_scalar!(r#"select service_now() as "now!""#)
        .fetch_one(db)
        .await?;
    Ok(now)
}

/// Names of objects that were written more than so many days ago, at most 1,000.
pub async fn old_objects(db: &mut PgConnection, days: u32) -> Result<Vec<String>, DbError> {
    let names = sqlx::query_scalar!(
        "select name from journal_object where written_at < service_now() - make_interval(days => $1) order by written_at limit 1000",
        i32::try_from(days).unwrap_or(i32::MAX)
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// Removes what is not needed any more: entries that are in the journal for a day, marks of some
/// days, and, where there is no journal, entries of an hour.
pub async fn delete_expired(db: &mut PgConnection, has_journal: bool) -> Result<(), DbError> {
    sqlx::query!(
        r#"with entries as (
             delete from journal_entry where seq in (
               select e.seq from journal_entry e left join journal_object o on o.name = e.object
               where case when $1 then o.written_at < service_now() - interval '1 day' else e.at < service_now() - interval '1 hour' end
               order by e.seq limit 50000))
           delete from journal_mark where at < service_now() - interval '40 days' and at < (select max(at) from journal_mark)"#,
        has_journal
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes the row of an object that is no longer in the journal.
pub async fn delete_object(db: &mut PgConnection, name: &str) -> Result<(), DbError> {
    sqlx::query!("delete from journal_object where name = $1", name)
        .execute(db)
        .await?;
    Ok(())
}
