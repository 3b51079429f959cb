//! The policy engine from outside: against a slow one, against hostile input, and by its commands.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod agreement;
mod commands;
mod documents;
mod found;
mod generate;
mod hostile;
mod memory;
mod slow;
#[path = "../../benches/support/mod.rs"]
mod support;
