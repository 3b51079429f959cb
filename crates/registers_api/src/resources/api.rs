//! `/resourceregistry/api/v1/resource`: describing resources. Every caller reads; owners write.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::ResourceRegistry;
use authorization::callers::ServiceOwner;
use foundation::{
    audit::{self, Action, ObjectKind},
    config::Profile,
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, ModelState,
        body::{self, JsonBytes},
        context,
        describe::ModelStateProblem,
        path::PathValues,
        query::Query,
    },
    telemetry::security::SecurityEvent,
    token::scopes::ResourceWrite,
};
use registers::parties;
use registers::resources::{
    WorkersBusy, bind_resource,
    document::{PublishedResource, ResourceType, ServiceResource, published},
    rules::{self, ResourceStoreMode},
    store::{self, ResourceFilter, StoredDocument},
};

/// A service owner who describes resources.
pub type ResourceWriter = ServiceOwner<ResourceWrite>;

/// About how many bytes a resource has.
const BYTES_OF_RESOURCE: usize = 4 * 1024;

/// The resources that pass a filter, which may be all.
async fn list(registry: &ResourceRegistry, filter: &ResourceFilter) -> ApiResult<Response> {
    let listings = registry.policies.listings();
    let _turn = listings.turn().await.map_err(busy)?;
    let stored = {
        let mut db = registry.db.acquire().await?;
        store::search(&mut db, filter).await?
    };
    let bytes = stored.len() * BYTES_OF_RESOURCE;
    let documents = stored.into_iter().map(
        |StoredDocument {
             document,
             version_id,
             ..
         }| published(document, version_id),
    );
    let json = listings.of(bytes, documents).await.map_err(busy)?;
    Ok(([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response())
}

/// Every resource, in its latest version, by identifier.
#[utoipa::path(get, operation_id = "listResources", path = "/resourceregistry/api/v1/resource/resourcelist", tag = "Service owner",
    params(("includeApps" = Option<bool>, Query, description = "Apps too; true when left out"),
        ("includeMigratedApps" = Option<bool>, Query, description = "Apps that were moved over too; false when left out")),
    responses((status = 200, body = Vec<PublishedResource>), (status = 400, description = "A flag is no flag")))]
pub async fn resource_list(
    State(registry): State<ResourceRegistry>,
    query: Query,
) -> ApiResult<Response> {
    let app = (!query.flag_or("includeApps", true)?).then_some(ResourceType::AltinnApp);
    let migrated = (!query.flag("includeMigratedApps")?).then_some(ResourceType::MigratedApp);
    let without_types = app
        .into_iter()
        .chain(migrated)
        .map(|t| t.as_str().to_owned())
        .collect();
    let filter = ResourceFilter {
        without_types,
        ..ResourceFilter::default()
    };
    list(&registry, &filter).await
}

/// Resources that pass every filter given.
#[utoipa::path(get, operation_id = "searchResources", path = "/resourceregistry/api/v1/resource/search", tag = "Service owner",
    params(("id" = Option<String>, Query), ("title" = Option<String>, Query), ("description" = Option<String>, Query),
        ("resourceType" = Option<String>, Query), ("keyword" = Option<String>, Query), ("reference" = Option<String>, Query),
        ("orgCode" = Option<String>, Query), ("organizationId" = Option<String>, Query)),
    responses((status = 200, body = Vec<PublishedResource>), (status = 400, description = "No such resource type")))]
pub async fn search(State(registry): State<ResourceRegistry>, query: Query) -> ApiResult<Response> {
    let text = |name: &str| {
        query
            .get(name)
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    let resource_type = match text("resourceType") {
        None => None,
        Some(word) => {
            let known = ResourceType::read(&word)
                .ok_or_else(|| ModelState::not_valid("ResourceType", &word))?;
            Some(known.as_str().to_owned())
        }
    };
    let filter = ResourceFilter {
        id: text("id"),
        title: text("title"),
        description: text("description"),
        resource_type,
        keyword: text("keyword"),
        reference: text("reference"),
        org_code: text("orgCode"),
        organization_id: text("organizationId"),
        without_types: vec![ResourceType::MigratedApp.as_str().to_owned()],
    };
    list(&registry, &filter).await
}

/// A resource, in its latest version or another.
#[utoipa::path(get, operation_id = "getResource", path = "/resourceregistry/api/v1/resource/{id}", tag = "Service owner",
    params(("id" = String, Path), ("versionId" = Option<i32>, Query)),
    responses((status = 200, body = PublishedResource), (status = 400, description = "The version is no number"),
        (status = 404, description = "No such resource or version")))]
pub async fn read(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<Value>> {
    let version = match query
        .get("versionId")
        .map(str::trim)
        .filter(|t| !t.is_empty())
    {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| ModelState::not_valid("versionId", text))?,
        ),
    };
    let mut db = registry.db.acquire().await?;
    let stored = store::read(&mut db, path.get("id"), version)
        .await?
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    Ok(Json(published(stored.document, stored.version_id)))
}

/// Stores a new resource.
#[utoipa::path(post, operation_id = "createResource", path = "/resourceregistry/api/v1/resource", tag = "Service owner",
    request_body = ServiceResource,
    responses((status = 201, description = "Stored; `Location` names it"), (status = 400, description = "Findings by member"),
        (status = 401, body = ModelStateProblem, content_type = "application/problem+json", description = "No valid token, or a scope of a prefix that is not the caller's"),
        (status = 403, description = "The scope is missing, or the resource is another owner's"),
        (status = 409, body = String, content_type = "application/json", description = "The identifier is taken, or was once"), (status = 415, description = "Not JSON")))]
pub async fn create(
    State(registry): State<ResourceRegistry>,
    owner: ResourceWriter,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let resource = bind_resource(&body::parse(&bytes, "serviceResource")?)?;
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        check(&mut tx, &owner, &resource, ResourceStoreMode::Create).await?;
        if store::create(&mut tx, &resource.identifier, &resource.document())
            .await?
            .is_none()
        {
            return Err(ApiError::JsonText(
                StatusCode::CONFLICT,
                "The Resource already exist".to_owned(),
            ));
        }
        record_change(&mut tx, &resource.identifier, "created").await?;
        foundation::db::commit(tx).await?;
        let location = format!("/resourceregistry/api/v1/resource/{}", resource.identifier);
        Ok((StatusCode::CREATED, [(LOCATION, location)]).into_response())
    })
    .await
}

/// Stores a new version of a resource.
#[utoipa::path(put, operation_id = "replaceResource", path = "/resourceregistry/api/v1/resource/{id}", tag = "Service owner",
    params(("id" = String, Path)), request_body = ServiceResource,
    responses((status = 200, description = "Stored"), (status = 400, body = String, content_type = "application/json", description = "Model state with findings by member, or a sentence: another identifier than the path's"),
        (status = 401, body = ModelStateProblem, content_type = "application/problem+json", description = "No valid token, or a scope of a prefix that is not the caller's"),
        (status = 403, description = "The scope is missing, or the resource is or would be another owner's"),
        (status = 404, description = "No such resource"), (status = 415, description = "Not JSON")))]
pub async fn replace(
    State(registry): State<ResourceRegistry>,
    owner: ResourceWriter,
    path: PathValues,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<StatusCode> {
    let resource = bind_resource(&body::parse(&bytes, "serviceResource")?)?;
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let stored = store::lock(&mut tx, path.get("id"))
            .await?
            .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
        if resource.identifier != path.get("id") {
            return Err(ApiError::JsonText(
                StatusCode::BAD_REQUEST,
                "Id in path does not match ID in resource".to_owned(),
            ));
        }
        check(&mut tx, &owner, &resource, ResourceStoreMode::Replace).await?;
        // Whose it is now counts as much as whose it would be.
        must_own(&mut tx, &owner, &stored.document).await?;
        store::add_version(&mut tx, &resource.identifier, &resource.document()).await?;
        record_change(&mut tx, &resource.identifier, "replaced").await?;
        foundation::db::commit(tx).await?;
        Ok(StatusCode::OK)
    })
    .await
}

/// Removes a resource with its versions and policies. The identifier stays reserved.
#[utoipa::path(delete, operation_id = "deleteResource", path = "/resourceregistry/api/v1/resource/{id}", tag = "Service owner", params(("id" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing, the resource is another owner's, or this installation deletes none"),
        (status = 404, description = "No such resource")))]
pub async fn delete(
    State(registry): State<ResourceRegistry>,
    owner: ResourceWriter,
    path: PathValues,
) -> ApiResult<StatusCode> {
    let enabled = registry
        .config
        .settings
        .resources
        .delete_enabled
        .unwrap_or(registry.config.profile() != Profile::Prod);
    if !enabled {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let stored = store::lock(&mut tx, path.get("id"))
            .await?
            .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
        must_own(&mut tx, &owner, &stored.document).await?;
        store::delete(&mut tx, path.get("id")).await?;
        record_change(&mut tx, path.get("id"), "deleted").await?;
        foundation::db::commit(tx).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Findings, then ownership, then the owner's code, then the scopes it represents.
async fn check(
    tx: &mut PgConnection,
    owner: &ResourceWriter,
    resource: &ServiceResource,
    change: ResourceStoreMode,
) -> ApiResult<()> {
    let findings = rules::findings(resource, change);
    if !findings.is_empty() {
        return Err(findings.into());
    }
    must_own(tx, owner, &resource.document()).await?;
    must_have_code(tx, owner, resource).await?;
    let foreign = if is_admin(owner) {
        Vec::new()
    } else {
        rules::foreign_scopes(resource, owner.scope_prefixes())
    };
    if foreign.is_empty() {
        return Ok(());
    }
    let mut findings = ModelState::default();
    for scope in foreign {
        findings.add("InvalidPrefix", scope);
    }
    Err(ApiError::Findings(
        StatusCode::UNAUTHORIZED,
        Box::new(findings),
    ))
}

/// Whether the caller may write the resources of every owner.
pub(super) fn is_admin(owner: &ResourceWriter) -> bool {
    owner.is_admin()
}

/// The caller's organisation owns the resource, or the caller writes those of all. A resource
/// without a number is owned by its owner's code.
pub(super) async fn must_own(
    db: &mut PgConnection,
    owner: &ResourceWriter,
    document: &Value,
) -> ApiResult<()> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    if is_admin(owner) {
        return Ok(());
    }
    let caller = owner.organization().ok_or_else(forbidden)?;
    let member = |name: &str| {
        document
            .pointer(&format!("/hasCompetentAuthority/{name}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let owns = match member("organization").trim() {
        "" => {
            let code = parties::service_owner_code(&mut *db, caller.as_str()).await?;
            code.is_some_and(|code| code.eq_ignore_ascii_case(member("orgcode")))
        }
        number => number == caller.as_str(),
    };
    if owns {
        return Ok(());
    }
    context::report(SecurityEvent::TenantMismatch {
        object_kind: ObjectKind::Resource.wire(),
        object_id: document
            .get("identifier")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    });
    Err(forbidden())
}

/// The code of the owner, if there is one, is the code of the caller's organisation, or the caller
/// writes the resources of all.
async fn must_have_code(
    db: &mut PgConnection,
    owner: &ResourceWriter,
    resource: &ServiceResource,
) -> ApiResult<()> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let code = resource.owner_code();
    if is_admin(owner) || code.is_empty() {
        return Ok(());
    }
    let caller = owner.organization().ok_or_else(forbidden)?;
    let own = parties::service_owner_code(&mut *db, caller.as_str()).await?;
    if own.is_some_and(|own| own.eq_ignore_ascii_case(code)) {
        Ok(())
    } else {
        Err(forbidden())
    }
}

/// Writes the audit row of a change of a resource itself.
async fn record_change(tx: &mut PgConnection, identifier: &str, change: &str) -> ApiResult<()> {
    let detail = json!({"change": change});
    record(tx, Action::ResourceChanged, identifier, Some(detail)).await
}

/// Writes the audit row of something done to a resource.
pub(super) async fn record(
    tx: &mut PgConnection,
    action: Action,
    identifier: &str,
    detail: Option<Value>,
) -> ApiResult<()> {
    let event = audit::AuditEvent {
        actor: audit::Actor::ServiceOwner,
        action,
        object_kind: ObjectKind::Resource,
        object_id: identifier.to_owned(),
        party_org: None,
        vendor_org: None,
        detail,
    };
    Ok(audit::record(tx, event).await?)
}

/// Those who work on policies have too much to do.
pub(super) fn busy(_: WorkersBusy) -> ApiError {
    ApiError::Unavailable(1)
}
