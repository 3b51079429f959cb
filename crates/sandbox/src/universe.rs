//! Loading the made-up universe: a small country of organisations, people, systems and requests.
//!
//! It is imported once per version, in the order of its manifest, in one transaction. What was
//! changed since then by playing stays.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rust_embed::RustEmbed;
use serde::Deserialize;
use sqlx::PgPool;
use uuid::Uuid;

use edges::import::{self, ImportKind};
use foundation::{crypto::sha256, db::AdvisoryLock};
use registers::{packages::Catalogue, parties::IdentityKeys};

#[derive(RustEmbed)]
#[folder = "../../data/universe"]
struct UniverseFiles;

const SOURCE: &str = "sandbox";

/// What loading did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniverseLoad {
    /// The universe was stored.
    Now,
    /// This version was there already.
    Before,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UniverseManifest {
    load_order: Vec<String>,
    sha256: std::collections::BTreeMap<String, String>,
}

fn file(name: &str) -> anyhow::Result<Vec<u8>> {
    UniverseFiles::get(name)
        .map(|f| f.data.into_owned())
        .with_context(|| format!("{name} is not embedded"))
}

/// Maskinporten clients of the universe's systems.
///
/// # Errors
/// The file is damaged.
pub fn client_ids() -> anyhow::Result<Vec<String>> {
    let lines = file("systems.ndjson")?;
    let mut ids = Vec::new();
    for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        ids.extend(import::client_ids(line)?);
    }
    Ok(ids)
}

/// Loads the universe; `progress` gets the name of each file. Among parties of another source only
/// when forced.
///
/// # Errors
/// A file is damaged, the database holds parties of another source, or it fails.
pub async fn load(
    pool: &PgPool,
    catalogue: &Arc<Catalogue>,
    identity: &Arc<IdentityKeys>,
    forced: bool,
    progress: impl Fn(&str),
) -> anyhow::Result<UniverseLoad> {
    let manifest_text = file("manifest.json")?;
    let manifest: UniverseManifest =
        serde_json::from_slice(&manifest_text).context("manifest.json")?;
    let version = sha256(&manifest_text);
    let mut tx = pool.begin().await?;
    AdvisoryLock::Start.take(&mut tx).await?;
    let known = sqlx::query_scalar!("select count(*) as \"count!\" from import_run where kind = 'universe' and file_sha256 = $1", &version[..])
        .fetch_one(&mut *tx)
        .await?;
    if known > 0 {
        return Ok(UniverseLoad::Before);
    }
    let foreign = sqlx::query_scalar!("select exists (select 1 from party where source not in ($1, 'system-user', 'login')) as \"foreign!\"", SOURCE)
        .fetch_one(&mut *tx)
        .await?;
    ensure!(
        !foreign || forced,
        "the database holds parties of another source; the sandbox's universe is not mixed with them"
    );
    let context = import::ImportContext {
        persons: import::AcceptedPersons::Synthetic,
        catalogue: Arc::clone(catalogue),
        identity: Arc::clone(identity),
    };
    for name in &manifest.load_order {
        progress(name);
        let bytes = file(name)?;
        let digest: String = sha256(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        ensure!(
            manifest.sha256.get(name) == Some(&digest),
            "{name} is not the file the manifest names"
        );
        let kind = name
            .strip_suffix(".ndjson")
            .and_then(ImportKind::from_name)
            .with_context(|| format!("{name} is no kind of file"))?;
        import::import_embedded(&mut tx, &context, kind, bytes, SOURCE, file)
            .await
            .with_context(|| format!("loading {name}"))?;
    }
    sqlx::query!(
        r#"insert into import_run (id, kind, source, file_sha256, mode, counts, started, ended) values ($1, 'universe', $2, $3, 'snapshot', '{}', service_now(), service_now())"#,
        Uuid::now_v7(),
        SOURCE,
        &version[..]
    )
    .execute(&mut *tx)
    .await?;
    foundation::db::feed::append(
        &mut tx,
        foundation::db::feed::FeedEntryKind::Everything,
        SOURCE,
    )
    .await?;
    foundation::db::commit_at_last(tx).await?;
    // The planner should know what it deals with.
    for table in [
        "party",
        "register_role",
        "assignment",
        "assignment_package",
        "system_user",
        "request",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!("analyze \"{table}\"")))
            .execute(pool)
            .await?;
    }
    Ok(UniverseLoad::Now)
}
