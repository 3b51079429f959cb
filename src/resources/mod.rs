//! The resource registry: what system users may be given access to, and the policies that decide.

mod model;
mod policies;
mod store;
mod system_resources;

pub use model::{Resource, RightKey, right_keys};
pub use policies::{CompiledPolicy, LOAD, Policies, UPLOAD};
pub use store::{ResourceKind, access_list_filters, kinds, names, upsert};
pub use system_resources::{load_system_resources, read_resources};
