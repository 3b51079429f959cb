//! `/authentication/api/v1/systemuser/{party}/…`: what persons do with the system users of their
//! organisation.

use std::collections::HashMap;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::SystemUsers;
use super::{
    model::{StandardDelegations, SystemUserDetail},
    store,
};
use authorization::{
    callers::EndUser,
    delegation::{self, SystemUserGrants},
    live_system_users::SystemUserKind,
    permissions::{
        AccessManagementRead, AccessManagementWrite, PermittedPerson, SystemUserOverviewRead,
    },
};
use foundation::{
    http::{
        ApiError, ApiResult, Json, ModelState, ProblemCode,
        bind::{Binder, MemberPresence},
        body::{self, JsonBytes},
        path::PathValues,
        query::{Query, parse_uuid},
    },
    token::scopes::AnyScope,
};

type SystemUserWriter = PermittedPerson<AccessManagementWrite>;

/// Standard system users of the party, oldest first, with the packages they hold now.
#[utoipa::path(get, operation_id = "listSystemUsers", path = "/authentication/api/v1/systemuser/{party}", tag = "Customer",
    params(("party" = i32, Path)),
    responses((status = 200, body = Vec<SystemUserDetail>), (status = 400), (status = 401), (status = 403)))]
pub async fn list(
    State(system_users): State<SystemUsers>,
    permitted: PermittedPerson<AccessManagementRead>,
) -> ApiResult<Json<Vec<SystemUserDetail>>> {
    let mut db = system_users.db.acquire().await?;
    let users = store::of_owner(&mut db, permitted.party.key, SystemUserKind::Standard).await?;
    let mut held: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (id, urn) in delegation::packages_held(&mut db, permitted.party.key).await? {
        held.entry(id).or_default().push(urn);
    }
    let summary = |user: super::SystemUser| {
        let packages = held.remove(&user.id).unwrap_or_default();
        SystemUserDetail::summary(user, packages)
    };
    Ok(Json(users.into_iter().map(summary).collect()))
}

/// Agents of the party, oldest first, with the packages that a client must offer.
#[utoipa::path(get, operation_id = "listAgentSystemUsers", path = "/authentication/api/v1/systemuser/agent/{party}", tag = "Customer",
    params(("party" = i32, Path)),
    responses((status = 200, body = Vec<SystemUserDetail>), (status = 400), (status = 401), (status = 403)))]
pub async fn list_agents(
    State(system_users): State<SystemUsers>,
    permitted: PermittedPerson<SystemUserOverviewRead>,
) -> ApiResult<Json<Vec<SystemUserDetail>>> {
    let users = store::of_owner(
        &mut *system_users.db.acquire().await?,
        permitted.party.key,
        SystemUserKind::Agent,
    )
    .await?;
    Ok(Json(
        users
            .into_iter()
            .map(|user| SystemUserDetail::summary(user, Vec::new()))
            .collect(),
    ))
}

/// One system user of the party, with what it holds now.
#[utoipa::path(get, operation_id = "getSystemUser", path = "/authentication/api/v1/systemuser/{party}/{systemUserId}", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path)),
    responses((status = 200, body = SystemUserDetail), (status = 400), (status = 401), (status = 403), (status = 404)))]
pub async fn read(
    State(system_users): State<SystemUsers>,
    permitted: PermittedPerson<SystemUserOverviewRead>,
    path: PathValues,
) -> ApiResult<Json<SystemUserDetail>> {
    let id = path.uuid("systemUserId")?;
    let mut db = system_users.db.acquire().await?;
    let user = store::by_id(&mut db, id)
        .await?
        .filter(|u| u.owner_key == permitted.party.key);
    let user = user.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let held = match user.kind {
        SystemUserKind::Standard => delegation::held(&mut db, user.owner_key, user.id).await?,
        SystemUserKind::Agent => SystemUserGrants::default(),
    };
    Ok(Json(SystemUserDetail::new(user, held)))
}

/// What a system user of the party holds directly from it.
#[utoipa::path(get, operation_id = "getDelegationsOfSystemUser", path = "/authentication/api/v1/systemuser/{party}/{systemUserId}/delegations", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path)),
    responses((status = 200, body = StandardDelegations), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00015")))]
pub async fn delegations(
    State(system_users): State<SystemUsers>,
    permitted: PermittedPerson<AccessManagementRead>,
    path: PathValues,
) -> ApiResult<Json<StandardDelegations>> {
    let id = path.uuid("systemUserId")?;
    let mut db = system_users.db.acquire().await?;
    let user = store::by_id(&mut db, id)
        .await?
        .ok_or(ProblemCode::SystemUserNotFound)?;
    permitted
        .party
        .org_number
        .as_ref()
        .ok_or(ProblemCode::OrganizationNotFound)?;
    if user.owner_key != permitted.party.key {
        return Err(ProblemCode::SystemUserNotFound.into());
    }
    Ok(Json(StandardDelegations::new(
        id,
        delegation::held(&mut db, user.owner_key, id).await?,
    )))
}

/// Creates a standard system user that holds everything its system lists.
#[utoipa::path(post, operation_id = "createSystemUser", path = "/authentication/api/v1/systemuser/{party}/create", tag = "Customer",
    params(("party" = i32, Path)), request_body = crate::bodies::NewSystemUserBody,
    responses((status = 200, body = SystemUserDetail),
        (status = 400, description = "Model state, AUTH-00000, -00004, -00050, -00051 or -00053"), (status = 401),
        (status = 403, description = "Not permitted; AUTH-00014, -00016, -00018, -00068, -00069, -00070 or -00071"),
        (status = 404, description = "AUTH-00011")))]
pub async fn create(
    State(system_users): State<SystemUsers>,
    permitted: SystemUserWriter,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<SystemUserDetail>> {
    let new = NewTitle::bind(&body::parse(&bytes, NewTitle::BODY)?)?;
    Ok(Json(
        system_users
            .create(permitted.approver(), &new.title, &new.system_id)
            .await?,
    ))
}

/// What the creation of a system user needs.
pub struct NewTitle {
    /// `integrationTitle`
    pub title: String,
    /// `systemId`
    pub system_id: String,
}

impl NewTitle {
    /// Public name of the body.
    pub const BODY: &'static str = "request";

    /// Binds the body.
    ///
    /// # Errors
    /// Model state.
    pub fn bind(value: &Value) -> ApiResult<Self> {
        let mut b = Binder::new(Self::BODY);
        let root = b.root(value)?;
        let title = b.short_text(&root, "integrationTitle")?;
        b.must_be_displayable(&root, "integrationTitle", Some(&title));
        let system_id = b.short_text(&root, "systemId")?;
        b.finish()?;
        Ok(Self { title, system_id })
    }
}

/// A change of a system user: only its title can be changed, the rest names it.
struct TitleChange {
    id: Uuid,
    party_id: i32,
    title: String,
}

impl TitleChange {
    /// Public name of the body.
    const BODY: &'static str = "request";

    fn bind(value: &Value) -> ApiResult<Self> {
        let mut b = Binder::new(Self::BODY);
        let root = b.root(value)?;
        let id = b.key_text(&root, "id")?;
        let party_id = b.key_text(&root, "partyId")?;
        let title = b.key_text(&root, "integrationTitle")?;
        b.must_be_displayable(&root, "integrationTitle", Some(&title));
        for name in ["reporteeOrgNo", "systemId"] {
            b.text(&root, name, MemberPresence::Required)?;
        }
        b.finish()?;
        let party_id = party_id
            .parse()
            .map_err(|_| ModelState::not_valid("PartyId", &party_id))?;
        Ok(Self {
            id: parse_uuid("Id", &id)?,
            party_id,
            title,
        })
    }
}

/// Gives a system user another title.
#[utoipa::path(put, operation_id = "renameSystemUser", path = "/authentication/api/v1/systemuser", tag = "Customer",
    request_body = crate::bodies::RenamedSystemUserBody,
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404, description = "None of this party")))]
pub async fn rename(
    State(system_users): State<SystemUsers>,
    user: EndUser<AnyScope>,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<StatusCode> {
    let change = TitleChange::bind(&body::parse(&bytes, TitleChange::BODY)?)?;
    let permitted: SystemUserWriter = system_users
        .permissions
        .permitted(user, change.party_id)
        .await?;
    if system_users
        .rename(permitted.approver(), change.id, &change.title)
        .await?
    {
        Ok(StatusCode::OK)
    } else {
        Err(ApiError::Status(StatusCode::NOT_FOUND))
    }
}

/// Deletes a standard system user with everything it holds, and the request it came from.
#[utoipa::path(delete, operation_id = "deleteSystemUser", path = "/authentication/api/v1/systemuser/{party}/{systemUserId}", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path)),
    responses((status = 202, body = i32, content_type = "application/json", description = "1: deleted"), (status = 400, description = "Model state, or AUTH-00036"), (status = 401),
        (status = 403, description = "AUTH-00024: another party's"), (status = 404, body = i32, content_type = "application/json", description = "0: there is none")))]
pub async fn delete(
    State(system_users): State<SystemUsers>,
    permitted: SystemUserWriter,
    path: PathValues,
) -> ApiResult<Response> {
    let deleted = system_users
        .delete_standard(permitted.approver(), path.uuid("systemUserId")?)
        .await?;
    Ok(if deleted {
        (StatusCode::ACCEPTED, Json(1))
    } else {
        (StatusCode::NOT_FOUND, Json(0))
    }
    .into_response())
}

/// Deletes an agent with its clients and everything else it holds, and the request it came from.
#[utoipa::path(delete, operation_id = "deleteAgentSystemUser", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path), ("facilitatorId" = uuid::Uuid, Query, description = "The owner's")),
    responses((status = 200), (status = 400, description = "AUTH-00033 or AUTH-00034"), (status = 401),
        (status = 403, description = "Not permitted, or AUTH-00024"), (status = 404, description = "AUTH-00015")))]
pub async fn delete_agent(
    State(system_users): State<SystemUsers>,
    permitted: SystemUserWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<StatusCode> {
    let facilitator = query.uuid("facilitatorId")?;
    system_users
        .delete_agent(
            permitted.approver(),
            path.uuid("systemUserId")?,
            facilitator,
        )
        .await?;
    Ok(StatusCode::OK)
}

/// Lets an agent act for its owner too, with all its packages.
#[utoipa::path(post, operation_id = "addOwnDelegation", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path), ("partyUuid" = uuid::Uuid, Query, description = "The owner's")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Unknown, AUTH-00034, -00049, -00051, -00063 or -00064"), (status = 401),
        (status = 403), (status = 404, description = "AUTH-00011")))]
pub async fn give_own(
    State(system_users): State<SystemUsers>,
    permitted: SystemUserWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<bool>> {
    let owner = query.uuid("partyUuid")?;
    system_users
        .give_own(permitted.approver(), path.uuid("systemUserId")?, owner)
        .await?;
    Ok(Json(true))
}

/// Takes from an agent what it may do for its owner.
#[utoipa::path(delete, operation_id = "removeOwnDelegation", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path), ("partyUuid" = uuid::Uuid, Query, description = "The owner's")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Unknown, or AUTH-00034"), (status = 401), (status = 403)))]
pub async fn take_own(
    State(system_users): State<SystemUsers>,
    permitted: SystemUserWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<bool>> {
    query.uuid("partyUuid")?;
    system_users
        .take_own(permitted.approver(), path.uuid("systemUserId")?)
        .await?;
    Ok(Json(true))
}

/// Whether an agent may act for its owner.
#[utoipa::path(get, operation_id = "hasOwnDelegation", path = "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self", tag = "Customer",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path), ("partyUuid" = uuid::Uuid, Query, description = "The owner's")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403)))]
pub async fn has_own(
    State(system_users): State<SystemUsers>,
    permitted: SystemUserWriter,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<bool>> {
    query.uuid("partyUuid")?;
    Ok(Json(
        system_users
            .has_own(permitted.approver(), path.uuid("systemUserId")?)
            .await?,
    ))
}
