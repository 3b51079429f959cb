//! What a database lacks, and doing it again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Instant,
};

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, PgPool};

use super::{
    LossKind,
    change::{JournalEntry, JournaledTable, RowChange},
    journal::{Journal, JournalFault, JournalHead, JournalObject, ObjectContents},
    store::{self, MarkFrequency},
};
use crate::{
    audit::{self, Action, Actor, AuditEvent, Checkpoint, ObjectKind},
    db::{
        DbError, begin_step, commit, commit_at_last, end_step,
        feed::{self, FeedEntryKind},
        undo_step,
    },
};

/// A loss of at most this is that of a fail-over.
const FAIL_OVER: Duration = Duration::seconds(60);
/// Objects are looked for from so many numbers before the last that the database began: histories of
/// it that were lost may have used the same numbers.
const OVERLAP: i64 = 1_000;

/// So long is waited for another one that recovers, and how often it is tried.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);
const LOCK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);
/// How often it is reported how far a recovery is.
const REPORT_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

/// What is done about parts of the journal that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageHandling {
    /// Nothing is done again.
    Refuse,
    /// They are left out, and named. A head that is missing or damaged is made anew.
    LeaveOut,
}

/// What a database lacks of what was known before.
#[derive(Debug)]
pub struct DatabaseLoss {
    /// How it came about.
    pub kind: LossKind,
    /// The last time that the database knows of; none when it never wrote this journal.
    pub from: Option<DateTime<Utc>>,
    /// The last time that the journal or the checkpoints know of.
    pub to: Option<DateTime<Utc>>,
    /// Rows of the audit trail that are missing at least; none when that is not known.
    pub audit_rows: Option<i64>,
    /// Objects are missing between the end of the database and that of the journal: what ended there
    /// is not known.
    pub is_gap: bool,
    /// What wrote the journal last is no history that this database knows: a copy of it uses the same
    /// journal, or wrote there before.
    pub is_of_another: bool,
    /// Why the head of the journal is made anew.
    pub head_fault: Option<String>,
    /// Objects of the journal that belong to the history that was lost.
    objects: Vec<JournalObject>,
    /// The head of the journal, when the database does not know it.
    head: Option<JournalHead>,
    /// The newest checkpoint, when the audit trail does not hold it.
    checkpoint: Option<Checkpoint>,
}

/// Refuses a journal that is none of a database.
pub(super) fn must_be_of(
    head: Option<&JournalHead>,
    known: &store::JournalState,
) -> Result<(), JournalFault> {
    match head {
        None if known.last.is_some() => Err(JournalFault::Missing),
        Some(head) if head.journal != known.journal => Err(JournalFault::Foreign {
            ours: known.journal,
            theirs: head.journal,
        }),
        None | Some(_) => Ok(()),
    }
}

/// The head of the journal, or what is wrong with it where that is let pass.
async fn head_of(
    journal: &Journal,
    damage: DamageHandling,
) -> anyhow::Result<(Option<JournalHead>, Option<JournalFault>)> {
    let error = match journal.head().await {
        Ok(head) => return Ok((head, None)),
        Err(error) => error,
    };
    match error.downcast() {
        Ok(fault) if damage == DamageHandling::LeaveOut => Ok((None, Some(fault))),
        Ok(fault) => Err(fault.into()),
        Err(error) => Err(error),
    }
}

/// Objects that are no loss although the database does not know them: they are older than what is kept,
/// so many days, or than all that it wrote itself and numbered like it. It knew them once, and a
/// copy of them was put back.
fn put_back(
    object: &JournalObject,
    known: &store::JournalState,
    head: Option<&JournalHead>,
    days: u32,
) -> bool {
    let newest = head.map(|head| head.at).max(known.last);
    let is_expired = newest.is_some_and(|at| object.at < at - Duration::days(i64::from(days)));
    is_expired && object.number <= known.objects
}

/// The newest checkpoint whose row the audit trail does not hold; none when it holds all that count. `all` are
/// in the order in which they were written. Those up to the last that a recovery noted count no more, and a
/// checkpoint counts for all before it that are of fewer rows.
///
/// # Errors
/// The database fails.
pub async fn lost_checkpoint(
    db: &mut PgConnection,
    mut all: Vec<Checkpoint>,
) -> Result<Option<Checkpoint>, DbError> {
    if let Some(noted) = store::last_noted(db, &all).await? {
        all.drain(..noted);
    }
    let mut lost = store::lost_checkpoints(db, &standing(all)).await?;
    Ok(lost.pop())
}

/// Checkpoints that are followed by none of as many rows.
fn standing(all: Vec<Checkpoint>) -> Vec<Checkpoint> {
    let mut standing: Vec<Checkpoint> = Vec::new();
    for checkpoint in all {
        while standing
            .last()
            .is_some_and(|before| before.length <= checkpoint.length)
        {
            standing.pop();
        }
        standing.push(checkpoint);
    }
    standing
}

/// Compares a database with its journal, which is kept for so many days, and with the newest checkpoint
/// of its audit trail. None: it lacks nothing.
///
/// # Errors
/// The journal or the database cannot be read, or the journal is none of this database.
pub async fn find(
    db: &mut PgConnection,
    journal: Option<&Journal>,
    checkpoint: Option<&Checkpoint>,
    days: u32,
    damage: DamageHandling,
) -> anyhow::Result<Option<DatabaseLoss>> {
    let (head, mut head_fault) = match journal {
        Some(journal) => head_of(journal, damage).await?,
        None => (None, None),
    };
    let known = store::known(db, head.as_ref(), checkpoint).await?;
    if journal.is_some() && head_fault.is_none() {
        match must_be_of(head.as_ref(), &known) {
            Ok(()) => {}
            Err(fault @ JournalFault::Missing) if damage == DamageHandling::LeaveOut => {
                head_fault = Some(fault);
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    let mut missing = Vec::new();
    if let Some(journal) = journal
        && (head.is_some() || head_fault.is_some())
    {
        let found = journal
            .objects_from((known.objects - OVERLAP).max(0))
            .await?;
        let names: Vec<_> = found.iter().map(|object| object.name.clone()).collect();
        let unknown: HashSet<_> = store::unknown(db, &names).await?.into_iter().collect();
        missing.extend(
            found
                .into_iter()
                .filter(|object| unknown.contains(&object.name)),
        );
        if damage == DamageHandling::Refuse {
            let before = missing.len();
            let first = missing.first().cloned();
            missing.retain(|object| !put_back(object, &known, head.as_ref(), days));
            if let (Some(first), true) = (first, missing.len() < before) {
                tracing::warn!(
                    objects = before - missing.len(),
                    first = first.name,
                    days,
                    "objects of the journal that are older than what is kept were put back: they are left aside"
                );
            }
        }
    }
    let last = head.as_ref().map_or(0, |head| head.objects);
    let numbers: HashSet<_> = missing.iter().map(|object| object.number).collect();
    let is_gap = (known.objects + 1..=last).any(|number| !numbers.contains(&number));
    // What no history of this database wrote is not undone by itself: two may go on at once.
    let is_of_another = head.is_some() && !known.has_mark && !known.has_epoch;
    let head = head.filter(|_| !known.has_mark);
    let checkpoint = checkpoint.filter(|_| !known.has_checkpoint);
    if head.is_none() && missing.is_empty() && checkpoint.is_none() && head_fault.is_none() {
        return Ok(None);
    }
    let in_journal = head
        .as_ref()
        .map(|head| head.at)
        .max(missing.iter().map(|object| object.at).max());
    let (from, to) = match (in_journal, checkpoint) {
        (Some(to), _) => (known.last, Some(to)),
        (None, Some(checkpoint)) => (known.last_audited, Some(checkpoint.at)),
        (None, None) => (known.last, None),
    };
    let length = head
        .as_ref()
        .map(|head| head.audit_length)
        .max(checkpoint.map(|checkpoint| checkpoint.length));
    let by_length = length.map(|length| (length - known.audit_length).max(0));
    let by_object = match (journal, missing.last()) {
        (Some(journal), Some(newest)) => rows_lost_until(db, journal, newest).await?,
        (None, _) | (_, None) => None,
    };
    // A journal that ends long before the database is not that of a fail-over either.
    let is_short = from
        .zip(to)
        .is_some_and(|(from, to)| (to - from).abs() <= FAIL_OVER);
    Ok(Some(DatabaseLoss {
        kind: if is_short && head_fault.is_none() && !is_gap && !is_of_another {
            LossKind::FailOver
        } else {
            LossKind::Restore
        },
        from,
        to,
        audit_rows: by_length.max(by_object),
        is_gap,
        is_of_another,
        head_fault: head_fault.map(|fault| fault.to_string()),
        objects: missing,
        head,
        checkpoint: checkpoint.cloned(),
    }))
}

/// Rows of the audit trail that are missing at least, by what an object says that is missing too; none when
/// it does not say so. Rows that came since the object was written are not counted, and those that the
/// database got meanwhile hide as many.
async fn rows_lost_until(
    db: &mut PgConnection,
    journal: &Journal,
    object: &JournalObject,
) -> anyhow::Result<Option<i64>> {
    // One that cannot be read is reported where it is replayed.
    let Ok(ObjectContents {
        audit_rows: Some(rows),
        ..
    }) = journal.entries(&object.name).await
    else {
        return Ok(None);
    };
    Ok(Some((rows - store::audit_rows(db).await?).max(0)))
}

/// How a recovery ended.
#[derive(Debug)]
pub enum RecoveryOutcome {
    /// What was missing is done again.
    Done(RecoveredChanges),
    /// Another one has done it meanwhile.
    DoneBefore,
    /// Another one is at work.
    UnderWay,
}

/// What was done again.
#[derive(Debug, Default)]
pub struct RecoveredChanges {
    /// Changes that the journal holds and the database did not, by table and kind.
    pub changes: BTreeMap<(JournaledTable, RowChange), u64>,
    /// Rows that had to be changed for it.
    pub rows: u64,
    /// Sessions that were ended.
    pub sessions: u64,
    /// What could not be read or done again, in words.
    pub left_out: Vec<String>,
}

impl RecoveredChanges {
    /// How many changes the journal holds that the database did not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.changes.values().sum()
    }
}

/// A change of the journal that the database refuses to do again.
#[derive(Debug, thiserror::Error)]
#[error("what {object} of the journal says of {table} cannot be done again ({row}): {cause}", table = .entry.change.table.name(), row = serde_json::Value::Object(.entry.change.row.clone()))]
pub struct UnrecoverableChange {
    object: String,
    entry: JournalEntry,
    cause: DbError,
}

impl DatabaseLoss {
    /// How many objects of the journal are missing.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// What would be done again, without doing it.
    ///
    /// # Errors
    /// The journal or the database cannot be read, or a change cannot be done again.
    pub async fn preview(
        &self,
        db: &PgPool,
        journal: Option<&Journal>,
        damage: DamageHandling,
    ) -> anyhow::Result<RecoveredChanges> {
        let mut tx = db.begin().await?;
        let recovered = replay(&mut tx, journal, &self.objects, damage).await?;
        tx.rollback().await?;
        Ok(recovered)
    }

    /// Does again what the journal says, in one transaction. After a restore every session ends,
    /// and own tokens that were issued before are refused.
    ///
    /// # Errors
    /// The journal or the database cannot be read, or a change cannot be done again: nothing is
    /// changed then.
    pub async fn recover(
        &self,
        db: &PgPool,
        journal: Option<&Journal>,
        by: Actor,
        damage: DamageHandling,
    ) -> anyhow::Result<RecoveryOutcome> {
        let mut tx = db.begin().await?;
        // Who copies to the journal holds the row for an instant.
        let since = Instant::now();
        while !store::lock(&mut tx).await? {
            if since.elapsed() > LOCK_TIMEOUT {
                return Ok(RecoveryOutcome::UnderWay);
            }
            tokio::time::sleep(LOCK_AGAIN).await;
        }
        let names: Vec<_> = self
            .objects
            .iter()
            .map(|object| object.name.clone())
            .collect();
        let unknown: HashSet<_> = store::unknown(&mut tx, &names).await?.into_iter().collect();
        let objects: Vec<JournalObject> = self
            .objects
            .iter()
            .filter(|object| unknown.contains(&object.name))
            .cloned()
            .collect();
        let mark = self.head.as_ref().map(|head| head.mark);
        let known = store::known(&mut tx, self.head.as_ref(), self.checkpoint.as_ref()).await?;
        let is_done = objects.is_empty()
            && self.head_fault.is_none()
            && (mark.is_none() || known.has_mark)
            && (self.checkpoint.is_none() || known.has_checkpoint);
        if is_done {
            return Ok(RecoveryOutcome::DoneBefore);
        }
        let mut recovered = replay(&mut tx, journal, &objects, damage).await?;
        if self.kind == LossKind::Restore {
            recovered.sessions = store::fence(&mut tx).await?;
        }
        // Another history may have used the same numbers, also for an instance that was away meanwhile.
        feed::begin_another_epoch(&mut tx).await?;
        let revocations = i64::try_from(recovered.total()).unwrap_or(i64::MAX);
        let run = store::RecoveryRun {
            kind: self.kind,
            from: self.from,
            to: self.to,
            revocations,
            audit_rows_lost: self.audit_rows,
            checkpoint: self.checkpoint.as_ref().map(|checkpoint| &*checkpoint.hash),
        };
        store::note(&mut tx, run, &objects, mark).await?;
        feed::append(&mut tx, FeedEntryKind::Everything, "recovery").await?;
        let event = AuditEvent {
            actor: by,
            action: Action::RecoverReplayed,
            object_kind: ObjectKind::Recovery,
            object_id: self.kind.wire().to_owned(),
            party_org: None,
            vendor_org: None,
            detail: Some(json!({
                "from": self.from,
                "to": self.to,
                "revocations": revocations,
                "auditRowsLost": self.audit_rows,
                "sessions": recovered.sessions,
            })),
        };
        audit::record(&mut tx, event).await?;
        match by {
            // Tried again: it was done by then, or is under way.
            Actor::Job => commit(tx).await?,
            Actor::Vendor
            | Actor::Person(_)
            | Actor::SystemUser(_)
            | Actor::ServiceOwner
            | Actor::Operator => commit_at_last(tx).await?,
        }
        if let (Some(_), Some(journal)) = (&self.head_fault, journal)
            && let Some(head) = store::mark(&mut *db.acquire().await?, MarkFrequency::Now).await?
        {
            journal.put_head(&head).await?;
        }
        Ok(RecoveryOutcome::Done(recovered))
    }
}

async fn replay(
    tx: &mut PgConnection,
    journal: Option<&Journal>,
    objects: &[JournalObject],
    damage: DamageHandling,
) -> anyhow::Result<RecoveredChanges> {
    let mut recovered = RecoveredChanges::default();
    let mut reported = Instant::now();
    for (done, object) in objects.iter().enumerate() {
        if reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            tracing::warn!(
                objects = done,
                of = objects.len(),
                entries = recovered.total(),
                "what ended an access is being done again"
            );
        }
        let journal = journal.context("there is no journal to read")?;
        let contents = match journal.entries(&object.name).await {
            Ok(read) => read,
            Err(error) if damage == DamageHandling::LeaveOut => ObjectContents {
                wrong: vec![format!("{error:#}")],
                ..ObjectContents::default()
            },
            Err(error) => return Err(error),
        };
        if let (Some(first), DamageHandling::Refuse) = (contents.wrong.first(), damage) {
            anyhow::bail!("{first}");
        }
        recovered.left_out.extend(contents.wrong);
        let held = store::held(tx, &contents.entries).await?;
        let places = contents.entries.into_iter().zip(1..);
        let lost = places.filter(|(_, place)| !held.contains(place));
        let lost: Vec<JournalEntry> = lost.map(|(entry, _)| entry).collect();
        begin_step(tx).await?;
        match replay_in_sets(tx, &lost).await {
            Ok(rows) => {
                end_step(tx).await?;
                recovered.rows += rows;
                for entry in &lost {
                    let kind = (entry.change.table, entry.change.what);
                    *recovered.changes.entry(kind).or_default() += 1;
                }
            }
            // One of them at least cannot be done again: which, is seen one by one.
            Err(error) => {
                undo_step(tx).await?;
                tracing::debug!(%error, object = object.name, "entries are done again one by one");
                replay_each(tx, object, lost, damage, &mut recovered).await?;
            }
        }
    }
    Ok(recovered)
}

/// Does entries of an object again, those of each table in their order and as many at once as are of one
/// kind. How many rows that changed.
async fn replay_in_sets(tx: &mut PgConnection, entries: &[JournalEntry]) -> Result<u64, DbError> {
    let mut tables: BTreeMap<JournaledTable, Vec<&JournalEntry>> = BTreeMap::new();
    for entry in entries {
        tables.entry(entry.change.table).or_default().push(entry);
    }
    let mut changed = 0;
    for (table, entries) in tables {
        for set in sets(table, &entries) {
            changed += store::replay(tx, table, set.what, &set.rows).await?;
        }
    }
    Ok(changed)
}

/// Entries of one kind and of different rows.
#[derive(Debug, PartialEq)]
struct EntrySet<'a> {
    what: RowChange,
    rows: Vec<&'a Map<String, Value>>,
}

/// Sets that come to the same as the entries one by one: those of a row keep their order, and the order of
/// different rows does not matter.
fn sets<'a>(table: JournaledTable, entries: &[&'a JournalEntry]) -> Vec<EntrySet<'a>> {
    let mut before: HashMap<String, usize> = HashMap::new();
    let mut sets: BTreeMap<(usize, RowChange), EntrySet<'a>> = BTreeMap::new();
    for entry in entries {
        let (row, what) = (&entry.change.row, entry.change.what);
        let key: Vec<_> = table.key().iter().map(|column| row.get(*column)).collect();
        let of_row = before.entry(format!("{key:?}")).or_default();
        let set = sets.entry((*of_row, what)).or_insert_with(|| EntrySet {
            what,
            rows: Vec::new(),
        });
        set.rows.push(row);
        *of_row += 1;
    }
    sets.into_values().collect()
}

async fn replay_each(
    tx: &mut PgConnection,
    object: &JournalObject,
    entries: Vec<JournalEntry>,
    damage: DamageHandling,
    recovered: &mut RecoveredChanges,
) -> anyhow::Result<()> {
    for entry in entries {
        let (table, what) = (entry.change.table, entry.change.what);
        begin_step(tx).await?;
        match store::replay(tx, table, what, &[&entry.change.row]).await {
            Ok(rows) => {
                end_step(tx).await?;
                *recovered.changes.entry((table, what)).or_default() += 1;
                recovered.rows += rows;
            }
            Err(cause) => {
                undo_step(tx).await?;
                let object = object.name.clone();
                let refused = UnrecoverableChange {
                    object,
                    entry,
                    cause,
                };
                if damage == DamageHandling::Refuse {
                    return Err(refused.into());
                }
                recovered.left_out.push(refused.to_string());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::JournaledChange;

    fn entry(what: RowChange, id: i64) -> JournalEntry {
        let Value::Object(row) = json!({"id": id}) else {
            unreachable!()
        };
        JournalEntry {
            epoch: String::new(),
            position: 0,
            at: DateTime::UNIX_EPOCH,
            change: JournaledChange {
                table: JournaledTable::SystemUser,
                what,
                row,
            },
        }
    }

    fn shape(entries: &[JournalEntry]) -> Vec<(RowChange, Vec<i64>)> {
        let all: Vec<&JournalEntry> = entries.iter().collect();
        let id = |row: &&Map<String, Value>| row["id"].as_i64().unwrap();
        let sets = sets(JournaledTable::SystemUser, &all);
        sets.iter()
            .map(|set| (set.what, set.rows.iter().map(id).collect()))
            .collect()
    }

    #[test]
    fn a_set_is_of_one_kind_and_has_no_row_twice() {
        let entries = [
            entry(RowChange::Set, 1),
            entry(RowChange::Set, 2),
            entry(RowChange::Set, 1),
            entry(RowChange::Gone, 2),
            entry(RowChange::Gone, 1),
        ];
        let expected = [
            (RowChange::Set, vec![1, 2]),
            (RowChange::Gone, vec![2]),
            (RowChange::Set, vec![1]),
            (RowChange::Gone, vec![1]),
        ];
        assert_eq!(shape(&entries), expected);
    }

    #[test]
    fn entries_of_two_kinds_that_take_turns_are_few_sets() {
        let entries: Vec<JournalEntry> = (0..100)
            .flat_map(|id| [entry(RowChange::Set, id), entry(RowChange::Gone, id)])
            .collect();
        let all: Vec<i64> = (0..100).collect();
        let expected = [(RowChange::Set, all.clone()), (RowChange::Gone, all)];
        assert_eq!(shape(&entries), expected);
    }
}
