//! Logging in: out to the identity provider, back with a code, and a session.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use chrono::DateTime;
use http::StatusCode;

use super::Pages;
use super::{
    browser::{BrowserRequest, CookieName},
    layout,
    onward::{self, OnwardContent, found},
    store,
    texts::Language,
};
use foundation::{
    crypto::random_text,
    http::{
        ApiError,
        context::{self, RefusalCause},
        query::Query,
    },
    ids::NationalId,
    sessions::{self, NewSession, csrf},
    telemetry::security::SecurityEvent,
    token::{TokenRejection, acr_level},
};
use registers::parties::{self, NewPersonError, Person};

const MAX_GOTO: usize = 2_048;
/// Parameter that says what sends the browser to the login.
const FROM: &str = "from";

/// Where a page that needs a login sends the browser.
#[must_use]
pub fn login_address(pages: &Pages, target: &str) -> String {
    let goto: String = url::form_urlencoded::byte_serialize(
        format!("{}{target}", pages.config.ui_base).as_bytes(),
    )
    .collect();
    format!("/authentication/api/v1/authentication?goto={goto}")
}

/// An address of our own that may be returned to: a path, or one of our two origins.
#[must_use]
pub fn own_address(pages: &Pages, goto: &str) -> Option<String> {
    if goto.is_empty() || goto.len() > MAX_GOTO || goto.chars().any(|c| c.is_control() || c == '\\')
    {
        return None;
    }
    if goto.starts_with('/') {
        return (!goto.starts_with("//")).then(|| goto.to_owned());
    }
    let url = url::Url::parse(goto).ok()?;
    let own = [&pages.config.ui_base, &pages.config.public_base]
        .iter()
        .any(|base| csrf::origin(base) == csrf::origin(goto));
    (own && url.username().is_empty() && url.password().is_none()).then(|| goto.to_owned())
}

/// `GET …/authentication?goto=&acr_values=`: begins a login, or steps up.
pub async fn start(State(pages): State<Pages>, browser: BrowserRequest, query: Query) -> Response {
    if let Some(address) = browser.on_host_of_pages(&pages) {
        return found(&address);
    }
    let goto = query
        .get("goto")
        .and_then(|g| own_address(&pages, g))
        .unwrap_or_else(|| "/".to_owned());
    let wanted = query.get("acr_values").unwrap_or_default();
    let known = |acr: &&str| matches!(*acr, "idporten-loa-substantial" | "idporten-loa-high");
    let acrs: Vec<&str> = wanted.split(' ').filter(|a| !a.is_empty()).collect();
    if !acrs.iter().all(known) {
        return layout::message(
            &pages,
            &browser,
            StatusCode::BAD_REQUEST,
            "e.badid_title",
            "e.badid_body",
        );
    }
    let acr = acrs
        .into_iter()
        .max_by_key(|a| acr_level(Some(a)))
        .unwrap_or(&pages.config.settings.idporten.min_acr)
        .to_owned();
    if query.get(FROM) == Some("form") {
        return by_page(&pages, &browser, &goto, wanted);
    }
    if browser
        .session
        .as_ref()
        .is_some_and(|s| s.level >= i16::from(acr_level(Some(&acr))))
    {
        return Redirect::to(&goto).into_response();
    }
    match begin(&pages, &browser, goto, &acr).await {
        Ok(response) => response,
        Err(error) => layout::failure(&pages, &browser, error),
    }
}

/// A form is answered with a page that leads to the same login: the identity provider has another
/// origin.
fn by_page(pages: &Pages, browser: &BrowserRequest, goto: &str, acr_values: &str) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("goto", goto)
        .extend_pairs((!acr_values.is_empty()).then_some(("acr_values", acr_values)))
        .finish();
    let title = super::text(browser.language, "nav.login").to_owned();
    let mut layout = layout::Layout::new(pages, browser, title);
    "/".clone_into(&mut layout.back);
    let link = layout.t("c.continue").to_owned();
    let lines = vec![layout.t("login.leading").to_owned()];
    onward::page(
        OnwardContent {
            layout,
            lines,
            link,
        },
        &format!("/authentication/api/v1/authentication?{query}"),
    )
}

async fn begin(
    pages: &Pages,
    browser: &BrowserRequest,
    goto: String,
    acr: &str,
) -> Result<Response, ApiError> {
    let client = pages.login.as_ref().ok_or(ApiError::Unavailable(5))?;
    let login = client.prepare(goto, acr, browser.language.code());
    let token = browser
        .cookie(CookieName::Login)
        .filter(|t| t.len() == 43)
        .map_or_else(|| random_text(32), str::to_owned);
    store::insert_login(&pages.db, &token, &login).await?;
    let address = client
        .start(&login, pages.clock.seconds())
        .await
        .map_err(|error| {
            tracing::warn!(error = format!("{error:#}"), "a login could not be started");
            ApiError::Unavailable(5)
        })?;
    let jar = CookieJar::new().add(browser.set(CookieName::Login, &token, Some(15)));
    Ok((jar, found(address.as_str())).into_response())
}

/// `GET …/upstream/callback`: the identity provider sends the browser back.
pub async fn callback(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    match finish(&pages, &browser, &query).await {
        Ok(response) => response,
        Err(LoginFailure::Login(reason)) => {
            login_failed(reason);
            error_page(&pages, &browser, "login.err_body")
        }
        Err(LoginFailure::NoPerson) => {
            login_failed("no person");
            error_page(&pages, &browser, "login.no_pid")
        }
        Err(LoginFailure::Other(error)) => layout::failure(&pages, &browser, error),
    }
}

/// Says why a login led to no session, in the log and in the audit trail.
fn login_failed(reason: &str) {
    context::report(SecurityEvent::LoginFailed { reason });
    context::note_refusal(RefusalCause::failure(reason));
}

enum LoginFailure {
    Login(&'static str),
    NoPerson,
    Other(ApiError),
}

impl<E: Into<ApiError>> From<E> for LoginFailure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

fn error_page(pages: &Pages, browser: &BrowserRequest, body_key: &str) -> Response {
    let mut page_layout = layout::Layout::new(
        pages,
        browser,
        super::text(browser.language, "login.err_title").to_owned(),
    )
    .with_error();
    "/".clone_into(&mut page_layout.back);
    let link = Some((
        "/authentication/api/v1/authentication?goto=%2F".to_owned(),
        page_layout.t("login.retry").to_owned(),
    ));
    let body = page_layout.t(body_key).to_owned();
    let page = layout::MessagePage {
        f: page_layout,
        body,
        detail: None,
        link,
        with_logout: false,
    };
    page.f.respond(StatusCode::BAD_REQUEST, &page)
}

async fn finish(
    pages: &Pages,
    browser: &BrowserRequest,
    query: &Query,
) -> Result<Response, LoginFailure> {
    let client = pages
        .login
        .as_ref()
        .ok_or(LoginFailure::Login("no login client"))?;
    let cookie = browser
        .cookie(CookieName::Login)
        .ok_or(LoginFailure::Login("no login cookie"))?;
    let state_value = query.get("state").ok_or(LoginFailure::Login("no state"))?;
    let login = store::take_login(&pages.db, cookie, state_value)
        .await?
        .ok_or(LoginFailure::Login("unknown state"))?;
    if query.get("iss").is_some_and(|iss| iss != client.issuer()) {
        return Err(LoginFailure::Login("foreign issuer"));
    }
    if query.get("error").is_some() {
        return Err(LoginFailure::Login("refused"));
    }
    let code = query.get("code").ok_or(LoginFailure::Login("no code"))?;
    let token = client
        .redeem(code, &login, pages.clock.seconds())
        .await
        .map_err(|error| {
            tracing::warn!(error = format!("{error:#}"), "a code could not be redeemed");
            LoginFailure::Login("code not redeemed")
        })?;
    let id = pages
        .authenticator
        .verifier()
        .verify_id_token(&token, client.client_id(), &login.nonce)
        .await
        .map_err(|reject| match reject {
            TokenRejection::Refused(refusal) => LoginFailure::Login(refusal.wire()),
            TokenRejection::Unavailable => LoginFailure::Other(ApiError::Unavailable(5)),
        })?;
    if id.level < acr_level(Some(&login.acr)) {
        return Err(LoginFailure::Login("level too low"));
    }
    let pid = id.pid.as_ref().ok_or(LoginFailure::NoPerson)?;
    let person = known_person(pages, pid).await?;
    let session_token = random_text(32);
    let csrf_secret = random_text(32);
    let language = id
        .locale
        .as_deref()
        .and_then(Language::parse)
        .map(Language::code);
    let session = NewSession {
        token: &session_token,
        person_uuid: person.0.uuid,
        user_id: person.0.user_id.unwrap_or(0),
        level: id.level,
        acr: &id.acr,
        amr: &id.amr,
        auth_time: id.auth_time.and_then(|t| DateTime::from_timestamp(t, 0)),
        upstream_sid: id.sid.as_deref(),
        upstream_issuer: client.issuer(),
        csrf_secret: csrf_secret.as_bytes(),
        language,
        flash: None,
        absolute_hours: pages.config.settings.session.absolute_hours,
        replaces: browser.cookie(CookieName::Session),
    };
    sessions::insert_session(&pages.db, &session).await?;
    context::report(SecurityEvent::LoginOk {
        person: person.0.uuid,
        level: id.level,
    });
    let mut jar = CookieJar::new()
        .add(browser.set(CookieName::Session, &session_token, None))
        .add(browser.unset(CookieName::Login));
    for cookie in pages
        .exchange
        .session_cookies(&session_token, &person)
        .await?
    {
        jar = jar.add(cookie);
    }
    Ok((jar, found(&login.goto)).into_response())
}

/// The person in the register; one that is not there yet becomes a person without roles.
async fn known_person(pages: &Pages, pid: &NationalId) -> Result<Person, ApiError> {
    let found =
        parties::party_by_national_id(&mut *pages.db.acquire().await?, &pages.identity, pid)
            .await?;
    match found {
        Some(party) => Ok(Person(party)),
        None => parties::create_person(&pages.db, &pages.identity, pid, "login")
            .await
            .map_err(|error| match error {
                NewPersonError::Database(error) => error.into(),
                NewPersonError::Keys(_) | NewPersonError::NotStored => {
                    ApiError::Internal(error.into())
                }
            }),
    }
}
