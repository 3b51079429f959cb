//! Proven callers: what a handler receives instead of raw headers.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use axum::extract::FromRequestParts;
use http::{HeaderMap, StatusCode, header::AUTHORIZATION, request::Parts};

use super::AppState;
use crate::{
    http::{ApiError, ApiResult, context, path::PathValues},
    ids::OrgNumber,
    pdp::Asker,
    register::{self, Party, Person},
    token::{
        Principal, Reject, Verified,
        scopes::{SYSTEM_REGISTER_ADMIN, ScopePolicy},
    },
    web::session_tokens,
};

/// A caller whose token was verified, and whose system user, if it speaks for one, was found alive.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub principal: Arc<Principal>,
}

/// A caller with one of the policy's scopes.
#[derive(Debug, Clone)]
pub struct Scoped<P> {
    /// Who calls.
    pub caller: Caller,
    policy: PhantomData<P>,
}

/// A system vendor.
pub type Vendor<P> = Scoped<P>;
/// A service owner.
pub type ServiceOwner<P> = Scoped<P>;
/// Maskinporten itself.
pub type Maskinporten<P> = Scoped<P>;
/// A person through a portal or an end-user system.
pub type EndUser<P> = Scoped<P>;

impl<P> Scoped<P> {
    /// The organisation of the token.
    ///
    /// # Errors
    /// 401 with the framework's body: the token is good, but names none.
    pub fn organization(&self) -> ApiResult<OrgNumber> {
        self.caller.principal.org.ok_or(ApiError::NoOrganization)
    }

    /// Has the scope that lifts ownership in the system register.
    #[must_use]
    pub fn is_register_admin(&self) -> bool {
        self.caller.principal.scopes.contains(SYSTEM_REGISTER_ADMIN)
    }
}

/// The credential of a request: exactly one, from the `Authorization` header.
///
/// # Errors
/// 400 for two headers or an empty one.
pub fn bearer(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::InvalidCredentials);
    }
    let Ok(text) = value.to_str() else {
        return Err(ApiError::Unauthorized(Some("malformed")));
    };
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim();
    if token.is_empty() {
        Err(ApiError::InvalidCredentials)
    } else {
        Ok(Some(token))
    }
}

/// Verifies a bearer token.
///
/// # Errors
/// 401 with the reason, or 503 when the issuer's keys cannot be had.
pub async fn verify(state: &AppState, token: &str) -> ApiResult<Verified> {
    state
        .verifier
        .verify(token)
        .await
        .map_err(|reject| match reject {
            Reject::Invalid(reason) => {
                metrics::counter!("auth_failed", "reason" => reason).increment(1);
                tracing::info!(reason, "auth.failed");
                ApiError::Unauthorized(Some(reason))
            }
            Reject::Unavailable => ApiError::Unavailable(5),
        })
}

/// Verifies the bearer token of an exchange, or another credential in its place: whatever is wrong
/// with it is one and the same answer, with the framework's body.
///
/// # Errors
/// 401, or 503 when the issuer's keys cannot be had.
pub async fn verify_for_exchange(
    state: &AppState,
    headers: &HeaderMap,
    instead: impl FnOnce() -> Option<String>,
) -> ApiResult<Verified> {
    const UNAUTHORIZED: ApiError = ApiError::Status(StatusCode::UNAUTHORIZED);
    let given = bearer(headers)
        .map_err(|_| UNAUTHORIZED)?
        .map(str::to_owned);
    let token = given.or_else(instead).ok_or(UNAUTHORIZED)?;
    verify(state, &token).await.map_err(|error| match error {
        unavailable @ ApiError::Unavailable(_) => unavailable,
        _ => UNAUTHORIZED,
    })
}

async fn authenticate(parts: &Parts, state: &AppState) -> ApiResult<Caller> {
    // The first that is there is the only one: a bad header is not helped by a good cookie.
    let principal = if let Some(token) = bearer(&parts.headers)? {
        verify(state, token).await?.principal
    } else {
        let token =
            session_tokens::from_cookie(state, parts).ok_or(ApiError::Unauthorized(None))?;
        let principal = verify(state, &token).await?.principal;
        Box::pin(session_tokens::admit_cookie(state, parts, &principal)).await?;
        principal
    };
    session_tokens::check_session(state, &principal).await?;
    if principal.system_user.is_some() {
        state
            .living
            .check(&principal, true)
            .await?
            .map_err(|reason| ApiError::Unauthorized(Some(reason)))?;
    }
    if let Some(context) = context::current() {
        let _ = context.caller.set(Arc::clone(&principal));
    }
    Ok(Caller { principal })
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        authenticate(parts, state).await
    }
}

impl<P: ScopePolicy> FromRequestParts<AppState> for Scoped<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let caller = authenticate(parts, state).await?;
        if !caller.principal.scopes.contains_any(P::ACCEPTED) {
            tracing::info!(caller = caller.principal.log_name(), "authz.denied");
            return Err(ApiError::InsufficientScope(P::ACCEPTED));
        }
        Ok(Self {
            caller,
            policy: PhantomData,
        })
    }
}

/// A back end of the platform: with one of the policy's scopes, or with a platform access token.
#[derive(Debug, Clone)]
pub struct BackEnd<P> {
    /// Who calls, when it is not by a platform access token alone.
    pub principal: Option<Arc<Principal>>,
    policy: PhantomData<P>,
}

impl<P> BackEnd<P> {
    const fn of(principal: Option<Arc<Principal>>) -> Self {
        Self {
            principal,
            policy: PhantomData,
        }
    }
}

/// Whether a good platform access token is there. A bad one beside another credential is ignored.
fn is_platform(parts: &Parts, state: &AppState) -> ApiResult<bool> {
    match state
        .platform_tokens
        .verify(&parts.headers, state.clock.seconds())
    {
        Ok(app) => Ok(app.is_some()),
        Err(reason) if parts.headers.contains_key(AUTHORIZATION) => {
            tracing::info!(reason, "platform token ignored");
            Ok(false)
        }
        Err(reason) => Err(ApiError::Unauthorized(Some(reason))),
    }
}

impl<P: ScopePolicy> FromRequestParts<AppState> for BackEnd<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        if is_platform(parts, state)? {
            return Ok(Self::of(None));
        }
        Ok(Self::of(Some(
            Scoped::<P>::from_request_parts(parts, state)
                .await?
                .caller
                .principal,
        )))
    }
}

/// A back end, or a person who asks for himself.
#[derive(Debug, Clone)]
pub enum BackEndOrPerson<P> {
    /// As [`BackEnd`].
    BackEnd(BackEnd<P>),
    /// A person with any valid token.
    Person(Box<Person>),
}

impl<P: ScopePolicy> FromRequestParts<AppState> for BackEndOrPerson<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        if is_platform(parts, state)? {
            return Ok(Self::BackEnd(BackEnd::of(None)));
        }
        let caller = authenticate(parts, state).await?;
        if caller.principal.scopes.contains_any(P::ACCEPTED) {
            return Ok(Self::BackEnd(BackEnd::of(Some(caller.principal))));
        }
        match person_of(state, &caller.principal).await? {
            Some(person) => Ok(Self::Person(Box::new(person))),
            None => Err(ApiError::InsufficientScope(P::ACCEPTED)),
        }
    }
}

/// A policy that the decision point answers for the `{party}` of the route.
pub trait PartyPolicy: Send + Sync + 'static {
    /// System resource.
    const RESOURCE: &'static str;
    /// Action.
    const ACTION: &'static str;
    /// Scopes that are needed besides; none: any valid token.
    const SCOPES: Option<&'static [&'static str]>;
}

macro_rules! party_policies {
    ($($(#[$meta:meta])* $name:ident = ($action:literal, $resource:literal, $scopes:expr);)*) => {
        $($(#[$meta])* #[derive(Debug, Clone, Copy)] pub struct $name;
          impl PartyPolicy for $name {
              const RESOURCE: &'static str = $resource;
              const ACTION: &'static str = $action;
              const SCOPES: Option<&'static [&'static str]> = $scopes;
          })*
    };
}

party_policies! {
    /// May see who has access for the party.
    AccessManagementRead = ("read", "altinn_access_management", None);
    /// May decide who has access for the party.
    AccessManagementWrite = ("write", "altinn_access_management", None);
    /// As [`AccessManagementWrite`], through a portal.
    PortalAccessManagementWrite = ("write", "altinn_access_management", Some(&["altinn:portal/enduser"]));
    /// May see the party's system users.
    SystemUserOverviewRead = ("read", "altinn_system_user_overview", None);
    /// May see the party's clients.
    ClientAdministrationRead = ("read", "altinn_client_administration", None);
    /// May hand the party's clients to agents.
    ClientAdministrationWrite = ("write", "altinn_client_administration", None);
}

/// A caller who was permitted to act for the party of the route.
#[derive(Debug, Clone)]
pub struct Permitted<P> {
    /// Who calls.
    pub caller: Caller,
    /// The person who calls, when it is one.
    pub person: Option<Person>,
    /// `{party}`
    pub party: Party,
    policy: PhantomData<P>,
}

impl<P> Deref for Permitted<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P> Permitted<P> {
    /// The person who calls.
    ///
    /// # Errors
    /// 403: only persons decide.
    pub fn person(&self) -> ApiResult<&Person> {
        self.person
            .as_ref()
            .ok_or(ApiError::Empty(StatusCode::FORBIDDEN))
    }
}

impl<P: PartyPolicy> FromRequestParts<AppState> for Permitted<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let caller = authenticate(parts, state).await?;
        if let Some(scopes) = P::SCOPES
            && !caller.principal.scopes.contains_any(scopes)
        {
            return Err(ApiError::InsufficientScope(scopes));
        }
        let party_id = PathValues::from_request_parts(parts, state)
            .await?
            .party_id()?;
        Self::of(state, caller, party_id).await
    }
}

impl<P: PartyPolicy> Permitted<P> {
    /// Asks the decision point whether the caller may act for a party that the body names.
    ///
    /// # Errors
    /// 403 when not, or when there is no such party.
    pub async fn of(state: &AppState, caller: Caller, party_id: i32) -> ApiResult<Self> {
        let person = person_of(state, &caller.principal).await?;
        let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
        let asker = match (&person, &caller.principal.system_user) {
            (Some(person), _) => Asker::Person(person.0.uuid),
            (None, Some(system_user)) => {
                Asker::SystemUser(*system_user.ids.first().ok_or_else(forbidden)?)
            }
            (None, None) => return Err(forbidden()),
        };
        if !permits(
            state,
            asker,
            caller.principal.auth_level,
            P::ACTION,
            P::RESOURCE,
            party_id,
        )
        .await?
        {
            return Err(forbidden());
        }
        let mut db = state.db.acquire().await?;
        let party = register::party_by_id(&mut db, party_id)
            .await?
            .ok_or_else(forbidden)?;
        Ok(Self {
            caller,
            person,
            party,
            policy: PhantomData,
        })
    }
}

/// The person a token names, when the register knows one.
///
/// # Errors
/// As the database says.
pub async fn person_of(state: &AppState, principal: &Principal) -> ApiResult<Option<Person>> {
    let Some(person) = &principal.person else {
        return Ok(None);
    };
    let mut db = state.db.acquire().await?;
    Ok(register::person_by_ref(&mut db, &state.identity, person).await?)
}

/// Whether a person manages access for a party: may decide who acts for it.
///
/// # Errors
/// The facts cannot be had.
pub async fn manages_access(
    state: &AppState,
    person: &Person,
    level: u8,
    party: &Party,
) -> ApiResult<bool> {
    match party.party_id {
        Some(id) => {
            permits(
                state,
                Asker::Person(person.0.uuid),
                level,
                "write",
                "altinn_access_management",
                id,
            )
            .await
        }
        None => Ok(false),
    }
}

/// Whether the decision point permits it, and the caller's level suffices.
///
/// # Errors
/// The facts cannot be had.
pub async fn permits(
    state: &AppState,
    asker: Asker,
    level: u8,
    action: &str,
    resource: &str,
    party_id: i32,
) -> ApiResult<bool> {
    let verdict = state.pdp.permits(asker, action, resource, party_id).await?;
    Ok(verdict.permit && level >= verdict.min_level)
}
