//! A policy engine: XACML 3.0, its JSON profile, multiple decisions and XPath. It does no I/O,
//! reads no clock, and knows nobody's words but XACML's.
//!
//! A document becomes a [`policy::PolicyTree`], that a [`Program`], and a [`Request`] before it a
//! [`Response`]:
//!
//! | where | what |
//! |---|---|
//! | [`values`] | data types: reading, printing, comparing |
//! | [`functions`] | the functions of the standard, their types and what they do |
//! | [`policy`] | the tree of a document, with positions |
//! | [`program`] | the compiled form, and the decision |
//! | [`context`] | requests, responses, and requests for several decisions |
//!
//! Left out on purpose: `access-permitted` and the XPath functions of 1.0 on strings (load errors;
//! no engine has them), delegation (issuer and depth are read and kept), and parameters of
//! combining algorithms (read and kept; no algorithm of the standard looks at them). Every case of
//! the conformance suite at hand passes.

pub mod context;
mod error;
pub mod functions;
pub mod ids;
mod limits;
pub mod policy;
pub mod program;
pub mod values;
mod xml;

pub use context::{
    Assignment, Attribute, AttributeValue, Category, Decider, Decision, DecisionResult,
    MissingAttribute, Obligation, Request, ResourceTree, Response, Status,
};
pub use error::{Code, Fault, LoadError, LoadErrorKind, Position};
pub use limits::{Dialect, Limits, LoadOptions};
pub use policy::{Effect, Policy, PolicyTree};
pub use program::{
    AttributeSource, Because, Binding, Environment, LoadErrors, PolicyResolver, Prepared, Program,
    Scratch, Trace, TraceStep, Vocabulary, Work,
};
pub use values::{DataType, Value};
