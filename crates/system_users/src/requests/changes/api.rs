//! `/authentication/api/v1/systemuser/changerequest/vendor`: what vendors do with change requests.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    bind,
    decide::{publish, record},
    model::{ChangeRequest, ChangeRequestDto, NewChange},
    rules, store,
};
use crate::{
    requests::{RequestStatus, Requests, api::owned_system, customer},
    users::{self, SystemUser},
};
use authorization::{callers::Vendor, live_system_users::SystemUserKind};
use foundation::{
    audit::{Action, Actor},
    db::repeat_on_conflict,
    events::EventKind,
    http::{
        ApiError, ApiResult, Json, ProblemCode,
        body::{self, JsonBytes},
        paging::{self, Paginated},
        path::PathValues,
        query::Query,
    },
    idempotency::{IdempotentRequest, RepeatableAnswer},
    ids::OrgNumber,
    token::scopes::{RequestRead, RequestWrite},
};

/// Asks that a system user gets more, or less. The vendor's correlation id is the id of the change
/// request; asking again with the same gives the stored one.
#[utoipa::path(post, operation_id = "createChangeRequest", path = "/authentication/api/v1/systemuser/changerequest/vendor", tag = "Vendor",
    params(("correlation-id" = Uuid, Query), ("system-user-id" = Uuid, Query)),
    request_body = crate::bodies::ChangeRequestBody,
    responses((status = 201, body = ChangeRequestDto), (status = 200, body = ChangeRequestDto, description = "It was there already, or nothing shall change"),
        (status = 400, content((String = "text/plain"), (String = "application/json")), description = "Model state, a text about a parameter, AUTH-00000, -00001, -00007, -00021, -00026, -00063 or -00064"),
        (status = 401, description = "No valid token, or another vendor's system user"), (status = 403),
        (status = 404, description = "AUTH-00011, AUTH-00012 or AUTH-00015"), (status = 409, description = "AUTH-00061")))]
pub async fn create(
    State(requests): State<Requests>,
    vendor: Vendor<RequestWrite>,
    query: Query,
    once: IdempotentRequest,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let id = |name: &str| -> ApiResult<Uuid> { Ok(query.uuid(name)?.unwrap_or_default()) };
    let (correlation_id, user_id) = (id("correlation-id")?, id("system-user-id")?);
    let new = bind::bind_change(&body::parse(&bytes, bind::BODY)?, &requests.catalogue)?;
    let text = |text: &str| ApiError::Text(StatusCode::BAD_REQUEST, text.to_owned());
    if correlation_id.is_nil() {
        return Err(text("The query parameter correlation-id is required."));
    }
    let org = vendor.organization()?;
    repeat_on_conflict(|| async {
        let mut tx = requests.db.begin().await?;
        if let Some(before) = once.answered(&mut tx, org.as_str(), &bytes).await? {
            return Ok(before);
        }
        let user = users::by_id(&mut tx, user_id)
            .await?
            .ok_or(ProblemCode::SystemUserNotFound)?;
        if correlation_id == user.id {
            return Err(text(
                "The query parameter correlation-id must not be the id of the system user.",
            ));
        }
        if user.vendor_org != org.as_str() {
            return Err(ApiError::Status(StatusCode::UNAUTHORIZED));
        }
        if new.sets.is_empty() {
            return Ok(Json(ChangeRequestDto::no_change_needed(
                correlation_id,
                user,
                new.clone(),
            ))
            .into_response());
        }
        let (request, is_new) =
            find_or_create(&requests, &mut tx, org, correlation_id, &user, &new).await?;
        let location = format!(
            "{}/authentication/api/v1/systemuser/changerequest/{}",
            requests.address.of(&headers),
            request.id
        );
        let (status, location) = if is_new {
            (StatusCode::CREATED, Some(location))
        } else {
            (StatusCode::OK, None)
        };
        let answer = RepeatableAnswer::json(
            status,
            location,
            &ChangeRequestDto::new(request, Some(&requests.config.ui_base)),
        )?;
        once.keep(&mut tx, org.as_str(), &answer).await?;
        foundation::db::commit(tx).await?;
        Ok(answer.into_response())
    })
    .await
}

async fn find_or_create(
    requests: &Requests,
    tx: &mut PgConnection,
    org: OrgNumber,
    id: Uuid,
    user: &SystemUser,
    new: &NewChange,
) -> ApiResult<(ChangeRequest, bool)> {
    let lifetime = requests.lifetime_days();
    let stored = store::any_state(&mut *tx, id, lifetime).await?;
    if let Some(theirs) = stored {
        return existing(&mut *tx, org, user, theirs)
            .await
            .map(|request| (request, false));
    }
    if user.kind == SystemUserKind::Agent {
        return Err(ProblemCode::SystemUserNotFound.into());
    }
    let system = owned_system(&mut *tx, org, &user.system_id)
        .await?
        .filter(|s| !s.is_deleted)
        .ok_or(ProblemCode::SystemNotFound)?;
    customer(&mut *tx, &user.reportee_org_no)
        .await?
        .ok_or(ProblemCode::OrganizationNotFound)?;
    rules::check_new(new, &system, &requests.catalogue)?;
    let Some(request) = store::insert(&mut *tx, id, user, new).await? else {
        // Another transaction has inserted a request with the same id.
        let theirs = store::any_state(&mut *tx, id, lifetime)
            .await?
            .ok_or(ProblemCode::RequestNotStored)?;
        return existing(tx, org, user, theirs)
            .await
            .map(|request| (request, false));
    };
    record(
        &mut *tx,
        Actor::Vendor,
        &request,
        &system,
        Action::ChangeRequestCreated,
    )
    .await?;
    publish(
        tx,
        &request,
        &system,
        EventKind::ChangeRequestCreated,
        RequestStatus::New,
    )
    .await?;
    Ok((request, true))
}

/// A row that has the id already: the caller's own is the answer, anything else is in the way.
async fn existing(
    tx: &mut PgConnection,
    org: OrgNumber,
    user: &SystemUser,
    stored: ChangeRequest,
) -> ApiResult<ChangeRequest> {
    let own = owned_system(tx, org, &stored.system_id).await?.is_some();
    match (own, stored.is_deleted) {
        (true, false) => Ok(stored),
        _ if user.kind == SystemUserKind::Agent => Err(ProblemCode::SystemUserNotFound.into()),
        (false, false) if stored.status == RequestStatus::New => {
            Err(ProblemCode::RequestPending.into())
        }
        _ => Err(ProblemCode::CorrelationIdUsed.into()),
    }
}

/// One change request of the caller.
#[utoipa::path(get, operation_id = "getChangeRequest", path = "/authentication/api/v1/systemuser/changerequest/vendor/{requestId}", tag = "Vendor",
    params(("requestId" = Uuid, Path)),
    responses((status = 200, body = ChangeRequestDto), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "AUTH-00010, also when it is another vendor's")))]
pub async fn read(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
) -> ApiResult<Json<ChangeRequestDto>> {
    let id = path.uuid("requestId")?;
    let org = vendor.organization()?;
    let mut db = requests.db.acquire().await?;
    let request = store::by_id(&mut db, id, requests.lifetime_days())
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    owned_system(&mut db, org, &request.system_id)
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(ChangeRequestDto::new(
        request,
        Some(&requests.config.ui_base),
    )))
}

/// The newest change request with this system, customer and reference.
#[utoipa::path(get, operation_id = "getChangeRequestByExternalReference", path = "/authentication/api/v1/systemuser/changerequest/vendor/byexternalref/{systemId}/{orgNo}/{externalRef}",
    tag = "Vendor", params(("systemId" = String, Path), ("orgNo" = String, Path), ("externalRef" = String, Path)),
    responses((status = 200, body = ChangeRequestDto), (status = 401), (status = 403), (status = 404, description = "AUTH-00010, also when the system is another vendor's")))]
pub async fn read_by_external_ref(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
) -> ApiResult<Json<ChangeRequestDto>> {
    let org = vendor.organization()?;
    let mut db = requests.db.acquire().await?;
    let system_id = path.get("systemId");
    // The owner is checked first: a vendor does not learn of which other vendors an organisation is
    // a customer.
    owned_system(&mut db, org, system_id)
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    let request = store::by_key(
        &mut db,
        system_id,
        path.get("orgNo"),
        path.get("externalRef"),
        requests.lifetime_days(),
    )
    .await?
    .ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(ChangeRequestDto::new(
        request,
        Some(&requests.config.ui_base),
    )))
}

/// Change requests for one of the caller's systems, by id, in pages.
#[utoipa::path(get, operation_id = "listChangeRequests", path = "/authentication/api/v1/systemuser/changerequest/vendor/bysystem/{systemId}", tag = "Vendor",
    params(("systemId" = String, Path), ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = Paginated<ChangeRequestDto>), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00011")))]
pub async fn list(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<ChangeRequestDto>>> {
    let from = paging::key(&query)?;
    let org = vendor.organization()?;
    let mut db = requests.db.acquire().await?;
    let system = owned_system(&mut db, org, path.get("systemId"))
        .await?
        .ok_or(ProblemCode::SystemNotFound)?;
    let size = requests.config.settings.pagination.page_size;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let found =
        store::of_system(&mut db, &system.id, from, limit, requests.lifetime_days()).await?;
    let next = |first: &ChangeRequestDto| {
        let id = paging::encoded(&system.id);
        let base = requests.address.called(&headers);
        format!(
            "{base}/authentication/api/v1/systemuser/changerequest/vendor/bysystem/{id}?token={}",
            paging::token(&first.id)
        )
    };
    Ok(Paginated::of(
        found
            .into_iter()
            .map(|r| ChangeRequestDto::new(r, None))
            .collect(),
        size,
        next,
    ))
}

/// Takes a change request back. Its outcome stays.
#[utoipa::path(delete, operation_id = "deleteChangeRequest", path = "/authentication/api/v1/systemuser/changerequest/vendor/{requestId}", tag = "Vendor",
    params(("requestId" = Uuid, Path)),
    responses((status = 202, description = "Taken back"), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00010")))]
pub async fn delete(
    State(requests): State<Requests>,
    vendor: Vendor<RequestWrite>,
    path: PathValues,
) -> ApiResult<StatusCode> {
    let id = path.uuid("requestId")?;
    let org = vendor.organization()?;
    repeat_on_conflict(|| async {
        let mut tx = requests.db.begin().await?;
        let request = store::by_id_for_update(&mut tx, id, requests.lifetime_days())
            .await?
            .ok_or(ProblemCode::RequestNotFound)?;
        let system = owned_system(&mut tx, org, &request.system_id)
            .await?
            .ok_or(ProblemCode::RequestNotFound)?;
        store::soft_delete(&mut tx, id, "vendor").await?;
        record(
            &mut tx,
            Actor::Vendor,
            &request,
            &system,
            Action::ChangeRequestDeleted,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(StatusCode::ACCEPTED)
    })
    .await
}
