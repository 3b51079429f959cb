//! `GET role/permissions`: the roles that a party holds for another, as the frame around the portal's
//! pages asks.

use authorization::{
    callers::EndUser,
    permissions::{Action, SystemResource},
};
use axum::extract::State;
use foundation::{
    http::{
        ApiError, ApiResult, Json, Language,
        query::{Query, parse_uuid},
    },
    token::scopes::Portal,
};
use http::StatusCode;
use registers::{
    packages::{ProviderDto, RoleDto},
    parties::{self, Party, Via},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PortalBackEnd, frame_model::EntityFe};

/// A role that is held, and how it is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolePermission {
    /// The role.
    role: HeldRoleFe,
    /// Each way in which it is held.
    permissions: Vec<PermissionFe>,
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

/// A way in which a role is held.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PermissionFe {
    from: EntityFe,
    to: EntityFe,
    /// Always null: the organisation between is not shown.
    #[schema(value_type = Option<String>)]
    via: Option<Value>,
    /// Id of the role.
    role: Uuid,
    /// Id of the key role in the organisation between; null for a role of one's own.
    via_role: Option<Uuid>,
    /// Always null.
    reason: Option<String>,
}

fn named(query: &Query, name: &str) -> ApiResult<Option<Uuid>> {
    query
        .get(name)
        .map(|text| parse_uuid(name, text))
        .transpose()
}

/// The person, or a party that the person decides about.
async fn may_ask_for(portal: &PortalBackEnd, user: &EndUser<Portal>, party: Uuid) -> ApiResult<()> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let person = user.known_person().ok_or_else(forbidden)?;
    if person.0.uuid == party {
        return Ok(());
    }
    let found = parties::party_by_uuid(&mut *portal.db.acquire().await?, party).await?;
    let party_id = found.and_then(|p| p.party_id).ok_or_else(forbidden)?;
    let (action, resource) = (Action::Read, SystemResource::AccessManagement);
    let permissions = &portal.permissions;
    let may = permissions
        .person_may(person, user.level(), action, resource, party_id)
        .await?;
    if may { Ok(()) } else { Err(forbidden()) }
}

/// The roles that a party holds for another. One of them is the party that asks.
#[utoipa::path(get, operation_id = "listPortalRolePermissions", path = "/accessmanagement/api/v1/role/permissions", tag = "Portal",
    params(("party" = Uuid, Query, description = "The person, or a party that the person decides about"),
        ("from" = Uuid, Query, description = "Who gave"), ("to" = Uuid, Query, description = "Who holds")),
    responses((status = 200, body = Vec<RolePermission>), (status = 400, body = String, description = "Model state for what is no uuid, or a text when `from` or `to` is missing"),
        (status = 401), (status = 403, description = "Scope, or a party that is not the person's to ask for")))]
pub async fn role_permissions(
    State(portal): State<PortalBackEnd>,
    user: EndUser<Portal>,
    query: Query,
    language: Language,
) -> ApiResult<Json<Vec<RolePermission>>> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let party = named(&query, "party")?.ok_or_else(forbidden)?;
    let (Some(from), Some(to)) = (named(&query, "from")?, named(&query, "to")?) else {
        let text = "Both from and to must be provided.".to_owned();
        return Err(ApiError::Text(StatusCode::BAD_REQUEST, text));
    };
    may_ask_for(&portal, &user, party).await?;
    if party != from && party != to {
        return Err(forbidden());
    }
    let mut db = portal.db.acquire().await?;
    let (giver, holder) = (
        parties::party_by_uuid(&mut db, from).await?,
        parties::party_by_uuid(&mut db, to).await?,
    );
    let (Some(giver), Some(holder)) = (giver, holder) else {
        return Ok(Json(Vec::new()));
    };
    let connections = parties::connections(&mut db, &holder, &giver).await?;
    let entity = |party: &Party| {
        let form = party.form.and_then(|form| portal.catalogue.variant(form));
        EntityFe::new(party, form.map(|form| form.code.clone()))
    };
    let mut out: Vec<RolePermission> = Vec::new();
    for connection in connections {
        let found = portal.catalogue.role(connection.role);
        let Some(role) = found.and_then(|role| portal.metadata.role(role.id, language)) else {
            continue;
        };
        let via_role = match connection.via {
            Via::KeyRole { role, .. } => portal.catalogue.role(role).map(|role| role.id),
            Via::Direct | Via::Client => None,
        };
        let permission = PermissionFe {
            from: entity(&giver),
            to: entity(&holder),
            via: None,
            role: role.id,
            via_role,
            reason: None,
        };
        match out.iter_mut().find(|one| one.role.id == role.id) {
            Some(one) => one.permissions.push(permission),
            None => out.push(RolePermission {
                role: role.into(),
                permissions: vec![permission],
            }),
        }
    }
    Ok(Json(out))
}
