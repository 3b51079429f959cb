//! `/accessmanagement/api/v1/connection/reportee`: right-holders that a party gets and loses, as the
//! portal's pages ask.

use access_management::{
    callers::{AccessManagerCaller, GiveAccessOfPathParty, RemoveAccessInPortal},
    client_delegations::{Cascade, PersonInputDto},
    person_lookup::bind_person,
    query::required_uuids,
};
use axum::extract::State;
use foundation::{
    http::{ApiError, Json, ModelState, body::JsonBytes, query::Query},
    ids::NationalId,
};
use http::StatusCode;
use uuid::Uuid;

use super::{
    PortalBackEnd,
    passed_on::{Added, PassedResult},
    person_input::{cleaned, complete, refused},
};

/// Makes a party a right-holder: by its uuid, or a person by identity number and last name. The answer
/// is the uuid of the right-holder.
#[utoipa::path(post, operation_id = "addPortalRightHolder", path = "/accessmanagement/api/v1/connection/reportee/{partyUuid}/rightholder", tag = "Portal",
    params(("partyUuid" = Uuid, Path, description = "Uuid of the party that gives"), ("rightholderPartyUuid" = Option<String>, Query, description = "Uuid of the right-holder; without it, or where it is none, the body describes a person")),
    request_body(content = Option<PersonInputDto>),
    responses((status = 200, body = Uuid, content_type = "application/json"), (status = 400, body = String, description = "Model state, a text about the body, or a problem of the call behind"), (status = 401), (status = 403), (status = 429, description = "The caller named unknown persons too often; or too many requests")))]
pub async fn add(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessOfPathParty>,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<Uuid>, Added> {
    // The pages write `undefined` where the body names a person.
    let named = query.uuid("rightholderPartyUuid").ok().flatten();
    let named = named.filter(|uuid| !uuid.is_nil());
    let mut input = None;
    if named.is_none() {
        let found = bind_person(&bytes).ok().flatten().ok_or_else(|| {
            refused("Either rightholderPartyUuid or personInput must be provided.")
        })?;
        input = Some(complete(&found)?);
    }
    let added = portal
        .access
        .add_right_holder(&caller, named, input.as_ref());
    Ok(Json(added.await?.to_id))
}

/// Ends a right-holder relation with all that it carries. One that does not exist is no error.
#[utoipa::path(delete, operation_id = "removePortalRightHolder", path = "/accessmanagement/api/v1/connection/reportee", tag = "Portal",
    params(("party" = Uuid, Query, description = "Uuid of the party"), ("from" = Uuid, Query, description = "Who gave; the party or the other end"), ("to" = Uuid, Query, description = "Who has it; the party or the other end")),
    responses((status = 204, description = "There is no such relation any more"), (status = 400, description = "Model state, or a problem of the call behind"), (status = 401), (status = 403)))]
pub async fn remove(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<RemoveAccessInPortal>,
    query: Query,
) -> PassedResult<StatusCode, Added> {
    let [from, to] = required_uuids(&query, ["from", "to"])?;
    portal
        .access
        .remove_right_holder(&caller, from, to, Cascade::Yes)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Finds the person with this identity number and last name. The answer is the uuid of the person.
#[utoipa::path(post, operation_id = "validatePortalPerson", path = "/accessmanagement/api/v1/connection/reportee/{partyUuid}/rightholder/validateperson", tag = "Portal",
    params(("partyUuid" = Uuid, Path, description = "Uuid of the party that would give")),
    request_body(content = PersonInputDto),
    responses((status = 200, body = Uuid, content_type = "application/json"), (status = 400, description = "Model state"), (status = 401), (status = 403), (status = 404, description = "There is no such person"), (status = 429, description = "The caller named unknown persons too often; or too many requests")))]
pub async fn validate_person(
    State(portal): State<PortalBackEnd>,
    caller: AccessManagerCaller<GiveAccessOfPathParty>,
    JsonBytes(bytes): JsonBytes,
) -> PassedResult<Json<Uuid>, Added> {
    let missing = || ApiError::from(ModelState::required("validationInput"));
    let input = bind_person(&bytes)?.ok_or_else(missing)?;
    let input = cleaned(&input);
    let absent = || ApiError::Status(StatusCode::NOT_FOUND);
    if input.last_name.is_empty() || NationalId::parse(&input.person_identifier).is_err() {
        return Err(absent().into());
    }
    let found = portal.access.find_person(caller.by.party.uuid, &input);
    Ok(Json(found.await?.ok_or_else(absent)?.uuid))
}
