//! Copying to the journal, and clearing it.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection as _, PgConnection, PgPool};

use super::{
    Journal, Recovery,
    journal::JournalFault,
    loss,
    store::{self, MarkFrequency},
};
use crate::{
    db::commit_at_last,
    telemetry::metrics::{JOURNAL_FAILURES, JOURNAL_OBJECTS, JOURNAL_VANISHED},
};

/// How often it is looked for what waits. An entry is in the journal within a second.
const PERIOD: Duration = Duration::from_millis(400);
/// An object that another instance claimed, and did not write in this time, is written by this one.
const ABANDONED_S: f64 = 5.0;
/// After a failure it is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Recovery {
    /// Copies what ends an access to the journal, until it is dropped. Several instances share the
    /// work.
    pub async fn copy(self: Arc<Self>, db: PgPool) {
        let Some(journal) = &self.journal else {
            return;
        };
        let failures = metrics::counter!(JOURNAL_FAILURES.name);
        failures.increment(0);
        let mut is_failing = false;
        loop {
            match self.copy_waiting(&db, journal).await {
                Ok(()) => {
                    if is_failing {
                        tracing::info!("the journal is written again");
                    }
                    is_failing = false;
                    tokio::time::sleep(PERIOD).await;
                }
                Err(error) => {
                    failures.increment(1);
                    if !is_failing {
                        tracing::error!(
                            error = format!("{error:#}"),
                            "the journal of revocations cannot be written; they wait in the database"
                        );
                    }
                    is_failing = true;
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Removes what is not needed any more: from the journal, what is older than `days` by the
    /// database's clock.
    ///
    /// # Errors
    /// The database or the journal fails.
    pub async fn delete_expired(&self, db: &PgPool, days: u32) -> anyhow::Result<()> {
        let mut connection = db.acquire().await?;
        store::delete_expired(&mut connection, self.journal.is_some()).await?;
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        while self.is_complete() {
            let old = store::old_objects(&mut connection, days).await?;
            if old.is_empty() {
                break;
            }
            for name in old {
                journal.remove(&name).await?;
                store::delete_object(&mut connection, &name).await?;
            }
        }
        Ok(())
    }

    /// Looks for objects that this database wrote and that the journal does not have any more. Those
    /// whose entries are still in the database, for most of a day, are written again; the names of the
    /// others are returned. Nothing is looked for in a database that may be older than the journal.
    ///
    /// # Errors
    /// The database or the journal fails.
    pub async fn restore_vanished(&self, db: &PgPool) -> anyhow::Result<Vec<String>> {
        let Some(journal) = self.journal.as_ref().filter(|_| self.is_complete()) else {
            return Ok(Vec::new());
        };
        let mut connection = db.acquire().await?;
        let mut lost = Vec::new();
        for object in vanished(&mut connection, journal).await? {
            if object.has_entries {
                write(&mut connection, journal, &object.name).await?;
                tracing::warn!(
                    object = object.name,
                    "an object of the journal had vanished; it was written again"
                );
            } else {
                lost.push(object.name);
            }
        }
        metrics::gauge!(JOURNAL_VANISHED.name).set(lost.len() as f64);
        if let Some(first) = lost.first() {
            tracing::error!(
                objects = lost.len(),
                first,
                "objects of the journal have vanished: a restored database would not learn what they held"
            );
        }
        Ok(lost)
    }

    /// Writes what waits.
    async fn copy_waiting(&self, db: &PgPool, journal: &Journal) -> anyhow::Result<()> {
        let mut connection = db.acquire().await?;
        // A new connection may lead to another history, which is only written once it lacks nothing.
        // The connection that is in use keeps its history.
        if !self.is_complete() || !store::is_due(&mut connection).await? {
            return Ok(());
        }
        self.must_be_ours(&mut connection, journal).await?;
        loop {
            let mut tx = connection.begin().await?;
            let claimed = store::claim(&mut tx).await?;
            commit_at_last(tx).await?;
            let Some(name) = claimed else {
                break;
            };
            write(&mut connection, journal, &name).await?;
        }
        for name in store::unwritten(&mut connection, ABANDONED_S).await? {
            write(&mut connection, journal, &name).await?;
        }
        // The mark is in the database before it is in the journal.
        if let Some(head) = store::mark(&mut connection, MarkFrequency::WhenDue).await? {
            journal.put_head(&head).await?;
        }
        Ok(())
    }

    /// Refuses to write a journal whose newest sign of life is none of this database.
    async fn must_be_ours(&self, db: &mut PgConnection, journal: &Journal) -> anyhow::Result<()> {
        let head = journal.head().await?;
        let known = store::known(db, head.as_ref(), None).await?;
        loss::must_be_of(head.as_ref(), &known)?;
        if head.is_some() && !known.has_mark {
            self.compare_again();
            return Err(JournalFault::Ahead.into());
        }
        Ok(())
    }
}

/// The objects that the database wrote, and that the journal does not have any more.
///
/// # Errors
/// The database or the journal fails.
pub async fn vanished(
    db: &mut PgConnection,
    journal: &Journal,
) -> anyhow::Result<Vec<store::VanishedObject>> {
    let by = store::now(db).await?;
    let found = journal.objects_from(0).await?;
    let names: Vec<_> = found.into_iter().map(|object| object.name).collect();
    let mut vanished = store::vanished(db, &names, by).await?;
    // Another instance may have removed some of them in the meantime, since they were old.
    let missing: Vec<_> = vanished.iter().map(|object| object.name.clone()).collect();
    let removed = store::unknown(db, &missing).await?;
    vanished.retain(|object| !removed.contains(&object.name));
    Ok(vanished)
}

async fn write(db: &mut PgConnection, journal: &Journal, name: &str) -> anyhow::Result<()> {
    let entries = store::entries(db, name).await?;
    let audit_rows = store::audit_rows(db).await?;
    journal.put_entries(name, &entries, audit_rows).await?;
    store::written(db, name).await?;
    metrics::counter!(JOURNAL_OBJECTS.name).increment(1);
    Ok(())
}
