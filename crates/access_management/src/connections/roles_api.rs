//! `/accessmanagement/api/v1/enduser/connections/roles`: roles that others have at a party, or that a
//! party has at others.

use axum::{extract::State, response::Response};
use foundation::http::{Json, Language, query::Query};
use http::StatusCode;

use super::model::{ConnectionRole, RoleCheck, RolePermission};
use crate::{
    AccessManagement,
    callers::{AccessManagerCaller, GiveAccess, ReadAccess, RemoveAccess},
    entities::{Envelope, ListWrapping},
    errors::{AccessRefusal, AccessResult},
    query::{PagingHeaders, required_uuids_and},
};

/// Roles, each with the ways by which it is held. The list comes whole.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/roles", operation_id = "listConnectionRoles", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Option<Uuid>, Query, description = "At whom; the party, for what others have at it"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what it has at others")),
    responses((status = 200, body = Envelope<RolePermission>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state or STD-00000"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn list(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<ReadAccess>,
    _: PagingHeaders,
    language: Language,
    query: Query,
) -> AccessResult<Response> {
    let ends = access.list_ends(&caller, &query).await?;
    let (wrapping, head) = (ListWrapping::Envelope, ConnectionRole::from);
    let list = access.stream_roles(ends, language, wrapping, head, |one| one);
    list.await
}

/// Takes a role of Altinn 2 back. None is given any more: one that is not held is no error, and
/// every other role is refused.
#[utoipa::path(delete, path = "/accessmanagement/api/v1/enduser/connections/roles", operation_id = "removeConnectionRole", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("from" = Uuid, Query, description = "At whom; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("rolecode" = String, Query, description = "Code of the role, such as `utinn`, in any letter case")),
    responses((status = 204, description = "The role is not held"), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000, AM-00039 or AM-00040"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn remove(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<RemoveAccess>,
    query: Query,
) -> AccessResult<StatusCode> {
    let ([from, to], code) = required_uuids_and(&query, ["from", "to"], "rolecode")?;
    access.remove_role(&caller, from, to, code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which of the roles that policies name the caller has for the party, and by which ways.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/roles/delegationcheck", operation_id = "listDelegableRoles", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed")),
    responses((status = 200, body = Envelope<RoleCheck>), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits, or the caller does not manage access for the party")))]
pub async fn check(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    language: Language,
) -> AccessResult<Json<Envelope<RoleCheck>>> {
    Ok(Json(access.check_roles(&caller, language).await?))
}
