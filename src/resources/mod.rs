//! The resource registry: what system users may be given access to, and the policies that decide.

pub(crate) mod api;
mod bind;
pub mod document;
mod live;
mod model;
mod policies;
pub(crate) mod policy_api;
pub mod rights;
pub mod rules;
mod store;
mod system_resources;

pub use bind::bind_resource;
pub use live::{Known, Resources};
pub use model::Resource;
pub use policies::{CompiledPolicy, LOAD, Policies, UPLOAD};
pub use rights::{RightKey, right_keys};
pub use store::{
    ResourceKind, access_list_filters, kinds, names, naming, resources_of_subjects, upsert,
};
pub use system_resources::load_system_resources;
