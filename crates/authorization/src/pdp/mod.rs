//! The policy decision point: turns the words of the public system into facts and asks the policy
//! engine.
//!
//! Service owners ask over HTTP; the rest of the service asks [`Pdp::permits`] in process, on the
//! system resources that guard the service itself. Nothing else evaluates policies.
//!
//! A request becomes a [`PartialRequest`] for each decision wanted; that is read as a question
//! (who, what, for whom), decided on facts in memory, or read in one round trip where memory does
//! not know.

mod answer_id;
pub(crate) mod api;
mod attributes;
pub(crate) mod authzen;
mod budget;
mod call;
mod decide;
mod decided;
mod decision_point;
pub(crate) mod decisions_api;
pub(crate) mod endpoints;
mod explain;
mod freshness;
mod level;
pub mod log;
mod memory;
mod metrics;
mod partial;
mod parts;
mod permits;
mod policy_findings;
mod question;
mod reason;
mod request;
mod response;
mod single_rights;
pub(crate) mod token_api;
mod xml;

pub use decided::DecisionDetails;
pub use decision_point::Pdp;
pub use endpoints::{DecisionEndpoints, DecisionEndpointsParts};
pub use freshness::{DecisionMode, MinimumPosition};
pub use level::{LevelSubject, RequiredLevel};
pub use partial::PartialRequest;
pub use permits::{PermitAnswer, PermitSubject};
pub use reason::{DecisionReason, TokenReason};
pub use request::RequestFault;
