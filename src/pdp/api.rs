//! `POST /authorization/api/v1/authorize`: decisions for service owners.

use axum::extract::State;
use http::StatusCode;

use super::{
    PartialRequest,
    request::{self, Entry, Fault, JsonRequest},
    response::{DecisionResponse, DecisionResult},
};
use crate::{
    app::{AppState, ServiceOwner},
    http::{ApiError, ApiResult, Json, ModelState, body::JsonBytes},
    token::scopes::{AUTHORIZE_ADMIN, Authorize},
    xacml::ids,
};

const BODY_LIMIT: usize = 1024 * 1024;

/// Decides what a subject may do with a resource for a party.
///
/// The body is a XACML 3.0 request in the JSON profile. Every evaluation answers 200; a fault of the request is the
/// decision `Indeterminate` with its status code. With `MultiRequests` there is one result per reference.
#[utoipa::path(
    post,
    path = "/authorization/api/v1/authorize",
    tag = "Decisions",
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 200, body = DecisionResponse),
        (status = 400, description = "The body is no JSON request, or asks for too many decisions"),
        (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing"),
        (status = 415, description = "Not JSON"),
        (status = 503, description = "The facts cannot be had; try again"),
    ),
    security(("maskinporten" = ["altinn:authorization/authorize", "altinn:authorization/authorize.admin"]))
)]
pub async fn authorize(
    State(state): State<AppState>,
    owner: ServiceOwner<Authorize>,
    JsonBytes(bytes): JsonBytes<BODY_LIMIT>,
) -> ApiResult<Json<DecisionResponse>> {
    if bytes.len() > state.config.settings.pdp.max_body_bytes {
        return Err(ApiError::Status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let request = request::read(&bytes)?;
    if request.references.len() > state.config.settings.pdp.max_decisions_per_request {
        return Err(ModelState::of("$.Request.MultiRequests", "Too many decisions are asked for at once.").into());
    }
    let admin = owner.caller.principal.scopes.contains(AUTHORIZE_ADMIN);
    let mut db = state.db.acquire().await?;
    let mut results = Vec::new();
    for part in parts(&request) {
        let part = match part {
            Ok(entries) => PartialRequest::of(entries, admin),
            Err(fault) => PartialRequest::faulty(fault),
        };
        let decided = state.pdp.decide(&mut db, &part).await?;
        if state.config.settings.pdp.enforce_resource_owner
            && !admin
            && decided.owner_org.as_deref().is_some_and(|org| Some(org) != owner.caller.principal.org.as_ref().map(crate::ids::OrgNumber::as_str))
        {
            return Err(ApiError::Empty(StatusCode::FORBIDDEN));
        }
        metrics::counter!("altinn.pdp.decisions", "resource.owner.org" => decided.owner_code.clone(), "resource.id" => decided.resource.clone(),
            "pdp.api.kind" => "external", "decision" => decided.decision.as_str())
        .increment(1);
        results.push(DecisionResult::from(decided));
    }
    Ok(Json(DecisionResponse { response: results }))
}

/// The entries of each decision asked for.
fn parts(request: &JsonRequest) -> Vec<Result<Vec<&Entry>, Fault>> {
    if let Some(fault) = &request.fault {
        return vec![Err(fault.clone())];
    }
    if request.references.is_empty() {
        return vec![Ok(request.entries.iter().collect())];
    }
    let has = |category: &str| request.entries.iter().any(|e| e.category == category);
    if ![ids::SUBJECT, ids::ACTION, ids::RESOURCE].iter().all(|c| has(c)) {
        return vec![Err(Fault::Processing("a multi-request needs subjects, actions and resources"))];
    }
    if request.entries.iter().any(|e| e.id.is_none()) {
        return vec![Err(Fault::Processing("in a multi-request every entry needs an Id"))];
    }
    let named = |ids: &Vec<String>| request.entries.iter().filter(|e| e.id.as_ref().is_some_and(|id| ids.contains(id))).collect();
    request.references.iter().map(|ids| Ok(named(ids))).collect()
}
