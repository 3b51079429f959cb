//! Requests: a vendor asks for a system user, a person in the customer's organisation decides.

pub(crate) mod api;
mod bind;
pub(crate) mod changes;
pub(crate) mod check_api;
mod decide;
pub(crate) mod enduser_api;
mod model;
pub mod rules;
mod store;
pub mod timeouts;

pub use decide::{Decisions, customer};
pub use model::{Request, RequestKind, RequestStatus};
pub use store::{any_state, by_id, pending};
