//! **systembruker**: Norway's system-user platform in one service.
//!
//! A system user is a non-human user that an organisation empowers to act for it through an
//! end-user system. `ARCHITECTURE.md` is the map of the crates below this one.

pub mod app;
pub mod cli;
#[cfg(feature = "sandbox")]
pub mod sandbox;
