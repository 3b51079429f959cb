//! Tokens of a browser's session: issued when a session begins, in a cookie, and renewed as long as
//! the session is active (`compat.refresh`). Off unless switched on.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use foundation::{
    crypto::{base64url, sha256},
    http::{ApiError, ApiResult, describe::FrameworkProblem, negotiated_text},
    sessions::{LiveSession, csrf, slide_session},
    token::SOURCE_SESSION,
};
use http::HeaderMap;
use registers::parties::{self, Person};
use serde_json::{Map, Value, json};

use super::TokenExchange;

/// Cookie with the proof that scripts of our own pages send back in a header.
const PROOF_COOKIE: &str = "XSRF-TOKEN";
/// What Altinn's portal asks for, for its users.
const SCOPES: &str =
    "openid digdir:dialogporten.noconsent altinn:portal/enduser altinn:instances.read";
/// Whole seconds that a token lasts, unless the session ends sooner.
const LIFETIME: i64 = 1_800;

const UNAUTHORIZED: ApiError = ApiError::NotExchanged;

impl TokenExchange {
    /// The cookies of a session that begins; none where they are switched off.
    ///
    /// # Errors
    /// The session cannot be read, or signing fails.
    pub async fn session_cookies(
        &self,
        session_token: &str,
        person: &Person,
    ) -> ApiResult<Vec<Cookie<'static>>> {
        if !self.cookies.is_enabled() {
            return Ok(Vec::new());
        }
        match self.cookies.session(&sha256(session_token)).await? {
            Some(session) => Ok(self.cookies_of(&session, &self.mint(&session, person)?)),
            None => Ok(Vec::new()),
        }
    }

    /// The same cookies, to be removed.
    #[must_use]
    pub fn removed_session_cookies(&self) -> Vec<Cookie<'static>> {
        let names: &[&str] = if self.cookies.is_enabled() {
            &[self.cookies.runtime_cookie(), PROOF_COOKIE]
        } else {
            &[]
        };
        let removed = names.iter().map(|name| {
            let mut cookie = self.cookie_of(name, "", true);
            cookie.set_max_age(time::Duration::ZERO);
            cookie
        });
        removed.collect()
    }

    fn cookies_of(&self, session: &LiveSession, token: &str) -> Vec<Cookie<'static>> {
        let proof = csrf::token(&session.csrf_secret, "", "");
        vec![
            self.cookie_of(self.cookies.runtime_cookie(), token, true),
            self.cookie_of(PROOF_COOKIE, &proof, false),
        ]
    }

    fn cookie_of(&self, name: &str, value: &str, http_only: bool) -> Cookie<'static> {
        let cookie = Cookie::build((name.to_owned(), value.to_owned()))
            .http_only(http_only)
            .same_site(SameSite::Lax)
            .path("/");
        cookie
            .secure(self.config.settings.session.secure_cookies)
            .build()
    }

    /// A token for the person of a session.
    fn mint(&self, session: &LiveSession, person: &Person) -> ApiResult<String> {
        let now = self.clock.seconds();
        let party = &person.0;
        let mut claims: Map<String, Value> = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", json!(self.config.own_issuer));
        put(
            "sub",
            json!(format!("urn:altinn:party:uuid:{}", party.uuid)),
        );
        put("sid", json!(base64url(&session.id)));
        put("urn:altinn:party:uuid", json!(party.uuid));
        if let Some(id) = party.party_id {
            put("urn:altinn:partyid", json!(id));
        }
        if let Some(id) = party.user_id {
            put("urn:altinn:userid", json!(id));
        }
        put("urn:altinn:username", json!(""));
        put("acr", json!(session.acr));
        put("amr", json!(session.amr));
        if let Some(at) = session.auth_time {
            put("auth_time", json!(at.timestamp()));
        }
        put("urn:altinn:authlevel", json!(session.level));
        put(
            "urn:altinn:authenticatemethod",
            json!(session.amr.first().map_or("NotDefined", String::as_str)),
        );
        put("scope", json!(SCOPES));
        put("urn:systembruker:src", json!(SOURCE_SESSION));
        put("iat", json!(now));
        put("nbf", json!(now));
        put(
            "exp",
            json!(session.expires.timestamp().min(now + LIFETIME)),
        );
        self.own_keys
            .signing_key()
            .sign(&claims, &[])
            .map_err(ApiError::internal)
    }
}

/// Renews the token of a valid session, for another half hour but never beyond the session's
/// own end. The idle time of the session starts anew. Only with `compat.refresh`.
#[utoipa::path(get, operation_id = "refreshToken", path = "/authentication/api/v1/refresh", tag = "Portal",
    responses((status = 200, content((String = "text/plain"), (String = "application/json")), description = "The token: as a JSON string for a client that accepts JSON alone, else as plain text"),
        (status = 401, body = FrameworkProblem, content_type = "application/problem+json", description = "No token of a valid session"), (status = 503)))]
pub async fn refresh(
    State(exchange): State<TokenExchange>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut by_cookie = false;
    let instead = || {
        exchange
            .cookies
            .token(&headers)
            .inspect(|_| by_cookie = true)
    };
    let verified = exchange
        .authenticator
        .verify_for_exchange(&headers, instead)
        .await?;
    let session = exchange
        .cookies
        .live(&verified.principal)
        .await?
        .ok_or(UNAUTHORIZED)?;
    let party = parties::party_by_uuid(&mut *exchange.db.acquire().await?, session.person_uuid)
        .await?
        .ok_or(UNAUTHORIZED)?;
    slide_session(&exchange.db, &session.id).await?;
    let renewed = exchange.mint(&session, &Person(party))?;
    let mut jar = CookieJar::new();
    if by_cookie {
        for cookie in exchange.cookies_of(&session, &renewed) {
            jar = jar.add(cookie);
        }
    }
    Ok((jar, negotiated_text(&renewed)).into_response())
}
