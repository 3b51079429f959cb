//! Client administration and right-holders, as the portal's pages read them.

use access_management::{
    AccessManagement,
    callers::{
        AccessManagerCaller, AccessPolicy, FacilitatorCaller, GiveAccessInPortal, ManagingAnyEnd,
        ReadAccessInPortal, ReadClientsInPortal,
    },
    client_delegations::DelegationApiVersion,
    connections::ConnectionParts,
    entities::ListWrapping,
};
use axum::{extract::State, response::Response};
use foundation::http::{ApiResult, Json, Language, query::Query};

use super::{
    PortalBackEnd,
    access_model::{
        PortalAgent, PortalClient, PortalPackageCheck, PortalRightHolder, portal_agent,
        portal_client, portal_package_check, portal_right_holder,
    },
    passed_on::{Connected, PassedResult, Plain},
    person_input::refused,
};

/// The caller of a row that needs one of the ends.
///
/// # Errors
/// A sentence when neither end is named; 403 when the party is neither.
pub(super) fn with_an_end<P: AccessPolicy>(
    caller: ManagingAnyEnd<P>,
    query: &Query,
) -> ApiResult<AccessManagerCaller<P>> {
    let is_named = |name: &str| query.get(name).is_some_and(|text| !text.trim().is_empty());
    if is_named("from") || is_named("to") {
        caller.of_an_end()
    } else {
        let sentence = "Either 'from' or 'to' query parameter must be provided.";
        Err(refused(sentence))
    }
}

/// Right-holders of a party, or of whom it is one.
#[utoipa::path(get, operation_id = "listPortalRightHolders", path = "/accessmanagement/api/v1/connection/rightholders", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it"),
        ("includeClientDelegations" = Option<bool>, Query), ("includeAgentConnections" = Option<bool>, Query)),
    responses((status = 200, body = Vec<PortalRightHolder>), (status = 400, body = String, description = "Model state, or a text when neither end is named"), (status = 401), (status = 403)))]
pub async fn right_holders(
    State(portal): State<PortalBackEnd>,
    caller: ManagingAnyEnd<ReadAccessInPortal>,
    language: Language,
    query: Query,
) -> PassedResult<Response, Connected> {
    let caller = with_an_end(caller, &query)?;
    let access: &AccessManagement = &portal.access;
    let parts = ConnectionParts {
        packages: false,
        resources: false,
        ..ConnectionParts::of(&query)?
    };
    let ends = access.list_ends(&caller, &query).await?;
    let (wrapping, shape) = (ListWrapping::Bare, portal_right_holder);
    let list = access.stream_connections(ends, parts, language, wrapping, shape);
    Ok(list.await?)
}

/// Agents of a facilitator.
#[utoipa::path(get, operation_id = "listPortalAgents", path = "/accessmanagement/api/v1/clientdelegations/agents", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party")),
    responses((status = 200, body = Vec<PortalAgent>), (status = 401), (status = 403)))]
pub async fn agents(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<ReadClientsInPortal>,
) -> PassedResult<Response, Plain> {
    let (party, wrapping) = (&caller.party, ListWrapping::Bare);
    let list = portal
        .access
        .stream_agents(party, DelegationApiVersion::V2, wrapping, portal_agent);
    Ok(list.await?)
}

/// Clients of a facilitator.
#[utoipa::path(get, operation_id = "listPortalClients", path = "/accessmanagement/api/v1/clientdelegations/clients", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("roles" = Option<Vec<String>>, Query)),
    responses((status = 200, body = Vec<PortalClient>), (status = 401), (status = 403)))]
pub async fn clients(
    State(portal): State<PortalBackEnd>,
    caller: FacilitatorCaller<ReadClientsInPortal>,
    query: Query,
) -> PassedResult<Response, Plain> {
    let (party, wrapping) = (&caller.party, ListWrapping::Bare);
    let list = portal.access.stream_clients(
        party,
        &query,
        DelegationApiVersion::V2,
        wrapping,
        portal_client,
    );
    Ok(list.await?)
}

/// Which packages the caller may give for a party.
#[utoipa::path(get, operation_id = "listPortalDelegablePackages", path = "/accessmanagement/api/v1/accesspackage/delegationcheck", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party")),
    responses((status = 200, body = Vec<PortalPackageCheck>), (status = 401), (status = 403)))]
pub async fn check_packages(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessInPortal>,
) -> PassedResult<Json<Vec<PortalPackageCheck>>, Plain> {
    let checked = portal.access.check_packages(&caller, &[], &[]).await?;
    let list = checked.data.into_iter().map(portal_package_check);
    Ok(Json(list.collect()))
}
