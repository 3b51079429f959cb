//! `/accessmanagement/api/v2/enduser/clientdelegations` for client administrators.

use axum::{extract::State, response::Response};
use foundation::http::{Json, body::JsonBytes, query::Query};
use http::StatusCode;
use uuid::Uuid;

use super::{
    bind::{BatchItems, bind_batch},
    model::{
        AgentOfFacilitator, AgentWithResources, AssignmentDto, Cascade, ClientOfFacilitator,
        ClientWithResources, DelegationApiVersion, DelegationEnds, DelegationPartyNames,
        PackageBatch, PackageDelegation, PersonInputDto, ResourceBatch, ResourceDelegation,
    },
};
use crate::{
    AccessManagement,
    callers::{FacilitatorCaller, ReadClients, WriteClients},
    entities::{Envelope, ListWrapping},
    errors::{AccessRefusal, AccessResult},
    person_lookup::bind_person,
    query::{PagingHeaders, required_uuids},
};

/// The names of the query in this version.
const VERSION: DelegationApiVersion = DelegationApiVersion::V2;

/// Clients of a facilitator, with what each gives it that may be delegated. The list comes whole.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/clients", operation_id = "listDelegationClientsV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("roles" = Option<Vec<String>>, Query), ("packages" = Option<Vec<String>>, Query), ("resources" = Option<Vec<String>>, Query)),
    responses((status = 200, body = Envelope<ClientOfFacilitator>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn clients(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<ReadClients>,
    _: PagingHeaders,
    query: Query,
) -> AccessResult<Response> {
    let (party, wrapping) = (&caller.party, ListWrapping::Envelope);
    let list = access.stream_clients(party, &query, VERSION, wrapping, |client| client);
    list.await
}

/// Agents of a facilitator: persons, and system users for clients.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents", operation_id = "listDelegationAgentsV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator")),
    responses((status = 200, body = Envelope<AgentOfFacilitator>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn agents(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<ReadClients>,
    _: PagingHeaders,
) -> AccessResult<Response> {
    let (party, wrapping) = (&caller.party, ListWrapping::Envelope);
    let list = access.stream_agents(party, VERSION, wrapping, |agent| agent);
    list.await
}

/// Makes a party an agent: by its uuid, or a person by identity number and last name.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents", operation_id = "addDelegationAgentV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("agent" = Option<Uuid>, Query, description = "The agent; without it the body describes a person")),
    request_body(content = Option<PersonInputDto>),
    responses((status = 200, body = AssignmentDto), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000 or AM-00022"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients"),
        (status = 429, body = AccessRefusal, content_type = "application/problem+json", description = "AM-00026: the caller named unknown persons too often; or too many requests")))]
pub async fn add_agent(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<AssignmentDto>> {
    let agent = query.uuid(VERSION.agent())?;
    let input = bind_person(&bytes)?;
    let added = access.add_agent(&caller.by, &caller.party, agent, input.as_ref(), VERSION);
    Ok(Json(added.await?))
}

/// Removes an agent. One that is none is no error.
#[utoipa::path(delete, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents", operation_id = "removeDelegationAgentV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("agent" = Uuid, Query, description = "The agent"), ("cascade" = Option<bool>, Query, description = "Whether what is delegated goes too; it does not by default")),
    responses((status = 204, description = "It is no agent any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn remove_agent(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
) -> AccessResult<StatusCode> {
    let [agent] = required_uuids(&query, [VERSION.agent()])?;
    let cascade = Cascade::of(query.flag("cascade")?);
    access
        .remove_agent(&caller.by, caller.party.uuid, agent, cascade)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a client from an agent. One that the agent does not have is no error.
#[utoipa::path(delete, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/clients", operation_id = "removeDelegationClientV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client"), ("agent" = Uuid, Query, description = "The agent"), ("cascade" = Option<bool>, Query, description = "Whether what is delegated goes too; it does not by default")),
    responses((status = 204, description = "The agent does not have the client any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn remove_client(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
) -> AccessResult<StatusCode> {
    let ends = ends(&caller.party.uuid, &query)?;
    let cascade = Cascade::of(query.flag("cascade")?);
    access.remove_client(&caller.by, ends, cascade).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Packages that an agent was delegated, client by client.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/accesspackages", operation_id = "listPackagesOfAgentV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("agent" = Uuid, Query, description = "The agent")),
    responses((status = 200, body = Envelope<ClientOfFacilitator>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn packages_of_agent(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<ReadClients>,
    query: Query,
) -> AccessResult<Response> {
    let [agent] = required_uuids(&query, [VERSION.agent()])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Envelope);
    let list = access.list_packages_of_agent(party, agent, wrapping, |one| one);
    list.await
}

/// Packages of a client that were delegated, agent by agent.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/clients/accesspackages", operation_id = "listPackagesOfClientV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client")),
    responses((status = 200, body = Envelope<AgentOfFacilitator>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn packages_of_client(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<ReadClients>,
    query: Query,
) -> AccessResult<Response> {
    let [client] = required_uuids(&query, [VERSION.client()])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Envelope);
    let list = access.list_packages_of_client(party, client, wrapping, |one| one);
    list.await
}

/// Delegates packages of a client to an agent, all or none. What is delegated already stays.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/accesspackages", operation_id = "addClientPackagesV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client"), ("agent" = Uuid, Query, description = "The agent")),
    request_body(content = PackageBatch),
    responses((status = 200, body = Vec<PackageDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn give_packages(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<PackageDelegation>>> {
    let ends = ends(&caller.party.uuid, &query)?;
    let values = bind_batch(&bytes, BatchItems::Packages)?;
    let given = access.give_packages(&caller.by, ends, &values, VERSION);
    Ok(Json(given.await?))
}

/// Takes packages of a client back from an agent.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/accesspackages/delete", operation_id = "removeClientPackagesV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client"), ("agent" = Uuid, Query, description = "The agent")),
    request_body(content = PackageBatch),
    responses((status = 200, body = Vec<PackageDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn take_packages(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<PackageDelegation>>> {
    let ends = ends(&caller.party.uuid, &query)?;
    let values = bind_batch(&bytes, BatchItems::Packages)?;
    let names = DelegationPartyNames::of_facilitator(VERSION);
    let taken = access.take_packages(&caller.by, ends, &values, names);
    Ok(Json(taken.await?))
}

/// Single resources that an agent was delegated, client by client.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/resources", operation_id = "listResourcesOfAgentV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("agent" = Uuid, Query, description = "The agent")),
    responses((status = 200, body = Envelope<ClientWithResources>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn resources_of_agent(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<ReadClients>,
    query: Query,
) -> AccessResult<Response> {
    let [agent] = required_uuids(&query, [VERSION.agent()])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Envelope);
    let list = access.list_resources_of_agent(party, agent, wrapping, |one| one);
    list.await
}

/// Single resources of a client that were delegated, agent by agent.
#[utoipa::path(get, path = "/accessmanagement/api/v2/enduser/clientdelegations/clients/resources", operation_id = "listResourcesOfClientV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client")),
    responses((status = 200, body = Envelope<AgentWithResources>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn resources_of_client(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<ReadClients>,
    query: Query,
) -> AccessResult<Response> {
    let [client] = required_uuids(&query, [VERSION.client()])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Envelope);
    let list = access.list_resources_of_client(party, client, wrapping, |one| one);
    list.await
}

/// Delegates single resources of a client to an agent, all or none. The agent then has the rights on
/// them that the client gives the facilitator at any time.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/resources", operation_id = "addClientResourcesV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client"), ("agent" = Uuid, Query, description = "The agent")),
    request_body(content = ResourceBatch),
    responses((status = 200, body = Vec<ResourceDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn give_resources(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<ResourceDelegation>>> {
    let ends = ends(&caller.party.uuid, &query)?;
    let values = bind_batch(&bytes, BatchItems::Resources)?;
    let given = access.give_resources(&caller.by, ends, &values);
    Ok(Json(given.await?))
}

/// Takes single resources of a client back from an agent.
#[utoipa::path(post, path = "/accessmanagement/api/v2/enduser/clientdelegations/agents/resources/delete", operation_id = "removeClientResourcesV2", tag = "Customer",
    params(("party" = Uuid, Query, description = "The facilitator"), ("client" = Uuid, Query, description = "The client"), ("agent" = Uuid, Query, description = "The agent")),
    request_body(content = ResourceBatch),
    responses((status = 200, body = Vec<ResourceDelegation>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the caller does not administer the party's clients")))]
pub async fn take_resources(
    State(access): State<AccessManagement>,
    caller: FacilitatorCaller<WriteClients>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<Vec<ResourceDelegation>>> {
    let ends = ends(&caller.party.uuid, &query)?;
    let values = bind_batch(&bytes, BatchItems::Resources)?;
    let names = DelegationPartyNames::of_facilitator(VERSION);
    let taken = access.take_resources(&caller.by, ends, &values, names);
    Ok(Json(taken.await?))
}

/// The ends of a delegation, as the query names them.
fn ends(party: &Uuid, query: &Query) -> AccessResult<DelegationEnds> {
    let [client, agent] = required_uuids(query, [VERSION.client(), VERSION.agent()])?;
    Ok(DelegationEnds {
        party: *party,
        client,
        agent,
    })
}
