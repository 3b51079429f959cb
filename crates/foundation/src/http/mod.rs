//! What every HTTP endpoint shares: error bodies, body binding, paths, paging, and the context of a
//! request.

mod answer_codes;
mod base_address;
pub mod bind;
pub mod body;
pub mod context;
pub mod describe;
mod error;
mod forwarded;
pub mod help;
mod json;
mod language;
pub mod list_stream;
mod model_state;
pub mod paging;
pub mod path;
mod problem;
pub mod query;
mod state;
mod text;
pub mod time;
mod validation;

pub use answer_codes::{AnswerCode, answer_codes, coded};
pub use base_address::BaseAddress;
pub use error::{ApiError, ApiResult, coded_problem, problem_body, unread_problem};
pub use json::Json;
pub use language::Language;
pub use model_state::ModelState;
pub use problem::{FamilyProblem, Problem, ProblemCode, RegisterProblem, RegistryProblem};
pub use text::{negotiated_text, no_store};
pub use validation::{ValidationCode, ValidationError};
