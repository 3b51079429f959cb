//! Postgres: the pool, the migrations, and the change feed.

mod column;
mod commit;
mod condition;
mod error;
pub mod feed;
mod listen;
mod lock;
mod monitor;
mod partitions;
mod pool;
mod pooler;
mod repeat;
mod role;
mod servers;
mod session_settings;
mod settings_digest;
mod start;

use anyhow::Context as _;
use sqlx::{PgConnection, PgExecutor, PgPool, migrate::Migrator};

pub use column::Column;
pub use commit::{
    COMMIT_TIMEOUT, begin_step, begin_write, commit, commit_at_last, end_step, undo_step,
};
pub use condition::DatabaseCondition;
pub use error::{DbError, DbFault, DbUnavailable};
pub use listen::listen;
pub use lock::{AdvisoryLock, try_lead_retention};
pub use monitor::{DatabaseMonitor, DatabaseReport};
pub use partitions::{make_partitions, require_partitions};
pub use pool::{background_pool, pool};
pub use pooler::{DedicatedSessions, require_session_settings};
pub use repeat::{TransactionError, repeat_on_conflict};
pub use role::{grants, refuse_owner, require_grants};
pub use servers::DatabaseServers;
pub use settings_digest::replace_settings_digest;
pub use start::{
    explain, require_connection, require_history, require_migrations, require_version,
};

use crate::clock::Clock;

/// Forward-only migrations, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Refuses a database whose time is moved, as tests do.
///
/// # Errors
/// The setting `systembruker.clock_offset` has a value, or the database cannot be reached.
pub async fn refuse_moved_clock(pool: &PgPool) -> anyhow::Result<()> {
    let offset = sqlx::query_scalar!(
        r#"select current_setting('systembruker.clock_offset', true) as "offset""#
    )
    .fetch_one(pool)
    .await
    .context("reading systembruker.clock_offset")?
    .unwrap_or_default();
    anyhow::ensure!(
        offset.is_empty(),
        "the database setting `systembruker.clock_offset` is `{offset}`. It moves the time that the service goes by and is for tests \
         alone. Remove it: `alter database … reset systembruker.clock_offset`, the same with `alter role …`, and take it out of \
         postgresql.conf and DATABASE_URL"
    );
    Ok(())
}

/// Migrations that were worded anew, with the SHA-384 of their first wording. They do the same, but
/// quote `system_user`, which Postgres reserves since version 16.
const REWORDED: [(i64, &str); 3] = [
    (
        4,
        "56e03d97c6149fdbc33cf015a0b3b0e19dce4fd12d073384e3f2290adfa585e90bcff3b7c2e7c5c028c73765556c3354",
    ),
    (
        5,
        "f027014f16ab89555738c68590b8bbb7950e517b1a139d0d87537f6615ec148212cc78950590246718215e7721a17b88",
    ),
    (
        10,
        "9a5bfdc80972cb0c31a56b4afdf40390bac7d6392c3e67ab7f96c33a0cad7e0a9112c0b030e1834d8608523dc43dcdfa",
    ),
];

/// Stores the new wording of migrations where they were applied in their first one.
async fn accept_rewording(pool: &PgPool) -> Result<(), sqlx::Error> {
    if sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is null as "new!""#)
        .fetch_one(pool)
        .await?
    {
        return Ok(());
    }
    for (version, before) in REWORDED {
        let Some(now) = MIGRATOR
            .iter()
            .find(|migration| migration.version == version)
        else {
            continue;
        };
        sqlx::query!(
            "update _sqlx_migrations set checksum = $3 where version = $1 and checksum = decode($2, 'hex')",
            version,
            before,
            &*now.checksum
        )
        .execute(pool)
        .await?;
    }
    Ok(())
}

/// Brings the schema up to date and prepares this month's partitions.
///
/// # Errors
/// The database cannot be reached, or a migration fails.
pub async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    accept_rewording(pool)
        .await
        .context("reading which migrations were applied")?;
    MIGRATOR.run(pool).await.context("migrating the database")?;
    make_partitions(pool).await.context("making partitions")
}

/// Whether every migration this program knows has been applied. A database without any has no
/// table of them.
pub async fn is_migrated(db: impl PgExecutor<'_>) -> Result<bool, DbError> {
    let newest = MIGRATOR.iter().map(|m| m.version).max().unwrap_or_default();
    let applied = sqlx::query_scalar!(
        r#"select max(version) as "version" from _sqlx_migrations where success"#
    )
    .fetch_one(db)
    .await;
    match applied {
        Ok(applied) => Ok(applied.is_some_and(|version| version >= newest)),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// By how many seconds our clock is ahead of the database's.
pub async fn clock_offset(db: impl PgExecutor<'_>, clock: &Clock) -> Result<i64, DbError> {
    let theirs =
        sqlx::query_scalar!(r#"select extract(epoch from service_now())::bigint as "now!""#)
            .fetch_one(db)
            .await?;
    Ok(clock.seconds() - theirs)
}

/// Code of Postgres for a table that does not exist.
const UNDEFINED_TABLE: &str = "42P01";

/// What a session says of itself.
#[derive(Debug)]
struct DatabaseSession {
    is_read_only: bool,
    /// Its time, in seconds since 1970.
    now: f64,
    /// Connections of the service that wait for a synchronous standby for two seconds and more.
    standby_waits: i64,
}

async fn session(db: &mut PgConnection) -> Result<DatabaseSession, DbError> {
    Ok(sqlx::query_as!(
        DatabaseSession,
        r#"select current_setting('transaction_read_only') = 'on' as "is_read_only!", extract(epoch from service_now())::float8 as "now!",
             (select count(*) from pg_stat_activity
              where wait_event = 'SyncRep' and datname = current_database() and query_start < clock_timestamp() - interval '2 seconds') as "standby_waits!""#
    )
    .fetch_one(db)
    .await?)
}

/// Marks the database with the profile of this installation, or finds it marked with another.
///
/// # Errors
/// It belongs to another kind of installation, or cannot be read.
pub async fn claim(pool: &PgPool, profile: crate::config::Profile) -> anyhow::Result<()> {
    sqlx::query!(
        "insert into installation (profile) values ($1) on conflict do nothing",
        profile.as_str()
    )
    .execute(pool)
    .await?;
    let found = sqlx::query_scalar!("select profile from installation")
        .fetch_one(pool)
        .await?;
    anyhow::ensure!(
        found == profile.as_str(),
        "this database belongs to an installation of profile `{found}` and is not used for profile `{}`",
        profile.as_str()
    );
    Ok(())
}
