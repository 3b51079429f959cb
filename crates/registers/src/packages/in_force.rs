//! The catalogue that is in force, read whole.

use std::sync::Arc;

use anyhow::Context as _;
use sqlx::PgPool;

use super::{catalogue, metadata::CatalogueMetadata, model::Catalogue, store::load};

/// The catalogue that is in force, in both its forms.
#[derive(Debug, Clone)]
pub struct CatalogueInForce {
    /// Number of its version.
    pub version: i64,
    /// Roles, packages and forms with their keys.
    pub catalogue: Arc<Catalogue>,
    /// Their texts.
    pub metadata: Arc<CatalogueMetadata>,
}

/// Reads the catalogue that is in force.
///
/// # Errors
/// None is stored yet, or the database fails.
pub async fn load_in_force(pool: &PgPool) -> anyhow::Result<CatalogueInForce> {
    loop {
        let stored = catalogue::current(&mut *pool.acquire().await?).await?;
        let stored = stored.context("the database has no catalogue yet")?;
        let loaded = CatalogueInForce {
            version: stored.seq,
            catalogue: Arc::new(load(pool).await?),
            metadata: Arc::new(CatalogueMetadata::of(&stored.content)?),
        };
        // One that came in between has other rows.
        if catalogue::version(&mut *pool.acquire().await?).await? == loaded.version {
            return Ok(loaded);
        }
    }
}
