//! The policy decision point: turns the words of the public system into facts and asks the policy
//! engine.
//!
//! Service owners ask over HTTP; the rest of the house asks [`Pdp::permits`] in process, on the
//! system resources that guard the service itself. Nothing else evaluates policies.
//!
//! A request becomes a [`PartialRequest`] for each decision wanted; that is read as a question
//! (who, what, for whom), decided on facts in memory, or read in one round trip where memory does
//! not know.

mod answer_id;
pub(crate) mod api;
pub(crate) mod authzen;
mod call;
mod decide;
pub(crate) mod decisions_api;
mod explain;
mod freshness;
pub mod log;
mod memory;
mod metrics;
mod partial;
mod question;
mod request;
mod response;
pub(crate) mod token_api;
mod xml;

use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

pub use decide::Decided;
pub use freshness::{AtLeast, View};
pub use partial::PartialRequest;
pub use request::Fault;

use crate::{
    clock::Clock,
    db::{DbError, feed::Feed},
    packages::Catalogue,
    register::IdentityKeys,
    resources::Resources,
    xacml::{Decision, ids},
};
use answer_id::AnswerIds;
use log::Log;
use memory::Memory;
use metrics::Counters;

/// Decides.
#[derive(Debug, Clone)]
pub struct Pdp {
    db: PgPool,
    catalogue: Arc<Catalogue>,
    feed: Arc<Feed>,
    resources: Arc<Resources>,
    memory: Memory,
    identity: Arc<IdentityKeys>,
    clock: Clock,
    counters: Counters,
    answer_ids: AnswerIds,
    log: Log,
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
    pub fn new(
        db: PgPool,
        catalogue: Arc<Catalogue>,
        feed: Arc<Feed>,
        resources: Arc<Resources>,
        identity: Arc<IdentityKeys>,
        clock: Clock,
        log: Log,
    ) -> Self {
        let memory = Memory::new(Arc::clone(&feed), Arc::clone(&catalogue));
        Self {
            db,
            catalogue,
            feed,
            resources,
            memory,
            identity,
            clock,
            counters: Counters::default(),
            answer_ids: AnswerIds::default(),
            log,
        }
    }

    /// Where decisions are logged.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// May this caller do this for the party with this integer id?
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn permits(
        &self,
        asker: Asker,
        action: &str,
        resource: &str,
        party_id: i32,
    ) -> Result<Verdict, DbError> {
        let mut request = PartialRequest::default();
        match asker {
            Asker::Person(uuid) => {
                request.add(ids::SUBJECT, question::PARTY_UUID, uuid.to_string())
            }
            Asker::SystemUser(uuid) => {
                request.add(ids::SUBJECT, question::SYSTEM_USER, uuid.to_string())
            }
        }
        request.add(ids::ACTION, ids::ACTION_ID, action);
        request.add(ids::RESOURCE, question::RESOURCE, resource);
        request.add(ids::RESOURCE, question::PARTY_ID, party_id.to_string());
        let decided = self.decide(View::default(), &request).await?;
        Ok(Verdict {
            permit: decided.decision == Decision::Permit,
            min_level: decided.min_level(),
        })
    }
}
