//! `/authentication/api/v1/systemuser/request/{party}/…`: what persons do with requests.

use axum::extract::State;
use uuid::Uuid;

use super::Requests;
use super::{
    model::{RequestDto, RequestInternalDto, RequestKind, SystemUserRequest},
    store,
};
use authorization::{
    callers::EndUser,
    delegation::Approver,
    permissions::{
        self, AccessManagementRead, AccessManagementWrite, PermittedPerson,
        PortalAccessManagementWrite,
    },
};
use foundation::{
    http::{ApiError, ApiResult, Json, ProblemCode, path::PathValues},
    token::scopes::Portal,
};
use http::StatusCode;
use registers::parties;

type RequestReader = PermittedPerson<AccessManagementRead>;
type RequestRejecter = PermittedPerson<AccessManagementWrite>;
type PortalApprover = PermittedPerson<PortalAccessManagementWrite>;

/// A request of the party.
#[utoipa::path(get, operation_id = "getRequestForParty", path = "/authentication/api/v1/systemuser/request/{party}/{requestId}", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestDto), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00010")))]
pub async fn read_for_party(
    State(requests): State<Requests>,
    permitted: RequestReader,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    of_party(&requests, &permitted, RequestKind::Standard, &path).await
}

/// A request for an agent of the party.
#[utoipa::path(get, operation_id = "getAgentRequestForParty", path = "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestDto), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00010")))]
pub async fn read_agent_for_party(
    State(requests): State<Requests>,
    permitted: RequestReader,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    of_party(&requests, &permitted, RequestKind::Agent, &path).await
}

async fn of_party(
    requests: &Requests,
    permitted: &RequestReader,
    kind: RequestKind,
    path: &PathValues,
) -> ApiResult<Json<RequestDto>> {
    let id = path.uuid("requestId")?;
    let org_number = permitted
        .party
        .org_number
        .as_deref()
        .ok_or(ProblemCode::OrganizationNotFound)?;
    let mut db = requests.db.acquire().await?;
    let request = store::by_id(&mut db, kind, id, requests.lifetime_days()).await?;
    let request = request
        .filter(|r| r.party_org_no == org_number)
        .ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(RequestDto::new(request, None)))
}

/// A request by its id alone, for a person who may decide for its organisation or has to do with
/// it.
#[utoipa::path(get, operation_id = "getRequestById", path = "/authentication/api/v1/systemuser/request/{requestId}", tag = "Customer",
    params(("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestInternalDto), (status = 400), (status = 401), (status = 403, description = "Scope, or AUTH-00066"),
        (status = 404, description = "AUTH-00010")))]
pub async fn read_by_id(
    State(requests): State<Requests>,
    user: EndUser<Portal>,
    path: PathValues,
) -> ApiResult<Json<RequestInternalDto>> {
    Ok(Json(
        for_person(
            &requests,
            &user,
            RequestKind::Standard,
            path.uuid("requestId")?,
        )
        .await?,
    ))
}

/// A request for an agent by its id alone.
#[utoipa::path(get, operation_id = "getAgentRequestById", path = "/authentication/api/v1/systemuser/request/agent/{requestId}", tag = "Customer",
    params(("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestInternalDto), (status = 400), (status = 401), (status = 403, description = "Scope, or AUTH-00066"),
        (status = 404, description = "AUTH-00010")))]
pub async fn read_agent_by_id(
    State(requests): State<Requests>,
    user: EndUser<Portal>,
    path: PathValues,
) -> ApiResult<Json<RequestInternalDto>> {
    Ok(Json(
        for_person(
            &requests,
            &user,
            RequestKind::Agent,
            path.uuid("requestId")?,
        )
        .await?,
    ))
}

/// A request, for a person who may decide for its organisation or has to do with it.
///
/// # Errors
/// There is none, or the person has nothing to do with it.
pub async fn for_person<P>(
    requests: &Requests,
    user: &EndUser<P>,
    kind: RequestKind,
    id: Uuid,
) -> ApiResult<RequestInternalDto> {
    let mut db = requests.db.acquire().await?;
    let request = store::by_id(&mut db, kind, id, requests.lifetime_days()).await?;
    let request = request.ok_or(ProblemCode::RequestNotFound)?;
    let party = parties::party_by_org_number(&mut db, &request.party_org_no)
        .await?
        .ok_or(ProblemCode::OrganizationNotFound)?;
    drop(db);
    let person = user.known_person().ok_or(ProblemCode::NotAccessManager)?;
    let may_approve = requests
        .permissions
        .manages_access(person, user.level(), &party)
        .await?;
    if !may_approve
        && !parties::has_relation(
            &mut *requests.db.acquire().await?,
            &requests.catalogue,
            &person.0,
            &party,
        )
        .await?
    {
        return Err(ProblemCode::NotAccessManager.into());
    }
    Ok(RequestInternalDto {
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
        system_user_type: match kind {
            RequestKind::Standard => "Standard",
            RequestKind::Agent => "Agent",
        },
    })
}

/// Approves: creates the system user and gives it what was asked for.
#[utoipa::path(post, operation_id = "approveRequest", path = "/authentication/api/v1/systemuser/request/{party}/{requestId}/approve", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, AUTH-00001, -00004, -00050, -00051, -00053, -00063 or -00064"), (status = 401), (status = 403, description = "Not permitted, AUTH-00041, or the delegation check: AUTH-00014, -00016, -00018, -00068, -00069, -00070 or -00071"),
        (status = 404, description = "AUTH-00010 or AUTH-00011"), (status = 409, description = "AUTH-00013")))]
pub async fn approve(
    State(requests): State<Requests>,
    permitted: PortalApprover,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    let approver = permitted.approver();
    requests
        .approve(
            approver,
            RequestKind::Standard,
            path.uuid("requestId")?,
            None,
        )
        .await?;
    Ok(Json(true))
}

/// Approves a request for an agent: creates it. Clients are delegated to it later.
#[utoipa::path(post, operation_id = "approveAgentRequest", path = "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}/approve", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, AUTH-00004, -00063 or -00065"), (status = 401), (status = 403, description = "Not permitted, or AUTH-00042"), (status = 404, description = "AUTH-00011 or AUTH-00030"),
        (status = 409, description = "AUTH-00013")))]
pub async fn approve_agent(
    State(requests): State<Requests>,
    permitted: PortalApprover,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    let approver = permitted.approver();
    requests
        .approve(approver, RequestKind::Agent, path.uuid("requestId")?, None)
        .await?;
    Ok(Json(true))
}

/// Rejects.
#[utoipa::path(post, operation_id = "rejectRequest", path = "/authentication/api/v1/systemuser/request/{party}/{requestId}/reject", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403, description = "Not permitted, or AUTH-00041"), (status = 404, description = "AUTH-00010"), (status = 409, description = "AUTH-00013")))]
pub async fn reject(
    State(requests): State<Requests>,
    permitted: RequestRejecter,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    let approver = permitted.approver();
    requests
        .reject(approver, RequestKind::Standard, path.uuid("requestId")?)
        .await?;
    Ok(Json(true))
}

/// Rejects a request for an agent.
#[utoipa::path(post, operation_id = "rejectAgentRequest", path = "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}/reject", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403, description = "Not permitted, or AUTH-00042"), (status = 404, description = "AUTH-00030"),
        (status = 409, description = "AUTH-00013")))]
pub async fn reject_agent(
    State(requests): State<Requests>,
    permitted: RequestRejecter,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    let approver = permitted.approver();
    requests
        .reject(approver, RequestKind::Agent, path.uuid("requestId")?)
        .await?;
    Ok(Json(true))
}

/// Passes a request on to those who may decide. False for a person who has nothing to do with the
/// party.
#[utoipa::path(post, operation_id = "escalateRequest", path = "/authentication/api/v1/systemuser/request/{party}/{requestId}/escalate", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403, description = "Scope, or AUTH-00041"),
        (status = 404, description = "AUTH-00010"), (status = 409, description = "AUTH-00013")))]
pub async fn escalate(
    State(requests): State<Requests>,
    user: EndUser<Portal>,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    Ok(Json(
        pass_on(
            &requests,
            &user,
            path.party_id()?,
            RequestKind::Standard,
            path.uuid("requestId")?,
        )
        .await?,
    ))
}

/// Passes a request for an agent on to those who may decide.
#[utoipa::path(post, operation_id = "escalateAgentRequest", path = "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}/escalate", tag = "Customer",
    params(("party" = i32, Path), ("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403, description = "Scope, or AUTH-00042"),
        (status = 404, description = "AUTH-00010"), (status = 409, description = "AUTH-00013")))]
pub async fn escalate_agent(
    State(requests): State<Requests>,
    user: EndUser<Portal>,
    path: PathValues,
) -> ApiResult<Json<bool>> {
    Ok(Json(
        pass_on(
            &requests,
            &user,
            path.party_id()?,
            RequestKind::Agent,
            path.uuid("requestId")?,
        )
        .await?,
    ))
}

/// Passes a request on, when the caller has to do with the party.
///
/// # Errors
/// The request is another party's, unknown, or answered.
pub async fn pass_on<P>(
    requests: &Requests,
    user: &EndUser<P>,
    party_id: i32,
    kind: RequestKind,
    id: Uuid,
) -> ApiResult<bool> {
    let Some(person) = user.known_person() else {
        return Ok(false);
    };
    if user.level() < permissions::LEVEL_TO_WRITE {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    let mut db = requests.db.acquire().await?;
    let Some(party) = parties::party_by_id(&mut db, party_id).await? else {
        return Ok(false);
    };
    drop(db);
    let manages = requests
        .permissions
        .manages_access(person, user.level(), &party)
        .await?;
    if !manages
        && !parties::has_relation(
            &mut *requests.db.acquire().await?,
            &requests.catalogue,
            &person.0,
            &party,
        )
        .await?
    {
        return Ok(false);
    }
    requests
        .escalate(
            Approver {
                person,
                party: &party,
            },
            kind,
            id,
        )
        .await?;
    Ok(true)
}

/// Open requests to the party's organisation, oldest first.
#[utoipa::path(get, operation_id = "listPendingRequests", path = "/authentication/api/v1/systemuser/request/{party}/{orgno}/pending", tag = "Customer",
    params(("party" = i32, Path), ("orgno" = String, Path)),
    responses((status = 200, body = Vec<RequestDto>), (status = 400), (status = 401), (status = 403, description = "Not permitted, or AUTH-00041")))]
pub async fn pending(
    State(requests): State<Requests>,
    permitted: PortalApprover,
    path: PathValues,
) -> ApiResult<Json<Vec<RequestDto>>> {
    open(&requests, &permitted, RequestKind::Standard, &path).await
}

/// Open requests for agents to the party's organisation that were passed on, oldest first.
#[utoipa::path(get, operation_id = "listPendingAgentRequests", path = "/authentication/api/v1/systemuser/request/agent/{party}/{orgno}/pending", tag = "Customer",
    params(("party" = i32, Path), ("orgno" = String, Path)),
    responses((status = 200, body = Vec<RequestDto>), (status = 400), (status = 401), (status = 403, description = "Not permitted, or AUTH-00042")))]
pub async fn pending_agents(
    State(requests): State<Requests>,
    permitted: PortalApprover,
    path: PathValues,
) -> ApiResult<Json<Vec<RequestDto>>> {
    open(&requests, &permitted, RequestKind::Agent, &path).await
}

async fn open(
    requests: &Requests,
    permitted: &PortalApprover,
    kind: RequestKind,
    path: &PathValues,
) -> ApiResult<Json<Vec<RequestDto>>> {
    let org_number = permitted
        .party
        .org_number
        .as_deref()
        .ok_or(ProblemCode::OrganizationNotFound)?;
    if path.get("orgno") != org_number {
        return Err(match kind {
            RequestKind::Standard => ProblemCode::PartyMismatch,
            RequestKind::Agent => ProblemCode::AgentPartyMismatch,
        }
        .into());
    }
    let mut db = requests.db.acquire().await?;
    let found: Vec<SystemUserRequest> =
        store::pending(&mut db, kind, org_number, requests.lifetime_days()).await?;
    Ok(Json(
        found
            .into_iter()
            .map(|r| RequestDto::new(r, None))
            .collect(),
    ))
}
