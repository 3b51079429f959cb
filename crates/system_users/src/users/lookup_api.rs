//! Looking system users up: for Maskinporten, and for the vendors of their systems.

use axum::{extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode};

use super::SystemUsers;
use super::{
    model::{ExternalSystemUser, SystemUser},
    store,
};
use crate::systems;
use authorization::callers::{MaskinportenCaller, Vendor};
use foundation::{
    http::{
        ApiError, ApiResult, Json, ProblemCode, no_store,
        paging::{self, Paginated},
        path::PathValues,
        query::Query,
    },
    ids::ExternalRef,
    token::scopes::{RequestWrite, SystemRegisterWrite, SystemUserLookup},
};

/// Maskinporten's look-up: the system user of a client, vendor, owner and reference. Always one or
/// none.
#[utoipa::path(get, operation_id = "lookUpSystemUser", path = "/authentication/api/v1/systemuser/byExternalId", tag = "Maskinporten",
    params(("clientId" = String, Query), ("systemProviderOrgNo" = String, Query), ("systemUserOwnerOrgNo" = String, Query),
        ("externalRef" = Option<String>, Query)),
    responses((status = 200, body = ExternalSystemUser, description = "productName is the system id"), (status = 400), (status = 401),
        (status = 403), (status = 404, description = "None")))]
pub async fn by_external_id(
    State(system_users): State<SystemUsers>,
    caller: MaskinportenCaller<SystemUserLookup>,
    query: Query,
) -> ApiResult<impl IntoResponse> {
    let allowed = &system_users.config.settings.byexternalid.allowed_consumers;
    if !allowed.is_empty()
        && !caller
            .organization()
            .is_some_and(|org| allowed.iter().any(|a| a == org.as_str()))
    {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    let client_id = query.required("clientId")?;
    let provider = query.required("systemProviderOrgNo")?;
    let owner = query.required("systemUserOwnerOrgNo")?;
    let external_ref = ExternalRef::exact_or_default(query.get("externalRef"), owner);
    let user = store::by_external_id(
        &mut *system_users.db.acquire().await?,
        client_id,
        provider,
        owner,
        external_ref.as_str(),
    )
    .await?;
    let user = user.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let system_id = user.system_id.clone();
    Ok((no_store(), Json(ExternalSystemUser::new(user, system_id))))
}

/// The system user of one of the caller's systems, for an owner and reference.
#[utoipa::path(get, operation_id = "findSystemUser", path = "/authentication/api/v1/systemuser/vendor/byquery", tag = "Vendor",
    params(("system-id" = String, Query), ("orgno" = String, Query, description = "The owner's"),
        ("external-ref" = Option<String>, Query, description = "The owner's number when left out")),
    responses((status = 200, body = ExternalSystemUser), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "None, or another vendor's")))]
pub async fn by_query(
    State(system_users): State<SystemUsers>,
    vendor: Vendor<RequestWrite>,
    query: Query,
) -> ApiResult<Json<ExternalSystemUser>> {
    let system_id = query.required("system-id")?;
    let owner = query.required("orgno")?;
    let external_ref = ExternalRef::exact_or_default(query.get("external-ref"), owner);
    let org = vendor.organization()?;
    let user = store::active_with_key(
        &mut *system_users.db.acquire().await?,
        system_id,
        owner,
        external_ref.as_str(),
    )
    .await?;
    let user = user
        .filter(|u| u.vendor_org == org.as_str())
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    Ok(Json(external(user)))
}

/// System users of one of the caller's systems, those of a deleted one too, in pages.
#[utoipa::path(get, operation_id = "listSystemUsersOfSystem", path = "/authentication/api/v1/systemuser/vendor/bysystem/{systemId}", tag = "Vendor",
    params(("systemId" = String, Path), ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = Paginated<ExternalSystemUser>), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "AUTH-00011: unknown, or another vendor's")))]
pub async fn by_system(
    State(system_users): State<SystemUsers>,
    vendor: Vendor<SystemRegisterWrite>,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<ExternalSystemUser>>> {
    let from = paging::key(&query)?.unwrap_or(0);
    let org = vendor.organization()?;
    let mut db = system_users.db.acquire().await?;
    let system = systems::by_id(&mut db, path.get("systemId"))
        .await?
        .filter(|s| s.vendor_org == org.as_str());
    let system = system.ok_or(ProblemCode::SystemNotFound)?;
    let size = system_users.config.settings.pagination.page_size;
    let found = store::of_system(
        &mut db,
        system.internal_id,
        from,
        i64::try_from(size + 1).unwrap_or(i64::MAX),
    )
    .await?;
    let next = found.get(size).map(|(number, _)| {
        let id = paging::encoded(&system.id);
        format!(
            "{}/authentication/api/v1/systemuser/vendor/bysystem/{id}?token={}",
            system_users.address.called(&headers),
            paging::token(number)
        )
    });
    Ok(Paginated::of(
        found.into_iter().map(|(_, user)| external(user)).collect(),
        size,
        |_| next.unwrap_or_default(),
    ))
}

fn external(user: SystemUser) -> ExternalSystemUser {
    ExternalSystemUser::new(user, String::new())
}
