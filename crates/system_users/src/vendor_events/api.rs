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
use authorization::callers::Vendor;
use foundation::{
    crypto::unbase64url,
    events::{Position, Stored, of_vendor},
    http::{
        ApiResult, Json, ModelState,
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
    pub data: Value,
}

/// Events in order.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// `next` goes on behind the last event, also when there is none yet.
    pub links: Links,
    /// Oldest first.
    pub data: Vec<CloudEvent>,
}

/// What happened to the caller's requests and system users, oldest first. Whoever follows
/// `links.next` misses nothing.
#[utoipa::path(get, path = "/systembruker/api/v1/events", tag = "Events",
    params(("after" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = EventPage), (status = 400), (status = 401), (status = 403)),
    security(("maskinporten" = ["altinn:authentication/systemuser.request.read"])))]
pub async fn list(
    State(events): State<VendorEvents>,
    vendor: Vendor<RequestRead>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<EventPage>> {
    let after = position(&query)?;
    let org = vendor.organization()?;
    let found = of_vendor(&mut *events.db.acquire().await?, org.as_str(), after, PAGE).await?;
    let address = format!("{}/systembruker/api/v1/events", events.address.of(&headers));
    let last = found.last().map_or(after, |event| event.position);
    let next = Some(format!("{address}?after={}", paging::token(&last)));
    Ok(Json(EventPage {
        links: Links { next },
        data: found
            .into_iter()
            .map(|event| cloud_event(event, &address))
            .collect(),
    }))
}

fn position(query: &Query) -> ApiResult<Position> {
    let Some(text) = query.get("after").filter(|t| !t.is_empty()) else {
        return Ok((0, 0));
    };
    let read = unbase64url(text.trim_end_matches('='))
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| ModelState::not_valid("after", text).into())
}

fn cloud_event(event: Stored, source: &str) -> CloudEvent {
    let mut data = event.payload;
    let told = |data: &Value, name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    let subject = match event.subject_kind.as_str() {
        "system_user" | "request" | "change_request" => event.subject_id.to_string(),
        _ => told(&data, "systemUserId").unwrap_or_default(),
    };
    let answered = told(&data, "status").unwrap_or_default().to_lowercase();
    let name = event
        .event
        .strip_prefix("systemuser_")
        .unwrap_or(&event.event);
    let kind = match name {
        "request_answered" | "changerequest_answered" => {
            name.replace("_answered", &format!(".{answered}"))
        }
        "created" | "changed" | "deleted" => format!("systemuser.{name}"),
        other => other.replace('_', "."),
    };
    data["partyOrgNo"] = event.party_org_no.into();
    CloudEvent {
        specversion: "1.0",
        id: event.id,
        source: source.to_owned(),
        kind: format!("no.systembruker.{kind}"),
        subject,
        time: event.created,
        datacontenttype: "application/json",
        data,
    }
}
