//! What operators see of decisions. Handles are looked up once, not per decision.

use metrics::{Counter, counter};

/// Counters of the caches.
#[derive(Clone)]
pub struct Counters {
    hits: Counter,
    misses: Counter,
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self { hits: counter!("pdp_cache_hits", "cache" => "facts"), misses: counter!("pdp_cache_misses", "cache" => "facts") }
    }
}

impl Counters {
    /// So many sets of facts were needed, and so many of them were not in memory.
    pub fn looked_up(&self, needed: usize, missing: usize) {
        self.hits.increment(needed.saturating_sub(missing) as u64);
        self.misses.increment(missing as u64);
    }
}
