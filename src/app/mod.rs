//! The application: shared state, proven callers, the router, starting and stopping.
//!
//! `api.rs` files of every room take [`AppState`] and the callers from here; nothing else of this
//! room is for them.

pub mod callers;
mod health;
pub mod openapi;
mod router;
pub mod serve;
pub mod setup;
mod state;
mod timer;
mod unbuilt;

pub use callers::{BackEnd, BackEndOrPerson, EndUser, Maskinporten, ServiceOwner, Vendor};
pub use health::Readiness;
pub use router::{routes, service};
pub use state::{AppState, Inner};
