//! `/resourceregistry/api/v1/access-lists`: service owners say which parties their resources are open
//! to.

mod access;
mod conditions;
pub(crate) mod connections_api;
pub(crate) mod lists_api;
pub(crate) mod lookups_api;
pub(crate) mod members_api;
mod model;
