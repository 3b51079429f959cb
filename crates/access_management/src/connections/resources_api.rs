//! `/accessmanagement/api/v1/enduser/connections/resources`: single resources that a party gave others,
//! or that others gave it.

use axum::{extract::State, response::Response};
use foundation::http::{Json, Language, body::JsonBytes, query::Query};
use http::StatusCode;
use serde_json::Value;

use super::{
    bind::bind_right_keys,
    held::connected_resource,
    manage::RightsChange,
    model::{ResourcePermission, RightKeys, RightsOfResource},
};
use crate::{
    AccessManagement,
    callers::{AccessManagerCaller, GiveAccess, ReadAccess, RemoveAccess},
    errors::{AccessRefusal, AccessResult},
    query::{PagingHeaders, required_uuids},
};

/// The resource that a call names, when it names one.
fn resource_of(query: &Query) -> Option<&str> {
    query
        .get("resource")
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// Single resources, each with the ways by which it is held.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/resources", operation_id = "listConnectionResources", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it"), ("resource" = Option<String>, Query, description = "Only this resource")),
    responses((status = 200, body = Vec<ResourcePermission>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000 or AM-00027"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn list(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<ReadAccess>,
    _: PagingHeaders,
    language: Language,
    query: Query,
) -> AccessResult<Response> {
    let ends = access.list_ends(&caller, &query).await?;
    let head = move |identifier: &str, document: Option<&Value>| {
        Some(connected_resource(identifier, document, language))
    };
    let list = access.stream_resources(ends, resource_of(&query), head, |one| one);
    list.await
}

/// Rights on a resource that one party holds of another.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/resources/rights", operation_id = "listConnectionRights", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("resource" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, body = RightsOfResource), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000 or AM-00027"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn rights(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<ReadAccess>,
    _: PagingHeaders,
    language: Language,
    query: Query,
) -> AccessResult<Json<RightsOfResource>> {
    required_uuids(&query, ["from", "to"])?;
    let ends = access.list_ends(&caller, &query).await?;
    let rights = access.list_rights(&ends, named_resource(&query), language);
    Ok(Json(rights.await?))
}

/// The resource of a call that must name one. A missing name is one that no resource has.
fn named_resource(query: &Query) -> &str {
    resource_of(query).unwrap_or_default()
}

/// Gives rights on a resource. Rights that are given already stay.
#[utoipa::path(post, path = "/accessmanagement/api/v1/enduser/connections/resources/rights", operation_id = "giveConnectionRights", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("to" = Uuid, Query, description = "Who receives"), ("resource" = String, Query, description = "Identifier in the registry")),
    request_body(content = RightKeys),
    responses((status = 201, description = "They are given"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000, AM-00022, AM-00027, AM-00028 or AM-00033"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn give(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<StatusCode> {
    let [to] = required_uuids(&query, ["to"])?;
    let (resource, keys) = (named_resource(&query), bind_right_keys(&bytes)?);
    access
        .give_rights(&caller, to, resource, &keys, RightsChange::Add)
        .await?;
    Ok(StatusCode::CREATED)
}

/// Replaces the rights on a resource. An empty list changes nothing.
#[utoipa::path(put, path = "/accessmanagement/api/v1/enduser/connections/resources/rights", operation_id = "replaceConnectionRights", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("to" = Uuid, Query, description = "Who receives"), ("resource" = String, Query, description = "Identifier in the registry")),
    request_body(content = RightKeys),
    responses((status = 200, description = "These are given, and no others"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000, AM-00022, AM-00027 or AM-00028"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn replace(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> AccessResult<StatusCode> {
    let [to] = required_uuids(&query, ["to"])?;
    let (resource, keys) = (named_resource(&query), bind_right_keys(&bytes)?);
    access
        .give_rights(&caller, to, resource, &keys, RightsChange::Replace)
        .await?;
    Ok(StatusCode::OK)
}

/// Takes all rights on a resource back. Rights that were not given are no error.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/connections/resources", operation_id = "removeConnectionResource", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("resource" = String, Query, description = "Identifier in the registry")),
    responses((status = 204, description = "No right on it is given any more"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn take(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<RemoveAccess>,
    query: Query,
) -> AccessResult<StatusCode> {
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    let resource = resource_of(&query);
    access.take_resource(&caller, from, to, resource).await?;
    Ok(StatusCode::NO_CONTENT)
}
