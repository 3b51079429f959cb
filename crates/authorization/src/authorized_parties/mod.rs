//! Authorized parties: whom a person, an organisation or a system user may act for, and with what.
//!
//! The rules are those of every decision (`parties::rules`); here they are asked for all parties
//! at once, and the answer leaves as it is found.

pub(crate) mod api;
mod bind;
mod model;
mod rules;
mod store;

use std::sync::Arc;

use registers::{packages::Catalogue, parties::IdentityKeys};
use sqlx::PgPool;

use crate::callers::Authenticator;

/// A slice of state: what lists of authorized parties are made of. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct PartyLists {
    pub authenticator: Authenticator,
    pub catalogue: Arc<Catalogue>,
    pub db: PgPool,
    pub identity: Arc<IdentityKeys>,
}
