//! A policy evaluator: policies in, request in, decision out. It does no I/O and knows nobody's words but XACML's.
//!
//! It covers the part of XACML 3.0 that resource policies use: targets over attribute designators, the combining
//! algorithms, and policy-level obligations. Whatever else a policy holds makes the rule that holds it
//! Indeterminate, never a Permit.

mod evaluate;
mod model;
mod parse;

pub use evaluate::{Attributes, Bag, Outcome, Status};
pub use model::{AllOf, AnyOf, Category, Combining, Decision, Effect, Match, Obligation, ObligationAssignment, Policy, Rule};
pub use parse::PolicyError;

/// Identifiers of the XACML standard.
pub mod ids {
    /// Category of who asks.
    pub const SUBJECT: &str = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject";
    /// Category of what is asked about.
    pub const RESOURCE: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource";
    /// Category of what would be done.
    pub const ACTION: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:action";
    /// Category of circumstances.
    pub const ENVIRONMENT: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:environment";
    /// Attribute that names the action.
    pub const ACTION_ID: &str = "urn:oasis:names:tc:xacml:1.0:action:action-id";
    /// Data type of text.
    pub const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
    /// Data type of whole numbers.
    pub const INTEGER: &str = "http://www.w3.org/2001/XMLSchema#integer";
    /// Data type of URIs.
    pub const ANY_URI: &str = "http://www.w3.org/2001/XMLSchema#anyURI";
}
