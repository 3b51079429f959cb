//! `GET role/permissions`: the roles that a party holds for another, as the frame around the portal's
//! pages asks.

use access_management::{
    callers::{ManagingAnyEnd, ReadAccessInPortal},
    entities::ListWrapping,
};
use axum::{extract::State, response::Response};
use foundation::http::query::Query;
use registers::packages::{ProviderDto, RoleDto};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PortalBackEnd,
    access_api::with_an_end,
    connection_model::PortalPermission,
    describe::PageLanguage,
    passed_on::{PassedResult, Plain},
};

/// A role that is held, and how it is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalRolePermission {
    /// The role.
    role: HeldRoleFe,
    /// Each way in which it is held.
    permissions: Vec<PortalPermission>,
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldRoleFe {
    id: Uuid,
    name: String,
    code: String,
    description: String,
    is_key_role: bool,
    urn: String,
    legacy_role_code: Option<String>,
    legacy_urn: Option<String>,
    provider: Option<ProviderDto>,
    /// Always false: roles of the register are not taken back here.
    is_revocable: bool,
}

impl From<RoleDto> for HeldRoleFe {
    fn from(role: RoleDto) -> Self {
        Self {
            id: role.id,
            name: role.name,
            code: role.code,
            description: role.description,
            is_key_role: role.is_key_role,
            urn: role.urn,
            legacy_role_code: role.legacy_role_code,
            legacy_urn: role.legacy_urn,
            provider: role.provider,
            is_revocable: false,
        }
    }
}

/// The roles that one party has at another, or at all others. One of them is the party that asks.
#[utoipa::path(get, operation_id = "listPortalRolePermissions", path = "/accessmanagement/api/v1/role/permissions", tag = "Portal",
    params(("party" = Uuid, Query, description = "The person, or a party for which the person manages access"),
        ("from" = Option<Uuid>, Query, description = "At whom; the party, for what others have at it"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what it has at others")),
    responses((status = 200, body = Vec<PortalRolePermission>), (status = 400, body = String, description = "Model state, a problem of the call behind, or a text when neither end is named"),
        (status = 401), (status = 403, description = "Scope, or a party that is not the person's to ask for")))]
pub async fn role_permissions(
    State(portal): State<PortalBackEnd>,
    caller: ManagingAnyEnd<ReadAccessInPortal>,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Response, Plain> {
    let caller = with_an_end(caller, &query)?;
    let ends = portal.access.list_ends(&caller, &query).await?;
    let (wrapping, language) = (ListWrapping::Bare, language.language());
    let (head, shape) = (HeldRoleFe::from, PortalPermission::from);
    let list = portal
        .access
        .stream_roles(ends, language, wrapping, head, shape);
    Ok(list.await?)
}
