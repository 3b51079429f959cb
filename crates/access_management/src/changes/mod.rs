//! What a change of access writes in addition to its rows, in the same transaction: the entry that
//! caches follow, the row of the audit trail, the message to vendors.

mod store;

use authorization::delegation::end_dependent_delegations;
use foundation::{
    audit::{self, Action, ObjectKind},
    db::{
        DbError,
        feed::{self, FeedEntryKind},
    },
    events::{self, EventKind},
};
use registers::parties::{Party, PartyKind};
use serde_json::{Value, json};
use sqlx::PgConnection;
use system_users::users::{self, SystemUser, SystemUserEvent};
use uuid::Uuid;

use crate::callers::ActingParty;

pub use store::{has_client, lock_system_user, parties_by_key};

/// Appends to the feed that what a party gave or holds is no longer the same.
pub async fn touch(tx: &mut PgConnection, party: &Party) -> Result<(), DbError> {
    let touched = match party.kind {
        PartyKind::SystemUser => FeedEntryKind::SystemUser,
        PartyKind::Person | PartyKind::Organization | PartyKind::Other => FeedEntryKind::Party,
    };
    feed::append(tx, touched, &party.uuid.to_string()).await?;
    Ok(())
}

/// Writes rows of the audit trail about one relation, one for each detail. Each says too through which
/// API the call came, and with which scopes.
pub async fn record(
    tx: &mut PgConnection,
    by: &ActingParty,
    action: Action,
    about: (ObjectKind, Uuid),
    giver: &Party,
    mut details: Vec<Value>,
) -> Result<(), DbError> {
    if details.is_empty() {
        return Ok(());
    }
    let (kind, id) = about;
    for detail in &mut details {
        say_how(by, detail);
    }
    let event = event(by, action, kind, giver, id.to_string());
    audit::record_each(tx, event, details).await
}

/// Writes rows of the audit trail about many relations, each with a detail.
pub async fn record_of_each(
    tx: &mut PgConnection,
    by: &ActingParty,
    action: Action,
    kind: ObjectKind,
    giver: &Party,
    relations: Vec<(Uuid, Value)>,
) -> Result<(), DbError> {
    let relations = relations.into_iter().map(|(id, mut detail)| {
        say_how(by, &mut detail);
        (id.to_string(), detail)
    });
    let event = event(by, action, kind, giver, String::new());
    audit::record_of_each(tx, event, relations.collect()).await
}

/// Adds the API and the scopes by which a change came.
fn say_how(by: &ActingParty, detail: &mut Value) {
    if let Some(members) = detail.as_object_mut() {
        members.insert("channel".to_owned(), by.channel.wire().into());
        members.insert("scopes".to_owned(), json!(by.scopes));
    }
}

fn event<'a>(
    by: &ActingParty,
    action: Action,
    object_kind: ObjectKind,
    giver: &'a Party,
    object_id: String,
) -> audit::AuditEvent<'a> {
    audit::AuditEvent {
        actor: by.actor(),
        action,
        object_kind,
        object_id,
        party_org: giver.org_number.as_deref(),
        vendor_org: None,
        detail: None,
    }
}

/// Publishes for vendors that agents which are system users got clients, or lost them for good.
pub async fn publish_clients(
    tx: &mut PgConnection,
    agent: &SystemUser,
    event: EventKind,
    clients: &[Uuid],
) -> Result<(), DbError> {
    let message = |client: &Uuid| events::OutboxMessage {
        event,
        // The same client may come and go many times, each with an event.
        subject_id: Uuid::now_v7(),
        party_org: &agent.reportee_org_no,
        vendor_org: &agent.vendor_org,
        payload: json!({"systemId": agent.system_id, "externalRef": agent.external_ref, "systemUserId": agent.id, "client": client}),
    };
    let messages: Vec<_> = clients.iter().map(message).collect();
    events::post_all(tx, &messages).await
}

/// Publishes that a system user holds more or less of its owner's.
pub async fn publish_holdings(
    tx: &mut PgConnection,
    by: &ActingParty,
    user: &SystemUser,
) -> Result<(), DbError> {
    users::lock_sequence(&mut *tx).await?;
    users::touch(&mut *tx, user.id, &by.name()).await?;
    users::publish(tx, user.into(), SystemUserEvent::Changed).await
}

/// After a giver took something back from a receiver: ends what the receiver had delegated of it to
/// agents, and publishes that.
pub async fn end_dependents(
    tx: &mut PgConnection,
    by: &ActingParty,
    giver: &Party,
    receiver: &Party,
) -> Result<(), DbError> {
    let ended = end_dependent_delegations(&mut *tx, giver.key, receiver.key).await?;
    let keys: Vec<i32> = ended.iter().map(|one| one.agent).collect();
    let agents = parties_by_key(&mut *tx, &keys).await?;
    for one in &ended {
        let Some(agent) = agents.get(&one.agent) else {
            continue;
        };
        let mut details: Vec<Value> = one
            .packages
            .iter()
            .map(|urn| json!({"agent": agent.uuid, "client": giver.uuid, "package": urn, "cause": "relation_ended"}))
            .collect();
        details.extend(one.resources.iter().map(|id| {
            json!({"agent": agent.uuid, "client": giver.uuid, "resource": id, "cause": "relation_ended"})
        }));
        let about = (ObjectKind::ClientDelegation, one.delegation);
        record(
            &mut *tx,
            by,
            Action::ClientRemoved,
            about,
            receiver,
            details,
        )
        .await?;
    }
    let mut touched: Vec<&Party> = agents.values().collect();
    touched.sort_by_key(|agent| agent.key);
    for agent in touched {
        touch(&mut *tx, agent).await?;
        if agent.kind == PartyKind::SystemUser
            && !store::has_client(&mut *tx, agent.key, giver.key).await?
            && let Some(user) = users::by_id(&mut *tx, agent.uuid).await?
        {
            publish_clients(&mut *tx, &user, EventKind::ClientRemoved, &[giver.uuid]).await?;
        }
    }
    Ok(())
}
