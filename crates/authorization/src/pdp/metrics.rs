//! What operators see of decisions. Handles are looked up once, not per decision.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};

use super::{Decided, log::Endpoint};
use xacml::Decision;

const ENDPOINTS: [Endpoint; 4] = [
    Endpoint::External,
    Endpoint::Internal,
    Endpoint::Token,
    Endpoint::Authzen,
];
const DECISIONS: [Decision; 4] = [
    Decision::Permit,
    Decision::Deny,
    Decision::Indeterminate,
    Decision::NotApplicable,
];

/// Counters and clocks of the decision point.
#[derive(Clone)]
pub struct Counters {
    hits: Counter,
    misses: Counter,
    /// By endpoint.
    took: Arc<[Histogram]>,
    /// Of decisions about no known resource.
    others: Arc<[OnceLock<Counter>; 16]>,
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            hits: counter!("pdp_cache_hits", "cache" => "facts"),
            misses: counter!("pdp_cache_misses", "cache" => "facts"),
            took: ENDPOINTS.iter().map(|endpoint| histogram!("pdp_decision_seconds", "pdp.api.kind" => endpoint.as_str())).collect(),
            others: Arc::default(),
        }
    }
}

impl Counters {
    /// So many sets of facts were needed, and so many of them were not in memory.
    pub fn looked_up(&self, needed: usize, missing: usize) {
        self.hits.increment(needed.saturating_sub(missing) as u64);
        if missing > 0 {
            self.misses.increment(missing as u64);
        }
    }

    /// A decision was taken.
    pub fn decided(&self, endpoint: Endpoint, decided: &Decided) {
        let counters = decided
            .resource
            .as_ref()
            .map_or(&*self.others, |resource| &resource.counters);
        let place = |of: Option<usize>| of.unwrap_or_default();
        let at = place(ENDPOINTS.iter().position(|one| *one == endpoint)) * DECISIONS.len();
        let Some(counter) =
            counters.get(at + place(DECISIONS.iter().position(|one| *one == decided.decision)))
        else {
            return;
        };
        let made = || {
            let (owner, resource) = decided.resource.as_ref().map_or(("unknown", ""), |r| {
                (r.owner_code.as_str(), r.identifier.as_str())
            });
            counter!("altinn.pdp.decisions", "resource.owner.org" => owner.to_owned(), "resource.id" => resource.to_owned(),
                "pdp.api.kind" => endpoint.as_str(), "decision" => decided.decision.as_str())
        };
        counter.get_or_init(made).increment(1);
    }

    /// All decisions of a call took so long.
    pub fn took(&self, endpoint: Endpoint, duration: Duration) {
        if let Some(histogram) = ENDPOINTS
            .iter()
            .position(|one| *one == endpoint)
            .and_then(|place| self.took.get(place))
        {
            histogram.record(duration.as_secs_f64());
        }
    }
}
