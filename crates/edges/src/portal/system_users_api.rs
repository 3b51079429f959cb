//! System users of an organisation, systems to choose from, and what waits for an answer.

use axum::extract::State;
use http::StatusCode;

use super::{PortalBackEnd, PortalUser};
use super::{
    describe::{Describer, PageLanguage},
    model::{CreatedId, PortalSystemUser, SystemRef, SystemRights},
    problem::PortalResult,
};
use authorization::{
    delegation::{self, SystemUserGrants},
    live_system_users::SystemUserKind,
    permissions::{
        AccessManagementRead, AccessManagementWrite, PartyPolicy, PermittedPerson,
        SystemUserOverviewRead,
    },
};
use foundation::http::{
    ApiError, Json,
    body::{self, JsonBytes},
    path::PathValues,
    query::Query,
};
use registers::parties;
use system_users::{
    requests::{self, RequestKind},
    systems,
    users::{self, SystemUser, SystemUserDetail, enduser_api::NewTitle},
};

/// What lists show in place of a system's name.
const NO_NAME: &str = "N/A";

async fn permitted<P: PartyPolicy>(
    portal: &PortalBackEnd,
    user: PortalUser,
    path: &PathValues,
) -> PortalResult<PermittedPerson<P>> {
    let party = path.party_id()?;
    Ok(portal.permissions.permitted(user, party).await?)
}

/// Standard system users of the party, newest first.
#[utoipa::path(get, operation_id = "listPortalSystemUsers", path = "/accessmanagement/api/v1/systemuser/{party}", tag = "Portal", params(("party" = i32, Path)),
    responses((status = 200, body = Vec<PortalSystemUser>), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn list(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<Vec<PortalSystemUser>>> {
    let permitted = permitted::<AccessManagementRead>(&portal, user, &path).await?;
    Ok(Json(
        list_of(
            &portal,
            language,
            permitted.party.key,
            SystemUserKind::Standard,
        )
        .await?,
    ))
}

/// Agents of the party, newest first.
#[utoipa::path(get, operation_id = "listPortalAgentSystemUsers", path = "/accessmanagement/api/v1/systemuser/agent/{party}", tag = "Portal", params(("party" = i32, Path)),
    responses((status = 200, body = Vec<PortalSystemUser>), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn list_agents(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<Vec<PortalSystemUser>>> {
    let permitted = permitted::<SystemUserOverviewRead>(&portal, user, &path).await?;
    Ok(Json(
        list_of(
            &portal,
            language,
            permitted.party.key,
            SystemUserKind::Agent,
        )
        .await?,
    ))
}

async fn list_of(
    portal: &PortalBackEnd,
    language: PageLanguage,
    owner: i32,
    kind: SystemUserKind,
) -> PortalResult<Vec<PortalSystemUser>> {
    let mut describe = Describer::new(&portal.metadata, language);
    let mut db = portal.db.acquire().await?;
    let mut out = Vec::new();
    for user in users::of_owner(&mut db, owner, kind)
        .await?
        .into_iter()
        .rev()
    {
        let system = SystemRef {
            name: NO_NAME.to_owned(),
            ..describe.system(&mut db, &user.system_id).await?
        };
        out.push(listed(user, system));
    }
    Ok(out)
}

fn listed(user: SystemUser, system: SystemRef) -> PortalSystemUser {
    PortalSystemUser {
        id: user.id,
        integration_title: user.integration_title,
        party_id: user
            .owner_party_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        created: user.created,
        system,
        user_type: user.kind,
        resources: Vec::new(),
        access_packages: Vec::new(),
    }
}

/// One system user of the party, with what it holds.
#[utoipa::path(get, operation_id = "getPortalSystemUser", path = "/accessmanagement/api/v1/systemuser/{party}/{id}", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = PortalSystemUser), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00999"),
        (status = 404, description = "AMUI-00999")))]
pub async fn read(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<PortalSystemUser>> {
    read_of(&portal, user, language, &path).await
}

/// One agent of the party, with what a client must offer it.
#[utoipa::path(get, operation_id = "getPortalAgentSystemUser", path = "/accessmanagement/api/v1/systemuser/agent/{party}/{id}", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = PortalSystemUser), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00999"),
        (status = 404, description = "AMUI-00999")))]
pub async fn read_agent(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<PortalSystemUser>> {
    read_of(&portal, user, language, &path).await
}

async fn read_of(
    portal: &PortalBackEnd,
    user: PortalUser,
    language: PageLanguage,
    path: &PathValues,
) -> PortalResult<Json<PortalSystemUser>> {
    let id = path.uuid("id")?;
    let permitted = permitted::<SystemUserOverviewRead>(portal, user, path).await?;
    let mut describe = Describer::new(&portal.metadata, language);
    let mut db = portal.db.acquire().await?;
    let found = users::by_id(&mut db, id)
        .await?
        .filter(|u| u.owner_key == permitted.party.key);
    let found = found.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let held = match found.kind {
        SystemUserKind::Standard => delegation::held(&mut db, found.owner_key, found.id).await?,
        SystemUserKind::Agent => SystemUserGrants::default(),
    };
    let system = describe.system(&mut db, &found.system_id).await?;
    let detail = SystemUserDetail::new(found.clone(), held);
    Ok(Json(PortalSystemUser {
        resources: describe
            .resources(&mut db, detail.rights.as_deref().unwrap_or_default())
            .await?,
        access_packages: describe.packages(&mut db, &detail.access_packages).await?,
        ..listed(found, system)
    }))
}

/// Requests to the party that were passed on and wait for an answer, in the form of system users.
#[utoipa::path(get, operation_id = "listPortalPendingSystemUsers", path = "/accessmanagement/api/v1/systemuser/{party}/pending", tag = "Portal",
    params(("party" = Uuid, Path, description = "Party uuid")),
    responses((status = 200, body = Vec<PortalSystemUser>), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn pending(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<Vec<PortalSystemUser>>> {
    let uuid = path.uuid("party")?;
    let party = parties::party_by_uuid(&mut *portal.db.acquire().await?, uuid).await?;
    let party_id = party
        .and_then(|p| p.party_id)
        .ok_or(ApiError::Empty(StatusCode::FORBIDDEN))?;
    let permitted = portal
        .permissions
        .permitted::<AccessManagementWrite, _>(user, party_id)
        .await?;
    // Persons have no system users.
    let Some(org_number) = permitted.party.org_number.as_deref() else {
        return Ok(Json(Vec::new()));
    };
    let mut describe = Describer::new(&portal.metadata, language);
    let lifetime = portal.config.settings.requests.lifetime_days;
    let mut db = portal.db.acquire().await?;
    let mut out = Vec::new();
    for kind in [RequestKind::Standard, RequestKind::Agent] {
        for request in requests::pending(&mut db, kind, org_number, lifetime)
            .await?
            .into_iter()
            .filter(|r| r.escalated)
        {
            let system = SystemRef {
                name: NO_NAME.to_owned(),
                ..describe.system(&mut db, &request.system_id).await?
            };
            out.push(PortalSystemUser {
                id: request.id,
                integration_title: request.integration_title.unwrap_or_default(),
                party_id: party_id.to_string(),
                created: request.created,
                system,
                user_type: kind,
                resources: Vec::new(),
                access_packages: Vec::new(),
            });
        }
    }
    out.sort_by_key(|r| std::cmp::Reverse(r.created));
    Ok(Json(out))
}

/// Creates a standard system user that holds everything its system lists.
#[utoipa::path(post, operation_id = "createPortalSystemUser", path = "/accessmanagement/api/v1/systemuser/{party}", tag = "Portal", params(("party" = i32, Path)),
    request_body = system_users::bodies::NewSystemUserBody,
    responses((status = 200, body = CreatedId), (status = 400, description = "Model state, or AMUI-00003, -00004, -00005, -00050, -00051 or -00053"), (status = 401),
        (status = 403, description = "Scope, AMUI-00999, or the delegation check: AMUI-00014, -00016, -00018, -00068, -00069, -00070 or -00071"), (status = 404, description = "AMUI-00011")))]
pub async fn create(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    JsonBytes(bytes): JsonBytes,
) -> PortalResult<Json<CreatedId>> {
    let new = NewTitle::bind(&body::parse(&bytes, NewTitle::BODY)?)?;
    let permitted = permitted::<AccessManagementWrite>(&portal, user, &path).await?;
    let by = permitted.approver();
    Ok(Json(CreatedId {
        id: portal
            .system_users
            .create(by, &new.title, &new.system_id)
            .await?
            .id,
    }))
}

/// Deletes a standard system user of the party.
#[utoipa::path(delete, operation_id = "deletePortalSystemUser", path = "/accessmanagement/api/v1/systemuser/{party}/{id}", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path)),
    responses((status = 202), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999"),
        (status = 404, description = "AMUI-00999")))]
pub async fn delete(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
) -> PortalResult<StatusCode> {
    let id = path.uuid("id")?;
    let permitted = permitted::<AccessManagementWrite>(&portal, user, &path).await?;
    let by = permitted.approver();
    if portal.system_users.delete_standard(by, id).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ApiError::Status(StatusCode::NOT_FOUND).into())
    }
}

/// Deletes an agent of the party with its clients.
#[utoipa::path(delete, operation_id = "deletePortalAgentSystemUser", path = "/accessmanagement/api/v1/systemuser/agent/{party}/{id}", tag = "Portal",
    params(("party" = i32, Path), ("id" = Uuid, Path), ("partyuuid" = Uuid, Query, description = "The party's uuid")),
    responses((status = 202), (status = 400, description = "Model state, or AMUI-00005"), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn delete_agent(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
    query: Query,
) -> PortalResult<StatusCode> {
    let (id, facilitator) = (path.uuid("id")?, query.uuid("partyuuid")?);
    let permitted = permitted::<AccessManagementWrite>(&portal, user, &path).await?;
    let by = permitted.approver();
    portal
        .system_users
        .delete_agent(by, id, facilitator)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Systems that are there to choose from, by name.
#[utoipa::path(get, operation_id = "listPortalSystems", path = "/accessmanagement/api/v1/systemregister", tag = "Portal",
    responses((status = 200, body = Vec<SystemRef>), (status = 401), (status = 403)))]
pub async fn systems(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
) -> PortalResult<Json<Vec<SystemRef>>> {
    let describe = Describer::new(&portal.metadata, language);
    let mut db = portal.db.acquire().await?;
    let visible = systems::visible(&mut db).await?;
    let mut out = describe.systems(&mut db, &visible).await?;
    out.sort_by_cached_key(|s| (s.name.to_uppercase(), s.system_id.clone()));
    Ok(Json(out))
}

/// What a system may ask for.
#[utoipa::path(get, operation_id = "getPortalSystemRights", path = "/accessmanagement/api/v1/systemregister/rights/{systemId}", tag = "Portal",
    params(("systemId" = String, Path)), responses((status = 200, body = SystemRights), (status = 401), (status = 403)))]
pub async fn rights(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<SystemRights>> {
    let describe = Describer::new(&portal.metadata, language);
    let mut db = portal.db.acquire().await?;
    let (rights, packages) = systems::by_id(&mut db, path.get("systemId"))
        .await?
        .map(|s| (s.rights, s.access_packages))
        .unwrap_or_default();
    Ok(Json(SystemRights {
        resources: describe.resources(&mut db, &rights).await?,
        access_packages: describe.packages(&mut db, &packages).await?,
    }))
}
