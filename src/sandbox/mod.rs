//! The sandbox: issuers of its own, a made-up universe, and a private Postgres. Never part of
//! production.
//!
//! It only adds: the service it starts is the same, and verifies the sandbox's tokens on the same
//! path as real ones.

mod attach;
mod clients;
mod idporten;
mod idporten_page;
mod keys;
mod maskinporten;
mod nation;
mod run;
mod testtools;
mod testtools_clients;
mod tls;
mod universe;

pub use attach::{Attached, attach};
pub use clients::{Client, ClientMaterial, material_dir};
pub use keys::SandboxKeys;
pub use nation::{NationOptions, generate};
pub use run::{Options, Running, run, settings, start};
pub use tls::Place;
pub use universe::{Loaded, load as load_universe};
