//! The browser of a page request: its cookies, its language, its session.

use axum::extract::FromRequestParts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{
    HeaderMap, Method,
    header::{ACCEPT_LANGUAGE, HOST},
    request::Parts,
    uri::Authority,
};
use time::Duration;
use uuid::Uuid;

use super::Pages;
use super::texts::Language;
use foundation::{
    http::{ApiError, context},
    sessions::{self, Session},
};
use registers::parties::{self, Person};

/// Cookies of ours, without the prefix that secure ones carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieName {
    /// The session.
    Session,
    /// Binds a login to the browser that began it.
    Login,
    /// What happens after a log-out.
    After,
}

impl CookieName {
    fn full(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, _) => sessions::cookie_name(secure),
            (Self::Login, true) => "__Host-sb_login",
            (Self::Login, false) => "sb_login",
            (Self::After, true) => "__Host-sb_after",
            (Self::After, false) => "sb_after",
        }
    }
}

/// Language cookie, shared with Altinn's pages.
pub const LANGUAGE_COOKIE: &str = "selectedLanguage";

/// A browser asking for a page.
#[derive(Debug, Clone)]
pub struct BrowserRequest {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its cookies.
    pub jar: CookieJar,
    /// Language of the page.
    pub language: Language,
    /// Name by which it called.
    host: Option<String>,
    /// Path and query it asked for.
    pub target: String,
    /// Whether it sends a form.
    pub is_form: bool,
    /// Its session, when it is valid and the level suffices.
    pub session: Option<Session>,
    secure: bool,
}

/// Lowest level that sees a page.
const PAGE_LEVEL: i16 = 3;

impl FromRequestParts<Pages> for BrowserRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, ApiError> {
        let secure = pages.config.settings.session.secure_cookies;
        let jar = CookieJar::from_headers(&parts.headers);
        let session = match jar.get(CookieName::Session.full(secure)) {
            Some(cookie) => {
                sessions::touch_session(
                    &pages.db,
                    cookie.value(),
                    pages.config.settings.session.idle_minutes,
                )
                .await?
            }
            None => None,
        };
        let session = session.filter(|s| s.level >= PAGE_LEVEL);
        if let Some(session) = &session {
            context::note_person(session.person_uuid);
        }
        let remembered = session
            .as_ref()
            .and_then(|s| s.language.as_deref())
            .and_then(Language::parse);
        Ok(Self {
            language: language_of(&jar, &parts.headers, remembered),
            target: parts
                .uri
                .path_and_query()
                .map(|p| p.as_str().to_owned())
                .unwrap_or_default(),
            host: host_called(parts),
            headers: parts.headers.clone(),
            is_form: parts.method == Method::POST,
            jar,
            session,
            secure,
        })
    }
}

/// The name by which a request calls, without a port: as a trusted proxy forwards it, or as it came.
fn host_called(parts: &Parts) -> Option<String> {
    let forwarded = context::current().and_then(|c| c.forwarded.host.clone());
    let authority = forwarded.or_else(|| {
        let of_uri = || parts.uri.authority().map(|a| a.as_str().to_owned());
        let header = parts.headers.get(HOST).and_then(|v| v.to_str().ok());
        header.map(str::to_owned).or_else(of_uri)
    })?;
    let authority: Authority = authority.parse().ok()?;
    Some(authority.host().to_owned())
}

impl BrowserRequest {
    /// The same address on the host of the pages, when the browser asked another of our names for it: a
    /// session belongs to one host.
    #[must_use]
    pub fn on_host_of_pages(&self, pages: &Pages) -> Option<String> {
        let called = self.host.as_ref().filter(|_| pages.has_two_names())?;
        let is_there =
            host_of(&pages.config.ui_base).is_some_and(|host| host.eq_ignore_ascii_case(called));
        (!is_there).then(|| format!("{}{}", pages.config.ui_base, self.target))
    }
}

/// The host of an address of ours.
fn host_of(base: &str) -> Option<String> {
    Some(url::Url::parse(base).ok()?.host_str()?.to_owned())
}

impl Pages {
    /// Whether pages have another host than the API.
    #[must_use]
    pub fn has_two_names(&self) -> bool {
        host_of(&self.config.ui_base) != host_of(&self.config.public_base)
    }
}

/// The language that a browser chose or prefers.
fn language_of(jar: &CookieJar, headers: &HeaderMap, remembered: Option<Language>) -> Language {
    let chosen = jar
        .get(LANGUAGE_COOKIE)
        .and_then(|cookie| Language::from_cookie(cookie.value()));
    let accepted = || {
        headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .and_then(Language::from_header)
    };
    chosen
        .or(remembered)
        .or_else(accepted)
        .unwrap_or(Language::Nb)
}

impl BrowserRequest {
    /// A browser whose session is not asked for, for what is shown without the database.
    #[must_use]
    pub fn without_session(pages: &Pages, headers: &HeaderMap, target: &str) -> Self {
        let jar = CookieJar::from_headers(headers);
        Self {
            host: None,
            language: language_of(&jar, headers, None),
            headers: headers.clone(),
            jar,
            target: target.to_owned(),
            is_form: false,
            session: None,
            secure: pages.config.settings.session.secure_cookies,
        }
    }

    /// The same browser, with pages in this language.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Value of a cookie of ours.
    #[must_use]
    pub fn cookie(&self, name: CookieName) -> Option<&str> {
        self.jar.get(name.full(self.secure)).map(Cookie::value)
    }

    /// A cookie of ours, to be set. `minutes`: none for as long as the browser runs.
    #[must_use]
    pub fn set(&self, name: CookieName, value: &str, minutes: Option<i64>) -> Cookie<'static> {
        let cookie = Cookie::build((name.full(self.secure), value.to_owned()))
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .path("/");
        match minutes {
            Some(minutes) => cookie.max_age(Duration::minutes(minutes)).build(),
            None => cookie.build(),
        }
    }

    /// A cookie that scripts of a page read, for as long as the browser runs.
    #[must_use]
    pub fn readable(&self, name: &'static str, value: String, to: SameSite) -> Cookie<'static> {
        Cookie::build((name, value))
            .secure(self.secure)
            .same_site(to)
            .path("/")
            .build()
    }

    /// A cookie of ours, to be removed.
    #[must_use]
    pub fn unset(&self, name: CookieName) -> Cookie<'static> {
        self.set(name, "", Some(0))
    }

    /// Name of the host it asked.
    #[must_use]
    pub fn host(&self) -> &str {
        self.headers
            .get(HOST)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// The person who is logged in.
    pub async fn person(&self, pages: &Pages) -> Result<Option<Person>, ApiError> {
        let Some(session) = &self.session else {
            return Ok(None);
        };
        let uuid: Uuid = session.person_uuid;
        Ok(
            parties::party_by_uuid(&mut *pages.db.acquire().await?, uuid)
                .await?
                .map(Person),
        )
    }
}
