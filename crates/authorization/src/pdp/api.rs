//! `/authorization/api/v1`: decisions, for service owners and for the platform's own parts.

use std::pin::pin;

use axum::{
    body::{Body, Bytes},
    extract::{FromRef, FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, StatusCode, header::CONTENT_TYPE, request::Parts};
use serde_json::json;
use utoipa::openapi::path::Operation;

use super::{
    DecisionDetails, MinimumPosition, PartialRequest, Pdp,
    budget::{ExceededBound, LargeCall, UndecidedCause, check_containers, in_time},
    call::DecisionCall,
    log::Endpoint,
    parts::DecisionParts,
    request::{self, DecisionRequest, RequestCategory, RequestFault},
    response::{DecisionResponse, DecisionResultJson, RepeatedResults},
    xml,
};
use crate::bodies::{SubscriptionKeyRefusal, XacmlRequestBody};
use crate::callers::{BackEnd, ScopedCaller};
use crate::pdp::endpoints::DecisionEndpoints;
use foundation::{
    http::{
        ApiError, ApiResult, Json, body, context,
        describe::{self, DescribeInput},
        query::Query,
    },
    limits::LimitRefusal,
    telemetry::security::SecurityEvent,
    token::{
        Principal, TokenRefusal,
        scopes::{AUTHORIZE_ADMIN, Authorize},
    },
};

/// How a request is written; its answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DecisionFormat {
    Json,
    Xml,
}

impl DecisionFormat {
    /// By media type.
    fn named(headers: &HeaderMap) -> Option<Self> {
        if body::is_json(headers) {
            return Some(Self::Json);
        }
        let essence = headers
            .get(CONTENT_TYPE)?
            .to_str()
            .ok()?
            .split(';')
            .next()?
            .trim()
            .to_ascii_lowercase();
        let is_xml = essence == "application/xml"
            || essence == "text/xml"
            || (essence.starts_with("application/") && essence.ends_with("+xml"));
        is_xml.then_some(Self::Xml)
    }

    /// By the first character.
    fn seen(bytes: &[u8]) -> Self {
        if body::without_mark(bytes).trim_ascii_start().first() == Some(&b'<') {
            Self::Xml
        } else {
            Self::Json
        }
    }

    /// The answer. `places` are those of the results that the answer has; none when it has them all,
    /// in order.
    fn answer(self, results: Vec<DecisionDetails>, places: Option<&[usize]>) -> Response {
        match self {
            Self::Json => {
                let response: Vec<DecisionResultJson> =
                    results.into_iter().map(DecisionResultJson::from).collect();
                match places {
                    None => Json(DecisionResponse { response }).into_response(),
                    Some(places) => Json(RepeatedResults {
                        response: places.iter().map(|place| &response[*place]).collect(),
                    })
                    .into_response(),
                }
            }
            Self::Xml => (
                [(CONTENT_TYPE, "application/xml; charset=utf-8")],
                xml::write(results),
            )
                .into_response(),
        }
    }
}

/// The body of a decision request, in JSON or XML.
#[derive(Debug)]
pub struct DecisionBody {
    format: DecisionFormat,
    bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for DecisionBody
where
    DecisionEndpoints: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, state: &S) -> ApiResult<Self> {
        let endpoints = DecisionEndpoints::from_ref(state);
        let (parts, body) = request.into_parts();
        let format = DecisionFormat::named(&parts.headers);
        if format.is_none() && parts.headers.contains_key(CONTENT_TYPE) {
            return Err(ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = body::read(
            &parts.headers,
            body,
            endpoints.config.settings.pdp.max_body_bytes,
        )
        .await?;
        if format.is_none() && !bytes.is_empty() {
            return Err(ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        Ok(Self {
            format: format.unwrap_or(DecisionFormat::Json),
            bytes,
        })
    }
}

/// As [`DecisionBody`], with any media type or none.
#[derive(Debug)]
pub struct AnyDecisionBody(DecisionBody);

impl<S: Send + Sync> FromRequest<S> for AnyDecisionBody
where
    DecisionEndpoints: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, state: &S) -> ApiResult<Self> {
        let endpoints = DecisionEndpoints::from_ref(state);
        let (parts, body) = request.into_parts();
        let bytes = body::read(
            &parts.headers,
            body,
            endpoints.config.settings.pdp.max_body_bytes,
        )
        .await?;
        let format =
            DecisionFormat::named(&parts.headers).unwrap_or_else(|| DecisionFormat::seen(&bytes));
        Ok(Self(DecisionBody { format, bytes }))
    }
}

const SUBSCRIPTION_KEY: HeaderName = HeaderName::from_static("ocp-apim-subscription-key");

/// Whether the request carries one of the configured subscription keys.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionKey(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for SubscriptionKey
where
    DecisionEndpoints: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let endpoints = DecisionEndpoints::from_ref(state);
        let given = parts
            .headers
            .get(SUBSCRIPTION_KEY)
            .map(http::HeaderValue::as_bytes);
        let keys = &endpoints.config.subscription_keys;
        let is_known = given.is_some_and(|given| keys.contains(given));
        // Clients of the public system send a key where none is configured.
        if given.is_some()
            && !is_known
            && !endpoints.config.settings.pdp.subscription_keys.is_empty()
        {
            context::report(SecurityEvent::AuthFailed {
                reason: TokenRefusal::SubscriptionKey.wire(),
                issuer: None,
            });
        }
        Ok(Self(is_known))
    }
}

/// Decides what a subject may do with a resource for a party.
///
/// The body is a XACML 3.0 request in the JSON profile, or in XML. Every evaluation answers 200; a
/// fault of the request is the decision `Indeterminate` with its status code; so is a request that
/// means several parties, resources, subjects or actions. With `MultiRequests` there is one result
/// per reference. Roles, packages, party types and access lists of the subject are taken from callers
/// with the admin scope; from others they are left out.
#[utoipa::path(
    post,
    operation_id = "authorizeRequest",
    path = "/authorization/api/v1/authorize",
    tag = "Service owner",
    params(("explain" = Option<bool>, Query)),
    request_body(content((XacmlRequestBody = "application/json"), (String = "application/xml"))),
    responses(
        (status = 200, content((DecisionResponse = "application/json"), (String = "application/xml")), description = "The decisions, written as the request is"),
        (status = 400, description = "The body is no JSON request, or asks for too many decisions"),
        (status = 401, body = SubscriptionKeyRefusal, description = "No valid token, or a subscription key is asked for and missing: the latter with a body"),
        (status = 403, description = "The scope is missing"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor XML"),
        (status = 503, description = "The facts cannot be had; try again"),
    )
)]
pub async fn authorize(
    State(endpoints): State<DecisionEndpoints>,
    owner: ScopedCaller<Authorize>,
    at_least: MinimumPosition,
    query: Query,
    SubscriptionKey(has_key): SubscriptionKey,
    body: DecisionBody,
) -> ApiResult<Response> {
    if !endpoints.config.subscription_keys.is_empty() && !has_key {
        let message = "Access denied: the subscription key is missing or not valid.";
        return Ok((
            StatusCode::UNAUTHORIZED,
            Json(json!({"statusCode": 401, "message": message})),
        )
            .into_response());
    }
    let explain = query.flag("explain")?;
    let settings = &endpoints.config.settings.pdp;
    in_time(
        settings.deadline_s,
        pin!(async {
            let principal = &owner.caller.principal;
            let admin = principal.scopes.contains(AUTHORIZE_ADMIN);
            let asked = AcceptedDecisionRequest::read(&endpoints.pdp, &body).await?;
            let parts = asked.parts(settings.max_decisions_per_request)?;
            let _space = asked.wait_for_space(&endpoints.pdp, &parts).await?;
            let (requests, places) = partial_requests(
                parts,
                |entries| PartialRequest::of(entries, admin),
                PartialRequest::faulty,
            );
            let call = DecisionCall::begin(
                &endpoints.pdp,
                Endpoint::External,
                at_least,
                Some(principal),
            )
            .await;
            let places = places.as_deref();
            let results = call.decide_all(&requests, places, explain).await?;
            let owned_only = settings.enforce_resource_owner || explain;
            if owned_only
                && !results
                    .iter()
                    .all(|decided| may_explain(principal, decided))
            {
                return Err(ApiError::Empty(StatusCode::FORBIDDEN));
            }
            Ok(call.answered(body.format.answer(results, places)))
        }),
    )
    .await
}

/// Decides for the platform's own parts, such as apps and their libraries.
///
/// Takes a configured subscription key, a token with a scope of `authorize`, or a platform access
/// token. What is wrong with the body is the decision `Indeterminate` too. Persons are not named by
/// identity number. Roles, packages, party types and access lists of the subject are taken from
/// callers with the admin scope, a platform access token or a subscription key; from others they are
/// left out.
#[utoipa::path(
    post,
    operation_id = "decideForPlatform",
    path = "/authorization/api/v1/decision",
    tag = "Operations",
    params(("explain" = Option<bool>, Query)),
    request_body(content((XacmlRequestBody = "application/json"), (String = "application/xml"))),
    responses(
        (status = 200, content((DecisionResponse = "application/json"), (String = "application/xml")), description = "The decisions, written as the request is"),
        (status = 401, description = "No valid token or subscription key"),
        (status = 413, description = "The body is too large"),
        (status = 503, description = "The facts cannot be had; try again"),
    )
)]
pub async fn decision(
    State(endpoints): State<DecisionEndpoints>,
    caller: Result<BackEnd<Authorize>, ApiError>,
    at_least: MinimumPosition,
    query: Query,
    SubscriptionKey(has_key): SubscriptionKey,
    request: Request,
) -> ApiResult<Response> {
    let caller = match caller {
        Ok(caller) => Some(caller),
        Err(error @ ApiError::Limited(_)) => return Err(error),
        Err(_) if has_key || endpoints.config.settings.pdp.decision_open => None,
        Err(ApiError::InsufficientScope(_)) => {
            return Err(ApiError::Unauthorized(Some(
                TokenRefusal::InsufficientScope,
            )));
        }
        Err(error) => return Err(error),
    };
    if caller.is_none() {
        let address = context::current().and_then(|context| context.address);
        context::admit_other(&("address", address))?;
    }
    let AnyDecisionBody(body) = AnyDecisionBody::from_request(request, &endpoints).await?;
    let explain = query.flag("explain")?;
    let settings = &endpoints.config.settings.pdp;
    in_time(
        settings.deadline_s,
        pin!(async {
            let principal = caller.as_ref().and_then(BackEnd::principal);
            let is_trusted = has_key
                || match &caller {
                    Some(BackEnd::Platform(_)) => true,
                    Some(BackEnd::Scoped(scoped)) => scoped.has_scope(AUTHORIZE_ADMIN),
                    None => false,
                };
            let faulty = |message| PartialRequest::faulty(RequestFault::Syntax(message)).internal();
            let asked = AcceptedDecisionRequest::read(&endpoints.pdp, &body).await;
            let parts = match &asked {
                Ok(asked) => asked
                    .parts(settings.max_decisions_per_request)
                    .map_err(ExceededBound::message),
                Err(_) => Err("the body is no JSON request"),
            };
            let _space = match (&asked, &parts) {
                (Ok(asked), Ok(parts)) => asked.wait_for_space(&endpoints.pdp, parts).await?,
                _ => None,
            };
            let (requests, places) = match parts {
                Ok(parts) => {
                    let of = |entries| PartialRequest::of(entries, is_trusted).internal();
                    let faulty = |fault| PartialRequest::faulty(fault).internal();
                    partial_requests(parts, of, faulty)
                }
                Err(message) => (vec![faulty(message)], None),
            };
            let places = places.as_deref();
            let call =
                DecisionCall::begin(&endpoints.pdp, Endpoint::Internal, at_least, principal).await;
            let (results, places) = match call.decide_all(&requests, places, explain).await {
                Ok(results) => (results, places),
                Err(UndecidedCause::Database(error)) => return Err(error.into()),
                Err(UndecidedCause::Excess(excess)) => {
                    let only = [faulty(excess.message())];
                    (call.decide_all(&only, None, explain).await?, None)
                }
            };
            let may_know = |decided: &DecisionDetails| {
                has_key || principal.is_some_and(|p| may_explain(p, decided))
            };
            if explain && !results.iter().all(may_know) {
                return Err(ApiError::Empty(StatusCode::FORBIDDEN));
            }
            Ok(call.answered(body.format.answer(results, places)))
        }),
    )
    .await
}

/// A request that was read.
struct AcceptedDecisionRequest<'b> {
    request: DecisionRequest<'b>,
    /// A large body has space as long as it is there.
    capacity: Option<LargeCall>,
}

impl<'b> AcceptedDecisionRequest<'b> {
    /// Reads a body: a large one in a thread where no other request waits for it.
    async fn read(pdp: &Pdp, body: &'b DecisionBody) -> ApiResult<Self> {
        let read = || match body.format {
            DecisionFormat::Json => {
                check_containers(&body.bytes)?;
                request::read(&body.bytes)
            }
            DecisionFormat::Xml => Ok(xml::read(&body.bytes)),
        };
        let capacity = pdp.capacity.for_call(0, 0, body.bytes.len()).await?;
        let request = if body.bytes.len() > INLINE_BYTES {
            Box::pin(pdp.capacity.evaluate(read)).await?
        } else {
            read()?
        };
        Ok(Self { request, capacity })
    }

    /// Waits for space for the decisions, if there is none for the body already.
    async fn wait_for_space(
        &self,
        pdp: &Pdp,
        parts: &DecisionParts<'_>,
    ) -> Result<Option<LargeCall>, LimitRefusal> {
        context::count_as(parts.different.len())?;
        if self.capacity.is_some() {
            return Ok(None);
        }
        pdp.capacity
            .for_call(parts.different.len(), parts.attributes, 0)
            .await
    }

    /// What decisions it asks for.
    fn parts(&self, max_decisions: usize) -> Result<DecisionParts<'_>, ExceededBound> {
        DecisionParts::of(&self.request, max_decisions)
    }
}

/// Bytes of a body that is read where the call is answered: this takes about a millisecond.
const INLINE_BYTES: usize = 16 * 1024;

/// Whether a caller may learn how a decision came about: of its own resource, or of any with the
/// admin scope.
pub fn may_explain(principal: &Principal, decided: &DecisionDetails) -> bool {
    principal.scopes.contains(AUTHORIZE_ADMIN) || decided.is_owned_by(principal.organization())
}

/// A request for each different decision wanted, and the places of these among all.
fn partial_requests<'r>(
    parts: DecisionParts<'r>,
    of: impl Fn(Vec<&'r RequestCategory<'r>>) -> PartialRequest<'r>,
    faulty: impl Fn(RequestFault) -> PartialRequest<'r>,
) -> (Vec<PartialRequest<'r>>, Option<Vec<usize>>) {
    let requests = parts
        .different
        .into_iter()
        .map(|part| part.map_or_else(&faulty, &of))
        .collect();
    (requests, parts.places)
}

impl DescribeInput for DecisionBody {
    fn describe(operation: &mut Operation) {
        for status in [400, 413, 415] {
            describe::answer(operation, status);
        }
    }
}

impl DescribeInput for SubscriptionKey {
    fn describe(operation: &mut Operation) {
        describe::header(
            operation,
            "Ocp-Apim-Subscription-Key",
            "A subscription key, where the installation has any.",
        );
    }
}
