//! `POST /authorization/api/v1/systemuser/authorize`: a service owner sends the token it was
//! shown, and learns whether it is good and what its system user may do.

use std::{collections::HashMap, pin::pin, sync::Arc};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    DecisionDetails, DecisionMode, DecisionReason, MinimumPosition, PartialRequest, TokenReason,
    api::may_explain,
    budget::{ExceededBound, UndecidedCause, in_time},
    call::DecisionCall,
    log::Endpoint,
    question::{INSTANCE, ORGANIZATION, RESOURCE, SYSTEM_USER, TASK, named_party},
};
use crate::pdp::endpoints::DecisionEndpoints;
use crate::{
    callers::ScopedCaller,
    live_system_users::{LiveSystemUser, LiveSystemUserFacts, SystemUserKind},
};
use foundation::{
    http::{
        ApiError, ApiResult, Json, ModelState,
        bind::{Binder, MemberPresence},
        body::{self, JsonBytes},
        context,
        query::Query,
        time,
    },
    ids::OrgNumber,
    strict_json::MemberNames,
    token::{IssuerKind, Principal, TokenRefusal, TokenRejection, scopes::Authorize, scopes_of},
};
use xacml::{Code, Decision, ids};

const SCOPE_LIMIT: usize = 200;

/// Answer about a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenDecision {
    /// The token is good, and its system users live.
    pub active: bool,
    /// And every check is authorized.
    pub authorized: bool,
    /// Why it is not active.
    pub error: Option<TokenFault>,
    /// What the token says.
    pub token: Option<TokenFacts>,
    /// The first system user that it names.
    pub system_user: Option<SystemUserFacts>,
    /// In the order of the checks; empty when the token is not active.
    pub results: Vec<CheckResult>,
}

/// Why a token is not active.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenFault {
    /// Fixed word.
    pub code: &'static str,
    /// In words.
    pub message: &'static str,
}

impl From<TokenReason> for TokenFault {
    fn from(reason: TokenReason) -> Self {
        Self {
            code: reason.wire(),
            message: reason.message(),
        }
    }
}

/// What a good token says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenFacts {
    pub issuer: String,
    pub client_id: Option<String>,
    /// With the prefix `0192:`.
    pub consumer: Option<String>,
    /// With the prefix `0192:`.
    pub supplier: Option<String>,
    pub scopes: Vec<String>,
    #[serde(serialize_with = "time::serialize")]
    pub expires_at: DateTime<Utc>,
    pub jti: Option<String>,
}

/// A system user that a token names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemUserFacts {
    pub id: Uuid,
    pub system_id: String,
    pub owner_organization_number: String,
    #[serde(rename = "type")]
    pub kind: SystemUserKind,
}

impl From<&LiveSystemUserFacts> for SystemUserFacts {
    fn from(live: &LiveSystemUserFacts) -> Self {
        Self {
            id: live.id,
            system_id: live.system_id.clone(),
            owner_organization_number: live.owner_org.clone(),
            kind: live.kind,
        }
    }
}

/// Answer to one check.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// As asked.
    pub id: Option<String>,
    /// The system user that the decision is about.
    pub system_user_id: Uuid,
    /// `Permit`, `Deny`, `NotApplicable` or `Indeterminate`.
    pub decision: &'static str,
    /// Permitted, and the level of the token suffices.
    pub authorized: bool,
    /// Status code as a URN.
    pub status_code: &'static str,
    /// Why, as a fixed word.
    pub reason: &'static str,
    /// What the policy asks of a system user; none when it asks for nothing.
    pub minimum_authentication_level: Option<u8>,
    /// How it came about, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::bodies::Explanation>)]
    pub explanation: Option<Arc<RawValue>>,
}

/// What is asked.
struct TokenInspection {
    token: String,
    required_scopes: Vec<String>,
    audience: Option<String>,
    checks: Vec<CheckQuestion>,
}

struct CheckQuestion {
    id: Option<String>,
    resource: String,
    action: String,
    /// Attribute and value; none: the owner of the system user.
    party: Option<(&'static str, String)>,
    instance: Option<String>,
    task: Option<String>,
}

/// Public name of the body.
const BODY: &str = "request";

fn bind(value: &Value, max_checks: usize) -> ApiResult<TokenInspection> {
    let mut b = Binder::new(BODY);
    let root = b.root(value)?;
    let token = b.non_blank(&root, "token")?;
    let mut required_scopes = Vec::new();
    for item in b
        .list(
            &root,
            "requiredScopes",
            MemberPresence::Optional,
            SCOPE_LIMIT,
        )?
        .unwrap_or_default()
    {
        required_scopes.push(b.item_text(&item)?);
    }
    let audience = b.text(&root, "audience", MemberPresence::Optional)?;
    let mut checks = Vec::new();
    for item in b
        .list(&root, "checks", MemberPresence::Required, max_checks)?
        .unwrap_or_default()
    {
        let object = b.item_object(&item)?;
        let party = b.text(&object, "party", MemberPresence::Optional)?;
        checks.push(CheckQuestion {
            id: b.text(&object, "id", MemberPresence::Optional)?,
            resource: b.non_blank(&object, "resource")?,
            action: b.non_blank(&object, "action")?,
            party: party
                .map(|text| named_party(&text).ok_or_else(|| ModelState::not_valid("party", &text)))
                .transpose()?,
            instance: b.text(&object, "instance", MemberPresence::Optional)?,
            task: b.text(&object, "task", MemberPresence::Optional)?,
        });
    }
    b.finish()?;
    if checks.is_empty() {
        return Err(ModelState::of("Checks", "At least one check is needed.").into());
    }
    Ok(TokenInspection {
        token,
        required_scopes,
        audience,
        checks,
    })
}

/// Checks a system user's token, and decides what it may do.
///
/// Every well-formed question is answered with 200: a bad token is `active: false` with the first
/// check that failed. The token in the body is neither stored nor logged.
#[utoipa::path(post, operation_id = "authorizeToken", path = "/authorization/api/v1/systemuser/authorize", tag = "Service owner",
    params(("explain" = Option<bool>, Query)), request_body = crate::bodies::TokenCheckBody,
    responses((status = 200, body = TokenDecision), (status = 400), (status = 401), (status = 403), (status = 415),
        (status = 503, description = "The issuer's keys or the facts cannot be had; try again")))]
pub async fn authorize(
    State(endpoints): State<DecisionEndpoints>,
    owner: ScopedCaller<Authorize>,
    at_least: MinimumPosition,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let explain = query.flag("explain")?;
    let asked = bind(
        &body::parse_strictly(&bytes, BODY, MemberNames::IgnoringCase)?,
        endpoints.config.settings.pdp.max_decisions_per_request,
    )?;
    let answered = answered(
        &endpoints,
        &owner.caller.principal,
        at_least,
        &asked,
        explain,
    );
    in_time(endpoints.config.settings.pdp.deadline_s, pin!(answered)).await
}

async fn answered(
    endpoints: &DecisionEndpoints,
    caller: &Arc<Principal>,
    at_least: MinimumPosition,
    asked: &TokenInspection,
    explain: bool,
) -> ApiResult<Response> {
    context::count_as(asked.checks.len())?;
    let _space = endpoints
        .pdp
        .capacity
        .for_call(asked.checks.len(), 0, 0)
        .await?;
    let call = DecisionCall::begin(&endpoints.pdp, Endpoint::Token, at_least, Some(caller)).await;
    let (principal, users) = match inspect(endpoints, asked, call.view()).await? {
        Ok(inspected) => inspected,
        Err(fault) => {
            for check in &asked.checks {
                call.refuse(&check.request(None, check.party.as_ref()), fault.into())
                    .await;
            }
            let error = Some(TokenFault::from(fault));
            let answer = TokenDecision {
                active: false,
                authorized: false,
                error,
                token: None,
                system_user: None,
                results: Vec::new(),
            };
            return Ok(call.answered(Json(answer).into_response()));
        }
    };
    let results = decide(endpoints, &call, caller, asked, &users, explain)
        .await
        .map_err(|error| match error {
            TokenCheckError::Undecided(UndecidedCause::Database(error)) => error.into(),
            TokenCheckError::Undecided(UndecidedCause::Excess(excess)) => {
                ModelState::of("Checks", excess.message()).into()
            }
            TokenCheckError::Api(error) => error,
        })?;
    let answer = TokenDecision {
        active: true,
        authorized: results.iter().all(|r| r.authorized),
        error: None,
        token: Some(facts(principal)),
        system_user: users.first().map(|live| SystemUserFacts::from(&***live)),
        results,
    };
    Ok(call.answered(Json(answer).into_response()))
}

/// Why the checks were not decided.
enum TokenCheckError {
    Undecided(UndecidedCause),
    Api(ApiError),
}

impl From<UndecidedCause> for TokenCheckError {
    fn from(error: UndecidedCause) -> Self {
        Self::Undecided(error)
    }
}

impl From<ApiError> for TokenCheckError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl CheckQuestion {
    /// What it asks, when the party is this one.
    fn asked<'c>(&'c self, party: Option<&'c (&'static str, String)>) -> CheckKey<'c> {
        (
            &self.resource,
            &self.action,
            party,
            self.instance.as_deref(),
            self.task.as_deref(),
        )
    }

    /// The check as the decision point takes it.
    fn request<'c>(
        &'c self,
        system_user: Option<Uuid>,
        party: Option<&'c (&'static str, String)>,
    ) -> PartialRequest<'c> {
        let mut request = PartialRequest::default();
        if let Some(id) = system_user {
            request.add(ids::SUBJECT, SYSTEM_USER, id.to_string());
        }
        request.add(ids::ACTION, ids::ACTION_ID, self.action.as_str());
        request.add(ids::RESOURCE, RESOURCE, self.resource.as_str());
        if let Some((attribute, value)) = party {
            request.add(ids::RESOURCE, *attribute, value.as_str());
        }
        for (attribute, value) in [(INSTANCE, &self.instance), (TASK, &self.task)] {
            if let Some(value) = value {
                request.add(ids::RESOURCE, attribute, value.as_str());
            }
        }
        request
    }
}

/// Everything that must hold of the token, in order; the first that does not is the inner error.
async fn inspect(
    endpoints: &DecisionEndpoints,
    asked: &TokenInspection,
    view: DecisionMode,
) -> ApiResult<Result<(Principal, Vec<LiveSystemUser>), TokenReason>> {
    let genuine = match endpoints.verifier.genuine(&asked.token).await {
        Ok(genuine) if genuine.kind == IssuerKind::IdPorten => {
            return Ok(Err(TokenReason::UntrustedIssuer));
        }
        Ok(genuine) => genuine,
        Err(TokenRejection::Unavailable) => return Err(ApiError::Unavailable(5)),
        Err(TokenRejection::Refused(refusal)) => return Ok(Err(code(refusal))),
    };
    let claim = |name: &str| genuine.claims.get(name);
    let is_for = |audience: &str| match claim("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|one| one == audience),
        _ => false,
    };
    if asked
        .audience
        .as_deref()
        .is_some_and(|audience| !is_for(audience))
    {
        return Ok(Err(TokenReason::WrongAudience));
    }
    let Ok(scopes) = scopes_of(genuine.kind, &genuine.claims) else {
        return Ok(Err(TokenReason::MalformedToken));
    };
    if !asked
        .required_scopes
        .iter()
        .all(|scope| scopes.contains(scope))
    {
        return Ok(Err(TokenReason::MissingScope));
    }
    let Ok(principal) = endpoints.verifier.principal(&genuine) else {
        return Ok(Err(TokenReason::InvalidAuthorizationDetails));
    };
    let Some(token) = principal.system_user() else {
        return Ok(Err(TokenReason::NotASystemUserToken));
    };
    Ok(
        match endpoints
            .authenticator
            .live_system_users()
            .check(token, principal.client_id.as_deref(), view.from_memory)
            .await?
        {
            Err(refusal) => Err(code(refusal)),
            Ok(users) => Ok((principal, users)),
        },
    )
}

/// The system users of a token; else the first check that failed.
///
/// # Errors
/// The issuer's keys or the facts cannot be had.
pub async fn system_users_of(
    endpoints: &DecisionEndpoints,
    token: &str,
    view: DecisionMode,
) -> ApiResult<Result<Vec<Uuid>, TokenReason>> {
    let asked = TokenInspection {
        token: token.to_owned(),
        required_scopes: Vec::new(),
        audience: None,
        checks: Vec::new(),
    };
    Ok(inspect(endpoints, &asked, view)
        .await?
        .map(|(_, users)| users.into_iter().map(|user| user.id).collect()))
}

/// The verifier's reasons, as this endpoint names them.
const fn code(refusal: TokenRefusal) -> TokenReason {
    match refusal {
        TokenRefusal::Algorithm => TokenReason::UnsupportedAlgorithm,
        TokenRefusal::Key => TokenReason::UnknownKey,
        TokenRefusal::UnknownIssuer => TokenReason::UntrustedIssuer,
        TokenRefusal::Signature => TokenReason::InvalidSignature,
        TokenRefusal::Expired
        | TokenRefusal::MissingExpiry
        | TokenRefusal::IssuedBeforeRecovery
        | TokenRefusal::Lifetime => TokenReason::TokenExpired,
        TokenRefusal::NotYetValid | TokenRefusal::IssuedInTheFuture => {
            TokenReason::TokenNotYetValid
        }
        TokenRefusal::Audience => TokenReason::WrongAudience,
        TokenRefusal::Ambiguous => TokenReason::InvalidAuthorizationDetails,
        TokenRefusal::SystemUserNotActive => TokenReason::SystemUserInactive,
        TokenRefusal::SystemUserMismatch | TokenRefusal::ClientNotRegistered => {
            TokenReason::SystemUserMismatch
        }
        TokenRefusal::Malformed
        | TokenRefusal::Type
        | TokenRefusal::Nonce
        | TokenRefusal::Cookie
        | TokenRefusal::SessionEnded
        | TokenRefusal::SubscriptionKey
        | TokenRefusal::InsufficientScope => TokenReason::MalformedToken,
    }
}

fn facts(principal: Principal) -> TokenFacts {
    let iso6523 = |org: OrgNumber| format!("0192:{}", org.as_str());
    TokenFacts {
        scopes: principal.scopes.iter().map(str::to_owned).collect(),
        consumer: principal.organization().map(iso6523),
        supplier: principal.supplier().map(iso6523),
        expires_at: DateTime::from_timestamp(principal.exp, 0).unwrap_or_default(),
        issuer: principal.issuer,
        client_id: principal.client_id,
        jti: principal.jti,
    }
}

/// What a check asks, without its id.
type CheckKey<'c> = (
    &'c str,
    &'c str,
    Option<&'c (&'static str, String)>,
    Option<&'c str>,
    Option<&'c str>,
);

/// For each check the first system user that may do it decides; else the first of all. Each of them
/// is asked about all checks that are still open, at once, and about equal ones once.
async fn decide(
    endpoints: &DecisionEndpoints,
    call: &DecisionCall<'_>,
    caller: &Principal,
    asked: &TokenInspection,
    users: &[LiveSystemUser],
    explain: bool,
) -> Result<Vec<CheckResult>, TokenCheckError> {
    let settings = &endpoints.config.settings.pdp;
    let checks = &asked.checks;
    let mut results: Vec<Option<CheckResult>> = checks.iter().map(|_| None).collect();
    let mut made = 0;
    for user in users {
        let owner = (ORGANIZATION, user.owner_org.clone());
        let (mut open, mut places, mut requests) = (Vec::new(), Vec::new(), Vec::new());
        let mut known: HashMap<CheckKey<'_>, usize> = HashMap::new();
        for (number, check) in checks.iter().enumerate() {
            if results[number]
                .as_ref()
                .is_some_and(|result| result.decision == Decision::Permit.as_str())
            {
                continue;
            }
            let party = check
                .party
                .as_ref()
                .or((user.kind == SystemUserKind::Standard).then_some(&owner));
            if party.is_some() {
                let place = *known.entry(check.asked(party)).or_insert_with(|| {
                    requests.push(check.request(Some(user.id), party));
                    requests.len() - 1
                });
                open.push(number);
                places.push(place);
            } else {
                call.refuse(
                    &check.request(Some(user.id), party),
                    DecisionReason::MissingParty,
                )
                .await;
                results[number].get_or_insert_with(|| undecided(check, user.id));
            }
        }
        made += places.len();
        if made > settings.max_decisions_per_request {
            return Err(UndecidedCause::from(ExceededBound::Decisions).into());
        }
        let all = call.decide_all(&requests, Some(&places), explain).await?;
        if explain && !all.iter().all(|decided| may_explain(caller, decided)) {
            return Err(ApiError::Empty(StatusCode::FORBIDDEN).into());
        }
        for (number, place) in open.into_iter().zip(places) {
            let decided = &all[place];
            if results[number].is_none() || decided.decision == Decision::Permit {
                let level = settings.systemuser_auth_level;
                results[number] = Some(answer(&checks[number], user.id, decided, level));
            }
        }
    }
    let all: Option<Vec<_>> = results.into_iter().collect();
    all.ok_or_else(|| {
        ApiError::internal(anyhow::anyhow!("a system-user token without a system user")).into()
    })
}

fn answer(
    check: &CheckQuestion,
    system_user_id: Uuid,
    decided: &DecisionDetails,
    level: u8,
) -> CheckResult {
    let permit = decided.decision == Decision::Permit;
    let needed = decided.required_level();
    let is_enough = needed.is_met_by(level);
    CheckResult {
        id: check.id.clone(),
        system_user_id,
        decision: decided.decision.as_str(),
        authorized: permit && is_enough,
        status_code: decided.status.urn(),
        reason: if permit && !is_enough {
            DecisionReason::InsufficientAuthenticationLevel.wire()
        } else {
            decided.reason.wire()
        },
        minimum_authentication_level: needed.number(),
        explanation: decided.explanation.clone(),
    }
}

/// An agent acts for many: without a party there is nothing to decide about.
fn undecided(check: &CheckQuestion, system_user_id: Uuid) -> CheckResult {
    CheckResult {
        id: check.id.clone(),
        system_user_id,
        decision: Decision::Indeterminate.as_str(),
        authorized: false,
        status_code: Code::ProcessingError.urn(),
        reason: DecisionReason::MissingParty.wire(),
        minimum_authentication_level: None,
        explanation: None,
    }
}
