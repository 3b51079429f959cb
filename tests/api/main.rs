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
mod access;
mod access_lists;
mod access_log;
mod access_properties;
mod agent_requests;
mod agents;
mod audit;
mod authorized_parties;
mod authzen;
mod authzen_search;
mod budgets;
mod catalogue_import;
mod catalogues;
mod change_request_refusals;
mod change_requests;
mod client_batches;
mod client_delegations;
mod client_refusals;
mod client_steps;
mod clients;
mod clock;
mod commands;
mod conformance;
mod connection_races;
mod connections;
mod conventions;
mod decision_bodies;
mod decision_log;
mod decisions;
mod description;
mod displayed_texts;
mod documentation;
mod ensure;
mod events;
mod exchange;
mod freshness;
mod freshness_under_load;
mod generator;
mod headers;
mod hosts;
mod idporten;
mod import;
mod journal;
mod journey;
mod jwks;
mod least_privilege;
mod limits;
mod maskinporten;
mod metadata;
mod metrics;
mod minimum_levels;
mod one_answer;
mod package_spelling;
mod pages;
mod parties_of_users;
mod policies;
mod portal_access;
mod portal_clients;
mod portal_delegations;
mod portal_frame;
mod portal_rights;
mod portal_shell;
mod refusals;
mod register;
mod register_parties;
mod request_answers;
mod request_checks;
mod request_lists;
mod request_races;
mod request_refusals;
mod requests;
mod resource_errors;
mod resources;
mod retention;
mod sandbox_front;
mod security_events;
mod session_tokens;
mod sessions;
mod settings;
mod shapes;
mod shown_requests;
mod sub_units;
mod system_changes;
mod system_deletions;
mod system_findings;
mod system_resources;
mod system_user_lists;
mod system_user_streams;
mod system_users;
mod systems;
mod tenancy;
mod token_causes;
mod token_decisions;
mod token_faults;
mod token_routes;
mod token_shapes;
mod tokens;
mod trail;
mod ui_backend;
mod unreadable_rows;
