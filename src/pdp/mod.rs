//! The policy decision point: turns the words of the public system into facts and asks the policy engine.
//!
//! Service owners ask over HTTP; the rest of the house asks [`Pdp::permits`] in process, on the system resources
//! that guard the service itself. Nothing else evaluates policies.

pub(crate) mod api;
mod attributes;
mod authzen;
pub(crate) mod authzen_api;
mod decide;
mod facts;
mod request;
mod response;
pub(crate) mod token_api;
mod xml;

use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

pub use decide::{Decided, PartialRequest};
pub use request::Fault;

use crate::{
    clock::Clock,
    db::DbError,
    packages::Catalogue,
    register::IdentityKeys,
    resources::Policies,
    xacml::{Decision, ids},
};

/// Decides.
#[derive(Debug, Clone)]
pub struct Pdp {
    db: PgPool,
    catalogue: Arc<Catalogue>,
    policies: Policies,
    identity: Arc<IdentityKeys>,
    clock: Clock,
}

/// Answer to a question from inside the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Permitted, if the level suffices.
    pub permit: bool,
    /// Authentication level that the caller must have.
    pub min_level: u8,
}

/// Who asks from inside the house.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// A person, by party uuid.
    Person(Uuid),
    /// A system user.
    SystemUser(Uuid),
}

impl Pdp {
    /// A decision point on this data.
    #[must_use]
    pub fn new(db: PgPool, catalogue: Arc<Catalogue>, policies: Policies, identity: Arc<IdentityKeys>, clock: Clock) -> Self {
        Self { db, catalogue, policies, identity, clock }
    }

    /// May this caller do this for the party with this integer id?
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn permits(&self, asker: Asker, action: &str, resource: &str, party_id: i32) -> Result<Verdict, DbError> {
        let mut request = PartialRequest::default();
        match asker {
            Asker::Person(uuid) => request.add(ids::SUBJECT, "urn:altinn:party:uuid", uuid.to_string()),
            Asker::SystemUser(uuid) => request.add(ids::SUBJECT, "urn:altinn:systemuser:uuid", uuid.to_string()),
        }
        request.add(ids::ACTION, ids::ACTION_ID, action.to_owned());
        request.add(ids::RESOURCE, "urn:altinn:resource", resource.to_owned());
        request.add(ids::RESOURCE, "urn:altinn:partyid", party_id.to_string());
        let mut db = self.db.acquire().await?;
        let decided = self.decide(&mut db, &request).await?;
        Ok(Verdict { permit: decided.decision == Decision::Permit, min_level: decided.min_level() })
    }
}
