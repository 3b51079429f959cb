//! The resources that guard the service itself, embedded and stored at start like the catalogues.

use anyhow::Context as _;
use rust_embed::RustEmbed;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::{compiled, store};

#[derive(RustEmbed)]
#[folder = "../../data/system-resources"]
struct SystemResources;

/// Stores the system resources. One starting instance does it at a time.
///
/// # Errors
/// An embedded file cannot be read, or the database fails.
pub async fn load_system_resources(pool: &PgPool) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "select pg_advisory_xact_lock($1) as locked",
        foundation::db::START_LOCK
    )
    .fetch_one(&mut *tx)
    .await?;
    let file = |path: &str| {
        SystemResources::get(path)
            .map(|f| f.data.into_owned())
            .with_context(|| format!("{path} is not embedded"))
    };
    read_resources(&mut tx, &file("resources.ndjson")?, file).await?;
    tx.commit().await?;
    Ok(())
}

/// Stores resources from NDJSON; `file` gives the bytes that a line's `policyFile` names. Returns
/// how many changed.
///
/// # Errors
/// A line or policy cannot be read, or the database fails.
async fn read_resources(
    tx: &mut PgConnection,
    lines: &[u8],
    file: impl Fn(&str) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<usize> {
    let mut changed = 0;
    for (number, line) in lines
        .split(|b| *b == b'\n')
        .enumerate()
        .filter(|(_, l)| !l.is_empty())
    {
        let mut document: Value =
            serde_json::from_slice(line).with_context(|| format!("line {}", number + 1))?;
        let policy = document
            .as_object_mut()
            .and_then(|d| d.remove("policyFile"));
        let path = policy
            .as_ref()
            .and_then(Value::as_str)
            .with_context(|| format!("line {}: policyFile is missing", number + 1))?;
        let xml = file(path)?;
        xacml::Program::load(&xml, &compiled::UPLOAD).with_context(|| path.to_owned())?;
        changed += usize::from(store::upsert(&mut *tx, &document, &xml, None).await?);
    }
    Ok(changed)
}
