//! Verified callers: what a handler receives instead of raw headers.

use std::{marker::PhantomData, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use foundation::{
    clock::Clock,
    http::{ApiError, ApiResult, context},
    ids::OrgNumber,
    token::{
        PlatformTokens, Principal, Reject, Verified, Verifier,
        scopes::{SYSTEM_REGISTER_ADMIN, ScopePolicy},
    },
};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION, request::Parts};
use registers::parties::{self, IdentityKeys, Person};
use sqlx::PgPool;

use crate::{live_system_users::LiveSystemUsers, session_cookies::SessionCookies};

/// A caller whose token was verified, and whose system user, if it has one, is active.
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

    /// Whether the token has the scope that lifts the ownership check of the system register.
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

/// Verifies the credentials of requests. A slice of state; clones are cheap.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    verifier: Arc<Verifier>,
    platform_tokens: PlatformTokens,
    live_system_users: Arc<LiveSystemUsers>,
    cookies: SessionCookies,
    identity: Arc<IdentityKeys>,
    clock: Clock,
    db: PgPool,
}

impl Authenticator {
    /// Verifies with these issuers and keys, and asks this database about sessions, system users
    /// and persons.
    #[must_use]
    pub fn new(
        verifier: Arc<Verifier>,
        platform_tokens: PlatformTokens,
        live_system_users: Arc<LiveSystemUsers>,
        cookies: SessionCookies,
        identity: Arc<IdentityKeys>,
        clock: Clock,
        db: PgPool,
    ) -> Self {
        Self(Arc::new(Inner {
            verifier,
            platform_tokens,
            live_system_users,
            cookies,
            identity,
            clock,
            db,
        }))
    }

    /// Verifies a bearer token.
    ///
    /// # Errors
    /// 401 with the reason, or 503 when the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str) -> ApiResult<Verified> {
        self.0
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

    /// Verifies the bearer token of an exchange, or another credential in its place: whatever is
    /// wrong with it is one and the same answer, with the framework's body.
    ///
    /// # Errors
    /// 401, or 503 when the issuer's keys cannot be had.
    pub async fn verify_for_exchange(
        &self,
        headers: &HeaderMap,
        instead: impl FnOnce() -> Option<String>,
    ) -> ApiResult<Verified> {
        const UNAUTHORIZED: ApiError = ApiError::Status(StatusCode::UNAUTHORIZED);
        let given = bearer(headers)
            .map_err(|_| UNAUTHORIZED)?
            .map(str::to_owned);
        let token = given.or_else(instead).ok_or(UNAUTHORIZED)?;
        self.verify(&token).await.map_err(|error| match error {
            unavailable @ ApiError::Unavailable(_) => unavailable,
            _ => UNAUTHORIZED,
        })
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// 400 or 401 for its credential, 403 for a cookie without proof, 503 when that cannot be
    /// found out.
    pub async fn authenticate(&self, parts: &Parts) -> ApiResult<Caller> {
        let cookies = &self.0.cookies;
        // The first that is there is the only one: a bad header is not helped by a good cookie.
        let principal = if let Some(token) = bearer(&parts.headers)? {
            self.verify(token).await?.principal
        } else {
            let token = cookies
                .token_for_api(parts)
                .ok_or(ApiError::Unauthorized(None))?;
            let principal = self.verify(&token).await?.principal;
            Box::pin(cookies.require_proof(parts, &principal)).await?;
            principal
        };
        cookies.require_live_session(&principal).await?;
        if principal.system_user.is_some() {
            self.0
                .live_system_users
                .check(&principal, true)
                .await?
                .map_err(|reason| ApiError::Unauthorized(Some(reason)))?;
        }
        if let Some(context) = context::current() {
            let _ = context.caller.set(Arc::clone(&principal));
        }
        Ok(Caller { principal })
    }

    /// Whether the request carries a valid platform access token. An invalid one beside another
    /// credential is ignored.
    fn is_platform(&self, parts: &Parts) -> ApiResult<bool> {
        match self
            .0
            .platform_tokens
            .verify(&parts.headers, self.0.clock.seconds())
        {
            Ok(app) => Ok(app.is_some()),
            Err(reason) if parts.headers.contains_key(AUTHORIZATION) => {
                tracing::info!(reason, "platform token ignored");
                Ok(false)
            }
            Err(reason) => Err(ApiError::Unauthorized(Some(reason))),
        }
    }

    /// The person a token names, when the register knows one.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn person_of(&self, principal: &Principal) -> ApiResult<Option<Person>> {
        let Some(person) = &principal.person else {
            return Ok(None);
        };
        let mut db = self.0.db.acquire().await?;
        Ok(parties::person_by_ref(&mut db, &self.0.identity, person).await?)
    }

    /// What verifies tokens.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// What verifies platform access tokens.
    #[must_use]
    pub fn platform_tokens(&self) -> &PlatformTokens {
        &self.0.platform_tokens
    }

    /// System users as tokens name them.
    #[must_use]
    pub fn live_system_users(&self) -> &LiveSystemUsers {
        &self.0.live_system_users
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        Authenticator::from_ref(state).authenticate(parts).await
    }
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for Scoped<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let caller = Authenticator::from_ref(state).authenticate(parts).await?;
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

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for BackEnd<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        if Authenticator::from_ref(state).is_platform(parts)? {
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

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for BackEndOrPerson<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        if Authenticator::from_ref(state).is_platform(parts)? {
            return Ok(Self::BackEnd(BackEnd::of(None)));
        }
        let caller = Authenticator::from_ref(state).authenticate(parts).await?;
        if caller.principal.scopes.contains_any(P::ACCEPTED) {
            return Ok(Self::BackEnd(BackEnd::of(Some(caller.principal))));
        }
        match Authenticator::from_ref(state)
            .person_of(&caller.principal)
            .await?
        {
            Some(person) => Ok(Self::Person(Box::new(person))),
            None => Err(ApiError::InsufficientScope(P::ACCEPTED)),
        }
    }
}
