//! `/authentication/api/v1/systemuser`: looking system users up, reading and deleting them.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{
    model::{ExternalSystemUser, SystemUser, SystemUserDetail, SystemUserKind},
    store,
};
use crate::{
    app::{
        AppState, Maskinporten,
        callers::{AccessManagementWrite, Permitted, SystemUserOverviewRead},
    },
    audit::{self, Actor},
    delegation,
    http::{ApiError, ApiResult, Json, ProblemCode, no_store, path::PathValues, query::Query},
    ids::ExternalRef,
    register::{Party, Person},
    token::scopes::SystemUserLookup,
};

/// Maskinporten's look-up: the system user of a client, vendor, owner and reference. Always one or none.
#[utoipa::path(get, path = "/authentication/api/v1/systemuser/byExternalId", tag = "System users",
    params(("clientId" = String, Query), ("systemProviderOrgNo" = String, Query), ("systemUserOwnerOrgNo" = String, Query),
        ("externalRef" = Option<String>, Query)),
    responses((status = 200, body = ExternalSystemUser, description = "productName is the system id"), (status = 400), (status = 401),
        (status = 403), (status = 404, description = "None")),
    security(("maskinporten" = ["altinn:maskinporten/systemuser.read"])))]
pub async fn by_external_id(State(state): State<AppState>, caller: Maskinporten<SystemUserLookup>, query: Query) -> ApiResult<impl IntoResponse> {
    let allowed = &state.config.settings.byexternalid.allowed_consumers;
    if !allowed.is_empty() && !caller.caller.principal.org.is_some_and(|org| allowed.iter().any(|a| a == org.as_str())) {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    let client_id = query.required("clientId")?;
    let provider = query.required("systemProviderOrgNo")?;
    let owner = query.required("systemUserOwnerOrgNo")?;
    let external_ref = ExternalRef::exact_or_default(query.get("externalRef"), owner);
    let user = store::by_external_id(&mut *state.db.acquire().await?, client_id, provider, owner, external_ref.as_str()).await?;
    let user = user.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let system_id = user.system_id.clone();
    Ok((no_store(), Json(ExternalSystemUser::new(user, system_id))))
}

/// One system user of the party, with what it holds now.
#[utoipa::path(get, path = "/authentication/api/v1/systemuser/{party}/{systemUserId}", tag = "System users",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path)),
    responses((status = 200, body = SystemUserDetail), (status = 400), (status = 401), (status = 403), (status = 404)),
    security(("person" = [])))]
pub async fn read(
    State(state): State<AppState>,
    permitted: Permitted<SystemUserOverviewRead>,
    path: PathValues,
) -> ApiResult<Json<SystemUserDetail>> {
    let id = path.uuid("systemUserId")?;
    let mut db = state.db.acquire().await?;
    let user = store::by_id(&mut db, id).await?.filter(|u| u.owner_key == permitted.party.key);
    let user = user.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let held = match user.kind {
        SystemUserKind::Standard => Some(delegation::held(&mut db, user.owner_key, user.id).await?),
        SystemUserKind::Agent => None,
    };
    Ok(Json(SystemUserDetail::new(user, held)))
}

/// Deletes a standard system user with everything it holds, and the request it came from.
#[utoipa::path(delete, path = "/authentication/api/v1/systemuser/{party}/{systemUserId}", tag = "System users",
    params(("party" = i32, Path), ("systemUserId" = uuid::Uuid, Path)),
    responses((status = 202, body = i32, description = "1: deleted"), (status = 400), (status = 401),
        (status = 403, description = "AUTH-00024: another party's"), (status = 404, body = i32, description = "0: there is none")),
    security(("person" = [])))]
pub async fn delete(State(state): State<AppState>, permitted: Permitted<AccessManagementWrite>, path: PathValues) -> ApiResult<Response> {
    let id = path.uuid("systemUserId")?;
    let person = permitted.person()?;
    let mut tx = state.db.begin().await?;
    let gone = || Ok((StatusCode::NOT_FOUND, Json(0)).into_response());
    let Some(user) = store::by_id(&mut tx, id).await? else { return gone() };
    check_deletable(&permitted.party, &user)?;
    if !remove(&mut tx, person, &user).await? {
        return gone();
    }
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(1)).into_response())
}

fn check_deletable(party: &Party, user: &SystemUser) -> Result<(), ProblemCode> {
    if party.org_number.is_none() {
        return Err(ProblemCode::OrganizationNotFound);
    }
    if user.owner_key != party.key {
        return Err(ProblemCode::NotYourSystemUser);
    }
    if user.kind == SystemUserKind::Agent {
        return Err(ProblemCode::NotStandard);
    }
    Ok(())
}

/// Deletes and records. False when somebody was faster.
async fn remove(tx: &mut sqlx::PgConnection, person: &Person, user: &SystemUser) -> ApiResult<bool> {
    let by = format!("user_id:{}", person.0.user_id.unwrap_or(0));
    if !store::delete(&mut *tx, user, &by).await? {
        return Ok(false);
    }
    for (action, object_kind) in [("systemuser.deleted", "system_user"), ("delegation.revoked", "system_user")] {
        audit::record(
            &mut *tx,
            audit::Event {
                actor: Actor::Person(person.0.uuid),
                action,
                object_kind,
                object_id: user.id.to_string(),
                party_org: Some(&user.reportee_org_no),
                vendor_org: Some(&user.vendor_org),
                detail: None,
            },
        )
        .await?;
    }
    let message = crate::events::Message {
        event: "systemuser_deleted",
        subject_kind: "system_user",
        subject_id: user.id,
        party_org: &user.reportee_org_no,
        vendor_org: &user.vendor_org,
        payload: serde_json::json!({"systemId": user.system_id, "externalRef": user.external_ref}),
    };
    crate::events::post(tx, message).await?;
    Ok(true)
}
