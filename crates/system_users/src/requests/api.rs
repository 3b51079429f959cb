//! `/authentication/api/v1/systemuser/request/vendor`: what vendors do with requests.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use sqlx::PgConnection;

use super::Requests;
use super::{
    bind,
    decide::{customer, publish},
    model::{NewRequest, RequestDto, RequestKind, RequestStatus, SystemUserRequest},
    rules, store,
};
use crate::{
    systems::{self, System},
    users,
};
use authorization::callers::Vendor;
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::repeat_on_conflict,
    events::EventKind,
    http::{
        ApiError, ApiResult, Json, ProblemCode,
        body::{self, JsonBytes},
        context,
        paging::{self, Paginated},
        path::PathValues,
        query::Query,
    },
    idempotency::{IdempotentRequest, RepeatableAnswer},
    ids::OrgNumber,
    limits::{Limit, LimitRefusal},
    telemetry::security::SecurityEvent,
    token::scopes::{RequestRead, RequestWrite},
};

/// Asks for a system user of the customer's own. Asking again for the same gives the stored
/// request.
#[utoipa::path(post, operation_id = "createRequest", path = "/authentication/api/v1/systemuser/request/vendor", tag = "Vendor",
    request_body = crate::bodies::RequestBody,
    responses((status = 201, body = RequestDto), (status = 200, body = RequestDto, description = "It was there already"),
        (status = 400, description = "Model state, AUTH-00000, -00001, -00004, -00021, -00026, -00059, -00063 or -00064"),
        (status = 401, description = "No valid token, or AUTH-00023"), (status = 403), (status = 404, description = "AUTH-00011")))]
pub async fn create(
    State(requests): State<Requests>,
    vendor: Vendor<RequestWrite>,
    once: IdempotentRequest,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    ask(
        &requests,
        &vendor,
        RequestKind::Standard,
        &once,
        &headers,
        &bytes,
    )
    .await
}

/// Asks for a system user that acts for the customer's clients. Asking again for the same gives the
/// stored request.
#[utoipa::path(post, operation_id = "createAgentRequest", path = "/authentication/api/v1/systemuser/request/vendor/agent", tag = "Vendor",
    request_body = crate::bodies::AgentRequestBody,
    responses((status = 201, body = RequestDto), (status = 200, body = RequestDto, description = "It was there already"),
        (status = 400, description = "Model state, AUTH-00000, -00004, -00021, -00026, -00058, -00063 or -00065"),
        (status = 401, description = "No valid token, or AUTH-00023"), (status = 403), (status = 404, description = "AUTH-00011")))]
pub async fn create_for_agent(
    State(requests): State<Requests>,
    vendor: Vendor<RequestWrite>,
    once: IdempotentRequest,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    ask(
        &requests,
        &vendor,
        RequestKind::Agent,
        &once,
        &headers,
        &bytes,
    )
    .await
}

async fn ask(
    requests: &Requests,
    vendor: &Vendor<RequestWrite>,
    kind: RequestKind,
    once: &IdempotentRequest,
    headers: &HeaderMap,
    bytes: &[u8],
) -> ApiResult<Response> {
    let new = bind::bind_request(
        &body::parse(bytes, bind::parameter(kind))?,
        kind,
        &requests.catalogue,
    )?;
    let org = vendor
        .organization_if_any()
        .ok_or(ProblemCode::VendorNotInToken)?;
    repeat_on_conflict(|| async {
        let mut tx = requests.db.begin().await?;
        if let Some(before) = once.answered(&mut tx, org.as_str(), bytes).await? {
            return Ok(before);
        }
        let system = owned_system(&mut tx, org, &new.system_id)
            .await?
            .filter(|s| !s.is_deleted)
            .ok_or(ProblemCode::SystemNotFound)?;
        let (request, is_new) = find_or_create(requests, &mut tx, kind, &new, &system).await?;
        let location = format!(
            "{}/authentication/api/v1/systemuser/request/{}",
            requests.address.of(headers),
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
            &RequestDto::new(request, Some(&requests.config.ui_base)),
        )?;
        once.keep(&mut tx, org.as_str(), &answer).await?;
        foundation::db::commit(tx).await?;
        Ok(answer.into_response())
    })
    .await
}

/// What is there already under the key of a new request.
pub(super) enum ExistingUnderKey {
    /// An active system user: a request is not needed.
    SystemUser,
    /// A request that is open or answered.
    Request(Box<SystemUserRequest>),
    /// A new one may be created. It replaces the stored one, which cannot be answered any more
    /// or whose system user is deleted.
    Replaceable(Option<Box<SystemUserRequest>>),
}

pub(super) async fn existing(
    tx: &mut PgConnection,
    kind: RequestKind,
    new: &NewRequest,
    lifetime_days: i32,
) -> ApiResult<ExistingUnderKey> {
    let external_ref = new.key_ref();
    if users::active_with_key(
        &mut *tx,
        &new.system_id,
        &new.party_org_no,
        external_ref.as_str(),
    )
    .await?
    .is_some()
    {
        return Ok(ExistingUnderKey::SystemUser);
    }
    let stored = store::by_key(
        tx,
        kind,
        &new.system_id,
        &new.party_org_no,
        external_ref.as_str(),
        lifetime_days,
    )
    .await?
    .map(Box::new);
    let is_replaceable = |r: &SystemUserRequest| {
        (r.status == RequestStatus::New && r.timed_out) || r.status == RequestStatus::Accepted
    };
    Ok(match stored {
        Some(request) if !is_replaceable(&request) => ExistingUnderKey::Request(request),
        other => ExistingUnderKey::Replaceable(other),
    })
}

/// When a vendor with too many open requests may look again whether the customer has answered some.
const RETRY_WHEN_ANSWERED_S: u32 = 3_600;

fn too_many_open(limit: Limit) -> ApiError {
    let refused = LimitRefusal::TooOften {
        limit,
        retry_after: RETRY_WHEN_ANSWERED_S,
    };
    context::note_limit(refused);
    refused.into()
}

async fn find_or_create(
    requests: &Requests,
    tx: &mut PgConnection,
    kind: RequestKind,
    new: &NewRequest,
    system: &System,
) -> ApiResult<(SystemUserRequest, bool)> {
    let lifetime = requests.lifetime_days();
    let settings = &requests.config.settings.requests;
    let replaced = match existing(&mut *tx, kind, new, lifetime).await? {
        ExistingUnderKey::SystemUser => return Err(ProblemCode::SystemUserExists.into()),
        ExistingUnderKey::Request(request) => return Ok((*request, false)),
        ExistingUnderKey::Replaceable(replaced) => replaced,
    };
    customer(&mut *tx, &new.party_org_no)
        .await?
        .ok_or(ProblemCode::OrganizationNotFound)?;
    rules::check_new(kind, new, system, &requests.catalogue)?;
    if let Some(old) = replaced {
        store::soft_delete(&mut *tx, old.id, "replaced").await?;
        record(&mut *tx, &old, system, Action::RequestReplaced).await?;
    }
    let (vendor, customer) = (&system.vendor_org, &new.party_org_no);
    let max = settings.max_open_per_customer;
    if store::open_to_customer(&mut *tx, vendor, customer, lifetime, max).await? >= max {
        return Err(too_many_open(Limit::OpenRequests));
    }
    let max = settings.max_open_per_vendor;
    if store::open_of_vendor(&mut *tx, vendor, lifetime, max).await? >= max {
        return Err(too_many_open(Limit::OpenRequestsOfVendor));
    }
    let external_ref = new.key_ref();
    let title = new
        .integration_title
        .as_deref()
        .or_else(|| system.name.get("nb").and_then(serde_json::Value::as_str));
    let Some(request) = store::insert(&mut *tx, kind, new, external_ref.as_str(), title).await?
    else {
        // Another transaction has inserted a request with the same key: it is the answer.
        let theirs = store::by_key(
            tx,
            kind,
            &new.system_id,
            &new.party_org_no,
            external_ref.as_str(),
            lifetime,
        )
        .await?;
        return theirs
            .map(|r| (r, false))
            .ok_or(ProblemCode::RequestNotStored.into());
    };
    record(&mut *tx, &request, system, Action::RequestCreated).await?;
    publish(
        tx,
        &request,
        system,
        EventKind::RequestCreated,
        RequestStatus::New,
    )
    .await?;
    Ok((request, true))
}

async fn record(
    tx: &mut PgConnection,
    request: &SystemUserRequest,
    system: &System,
    action: Action,
) -> Result<(), foundation::db::DbError> {
    let event = audit::AuditEvent {
        actor: Actor::Vendor,
        action,
        object_kind: ObjectKind::Request,
        object_id: request.id.to_string(),
        party_org: Some(&request.party_org_no),
        vendor_org: Some(&system.vendor_org),
        detail: None,
    };
    audit::record(tx, event).await
}

pub(super) async fn owned_system(
    db: &mut PgConnection,
    vendor: OrgNumber,
    system_id: &str,
) -> Result<Option<System>, foundation::db::DbError> {
    let system = systems::by_id(db, system_id).await?;
    Ok(system.filter(|system| {
        let is_own = system.vendor_org == vendor.as_str();
        if !is_own {
            context::report(SecurityEvent::TenantMismatch {
                object_kind: ObjectKind::System.wire(),
                object_id: system_id,
            });
        }
        is_own
    }))
}

/// One request of the caller.
#[utoipa::path(get, operation_id = "getRequest", path = "/authentication/api/v1/systemuser/request/vendor/{requestId}", tag = "Vendor",
    params(("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestDto), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "AUTH-00010, also when it is another vendor's")))]
pub async fn read(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    read_of(&requests, &vendor, RequestKind::Standard, &path).await
}

/// One request of the caller, for an agent.
#[utoipa::path(get, operation_id = "getAgentRequest", path = "/authentication/api/v1/systemuser/request/vendor/agent/{requestId}", tag = "Vendor",
    params(("requestId" = uuid::Uuid, Path)),
    responses((status = 200, body = RequestDto), (status = 400), (status = 401), (status = 403),
        (status = 404, description = "AUTH-00010, also when it is another vendor's")))]
pub async fn read_for_agent(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    read_of(&requests, &vendor, RequestKind::Agent, &path).await
}

async fn read_of(
    requests: &Requests,
    vendor: &Vendor<RequestRead>,
    kind: RequestKind,
    path: &PathValues,
) -> ApiResult<Json<RequestDto>> {
    let id = path.uuid("requestId")?;
    let org = vendor.organization()?;
    let mut db = requests.db.acquire().await?;
    let request = store::by_id(&mut db, kind, id, requests.lifetime_days())
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    owned_system(&mut db, org, &request.system_id)
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(RequestDto::new(
        request,
        Some(&requests.config.ui_base),
    )))
}

/// The request with this system, customer and reference.
#[utoipa::path(get, operation_id = "getRequestByExternalReference", path = "/authentication/api/v1/systemuser/request/vendor/byexternalref/{systemId}/{orgNo}/{externalRef}", tag = "Vendor",
    params(("systemId" = String, Path), ("orgNo" = String, Path), ("externalRef" = String, Path)),
    responses((status = 200, body = RequestDto), (status = 401), (status = 403), (status = 404, description = "AUTH-00010, also when the system is another vendor's")))]
pub async fn read_by_external_ref(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    read_by_key(&requests, &vendor, RequestKind::Standard, &path).await
}

/// The request for an agent with this system, customer and reference.
#[utoipa::path(get, operation_id = "getAgentRequestByExternalReference", path = "/authentication/api/v1/systemuser/request/vendor/agent/byexternalref/{systemId}/{orgNo}/{externalRef}", tag = "Vendor",
    params(("systemId" = String, Path), ("orgNo" = String, Path), ("externalRef" = String, Path)),
    responses((status = 200, body = RequestDto), (status = 401), (status = 403), (status = 404, description = "AUTH-00010, also when the system is another vendor's")))]
pub async fn read_for_agent_by_external_ref(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
) -> ApiResult<Json<RequestDto>> {
    read_by_key(&requests, &vendor, RequestKind::Agent, &path).await
}

async fn read_by_key(
    requests: &Requests,
    vendor: &Vendor<RequestRead>,
    kind: RequestKind,
    path: &PathValues,
) -> ApiResult<Json<RequestDto>> {
    let org = vendor.organization()?;
    let mut db = requests.db.acquire().await?;
    let lifetime = requests.lifetime_days();
    let (system_id, org_no, external_ref) = (
        path.get("systemId"),
        path.get("orgNo"),
        path.get("externalRef"),
    );
    // The owner is checked first: a vendor does not learn of which other vendors an organisation is
    // a customer.
    owned_system(&mut db, org, system_id)
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    let request = store::by_key(&mut db, kind, system_id, org_no, external_ref, lifetime)
        .await?
        .ok_or(ProblemCode::RequestNotFound)?;
    Ok(Json(RequestDto::new(
        request,
        Some(&requests.config.ui_base),
    )))
}

/// Requests for one of the caller's systems, by id, in pages.
#[utoipa::path(get, operation_id = "listRequests", path = "/authentication/api/v1/systemuser/request/vendor/bysystem/{systemId}", tag = "Vendor",
    params(("systemId" = String, Path), ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = Paginated<RequestDto>), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00011")))]
pub async fn list(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<RequestDto>>> {
    page(
        &requests,
        &vendor,
        RequestKind::Standard,
        &path,
        &query,
        &headers,
    )
    .await
}

/// Requests for agents for one of the caller's systems, by id, in pages.
#[utoipa::path(get, operation_id = "listAgentRequests", path = "/authentication/api/v1/systemuser/request/vendor/agent/bysystem/{systemId}", tag = "Vendor",
    params(("systemId" = String, Path), ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = Paginated<RequestDto>), (status = 400), (status = 401), (status = 403), (status = 404, description = "AUTH-00011")))]
pub async fn list_for_agents(
    State(requests): State<Requests>,
    vendor: Vendor<RequestRead>,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<RequestDto>>> {
    page(
        &requests,
        &vendor,
        RequestKind::Agent,
        &path,
        &query,
        &headers,
    )
    .await
}

async fn page(
    requests: &Requests,
    vendor: &Vendor<RequestRead>,
    kind: RequestKind,
    path: &PathValues,
    query: &Query,
    headers: &HeaderMap,
) -> ApiResult<Json<Paginated<RequestDto>>> {
    let from = paging::key(query)?;
    let org = vendor.organization()?;
    let mut db = requests.db.acquire().await?;
    let system = owned_system(&mut db, org, path.get("systemId"))
        .await?
        .ok_or(ProblemCode::SystemNotFound)?;
    let size = requests.config.settings.pagination.page_size;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let found = store::of_system(
        &mut db,
        kind,
        &system.id,
        from,
        limit,
        requests.lifetime_days(),
    )
    .await?;
    let which = if kind == RequestKind::Agent {
        "agent/"
    } else {
        ""
    };
    let next = |first: &RequestDto| {
        let id = paging::encoded(&system.id);
        format!(
            "{}/authentication/api/v1/systemuser/request/vendor/{which}bysystem/{id}?token={}",
            requests.address.called(headers),
            paging::token(&first.id)
        )
    };
    Ok(Paginated::of(
        found
            .into_iter()
            .map(|r| RequestDto::new(r, None))
            .collect(),
        size,
        next,
    ))
}

/// Takes a request of either kind back. Its outcome stays.
#[utoipa::path(delete, operation_id = "deleteRequest", path = "/authentication/api/v1/systemuser/request/vendor/{requestId}", tag = "Vendor",
    params(("requestId" = uuid::Uuid, Path)),
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
        let request = store::any_kind_for_update(&mut tx, id, requests.lifetime_days())
            .await?
            .ok_or(ProblemCode::RequestNotFound)?;
        let system = owned_system(&mut tx, org, &request.system_id)
            .await?
            .ok_or(ProblemCode::RequestNotFound)?;
        store::soft_delete(&mut tx, id, "vendor").await?;
        record(&mut tx, &request, &system, Action::RequestDeleted).await?;
        foundation::db::commit(tx).await?;
        Ok(StatusCode::ACCEPTED)
    })
    .await
}
