//! The limits of requests, applied.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use foundation::{
    config::{Checked, Limits},
    db::DatabaseCondition,
    http::{
        ApiError, body,
        context::{self, BodyReading, ContextSettings},
    },
    limits::{ConsumerLimits, Limit, Refused},
};
use http::{
    HeaderMap, HeaderValue, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT},
};

use super::{
    RequestClass, Rule,
    address_rates::{AddressRates, Client},
    bodies::{BoundedBody, CountedBody},
    in_flight::{InFlight, Permit},
    rules::BodyKind,
};

/// Applies the limits of requests. Clones are cheap, and count together.
#[derive(Debug, Clone)]
pub struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Box<Limits>,
    context: ContextSettings,
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
struct Admitted {
    rule: Rule,
    permit: Option<Permit>,
    client: Option<Client>,
    version: Version,
}

impl Guard {
    /// With the limits of the settings; answers say what is known of the database.
    #[must_use]
    pub fn new(config: &Checked, database: DatabaseCondition) -> Self {
        let settings = &config.settings;
        let limits = settings.limits.clone();
        let trusted_proxies: Arc<[_]> = settings.server.trusted_proxies.clone().into();
        let rates = limits
            .rates_enabled
            .then(|| AddressRates::new(&limits, Arc::clone(&trusted_proxies)));
        Self(Arc::new(Inner {
            context: ContextSettings {
                trusted_proxies,
                problem_detail: settings.compat.problem_detail,
                database,
                json: limits.json(),
                consumers: Some(Arc::new(ConsumerLimits::new(&limits))),
            },
            in_flight: InFlight::new(&limits),
            max_decision_bytes: settings.pdp.max_body_bytes,
            max_policy_form_bytes: settings.pdp.max_policy_bytes + POLICY_FORM_BYTES,
            rates,
            limits,
        }))
    }

    /// Settings of the context in which requests are answered.
    #[must_use]
    pub fn context(&self) -> &ContextSettings {
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
        let rule = Rule {
            class,
            ..Rule::OTHER
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
        rule: Rule,
        request: Request,
        answer: impl FnOnce(Request) -> F,
    ) -> Response {
        if let Err((limit, refusal)) = self.check_head(&request) {
            limit.count();
            return refusal.into_response();
        }
        let admitted = match self.admit(rule, &request) {
            Ok(admitted) => admitted,
            Err(refused) => return refuse(refused),
        };
        let request = match self.bound_body(rule, request).await {
            Ok(request) => request,
            Err(refused) => return refused,
        };
        // The future of a request is moved several times: what stands around holds its place alone.
        let answer = Box::pin(answer(request));
        let response = tokio::time::timeout(self.time_for(rule.class), answer)
            .await
            .unwrap_or_else(|_| too_late());
        self.finish(admitted, response)
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

    fn admit(&self, rule: Rule, request: &Request) -> Result<Admitted, Refused> {
        let client = match &self.0.rates {
            None => None,
            Some(rates) => {
                let address = context::current().and_then(|context| context.address);
                let client = rates.client(rule, address, request.headers());
                rates.admit(rule, client, request.method(), request.headers())?;
                Some(client)
            }
        };
        let permit = self.0.in_flight.enter(rule.class).map_err(Refused::Busy)?;
        Ok(Admitted {
            rule,
            permit,
            client,
            version: request.version(),
        })
    }

    /// A body that says itself that it is too large is not taken; a form that does not say so is cut.
    /// The handlers of other bodies see to those that do not say how large they are.
    async fn bound_body(&self, rule: Rule, request: Request) -> Result<Request, Response> {
        let is_form = is_form(request.headers());
        let left = match rule.body {
            BodyKind::General | BodyKind::Decision | BodyKind::Policy if is_form => {
                self.0.limits.max_form_bytes
            }
            BodyKind::General => self.0.limits.max_json_bytes,
            BodyKind::Decision => self.0.max_decision_bytes,
            BodyKind::Policy => self.0.max_policy_form_bytes,
        };
        if declared_length(request.headers()).is_some_and(|length| length > left as u64) {
            let version = request.version();
            // A client that waits for our word sends nothing.
            if !request.headers().contains_key(EXPECT) {
                Box::pin(body::discard(request.into_body())).await;
            }
            return Err(body_fault(Limit::BodySize, version));
        }
        if !is_form {
            return Ok(request);
        }
        Ok(request.map(|body| Body::new(BoundedBody { body, left })))
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

    fn finish(&self, admitted: Admitted, response: Response) -> Response {
        let Some(context) = context::current() else {
            return response;
        };
        let response = match context.body_reading() {
            BodyReading::Idle | BodyReading::Awaited => response,
            BodyReading::TimedOut => body_fault(Limit::BodyTime, admitted.version),
            BodyReading::TooLarge => body_fault(Limit::BodySize, admitted.version),
        };
        if let (Some(rates), Some(client)) = (&self.0.rates, admitted.client)
            && let Err(refused) = rates.judge(admitted.rule, client, response.status(), &context)
        {
            return refuse(refused);
        }
        // What is there as a whole is written without us.
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        response.map(|body| {
            Body::new(CountedBody {
                body,
                _permit: admitted.permit,
                _context: Some(context),
            })
        })
    }
}

fn refuse(refused: Refused) -> Response {
    context::note_limit(refused);
    ApiError::Limited(refused).into_response()
}

/// The answer did not come in time: for want of the body, or for our own sake.
fn too_late() -> Response {
    let reading = context::current().map(|context| context.body_reading());
    if reading == Some(BodyReading::Awaited) {
        // Makes the answer one about the body.
        context::note_body(BodyReading::TimedOut);
    } else {
        Limit::RequestTime.count();
        tracing::warn!("a request was not answered in time");
    }
    ApiError::Limited(Refused::Busy(Limit::RequestTime)).into_response()
}

/// The answer to a body that came too slowly or has too many bytes. The rest of it is not read.
fn body_fault(limit: Limit, version: Version) -> Response {
    limit.count();
    let status = if limit == Limit::BodyTime {
        StatusCode::REQUEST_TIMEOUT
    } else {
        StatusCode::PAYLOAD_TOO_LARGE
    };
    let mut response = ApiError::Status(status).into_response();
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
