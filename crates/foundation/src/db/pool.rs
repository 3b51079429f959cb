//! Pools of connections.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgPoolOptions};

use super::{
    DatabaseCondition,
    servers::refuse_standby,
    session_settings::{self, SessionSettings, session_settings},
};
use crate::{
    clock::Clock,
    config::{Database, Pooler},
};

/// After so long, a connection may have been closed unnoticed.
const MAX_IDLE: Duration = Duration::from_secs(1);

/// Opens the pool. Nothing is connected yet. Its connections follow the clock when that is moved,
/// and are not used any more when the database takes changes again after it was read-only.
///
/// # Errors
/// The URL cannot be read.
pub fn pool(
    url: &SecretString,
    settings: &Database,
    clock: &Clock,
    condition: &DatabaseCondition,
) -> anyhow::Result<PgPool> {
    let sessions = session_settings(settings);
    let options = condition.servers().read(url, |options| {
        let options = options.application_name("systembruker");
        match settings.pooler {
            Pooler::None => options.options(sessions.clone()),
            // A pooler refuses what it does not know at the start of a session.
            Pooler::Session | Pooler::Transaction => options.extra_float_digits(None),
        }
    })?;
    let new = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(Duration::from_secs(settings.acquire_timeout_s));
    Ok(following(new, settings, clock, condition).connect_lazy_with(options))
}

/// Options of a pool whose connections follow the clock and the condition of the database.
fn following(
    options: PgPoolOptions,
    settings: &Database,
    clock: &Clock,
    condition: &DatabaseCondition,
) -> PgPoolOptions {
    let (of_new, of_idle) = (clock.clone(), clock.clone());
    let (known, condition) = (condition.clone(), condition.clone());
    let late: Option<Arc<SessionSettings>> = match settings.pooler {
        Pooler::Session => Some(Arc::new(session_settings(settings))),
        // They came with the start of the session, or are the role's.
        Pooler::None | Pooler::Transaction => None,
    };
    options
        .after_connect(move |connection, _| {
            let offset = of_new.offset();
            let (late, known) = (late.clone(), known.clone());
            Box::pin(async move {
                refuse_standby(connection).await?;
                if let Some(settings) = late {
                    session_settings::apply(connection, &settings).await?;
                }
                known.compare_history(connection).await?;
                apply_clock_offset(connection, offset).await
            })
        })
        // Decisions take one round trip: only a connection that was idle is asked whether it still
        // works.
        .test_before_acquire(false)
        .before_acquire(move |connection, rest| {
            let offset = of_idle.offset();
            let may_use = condition.may_use(rest.age);
            Box::pin(async move {
                if !may_use {
                    return Ok(false);
                }
                if rest.idle_for > MAX_IDLE {
                    connection.ping().await?;
                }
                apply_clock_offset(connection, offset).await?;
                Ok(true)
            })
        })
        // A call that was given up leaves its connection in the middle of an answer, which may never
        // come: the pool would wait for it without end, and have one connection less.
        .after_release(|connection, _| {
            Box::pin(async move {
                let answered = tokio::time::timeout(RELEASE_TIMEOUT, connection.ping()).await;
                Ok(matches!(answered, Ok(Ok(()))))
            })
        })
}

/// A connection that does not answer within this time after its last call is closed.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Moves `service_now()` of a connection as the clock was moved, if it was.
pub(super) async fn apply_clock_offset(
    connection: &mut PgConnection,
    offset: Option<i64>,
) -> Result<(), sqlx::Error> {
    let Some(seconds) = offset else {
        return Ok(());
    };
    sqlx::query_scalar!(
        r#"select set_config('systembruker.clock_offset', $1, false) as "offset""#,
        format!("{seconds} seconds")
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// What has a connection of its own: following the change feed, listening to it, the decision log,
/// refused attempts, and the journal.
const OWN_CONNECTIONS: u32 = 5;

/// Connections for background work that must not wait for requests.
#[must_use]
pub fn background_pool(
    pool: &PgPool,
    settings: &Database,
    clock: &Clock,
    condition: &DatabaseCondition,
) -> PgPool {
    let new = PgPoolOptions::new()
        .max_connections(OWN_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(1));
    following(new, settings, clock, condition).connect_lazy_with((*pool.connect_options()).clone())
}
