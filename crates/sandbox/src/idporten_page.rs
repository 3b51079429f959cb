//! The page of the local ID-porten: who do you want to be?

use askama::Template;
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::idporten::{self, IdPortenIssuer, LoginGrant, OAuthError};
use edges::pages::{self, Language};
use foundation::{
    crypto::random_text,
    http::{ApiError, query::Query},
    ids::NationalId,
    token::acr_level,
};
use registers::parties;

/// Fields of the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    request: String,
    pid: String,
    level: String,
}

#[derive(Debug)]
struct PersonRow {
    name: String,
    pid: String,
    roles: String,
}

#[derive(Debug, Template)]
#[template(path = "test_login.html")]
struct LoginPage {
    /// Path of the issuer, in front of its routes.
    base: String,
    lang: Language,
    request: String,
    own: bool,
    high: bool,
    error: Option<String>,
    persons: Vec<PersonRow>,
}

impl LoginPage {
    fn t<'a>(&self, key: &'a str) -> &'a str {
        pages::text(self.lang, key)
    }
}

/// `GET /authorize`: the page, for parameters pushed before or given here.
pub async fn ask(State(i): State<IdPortenIssuer>, headers: HeaderMap, query: Query) -> Response {
    match ask_for(&i, &headers, &query).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn ask_for(
    i: &IdPortenIssuer,
    headers: &HeaderMap,
    query: &Query,
) -> Result<Response, OAuthError> {
    let expired = OAuthError(
        StatusCode::BAD_REQUEST,
        "invalid_request_uri",
        "the login has expired; begin again",
    );
    let (request, parameters) = match (query.get("request"), query.get("request_uri")) {
        (Some(request), _) => (
            request.to_owned(),
            idporten::remembered(&i.service, request)
                .await?
                .ok_or(expired)?,
        ),
        (None, pushed) => {
            let parameters = match pushed {
                Some(uri) => idporten::remembered(&i.service, uri)
                    .await?
                    .ok_or(expired)?,
                None => idporten::checked_parameters(i, query).await?,
            };
            // The page may stay open for longer than a pushed request is valid.
            (
                idporten::remember(&i.service, parameters.clone(), 900).await?,
                parameters,
            )
        }
    };
    let hinted = parameters
        .get("login_hint")
        .and_then(Value::as_str)
        .and_then(|h| h.strip_prefix("pid:"))
        .map(str::to_owned);
    if let Some(pid) = hinted
        .or_else(|| i.auto_login_pid.clone())
        .and_then(|p| acceptable(&p))
    {
        return finish(i, &parameters, &pid, requested_level(&parameters)).await;
    }
    page(
        i,
        headers,
        request,
        &parameters,
        query.get("own").is_some(),
        None,
    )
    .await
}

fn requested_level(parameters: &Map<String, Value>) -> u8 {
    let asked = parameters
        .get("acr_values")
        .and_then(Value::as_str)
        .unwrap_or_default();
    asked
        .split(' ')
        .map(|acr| acr_level(Some(acr)))
        .max()
        .filter(|l| *l >= 3)
        .unwrap_or(3)
}

fn language(headers: &HeaderMap, parameters: &Map<String, Value>) -> Language {
    let asked = parameters
        .get("ui_locales")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let accepted = || {
        headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|v| v.to_str().ok())
            .and_then(Language::from_header)
    };
    asked
        .split(' ')
        .find_map(Language::parse)
        .or_else(accepted)
        .unwrap_or(Language::Nb)
}

/// A synthetic number with good check digits. A number that looks real is never taken.
fn acceptable(text: &str) -> Option<NationalId> {
    NationalId::parse_checked(text.trim())
        .ok()
        .filter(NationalId::is_synthetic)
}

async fn page(
    i: &IdPortenIssuer,
    headers: &HeaderMap,
    request: String,
    parameters: &Map<String, Value>,
    own: bool,
    error: Option<&str>,
) -> Result<Response, OAuthError> {
    let lang = language(headers, parameters);
    let persons = if own {
        Vec::new()
    } else {
        parties::persons_for_login(&i.service.db).await?
    };
    let row = |p: parties::LoginPerson| {
        let pid = i.service.identity.decrypt(&p.person_id_enc).ok()?;
        let role = |(name, org): &(Value, String)| {
            format!(
                "{}, {org}",
                name.get(lang.code())
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            )
        };
        Some(PersonRow {
            name: p.party.name,
            pid: pid.expose().to_owned(),
            roles: p.roles.iter().map(role).collect::<Vec<_>>().join(" · "),
        })
    };
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = LoginPage {
        base: i.path().to_owned(),
        lang,
        request,
        own,
        high: requested_level(parameters) == 4,
        error: error.map(|key| pages::text(lang, key).to_owned()),
        persons: persons.into_iter().filter_map(row).collect(),
    };
    let body = match page.render() {
        Ok(body) => body,
        Err(error) => return Ok(ApiError::internal(error).into_response()),
    };
    // After the form comes the client, and after the client perhaps a vendor: all are redirects of
    // one form.
    let client = parameters
        .get("redirect_uri")
        .and_then(Value::as_str)
        .and_then(|u| url::Url::parse(u).ok())
        .map(|u| u.origin().ascii_serialization());
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self' {}; frame-ancestors 'none'; base-uri 'none'",
        client.unwrap_or_default()
    );
    let mut response = (
        status,
        [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
        ],
        body,
    )
        .into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// `POST /authorize`: a person was chosen.
pub async fn answer(
    State(i): State<IdPortenIssuer>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    match answer_for(&i, &headers, form).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer_for(
    i: &IdPortenIssuer,
    headers: &HeaderMap,
    form: LoginForm,
) -> Result<Response, OAuthError> {
    let expired = OAuthError(
        StatusCode::BAD_REQUEST,
        "invalid_request_uri",
        "the login has expired; begin again",
    );
    let parameters = idporten::remembered(&i.service, &form.request)
        .await?
        .ok_or(expired)?;
    let Some(pid) = acceptable(&form.pid) else {
        return page(
            i,
            headers,
            form.request,
            &parameters,
            true,
            Some("test.err_pid"),
        )
        .await;
    };
    let level = if form.level == "4" { 4 } else { 3 };
    finish(i, &parameters, &pid, level).await
}

async fn finish(
    i: &IdPortenIssuer,
    parameters: &Map<String, Value>,
    pid: &NationalId,
    level: u8,
) -> Result<Response, OAuthError> {
    let text = |name: &str| {
        parameters
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut address = url::Url::parse(&text("redirect_uri"))
        .map_err(|_| OAuthError(StatusCode::BAD_REQUEST, "invalid_request", "redirect_uri"))?;
    let known = parties::party_by_national_id(
        &mut *i.service.db.acquire().await?,
        &i.service.identity,
        pid,
    )
    .await?;
    let is_deceased = known.as_ref().is_some_and(parties::Party::is_gone);
    if is_deceased {
        address
            .query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("state", &text("state"))
            .append_pair("iss", &i.issuer);
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, address.to_string())]).into_response());
    }
    let pid_enc = i.service.identity.encrypt(pid).map_err(|_| {
        OAuthError(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "encryption failed",
        )
    })?;
    let code = random_text(32);
    let locale = text("ui_locales")
        .split(' ')
        .next()
        .and_then(Language::parse)
        .unwrap_or(Language::Nb);
    let grant = LoginGrant {
        client_id: text("client_id"),
        redirect_uri: text("redirect_uri"),
        person_uuid: known.map(|p| p.uuid).unwrap_or_default(),
        pid_enc,
        acr: if level == 4 {
            "idporten-loa-high".to_owned()
        } else {
            "idporten-loa-substantial".to_owned()
        },
        scope: text("scope"),
        nonce: parameters
            .get("nonce")
            .and_then(Value::as_str)
            .map(str::to_owned),
        code_challenge: text("code_challenge"),
        locale: locale.code().to_owned(),
        sid: random_text(16),
        auth_time: i.service.clock.now(),
    };
    idporten::store_grant(&i.service, &code, &grant, 60).await?;
    address
        .query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("iss", &i.issuer);
    if let Some(state) = parameters.get("state").and_then(Value::as_str) {
        address.query_pairs_mut().append_pair("state", state);
    }
    Ok((StatusCode::SEE_OTHER, [(LOCATION, address.to_string())]).into_response())
}
