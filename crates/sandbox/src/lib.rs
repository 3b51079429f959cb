//! The sandbox: issuers of its own and a made-up universe. Never part of production.
//!
//! It only adds: the service in the same process is the same as elsewhere, and verifies the
//! sandbox's tokens on the same path as real ones. The root package starts both.

pub mod clients;
pub mod idporten;
mod idporten_page;
mod keys;
mod mark;
pub mod maskinporten;
mod nation;
pub mod routes;
pub mod testtools;
mod testtools_clients;
pub mod tls;
pub mod universe;

use std::sync::Arc;

use foundation::{
    clock::Clock,
    config::CheckedSettings,
    token::{OwnKeys, TokenVerifier},
};
use registers::parties::IdentityKeys;
use sqlx::PgPool;

pub use clients::{ClientMaterial, MaskinportenClient, material_dir};
pub use keys::{SandboxKeys, ServiceKeys};
pub use nation::{NationOptions, generate};

/// What the issuers share with the service of the same process. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct SharedService {
    pub clock: Clock,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub identity: Arc<IdentityKeys>,
    pub own_keys: Arc<OwnKeys>,
    pub verifier: Arc<TokenVerifier>,
}
