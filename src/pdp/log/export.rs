//! The decision log as it is told: to the caller of a decision, and to operators as lines.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Row, context,
    store::{self, Stored},
};
use crate::{db::DbError, http::time};

/// Rows fetched at a time.
const PAGE: i64 = 5_000;
/// Columns of a table, in order: the names of Altinn's log, and then our own.
pub const COLUMNS: [&str; 28] = [
    "created",
    "sessionId",
    "subjectUserId",
    "subjectParty",
    "subjectOrgCode",
    "subjectOrgNumber",
    "subjectPartyUuid",
    "resourcePartyId",
    "resource",
    "instanceId",
    "operation",
    "ipAdress",
    "contextRequestJson",
    "decision",
    "decisionId",
    "part",
    "endpoint",
    "callerOrg",
    "callerClientId",
    "callerJti",
    "policyVersion",
    "decidedBy",
    "statusCode",
    "reason",
    "enrichedByCaller",
    "durationMicroseconds",
    "requestId",
    "explanation",
];

/// A row by the names of [`COLUMNS`].
#[must_use]
pub fn told(row: &Stored) -> Map<String, Value> {
    let values = [
        json!(time::format(row.created)),
        json!(row.session_id),
        json!(row.subject_user_id),
        json!(row.subject_party_id),
        json!(row.subject_org_code),
        json!(row.subject_org_number),
        json!(row.subject_party_uuid),
        json!(row.resource_party_id),
        json!(row.resource),
        json!(row.instance_id),
        json!(row.operation),
        json!(row.address),
        row.context.as_ref().map_or(Value::Null, context::told),
        json!(row.decision),
        json!(row.decision_id),
        json!(row.part),
        json!(row.endpoint),
        json!(row.caller_org),
        json!(row.caller_client_id),
        json!(row.caller_jti),
        json!(row.policy_version),
        json!(row.decided_by),
        json!(row.status_code),
        json!(row.reason),
        json!(row.enriched_by_caller),
        json!(row.duration_us),
        json!(row.request_id),
        json!(row.explanation),
    ];
    COLUMNS.iter().map(|name| (*name).to_owned()).zip(values).collect()
}

/// A row that was not stored, by the same names.
#[must_use]
pub fn unwritten(row: &Row) -> Map<String, Value> {
    let parse = |text: &String| serde_json::from_str(text).ok();
    told(&Stored {
        decision_id: row.decision_id,
        part: row.part,
        created: row.created,
        endpoint: row.endpoint.as_str().to_owned(),
        caller_org: row.caller.org.clone(),
        caller_client_id: row.caller.client_id.clone(),
        caller_jti: row.caller.jti.clone(),
        request_id: row.caller.request_id,
        address: row.caller.address.map(|address| address.to_string()),
        session_id: row.session_id.clone(),
        subject_user_id: row.subject_user_id,
        subject_party_id: row.subject_party_id,
        subject_org_code: row.subject_org_code.clone(),
        subject_org_number: row.subject_org_number.clone(),
        subject_party_uuid: row.subject_party_uuid,
        resource_party_id: row.resource_party_id,
        resource: row.resource.clone(),
        instance_id: row.instance_id.clone(),
        operation: row.operation.clone(),
        decision: row.decision,
        status_code: row.status_code.to_owned(),
        reason: row.reason.to_owned(),
        policy_version: row.policy_version,
        decided_by: row.decided_by.clone(),
        enriched_by_caller: row.enriched_by_caller,
        duration_us: row.duration_us,
        context: parse(&row.context),
        explanation: row.explanation.as_ref().and_then(parse),
    })
}

/// Hands each decision of a stretch of time to a writer, in order of time, with how many there are in all.
///
/// # Errors
/// The database or the writer fails.
pub async fn each(
    db: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    mut put: impl FnMut(i64, &Map<String, Value>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let total = store::count(&mut *db, from, to).await?;
    let mut after = (Uuid::nil(), -1);
    loop {
        let rows: Result<Vec<Stored>, DbError> = store::between(&mut *db, from, to, after, PAGE).await;
        let rows = rows?;
        for row in &rows {
            put(total, &told(row))?;
            after = (row.decision_id, row.part);
        }
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(());
        }
    }
}
