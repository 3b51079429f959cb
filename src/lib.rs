//! **systembruker**: Norway's system-user platform in one service.
//!
//! A system user is a non-human user that an organisation empowers to act for it through an
//! end-user system. `ARCHITECTURE.md` is the map of the rooms below.

pub mod app;
pub mod audit;
pub mod authorized_parties;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod db;
pub mod delegation;
pub mod events;
pub mod exchange;
pub mod http;
pub mod idempotency;
pub mod ids;
pub mod import;
pub mod packages;
pub mod pdp;
pub mod register;
pub mod requests;
pub mod resources;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod system_users;
pub mod systems;
pub mod telemetry;
pub mod token;
pub mod ui_backend;
pub mod web;
pub mod xacml;
