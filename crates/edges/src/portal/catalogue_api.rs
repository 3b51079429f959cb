//! Roles, service owners and resources, as the portal's pages list them.

use std::cmp::Reverse;

use axum::extract::State;
use foundation::http::{ApiError, ApiResult, Json, Language, ModelState, query::Query};
use http::StatusCode;
use registers::{
    parties::service_owners::{self, ServiceOwnerRow},
    resources::{self, ResourceOwnerRow, SearchWords, TextFilter},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    PortalBackEnd, PortalUser,
    describe::PageLanguage,
    frame_roles::HeldRoleFe,
    model::{PortalResource, resource_item},
};

/// Every role.
#[utoipa::path(get, operation_id = "listPortalRoles", path = "/accessmanagement/api/v1/role/meta", tag = "Portal",
    responses((status = 200, body = Vec<HeldRoleFe>), (status = 401), (status = 403)))]
pub async fn roles(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
) -> Json<Vec<HeldRoleFe>> {
    let roles = portal.metadata.roles(language.language());
    Json(roles.into_iter().map(Into::into).collect())
}

/// A service owner.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "members of the wire model")]
pub struct PortalResourceOwner {
    /// Null where no name is known.
    pub organisation_name: Option<String>,
    pub organisation_number: String,
    pub organisation_code: String,
}

impl PortalResourceOwner {
    fn new(code: String, number: String, names: &Value, language: PageLanguage) -> Self {
        let name = |code: &str| {
            let text = names.get(code).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let name = name(language.language().code()).or_else(|| name(Language::Nb.code()));
        Self {
            organisation_name: name,
            organisation_number: number,
            organisation_code: code,
        }
    }

    /// What lists are sorted by.
    fn sorted_as(&self) -> String {
        let name = self.organisation_name.as_deref();
        name.unwrap_or(&self.organisation_code).to_lowercase()
    }
}

/// Types of resources of one call.
const MAX_TYPES: usize = 50;

/// Service owners by name: all of them, or those that have a resource of one of some types.
#[utoipa::path(get, operation_id = "listPortalResourceOwners", path = "/accessmanagement/api/v1/resources/resourceowners", tag = "Portal",
    params(("relevantResourceTypes" = Option<Vec<String>>, Query, description = "Types of resources, such as `AltinnApp`; at most 50")),
    responses((status = 200, body = Vec<PortalResourceOwner>), (status = 400, description = "Too many types"), (status = 401), (status = 403)))]
pub async fn owners(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
    query: Query,
) -> ApiResult<Json<Vec<PortalResourceOwner>>> {
    let name = "relevantResourceTypes";
    let given = query.all(name).map(str::trim).filter(|t| !t.is_empty());
    let types: Vec<String> = given.map(str::to_owned).collect();
    if types.len() > MAX_TYPES {
        let sentence = format!("At most {MAX_TYPES} types can be given.");
        return Err(ModelState::of(name, sentence).into());
    }
    let mut db = portal.db.acquire().await?;
    let mut owners: Vec<PortalResourceOwner> = if types.is_empty() {
        let all = service_owners::all(&mut db).await?;
        let owner = |row: ServiceOwnerRow| {
            PortalResourceOwner::new(row.orgcode, row.org_number, &row.name, language)
        };
        all.into_iter().map(owner).collect()
    } else {
        let found = resources::owners_of_types(&mut db, &types).await?;
        let owner = |row: ResourceOwnerRow| {
            PortalResourceOwner::new(row.orgcode, row.organization, &row.name, language)
        };
        found.into_iter().map(owner).collect()
    };
    owners.sort_by_cached_key(PortalResourceOwner::sorted_as);
    Ok(Json(owners))
}

/// A resource.
#[utoipa::path(get, operation_id = "getPortalResource", path = "/accessmanagement/api/v1/resources", tag = "Portal",
    params(("resourceId" = String, Query, description = "Identifier in the registry")),
    responses((status = 200, body = PortalResource), (status = 400, description = "No resource is named"), (status = 401), (status = 403), (status = 404, description = "There is no such resource")))]
pub async fn resource(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
    query: Query,
) -> ApiResult<Json<Value>> {
    let id = query.get("resourceId").map(str::trim).unwrap_or_default();
    if id.is_empty() {
        return Err(ModelState::required("resourceId").into());
    }
    let wanted = [id.to_owned()];
    let documents = resources::names(&mut *portal.db.acquire().await?, &wanted).await?;
    let document = documents.get(id);
    let document = document.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    Ok(Json(resource_item(document, language.language())))
}

/// A page of what a search found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalResourcePage {
    /// Number of the page, from 1.
    pub page: usize,
    /// Resources on all pages.
    pub num_entries_total: usize,
    #[schema(value_type = Vec<PortalResource>)]
    pub page_list: Vec<Value>,
}

/// Resources of one page.
const MAX_PAGE: usize = 1_000;
/// Service owners of one search.
const MAX_OWNERS: usize = 500;

/// A number from 1 to the most.
fn from_one(query: &Query, name: &str, most: usize) -> ApiResult<usize> {
    let text = query.required(name)?.trim();
    let number = text.parse().ok().filter(|n| (1..=most).contains(n));
    Ok(number.ok_or_else(|| ModelState::not_valid(name, text))?)
}

/// Resources that people can be given, those with most of the words first; by identifier where they
/// have equally many. A page behind the last is empty.
#[utoipa::path(get, operation_id = "searchPortalResources", path = "/accessmanagement/api/v1/resources/search", tag = "Portal",
    params(("Page" = u32, Query, description = "From 1"), ("ResultsPerPage" = u32, Query, description = "1 to 1000"),
        ("SearchString" = Option<String>, Query, description = "Words in title, description, identifier, name of the owner and keywords; at most 50. Every resource when left out"),
        ("ROFilters" = Option<Vec<String>>, Query, description = "Codes of service owners, at most 500: only what they own"),
        ("IncludeA2Services" = Option<bool>, Query, description = "Services of Altinn 2 too; true when left out"),
        ("IncludeExpired" = Option<bool>, Query, description = "What is deprecated too, and apps that were moved over; false when left out")),
    responses((status = 200, body = PortalResourcePage), (status = 400, description = "A page, a number of results or a flag is none, or there are too many words or owners"), (status = 401), (status = 403)))]
pub async fn search(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    language: PageLanguage,
    query: Query,
) -> ApiResult<Json<PortalResourcePage>> {
    let page = from_one(&query, "Page", usize::MAX)?;
    let per_page = from_one(&query, "ResultsPerPage", MAX_PAGE)?;
    let name = "SearchString";
    let words = SearchWords::of(query.get(name).unwrap_or_default())
        .map_err(|error| ModelState::of(name, error.to_string()))?;
    let name = "ROFilters";
    let owners = query.all(name).map(str::trim).filter(|o| !o.is_empty());
    let owners: Vec<String> = owners.map(str::to_lowercase).collect();
    if owners.len() > MAX_OWNERS {
        let sentence = format!("At most {MAX_OWNERS} service owners can be given.");
        return Err(ModelState::of(name, sentence).into());
    }
    let filter = TextFilter {
        owners,
        without_altinn_2: !query.flag_or("IncludeA2Services", true)?,
        with_expired: query.flag("IncludeExpired")?,
    };
    let language = language.language();
    let mut db = portal.db.acquire().await?;
    let texts = resources::texts(&mut db, &filter, language.code()).await?;
    let mut found: Vec<(Reverse<usize>, String)> = texts
        .into_iter()
        .filter_map(|texts| Some((Reverse(words.score(&texts)?), texts.identifier)))
        .collect();
    found.sort_unstable();
    let begin = (page - 1).saturating_mul(per_page);
    let shown = found.iter().skip(begin).take(per_page);
    let ids: Vec<String> = shown.map(|(_, id)| id.clone()).collect();
    let documents = resources::names(&mut db, &ids).await?;
    let shown = ids.iter().filter_map(|id| documents.get(id));
    Ok(Json(PortalResourcePage {
        page,
        num_entries_total: found.len(),
        page_list: shown
            .map(|document| resource_item(document, language))
            .collect(),
    }))
}
