//! `/authentication/api/v1/enduser/systemuser`: a client administrator's end-user system hands clients to agents.

use axum::extract::State;
use http::StatusCode;
use uuid::Uuid;

use super::model::{AgentAndClient, AgentInformation, ClientList, ListedClient};
use crate::{
    app::{
        AppState, EndUser,
        callers::{self, Scoped},
    },
    delegation::Approver,
    http::{ApiError, ApiResult, Json, ValidationCode, paging::Links, query::Query},
    pdp::Asker,
    register::{self, Party, Person},
    system_users::{self, SystemUser, SystemUserDetail, SystemUserKind},
    token::scopes::{ClientsRead, ClientsWrite},
};

const RESOURCE: &str = "altinn_client_administration";

/// Agents of an organisation.
#[utoipa::path(get, path = "/authentication/api/v1/enduser/systemuser/agents", tag = "Clients",
    params(("party" = String, Query, description = "Organisation number")),
    responses((status = 200, body = Vec<SystemUserDetail>), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "No such organisation")),
    security(("person" = ["altinn:clientdelegations.read"])))]
pub async fn agents(State(state): State<AppState>, user: EndUser<ClientsRead>, query: Query) -> ApiResult<Json<Vec<SystemUserDetail>>> {
    let org_number = query.required("party")?;
    let party = register::party_by_org_number(&mut *state.db.acquire().await?, org_number).await?;
    let party = party.ok_or_else(|| not_found("Party not found", &format!("organisation {org_number}")))?;
    administrator(&state, &user, "read", &party).await?;
    let found = system_users::of_owner(&mut *state.db.acquire().await?, party.key, SystemUserKind::Agent).await?;
    Ok(Json(found.into_iter().map(|agent| SystemUserDetail::summary(agent, Vec::new())).collect()))
}

/// Clients that could be handed to an agent: those that have at least one of the packages it requires.
#[utoipa::path(get, path = "/authentication/api/v1/enduser/systemuser/clients/available", tag = "Clients",
    params(("agent" = uuid::Uuid, Query)),
    responses((status = 200, body = ClientList), (status = 400, description = "STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.read"])))]
pub async fn available(State(state): State<AppState>, user: EndUser<ClientsRead>, query: Query) -> ApiResult<Json<ClientList>> {
    let call = Call::of(&state, &user, &query, "read", false).await?;
    let clients = state.clients();
    let found = clients.of(call.owner.key, Some(&clients.required_by(&call.agent))).await?;
    let listed = found.into_iter().map(|c| listed(c.uuid, c.name, c.org_number));
    Ok(Json(list(call.agent, listed.collect())))
}

/// Clients handed to an agent.
#[utoipa::path(get, path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Clients",
    params(("agent" = uuid::Uuid, Query)),
    responses((status = 200, body = ClientList), (status = 400, description = "STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.read"])))]
pub async fn delegated(State(state): State<AppState>, user: EndUser<ClientsRead>, query: Query) -> ApiResult<Json<ClientList>> {
    let call = Call::of(&state, &user, &query, "read", false).await?;
    let found = state.clients().delegated(call.agent.id, call.owner.key).await?;
    let listed = found.into_iter().map(|c| listed(c.uuid, c.name, c.org_number));
    Ok(Json(list(call.agent, listed.collect())))
}

/// Hands a client to an agent. A repeat says the same.
#[utoipa::path(post, path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Clients",
    params(("agent" = uuid::Uuid, Query), ("client" = uuid::Uuid, Query, description = "Party uuid")),
    responses((status = 200, body = AgentAndClient), (status = 400, description = "STD-00000, AUTH-00063, -00079 or -00080"), (status = 401),
        (status = 403), (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.write"])))]
pub async fn add(State(state): State<AppState>, user: EndUser<ClientsWrite>, query: Query) -> ApiResult<Json<AgentAndClient>> {
    let call = Call::of(&state, &user, &query, "write", true).await?;
    state.clients().add(call.approver(), &call.agent, call.client).await?;
    Ok(Json(AgentAndClient { agent: call.agent.id, client: call.client }))
}

/// Takes a client from an agent. One that was not handed over is not missed.
#[utoipa::path(delete, path = "/authentication/api/v1/enduser/systemuser/clients", tag = "Clients",
    params(("agent" = uuid::Uuid, Query), ("client" = uuid::Uuid, Query, description = "Party uuid")),
    responses((status = 200, body = AgentAndClient), (status = 400, description = "STD-00000"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown")),
    security(("person" = ["altinn:clientdelegations.write"])))]
pub async fn remove(State(state): State<AppState>, user: EndUser<ClientsWrite>, query: Query) -> ApiResult<Json<AgentAndClient>> {
    let call = Call::of(&state, &user, &query, "write", true).await?;
    state.clients().remove(call.approver(), &call.agent, call.client).await?;
    Ok(Json(AgentAndClient { agent: call.agent.id, client: call.client }))
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
    pub async fn of<P: Sync>(state: &AppState, user: &Scoped<P>, query: &Query, action: &str, with_client: bool) -> ApiResult<Self> {
        let (id, client) = (query.uuid("agent")?, if with_client { query.uuid("client")? } else { None });
        let mut db = state.db.acquire().await?;
        let agent = match id {
            None => Err(ValidationCode::AgentMissing),
            Some(id) => match system_users::by_id(&mut db, id).await? {
                None => Err(ValidationCode::AgentNotFound),
                Some(found) if found.kind == SystemUserKind::Standard => Err(ValidationCode::NotAnAgent),
                Some(found) => Ok(found),
            },
        };
        let no_client = (with_client && client.is_none()).then_some(ValidationCode::ClientMissing);
        let agent = match (agent, no_client) {
            (Ok(agent), None) => agent,
            (agent, no_client) => {
                let findings = agent.err().into_iter().chain(no_client).map(ValidationCode::error);
                return Err(ApiError::Validation(findings.collect()));
            }
        };
        let owner = register::party_by_org_number(&mut db, &agent.reportee_org_no).await?;
        drop(db);
        let owner = owner.ok_or_else(|| not_found("System Owner not Found", &format!("systemuser owner {}", agent.reportee_org_no)))?;
        let person = administrator(state, user, action, &owner).await?;
        Ok(Self { agent, client: client.unwrap_or_default(), owner, person })
    }

    pub const fn agent(&self) -> &SystemUser {
        &self.agent
    }

    pub const fn person(&self) -> &Person {
        &self.person
    }

    pub fn approver(&self) -> Approver<'_> {
        Approver { person: &self.person, party: &self.owner }
    }
}

/// The person of the token, who administers the party's clients.
async fn administrator<P: Sync>(state: &AppState, user: &Scoped<P>, action: &str, party: &Party) -> ApiResult<Person> {
    let principal = &user.caller.principal;
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let person = callers::person_of(state, principal).await?.ok_or_else(forbidden)?;
    let party_id = party.party_id.ok_or_else(forbidden)?;
    let asker = Asker::Person(person.0.uuid);
    if callers::permits(state, asker, principal.auth_level, action, RESOURCE, party_id).await? { Ok(person) } else { Err(forbidden()) }
}

fn not_found(title: &'static str, what: &str) -> ApiError {
    ApiError::NotFound(title, format!("No associated party information found for {what}"))
}

fn listed(uuid: Uuid, name: String, number: Option<String>) -> ListedClient {
    ListedClient { uuid, org_number: number.unwrap_or_default(), name }
}

fn list(agent: SystemUser, data: Vec<ListedClient>) -> ClientList {
    let system_user_information = AgentInformation { system_user_id: agent.id, system_user_owner_org: agent.reportee_org_no };
    ClientList { links: Links::default(), system_user_information, data }
}
