//! `/accessmanagement/api/v1/enduser/connections/…/delegationcheck`: what the caller may give for a
//! party.

use axum::extract::State;
use foundation::http::{Json, Language, query::Query};

use super::model::{PackageCheck, ResourceCheck};
use crate::{
    AccessManagement,
    callers::{AccessManagerCaller, GiveAccess},
    entities::Envelope,
    errors::{AccessRefusal, AccessResult},
    query::uuids,
};

/// Which packages the caller may give.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/accesspackages/delegationcheck", operation_id = "listDelegablePackages", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("packageIds" = Option<Vec<Uuid>>, Query, description = "Only these, by id"),
        ("packages" = Option<Vec<String>>, Query, description = "Only these, by URN")),
    responses((status = 200, body = Envelope<PackageCheck>), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, STD-00000 or AM-00041"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn packages(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    query: Query,
) -> AccessResult<Json<Envelope<PackageCheck>>> {
    let ids = uuids(&query, "packageIds")?;
    let names: Vec<&str> = query
        .all("packages")
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    let checked = access.check_packages(&caller, &ids, &names);
    Ok(Json(checked.await?))
}

/// Which rights on a resource the caller may give.
#[utoipa::path(get, path = "/accessmanagement/api/v1/enduser/connections/resources/delegationcheck", operation_id = "checkDelegableResource", tag = "Customer",
    params(("party" = Uuid, Query, description = "The party for which access is managed"), ("resource" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, body = ResourceCheck), (status = 400, body = AccessRefusal, content_type = "application/problem+json", description = "Model state, AM-00008 or AM-00027"), (status = 401, description = "No valid token"), (status = 403, description = "No scope fits the direction, or the caller does not manage access for the party")))]
pub async fn resource(
    State(access): State<AccessManagement>,
    caller: AccessManagerCaller<GiveAccess>,
    language: Language,
    query: Query,
) -> AccessResult<Json<ResourceCheck>> {
    let resource = query.get("resource").map(str::trim).unwrap_or_default();
    let checked = access.check_resource(&caller, resource, language);
    Ok(Json(checked.await?))
}
