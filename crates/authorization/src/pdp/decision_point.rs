//! The decision point: what deciding needs, put together.

use std::sync::Arc;

use sqlx::PgPool;

use super::{answer_id::AnswerIds, budget::Capacity, log::Log, memory::Memory, metrics::Counters};
use foundation::{clock::Clock, db::feed::Feed};
use registers::{
    packages::Catalogue,
    parties::{IdentityKeys, rules::ClientResources},
    resources::Resources,
};

/// Decides.
#[derive(Debug, Clone)]
pub struct Pdp {
    pub(super) db: PgPool,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) feed: Arc<Feed>,
    pub(super) resources: Arc<Resources>,
    pub(super) memory: Memory,
    pub(super) identity: Arc<IdentityKeys>,
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    pub(super) answer_ids: AnswerIds,
    pub(super) log: Log,
    pub(super) capacity: Capacity,
}

impl Pdp {
    /// A decision point on this data.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "called once, at start")]
    pub fn new(
        db: PgPool,
        catalogue: Arc<Catalogue>,
        feed: Arc<Feed>,
        resources: Arc<Resources>,
        identity: Arc<IdentityKeys>,
        clock: Clock,
        log: Log,
        client_resources: ClientResources,
    ) -> Self {
        let memory = Memory::new(Arc::clone(&feed), Arc::clone(&catalogue), client_resources);
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
            capacity: Capacity::default(),
        }
    }

    /// The same decision point on another catalogue. What it knew of pairs it reads again.
    #[must_use]
    pub fn with_catalogue(&self, catalogue: Arc<Catalogue>) -> Self {
        Self {
            memory: self.memory.with_catalogue(Arc::clone(&catalogue)),
            catalogue,
            ..self.clone()
        }
    }

    /// Where decisions are logged.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }
}
