//! The resource registry: what system users may be given access to, and the policies that decide.

mod attributes;
mod bind;
mod compiled;
pub mod document;
mod lint;
mod listings;
mod live;
mod model;
mod policies;
mod policy_warning;
mod public_system;
pub mod rights;
pub mod rules;
pub mod store;
mod system_resources;
mod text_search;
mod warnings;
mod workers;

pub use bind::bind_resource;
pub use compiled::{CompiledPolicy, LOAD, UPLOAD};
pub use listings::{PolicyListing, PolicyListings};
pub use live::{CachedResource, LiveResources};
pub use model::Resource;
pub use policies::{CheckedPolicy, CompiledPolicies};
pub use policy_warning::{PolicyWarning, PolicyWarningKind};
pub use public_system::{EvaluationDifference, differences};
pub use rights::{RightKey, right_keys, right_keys_in_order};
pub use store::{
    ResourceKind, ResourceOwnerRow, access_list_filters, kinds, names, naming, owners_of_types,
    resources_of_subjects, texts, upsert,
};
pub use system_resources::store_system_resources;
pub use text_search::{ResourceTexts, SearchWords, TextFilter, TooManyWords};
pub use warnings::warnings;
pub use workers::{PolicyWorkers, WorkersBusy};
