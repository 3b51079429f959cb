//! The service among what is around it in production: poolers, a balancer, several instances, a
//! cluster of Postgres that is looked after, machines that lose their disk, their network or their
//! time. Each test makes one fault and measures how long it is felt.
//!
//! `make chaos` runs them; they need root, Linux and what `scripts/prerequisites.sh faults` installs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends there"
)]

#[path = "../resilience/clusters.rs"]
mod clusters;
#[path = "../resilience/forwarder.rs"]
#[expect(dead_code, reason = "every test binary uses its own part")]
mod forwarder;
#[path = "../resilience/program.rs"]
#[expect(dead_code, reason = "every test binary uses its own part")]
mod program;
#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "every test binary uses its own part"
)]
mod support;

mod checker;
mod clock;
mod disk;
mod figures;
mod instances;
mod network;
mod patroni;
mod pgbouncer;
mod processes;
mod replay;

use program::{PROGRAM, Sandbox, approve_path, free_base_port};
