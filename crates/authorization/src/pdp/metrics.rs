//! What operators see of decisions. Handles are looked up once, not per decision.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};

use super::{DecisionDetails, log::Endpoint};
use foundation::telemetry::metrics::{
    MAX_LABEL_SETS, PDP_CACHE_HITS, PDP_CACHE_MISSES, PDP_DECISIONS, PDP_DURATION,
};
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
pub struct DecisionMetrics {
    hits: Counter,
    misses: Counter,
    /// By endpoint.
    took: Arc<[Histogram]>,
    /// Of decisions about no known resource.
    others: Arc<[OnceLock<Counter>; 16]>,
    /// Owners that have a label of their own.
    owners: Arc<Mutex<HashSet<String>>>,
}

/// Owner of a resource that is not registered.
const UNKNOWN: &str = "unknown";
/// Owners that have no label of their own.
const OTHERS: &str = "other";
/// Owners that have a label of their own; each has a set of labels for every endpoint and decision.
const MAX_OWNERS: usize = MAX_LABEL_SETS / (ENDPOINTS.len() * DECISIONS.len()) - 1;

impl std::fmt::Debug for DecisionMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for DecisionMetrics {
    fn default() -> Self {
        Self {
            hits: counter!(PDP_CACHE_HITS.name, "cache" => "facts"),
            misses: counter!(PDP_CACHE_MISSES.name, "cache" => "facts"),
            took: ENDPOINTS
                .iter()
                .map(|endpoint| histogram!(PDP_DURATION.name, "pdp_api_kind" => endpoint.as_str()))
                .collect(),
            others: Arc::new(std::array::from_fn(|at| {
                let place = at / DECISIONS.len();
                let (endpoint, decision) = (ENDPOINTS[place], DECISIONS[at % DECISIONS.len()]);
                OnceLock::from(decisions(UNKNOWN, endpoint, decision))
            })),
            owners: Arc::default(),
        }
    }
}

/// The counter of decisions with these labels.
fn decisions(owner: &str, endpoint: Endpoint, decision: Decision) -> Counter {
    counter!(PDP_DECISIONS.name, "resource_owner_org" => owner.to_owned(),
        "pdp_api_kind" => endpoint.as_str(), "decision" => decision.as_str())
}

impl DecisionMetrics {
    /// So many sets of facts were needed, and so many of them were not in memory.
    pub fn looked_up(&self, needed: usize, missing: usize) {
        self.hits.increment(needed.saturating_sub(missing) as u64);
        if missing > 0 {
            self.misses.increment(missing as u64);
        }
    }

    /// A decision was taken.
    pub fn decided(&self, endpoint: Endpoint, decided: &DecisionDetails) {
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
            let owner = decided
                .resource
                .as_ref()
                .map_or(UNKNOWN, |r| r.owner_code.as_str());
            decisions(&self.owner(owner), endpoint, decided.decision)
        };
        counter.get_or_init(made).increment(1);
    }

    /// Label of an owner: its code, or one label for all owners after the first
    /// [`MAX_OWNERS`].
    fn owner(&self, code: &str) -> String {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if !owners.contains(code) {
            if owners.len() >= MAX_OWNERS {
                return OTHERS.to_owned();
            }
            owners.insert(code.to_owned());
        }
        code.to_owned()
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
