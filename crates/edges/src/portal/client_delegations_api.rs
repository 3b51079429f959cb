//! `/accessmanagement/api/v1/clientdelegations`: the writes of client administration, what was delegated,
//! and what an agent has and gives up itself, as the portal's pages ask.

use access_management::{
    callers::{
        ActingParty, FacilitatorCaller, GiveUpOwnClientsInPortal, ReadClientsInPortal,
        SeeOwnClientsInPortal, SelfCaller, WriteClientsInPortal,
    },
    client_delegations::{
        AssignmentDto, BatchItems, BatchValue, Cascade, DelegationApiVersion, DelegationEnds,
        DelegationPartyNames, PackageBatch, PersonInputDto, ResourceBatch, bind_batch,
    },
    entities::ListWrapping,
    query::{required_uuids, uuids},
};
use axum::{extract::State, response::Response};
use foundation::http::{ApiError, ApiResult, Json, body::JsonBytes, query::Query};
use http::StatusCode;
use uuid::Uuid;

use super::{
    PortalBackEnd,
    access_model::{PortalAgent, PortalClient, portal_agent, portal_client},
    delegation_model::{
        PortalAgentResources, PortalClientResources, PortalPackageDelegation, PortalProvider,
        PortalProviderClients, PortalResourceDelegation,
    },
    describe::PageLanguage,
    passed_on::{Added, PassedResult, Plain, Removed},
    person_input::bind_portal_person,
};

/// The portal's names are those of version 1.
const VERSION: DelegationApiVersion = DelegationApiVersion::V1;

/// The ends of a delegation, as the query names them.
fn ends(party: Uuid, query: &Query) -> ApiResult<DelegationEnds> {
    let [client, agent] = required_uuids(query, ["from", "to"])?;
    Ok(DelegationEnds {
        party,
        client,
        agent,
    })
}

/// A batch, which must be there.
fn batch(bytes: &[u8], items: BatchItems) -> ApiResult<Vec<BatchValue>> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let sentence = "Delegation payload is required.".to_owned();
        return Err(ApiError::Text(StatusCode::BAD_REQUEST, sentence));
    }
    bind_batch(bytes, items)
}

/// What is taken back from an agent, or given up by it.
struct TakenDelegation<'c> {
    by: &'c ActingParty,
    ends: DelegationEnds,
    names: DelegationPartyNames,
    items: BatchItems,
}

impl<'c> TakenDelegation<'c> {
    fn of_facilitator(
        caller: &'c FacilitatorCaller<WriteClientsInPortal>,
        query: &Query,
        items: BatchItems,
    ) -> ApiResult<Self> {
        Ok(Self {
            by: &caller.by,
            ends: ends(caller.party.uuid, query)?,
            names: DelegationPartyNames::of_facilitator(VERSION),
            items,
        })
    }

    fn of_agent(
        caller: &'c SelfCaller<GiveUpOwnClientsInPortal>,
        query: &Query,
        items: BatchItems,
    ) -> ApiResult<Self> {
        let [party, client] = required_uuids(query, ["provider", "from"])?;
        let ends = DelegationEnds {
            party,
            client,
            agent: caller.by.party.uuid,
        };
        Ok(Self {
            by: &caller.by,
            ends,
            names: DelegationPartyNames::of_agent(VERSION),
            items,
        })
    }

    async fn back(self, portal: &PortalBackEnd, bytes: &[u8]) -> PassedResult<StatusCode, Removed> {
        let values = batch(bytes, self.items)?;
        let Self {
            by, ends, names, ..
        } = self;
        let access = &portal.access;
        match self.items {
            BatchItems::Packages => {
                access.take_packages(by, ends, &values, names).await?;
            }
            BatchItems::Resources => {
                access.take_resources(by, ends, &values, names).await?;
            }
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

/// Makes a party an agent: by its uuid, or a person by identity number and last name.
#[utoipa::path(post, operation_id = "addPortalAgent", path = "/accessmanagement/api/v1/clientdelegations/agents", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("to" = Option<Uuid>, Query, description = "The agent; without it the body describes a person")),
    request_body(content = Option<PersonInputDto>),
    responses((status = 200, body = AssignmentDto), (status = 400, body = String, description = "Model state, a text about the body, or a problem of the call behind"), (status = 401), (status = 403), (status = 429, description = "The caller named unknown persons too often; or too many requests")))]
pub async fn add_agent(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<WriteClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<AssignmentDto>, Added> {
    let agent = query.uuid("to")?;
    let input = match agent {
        Some(_) => None,
        None => Some(bind_portal_person(&bytes, "to")?),
    };
    let (by, party) = (&caller.by, &caller.party);
    let added = portal
        .access
        .add_agent(by, party, agent, input.as_ref(), VERSION);
    Ok(Json(added.await?))
}

/// Removes an agent with all that was delegated to it. One that is none is no error.
#[utoipa::path(delete, operation_id = "removePortalAgent", path = "/accessmanagement/api/v1/clientdelegations/agents", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("to" = Uuid, Query, description = "The agent")),
    responses((status = 204, description = "It is no agent any more"), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn remove_agent(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<WriteClientsInPortal>,
    query: Query,
) -> PassedResult<StatusCode, Removed> {
    let [agent] = required_uuids(&query, ["to"])?;
    let (by, party) = (&caller.by, caller.party.uuid);
    portal
        .access
        .remove_agent(by, party, agent, Cascade::Yes)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Packages that an agent was delegated, client by client.
#[utoipa::path(get, operation_id = "listPortalPackagesOfAgent", path = "/accessmanagement/api/v1/clientdelegations/agents/accesspackages", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("to" = Uuid, Query, description = "The agent")),
    responses((status = 200, body = Vec<PortalClient>), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn packages_of_agent(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<ReadClientsInPortal>,
    query: Query,
) -> PassedResult<Response, Plain> {
    let [agent] = required_uuids(&query, ["to"])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Bare);
    let list = portal
        .access
        .list_packages_of_agent(party, agent, wrapping, portal_client);
    Ok(list.await?)
}

/// Packages of a client that were delegated, agent by agent.
#[utoipa::path(get, operation_id = "listPortalPackagesOfClient", path = "/accessmanagement/api/v1/clientdelegations/clients/accesspackages", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client")),
    responses((status = 200, body = Vec<PortalAgent>), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn packages_of_client(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<ReadClientsInPortal>,
    query: Query,
) -> PassedResult<Response, Plain> {
    let [client] = required_uuids(&query, ["from"])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Bare);
    let list = portal
        .access
        .list_packages_of_client(party, client, wrapping, portal_agent);
    Ok(list.await?)
}

/// Delegates packages of a client to an agent, all or none. What is delegated already stays.
#[utoipa::path(post, operation_id = "addPortalClientPackages", path = "/accessmanagement/api/v1/clientdelegations/agents/accesspackages", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client"), ("to" = Uuid, Query, description = "The agent")),
    request_body(content = PackageBatch),
    responses((status = 200, body = Vec<PortalPackageDelegation>), (status = 400, body = String, description = "Model state, a text when there is no body, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn give_packages(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<WriteClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<Vec<PortalPackageDelegation>>, Added> {
    let ends = ends(caller.party.uuid, &query)?;
    let values = batch(&bytes, BatchItems::Packages)?;
    let given = portal
        .access
        .give_packages(&caller.by, ends, &values, VERSION);
    Ok(Json(given.await?.into_iter().map(Into::into).collect()))
}

/// Takes packages of a client back from an agent.
#[utoipa::path(delete, operation_id = "removePortalClientPackages", path = "/accessmanagement/api/v1/clientdelegations/agents/accesspackages", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client"), ("to" = Uuid, Query, description = "The agent")),
    request_body(content = PackageBatch),
    responses((status = 204, description = "The agent does not have them any more"), (status = 400, body = String, description = "Model state, a text when there is no body, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn take_packages(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<WriteClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<StatusCode, Removed> {
    let taken = TakenDelegation::of_facilitator(&caller, &query, BatchItems::Packages)?;
    taken.back(&portal, &bytes).await
}

/// Single resources that an agent was delegated, client by client.
#[utoipa::path(get, operation_id = "listPortalResourcesOfAgent", path = "/accessmanagement/api/v1/clientdelegations/agents/resources", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("to" = Uuid, Query, description = "The agent")),
    responses((status = 200, body = Vec<PortalClientResources>), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn resources_of_agent(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<ReadClientsInPortal>,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Response, Plain> {
    let [agent] = required_uuids(&query, ["to"])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Bare);
    let documents = portal.access.resources_of_agent(party, agent).await?;
    let shape = PortalClientResources::shape(documents, language);
    let list = portal
        .access
        .list_resources_of_agent(party, agent, wrapping, shape);
    Ok(list.await?)
}

/// Single resources of a client that were delegated, agent by agent.
#[utoipa::path(get, operation_id = "listPortalResourcesOfClient", path = "/accessmanagement/api/v1/clientdelegations/clients/resources", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client")),
    responses((status = 200, body = Vec<PortalAgentResources>), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn resources_of_client(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<ReadClientsInPortal>,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Response, Plain> {
    let [client] = required_uuids(&query, ["from"])?;
    let (party, wrapping) = (&caller.party, ListWrapping::Bare);
    let documents = portal.access.resources_of_client(party, client).await?;
    let shape = PortalAgentResources::shape(documents, language);
    let list = portal
        .access
        .list_resources_of_client(party, client, wrapping, shape);
    Ok(list.await?)
}

/// Delegates single resources of a client to an agent, all or none.
#[utoipa::path(post, operation_id = "addPortalClientResources", path = "/accessmanagement/api/v1/clientdelegations/agents/resources", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client"), ("to" = Uuid, Query, description = "The agent")),
    request_body(content = ResourceBatch),
    responses((status = 200, body = Vec<PortalResourceDelegation>), (status = 400, body = String, description = "Model state, a text when there is no body, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn give_resources(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<WriteClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<Vec<PortalResourceDelegation>>, Added> {
    let ends = ends(caller.party.uuid, &query)?;
    let values = batch(&bytes, BatchItems::Resources)?;
    let given = portal.access.give_resources(&caller.by, ends, &values);
    Ok(Json(given.await?.into_iter().map(Into::into).collect()))
}

/// Takes single resources of a client back from an agent.
#[utoipa::path(delete, operation_id = "removePortalClientResources", path = "/accessmanagement/api/v1/clientdelegations/agents/resources", tag = "Portal",
    params(("party" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client"), ("to" = Uuid, Query, description = "The agent")),
    request_body(content = ResourceBatch),
    responses((status = 204, description = "The agent does not have them any more"), (status = 400, body = String, description = "Model state, a text when there is no body, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn take_resources(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<WriteClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<StatusCode, Removed> {
    let taken = TakenDelegation::of_facilitator(&caller, &query, BatchItems::Resources)?;
    taken.back(&portal, &bytes).await
}

/// Clients that the caller has, facilitator by facilitator.
#[utoipa::path(get, operation_id = "listPortalMyClients", path = "/accessmanagement/api/v1/clientdelegations/my/clients", tag = "Portal",
    params(("provider" = Option<Vec<Uuid>>, Query, description = "Only of these facilitators")),
    responses((status = 200, body = Vec<PortalProviderClients>), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn my_clients(
    State(portal): State<PortalBackEnd>,
    caller: SelfCaller<SeeOwnClientsInPortal>,
    query: Query,
) -> PassedResult<Response, Plain> {
    let only = uuids(&query, "provider")?;
    let (by, head) = (&caller.by, PortalProvider::new);
    let list = portal.access.list_own_clients(
        by,
        only,
        DelegationApiVersion::V2,
        ListWrapping::Bare,
        head,
        portal_client,
    );
    Ok(list.await?)
}

/// Gives up packages of a client.
#[utoipa::path(delete, operation_id = "leavePortalClientPackages", path = "/accessmanagement/api/v1/clientdelegations/my/clients", tag = "Portal",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client")),
    request_body(content = PackageBatch),
    responses((status = 204, description = "The caller does not have them any more"), (status = 400, body = String, description = "Model state, a text when there is no body, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn give_up_packages(
    State(portal): State<PortalBackEnd>,
    caller: SelfCaller<GiveUpOwnClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<StatusCode, Removed> {
    let taken = TakenDelegation::of_agent(&caller, &query, BatchItems::Packages)?;
    taken.back(&portal, &bytes).await
}

/// Gives up single resources of a client.
#[utoipa::path(delete, operation_id = "leavePortalClientResources", path = "/accessmanagement/api/v1/clientdelegations/my/clients/resources", tag = "Portal",
    params(("provider" = Uuid, Query, description = "The facilitator"), ("from" = Uuid, Query, description = "The client")),
    request_body(content = ResourceBatch),
    responses((status = 204, description = "The caller does not have them any more"), (status = 400, body = String, description = "Model state, a text when there is no body, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn give_up_resources(
    State(portal): State<PortalBackEnd>,
    caller: SelfCaller<GiveUpOwnClientsInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<StatusCode, Removed> {
    let taken = TakenDelegation::of_agent(&caller, &query, BatchItems::Resources)?;
    taken.back(&portal, &bytes).await
}

/// Ends that the caller is a facilitator's agent, with all that was delegated.
#[utoipa::path(delete, operation_id = "leavePortalClientProvider", path = "/accessmanagement/api/v1/clientdelegations/my/clientproviders", tag = "Portal",
    params(("provider" = Uuid, Query, description = "The facilitator")),
    responses((status = 204, description = "The caller is no agent of it any more"), (status = 400, description = "Model state"), (status = 401), (status = 403)))]
pub async fn leave_provider(
    State(portal): State<PortalBackEnd>,
    caller: SelfCaller<GiveUpOwnClientsInPortal>,
    query: Query,
) -> PassedResult<StatusCode, Removed> {
    let [provider] = required_uuids(&query, ["provider"])?;
    let (by, agent) = (&caller.by, caller.by.party.uuid);
    portal
        .access
        .remove_agent(by, provider, agent, Cascade::Yes)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
