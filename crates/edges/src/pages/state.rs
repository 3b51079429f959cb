//! What the pages share.

use std::sync::Arc;

use authorization::{callers::Authenticator, exchange::TokenExchange, permissions::Permissions};
use foundation::{clock::Clock, config::CheckedSettings};
use registers::{packages::Catalogue, parties::IdentityKeys};
use sqlx::PgPool;
use system_users::requests::Requests;

use super::{FrontEnd, LoginClient, recent_calls::RecentCalls};

/// A slice of state: what pages for people share. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct Pages {
    pub authenticator: Authenticator,
    pub catalogue: Arc<Catalogue>,
    pub clock: Clock,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub exchange: TokenExchange,
    /// Altinn's front end, where it is served in place of our own pages.
    pub front_end: Option<Arc<FrontEnd>>,
    pub identity: Arc<IdentityKeys>,
    pub login: Option<Arc<LoginClient>>,
    pub permissions: Permissions,
    /// The last calls, in a sandbox.
    pub recent_calls: Option<Arc<RecentCalls>>,
    pub requests: Requests,
}
