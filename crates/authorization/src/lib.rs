//! Who calls, and what they may do: verified callers, decisions, the delegation check, authorized
//! parties, token exchange.
//!
//! Lowest first: [`live_system_users`], [`session_cookies`], [`caller_shapes`], [`callers`], [`pdp`], [`permissions`], [`delegation`],
//! [`authorized_parties`], [`exchange`].

pub mod authorized_parties;
pub mod bodies;
pub mod caller_shapes;
pub mod callers;
pub mod delegation;
pub mod exchange;
pub mod live_system_users;
pub mod pdp;
pub mod permissions;
mod routes;
pub mod session_cookies;

pub use routes::{Slices, State, router};
