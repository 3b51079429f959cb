//! Resources as decisions see them.

use std::sync::{Arc, OnceLock};

use metrics::Counter;

use super::compiled::CompiledPolicy;

/// A live resource with its current policy.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Registry identifier.
    pub identifier: String,
    /// `resourceType`
    pub resource_type: String,
    /// Whether rights on it may be given.
    pub delegable: bool,
    /// Only parties on a connected access list may be decided about.
    pub access_list_enabled: bool,
    /// Organisation number of its owner.
    pub owner_org: String,
    /// Code of its owner.
    pub owner_code: String,
    /// How often a policy was stored for it.
    pub policy_version: Option<i32>,
    /// The current policy; none when none was uploaded, or it cannot be read.
    pub policy: Option<Arc<CompiledPolicy>>,
    /// Counters of its decisions, each as soon as there was one of its kind.
    pub counters: [OnceLock<Counter>; 16],
}
