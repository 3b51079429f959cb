//! `/authentication/api/v1/enduser/systemuser`: a client administrator's end-user system delegates
//! clients to agents.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::Clients;
use super::{
    listing::{write_clients, write_delegated},
    model::{
        AgentAndClient, AgentInformation, Client, ClientCursor, ClientList, DelegatedClient,
        ListedClient,
    },
};
use crate::users::{self, SystemUser, SystemUserDetail};
use authorization::{
    callers::PersonOrSystemUser,
    delegation::{Administrator, ClientAdministrator},
    live_system_users::SystemUserKind,
    permissions::{SystemResource, SystemResourceAction},
};
use foundation::{
    http::{
        ApiError, ApiResult, Json, ModelState, ValidationCode, list_stream,
        paging::{self, Links},
        query::Query,
    },
    token::scopes::{ClientsRead, ClientsWrite},
};
use registers::parties::{self, Party};

/// Agents of an organisation.
#[utoipa::path(get, operation_id = "listAgents", path = "/authentication/api/v1/enduser/systemuser/agents", tag = "Customer",
    params(("party" = String, Query, description = "Organisation number")),
    responses((status = 200, body = Vec<SystemUserDetail>), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "No such organisation")))]
pub async fn agents(
    State(clients): State<Clients>,
    caller: PersonOrSystemUser<ClientsRead>,
    query: Query,
) -> ApiResult<Json<Vec<SystemUserDetail>>> {
    let org_number = query.required("party")?;
    let party = parties::party_by_org_number(&mut *clients.db.acquire().await?, org_number).await?;
    let party =
        party.ok_or_else(|| not_found("Party not found", &format!("organisation {org_number}")))?;
    must_administer(&clients, &caller, SystemResourceAction::Read, &party).await?;
    let found = users::of_owner(
        &mut *clients.db.acquire().await?,
        party.key,
        SystemUserKind::Agent,
    )
    .await?;
    Ok(Json(
        found
            .into_iter()
            .map(|agent| SystemUserDetail::summary(agent, Vec::new()))
            .collect(),
    ))
}

/// Clients that could be delegated to an agent: those that have at least one of the packages it
/// requires. Whole, or in pages of `limit`.
#[utoipa::path(get, operation_id = "listAvailableClients", path = "/authentication/api/v1/enduser/systemuser/clients/available", tag = "Customer",
    params(("agent" = uuid::Uuid, Query), ("limit" = Option<usize>, Query, description = "1 to 1,000; without it the list comes whole"),
        ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = ClientList), (status = 400, description = "Model state, or STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")))]
pub async fn available(
    State(clients): State<Clients>,
    caller: PersonOrSystemUser<ClientsRead>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let page = ClientPage::of(&query)?;
    let call = AgentCall::of(&clients, &caller, &query, SystemResourceAction::Read).await?;
    let (provider, wanted) = (call.owner.key, clients.required_by(&call.agent));
    let listed = |c: Client| ListedClient::new(c.uuid, c.name, c.org_number);
    let Some(page) = page else {
        let (db, catalogue) = (clients.db.acquire().await?, Arc::clone(&clients.catalogue));
        let write = |writer| {
            write_clients(
                db,
                catalogue,
                provider,
                Some(wanted),
                writer,
                move |client| Some(listed(client)),
            )
        };
        return list_stream::respond(beginning(&call.agent), "]}", write).await;
    };
    let found = clients
        .page(provider, Some(&wanted), page.after, page.size)
        .await?;
    let last = found.get(page.size - 1).map(Client::place);
    Ok(page_of(
        &clients,
        &headers,
        "/available",
        call.agent,
        page.size,
        found.into_iter().map(listed).collect(),
        last,
    ))
}

/// Clients delegated to an agent. Whole, or in pages of `limit`.
#[utoipa::path(get, operation_id = "listClients", path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Customer",
    params(("agent" = uuid::Uuid, Query), ("limit" = Option<usize>, Query, description = "1 to 1,000; without it the list comes whole"),
        ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = ClientList), (status = 400, description = "Model state, or STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")))]
pub async fn delegated(
    State(clients): State<Clients>,
    caller: PersonOrSystemUser<ClientsRead>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let page = ClientPage::of(&query)?;
    let call = AgentCall::of(&clients, &caller, &query, SystemResourceAction::Read).await?;
    let (agent, provider) = (call.agent.id, call.owner.key);
    let listed = |c: DelegatedClient| ListedClient::new(c.uuid, c.name, c.org_number);
    let Some(page) = page else {
        let db = clients.db.acquire().await?;
        return list_stream::respond(beginning(&call.agent), "]}", |writer| {
            write_delegated(db, agent, provider, writer, listed)
        })
        .await;
    };
    let found = clients
        .delegated_page(agent, provider, &page.after, page.size)
        .await?;
    let last = found.get(page.size - 1).map(DelegatedClient::place);
    Ok(page_of(
        &clients,
        &headers,
        "",
        call.agent,
        page.size,
        found.into_iter().map(listed).collect(),
        last,
    ))
}

/// A page that was asked for.
struct ClientPage {
    size: usize,
    after: ClientCursor,
}

impl ClientPage {
    /// None where no page was asked for.
    fn of(query: &Query) -> ApiResult<Option<Self>> {
        let Some(text) = query.get("limit").filter(|t| !t.trim().is_empty()) else {
            return Ok(None);
        };
        let size = text
            .trim()
            .parse()
            .ok()
            .filter(|size| (1..=1_000).contains(size))
            .ok_or_else(|| ModelState::not_valid("limit", text))?;
        Ok(Some(Self {
            size,
            after: paging::key(query)?.unwrap_or_default(),
        }))
    }
}

/// A page of a list of which one more than fits was read; `last` is the place of the last one that
/// fits.
fn page_of(
    clients: &Clients,
    headers: &HeaderMap,
    path: &str,
    agent: SystemUser,
    size: usize,
    mut data: Vec<ListedClient>,
    last: Option<ClientCursor>,
) -> Response {
    let next = last.filter(|_| data.len() > size).map(|place| {
        let base = clients.address.called(headers);
        let token = paging::token(&place);
        format!("{base}/authentication/api/v1/enduser/systemuser/clients{path}?agent={}&limit={size}&token={token}", agent.id)
    });
    data.truncate(size);
    let system_user_information = AgentInformation {
        system_user_id: agent.id,
        system_user_owner_org: agent.reportee_org_no,
    };
    Json(ClientList {
        links: Links { next },
        system_user_information,
        data,
    })
    .into_response()
}

/// How a whole list begins.
fn beginning(agent: &SystemUser) -> String {
    let about = json!({"systemUserId": agent.id, "systemUserOwnerOrg": agent.reportee_org_no});
    format!("{{\"links\":{{}},\"systemUserInformation\":{about},\"data\":[")
}

/// Delegates a client to an agent. A repeat returns the same.
#[utoipa::path(post, operation_id = "addClient", path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Customer",
    params(("agent" = uuid::Uuid, Query), ("client" = uuid::Uuid, Query, description = "Party uuid")),
    responses((status = 200, body = AgentAndClient), (status = 400, description = "STD-00000, AUTH-00063, -00079 or -00080"), (status = 401),
        (status = 403), (status = 404, description = "The owner is unknown, or AUTH-00015: the agent was deleted meanwhile")))]
pub async fn add(
    State(clients): State<Clients>,
    caller: PersonOrSystemUser<ClientsWrite>,
    query: Query,
) -> ApiResult<Json<AgentAndClient>> {
    let on_client = AgentClientCall::of(&clients, &caller, &query).await?;
    let AgentClientCall { call, client } = on_client;
    clients
        .add(call.administrator()?, &call.agent, client)
        .await?;
    Ok(Json(AgentAndClient {
        agent: call.agent.id,
        client,
    }))
}

/// Takes a client from an agent. Succeeds also when it was not delegated.
#[utoipa::path(delete, operation_id = "removeClient", path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Customer",
    params(("agent" = uuid::Uuid, Query), ("client" = uuid::Uuid, Query, description = "Party uuid")),
    responses((status = 200, body = AgentAndClient), (status = 400, description = "STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")))]
pub async fn remove(
    State(clients): State<Clients>,
    caller: PersonOrSystemUser<ClientsWrite>,
    query: Query,
) -> ApiResult<Json<AgentAndClient>> {
    let on_client = AgentClientCall::of(&clients, &caller, &query).await?;
    let AgentClientCall { call, client } = on_client;
    clients
        .remove(call.administrator()?, &call.agent, client)
        .await?;
    Ok(Json(AgentAndClient {
        agent: call.agent.id,
        client,
    }))
}

/// What the calls on the clients of an agent have in common, found and permitted.
pub(super) struct AgentCall<'c, P> {
    caller: &'c PersonOrSystemUser<P>,
    agent: SystemUser,
    owner: Party,
}

/// A call on one client of an agent.
pub(super) struct AgentClientCall<'c, P> {
    call: AgentCall<'c, P>,
    client: Uuid,
}

impl<'c, P: Sync> AgentCall<'c, P> {
    /// Finds the agent, and asks whether the caller may do this.
    ///
    /// # Errors
    /// 400 when there is no such agent, 404 when its owner is unknown, 403 when the caller may not.
    pub async fn of(
        clients: &Clients,
        caller: &'c PersonOrSystemUser<P>,
        query: &Query,
        action: SystemResourceAction,
    ) -> ApiResult<Self> {
        let agent = agent_of(clients, query)
            .await?
            .map_err(|code| ApiError::Validation(vec![code.error()]))?;
        Self::permitted(clients, caller, agent, action).await
    }

    async fn permitted(
        clients: &Clients,
        caller: &'c PersonOrSystemUser<P>,
        agent: SystemUser,
        action: SystemResourceAction,
    ) -> ApiResult<Self> {
        let mut db = clients.db.acquire().await?;
        let owner = parties::party_by_org_number(&mut db, &agent.reportee_org_no).await?;
        drop(db);
        let owner = owner.ok_or_else(|| {
            not_found(
                "System Owner not Found",
                &format!("systemuser owner {}", agent.reportee_org_no),
            )
        })?;
        must_administer(clients, caller, action, &owner).await?;
        Ok(Self {
            caller,
            agent,
            owner,
        })
    }

    pub const fn agent(&self) -> &SystemUser {
        &self.agent
    }

    /// Who administers the clients.
    ///
    /// # Errors
    /// 403: the register does not know the person.
    pub fn administrator(&self) -> ApiResult<ClientAdministrator<'_>> {
        Ok(ClientAdministrator {
            by: match self.caller {
                PersonOrSystemUser::Person(user) => Administrator::Person(user.person()?),
                PersonOrSystemUser::SystemUser(user) => Administrator::SystemUser(user.id),
            },
            party: &self.owner,
        })
    }
}

impl<'c, P: Sync> AgentClientCall<'c, P> {
    /// As [`AgentCall::of`], for a change of one client.
    async fn of(
        clients: &Clients,
        caller: &'c PersonOrSystemUser<P>,
        query: &Query,
    ) -> ApiResult<Self> {
        let agent = query.uuid("agent")?;
        let client = query.uuid("client")?;
        let found = agent_with_id(clients, agent).await?;
        match (found, client) {
            (Ok(agent), Some(client)) => Ok(Self {
                call: AgentCall::permitted(clients, caller, agent, SystemResourceAction::Write)
                    .await?,
                client,
            }),
            (found, client) => {
                let missing = match client {
                    Some(_) => None,
                    None => Some(ValidationCode::ClientMissing),
                };
                let findings = found.err().into_iter().chain(missing);
                Err(ApiError::Validation(
                    findings.map(ValidationCode::error).collect(),
                ))
            }
        }
    }
}

async fn agent_of(
    clients: &Clients,
    query: &Query,
) -> ApiResult<Result<SystemUser, ValidationCode>> {
    agent_with_id(clients, query.uuid("agent")?).await
}

/// The agent of a call; the inner error says why there is none.
async fn agent_with_id(
    clients: &Clients,
    id: Option<Uuid>,
) -> ApiResult<Result<SystemUser, ValidationCode>> {
    let Some(id) = id else {
        return Ok(Err(ValidationCode::AgentMissing));
    };
    let found = users::by_id(&mut *clients.db.acquire().await?, id).await?;
    Ok(match found {
        None => Err(ValidationCode::AgentNotFound),
        Some(user) => match user.kind {
            SystemUserKind::Standard => Err(ValidationCode::NotAnAgent),
            SystemUserKind::Agent => Ok(user),
        },
    })
}

/// Asks whether the caller administers the party's clients.
///
/// # Errors
/// 403 when not.
async fn must_administer<P: Sync>(
    clients: &Clients,
    caller: &PersonOrSystemUser<P>,
    action: SystemResourceAction,
    party: &Party,
) -> ApiResult<()> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let party_id = party.party_id.ok_or_else(forbidden)?;
    let resource = SystemResource::ClientAdministration;
    if clients
        .permissions
        .caller_may(caller, action, resource, party_id)
        .await?
    {
        Ok(())
    } else {
        Err(forbidden())
    }
}

fn not_found(title: &'static str, what: &str) -> ApiError {
    ApiError::NotFound(
        title,
        format!("No associated party information found for {what}"),
    )
}
