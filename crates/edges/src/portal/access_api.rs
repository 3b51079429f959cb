//! Client administration and right-holders, as the portal's pages read them.

use access_management::{
    AccessManagement,
    callers::{
        Facilitating, GiveAccessInPortal, Managing, ReadAccessInPortal, ReadClientsInPortal,
    },
    client_delegations::Version,
    connections::ConnectionParts,
    entities::Wrapping,
    errors::AccessError,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use foundation::http::{ApiError, Json, Language, query::Query};
use http::StatusCode;

use super::{
    PortalBackEnd,
    access_model::{
        PortalAgent, PortalClient, PortalPackageCheck, PortalRightHolder, portal_agent,
        portal_client, portal_package_check, portal_right_holder,
    },
    problem::unexpected_answer,
};

/// An error of the call behind a read: its status alone.
#[derive(Debug)]
pub struct ReadError(AccessError);

impl<E: Into<AccessError>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ReadError {
    fn into_response(self) -> Response {
        // The portal passes a sentence on as it is.
        let is_sentence = matches!(self.0, AccessError::Api(ApiError::Text(..)));
        let response = self.0.into_response();
        match response.status() {
            StatusCode::BAD_REQUEST if !is_sentence => unexpected_answer(StatusCode::BAD_REQUEST),
            _ => response,
        }
    }
}

/// Right-holders of a party, or of whom it is one.
#[utoipa::path(get, operation_id = "listPortalRightHolders", path = "/accessmanagement/api/v1/connection/rightholders", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it"),
        ("includeClientDelegations" = Option<bool>, Query), ("includeAgentConnections" = Option<bool>, Query)),
    responses((status = 200, body = Vec<PortalRightHolder>), (status = 400, body = String, description = "Model state, or a text when neither end is named"), (status = 401), (status = 403)))]
pub async fn right_holders(
    State(portal): State<PortalBackEnd>,
    caller: Result<Managing<ReadAccessInPortal>, ApiError>,
    language: Language,
    query: Query,
) -> Result<Response, ReadError> {
    let is_named = |name: &str| query.get(name).is_some_and(|text| !text.trim().is_empty());
    let caller = match caller {
        Err(ApiError::Empty(StatusCode::FORBIDDEN)) if !is_named("from") && !is_named("to") => {
            let sentence = "Either 'from' or 'to' query parameter must be provided.";
            return Err(ApiError::Text(StatusCode::BAD_REQUEST, sentence.to_owned()).into());
        }
        caller => caller?,
    };
    let access: &AccessManagement = &portal.access;
    let parts = ConnectionParts {
        packages: false,
        resources: false,
        ..ConnectionParts::of(&query)?
    };
    let ends = access.list_ends(&caller, &query).await?;
    let (wrapping, shape) = (Wrapping::Bare, portal_right_holder);
    let list = access.stream_connections(ends, parts, language, wrapping, shape);
    Ok(list.await?)
}

/// Agents of a facilitator.
#[utoipa::path(get, operation_id = "listPortalAgents", path = "/accessmanagement/api/v1/clientdelegations/agents", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party")),
    responses((status = 200, body = Vec<PortalAgent>), (status = 401), (status = 403)))]
pub async fn agents(
    State(portal): State<PortalBackEnd>,
    caller: Facilitating<ReadClientsInPortal>,
) -> Result<Response, ReadError> {
    let (party, wrapping) = (&caller.party, Wrapping::Bare);
    let list = portal
        .access
        .stream_agents(party, Version::V2, wrapping, portal_agent);
    Ok(list.await?)
}

/// Clients of a facilitator.
#[utoipa::path(get, operation_id = "listPortalClients", path = "/accessmanagement/api/v1/clientdelegations/clients", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("roles" = Option<Vec<String>>, Query)),
    responses((status = 200, body = Vec<PortalClient>), (status = 401), (status = 403)))]
pub async fn clients(
    State(portal): State<PortalBackEnd>,
    caller: Facilitating<ReadClientsInPortal>,
    query: Query,
) -> Result<Response, ReadError> {
    let (party, wrapping) = (&caller.party, Wrapping::Bare);
    let list = portal
        .access
        .stream_clients(party, &query, Version::V2, wrapping, portal_client);
    Ok(list.await?)
}

/// Which packages the caller may give for a party.
#[utoipa::path(get, operation_id = "listPortalDelegablePackages", path = "/accessmanagement/api/v1/accesspackage/delegationcheck", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party")),
    responses((status = 200, body = Vec<PortalPackageCheck>), (status = 401), (status = 403)))]
pub async fn check_packages(
    State(portal): State<PortalBackEnd>,
    caller: Managing<GiveAccessInPortal>,
) -> Result<Json<Vec<PortalPackageCheck>>, ReadError> {
    let checked = portal.access.check_packages(&caller, &[], &[]).await?;
    let list = checked.data.into_iter().map(portal_package_check);
    Ok(Json(list.collect()))
}
