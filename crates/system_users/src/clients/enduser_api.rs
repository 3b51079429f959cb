//! `/authentication/api/v1/enduser/systemuser`: a client administrator's end-user system hands
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
    model::{AgentAndClient, AgentInformation, Client, ClientList, Delegated, ListedClient, Place},
};
use crate::users::{self, SystemUser, SystemUserDetail};
use authorization::{
    callers::{EndUser, Scoped},
    delegation::Approver,
    live_system_users::SystemUserKind,
    pdp::Asker,
};
use foundation::{
    http::{
        ApiError, ApiResult, Json, ModelState, ValidationCode, list_stream,
        paging::{self, Links},
        query::Query,
    },
    token::scopes::{ClientsRead, ClientsWrite},
};
use registers::parties::{self, Party, Person};

const RESOURCE: &str = "altinn_client_administration";

/// Agents of an organisation.
#[utoipa::path(get, path = "/authentication/api/v1/enduser/systemuser/agents", tag = "Clients",
    params(("party" = String, Query, description = "Organisation number")),
    responses((status = 200, body = Vec<SystemUserDetail>), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "No such organisation")),
    security(("person" = ["altinn:clientdelegations.read"])))]
pub async fn agents(
    State(clients): State<Clients>,
    user: EndUser<ClientsRead>,
    query: Query,
) -> ApiResult<Json<Vec<SystemUserDetail>>> {
    let org_number = query.required("party")?;
    let party = parties::party_by_org_number(&mut *clients.db.acquire().await?, org_number).await?;
    let party =
        party.ok_or_else(|| not_found("Party not found", &format!("organisation {org_number}")))?;
    administrator(&clients, &user, "read", &party).await?;
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

/// Clients that could be handed to an agent: those that have at least one of the packages it
/// requires. Whole, or in pages of `limit`.
#[utoipa::path(get, path = "/authentication/api/v1/enduser/systemuser/clients/available", tag = "Clients",
    params(("agent" = uuid::Uuid, Query), ("limit" = Option<usize>, Query, description = "1 to 1,000; without it the list comes whole"),
        ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = ClientList), (status = 400, description = "Model state, or STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.read"])))]
pub async fn available(
    State(clients): State<Clients>,
    user: EndUser<ClientsRead>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let page = Page::of(&query)?;
    let call = Call::of(&clients, &user, &query, "read", false).await?;
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

/// Clients handed to an agent. Whole, or in pages of `limit`.
#[utoipa::path(get, path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Clients",
    params(("agent" = uuid::Uuid, Query), ("limit" = Option<usize>, Query, description = "1 to 1,000; without it the list comes whole"),
        ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = ClientList), (status = 400, description = "Model state, or STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.read"])))]
pub async fn delegated(
    State(clients): State<Clients>,
    user: EndUser<ClientsRead>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let page = Page::of(&query)?;
    let call = Call::of(&clients, &user, &query, "read", false).await?;
    let (agent, provider) = (call.agent.id, call.owner.key);
    let listed = |c: Delegated| ListedClient::new(c.uuid, c.name, c.org_number);
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
    let last = found.get(page.size - 1).map(Delegated::place);
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
struct Page {
    size: usize,
    after: Place,
}

impl Page {
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
    last: Option<Place>,
) -> Response {
    let next = last.filter(|_| data.len() > size).map(|place| {
        let base = clients.address.of(headers);
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

/// Hands a client to an agent. A repeat says the same.
#[utoipa::path(post, path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Clients",
    params(("agent" = uuid::Uuid, Query), ("client" = uuid::Uuid, Query, description = "Party uuid")),
    responses((status = 200, body = AgentAndClient), (status = 400, description = "STD-00000, AUTH-00063, -00079 or -00080"), (status = 401),
        (status = 403), (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.write"])))]
pub async fn add(
    State(clients): State<Clients>,
    user: EndUser<ClientsWrite>,
    query: Query,
) -> ApiResult<Json<AgentAndClient>> {
    let call = Call::of(&clients, &user, &query, "write", true).await?;
    clients
        .add(call.approver(), &call.agent, call.client)
        .await?;
    Ok(Json(AgentAndClient {
        agent: call.agent.id,
        client: call.client,
    }))
}

/// Takes a client from an agent. One that was not handed over is not missed.
#[utoipa::path(delete, path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Clients",
    params(("agent" = uuid::Uuid, Query), ("client" = uuid::Uuid, Query, description = "Party uuid")),
    responses((status = 200, body = AgentAndClient), (status = 400, description = "STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.write"])))]
pub async fn remove(
    State(clients): State<Clients>,
    user: EndUser<ClientsWrite>,
    query: Query,
) -> ApiResult<Json<AgentAndClient>> {
    let call = Call::of(&clients, &user, &query, "write", true).await?;
    clients
        .remove(call.approver(), &call.agent, call.client)
        .await?;
    Ok(Json(AgentAndClient {
        agent: call.agent.id,
        client: call.client,
    }))
}

/// What the four calls on clients have in common, found and permitted.
pub(super) struct Call {
    agent: SystemUser,
    /// All zeros where none is asked for.
    client: Uuid,
    owner: Party,
    person: Person,
}

impl Call {
    pub async fn of<P: Sync>(
        clients: &Clients,
        user: &Scoped<P>,
        query: &Query,
        action: &str,
        with_client: bool,
    ) -> ApiResult<Self> {
        let (id, client) = (
            query.uuid("agent")?,
            if with_client {
                query.uuid("client")?
            } else {
                None
            },
        );
        let mut db = clients.db.acquire().await?;
        let agent = match id {
            None => Err(ValidationCode::AgentMissing),
            Some(id) => match users::by_id(&mut db, id).await? {
                None => Err(ValidationCode::AgentNotFound),
                Some(found) if found.kind == SystemUserKind::Standard => {
                    Err(ValidationCode::NotAnAgent)
                }
                Some(found) => Ok(found),
            },
        };
        let no_client = (with_client && client.is_none()).then_some(ValidationCode::ClientMissing);
        let agent = match (agent, no_client) {
            (Ok(agent), None) => agent,
            (agent, no_client) => {
                let findings = agent
                    .err()
                    .into_iter()
                    .chain(no_client)
                    .map(ValidationCode::error);
                return Err(ApiError::Validation(findings.collect()));
            }
        };
        let owner = parties::party_by_org_number(&mut db, &agent.reportee_org_no).await?;
        drop(db);
        let owner = owner.ok_or_else(|| {
            not_found(
                "System Owner not Found",
                &format!("systemuser owner {}", agent.reportee_org_no),
            )
        })?;
        let person = administrator(clients, user, action, &owner).await?;
        Ok(Self {
            agent,
            client: client.unwrap_or_default(),
            owner,
            person,
        })
    }

    pub const fn agent(&self) -> &SystemUser {
        &self.agent
    }

    pub const fn person(&self) -> &Person {
        &self.person
    }

    pub fn approver(&self) -> Approver<'_> {
        Approver {
            person: &self.person,
            party: &self.owner,
        }
    }
}

/// The person of the token, who administers the party's clients.
async fn administrator<P: Sync>(
    clients: &Clients,
    user: &Scoped<P>,
    action: &str,
    party: &Party,
) -> ApiResult<Person> {
    let principal = &user.caller.principal;
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let person = clients
        .authenticator
        .person_of(principal)
        .await?
        .ok_or_else(forbidden)?;
    let party_id = party.party_id.ok_or_else(forbidden)?;
    let asker = Asker::Person(person.0.uuid);
    if clients
        .permissions
        .permits(asker, principal.auth_level, action, RESOURCE, party_id)
        .await?
    {
        Ok(person)
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
