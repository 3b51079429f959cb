//! Token exchange: a Maskinporten or ID-porten token becomes one of our own, and a browser's session
//! has a token.

pub(crate) mod api;
mod claims;
pub(crate) mod session_tokens;

use std::sync::Arc;

use foundation::{clock::Clock, config::CheckedSettings, token::OwnKeys};
use sqlx::PgPool;

use crate::{callers::Authenticator, session_cookies::SessionCookies};

/// Issues tokens of our own. A slice of state; clones are cheap.
#[derive(Debug, Clone)]
pub struct TokenExchange {
    pub(crate) authenticator: Authenticator,
    pub(crate) clock: Clock,
    pub(crate) config: Arc<CheckedSettings>,
    pub(crate) cookies: SessionCookies,
    pub(crate) db: PgPool,
    pub(crate) own_keys: Arc<OwnKeys>,
}

impl TokenExchange {
    /// Signs with these keys.
    #[must_use]
    pub fn new(
        authenticator: Authenticator,
        clock: Clock,
        config: Arc<CheckedSettings>,
        db: PgPool,
        own_keys: Arc<OwnKeys>,
    ) -> Self {
        Self {
            cookies: SessionCookies::new(db.clone(), Arc::clone(&config)),
            authenticator,
            clock,
            config,
            db,
            own_keys,
        }
    }
}
