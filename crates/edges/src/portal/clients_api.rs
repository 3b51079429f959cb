//! Clients of an agent.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use uuid::Uuid;

use super::{PortalBackEnd, PortalUser};
use super::{
    model::{AgentDelegation, Customer},
    problem::PortalResult,
};
use authorization::permissions::{
    AccessManagementWrite, ClientAdministrationRead, ClientAdministrationWrite, PartyPolicy,
    PermittedPerson,
};
use foundation::http::{
    Json, ProblemCode,
    bind::{Binder, MemberPresence},
    body::{self, JsonBytes},
    list_stream,
    path::PathValues,
    query::{Query, parse_uuid},
};
use system_users::{
    clients::{Client, DelegatedClient, listing::write_clients, portal_api},
    users,
};

const BODY: &str = "delegationRequest";

/// What every call of this file names.
struct AgentClientsCall<P> {
    permitted: PermittedPerson<P>,
    agent: Uuid,
    /// `partyuuid`
    facilitator: Option<Uuid>,
}

impl<P: PartyPolicy> AgentClientsCall<P> {
    async fn of(
        portal: &PortalBackEnd,
        user: PortalUser,
        path: &PathValues,
        query: &Query,
    ) -> PortalResult<Self> {
        let (party, agent, facilitator) =
            (path.party_id()?, path.uuid("id")?, query.uuid("partyuuid")?);
        Ok(Self {
            permitted: portal.permissions.permitted(user, party).await?,
            agent,
            facilitator,
        })
    }
}

/// Clients that can be delegated to the agent: those that give the party every package it requires.
#[utoipa::path(get, operation_id = "listPortalCustomers", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/customers", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200, body = Vec<Customer>), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, AMUI-00044 or -00999")))]
pub async fn customers(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<Response> {
    let call =
        AgentClientsCall::<ClientAdministrationRead>::of(&portal, user, &path, &query).await?;
    let party = &call.permitted.party;
    if call.facilitator.ok_or(ProblemCode::OrganizationNotFound)? != party.uuid {
        return Err(ProblemCode::ClientsForbidden.into());
    }
    let agent = users::by_id(&mut *portal.db.acquire().await?, call.agent)
        .await?
        .filter(|u| u.owner_key == party.key);
    let agent = agent.ok_or(ProblemCode::SystemUserNotFound)?;
    let required = portal.clients.required_by(&agent);
    let (db, catalogue, provider) = (
        portal.db.acquire().await?,
        Arc::clone(&portal.catalogue),
        party.key,
    );
    let write = |writer| {
        let (names, all) = (Arc::clone(&catalogue), required.clone());
        let fitting = move |client: Client| {
            all.iter()
                .all(|package| client.has(*package))
                .then(|| Customer::new(client, &names))
        };
        write_clients(db, catalogue, provider, Some(required), writer, fitting)
    };
    Ok(list_stream::respond("[".to_owned(), "]", write).await?)
}

/// Clients delegated to the agent.
#[utoipa::path(get, operation_id = "listPortalClientDelegations", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200, body = Vec<AgentDelegation>), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn delegations(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<Response> {
    let call =
        AgentClientsCall::<ClientAdministrationRead>::of(&portal, user, &path, &query).await?;
    let agent = call.agent;
    let row = move |c: DelegatedClient| AgentDelegation {
        agent_system_user_id: agent,
        delegation_id: c.uuid,
        customer_id: c.uuid,
    };
    Ok(portal_api::delegations_of(
        &portal.clients,
        &call.permitted,
        call.facilitator.unwrap_or_default(),
        agent,
        row,
    )
    .await?)
}

/// Delegates a client to the agent, with all packages it requires.
#[utoipa::path(post, operation_id = "addPortalClient", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    request_body = super::model::PortalClientBody,
    responses((status = 200, body = AgentDelegation), (status = 400, description = "Model state, or AMUI-00005"), (status = 401),
        (status = 403, description = "Scope, AMUI-00044 or -00999")))]
pub async fn add(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PortalResult<Json<AgentDelegation>> {
    let value = body::parse(&bytes, BODY)?;
    let mut binder = Binder::new(BODY);
    let root = binder.root(&value)?;
    let client = binder.text(&root, "customerId", MemberPresence::Required)?;
    binder.finish()?;
    let client = parse_uuid("CustomerId", &client.unwrap_or_default())?;
    let call =
        AgentClientsCall::<ClientAdministrationWrite>::of(&portal, user, &path, &query).await?;
    portal_api::add_for(
        &portal.clients,
        &call.permitted,
        call.agent,
        call.facilitator,
        Some(client),
    )
    .await?;
    Ok(Json(AgentDelegation {
        agent_system_user_id: call.agent,
        delegation_id: client,
        customer_id: client,
    }))
}

/// Takes a client from the agent.
#[utoipa::path(delete, operation_id = "removePortalClient", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation/{delegationId}",
    tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("delegationId" = Uuid, Path, description = "The client's party uuid"),
        ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn remove(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<Json<bool>> {
    let client = path.uuid("delegationId")?;
    let call =
        AgentClientsCall::<ClientAdministrationWrite>::of(&portal, user, &path, &query).await?;
    portal_api::remove_for(
        &portal.clients,
        &call.permitted,
        call.agent,
        call.facilitator,
        client,
    )
    .await?;
    Ok(Json(true))
}

type AgentClientsOwnCall = AgentClientsCall<AccessManagementWrite>;

/// Whether the agent acts for its owner too.
#[utoipa::path(get, operation_id = "hasPortalOwnDelegation", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn has_own(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<Json<bool>> {
    let call = AgentClientsOwnCall::of(&portal, user, &path, &query).await?;
    Ok(Json(
        portal
            .system_users
            .has_own(call.permitted.approver(), call.agent)
            .await?,
    ))
}

/// Lets the agent act for its owner too.
#[utoipa::path(post, operation_id = "addPortalOwnDelegation", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999"),
        (status = 404, description = "AMUI-00011")))]
pub async fn give_own(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<Json<bool>> {
    let call = AgentClientsOwnCall::of(&portal, user, &path, &query).await?;
    portal
        .system_users
        .give_own(call.permitted.approver(), call.agent, call.facilitator)
        .await?;
    Ok(Json(true))
}

/// Takes from the agent what it may do for its owner.
#[utoipa::path(delete, operation_id = "removePortalOwnDelegation", path = "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn take_own(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<Json<bool>> {
    let call = AgentClientsOwnCall::of(&portal, user, &path, &query).await?;
    portal
        .system_users
        .take_own(call.permitted.approver(), call.agent)
        .await?;
    Ok(Json(true))
}
