//! `serve` and `migrate`.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::Context as _;
use serde::Serialize;

use super::output::OutputArgs;
use crate::app::{
    self, metrics,
    serve::{self, ServeSettings, Shutdown},
    setup::{self, ExtraTrust, Secrets},
    start_check,
};
use foundation::{
    clock::Clock,
    config::{self, Profile},
    db::{self, DatabaseCondition},
    http::context,
    limits::RequestClass,
    telemetry::{
        self,
        traces::{self, SpanExport},
    },
};

fn environment() -> HashMap<String, String> {
    std::env::vars().collect()
}

/// Runs the service until it is asked to stop.
///
/// # Errors
/// A setting is wrong, a key file unreadable, a port taken, or the database not usable.
pub async fn serve(path: Option<&Path>) -> anyhow::Result<()> {
    let config = start_check::check(path, &environment())?;
    let clock = Clock::default();
    let export = SpanExport::open(&config.settings.telemetry, &clock, context::span_ids)?;
    let _log = telemetry::init(&config.settings.log, export);
    metrics::install();
    let url = config
        .settings
        .database
        .url
        .clone()
        .context("database.url (DATABASE_URL) is required")?;
    let condition = DatabaseCondition::default();
    let pool = db::pool(&url, &config.settings.database, &clock, &condition)?;
    let secrets = Secrets::from_settings(&config)?;
    db::require_connection(&pool, &condition).await?;
    if config.profile() == Profile::Prod {
        db::refuse_owner(&pool).await?;
        db::require_migrations(&pool).await?;
        db::require_grants(&pool).await?;
    }
    setup::prepare_database(&config, &pool).await?;
    setup::note_settings(&config, &pool).await?;
    let state = setup::state(
        config,
        pool,
        condition,
        clock,
        secrets,
        ExtraTrust::default(),
    )
    .await?;
    let server = &state.config.settings.server;
    let main = serve::bind(server.listen, "server.listen")?;
    let internal = serve::bind(server.internal_listen, "server.internal_listen")?;
    let (stop, shutdown) = Shutdown::channel();
    serve::spawn_background(&state, &shutdown);
    let metrics = axum::Router::new().route("/metrics", axum::routing::get(metrics::render));
    let metrics = state.guard.before(metrics, RequestClass::Probe);
    let serving = ServeSettings::of(&state.config.settings);
    let main = tokio::spawn(serve::run(
        main,
        app::service(&state, |_| false),
        serving.clone(),
        shutdown.clone(),
    ));
    let internal = tokio::spawn(serve::run(internal, metrics, serving.internal(), shutdown));
    tracing::info!(listen = %server.listen, base = state.config.public_base, profile = state.config.profile().as_str(), "serving");
    serve::asked_to_stop().await?;
    tracing::info!("stopping: not ready from now on");
    state.readiness.stop();
    // Balancers need this time to notice it.
    tokio::time::sleep(Duration::from_secs(server.drain_s)).await;
    let _ = stop.send(true);
    let _ = tokio::join!(main, internal);
    tokio::join!(state.close(), traces::close());
    Ok(())
}

/// What `migrate` did.
#[derive(Debug, Serialize)]
struct MigrationReport<'a> {
    applied: Vec<AppliedMigration<'a>>,
    /// Those of this version, all of which the database has now.
    migrations: usize,
}

#[derive(Debug, Serialize)]
struct AppliedMigration<'a> {
    version: i64,
    description: &'a str,
}

/// Brings the schema up to date.
///
/// # Errors
/// The database cannot be reached, or a migration fails.
pub async fn migrate(path: Option<&Path>, output: OutputArgs) -> anyhow::Result<()> {
    let settings = config::load(config::SettingsSource::Serve(path), &environment(), &[])?;
    // Nothing else of the settings is needed, so that the owner of the schema needs no key.
    let wrong = config::check_database(&settings);
    anyhow::ensure!(
        wrong.is_empty(),
        "the settings cannot be used:\n  {}",
        wrong.join("\n  ")
    );
    // Indexes on large tables take longer than a request may.
    let for_migrations = config::Database {
        statement_timeout_s: 3_600,
        ..settings.database.for_sessions()?
    };
    let url = for_migrations
        .url
        .clone()
        .context("database.url (DATABASE_URL) is required")?;
    let condition = DatabaseCondition::default();
    let pool = db::pool(&url, &for_migrations, &Clock::default(), &condition)?;
    db::require_connection(&pool, &condition).await?;
    let before = applied(&pool).await;
    db::migrate(&pool).await?;
    let applied = db::MIGRATOR
        .iter()
        .filter(|migration| !before.contains(&migration.version))
        .map(|migration| AppliedMigration {
            version: migration.version,
            description: &migration.description,
        });
    let migrated = MigrationReport {
        applied: applied.collect(),
        migrations: db::MIGRATOR.iter().count(),
    };
    pool.close().await;
    output.print(&migrated, |migrated| {
        for AppliedMigration {
            version,
            description,
        } in &migrated.applied
        {
            println!("applied {version:04} {description}");
        }
        println!(
            "the database is up to date ({} migrations)",
            migrated.migrations
        );
    })
}

async fn applied(pool: &sqlx::PgPool) -> Vec<i64> {
    // Before the first migration there is no such table.
    sqlx::query_scalar!("select version from _sqlx_migrations where success")
        .fetch_all(pool)
        .await
        .unwrap_or_default()
}
