//! The APIs as their users call them: over HTTP, with real tokens, on a real Postgres; one database
//! per test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends there"
)]

#[path = "../support/mod.rs"]
mod support;

mod acceptance;
mod audit;
mod authorized_parties;
mod authzen;
mod authzen_search;
mod change_requests;
mod client_batches;
mod clients;
mod conformance;
mod conventions;
mod decision_log;
mod decisions;
mod ensure;
mod events;
mod exchange;
mod floors;
mod freshness;
mod generator;
mod idporten;
mod import;
mod journey;
mod jwks;
mod maskinporten;
mod metadata;
mod pages;
mod register;
mod request_lists;
mod requests;
mod resources;
mod sandbox_front;
mod session_tokens;
mod shapes;
mod system_changes;
mod system_user_lists;
mod system_users;
mod systems;
mod tenancy;
mod token_decisions;
mod tokens;
mod ui_backend;
