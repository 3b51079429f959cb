//! What the decision endpoints share.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use foundation::{clock::Clock, config::Checked, http::BaseAddress, token::Verifier};
use registers::{packages::Catalogue, parties::IdentityKeys};
use sqlx::PgPool;

use super::Pdp;
use crate::callers::Authenticator;

/// A slice of state: what the decision endpoints share. Clones are cheap.
#[derive(Debug, Clone)]
pub struct DecisionEndpoints(Arc<Shared>);

/// See [`DecisionEndpoints`].
#[derive(Debug)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct Shared {
    pub authenticator: Authenticator,
    pub pdp: Pdp,
    pub address: BaseAddress,
    pub catalogue: Arc<Catalogue>,
    pub clock: Clock,
    pub config: Arc<Checked>,
    pub db: PgPool,
    pub identity: Arc<IdentityKeys>,
    pub verifier: Arc<Verifier>,
}

impl DecisionEndpoints {
    /// Shares them.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for DecisionEndpoints {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<DecisionEndpoints> for Authenticator {
    fn from_ref(endpoints: &DecisionEndpoints) -> Self {
        endpoints.authenticator.clone()
    }
}
