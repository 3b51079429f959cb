//! How new the facts of a decision must be, and what else the caller wants of it.

use axum::extract::FromRequestParts;
use http::{HeaderName, request::Parts};
use utoipa::openapi::path::Operation;

use super::{Pdp, log::MAX_CONTEXT_BYTES};
use foundation::{
    db::feed::{FeedPosition, InvalidPosition},
    http::{
        ApiError, ModelState,
        describe::{self, DescribeInput},
    },
};

/// Header of a decision request: the facts must be at least as new as the write that answered with
/// this position.
pub const AT_LEAST: HeaderName = HeaderName::from_static("systembruker-at-least");

/// How a decision is to be made.
#[derive(Debug, Clone, Copy)]
pub struct DecisionMode {
    /// Memory may answer, if it follows the change feed.
    pub from_memory: bool,
    /// An explanation of the decision is wanted.
    pub explain: bool,
    /// The packages that a permit rests on are wanted.
    pub names_packages: bool,
    /// It will be logged.
    pub is_logged: bool,
    /// Bytes of the log that the attributes of a decision may take.
    pub context_bytes: usize,
}

impl Default for DecisionMode {
    fn default() -> Self {
        Self {
            from_memory: true,
            explain: false,
            names_packages: false,
            is_logged: false,
            context_bytes: MAX_CONTEXT_BYTES,
        }
    }
}

/// The position that the caller asks for, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct MinimumPosition(Option<FeedPosition>);

impl MinimumPosition {
    /// From the headers.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(headers: &http::HeaderMap) -> Result<Self, &'static str> {
        let mut values = headers.get_all(AT_LEAST).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => {
                let text = value.to_str().unwrap_or_default();
                let position = text.trim().parse().map(|position| Self(Some(position)));
                position.map_err(|InvalidPosition| {
                    "Systembruker-At-Least must be a position, as in Systembruker-Position"
                })
            }
            (Some(_), Some(_)) => Err("Systembruker-At-Least is given twice"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for MinimumPosition {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::read(&parts.headers)
            .map_err(|message| ModelState::of("Systembruker-At-Least", message).into())
    }
}

impl Pdp {
    /// The view on facts at least this new: memory when it has followed so far, within a second;
    /// else the database. With it, when the position belongs to another history than the present
    /// one, how far the present one has come.
    pub async fn view(&self, at_least: MinimumPosition) -> (DecisionMode, Option<FeedPosition>) {
        let Some(position) = at_least.0 else {
            return (DecisionMode::default(), None);
        };
        let from_memory = Box::pin(self.feed.reach(position)).await;
        let present = self.feed.position();
        let view = DecisionMode {
            from_memory,
            ..DecisionMode::default()
        };
        (view, (present.epoch != position.epoch).then_some(present))
    }
}

impl DescribeInput for MinimumPosition {
    fn describe(operation: &mut Operation) {
        describe::header(
            operation,
            "Systembruker-At-Least",
            "A position from `Systembruker-Position`: the facts of the decision are at least as new as the write that answered with it.",
        );
        describe::answer_header(
            operation,
            200,
            "Systembruker-Decision-Id",
            "Id of the answer in the decision log, for `/systembruker/api/v1/decisions/{id}`.",
        );
    }
}
