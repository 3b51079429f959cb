//! Whether decisions may rest on the database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::PgPool;

use super::{DamageHandling, Journal, LossKind, RecoveryOutcome, loss, store};
use crate::{
    audit::{Actor, Checkpoints},
    db::feed::{ChangeFeed, Epoch},
    telemetry::metrics::RECOVERING,
    token::RestoreFence,
};

/// How often a database that is recovering, or a journal that cannot be read, is looked at again.
const RETRY: Duration = Duration::from_secs(2);
/// The first comparison keeps the start waiting no longer; later ones go on with it.
const FIRST: Duration = Duration::from_secs(5);
/// How often it is looked whether the database has another history.
const PERIOD: Duration = Duration::from_millis(50);
/// A recovering database is reported this often.
const REPORT_EVERY: u32 = 15;

/// No history was found to lack nothing.
const NONE: u64 = u64::MAX;

/// Whether the database lacks nothing that was known before. Shared by all that ask.
#[derive(Debug)]
pub struct Recovery {
    pub(super) journal: Option<Journal>,
    /// Days for which the journal is kept.
    days: u32,
    checkpoints: Option<Arc<Checkpoints>>,
    feed: Arc<ChangeFeed>,
    /// Bits of the epoch that lacks nothing.
    good: AtomicU64,
    /// Whether it was reported at the start that the database lacks something.
    is_reported: AtomicBool,
    fence: RestoreFence,
}

impl Recovery {
    /// For a database with this journal, which is kept for so many days, and these checkpoints. Without either, nothing is compared.
    #[must_use]
    pub fn new(
        journal: Option<Journal>,
        days: u32,
        checkpoints: Option<Arc<Checkpoints>>,
        feed: Arc<ChangeFeed>,
        fence: RestoreFence,
    ) -> Self {
        let is_compared = journal.is_some() || checkpoints.is_some();
        metrics::gauge!(RECOVERING.name).set(if is_compared { 1.0 } else { 0.0 });
        Self {
            journal,
            days,
            checkpoints,
            feed,
            good: AtomicU64::new(NONE),
            is_reported: AtomicBool::new(false),
            fence,
        }
    }

    /// Whether there is a journal.
    #[must_use]
    pub const fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    fn is_compared(&self) -> bool {
        self.journal.is_some() || self.checkpoints.is_some()
    }

    /// Whether decisions may rest on the database.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.feed.is_doubted() && (!self.is_compared() || self.is_known())
    }

    /// Whether the history that is followed was looked at, and lacks nothing.
    fn is_known(&self) -> bool {
        let good = self.good.load(Ordering::SeqCst);
        let followed = self.feed.epoch();
        good == followed.bits() || (followed == Epoch::UNKNOWN && good != NONE)
    }

    /// Compares once, before the first request is answered. What goes wrong is tried again by
    /// [`Self::watch`].
    pub async fn begin(&self, db: &PgPool) {
        let compared = tokio::time::timeout(FIRST, self.compare(db, true)).await;
        match compared {
            Ok(Ok(is_complete)) => self.is_reported.store(!is_complete, Ordering::Relaxed),
            Ok(Err(error)) => {
                report(&error);
                self.is_reported.store(true, Ordering::Relaxed);
            }
            Err(_) => tracing::warn!(
                "comparing the database with the journal takes long: nothing is decided until it is done"
            ),
        }
    }

    /// Lets nothing be decided before the database was compared again.
    pub(super) fn compare_again(&self) {
        self.good.store(NONE, Ordering::SeqCst);
    }

    /// Compares again whenever the database has another history, until it is dropped.
    pub async fn watch(self: Arc<Self>, db: PgPool) {
        let mut tries = u32::from(self.is_reported.load(Ordering::Relaxed));
        loop {
            if self.is_known() {
                tries = 0;
                tokio::time::sleep(PERIOD).await;
                continue;
            }
            metrics::gauge!(RECOVERING.name).set(if self.is_compared() { 1.0 } else { 0.0 });
            let is_reported = tries % REPORT_EVERY == 0;
            match self.compare(&db, is_reported).await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(RETRY).await,
                Err(error) => {
                    if is_reported {
                        report(&error);
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
            tries += 1;
        }
    }

    /// Compares, and does again what a fail-over lost. Whether the database lacks nothing then.
    async fn compare(&self, db: &PgPool, is_reported: bool) -> anyhow::Result<bool> {
        let mut connection = db.acquire().await?;
        let epoch = crate::db::feed::epoch_of(&mut connection).await?;
        let checkpoint = match &self.checkpoints {
            Some(checkpoints) => loss::lost_checkpoint(&mut connection, checkpoints.all()?).await?,
            None => None,
        };
        let found = loss::find(
            &mut connection,
            self.journal.as_ref(),
            checkpoint.as_ref(),
            self.days,
            DamageHandling::Refuse,
        )
        .await?;
        drop(connection);
        if let Some(loss) = found {
            if loss.kind == LossKind::Restore {
                metrics::gauge!(RECOVERING.name).set(1.0);
                if is_reported && loss.is_of_another {
                    tracing::error!(
                        "another copy of this installation writes the same journal: nothing is decided here. Stop that copy, or give it a journal \
                         of its own in recovery.journal; then `systembruker recover` says what it wrote"
                    );
                } else if is_reported {
                    tracing::error!(
                        from = loss.from.map(|at| at.to_rfc3339()),
                        to = loss.to.map(|at| at.to_rfc3339()),
                        is_gap = loss.is_gap,
                        "the database is older than its journal: nothing is decided until `systembruker recover --confirm` was run"
                    );
                }
                return Ok(false);
            }
            metrics::gauge!(RECOVERING.name).set(1.0);
            if is_reported {
                tracing::warn!(
                    from = loss.from.map(|at| at.to_rfc3339()),
                    to = loss.to.map(|at| at.to_rfc3339()),
                    objects = loss.objects(),
                    "the database lacks what was known before a fail-over: what ended an access is done again, and nothing is decided until it is"
                );
            }
            let outcome = loss
                .recover(
                    db,
                    self.journal.as_ref(),
                    Actor::Job,
                    DamageHandling::Refuse,
                )
                .await?;
            match outcome {
                RecoveryOutcome::Done(recovered) => tracing::warn!(
                    from = loss.from.map(|at| at.to_rfc3339()),
                    to = loss.to.map(|at| at.to_rfc3339()),
                    revocations = recovered.total(),
                    rows = recovered.rows,
                    audit_rows_lost_at_least = loss.audit_rows,
                    "the database lacked what was known before a fail-over; what ended an access was done again"
                ),
                RecoveryOutcome::DoneBefore => {}
                RecoveryOutcome::UnderWay => {
                    if is_reported {
                        tracing::info!("another instance does it; this one waits");
                    }
                    return Ok(false);
                }
            }
        }
        self.read_fence(db).await?;
        self.good.store(epoch.bits(), Ordering::SeqCst);
        metrics::gauge!(RECOVERING.name).set(0.0);
        Ok(true)
    }

    async fn read_fence(&self, db: &PgPool) -> anyhow::Result<()> {
        let mut connection = db.acquire().await?;
        self.fence.set(store::not_before(&mut connection).await?);
        Ok(())
    }
}

fn report(error: &anyhow::Error) {
    metrics::gauge!(RECOVERING.name).set(1.0);
    tracing::error!(
        error = format!("{error:#}"),
        "the database could not be compared with the journal: nothing is decided until it is"
    );
}
