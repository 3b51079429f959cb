//! `/accessmanagement/api/v1`: what Altinn's portal asks its own back end. Thin wrappers over the
//! rooms below, with names put in where a page shows them, and with the portal's own problem codes.

mod describe;
mod model;
mod problem;

pub(crate) mod clients_api;
pub(crate) mod requests_api;
pub(crate) mod system_users_api;
pub(crate) mod user_api;
