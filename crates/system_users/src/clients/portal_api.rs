//! `/authentication/api/v1/systemuser/agent/{party}/…`: a provider's portal delegates clients to
//! agents.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::Clients;
use super::{
    listing::{write_clients, write_delegated},
    model::{ClientDto, DelegatedClient, DelegationDto},
};
use crate::users;
use authorization::{
    live_system_users::SystemUserKind,
    permissions::{ClientAdministrationRead, ClientAdministrationWrite, PermittedPerson},
};
use foundation::http::{
    ApiError, ApiResult, Json, ModelState, ProblemCode, list_stream, path::PathValues, query::Query,
};
use registers::packages::{Catalogue, PackageKey};

type ClientReader = PermittedPerson<ClientAdministrationRead>;
/// A client administrator who delegates clients.
pub(super) type ClientWriter = PermittedPerson<ClientAdministrationWrite>;

/// The provider's clients, by name, with what each relation lets it pass on.
#[utoipa::path(get, operation_id = "listClientsOfFacilitator", path = "/authentication/api/v1/systemuser/agent/{party}/clients", tag = "Portal",
    params(("party" = i32, Path), ("facilitator" = uuid::Uuid, Query, description = "The party's uuid"),
        ("packages" = Option<Vec<String>>, Query, description = "URN or last part; those with any of them")),
    responses((status = 200, body = Vec<ClientDto>), (status = 400, description = "AUTH-00000"), (status = 401),
        (status = 403, description = "Not permitted, or AUTH-00044")))]
pub async fn list(
    State(clients): State<Clients>,
    permitted: ClientReader,
    query: Query,
) -> ApiResult<Response> {
    let facilitator = query
        .uuid("facilitator")?
        .ok_or(ProblemCode::OrganizationNotFound)?;
    if facilitator != permitted.party.uuid {
        return Err(ProblemCode::ClientsForbidden.into());
    }
    let named: Vec<&str> = query
        .all("packages")
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect();
    let wanted: Vec<PackageKey> = named
        .iter()
        .filter_map(|name| package(&clients.catalogue, name))
        .collect();
    let (db, catalogue) = (clients.db.acquire().await?, Arc::clone(&clients.catalogue));
    let (provider, wanted) = (permitted.party.key, (!named.is_empty()).then_some(wanted));
    let write = |writer| {
        let names = Arc::clone(&catalogue);
        write_clients(db, catalogue, provider, wanted, writer, move |client| {
            Some(ClientDto::new(client, &names))
        })
    };
    list_stream::respond("[".to_owned(), "]", write).await
}

/// A package by URN, by `:` and its last part, or by its last part, whatever the case.
fn package(catalogue: &Catalogue, name: &str) -> Option<PackageKey> {
    let last = name.strip_prefix(':').unwrap_or(name);
    let urn = if last.contains(':') {
        last.to_owned()
    } else {
        format!("urn:altinn:accesspackage:{last}")
    };
    catalogue.package_by_urn(&urn).map(|p| p.key)
}

/// Clients delegated to an agent. Whatever is wrong, the list is empty.
#[utoipa::path(get, operation_id = "listClientDelegations", path = "/authentication/api/v1/systemuser/agent/{party}/{facilitator}/{systemUserId}/delegations", tag = "Portal",
    params(("party" = i32, Path), ("facilitator" = uuid::Uuid, Path, description = "The party's uuid"), ("systemUserId" = uuid::Uuid, Path)),
    responses((status = 200, body = Vec<DelegationDto>), (status = 400), (status = 401), (status = 403)))]
pub async fn delegations(
    State(clients): State<Clients>,
    permitted: ClientReader,
    path: PathValues,
) -> ApiResult<Response> {
    let agent = path.uuid("systemUserId")?;
    let dto = move |c: DelegatedClient| {
        DelegationDto::new(
            agent,
            c.uuid,
            Some((c.name, c.org_number.unwrap_or_default())),
        )
    };
    delegations_of(&clients, &permitted, path.uuid("facilitator")?, agent, dto).await
}

/// Clients that the permitted party delegated to an agent, each as `shape` shows it; none when
/// another facilitator is named.
pub async fn delegations_of<T: Serialize + Send + Sync + 'static>(
    clients: &Clients,
    permitted: &ClientReader,
    facilitator: Uuid,
    agent: Uuid,
    shape: impl Fn(DelegatedClient) -> T + Send + 'static,
) -> ApiResult<Response> {
    if facilitator != permitted.party.uuid {
        return Ok(Json::<[(); 0]>([]).into_response());
    }
    let (db, provider) = (clients.db.acquire().await?, permitted.party.key);
    list_stream::respond("[".to_owned(), "]", |writer| {
        write_delegated(db, agent, provider, writer, shape)
    })
    .await
}

/// Delegates a client to an agent with all packages the agent requires: one element per relation
/// and package.
#[utoipa::path(post, operation_id = "addClientOfFacilitator", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}", tag = "Portal",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path), ("provider" = uuid::Uuid, Query, description = "The party's uuid"),
        ("client" = uuid::Uuid, Query, description = "The client's uuid")),
    responses((status = 200, body = Vec<DelegationDto>), (status = 400, description = "Unknown, AUTH-00000, -00034, -00063, -00079 or -00080"),
        (status = 401), (status = 403, description = "Not permitted, another party's, or AUTH-00044")))]
pub async fn add(
    State(clients): State<Clients>,
    permitted: ClientWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<Vec<DelegationDto>>> {
    let id = path.uuid("systemUserId")?;
    Ok(Json(
        add_for(
            &clients,
            &permitted,
            id,
            query.uuid("provider")?,
            query.uuid("client")?,
        )
        .await?,
    ))
}

/// Delegates a client to an agent of the permitted party, whose uuid `provider` must be.
///
/// # Errors
/// The problem of the first step that fails.
pub async fn add_for(
    clients: &Clients,
    permitted: &ClientWriter,
    id: Uuid,
    provider: Option<Uuid>,
    client: Option<Uuid>,
) -> ApiResult<Vec<DelegationDto>> {
    let user = users::by_id(&mut *clients.db.acquire().await?, id).await?;
    let user =
        user.ok_or_else(|| ModelState::of("return", format!("SystemUser with Id {id} Not Found")))?;
    if user.owner_key != permitted.party.key {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    if user.kind != SystemUserKind::Agent {
        return Err(ProblemCode::NotAnAgent.into());
    }
    if user.access_packages.is_empty() {
        return Err(ProblemCode::PackageNotInSystem.into());
    }
    if provider.ok_or(ProblemCode::OrganizationNotFound)? != permitted.party.uuid {
        return Err(ProblemCode::ClientsForbidden.into());
    }
    let client = client.ok_or(ProblemCode::ClientNotFound)?;
    let relations = clients
        .add(permitted.approver().into(), &user, client)
        .await?;
    let delegated = relations
        .iter()
        .flat_map(|r| &r.packages)
        .map(|_| DelegationDto::new(id, client, None));
    Ok(delegated.collect())
}

/// Takes a client from an agent, with all its packages. Succeeds also when it was not delegated.
#[utoipa::path(delete, operation_id = "removeClientOfFacilitator", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/client", tag = "Portal",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path), ("provider" = uuid::Uuid, Query, description = "The party's uuid"),
        ("client" = uuid::Uuid, Query, description = "The client's uuid")),
    responses((status = 200), (status = 400, description = "AUTH-00031"), (status = 401), (status = 403)))]
pub async fn remove(
    State(clients): State<Clients>,
    permitted: ClientWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<StatusCode> {
    let client = query.uuid("client")?.unwrap_or(Uuid::nil());
    remove_for(
        &clients,
        &permitted,
        path.uuid("systemUserId")?,
        query.uuid("provider")?,
        client,
    )
    .await?;
    Ok(StatusCode::OK)
}

/// Takes a client from an agent of the permitted party, whose uuid `provider` must be.
///
/// # Errors
/// The party is not the agent's owner.
pub async fn remove_for(
    clients: &Clients,
    permitted: &ClientWriter,
    id: Uuid,
    provider: Option<Uuid>,
    client: Uuid,
) -> ApiResult<()> {
    if provider != Some(permitted.party.uuid) {
        return Err(ProblemCode::ClientNotRemoved.into());
    }
    let Some(user) = users::by_id(&mut *clients.db.acquire().await?, id).await? else {
        return Ok(());
    };
    if user.owner_key != permitted.party.key {
        return Err(ProblemCode::ClientNotRemoved.into());
    }
    clients
        .remove(permitted.approver().into(), &user, client)
        .await
}
