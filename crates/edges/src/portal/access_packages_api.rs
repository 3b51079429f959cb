//! `/accessmanagement/api/v1/accesspackage`: packages that a party gives and gets, as the portal's pages
//! ask.

use access_management::{
    callers::{
        AccessManagerCaller, GiveAccessInPortal, ManagingAnyEnd, ReadAccessInPortal,
        RemoveAccessInPortal,
    },
    connections::PackageName,
    query::required_uuids,
};
use axum::{extract::State, response::Response};
use foundation::http::{ApiError, Json, ModelState, path::PathValues, query::Query};
use http::StatusCode;
use registers::{
    packages::{self, PackageDto, PackageSearch, WordComparison},
    resources,
};

use super::{
    PortalBackEnd, PortalUser,
    access_api::with_an_end,
    connection_model::{
        PortalArea, PortalPackageDetails, PortalPackagePermission, PortalPermission,
    },
    describe::PageLanguage,
    model::resource_item,
    passed_on::{PackageGiven, PassedResult, Plain},
    person_input::refused,
};

/// Packages that a search finds, in their areas.
#[utoipa::path(get, operation_id = "searchPortalPackages", path = "/accessmanagement/api/v1/accesspackage/search", tag = "Portal",
    params(("searchString" = Option<String>, Query, description = "Words; every package when left out"), ("typeName" = Option<String>, Query, description = "Name of a kind of party, such as `organisasjon`")),
    responses((status = 200, body = Vec<PortalArea>), (status = 400, description = "There is no such kind of party"), (status = 401), (status = 403)))]
pub async fn search(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
    query: Query,
) -> PassedResult<Json<Vec<PortalArea>>, Plain> {
    let given = |text: &&str| !text.trim().is_empty();
    let search = PackageSearch {
        term: query.get("searchString").unwrap_or_default().to_owned(),
        type_name: query.get("typeName").filter(given).map(str::to_owned),
        provider_codes: Vec::new(),
        in_resources: true,
        comparison: Some(WordComparison::Any),
    };
    let urns = portal.metadata.package_urns();
    let urns: Vec<String> = urns.iter().map(|urn| urn.to_lowercase()).collect();
    let led = packages::resources_led_to(&mut *portal.db.acquire().await?, &urns).await?;
    let found = portal
        .metadata
        .search(&search, &led, language.language())
        .map_err(|error| ApiError::Detail(StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(Json(by_area(found.into_iter().map(|one| one.object))))
}

/// Areas in the order in which their first packages come.
fn by_area(found: impl Iterator<Item = PackageDto>) -> Vec<PortalArea> {
    let mut areas: Vec<PortalArea> = Vec::new();
    for mut package in found {
        let Some(area) = package.area.take() else {
            continue;
        };
        match areas.iter_mut().find(|one| one.id == area.id) {
            Some(known) => known.access_packages.push(package),
            None => areas.push(PortalArea::new(*area, package)),
        }
    }
    areas
}

/// Packages that one party has of another, by area.
#[utoipa::path(get, operation_id = "listPortalPackages", path = "/accessmanagement/api/v1/accesspackage/delegations", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it")),
    responses((status = 200, body = BTreeMap<String, Vec<PortalPackagePermission>>), (status = 400, body = String, description = "Model state, a problem of the call behind, or a text when neither end is named"), (status = 401), (status = 403)))]
pub async fn list(
    State(portal): State<PortalBackEnd>,
    caller: ManagingAnyEnd<ReadAccessInPortal>,
    query: Query,
) -> PassedResult<Response, Plain> {
    let caller = with_an_end(caller, &query)?;
    let ends = portal.access.list_ends(&caller, &query).await?;
    let shape = PortalPermission::from;
    Ok(portal.access.stream_packages_by_area(ends, shape).await?)
}

/// A package, and how one party has it of another.
#[utoipa::path(get, operation_id = "getPortalPackagePermission", path = "/accessmanagement/api/v1/accesspackage/permission/{packageId}", tag = "Portal",
    params(("packageId" = Uuid, Path, description = "The package"), ("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Option<Uuid>, Query, description = "Who gave; the party, for what it gave others"), ("to" = Option<Uuid>, Query, description = "Who has it; the party, for what others gave it")),
    responses((status = 200, body = PortalPackageDetails), (status = 400, body = String, description = "Model state, a problem of the call behind, or a text when neither end is named"), (status = 401), (status = 403), (status = 404, description = "There is no such package")))]
pub async fn permission(
    State(portal): State<PortalBackEnd>,
    caller: ManagingAnyEnd<ReadAccessInPortal>,
    language: PageLanguage,
    path: PathValues,
    query: Query,
) -> PassedResult<Response, Plain> {
    let caller = with_an_end(caller, &query)?;
    let id = path.uuid("packageId")?;
    let package = portal.metadata.package(id, language.language());
    let package = package.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let ends = portal.access.list_ends(&caller, &query).await?;
    let documents = resources::naming(&mut *portal.db.acquire().await?, &package.urn).await?;
    let shown = documents
        .iter()
        .map(|document| resource_item(document, language.language()));
    let shown = shown.collect();
    let (details, shape) = (
        PortalPackageDetails::new(package, shown),
        PortalPermission::from,
    );
    let list = portal
        .access
        .stream_ways_of_package(ends, id, &details, shape);
    Ok(list.await?)
}

/// Gives a package. The answer is a text that contains what was stored, as JSON.
#[utoipa::path(post, operation_id = "givePortalPackage", path = "/accessmanagement/api/v1/accesspackage/delegations", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party that gives"), ("from" = Option<Uuid>, Query, description = "The party again"), ("to" = Uuid, Query, description = "Who receives"), ("packageId" = Uuid, Query, description = "The package")),
    responses((status = 200, body = String, content_type = "application/json"), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn give(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessInPortal>,
    query: Query,
) -> PassedResult<Json<String>, PackageGiven> {
    let [to] = required_uuids(&query, ["to"])?;
    let name = PackageName::of(&query)?;
    let given = portal
        .access
        .give_package(&caller, Some(to), None, &name)
        .await?;
    let text = serde_json::to_string(&given).map_err(ApiError::internal)?;
    Ok(Json(text))
}

/// Whether three parties are named, and the one that asks is none of the ends.
fn is_neither_end(query: &Query) -> bool {
    required_uuids(query, ["party", "from", "to"])
        .is_ok_and(|[party, from, to]| party != from && party != to)
}

/// Takes a package back. One that was not given is no error.
#[utoipa::path(delete, operation_id = "removePortalPackage", path = "/accessmanagement/api/v1/accesspackage/delegations", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end"), ("packageId" = Uuid, Query, description = "The package")),
    responses((status = 200, description = "The package is not given any more"), (status = 400, body = String, description = "Model state, a problem of the call behind, or a text when no package is named"), (status = 401), (status = 403)))]
pub async fn take(
    State(portal): State<PortalBackEnd>,
    caller: ManagingAnyEnd<RemoveAccessInPortal>,
    query: Query,
) -> PassedResult<StatusCode, Plain> {
    if is_neither_end(&query) {
        let sentence = "The party is neither who gave the package nor who has it.";
        return Err(ApiError::from(ModelState::of("party", sentence)).into());
    }
    let caller = caller.of_an_end()?;
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    let name = PackageName::of(&query)?;
    if name == PackageName::Missing {
        return Err(refused("PackageId is required").into());
    }
    portal.access.take_package(&caller, from, to, &name).await?;
    Ok(StatusCode::OK)
}
