//! Every code that answers can have, for the pages about them.

use http::StatusCode;
use serde_json::{Map, Value};

use super::{
    FamilyProblem, ProblemCode, RegisterProblem, RegistryProblem, ValidationCode,
    error::{coded_body, findings_body},
    help::{FINDINGS, FINDINGS_TITLE},
};

/// A code that answers can have.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerCode {
    /// As on the wire, such as `AUTH-00011` or `AUTH.VLD-00003`.
    pub code: String,
    /// Fixed text.
    pub title: &'static str,
    /// Status of the answer: 400 for a finding.
    pub status: StatusCode,
    /// An answer with it, without the members that depend on the call.
    pub example: Map<String, Value>,
}

/// All codes of the problems and findings that are the same in several modules. A code with two texts
/// is there twice.
#[must_use]
pub fn answer_codes() -> Vec<AnswerCode> {
    let problems = ProblemCode::ALL
        .iter()
        .map(|code| coded(&code.code(), code.title(), status_of(*code)));
    let families = RegisterProblem::ALL
        .iter()
        .map(|code| code.problem())
        .chain(RegistryProblem::ALL.iter().map(|code| code.problem()))
        .map(
            |FamilyProblem {
                 code,
                 title,
                 status,
                 ..
             }| coded(code, title, status),
        );
    let findings = AnswerCode {
        code: FINDINGS.to_owned(),
        title: FINDINGS_TITLE,
        status: StatusCode::BAD_REQUEST,
        example: findings_body(vec![ValidationCode::SystemIdFormat.error()]),
    };
    problems
        .chain(families)
        .chain([findings])
        .chain(ValidationCode::ALL.iter().map(|code| finding(*code)))
        .collect()
}

/// A problem with a code.
#[must_use]
pub fn coded(code: &str, title: &'static str, status: StatusCode) -> AnswerCode {
    AnswerCode {
        code: code.to_owned(),
        title,
        status,
        example: coded_body(code, title, status, Map::new()),
    }
}

fn status_of(code: ProblemCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

fn finding(code: ValidationCode) -> AnswerCode {
    AnswerCode {
        code: code.code().to_owned(),
        title: code.title(),
        status: StatusCode::BAD_REQUEST,
        example: findings_body(vec![code.error()]),
    }
}
