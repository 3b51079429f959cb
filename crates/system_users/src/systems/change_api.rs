//! `/authentication/api/v1/systemregister/vendor/{systemId}`: changing and deleting systems, and
//! what was changed.

use axum::extract::State;
use http::StatusCode;
use sqlx::PgConnection;

use super::Systems;
use super::{
    api::{known_about, lost_race, owns},
    bind,
    model::{AccessPackage, ChangeLogEntry, NewSystem, SuccessAnswer, System},
    rules,
    store::{self, SystemChange},
};
use authorization::callers::Vendor;
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, ModelState, ValidationCode, ValidationError,
        body::{self, JsonBytes},
        path::PathValues,
    },
    token::scopes::SystemRegisterWrite,
};
use registers::resources;

type SystemRegisterWriter = Vendor<SystemRegisterWrite>;

const DONE: Json<SuccessAnswer> = Json(SuccessAnswer { succeeded: true });

fn unknown(id: &str) -> ApiError {
    ApiError::Text(
        StatusCode::NOT_FOUND,
        format!("System with ID '{id}' not found."),
    )
}

/// The caller's own system, held until the transaction ends.
async fn lock(
    tx: &mut PgConnection,
    vendor: &SystemRegisterWriter,
    id: &str,
    missing: ApiError,
) -> ApiResult<System> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    if vendor.organization_if_any().is_none() && !vendor.is_register_admin() {
        return Err(forbidden());
    }
    let system = store::lock(tx, id).await?.ok_or(missing)?;
    if owns(vendor, &system.vendor_org) {
        Ok(system)
    } else {
        Err(forbidden())
    }
}

fn must_live(system: &System) -> ApiResult<()> {
    if system.is_deleted {
        return Err(ApiError::Text(
            StatusCode::BAD_REQUEST,
            "Cannot update a system marked as deleted.".to_owned(),
        ));
    }
    Ok(())
}

fn no_findings(errors: Vec<ValidationError>) -> ApiResult<()> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::Validation(errors))
    }
}

/// Makes the change with its audit row.
async fn make(
    tx: &mut PgConnection,
    vendor: &SystemRegisterWriter,
    system: &System,
    change: SystemChange<'_>,
    action: Action,
) -> ApiResult<()> {
    let by_org = vendor.organization_if_any().map(|o| o.to_string());
    store::change(
        &mut *tx,
        system,
        &change,
        by_org.as_deref(),
        vendor.client_id(),
    )
    .await
    .map_err(|error| lost_race(error, &system.id))?;
    let event = audit::AuditEvent {
        actor: Actor::Vendor,
        action,
        object_kind: ObjectKind::System,
        object_id: system.id.clone(),
        party_org: None,
        vendor_org: Some(&system.vendor_org),
        detail: None,
    };
    Ok(audit::record(tx, event).await?)
}

/// Replaces a system: what the body leaves out becomes empty, and a system whose visibility is left
/// out is visible.
#[utoipa::path(put, operation_id = "replaceSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}", tag = "Vendor", params(("systemId" = String, Path)),
    request_body = super::SystemBody,
    responses((status = 200, body = SuccessAnswer), (status = 400, content((String = "text/plain"), (String = "application/json")), description = "Model state, STD-00000 with every finding, or a deleted system: the text says so"),
        (status = 401), (status = 403, description = "Another vendor's"), (status = 404, content((String = "text/plain"), (String = "application/json")), description = "No such system, or another vendor in the body")))]
pub async fn replace(
    State(systems): State<Systems>,
    vendor: SystemRegisterWriter,
    path: PathValues,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<SuccessAnswer>> {
    const BODY: &str = "proposedUpdateToSystem";
    let mut new: NewSystem = bind::bind_system(&body::parse(&bytes, BODY)?, BODY)?;
    AccessPackage::spell(&mut new.access_packages, &systems.catalogue);
    let id = path.get("systemId");
    repeat_on_conflict(|| async {
        let mut tx = systems.db.begin().await?;
        let system = lock(&mut tx, &vendor, id, unknown(id)).await?;
        if new.vendor_id != format!("0192:{}", system.vendor_org) {
            return Err(unknown(id));
        }
        if new.id != system.id {
            return Err(ApiError::Validation(vec![
                ValidationCode::SystemIdMismatch.error(),
            ]));
        }
        must_live(&system)?;
        let known = known_about(&mut tx, &new, &system.vendor_org, Some(&system)).await?;
        no_findings(rules::validate_replacement(
            &new,
            &known,
            &systems.catalogue,
        ))?;
        let urls: Vec<String> = new
            .redirect_urls
            .iter()
            .filter_map(|u| rules::canonical_redirect_url(u, rules::PlainHttp::Accepted))
            .collect();
        make(
            &mut tx,
            &vendor,
            &system,
            SystemChange::Whole(&new, &urls),
            Action::SystemUpdated,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(DONE)
    })
    .await
}

/// Replaces the rights of a system.
#[utoipa::path(put, operation_id = "replaceRightsOfSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}/rights", tag = "Vendor",
    params(("systemId" = String, Path)), request_body(content = Vec<super::Right>, description = "The rights that the system has from now on", example = json!([{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}])),
    responses((status = 200, body = SuccessAnswer), (status = 400, content((String = "text/plain"), (String = "application/json")), description = "Model state, STD-00000 with every finding, or a deleted system: the text says so"),
        (status = 401), (status = 403, description = "Another vendor's"), (status = 404, content((String = "text/plain"), (String = "application/json")), description = "No such system")))]
pub async fn replace_rights(
    State(systems): State<Systems>,
    vendor: SystemRegisterWriter,
    path: PathValues,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<SuccessAnswer>> {
    let rights = bind::bind_rights_body(&body::parse(&bytes, "rights")?)?;
    let id = path.get("systemId");
    repeat_on_conflict(|| async {
        let mut tx = systems.db.begin().await?;
        let system = lock(&mut tx, &vendor, id, unknown(id)).await?;
        must_live(&system)?;
        let named: Vec<String> = rights
            .iter()
            .flat_map(|r| &r.resource)
            .map(|p| p.value.clone())
            .collect();
        let known = resources::kinds(&mut tx, &named).await?;
        no_findings(rules::validate_rights(&rights, &known))?;
        make(
            &mut tx,
            &vendor,
            &system,
            SystemChange::Rights(&rights),
            Action::SystemRightsChanged,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(DONE)
    })
    .await
}

/// Replaces the access packages of a system.
#[utoipa::path(put, operation_id = "replaceAccessPackagesOfSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}/accesspackages", tag = "Vendor",
    params(("systemId" = String, Path)), request_body(content = Vec<super::AccessPackage>, description = "The access packages that the system has from now on", example = json!([{"urn": "urn:altinn:accesspackage:a-ordning"}])),
    responses((status = 200, body = SuccessAnswer), (status = 400, content((String = "text/plain"), (String = "application/json")), description = "Model state, STD-00000 with every finding, or a deleted system: the text says so"),
        (status = 401), (status = 403, description = "Another vendor's"), (status = 404, content((String = "text/plain"), (String = "application/json")), description = "No such system")))]
pub async fn replace_packages(
    State(systems): State<Systems>,
    vendor: SystemRegisterWriter,
    path: PathValues,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<SuccessAnswer>> {
    let mut packages = bind::bind_packages_body(&body::parse(&bytes, "accessPackages")?)?;
    AccessPackage::spell(&mut packages, &systems.catalogue);
    let id = path.get("systemId");
    repeat_on_conflict(|| async {
        let mut tx = systems.db.begin().await?;
        let system = lock(&mut tx, &vendor, id, unknown(id)).await?;
        must_live(&system)?;
        no_findings(rules::validate_packages(
            &packages,
            system.is_visible,
            &systems.catalogue,
        ))?;
        make(
            &mut tx,
            &vendor,
            &system,
            SystemChange::Packages(&packages),
            Action::SystemPackagesChanged,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(DONE)
    })
    .await
}

/// Deletes a system. Its id is never given away again; its client ids are free at once.
#[utoipa::path(delete, operation_id = "deleteSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}", tag = "Vendor",
    params(("systemId" = String, Path)),
    responses((status = 200, body = SuccessAnswer), (status = 400, description = "No such system, or deleted before"), (status = 401),
        (status = 403, description = "Another vendor's")))]
pub async fn delete(
    State(systems): State<Systems>,
    vendor: SystemRegisterWriter,
    path: PathValues,
) -> ApiResult<Json<SuccessAnswer>> {
    repeat_on_conflict(|| async {
        let mut tx = systems.db.begin().await?;
        let missing = ModelState::of("return", "System not found").into();
        let system = lock(&mut tx, &vendor, path.get("systemId"), missing).await?;
        if system.is_deleted {
            return Err(ApiError::Status(StatusCode::BAD_REQUEST));
        }
        make(
            &mut tx,
            &vendor,
            &system,
            SystemChange::Deleted,
            Action::SystemDeleted,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(DONE)
    })
    .await
}

/// Every change of a system, newest first.
#[utoipa::path(get, operation_id = "listChangesOfSystem", path = "/authentication/api/v1/systemregister/vendor/{systemId}/changelog", tag = "Vendor",
    params(("systemId" = String, Path)),
    responses((status = 200, body = Vec<ChangeLogEntry>), (status = 401), (status = 403, description = "Another vendor's"), (status = 404, content((String = "text/plain"), (String = "application/json")), description = "No such system")))]
pub async fn change_log(
    State(systems): State<Systems>,
    vendor: SystemRegisterWriter,
    path: PathValues,
) -> ApiResult<Json<Vec<ChangeLogEntry>>> {
    let id = path.get("systemId");
    let missing = ApiError::Text(
        StatusCode::NOT_FOUND,
        format!("System with ID {id} not found."),
    );
    let mut tx = systems.db.begin().await?;
    let system = lock(&mut tx, &vendor, id, missing).await?;
    Ok(Json(store::change_log(&mut tx, &system).await?))
}
