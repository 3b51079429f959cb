//! `/authentication/api/v1/systemregister`: registering systems, and reading them.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::Systems;
use super::{
    bind,
    model::{AccessPackage, NewSystem, RegisteredSystem, Right, System, SystemDto},
    rules::{self, NewSystemFacts},
    store,
};
use authorization::callers::{ScopedCaller, Vendor};
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, ValidationCode,
        body::{self, JsonBytes},
        context, no_store,
        path::PathValues,
        query::Query,
    },
    idempotency::{IdempotentRequest, RepeatableAnswer},
    ids::OrgNumber,
    telemetry::security::SecurityEvent,
    token::scopes::{Portal, SystemRegisterWrite},
};
use registers::resources;

/// Lists the live, visible systems of all vendors.
#[utoipa::path(get, operation_id = "listVisibleSystems", path = "/authentication/api/v1/systemregister", tag = "Customer",
    responses((status = 200, body = Vec<SystemDto>), (status = 401), (status = 403)))]
pub async fn list_visible(
    State(systems): State<Systems>,
    _: ScopedCaller<Portal>,
) -> ApiResult<impl IntoResponse> {
    let systems = store::visible(&mut *systems.db.acquire().await?).await?;
    Ok((
        no_store(),
        Json(systems.into_iter().map(SystemDto::from).collect::<Vec<_>>()),
    ))
}

/// One system in any state, as portals see it.
#[utoipa::path(get, operation_id = "getSystem", path = "/authentication/api/v1/systemregister/{systemId}", tag = "Customer", params(("systemId" = String, Path)),
    responses((status = 200, body = SystemDto), (status = 401), (status = 403), (status = 404, description = "No such system")))]
pub async fn read(
    State(systems): State<Systems>,
    _: ScopedCaller<Portal>,
    path: PathValues,
) -> ApiResult<Json<SystemDto>> {
    let system = store::by_id(&mut *systems.db.acquire().await?, path.get("systemId")).await?;
    system
        .map(|s| Json(s.into()))
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))
}

/// Rights of a system; none when there is no such system. `useOldFormatForApp` names apps by
/// organisation and app.
#[utoipa::path(get, operation_id = "listRightsOfSystem", path = "/authentication/api/v1/systemregister/{systemId}/rights", tag = "Customer",
    params(("systemId" = String, Path), ("useOldFormatForApp" = Option<bool>, Query)),
    responses((status = 200, body = Vec<Right>), (status = 401), (status = 403)))]
pub async fn read_rights(
    State(systems): State<Systems>,
    _: ScopedCaller<Portal>,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<Vec<Right>>> {
    let old_names = query.flag("useOldFormatForApp")?;
    let system = store::by_id(&mut *systems.db.acquire().await?, path.get("systemId")).await?;
    let rights = system.map(|s| s.rights).unwrap_or_default();
    Ok(Json(if old_names {
        rules::with_old_app_names(&rights)
    } else {
        rights
    }))
}

/// Access packages of a system; none when there is no such system.
#[utoipa::path(get, operation_id = "listAccessPackagesOfSystem", path = "/authentication/api/v1/systemregister/{systemId}/accesspackages", tag = "Customer",
    params(("systemId" = String, Path)), responses((status = 200, body = Vec<AccessPackage>), (status = 401), (status = 403)))]
pub async fn read_packages(
    State(systems): State<Systems>,
    _: ScopedCaller<Portal>,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<Vec<AccessPackage>>> {
    query.flag("useOldFormatForApp")?;
    let system = store::by_id(&mut *systems.db.acquire().await?, path.get("systemId")).await?;
    Ok(Json(system.map(|s| s.access_packages).unwrap_or_default()))
}

/// Lists the caller's live systems, hidden ones included.
#[utoipa::path(get, operation_id = "listOwnSystems", path = "/authentication/api/v1/systemregister/vendor", tag = "Vendor",
    responses((status = 200, body = Vec<SystemDto>), (status = 401), (status = 403)))]
pub async fn list_of_vendor(
    State(systems): State<Systems>,
    vendor: Vendor<SystemRegisterWrite>,
) -> ApiResult<impl IntoResponse> {
    let org = vendor
        .organization_if_any()
        .ok_or(ApiError::Empty(StatusCode::FORBIDDEN))?;
    let systems = store::of_vendor(&mut *systems.db.acquire().await?, org.as_str()).await?;
    Ok((
        no_store(),
        Json(systems.into_iter().map(SystemDto::from).collect::<Vec<_>>()),
    ))
}

/// One system of the caller, in any state.
#[utoipa::path(get, operation_id = "getOwnSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}", tag = "Vendor", params(("systemId" = String, Path)),
    responses((status = 200, body = RegisteredSystem), (status = 401), (status = 403, description = "Another vendor's"), (status = 404)))]
pub async fn read_as_vendor(
    State(systems): State<Systems>,
    vendor: Vendor<SystemRegisterWrite>,
    path: PathValues,
) -> ApiResult<Json<RegisteredSystem>> {
    let mut db = systems.db.acquire().await?;
    let system = owned_system(&mut db, &vendor, &path).await?;
    let clients = store::clients_of(&mut db, &system).await?;
    Ok(Json(RegisteredSystem::new(system, clients)))
}

/// Rights of a system of the caller.
#[utoipa::path(get, operation_id = "listRightsOfOwnSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}/rights", tag = "Vendor",
    params(("systemId" = String, Path)), responses((status = 200, body = Vec<Right>), (status = 401), (status = 403), (status = 404)))]
pub async fn read_rights_as_vendor(
    State(systems): State<Systems>,
    vendor: Vendor<SystemRegisterWrite>,
    path: PathValues,
) -> ApiResult<Json<Vec<Right>>> {
    Ok(Json(
        owned_system(&mut *systems.db.acquire().await?, &vendor, &path)
            .await?
            .rights,
    ))
}

/// Access packages of a system of the caller.
#[utoipa::path(get, operation_id = "listAccessPackagesOfOwnSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}/accesspackages", tag = "Vendor",
    params(("systemId" = String, Path)), responses((status = 200, body = Vec<AccessPackage>), (status = 401), (status = 403), (status = 404)))]
pub async fn read_packages_as_vendor(
    State(systems): State<Systems>,
    vendor: Vendor<SystemRegisterWrite>,
    path: PathValues,
) -> ApiResult<Json<Vec<AccessPackage>>> {
    Ok(Json(
        owned_system(&mut *systems.db.acquire().await?, &vendor, &path)
            .await?
            .access_packages,
    ))
}

async fn owned_system(
    db: &mut sqlx::PgConnection,
    vendor: &Vendor<SystemRegisterWrite>,
    path: &PathValues,
) -> ApiResult<System> {
    let forbidden = ApiError::Empty(StatusCode::FORBIDDEN);
    if vendor.organization_if_any().is_none() && !vendor.is_register_admin() {
        return Err(forbidden);
    }
    let system = store::by_id(db, path.get("systemId"))
        .await?
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    if owns(vendor, &system.vendor_org) {
        Ok(system)
    } else {
        context::report(SecurityEvent::TenantMismatch {
            object_kind: ObjectKind::System.wire(),
            object_id: &system.id,
        });
        Err(forbidden)
    }
}

pub(super) fn owns(vendor: &Vendor<SystemRegisterWrite>, org: &str) -> bool {
    vendor.is_register_admin()
        || vendor
            .organization_if_any()
            .is_some_and(|own| own.as_str() == org)
}

/// Registers a system. The answer is its internal id, as JSON text.
#[utoipa::path(post, operation_id = "createSystem", path = "/authentication/api/v1/systemregister/vendor", tag = "Vendor",
    request_body = super::SystemBody,
    responses((status = 200, body = String, content_type = "application/json", description = "The new system's internal id, a uuid."), (status = 400, description = "Model state, or STD-00000 with every finding"), (status = 401),
        (status = 403, description = "Not the vendor's own organisation"), (status = 409, content((String = "text/plain"), (String = "application/json")), description = "Registered by another request meanwhile")))]
pub async fn create(
    State(systems): State<Systems>,
    vendor: Vendor<SystemRegisterWrite>,
    once: IdempotentRequest,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let own = vendor.organization_if_any();
    if own.is_none() && !vendor.is_register_admin() {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    let mut system = bind::bind_system(
        &body::parse(&bytes, "registerNewSystem")?,
        "registerNewSystem",
    )?;
    AccessPackage::spell(&mut system.access_packages, &systems.catalogue);
    let org = OrgNumber::from_iso6523(&system.vendor_id)
        .ok_or_else(|| ApiError::Validation(vec![ValidationCode::VendorIdNotIso6523.error()]))?;
    repeat_on_conflict(|| async {
        let mut tx = systems.db.begin().await?;
        let caller = own.map_or_else(
            || vendor.client_id().unwrap_or_default().to_owned(),
            |o| o.to_string(),
        );
        if let Some(before) = once.answered(&mut tx, &caller, &bytes).await? {
            return Ok(before);
        }
        let known = known_about(&mut tx, &system, org.as_str(), None).await?;
        let errors =
            rules::validate_new(&system, org, &known, &systems.catalogue, systems.plain_http);
        if !owns(&vendor, org.as_str()) {
            return Err(ApiError::Empty(StatusCode::FORBIDDEN));
        }
        if !errors.is_empty() {
            return Err(ApiError::Validation(errors));
        }
        let urls: Vec<String> = system
            .redirect_urls
            .iter()
            .filter_map(|u| rules::canonical_redirect_url(u, systems.plain_http))
            .collect();
        let by_org = own.map(|o| o.to_string());
        let id = store::insert(
            &mut tx,
            &system,
            org.as_str(),
            &urls,
            by_org.as_deref(),
            vendor.client_id(),
        )
        .await
        .map_err(|error| lost_race(error, &system.id))?;
        let event = audit::AuditEvent {
            actor: Actor::Vendor,
            action: Action::SystemCreated,
            object_kind: ObjectKind::System,
            object_id: system.id.clone(),
            party_org: None,
            vendor_org: Some(org.as_str()),
            detail: None,
        };
        audit::record(&mut tx, event).await?;
        let answer = RepeatableAnswer::json(StatusCode::OK, None, &id.to_string())?;
        once.keep(&mut tx, &caller, &answer).await?;
        foundation::db::commit(tx).await?;
        Ok(answer.into_response())
    })
    .await
}

pub(super) fn lost_race(error: foundation::db::DbError, id: &str) -> ApiError {
    if error.violates("system_system_id_key") {
        ApiError::Text(
            StatusCode::CONFLICT,
            format!("The System already exist: {id}"),
        )
    } else if error.violates("system_client_live") {
        ApiError::Validation(vec![ValidationCode::ClientIdTaken.error()])
    } else {
        error.into()
    }
}

/// What the database knows that a system is held against; `but` is the system itself, when it is
/// there already.
pub(super) async fn known_about(
    db: &mut sqlx::PgConnection,
    system: &NewSystem,
    vendor_org: &str,
    but: Option<&System>,
) -> ApiResult<NewSystemFacts> {
    let named: Vec<String> = system
        .rights
        .iter()
        .flat_map(|r| &r.resource)
        .map(|p| p.value.clone())
        .collect();
    Ok(NewSystemFacts {
        id_taken: store::by_id(&mut *db, &system.id).await?.is_some(),
        taken_clients: store::taken_clients(
            &mut *db,
            vendor_org,
            &system.client_ids,
            but.map(|s| s.internal_id),
        )
        .await?,
        resources: resources::kinds(db, &named).await?,
    })
}
