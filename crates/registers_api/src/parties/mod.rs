//! `/register/api/v1` and `/v2`: looking parties up, for back ends of the platform.

pub(crate) mod api;
mod fields;
pub(crate) mod internal_api;
pub mod schemas;
mod wire;

use std::sync::Arc;

use registers::{packages::Catalogue, parties::IdentityKeys};
use sqlx::PgPool;

/// A slice of state: what look-ups of parties read. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct PartyLookups {
    pub catalogue: Arc<Catalogue>,
    pub db: PgPool,
    pub identity: Arc<IdentityKeys>,
}
