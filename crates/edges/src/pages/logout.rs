//! Logging out, and where the browser goes afterwards.

use askama::Template;
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Deserialize;
use sqlx::types::Json;

use super::Pages;
use super::{
    browser::{BrowserRequest, CookieName},
    display, front_end_cookies, layout,
    layout::Layout,
    onward::{self, OnwardContent, found},
    receipt::Receipt,
    store::{self, PostLogout},
    way_back,
};
use foundation::{
    config::Profile,
    crypto::random_text,
    http::{
        ApiError,
        context::{self, RefusalCause},
        query::Query,
    },
    loopback::is_loopback,
    sessions::{self, csrf},
    telemetry::{metrics::CSRF_REJECTED, security::SecurityEvent},
};
use system_users::systems;

const LOGGED_OUT: &str = "/accessmanagement/ui/loggedout";
/// Address of the log-out.
pub const PATH: &str = "/authentication/api/v1/logout";

/// Fields of the log-out form.
#[derive(Debug, Deserialize)]
pub struct LogoutForm {
    #[serde(default)]
    csrf: String,
}

#[derive(Debug, Template)]
#[template(path = "confirm_logout.html")]
struct ConfirmLogoutPage {
    f: Layout,
}

/// Whether the browser follows a link of ours or an address that was typed, not one of another
/// site.
pub fn is_own_link(browser: &BrowserRequest) -> bool {
    let site = browser
        .headers
        .get("sec-fetch-site")
        .and_then(|v| v.to_str().ok());
    site.is_none_or(|s| matches!(s, "same-origin" | "none"))
}

/// Whether the browser follows a link of our other name: where there are two, they are of one site.
fn is_from_own_name(pages: &Pages, browser: &BrowserRequest) -> bool {
    let site = browser
        .headers
        .get("sec-fetch-site")
        .and_then(|v| v.to_str().ok());
    pages.has_two_names() && site == Some("same-site")
}

/// `GET …/logout`: for a link. From another site it only offers a button.
pub async fn by_link(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    if let Some(address) = browser.on_host_of_pages(&pages) {
        return super::onward::found(&address);
    }
    if is_own_link(&browser) || is_from_own_name(&pages, &browser) {
        return end(&pages, &browser, None, None).await;
    }
    let layout = Layout::new(
        &pages,
        &browser,
        super::text(browser.language, "logout.confirm_title").to_owned(),
    );
    let page = ConfirmLogoutPage { f: layout };
    page.f.respond(StatusCode::OK, &page)
}

/// `POST …/logout`: the button in the header.
pub async fn by_form(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    form: Result<Form<LogoutForm>, FormRejection>,
) -> Response {
    if let Some(session) = &browser.session {
        let proof = form.map(|f| f.0.csrf).unwrap_or_default();
        let origin = csrf::origin(&pages.config.ui_base).unwrap_or_default();
        if !csrf::same_origin(&browser.headers, &origin)
            || !csrf::verify(&session.csrf_secret, "POST", PATH, &proof)
        {
            metrics::counter!(CSRF_REJECTED.name).increment(1);
            context::report(SecurityEvent::CsrfRejected { path: PATH });
            context::note_refusal(RefusalCause::denial(context::CSRF));
            return layout::message(
                &pages,
                &browser,
                StatusCode::FORBIDDEN,
                "e.csrf_title",
                "e.csrf_body",
            );
        }
        return end(&pages, &browser, None, None).await;
    }
    Redirect::to(LOGGED_OUT).into_response()
}

/// Ends the session here and at the identity provider; afterwards the browser goes to
/// `redirect_url`, or sees the receipt.
pub async fn end(
    pages: &Pages,
    browser: &BrowserRequest,
    redirect_url: Option<&str>,
    receipt: Option<&Receipt>,
) -> Response {
    match try_end(pages, browser, redirect_url, receipt).await {
        Ok(response) => response,
        Err(error) => layout::failure(pages, browser, error),
    }
}

async fn try_end(
    pages: &Pages,
    browser: &BrowserRequest,
    redirect_url: Option<&str>,
    receipt: Option<&Receipt>,
) -> Result<Response, ApiError> {
    if let Some(token) = browser.cookie(CookieName::Session) {
        sessions::delete_sessions_of_login(&pages.db, token).await?;
    }
    let after = if let Some(token) = kept(pages, browser, receipt).await? {
        token
    } else {
        let token = random_text(32);
        store::insert_post_logout(&pages.db, &token, redirect_url, receipt).await?;
        token
    };
    let mut jar = CookieJar::new()
        .add(browser.unset(CookieName::Session))
        .add(browser.set(CookieName::After, &after, Some(15)));
    for cookie in pages.exchange.removed_session_cookies() {
        jar = jar.add(cookie);
    }
    if pages.front_end.is_some() {
        for cookie in front_end_cookies::removed(browser) {
            jar = jar.add(cookie);
        }
    }
    let next = match &pages.login {
        Some(client) => client.logout_address(&after[..8]).await.map_or_else(
            |error| {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the identity provider's log-out cannot be reached"
                );
                super::logged_out_address(&pages.config.ui_base)
            },
            String::from,
        ),
        None => super::logged_out_address(&pages.config.ui_base),
    };
    let response = onward::lead(browser.is_form, &next, || leaving(pages, browser, receipt));
    Ok((jar, response).into_response())
}

/// What the page says that leads to the log-out of the identity provider.
fn leaving(pages: &Pages, browser: &BrowserRequest, receipt: Option<&Receipt>) -> OnwardContent {
    let mut layout = after_session(pages, browser, "out.leaving");
    let mut lines = receipt.map_or_else(Vec::new, |receipt| way_back::put_on(receipt, &mut layout));
    lines.push(layout.t("out.leaving_body").to_owned());
    let link = layout.t("c.continue").to_owned();
    OnwardContent {
        layout,
        lines,
        link,
    }
}

/// The layout of a page for a person who is logged out.
fn after_session(pages: &Pages, browser: &BrowserRequest, title: &str) -> Layout {
    let title = super::text(browser.language, title).to_owned();
    let mut layout = Layout::new(pages, browser, title);
    layout.person = None;
    LOGGED_OUT.clone_into(&mut layout.back);
    layout
}

/// The token of a record that a link made just now: it says where the browser goes, unless a
/// decision does.
async fn kept(
    pages: &Pages,
    browser: &BrowserRequest,
    receipt: Option<&Receipt>,
) -> Result<Option<String>, ApiError> {
    match browser.cookie(CookieName::After) {
        Some(token) if receipt.is_none() && store::leads_somewhere(&pages.db, token).await? => {
            Ok(Some(token.to_owned()))
        }
        _ => Ok(None),
    }
}

/// `GET …/logout/handleloggedout`: the identity provider sends the browser back. The way ends in a
/// page that says the outcome and leads to the vendor, if there is one.
pub async fn finished(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let target = match browser.cookie(CookieName::After) {
        None => Ok(None),
        Some(token) => after(&pages, token).await,
    };
    match target {
        Ok(Some((url, receipt))) => onward::page(returning(&pages, &browser, &url, &receipt), &url),
        Ok(None) => found(LOGGED_OUT),
        Err(error) => layout::failure(&pages, &browser, error),
    }
}

/// What the page says that leads to the vendor.
fn returning(
    pages: &Pages,
    browser: &BrowserRequest,
    url: &str,
    receipt: &Receipt,
) -> OnwardContent {
    let mut layout = after_session(pages, browser, "out.title");
    let mut lines = way_back::put_on(receipt, &mut layout);
    let host = display::host(url).unwrap_or_default();
    lines.push(layout.fill("out.return_body", "host", &host));
    let link = layout.fill("out.return_link", "system", receipt.system_name());
    OnwardContent {
        layout,
        lines,
        link,
    }
}

/// Where a browser goes after a log-out, with what is said about it: once.
async fn after(pages: &Pages, token: &str) -> Result<Option<(String, Receipt)>, ApiError> {
    let Some(PostLogout {
        redirect_url: Some(url),
        receipt: Some(Json(receipt)),
    }) = store::take_post_logout(&pages.db, token).await?
    else {
        return Ok(None);
    };
    let system_id = receipt.system_id.as_str();
    let system = systems::by_id(&mut *pages.db.acquire().await?, system_id)
        .await?
        .filter(|s| !s.is_deleted);
    let listed = system
        .is_some_and(|s| systems::rules::check_redirect_url(Some(&url), &s.redirect_urls).is_ok());
    if listed && scheme_allowed(pages.config.profile(), &url) {
        return Ok(Some((url, receipt)));
    }
    context::report(SecurityEvent::RedirectRejected { system_id });
    Ok(None)
}

/// `https`; outside production also `http` to this machine.
fn scheme_allowed(profile: Profile, url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else {
        return false;
    };
    url.scheme() == "https"
        || (url.scheme() == "http" && profile != Profile::Prod && is_loopback(&url))
}

#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
struct LoggedOutPage {
    f: Layout,
    lines: Vec<String>,
}

/// The page after a log-out: what was decided, when something was.
pub async fn logged_out_page(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let receipt = match browser.cookie(CookieName::After) {
        None => None,
        Some(token) => store::receipt(&pages.db, token).await.ok().flatten(),
    };
    let mut f = after_session(&pages, &browser, "out.title");
    let lines = receipt.map_or_else(Vec::new, |receipt| way_back::put_on(&receipt, &mut f));
    let page = LoggedOutPage { f, lines };
    page.f.respond(StatusCode::OK, &page)
}

/// `GET …/upstream/frontchannel-logout`: the identity provider says that a session of its own has
/// ended.
pub async fn front_channel(State(pages): State<Pages>, query: Query) -> Response {
    let (Some(issuer), Some(sid)) = (query.get("iss"), query.get("sid")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if issuer.is_empty() || sid.is_empty() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if let Err(error) = sessions::delete_upstream_sessions(&pages.db, issuer, sid).await {
        return ApiError::from(error).into_response();
    }
    let hosts: Vec<String> = pages
        .login
        .as_ref()
        .map(|client| client.origins())
        .unwrap_or_default();
    let mut response = "OK".into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&format!("frame-ancestors {}", hosts.join(" "))) {
        response
            .headers_mut()
            .insert(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
