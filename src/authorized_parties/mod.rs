//! Authorized parties: whom a person, an organisation or a system user may act for, and with what.
//!
//! The rules are those of every decision (`register::rules`); here they are asked for all parties
//! at once, and the answer leaves as it is found.

pub(crate) mod api;
mod bind;
mod model;
mod rules;
mod store;
