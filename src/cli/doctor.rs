//! `doctor`: tries everything that a running service needs, and says what helps where something is
//! missing.

use std::{
    collections::HashMap,
    fmt::Display,
    fs::OpenOptions,
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use foundation::{
    audit::{self, Checkpoints},
    clock::Clock,
    config::{CheckedSettings, JournalPlace, Profile},
    db::{self, DatabaseCondition},
    recovery::{self, DamageHandling},
    token::KeySource,
};
use serde::Serialize;
use sqlx::PgPool;
use tokio::net::TcpStream;
use url::Url;

use super::{
    exit::{self, EXIT_CODES, Exit},
    output::OutputArgs,
};
use crate::app::{
    setup::{self, Secrets},
    start_check::{self, StartRefusal},
};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DoctorArgs {
    /// Configuration file (TOML) of the service.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What came of the checks so far.
#[derive(Debug, Serialize)]
struct DoctorReport {
    holds: bool,
    checks: Vec<DoctorCheck>,
    /// Checks are printed when they are done, unless all of it becomes JSON.
    #[serde(skip)]
    output: OutputArgs,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct DoctorCheck {
    name: String,
    holds: bool,
    text: String,
}

impl DoctorReport {
    /// Keeps what a check found; true when it holds.
    fn note(&mut self, what: &str, found: anyhow::Result<impl Display>) -> bool {
        let (holds, text) = match found {
            Ok(found) => (true, found.to_string()),
            Err(error) => (false, format!("{error:#}")),
        };
        if !self.output.json {
            println!("{}  {what}: {text}", if holds { "ok   " } else { "FAILS" });
        }
        self.holds &= holds;
        self.checks.push(DoctorCheck {
            name: what.to_owned(),
            holds,
            text,
        });
        holds
    }
}

/// Runs the command. Nothing is changed.
///
/// # Errors
/// The settings cannot be read at all.
pub async fn run(args: &DoctorArgs) -> anyhow::Result<Exit> {
    let environment: HashMap<String, String> = std::env::vars().collect();
    let mut examination = DoctorReport {
        holds: true,
        checks: Vec::new(),
        output: args.output,
    };
    let config = match start_check::check(args.config.as_deref(), &environment) {
        Ok(config) => config,
        Err(refused) => {
            if let StartRefusal::Findings(findings) = &refused {
                for line in findings.lines() {
                    examination.note("settings", Err::<String, _>(anyhow::anyhow!("{line}")));
                }
                args.output.print(&examination, |_| ())?;
                eprintln!("the rest is not checked: it needs settings that can be used");
            } else {
                eprintln!("could not check: {refused}");
            }
            return Ok(exit::of_refusal(&refused));
        }
    };
    examination.note(
        "settings",
        Ok(format!("profile {}", config.profile().as_str())),
    );
    for (setting, address) in [
        ("server.listen", config.settings.server.listen),
        (
            "server.internal_listen",
            config.settings.server.internal_listen,
        ),
    ] {
        examination.note(setting, listen(address, setting));
    }
    database(&config, &mut examination).await?;
    issuers(&config, &mut examination).await?;
    if let Some(path) = &config.settings.audit.checkpoint_path {
        let appendable = appendable(path);
        if examination.note("audit.checkpoint_path", appendable) {
            let found = checkpoints(&config, path).await;
            examination.note("checkpoints of the audit trail", found);
        }
    }
    if let Some(place) = &config.settings.recovery.journal {
        examination.note("recovery.journal", journal(&config, place).await);
    }
    if let Some(endpoint) = &config.settings.telemetry.otlp_endpoint {
        examination.note("telemetry.otlp_endpoint", connect(endpoint).await);
    }
    args.output.print(&examination, |examination| {
        match examination
            .checks
            .iter()
            .filter(|check| !check.holds)
            .count()
        {
            0 => println!("\neverything that the service needs is there"),
            1 => println!("\n1 thing is missing"),
            failed => println!("\n{failed} things are missing"),
        }
    })?;
    Ok(if examination.holds {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}

/// Whether an address can be listened on. One that is in use may be so by the service itself.
fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<String> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(format!(
            "{address} is in use: by the service, if it runs; else choose another with {setting}"
        )),
        Err(error) => Err(error).with_context(|| {
            format!("{address} cannot be listened on; choose another with {setting}")
        }),
    }
}

/// Whether the journal can be written, read and cleared, and is that of the database, which lacks
/// nothing that it says.
async fn journal(config: &CheckedSettings, place: &JournalPlace) -> anyhow::Result<String> {
    let Some(journal) = setup::journal(Some(place))? else {
        return Ok("none, as the settings say".to_owned());
    };
    journal.try_out().await?;
    let settings = &config.settings.database;
    let url = settings.url.as_ref().context("database.url is required")?;
    let pool = db::pool(
        url,
        settings,
        &Clock::default(),
        &DatabaseCondition::default(),
    )?;
    let mut connection = pool.acquire().await?;
    let found = recovery::find(
        &mut connection,
        Some(&journal),
        None,
        config.settings.recovery.journal_days,
        DamageHandling::Refuse,
    )
    .await?;
    anyhow::ensure!(
        found.is_none(),
        "the database is older than the journal: `systembruker recover` says what it lacks"
    );
    let vanished = recovery::vanished(&mut connection, &journal).await?;
    drop(connection);
    pool.close().await;
    if let Some(first) = vanished.first() {
        anyhow::bail!(
            "{} of the journal that the database wrote are not there any more, {} the first of them: put them back from a copy. What is \
             younger than a day, a running instance writes again within the hour",
            match vanished.len() {
                1 => "1 object".to_owned(),
                several => format!("{several} objects"),
            },
            first.name
        );
    }
    Ok(format!(
        "{place} can be written and read, and is that of the database"
    ))
}

/// Whether the file of checkpoints holds what was written to it, and is continued while the service runs.
async fn checkpoints(config: &CheckedSettings, path: &Path) -> anyhow::Result<String> {
    let settings = &config.settings.database;
    let url = settings.url.as_ref().context("database.url is required")?;
    let key = Secrets::from_settings(config)?
        .checkpoint_key
        .context("keys.audit_checkpoints is needed to read checkpoints")?;
    let checkpoints = Checkpoints::open(path.to_owned(), key)?;
    let pool = db::pool(
        url,
        settings,
        &Clock::default(),
        &DatabaseCondition::default(),
    )?;
    let found = async {
        let mut connection = pool.acquire().await?;
        let lost = recovery::lost_checkpoint(&mut connection, checkpoints.all()?).await?;
        let file = audit::checkpoint_file(&mut connection, &checkpoints).await?;
        anyhow::Ok((lost, file))
    };
    let found = found.await;
    pool.close().await;
    let (lost, found) = found?;
    anyhow::ensure!(
        lost.is_none(),
        "the database is older than its checkpoints: `systembruker recover` says what it lacks"
    );
    if let Some(missing) = found.missing {
        anyhow::bail!(
            "{missing}. Put it back from a copy; see *SystembrukerCheckpointsMissing* in ops/README.md"
        );
    }
    let Some(newest) = found.newest else {
        return Ok("none was written yet".to_owned());
    };
    let newest = newest.to_rfc3339();
    let Some(since) = found.overdue_since else {
        return Ok(format!("all are there; the newest is of {newest}"));
    };
    let since = since.to_rfc3339();
    let is_running = TcpListener::bind(config.settings.server.listen)
        .is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    anyhow::ensure!(
        !is_running,
        "the newest is of {newest}, although rows of the audit trail were sealed until {since}: the log of the service says why, under \
         `audit.gap` or `audit chain`"
    );
    Ok(format!(
        "all are there; the newest is of {newest}, and the service writes another when it runs"
    ))
}

/// Whether a file can be written to, which may not be there yet.
fn appendable(path: &Path) -> anyhow::Result<String> {
    match OpenOptions::new().append(true).open(path) {
        Ok(_) => Ok("can be written to".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| folder.is_dir());
            folder.context("is in a folder that is not there: make it, for the user of the service to write in")?;
            Ok("is made with the first checkpoint".to_owned())
        }
        Err(error) => {
            Err(error).context("cannot be written to: let the user of the service append to it")
        }
    }
}

async fn database(config: &CheckedSettings, examination: &mut DoctorReport) -> anyhow::Result<()> {
    let settings = &config.settings.database;
    let url = settings
        .url
        .clone()
        .context("database.url (DATABASE_URL) is required")?;
    let condition = DatabaseCondition::default();
    let clock = Clock::default();
    let pool = db::pool(&url, settings, &clock, &condition)?;
    let reached = db::require_connection(&pool, &condition).await;
    if examination.note("database", reached.map(|()| "answers, and takes changes")) {
        let pooled = db::require_session_settings(&pool, settings).await;
        if examination.note("sessions", pooled.map(|()| "have the settings of ours")) {
            rows(config, &pool, &clock, examination).await;
        }
    }
    if settings.direct_url.is_some()
        && let Some(sessions) = db::DedicatedSessions::open(&pool, settings)?
    {
        let reached = sessions.require().await;
        examination.note("database, directly", reached.map(|()| "answers"));
        sessions.pool().close().await;
    }
    pool.close().await;
    Ok(())
}

/// What the database holds, and what the role may do with it.
async fn rows(
    config: &CheckedSettings,
    pool: &PgPool,
    clock: &Clock,
    examination: &mut DoctorReport,
) {
    let version = db::require_version(pool).await;
    examination.note("version of Postgres", version);
    let skew = clock_difference(pool, clock).await;
    examination.note("clock", skew);
    if config.profile() == Profile::Prod {
        let moved = db::refuse_moved_clock(pool).await;
        examination.note("time of the database", moved.map(|()| "is not moved"));
        let owner = db::refuse_owner(pool).await;
        examination.note("role", owner.map(|()| "owns nothing"));
    }
    let migrated = db::require_migrations(pool).await;
    if examination.note("schema", migrated.map(|()| "is up to date")) {
        let grants = db::require_grants(pool).await;
        examination.note("grants", grants.map(|()| "are complete"));
        let keys = identity_keys(config, pool).await;
        examination.note(
            "keys for identity numbers",
            keys.map(|()| "are those of the database"),
        );
        let history = db::require_history(pool).await;
        examination.note("history", history);
        let partitions = db::require_partitions(pool).await;
        examination.note("partitions", partitions.map(|()| "are there for tomorrow"));
    }
}

async fn identity_keys(config: &CheckedSettings, pool: &PgPool) -> anyhow::Result<()> {
    let secrets = Secrets::from_settings(config)?;
    let mut tx = pool.begin().await?;
    let required = setup::require_identity_keys(&mut tx, &secrets.identity).await;
    tx.rollback().await?;
    required
}

/// A greater difference keeps the service from getting ready.
const MAX_SKEW_S: i64 = 10;

async fn clock_difference(pool: &PgPool, clock: &Clock) -> anyhow::Result<String> {
    let ahead = db::clock_offset(pool, clock).await?;
    anyhow::ensure!(
        ahead.abs() <= MAX_SKEW_S,
        "this machine is {ahead} s ahead of the database: let both take their time from the same servers (NTP)"
    );
    Ok("agrees with that of the database within seconds".to_owned())
}

/// Fetches the key set of every issuer whose tokens are taken.
async fn issuers(config: &CheckedSettings, examination: &mut DoctorReport) -> anyhow::Result<()> {
    let secrets = Secrets::from_settings(config)?;
    let verifier = setup::verifier(config, &Clock::default(), &secrets.own_keys, Vec::new())?;
    for issuer in &verifier.issuers {
        if let KeySource::Published(client) = &issuer.keys {
            let keys = client.try_fetch().await.with_context(|| {
                "its keys cannot be fetched; check the address of the issuer, and that this machine may reach it by HTTPS"
            });
            examination.note(
                &format!("issuer {}", client.issuer()),
                keys.map(|count| format!("publishes {count} keys")),
            );
        }
    }
    Ok(())
}

/// Whether a program listens at the address.
async fn connect(address: &Url) -> anyhow::Result<String> {
    let host = address.host_str().context("names no host")?;
    let port = address.port_or_known_default().context("names no port")?;
    let connected = tokio::time::timeout(
        Duration::from_secs(3),
        TcpStream::connect((host.trim_matches(['[', ']']), port)),
    );
    connected
        .await
        .map_err(|_| anyhow::anyhow!("no answer within 3 seconds"))
        .and_then(|connected| Ok(connected?))
        .with_context(|| format!("{host}:{port} cannot be reached; is the collector running?"))?;
    Ok(format!("{host}:{port} can be reached"))
}
