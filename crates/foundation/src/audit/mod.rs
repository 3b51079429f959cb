//! The audit trail: each state change writes its row in the transaction that makes the change.
//! Afterwards rows are chained by their hashes, and the end of the chain is signed from time to
//! time, so that nobody changes the trail unnoticed.

mod chain;
mod checkpoint;
mod seal;
mod store;
mod verify;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub use checkpoint::{CheckpointKey, Checkpoints};
pub use seal::seal;
pub use verify::{Verdict, verify};

use crate::{db::DbError, http::context};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The organisation of the token.
    Vendor,
    /// A person, by party uuid.
    Person(Uuid),
    /// A system user with its own token, by its id.
    SystemUser(Uuid),
    /// The organisation of the token, which owns a resource.
    ServiceOwner,
    /// Whoever runs the installation, at its command line.
    Operator,
    /// A task of our own.
    Job,
}

/// One event to be recorded.
#[derive(Debug)]
pub struct Event<'a> {
    /// Who.
    pub actor: Actor,
    /// Stable name, such as `request.approved`.
    pub action: &'static str,
    /// Kind of the thing it was done to.
    pub object_kind: &'static str,
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
/// As the database says; the change must then not be committed.
pub async fn record(tx: &mut PgConnection, event: Event<'_>) -> Result<(), DbError> {
    let step = Step {
        action: event.action,
        object_kind: event.object_kind,
        detail: event.detail.clone(),
    };
    write(tx, &event, &[step]).await
}

/// Records an event, and others that happened with it: what each is called, and the kind of object.
/// All else is the same.
///
/// # Errors
/// As the database says; the change must then not be committed.
pub async fn record_with(
    tx: &mut PgConnection,
    event: Event<'_>,
    others: &[(&'static str, &'static str)],
) -> Result<(), DbError> {
    let all = std::iter::once((event.action, event.object_kind)).chain(others.iter().copied());
    let steps: Vec<Step> = all
        .map(|(action, object_kind)| Step {
            action,
            object_kind,
            detail: event.detail.clone(),
        })
        .collect();
    write(tx, &event, &steps).await
}

/// Records an event once for each of these details. All else is the same.
///
/// # Errors
/// As the database says; the change must then not be committed.
pub async fn record_each(
    tx: &mut PgConnection,
    event: Event<'_>,
    details: Vec<Value>,
) -> Result<(), DbError> {
    let step = |detail| Step {
        action: event.action,
        object_kind: event.object_kind,
        detail: Some(detail),
    };
    let steps: Vec<Step> = details.into_iter().map(step).collect();
    write(tx, &event, &steps).await
}

/// What differs between rows that are written at once.
struct Step {
    action: &'static str,
    object_kind: &'static str,
    detail: Option<Value>,
}

async fn write(tx: &mut PgConnection, event: &Event<'_>, steps: &[Step]) -> Result<(), DbError> {
    let context = context::current();
    let caller = context
        .as_ref()
        .and_then(|c| c.caller.get())
        .map(|principal| principal.trace());
    let caller = caller.as_ref();
    let (actor_kind, person) = match event.actor {
        Actor::Vendor => ("vendor", None),
        Actor::Person(uuid) => ("person", Some(uuid)),
        Actor::SystemUser(uuid) => ("systemuser", Some(uuid)),
        Actor::ServiceOwner => ("serviceowner", None),
        Actor::Operator => ("operator", None),
        Actor::Job => ("job", None),
    };
    sqlx::query!(
        r#"insert into audit_log (request_id, trace_id, instance, actor_kind, actor_org, actor_supplier, actor_party_uuid,
             client_id, token_issuer, token_id, auth_level, address, action, object_kind, object_id, party_org, vendor_org,
             outcome, detail)
           select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, step.action, step.kind, $13, $14, $15, 'ok', step.detail
           from unnest($16::text[], $17::text[], $18::jsonb[]) with ordinality as step(action, kind, detail, place) order by place"#,
        context.as_ref().map(|c| c.request_id),
        context.as_ref().map(|c| c.trace.to_string()),
        instance(),
        actor_kind,
        caller.and_then(|c| c.org.as_deref()),
        caller.and_then(|c| c.supplier.as_deref()),
        person,
        caller.and_then(|c| c.client_id.as_deref()),
        caller.map(|c| c.issuer.as_str()),
        caller.and_then(|c| c.token_id.as_deref()),
        caller.map(|c| i16::from(c.auth_level)),
        context.as_ref().and_then(|c| c.address).map(cut),
        event.object_id,
        event.party_org,
        event.vendor_org,
        &steps.iter().map(|s| s.action.to_owned()).collect::<Vec<_>>(),
        &steps.iter().map(|s| s.object_kind.to_owned()).collect::<Vec<_>>(),
        &steps.iter().map(|s| s.detail.clone()).collect::<Vec<_>>() as &[Option<Value>],
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Name of this process in the trail.
#[must_use]
pub fn instance() -> &'static str {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    NAME.get_or_init(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}-{}", host.trim(), std::process::id())
    })
}

/// An address as it may be kept: the /24 or /48 it belongs to.
fn cut(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}
