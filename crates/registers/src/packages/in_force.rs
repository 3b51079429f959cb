//! The catalogue that is in force, read whole.

use std::sync::Arc;

use anyhow::Context as _;
use sqlx::PgPool;

use super::{catalogue, metadata::Metadata, model::Catalogue, store::load};

/// The catalogue that is in force, in both its forms.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Number of its version.
    pub version: i64,
    /// Roles, packages and forms with their keys.
    pub catalogue: Arc<Catalogue>,
    /// Their texts.
    pub metadata: Arc<Metadata>,
}

/// Reads the catalogue that is in force.
///
/// # Errors
/// None is stored yet, or the database fails.
pub async fn load_in_force(pool: &PgPool) -> anyhow::Result<Loaded> {
    loop {
        let stored = catalogue::current(&mut *pool.acquire().await?).await?;
        let stored = stored.context("the database has no catalogue yet")?;
        let loaded = Loaded {
            version: stored.seq,
            catalogue: Arc::new(load(pool).await?),
            metadata: Arc::new(Metadata::of(&stored.content)?),
        };
        // One that came in between has other rows.
        if catalogue::version(&mut *pool.acquire().await?).await? == loaded.version {
            return Ok(loaded);
        }
    }
}
