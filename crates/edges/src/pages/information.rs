//! Start page, information pages, language, and the page for what is not there.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{StatusCode, header::LOCATION};
use time::Duration;
use uuid::Uuid;

use super::Pages;
use super::{
    browser::{BrowserRequest, LANGUAGE_COOKIE},
    layout,
    layout::Layout,
    login::own_address,
    sandbox,
    texts::Language,
};
use foundation::{
    config::Profile,
    http::{path::PathValues, query::Query},
};

#[derive(Debug, Template)]
#[template(path = "start.html")]
struct StartPage {
    f: Layout,
}

/// `GET /`: in the sandbox, what is running and how to try it.
pub async fn start(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    if pages.config.profile() != Profile::Sandbox {
        let page = StartPage {
            f: Layout::new(
                &pages,
                &browser,
                super::text(browser.language, "start.title").to_owned(),
            ),
        };
        return page.f.respond(StatusCode::OK, &page);
    }
    sandbox::start(&pages, &browser).await
}

/// Pages that are not built yet, and unknown addresses.
pub async fn not_built(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    layout::unknown(&pages, &browser)
}

#[derive(Debug, Template)]
#[template(path = "help.html")]
struct HelpPage {
    f: Layout,
    phone: String,
    email: String,
    licenses: &'static str,
}

/// `GET …/help`
pub async fn help(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let operator = &pages.config.settings.operator;
    let page = HelpPage {
        f: Layout::new(
            &pages,
            &browser,
            super::text(browser.language, "h.title").to_owned(),
        ),
        phone: operator.phone.clone(),
        email: operator.email.clone(),
        licenses: super::assets::address("licenses.txt"),
    };
    page.f.respond(StatusCode::OK, &page)
}

#[derive(Debug, Template)]
#[template(path = "privacy.html")]
struct PrivacyPage {
    f: Layout,
    cookies: Vec<(&'static str, &'static str, String)>,
}

/// `GET …/privacy`
pub async fn privacy(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let f = Layout::new(
        &pages,
        &browser,
        super::text(browser.language, "priv.title").to_owned(),
    );
    let language = browser.language;
    let for_hours = match language {
        Language::En => format!("{} hours", pages.config.settings.session.absolute_hours),
        _ => format!("{} timer", pages.config.settings.session.absolute_hours),
    };
    let minutes = match language {
        Language::En => "15 minutes",
        Language::Nn | Language::Nb => "15 minutter",
    };
    let year = match language {
        Language::En => "1 year",
        _ => "1 år",
    };
    let cookies = vec![
        (
            "__Host-sb_session",
            super::text(language, "priv.ck_session"),
            for_hours,
        ),
        (
            "__Host-sb_login",
            super::text(language, "priv.ck_login"),
            minutes.to_owned(),
        ),
        (
            "selectedLanguage",
            super::text(language, "priv.ck_lang"),
            year.to_owned(),
        ),
        (
            "__Host-sb_after",
            super::text(language, "priv.ck_after"),
            minutes.to_owned(),
        ),
    ];
    let page = PrivacyPage { f, cookies };
    page.f.respond(StatusCode::OK, &page)
}

#[derive(Debug, Template)]
#[template(path = "accessibility.html")]
struct AccessibilityPage {
    f: Layout,
    statement: String,
    licenses: &'static str,
}

/// `GET …/accessibility`
pub async fn accessibility(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let page = AccessibilityPage {
        f: Layout::new(
            &pages,
            &browser,
            super::text(browser.language, "a11y.title").to_owned(),
        ),
        statement: pages
            .config
            .settings
            .operator
            .accessibility_statement_url
            .clone(),
        licenses: super::assets::address("licenses.txt"),
    };
    page.f.respond(StatusCode::OK, &page)
}

/// `GET …/lang?to=&return=`
pub async fn change_language(State(pages): State<Pages>, query: Query) -> Response {
    let language = query
        .get("to")
        .and_then(Language::parse)
        .unwrap_or(Language::Nb);
    let back = query
        .get("return")
        .and_then(|r| own_address(&pages, r))
        .unwrap_or_else(|| "/".to_owned());
    let cookie = Cookie::build((LANGUAGE_COOKIE, language.cookie()))
        .path("/")
        .same_site(SameSite::Lax)
        .secure(pages.config.settings.session.secure_cookies)
        .max_age(Duration::days(365));
    (CookieJar::new().add(cookie), Redirect::to(&back)).into_response()
}

/// `GET /authfront/ui/…`: where the pages were before, in links that are still about.
pub async fn old_link(path: PathValues, query: Query) -> Response {
    let rest = path.get("rest").strip_prefix("auth/").unwrap_or_default();
    let request = |page: &str| {
        let id: String =
            url::form_urlencoded::byte_serialize(query.get("id").unwrap_or_default().as_bytes())
                .collect();
        format!("{page}?id={id}")
    };
    // For good, where the page is there; browsers keep that answer.
    let (for_good, for_now) = (
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::TEMPORARY_REDIRECT,
    );
    let (status, page) = match rest.split_once('/').unwrap_or((rest, "")) {
        ("vendorrequest", _) => (for_good, request("request")),
        ("vendorchangerequest", _) => (for_good, request("changerequest")),
        ("creation", _) => (for_now, "create".to_owned()),
        ("details", id) => match Uuid::try_parse(id) {
            Ok(id) => (for_now, id.to_string()),
            Err(_) => (for_now, "overview".to_owned()),
        },
        _ => (for_now, "overview".to_owned()),
    };
    (
        status,
        [(LOCATION, format!("/accessmanagement/ui/systemuser/{page}"))],
    )
        .into_response()
}

/// `GET /status`
pub async fn status(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let up = foundation::db::is_migrated(&pages.db)
        .await
        .unwrap_or(false);
    let key = if up { "status.ok" } else { "status.down" };
    let code = if up {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    layout::message(&pages, &browser, code, "app.name", key)
}

/// `GET /.well-known/security.txt`
pub async fn security_txt(State(pages): State<Pages>) -> String {
    let email = &pages.config.settings.operator.email;
    let contact = if email.is_empty() {
        format!("{}/accessmanagement/ui/help", pages.config.ui_base)
    } else {
        format!("mailto:{email}")
    };
    let expires = (pages.clock.now() + chrono::TimeDelta::days(365)).format("%Y-%m-%dT00:00:00Z");
    format!("Contact: {contact}\nExpires: {expires}\nPreferred-Languages: nb, nn, en\n")
}
