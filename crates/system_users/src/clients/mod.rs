//! Clients: parties whose relation to a provider lets it act for them, and whom it delegates to its
//! agents.

pub(crate) mod batch_api;
pub(crate) mod enduser_api;
pub(crate) mod legacy_api;
pub mod listing;
mod manage;
mod model;
pub mod portal_api;
mod rules;
mod store;

pub use model::{
    Client, ClientAccessDto, ClientCursor, ClientDto, DelegatedClient, FacilitatorRelation,
};

use std::sync::Arc;

use authorization::permissions::Permissions;
use foundation::http::BaseAddress;
use registers::packages::Catalogue;
use sqlx::PgPool;

/// A slice of state: finding clients, giving them to agents and taking them back. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct Clients {
    pub address: BaseAddress,
    pub catalogue: Arc<Catalogue>,
    pub db: PgPool,
    pub permissions: Permissions,
}
