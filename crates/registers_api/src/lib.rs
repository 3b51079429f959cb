//! HTTP endpoints of the registers: looking up parties, metadata of roles and access packages, the
//! resource registry with its policies. The data and rules are in the crate `registers`.

pub mod access_lists;
pub mod packages;
pub mod parties;
pub mod resources;
mod routes;

pub use routes::{Slices, State, router};
