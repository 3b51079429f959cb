//! Older addresses for delegating clients to agents, kept for clients that still call them
//! (`compat.delegation_aliases`).

use axum::extract::State;
use http::StatusCode;
use uuid::Uuid;

use super::Clients;
use super::{
    model::DelegationDto,
    portal_api::{self, ClientWriter},
};
use foundation::http::{
    ApiResult, Json, ProblemCode,
    bind::{Binder, MemberPresence},
    body::{self, JsonBytes},
    path::PathValues,
    query::Query,
};

/// Public name of the body.
const BODY: &str = "delegationRequest";

/// Delegates a client to an agent: one element per relation, with the id by which it can be taken
/// back.
#[utoipa::path(post, operation_id = "addClientDelegation", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/delegation", tag = "Portal",
    params(("party" = i32, Path), ("systemUserId" = Uuid, Path)),
    request_body = crate::bodies::ClientDelegationBody,
    responses((status = 200, body = Vec<DelegationDto>), (status = 400, description = "Model state, AUTH-00000, -00028, -00034, -00063, -00079 or -00080"),
        (status = 401), (status = 403, description = "Not permitted, another party's, or AUTH-00044")))]
pub async fn add(
    State(clients): State<Clients>,
    permitted: ClientWriter,
    path: PathValues,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<Vec<DelegationDto>>> {
    let agent = path.uuid("systemUserId")?;
    let value = body::parse(&bytes, BODY)?;
    let mut b = Binder::new(BODY);
    let root = b.root(&value)?;
    let mut named = |name: &str| -> ApiResult<Option<Uuid>> {
        let text = b.text(&root, name, MemberPresence::Optional)?;
        Ok(text
            .and_then(|t| Uuid::try_parse(t.trim()).ok())
            .filter(|id| !id.is_nil()))
    };
    let (client, facilitator) = (named("customerId")?, named("facilitatorId")?);
    b.finish()?;
    let client = client.ok_or(ProblemCode::CustomerIdInvalid)?;
    portal_api::add_for(&clients, &permitted, agent, facilitator, Some(client)).await?;
    let rows = clients.row_ids(agent, permitted.party.key, client).await?;
    let dto = |id| DelegationDto {
        delegation_id: id,
        ..DelegationDto::new(agent, client, None)
    };
    Ok(Json(rows.into_iter().map(dto).collect()))
}

/// Takes one relation of a client from its agent.
#[utoipa::path(delete, operation_id = "removeClientDelegation", path = "/authentication/api/v1/systemuser/agent/{party}/delegation/{delegationId}", tag = "Portal",
    params(("party" = i32, Path), ("delegationId" = Uuid, Path), ("facilitatorId" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200), (status = 400, description = "Model state, AUTH-00038, -00039 or -00040"), (status = 401), (status = 403)))]
pub async fn remove(
    State(clients): State<Clients>,
    permitted: ClientWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<StatusCode> {
    let id = path.uuid("delegationId")?;
    let facilitator = query.uuid("facilitatorId")?;
    let by = permitted.approver().into();
    clients.remove_row(by, id, facilitator).await?;
    Ok(StatusCode::OK)
}
