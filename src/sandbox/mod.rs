//! The sandbox, started: the service on a private Postgres, with its issuers, and its data from
//! outside. The issuers and the universe are in the crate `sandbox`.

mod attach;
mod run;

pub use attach::{AttachedSandbox, attach};
pub use run::{RunningSandbox, SandboxOptions, run, settings, start};
