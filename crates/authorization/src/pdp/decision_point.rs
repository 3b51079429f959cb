//! The decision point: what deciding needs, put together.

use std::sync::Arc;

use sqlx::PgPool;

use super::{
    answer_id::AnswerIds, budget::DecisionCapacity, log::DecisionLog, memory::PairMemory,
    metrics::DecisionMetrics,
};
use foundation::{clock::Clock, db::feed::ChangeFeed};
use registers::{
    packages::Catalogue,
    parties::{IdentityKeys, rules::ClientResources},
    resources::LiveResources,
};

/// Decides.
#[derive(Debug, Clone)]
pub struct Pdp {
    pub(super) db: PgPool,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) feed: Arc<ChangeFeed>,
    pub(super) resources: Arc<LiveResources>,
    pub(super) memory: PairMemory,
    pub(super) identity: Arc<IdentityKeys>,
    pub(super) clock: Clock,
    pub(super) counters: DecisionMetrics,
    pub(super) answer_ids: AnswerIds,
    pub(super) log: DecisionLog,
    pub(super) capacity: DecisionCapacity,
}

impl Pdp {
    /// A decision point on this data.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "called once, at start")]
    pub fn new(
        db: PgPool,
        catalogue: Arc<Catalogue>,
        feed: Arc<ChangeFeed>,
        resources: Arc<LiveResources>,
        identity: Arc<IdentityKeys>,
        clock: Clock,
        log: DecisionLog,
        client_resources: ClientResources,
    ) -> Self {
        let memory = PairMemory::new(Arc::clone(&feed), Arc::clone(&catalogue), client_resources);
        Self {
            db,
            catalogue,
            feed,
            resources,
            memory,
            identity,
            clock,
            counters: DecisionMetrics::default(),
            answer_ids: AnswerIds::default(),
            log,
            capacity: DecisionCapacity::default(),
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
    pub fn log(&self) -> &DecisionLog {
        &self.log
    }
}
