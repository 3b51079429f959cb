//! What operators see of decisions. Handles are looked up once, not per decision.

use std::{sync::Arc, time::Duration};

use metrics::{Counter, Histogram, counter, histogram};

use super::{Decided, log::Endpoint};
use crate::xacml::Decision;

const ENDPOINTS: [Endpoint; 4] = [Endpoint::External, Endpoint::Internal, Endpoint::Token, Endpoint::Authzen];
const DECISIONS: [Decision; 4] = [Decision::Permit, Decision::Deny, Decision::Indeterminate, Decision::NotApplicable];

/// Counters and clocks of the decision point.
#[derive(Clone)]
pub struct Counters {
    hits: Counter,
    misses: Counter,
    /// By endpoint.
    took: Arc<[Histogram]>,
    /// Of decisions about no known resource.
    others: Arc<[Counter]>,
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
            others: decisions_about("unknown", "").into(),
        }
    }
}

/// A counter for each endpoint and decision.
fn decisions_about(owner: &str, resource: &str) -> Box<[Counter]> {
    let all = ENDPOINTS.iter().flat_map(|endpoint| DECISIONS.iter().map(move |decision| (endpoint, decision)));
    all.map(|(endpoint, decision)| {
        counter!("altinn.pdp.decisions", "resource.owner.org" => owner.to_owned(), "resource.id" => resource.to_owned(),
            "pdp.api.kind" => endpoint.as_str(), "decision" => decision.as_str())
    })
    .collect()
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
        let counters = match &decided.resource {
            Some(resource) => resource.counters.get_or_init(|| decisions_about(&resource.owner_code, &resource.identifier)),
            None => &*self.others,
        };
        let place = |of: Option<usize>| of.unwrap_or_default();
        let endpoint = place(ENDPOINTS.iter().position(|one| *one == endpoint));
        let decision = place(DECISIONS.iter().position(|one| *one == decided.decision));
        if let Some(counter) = counters.get(endpoint * DECISIONS.len() + decision) {
            counter.increment(1);
        }
    }

    /// All decisions of a call took so long.
    pub fn took(&self, endpoint: Endpoint, duration: Duration) {
        if let Some(histogram) = ENDPOINTS.iter().position(|one| *one == endpoint).and_then(|place| self.took.get(place)) {
            histogram.record(duration.as_secs_f64());
        }
    }
}
