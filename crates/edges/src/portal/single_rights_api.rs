//! `/accessmanagement/api/v1/singleright`: rights on single resources that a party gives and gets, as the
//! portal's pages ask.

use access_management::{
    callers::{
        AccessManagerCaller, GiveAccessInPortal, GiveAccessOfFromParty, ReadAccessInPortal,
        RemoveAccessInPortal,
    },
    connections::RightsChange,
    query::required_uuids,
};
use axum::{extract::State, response::Response};
use foundation::http::{
    ApiError, ApiResult, Json, ModelState,
    body::{self, JsonBytes},
    query::Query,
};
use http::StatusCode;
use serde_json::Value;

use super::{
    PortalBackEnd, PortalUser,
    connection_model::{
        PortalPermission, PortalResourcePermission, PortalRight, PortalRightCheck,
        PortalRightsOfResource,
    },
    describe::PageLanguage,
    model::resource_item,
    passed_on::{PassedResult, Plain, RightsChecked, RightsGiven},
};

/// Public name of the body.
const BODY: &str = "actionKeys";
/// Rights of one call.
const MAX_RIGHTS: usize = 500;

/// The resource that a call names. A missing name is one that no resource has.
fn resource<'q>(query: &'q Query, name: &str) -> &'q str {
    query.get(name).map(str::trim).unwrap_or_default()
}

/// Keys of rights: a list of texts.
fn bind_keys(bytes: &[u8]) -> ApiResult<Vec<String>> {
    let wrong = || ApiError::from(ModelState::of(BODY, "A list of texts is required."));
    let value = body::parse(bytes, BODY)?;
    let list = value.as_array().ok_or_else(wrong)?;
    if list.len() > MAX_RIGHTS {
        let sentence = format!("At most {MAX_RIGHTS} rights can be named.");
        return Err(ModelState::of(BODY, sentence).into());
    }
    let key = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(wrong);
    list.iter().map(key).collect()
}

/// Which rights on a resource the caller may give for a party.
#[utoipa::path(get, operation_id = "checkPortalRights", path = "/accessmanagement/api/v1/singleright/delegationcheck", tag = "Portal",
    params(("from" = Uuid, Query, description = "Uuid of the party that would give"), ("resource" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, body = Vec<PortalRightCheck>), (status = 400, description = "A problem of the call behind"), (status = 401), (status = 403)))]
pub async fn check(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessOfFromParty>,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Json<Vec<PortalRightCheck>>, RightsChecked> {
    let name = resource(&query, "resource");
    let checked = portal
        .access
        .check_resource(&caller, name, language.language())
        .await?;
    Ok(Json(checked.rights.into_iter().map(Into::into).collect()))
}

/// The rights that the policy of a resource has for people.
#[utoipa::path(get, operation_id = "listPortalRights", path = "/accessmanagement/api/v1/singleright/rightsmeta", tag = "Portal",
    params(("resource" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, body = Vec<PortalRight>), (status = 401), (status = 403), (status = 404, description = "There is no such resource, or it has no policy")))]
pub async fn rights_of(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Json<Vec<PortalRight>>, RightsChecked> {
    let name = resource(&query, "resource");
    let rights = portal
        .access
        .rights_of_policy(name, language.language())
        .await?;
    let rights = rights.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    Ok(Json(rights.into_iter().map(Into::into).collect()))
}

/// Single resources that one party has of another.
#[utoipa::path(get, operation_id = "listPortalResources", path = "/accessmanagement/api/v1/singleright/delegation/resources", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end")),
    responses((status = 200, body = Vec<PortalResourcePermission>), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn list(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<ReadAccessInPortal>,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Response, Plain> {
    required_uuids(&query, ["from", "to"])?;
    let ends = portal.access.list_ends(&caller, &query).await?;
    // One that the registry does not have any more is left out.
    let head = move |_: &str, document: Option<&Value>| {
        Some(resource_item(document?, language.language()))
    };
    let shape = PortalPermission::from;
    let list = portal.access.stream_resources(ends, None, head, shape);
    Ok(list.await?)
}

/// Rights on a resource that one party has of another.
#[utoipa::path(get, operation_id = "listPortalHeldRights", path = "/accessmanagement/api/v1/singleright/delegation/resources/rights", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("resourceId" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, body = PortalRightsOfResource), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn held(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<ReadAccessInPortal>,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Json<PortalRightsOfResource>, Plain> {
    required_uuids(&query, ["from", "to"])?;
    let ends = portal.access.list_ends(&caller, &query).await?;
    let name = resource(&query, "resourceId");
    let rights = portal
        .access
        .list_rights(&ends, name, language.language())
        .await?;
    Ok(Json(rights.into()))
}

/// Gives rights on a resource. Rights that are given already stay. The answer is an empty text.
#[utoipa::path(post, operation_id = "givePortalRights", path = "/accessmanagement/api/v1/singleright/delegate", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party that gives"), ("from" = Option<Uuid>, Query, description = "The party again"), ("to" = Uuid, Query, description = "Who receives"), ("resourceId" = String, Query, description = "Identifier in the registry")),
    request_body(content = Vec<String>, description = "Keys of rights; at most 500", example = json!(["01c75d2feca980dba9302c168672c013094bb592405139a500fd0767811c144221"])),
    responses((status = 200, body = String, content_type = "application/json"), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn give(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<&'static str>, RightsGiven> {
    write(&portal, &caller, &query, &bytes, RightsChange::Add).await
}

/// Replaces the rights on a resource. An empty list changes nothing. The answer is an empty text.
#[utoipa::path(put, operation_id = "replacePortalRights", path = "/accessmanagement/api/v1/singleright/update", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party that gives"), ("from" = Option<Uuid>, Query, description = "The party again"), ("to" = Uuid, Query, description = "Who receives"), ("resourceId" = String, Query, description = "Identifier in the registry")),
    request_body(content = Vec<String>, description = "Keys of rights; at most 500", example = json!(["01c75d2feca980dba9302c168672c013094bb592405139a500fd0767811c144221"])),
    responses((status = 200, body = String, content_type = "application/json"), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn replace(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessInPortal>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<&'static str>, RightsGiven> {
    write(&portal, &caller, &query, &bytes, RightsChange::Replace).await
}

async fn write(
    portal: &PortalBackEnd,
    caller: &AccessManagerCaller<GiveAccessInPortal>,
    query: &Query,
    bytes: &[u8],
    change: RightsChange,
) -> PassedResult<Json<&'static str>, RightsGiven> {
    let [to] = required_uuids(query, ["to"])?;
    let keys = bind_keys(bytes)?;
    let name = resource(query, "resourceId");
    portal
        .access
        .give_rights(caller, to, name, &keys, change)
        .await?;
    // The body of the call behind, which has none, as a text.
    Ok(Json(""))
}

/// Takes all rights on a resource back. Rights that were not given are no error.
#[utoipa::path(delete, operation_id = "removePortalRights", path = "/accessmanagement/api/v1/singleright/revoke", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("resourceId" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, description = "No right on it is given any more"), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn take(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<RemoveAccessInPortal>,
    query: Query,
) -> PassedResult<StatusCode, Plain> {
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    let name = Some(resource(&query, "resourceId")).filter(|name| !name.is_empty());
    portal.access.take_resource(&caller, from, to, name).await?;
    Ok(StatusCode::OK)
}
