//! Tokens of a browser's session, for clients that know them from Altinn's portal: in a cookie that
//! the APIs take (`compat.runtime_cookie`), and renewed as long as the session lives
//! (`compat.refresh`). Off unless switched on.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use serde_json::{Map, Value, json};

use super::{
    csrf, display,
    store::{self, LiveSession},
};
use crate::{
    app::{AppState, callers},
    http::{ApiError, ApiResult, negotiated_text},
    register::{self, Person},
    token::{IssuerKind, Principal, base64url, sha256},
};

/// Cookie that is looked at before the configured one.
const FIRST_COOKIE: &str = ".ALTINNTOKEN";
/// Cookie with the proof that scripts of our own pages send back in a header.
const PROOF_COOKIE: &str = "XSRF-TOKEN";
const PROOF_HEADERS: [&str; 2] = ["x-xsrf-token", "x-csrf-token"];
/// What Altinn's portal asks for, for its users.
const SCOPES: &str =
    "openid digdir:dialogporten.noconsent altinn:portal/enduser altinn:instances.read";
/// Whole seconds that a token lasts, unless the session ends sooner.
const LIFETIME: i64 = 1_800;

const UNAUTHORIZED: ApiError = ApiError::Status(StatusCode::UNAUTHORIZED);

fn is_on(state: &AppState) -> bool {
    let compat = &state.config.settings.compat;
    compat.runtime_cookie || compat.refresh
}

/// The token that a request without `Authorization` carries in a cookie, where that is switched on.
#[must_use]
pub fn from_cookie(state: &AppState, parts: &Parts) -> Option<String> {
    let reads = state.config.settings.compat.runtime_cookie
        && !parts.uri.path().starts_with("/accessmanagement/api/");
    if reads {
        cookie(state, &parts.headers)
    } else {
        None
    }
}

fn cookie(state: &AppState, headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let found = jar
        .get(FIRST_COOKIE)
        .or_else(|| jar.get(runtime_cookie(state)))?;
    Some(found.value().to_owned()).filter(|token| !token.is_empty())
}

/// Checks what must hold beyond the token itself: that it is a person's of ours, and for methods
/// that change something that one of our own pages sent the request.
///
/// # Errors
/// 401 for tokens of others, 403 without proof.
pub async fn admit_cookie(state: &AppState, parts: &Parts, principal: &Principal) -> ApiResult<()> {
    if principal.issuer_kind != IssuerKind::Altinn || principal.person.is_none() {
        return Err(ApiError::Unauthorized(Some("cookie")));
    }
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let forbidden = ApiError::Empty(StatusCode::FORBIDDEN);
    let Some(session) = live(state, principal).await? else {
        return Err(forbidden);
    };
    let proof = PROOF_HEADERS
        .iter()
        .find_map(|name| parts.headers.get(*name)?.to_str().ok());
    let is_proven = proof.is_some_and(|proof| csrf::verify(&session.csrf_secret, "", "", proof));
    let origins = [&state.config.ui_base, &state.config.public_base]
        .map(|base| display::origin(base).unwrap_or_default());
    let is_ours = origins
        .iter()
        .any(|origin| csrf::same_origin(&parts.headers, origin));
    if is_proven && is_ours {
        Ok(())
    } else {
        Err(forbidden)
    }
}

/// Checks that the session of a token lives, if it is a session's token.
///
/// # Errors
/// 401 when it ended.
pub async fn check_session(state: &AppState, principal: &Principal) -> ApiResult<()> {
    if principal.session.is_none() || Box::pin(live(state, principal)).await?.is_some() {
        return Ok(());
    }
    Err(ApiError::Unauthorized(Some("session ended")))
}

async fn live(state: &AppState, principal: &Principal) -> ApiResult<Option<LiveSession>> {
    let Some(id) = principal
        .session
        .as_deref()
        .filter(|_| is_on(state))
        .and_then(crate::token::unbase64url)
    else {
        return Ok(None);
    };
    Ok(store::live_session(&state.db, &id, state.config.settings.session.idle_minutes).await?)
}

/// The cookies of a session that begins; none where they are switched off.
///
/// # Errors
/// As the database says.
pub async fn cookies(
    state: &AppState,
    session_token: &str,
    person: &Person,
) -> ApiResult<Vec<Cookie<'static>>> {
    if !is_on(state) {
        return Ok(Vec::new());
    }
    let session = store::live_session(
        &state.db,
        &sha256(session_token),
        state.config.settings.session.idle_minutes,
    )
    .await?;
    match session {
        Some(session) => Ok(cookies_of(state, &session, &mint(state, &session, person)?)),
        None => Ok(Vec::new()),
    }
}

fn cookies_of(state: &AppState, session: &LiveSession, token: &str) -> Vec<Cookie<'static>> {
    let proof = csrf::token(&session.csrf_secret, "", "");
    vec![
        cookie_of(state, runtime_cookie(state), token, true),
        cookie_of(state, PROOF_COOKIE, &proof, false),
    ]
}

fn cookie_of(state: &AppState, name: &str, value: &str, http_only: bool) -> Cookie<'static> {
    let cookie = Cookie::build((name.to_owned(), value.to_owned()))
        .http_only(http_only)
        .same_site(SameSite::Lax)
        .path("/");
    cookie
        .secure(state.config.settings.session.secure_cookies)
        .build()
}

fn runtime_cookie(state: &AppState) -> &str {
    &state.config.settings.compat.runtime_cookie_name
}

/// The same cookies, to be removed.
#[must_use]
pub fn no_cookies(state: &AppState) -> Vec<Cookie<'static>> {
    let names: &[&str] = if is_on(state) {
        &[runtime_cookie(state), PROOF_COOKIE]
    } else {
        &[]
    };
    let removed = names.iter().map(|name| {
        let mut cookie = cookie_of(state, name, "", true);
        cookie.set_max_age(time::Duration::ZERO);
        cookie
    });
    removed.collect()
}

/// A token for the person of a session.
fn mint(state: &AppState, session: &LiveSession, person: &Person) -> ApiResult<String> {
    let now = state.clock.seconds();
    let party = &person.0;
    let mut claims: Map<String, Value> = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(state.config.own_issuer));
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
    put("urn:systembruker:src", json!("session"));
    put("iat", json!(now));
    put("nbf", json!(now));
    put(
        "exp",
        json!(session.expires.timestamp().min(now + LIFETIME)),
    );
    state
        .own_keys
        .signing_key()
        .sign(&claims, &[])
        .map_err(ApiError::internal)
}

/// Renews the token of a session that lives, for another half hour but never beyond the session's
/// own end. The idle time of the session starts anew. Only with `compat.refresh`.
#[utoipa::path(get, path = "/authentication/api/v1/refresh", tag = "Tokens",
    responses((status = 200, body = String, description = "The token, as text or as a JSON string by Accept"),
        (status = 401, description = "No token of a session that lives"), (status = 503)))]
pub async fn refresh(State(state): State<AppState>, headers: HeaderMap) -> ApiResult<Response> {
    let mut by_cookie = false;
    let instead = || cookie(&state, &headers).inspect(|_| by_cookie = true);
    let verified = callers::verify_for_exchange(&state, &headers, instead).await?;
    let session = live(&state, &verified.principal)
        .await?
        .ok_or(UNAUTHORIZED)?;
    let party = register::party_by_uuid(&mut *state.db.acquire().await?, session.person_uuid)
        .await?
        .ok_or(UNAUTHORIZED)?;
    store::slide_session(&state.db, &session.id).await?;
    let renewed = mint(&state, &session, &Person(party))?;
    let mut jar = CookieJar::new();
    if by_cookie {
        for cookie in cookies_of(&state, &session, &renewed) {
            jar = jar.add(cookie);
        }
    }
    Ok((jar, negotiated_text(&renewed)).into_response())
}
