//! `/authorization/api/v1/parties` and `/roles`: whom the one who is signed in may act for, and by
//! which roles, as older portals and apps ask.

use axum::extract::State;
use foundation::{
    http::{ApiError, ApiResult, Json, ModelState, path::PathValues, query::Query},
    token::scopes::AnyScope,
};
use futures_util::TryStreamExt as _;
use http::StatusCode;
use registers::parties::{self, Person, rules};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PartyLists,
    model::{AuthorizedParty, PartyListParts},
    store,
};
use crate::callers::EndUser;

type AnyEndUser = EndUser<AnyScope>;

/// A party whom the caller may act for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyOfUser {
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    /// 1 for a person, 2 for an organisation.
    pub party_type_name: u8,
    /// Empty for persons.
    pub org_number: String,
    /// Identity number, of persons.
    pub ssn: Option<String>,
    pub unit_type: Option<String>,
    pub name: String,
    pub is_deleted: bool,
    pub only_hierarchy_element_with_no_access: bool,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub person: Option<Value>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub organization: Option<Value>,
    /// Sub-units; null when there are none.
    #[schema(no_recursion)]
    pub child_parties: Option<Vec<Self>>,
}

impl From<AuthorizedParty> for PartyOfUser {
    fn from(party: AuthorizedParty) -> Self {
        let children: Vec<Self> = party.subunits.into_iter().map(Self::from).collect();
        Self {
            party_id: party.party_id,
            party_uuid: party.party_uuid,
            party_type_name: if party.kind == "Person" { 1 } else { 2 },
            org_number: party.organization_number.unwrap_or_default(),
            ssn: party.person_id,
            unit_type: party.unit_type,
            name: party.name,
            is_deleted: party.is_deleted,
            only_hierarchy_element_with_no_access: party.only_hierarchy_element_with_no_access,
            person: None,
            organization: None,
            child_parties: Some(children).filter(|children| !children.is_empty()),
        }
    }
}

impl PartyOfUser {
    /// Whether it has an id, or one of its sub-units has, and is the caller's.
    fn includes(&self, party_id: i32) -> bool {
        let is_own = !self.only_hierarchy_element_with_no_access;
        is_own && self.party_id == Some(party_id)
            || self
                .child_parties
                .iter()
                .flatten()
                .any(|child| child.includes(party_id))
    }
}

/// A role as an attribute.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct RoleOfUser {
    /// Always `altinn`.
    r#type: &'static str,
    /// Its code.
    value: String,
}

/// A whole number of the query; 0 when it is absent.
fn number(name: &str, text: Option<&str>) -> ApiResult<i32> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(0);
    };
    let number = text.parse();
    Ok(number.map_err(|_| ModelState::not_valid(name, text))?)
}

/// The caller, when it is the caller whom a question names.
fn must_be(user: &AnyEndUser, user_id: i32) -> ApiResult<&Person> {
    let person = user.known_person();
    person
        .filter(|person| person.0.user_id == Some(user_id))
        .ok_or(ApiError::Empty(StatusCode::FORBIDDEN))
}

async fn parties_of(
    lists: &PartyLists,
    db: &mut PgConnection,
    person: &Person,
) -> ApiResult<Vec<PartyOfUser>> {
    let include = PartyListParts {
        roles: false,
        access_packages: false,
        resources: false,
        via_key_roles: true,
    };
    let mut assembly = lists.assembly(&person.0, include, None);
    let mut rows = store::reach(db, person.0.key, include, None);
    let mut out = Vec::new();
    while let Some(row) = rows.try_next().await? {
        out.extend(assembly.push(row).map(PartyOfUser::from));
    }
    out.extend(assembly.finish().map(PartyOfUser::from));
    Ok(out)
}

/// All parties whom the caller may act for.
#[utoipa::path(get, operation_id = "listPartiesOfUser", path = "/authorization/api/v1/parties", tag = "Portal",
    params(("userId" = i32, Query, description = "The caller's own user id")),
    responses((status = 200, body = Vec<PartyOfUser>), (status = 400, description = "No number"), (status = 401),
        (status = 403, description = "Another person's user id"), (status = 404, description = "No user id, or no party to act for")))]
pub async fn parties(
    State(lists): State<PartyLists>,
    user: AnyEndUser,
    query: Query,
) -> ApiResult<Json<Vec<PartyOfUser>>> {
    let user_id = number("userId", query.get("userId"))?;
    if user_id == 0 {
        return Err(ApiError::Status(StatusCode::NOT_FOUND));
    }
    let person = must_be(&user, user_id)?;
    let mut db = lists.db.acquire().await?;
    let found = parties_of(&lists, &mut db, person).await?;
    if found.is_empty() {
        return Err(ApiError::Status(StatusCode::NOT_FOUND));
    }
    Ok(Json(found))
}

/// Whether the caller may act for a party.
#[utoipa::path(get, operation_id = "validatePartyOfUser", path = "/authorization/api/v1/parties/{partyId}/validate", tag = "Portal",
    params(("partyId" = i32, Path), ("userId" = i32, Query, description = "The caller's own user id")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "No number"), (status = 401),
        (status = 403, description = "Another person's user id"), (status = 404, description = "No user id or party id")))]
pub async fn validate(
    State(lists): State<PartyLists>,
    user: AnyEndUser,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<bool>> {
    let party_id = number("partyId", Some(path.get("partyId")))?;
    let user_id = number("userId", query.get("userId"))?;
    if user_id == 0 || party_id == 0 {
        return Err(ApiError::Status(StatusCode::NOT_FOUND));
    }
    let person = must_be(&user, user_id)?;
    let mut db = lists.db.acquire().await?;
    let found = parties_of(&lists, &mut db, person).await?;
    Ok(Json(found.iter().any(|party| party.includes(party_id))))
}

/// The codes of the roles that the caller holds for a party.
#[utoipa::path(get, operation_id = "listRolesOfUser", path = "/authorization/api/v1/roles", tag = "Portal",
    params(("coveredByUserId" = i32, Query, description = "The caller's own user id"), ("offeredByPartyId" = i32, Query, description = "The party")),
    responses((status = 200, body = Vec<RoleOfUser>), (status = 400, description = "No number, or no party"), (status = 401),
        (status = 403, description = "Another person's user id"), (status = 404, description = "No role")))]
pub async fn roles(
    State(lists): State<PartyLists>,
    user: AnyEndUser,
    query: Query,
) -> ApiResult<Json<Vec<RoleOfUser>>> {
    let user_id = number("coveredByUserId", query.get("coveredByUserId"))?;
    let person = &must_be(&user, user_id)?.0;
    let party_id = number("offeredByPartyId", query.get("offeredByPartyId"))?;
    if party_id == 0 {
        return Err(ModelState::required("offeredByPartyId").into());
    }
    let missing = || ApiError::Status(StatusCode::NOT_FOUND);
    let mut db = lists.db.acquire().await?;
    let party = parties::party_by_id(&mut db, party_id).await?;
    let party = party.filter(|party| !party.is_gone()).ok_or_else(missing)?;
    let connections = parties::connections(&mut db, person, &party).await?;
    let mut out = Vec::new();
    for held in rules::held_roles(&lists.catalogue, person, &party, &connections) {
        let Some(role) = lists.catalogue.role(held.role) else {
            continue;
        };
        let codes = [role.register_code.as_ref(), role.legacy_code.as_ref()];
        out.extend(codes.into_iter().flatten().map(|code| RoleOfUser {
            r#type: "altinn",
            value: code.to_uppercase(),
        }));
    }
    out.sort_unstable();
    out.dedup();
    if out.is_empty() {
        return Err(missing());
    }
    Ok(Json(out))
}
