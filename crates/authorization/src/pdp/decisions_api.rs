//! `GET /systembruker/api/v1/decisions/{id}`: the decisions of an answer, once more, for the caller
//! who got them.

use std::time::Duration;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{api::SubscriptionKey, log};
use crate::callers::ScopedCaller;
use crate::pdp::endpoints::DecisionEndpoints;
use foundation::{
    http::{ApiError, ApiResult, Json, path::PathValues, time},
    token::scopes::Authorize,
};

/// Decisions of one answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerDecisions {
    /// As in `Systembruker-Decision-Id`.
    pub decision_id: Uuid,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    /// `external`, `internal`, `token` or `authzen`.
    pub endpoint: String,
    /// In the order of the answer.
    pub decisions: Vec<LoggedDecision>,
}

/// One decision, as it was logged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedDecision {
    /// `Permit`, `Deny`, `NotApplicable` or `Indeterminate`.
    pub decision: &'static str,
    /// Status code as a URN.
    pub status_code: String,
    /// Why, as a fixed word.
    pub reason: String,
    /// Identifier of the resource, as known or as asked.
    pub resource: Option<String>,
    /// Action.
    pub action: Option<String>,
    /// System user or party.
    pub subject_party_uuid: Option<Uuid>,
    /// Party that it was about.
    pub resource_party_id: Option<i32>,
    /// How often a policy was stored for the resource until then.
    pub policy_version: Option<i32>,
    /// Rule of the policy, or id of the assignment with the single right.
    pub decided_by: Option<String>,
    pub duration_microseconds: i32,
    /// Authentication level that the policy states for all subjects, with a Permit.
    pub minimum_level: Option<i32>,
    /// Authentication level that the policy states for system users, with a Permit.
    pub minimum_level_system_users: Option<i32>,
    /// Which of the two counts for the subject: `general` or `systemUsers`.
    pub level_counted: Option<String>,
    /// How it came about, if that was asked for then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::bodies::Explanation>)]
    pub explanation: Option<Value>,
}

impl LoggedDecision {
    fn of(mut line: Map<String, Value>) -> Self {
        let mut take = |name: &str| line.get_mut(name).map(Value::take).unwrap_or_default();
        let text = |value: Value| {
            if let Value::String(text) = value {
                Some(text)
            } else {
                None
            }
        };
        let number = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
        Self {
            decision: match take("decision").as_i64() {
                Some(1) => "Permit",
                Some(2) => "Deny",
                Some(4) => "NotApplicable",
                _ => "Indeterminate",
            },
            status_code: format!(
                "urn:oasis:names:tc:xacml:1.0:status:{}",
                text(take("statusCode")).unwrap_or_default()
            ),
            reason: text(take("reason")).unwrap_or_default(),
            resource: text(take("resource")),
            action: text(take("operation")),
            subject_party_uuid: text(take("subjectPartyUuid")).and_then(|uuid| uuid.parse().ok()),
            resource_party_id: number(&take("resourcePartyId")),
            policy_version: number(&take("policyVersion")),
            decided_by: text(take("decidedBy")),
            duration_microseconds: number(&take("durationMicroseconds")).unwrap_or_default(),
            minimum_level: number(&take("minimumLevel")),
            minimum_level_system_users: number(&take("minimumLevelSystemUsers")),
            level_counted: text(take("levelCounted")),
            explanation: Some(take("explanation")).filter(|explanation| !explanation.is_null()),
        }
    }
}

/// How long an answer may be on its way from another instance to the log.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// The decisions of an answer, by the id in its header `Systembruker-Decision-Id`.
///
/// The caller must be the organisation that got the answer; what was asked with a subscription
/// key alone is shown to a subscription key.
#[utoipa::path(get, operation_id = "getDecisions", path = "/systembruker/api/v1/decisions/{id}", tag = "Service owner", params(("id" = Uuid, Path)),
    responses((status = 200, body = AnswerDecisions), (status = 400, description = "The id is no uuid"), (status = 401), (status = 403),
        (status = 404, description = "No such answer, or another caller got it")))]
pub async fn read(
    State(endpoints): State<DecisionEndpoints>,
    caller: Result<ScopedCaller<Authorize>, ApiError>,
    SubscriptionKey(has_key): SubscriptionKey,
    path: PathValues,
) -> ApiResult<Json<AnswerDecisions>> {
    let org = match caller {
        Ok(owner) => owner.organization().map(|org| org.to_string()),
        Err(_) if has_key => None,
        Err(error) => return Err(error),
    };
    let id = path.uuid("id")?;
    let created = id
        .get_timestamp()
        .map(|time| time.to_unix())
        .and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds.cast_signed(), nanos));
    let created = created.ok_or(ApiError::Status(http::StatusCode::NOT_FOUND))?;
    // While the database is away, lines wait; then there is nothing to read either.
    let _ = tokio::time::timeout(ON_ITS_WAY, endpoints.pdp.log().flush()).await;
    let mut rows = log::of_answer(&mut *endpoints.db.acquire().await?, id, created).await?;
    let began = std::time::Instant::now();
    let is_recent = (endpoints.clock.now() - created).num_seconds().abs() <= 2;
    while rows.is_empty() && is_recent && began.elapsed() < ON_ITS_WAY {
        tokio::time::sleep(Duration::from_millis(100)).await;
        rows = log::of_answer(&mut *endpoints.db.acquire().await?, id, created).await?;
    }
    let mut decisions = rows.iter().map(|line| log::to_json(line)).peekable();
    let text = |line: &Map<String, Value>, name: &str| {
        line.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    let mine = decisions
        .peek()
        .filter(|first| text(first, "callerOrg") == org);
    let endpoint = mine
        .and_then(|first| text(first, "endpoint"))
        .ok_or(ApiError::Status(http::StatusCode::NOT_FOUND))?;
    Ok(Json(AnswerDecisions {
        decision_id: id,
        created,
        endpoint,
        decisions: decisions.map(LoggedDecision::of).collect(),
    }))
}
