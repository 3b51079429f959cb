//! Limits of requests: sizes, time, how many are answered at the same time, and how often an address
//! or a browser may ask. What one consumer may ask for is counted where it is known
//! (`foundation::limits`).

mod address_rates;
mod bodies;
mod guard;
mod in_flight;
mod rules;

pub use guard::Guard;
pub use in_flight::{InFlight, RequestClass};
pub use rules::{Access, Route, RouteRules, Rule};
