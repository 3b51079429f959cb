//! The system register: end-user systems, who made them, and what they may ask for.

pub(crate) mod api;
mod bind;
pub(crate) mod change_api;
mod model;
pub mod rules;
mod store;

pub use bind::{bind_packages, bind_rights};
pub use model::{
    AccessPackage, AttributePair, ChangedData, LoggedItem, LoggedSystem, NewSystem,
    RegisteredSystem, Right, System, SystemBody, VendorInfo,
};
pub use rules::PlainHttp;
pub use store::{by_id, by_id_for_share, clients_of, insert, visible};

use std::sync::Arc;

use registers::packages::Catalogue;
use sqlx::PgPool;

/// A slice of state: the system register. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct Systems {
    pub catalogue: Arc<Catalogue>,
    pub db: PgPool,
    /// Of new systems.
    pub plain_http: PlainHttp,
}
