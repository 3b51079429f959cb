//! Verified callers: what a handler receives instead of raw headers. Each type takes tokens of
//! certain shapes alone, so that the signature of a handler says who may call it.

use std::{marker::PhantomData, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use foundation::{
    clock::Clock,
    config::CheckedSettings,
    http::{
        ApiError, ApiResult, context,
        describe::{self, Credential, DescribeInput, require},
    },
    ids::OrgNumber,
    telemetry::{metrics::AUTH_FAILED, security::SecurityEvent},
    token::{
        OrganizationToken, PersonNames, PlatformTokens, Principal, TokenRefusal, TokenRejection,
        TokenVerifier, VerifiedToken,
        scopes::{AnyScope, SYSTEM_REGISTER_ADMIN, ScopePolicy},
    },
};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION, request::Parts};
use registers::parties::{self, IdentityKeys, Person};
use sqlx::PgPool;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use crate::{
    caller_shapes::{self, TokenUser},
    live_system_users::LiveSystemUsers,
    session_cookies::{SessionCookies, TakesPageSession},
};

/// A caller with a token of any shape that was verified, and whose system user, if it has one, is
/// active.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub principal: Arc<Principal>,
}

/// A caller with a token of any shape and one of the policy's scopes, where the scope alone counts.
#[derive(Debug, Clone)]
pub struct ScopedCaller<P> {
    /// Who calls.
    pub caller: Caller,
    policy: PhantomData<P>,
}

impl<P> ScopedCaller<P> {
    /// The organisation of the token, when it has one.
    #[must_use]
    pub fn organization(&self) -> Option<OrgNumber> {
        self.caller.principal.organization()
    }

    /// Whether the token has this scope too.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.caller.principal.scopes.contains(scope)
    }
}

/// A system vendor: an organisation, or the vendor that holds a system user's token.
#[derive(Debug, Clone)]
pub struct Vendor<P> {
    organization: Option<OrgNumber>,
    client_id: Option<String>,
    is_register_admin: bool,
    policy: PhantomData<P>,
}

impl<P> Vendor<P> {
    /// The organisation of the token.
    ///
    /// # Errors
    /// 401 with the framework's body: the token is good, but names none.
    pub fn organization(&self) -> ApiResult<OrgNumber> {
        self.organization.ok_or(ApiError::NoOrganization)
    }

    /// The organisation of the token; none when it names none that can be read.
    #[must_use]
    pub const fn organization_if_any(&self) -> Option<OrgNumber> {
        self.organization
    }

    /// Client at the issuer.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Whether the token has the scope that lifts the ownership check of the system register.
    #[must_use]
    pub const fn is_register_admin(&self) -> bool {
        self.is_register_admin
    }
}

/// A service owner: an organisation, or any caller with the policy's admin scope.
#[derive(Debug, Clone)]
pub struct ServiceOwner<P> {
    token: OrganizationToken,
    principal: Arc<Principal>,
    is_admin: bool,
    policy: PhantomData<P>,
}

impl<P> ServiceOwner<P> {
    /// The organisation of the token.
    #[must_use]
    pub const fn organization(&self) -> Option<OrgNumber> {
        self.token.organization
    }

    /// Code of the service owner, in Altinn's tokens.
    #[must_use]
    pub fn org_code(&self) -> Option<&str> {
        self.token.org_code.as_deref()
    }

    /// Whether the token has this scope too.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.principal.scopes.contains(scope)
    }

    /// Prefixes of scopes that the organisation grants.
    #[must_use]
    pub fn scope_prefixes(&self) -> &[String] {
        &self.token.scope_prefixes
    }

    /// Whether the token has the scope for the resources of every owner.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.is_admin
    }
}

/// Maskinporten itself, or who else has its scope.
#[derive(Debug, Clone)]
pub struct MaskinportenCaller<P> {
    organization: Option<OrgNumber>,
    policy: PhantomData<P>,
}

impl<P> MaskinportenCaller<P> {
    /// The organisation of the token.
    #[must_use]
    pub const fn organization(&self) -> Option<OrgNumber> {
        self.organization
    }
}

/// A person through a portal or an end-user system.
#[derive(Debug, Clone)]
pub struct EndUser<P> {
    person: Option<Person>,
    level: u8,
    session: Option<String>,
    policy: PhantomData<P>,
}

impl<P> EndUser<P> {
    /// The person; none when the register knows no person by the token's names.
    #[must_use]
    pub const fn known_person(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// The person.
    ///
    /// # Errors
    /// 403: the register knows no person by the token's names.
    pub fn person(&self) -> ApiResult<&Person> {
        self.person.as_ref().ok_or(FORBIDDEN)
    }

    /// Level of the login, 0 to 4.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Id (base64url) of the browser session that calls, or that the token was made for.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The same caller, where the policy has been seen to hold.
    pub(crate) fn known(self) -> ApiResult<(Person, u8)> {
        Ok((self.person.ok_or(FORBIDDEN)?, self.level))
    }
}

/// A system user that calls with its own token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemUserCaller {
    /// Its id.
    pub id: Uuid,
}

/// A person or a system user, where both may call.
#[derive(Debug, Clone)]
pub enum PersonOrSystemUser<P> {
    /// A person.
    Person(EndUser<P>),
    /// A system user.
    SystemUser(SystemUserCaller),
}

impl<P> From<EndUser<P>> for PersonOrSystemUser<P> {
    fn from(person: EndUser<P>) -> Self {
        Self::Person(person)
    }
}

const FORBIDDEN: ApiError = ApiError::Empty(StatusCode::FORBIDDEN);

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
        return Err(ApiError::Unauthorized(Some(TokenRefusal::Malformed)));
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
pub struct Authenticator(Arc<AuthenticatorInner>);

#[derive(Debug)]
struct AuthenticatorInner {
    verifier: Arc<TokenVerifier>,
    platform_tokens: PlatformTokens,
    live_system_users: Arc<LiveSystemUsers>,
    cookies: SessionCookies,
    identity: Arc<IdentityKeys>,
    clock: Clock,
    db: PgPool,
    system_user_by_party_uuid: bool,
}

impl Authenticator {
    /// Verifies with these issuers and keys, and asks this database about sessions, system users
    /// and persons.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "called once, at start")]
    pub fn new(
        verifier: Arc<TokenVerifier>,
        platform_tokens: PlatformTokens,
        live_system_users: Arc<LiveSystemUsers>,
        cookies: SessionCookies,
        identity: Arc<IdentityKeys>,
        clock: Clock,
        db: PgPool,
        config: &CheckedSettings,
    ) -> Self {
        Self(Arc::new(AuthenticatorInner {
            verifier,
            platform_tokens,
            live_system_users,
            cookies,
            identity,
            clock,
            db,
            system_user_by_party_uuid: config.settings.compat.systemuser_by_party_uuid,
        }))
    }

    /// Verifies a bearer token.
    ///
    /// # Errors
    /// 401 with the reason, or 503 when the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str) -> ApiResult<VerifiedToken> {
        self.0
            .verifier
            .verify(token)
            .await
            .map_err(|reject| match reject {
                TokenRejection::Refused(refusal) => {
                    metrics::counter!(AUTH_FAILED.name, "reason" => refusal.wire()).increment(1);
                    context::report(SecurityEvent::AuthFailed {
                        reason: refusal.wire(),
                        issuer: self.0.verifier.issuer_named_by(token),
                    });
                    ApiError::Unauthorized(Some(refusal))
                }
                TokenRejection::Unavailable => ApiError::Unavailable(5),
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
    ) -> ApiResult<VerifiedToken> {
        const UNAUTHORIZED: ApiError = ApiError::NotExchanged;
        let given = bearer(headers)
            .map_err(|_| UNAUTHORIZED)?
            .map(str::to_owned);
        let token = given.or_else(instead).ok_or(UNAUTHORIZED)?;
        let verified = self.verify(&token).await.map_err(|error| match error {
            passing @ (ApiError::Unavailable(_) | ApiError::Database(_) | ApiError::Limited(_)) => {
                passing
            }
            _ => UNAUTHORIZED,
        })?;
        if let Some(context) = context::current() {
            let _ = context.caller.set(Arc::clone(&verified.principal));
        }
        context::admit(&verified.principal)?;
        Ok(verified)
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// 400 or 401 for its credential, 403 for a cookie without proof, 429 or 503 for a caller that
    /// asks too often or for too much at once, 503 when that cannot be found out.
    pub async fn authenticate(&self, parts: &Parts) -> ApiResult<Caller> {
        let cookies = &self.0.cookies;
        // The first that is there is the only one: a bad header is not helped by a good cookie.
        let principal = if let Some(token) = bearer(&parts.headers)? {
            self.verify(token).await?.principal
        } else if parts.extensions.get::<TakesPageSession>().is_some() {
            let principal = Arc::new(Box::pin(cookies.page_session(parts)).await?);
            if let Some(context) = context::current() {
                let _ = context.caller.set(Arc::clone(&principal));
            }
            context::admit(&principal)?;
            return Ok(Caller { principal });
        } else {
            let token = cookies
                .token_for_api(parts)
                .ok_or(ApiError::Unauthorized(None))?;
            let principal = self.verify(&token).await?.principal;
            Box::pin(cookies.require_proof(parts, &principal)).await?;
            principal
        };
        cookies.require_live_session(&principal).await?;
        if let Some(token) = principal.system_user() {
            let client_id = principal.client_id.as_deref();
            self.0
                .live_system_users
                .check(token, client_id, true)
                .await?
                .map_err(|refusal| ApiError::Unauthorized(Some(refusal)))?;
        }
        if let Some(context) = context::current() {
            let _ = context.caller.set(Arc::clone(&principal));
        }
        context::admit(&principal)?;
        Ok(Caller { principal })
    }

    /// The part of the platform that calls, when the request carries a valid platform access
    /// token. An invalid one together with another credential is ignored.
    fn platform(&self, parts: &Parts) -> ApiResult<Option<PlatformCaller>> {
        match self
            .0
            .platform_tokens
            .verify(&parts.headers, self.0.clock.seconds())
        {
            Ok(Some(app)) => {
                context::admit_other(&("platform", &app))?;
                Ok(Some(PlatformCaller { app }))
            }
            Ok(None) => Ok(None),
            Err(refusal) if parts.headers.contains_key(AUTHORIZATION) => {
                tracing::info!(reason = refusal.wire(), "platform token ignored");
                Ok(None)
            }
            Err(refusal) => Err(ApiError::Unauthorized(Some(refusal))),
        }
    }

    /// The person a token names, when the register knows one.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn person_named(&self, names: &PersonNames) -> ApiResult<Option<Person>> {
        let mut db = self.0.db.acquire().await?;
        let person = parties::person_named(&mut db, &self.0.identity, names).await?;
        if let Some(person) = &person {
            context::note_person(person.0.uuid);
        }
        Ok(person)
    }

    /// The person or system user that calls; none for tokens of other shapes.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn person_or_system_user<P>(
        &self,
        caller: &Caller,
    ) -> ApiResult<Option<PersonOrSystemUser<P>>> {
        let (names, level) = match caller_shapes::user(&caller.principal.shape) {
            TokenUser::Person(names, level) => (names, level),
            TokenUser::SystemUser(id) => {
                let user = SystemUserCaller { id };
                return Ok(Some(PersonOrSystemUser::SystemUser(user)));
            }
            TokenUser::SelfIdentified(_) | TokenUser::Other => return Ok(None),
        };
        Ok(Some(PersonOrSystemUser::Person(EndUser {
            person: self.person_named(names).await?,
            level,
            session: caller.principal.session().map(str::to_owned),
            policy: PhantomData,
        })))
    }

    /// The person that calls; none for tokens of other shapes, those of persons who have not proved
    /// who they are included.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn identified_person<P>(&self, caller: &Caller) -> ApiResult<Option<EndUser<P>>> {
        match self.person_or_system_user(caller).await? {
            Some(PersonOrSystemUser::Person(user)) => Ok(Some(user)),
            Some(PersonOrSystemUser::SystemUser(_)) | None => Ok(None),
        }
    }

    /// As [`Authenticator::person_or_system_user`], on the routes of access management: where a
    /// person's token names no person, but a system user that is active as its party, that system
    /// user calls, if the installation permits it (`compat.systemuser_by_party_uuid`). Load tests of
    /// the public system make such tokens.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn access_caller<P>(
        &self,
        caller: &Caller,
    ) -> ApiResult<Option<PersonOrSystemUser<P>>> {
        let found = self.person_or_system_user(caller).await?;
        let is_unknown = matches!(&found, Some(PersonOrSystemUser::Person(user)) if user.known_person().is_none());
        if let Some(id) = caller.principal.person().and_then(|names| names.party_uuid)
            && is_unknown
            && self.0.system_user_by_party_uuid
            && !self
                .0
                .live_system_users
                .among(&[id], true)
                .await?
                .is_empty()
        {
            return Ok(Some(PersonOrSystemUser::SystemUser(SystemUserCaller {
                id,
            })));
        }
        Ok(found)
    }

    /// The person that calls, self-identified ones too; none for tokens of other shapes.
    async fn person<P>(&self, caller: &Caller) -> ApiResult<Option<EndUser<P>>> {
        let (names, level) = match caller_shapes::user(&caller.principal.shape) {
            TokenUser::Person(names, level) => (names, level),
            TokenUser::SelfIdentified(names) => (names, 0),
            TokenUser::SystemUser(_) | TokenUser::Other => return Ok(None),
        };
        Ok(Some(EndUser {
            person: self.person_named(names).await?,
            level,
            session: caller.principal.session().map(str::to_owned),
            policy: PhantomData,
        }))
    }

    /// The person that calls; an end user without a person where the token is of another shape.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn person_or_other<P>(&self, scoped: &ScopedCaller<P>) -> ApiResult<EndUser<P>> {
        Ok(self.person(&scoped.caller).await?.unwrap_or(EndUser {
            person: None,
            level: 0,
            session: None,
            policy: PhantomData,
        }))
    }

    /// The person that calls.
    ///
    /// # Errors
    /// 403 for tokens of other shapes than a person's.
    async fn end_user<P>(&self, caller: &Caller) -> ApiResult<EndUser<P>> {
        self.person(caller)
            .await?
            .ok_or_else(|| wrong_shape(caller))
    }

    /// What verifies tokens.
    #[must_use]
    pub fn verifier(&self) -> &TokenVerifier {
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

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for ScopedCaller<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let caller = Authenticator::from_ref(state).authenticate(parts).await?;
        // A policy without scopes takes every valid token.
        if !P::ACCEPTED.is_empty() && !caller.principal.scopes.contains_any(P::ACCEPTED) {
            return Err(ApiError::InsufficientScope(P::ACCEPTED));
        }
        Ok(Self {
            caller,
            policy: PhantomData,
        })
    }
}

/// The answer to a token of a shape that the endpoint does not take.
fn wrong_shape(caller: &Caller) -> ApiError {
    tracing::debug!(shape = ?caller.principal.shape.name(), "a token of another shape");
    FORBIDDEN
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for Vendor<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let caller = ScopedCaller::<P>::from_request_parts(parts, state)
            .await?
            .caller;
        let principal = &caller.principal;
        let organization =
            caller_shapes::vendor(&principal.shape).ok_or_else(|| wrong_shape(&caller))?;
        Ok(Self {
            organization,
            client_id: principal.client_id.clone(),
            is_register_admin: principal.scopes.contains(SYSTEM_REGISTER_ADMIN),
            policy: PhantomData,
        })
    }
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for ServiceOwner<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let caller = ScopedCaller::<P>::from_request_parts(parts, state)
            .await?
            .caller;
        let principal = &caller.principal;
        let is_admin = P::ADMIN.is_some_and(|scope| principal.scopes.contains(scope));
        let token = caller_shapes::service_owner(&principal.shape, is_admin)
            .ok_or_else(|| wrong_shape(&caller))?;
        Ok(Self {
            token,
            principal: Arc::clone(principal),
            is_admin,
            policy: PhantomData,
        })
    }
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for MaskinportenCaller<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let scoped = ScopedCaller::<P>::from_request_parts(parts, state).await?;
        Ok(Self {
            organization: scoped.organization(),
            policy: PhantomData,
        })
    }
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for EndUser<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let caller = ScopedCaller::<P>::from_request_parts(parts, state)
            .await?
            .caller;
        Authenticator::from_ref(state).end_user(&caller).await
    }
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for PersonOrSystemUser<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let caller = ScopedCaller::<P>::from_request_parts(parts, state)
            .await?
            .caller;
        Authenticator::from_ref(state)
            .person_or_system_user(&caller)
            .await?
            .ok_or_else(|| wrong_shape(&caller))
    }
}

/// A part of the platform, by a platform access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformCaller {
    /// Its name (`urn:altinn:app`).
    pub app: String,
}

impl<S: Send + Sync> FromRequestParts<S> for PlatformCaller
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let authenticator = Authenticator::from_ref(state);
        if let Some(platform) = authenticator.platform(parts)? {
            return Ok(platform);
        }
        // No scope does: a good token of another kind is 403, a bad one 401.
        authenticator.authenticate(parts).await?;
        Err(FORBIDDEN)
    }
}

/// A back end of the platform: by a platform access token, or with one of the policy's scopes.
#[derive(Debug, Clone)]
pub enum BackEnd<P> {
    /// By a platform access token.
    Platform(PlatformCaller),
    /// By a token of any shape with one of the scopes.
    Scoped(ScopedCaller<P>),
}

impl<P> BackEnd<P> {
    /// Who calls, when it is not by a platform access token.
    #[must_use]
    pub const fn principal(&self) -> Option<&Arc<Principal>> {
        match self {
            Self::Platform(_) => None,
            Self::Scoped(scoped) => Some(&scoped.caller.principal),
        }
    }
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for BackEnd<P>
where
    Authenticator: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        match Authenticator::from_ref(state).platform(parts)? {
            Some(platform) => Ok(Self::Platform(platform)),
            None => Ok(Self::Scoped(
                ScopedCaller::<P>::from_request_parts(parts, state).await?,
            )),
        }
    }
}

/// A back end, or a person who asks in person.
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
        let authenticator = Authenticator::from_ref(state);
        if let Some(platform) = authenticator.platform(parts)? {
            return Ok(Self::BackEnd(BackEnd::Platform(platform)));
        }
        let caller = authenticator.authenticate(parts).await?;
        if caller.principal.scopes.contains_any(P::ACCEPTED) {
            return Ok(Self::BackEnd(BackEnd::Scoped(ScopedCaller {
                caller,
                policy: PhantomData,
            })));
        }
        let person = match caller.principal.person() {
            Some(names) => authenticator.person_named(names).await?,
            None => None,
        };
        match person {
            Some(person) => Ok(Self::Person(Box::new(person))),
            None => Err(ApiError::InsufficientScope(P::ACCEPTED)),
        }
    }
}

impl DescribeInput for Caller {
    fn describe(operation: &mut Operation) {
        ScopedCaller::<AnyScope>::describe(operation);
    }
}

/// A token of any shape will do.
impl<P: ScopePolicy> DescribeInput for ScopedCaller<P> {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Organization, P::ACCEPTED);
        require(operation, Credential::Person, P::ACCEPTED);
    }
}

impl<P: ScopePolicy> DescribeInput for Vendor<P> {
    fn describe(operation: &mut Operation) {
        // A token that names no organisation.
        describe::answer_problem(operation, 401);
        require(operation, Credential::Organization, P::ACCEPTED);
    }
}

impl<P: ScopePolicy> DescribeInput for ServiceOwner<P> {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Organization, P::ACCEPTED);
    }
}

impl<P: ScopePolicy> DescribeInput for MaskinportenCaller<P> {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Organization, P::ACCEPTED);
    }
}

impl<P: ScopePolicy> DescribeInput for EndUser<P> {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Person, P::ACCEPTED);
    }
}

impl<P: ScopePolicy> DescribeInput for PersonOrSystemUser<P> {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Person, P::ACCEPTED);
        require(operation, Credential::SystemUser, P::ACCEPTED);
    }
}

impl DescribeInput for PlatformCaller {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Platform, &[]);
    }
}

impl<P: ScopePolicy> DescribeInput for BackEnd<P> {
    fn describe(operation: &mut Operation) {
        require(operation, Credential::Organization, P::ACCEPTED);
        require(operation, Credential::Platform, &[]);
    }
}

impl<P: ScopePolicy> DescribeInput for BackEndOrPerson<P> {
    fn describe(operation: &mut Operation) {
        BackEnd::<P>::describe(operation);
        require(operation, Credential::Person, &[]);
    }
}
