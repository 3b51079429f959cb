//! `GET /systembruker/api/v1/events`: a vendor follows what happens to its requests and system
//! users.

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::VendorEvents;
use crate::requests::RequestStatus;
use authorization::callers::Vendor;
use foundation::{
    crypto::unbase64url,
    events::{EventCursor, EventKind, EventSubjectKind, StoredEvent, of_vendor},
    http::{
        ApiError, ApiResult, Json, ModelState,
        paging::{self, Links},
        query::Query,
        time,
    },
    token::scopes::RequestRead,
};

const PAGE: i64 = 100;

/// An event in the JSON format of `CloudEvents` 1.0.
#[derive(Debug, Serialize, ToSchema)]
pub struct CloudEvent {
    pub specversion: &'static str,
    pub id: Uuid,
    /// Address of this API.
    pub source: String,
    /// `no.systembruker.` and `request.created`, `.accepted`, `.rejected`, `.escalated`,
    /// `.timedout`; `changerequest.created`, `.accepted`, `.rejected`, `.timedout`;
    /// `systemuser.created`, `.changed`, `.deleted`; `client.added`, `.removed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of the request, change request or system user.
    pub subject: String,
    #[serde(serialize_with = "time::serialize")]
    pub time: DateTime<Utc>,
    pub datacontenttype: &'static str,
    /// `systemId`, `externalRef`, `partyOrgNo`, and what belongs to the type.
    #[schema(value_type = crate::bodies::EventData)]
    pub data: Value,
}

/// Events in order.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// `next` goes on after the last event, also when there is none yet.
    pub links: Links,
    /// Oldest first.
    pub data: Vec<CloudEvent>,
}

/// What happened to the caller's requests and system users, oldest first. A client that follows
/// `links.next` misses nothing.
#[utoipa::path(get, operation_id = "listEvents", path = "/systembruker/api/v1/events", tag = "Vendor",
    params(("after" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = EventPage), (status = 400), (status = 401), (status = 403)))]
pub async fn list(
    State(events): State<VendorEvents>,
    vendor: Vendor<RequestRead>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<EventPage>> {
    let after = cursor(&query)?;
    let org = vendor.organization()?;
    let found = of_vendor(&mut *events.db.acquire().await?, org.as_str(), &after, PAGE).await?;
    let address = format!(
        "{}/systembruker/api/v1/events",
        events.address.called(&headers)
    );
    let next = Some(format!("{address}?after={}", paging::token(&found.next)));
    Ok(Json(EventPage {
        links: Links { next },
        data: found
            .events
            .into_iter()
            .map(|event| cloud_event(event, &address))
            .collect::<ApiResult<_>>()?,
    }))
}

fn cursor(query: &Query) -> ApiResult<EventCursor> {
    let Some(text) = query.get("after").filter(|t| !t.is_empty()) else {
        return Ok(EventCursor::begin());
    };
    let read = unbase64url(text.trim_end_matches('='))
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| ModelState::not_valid("after", text).into())
}

/// An event as stored, for the vendor.
///
/// # Errors
/// A stored event that this program cannot read.
fn cloud_event(event: StoredEvent, source: &str) -> ApiResult<CloudEvent> {
    let id = event.id;
    let unreadable = || {
        let error = format!("outbox row {id} holds no event of ours");
        ApiError::from(sqlx::Error::Decode(error.into()))
    };
    let kind = EventKind::from_wire(&event.event).ok_or_else(unreadable)?;
    let member = |name: &str| event.payload.get(name).and_then(Value::as_str);
    let subject = match kind.subject() {
        EventSubjectKind::Request
        | EventSubjectKind::ChangeRequest
        | EventSubjectKind::SystemUser => event.subject_id.to_string(),
        EventSubjectKind::SystemUserChange | EventSubjectKind::ClientChange => {
            member("systemUserId").ok_or_else(unreadable)?.to_owned()
        }
    };
    let status = match member("status") {
        Some(word) => Some(RequestStatus::from_stored(word).ok_or_else(unreadable)?),
        None => None,
    };
    let name = type_of(kind, status).ok_or_else(unreadable)?;
    let mut data = event.payload;
    data["partyOrgNo"] = event.party_org_no.into();
    Ok(CloudEvent {
        specversion: "1.0",
        id: event.id,
        source: source.to_owned(),
        kind: format!("no.systembruker.{name}"),
        subject,
        time: event.created,
        datacontenttype: "application/json",
        data,
    })
}

/// Type of an event, without the prefix that all have. None for an answer that is none.
fn type_of(kind: EventKind, status: Option<RequestStatus>) -> Option<&'static str> {
    let answered = |accepted, rejected| match status {
        Some(RequestStatus::Accepted) => Some(accepted),
        Some(RequestStatus::Rejected) => Some(rejected),
        Some(RequestStatus::New | RequestStatus::Denied | RequestStatus::Timedout) | None => None,
    };
    match kind {
        EventKind::RequestCreated => Some("request.created"),
        EventKind::RequestAnswered => answered("request.accepted", "request.rejected"),
        EventKind::RequestEscalated => Some("request.escalated"),
        EventKind::RequestTimedOut => Some("request.timedout"),
        EventKind::ChangeRequestCreated => Some("changerequest.created"),
        EventKind::ChangeRequestAnswered => {
            answered("changerequest.accepted", "changerequest.rejected")
        }
        EventKind::ChangeRequestTimedOut => Some("changerequest.timedout"),
        EventKind::SystemUserCreated => Some("systemuser.created"),
        EventKind::SystemUserChanged => Some("systemuser.changed"),
        EventKind::SystemUserDeleted => Some("systemuser.deleted"),
        EventKind::ClientAdded => Some("client.added"),
        EventKind::ClientRemoved => Some("client.removed"),
    }
}
