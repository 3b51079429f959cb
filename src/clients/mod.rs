//! Clients: parties whose relation to a provider lets it act for them, and whom it hands to its
//! agents.

pub(crate) mod batch_api;
pub(crate) mod enduser_api;
pub(crate) mod legacy_api;
pub mod listing;
mod manage;
mod model;
pub(crate) mod portal_api;
mod rules;
mod store;

pub use manage::Clients;
pub use model::{Basis, Client, ClientAccessDto, ClientDto, Delegated, Place, Relation};
