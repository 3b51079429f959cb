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
    question::{self, Batch, Environment, Question, Semantic, Sources},
};
use crate::bodies::{
    AuthzenMetadata, EvaluationAnswer, EvaluationBody, EvaluationsAnswer, EvaluationsBody,
};
use crate::pdp::endpoints::DecisionEndpoints;
use crate::{
    callers::Scoped,
    pdp::{
        AtLeast, Decided, DecisionReason, PartialRequest, TokenReason, View,
        api::may_explain,
        budget::{Excess, LargeCall, MAX_ATTRIBUTES, Undecided, check_containers, in_time},
        call::Call,
        log::Endpoint,
        token_api,
    },
};
use foundation::{
    http::{ApiError, ApiResult, Json, body, context},
    limits::Refused,
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
        let batch = Batch::of(members, max_questions).map_err(bad)?;
        let semantic = Semantic::read(members).map_err(bad)?;
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

fn excess(excess: Excess) -> ApiError {
    bad(excess.to_string())
}

/// Why there are no decisions, as these endpoints answer it.
pub fn undecided(undecided: Undecided) -> ApiError {
    match undecided {
        Undecided::Database(error) => error.into(),
        Undecided::Excess(beyond) => excess(beyond),
    }
}

/// Proves the caller, reads the body, and answers under the caller's request id.
pub async fn answer(
    endpoints: &DecisionEndpoints,
    request: Request,
    work: impl AsyncFnOnce(&Asker<'_>, &Map<String, Value>) -> ApiResult<Response>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = parts.headers.get(REQUEST_ID).cloned().unwrap_or_else(|| {
        let made = Uuid::new_v4().to_string();
        HeaderValue::from_str(&made).unwrap_or(HeaderValue::from_static("none"))
    });
    let worked = async {
        let owner: Scoped<Authorize> = Scoped::from_request_parts(&mut parts, endpoints).await?;
        let at_least = AtLeast::read(&parts.headers).map_err(|message| bad(message.to_owned()))?;
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
struct Evaluated {
    decision: bool,
    context: Context,
}

#[derive(Debug, Serialize)]
struct Context {
    reason: Word,
    /// When the decision point was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    xacml: Option<Xacml>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_authentication_level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Arc<RawValue>>,
}

#[derive(Debug, Serialize)]
struct Xacml {
    decision: &'static str,
    status_code: &'static str,
}

/// A reason as its word.
#[derive(Debug, Clone, Copy)]
struct Word(DecisionReason);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.wire())
    }
}

impl Evaluated {
    const fn refused(reason: DecisionReason) -> Self {
        Self {
            decision: false,
            context: Context {
                reason: Word(reason),
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
enum Element<'a> {
    Evaluated(&'a Evaluated),
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
    context: Option<&'a Context>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError<'a>>,
    short_circuit: &'static str,
}

#[derive(Debug, Serialize)]
struct ErrorContext<'a> {
    error: ItemError<'a>,
}

/// What is wrong with a question of a batch.
#[derive(Debug, Clone, Copy, Serialize)]
struct ItemError<'a> {
    status: u16,
    message: &'a str,
}

/// A question with its answer, and with what the log is to have of it.
#[derive(Debug)]
struct Answered<'q> {
    /// The error is what is wrong with the question.
    outcome: Result<Evaluated, String>,
    log: Logged<'q>,
}

#[derive(Debug)]
enum Logged<'q> {
    /// Nothing was decided about.
    Nothing,
    /// It was refused without a decision.
    Refused(PartialRequest<'q>, DecisionReason),
    /// It was decided in this time, with others.
    Decided(PartialRequest<'q>, Box<Decided>, Duration),
}

impl Answered<'_> {
    fn is_permit(&self) -> bool {
        self.outcome
            .as_ref()
            .is_ok_and(|evaluated| evaluated.decision)
    }

    fn error(&self) -> Option<ItemError<'_>> {
        match &self.outcome {
            Err(message) => Some(ItemError {
                status: 400,
                message,
            }),
            Ok(evaluated) if evaluated.context.reason.0 == DecisionReason::UnknownResource => {
                Some(ItemError {
                    status: 404,
                    message: "the resource is unknown, or has no policy",
                })
            }
            Ok(_) => None,
        }
    }

    /// As an element of a batch, perhaps the one that ends it.
    fn element(&self, ends: bool) -> Element<'_> {
        let (error, evaluated) = (self.error(), self.outcome.as_ref().ok());
        let decision = self.is_permit();
        match (error, evaluated, ends) {
            (None, Some(evaluated), false) => Element::Evaluated(evaluated),
            (Some(error), _, false) => Element::Faulty {
                decision,
                context: ErrorContext { error },
            },
            (error, evaluated, _) => Element::Ending {
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
struct Evaluations<'a> {
    evaluations: Vec<Element<'a>>,
}

/// A question that the decision point is asked.
struct Open<'q> {
    /// Its place among the questions.
    place: usize,
    request: PartialRequest<'q>,
}

/// The system users of the tokens in questions.
pub type KnownTokens<'q> = HashMap<&'q str, Result<Vec<Uuid>, TokenReason>>;

/// Questions of a batch that may be the last one are decided so many at a time.
const CHUNK: usize = 32;

/// Who asks.
pub struct Asker<'a> {
    pub endpoints: &'a DecisionEndpoints,
    pub owner: &'a Scoped<Authorize>,
    pub call: Call<'a>,
    /// The call has space for a large one.
    has_space: bool,
}

impl Asker<'_> {
    /// Waits for space, when the call is large and has none.
    pub async fn wait_for_space(
        &self,
        decisions: usize,
        attributes: usize,
    ) -> Result<Option<LargeCall>, Refused> {
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
    async fn single(&self, members: &Map<String, Value>) -> ApiResult<Evaluated> {
        let sources = Sources::of(members);
        let attributes = sources.attributes();
        if attributes > MAX_ATTRIBUTES {
            return Err(bad(Excess::Attributes.to_string()));
        }
        let _space = self.wait_for_space(1, attributes).await?;
        let question = Question::read(sources).map_err(bad)?;
        let environment = Environment::of(question.context);
        let mut answered = self.evaluate(&[(question, &environment)], 1).await?;
        let Some(answered) = answered.pop() else {
            return Err(ApiError::internal(anyhow::anyhow!("no answer")));
        };
        self.log(&answered, 1).await;
        answered.outcome.map_err(bad)
    }

    /// The answers to the questions of a batch, in order.
    async fn several(&self, batch: &Batch<'_>, semantic: Semantic) -> ApiResult<Response> {
        let questions: Vec<Result<Question<'_>, String>> = batch
            .different
            .iter()
            .map(|sources| Question::read(*sources))
            .collect();
        let contexts = Contexts::of(&questions);
        let at_a_time = match semantic {
            Semantic::ExecuteAll => questions.len(),
            Semantic::DenyOnFirstDeny | Semantic::PermitOnFirstPermit => CHUNK,
        };
        let parts = batch.places.len();
        let mut answered: Vec<Answered<'_>> = Vec::with_capacity(questions.len());
        let mut shown: Vec<(usize, bool)> = Vec::with_capacity(parts);
        for place in &batch.places {
            while answered.len() <= *place {
                let next = answered.len()..(answered.len() + at_a_time).min(questions.len());
                answered.extend(self.some(&questions[next], &contexts, parts).await?);
            }
            let one = &answered[*place];
            let ends = match semantic {
                Semantic::ExecuteAll => false,
                Semantic::DenyOnFirstDeny => !one.is_permit(),
                Semantic::PermitOnFirstPermit => one.is_permit(),
            };
            shown.push((*place, ends && semantic == Semantic::DenyOnFirstDeny));
            if ends {
                break;
            }
        }
        let decided = shown
            .iter()
            .filter_map(|(place, _)| match &answered[*place].log {
                Logged::Decided(_, decided, _) => Some(&**decided),
                Logged::Nothing | Logged::Refused(..) => None,
            });
        Call::check_answer(decided).map_err(excess)?;
        for (place, _) in &shown {
            self.log(&answered[*place], parts).await;
        }
        let evaluations = shown
            .into_iter()
            .map(|(place, ends)| answered[place].element(ends))
            .collect();
        Ok(Json(Evaluations { evaluations }).into_response())
    }

    /// The answers to some questions of a batch.
    async fn some<'q>(
        &self,
        questions: &[Result<Question<'q>, String>],
        contexts: &'q Contexts<'q>,
        parts: usize,
    ) -> ApiResult<Vec<Answered<'q>>> {
        let good: Vec<(Question<'q>, &'q Environment<'q>)> = questions
            .iter()
            .filter_map(|question| question.as_ref().ok())
            .map(|question| (*question, contexts.of_question(question)))
            .collect();
        let mut answered = self.evaluate(&good, parts).await?.into_iter();
        let all = questions.iter().map(|question| match question {
            Ok(_) => answered.next(),
            Err(message) => Some(Answered {
                outcome: Err(message.clone()),
                log: Logged::Nothing,
            }),
        });
        all.collect::<Option<Vec<_>>>()
            .ok_or_else(|| ApiError::internal(anyhow::anyhow!("a question without an answer")))
    }

    /// Answers questions of a call with so many parts: what is not in memory is read at once for all.
    async fn evaluate<'q>(
        &self,
        questions: &[(Question<'q>, &'q Environment<'q>)],
        parts: usize,
    ) -> ApiResult<Vec<Answered<'q>>> {
        let mut answered: Vec<Option<Answered<'q>>> = Vec::with_capacity(questions.len());
        let (mut plain, mut explained) = (Vec::new(), Vec::new());
        let mut tokens = KnownTokens::new();
        for (place, (question, environment)) in questions.iter().enumerate() {
            let (one, explain) = self.prepare(question, environment, &mut tokens).await?;
            answered.push(match one {
                Prepared::Answered(one) => Some(one),
                Prepared::Open(request) => {
                    let list = if explain { &mut explained } else { &mut plain };
                    list.push(Open { place, request });
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
            let view = View {
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
                answered[place] = Some(Answered {
                    outcome,
                    log: Logged::Decided(request, Box::new(decided), took),
                });
            }
        }
        let all: Option<Vec<_>> = answered.into_iter().collect();
        all.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a question without an answer")))
    }

    /// Everything that comes before a decision, and whether an explanation is wanted.
    async fn prepare<'q>(
        &self,
        question: &Question<'q>,
        environment: &'q Environment<'q>,
        tokens: &mut KnownTokens<'q>,
    ) -> ApiResult<(Prepared<'q>, bool)> {
        let answered = |outcome, log| (Prepared::Answered(Answered { outcome, log }), false);
        let refused = |request, reason| {
            answered(
                Ok(Evaluated::refused(reason)),
                Logged::Refused(request, reason),
            )
        };
        if self.has_fixture() && fixture::knows(question.subject.kind) {
            let decision = fixture::permits(question);
            let reason = if decision {
                DecisionReason::Policy
            } else {
                DecisionReason::NoApplicableRule
            };
            let evaluated = Evaluated {
                decision,
                ..Evaluated::refused(reason)
            };
            return Ok(answered(Ok(evaluated), Logged::Nothing));
        }
        let read = question.explain().and_then(|explain| {
            let request = question.request(environment)?;
            Ok((explain, request, question.access_token()?))
        });
        let (explain, request, token) = match read {
            Ok((explain, Ok(request), token)) => (explain, request, token),
            Ok((_, Err(reason), _)) => return Ok(refused(PartialRequest::default(), reason)),
            Err(message) => return Ok(answered(Err(message), Logged::Nothing)),
        };
        Ok(match self.objection(question, token, tokens).await? {
            Some(reason) => refused(request, reason),
            None => (Prepared::Open(request), explain),
        })
    }

    /// A decision as the answer to a question.
    fn evaluated(&self, decided: &Decided, explain: bool) -> ApiResult<Evaluated> {
        let settings = &self.endpoints.config.settings.pdp;
        if (explain || settings.enforce_resource_owner)
            && !may_explain(&self.owner.caller.principal, decided)
        {
            return Err(ApiError::Empty(StatusCode::FORBIDDEN));
        }
        let permit = decided.decision == Decision::Permit;
        let required_level = decided.required_level();
        let suffices = required_level.is_met_by(settings.systemuser_auth_level);
        Ok(Evaluated {
            decision: permit && suffices,
            context: Context {
                reason: Word(if permit && !suffices {
                    DecisionReason::InsufficientAuthenticationLevel
                } else {
                    decided.reason
                }),
                xacml: Some(Xacml {
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
    async fn log(&self, answered: &Answered<'_>, parts: usize) {
        match &answered.log {
            Logged::Nothing => {}
            Logged::Refused(request, reason) => self.call.refuse(request, *reason).await,
            Logged::Decided(request, decided, took) => {
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
        question: &Question<'q>,
        token: Option<&'q str>,
        tokens: &mut KnownTokens<'q>,
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
        question: &Question<'_>,
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

/// A question on its way to an answer.
enum Prepared<'q> {
    Answered(Answered<'q>),
    /// The decision point is to be asked this.
    Open(PartialRequest<'q>),
}

/// The attributes of the contexts of questions, made once for each context.
struct Contexts<'q>(HashMap<usize, Environment<'q>>);

static NO_CONTEXT: LazyLock<Environment<'static>> = LazyLock::new(Environment::default);

impl<'q> Contexts<'q> {
    fn of(questions: &[Result<Question<'q>, String>]) -> Self {
        let mut out = HashMap::new();
        for question in questions.iter().flatten() {
            out.entry(Self::key(question))
                .or_insert_with(|| Environment::of(question.context));
        }
        Self(out)
    }

    /// Questions that share a context have it at one address.
    fn key(question: &Question<'_>) -> usize {
        std::ptr::from_ref(question.context).addr()
    }

    fn of_question(&'q self, question: &Question<'q>) -> &'q Environment<'q> {
        self.0.get(&Self::key(question)).unwrap_or(&NO_CONTEXT)
    }
}
