//! What lists open to a party, for the platform's other parts.

use std::collections::BTreeSet;

use authorization::callers::{BackEnd, PlatformCaller};
use axum::extract::State;
use foundation::{
    http::{ApiError, ApiResult, Json, ModelState, RegistryProblem, ValidationCode, query::Query},
    token::scopes::AccessListInternal,
};
use registers::access_lists::{self, MemberName};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{AccessListDto, MembershipDto};
use crate::resources::ResourceRegistry;

/// What lists open to a party.
#[derive(Debug, Serialize, ToSchema)]
pub struct Memberships {
    /// One element for each connection of a list that the party is on.
    data: Vec<MembershipDto>,
}

/// A parameter that comes several times, or with commas between its values.
fn values<'q>(query: &'q Query, name: &'static str) -> impl Iterator<Item = &'q str> {
    query
        .all(name)
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// What lists open to a party: to one resource, or to all.
#[utoipa::path(get, operation_id = "listAccessListMemberships", path = "/resourceregistry/api/v1/access-lists/memberships", tag = "Operations",
    params(("party" = String, Query, description = "URN of a party, by organisation number, party id or party uuid"),
        ("resource" = Option<String>, Query, description = "`urn:altinn:resource:{identifier}`")),
    responses((status = 200, body = Memberships),
        (status = 400, description = "`RR.VLD-00003` to `RR.VLD-00007` for the parameters, all of them together, or `RR-00001` for an unknown party"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn memberships(
    State(registry): State<ResourceRegistry>,
    _: BackEnd<AccessListInternal>,
    query: Query,
) -> ApiResult<Json<Memberships>> {
    let (party, resource) = asked(&query).map_err(ApiError::Validation)?;
    let mut db = registry.db.acquire().await?;
    let found = access_lists::resolve(&mut db, &[party])
        .await?
        .pop()
        .flatten();
    let Some(found) = found else {
        return match party {
            MemberName::Uuid(_) => Ok(Json(Memberships { data: Vec::new() })),
            MemberName::Organization(_) | MemberName::PartyId(_) => {
                Err(RegistryProblem::PartiesNotFound.into())
            }
        };
    };
    let open = access_lists::memberships(&mut db, found.key, resource.as_deref()).await?;
    let data = open
        .into_iter()
        .map(|membership| MembershipDto::new(found.uuid, membership))
        .collect();
    Ok(Json(Memberships { data }))
}

/// The party and the resource of a question, or everything that is wrong with it.
fn asked(
    query: &Query,
) -> Result<(MemberName, Option<String>), Vec<foundation::http::ValidationError>> {
    let mut errors = Vec::new();
    let (mut parties, mut resources) = (Vec::new(), BTreeSet::new());
    for urn in values(query, "party") {
        match MemberName::from_urn(urn) {
            Some(name) => parties.push(name),
            None => errors.push(ValidationCode::PartyUrnInvalid.error().with("value", urn)),
        }
    }
    for urn in values(query, "resource") {
        match urn.strip_prefix("urn:altinn:resource:") {
            Some(identifier) if !identifier.is_empty() => {
                resources.insert(identifier.to_owned());
            }
            Some(_) | None => {
                errors.push(
                    ValidationCode::ResourceUrnInvalid
                        .error()
                        .with("value", urn),
                );
            }
        }
    }
    match parties.len() {
        0 => errors.push(ValidationCode::PartyNeeded.error()),
        1 => {}
        _ => errors.push(ValidationCode::SeveralParties.error()),
    }
    if resources.len() > 1 {
        errors.push(ValidationCode::SeveralResources.error());
    }
    match parties.first() {
        Some(party) if errors.is_empty() => Ok((*party, resources.pop_first())),
        Some(_) | None => Err(errors),
    }
}

/// Lists that a party is on.
#[utoipa::path(get, operation_id = "listAccessListsOfMember", path = "/resourceregistry/api/v1/access-lists/get-by-member", tag = "Operations",
    params(("party" = String, Query, description = "`urn:altinn:party:uuid:{uuid}`")),
    responses((status = 200, body = Vec<AccessListDto>), (status = 400, description = "Another URN, or none"),
        (status = 401, description = "No valid token"), (status = 403, description = "Not a platform access token")))]
pub async fn lists_of_member(
    State(registry): State<ResourceRegistry>,
    _: PlatformCaller,
    query: Query,
) -> ApiResult<Json<Vec<AccessListDto>>> {
    let text = query.required("party")?;
    let party = match MemberName::from_urn(text) {
        Some(MemberName::Uuid(uuid)) => uuid,
        Some(MemberName::Organization(_) | MemberName::PartyId(_)) | None => {
            return Err(ModelState::not_valid("party", text).into());
        }
    };
    let mut db = registry.db.acquire().await?;
    let lists = access_lists::lists_of(&mut db, party).await?;
    Ok(Json(
        lists
            .iter()
            .map(|list| AccessListDto::new(list, None))
            .collect(),
    ))
}
