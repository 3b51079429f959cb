//! Commits that are not answered.
//!
//! Where `synchronous_standby_names` names a standby that is away, Postgres answers no commit until
//! the standby is back. No time limit of Postgres ends that wait, and a program that breaks it off leaves a
//! connection of the server that goes on waiting: the change is stored there already, and takes effect
//! when the wait ends. So a commit has a time limit here, after which its outcome is unknown, and
//! keeps its connection until it is answered: however many are tried, they never take more connections
//! than a pool has.

use std::{
    pin::Pin,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use sqlx::{PgConnection, Postgres, Transaction};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};

use super::{DbError, DbFault, DbUnavailable};
use crate::telemetry::metrics::{DATABASE_ERRORS, DATABASE_UNANSWERED};

/// A commit that takes longer is not waited for.
pub const COMMIT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// While so many commits are not answered, no other is sent: the rest of the connections can read.
const MAX_UNANSWERED: usize = 8;
/// What waits for the database when connections are found silent has so long to end.
const SILENCE_GRACE: Duration = Duration::from_secs(3);

/// Commits of this process that no caller waits for any more.
static UNANSWERED: AtomicUsize = AtomicUsize::new(0);
/// Wakes what waits on connections that may be broken.
static SILENCE: LazyLock<watch::Sender<()>> = LazyLock::new(watch::Sender::default);

/// Ends a transaction with its changes.
///
/// # Errors
/// As a commit does. [`DbFault::CommitTimeout`]: whether the changes are stored is not known.
/// [`DbFault::StandbyAway`]: too many others are not answered; nothing is stored.
pub async fn commit(tx: Transaction<'static, Postgres>) -> Result<(), DbError> {
    if UNANSWERED.load(Ordering::Relaxed) >= MAX_UNANSWERED {
        tx.rollback().await?;
        return Err(unavailable(
            DbFault::StandbyAway,
            "commits are not answered, since the database waits for a synchronous standby; the change was not made",
        ));
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "here it has a time limit, and is kept"
    )]
    let committing = KeptCommit(Some(Box::pin(tx.commit())));
    match tokio::time::timeout(COMMIT_TIMEOUT, committing).await {
        Ok(committed) => Ok(committed?),
        Err(_) => Err(unavailable(
            DbFault::CommitTimeout,
            "a commit was not answered in time: whether the change is stored is not known; a synchronous standby may be away",
        )),
    }
}

/// Ends a transaction of a command, or of a task that keeps its connection, with its changes. It waits as
/// long as a synchronous standby is away, and says so: who ends the program meanwhile does not know whether
/// the changes are stored. No connection is used for it but its own.
///
/// # Errors
/// As a commit does.
pub async fn commit_at_last(tx: Transaction<'_, Postgres>) -> Result<(), DbError> {
    #[expect(clippy::disallowed_methods, reason = "here it says what it waits for")]
    let mut committing = std::pin::pin!(tx.commit());
    if let Ok(committed) = tokio::time::timeout(COMMIT_TIMEOUT, committing.as_mut()).await {
        return Ok(committed?);
    }
    let _counted = UnansweredCommit::begin();
    tracing::warn!(
        "a commit is not answered, and is waited for: whether the change is stored is not known before; a synchronous standby may be away"
    );
    committing.await?;
    tracing::warn!("the commit was answered: the change is stored");
    Ok(())
}

/// Begins a step of a transaction, which [`end_step`] or [`undo_step`] ends. None is within another.
///
/// # Errors
/// There is no transaction, or the database fails.
pub async fn begin_step(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query("savepoint step").execute(tx).await?;
    Ok(())
}

/// Ends a step with its changes, which the transaction stores or not.
///
/// # Errors
/// The database fails.
pub async fn end_step(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query("release savepoint step").execute(tx).await?;
    Ok(())
}

/// Ends a step without its changes. A step that failed must be undone before the transaction goes on.
///
/// # Errors
/// The database fails.
pub async fn undo_step(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query("rollback to savepoint step")
        .execute(&mut *tx)
        .await?;
    end_step(tx).await
}

fn unavailable(fault: DbFault, message: &'static str) -> DbError {
    metrics::counter!(DATABASE_ERRORS.name, "fault" => fault.wire()).increment(1);
    DbError::Unavailable(DbUnavailable {
        fault,
        message: message.into(),
    })
}

type CommitFuture = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send>>;

/// A commit that goes on with its connection when it is not waited for any more.
struct KeptCommit(Option<CommitFuture>);

impl Future for KeptCommit {
    type Output = Result<(), sqlx::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(committing) = &mut self.0 else {
            return Poll::Pending;
        };
        let polled = committing.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for KeptCommit {
    fn drop(&mut self) {
        // Without a runtime the process ends, and its connections with it.
        if let Some(committing) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let counted = UnansweredCommit::begin();
            runtime.spawn(async move {
                let _counted = counted;
                unless_broken(committing).await
            });
        }
    }
}

/// One of the commits that are not answered.
struct UnansweredCommit;

impl UnansweredCommit {
    fn begin() -> Self {
        UNANSWERED.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!(DATABASE_UNANSWERED.name).increment(1.0);
        Self
    }
}

impl Drop for UnansweredCommit {
    fn drop(&mut self) {
        UNANSWERED.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!(DATABASE_UNANSWERED.name).decrement(1.0);
    }
}

/// Begins a write that goes on with its connection until it is answered, whether or not it is waited
/// for. Its result is none when its connection is broken: it may be stored or not.
pub fn begin_write<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<Option<T>> {
    tokio::spawn(unless_broken(write))
}

/// The result of work, unless connections are found silent and it does not end soon after.
async fn unless_broken<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut silence = SILENCE.subscribe();
    let broken = async {
        // The sender is never dropped.
        let _ = silence.changed().await;
        tokio::time::sleep(SILENCE_GRACE).await;
    };
    tokio::select! {
        done = work => Some(done),
        () = broken => None,
    }
}

/// A connection did not answer any more, while a new one does.
pub(super) fn note_silence() {
    SILENCE.send_replace(());
}
