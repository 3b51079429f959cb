//! Calls on their way to the sandbox's page about them.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    response::Response,
};
use edges::pages::recent_calls::{RecentCall, RecentCalls, reason};
use foundation::{clock::Clock, http::context::RequestContext};
use http::{Method, header::CONTENT_TYPE};

/// The body of a refusal is looked at up to here.
const MAX_REFUSAL_BYTES: u64 = 64 * 1024;

/// Adds the calls of the APIs to the last ones.
#[derive(Debug)]
pub struct CallRecorder {
    calls: Arc<RecentCalls>,
    clock: Clock,
}

impl CallRecorder {
    /// Records into this list, with times of this clock.
    pub const fn new(calls: Arc<RecentCalls>, clock: Clock) -> Self {
        Self { calls, clock }
    }

    /// Adds a call with its answer, and returns the answer.
    pub async fn record(
        &self,
        (method, route): (Method, Arc<str>),
        context: Option<&RequestContext>,
        response: Response,
    ) -> Response {
        let (response, reason) = with_reason(response).await;
        let caller = context.and_then(|context| context.caller.get());
        self.calls.add(RecentCall {
            at: self.clock.now(),
            method,
            route,
            status: response.status(),
            organization: caller.and_then(|principal| principal.organization()),
            reason,
        });
        response
    }
}

/// An answer, and what it says of its refusal.
async fn with_reason(response: Response) -> (Response, Option<String>) {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return (response, None);
    }
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"));
    let size = response.body().size_hint().exact();
    if !is_json || size.is_none_or(|size| size > MAX_REFUSAL_BYTES) {
        return (response, status.canonical_reason().map(str::to_owned));
    }
    let (head, body) = response.into_parts();
    // A body whose length is known is in memory.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return (Response::from_parts(head, Body::empty()), None);
    };
    let reason = reason(&bytes);
    (Response::from_parts(head, Body::from(bytes)), reason)
}
