//! What an instance knows of the condition of its database.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use sqlx::PgConnection;
use tokio::sync::{Notify, watch};

use super::{
    DatabaseServers, DbFault, DbUnavailable, commit,
    feed::{self, ChangeFeed},
};

/// What an instance knows of its database from the calls that failed and from its monitor. Clones
/// share it.
#[derive(Debug, Clone, Default)]
pub struct DatabaseCondition(Arc<DatabaseConditionInner>);

#[derive(Debug)]
struct DatabaseConditionInner {
    /// What the following times count from.
    began: Instant,
    /// Connections opened before it are closed when they are drawn, in milliseconds; 0: none.
    renewed_at: AtomicU64,
    /// A session was read-only, and no session was seen since that is not.
    is_read_only: AtomicBool,
    /// Connections wait for a synchronous standby.
    waits_for_standby: AtomicBool,
    /// Why the server could not be reached when that was last tried. Wakes calls that wait for it.
    unreachable: watch::Sender<Option<DbUnavailable>>,
    /// Wakes the monitor.
    suspicion: Notify,
    /// The servers of the database.
    servers: DatabaseServers,
    /// Wakes calls that wait when connections were found silent.
    silence: watch::Sender<()>,
    /// The change feed, once it is followed.
    feed: OnceLock<Arc<ChangeFeed>>,
}

impl Default for DatabaseConditionInner {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            renewed_at: AtomicU64::default(),
            is_read_only: AtomicBool::default(),
            waits_for_standby: AtomicBool::default(),
            unreachable: watch::Sender::default(),
            suspicion: Notify::new(),
            servers: DatabaseServers::default(),
            silence: watch::Sender::default(),
            feed: OnceLock::new(),
        }
    }
}

/// What waits for so long while the server cannot be reached is given up, whatever it waits for: a
/// connection, an answer, a commit, or one after the other.
const UNREACHABLE_TIMEOUT: Duration = Duration::from_millis(2_700);
/// What waits for the database when connections are found silent has so long to end.
const SILENCE_GRACE: Duration = Duration::from_secs(3);
/// After a session was found read-only, connections are opened anew at most this often.
const RENEWAL_INTERVAL_MS: u64 = 1_000;

impl DatabaseCondition {
    /// Takes notice of a failed call. Returns what is known to be its cause: a pool that gives no
    /// connection is empty because the server is away, when that is so.
    #[must_use]
    pub fn explained(&self, error: DbUnavailable) -> DbUnavailable {
        match error.fault {
            DbFault::PoolExhausted => {
                self.0.suspicion.notify_one();
                self.unreachable().unwrap_or(error)
            }
            DbFault::ReadOnly => {
                self.0.is_read_only.store(true, Ordering::Relaxed);
                self.renew_connections();
                self.0.suspicion.notify_one();
                error
            }
            DbFault::Unreachable | DbFault::ShuttingDown => {
                self.0.suspicion.notify_one();
                error
            }
            // Who holds the lock waits for a standby.
            DbFault::LockTimeout if self.waits_for_standby() => DbUnavailable {
                fault: DbFault::StandbyAway,
                message: "a lock was not given, since its holder waits for a synchronous standby; the change was not made".into(),
            },
            DbFault::LockTimeout
            | DbFault::StatementTimeout
            | DbFault::Serialization
            | DbFault::Deadlock
            | DbFault::TooManyConnections
            | DbFault::OutOfMemory
            | DbFault::LimitExceeded
            | DbFault::IdleTimeout
            | DbFault::DiskFull
            | DbFault::InputOutput
            | DbFault::Refused
            | DbFault::PermissionDenied
            | DbFault::CommitTimeout
            | DbFault::StandbyAway => error,
        }
    }

    /// From now on each new connection is asked whether it reads the history that a feed follows.
    pub fn compare_history_with(&self, feed: &Arc<ChangeFeed>) {
        // A second state on the same pool, as tests make one, keeps the first.
        let _ = self.0.feed.set(Arc::clone(feed));
    }

    /// Asks a new connection whether it reads the history that is followed. When it does not, all
    /// others are replaced, and nothing is decided before the feed has looked.
    ///
    /// # Errors
    /// The connection fails.
    pub(super) async fn compare_history(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        if let Some(feed) = self.0.feed.get()
            && !feed::is_followed_history(feed, connection).await?
        {
            feed.doubt();
            self.replace_connections();
        }
        Ok(())
    }

    /// The servers of the database.
    #[must_use]
    pub fn servers(&self) -> &DatabaseServers {
        &self.0.servers
    }

    /// Why the server cannot be reached, unless it can.
    #[must_use]
    pub fn unreachable(&self) -> Option<DbUnavailable> {
        self.0.unreachable.borrow().clone()
    }

    /// Whether sessions of the database are read-only, as far as it is known.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.is_read_only.load(Ordering::Relaxed)
    }

    /// Whether changes wait for a synchronous standby, as far as it is known.
    #[must_use]
    pub fn waits_for_standby(&self) -> bool {
        self.0.waits_for_standby.load(Ordering::Relaxed)
    }

    /// Changes wait for a synchronous standby, or do not. Returns what was known before.
    pub(super) fn set_waits_for_standby(&self, waits: bool) -> bool {
        self.0.waits_for_standby.swap(waits, Ordering::Relaxed)
    }

    pub(super) fn set_unreachable(&self, cause: Option<DbUnavailable>) {
        self.0.unreachable.send_if_modified(|known| {
            let is_news = *known != cause;
            *known = cause;
            is_news
        });
    }

    /// A new session is read-only, or is not. When it is not any more, connections that may be
    /// read-only still are not used again.
    pub(super) fn set_read_only(&self, is_read_only: bool) {
        if self.0.is_read_only.swap(is_read_only, Ordering::Relaxed) && !is_read_only {
            self.0
                .renewed_at
                .store(self.milliseconds(), Ordering::Relaxed);
        }
    }

    /// Resolves when a call failed in a way that the monitor can explain.
    pub(super) async fn suspected(&self) {
        self.0.suspicion.notified().await;
    }

    /// A connection did not answer any more. What waits for an answer gets [`SILENCE_GRACE`].
    pub(super) fn note_silence(&self) {
        self.0.silence.send_replace(());
        commit::note_silence();
    }

    /// A new connection answers while an older one does not: those that are open are not used again.
    pub(super) fn replace_connections(&self) {
        self.0
            .renewed_at
            .store(self.milliseconds(), Ordering::Relaxed);
    }

    /// The result of work that may wait for the database, unless connections are found silent
    /// meanwhile and it does not end soon after, or the server cannot be reached for as long as a call
    /// may wait. `begins_anew` says since when it waits for what is ours to give.
    pub async fn unless_silent<F: Future>(
        &self,
        mut work: Pin<&mut F>,
        begins_anew: impl Fn() -> Option<Instant>,
    ) -> Option<F::Output> {
        let begun = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
        if let Poll::Ready(done) = begun.await {
            return Some(done);
        }
        let began = Instant::now();
        let unreachable = async {
            let mut known = self.0.unreachable.subscribe();
            loop {
                // The sender exists as long as this.
                let _ = known.wait_for(Option::is_some).await;
                let since = begins_anew().unwrap_or(began);
                let deadline = since + UNREACHABLE_TIMEOUT;
                if deadline <= Instant::now() {
                    return;
                }
                tokio::time::sleep_until(deadline.into()).await;
            }
        };
        let mut silence = self.0.silence.subscribe();
        let silent = async {
            // The sender exists as long as this.
            let _ = silence.changed().await;
            tokio::time::sleep(SILENCE_GRACE).await;
        };
        tokio::select! {
            done = work => Some(done),
            () = silent => None,
            () = unreachable => None,
        }
    }

    /// Whether a pooled connection may be used that was opened so long ago.
    pub(super) fn may_use(&self, age: Duration) -> bool {
        let renewed_at = self.0.renewed_at.load(Ordering::Relaxed);
        if renewed_at == 0 {
            return true;
        }
        let renewed = Duration::from_millis(renewed_at);
        self.0
            .began
            .elapsed()
            .checked_sub(age)
            .is_some_and(|opened| opened > renewed)
    }

    fn renew_connections(&self) {
        let (now, last) = (
            self.milliseconds(),
            self.0.renewed_at.load(Ordering::Relaxed),
        );
        if last == 0 || now >= last + RENEWAL_INTERVAL_MS {
            self.0.renewed_at.store(now, Ordering::Relaxed);
        }
    }

    fn milliseconds(&self) -> u64 {
        let elapsed = self.0.began.elapsed().as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(fault: DbFault) -> DbUnavailable {
        DbUnavailable {
            fault,
            message: "x".into(),
        }
    }

    #[test]
    fn connections_from_before_a_read_only_session_are_not_used_again() {
        let condition = DatabaseCondition::default();
        assert!(condition.may_use(Duration::from_hours(1)));
        let _ = condition.explained(failure(DbFault::ReadOnly));
        assert!(condition.is_read_only());
        assert!(!condition.may_use(Duration::from_hours(1)));
        while condition.milliseconds() == condition.0.renewed_at.load(Ordering::Relaxed) {}
        assert!(condition.may_use(Duration::ZERO));
        condition.set_read_only(false);
        assert!(!condition.may_use(Duration::from_hours(1)));
        assert!(!condition.is_read_only());
    }

    #[test]
    fn an_empty_pool_is_explained_by_a_server_that_is_away() {
        let condition = DatabaseCondition::default();
        let busy = condition.explained(failure(DbFault::PoolExhausted));
        assert_eq!(busy.fault, DbFault::PoolExhausted);
        condition.set_unreachable(Some(failure(DbFault::Unreachable)));
        let away = condition.explained(failure(DbFault::PoolExhausted));
        assert_eq!(away.fault, DbFault::Unreachable);
    }
}
