//! What the product is for: vendors register systems ([`systems`]), ask customers for system users
//! ([`requests`]), customers give them access ([`users`]) and delegate clients to them ([`clients`]);
//! vendors follow what happens ([`vendor_events`]). What is kept for a limited time is
//! deleted by [`retention`].

pub mod bodies;
pub mod clients;
pub mod requests;
pub mod retention;
mod routes;
pub mod systems;
pub mod users;
pub mod vendor_events;

pub use routes::{Slices, State, router};
