//! Spans of requests and queries.

use std::time::Duration;

/// How a span of a request is named across services (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanIds {
    /// The trace.
    pub trace: u128,
    /// The span of this hop.
    pub span: u64,
    /// The span of the caller, when it sent one.
    pub parent: Option<u64>,
    /// Whether the caller wants the trace recorded; true when it said nothing.
    pub is_sampled: bool,
}

/// Exports the span of a request that was answered just now. Without an endpoint it does nothing.
pub fn request(ids: SpanIds, method: &'static str, route: &str, status: u16, took: Duration) {
    let _ = (ids, method, route, status, took);
}
