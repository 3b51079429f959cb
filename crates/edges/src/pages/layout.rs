//! The layout of every page: language, who is logged in, and the headers that keep it safe.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::Pages;
use super::{
    browser::BrowserRequest,
    display,
    texts::{self, Language},
};
use foundation::{config::Profile, http::ApiError, sessions::csrf};

/// The layout of a page.
#[derive(Debug, Clone)]
pub struct Layout {
    pub lang: Language,
    pub title: String,
    pub is_error: bool,
    pub sandbox: bool,
    pub person: Option<String>,
    pub acting_for: Option<String>,
    pub logout_csrf: String,
    /// Where the language links come back to.
    pub back: String,
    pub flash: Option<String>,
    pub operator: String,
    /// Where the page leads at once.
    pub refresh: Option<String>,
    https: bool,
}

/// Where a page may take its parts from, as a security policy spells it.
#[derive(Debug, Clone, Copy)]
pub struct ContentSources<'a> {
    pub script: &'a str,
    pub style: &'a str,
    pub images: &'a str,
}

/// A language link.
#[derive(Debug)]
pub struct LanguageLink {
    pub code: &'static str,
    pub name: &'static str,
    pub address: String,
    pub current: bool,
}

impl Layout {
    /// The layout for this browser.
    #[must_use]
    pub fn new(pages: &Pages, browser: &BrowserRequest, title: String) -> Self {
        let logout_csrf = browser
            .session
            .as_ref()
            .map(|s| csrf::token(&s.csrf_secret, "POST", "/authentication/api/v1/logout"))
            .unwrap_or_default();
        Self {
            lang: browser.language,
            title,
            is_error: false,
            sandbox: pages.config.profile() == Profile::Sandbox,
            person: None,
            acting_for: None,
            logout_csrf,
            back: browser.target.clone(),
            flash: browser.session.as_ref().and_then(|s| s.flash.clone()),
            operator: pages.config.settings.operator.name.clone(),
            refresh: None,
            https: pages.config.ui_base.starts_with("https:"),
        }
    }

    /// Names the person who is logged in.
    #[must_use]
    pub fn with_person(mut self, name: &str) -> Self {
        self.person = Some(display::name(name));
        self
    }

    /// Says that something went wrong, in the title too.
    #[must_use]
    pub fn with_error(mut self) -> Self {
        self.is_error = true;
        self
    }

    /// A text.
    #[must_use]
    pub fn t<'a>(&self, key: &'a str) -> &'a str {
        // Tables live as long as the process.
        texts::text(self.lang, key)
    }

    /// A text with one placeholder.
    #[must_use]
    pub fn fill(&self, key: &str, name: &str, value: &str) -> String {
        texts::filled(self.lang, key, &[(name, value)])
    }

    /// What the browser's tab shows.
    #[must_use]
    pub fn document_title(&self) -> String {
        let title = self.fill("app.title", "title", &self.title);
        if self.is_error {
            self.fill("app.title_error", "title", &title)
        } else {
            title
        }
    }

    /// Links to the languages.
    #[must_use]
    pub fn languages(&self) -> Vec<LanguageLink> {
        let encoded: String = url::form_urlencoded::byte_serialize(self.back.as_bytes()).collect();
        [
            (Language::Nb, "Bokmål"),
            (Language::Nn, "Nynorsk"),
            (Language::En, "English"),
        ]
        .map(|(language, name)| LanguageLink {
            code: language.code(),
            name,
            address: format!(
                "/accessmanagement/ui/lang?to={}&return={encoded}",
                language.code()
            ),
            current: language == self.lang,
        })
        .into()
    }

    /// The page as an answer, with its headers.
    pub fn respond(&self, status: StatusCode, page: &impl Template) -> Response {
        let body = match page.render() {
            Ok(body) => body,
            Err(error) => return ApiError::internal(error).into_response(),
        };
        let mut response =
            (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
        self.protect(response.headers_mut());
        response
    }

    /// The security policy of a page with these sources. Forms lead to our own origin alone: where
    /// the browser goes on from there is another page's matter.
    #[must_use]
    pub fn policy(&self, sources: &ContentSources<'_>) -> String {
        let ContentSources {
            script,
            style,
            images,
        } = sources;
        let upgrade = if self.https {
            "; upgrade-insecure-requests"
        } else {
            ""
        };
        format!(
            "default-src 'none'; style-src {style}; script-src {script}; img-src {images}; font-src 'self'; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'{upgrade}"
        )
    }

    /// The headers of every page.
    pub fn protect(&self, headers: &mut HeaderMap) {
        let own = ContentSources {
            script: "'self'",
            style: "'self'",
            images: "'self' data:",
        };
        if let Ok(policy) = HeaderValue::from_str(&self.policy(&own)) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            "Permissions-Policy",
            HeaderValue::from_static(
                "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ),
        );
        headers.insert(
            "Cross-Origin-Resource-Policy",
            HeaderValue::from_static("same-origin"),
        );
        headers.insert("X-Robots-Tag", HeaderValue::from_static("noindex"));
        if self.https {
            headers.insert(
                STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static("max-age=31536000; includeSubDomains"),
            );
        }
    }
}

/// The page for an address that no page has.
pub fn unknown(pages: &Pages, browser: &BrowserRequest) -> Response {
    let (title, body) = ("e.404_title", "e.404_body");
    message(pages, browser, StatusCode::NOT_FOUND, title, body)
}

/// A page that says one thing and offers one way onward.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    pub f: Layout,
    pub body: String,
    pub detail: Option<String>,
    pub link: Option<(String, String)>,
    pub with_logout: bool,
}

/// Shows a page with one message.
#[must_use]
pub fn message(
    pages: &Pages,
    browser: &BrowserRequest,
    status: StatusCode,
    title_key: &str,
    body_key: &str,
) -> Response {
    let layout = Layout::new(
        pages,
        browser,
        texts::text(browser.language, title_key).to_owned(),
    );
    let layout = if status.is_success() {
        layout
    } else {
        layout.with_error()
    };
    let body = texts::text(browser.language, body_key).to_owned();
    let detail = status
        .is_server_error()
        .then(foundation::http::context::trace_id)
        .flatten()
        .map(|id| layout.fill("c.trace", "trace", &id));
    let page = MessagePage {
        f: layout,
        body,
        detail,
        link: None,
        with_logout: false,
    };
    page.f.respond(status, &page)
}

/// Turns a failure below a page into a page. Renders without the database.
#[must_use]
pub fn failure(pages: &Pages, browser: &BrowserRequest, error: ApiError) -> Response {
    let (status, key) = match &error {
        ApiError::Unavailable(_) | ApiError::Database(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "e.503")
        }
        ApiError::Empty(StatusCode::FORBIDDEN) => (StatusCode::FORBIDDEN, "e.403"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "e.500"),
    };
    if status == StatusCode::FORBIDDEN {
        return message(pages, browser, status, "e.403_title", "e.403_generic");
    }
    // Logs what an API answer would have logged.
    let plain = error.into_response();
    let mut response = message(
        pages,
        browser,
        status,
        &format!("{key}_title"),
        &format!("{key}_body"),
    );
    if let Some(after) = plain.headers().get(http::header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(http::header::RETRY_AFTER, after.clone());
    }
    response
}

/// The page in place of an answer by which a limit of the service refuses a browser: 429 or 503, after
/// so many seconds. Renders without the database.
#[must_use]
pub fn refusal(
    pages: &Pages,
    headers: &HeaderMap,
    target: &str,
    status: StatusCode,
    retry_after: &HeaderValue,
) -> Response {
    let browser = BrowserRequest::without_session(pages, headers, target);
    let key = if status == StatusCode::TOO_MANY_REQUESTS {
        "e.429"
    } else {
        "e.503"
    };
    let text = |end: &str| texts::text(browser.language, &format!("{key}_{end}")).to_owned();
    let layout = Layout::new(pages, &browser, text("title")).with_error();
    let seconds = retry_after.to_str().unwrap_or_default();
    let page = MessagePage {
        body: layout.fill(&format!("{key}_body"), "seconds", seconds),
        f: layout,
        detail: None,
        link: None,
        with_logout: false,
    };
    let mut response = page.f.respond(status, &page);
    response
        .headers_mut()
        .insert(RETRY_AFTER, retry_after.clone());
    response
}
