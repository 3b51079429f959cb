//! `/accessmanagement/api/v1/meta`: the catalogue of packages and roles, for everybody. The
//! language follows `Accept-Language`; an answer may be kept for an hour and asked for again by its
//! `ETag`.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    request::Parts,
};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use foundation::{
    crypto::{base64url, sha256},
    http::{
        ApiError, ApiResult, Language,
        describe::{self, DescribeInput},
        path::PathValues,
        query::Query,
    },
};
use registers::packages::{
    AreaDto, FoundPackage, GroupDto, Metadata, PackageDto, ResourceDto, RoleDto, SubtypeDto,
};
use registers::resources;

/// A reader: its language, and the version that it has already.
pub struct Reader {
    language: Language,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            language: Language::from_request_parts(parts, state).await?,
            headers: parts.headers.clone(),
        })
    }
}

impl Reader {
    /// One thing, or 404.
    fn one<T: Serialize>(&self, thing: Option<T>) -> ApiResult<Response> {
        self.answer(&thing.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?)
    }

    /// A list, 204 when it is empty, or 404 when what it belongs to is not there.
    fn list<T: Serialize>(&self, list: Option<Vec<T>>) -> ApiResult<Response> {
        let list = list.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
        if list.is_empty() {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            self.answer(&list)
        }
    }

    fn answer(&self, body: &impl Serialize) -> ApiResult<Response> {
        let bytes = serde_json::to_vec(body).map_err(ApiError::internal)?;
        let tag = format!("\"{}\"", base64url(&sha256(&bytes)[..12]));
        let known = self
            .headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','));
        let unchanged = known
            .map(|t| t.trim().trim_start_matches("W/"))
            .any(|t| t == tag || t == "*");
        let headers = [
            (CACHE_CONTROL, "public, max-age=3600".to_owned()),
            (CONTENT_LANGUAGE, self.language.code().to_owned()),
            (VARY, "Accept-Language".to_owned()),
            (ETAG, tag),
        ];
        Ok(if unchanged {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else {
            (
                headers,
                [(CONTENT_TYPE, "application/json; charset=utf-8")],
                bytes,
            )
                .into_response()
        })
    }
}

fn id(path: &PathValues) -> ApiResult<Uuid> {
    path.uuid("id")
}

/// Finds packages whose name, URN, area or description hold each word of a term.
#[utoipa::path(get, operation_id = "searchAccessPackages", path = "/accessmanagement/api/v1/meta/info/accesspackages/search", tag = "Vendor",
    params(("term" = String, Query)),
    responses((status = 200, body = Vec<FoundPackage>), (status = 204, description = "None"), (status = 400, description = "No term")))]
pub async fn search(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    query: Query,
) -> ApiResult<Response> {
    let term = query.required("term")?;
    reader.list(Some(metadata.search(term, reader.language)))
}

/// All groups with their areas with their packages.
#[utoipa::path(get, operation_id = "exportAccessPackages", path = "/accessmanagement/api/v1/meta/info/accesspackages/export", tag = "Vendor",
    responses((status = 200, body = Vec<GroupDto>)))]
pub async fn export(State(metadata): State<Arc<Metadata>>, reader: Reader) -> ApiResult<Response> {
    reader.list(Some(metadata.hierarchy(reader.language)))
}

/// The groups of areas.
#[utoipa::path(get, operation_id = "listAreaGroups", path = "/accessmanagement/api/v1/meta/info/accesspackages/group", tag = "Vendor",
    responses((status = 200, body = Vec<GroupDto>)))]
pub async fn groups(State(metadata): State<Arc<Metadata>>, reader: Reader) -> ApiResult<Response> {
    reader.list(Some(metadata.groups(reader.language)))
}

/// A group of areas.
#[utoipa::path(get, operation_id = "getAreaGroup", path = "/accessmanagement/api/v1/meta/info/accesspackages/group/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = GroupDto), (status = 400), (status = 404)))]
pub async fn group(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.one(metadata.group(id(&path)?, reader.language))
}

/// The areas of a group.
#[utoipa::path(get, operation_id = "listAreasOfGroup", path = "/accessmanagement/api/v1/meta/info/accesspackages/group/{id}/areas", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<AreaDto>), (status = 400), (status = 404)))]
pub async fn areas_of_group(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.list(metadata.areas_of(id(&path)?, reader.language))
}

/// An area of packages.
#[utoipa::path(get, operation_id = "getArea", path = "/accessmanagement/api/v1/meta/info/accesspackages/area/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = AreaDto), (status = 400), (status = 404)))]
pub async fn area(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.one(metadata.area(id(&path)?, reader.language))
}

/// The packages of an area.
#[utoipa::path(get, operation_id = "listAccessPackagesOfArea", path = "/accessmanagement/api/v1/meta/info/accesspackages/area/{id}/packages", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<PackageDto>), (status = 400), (status = 404)))]
pub async fn packages_of_area(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.list(metadata.packages_of(id(&path)?, reader.language))
}

/// A package.
#[utoipa::path(get, operation_id = "getAccessPackage", path = "/accessmanagement/api/v1/meta/info/accesspackages/package/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = PackageDto), (status = 400), (status = 404)))]
pub async fn package(
    State(metadata): State<Arc<Metadata>>,
    State(db): State<PgPool>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    let package = metadata.package(id(&path)?, reader.language);
    reader.one(with_resources(&db, package, reader.language).await?)
}

/// What a package leads to.
#[utoipa::path(get, operation_id = "listResourcesOfAccessPackage", path = "/accessmanagement/api/v1/meta/info/accesspackages/package/{id}/resources", tag = "Vendor",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<ResourceDto>), (status = 204, description = "None"), (status = 400), (status = 404)))]
pub async fn resources_of_package(
    State(metadata): State<Arc<Metadata>>,
    State(db): State<PgPool>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    let package = with_resources(
        &db,
        metadata.package(id(&path)?, reader.language),
        reader.language,
    )
    .await?;
    reader.list(package.map(|p| p.resources.unwrap_or_default()))
}

/// The package, with what it leads to.
async fn with_resources(
    db: &PgPool,
    package: Option<PackageDto>,
    language: Language,
) -> ApiResult<Option<PackageDto>> {
    let Some(mut package) = package else {
        return Ok(None);
    };
    let mut db = db.acquire().await?;
    let documents = resources::naming(&mut db, &package.urn).await?;
    package.resources = Some(
        documents
            .iter()
            .map(|d| ResourceDto::of(d, language))
            .collect(),
    );
    Ok(Some(package))
}

/// A package by its URN in any letter case, or by the last part of that.
#[utoipa::path(get, operation_id = "getAccessPackageByUrn", path = "/accessmanagement/api/v1/meta/info/accesspackages/package/urn/{urnValue}", tag = "Vendor",
    params(("urnValue" = String, Path)), responses((status = 200, body = PackageDto), (status = 404)))]
pub async fn package_by_urn(
    State(metadata): State<Arc<Metadata>>,
    State(db): State<PgPool>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    let package = metadata.package_by_urn(path.get("urnValue"), reader.language);
    reader.one(with_resources(&db, package, reader.language).await?)
}

/// The roles.
#[utoipa::path(get, operation_id = "listRoles", path = "/accessmanagement/api/v1/meta/info/roles", tag = "Vendor",
    responses((status = 200, body = Vec<RoleDto>)))]
pub async fn roles(State(metadata): State<Arc<Metadata>>, reader: Reader) -> ApiResult<Response> {
    reader.list(Some(metadata.roles(reader.language)))
}

/// A role.
#[utoipa::path(get, operation_id = "getRole", path = "/accessmanagement/api/v1/meta/info/roles/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = RoleDto), (status = 400), (status = 404)))]
pub async fn role(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.one(metadata.role(id(&path)?, reader.language))
}

fn given(metadata: &Metadata, code: &str, reader: &Reader, query: &Query) -> ApiResult<Response> {
    let variant = query
        .get("variant")
        .map(str::trim)
        .filter(|v| !v.is_empty());
    reader.list(metadata.packages_of_role(code, variant, reader.language))
}

/// Packages that a role, by its code, gives for a party of an organisation form.
#[utoipa::path(get, operation_id = "listAccessPackagesByRole", path = "/accessmanagement/api/v1/meta/info/roles/packages", tag = "Vendor",
    params(("role" = String, Query), ("variant" = Option<String>, Query, description = "An organisation form; without it, what the role gives for every form")),
    responses((status = 200, body = Vec<PackageDto>), (status = 204), (status = 400), (status = 404)))]
pub async fn packages_by_role(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    query: Query,
) -> ApiResult<Response> {
    given(&metadata, query.required("role")?.trim(), &reader, &query)
}

/// Packages that a role gives for a party of an organisation form.
#[utoipa::path(get, operation_id = "listAccessPackagesOfRole", path = "/accessmanagement/api/v1/meta/info/roles/{id}/packages", tag = "Vendor",
    params(("id" = Uuid, Path), ("variant" = Option<String>, Query)),
    responses((status = 200, body = Vec<PackageDto>), (status = 204), (status = 400), (status = 404)))]
pub async fn packages_of_role(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
    path: PathValues,
    query: Query,
) -> ApiResult<Response> {
    let code = metadata
        .role_code(id(&path)?)
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    given(&metadata, code, &reader, &query)
}

/// The organisation forms.
#[utoipa::path(get, operation_id = "listOrganizationForms", path = "/accessmanagement/api/v1/meta/types/organization/subtypes", tag = "Vendor",
    responses((status = 200, body = Vec<SubtypeDto>)))]
pub async fn organisation_forms(
    State(metadata): State<Arc<Metadata>>,
    reader: Reader,
) -> ApiResult<Response> {
    reader.list(Some(metadata.organisation_forms(reader.language)))
}

impl DescribeInput for Reader {
    fn describe(operation: &mut Operation) {
        describe::speaks_languages(operation);
        describe::header(
            operation,
            "If-None-Match",
            "`ETag` of an answer that the client has: 304 when it is still the same.",
        );
        for (name, text) in [
            ("ETag", "Names this answer; for `If-None-Match`."),
            ("Cache-Control", "How long the answer may be kept."),
            ("Content-Language", "Language of the texts."),
            ("Vary", "`Accept-Language`"),
        ] {
            describe::answer_header(operation, 200, name, text);
        }
        describe::answer_with(operation, 304, "The client has the answer already.");
    }
}
