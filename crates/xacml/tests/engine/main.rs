//! Tests by the public interface: agreement with a slow evaluator, hostile input, documents in XML
//! and JSON, inputs that fuzzing found, and memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod agreement;
mod documents;
mod found;
mod generate;
mod hostile;
mod memory;
mod slow;
mod steps;
#[path = "../../benches/support/mod.rs"]
mod support;
