//! The API description: what the signatures of handlers say about their operations, and what holds
//! for all operations alike.
//!
//! `#[utoipa::path]` on a handler has what is particular to it: path, parameters, bodies and the
//! problems that it answers. [`crate::routes!`] adds what the types of its arguments say
//! ([`DescribeInput`]): who may call it, which headers it reads, and how it refuses. [`complete()`]
//! adds texts, error bodies and headers that are the same everywhere.

mod answers;
mod codes;
mod complete;
mod input;
mod parameters;
mod schemas;

pub use answers::{add_header, status_text};
pub use codes::codes_in;
pub use complete::complete;
pub use input::{
    Credential, DescribeInput, DescribeInputs, DescribedRoutes, HandlerSignature, answer,
    answer_header, answer_problem, answer_with, answers_in_languages, cookie, described, header,
    inputs, never, require, together,
};
pub use schemas::{
    AltinnProblem, CodedValidationError, FrameworkProblem, ModelStateProblem, ValidationProblem,
};
