//! `/accessmanagement/api/v1/meta`: the catalogue of packages and roles, for every caller. The
//! language follows `Accept-Language`; an answer may be kept for an hour and asked for again by its
//! `ETag`.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{
        ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
    },
    request::Parts,
};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use foundation::{
    crypto::{base64url, sha256},
    http::{
        ApiError, ApiResult, Language, ModelState,
        describe::{self, DescribeInput},
        path::PathValues,
        query::Query,
    },
};
use registers::packages::{
    self, AreaDto, CatalogueMetadata, FoundPackage, GroupDto, PackageDto, PackageSearch,
    ResourceDto, RoleDto, SubtypeDto, UnknownName, WordComparison,
};

/// A reader: its language, and the version that it has already.
pub struct CatalogueReader {
    language: Language,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for CatalogueReader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let accepted = parts.headers.get(ACCEPT_LANGUAGE);
        let first = accepted
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(',').next())
            .and_then(|value| value.split(';').next());
        Ok(Self {
            language: first.and_then(language).unwrap_or(Language::Nb),
            headers: parts.headers.clone(),
        })
    }
}

/// The language of an entry of `Accept-Language`; only the first entry counts here.
fn language(entry: &str) -> Option<Language> {
    match entry.trim().to_ascii_lowercase().as_str() {
        "nob" | "nor" => Some(Language::Nb),
        "nno" => Some(Language::Nn),
        "eng" => Some(Language::En),
        other => Language::parse(other),
    }
}

impl CatalogueReader {
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

/// Finds packages by words, the best first. Without a term it lists all that pass the filters.
#[utoipa::path(get, operation_id = "searchAccessPackages", path = "/accessmanagement/api/v1/meta/info/accesspackages/search", tag = "Vendor",
    params(("term" = Option<String>, Query, description = "Up to 20 words of 256 characters in all; every package when left out"),
        ("typeName" = Option<String>, Query, description = "Name of a kind of party, such as `organization`"),
        ("resourceProviderCode" = Option<Vec<String>>, Query, description = "Parts of codes of service owners"),
        ("searchInResources" = Option<bool>, Query, description = "Look into names of resources too"),
        ("strict" = Option<bool>, Query, description = "Each word must be found, not one of them"),
        ("simpleSearch" = Option<bool>, Query, description = "`false` finds words that are much alike")),
    responses((status = 200, body = Vec<FoundPackage>), (status = 204, description = "None"),
        (status = 400, description = "A flag is no flag, there is no such kind of party, or the term has more than 20 words or 256 characters")))]
pub async fn search(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    query: Query,
) -> ApiResult<Response> {
    let is_strict = query.flag("strict")?;
    let comparison = match (query.flag_or("simpleSearch", true)?, is_strict) {
        (false, _) => WordComparison::Alike,
        (true, true) => WordComparison::All,
        (true, false) => WordComparison::Any,
    };
    let given = |text: &&str| !text.trim().is_empty();
    let search = PackageSearch {
        term: query.get("term").unwrap_or_default().to_owned(),
        type_name: query.get("typeName").filter(given).map(str::to_owned),
        provider_codes: query
            .all("resourceProviderCode")
            .filter(given)
            .map(|code| code.trim().to_owned())
            .collect(),
        in_resources: query.flag("searchInResources")?,
        comparison: Some(comparison),
    };
    let urns: Vec<String> = metadata
        .package_urns()
        .iter()
        .map(|urn| urn.to_lowercase())
        .collect();
    let resources = packages::resources_led_to(&mut *db.acquire().await?, &urns).await?;
    let found = metadata
        .search(&search, &resources, reader.language)
        .map_err(|error| ApiError::Detail(StatusCode::BAD_REQUEST, error.to_string()))?;
    reader.list(Some(found))
}

/// All groups with their areas with their packages.
#[utoipa::path(get, operation_id = "exportAccessPackages", path = "/accessmanagement/api/v1/meta/info/accesspackages/export", tag = "Vendor",
    responses((status = 200, body = Vec<GroupDto>)))]
pub async fn export(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
) -> ApiResult<Response> {
    reader.list(Some(metadata.hierarchy(reader.language)))
}

/// The groups of areas.
#[utoipa::path(get, operation_id = "listAreaGroups", path = "/accessmanagement/api/v1/meta/info/accesspackages/group", tag = "Vendor",
    responses((status = 200, body = Vec<GroupDto>)))]
pub async fn groups(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
) -> ApiResult<Response> {
    reader.list(Some(metadata.groups(reader.language)))
}

/// A group of areas.
#[utoipa::path(get, operation_id = "getAreaGroup", path = "/accessmanagement/api/v1/meta/info/accesspackages/group/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = GroupDto), (status = 400), (status = 404)))]
pub async fn group(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.one(metadata.group(id(&path)?, reader.language))
}

/// The areas of a group.
#[utoipa::path(get, operation_id = "listAreasOfGroup", path = "/accessmanagement/api/v1/meta/info/accesspackages/group/{id}/areas", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<AreaDto>), (status = 400), (status = 404)))]
pub async fn areas_of_group(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.list(metadata.areas_of(id(&path)?, reader.language))
}

/// An area of packages.
#[utoipa::path(get, operation_id = "getArea", path = "/accessmanagement/api/v1/meta/info/accesspackages/area/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = AreaDto), (status = 400), (status = 404)))]
pub async fn area(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.one(metadata.area(id(&path)?, reader.language))
}

/// The packages of an area.
#[utoipa::path(get, operation_id = "listAccessPackagesOfArea", path = "/accessmanagement/api/v1/meta/info/accesspackages/area/{id}/packages", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<PackageDto>), (status = 204, description = "None"), (status = 400), (status = 404)))]
pub async fn packages_of_area(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.list(metadata.packages_of(id(&path)?, reader.language))
}

/// A package.
#[utoipa::path(get, operation_id = "getAccessPackage", path = "/accessmanagement/api/v1/meta/info/accesspackages/package/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = PackageDto), (status = 400), (status = 404)))]
pub async fn package(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    let package = metadata.package(id(&path)?, reader.language);
    reader.one(with_resources(&db, package, reader.language).await?)
}

/// What a package leads to, by name.
#[utoipa::path(get, operation_id = "listResourcesOfAccessPackage", path = "/accessmanagement/api/v1/meta/info/accesspackages/package/{id}/resources", tag = "Vendor",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<ResourceDto>), (status = 204, description = "None"), (status = 400), (status = 404)))]
pub async fn resources_of_package(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    let package = metadata.package(id(&path)?, reader.language);
    let package = with_resources(&db, package, reader.language).await?;
    let mut resources = package.map(|p| p.resources.unwrap_or_default());
    if let Some(resources) = &mut resources {
        resources.sort_by_cached_key(|resource| resource.name.to_uppercase());
    }
    reader.list(resources)
}

/// The package, with what it leads to.
async fn with_resources(
    db: &PgPool,
    package: Option<PackageDto>,
    language: Language,
) -> ApiResult<Option<PackageDto>> {
    let mut packages: Vec<PackageDto> = package.into_iter().collect();
    fill_resources(db, &mut packages, language).await?;
    Ok(packages.pop())
}

/// What each of the packages leads to.
async fn fill_resources(
    db: &PgPool,
    packages: &mut [PackageDto],
    language: Language,
) -> ApiResult<()> {
    let urns: Vec<String> = packages.iter().map(|p| p.urn.to_lowercase()).collect();
    if urns.is_empty() {
        return Ok(());
    }
    let led = packages::resources_led_to(&mut *db.acquire().await?, &urns).await?;
    for (package, urn) in packages.iter_mut().zip(&urns) {
        let own = led.iter().filter(|resource| resource.subject_urn == *urn);
        package.resources = Some(own.map(|r| ResourceDto::of(r, language)).collect());
    }
    Ok(())
}

/// A package by its URN in any letter case, or by the last part of that.
#[utoipa::path(get, operation_id = "getAccessPackageByUrn", path = "/accessmanagement/api/v1/meta/info/accesspackages/package/urn/{urnValue}", tag = "Vendor",
    params(("urnValue" = String, Path)), responses((status = 200, body = PackageDto), (status = 404)))]
pub async fn package_by_urn(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    let package = metadata.package_by_urn(path.get("urnValue"), reader.language);
    reader.one(with_resources(&db, package, reader.language).await?)
}

/// The roles.
#[utoipa::path(get, operation_id = "listRoles", path = "/accessmanagement/api/v1/meta/info/roles", tag = "Vendor",
    responses((status = 200, body = Vec<RoleDto>)))]
pub async fn roles(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
) -> ApiResult<Response> {
    reader.list(Some(metadata.roles(reader.language)))
}

/// A role, as a list of one.
#[utoipa::path(get, operation_id = "getRole", path = "/accessmanagement/api/v1/meta/info/roles/{id}", tag = "Vendor",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<RoleDto>), (status = 400), (status = 404)))]
pub async fn role(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
    path: PathValues,
) -> ApiResult<Response> {
    reader.one(
        metadata
            .role(id(&path)?, reader.language)
            .map(|role| [role]),
    )
}

/// What a question about a role names, with blanks around it or empty as if it were missing.
fn named<'q>(query: &'q Query, names: &[&'static str]) -> ApiResult<Vec<&'q str>> {
    let mut missing = ModelState::default();
    let mut values = Vec::new();
    for name in names {
        match query
            .get(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            Some(text) => values.push(text),
            None => missing.add(name, format!("The {name} field is required.")),
        }
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(missing.into())
    }
}

fn unknown(name: &UnknownName) -> ApiError {
    ApiError::Text(StatusCode::NOT_FOUND, name.to_string())
}

async fn packages_given(
    (metadata, db): (&CatalogueMetadata, &PgPool),
    reader: &CatalogueReader,
    query: &Query,
    (role, variant): (&str, &str),
) -> ApiResult<Response> {
    let with_resources = query.flag("includeResources")?;
    let mut given = metadata
        .packages_of_role(role, variant, reader.language)
        .map_err(|name| unknown(&name))?;
    if with_resources {
        fill_resources(db, &mut given, reader.language).await?;
    }
    reader.answer(&given)
}

/// Packages that are related to a role, by its code, for a party of a form.
#[utoipa::path(get, operation_id = "listAccessPackagesByRole", path = "/accessmanagement/api/v1/meta/info/roles/packages", tag = "Vendor",
    params(("role" = String, Query), ("variant" = String, Query, description = "Code of an organisation form"),
        ("includeResources" = Option<bool>, Query, description = "With what each package leads to")),
    responses((status = 200, body = Vec<PackageDto>), (status = 400, description = "The role or the form is missing"),
        (status = 404, body = String, description = "No such role or form")))]
pub async fn packages_by_role(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    query: Query,
) -> ApiResult<Response> {
    let [role, variant] = named(&query, &["role", "variant"])?[..] else {
        return Err(ModelState::required("role").into());
    };
    packages_given((&metadata, &db), &reader, &query, (role, variant)).await
}

/// Packages that are related to a role for a party of a form; none of a role that is not known.
#[utoipa::path(get, operation_id = "listAccessPackagesOfRole", path = "/accessmanagement/api/v1/meta/info/roles/{id}/packages", tag = "Vendor",
    params(("id" = Uuid, Path), ("variant" = String, Query), ("includeResources" = Option<bool>, Query)),
    responses((status = 200, body = Vec<PackageDto>), (status = 400, description = "Not a uuid, or the form is missing"),
        (status = 404, body = String, description = "No such form")))]
pub async fn packages_of_role(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    path: PathValues,
    query: Query,
) -> ApiResult<Response> {
    let id = id(&path)?;
    let variant = query.required("variant")?.trim();
    metadata.variant(variant).map_err(|name| unknown(&name))?;
    match metadata.role_code(id) {
        Some(role) => packages_given((&metadata, &db), &reader, &query, (role, variant)).await,
        None => reader.answer(&Vec::<PackageDto>::new()),
    }
}

async fn resources_given(
    (metadata, db): (&CatalogueMetadata, &PgPool),
    reader: &CatalogueReader,
    query: &Query,
    (role, variant): (&str, &str),
) -> ApiResult<Response> {
    let with_packages = query.flag("includePackageResources")?;
    let direct = metadata
        .subjects_of_role(role)
        .map_err(|name| unknown(&name))?;
    let packages = metadata
        .packages_of_role(role, variant, reader.language)
        .map_err(|name| unknown(&name))?;
    let mut db = db.acquire().await?;
    let mut led = packages::resources_led_to(&mut db, &direct).await?;
    if with_packages {
        let urns: Vec<String> = packages.iter().map(|p| p.urn.to_lowercase()).collect();
        led.extend(packages::resources_led_to(&mut db, &urns).await?);
    }
    let mut seen = BTreeSet::new();
    led.retain(|resource| seen.insert(resource.identifier.clone()));
    let resources: Vec<ResourceDto> = led
        .iter()
        .map(|resource| ResourceDto::of(resource, reader.language))
        .collect();
    reader.answer(&resources)
}

/// Resources whose policies name a role, by its code.
#[utoipa::path(get, operation_id = "listResourcesByRole", path = "/accessmanagement/api/v1/meta/info/roles/resources", tag = "Vendor",
    params(("role" = String, Query), ("variant" = String, Query, description = "Code of an organisation form"),
        ("includePackageResources" = Option<bool>, Query, description = "Those of the role's packages too")),
    responses((status = 200, body = Vec<ResourceDto>), (status = 400, description = "The role or the form is missing"),
        (status = 404, body = String, description = "No such role or form")))]
pub async fn resources_by_role(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    query: Query,
) -> ApiResult<Response> {
    let [role, variant] = named(&query, &["role", "variant"])?[..] else {
        return Err(ModelState::required("role").into());
    };
    resources_given((&metadata, &db), &reader, &query, (role, variant)).await
}

/// Resources whose policies name a role; none of a role that is not known.
#[utoipa::path(get, operation_id = "listResourcesOfRole", path = "/accessmanagement/api/v1/meta/info/roles/{id}/resources", tag = "Vendor",
    params(("id" = Uuid, Path), ("variant" = String, Query), ("includePackageResources" = Option<bool>, Query)),
    responses((status = 200, body = Vec<ResourceDto>), (status = 400, description = "Not a uuid, or the form is missing"),
        (status = 404, body = String, description = "No such form")))]
pub async fn resources_of_role(
    State(metadata): State<Arc<CatalogueMetadata>>,
    State(db): State<PgPool>,
    reader: CatalogueReader,
    path: PathValues,
    query: Query,
) -> ApiResult<Response> {
    let id = id(&path)?;
    let variant = query.required("variant")?.trim();
    metadata.variant(variant).map_err(|name| unknown(&name))?;
    match metadata.role_code(id) {
        Some(role) => resources_given((&metadata, &db), &reader, &query, (role, variant)).await,
        None => reader.answer(&Vec::<ResourceDto>::new()),
    }
}

/// The organisation forms.
#[utoipa::path(get, operation_id = "listOrganizationForms", path = "/accessmanagement/api/v1/meta/types/organization/subtypes", tag = "Vendor",
    responses((status = 200, body = Vec<SubtypeDto>)))]
pub async fn organisation_forms(
    State(metadata): State<Arc<CatalogueMetadata>>,
    reader: CatalogueReader,
) -> ApiResult<Response> {
    reader.list(Some(metadata.organisation_forms(reader.language)))
}

impl DescribeInput for CatalogueReader {
    fn describe(operation: &mut Operation) {
        describe::answers_in_languages(operation);
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
