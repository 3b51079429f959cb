//! The audit trail: each state change writes its row in the transaction that makes the change.
//! Afterwards rows are chained by their hashes, and the end of the chain is signed from time to
//! time, so that a change of the trail is noticed.

mod attempts;
mod chain;
mod checkpoint;
mod checkpoint_file;
mod model;
mod seal;
mod store;
mod verify;

use std::{fmt, net::IpAddr};

use serde_json::Value;
use sqlx::PgConnection;

pub use attempts::{Attempt, Attempts};
pub use checkpoint::{Checkpoint, CheckpointKey, Checkpoints};
pub(crate) use checkpoint_file::note_written;
pub use checkpoint_file::{
    CheckpointFile, CheckpointsMissing, checkpoint_file, report_checkpoint_file,
};
pub use model::{Action, Actor, ActorKind, ObjectKind, Outcome};
pub use seal::seal;
pub use store::waiting as unsealed;
pub use verify::{ChainVerification, verify};

use crate::{db::DbError, http::context, telemetry::masked};

/// One event to be recorded.
#[derive(Debug)]
pub struct AuditEvent<'a> {
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// Kind of the thing it was done to.
    pub object_kind: ObjectKind,
    /// Its id.
    pub object_id: String,
    /// Customer organisation.
    pub party_org: Option<&'a str>,
    /// Vendor organisation.
    pub vendor_org: Option<&'a str>,
    /// Further facts; no identity numbers, no tokens.
    pub detail: Option<Value>,
}

/// Records an event that happened.
///
/// # Errors
/// The database fails; the change must then not be committed.
pub async fn record(tx: &mut PgConnection, event: AuditEvent<'_>) -> Result<(), DbError> {
    let step = AuditStep {
        action: event.action,
        object_kind: event.object_kind,
        object_id: event.object_id.clone(),
        detail: event.detail.clone(),
    };
    write(tx, &event, &[step]).await
}

/// Records an event, and others that happened with it: what each is called, and the kind of object.
/// All else is the same.
///
/// # Errors
/// The database fails; the change must then not be committed.
pub async fn record_with(
    tx: &mut PgConnection,
    event: AuditEvent<'_>,
    others: &[(Action, ObjectKind)],
) -> Result<(), DbError> {
    let all = std::iter::once((event.action, event.object_kind)).chain(others.iter().copied());
    let steps: Vec<AuditStep> = all
        .map(|(action, object_kind)| AuditStep {
            action,
            object_kind,
            object_id: event.object_id.clone(),
            detail: event.detail.clone(),
        })
        .collect();
    write(tx, &event, &steps).await
}

/// Records an event once for each of these details. All else is the same.
///
/// # Errors
/// The database fails; the change must then not be committed.
pub async fn record_each(
    tx: &mut PgConnection,
    event: AuditEvent<'_>,
    details: Vec<Value>,
) -> Result<(), DbError> {
    let step = |detail| AuditStep {
        action: event.action,
        object_kind: event.object_kind,
        object_id: event.object_id.clone(),
        detail: Some(detail),
    };
    let steps: Vec<AuditStep> = details.into_iter().map(step).collect();
    write(tx, &event, &steps).await
}

/// Rows that are written by one statement.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Records an event once for each of these objects, with its detail, in place of the event's own. All
/// else is the same.
///
/// # Errors
/// The database fails; the change must then not be committed.
pub async fn record_of_each(
    tx: &mut PgConnection,
    event: AuditEvent<'_>,
    objects: Vec<(String, Value)>,
) -> Result<(), DbError> {
    let step = |(object_id, detail)| AuditStep {
        action: event.action,
        object_kind: event.object_kind,
        object_id,
        detail: Some(detail),
    };
    let steps: Vec<AuditStep> = objects.into_iter().map(step).collect();
    for some in steps.chunks(ROWS_PER_STATEMENT) {
        write(&mut *tx, &event, some).await?;
    }
    Ok(())
}

/// What differs between rows that are written at once.
struct AuditStep {
    action: Action,
    object_kind: ObjectKind,
    object_id: String,
    detail: Option<Value>,
}

async fn write(
    tx: &mut PgConnection,
    event: &AuditEvent<'_>,
    steps: &[AuditStep],
) -> Result<(), DbError> {
    let context = context::current();
    let caller = context
        .as_ref()
        .and_then(|c| c.caller.get())
        .map(|principal| principal.trace());
    let caller = caller.as_ref();
    sqlx::query!(
        r#"insert into audit_log (request_id, trace_id, instance, actor_kind, actor_org, actor_supplier, actor_party_uuid,
             client_id, token_issuer, token_id, auth_level, address, action, object_kind, object_id, party_org, vendor_org,
             outcome, detail)
           select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, step.action, step.kind, step.id, $13, $14, 'ok', step.detail
           from unnest($15::text[], $16::text[], $17::text[], $18::jsonb[]) with ordinality as step(action, kind, id, detail, place) order by place"#,
        context.as_ref().map(|c| c.request_id),
        context.as_ref().map(|c| c.trace.to_string()),
        instance(),
        event.actor.kind().wire(),
        caller.and_then(|c| c.org.as_deref()),
        caller.and_then(|c| c.supplier.as_deref()),
        event.actor.person(),
        caller.and_then(|c| c.client_id.as_deref()),
        caller.map(|c| c.issuer.as_str()),
        caller.and_then(|c| c.token_id.as_deref()),
        caller.map(|c| i16::from(c.auth_level)),
        context.as_ref().and_then(|c| c.address).map(cut),
        event.party_org,
        event.vendor_org,
        &steps.iter().map(|s| s.action.wire().to_owned()).collect::<Vec<_>>(),
        &steps.iter().map(|s| s.object_kind.wire().to_owned()).collect::<Vec<_>>(),
        &steps.iter().map(|s| masked(s.object_id.as_str())).collect::<Vec<_>>(),
        &steps.iter().map(|s| s.detail.clone().map(without_identity_numbers)).collect::<Vec<_>>() as &[Option<Value>],
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A detail without identity numbers: vendors put them into references of theirs.
fn without_identity_numbers(detail: Value) -> Value {
    match detail {
        Value::String(text) => Value::String(masked(text)),
        Value::Array(items) => items.into_iter().map(without_identity_numbers).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, without_identity_numbers(value)))
            .collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// Name of this process in the trail.
#[must_use]
pub fn instance() -> &'static str {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    NAME.get_or_init(|| format!("{}-{}", host(), std::process::id()))
}

/// Name of this machine.
fn host() -> &'static str {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    NAME.get_or_init(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        host.trim().to_owned()
    })
}

/// An address as it may be kept: prints the /24 or /48 it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct AddressNetwork(pub IpAddr);

impl fmt::Display for AddressNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                write!(f, "{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                write!(f, "{a:x}:{b:x}:{c:x}::/48")
            }
        }
    }
}

fn cut(address: IpAddr) -> String {
    AddressNetwork(address).to_string()
}
