//! Links of Altinn's pages that a browser follows with its session: logging out after a decision,
//! and choosing a party.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    browser::{Browser, CookieName},
    change_page, display, frame,
    login::{found, login_address, own_address},
    logout, request_page, store,
};
use crate::{
    app::AppState,
    http::{ApiError, path::PathValues, query::Query, time},
    register::{self, Party},
    requests::RequestKind,
};

const OVERVIEW: &str = "/accessmanagement/ui/systemuser/overview";
const NOT_YOURS: &str = "/accessmanagement/ui/errorpage/reportee";

/// Where the browser goes after the log-out, and what the page there tells.
pub(super) struct Farewell {
    pub redirect_url: Option<String>,
    pub system_id: String,
    pub party: Party,
}

/// `GET /accessmanagement/api/v1/systemuser/request/{id}/logout`
pub async fn leave_request(
    State(state): State<AppState>,
    browser: Browser,
    path: PathValues,
) -> Response {
    let farewell = match path.uuid("id") {
        Ok(id) => request_page::farewell(&state, &browser, RequestKind::Standard, id).await,
        Err(_) => None,
    };
    leave(&state, &browser, farewell).await
}

/// `GET /accessmanagement/api/v1/systemuser/agentrequest/{id}/logout`
pub async fn leave_agent_request(
    State(state): State<AppState>,
    browser: Browser,
    path: PathValues,
) -> Response {
    let farewell = match path.uuid("id") {
        Ok(id) => request_page::farewell(&state, &browser, RequestKind::Agent, id).await,
        Err(_) => None,
    };
    leave(&state, &browser, farewell).await
}

/// `GET /accessmanagement/api/v1/systemuser/changerequest/{id}/logout`
pub async fn leave_change_request(
    State(state): State<AppState>,
    browser: Browser,
    path: PathValues,
) -> Response {
    let farewell = match path.uuid("id") {
        Ok(id) => change_page::farewell(&state, &browser, id).await,
        Err(_) => None,
    };
    leave(&state, &browser, farewell).await
}

/// Remembers where the browser shall go, and sends it to the log-out. Who may not read the request
/// is only logged out, and a link from another site leads to the page that asks.
async fn leave(state: &AppState, browser: &Browser, farewell: Option<Farewell>) -> Response {
    let Some(Farewell {
        redirect_url: Some(url),
        system_id,
        party,
    }) = farewell.filter(|_| logout::is_own_link(browser))
    else {
        return found(logout::PATH);
    };
    let at = time::format(state.clock.now());
    let receipt = json!({"outcome": "closed", "systemId": system_id, "org": display::name(&party.name), "orgNumber": party.org_number, "at": at});
    match remember(state, browser, &url, &receipt).await {
        Ok(jar) => (jar, found(logout::PATH)).into_response(),
        Err(error) => frame::failure(state, browser, error),
    }
}

async fn remember(
    state: &AppState,
    browser: &Browser,
    url: &str,
    receipt: &Value,
) -> Result<CookieJar, ApiError> {
    let token = crate::token::random_text(32);
    store::insert_post_logout(&state.db, &token, Some(url), Some(receipt)).await?;
    Ok(CookieJar::new().add(browser.set(CookieName::After, &token, Some(15))))
}

/// `GET /accessmanagement/api/v1/reportee/changeandredirect`: the person acts for another party
/// from now on.
pub async fn change_reportee(
    State(state): State<AppState>,
    browser: Browser,
    query: Query,
) -> Response {
    if browser.session.is_none() {
        return found(&login_address(&state, &browser.target));
    }
    match try_change(&state, &browser, &query).await {
        Ok(response) => response,
        Err(error) => frame::failure(&state, &browser, error),
    }
}

async fn try_change(
    state: &AppState,
    browser: &Browser,
    query: &Query,
) -> Result<Response, ApiError> {
    let party = match named(state, query).await? {
        Some(party) if logout::is_own_link(browser) => party,
        _ => return Ok(found(NOT_YOURS)),
    };
    let Some(person) = browser.person(state).await? else {
        return Ok(found(&login_address(state, &browser.target)));
    };
    let may = party.key == person.0.key
        || register::has_relation(
            &mut *state.db.acquire().await?,
            &state.catalogue,
            &person.0,
            &party,
        )
        .await?;
    if !may {
        return Ok(found(NOT_YOURS));
    }
    if let Some(token) = browser.cookie(CookieName::Session) {
        store::set_active_party(&state.db, token, party.uuid).await?;
    }
    Ok(found(
        &query
            .get("goTo")
            .and_then(|g| own_address(state, g))
            .unwrap_or_else(|| OVERVIEW.to_owned()),
    ))
}

/// The party that the query names by uuid or by integer id.
async fn named(state: &AppState, query: &Query) -> Result<Option<Party>, ApiError> {
    let mut db = state.db.acquire().await?;
    for name in ["partyUuid", "P", "partyId"] {
        let Some(text) = query.get(name).map(str::trim).filter(|t| !t.is_empty()) else {
            continue;
        };
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Ok(register::party_by_uuid(&mut db, uuid).await?);
        }
        if let Ok(id) = text.parse() {
            return Ok(register::party_by_id(&mut db, id).await?);
        }
    }
    Ok(None)
}

/// `GET /accessmanagement/ui/errorpage/reportee`
pub async fn not_yours(State(state): State<AppState>, browser: Browser) -> Response {
    frame::message(
        &state,
        &browser,
        StatusCode::FORBIDDEN,
        "e.403_title",
        "e.403_generic",
    )
}
