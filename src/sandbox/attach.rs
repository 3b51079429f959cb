//! A sandbox's database from outside: for commands that work on its data, whether it runs or not.

use std::{io::ErrorKind, path::Path, sync::Arc};

use anyhow::Context as _;
use sqlx::PgPool;

use ::sandbox::SandboxKeys;

use super::run::{SandboxOptions, settings};
use crate::app::setup::{self, CommandAccess};
use foundation::{
    audit::CheckpointKey,
    clock::Clock,
    config::{CheckedSettings, NoSessionAddress, SANDBOX_FOLDER_MARK},
    db,
};
use private_postgres::{Cluster, Durability};
use registers::parties::IdentityKeys;

/// A sandbox's data.
#[derive(Debug)]
pub struct AttachedSandbox {
    /// Its settings.
    pub config: CheckedSettings,
    /// Its database.
    pub db: PgPool,
    /// Its keys for identity numbers.
    pub identity: Arc<IdentityKeys>,
    /// Its key for checkpoints of the audit trail.
    pub checkpoint_key: Option<CheckpointKey>,
    /// Keeps Postgres running, when this process started it.
    _cluster: Option<Cluster>,
}

/// Opens the data of the sandbox in a folder. Its Postgres is started when it does not run. To write,
/// a folder that is not there or is empty becomes a sandbox's.
///
/// # Errors
/// The folder is no sandbox's, or it or its Postgres cannot be used.
pub async fn attach(dir: &Path, access: CommandAccess) -> anyhow::Result<AttachedSandbox> {
    must_be_of_sandbox(dir, access)?;
    let environment = std::env::vars().collect();
    let config = settings(
        &SandboxOptions {
            data_dir: Some(dir.to_path_buf()),
            ..SandboxOptions::default()
        },
        &environment,
    )?;
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    let (_, secrets) = SandboxKeys::load(dir)?;
    let database = match config.settings.database.for_sessions() {
        Ok(database) => database,
        // A cluster of its own follows.
        Err(NoSessionAddress::NoAddress) => config.settings.database.clone(),
        Err(error @ NoSessionAddress::Pooled) => return Err(error.into()),
    };
    let (cluster, url) = match (&database.url, Cluster::url_of_running(dir, "postgres")?) {
        (Some(url), _) => (None, url.clone()),
        (None, Some(url)) => (None, url),
        (None, None) => {
            let cluster = Cluster::start(dir, Durability::Full)?;
            let url = cluster.url("postgres");
            (Some(cluster), url)
        }
    };
    let condition = db::DatabaseCondition::default();
    let pool = db::pool(&url, &database, &Clock::default(), &condition)?;
    db::require_connection(&pool, &condition).await?;
    setup::prepare_for_command(&config, &pool, access).await?;
    Ok(AttachedSandbox {
        config,
        db: pool,
        identity: secrets.identity,
        checkpoint_key: Some(secrets.checkpoint_key),
        _cluster: cluster,
    })
}

/// Files by one of which a sandbox's folder is known; those of earlier releases have no mark, but a
/// cluster of their own.
const OF_SANDBOX: [&str; 2] = [SANDBOX_FOLDER_MARK, "postgres/PG_VERSION"];

fn must_be_of_sandbox(dir: &Path, access: CommandAccess) -> anyhow::Result<()> {
    let is_known = OF_SANDBOX.iter().any(|name| dir.join(name).exists());
    let may_become_one = match access {
        CommandAccess::Read => false,
        CommandAccess::Write => match std::fs::read_dir(dir) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        },
    };
    anyhow::ensure!(
        is_known || may_become_one,
        "{} is not the folder of a sandbox",
        dir.display()
    );
    Ok(())
}
