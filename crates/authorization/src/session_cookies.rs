//! Tokens of a browser's session in cookies, for clients that know them from Altinn's portal: what
//! the APIs take from a cookie (`compat.runtime_cookie`), and whether the session behind a token
//! has ended. Tokens of sessions are issued by [`crate::exchange`].

use std::sync::Arc;

use axum_extra::extract::cookie::CookieJar;
use foundation::{
    config::Checked,
    crypto::unbase64url,
    http::{
        ApiError, ApiResult,
        context::{self, Refusal},
    },
    sessions::{LiveSession, csrf, live_session},
    telemetry::security::SecurityEvent,
    token::{self, IssuerKind, Principal},
};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use sqlx::PgPool;

/// Cookie that is looked at before the configured one.
const FIRST_COOKIE: &str = ".ALTINNTOKEN";
const PROOF_HEADERS: [&str; 2] = ["x-xsrf-token", "x-csrf-token"];

/// Reads cookies with tokens, and the sessions that those tokens belong to.
#[derive(Debug, Clone)]
pub struct SessionCookies {
    db: PgPool,
    config: Arc<Checked>,
}

impl SessionCookies {
    /// On this database, as the settings say.
    #[must_use]
    pub const fn new(db: PgPool, config: Arc<Checked>) -> Self {
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

    /// Checks what must hold of a token from a cookie beyond the token itself: that it is a
    /// person's of ours, and for methods that change something that one of our own pages sent the
    /// request.
    ///
    /// # Errors
    /// 401 for tokens of others, 403 without proof.
    pub async fn require_proof(&self, parts: &Parts, principal: &Principal) -> ApiResult<()> {
        if principal.issuer_kind != IssuerKind::Own || principal.person().is_none() {
            return Err(ApiError::Unauthorized(Some(token::Refusal::Cookie)));
        }
        if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let forbidden = || {
            context::report(SecurityEvent::CsrfRejected {
                path: parts.uri.path(),
            });
            context::note_refusal(Refusal::denial(context::CSRF));
            ApiError::Empty(StatusCode::FORBIDDEN)
        };
        let Some(session) = self.live(principal).await? else {
            return Err(forbidden());
        };
        let proof = PROOF_HEADERS
            .iter()
            .find_map(|name| parts.headers.get(*name)?.to_str().ok());
        let is_proven =
            proof.is_some_and(|proof| csrf::verify(&session.csrf_secret, "", "", proof));
        let origins = [&self.config.ui_base, &self.config.public_base]
            .map(|base| csrf::origin(base).unwrap_or_default());
        let is_ours = origins
            .iter()
            .any(|origin| csrf::same_origin(&parts.headers, origin));
        if is_proven && is_ours {
            Ok(())
        } else {
            Err(forbidden())
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
        Err(ApiError::Unauthorized(Some(token::Refusal::SessionEnded)))
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
