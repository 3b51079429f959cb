//! Copying to the journal, and clearing it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::{Journal, Recovery, store};
use crate::telemetry::metrics::{JOURNAL_FAILURES, JOURNAL_OBJECTS};

/// How often it is looked for what waits. An entry is in the journal within a second.
const PERIOD: Duration = Duration::from_millis(400);
/// An object that another instance claimed, and did not write in this time, is written by this one.
const ABANDONED_S: f64 = 5.0;
/// Writing an object takes no longer.
const TIMEOUT: Duration = Duration::from_secs(10);
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
            // Another history is only written once it lacks nothing.
            if !self.is_complete() {
                tokio::time::sleep(PERIOD).await;
                continue;
            }
            match copy_waiting(&db, journal).await {
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

    /// Removes what is not needed any more: from the journal, what is older than `days`.
    ///
    /// # Errors
    /// The database or the journal fails.
    pub async fn forget_old(
        &self,
        db: &PgPool,
        days: u32,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let mut connection = db.acquire().await?;
        store::forget_old(&mut connection, self.journal.is_some()).await?;
        if let Some(journal) = &self.journal
            && self.is_complete()
        {
            let before = now - chrono::Duration::days(i64::from(days));
            for name in journal.objects_before(before).await? {
                journal.remove(&name).await?;
                store::forget_object(&mut connection, &name).await?;
            }
        }
        Ok(())
    }
}

async fn copy_waiting(db: &PgPool, journal: &Journal) -> anyhow::Result<()> {
    loop {
        let mut tx = db.begin().await?;
        let claimed = store::claim(&mut tx).await?;
        tx.commit().await?;
        let Some(name) = claimed else {
            break;
        };
        write(db, journal, &name).await?;
    }
    let mut connection = db.acquire().await?;
    for name in store::unwritten(&mut connection, ABANDONED_S).await? {
        write(db, journal, &name).await?;
    }
    // The mark is in the database before it is in the journal.
    if let Some(head) = store::mark(&mut connection).await? {
        tokio::time::timeout(TIMEOUT, journal.put_head(&head)).await??;
    }
    Ok(())
}

async fn write(db: &PgPool, journal: &Journal, name: &str) -> anyhow::Result<()> {
    let mut connection = db.acquire().await?;
    let entries = store::entries(&mut connection, name).await?;
    tokio::time::timeout(TIMEOUT, journal.put_entries(name, &entries)).await??;
    store::written(&mut connection, name).await?;
    metrics::counter!(JOURNAL_OBJECTS.name).increment(1);
    Ok(())
}
