//! What the decision endpoints share.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use foundation::{clock::Clock, config::CheckedSettings, http::BaseAddress, token::TokenVerifier};
use registers::{packages::Catalogue, parties::IdentityKeys};
use sqlx::PgPool;

use super::Pdp;
use crate::callers::Authenticator;

/// A slice of state: what the decision endpoints share. Clones are cheap.
#[derive(Debug, Clone)]
pub struct DecisionEndpoints(Arc<DecisionEndpointsParts>);

/// See [`DecisionEndpoints`].
#[derive(Debug)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct DecisionEndpointsParts {
    pub authenticator: Authenticator,
    pub pdp: Pdp,
    pub address: BaseAddress,
    pub catalogue: Arc<Catalogue>,
    pub clock: Clock,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub identity: Arc<IdentityKeys>,
    pub verifier: Arc<TokenVerifier>,
}

impl DecisionEndpoints {
    /// Shares them.
    #[must_use]
    pub fn new(shared: DecisionEndpointsParts) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for DecisionEndpoints {
    type Target = DecisionEndpointsParts;

    fn deref(&self) -> &DecisionEndpointsParts {
        &self.0
    }
}

impl FromRef<DecisionEndpoints> for Authenticator {
    fn from_ref(endpoints: &DecisionEndpoints) -> Self {
        endpoints.authenticator.clone()
    }
}
