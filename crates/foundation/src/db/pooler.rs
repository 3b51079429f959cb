//! Poolers between the service and Postgres, and what needs a session that no pooler shares.
//!
//! The settings of a session go with its start. A pooler takes none at the start: where it gives a
//! connection a session for itself, the connection sets them; where it shares sessions, the role
//! has them, or the pooler sets them when it connects.

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection, PgPool};

use super::{
    DatabaseCondition, explain, pool::pool, require_connection, session_settings::session_settings,
};
use crate::{
    clock::Clock,
    config::{Database, Pooler},
};

/// Refuses a pooler of transactions whose sessions lack the settings of ours.
///
/// # Errors
/// The text names them and what helps; or the database cannot be asked.
pub async fn require_session_settings(pool: &PgPool, settings: &Database) -> anyhow::Result<()> {
    match settings.pooler {
        Pooler::None | Pooler::Session => return Ok(()),
        Pooler::Transaction => {}
    }
    // Not by the pool, which would try again and report only that it took too long.
    let explained = |error: sqlx::Error| {
        let advice = explain(&error).unwrap_or_default();
        anyhow::Error::new(error).context(format!("asking through the pooler{advice}"))
    };
    let options = pool.connect_options();
    let connecting = PgConnection::connect_with(&options);
    let mut connection = connecting.await.map_err(explained)?;
    let found = sqlx::query!(
        r#"select current_user::text as "role!", current_database()::text as "database!", array(
             select name from (values ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
               ('sb.writer', ''), ('plan_cache_mode', 'auto')) as wanted(name, without)
             where coalesce(current_setting(name, true), '') in ('', without)) as "missing!""#
    )
    .fetch_one(&mut connection)
    .await
    .map_err(explained)?;
    // It has served its purpose; an error in closing it changes nothing.
    let _ = connection.close().await;
    if found.missing.is_empty() {
        return Ok(());
    }
    let statements: Vec<String> = session_settings(settings)
        .into_iter()
        .filter(|(name, _)| found.missing.iter().any(|missing| missing == name))
        .map(|(name, value)| {
            format!(
                "alter role \"{}\" in database \"{}\" set {name} = '{value}'",
                found.role, found.database
            )
        })
        .collect();
    anyhow::bail!(
        "sessions of the pooler lack settings, which connections cannot bring along (database.pooler is `transaction`). Run as a \
         superuser, or put them into the pooler's connect_query: {}",
        statements.join("; ")
    )
}

/// Where work finds sessions that it has for itself: for notifications, migrations and locks that are
/// held beyond a transaction. Clones share it.
#[derive(Debug, Clone)]
pub struct DedicatedSessions {
    pool: PgPool,
    /// Of the direct address; none where the pool is that of other work.
    direct: Option<DatabaseCondition>,
}

impl DedicatedSessions {
    /// Sessions past a pooler, or else of this pool; none where only a pooler of transactions is
    /// known. Nothing is connected yet.
    ///
    /// # Errors
    /// The address cannot be read.
    pub fn open(of: &PgPool, settings: &Database) -> anyhow::Result<Option<Self>> {
        if let Some(address) = &settings.direct_url {
            let few = Database {
                pooler: Pooler::None,
                direct_url: None,
                max_connections: DIRECT_CONNECTIONS,
                ..settings.clone()
            };
            let condition = DatabaseCondition::default();
            return Ok(Some(Self {
                pool: pool(address, &few, &Clock::default(), &condition)?,
                direct: Some(condition),
            }));
        }
        Ok(match settings.pooler {
            Pooler::None | Pooler::Session => Some(Self {
                pool: of.clone(),
                direct: None,
            }),
            Pooler::Transaction => None,
        })
    }

    /// The pool that they are taken from.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Connects once, so that what is wrong is said.
    ///
    /// # Errors
    /// As [`require_connection`].
    pub async fn require(&self) -> anyhow::Result<()> {
        match &self.direct {
            Some(condition) => require_connection(&self.pool, condition)
                .await
                .context("database.direct_url"),
            // The opening of that pool has connected.
            None => Ok(()),
        }
    }

    /// After a failure: looks for the server that takes changes, where there are several. Of a pool
    /// that other work uses, the monitor does that.
    pub(super) async fn look_for_primary(&self) {
        if let Some(condition) = &self.direct {
            condition
                .servers()
                .choose(std::slice::from_ref(&self.pool))
                .await;
        }
    }
}

/// One listens for the change feed, and in a sandbox one for new systems.
const DIRECT_CONNECTIONS: u32 = 2;
