//! Tokens of a browser's session in cookies, for clients that know them from Altinn's portal: what
//! the APIs take from a cookie (`compat.runtime_cookie`), and whether the session behind a token
//! has ended. Tokens of sessions are issued by [`crate::exchange`].

use std::sync::Arc;

use axum_extra::extract::cookie::CookieJar;
use foundation::{
    config::CheckedSettings,
    crypto::{base64url, sha256, unbase64url},
    http::{
        ApiError, ApiResult,
        context::{self, RefusalCause},
    },
    sessions::{self, LiveSession, csrf, live_session},
    telemetry::security::SecurityEvent,
    token::{self, BrowserSession, IssuerKind, Principal},
};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use sqlx::PgPool;

/// Cookie that is looked at before the configured one.
const FIRST_COOKIE: &str = ".ALTINNTOKEN";
const PROOF_HEADERS: [&str; 2] = ["x-xsrf-token", "x-csrf-token"];

/// Marks the routes that take the session of a browser in place of a token. In the extensions of a
/// request.
#[derive(Debug, Clone, Copy)]
pub struct TakesPageSession;

/// Reads cookies with tokens, and the sessions that those tokens belong to.
#[derive(Debug, Clone)]
pub struct SessionCookies {
    db: PgPool,
    config: Arc<CheckedSettings>,
}

impl SessionCookies {
    /// On this database, as the settings say.
    #[must_use]
    pub const fn new(db: PgPool, config: Arc<CheckedSettings>) -> Self {
        Self { db, config }
    }

    /// Whether sessions have tokens at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        let compat = &self.config.settings.compat;
        compat.runtime_cookie || compat.refresh
    }

    /// Name of the configured cookie.
    #[must_use]
    pub fn runtime_cookie(&self) -> &str {
        &self.config.settings.compat.runtime_cookie_name
    }

    /// The token that a request without `Authorization` carries in a cookie, where that is
    /// switched on.
    #[must_use]
    pub fn token_for_api(&self, parts: &Parts) -> Option<String> {
        let reads = self.config.settings.compat.runtime_cookie
            && !parts.uri.path().starts_with("/accessmanagement/api/");
        if reads {
            self.token(&parts.headers)
        } else {
            None
        }
    }

    /// The token in a cookie.
    #[must_use]
    pub fn token(&self, headers: &HeaderMap) -> Option<String> {
        let jar = CookieJar::from_headers(headers);
        let found = jar
            .get(FIRST_COOKIE)
            .or_else(|| jar.get(self.runtime_cookie()))?;
        Some(found.value().to_owned()).filter(|token| !token.is_empty())
    }

    /// The caller of a request to a route that takes the session of a browser: the person of the
    /// session. What changes something must be sent by a page of ours.
    ///
    /// # Errors
    /// 401 without a valid session, 400 without proof.
    pub async fn page_session(&self, parts: &Parts) -> ApiResult<Principal> {
        const NO_SESSION: ApiError = ApiError::Unauthorized(None);
        let name = sessions::cookie_name(self.config.settings.session.secure_cookies);
        let jar = CookieJar::from_headers(&parts.headers);
        let cookie = jar.get(name).ok_or(NO_SESSION)?;
        let found = self.session(&sha256(cookie.value())).await?;
        let session = found.ok_or(NO_SESSION)?;
        if !is_safe(&parts.method) && !self.is_proven(parts, &session.csrf_secret) {
            return Err(rejected(parts, ApiError::Status(StatusCode::BAD_REQUEST)));
        }
        let session = BrowserSession {
            id: base64url(&session.id),
            person: session.person_uuid,
            level: u8::try_from(session.level).map_err(ApiError::internal)?,
            expires: session.expires.timestamp(),
        };
        Ok(Principal::of_session(&self.config.own_issuer, session))
    }

    /// Whether a script of a page of ours sent a request, for the session with this secret.
    fn is_proven(&self, parts: &Parts, secret: &[u8]) -> bool {
        let proof = PROOF_HEADERS
            .iter()
            .find_map(|name| parts.headers.get(*name)?.to_str().ok());
        let is_proof =
            |text: &str| csrf::is_script_token(secret, text) || csrf::verify(secret, "", "", text);
        let is_ours = [&self.config.ui_base, &self.config.public_base]
            .into_iter()
            .filter_map(|base| csrf::origin(base))
            .any(|origin| csrf::same_origin(&parts.headers, &origin));
        proof.is_some_and(is_proof) && is_ours
    }

    /// Checks what must hold of a token from a cookie beyond the token itself: that it is a
    /// person's of ours, and for methods that change something that one of our own pages sent the
    /// request.
    ///
    /// # Errors
    /// 401 for tokens of others, 403 without proof.
    pub async fn require_proof(&self, parts: &Parts, principal: &Principal) -> ApiResult<()> {
        if principal.issuer_kind != IssuerKind::Own || principal.person().is_none() {
            return Err(ApiError::Unauthorized(Some(token::TokenRefusal::Cookie)));
        }
        if is_safe(&parts.method) {
            return Ok(());
        }
        match self.live(principal).await? {
            Some(session) if self.is_proven(parts, &session.csrf_secret) => Ok(()),
            Some(_) | None => Err(rejected(parts, ApiError::Empty(StatusCode::FORBIDDEN))),
        }
    }

    /// Checks that the session of a token has not ended, if it is a session's token.
    ///
    /// # Errors
    /// 401 when it ended.
    pub async fn require_live_session(&self, principal: &Principal) -> ApiResult<()> {
        if principal.session().is_none() || Box::pin(self.live(principal)).await?.is_some() {
            return Ok(());
        }
        Err(ApiError::Unauthorized(Some(
            token::TokenRefusal::SessionEnded,
        )))
    }

    /// The session of a token, unless it has none or the session ended.
    ///
    /// # Errors
    /// The session cannot be read.
    pub async fn live(&self, principal: &Principal) -> ApiResult<Option<LiveSession>> {
        let Some(id) = principal
            .session()
            .filter(|_| self.is_enabled())
            .and_then(unbase64url)
        else {
            return Ok(None);
        };
        self.session(&id).await
    }

    /// A session by its id (SHA-256 of its cookie), unless it ended.
    ///
    /// # Errors
    /// The session cannot be read.
    pub async fn session(&self, id: &[u8]) -> ApiResult<Option<LiveSession>> {
        let idle_minutes = self.config.settings.session.idle_minutes;
        Ok(live_session(&self.db, id, idle_minutes).await?)
    }
}

/// Whether a method changes nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// An answer to a request that no page of ours is known to have sent, with its security event.
fn rejected(parts: &Parts, answer: ApiError) -> ApiError {
    context::report(SecurityEvent::CsrfRejected {
        path: parts.uri.path(),
    });
    context::note_refusal(RefusalCause::denial(context::CSRF));
    answer
}
