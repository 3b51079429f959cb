//! Watching the database on a connection that requests cannot use up.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::Mutex;

use super::{
    DatabaseCondition, DbError, DbFault, DbUnavailable, is_migrated, pool::apply_clock_offset,
    servers::refuse_standby, session,
};
use crate::{
    clock::Clock,
    telemetry::{
        metrics::{CLOCK_SKEW, DATABASE_READ_ONLY, DATABASE_STANDBY_WAITS, DATABASE_UP},
        security::{EventOrigin, SecurityEvent},
    },
};

/// A connection that does not answer within this time is silent; when none does, the database cannot
/// be reached.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// After this time without an answer on the open connection, a new one is tried besides: what waits for
/// a server that hangs is to know it within three seconds.
const SECOND_TRY: Duration = Duration::from_millis(500);
/// What the open connection has left then.
const REST_OF_CHECK: Duration = Duration::from_millis(500);
/// How often the database is checked without a reason.
const PERIOD: Duration = Duration::from_secs(1);
/// How soon it is checked again, however many calls fail.
const MIN_PAUSE: Duration = Duration::from_millis(200);
/// A connection of the monitor is replaced after this time: what the database sets for new
/// sessions, and where a new connection leads, is seen on a new one alone.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(10);
/// How often the same difference of the clocks is reported.
const SKEW_INTERVAL: Duration = Duration::from_secs(30);
/// A difference of the clocks that is reported, in seconds.
const SKEW_REPORTED: f64 = 2.0;
/// A difference of the clocks with which the instance is not ready, in seconds.
const SKEW_ALLOWED: f64 = 10.0;

/// What a check of the database found.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseReport {
    /// The server answered within a second, though perhaps that it is busy.
    pub is_reachable: bool,
    /// Every migration of this program is applied.
    pub is_migrated: bool,
    /// Seconds by which our clock is ahead of the database's; none when it was never measured.
    pub clock_skew: Option<f64>,
    /// How long the check took.
    pub took: Duration,
}

impl DatabaseReport {
    /// Whether the clocks differ by no more than is allowed.
    #[must_use]
    pub fn is_clock_right(&self) -> bool {
        self.clock_skew
            .is_some_and(|seconds| seconds.abs() <= SKEW_ALLOWED)
    }
}

/// Checks the database on a connection of its own.
#[derive(Debug)]
pub struct DatabaseMonitor {
    /// Those that lead to the database.
    pools: Vec<PgPool>,
    clock: Clock,
    condition: DatabaseCondition,
    was_migrated: AtomicBool,
    state: Mutex<MonitorState>,
}

#[derive(Debug, Default)]
struct MonitorState {
    connection: Option<MonitorConnection>,
    /// When the last check began, and what it found.
    last: Option<(Instant, DatabaseReport)>,
    last_skew: Option<f64>,
}

#[derive(Debug)]
struct MonitorConnection {
    connection: PgConnection,
    opened: Instant,
}

/// Why a check found nothing.
enum CheckFault {
    NoAnswer,
    Failed(DbUnavailable),
}

impl CheckFault {
    fn into_error(self) -> DbUnavailable {
        match self {
            Self::Failed(error) => error,
            Self::NoAnswer => DbUnavailable {
                fault: DbFault::Unreachable,
                message: "no answer within a second".into(),
            },
        }
    }
}

/// What was read in a check.
struct DatabaseReadings {
    is_migrated: bool,
    clock_skew: Option<f64>,
}

impl DatabaseMonitor {
    /// A monitor of the database that pools lead to. Nothing is connected yet.
    #[must_use]
    pub fn new(pools: Vec<PgPool>, clock: &Clock, condition: &DatabaseCondition) -> Self {
        Self {
            pools,
            clock: clock.clone(),
            condition: condition.clone(),
            was_migrated: AtomicBool::default(),
            state: Mutex::default(),
        }
    }

    /// Checks the database now. Callers that wait for a check share the next one, so that any
    /// number of them costs one connection.
    pub async fn check(&self) -> DatabaseReport {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some((began, report)) = &state.last
            && *began >= asked
        {
            return report.clone();
        }
        let began = Instant::now();
        // The connection of a check that fails or is given up is dropped with it.
        let read = match state.connection.take() {
            None => self.read_in_time(None).await,
            Some(held) => self.read_or_anew(held).await,
        };
        let read = read.map_err(CheckFault::into_error);
        if let Err(error) = &read
            && !error.fault.is_busy()
        {
            // Calls wait while another server is looked for.
            self.note(Some(error.clone()));
        }
        let read = match read {
            // Another of its servers may have become the primary.
            Err(_) if self.condition.servers().choose(&self.pools).await => {
                self.condition.replace_connections();
                let read = self.read_in_time(None).await;
                read.map_err(CheckFault::into_error)
            }
            read => read,
        };
        let read = read.map(|(held, readings)| {
            state.connection = Some(held);
            readings
        });
        let report = self.report(&mut state, read, began);
        state.last = Some((began, report.clone()));
        report
    }

    /// Checks on an open connection, and on a new one when that does not answer soon: it died without
    /// a word, or the server hangs.
    async fn read_or_anew(
        &self,
        held: MonitorConnection,
    ) -> Result<(MonitorConnection, DatabaseReadings), CheckFault> {
        let mut open = pin!(self.read_in_time(Some(held)));
        if let Ok(read) = tokio::time::timeout(SECOND_TRY, open.as_mut()).await {
            return read;
        }
        let mut new = pin!(self.read_in_time(None));
        // A new connection that works says nothing of the open one, which has its time.
        let (open, new) = tokio::join!(open, async {
            match tokio::time::timeout(REST_OF_CHECK, new.as_mut()).await {
                Ok(read) => Ok(read),
                Err(_) => Err(new),
            }
        });
        if !matches!(open, Err(CheckFault::NoAnswer)) {
            return open;
        }
        self.condition.note_silence();
        let read = match new {
            Ok(read) => read,
            Err(new) => new.await,
        };
        if read.is_ok() {
            tracing::warn!("connections of the database do not answer any more: they are replaced");
            self.condition.replace_connections();
        }
        read
    }

    async fn read_in_time(
        &self,
        held: Option<MonitorConnection>,
    ) -> Result<(MonitorConnection, DatabaseReadings), CheckFault> {
        match tokio::time::timeout(CHECK_TIMEOUT, self.read(held)).await {
            Ok(read) => read.map_err(|error| {
                CheckFault::Failed(match error {
                    DbError::Unavailable(error) => error,
                    DbError::Busy
                    | DbError::Unstorable
                    | DbError::Unreadable { .. }
                    | DbError::Other(_) => DbUnavailable {
                        fault: DbFault::Unreachable,
                        message: error.to_string().into(),
                    },
                })
            }),
            Err(_) => Err(CheckFault::NoAnswer),
        }
    }

    fn report(
        &self,
        state: &mut MonitorState,
        read: Result<DatabaseReadings, DbUnavailable>,
        began: Instant,
    ) -> DatabaseReport {
        let (is_reachable, is_migrated) = match &read {
            Ok(readings) => {
                self.was_migrated
                    .store(readings.is_migrated, Ordering::Relaxed);
                state.last_skew = readings.clock_skew.or(state.last_skew);
                (true, readings.is_migrated)
            }
            // A server that is busy is reached, and its schema is what it was.
            Err(error) => (
                error.fault.is_busy(),
                self.was_migrated.load(Ordering::Relaxed),
            ),
        };
        self.note(read.err().filter(|error| !error.fault.is_busy()));
        DatabaseReport {
            is_reachable,
            is_migrated,
            clock_skew: state.last_skew,
            took: began.elapsed(),
        }
    }

    /// Keeps and logs whether the server can be reached.
    fn note(&self, cause: Option<DbUnavailable>) {
        let before = self.condition.unreachable();
        match (&before, &cause) {
            (None, Some(error)) => tracing::error!(
                fault = error.fault.wire(),
                error = %error.message,
                "the database cannot be reached"
            ),
            (Some(_), None) => tracing::info!("the database can be reached again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        metrics::gauge!(DATABASE_UP.name).set(if cause.is_none() { 1.0 } else { 0.0 });
        self.condition.set_unreachable(cause);
    }

    async fn read(
        &self,
        held: Option<MonitorConnection>,
    ) -> Result<(MonitorConnection, DatabaseReadings), DbError> {
        let usable = held.filter(|held| {
            held.opened.elapsed() < CONNECTION_LIFETIME && !self.condition.is_read_only()
        });
        let mut held = match usable {
            Some(held) => held,
            None => MonitorConnection {
                connection: self.connect().await?,
                opened: Instant::now(),
            },
        };
        apply_clock_offset(&mut held.connection, self.clock.offset()).await?;
        let is_migrated = is_migrated(&mut held.connection).await?;
        let mut clock_skew = None;
        // Before the migrations the database has no clock of the service.
        if is_migrated {
            let asked = self.clock.now();
            let session = session(&mut held.connection).await?;
            // The database read its clock between the question and the answer.
            let half = (self.clock.now() - asked) / 2;
            clock_skew = Some(seconds(asked + half) - session.now);
            self.note_session(session.is_read_only);
            self.note_standby(session.standby_waits);
        }
        let readings = DatabaseReadings {
            is_migrated,
            clock_skew,
        };
        Ok((held, readings))
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let Some(pool) = self.pools.first() else {
            return Err(sqlx::Error::PoolClosed);
        };
        let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
        refuse_standby(&mut connection).await?;
        Ok(connection)
    }

    fn note_session(&self, is_read_only: bool) {
        if self.condition.is_read_only() && !is_read_only {
            tracing::info!("the database takes changes again");
        }
        metrics::gauge!(DATABASE_READ_ONLY.name).set(if is_read_only { 1.0 } else { 0.0 });
        self.condition.set_read_only(is_read_only);
    }

    fn note_standby(&self, waits: i64) {
        metrics::gauge!(DATABASE_STANDBY_WAITS.name).set(waits as f64);
        match (self.condition.set_waits_for_standby(waits > 0), waits > 0) {
            (false, true) => tracing::error!(
                connections = waits,
                "the database waits for a synchronous standby and answers no commit: bring the standby back, or take it out of \
                 synchronous_standby_names and reload"
            ),
            (true, false) => tracing::info!("no change waits for a synchronous standby any more"),
            (true, true) | (false, false) => {}
        }
    }

    /// Checks the database at intervals, and at once when a call failed that a check can explain,
    /// until it is dropped.
    pub async fn watch(self: Arc<Self>) {
        let mut reported: Option<Instant> = None;
        let mut was_read_only = false;
        loop {
            let report = self.check().await;
            let is_read_only = self.condition.is_read_only();
            if is_read_only && !was_read_only {
                tracing::warn!("the database is read-only: every change is refused");
            }
            was_read_only = is_read_only;
            if let Some(skew) = report.clock_skew {
                metrics::gauge!(CLOCK_SKEW.name).set(skew);
                if skew.abs() > SKEW_REPORTED
                    && reported.is_none_or(|at| at.elapsed() >= SKEW_INTERVAL)
                {
                    reported = Some(Instant::now());
                    tracing::warn!(
                        seconds = skew,
                        "this machine's clock and the database's differ"
                    );
                    SecurityEvent::ClockSkew { seconds: skew }.emit(&EventOrigin::default());
                }
            }
            tokio::time::sleep(MIN_PAUSE).await;
            let _ = tokio::time::timeout(PERIOD, self.condition.suspected()).await;
        }
    }
}

fn seconds(time: chrono::DateTime<chrono::Utc>) -> f64 {
    time.timestamp_micros() as f64 / 1_000_000.0
}
