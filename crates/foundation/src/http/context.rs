//! The request's own facts, readable from anywhere below the handler: trace id, what the client
//! accepts, who calls.

use std::{
    fmt,
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request},
    response::Response,
};
use http::{HeaderName, HeaderValue, header::ACCEPT};
use ipnet::IpNet;
use tracing::Instrument as _;
use uuid::Uuid;

use super::forwarded::ForwardedHeaders;
use crate::{
    config::JsonLimits,
    db::{DatabaseCondition, DbUnavailable},
    limits::{
        ConsumerKey, ConsumerLimits, ConsumerPermit, ConsumerRate, InFlightPlace, LargeCallPermit,
        Limit, LimitRefusal,
    },
    telemetry::{
        security::{EventOrigin, SecurityEvent},
        traces::SpanIds,
    },
    token::Principal,
};

tokio::task_local! {
    static CONTEXT: Arc<RequestContext>;
}

/// In the extensions of a request that came over TLS which ends here.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// Facts of one HTTP request.
#[derive(Debug)]
pub struct RequestContext {
    /// Random id of this request, for the audit trail.
    pub request_id: Uuid,
    /// W3C trace context of this hop.
    pub trace: TraceParent,
    /// `Accept`, as sent.
    pub accept: Option<HeaderValue>,
    /// Address of the client, when the listener knows it.
    pub address: Option<IpAddr>,
    /// What a trusted proxy said about how the client called.
    pub forwarded: ForwardedHeaders,
    /// What holds for all requests.
    settings: Arc<ContextSettings>,
    /// The verified caller, set once by authentication, for the audit trail.
    pub caller: OnceLock<Arc<crate::token::Principal>>,
    /// Party uuid of the person who calls, once the register was asked.
    pub person: OnceLock<Uuid>,
    /// What was refused so far, for the audit trail.
    refusals: Mutex<Vec<RefusalCause>>,
    /// How far the body of the request was read.
    body: Mutex<BodyReading>,
    body_arrived: OnceLock<Instant>,
    /// Bytes that the body may have; a handler may allow less.
    max_body_bytes: AtomicUsize,
    /// The place of the request among those that are being answered.
    place: OnceLock<InFlightPlace>,
    /// The rate that the route has by consumer.
    rate: Option<ConsumerRate>,
    /// Counts the request as one of its consumer, once that is known, until it is answered.
    permit: OnceLock<ConsumerPermit>,
}

/// How far the body of a request was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyReading {
    /// Nothing is awaited of it.
    Idle,
    /// The client is to send more.
    Awaited,
    /// It was given up.
    Failed(BodyFault),
}

/// Why the body of a request was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// The client took too long.
    TimedOut,
    /// It has more bytes than it may.
    TooLarge,
    /// Its client went away.
    BrokeOff,
    /// Others need what it takes.
    Busy(Limit),
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCause {
    /// Problem code, or a fixed reason.
    pub code: String,
    /// The caller may not; otherwise it cannot be done.
    pub is_denial: bool,
    /// Which of the things that the call names, when it names several.
    pub object_id: Option<String>,
}

/// Switches of the context that come from the configuration.
#[derive(Debug, Clone)]
pub struct ContextSettings {
    /// `server.trusted_proxies`
    pub trusted_proxies: Arc<[IpNet]>,
    /// `compat.problem_detail`
    pub problem_detail: bool,
    /// What is known of the database.
    pub database: DatabaseCondition,
    /// Limits of JSON bodies.
    pub json: JsonLimits,
    /// Limits by consumer; none where no consumer is known.
    pub consumers: Option<Arc<ConsumerLimits>>,
    /// Base of addresses of the service's own pages, without a slash at its end.
    pub base: Arc<str>,
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Reason of a refusal: the form or the call did not come from one of our pages.
pub const CSRF: &str = "csrf";

impl RefusalCause {
    /// The caller may not, for a fixed reason.
    #[must_use]
    pub fn denial(reason: &str) -> Self {
        Self {
            code: reason.to_owned(),
            is_denial: true,
            object_id: None,
        }
    }

    /// It cannot be done, for a fixed reason.
    #[must_use]
    pub fn failure(reason: &str) -> Self {
        Self {
            is_denial: false,
            ..Self::denial(reason)
        }
    }
}

impl RequestContext {
    fn of(request: &Request, settings: &Arc<ContextSettings>, rate: Option<ConsumerRate>) -> Self {
        let peer = request
            .extensions()
            .get::<ConnectInfo<std::net::SocketAddr>>()
            .map(|c| c.0.ip());
        let mut forwarded =
            ForwardedHeaders::read(request.headers(), peer, &settings.trusted_proxies);
        if request.extensions().get::<OverTls>().is_some() {
            forwarded.scheme = Some("https");
        }
        // HTTP/2 has no `Host`.
        forwarded.host = forwarded.host.or_else(|| {
            request
                .uri()
                .authority()
                .map(ToString::to_string)
                .filter(|a| !a.contains('@'))
        });
        Self {
            request_id: Uuid::new_v4(),
            trace: TraceParent::continued(
                request
                    .headers()
                    .get(TRACEPARENT)
                    .and_then(|value| value.to_str().ok()),
            ),
            accept: request.headers().get(ACCEPT).cloned(),
            address: forwarded.client.or(peer),
            forwarded,
            settings: Arc::clone(settings),
            caller: OnceLock::new(),
            person: OnceLock::new(),
            refusals: Mutex::default(),
            body: Mutex::new(BodyReading::Idle),
            body_arrived: OnceLock::new(),
            max_body_bytes: AtomicUsize::new(usize::MAX),
            place: OnceLock::new(),
            rate,
            permit: OnceLock::new(),
        }
    }

    /// How far the body of the request was read.
    pub fn body_reading(&self) -> BodyReading {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a body that had to be waited for was there; now while it is awaited, none when it came
    /// with its request.
    pub fn body_arrived(&self) -> Option<Instant> {
        match self.body_reading() {
            BodyReading::Awaited => Some(Instant::now()),
            BodyReading::Idle | BodyReading::Failed(_) => self.body_arrived.get().copied(),
        }
    }

    /// A fault stays.
    fn note_body(&self, reading: BodyReading) {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        match *body {
            BodyReading::Idle | BodyReading::Awaited => *body = reading,
            BodyReading::Failed(_) => {}
        }
    }

    fn admit(&self, key: impl FnOnce(&ConsumerLimits) -> ConsumerKey) -> Result<(), LimitRefusal> {
        let Some(consumers) = &self.settings.consumers else {
            return Ok(());
        };
        if self.permit.get().is_some() {
            return Ok(());
        }
        let permit = consumers.admit(key(consumers), self.rate)?;
        let _ = self.permit.set(permit);
        Ok(())
    }

    /// What was refused first.
    pub fn first_refusal(&self) -> Option<RefusalCause> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.first().cloned()
    }

    /// Takes out what was refused so far, in order.
    pub fn take_refusals(&self) -> Vec<RefusalCause> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut refusals)
    }
}

/// Records that something which the current request asks for is refused. Without a request it does
/// nothing.
pub fn note_refusal(refusal: RefusalCause) {
    let _ = CONTEXT.try_with(|context| {
        let mut refusals = context
            .refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refusals.push(refusal);
    });
}

/// Gives the current request its place and the bytes that its body may have. Without a request it does
/// nothing.
pub fn take_place(place: InFlightPlace, max_body_bytes: usize) {
    let _ = CONTEXT.try_with(|context| {
        context
            .max_body_bytes
            .store(max_body_bytes, Ordering::Relaxed);
        let _ = context.place.set(place);
    });
}

/// Bytes that the body of the current request may have.
#[must_use]
pub fn max_body_bytes() -> usize {
    CONTEXT
        .try_with(|context| context.max_body_bytes.load(Ordering::Relaxed))
        .unwrap_or(usize::MAX)
}

/// The client of the current request is to send more of the body. Others may have the place of the
/// request until then, also others of its consumer.
pub fn await_body() {
    let _ = CONTEXT.try_with(|context| {
        context.note_body(BodyReading::Awaited);
        if let Some(place) = context.place.get() {
            place.leave();
        }
        if let Some(permit) = context.permit.get() {
            permit.leave();
        }
    });
}

/// The body of the current request is there.
///
/// # Errors
/// All places are taken by now, or all that the consumer may have.
pub fn end_body() -> Result<(), BodyFault> {
    CONTEXT
        .try_with(|context| {
            let _ = context.body_arrived.set(Instant::now());
            let place = context
                .place
                .get()
                .map_or(Ok(()), InFlightPlace::take_again);
            let permit = || {
                let permit = context.permit.get();
                permit.map_or(Ok(()), ConsumerPermit::take_again)
            };
            let taken = place.and_then(|()| permit());
            context.note_body(BodyReading::Idle);
            taken.map_err(BodyFault::Busy)
        })
        .unwrap_or(Ok(()))
}

/// The body of the current request is there with so many bytes, which count until [`let_body_go`].
///
/// # Errors
/// The bodies of all requests have too many.
pub fn hold_body(bytes: usize) -> Result<(), BodyFault> {
    CONTEXT
        .try_with(|context| {
            let place = context.place.get();
            place.map_or(Ok(()), |place| place.hold_body(bytes))
        })
        .unwrap_or(Ok(()))
        .map_err(BodyFault::Busy)
}

/// The body of the current request is not needed any more, since there is an answer.
pub fn let_body_go() {
    let _ = CONTEXT.try_with(|context| {
        if let Some(place) = context.place.get() {
            place.let_body_go();
        }
    });
}

/// The body of the current request was given up. The first fault stays.
pub fn fail_body(fault: BodyFault) {
    let _ = CONTEXT.try_with(|context| context.note_body(BodyReading::Failed(fault)));
}

/// Counts the current request as one of the consumer of a token, once; without a request it does
/// nothing.
///
/// # Errors
/// The consumer asks too often, or for too much at once.
pub fn admit(principal: &Principal) -> Result<(), LimitRefusal> {
    admit_by(|consumers| consumers.key_of(principal))
}

/// As [`admit`], for a consumer without a token: whatever distinguishes it from others.
///
/// # Errors
/// As [`admit`].
pub fn admit_other(named: &impl Hash) -> Result<(), LimitRefusal> {
    admit_by(|consumers| consumers.key_of_other(named))
}

fn admit_by(key: impl FnOnce(&ConsumerLimits) -> ConsumerKey) -> Result<(), LimitRefusal> {
    CONTEXT
        .try_with(|context| context.admit(key))
        .unwrap_or(Ok(()))
        .inspect_err(|refused| note_limit(*refused))
}

/// Counts the current request as so many of its consumer, since it asks for that many things at once. It
/// counts as one already. Without a request or a consumer this does nothing.
///
/// # Errors
/// The consumer asks for too much.
pub fn count_as(requests: usize) -> Result<(), LimitRefusal> {
    let more = u32::try_from(requests.saturating_sub(1)).unwrap_or(u32::MAX);
    CONTEXT
        .try_with(|context| {
            let permit = context.permit.get();
            permit.map_or(Ok(()), |permit| permit.count_more(more))
        })
        .unwrap_or(Ok(()))
        .inspect_err(|refused| note_limit(*refused))
}

/// A number that distinguishes the consumer of the current request from most others.
#[must_use]
pub fn consumer_number() -> Option<usize> {
    let permit = CONTEXT.try_with(|context| context.permit.get().map(ConsumerPermit::number));
    permit.ok().flatten()
}

/// Counts the current request as a large one of its consumer; without a request or a consumer it does
/// nothing.
///
/// # Errors
/// The consumer has too many.
pub fn admit_large() -> Result<Option<LargeCallPermit>, LimitRefusal> {
    CONTEXT
        .try_with(|context| {
            let permit = context.permit.get();
            permit.map(ConsumerPermit::begin_large).transpose()
        })
        .unwrap_or(Ok(None))
        .inspect_err(|refused| note_limit(*refused))
}

/// Counts a request that exceeds a limit for now, and reports one that comes too often.
pub fn note_limit(refused: LimitRefusal) {
    refused.limit().count();
    match refused {
        LimitRefusal::TooOften { limit, .. } => report(SecurityEvent::RateLimited {
            limit: limit.wire(),
        }),
        LimitRefusal::Busy(_) => {}
    }
}

/// Limits of the JSON bodies of the current request.
#[must_use]
pub fn json_limits() -> JsonLimits {
    CONTEXT
        .try_with(|context| context.settings.json)
        .unwrap_or(JsonLimits::DEFAULT)
}

/// Writes a security event with its origin: the current request, if there is one.
pub fn report(event: SecurityEvent<'_>) {
    let origin = CONTEXT.try_with(|context| EventOrigin {
        address: context.address,
        caller: context.caller.get().map(|principal| principal.log_name()),
        person: context.person.get().copied(),
    });
    event.emit(&origin.unwrap_or_default());
}

/// Records the person who makes the current request. Without a request it does nothing.
pub fn note_person(uuid: Uuid) {
    let _ = CONTEXT.try_with(|context| context.person.set(uuid));
}

/// A failed call of the database with what is known to be its cause. Without a request it is
/// returned as it is.
#[must_use]
pub fn explained(error: DbUnavailable) -> DbUnavailable {
    match current() {
        Some(context) => context.settings.database.explained(error),
        None => error,
    }
}

/// The context of the request this task works for; none in background jobs.
#[must_use]
pub fn current() -> Option<Arc<RequestContext>> {
    CONTEXT.try_with(Arc::clone).ok()
}

/// The trace id to print in an answer.
#[must_use]
pub fn trace_id() -> Option<String> {
    CONTEXT.try_with(|c| c.trace.to_string()).ok()
}

/// Base of addresses of the service's own pages; empty without a request.
#[must_use]
pub fn base_address() -> Arc<str> {
    CONTEXT
        .try_with(|context| Arc::clone(&context.settings.base))
        .unwrap_or_default()
}

/// Whether `detail` repeats `title` in problem bodies.
#[must_use]
pub fn problem_detail() -> bool {
    CONTEXT
        .try_with(|c| c.settings.problem_detail)
        .unwrap_or(true)
}

/// No `Accept`, or one that admits plain text.
#[must_use]
pub fn prefers_plain_text() -> bool {
    let admits = |accept: &str| {
        accept
            .split(',')
            .map(|part| part.split(';').next().unwrap_or_default().trim())
            .any(|part| {
                part == "*/*"
                    || part.eq_ignore_ascii_case("text/*")
                    || part.eq_ignore_ascii_case("text/plain")
            })
    };
    CONTEXT
        .try_with(|c| {
            c.accept
                .as_ref()
                .and_then(|value| value.to_str().ok())
                .is_none_or(admits)
        })
        .unwrap_or(true)
}

/// Answers a request within its context and its tracing span. `rate` is that of its route by
/// consumer.
pub async fn within<A: Future<Output = Response>>(
    settings: &Arc<ContextSettings>,
    rate: Option<ConsumerRate>,
    request: Request,
    answer: impl FnOnce(Request) -> A,
) -> Response {
    let context = Arc::new(RequestContext::of(&request, settings, rate));
    let span = tracing::info_span!("request", method = %request.method(), path = request.uri().path(), trace = %context.trace);
    CONTEXT
        .scope(context, answer(request))
        .instrument(span)
        .await
}

/// W3C trace context of one hop, written `00-{trace}-{span}-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent(SpanIds);

impl TraceParent {
    /// One that no caller began.
    pub(super) fn new() -> Self {
        Self::continued(None)
    }

    /// Continues an incoming trace with a span of our own, or begins a new one.
    fn continued(incoming: Option<&str>) -> Self {
        let (_, span) = Uuid::new_v4().as_u64_pair();
        let caller = incoming.and_then(parse_traceparent);
        Self(SpanIds {
            trace: caller.map_or_else(|| Uuid::new_v4().as_u128(), |caller| caller.trace),
            span,
            parent: caller.map(|caller| caller.span),
            is_sampled: caller.is_none_or(|caller| caller.is_sampled),
        })
    }

    /// Its numbers.
    #[must_use]
    pub const fn ids(self) -> SpanIds {
        self.0
    }
}

/// Numbers of the span of the current request; none in background jobs.
#[must_use]
pub fn span_ids() -> Option<SpanIds> {
    CONTEXT.try_with(|context| context.trace.ids()).ok()
}

/// What a caller sent of its span.
#[derive(Debug, Clone, Copy)]
struct CallerSpan {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.0.trace, self.0.span)
    }
}

fn parse_traceparent(value: &str) -> Option<CallerSpan> {
    let mut parts = value.split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |s: &str, len: usize| {
        s.len() == len
            && s.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_good = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16);
    if !is_good {
        return None;
    }
    let flags = parts
        .next()
        .and_then(|flags| u8::from_str_radix(flags, 16).ok());
    Some(CallerSpan {
        trace: u128::from_str_radix(trace, 16).ok()?,
        span: u64::from_str_radix(span, 16).ok()?,
        is_sampled: flags.is_none_or(|flags| flags & 1 == 1),
    })
    .filter(|caller| caller.trace != 0)
}

#[cfg(test)]
impl RequestContext {
    /// Of a request without headers, for unit tests.
    pub(crate) fn without_headers() -> Self {
        let settings: Arc<_> = ContextSettings {
            trusted_proxies: [].into(),
            problem_detail: true,
            database: DatabaseCondition::default(),
            json: JsonLimits::DEFAULT,
            consumers: None,
            base: "".into(),
        }
        .into();
        Self::of(&Request::new(axum::body::Body::empty()), &settings, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_trace_is_continued_and_a_bad_one_replaced() {
        let id = TraceParent::continued(Some(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ))
        .to_string();
        assert!(
            id.starts_with("00-0af7651916cd43dd8448eb211c80319c-")
                && !id.contains("b7ad6b7169203331")
        );
        for bad in [
            None,
            Some("x"),
            Some("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
            Some("00-é"),
        ] {
            assert_eq!(TraceParent::continued(bad).to_string().len(), 55);
        }
    }
}
