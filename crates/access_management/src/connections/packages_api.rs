//! `/accessmanagement/api/v1/enduser/connections/accesspackages`: packages that a party gave others, or
//! that others gave it.

use axum::{extract::State, response::Response};
use foundation::http::{Json, body::JsonBytes, query::Query};
use http::StatusCode;

use super::{
    bind::PackageName,
    model::{AssignmentPackageDto, PackagePermission},
};
use crate::{
    AccessManagement,
    callers::{AccessManagerCaller, GiveAccess, ReadAccess, RemoveAccess},
    client_delegations::PersonInputDto,
    entities::Envelope,
    errors::{AccessRefusal, AccessResult},
    person_lookup::bind_person,
    query::{PagingHeaders, required_uuids},
};

/// Packages, each with the ways by which it is held.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/accesspackages", operation_id = "listConnectionPackages", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it")),
    responses((status = 200, body = Envelope<PackagePermission>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn list(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<ReadAccess>,
    _: PagingHeaders,
    query: Query,
) -> AccessResult<Response> {
    let ends = access.list_ends(&caller, &query).await?;
    access.stream_packages(ends).await
}

/// Gives a package. A repeat answers the same.
#[utoipa::path(post, path = "/accessmanagement/api/v1/enduser/connections/accesspackages", operation_id = "giveConnectionPackage", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("to" = Option<Uuid>, Query, description = "Who receives; without it the body describes a person"), ("packageId" = Option<Uuid>, Query, description = "The package by its id; it goes before its name"), ("package" = Option<String>, Query, description = "The package by its URN")),
    request_body(content = Option<PersonInputDto>),
    responses((status = 200, body = AssignmentPackageDto), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000, AM-00022 or AM-00041"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party"),
        (status = 429, body = AccessRefusal, content_type = "application/problem+json", description = "AM-00026: the caller named unknown persons too often; or too many requests")))]
pub async fn give(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<AssignmentPackageDto>> {
    let (to, name) = (query.uuid("to")?, PackageName::of(&query)?);
    let input = bind_person(&bytes)?;
    let given = access.give_package(&caller, to, input.as_ref(), &name);
    Ok(Json(given.await?))
}

/// Takes a package back. One that was not given is no error.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/connections/accesspackages", operation_id = "removeConnectionPackage", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("packageId" = Option<Uuid>, Query, description = "The package by its id; it goes before its name"), ("package" = Option<String>, Query, description = "The package by its URN")),
    responses((status = 204, description = "The package is not given any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn take(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<RemoveAccess>,
    query: Query,
) -> AccessResult<StatusCode> {
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    let name = PackageName::of(&query)?;
    access.take_package(&caller, from, to, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
