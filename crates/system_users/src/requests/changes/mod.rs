//! Change requests: a vendor asks that a standard system user gets more, or less.

pub(crate) mod api;
mod bind;
mod decide;
pub mod enduser_api;
mod model;
mod review;
pub mod rules;
mod store;

pub use bind::bind_change;
pub use model::ChangeRequest;
pub use store::{any_state, take_timed_out};
