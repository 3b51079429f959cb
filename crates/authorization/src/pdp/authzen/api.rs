//! `/access/v1`: decisions as the `OpenID` `AuthZEN` Authorization API 1.0 asks for them.

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    fixture,
    question::{self, Question, Semantic},
};
use crate::pdp::endpoints::DecisionEndpoints;
use crate::{
    callers::Scoped,
    pdp::{
        AtLeast, DecisionReason, PartialRequest, RequiredLevel, TokenReason, api::may_explain,
        call::Call, log::Endpoint, token_api,
    },
};
use foundation::{
    http::{ApiError, ApiResult, Json, body},
    strict_json::{self, MemberNames},
    token::scopes::Authorize,
};
use xacml::{Code, Decision};

/// How deep a question may nest. What is within a `context` is free.
const MAX_DEPTH: usize = 128;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers what a subject may do with a resource.
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "AuthZEN", request_body(content = serde_json::Value, content_type = "application/json"),
    responses((status = 200, body = serde_json::Value, description = "`decision` and `context`"),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401), (status = 403),
        (status = 503, description = "The facts cannot be had; try again")),
    security(("maskinporten" = ["altinn:authorization/authorize", "altinn:authorization/authorize.admin"])))]
pub async fn evaluation(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        let question = Question::read(&members).map_err(bad)?;
        Ok(asker.evaluate(&question).await?.map_err(bad)?.told())
    })
    .await
}

/// Answers several questions in one call, in order.
#[utoipa::path(post, path = "/access/v1/evaluations", tag = "AuthZEN", request_body(content = serde_json::Value, content_type = "application/json"),
    responses((status = 200, body = serde_json::Value, description = "`evaluations`; without questions in a list, as a single evaluation"),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401), (status = 403),
        (status = 503, description = "The facts cannot be had; try again")),
    security(("maskinporten" = ["altinn:authorization/authorize", "altinn:authorization/authorize.admin"])))]
pub async fn evaluations(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        let items = question::batch(
            &members,
            endpoints.config.settings.pdp.max_decisions_per_request,
        )
        .map_err(bad)?;
        let semantic = Semantic::read(&members).map_err(bad)?;
        if items.is_empty() {
            let question = Question::read(&members).map_err(bad)?;
            return Ok(asker.evaluate(&question).await?.map_err(bad)?.told());
        }
        let mut told = Vec::with_capacity(items.len());
        for item in items {
            let (permitted, mut one) = asker.item(&item).await?;
            let ends = match semantic {
                Semantic::ExecuteAll => false,
                Semantic::DenyOnFirstDeny => !permitted,
                Semantic::PermitOnFirstPermit => permitted,
            };
            if ends && semantic == Semantic::DenyOnFirstDeny {
                one["context"]["short_circuit"] = json!("deny_on_first_deny");
            }
            told.push(one);
            if ends {
                break;
            }
        }
        Ok(json!({"evaluations": told}))
    })
    .await
}

/// Where the decision point answers.
#[utoipa::path(get, path = "/.well-known/authzen-configuration", tag = "AuthZEN", responses((status = 200, body = serde_json::Value)))]
pub async fn metadata(
    State(endpoints): State<DecisionEndpoints>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let base = endpoints.address.of(&headers);
    let document = json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    });
    (
        [
            (CACHE_CONTROL, "max-age=3600"),
            (CONTENT_TYPE, "application/json"),
        ],
        document.to_string(),
    )
}

pub fn bad(message: String) -> ApiError {
    ApiError::Text(StatusCode::BAD_REQUEST, message)
}

/// Proves the caller, reads the body, and answers under the caller's request id.
pub async fn answer(
    endpoints: &DecisionEndpoints,
    request: Request,
    work: impl AsyncFnOnce(&Asker<'_>, Map<String, Value>) -> ApiResult<Value>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = parts.headers.get(REQUEST_ID).cloned().unwrap_or_else(|| {
        let made = Uuid::new_v4().to_string();
        HeaderValue::from_str(&made).unwrap_or(HeaderValue::from_static("none"))
    });
    let worked = async {
        let owner: Scoped<Authorize> = Scoped::from_request_parts(&mut parts, endpoints).await?;
        let at_least = AtLeast::read(&parts.headers).map_err(|message| bad(message.to_owned()))?;
        let members = members(endpoints, &parts, body).await?;
        let call = Call::begin(
            &endpoints.pdp,
            Endpoint::Authzen,
            at_least,
            Some(&owner.caller.principal),
        )
        .await;
        let asker = Asker {
            endpoints,
            owner: &owner,
            call,
        };
        let told = work(&asker, members).await?;
        Ok(asker.call.answered(Json(told).into_response()))
    };
    let mut response = match worked.await {
        Ok(response) => response,
        // A sentence as plain text, whatever the client prefers.
        Err(ApiError::Text(status, message)) => (
            status,
            [(CONTENT_TYPE, "text/plain; charset=utf-8")],
            message,
        )
            .into_response(),
        Err(error) => error.into_response(),
    };
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

async fn members(
    endpoints: &DecisionEndpoints,
    parts: &Parts,
    body: Body,
) -> ApiResult<Map<String, Value>> {
    if !body::is_json(&parts.headers) {
        return Err(bad("the body must be application/json".to_owned()));
    }
    let bytes = body::read(
        &parts.headers,
        body,
        endpoints.config.settings.pdp.max_body_bytes,
    )
    .await?;
    match strict_json::value(body::without_mark(&bytes), MAX_DEPTH, MemberNames::Exact) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(bad("the body must be a JSON object".to_owned())),
        Err(error) => {
            let fault = if error.is_data() {
                "names a member twice in one object, or is nested too deeply"
            } else {
                "is not valid JSON"
            };
            Err(bad(format!(
                "the body {fault}: line {}, column {}",
                error.line(),
                error.column()
            )))
        }
    }
}

/// The answer to one question.
struct Evaluated {
    permitted: bool,
    reason: DecisionReason,
    /// Decision and status code, when the decision point was asked.
    xacml: Option<(Decision, Code)>,
    required_level: RequiredLevel,
    granted_by: Option<String>,
    explanation: Option<Value>,
}

impl Evaluated {
    const fn refused(reason: DecisionReason) -> Self {
        Self {
            permitted: false,
            reason,
            xacml: None,
            required_level: RequiredLevel::Any,
            granted_by: None,
            explanation: None,
        }
    }

    fn told(&self) -> Value {
        let mut context = json!({"reason": self.reason.wire()});
        if let Some((decision, status)) = self.xacml {
            context["xacml"] = json!({"decision": decision.as_str(), "status_code": status.urn()});
        }
        if let Some(level) = self.required_level.number() {
            context["minimum_authentication_level"] = json!(level);
        }
        if let Some(granted_by) = &self.granted_by {
            context["granted_by"] = json!(granted_by);
        }
        if let Some(explanation) = &self.explanation {
            context["explanation"].clone_from(explanation);
        }
        json!({"decision": self.permitted, "context": context})
    }
}

/// Who asks.
pub struct Asker<'a> {
    pub endpoints: &'a DecisionEndpoints,
    pub owner: &'a Scoped<Authorize>,
    pub call: Call<'a>,
}

impl Asker<'_> {
    /// The answer to a question of a batch. What is wrong with it is told in its place.
    async fn item(&self, item: &Map<String, Value>) -> ApiResult<(bool, Value)> {
        let fault = |status: u16, message: &str| json!({"decision": false, "context": {"error": {"status": status, "message": message}}});
        let question = match Question::read(item) {
            Ok(question) => question,
            Err(message) => return Ok((false, fault(400, &message))),
        };
        Ok(match self.evaluate(&question).await? {
            Err(message) => (false, fault(400, &message)),
            Ok(evaluated) if evaluated.reason == DecisionReason::UnknownResource => (
                false,
                fault(404, "the resource is unknown, or has no policy"),
            ),
            Ok(evaluated) => (evaluated.permitted, evaluated.told()),
        })
    }

    /// Decides; the inner error is what is wrong with the question.
    async fn evaluate(&self, question: &Question) -> ApiResult<Result<Evaluated, String>> {
        if self.has_fixture() && fixture::knows(&question.subject.kind) {
            let permitted = fixture::permits(question);
            let reason = if permitted {
                DecisionReason::Policy
            } else {
                DecisionReason::NoApplicableRule
            };
            return Ok(Ok(Evaluated {
                permitted,
                ..Evaluated::refused(reason)
            }));
        }
        let explain = match question.explain() {
            Ok(explain) => explain,
            Err(message) => return Ok(Err(message)),
        };
        let (request, token) = match question
            .request()
            .and_then(|request| Ok((request, question.access_token()?)))
        {
            Ok((Ok(request), token)) => (request, token),
            Ok((Err(reason), _)) => {
                self.call.refuse(&PartialRequest::default(), reason).await;
                return Ok(Ok(Evaluated::refused(reason)));
            }
            Err(message) => return Ok(Err(message)),
        };
        if let Some(reason) = self.objection(question, token).await? {
            self.call.refuse(&request, reason).await;
            return Ok(Ok(Evaluated::refused(reason)));
        }
        let settings = &self.endpoints.config.settings.pdp;
        let mut decided = self.call.decide(request, explain).await?;
        if (explain || settings.enforce_resource_owner)
            && !may_explain(&self.owner.caller.principal, &decided)
        {
            return Err(ApiError::Empty(StatusCode::FORBIDDEN));
        }
        let permit = decided.decision == Decision::Permit;
        let required_level = decided.required_level();
        let suffices = required_level.is_met_by(settings.systemuser_auth_level);
        Ok(Ok(Evaluated {
            permitted: permit && suffices,
            reason: if permit && !suffices {
                DecisionReason::InsufficientAuthenticationLevel
            } else {
                decided.reason
            },
            xacml: Some((decided.decision, decided.status)),
            required_level,
            granted_by: if permit {
                self.endpoints.pdp.granted_by(&decided)
            } else {
                None
            },
            explanation: decided.explanation.take(),
        }))
    }

    /// Whether the world of the certification is switched on.
    pub fn has_fixture(&self) -> bool {
        self.endpoints.config.settings.authzen.conformance_fixture
    }

    /// Why the system user is not the one it is said to be; none when nothing speaks against it.
    pub async fn objection(
        &self,
        question: &Question,
        token: Option<&str>,
    ) -> ApiResult<Option<DecisionReason>> {
        let user = match question.system_user() {
            Ok(user) => user,
            Err(reason) => return Ok(Some(reason)),
        };
        if let Some(token) = token {
            match token_api::system_users_of(self.endpoints, token, self.call.view()).await? {
                Err(reason) => return Ok(Some(reason.into())),
                Ok(listed) if !user.is_some_and(|id| listed.contains(&id)) => {
                    return Ok(Some(TokenReason::SystemUserMismatch.into()));
                }
                Ok(_) => {}
            }
        }
        match user {
            Some(id) => self.contradicted(id, question).await,
            None => Ok(None),
        }
    }

    /// Why what is asserted about a system user does not hold; none when it does.
    async fn contradicted(
        &self,
        id: Uuid,
        question: &Question,
    ) -> ApiResult<Option<DecisionReason>> {
        let asserted = question.assertions();
        if asserted == question::Assertions::default() {
            return Ok(None);
        }
        let found = self
            .endpoints
            .authenticator
            .live_system_users()
            .among(&[id], self.call.view().from_memory)
            .await?;
        let Some(user) = found.first() else {
            return Ok(Some(DecisionReason::UnknownSubject));
        };
        let owner = asserted
            .owner
            .as_deref()
            .map(|owner| owner.strip_prefix("0192:").unwrap_or(owner));
        let agrees = asserted
            .system_id
            .is_none_or(|system| system == user.system_id)
            && owner.is_none_or(|owner| owner == user.owner_org);
        Ok((!agrees).then_some(DecisionReason::SubjectMismatch))
    }
}
