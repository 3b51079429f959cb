//! `/authentication/api/v1/systemuser/changerequest/{party}/…`: what persons do with change
//! requests.

use axum::extract::State;
use uuid::Uuid;

use super::{
    model::{ChangeRequestDto, ChangeRequestInternalDto},
    store,
};
use crate::requests::Requests;
use authorization::{
    callers::{EndUser, ScopedCaller},
    permissions::{
        AccessManagementRead, AccessManagementWrite, PermittedPerson, PortalAccessManagementWrite,
    },
};
use foundation::{
    http::{ApiResult, Json, ProblemCode, path::PathValues},
    token::scopes::AnyScope,
};
use registers::parties;

/// A change request of the party.
#[utoipa::path(get, operation_id = "getChangeRequestForParty", path = "/authentication/api/v1/systemuser/changerequest/{party}/{requestId}", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = ChangeRequestDto), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00010")))]
pub async fn read_for_party(
    State(requests): State<Requests>,
    permitted: PermittedPerson<AccessManagementRead>,
    path: PathValues,
) -> ApiResult<Json<ChangeRequestDto>> {
    let id = path.uuid("requestId")?;
    let org_number = permitted
        .party
        .org_number
        .as_deref()
        .ok_or(ProblemCode::OrganizationNotFound)?;
    let mut db = requests.db.acquire().await?;
    let request = store::by_id(&mut db, id, requests.lifetime_days()).await?;
    let request = request
        .filter(|r| r.party_org_no == org_number)
        .ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(ChangeRequestDto::new(request, None)))
}

/// A change request by its id alone, for a person who may decide for its organisation.
#[utoipa::path(get, operation_id = "getChangeRequestById", path = "/authentication/api/v1/systemuser/changerequest/{requestId}", tag = "Customer",
    params(("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = ChangeRequestInternalDto), (status = 400), (status = 401), (status = 403, description = "AUTH-00066"),
        (status = 404, description = "AUTH-00010")))]
pub async fn read_by_id(
    State(requests): State<Requests>,
    caller: ScopedCaller<AnyScope>,
    path: PathValues,
) -> ApiResult<Json<ChangeRequestInternalDto>> {
    let id = path.uuid("requestId")?;
    let authenticator = requests.permissions.authenticator();
    let user = authenticator.person_or_other(&caller).await?;
    Ok(Json(for_person(&requests, &user, id).await?))
}

/// A change request, for a person who may decide for its organisation.
///
/// # Errors
/// There is none, or the person may not.
pub async fn for_person<P>(
    requests: &Requests,
    user: &EndUser<P>,
    id: Uuid,
) -> ApiResult<ChangeRequestInternalDto> {
    let mut db = requests.db.acquire().await?;
    let request = store::by_id(&mut db, id, requests.lifetime_days())
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    let party = parties::party_by_org_number(&mut db, &request.party_org_no)
        .await?
        .ok_or(ProblemCode::OrganizationNotFound)?;
    drop(db);
    let person = user.known_person().ok_or(ProblemCode::NotAccessManager)?;
    if !requests
        .permissions
        .manages_access(person, user.level(), &party)
        .await?
    {
        return Err(ProblemCode::NotAccessManager.into());
    }
    Ok(ChangeRequestInternalDto {
        id: request.id,
        external_ref: request.external_ref,
        system_id: request.system_id,
        system_user_id: request.system_user_id,
        party_org_no: request.party_org_no,
        party_id: party.party_id,
        party_uuid: party.uuid,
        sets: request.sets,
        status: request.status,
        redirect_url: request.redirect_url,
    })
}

/// Approves: the system user gets what is new, and loses what is unwanted.
#[utoipa::path(post, operation_id = "approveChangeRequest", path = "/authentication/api/v1/systemuser/changerequest/{party}/{requestId}/approve", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "AUTH-00001, -00050, -00052 or -00053"), (status = 401),
        (status = 403, description = "Not permitted, or AUTH-00041"), (status = 404, description = "AUTH-00010, -00011 or -00015"),
        (status = 409, description = "AUTH-00013")))]
pub async fn approve(
    State(requests): State<Requests>,
    permitted: PermittedPerson<AccessManagementWrite>,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    let approver = permitted.approver();
    requests
        .approve_change(approver, path.uuid("requestId")?, None)
        .await?;
    Ok(Json(true))
}

/// Rejects.
#[utoipa::path(post, operation_id = "rejectChangeRequest", path = "/authentication/api/v1/systemuser/changerequest/{party}/{requestId}/reject", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403, description = "Not permitted, or AUTH-00041"),
        (status = 404, description = "AUTH-00010"), (status = 409, description = "AUTH-00013")))]
pub async fn reject(
    State(requests): State<Requests>,
    permitted: PermittedPerson<AccessManagementWrite>,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    let approver = permitted.approver();
    requests
        .reject_change(approver, path.uuid("requestId")?)
        .await?;
    Ok(Json(true))
}

/// Open change requests to the party's organisation, oldest first.
#[utoipa::path(get, operation_id = "listPendingChangeRequests", path = "/authentication/api/v1/systemuser/changerequest/{party}/{orgno}/pending", tag = "Customer",
    params(("party" = i32, Path), ("orgno" = String, Path)),
    responses((status = 200, body = Vec<ChangeRequestDto>), (status = 400), (status = 401), (status = 403, description = "Not permitted, or AUTH-00041")))]
pub async fn pending(
    State(requests): State<Requests>,
    permitted: PermittedPerson<PortalAccessManagementWrite>,
    path: PathValues,
) -> ApiResult<Json<Vec<ChangeRequestDto>>> {
    let org_number = permitted
        .party
        .org_number
        .as_deref()
        .ok_or(ProblemCode::OrganizationNotFound)?;
    if path.get("orgno") != org_number {
        return Err(ProblemCode::PartyMismatch.into());
    }
    let mut db = requests.db.acquire().await?;
    let found = store::pending(&mut db, org_number, requests.lifetime_days()).await?;
    Ok(Json(
        found
            .into_iter()
            .map(|r| ChangeRequestDto::new(r, None))
            .collect(),
    ))
}
