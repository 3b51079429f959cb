#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod context;
mod decider;
mod error;
mod functions;
pub mod ids;
mod limits;
pub mod policy;
pub mod program;
pub mod values;
mod xml;

pub use context::{
    Assignment, Attribute, AttributeValue, Category, Decision, DecisionResult, JsonError,
    MissingAttribute, Obligation, PolicyIdentifier, Request, Response, Status, Values,
};
pub use decider::{Decider, ResourceTree};
pub use error::{
    Code, Fault, LoadError, LoadErrorKind, LoadErrors, LoadWarning, LoadWarningKind, Position,
};
pub use limits::{Dialect, Limits, LoadOptions};
pub use policy::{Effect, Policy, PolicyTree};
pub use program::{
    AttributeSource, Binding, Environment, Evaluation, EvaluationMemory, PolicyResolver,
    PreparedRequest, Program, Scratch, StepReason, TargetMatch, Trace, TraceStep, Vocabulary,
};
pub use values::{DataType, Value};
