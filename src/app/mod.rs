//! The application: shared state, the router, starting and stopping. Nothing below knows it.

mod attempts;
mod calls;
pub mod connections;
mod credential;
mod health;
pub mod hosts;
mod imported_catalogue;
pub mod limits;
pub mod metrics;
pub mod openapi;
mod readiness;
mod request_log;
pub mod retention;
mod router;
pub mod serve;
pub mod setup;
pub mod start_check;
mod state;
mod unbuilt;

pub use attempts::leaves_rows;
pub use readiness::Readiness;
pub use router::{routes, service};
pub use state::{AppState, AppStateInner};
