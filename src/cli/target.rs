//! Which installation a command works on: that of a configuration, or a sandbox.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use sqlx::PgPool;

use super::exit::WrongUse;
use crate::app::{
    setup::{self, CommandAccess, Secrets},
    start_check,
};
use foundation::{
    clock::Clock,
    config::Settings,
    db::{self, DatabaseCondition},
};
use registers::parties::IdentityKeys;

/// Arguments that name an installation.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Configuration file (TOML) of the service.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Works on the sandbox of this folder instead, whether it runs or not.
    #[cfg(feature = "sandbox")]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
}

/// An installation.
pub struct Installation {
    /// Its database, up to date.
    pub db: PgPool,
    /// Its settings.
    pub settings: Settings,
    /// Its keys for identity numbers.
    pub identity: Arc<IdentityKeys>,
    /// Its key for checkpoints of the audit trail.
    pub checkpoint_key: Option<foundation::audit::CheckpointKey>,
    /// Whatever must live as long.
    _keep: Box<dyn Send>,
}

impl TargetArgs {
    /// Opens the installation. Without arguments it is that of the environment, or the sandbox in
    /// this folder.
    ///
    /// # Errors
    /// The settings cannot be used, or the database not be reached.
    pub async fn open(&self, access: CommandAccess) -> anyhow::Result<Installation> {
        #[cfg(feature = "sandbox")]
        {
            let here = Path::new(".sandbox");
            let unnamed = self.config.is_none()
                && std::env::var_os("DATABASE_URL").is_none()
                && here.is_dir();
            if let Some(dir) = self.data_dir.as_deref().or_else(|| unnamed.then_some(here)) {
                let mut attached = crate::sandbox::attach(dir, access).await?;
                let (db, settings, identity) = (
                    attached.db.clone(),
                    attached.config.settings.clone(),
                    Arc::clone(&attached.identity),
                );
                let checkpoint_key = attached.checkpoint_key.take();
                return Ok(Installation {
                    db,
                    settings,
                    identity,
                    checkpoint_key,
                    _keep: Box::new(attached),
                });
            }
        }
        of_config(self.config.as_deref(), access).await
    }
}

async fn of_config(path: Option<&Path>, access: CommandAccess) -> anyhow::Result<Installation> {
    let environment: HashMap<String, String> = std::env::vars().collect();
    anyhow::ensure!(
        path.is_some()
            || environment
                .keys()
                .any(|name| name.starts_with("DATABASE_URL") || name.starts_with("SYSTEMBRUKER__")),
        WrongUse(
            "which installation? Give --config, DATABASE_URL, or --data-dir of a sandbox"
                .to_owned()
        )
    );
    let config = start_check::installation(path, &environment)?;
    let settings = config.settings.clone();
    // Commands hold locks and change what their session does.
    let database = settings.database.for_sessions()?;
    let url = database
        .url
        .clone()
        .context("database.url (DATABASE_URL) is required")?;
    let secrets = Secrets::from_settings(&config)?;
    let condition = DatabaseCondition::default();
    let db = db::pool(&url, &database, &Clock::default(), &condition)?;
    db::require_connection(&db, &condition).await?;
    setup::prepare_for_command(&config, &db, access).await?;
    Ok(Installation {
        db,
        settings,
        identity: secrets.identity,
        checkpoint_key: secrets.checkpoint_key,
        _keep: Box::new(()),
    })
}
