//! `AMUI-000NN`: problems as the portal's pages know them.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use foundation::http::{AnswerCode, ApiError, Problem, ProblemCode, coded, coded_problem, context};

/// The code of everything that has none.
const WITHOUT_CODE: &str = "AMUI-00999";
const WITHOUT_CODE_TITLE: &str = "An error occurred that has no code of its own.";

/// What a handler of this module answers with when something is wrong.
#[derive(Debug)]
pub struct PortalError {
    error: ApiError,
    reading: bool,
}

/// Its result.
pub type PortalResult<T> = Result<T, PortalError>;

impl<E: Into<ApiError>> From<E> for PortalError {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            reading: false,
        }
    }
}

impl PortalError {
    /// For reading a request by its id: the answer says that there is none.
    pub fn of_read(error: ApiError) -> Self {
        Self {
            error,
            reading: true,
        }
    }
}

impl IntoResponse for PortalError {
    fn into_response(self) -> Response {
        self.error.note();
        match self.error {
            ApiError::Problem(problem) => respond(*problem, self.reading),
            ApiError::Empty(status)
            | ApiError::Status(status)
            | ApiError::Text(status, _)
            | ApiError::JsonText(status, _) => without_code(status),
            // The caller's credential, its parameters, and what is away: as everywhere.
            other => other.into_response(),
        }
    }
}

fn respond(mut problem: Problem, reading: bool) -> Response {
    let (number, status) = known(problem.code, reading);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let title = if number == ProblemCode::DefaultError.number() {
        ProblemCode::DefaultError.title()
    } else {
        problem.code.title()
    };
    let reasons = problem.extensions.remove_entry("delegationReasons");
    coded_problem(&amui(number), title, status, reasons.into_iter().collect())
}

fn amui(number: u16) -> String {
    format!("AMUI-{number:05}")
}

/// Number and status of a problem that the pages know; else those for everything else.
fn known(code: ProblemCode, reading: bool) -> (u16, u16) {
    let number = code.number();
    match number {
        10 if reading => (number, 404),
        1..=4 | 28 | 45 | 50 | 51 | 53 | 57 => (number, 400),
        43 => (number, 401),
        11 => (number, 404),
        14 | 16 | 18..=20 | 44 | 66 | 68..=71 => (number, 403),
        55 | 62 => (number, 500),
        _ => (ProblemCode::DefaultError.number(), 400),
    }
}

/// All codes of this module.
pub(crate) fn answer_codes() -> Vec<AnswerCode> {
    let mut codes = BTreeMap::new();
    for problem in ProblemCode::ALL {
        for reading in [false, true] {
            let (number, status) = known(*problem, reading);
            if number == problem.number() {
                codes.insert(number, (problem.title(), status));
            }
        }
    }
    let numbered = codes.into_iter().map(|(number, (title, status))| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        coded(&amui(number), title, status)
    });
    let other = coded(WITHOUT_CODE, WITHOUT_CODE_TITLE, StatusCode::BAD_REQUEST);
    numbered.chain([other]).collect()
}

/// A problem of the framework, without a code.
pub(super) fn framework_problem(
    status: StatusCode,
    title: &str,
    detail: Option<String>,
) -> Response {
    let mut body = Map::new();
    body.insert("title".to_owned(), title.into());
    body.insert("status".to_owned(), status.as_u16().into());
    body.extend(detail.map(|detail| ("detail".to_owned(), detail.into())));
    if let Some(trace) = context::trace_id() {
        body.insert("traceId".to_owned(), trace.into());
    }
    let json = [(CONTENT_TYPE, "application/problem+json; charset=utf-8")];
    (status, json, Value::Object(body).to_string()).into_response()
}

fn without_code(status: StatusCode) -> Response {
    coded_problem(WITHOUT_CODE, WITHOUT_CODE_TITLE, status, Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pages_know_keeps_its_number() {
        let of = |code: ProblemCode| known(code, false);
        assert_eq!(of(ProblemCode::SystemUserExists), (4, 400));
        assert_eq!(of(ProblemCode::SystemNotFound), (11, 404));
        assert_eq!(of(ProblemCode::NotAccessManager), (66, 403));
        assert_eq!(of(ProblemCode::RequestNotFound), (5, 400));
        assert_eq!(of(ProblemCode::RequestNotNew), (5, 400));
        assert_eq!(known(ProblemCode::RequestNotFound, true), (10, 404));
    }
}
