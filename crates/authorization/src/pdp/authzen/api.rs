//! `/access/v1`: decisions as the `OpenID` `AuthZEN` Authorization API 1.0 asks for them.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts as _, Request, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, value::RawValue};
use uuid::Uuid;

use super::{
    fixture,
    question::{
        self, AuthzenQuestion, BatchSemantic, ContextEnvironment, QuestionBatch, QuestionSources,
    },
};
use crate::bodies::{
    AuthzenMetadata, EvaluationAnswer, EvaluationBody, EvaluationsAnswer, EvaluationsBody,
};
use crate::pdp::endpoints::DecisionEndpoints;
use crate::{
    callers::ScopedCaller,
    pdp::{
        DecisionDetails, DecisionMode, DecisionReason, MinimumPosition, PartialRequest,
        TokenReason,
        api::may_explain,
        budget::{
            ExceededBound, LargeCall, MAX_ATTRIBUTES, UndecidedCause, check_containers, in_time,
        },
        call::DecisionCall,
        log::Endpoint,
        token_api,
    },
};
use foundation::{
    http::{ApiError, ApiResult, Json, body, context},
    limits::LimitRefusal,
    strict_json::{self, MemberNames},
    token::scopes::Authorize,
};
use xacml::Decision;

/// How deep a question may nest. What is within a `context` is free.
const MAX_DEPTH: usize = 128;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers what a subject may do with a resource.
#[utoipa::path(post, operation_id = "evaluateAccess", path = "/access/v1/evaluation", tag = "Service owner", request_body = EvaluationBody,
    responses((status = 200, body = EvaluationAnswer),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401), (status = 403),
        (status = 503, description = "The facts cannot be had; try again")),
    security(("organizationToken" = ["altinn:authorization/authorize"]), ("organizationToken" = ["altinn:authorization/authorize.admin"])))]
pub async fn evaluation(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        Ok(Json(asker.single(members).await?).into_response())
    })
    .await
}

/// Answers several questions in one call, in order.
#[utoipa::path(post, operation_id = "evaluateAccessBatch", path = "/access/v1/evaluations", tag = "Service owner", request_body = EvaluationsBody,
    responses((status = 200, body = EvaluationsAnswer),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401), (status = 403),
        (status = 503, description = "The facts cannot be had; try again")),
    security(("organizationToken" = ["altinn:authorization/authorize"]), ("organizationToken" = ["altinn:authorization/authorize.admin"])))]
pub async fn evaluations(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        let max_questions = endpoints.config.settings.pdp.max_decisions_per_request;
        let batch = QuestionBatch::of(members, max_questions).map_err(bad)?;
        let semantic = BatchSemantic::read(members).map_err(bad)?;
        if batch.places.is_empty() {
            return Ok(Json(asker.single(members).await?).into_response());
        }
        context::count_as(batch.different.len())?;
        let _space = asker
            .wait_for_space(batch.different.len(), batch.attributes)
            .await?;
        asker.several(&batch, semantic).await
    })
    .await
}

/// Where the decision point answers.
#[utoipa::path(get, operation_id = "getAuthzenMetadata", path = "/.well-known/authzen-configuration", tag = "Service owner", responses((status = 200, body = AuthzenMetadata)))]
pub async fn metadata(
    State(endpoints): State<DecisionEndpoints>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let base = endpoints.address.of(&headers);
    let document = AuthzenMetadata {
        access_evaluation_endpoint: format!("{base}/access/v1/evaluation"),
        access_evaluations_endpoint: format!("{base}/access/v1/evaluations"),
        search_subject_endpoint: format!("{base}/access/v1/search/subject"),
        search_resource_endpoint: format!("{base}/access/v1/search/resource"),
        search_action_endpoint: format!("{base}/access/v1/search/action"),
        policy_decision_point: base,
    };
    ([(CACHE_CONTROL, "max-age=3600")], axum::Json(document))
}

pub fn bad(message: String) -> ApiError {
    ApiError::Text(StatusCode::BAD_REQUEST, message)
}

fn excess(excess: ExceededBound) -> ApiError {
    bad(excess.to_string())
}

/// Why there are no decisions, as these endpoints answer it.
pub fn undecided(undecided: UndecidedCause) -> ApiError {
    match undecided {
        UndecidedCause::Database(error) => error.into(),
        UndecidedCause::Excess(beyond) => excess(beyond),
    }
}

/// Proves the caller, reads the body, and answers under the caller's request id.
pub async fn answer(
    endpoints: &DecisionEndpoints,
    request: Request,
    work: impl AsyncFnOnce(&QuestionCaller<'_>, &Map<String, Value>) -> ApiResult<Response>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = parts.headers.get(REQUEST_ID).cloned().unwrap_or_else(|| {
        let made = Uuid::new_v4().to_string();
        HeaderValue::from_str(&made).unwrap_or(HeaderValue::from_static("none"))
    });
    let worked = async {
        let owner: ScopedCaller<Authorize> =
            ScopedCaller::from_request_parts(&mut parts, endpoints).await?;
        let at_least =
            MinimumPosition::read(&parts.headers).map_err(|message| bad(message.to_owned()))?;
        let bytes = bytes(endpoints, &parts, body).await?;
        in_time(
            endpoints.config.settings.pdp.deadline_s,
            pin!(async {
                let capacity = &endpoints.pdp.capacity;
                let large_body = capacity.for_call(0, 0, bytes.len()).await?;
                let members = if bytes.len() > INLINE_BYTES {
                    Box::pin(capacity.evaluate(|| members(&bytes))).await?
                } else {
                    members(&bytes)?
                };
                let call = DecisionCall::begin(
                    &endpoints.pdp,
                    Endpoint::Authzen,
                    at_least,
                    Some(&owner.caller.principal),
                )
                .await;
                let asker = QuestionCaller {
                    endpoints,
                    owner: &owner,
                    call,
                    has_space: large_body.is_some(),
                };
                let answer = work(&asker, &members).await?;
                Ok(asker.call.answered(answer))
            }),
        )
        .await
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

/// Bytes of a body that is read where the call is answered: this takes about a millisecond.
const INLINE_BYTES: usize = 16 * 1024;

async fn bytes(endpoints: &DecisionEndpoints, parts: &Parts, body: Body) -> ApiResult<Bytes> {
    if !body::is_json(&parts.headers) {
        return Err(bad("the body must be application/json".to_owned()));
    }
    let limit = endpoints.config.settings.pdp.max_body_bytes;
    body::read(&parts.headers, body, limit).await
}

fn members(bytes: &[u8]) -> ApiResult<Map<String, Value>> {
    check_containers(bytes).map_err(excess)?;
    match strict_json::value(body::without_mark(bytes), MAX_DEPTH, MemberNames::Exact) {
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
#[derive(Debug, Serialize)]
struct QuestionAnswer {
    decision: bool,
    context: AnswerContext,
}

#[derive(Debug, Serialize)]
struct AnswerContext {
    reason: ReasonWord,
    /// When the decision point was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    xacml: Option<XacmlOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_authentication_level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Arc<RawValue>>,
}

#[derive(Debug, Serialize)]
struct XacmlOutcome {
    decision: &'static str,
    status_code: &'static str,
}

/// A reason as its word.
#[derive(Debug, Clone, Copy)]
struct ReasonWord(DecisionReason);

impl Serialize for ReasonWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.wire())
    }
}

impl QuestionAnswer {
    const fn refused(reason: DecisionReason) -> Self {
        Self {
            decision: false,
            context: AnswerContext {
                reason: ReasonWord(reason),
                xacml: None,
                minimum_authentication_level: None,
                granted_by: None,
                explanation: None,
            },
        }
    }
}

/// An answer as an element of the answer of a batch.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum BatchAnswerElement<'a> {
    Evaluated(&'a QuestionAnswer),
    Ending {
        decision: bool,
        context: EndingContext<'a>,
    },
    Faulty {
        decision: bool,
        context: ErrorContext<'a>,
    },
}

/// The context of the answer that ended a batch.
#[derive(Debug, Serialize)]
struct EndingContext<'a> {
    #[serde(flatten)]
    context: Option<&'a AnswerContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<QuestionError<'a>>,
    short_circuit: &'static str,
}

#[derive(Debug, Serialize)]
struct ErrorContext<'a> {
    error: QuestionError<'a>,
}

/// What is wrong with a question of a batch.
#[derive(Debug, Clone, Copy, Serialize)]
struct QuestionError<'a> {
    status: u16,
    message: &'a str,
}

/// A question with its answer, and with what the log is to have of it.
#[derive(Debug)]
struct AnsweredQuestion<'q> {
    /// The error is what is wrong with the question.
    outcome: Result<QuestionAnswer, String>,
    log: LoggedAnswer<'q>,
}

#[derive(Debug)]
enum LoggedAnswer<'q> {
    /// Nothing was decided about.
    Nothing,
    /// It was refused without a decision.
    Refused(PartialRequest<'q>, DecisionReason),
    /// It was decided in this time, with others.
    Decided(PartialRequest<'q>, Box<DecisionDetails>, Duration),
}

impl AnsweredQuestion<'_> {
    fn is_permit(&self) -> bool {
        self.outcome
            .as_ref()
            .is_ok_and(|evaluated| evaluated.decision)
    }

    fn error(&self) -> Option<QuestionError<'_>> {
        match &self.outcome {
            Err(message) => Some(QuestionError {
                status: 400,
                message,
            }),
            Ok(evaluated) if evaluated.context.reason.0 == DecisionReason::UnknownResource => {
                Some(QuestionError {
                    status: 404,
                    message: "the resource is unknown, or has no policy",
                })
            }
            Ok(_) => None,
        }
    }

    /// As an element of a batch, perhaps the one that ends it.
    fn element(&self, ends: bool) -> BatchAnswerElement<'_> {
        let (error, evaluated) = (self.error(), self.outcome.as_ref().ok());
        let decision = self.is_permit();
        match (error, evaluated, ends) {
            (None, Some(evaluated), false) => BatchAnswerElement::Evaluated(evaluated),
            (Some(error), _, false) => BatchAnswerElement::Faulty {
                decision,
                context: ErrorContext { error },
            },
            (error, evaluated, _) => BatchAnswerElement::Ending {
                decision,
                context: EndingContext {
                    context: evaluated
                        .filter(|_| error.is_none())
                        .map(|evaluated| &evaluated.context),
                    error,
                    short_circuit: "deny_on_first_deny",
                },
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct BatchAnswer<'a> {
    evaluations: Vec<BatchAnswerElement<'a>>,
}

/// A question that the decision point is asked.
struct OpenQuestion<'q> {
    /// Its place among the questions.
    place: usize,
    request: PartialRequest<'q>,
}

/// The system users of the tokens in questions.
pub type TokenSystemUsers<'q> = HashMap<&'q str, Result<Vec<Uuid>, TokenReason>>;

/// Questions of a batch that may be the last one are decided so many at a time.
const CHUNK: usize = 32;

/// Who asks.
pub struct QuestionCaller<'a> {
    pub endpoints: &'a DecisionEndpoints,
    pub owner: &'a ScopedCaller<Authorize>,
    pub call: DecisionCall<'a>,
    /// The call has space for a large one.
    has_space: bool,
}

impl QuestionCaller<'_> {
    /// Waits for space, when the call is large and has none.
    pub async fn wait_for_space(
        &self,
        decisions: usize,
        attributes: usize,
    ) -> Result<Option<LargeCall>, LimitRefusal> {
        if self.has_space {
            return Ok(None);
        }
        self.endpoints
            .pdp
            .capacity
            .for_call(decisions, attributes, 0)
            .await
    }

    /// The answer to the one question of a call.
    async fn single(&self, members: &Map<String, Value>) -> ApiResult<QuestionAnswer> {
        let sources = QuestionSources::of(members);
        let attributes = sources.attributes();
        if attributes > MAX_ATTRIBUTES {
            return Err(bad(ExceededBound::Attributes.to_string()));
        }
        let _space = self.wait_for_space(1, attributes).await?;
        let question = AuthzenQuestion::read(sources).map_err(bad)?;
        let environment = ContextEnvironment::of(question.context);
        let mut answered = self.evaluate(&[(question, &environment)], 1).await?;
        let Some(answered) = answered.pop() else {
            return Err(ApiError::internal(anyhow::anyhow!("no answer")));
        };
        self.log(&answered, 1).await;
        answered.outcome.map_err(bad)
    }

    /// The answers to the questions of a batch, in order.
    async fn several(
        &self,
        batch: &QuestionBatch<'_>,
        semantic: BatchSemantic,
    ) -> ApiResult<Response> {
        let questions: Vec<Result<AuthzenQuestion<'_>, String>> = batch
            .different
            .iter()
            .map(|sources| AuthzenQuestion::read(*sources))
            .collect();
        let contexts = ContextEnvironments::of(&questions);
        let at_a_time = match semantic {
            BatchSemantic::ExecuteAll => questions.len(),
            BatchSemantic::DenyOnFirstDeny | BatchSemantic::PermitOnFirstPermit => CHUNK,
        };
        let parts = batch.places.len();
        let mut answered: Vec<AnsweredQuestion<'_>> = Vec::with_capacity(questions.len());
        let mut shown: Vec<(usize, bool)> = Vec::with_capacity(parts);
        for place in &batch.places {
            while answered.len() <= *place {
                let next = answered.len()..(answered.len() + at_a_time).min(questions.len());
                answered.extend(self.some(&questions[next], &contexts, parts).await?);
            }
            let one = &answered[*place];
            let ends = match semantic {
                BatchSemantic::ExecuteAll => false,
                BatchSemantic::DenyOnFirstDeny => !one.is_permit(),
                BatchSemantic::PermitOnFirstPermit => one.is_permit(),
            };
            shown.push((*place, ends && semantic == BatchSemantic::DenyOnFirstDeny));
            if ends {
                break;
            }
        }
        let decided = shown
            .iter()
            .filter_map(|(place, _)| match &answered[*place].log {
                LoggedAnswer::Decided(_, decided, _) => Some(&**decided),
                LoggedAnswer::Nothing | LoggedAnswer::Refused(..) => None,
            });
        DecisionCall::check_answer(decided).map_err(excess)?;
        for (place, _) in &shown {
            self.log(&answered[*place], parts).await;
        }
        let evaluations = shown
            .into_iter()
            .map(|(place, ends)| answered[place].element(ends))
            .collect();
        Ok(Json(BatchAnswer { evaluations }).into_response())
    }

    /// The answers to some questions of a batch.
    async fn some<'q>(
        &self,
        questions: &[Result<AuthzenQuestion<'q>, String>],
        contexts: &'q ContextEnvironments<'q>,
        parts: usize,
    ) -> ApiResult<Vec<AnsweredQuestion<'q>>> {
        let good: Vec<(AuthzenQuestion<'q>, &'q ContextEnvironment<'q>)> = questions
            .iter()
            .filter_map(|question| question.as_ref().ok())
            .map(|question| (*question, contexts.of_question(question)))
            .collect();
        let mut answered = self.evaluate(&good, parts).await?.into_iter();
        let all = questions.iter().map(|question| match question {
            Ok(_) => answered.next(),
            Err(message) => Some(AnsweredQuestion {
                outcome: Err(message.clone()),
                log: LoggedAnswer::Nothing,
            }),
        });
        all.collect::<Option<Vec<_>>>()
            .ok_or_else(|| ApiError::internal(anyhow::anyhow!("a question without an answer")))
    }

    /// Answers questions of a call with so many parts: what is not in memory is read at once for all.
    async fn evaluate<'q>(
        &self,
        questions: &[(AuthzenQuestion<'q>, &'q ContextEnvironment<'q>)],
        parts: usize,
    ) -> ApiResult<Vec<AnsweredQuestion<'q>>> {
        let mut answered: Vec<Option<AnsweredQuestion<'q>>> = Vec::with_capacity(questions.len());
        let (mut plain, mut explained) = (Vec::new(), Vec::new());
        let mut tokens = TokenSystemUsers::new();
        for (place, (question, environment)) in questions.iter().enumerate() {
            let (one, explain) = self.prepare(question, environment, &mut tokens).await?;
            answered.push(match one {
                QuestionProgress::Answered(one) => Some(one),
                QuestionProgress::Open(request) => {
                    let list = if explain { &mut explained } else { &mut plain };
                    list.push(OpenQuestion { place, request });
                    None
                }
            });
            // Each may take the time of checking a token.
            tokio::task::consume_budget().await;
        }
        for (explain, open) in [(false, plain), (true, explained)] {
            if open.is_empty() {
                continue;
            }
            let (places, requests): (Vec<usize>, Vec<PartialRequest<'q>>) = open
                .into_iter()
                .map(|open| (open.place, open.request))
                .unzip();
            let view = DecisionMode {
                explain,
                names_packages: true,
                ..self.call.view_of(parts)
            };
            let (pdp, began) = (&self.endpoints.pdp, Instant::now());
            let decided = pdp
                .decide_all(view, &requests, self.call.budget())
                .await
                .map_err(undecided)?;
            let took = began.elapsed();
            self.call.took(took);
            for ((place, request), decided) in places.into_iter().zip(requests).zip(decided) {
                let outcome = Ok(self.evaluated(&decided, explain)?);
                answered[place] = Some(AnsweredQuestion {
                    outcome,
                    log: LoggedAnswer::Decided(request, Box::new(decided), took),
                });
            }
        }
        let all: Option<Vec<_>> = answered.into_iter().collect();
        all.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a question without an answer")))
    }

    /// Everything that comes before a decision, and whether an explanation is wanted.
    async fn prepare<'q>(
        &self,
        question: &AuthzenQuestion<'q>,
        environment: &'q ContextEnvironment<'q>,
        tokens: &mut TokenSystemUsers<'q>,
    ) -> ApiResult<(QuestionProgress<'q>, bool)> {
        let answered = |outcome, log| {
            (
                QuestionProgress::Answered(AnsweredQuestion { outcome, log }),
                false,
            )
        };
        let refused = |request, reason| {
            answered(
                Ok(QuestionAnswer::refused(reason)),
                LoggedAnswer::Refused(request, reason),
            )
        };
        if self.has_fixture() && fixture::knows(question.subject.kind) {
            let decision = fixture::permits(question);
            let reason = if decision {
                DecisionReason::Policy
            } else {
                DecisionReason::NoApplicableRule
            };
            let evaluated = QuestionAnswer {
                decision,
                ..QuestionAnswer::refused(reason)
            };
            return Ok(answered(Ok(evaluated), LoggedAnswer::Nothing));
        }
        let read = question.explain().and_then(|explain| {
            let request = question.request(environment)?;
            Ok((explain, request, question.access_token()?))
        });
        let (explain, request, token) = match read {
            Ok((explain, Ok(request), token)) => (explain, request, token),
            Ok((_, Err(reason), _)) => return Ok(refused(PartialRequest::default(), reason)),
            Err(message) => return Ok(answered(Err(message), LoggedAnswer::Nothing)),
        };
        Ok(match self.objection(question, token, tokens).await? {
            Some(reason) => refused(request, reason),
            None => (QuestionProgress::Open(request), explain),
        })
    }

    /// A decision as the answer to a question.
    fn evaluated(&self, decided: &DecisionDetails, explain: bool) -> ApiResult<QuestionAnswer> {
        let settings = &self.endpoints.config.settings.pdp;
        if (explain || settings.enforce_resource_owner)
            && !may_explain(&self.owner.caller.principal, decided)
        {
            return Err(ApiError::Empty(StatusCode::FORBIDDEN));
        }
        let permit = decided.decision == Decision::Permit;
        let required_level = decided.required_level();
        let suffices = required_level.is_met_by(settings.systemuser_auth_level);
        Ok(QuestionAnswer {
            decision: permit && suffices,
            context: AnswerContext {
                reason: ReasonWord(if permit && !suffices {
                    DecisionReason::InsufficientAuthenticationLevel
                } else {
                    decided.reason
                }),
                xacml: Some(XacmlOutcome {
                    decision: decided.decision.as_str(),
                    status_code: decided.status.urn(),
                }),
                minimum_authentication_level: required_level.number(),
                granted_by: if permit {
                    self.endpoints.pdp.granted_by(decided)
                } else {
                    None
                },
                explanation: decided.explanation.clone(),
            },
        })
    }

    /// Logs what became of a question of a call with so many parts.
    async fn log(&self, answered: &AnsweredQuestion<'_>, parts: usize) {
        match &answered.log {
            LoggedAnswer::Nothing => {}
            LoggedAnswer::Refused(request, reason) => self.call.refuse(request, *reason).await,
            LoggedAnswer::Decided(request, decided, took) => {
                let bytes = self.call.view_of(parts).context_bytes;
                self.call.record(bytes, request, decided, *took).await;
            }
        }
    }

    /// Whether the data of the certification are switched on.
    pub fn has_fixture(&self) -> bool {
        self.endpoints.config.settings.authzen.conformance_fixture
    }

    /// Why the system user is not the one it is said to be; none when there is no objection.
    pub async fn objection<'q>(
        &self,
        question: &AuthzenQuestion<'q>,
        token: Option<&'q str>,
        tokens: &mut TokenSystemUsers<'q>,
    ) -> ApiResult<Option<DecisionReason>> {
        let user = match question.system_user() {
            Ok(user) => user,
            Err(reason) => return Ok(Some(reason)),
        };
        if let Some(token) = token {
            if !tokens.contains_key(token) {
                let view = self.call.view();
                let found = token_api::system_users_of(self.endpoints, token, view).await?;
                tokens.insert(token, found);
            }
            match tokens.get(token) {
                Some(Err(reason)) => return Ok(Some((*reason).into())),
                Some(Ok(listed)) if user.is_some_and(|id| listed.contains(&id)) => {}
                Some(Ok(_)) | None => return Ok(Some(TokenReason::SystemUserMismatch.into())),
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
        question: &AuthzenQuestion<'_>,
    ) -> ApiResult<Option<DecisionReason>> {
        let asserted = question.assertions();
        if asserted == question::SystemUserAssertions::default() {
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

/// A question on its way to an answer.
enum QuestionProgress<'q> {
    Answered(AnsweredQuestion<'q>),
    /// The decision point is to be asked this.
    Open(PartialRequest<'q>),
}

/// The attributes of the contexts of questions, made once for each context.
struct ContextEnvironments<'q>(HashMap<usize, ContextEnvironment<'q>>);

static NO_CONTEXT: LazyLock<ContextEnvironment<'static>> =
    LazyLock::new(ContextEnvironment::default);

impl<'q> ContextEnvironments<'q> {
    fn of(questions: &[Result<AuthzenQuestion<'q>, String>]) -> Self {
        let mut out = HashMap::new();
        for question in questions.iter().flatten() {
            out.entry(Self::key(question))
                .or_insert_with(|| ContextEnvironment::of(question.context));
        }
        Self(out)
    }

    /// Questions that share a context have it at one address.
    fn key(question: &AuthzenQuestion<'_>) -> usize {
        std::ptr::from_ref(question.context).addr()
    }

    fn of_question(&'q self, question: &AuthzenQuestion<'q>) -> &'q ContextEnvironment<'q> {
        self.0.get(&Self::key(question)).unwrap_or(&NO_CONTEXT)
    }
}
