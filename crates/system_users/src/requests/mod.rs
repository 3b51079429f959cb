//! Requests: a vendor asks for a system user, a person in the customer's organisation decides.

pub(crate) mod api;
mod bind;
pub mod changes;
pub(crate) mod check_api;
mod decide;
pub mod enduser_api;
mod model;
mod review;
pub mod rules;
mod store;
pub mod timeouts;

pub use decide::customer;
pub use model::{RequestKind, RequestStatus, SystemUserRequest};
pub use review::{ApprovalObstacle, RequestReview, open_request};
pub use store::{any_state, by_id, pending};

use std::sync::Arc;

use authorization::permissions::Permissions;
use foundation::{config::CheckedSettings, http::BaseAddress};
use registers::{packages::Catalogue, resources::CompiledPolicies};
use sqlx::PgPool;

/// A slice of state: what is done with requests and change requests. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct Requests {
    pub address: BaseAddress,
    pub catalogue: Arc<Catalogue>,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub permissions: Permissions,
    pub policies: CompiledPolicies,
}

impl Requests {
    /// After so many days a request has timed out.
    pub(crate) fn lifetime_days(&self) -> i32 {
        self.config.settings.requests.lifetime_days
    }
}
