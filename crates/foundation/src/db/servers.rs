//! The servers that `database.url` names, and which of them is used: the first that takes changes.

use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};

use crate::config::server_addresses;

/// A server that does not say in this time what it is, is passed over.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);

/// The servers, in order. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct DatabaseServers(Arc<OnceLock<Vec<PgConnectOptions>>>);

impl DatabaseServers {
    /// Reads an address of one server or several. A second call changes nothing.
    ///
    /// # Errors
    /// The address cannot be read.
    pub(super) fn read(
        &self,
        address: &SecretString,
        with: impl Fn(PgConnectOptions) -> PgConnectOptions,
    ) -> anyhow::Result<PgConnectOptions> {
        let mut all = Vec::new();
        for address in server_addresses(address) {
            let options: PgConnectOptions = address
                .expose_secret()
                .parse()
                .context("database.url cannot be read")?;
            all.push(with(options));
        }
        let first = all.first().cloned();
        // A second reader has the same address.
        let _ = self.0.set(all);
        first.context("database.url names no server")
    }

    /// Whether there is a choice.
    pub(super) fn are_several(&self) -> bool {
        self.0.get().is_some_and(|all| all.len() > 1)
    }

    /// The first server that takes changes, by asking one after the other; none when none answers so.
    pub(super) async fn find_primary(&self) -> Option<PgConnectOptions> {
        for options in self.0.get()? {
            let asked = tokio::time::timeout(TRY_TIMEOUT, is_primary(options)).await;
            if matches!(asked, Ok(Ok(()))) {
                return Some(options.clone());
            }
        }
        None
    }

    /// Lets pools use the first server that takes changes, where there is a choice.
    pub(super) async fn choose(&self, pools: &[PgPool]) -> bool {
        if !self.are_several() {
            return false;
        }
        let Some(options) = self.find_primary().await else {
            return false;
        };
        tracing::info!(
            host = options.get_host(),
            port = options.get_port(),
            "this server of the database is used"
        );
        for pool in pools {
            pool.set_connect_options(options.clone());
        }
        true
    }
}

async fn is_primary(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    refuse_standby(&mut connection).await?;
    connection.close().await
}

/// Refuses a server that follows another: it is unknown how far behind it is.
pub(super) async fn refuse_standby(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let is_standby = sqlx::query_scalar!(r#"select pg_is_in_recovery() as "is_standby!""#)
        .fetch_one(connection)
        .await?;
    if is_standby {
        let error = io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "the server is a standby, not the primary",
        );
        return Err(sqlx::Error::Io(error));
    }
    Ok(())
}
