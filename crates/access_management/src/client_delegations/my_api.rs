//! `/accessmanagement/api/{v1,v2}/enduser/clientdelegations/my`: what agents see and give up themselves.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use foundation::http::{Json, body::JsonBytes, query::Query};
use http::StatusCode;

use super::{
    bind::{BatchItems, bind_batch, bind_optional_batch},
    model::{
        AgentOfFacilitator, Cascade, DelegationApiVersion, DelegationEnds, DelegationPartyNames,
        PackageBatch, PackageDelegation, ProviderHead, ProviderOfAgent, ProviderWithClients,
        ResourceBatch, ResourceDelegation,
    },
};
use crate::{
    AccessManagement,
    callers::{ActingParty, GiveUpOwnClients, SeeOwnClients, SelfCaller},
    entities::{Envelope, ListWrapping},
    errors::{AccessRefusal, AccessResult},
    query::{PagingHeaders, required_uuids, uuids},
};

/// The ends of a delegation to the caller.
fn ends(
    by: &ActingParty,
    query: &Query,
    version: DelegationApiVersion,
) -> AccessResult<DelegationEnds> {
    let [party, client] = required_uuids(query, ["provider", version.client()])?;
    Ok(DelegationEnds {
        party,
        client,
        agent: by.party.uuid,
    })
}

async fn own_clients(
    access: &AccessManagement,
    caller: &SelfCaller<SeeOwnClients>,
    query: &Query,
    version: DelegationApiVersion,
) -> AccessResult<Response> {
    let only = uuids(query, "provider")?;
    let head = |provider| ProviderHead { provider };
    let (by, wrapping) = (&caller.by, ListWrapping::Envelope);
    let list = access.list_own_clients(by, only, version, wrapping, head, |one| one);
    list.await
}

async fn leave_provider(
    access: &AccessManagement,
    caller: &SelfCaller<GiveUpOwnClients>,
    query: &Query,
) -> AccessResult<StatusCode> {
    let [provider] = required_uuids(query, ["provider"])?;
    access
        .remove_agent(&caller.by, provider, caller.by.party.uuid, Cascade::Yes)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn take_packages(
    access: &AccessManagement,
    caller: &SelfCaller<GiveUpOwnClients>,
    query: &Query,
    bytes: &[u8],
    version: DelegationApiVersion,
) -> AccessResult<Json<Vec<PackageDelegation>>> {
    let ends = ends(&caller.by, query, version)?;
    let values = bind_batch(bytes, BatchItems::Packages)?;
    let names = DelegationPartyNames::of_agent(version);
    let taken = access.take_packages(&caller.by, ends, &values, names);
    Ok(Json(taken.await?))
}

/// Clients that the caller has, facilitator by facilitator.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/clientdelegations/my/clients", operation_id = "listMyClientsV1", tag = "Customer",
    params(("provider" = Option<Vec<Uuid>>, Query, description = "Only of these facilitators")),
    responses((status = 200, body = Envelope<ProviderWithClients>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing")))]
pub async fn clients_v1(
    State(access): State<AccessManagement>,
    caller: SelfCaller<SeeOwnClients>,
    _: PagingHeaders,
    query: Query,
) -> AccessResult<Response> {
    own_clients(&access, &caller, &query, DelegationApiVersion::V1).await
}

/// Facilitators whose agent the caller is. They come under the name `agent`.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/clientdelegations/my/clientproviders", operation_id = "listMyClientProvidersV1", tag = "Customer",
    responses((status = 200, body = Envelope<AgentOfFacilitator>), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing")))]
pub async fn providers_v1(
    State(access): State<AccessManagement>,
    caller: SelfCaller<SeeOwnClients>,
) -> AccessResult<Json<Envelope<AgentOfFacilitator>>> {
    Ok(Json(access.list_providers_as_agents(&caller.by).await?))
}

/// Ends that the caller is a facilitator's agent, with all that was delegated.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/clientdelegations/my/clientproviders", operation_id = "leaveClientProviderV1", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator")),
    responses((status = 204, description = "The caller is no agent of it any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn leave_provider_v1(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
) -> AccessResult<StatusCode> {
    leave_provider(&access, &caller, &query).await
}

/// Gives a client up. With a body, and without `cascade`, packages of the client alone: those that the
/// body names.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/clientdelegations/my/clients", operation_id = "leaveClientV1", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client"), ("cascade" = Option<bool>, Query, description = "Whether what is delegated goes too; it does not by default")),
    request_body(content = Option<PackageBatch>),
    responses((status = 200, body = Vec<PackageDelegation>, description = "Packages were named"),
        (status = 204, description = "The caller does not have the client any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn give_up_client_v1(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Response> {
    let ends = ends(&caller.by, &query, DelegationApiVersion::V1)?;
    let cascade = Cascade::of(query.flag("cascade")?);
    if cascade == Cascade::No
        && let Some(values) = bind_optional_batch(&bytes, BatchItems::Packages)?
    {
        let names = DelegationPartyNames::of_agent(DelegationApiVersion::V1);
        let taken = access.take_packages(&caller.by, ends, &values, names);
        return Ok(Json(taken.await?).into_response());
    }
    access.remove_client(&caller.by, ends, cascade).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives packages of a client up.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/clientdelegations/my/clients/accesspackages", operation_id = "leaveClientPackagesV1", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client")),
    request_body(content = PackageBatch),
    responses((status = 200, body = Vec<PackageDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn give_up_packages_v1(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<PackageDelegation>>> {
    take_packages(&access, &caller, &query, &bytes, DelegationApiVersion::V1).await
}

/// Clients that the caller has, facilitator by facilitator.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/my/clients", operation_id = "listMyClientsV2", tag = "Customer",
    params(("provider" = Option<Vec<Uuid>>, Query, description = "Only of these facilitators")),
    responses((status = 200, body = Envelope<ProviderWithClients>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing")))]
pub async fn clients_v2(
    State(access): State<AccessManagement>,
    caller: SelfCaller<SeeOwnClients>,
    _: PagingHeaders,
    query: Query,
) -> AccessResult<Response> {
    own_clients(&access, &caller, &query, DelegationApiVersion::V2).await
}

/// Facilitators whose agent the caller is.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/my/clientproviders", operation_id = "listMyClientProvidersV2", tag = "Customer",
    responses((status = 200, body = Envelope<ProviderOfAgent>), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing")))]
pub async fn providers_v2(
    State(access): State<AccessManagement>,
    caller: SelfCaller<SeeOwnClients>,
) -> AccessResult<Json<Envelope<ProviderOfAgent>>> {
    Ok(Json(access.list_providers(&caller.by).await?))
}

/// Ends that the caller is a facilitator's agent, with all that was delegated.
#[utoipa::path(delete, path = "/accessmanagement/api/v2/enduser/clientdelegations/my/clientproviders", operation_id = "leaveClientProviderV2", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator")),
    responses((status = 204, description = "The caller is no agent of it any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn leave_provider_v2(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
) -> AccessResult<StatusCode> {
    leave_provider(&access, &caller, &query).await
}

/// Gives a client up.
#[utoipa::path(delete, path = "/accessmanagement/api/v2/enduser/clientdelegations/my/clients", operation_id = "leaveClientV2", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client"), ("cascade" = Option<bool>, Query, description = "Whether what is delegated goes too; it does not by default")),
    responses((status = 204, description = "The caller does not have the client any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn give_up_client_v2(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
) -> AccessResult<StatusCode> {
    let ends = ends(&caller.by, &query, DelegationApiVersion::V2)?;
    let cascade = Cascade::of(query.flag("cascade")?);
    access.remove_client(&caller.by, ends, cascade).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives packages of a client up.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/my/clients/accesspackages/delete", operation_id = "leaveClientPackagesV2", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client")),
    request_body(content = PackageBatch),
    responses((status = 200, body = Vec<PackageDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn give_up_packages_v2(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<PackageDelegation>>> {
    take_packages(&access, &caller, &query, &bytes, DelegationApiVersion::V2).await
}

/// Gives single resources of a client up.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/my/clients/resources/delete",
    operation_id = "leaveClientResourcesV2", tag = "Customer",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client")),
    request_body(content = ResourceBatch),
    responses((status = 200, body = Vec<ResourceDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token, or one of neither a person nor a system user"), (status = 403, description = "The scope is missing, or the person has logged in at a level below 3")))]
pub async fn give_up_resources_v2(
    State(access): State<AccessManagement>,
    caller: SelfCaller<GiveUpOwnClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<ResourceDelegation>>> {
    let ends = ends(&caller.by, &query, DelegationApiVersion::V2)?;
    let values = bind_batch(&bytes, BatchItems::Resources)?;
    let names = DelegationPartyNames::of_agent(DelegationApiVersion::V2);
    let taken = access.take_resources(&caller.by, ends, &values, names);
    Ok(Json(taken.await?))
}
