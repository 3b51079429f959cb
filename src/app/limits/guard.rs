//! The limits of requests, applied.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use foundation::{
    config::{CheckedSettings, LimitSettings},
    db::{DatabaseCondition, DbError, DbFault, DbUnavailable},
    deadline,
    http::{
        ApiError, body,
        context::{self, BodyFault, BodyReading, ContextSettings},
    },
    limits::{ConsumerLimits, InFlight, Limit, LimitRefusal, RequestClass},
    telemetry::faults,
};
use http::{
    HeaderMap, HeaderValue, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT},
};

use super::{
    super::request_log::client_gone,
    RequestRule,
    address_rates::{AddressRates, RateClient},
    rules::BodyKind,
};

/// Applies the limits of requests. Clones are cheap, and count together.
#[derive(Debug, Clone)]
pub struct LimitGuard(Arc<LimitGuardInner>);

#[derive(Debug)]
struct LimitGuardInner {
    limits: Box<LimitSettings>,
    context: Arc<ContextSettings>,
    in_flight: Arc<InFlight>,
    rates: Option<AddressRates>,
    /// Greatest question for decisions, in bytes.
    max_decision_bytes: usize,
    /// Greatest form with a policy, in bytes.
    max_policy_form_bytes: usize,
}

/// What a form has besides its file.
const POLICY_FORM_BYTES: usize = 64 * 1024;

/// A request that is being answered.
#[derive(Debug)]
struct AdmittedRequest {
    rule: RequestRule,
    client: Option<RateClient>,
    version: Version,
}

impl LimitGuard {
    /// With the limits of the settings; answers say what is known of the database.
    #[must_use]
    pub fn new(config: &CheckedSettings, database: DatabaseCondition) -> Self {
        let settings = &config.settings;
        let limits = settings.limits.clone();
        let trusted_proxies: Arc<[_]> = settings.server.trusted_proxies.clone().into();
        let rates = limits
            .rates_enabled
            .then(|| AddressRates::new(&limits, Arc::clone(&trusted_proxies)));
        Self(Arc::new(LimitGuardInner {
            context: Arc::new(ContextSettings {
                trusted_proxies,
                problem_detail: settings.compat.problem_detail,
                database,
                json: limits.json(),
                consumers: Some(Arc::new(ConsumerLimits::new(&limits))),
                base: config.public_base.as_str().into(),
            }),
            in_flight: InFlight::new(&limits),
            max_decision_bytes: settings.pdp.max_body_bytes,
            max_policy_form_bytes: settings.pdp.max_policy_bytes + POLICY_FORM_BYTES,
            rates,
            limits,
        }))
    }

    /// Settings of the context in which requests are answered.
    #[must_use]
    pub fn context(&self) -> &Arc<ContextSettings> {
        &self.0.context
    }

    /// Requests that are being answered, by class.
    #[must_use]
    pub fn in_flight(&self) -> &Arc<InFlight> {
        &self.0.in_flight
    }

    /// A router of a listener that has no table of routes, with the limits before it.
    pub fn before(&self, router: Router, class: RequestClass) -> Router {
        let guard = self.clone();
        let rule = RequestRule {
            class,
            ..RequestRule::OTHER
        };
        router.layer(from_fn(move |request: Request, next: Next| {
            let guard = guard.clone();
            async move {
                let answer = async |request: Request| {
                    guard
                        .answer(rule, request, |request| next.run(request))
                        .await
                };
                context::within(guard.context(), None, request, answer).await
            }
        }))
    }

    /// Answers a request within its limits. Called within the context of the request.
    pub async fn answer<F: Future<Output = Response>>(
        &self,
        rule: RequestRule,
        request: Request,
        answer: impl FnOnce(Request) -> F,
    ) -> Response {
        if let Err((limit, refusal)) = self.check_head(&request) {
            limit.count();
            return refusal.into_response();
        }
        let max_body_bytes = self.max_body_bytes(rule, request.headers());
        let admitted = match self.admit(rule, &request, max_body_bytes) {
            Ok(admitted) => admitted,
            Err(refused) => return refuse(refused),
        };
        // A body that says itself that it is too large is not taken.
        if declared_length(request.headers()).is_some_and(|length| length > max_body_bytes as u64) {
            // A client that waits for our word sends nothing.
            if !request.headers().contains_key(EXPECT) {
                Box::pin(body::discard(request.into_body())).await;
            }
            return body_fault(BodyFault::TooLarge, admitted.version);
        }
        let answer = pin!(answer(request));
        let arrived = || context::current().and_then(|context| context.body_arrived());
        let database = &self.0.context.database;
        let answer = pin!(database.unless_silent(answer, arrived));
        let limit = self.time_for(rule.class);
        let answered = if rule.class == RequestClass::Decision {
            // Their time is less than that for a body, and counts from when it is there.
            deadline::within_since(limit, answer, arrived).await
        } else {
            deadline::within(limit, answer).await
        };
        let response = match answered {
            Some(Some(response)) => response,
            Some(None) => database_is_silent(),
            None => too_late(),
        };
        self.finish(&admitted, response)
    }

    fn check_head(&self, request: &Request) -> Result<(), (Limit, ApiError)> {
        let limits = &self.0.limits;
        let target = request.uri().path_and_query();
        if target.is_some_and(|target| target.as_str().len() > limits.max_target_bytes) {
            let refusal = ApiError::Status(StatusCode::URI_TOO_LONG);
            return Err((Limit::Target, refusal));
        }
        let headers = request.headers();
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if size > limits.max_header_bytes || headers.len() > limits.max_headers {
            let refusal = ApiError::Plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            return Err((Limit::Headers, refusal));
        }
        if body::is_encoded(headers) {
            let refusal = ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err((Limit::ContentEncoding, refusal));
        }
        Ok(())
    }

    fn admit(
        &self,
        rule: RequestRule,
        request: &Request,
        max_body_bytes: usize,
    ) -> Result<AdmittedRequest, LimitRefusal> {
        let client = match &self.0.rates {
            None => None,
            Some(rates) => {
                let (address, is_unreadable) = context::current()
                    .map_or((None, false), |context| {
                        (context.address, context.forwarded.is_client_unreadable)
                    });
                let client = rates.client(rule, address, is_unreadable, request.headers());
                rates.admit(rule, client, request.method(), request.headers())?;
                Some(client)
            }
        };
        let place = self
            .0
            .in_flight
            .enter(rule.class)
            .map_err(LimitRefusal::Busy)?;
        context::take_place(place, max_body_bytes);
        Ok(AdmittedRequest {
            rule,
            client,
            version: request.version(),
        })
    }

    fn max_body_bytes(&self, rule: RequestRule, headers: &HeaderMap) -> usize {
        match rule.body {
            BodyKind::General | BodyKind::Decision | BodyKind::Policy if is_form(headers) => {
                self.0.limits.max_form_bytes
            }
            BodyKind::General => self.0.limits.max_json_bytes,
            BodyKind::Decision => self.0.max_decision_bytes,
            BodyKind::Policy => self.0.max_policy_form_bytes,
        }
    }

    fn time_for(&self, class: RequestClass) -> Duration {
        let limits = &self.0.limits;
        Duration::from_secs(match class {
            RequestClass::Decision => limits.decision_timeout_s,
            RequestClass::Page => limits.page_timeout_s,
            RequestClass::Probe | RequestClass::Write | RequestClass::Read => {
                limits.request_timeout_s
            }
        })
    }

    fn finish(&self, admitted: &AdmittedRequest, response: Response) -> Response {
        context::let_body_go();
        let Some(context) = context::current() else {
            return response;
        };
        let response = match context.body_reading() {
            BodyReading::Idle | BodyReading::Awaited => response,
            // It is no refusal that counts against the address.
            BodyReading::Failed(BodyFault::BrokeOff) => {
                return body_fault(BodyFault::BrokeOff, admitted.version);
            }
            BodyReading::Failed(fault) => body_fault(fault, admitted.version),
        };
        if let (Some(rates), Some(client)) = (&self.0.rates, admitted.client)
            && let Err(refused) = rates.judge(admitted.rule, client, response.status(), &context)
        {
            return refuse(refused);
        }
        response
    }
}

fn refuse(refused: LimitRefusal) -> Response {
    context::note_limit(refused);
    ApiError::Limited(refused).into_response()
}

/// The answer did not come in time: for want of the body, or for our own sake.
fn too_late() -> Response {
    let reading = context::current().map(|context| context.body_reading());
    if reading == Some(BodyReading::Awaited) {
        // Makes the answer one about the body.
        context::fail_body(BodyFault::TimedOut);
    } else {
        Limit::RequestTime.count();
        if let Some(unwritten) = faults::once_a_second("request_time") {
            let unwritten = Some(unwritten).filter(|count| *count > 0);
            tracing::warn!(unwritten, "a request was not answered in time");
        }
    }
    ApiError::Limited(LimitRefusal::Busy(Limit::RequestTime)).into_response()
}

/// The database was asked for something, and does not answer.
fn database_is_silent() -> Response {
    let error = DbUnavailable {
        fault: DbFault::Unreachable,
        message: "a connection does not answer".into(),
    };
    ApiError::from(DbError::Unavailable(error)).into_response()
}

/// The answer to a request whose body was given up. The rest of it is not read.
fn body_fault(fault: BodyFault, version: Version) -> Response {
    let limited = |limit: Limit, status| {
        limit.count();
        ApiError::Status(status).into_response()
    };
    let mut response = match fault {
        BodyFault::TimedOut => limited(Limit::BodyTime, StatusCode::REQUEST_TIMEOUT),
        BodyFault::TooLarge => limited(Limit::BodySize, StatusCode::PAYLOAD_TOO_LARGE),
        // The client does not read it: it is for metrics and the log.
        BodyFault::BrokeOff => client_gone().into_response(),
        BodyFault::Busy(limit) => refuse(LimitRefusal::Busy(limit)),
    };
    // HTTP/2 has no such header, and needs none: only the stream ends.
    if version <= Version::HTTP_11 {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .get(..FORM.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(FORM))
    })
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
