//! Errors of the calls behind the portal's own, as each row passes them on: the same status, and a
//! problem of the framework.

use std::marker::PhantomData;

use access_management::errors::{AccessError, InvalidCode};
use axum::response::{IntoResponse, Response};
use foundation::{db::DbError, http::ApiError};
use http::{StatusCode, header::RETRY_AFTER};

use super::problem::framework_problem;

const UNEXPECTED: &str = "Unexpected HttpStatus response";

/// What an answer repeats of the error behind it, in the member `detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassedDetail {
    /// There is no such member.
    None,
    /// An empty text.
    Empty,
    /// The standard text of the status.
    Phrase,
    /// The body, as text.
    Body,
}

/// How a group of rows passes errors on.
pub trait PassingRule: Send + Sync + 'static {
    /// Title of the problem.
    const TITLE: &'static str = UNEXPECTED;
    /// What it repeats.
    const DETAIL: PassedDetail;
    /// Codes that make another problem: its title, with the code as detail.
    const KNOWN: &'static [(InvalidCode, &'static str)] = &[];
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $title:expr, $detail:ident;)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl PassingRule for $name {
            const TITLE: &'static str = $title;
            const DETAIL: PassedDetail = PassedDetail::$detail;
        })*
    };
}

rules! {
    /// The list of right-holders.
    Connected = UNEXPECTED, None;
    /// Other reads, and removals of packages and single rights.
    Plain = UNEXPECTED, Empty;
    /// Additions of agents and of what they are delegated; additions and removals of right-holders.
    Added = UNEXPECTED, Phrase;
    /// Removals in client administration.
    Removed = UNEXPECTED, Body;
    /// What may be given of a resource, and which rights it has.
    RightsChecked = "Unexpected HttpStatus response from backend", Empty;
    /// Single rights that are given.
    RightsGiven = "Error returned from backend", None;
}

/// Packages that are given to a right-holder.
#[derive(Debug, Clone, Copy)]
pub struct PackageGiven;

impl PassingRule for PackageGiven {
    const TITLE: &'static str = "Unexpected exception occurred during access package delegation";
    const DETAIL: PassedDetail = PassedDetail::None;
    const KNOWN: &'static [(InvalidCode, &'static str)] = &[(
        InvalidCode::NotAssignableToReceiver,
        "Validation error (the package cannot be given to a party of this kind)",
    )];
}

/// Why a call of the portal fails.
#[derive(Debug)]
pub enum PassedError<R> {
    /// The call itself cannot be read, or the database fails.
    Own(ApiError),
    /// The call behind it fails.
    Behind(AccessError, PhantomData<R>),
}

/// Its result.
pub type PassedResult<T, R> = Result<T, PassedError<R>>;

impl<R> From<ApiError> for PassedError<R> {
    fn from(error: ApiError) -> Self {
        Self::Own(error)
    }
}

impl<R> From<DbError> for PassedError<R> {
    fn from(error: DbError) -> Self {
        Self::Own(error.into())
    }
}

impl<R> From<sqlx::Error> for PassedError<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Own(error.into())
    }
}

impl<R> From<AccessError> for PassedError<R> {
    fn from(error: AccessError) -> Self {
        Self::Behind(error, PhantomData)
    }
}

impl<R: PassingRule> IntoResponse for PassedError<R> {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Own(error) => return error.into_response(),
            Self::Behind(error, _) => error,
        };
        let code = error.first_finding();
        let body = error.body_text();
        let response = error.into_response();
        let status = response.status();
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                let mut empty = status.into_response();
                if let Some(seconds) = response.headers().get(RETRY_AFTER) {
                    empty.headers_mut().insert(RETRY_AFTER, seconds.clone());
                }
                empty
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => passed::<R>(status, code, body),
            // A fault of ours, and one of the credential, are the same on every route.
            _ => response,
        }
    }
}

fn passed<R: PassingRule>(
    status: StatusCode,
    code: Option<InvalidCode>,
    body: Option<String>,
) -> Response {
    let known = R::KNOWN.iter().find(|(known, _)| Some(*known) == code);
    if let Some((code, title)) = known {
        return framework_problem(status, title, Some(code.wire().to_owned()));
    }
    let detail = match R::DETAIL {
        PassedDetail::None => None,
        PassedDetail::Empty => Some(String::new()),
        PassedDetail::Phrase => status.canonical_reason().map(str::to_owned),
        PassedDetail::Body => body,
    };
    framework_problem(status, R::TITLE, detail)
}
