//! Reads for those who keep a copy of the registry: what changed, who the owners are, and all of it
//! as a graph.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use foundation::http::{
    ApiError, ApiResult, Json, ModelState, ValidationCode,
    paging::{self, Links, Paginated},
    query::Query,
    time,
};
use http::{HeaderMap, header::CONTENT_TYPE};
use registers::{
    parties::service_owners,
    resources::{
        document::ResourceType,
        store::{self, ResourceFilter},
    },
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{ResourceRegistry, api::busy, catalogue_graph};

/// A resource at its latest change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceChange {
    /// Its identifier.
    pub resource_id: String,
    /// When it last changed, with offset.
    pub changed_at: String,
}

/// Greatest number of changes in an answer, and the usual one.
const MAX_CHANGES: i64 = 1_000;

fn limit(query: &Query) -> ApiResult<i64> {
    let Some(text) = query.get("limit").map(str::trim).filter(|t| !t.is_empty()) else {
        return Ok(MAX_CHANGES);
    };
    let limit: i64 = text
        .parse()
        .map_err(|_| ModelState::not_valid("limit", text))?;
    if (1..=MAX_CHANGES).contains(&limit) {
        return Ok(limit);
    }
    let sentence = format!("Limit must be between 1 and {MAX_CHANGES}, was {limit}.");
    let error = ValidationCode::OutOfRange.error().detail(sentence);
    Err(ApiError::Validation(vec![error]))
}

/// Resources that have had a policy, each once, in the order of their latest changes: of the
/// description, or of the policy. A reader follows `links.next`, keeps its last token, and asks with it
/// again. Deleted resources vanish.
#[utoipa::path(get, operation_id = "listResourceChanges", path = "/resourceregistry/api/v1/resource/changes", tag = "Service owner",
    params(("token" = Option<String>, Query, description = "From `links.next`"),
        ("limit" = Option<i64>, Query, description = "1 to 1000; 1000 when left out")),
    responses((status = 200, body = Paginated<ResourceChange>),
        (status = 400, description = "`RR.VLD-00011` for the limit, or a token that cannot be read")))]
pub async fn changes(
    State(registry): State<ResourceRegistry>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<ResourceChange>>> {
    let after: Option<i64> = paging::key(&query)?;
    let limit = limit(&query)?;
    let mut db = registry.db.acquire().await?;
    let mut found = store::changes(&mut db, after.unwrap_or(0), limit + 1).await?;
    let has_more = usize::try_from(limit).is_ok_and(|limit| found.len() > limit);
    if has_more {
        found.pop();
    }
    let next = found.last().filter(|_| has_more).map(|last| {
        format!(
            "{}/resourceregistry/api/v1/resource/changes?token={}&limit={limit}",
            registry.address.called(&headers),
            paging::token(&last.change_no)
        )
    });
    let data = found
        .into_iter()
        .map(|changed| ResourceChange {
            resource_id: changed.identifier,
            changed_at: time::format_with_offset(changed.changed_at),
        })
        .collect();
    Ok(Json(Paginated {
        links: Links { next },
        data,
    }))
}

/// The service owners, by code.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnerList {
    /// Code to owner.
    pub orgs: BTreeMap<String, OwnerEntry>,
}

/// A service owner.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnerEntry {
    /// Language to text.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub name: Value,
    /// Address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// Organisation number.
    pub orgnr: String,
    /// Address of its pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Environments of apps that it uses.
    pub environments: Vec<String>,
}

/// Every service owner of this installation.
#[utoipa::path(get, operation_id = "listServiceOwners", path = "/resourceregistry/api/v1/resource/orgs", tag = "Service owner",
    responses((status = 200, body = OwnerList)))]
pub async fn owners(State(registry): State<ResourceRegistry>) -> ApiResult<Json<OwnerList>> {
    let mut db = registry.db.acquire().await?;
    let orgs = service_owners::all(&mut db)
        .await?
        .into_iter()
        .map(|row| {
            let entry = OwnerEntry {
                name: row.name,
                logo: row.logo,
                orgnr: row.org_number,
                homepage: row.homepage,
                environments: row.environments,
            };
            (row.orgcode, entry)
        })
        .collect();
    Ok(Json(OwnerList { orgs }))
}

/// About how many bytes a resource takes in the graph.
const BYTES_OF_RESOURCE: usize = 4 * 1024;

/// The services of all owners as a graph (CPSV, in Turtle), by identifier. Without technical resources
/// and those of the test owner.
#[utoipa::path(get, operation_id = "exportResources", path = "/resourceregistry/api/v1/resource/export", tag = "Service owner",
    responses((status = 200, body = String, content_type = "application/xml+rdf", description = "Turtle; the media type is the one that the public system sends")))]
pub async fn export(State(registry): State<ResourceRegistry>) -> ApiResult<Response> {
    let listings = registry.policies.listings();
    let _turn = listings.turn().await.map_err(busy)?;
    let without = [
        ResourceType::MaskinportenSchema,
        ResourceType::Systemresource,
    ];
    let filter = ResourceFilter {
        without_types: without.map(|t| t.as_str().to_owned()).to_vec(),
        ..ResourceFilter::default()
    };
    let stored = store::search(&mut *registry.db.acquire().await?, &filter).await?;
    let base = registry.config.public_base.clone();
    let bytes = stored.len() * BYTES_OF_RESOURCE;
    let graph = registry
        .policies
        .workers()
        .run(bytes, move || {
            catalogue_graph::turtle(&base, stored.iter().map(|one| &one.document))
        })
        .await
        .map_err(busy)?;
    Ok((
        [(CONTENT_TYPE, "application/xml+rdf; charset=utf-8")],
        graph,
    )
        .into_response())
}
