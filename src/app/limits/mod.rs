//! Limits of requests, applied: sizes, time, how many are answered at the same time, and how often an
//! address or a browser may ask. They are counted in `foundation::limits`.

mod address_rates;
mod guard;
mod rules;

pub use guard::LimitGuard;
pub use rules::{LimitedRoute, RequestRule, RouteAccess, RouteRules};
