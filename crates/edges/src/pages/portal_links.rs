//! Links of Altinn's pages that a browser follows with its session: logging out after a decision,
//! and choosing a party.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use uuid::Uuid;

use super::{Pages, receipt::Receipt, way_back::WayBack};
use super::{
    browser::{BrowserRequest, CookieName},
    change_page, front_end_cookies, layout,
    login::{login_address, own_address},
    logout,
    onward::found,
    request_page, store,
};
use foundation::http::{ApiError, path::PathValues, query::Query};
use foundation::sessions;
use registers::parties::{self, Party};
use system_users::requests::RequestKind;

const OVERVIEW: &str = "/accessmanagement/ui/systemuser/overview";
const NOT_YOURS: &str = "/accessmanagement/ui/errorpage/reportee";

/// `GET /accessmanagement/api/v1/systemuser/request/{id}/logout`
pub async fn leave_request(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
) -> Response {
    let way_back = match path.uuid("id") {
        // The portal leaves a forwarded request for an agent by this link too.
        Ok(id) => match request_page::way_back(&pages, &browser, RequestKind::Standard, id).await {
            Some(way_back) => Some(way_back),
            None => request_page::way_back(&pages, &browser, RequestKind::Agent, id).await,
        },
        Err(_) => None,
    };
    leave(&pages, &browser, way_back).await
}

/// `GET /accessmanagement/api/v1/systemuser/agentrequest/{id}/logout`
pub async fn leave_agent_request(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
) -> Response {
    let way_back = match path.uuid("id") {
        Ok(id) => request_page::way_back(&pages, &browser, RequestKind::Agent, id).await,
        Err(_) => None,
    };
    leave(&pages, &browser, way_back).await
}

/// `GET /accessmanagement/api/v1/systemuser/changerequest/{id}/logout`
pub async fn leave_change_request(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
) -> Response {
    let way_back = match path.uuid("id") {
        Ok(id) => change_page::way_back(&pages, &browser, id).await,
        Err(_) => None,
    };
    leave(&pages, &browser, way_back).await
}

/// Remembers where the browser shall go, and sends it to the log-out. Who may not read the request
/// is only logged out, and a link from another site leads to the page that asks.
async fn leave(pages: &Pages, browser: &BrowserRequest, way_back: Option<WayBack>) -> Response {
    let Some(WayBack {
        redirect_url: Some(url),
        receipt,
    }) = way_back.filter(|_| logout::is_own_link(browser))
    else {
        return found(logout::PATH);
    };
    match remember(pages, browser, &url, &receipt).await {
        Ok(jar) => (jar, found(logout::PATH)).into_response(),
        Err(error) => layout::failure(pages, browser, error),
    }
}

async fn remember(
    pages: &Pages,
    browser: &BrowserRequest,
    url: &str,
    receipt: &Receipt,
) -> Result<CookieJar, ApiError> {
    let token = foundation::crypto::random_text(32);
    store::insert_post_logout(&pages.db, &token, Some(url), Some(receipt)).await?;
    Ok(CookieJar::new().add(browser.set(CookieName::After, &token, Some(15))))
}

/// `GET /accessmanagement/api/v1/reportee/changeandredirect`: the person acts for another party
/// from now on.
pub async fn change_reportee(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    if browser.session.is_none() {
        return found(&login_address(&pages, &browser.target));
    }
    match try_change(&pages, &browser, &query).await {
        Ok(response) => response,
        Err(error) => layout::failure(&pages, &browser, error),
    }
}

async fn try_change(
    pages: &Pages,
    browser: &BrowserRequest,
    query: &Query,
) -> Result<Response, ApiError> {
    let party = match named(pages, query).await? {
        Some(party) if logout::is_own_link(browser) => party,
        _ => return Ok(found(NOT_YOURS)),
    };
    let Some(person) = browser.person(pages).await? else {
        return Ok(found(&login_address(pages, &browser.target)));
    };
    let may = party.key == person.0.key
        || parties::has_relation(
            &mut *pages.db.acquire().await?,
            &pages.catalogue,
            &person.0,
            &party,
        )
        .await?;
    if !may {
        return Ok(found(NOT_YOURS));
    }
    if let Some(token) = browser.cookie(CookieName::Session) {
        sessions::set_active_party(&pages.db, token, party.uuid).await?;
    }
    let next = found(
        &query
            .get("goTo")
            .and_then(|g| own_address(pages, g))
            .unwrap_or_else(|| OVERVIEW.to_owned()),
    );
    Ok(if pages.front_end.is_some() {
        (front_end_cookies::of_party(browser, &party), next).into_response()
    } else {
        next
    })
}

/// The party that the query names by uuid or by integer id.
async fn named(pages: &Pages, query: &Query) -> Result<Option<Party>, ApiError> {
    let mut db = pages.db.acquire().await?;
    for name in ["partyUuid", "P", "partyId"] {
        let Some(text) = query.get(name).map(str::trim).filter(|t| !t.is_empty()) else {
            continue;
        };
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Ok(parties::party_by_uuid(&mut db, uuid).await?);
        }
        if let Ok(id) = text.parse() {
            return Ok(parties::party_by_id(&mut db, id).await?);
        }
    }
    Ok(None)
}

/// `GET /accessmanagement/ui/errorpage/reportee`
pub async fn not_yours(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    layout::message(
        &pages,
        &browser,
        StatusCode::FORBIDDEN,
        "e.403_title",
        "e.403_generic",
    )
}
