//! `/resourceregistry/api/v1`: the resource registry and its policies.

pub(crate) mod api;
mod catalogue_graph;
pub(crate) mod feed_api;
pub(crate) mod policy_api;

use std::sync::Arc;

use foundation::{config::CheckedSettings, http::BaseAddress};
use registers::{packages::Catalogue, resources::CompiledPolicies};
use sqlx::PgPool;

/// A slice of state: what the endpoints of the resource registry share. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct ResourceRegistry {
    pub address: BaseAddress,
    pub catalogue: Arc<Catalogue>,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub policies: CompiledPolicies,
}
