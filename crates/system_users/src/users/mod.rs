//! System users: non-human users that an organisation empowers to act for it through one registered
//! system.

pub mod enduser_api;
pub(crate) mod explain_api;
pub(crate) mod lookup_api;
mod manage;
mod missing_token;
mod model;
mod store;
pub(crate) mod stream_api;

pub use manage::{SystemUserEvent, SystemUserEventSubject, publish, record_each};
pub use missing_token::{MissingTokenCause, MissingTokenFacts, cause as missing_token_cause};
pub use model::{ExternalSystemUser, NewSystemUser, SystemUser, SystemUserDetail};
pub use store::{
    active_with_key, by_external_id, by_id, insert, lock_sequence, of_owner, token_facts, touch,
};

use std::sync::Arc;

use authorization::permissions::Permissions;
use foundation::{config::CheckedSettings, http::BaseAddress};
use registers::{packages::Catalogue, resources::CompiledPolicies};
use sqlx::PgPool;

/// A slice of state: what is done with system users. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct SystemUsers {
    pub address: BaseAddress,
    pub permissions: Permissions,
    pub catalogue: Arc<Catalogue>,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub policies: CompiledPolicies,
}
