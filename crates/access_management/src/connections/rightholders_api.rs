//! `/accessmanagement/api/v1/enduser/connections`: who is connected to a party, and right-holders.

use axum::{extract::State, response::Response};
use foundation::http::{Json, Language, body::JsonBytes, query::Query};
use http::StatusCode;
use uuid::Uuid;

use super::{bind::ConnectionParts, model::ConnectionDto};
use crate::{
    AccessManagement,
    callers::{AccessManagerCaller, GiveAccess, ReadAccess, RemoveAccess},
    client_delegations::{AssignmentDto, Cascade, PersonInputDto},
    entities::{Envelope, ListWrapping},
    errors::{AccessRefusal, AccessResult},
    person_lookup::bind_person,
    query::{PagingHeaders, required_uuids},
};

/// Whom a party gave access, or who gave it access. The list comes whole.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections", operation_id = "listConnections", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it"), ("includeClientDelegations" = Option<bool>, Query), ("includeAgentConnections" = Option<bool>, Query),
        ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query)),
    responses((status = 200, body = Envelope<ConnectionDto>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn list(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<ReadAccess>,
    _: PagingHeaders,
    language: Language,
    query: Query,
) -> AccessResult<Response> {
    let parts = ConnectionParts::of(&query)?;
    let ends = access.list_ends(&caller, &query).await?;
    let wrapping = ListWrapping::Envelope;
    let list = access.stream_connections(ends, parts, language, wrapping, |one| one);
    list.await
}

/// Makes a party a right-holder: by its uuid, or a person by identity number and last name.
#[utoipa::path(post, path = "/accessmanagement/api/v1/enduser/connections", operation_id = "addRightHolder", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("to" = Option<Uuid>, Query, description = "Who receives; without it the body describes a person")),
    request_body(content = Option<PersonInputDto>),
    responses((status = 200, body = AssignmentDto), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000 or AM-00022"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party"),
        (status = 429, body = AccessRefusal, content_type = "application/problem+json", description = "AM-00026: the caller named unknown persons too often; or too many requests")))]
pub async fn add(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<Json<AssignmentDto>> {
    let to: Option<Uuid> = query.uuid("to")?;
    let input = bind_person(&bytes)?;
    let added = access.add_right_holder(&caller, to, input.as_ref());
    Ok(Json(added.await?))
}

/// Ends a right-holder relation. One that does not exist is no error.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/connections", operation_id = "removeRightHolder", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("cascade" = Option<bool>, Query, description = "Whether what it carries goes too; it does not by default")),
    responses((status = 204, description = "There is no such relation any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn remove(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<RemoveAccess>,
    query: Query,
) -> AccessResult<StatusCode> {
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    let cascade = Cascade::of(query.flag("cascade")?);
    access
        .remove_right_holder(&caller, from, to, cascade)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
