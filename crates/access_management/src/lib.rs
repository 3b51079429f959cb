//! Who gives access to whom: client administrators delegate clients to agents
//! ([`client_delegations`]), access managers give organisations, persons and system users packages and
//! single resources ([`connections`]).
//!
//! Lowest first: [`errors`], [`callers`], [`entities`], [`person_lookup`], `changes`, [`client_delegations`],
//! [`connections`].

pub mod callers;
mod changes;
pub mod client_delegations;
pub mod connections;
pub mod entities;
pub mod errors;
pub mod person_lookup;
pub mod query;
mod routes;
mod state;

pub use routes::{Slices, State, router};
pub use state::AccessManagement;
