//! What a database lacks, and doing it again.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, PgPool};

use super::{
    Kind,
    change::{Entry, JournaledTable, What},
    journal::{Head, Journal},
    store,
};
use crate::{
    audit::{self, Action, Actor, Checkpoint, Event, ObjectKind},
    db::feed::{self, Touched},
};

/// A loss of at most this is that of a fail-over.
const FAIL_OVER: Duration = Duration::seconds(60);
/// Objects are looked for from so long before the last that the database knows of: clocks differ.
const OVERLAP: Duration = Duration::hours(1);

/// What a database lacks of what was known before.
#[derive(Debug)]
pub struct Loss {
    /// How it came about.
    pub kind: Kind,
    /// The last time that the database knows of; none when it never wrote this journal.
    pub from: Option<DateTime<Utc>>,
    /// The last time that the journal or the checkpoints know of.
    pub to: Option<DateTime<Utc>>,
    /// Rows of the audit trail that are missing at least; none when that is not known.
    pub audit_rows: Option<i64>,
    /// Objects of the journal that belong to the history that was lost.
    objects: Vec<String>,
    /// The head of the journal, when the database does not know it.
    head: Option<Head>,
    /// The newest checkpoint, when the audit trail does not hold it.
    checkpoint: Option<Checkpoint>,
}

/// Compares a database with its journal and with the newest checkpoint of its audit trail. None:
/// it lacks nothing.
///
/// # Errors
/// The journal or the database cannot be read.
pub async fn find(
    db: &mut PgConnection,
    journal: Option<&Journal>,
    checkpoint: Option<&Checkpoint>,
) -> anyhow::Result<Option<Loss>> {
    let head = match journal {
        Some(journal) => journal.head().await?,
        None => None,
    };
    let mark = head.as_ref().map(|head| head.mark);
    let known = store::known(db, mark, checkpoint).await?;
    let mut missing = Vec::new();
    if let (Some(journal), Some(_)) = (journal, &head) {
        let since = known
            .last
            .map_or(DateTime::UNIX_EPOCH, |last| last - OVERLAP);
        let found = journal.objects_since(since).await?;
        let names: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
        let unknown = store::unknown(db, &names).await?;
        missing.extend(found.into_iter().filter(|(name, _)| unknown.contains(name)));
    }
    let head = head.filter(|_| !known.has_mark);
    let checkpoint = checkpoint.filter(|_| !known.has_checkpoint);
    if head.is_none() && missing.is_empty() && checkpoint.is_none() {
        return Ok(None);
    }
    let in_journal = head
        .as_ref()
        .map(|head| head.at)
        .max(missing.last().map(|(_, at)| *at));
    let (from, to) = match (in_journal, checkpoint) {
        (Some(to), _) => (known.last, Some(to)),
        (None, Some(checkpoint)) => (known.last_audited, Some(checkpoint.at)),
        (None, None) => (known.last, None),
    };
    let length = head
        .as_ref()
        .map(|head| head.audit_length)
        .max(checkpoint.map(|checkpoint| checkpoint.length));
    let is_short = from
        .zip(to)
        .is_some_and(|(from, to)| to - from <= FAIL_OVER);
    Ok(Some(Loss {
        kind: if is_short {
            Kind::FailOver
        } else {
            Kind::Restore
        },
        from,
        to,
        audit_rows: length.map(|length| (length - known.audit_length).max(0)),
        objects: missing.into_iter().map(|(name, _)| name).collect(),
        head,
        checkpoint: checkpoint.cloned(),
    }))
}

/// What was done again.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Changes that the journal holds and the database did not, by table and kind.
    pub changes: BTreeMap<(JournaledTable, What), u64>,
    /// Rows that had to be changed for it.
    pub rows: u64,
    /// Sessions that were ended.
    pub sessions: u64,
}

impl Recovered {
    /// How many changes the journal holds that the database did not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.changes.values().sum()
    }
}

/// A change of the journal that the database refuses to do again.
#[derive(Debug, thiserror::Error)]
#[error("what {object} of the journal says of {table} cannot be done again ({row}): {cause}", table = .entry.change.table.name(), row = serde_json::Value::Object(.entry.change.row.clone()))]
pub struct Unrecoverable {
    object: String,
    entry: Entry,
    cause: crate::db::DbError,
}

impl Loss {
    /// What would be done again, without doing it.
    ///
    /// # Errors
    /// The journal or the database cannot be read, or a change cannot be done again.
    pub async fn preview(
        &self,
        db: &PgPool,
        journal: Option<&Journal>,
    ) -> anyhow::Result<Recovered> {
        let mut tx = db.begin().await?;
        let recovered = self.replay(&mut tx, journal, &self.objects).await?;
        tx.rollback().await?;
        Ok(recovered)
    }

    /// Does again what the journal says, in one transaction. After a restore every session ends,
    /// and own tokens that were issued before are refused. Does nothing when another instance has
    /// done it meanwhile.
    ///
    /// # Errors
    /// The journal or the database cannot be read, or a change cannot be done again: nothing is
    /// changed then.
    pub async fn recover(
        &self,
        db: &PgPool,
        journal: Option<&Journal>,
        by: Actor,
    ) -> anyhow::Result<Recovered> {
        let mut tx = db.begin().await?;
        store::lock(&mut tx).await?;
        let objects = store::unknown(&mut tx, &self.objects).await?;
        let mark = self.head.as_ref().map(|head| head.mark);
        let known = store::known(&mut tx, mark, self.checkpoint.as_ref()).await?;
        let is_done = objects.is_empty()
            && (mark.is_none() || known.has_mark)
            && (self.checkpoint.is_none() || known.has_checkpoint);
        if is_done {
            return Ok(Recovered::default());
        }
        let mut recovered = self.replay(&mut tx, journal, &objects).await?;
        if self.kind == Kind::Restore {
            recovered.sessions = store::fence(&mut tx).await?;
            feed::begin_another_epoch(&mut tx).await?;
        }
        let revocations = i64::try_from(recovered.total()).unwrap_or(i64::MAX);
        let run = store::Run {
            kind: self.kind,
            from: self.from,
            to: self.to,
            revocations,
            audit_rows_lost: self.audit_rows,
            checkpoint: self.checkpoint.as_ref().map(|checkpoint| &*checkpoint.hash),
        };
        store::note(&mut tx, run, &objects, mark).await?;
        feed::append(&mut tx, Touched::Everything, "recovery").await?;
        let event = Event {
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
        tx.commit().await?;
        Ok(recovered)
    }

    async fn replay(
        &self,
        tx: &mut PgConnection,
        journal: Option<&Journal>,
        objects: &[String],
    ) -> anyhow::Result<Recovered> {
        let mut recovered = Recovered::default();
        for object in objects {
            let journal = journal.context("there is no journal to read")?;
            for entry in journal.entries(object).await? {
                if store::holds(tx, &entry).await? {
                    continue;
                }
                let mut step = tx.begin().await?;
                let rows = store::replay(&mut step, &entry.change)
                    .await
                    .map_err(|cause| Unrecoverable {
                        object: object.clone(),
                        entry: entry.clone(),
                        cause,
                    })?;
                step.commit().await?;
                let (table, what) = (entry.change.table, entry.change.what);
                *recovered.changes.entry((table, what)).or_default() += 1;
                recovered.rows += rows;
            }
        }
        Ok(recovered)
    }
}
