//! `/accessmanagement/api/v1/enduser/connections/accesspackages`: packages that a party gave others, or
//! that others gave it.

use axum::extract::State;
use foundation::http::{Json, body::JsonBytes, query::Query};
use http::StatusCode;

use super::{
    bind::PackageName,
    model::{AssignmentPackageDto, PackagePermission},
};
use crate::{
    AccessManagement,
    callers::{GiveAccess, Managing, ReadAccess, RemoveAccess},
    client_delegations::PersonInputDto,
    entities::Envelope,
    errors::AccessResult,
    person_lookup::bind_person,
    query::{PagingHeaders, required_uuids},
};

/// Packages, each with the ways by which it is held.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/accesspackages", operation_id = "list_connection_packages", tag = "Connections",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it"), ("X-Page-Size" = Option<u32>, Header), ("X-Page-Number" = Option<u32>, Header)),
    responses((status = 200, body = Envelope<PackagePermission>), (status = 400, description = "Model state, or a problem with what is wrong"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")),
    security(("person" = ["altinn:accessmanagement/enduser:connections:toothers.read", "altinn:accessmanagement/enduser:connections:fromothers.read", "altinn:portal/enduser"])))]
pub async fn list(
    State(access): State<AccessManagement>,
    caller: Managing<ReadAccess>,
    _: PagingHeaders,
    query: Query,
) -> AccessResult<Json<Envelope<PackagePermission>>> {
    let ends = access.list_ends(&caller, &query).await?;
    Ok(Json(access.list_packages(&ends).await?))
}

/// Gives a package. A repeat answers the same.
#[utoipa::path(post, path = "/accessmanagement/api/v1/enduser/connections/accesspackages", operation_id = "give_connection_package", tag = "Connections",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("to" = Option<Uuid>, Query, description = "Who receives; without it the body describes a person"), ("packageId" = Option<Uuid>, Query, description = "The package by its id; it goes before its name"), ("package" = Option<String>, Query, description = "The package by its URN")),
    request_body(content = Option<PersonInputDto>),
    responses((status = 200, body = AssignmentPackageDto), (status = 400, description = "Model state, or a problem with what is wrong"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party"),
        (status = 429, description = "AM-00026: the caller named nobody too often")),
    security(("person" = ["altinn:accessmanagement/enduser:connections:toothers.write", "altinn:portal/enduser"])))]
pub async fn give(
    State(access): State<AccessManagement>,
    caller: Managing<GiveAccess>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<AssignmentPackageDto>> {
    let (to, name) = (query.uuid("to")?, PackageName::of(&query)?);
    let input = bind_person(&bytes)?;
    let given = access.give_package(&caller, to, input.as_ref(), &name);
    Ok(Json(given.await?))
}

/// Takes a package back. One that was not given is no error.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/connections/accesspackages", operation_id = "take_connection_package", tag = "Connections",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("packageId" = Option<Uuid>, Query, description = "The package by its id; it goes before its name"), ("package" = Option<String>, Query, description = "The package by its URN")),
    responses((status = 204, description = "The package is not given any more"), (status = 400, description = "Model state, or a problem with what is wrong"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")),
    security(("person" = ["altinn:accessmanagement/enduser:connections:toothers.write", "altinn:accessmanagement/enduser:connections:fromothers.write", "altinn:portal/enduser"])))]
pub async fn take(
    State(access): State<AccessManagement>,
    caller: Managing<RemoveAccess>,
    query: Query,
) -> AccessResult<StatusCode> {
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    let name = PackageName::of(&query)?;
    access.take_package(&caller, from, to, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
