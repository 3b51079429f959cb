//! Choosing the organisation to act for.

use axum::extract::State;
use http::StatusCode;

use super::problem::PortalResult;
use super::{PortalBackEnd, PortalUser};
use foundation::http::{
    ApiError, Json, ModelState,
    bind::{Binder, MemberPresence},
    body::{self, JsonBytes},
    query::parse_uuid,
};
use registers::parties;

const BODY: &str = "reportee";

/// Chooses the party to act for. Nothing is remembered: every call names its party. It says whether
/// the caller may.
#[utoipa::path(post, operation_id = "changePortalReportee", path = "/accessmanagement/api/v1/reportee/change", tag = "Portal",
    request_body = super::model::PortalReporteeBody,
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00999")))]
pub async fn change_reportee(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    JsonBytes(bytes): JsonBytes,
) -> PortalResult<Json<bool>> {
    let value = body::parse(&bytes, BODY)?;
    let mut binder = Binder::new(BODY);
    let root = binder.root(&value)?;
    let uuid = binder
        .text(&root, "partyUuid", MemberPresence::Optional)?
        .ok_or_else(|| ModelState::required("PartyUuid"))?;
    binder.finish()?;
    let uuid = parse_uuid("PartyUuid", &uuid)?;
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let person = user.person()?;
    let mut db = portal.db.acquire().await?;
    let party = parties::party_by_uuid(&mut db, uuid)
        .await?
        .ok_or_else(forbidden)?;
    let own = party.key == person.0.key;
    if own || parties::has_relation(&mut db, &portal.catalogue, &person.0, &party).await? {
        Ok(Json(true))
    } else {
        Err(forbidden().into())
    }
}
