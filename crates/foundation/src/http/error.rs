//! Errors of the wire, turned into HTTP in one place.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Map, Value, json};

use super::{
    FamilyProblem, ModelState, Problem, ProblemCode, RegisterProblem, RegistryProblem,
    ValidationCode, ValidationError,
    context::{self, TraceParent},
    help::{self, FINDINGS, FINDINGS_TITLE},
    text::{json_text, negotiated_text},
};
use crate::{
    db::{DbError, DbFault, DbUnavailable, TransactionError},
    limits::LimitRefusal,
    telemetry::{self, faults::FaultLevel},
    token::TokenRefusal,
};

/// What a handler answers with when something is wrong.
pub type ApiResult<T> = Result<T, ApiError>;

/// Everything an endpoint can answer with instead of its result.
#[derive(Debug)]
pub enum ApiError {
    /// `AUTH-000NN` problem.
    Problem(Box<Problem>),
    /// `STD-00000` with its findings.
    Validation(Vec<ValidationError>),
    /// 400: the body or a parameter cannot be bound.
    ModelState(Box<ModelState>),
    /// 404 with exactly `title`, `status` and `detail`.
    NotFound(&'static str, String),
    /// A bare status with the framework's problem body.
    Status(StatusCode),
    /// A status with the framework's body, and what is wrong in `detail`.
    Detail(StatusCode, String),
    /// A problem with a code of another family than `AUTH`.
    Family(Box<FamilyProblem>),
    /// Findings by key, under another status than 400.
    Findings(StatusCode, Box<ModelState>),
    /// A sentence, as a JSON string.
    JsonText(StatusCode, String),
    /// A sentence: plain text, or a JSON string for a client that takes only JSON.
    Text(StatusCode, String),
    /// A status with `type`, `title`, `status` and `traceId`.
    Plain(StatusCode),
    /// A status and nothing else.
    Empty(StatusCode),
    /// 401 without body; the reason goes into `WWW-Authenticate`, none when there was no
    /// credential.
    Unauthorized(Option<TokenRefusal>),
    /// 401 with the framework's body: a good token that names no organisation.
    NoOrganization,
    /// 401 with the framework's body: a token that is missing, bad, or of a kind that is not
    /// exchanged.
    NotExchanged,
    /// 403 without body; the scopes that would have done.
    InsufficientScope(&'static [&'static str]),
    /// 400: two credentials, or an empty one.
    InvalidCredentials,
    /// 410 with a title of its own: something that is no more.
    Gone(&'static str),
    /// 429 or 503: the caller asks too often, or too much is being answered.
    Limited(LimitRefusal),
    /// 503: something we need is away; the client may try again after so many seconds.
    Unavailable(u32),
    /// 503: the database is away, overloaded, full or in conflict. Logged with its cause.
    Database(DbUnavailable),
    /// 500: logged, never explained to the client.
    Internal(anyhow::Error),
}

impl ApiError {
    /// An unexpected failure.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }
}

impl From<ProblemCode> for ApiError {
    fn from(code: ProblemCode) -> Self {
        Self::Problem(Box::new(code.into()))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<FamilyProblem> for ApiError {
    fn from(problem: FamilyProblem) -> Self {
        Self::Family(Box::new(problem))
    }
}

impl From<RegisterProblem> for ApiError {
    fn from(problem: RegisterProblem) -> Self {
        problem.problem().into()
    }
}

impl From<RegistryProblem> for ApiError {
    fn from(problem: RegistryProblem) -> Self {
        problem.problem().into()
    }
}

impl From<ModelState> for ApiError {
    fn from(state: ModelState) -> Self {
        Self::ModelState(Box::new(state))
    }
}

impl From<LimitRefusal> for ApiError {
    fn from(refused: LimitRefusal) -> Self {
        Self::Limited(refused)
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(error) => Self::Database(context::explained(error)),
            DbError::Busy => Self::Unavailable(1),
            // The handlers refuse NUL with a better message; this is for input that they did not
            // reject.
            DbError::Unstorable => Self::Status(StatusCode::BAD_REQUEST),
            DbError::Unreadable { .. } => Self::Internal(error.into()),
            DbError::Other(error) => Self::Internal(error.into()),
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        DbError::from(error).into()
    }
}

impl TransactionError for ApiError {
    fn conflict(&self) -> Option<DbFault> {
        match self {
            Self::Database(error) => Some(error.fault).filter(|fault| fault.is_conflict()),
            Self::Problem(_)
            | Self::Validation(_)
            | Self::ModelState(_)
            | Self::NotFound(..)
            | Self::Status(_)
            | Self::Plain(_)
            | Self::Family(_)
            | Self::Detail(..)
            | Self::Findings(..)
            | Self::JsonText(..)
            | Self::Text(..)
            | Self::Empty(_)
            | Self::Unauthorized(_)
            | Self::NoOrganization
            | Self::NotExchanged
            | Self::InsufficientScope(_)
            | Self::InvalidCredentials
            | Self::Gone(_)
            | Self::Limited(_)
            | Self::Unavailable(_)
            | Self::Internal(_) => None,
        }
    }
}

const REALM: &str = "Bearer realm=\"systembruker\"";

impl ApiError {
    /// Records for the audit trail what is refused, where the status alone does not say it. Turning
    /// the error into an answer does so.
    pub fn note(&self) {
        let (code, is_denial) = match self {
            Self::Problem(problem) => (problem.code.code(), problem.code.is_denial()),
            Self::Validation(_) => (FINDINGS.to_owned(), false),
            Self::Family(problem) => (problem.code.to_owned(), problem.is_denial()),
            Self::ModelState(_)
            | Self::Findings(..)
            | Self::NotFound(..)
            | Self::Status(_)
            | Self::Detail(..)
            | Self::JsonText(..)
            | Self::Text(..)
            | Self::Plain(_)
            | Self::Empty(_)
            | Self::Unauthorized(_)
            | Self::NoOrganization
            | Self::NotExchanged
            | Self::InsufficientScope(_)
            | Self::InvalidCredentials
            | Self::Gone(_)
            | Self::Limited(_)
            | Self::Unavailable(_)
            | Self::Database(_)
            | Self::Internal(_) => return,
        };
        context::note_refusal(context::RefusalCause {
            code,
            is_denial,
            object_id: None,
        });
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.note();
        match self {
            Self::Problem(problem) => auth_problem(*problem),
            Self::Family(problem) => {
                let FamilyProblem {
                    code,
                    title,
                    status,
                    extensions,
                } = *problem;
                coded_problem(code, title, status, extensions)
            }
            Self::Validation(errors) => validation_problem(errors),
            Self::ModelState(state) => framework_problem(
                StatusCode::BAD_REQUEST,
                FINDINGS_TITLE,
                Some(("errors", Value::Object(state.into_errors()))),
            ),
            Self::Findings(status, state) => framework_problem(
                status,
                FINDINGS_TITLE,
                Some(("errors", Value::Object(state.into_errors()))),
            ),
            Self::NotFound(title, detail) => {
                let status = StatusCode::NOT_FOUND;
                let body = [
                    ("title", title.into()),
                    ("status", status.as_u16().into()),
                    ("detail", detail.into()),
                ];
                respond(
                    status,
                    "application/problem+json",
                    body.into_iter()
                        .map(|(name, value): (&str, Value)| (name.to_owned(), value))
                        .collect(),
                )
            }
            Self::JsonText(status, text) => (status, json_text(&text)).into_response(),
            Self::Status(status) => framework_problem(status, framework_title(status), None),
            Self::Detail(status, text) => framework_problem(
                status,
                framework_title(status),
                Some(("detail", text.into())),
            ),
            Self::Text(status, text) => {
                let mut response = negotiated_text(&text);
                *response.status_mut() = status;
                response
            }
            Self::Plain(status) => plain_problem(status),
            Self::Empty(status) => without_body(status),
            Self::Unauthorized(reason) => challenge(
                StatusCode::UNAUTHORIZED,
                reason
                    .map(|r| {
                        format!(
                            ", error=\"invalid_token\", error_description=\"{}\"",
                            r.wire()
                        )
                    })
                    .as_deref()
                    .unwrap_or_default(),
            ),
            Self::NoOrganization => {
                let mut response =
                    framework_problem(StatusCode::UNAUTHORIZED, "Unauthorized", None);
                let value = format!(
                    "{REALM}, error=\"invalid_token\", error_description=\"no organisation in token\""
                );
                insert_challenge(&mut response, &value);
                response
            }
            Self::NotExchanged => {
                let mut response =
                    framework_problem(StatusCode::UNAUTHORIZED, "Unauthorized", None);
                insert_challenge(&mut response, REALM);
                response
            }
            Self::InsufficientScope(scopes) => challenge(
                StatusCode::FORBIDDEN,
                &format!(
                    ", error=\"insufficient_scope\", scope=\"{}\"",
                    scopes.join(" ")
                ),
            ),
            Self::InvalidCredentials => {
                challenge(StatusCode::BAD_REQUEST, ", error=\"invalid_request\"")
            }
            Self::Gone(title) => framework_problem(StatusCode::GONE, title, None),
            Self::Limited(LimitRefusal::TooOften { retry_after, .. }) => {
                try_later(StatusCode::TOO_MANY_REQUESTS, retry_after)
            }
            Self::Limited(LimitRefusal::Busy(_)) => try_later(StatusCode::SERVICE_UNAVAILABLE, 1),
            Self::Unavailable(seconds) => try_later(StatusCode::SERVICE_UNAVAILABLE, seconds),
            Self::Database(error) => {
                telemetry::faults::log(
                    error.fault.wire(),
                    fault_level(error.fault),
                    &error.message,
                );
                let mut response = match outcome(error.fault) {
                    None => plain_problem(StatusCode::SERVICE_UNAVAILABLE),
                    Some(detail) => framework_problem(
                        StatusCode::SERVICE_UNAVAILABLE,
                        framework_title(StatusCode::SERVICE_UNAVAILABLE),
                        Some(("detail", detail.into())),
                    ),
                };
                let seconds = HeaderValue::from(error.fault.retry_after());
                response.headers_mut().insert(RETRY_AFTER, seconds);
                response
            }
            Self::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "internal error");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                framework_problem(status, framework_title(status), None)
            }
        }
    }
}

const fn fault_level(fault: DbFault) -> FaultLevel {
    if fault.needs_operator() {
        FaultLevel::Error
    } else {
        FaultLevel::Warning
    }
}

/// What a caller has to know of a change that was not answered.
const fn outcome(fault: DbFault) -> Option<&'static str> {
    match fault {
        DbFault::CommitTimeout => Some(
            "It is not known whether the change was made: it may take effect later. Repeat the call, with the same Idempotency-Key \
             where it had one.",
        ),
        DbFault::StandbyAway => Some("The change was not made."),
        DbFault::PoolExhausted
        | DbFault::LockTimeout
        | DbFault::StatementTimeout
        | DbFault::Serialization
        | DbFault::Deadlock
        | DbFault::TooManyConnections
        | DbFault::OutOfMemory
        | DbFault::LimitExceeded
        | DbFault::IdleTimeout
        | DbFault::DiskFull
        | DbFault::InputOutput
        | DbFault::ReadOnly
        | DbFault::ShuttingDown
        | DbFault::Unreachable
        | DbFault::Refused
        | DbFault::PermissionDenied => None,
    }
}

/// `traceresponse` of the Trace Context: the id under which the log has the request.
const TRACE: HeaderName = HeaderName::from_static("traceresponse");

/// An error without a body names the trace in a header.
fn without_body(status: StatusCode) -> Response {
    let mut response = status.into_response();
    let is_error = status.is_client_error() || status.is_server_error();
    let trace = context::trace_id().filter(|_| is_error);
    if let Some(Ok(trace)) = trace.map(HeaderValue::try_from) {
        response.headers_mut().insert(TRACE, trace);
    }
    response
}

fn challenge(status: StatusCode, rest: &str) -> Response {
    let mut response = without_body(status);
    insert_challenge(&mut response, &format!("{REALM}{rest}"));
    response
}

fn insert_challenge(response: &mut Response, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}

/// Answers a problem with a status and JSON members in order.
fn respond(status: StatusCode, content_type: &'static str, body: Map<String, Value>) -> Response {
    (
        status,
        [(CONTENT_TYPE, HeaderValue::from_static(content_type))],
        Value::Object(body).to_string(),
    )
        .into_response()
}

/// Answers a problem with a code; `Link` names the page about it.
fn respond_coded(code: &str, status: StatusCode, body: Map<String, Value>) -> Response {
    let mut response = respond(status, "application/problem+json", body);
    help::name_pages(response.headers_mut(), [code]);
    response
}

fn auth_problem(problem: Problem) -> Response {
    let code = problem.code.code();
    let (status, body) = problem_body(problem);
    respond_coded(&code, status, body)
}

/// A problem with a code of another family than ours.
pub fn coded_problem(
    code: &str,
    title: &str,
    status: StatusCode,
    extensions: Map<String, Value>,
) -> Response {
    let body = coded_body(code, title, status, extensions);
    respond_coded(code, status, body)
}

/// Members of a problem with a code.
pub(super) fn coded_body(
    code: &str,
    title: &str,
    status: StatusCode,
    extensions: Map<String, Value>,
) -> Map<String, Value> {
    let mut body = altinn_members(code, title, status);
    body.extend(extensions);
    body
}

/// Status and members of a problem, for an answer that contains problems without being one.
#[must_use]
pub fn problem_body(problem: Problem) -> (StatusCode, Map<String, Value>) {
    let code = problem.code;
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let body = coded_body(&code.code(), code.title(), status, problem.extensions);
    (status, body)
}

fn validation_problem(errors: Vec<ValidationError>) -> Response {
    let codes: Vec<&str> = errors.iter().map(|error| error.code.code()).collect();
    let body = findings_body(errors);
    let mut response = respond(StatusCode::BAD_REQUEST, "application/problem+json", body);
    let codes = [FINDINGS].into_iter().chain(codes);
    help::name_pages(response.headers_mut(), codes);
    response
}

/// Members of the problem that contains findings.
pub(super) fn findings_body(errors: Vec<ValidationError>) -> Map<String, Value> {
    let mut body = altinn_members(FINDINGS, FINDINGS_TITLE, StatusCode::BAD_REQUEST);
    let errors: Vec<Value> = errors.into_iter().map(validation_member).collect();
    body.insert("validationErrors".into(), errors.into());
    body
}

fn validation_member(error: ValidationError) -> Value {
    let ValidationError {
        code,
        paths,
        detail,
        extensions,
    } = error;
    let code: ValidationCode = code;
    let mut member = Map::new();
    member.insert("code".into(), code.code().into());
    member.insert("title".into(), code.title().into());
    match detail {
        Some(detail) => {
            member.insert("detail".into(), detail.into());
        }
        None if context::problem_detail() => {
            member.insert("detail".into(), code.title().into());
        }
        None => {}
    }
    member.insert("paths".into(), json!(paths));
    member.extend(extensions);
    Value::Object(member)
}

fn altinn_members(code: &str, title: &str, status: StatusCode) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("type".into(), format!("urn:altinn:error:{code}").into());
    body.insert("title".into(), title.into());
    body.insert("status".into(), status.as_u16().into());
    if context::problem_detail() {
        body.insert("detail".into(), title.into());
    }
    body.insert("code".into(), code.into());
    if let Some(trace) = context::trace_id() {
        body.insert("traceId".into(), trace.into());
    }
    body.insert(
        "statusDescription".into(),
        status_description(status).into(),
    );
    body
}

fn status_description(status: StatusCode) -> &'static str {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        "An error occurred while processing your request."
    } else {
        status.canonical_reason().unwrap_or("Error")
    }
}

fn framework_title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        413 => "Content Too Large",
        _ => status_description(status),
    }
}

/// Where a status is described.
fn type_of(status: StatusCode) -> String {
    let (document, section) = match status.as_u16() {
        401 => ("rfc9110", "15.5.2"),
        403 => ("rfc9110", "15.5.4"),
        404 => ("rfc9110", "15.5.5"),
        409 => ("rfc9110", "15.5.10"),
        410 => ("rfc9110", "15.5.11"),
        412 => ("rfc9110", "15.5.13"),
        408 => ("rfc9110", "15.5.9"),
        413 => ("rfc9110", "15.5.14"),
        414 => ("rfc9110", "15.5.15"),
        415 => ("rfc9110", "15.5.16"),
        421 => ("rfc9110", "15.5.20"),
        429 => ("rfc6585", "4"),
        431 => ("rfc6585", "5"),
        500 => ("rfc9110", "15.6.1"),
        501 => ("rfc9110", "15.6.2"),
        503 => ("rfc9110", "15.6.4"),
        _ => ("rfc9110", "15.5.1"),
    };
    format!("https://tools.ietf.org/html/{document}#section-{section}")
}

/// The framework's body: an RFC link as `type`, no `code`.
fn framework_problem(status: StatusCode, title: &str, extra: Option<(&str, Value)>) -> Response {
    let mut body = Map::new();
    body.insert("type".into(), type_of(status).into());
    body.insert("title".into(), title.into());
    body.insert("status".into(), status.as_u16().into());
    if let Some((member, value)) = extra {
        body.insert(member.into(), value);
    }
    if let Some(trace) = context::trace_id() {
        body.insert("traceId".into(), trace.into());
    }
    respond(status, "application/problem+json; charset=utf-8", body)
}

/// A problem that passes: the client may try again after so many seconds.
fn try_later(status: StatusCode, seconds: u32) -> Response {
    let mut response = plain_problem(status);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The body of the answer to what is no request, and so has no context; and the trace that it names.
#[must_use]
pub fn unread_problem(status: StatusCode) -> (TraceParent, String) {
    let trace = TraceParent::new();
    let body = [
        ("type", Value::from(type_of(status))),
        ("title", framework_title(status).into()),
        ("status", status.as_u16().into()),
        ("traceId", trace.to_string().into()),
    ];
    let body: Map<String, Value> = body
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    (trace, Value::Object(body).to_string())
}

/// A problem with `type`, `title`, `status` and `traceId` alone.
fn plain_problem(status: StatusCode) -> Response {
    let mut body = Map::new();
    body.insert("type".into(), type_of(status).into());
    body.insert("title".into(), status_description(status).into());
    body.insert("status".into(), status.as_u16().into());
    if let Some(trace) = context::trace_id() {
        body.insert("traceId".into(), trace.into());
    }
    respond(status, "application/problem+json", body)
}
