//! What is measured and logged of every request: a counter and a clock by route template, and one line
//! of the log (target `access`).

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use http::{HeaderValue, Method, StatusCode, header::USER_AGENT};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use metrics::{Counter, Histogram};

use foundation::{
    http::{context::RequestContext, path::RouteId},
    telemetry::{
        metrics::{HTTP_DURATION, HTTP_REQUESTS, MAX_LABEL_SETS},
        one_line, traces,
    },
    token::TokenShape,
};

/// Route of a path that no route has.
const UNMATCHED: &str = "unmatched";
/// Route of requests after the last set of labels was given away.
const OTHER: &str = "other";
/// Sets of labels that name a route; the others are for [`OTHER`].
const MAX_ROUTE_SETS: usize = MAX_LABEL_SETS - 600;
/// Status of a request whose client did not wait for the answer, as nginx writes it.
const CLIENT_GONE: u16 = 499;

/// See [`CLIENT_GONE`].
pub fn client_gone() -> StatusCode {
    StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Measures and logs requests. One for each instance.
#[derive(Debug)]
pub struct RequestLog {
    routes: Box<[RouteMetrics]>,
    unmatched: RouteMetrics,
    other: RouteMetrics,
    /// Sets of labels given away.
    label_sets: AtomicUsize,
    /// `log.access`
    writes_lines: bool,
}

#[derive(Debug)]
struct RouteMetrics {
    template: Arc<str>,
    /// What was answered so far; a few combinations, searched in order.
    seen: ArcSwap<Vec<(MethodStatus, MetricHandles)>>,
}

/// A method and a status.
type MethodStatus = (&'static str, u16);

#[derive(Debug, Clone)]
struct MetricHandles {
    requests: Counter,
    duration: Histogram,
}

impl MetricHandles {
    fn count(&self, took: Duration) {
        self.requests.increment(1);
        self.duration.record(took.as_secs_f64());
    }
}

impl RouteMetrics {
    fn new(template: Arc<str>) -> Self {
        Self {
            template,
            seen: ArcSwap::default(),
        }
    }

    /// A path that has no route.
    fn without_path(name: &str) -> Self {
        Self {
            template: name.into(),
            seen: ArcSwap::default(),
        }
    }

    /// Counts a request; false when its outcome is new.
    fn count(&self, outcome: MethodStatus, took: Duration) -> bool {
        let seen = self.seen.load();
        let found = seen.iter().find(|(known, _)| *known == outcome);
        if let Some((_, handles)) = found {
            handles.count(took);
        }
        found.is_some()
    }

    fn add(&self, outcome: MethodStatus) -> MetricHandles {
        let (method, status) = outcome;
        let labels = [
            ("route", self.template.to_string()),
            ("method", method.to_owned()),
            ("status", status.to_string()),
        ];
        let handles = MetricHandles {
            requests: metrics::counter!(HTTP_REQUESTS.name, &labels),
            duration: metrics::histogram!(HTTP_DURATION.name, &labels),
        };
        self.seen.rcu(|seen| {
            let mut seen = Vec::clone(seen);
            seen.push((outcome, handles.clone()));
            seen
        });
        handles
    }
}

/// A method as a label: those that no route has are one.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT",
    ];
    let known = KNOWN.iter().find(|known| **known == method.as_str());
    known.copied().unwrap_or("other")
}

impl RequestLog {
    /// For routes in the order of their numbers. `writes_lines`: `log.access`.
    #[must_use]
    pub fn new(templates: &[Arc<str>], writes_lines: bool) -> Self {
        let log = Self {
            routes: templates.iter().cloned().map(RouteMetrics::new).collect(),
            unmatched: RouteMetrics::without_path(UNMATCHED),
            other: RouteMetrics::without_path(OTHER),
            label_sets: AtomicUsize::new(0),
            writes_lines,
        };
        // The metrics exist before the first request.
        log.unmatched.add(("GET", StatusCode::NOT_FOUND.as_u16()));
        log
    }

    /// Template of a route, or the word for those that have none.
    pub fn template(&self, id: Option<RouteId>) -> Arc<str> {
        Arc::clone(&self.route(id).template)
    }

    fn route(&self, id: Option<RouteId>) -> &RouteMetrics {
        id.and_then(|id| self.routes.get(id.number()))
            .unwrap_or(&self.unmatched)
    }

    fn count(&self, route: &RouteMetrics, outcome: MethodStatus, took: Duration) {
        if route.count(outcome, took) {
            return;
        }
        if self.label_sets.fetch_add(1, Ordering::Relaxed) < MAX_ROUTE_SETS {
            route.add(outcome).count(took);
        } else if !self.other.count(outcome, took) {
            // Status and method alone are few.
            self.other.add(outcome).count(took);
        }
    }

    fn writes_lines(&self) -> bool {
        self.writes_lines && tracing::enabled!(target: "access", tracing::Level::INFO)
    }

    /// Begins a request that came with this method for this route.
    #[must_use]
    pub fn begin(
        self: &Arc<Self>,
        context: Option<Arc<RequestContext>>,
        method: Method,
        route: Option<RouteId>,
        request: &Request,
    ) -> LoggedExchange {
        LoggedExchange {
            log: Arc::clone(self),
            context,
            route,
            user_agent: self
                .writes_lines()
                .then(|| request.headers().get(USER_AGENT).cloned())
                .flatten(),
            method,
            began: Instant::now(),
            answered: None,
        }
    }
}

/// A request that is being answered. Dropped before its answer, it is one whose client did not wait.
#[derive(Debug)]
pub struct LoggedExchange {
    log: Arc<RequestLog>,
    context: Option<Arc<RequestContext>>,
    route: Option<RouteId>,
    method: Method,
    user_agent: Option<HeaderValue>,
    began: Instant,
    answered: Option<AnswerHead>,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy)]
struct AnswerHead {
    status: u16,
    took: Duration,
    bytes: u64,
}

impl LoggedExchange {
    /// The answer is there. Its line is written now when its length is known, else when the last of
    /// it was sent.
    #[must_use]
    pub fn answer(mut self, response: Response) -> Response {
        let size = response.body().size_hint().exact();
        self.answered = Some(AnswerHead {
            status: response.status().as_u16(),
            took: self.began.elapsed(),
            bytes: size.unwrap_or_default(),
        });
        match size {
            Some(_) => response,
            None => response.map(|body| {
                Body::new(CountedBody {
                    body,
                    exchange: self,
                })
            }),
        }
    }

    fn write_line(&self, route: &RouteMetrics, answered: AnswerHead) {
        let context = self.context.as_deref();
        let principal = context.and_then(|context| context.caller.get());
        let caller = match principal.map(|principal| &principal.shape) {
            Some(TokenShape::Organization(_)) => "organization",
            Some(TokenShape::SystemUser(_)) => "system-user",
            Some(TokenShape::EnterpriseUser(_)) => "enterprise-user",
            Some(TokenShape::Person(_)) => "person",
            Some(TokenShape::SelfIdentified(_)) => "self-identified",
            Some(TokenShape::Bare) => "scopes",
            None if context.is_some_and(|context| context.person.get().is_some()) => "session",
            None => "anonymous",
        };
        let user_agent = self
            .user_agent
            .as_ref()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let organization = principal.and_then(|principal| principal.organization());
        tracing::info!(
            target: "access",
            parent: None,
            method = %self.method,
            route = &*route.template,
            status = answered.status,
            duration_ms = milliseconds(answered.took),
            bytes = answered.bytes,
            request_id = context.map(|context| tracing::field::display(context.request_id)),
            trace_id = context.map(|context| tracing::field::display(context.trace)),
            caller,
            organization = organization.map(tracing::field::display),
            address = context
                .and_then(|context| context.address)
                .map(tracing::field::display),
            user_agent = user_agent.as_deref().map(one_line),
        );
    }
}

/// With three decimals.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

impl Drop for LoggedExchange {
    fn drop(&mut self) {
        let answered = self.answered.unwrap_or_else(|| AnswerHead {
            status: CLIENT_GONE,
            took: self.began.elapsed(),
            bytes: 0,
        });
        let route = self.log.route(self.route);
        let method = method_label(&self.method);
        self.log
            .count(route, (method, answered.status), answered.took);
        if let Some(context) = &self.context {
            traces::request(
                context.trace.ids(),
                method,
                &route.template,
                answered.status,
                answered.took,
            );
        }
        if self.log.writes_lines() {
            self.write_line(route, answered);
        }
    }
}

/// A body of unknown length, whose bytes are counted while they are sent.
struct CountedBody {
    body: Body,
    exchange: LoggedExchange,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
            && let Some(answered) = &mut self.exchange.answered
        {
            answered.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_label_sets_than_a_metric_may_have() {
        let templates: Vec<Arc<str>> = (0..100).map(|n| format!("/{n}").into()).collect();
        let log = RequestLog::new(&templates, false);
        for route in &log.routes {
            for status in 100..600 {
                log.count(route, ("GET", status), Duration::ZERO);
            }
        }
        let seen = |route: &RouteMetrics| route.seen.load().len();
        let all: usize = log.routes.iter().map(seen).sum::<usize>() + seen(&log.other);
        assert!(all + seen(&log.unmatched) <= MAX_LABEL_SETS, "{all}");
        assert!(seen(&log.other) > 0);
    }

    #[test]
    fn a_method_of_a_client_is_no_label() {
        assert_eq!(method_label(&Method::GET), "GET");
        let invented = Method::from_bytes(b"INVENTED").unwrap();
        assert_eq!(method_label(&invented), "other");
    }
}
