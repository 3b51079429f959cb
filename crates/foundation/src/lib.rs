//! What every layer of the service uses: settings, the database and its change feed, tokens,
//! HTTP, the audit trail, the outbox. Nothing here knows a party, a system or a request.
//!
//! Lowest first: [`clock`], [`crypto`], [`ids`], [`loopback`], [`strict_json`]; [`config`]; [`telemetry`], [`db`],
//! [`token`]; [`key_files`]; [`http`]; [`audit`], [`events`], [`idempotency`], [`sessions`], [`retention`],
//! [`key_rotation`]; [`recovery`].

pub mod audit;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod deadline;
pub mod events;
pub mod http;
pub mod idempotency;
pub mod ids;
pub mod key_files;
pub mod key_rotation;
pub mod limits;
pub mod loopback;
pub mod recovery;
pub mod retention;
pub mod sessions;
pub mod strict_json;
pub mod telemetry;
pub mod token;
