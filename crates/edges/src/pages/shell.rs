//! The page in which Altinn's front end runs, and what its browser also needs: the cookies that its
//! scripts read.
//!
//! The party that a session acts for is kept with the session; the cookies follow it. A cookie that
//! comes back is a wish, never a permission: every call of the back end is judged by itself.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use foundation::{
    crypto::random_text,
    http::{ApiError, path::PathValues, query::Query},
    sessions::{self, Session},
};
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_SECURITY_POLICY};
use registers::parties::{self, Party};
use system_users::requests::RequestKind;
use uuid::Uuid;

use super::{
    Pages,
    browser::{BrowserRequest, CookieName, LANGUAGE_COOKIE},
    change_page,
    front_end::FrontEnd,
    front_end_cookies, layout,
    layout::Layout,
    request_page,
    texts::Language,
};
use crate::portal::preferences_store;

#[derive(Debug, Template)]
#[template(path = "shell.html")]
struct ShellPage {
    f: Layout,
    nonce: String,
    script: String,
    style: String,
}

/// Any page of the front end but those about requests.
pub async fn show(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    if browser.session.is_none() {
        return request_page::login_or_own_host(&pages, &browser, &with_menu(&browser.target));
    }
    respond(&pages, &browser, None).await
}

/// `GET …/systemuser/request?id=`
pub async fn show_standard(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    show_request(&pages, &browser, RequestKind::Standard, &query).await
}

/// `GET …/systemuser/agentrequest?id=`
pub async fn show_agent(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    show_request(&pages, &browser, RequestKind::Agent, &query).await
}

async fn show_request(
    pages: &Pages,
    browser: &BrowserRequest,
    kind: RequestKind,
    query: &Query,
) -> Response {
    if browser.session.is_none() {
        return request_page::login_or_own_host(pages, browser, &browser.target);
    }
    let party = match id_of(query) {
        Some(id) => request_page::party_of(pages, browser, kind, id).await,
        None => None,
    };
    respond(pages, browser, party).await
}

/// `GET …/systemuser/changerequest?id=`
pub async fn show_change(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    if browser.session.is_none() {
        return request_page::login_or_own_host(&pages, &browser, &browser.target);
    }
    let party = match id_of(&query) {
        Some(id) => change_page::party_of(&pages, &browser, id).await,
        None => None,
    };
    respond(&pages, &browser, party).await
}

fn id_of(query: &Query) -> Option<Uuid> {
    Uuid::try_parse(query.get("id")?.trim()).ok()
}

/// After a login the front end opens the menu of parties where its address says so.
fn with_menu(target: &str) -> String {
    const MENU: &str = "openAccountMenu=true";
    match target.split_once('?') {
        Some((_, query)) if query.contains("openAccountMenu=") => target.to_owned(),
        Some((_, query)) if !query.is_empty() => format!("{target}&{MENU}"),
        Some((path, _)) => format!("{path}?{MENU}"),
        None => format!("{target}?{MENU}"),
    }
}

/// The shell, for a party that the page is about, or for the one that the browser acts for.
async fn respond(pages: &Pages, browser: &BrowserRequest, about: Option<Party>) -> Response {
    let (Some(front_end), Some(session)) = (&pages.front_end, &browser.session) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match acted_for(pages, browser, session, about).await {
        Ok(Some(FrontEndView { party, language })) => {
            let browser = &browser.clone().in_language(language);
            let page = shell(pages, browser, front_end);
            (front_end_cookies::of_shell(browser, session, &party), page).into_response()
        }
        // The person is gone from the register.
        Ok(None) => layout::failure(pages, browser, ApiError::Empty(StatusCode::FORBIDDEN)),
        Err(error) => layout::failure(pages, browser, error),
    }
}

/// For whom the front end shows its page, and how.
struct FrontEndView {
    party: Party,
    language: Language,
}

/// The party that the session acts for from now on; none when the register does not know its person.
async fn acted_for(
    pages: &Pages,
    browser: &BrowserRequest,
    session: &Session,
    about: Option<Party>,
) -> Result<Option<FrontEndView>, ApiError> {
    let Some(person) = browser.person(pages).await? else {
        return Ok(None);
    };
    let mut party = about;
    let wished = front_end_cookies::wished_party(browser);
    let mut db = pages.db.acquire().await?;
    for uuid in [wished, session.active_party].into_iter().flatten() {
        if party.is_some() {
            break;
        }
        party = match parties::party_by_uuid(&mut db, uuid).await? {
            Some(found)
                if found.key == person.0.key
                    || parties::has_relation(&mut db, &pages.catalogue, &person.0, &found)
                        .await? =>
            {
                Some(found)
            }
            Some(_) | None => None,
        };
    }
    // Chosen in this browser, or else wherever the person chose last.
    let kept = match browser.jar.get(LANGUAGE_COOKIE) {
        Some(_) => None,
        None => {
            preferences_store::read(&mut db, person.0.key)
                .await?
                .language
        }
    };
    drop(db);
    let language = kept.unwrap_or(browser.language);
    let party = party.unwrap_or(person.0);
    if let Some(token) = browser.cookie(CookieName::Session)
        && session.active_party != Some(party.uuid)
    {
        sessions::set_active_party(&pages.db, token, party.uuid).await?;
    }
    Ok(Some(FrontEndView { party, language }))
}

/// `GET /accessmanagement/assets/…`, `GET /assets/…`
pub async fn asset(State(pages): State<Pages>, path: PathValues, headers: HeaderMap) -> Response {
    file(&pages, "assets", &path, &headers)
}

/// `GET /accessmanagement/localizations/…`
pub async fn localization(
    State(pages): State<Pages>,
    path: PathValues,
    headers: HeaderMap,
) -> Response {
    file(&pages, "localizations", &path, &headers)
}

fn file(pages: &Pages, part: &str, path: &PathValues, headers: &HeaderMap) -> Response {
    match &pages.front_end {
        Some(front_end) => front_end.answer(&format!("{part}/{}", path.get("file")), headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn shell(pages: &Pages, browser: &BrowserRequest, front_end: &FrontEnd) -> Response {
    let title = super::text(browser.language, "nav.overview").to_owned();
    let page = ShellPage {
        f: Layout::new(pages, browser, title),
        nonce: random_text(16),
        script: front_end.script(),
        style: front_end.style(),
    };
    let mut response = page.f.respond(StatusCode::OK, &page);
    let origins = &pages.config.settings.portal.image_origins;
    let policy = page.f.policy(&layout::ContentSources {
        script: &format!("'self' 'nonce-{}'", page.nonce),
        // The front end's components write styles into elements.
        style: "'self' 'unsafe-inline'",
        images: &origins
            .iter()
            .fold("'self' data:".to_owned(), |all, origin| {
                format!("{all} {origin}")
            }),
    });
    match HeaderValue::from_str(&policy) {
        Ok(policy) => {
            let headers = response.headers_mut();
            headers.insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        Err(error) => ApiError::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::with_menu;

    #[test]
    fn the_rest_of_a_query_survives() {
        for (target, expected) in [
            ("/a", "/a?openAccountMenu=true"),
            ("/a?", "/a?openAccountMenu=true"),
            ("/a?b=%2Fc", "/a?b=%2Fc&openAccountMenu=true"),
            ("/a?openAccountMenu=true", "/a?openAccountMenu=true"),
        ] {
            assert_eq!(with_menu(target), expected);
        }
    }
}
