//! `/accessmanagement/api/v1`: what Altinn's portal asks its own back end. Thin wrappers over the
//! layers below, with names put in where a page shows them, and with the portal's own problem codes.

mod access_model;
mod connection_model;
mod delegation_model;
mod describe;
mod frame_model;
pub(crate) mod frame_roles;
mod model;
mod passed_on;
mod person_input;
pub(crate) mod preferences_store;
mod problem;

pub(crate) mod access_api;
pub(crate) mod access_packages_api;
pub(crate) mod catalogue_api;
pub(crate) mod client_delegations_api;
pub(crate) mod clients_api;
pub(crate) mod frame_api;
pub(crate) mod requests_api;
pub(crate) mod rightholders_api;
pub(crate) mod single_rights_api;
pub(crate) mod system_users_api;
pub(crate) mod user_api;

use std::sync::Arc;

pub(crate) use problem::answer_codes;

use access_management::AccessManagement;
use authorization::{authorized_parties::PartyLists, callers::EndUser, permissions::Permissions};
use foundation::{config::CheckedSettings, token::scopes::Portal};
use registers::packages::{Catalogue, CatalogueMetadata};
use sqlx::PgPool;
use system_users::{clients::Clients, requests::Requests, users::SystemUsers};

/// A person who uses the portal.
pub(crate) type PortalUser = EndUser<Portal>;

/// A slice of state: what the portal's back end asks. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct PortalBackEnd {
    pub access: AccessManagement,
    pub catalogue: Arc<Catalogue>,
    pub clients: Clients,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub metadata: Arc<CatalogueMetadata>,
    pub party_lists: PartyLists,
    pub permissions: Permissions,
    pub requests: Requests,
    pub system_users: SystemUsers,
}
