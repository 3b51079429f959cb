//! What tests are written with: the application under test on a database of its own, named people
//! and organisations, and an HTTP client for each kind of caller.
//!
//! ```no_run
//! use testkit::prelude::*;
//!
//! # async fn test() {
//! let world = World::start().await;
//! let request = world.fjordlonn().requests(NATTERGAL, [A_ORDNING]).await;
//! world.torleif().at_level(2).approves(&request).await.assert_forbidden();
//! request.assert_status(New).await;
//! # }
//! ```
//!
//! Everything that fails here ends the test, at the line of the test that asked.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test ends there"
)]

pub mod answer;
pub mod app;
pub mod caller;
pub mod callers;
pub mod changed;
pub mod clock;
pub mod cluster;
pub mod database;
pub mod description;
pub mod facts;
pub mod faults;
pub mod guards;
pub mod log;
pub mod organizations;
pub mod packages;
pub mod people;
pub mod postgres;
pub mod races;
pub mod records;
pub mod replay;
pub mod requests;
pub mod retained;
pub mod roles;
pub mod scopes;
pub mod settings;
pub mod setup;
pub mod stored;
pub mod systems;
pub mod trail;
pub mod world;

/// What a test file imports.
pub mod prelude {
    pub use crate::{
        answer::Answer,
        app::TestApp,
        caller::Caller,
        callers::{
            AGENTS, AUTHORIZE_PATH, ENDUSER, EndUserCaller, SYSTEMS, ServiceOwnerCaller,
            VendorCaller,
        },
        clock::days,
        facts::Decision::{self, Deny, Indeterminate, NotApplicable, Permit},
        facts::question,
        organizations::*,
        packages::*,
        people::*,
        requests::{
            AGENT_REQUESTS, CHANGES, REQUESTS, RequestHandle, RequestKind,
            RequestStatus::{self, Accepted, New, Rejected},
            VENDOR_AGENT_REQUESTS, VENDOR_CHANGES, VENDOR_REQUESTS, request_for, with, without,
        },
        scopes::*,
        systems::*,
        world::World,
    };
}
