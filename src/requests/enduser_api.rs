//! `/authentication/api/v1/systemuser/request/{party}/…`: what persons do with requests.

use axum::extract::State;

use super::{
    decide::Approver,
    model::{RequestDto, RequestInternalDto, RequestKind},
    store,
};
use crate::{
    app::{
        AppState, EndUser,
        callers::{self, AccessManagementRead, AccessManagementWrite, Permitted, PortalAccessManagementWrite},
    },
    http::{ApiResult, Json, ProblemCode, path::PathValues},
    pdp::Asker,
    register,
    token::scopes::Portal,
};

/// A request of the party.
#[utoipa::path(get, path = "/authentication/api/v1/systemuser/request/{party}/{requestId}", tag = "Requests",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestDto), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00010")),
    security(("person" = [])))]
pub async fn read_for_party(
    State(state): State<AppState>,
    permitted: Permitted<AccessManagementRead>,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    let id = path.uuid("requestId")?;
    let org_number = permitted.party.org_number.as_deref().ok_or(ProblemCode::OrganizationNotFound)?;
    let mut db = state.db.acquire().await?;
    let request = store::by_id(&mut db, RequestKind::Standard, id, state.config.settings.requests.lifetime_days).await?;
    let request = request.filter(|r| r.party_org_no == org_number).ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(RequestDto::new(request, None)))
}

/// A request by its id alone, for someone who may decide for its organisation or has to do with it.
#[utoipa::path(get, path = "/authentication/api/v1/systemuser/request/{requestId}", tag = "Requests",
    params(("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestInternalDto), (status = 400), (status = 401), (status = 403, description = "Scope, or AUTH-00066"),
        (status = 404, description = "AUTH-00010")),
    security(("person" = ["altinn:portal/enduser"])))]
pub async fn read_by_id(State(state): State<AppState>, user: EndUser<Portal>, path: PathValues) -> ApiResult<Json<RequestInternalDto>> {
    let id = path.uuid("requestId")?;
    let principal = &user.caller.principal;
    let mut db = state.db.acquire().await?;
    let request = store::by_id(&mut db, RequestKind::Standard, id, state.config.settings.requests.lifetime_days).await?;
    let request = request.ok_or(ProblemCode::RequestNotFound)?;
    let party = register::party_by_org_number(&mut db, &request.party_org_no).await?.ok_or(ProblemCode::OrganizationNotFound)?;
    drop(db);
    let person = callers::person_of(&state, principal).await?.ok_or(ProblemCode::NotAccessManager)?;
    let asker = Asker::Person(person.0.uuid);
    let may_approve = match party.party_id {
        Some(party_id) => callers::permits(&state, asker, principal.auth_level, "write", "altinn_access_management", party_id).await?,
        None => false,
    };
    if !may_approve && !register::has_relation(&mut *state.db.acquire().await?, &state.catalogue, &person.0, &party).await? {
        return Err(ProblemCode::NotAccessManager.into());
    }
    Ok(Json(RequestInternalDto {
        id: request.id,
        integration_title: request.integration_title,
        external_ref: request.external_ref,
        system_id: request.system_id,
        party_org_no: request.party_org_no,
        party_id: party.party_id,
        party_uuid: party.uuid,
        rights: request.rights,
        access_packages: request.access_packages,
        status: request.status,
        redirect_url: request.redirect_url,
        escalated: request.escalated,
        user_may_escalate_but_not_approve: !may_approve,
        created: request.created,
        system_user_type: "Standard",
    }))
}

/// Approves: creates the system user and hands it what was asked for.
#[utoipa::path(post, path = "/authentication/api/v1/systemuser/request/{party}/{requestId}/approve", tag = "Requests",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool), (status = 400), (status = 401), (status = 403, description = "Not permitted, or the delegation check fails"),
        (status = 404), (status = 409, description = "AUTH-00013")),
    security(("person" = ["altinn:portal/enduser"])))]
pub async fn approve(State(state): State<AppState>, permitted: Permitted<PortalAccessManagementWrite>, path: PathValues) -> ApiResult<Json<bool>> {
    let id = path.uuid("requestId")?;
    let approver = Approver { person: permitted.person()?, party: &permitted.party };
    state.decisions().approve(approver, RequestKind::Standard, id, None).await?;
    Ok(Json(true))
}

/// Rejects.
#[utoipa::path(post, path = "/authentication/api/v1/systemuser/request/{party}/{requestId}/reject", tag = "Requests",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409, description = "AUTH-00013")),
    security(("person" = [])))]
pub async fn reject(State(state): State<AppState>, permitted: Permitted<AccessManagementWrite>, path: PathValues) -> ApiResult<Json<bool>> {
    let id = path.uuid("requestId")?;
    let approver = Approver { person: permitted.person()?, party: &permitted.party };
    state.decisions().reject(approver, RequestKind::Standard, id).await?;
    Ok(Json(true))
}
