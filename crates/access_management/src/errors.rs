//! Error answers of access management: codes of a family of their own (`AM`), in the older of the two
//! forms that problems have.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use foundation::{
    db::{DbError, DbFault, TransactionError},
    http::{
        AnswerCode, ApiError, ModelState, context,
        describe::{FrameworkProblem, ModelStateProblem},
        help::{self, FINDINGS, FINDINGS_TITLE},
    },
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

macro_rules! validation_codes {
    ($($name:ident = ($code:literal, $detail:literal);)*) => {
        /// What is wrong with one part of a call. One number has two texts: the public service has two
        /// lists with the same prefix.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum InvalidCode {
            $(#[doc = concat!("`", $code, "`: ", $detail)] $name,)*
        }

        impl InvalidCode {
            const ALL: &[Self] = &[$(Self::$name),*];

            const fn row(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($code, $detail),)* }
            }

            /// The code, as answers have it.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                self.row().0
            }
        }
    };
}

validation_codes! {
    Required = ("STD.VLD-00000", "The field is required.");
    UnknownParty = ("AM.VLD-00006", "Entity do not exists.");
    KindNotAllowed = ("AM.VLD-00008", "This entity type is not allowed here.");
    InvalidQuery = ("AM.VLD-00009", "One or more query parameters are invalid.");
    RelationInUse = ("AM.VLD-00010", "Assignment is active in one or more connections.");
    PackageNotFound = ("AM.VLD-00011", "Package do not exists.");
    ResourceNotFound = ("AM.VLD-00012", "Resource does not exist.");
    NotAuthorized = ("AM.VLD-00026", "User not authorized for operation.");
    NotAssignableToReceiver = ("AM.VLD-00028", "One or more packages is not assignable to receipient.");
    InvalidRole = ("AM.VLD-00029", "Invalid Role.");
    InvalidPackage = ("AM.VLD-00030", "Invalid Package.");
    ResourceToRevokeNotFound = ("AM.VLD-00030", "Resource does not exist.");
    DelegationInUse = ("AM.VLD-00031", "The delegation has one or more active access packages associated with it. Set cascade to true to remove the delegation and its active access packages.");
    RoleNotHeld = ("AM.VLD-00032", "Assignment of role do not exist.");
    PackageNotDelegable = ("AM.VLD-00033", "Package is not delegable.");
    PersonNotFound = ("AM.VLD-00034", "Given external identifiers yielded empty result.");
    DelegatedByClient = ("AM.VLD-00035", "Resource is delegated through a client delegation.");
}

macro_rules! access_problems {
    ($($name:ident = ($code:literal, $status:literal, $detail:literal);)*) => {
        /// Why a call as a whole cannot be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AccessProblem {
            $(#[doc = concat!("`", $code, "`: ", $detail)] $name,)*
        }

        impl AccessProblem {
            const ALL: &[Self] = &[$(Self::$name),*];

            const fn row(self) -> (&'static str, u16, &'static str) {
                match self { $(Self::$name => ($code, $status, $detail),)* }
            }
        }
    };
}

access_problems! {
    MissingMetadata = ("AM-00008", 400, "Missing metadata");
    NoConnection = ("AM-00022", 400, "Operation can not be completed, because it requires an existing connection between the parties.");
    TooManyLookups = ("AM-00026", 429, "There has been too many failed lookups");
    InvalidResource = ("AM-00027", 400, "The resource is invalid");
    NotAuthorizedForDelegation = ("AM-00028", 400, "Not authorized for delegation");
    NoRightKey = ("AM-00033", 400, "No right key provided");
    UnknownRoleCode = ("AM-00039", 400, "The provided rolecode was not found");
    RoleNotRevocable = ("AM-00040", 400, "Given the rules for revocation this role could not be revoked");
    PackageNotForGiver = ("AM-00041", 400, "One or more of the provided packages are either invalid or not eligible for delegation by the type of from-party of the delegation.");
}

/// All codes of access management. A code with two texts is there twice.
#[must_use]
pub fn answer_codes() -> Vec<AnswerCode> {
    let problems = AccessProblem::ALL.iter().map(|problem| {
        let (code, status, title) = problem.row();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        AnswerCode {
            code: code.to_owned(),
            title,
            status,
            example: body(code, status, title, []),
        }
    });
    let findings = InvalidCode::ALL.iter().map(|finding| {
        let (code, title) = finding.row();
        let found = InvalidInput::bare(*finding, "QUERY/party").into_value();
        let status = StatusCode::BAD_REQUEST;
        let more = [("validationErrors", json!([found]))];
        AnswerCode {
            code: code.to_owned(),
            title,
            status,
            example: body(FINDINGS, status, FINDINGS_TITLE, more),
        }
    });
    problems.chain(findings).collect()
}

/// One finding, with the places in the call that it is about and a member of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidInput {
    code: InvalidCode,
    paths: Vec<String>,
    extension: Option<(String, String)>,
}

impl InvalidInput {
    /// A finding about one place, with a member that explains it.
    pub fn new(
        code: InvalidCode,
        path: impl Into<String>,
        name: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            code,
            paths: vec![path.into()],
            extension: Some((name.into(), text.into())),
        }
    }

    /// A finding about one place that needs no further explanation.
    pub fn bare(code: InvalidCode, path: impl Into<String>) -> Self {
        Self {
            code,
            paths: vec![path.into()],
            extension: None,
        }
    }

    /// The same finding about these places.
    #[must_use]
    pub fn at<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        self.paths = paths.into_iter().map(str::to_owned).collect();
        self
    }

    fn into_value(self) -> Value {
        let (code, detail) = self.code.row();
        let mut out = Map::new();
        out.insert("code".to_owned(), code.into());
        if context::problem_detail() {
            out.insert("title".to_owned(), detail.into());
        }
        out.insert("detail".to_owned(), detail.into());
        out.insert("paths".to_owned(), json!(self.paths));
        if let Some((name, text)) = self.extension {
            out.insert(name, text.into());
        }
        Value::Object(out)
    }
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum AccessRefusal {
    /// A problem with a code.
    Coded(AccessProblemBody),
    /// Findings.
    Findings(AccessFindings),
    /// A parameter or a body that cannot be read.
    ModelState(ModelStateProblem),
    /// A problem without a code.
    Framework(FrameworkProblem),
}

/// A problem with a code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessProblemBody {
    /// Section of RFC 9110 about the status.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Standard text of the status.
    pub title: String,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 499)]
    pub status: u16,
    /// Fixed text of the code.
    pub detail: String,
    /// The code.
    #[schema(pattern = "^AM-[0-9]{5}$", example = "AM-00022")]
    pub code: String,
    /// The resource that cannot be used, as the caller named it (AM-00027).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// W3C trace context of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// What is wrong with a call: every finding of the first step that has any.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessFindings {
    /// Section of RFC 9110 about the status.
    #[serde(rename = "type")]
    pub kind: String,
    /// Standard text of the status.
    pub title: String,
    /// 400
    #[schema(minimum = 400, maximum = 400)]
    pub status: u16,
    /// Fixed text.
    pub detail: String,
    /// `STD-00000`
    #[schema(pattern = "^STD-00000$", example = "STD-00000")]
    pub code: String,
    /// The findings.
    pub validation_errors: Vec<AccessFinding>,
    /// W3C trace context of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// A finding. It may have one more member, named after what it is about, with a text that explains it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessFinding {
    /// Such as `AM.VLD-00006`.
    #[schema(pattern = "^(AM|STD)\\.VLD-[0-9]{5}$", example = "AM.VLD-00006")]
    pub code: String,
    /// The text of the code again, where the installation is set to repeat it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Fixed text of the code.
    pub detail: String,
    /// Where: parts of the call.
    pub paths: Vec<String>,
    /// The explanation.
    #[serde(flatten)]
    pub explanation: BTreeMap<String, String>,
}

/// Why a call of access management fails.
#[derive(Debug)]
pub enum AccessError {
    /// As elsewhere.
    Api(ApiError),
    /// Findings of one step.
    Invalid(Vec<InvalidInput>),
    /// The call as a whole.
    Problem(AccessProblem),
    /// A resource that cannot be used, as the caller named it.
    InvalidResource(String),
    /// The caller named unknown persons too often; it may try again after so many seconds.
    TooManyLookups(u32),
}

/// A result of access management.
pub type AccessResult<T> = Result<T, AccessError>;

impl From<ApiError> for AccessError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<DbError> for AccessError {
    fn from(error: DbError) -> Self {
        Self::Api(error.into())
    }
}

impl From<sqlx::Error> for AccessError {
    fn from(error: sqlx::Error) -> Self {
        Self::Api(error.into())
    }
}

impl From<ModelState> for AccessError {
    fn from(state: ModelState) -> Self {
        Self::Api(state.into())
    }
}

impl From<InvalidInput> for AccessError {
    fn from(finding: InvalidInput) -> Self {
        Self::Invalid(vec![finding])
    }
}

impl From<AccessProblem> for AccessError {
    fn from(problem: AccessProblem) -> Self {
        Self::Problem(problem)
    }
}

impl TransactionError for AccessError {
    fn conflict(&self) -> Option<DbFault> {
        match self {
            Self::Api(error) => error.conflict(),
            Self::Invalid(_)
            | Self::Problem(_)
            | Self::InvalidResource(_)
            | Self::TooManyLookups(_) => None,
        }
    }
}

impl AccessError {
    /// The code of the first finding; none of an error that is about the call as a whole.
    #[must_use]
    pub fn first_finding(&self) -> Option<InvalidCode> {
        match self {
            Self::Invalid(findings) => findings.first().map(|finding| finding.code),
            Self::Api(_)
            | Self::Problem(_)
            | Self::InvalidResource(_)
            | Self::TooManyLookups(_) => None,
        }
    }

    /// The body of the answer as text; none of an error that is answered as elsewhere.
    #[must_use]
    pub fn body_text(&self) -> Option<String> {
        let problem = |problem: AccessProblem, more: Option<(&str, Value)>| {
            let (code, status, detail) = problem.row();
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let mut object = body(code, status, detail, []);
            object.extend(more.map(|(name, value)| (name.to_owned(), value)));
            Value::Object(object).to_string()
        };
        match self {
            Self::Api(_) => None,
            Self::Invalid(findings) => {
                let errors: Vec<Value> = findings
                    .iter()
                    .cloned()
                    .map(InvalidInput::into_value)
                    .collect();
                let more = [("validationErrors", errors.into())];
                let object = body(FINDINGS, StatusCode::BAD_REQUEST, FINDINGS_TITLE, more);
                Some(Value::Object(object).to_string())
            }
            Self::Problem(one) => Some(problem(*one, None)),
            Self::InvalidResource(name) => {
                let more = ("resource", name.as_str().into());
                Some(problem(AccessProblem::InvalidResource, Some(more)))
            }
            Self::TooManyLookups(_) => Some(problem(AccessProblem::TooManyLookups, None)),
        }
    }
}

/// An error when there are findings.
///
/// # Errors
/// The findings.
pub fn refuse(findings: Vec<InvalidInput>) -> AccessResult<()> {
    if findings.is_empty() {
        Ok(())
    } else {
        Err(AccessError::Invalid(findings))
    }
}

impl IntoResponse for AccessError {
    fn into_response(self) -> Response {
        match self {
            Self::Api(error) => error.into_response(),
            Self::Invalid(findings) => {
                note(FINDINGS, is_denial(&findings));
                let codes: Vec<&str> = findings.iter().map(|found| found.code.row().0).collect();
                let errors: Vec<Value> =
                    findings.into_iter().map(InvalidInput::into_value).collect();
                let more = [("validationErrors", errors.into())];
                let mut response = respond(FINDINGS, StatusCode::BAD_REQUEST, FINDINGS_TITLE, more);
                let codes = [FINDINGS].into_iter().chain(codes);
                help::name_pages(response.headers_mut(), codes);
                response
            }
            Self::Problem(problem) => problem_response(problem, []),
            Self::InvalidResource(name) => {
                problem_response(AccessProblem::InvalidResource, [("resource", name.into())])
            }
            Self::TooManyLookups(seconds) => {
                let mut response = problem_response(AccessProblem::TooManyLookups, []);
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
        }
    }
}

/// Whether the findings say that the caller may not.
fn is_denial(findings: &[InvalidInput]) -> bool {
    findings
        .iter()
        .any(|finding| finding.code == InvalidCode::NotAuthorized)
}

fn note(code: &str, is_denial: bool) {
    context::note_refusal(context::RefusalCause {
        code: code.to_owned(),
        is_denial,
        object_id: None,
    });
}

fn problem_response<const N: usize>(problem: AccessProblem, more: [(&str, Value); N]) -> Response {
    let (code, status, detail) = problem.row();
    note(
        code,
        matches!(problem, AccessProblem::NotAuthorizedForDelegation),
    );
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = respond(code, status, detail, more);
    help::name_pages(response.headers_mut(), [code]);
    response
}

fn respond<const N: usize>(
    code: &str,
    status: StatusCode,
    detail: &str,
    more: [(&str, Value); N],
) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/problem+json")],
        Value::Object(body(code, status, detail, more)).to_string(),
    )
        .into_response()
}

fn body<const N: usize>(
    code: &str,
    status: StatusCode,
    detail: &str,
    more: [(&str, Value); N],
) -> Map<String, Value> {
    let mut body = Map::new();
    if status == StatusCode::BAD_REQUEST {
        let section = "https://tools.ietf.org/html/rfc9110#section-15.5.1";
        body.insert("type".to_owned(), section.into());
    }
    let title = status.canonical_reason().unwrap_or("Error");
    body.insert("title".to_owned(), title.into());
    body.insert("status".to_owned(), status.as_u16().into());
    body.insert("detail".to_owned(), detail.into());
    body.insert("code".to_owned(), code.into());
    for (name, value) in more {
        body.insert(name.to_owned(), value);
    }
    if let Some(trace) = context::trace_id() {
        body.insert("traceId".to_owned(), trace.into());
    }
    body
}
