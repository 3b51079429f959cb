//! Delegating what a client gives its facilitator to an agent, and taking it back: all of a batch in one
//! transaction, or nothing.

use foundation::{
    audit::{Action, ObjectKind},
    db::repeat_on_conflict,
    events::EventKind,
};
use registers::{
    packages::RoleKey,
    parties::{self, Party, PartyKind},
};
use serde_json::json;
use sqlx::PgConnection;
use system_users::users;
use uuid::Uuid;

use super::{
    agents::{lock_agent_party, own_agent},
    batch_items::{Delegable, Packages, Resources},
    model::{
        BatchValue, DelegationApiVersion, DelegationEnds, DelegationPartyNames, PackageDelegation,
        ResourceDelegation,
    },
    store::{self, OnlyEmpty},
    words::{BatchDirection, BatchWording, role_not_held, unknown_entity},
};
use crate::{
    AccessManagement,
    callers::ActingParty,
    changes,
    entities::entity_type,
    errors::{AccessResult, InvalidCode, InvalidInput, refuse},
};

/// A value of a batch whose role is known.
pub(super) struct ResolvedBatchValue<T> {
    pub(super) index: usize,
    pub(super) role: RoleKey,
    pub(super) items: Vec<T>,
}

/// The parties of a batch.
pub(super) struct DelegationParties {
    pub(super) party: Party,
    pub(super) client: Party,
    pub(super) agent: Party,
}

impl AccessManagement {
    /// Delegates packages of a client to an agent, all or none.
    ///
    /// # Errors
    /// 400 with the findings of the first step that has some.
    pub async fn give_packages(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        version: DelegationApiVersion,
    ) -> AccessResult<Vec<PackageDelegation>> {
        self.give::<Packages>(by, ends, values, version).await
    }

    /// Delegates single resources of a client to an agent, all or none.
    ///
    /// # Errors
    /// 400 with the findings of the first step that has some.
    pub async fn give_resources(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
    ) -> AccessResult<Vec<ResourceDelegation>> {
        self.give::<Resources>(by, ends, values, DelegationApiVersion::V2)
            .await
    }

    /// Takes packages of a client back from an agent.
    ///
    /// # Errors
    /// 400 for what is not known, and for who is no agent.
    pub async fn take_packages(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        names: DelegationPartyNames,
    ) -> AccessResult<Vec<PackageDelegation>> {
        self.take::<Packages>(by, ends, values, names).await
    }

    /// Takes single resources of a client back from an agent.
    ///
    /// # Errors
    /// 400 for what is not known, and for who is no agent.
    pub async fn take_resources(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        names: DelegationPartyNames,
    ) -> AccessResult<Vec<ResourceDelegation>> {
        self.take::<Resources>(by, ends, values, names).await
    }

    async fn give<D: Delegable>(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        version: DelegationApiVersion,
    ) -> AccessResult<Vec<D::Delegation>> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let words = BatchWording {
            items: D::ITEMS,
            direction: BatchDirection::Give,
            names: DelegationPartyNames::of_facilitator(version),
        };
        repeat_on_conflict(|| self.give_once::<D>(by, ends, values, &words)).await
    }

    async fn give_once<D: Delegable>(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        words: &BatchWording,
    ) -> AccessResult<Vec<D::Delegation>> {
        let mut tx = self.db.begin().await?;
        let (values, mut findings) = self.known_values::<D>(&mut tx, values, words).await?;
        let known = known_ends(&mut tx, ends, words, &mut findings).await?;
        refuse(findings)?;
        let Some(known) = known else {
            return Ok(Vec::new());
        };
        self.must_be_agent(&mut tx, by, &known, ends, words).await?;
        let given = self.given::<D>(&mut tx, &known, ends, &values).await?;
        let mut out = Vec::new();
        let mut has_changed = false;
        for (value, given) in values.iter().zip(&given) {
            let (party, client, agent) = (known.party.key, known.client.key, known.agent.key);
            let delegation =
                store::delegation(&mut tx, party, client, agent, value.role, &by.name()).await?;
            let mut added = D::add(&mut tx, delegation, given).await?;
            let about = (Action::ClientAdded, delegation);
            self.record::<D>(&mut tx, by, about, &known, &added).await?;
            has_changed |= !added.is_empty();
            for key in &value.items {
                // The same named again is not changed again.
                let place = added.iter().position(|one| one == key);
                let changed = place.map(|place| added.swap_remove(place)).is_some();
                out.push(self.shown::<D>(ends, value.role, key, changed));
            }
        }
        changes::touch(&mut tx, &known.agent).await?;
        if has_changed && D::IS_PUBLISHED {
            publish(&mut tx, &known, EventKind::ClientAdded).await?;
        }
        foundation::db::commit(tx).await?;
        Ok(out)
    }

    async fn take<D: Delegable>(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        names: DelegationPartyNames,
    ) -> AccessResult<Vec<D::Delegation>> {
        let words = BatchWording {
            items: D::ITEMS,
            direction: BatchDirection::Take,
            names,
        };
        repeat_on_conflict(|| self.take_once::<D>(by, ends, values, &words)).await
    }

    async fn take_once<D: Delegable>(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        values: &[BatchValue],
        words: &BatchWording,
    ) -> AccessResult<Vec<D::Delegation>> {
        let mut tx = self.db.begin().await?;
        let (values, findings) = self.known_values::<D>(&mut tx, values, words).await?;
        let known = ends_of_agent(&mut tx, ends, words, findings).await?;
        let (party, client, agent) = (known.party.key, known.client.key, known.agent.key);
        let mut out = Vec::new();
        let mut reduced = Vec::new();
        for value in &values {
            if store::lock_relation(&mut tx, client, party, value.role)
                .await?
                .is_none()
            {
                continue;
            }
            let row = store::find_delegation(&mut tx, party, client, agent, value.role).await?;
            let removed = match row {
                Some(id) => D::remove(&mut tx, id, &value.items).await?,
                None => Vec::new(),
            };
            if let Some(id) = row.filter(|_| !removed.is_empty()) {
                let about = (Action::ClientRemoved, id);
                self.record::<D>(&mut tx, by, about, &known, &removed)
                    .await?;
                reduced.push(id);
            }
            for (place, key) in value.items.iter().enumerate() {
                if !value.items[..place].contains(key) {
                    out.push(self.shown::<D>(ends, value.role, key, removed.contains(key)));
                }
            }
        }
        if !reduced.is_empty() {
            store::remove_delegations(&mut tx, &reduced, OnlyEmpty::Yes).await?;
            changes::touch(&mut tx, &known.agent).await?;
            if !changes::has_client(&mut tx, agent, client).await? {
                publish(&mut tx, &known, EventKind::ClientRemoved).await?;
            }
        }
        foundation::db::commit(tx).await?;
        Ok(out)
    }

    /// Values whose roles and items are known, and findings about the others.
    async fn known_values<D: Delegable>(
        &self,
        tx: &mut PgConnection,
        values: &[BatchValue],
        words: &BatchWording,
    ) -> AccessResult<(Vec<ResolvedBatchValue<D::Key>>, Vec<InvalidInput>)> {
        let names: Vec<String> = values
            .iter()
            .flat_map(|value| value.items.clone())
            .collect();
        let registered = D::registered(tx, &names).await?;
        let mut findings = Vec::new();
        let mut out = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let role = self.catalogue.role_named(&value.role).map(|role| role.key);
            if role.is_none() {
                findings.push(InvalidInput::new(
                    InvalidCode::InvalidRole,
                    format!("/values[{index}]/role"),
                    value.role.as_str(),
                    words.unknown_role(),
                ));
            }
            let mut items = Vec::new();
            for (place, name) in value.items.iter().enumerate() {
                match D::named(&self.catalogue, &registered, name, words) {
                    Ok(key) => items.push(key),
                    Err(unfit) => {
                        let path = format!("/values[{index}]/{}[{place}]", D::ITEMS.member());
                        findings.push(InvalidInput::new(unfit.code, path, unfit.name, unfit.text));
                    }
                }
            }
            out.extend(role.map(|role| ResolvedBatchValue { index, role, items }));
        }
        Ok((out, findings))
    }

    /// Refuses who is no agent of the facilitator. A system user becomes one on the way.
    async fn must_be_agent(
        &self,
        tx: &mut PgConnection,
        by: &ActingParty,
        known: &DelegationParties,
        ends: DelegationEnds,
        words: &BatchWording,
    ) -> AccessResult<()> {
        let (party, agent) = (&known.party, &known.agent);
        if agent.kind == PartyKind::SystemUser {
            if own_agent(&mut *tx, party, agent).await?.is_none() {
                return Err(words.unfit_system_user(ends).into());
            }
            self.make_agent(&mut *tx, by, party, agent).await?;
            store::lock_agent_relation(tx, party.key, agent.key).await?;
            return Ok(());
        }
        let mut findings = Vec::new();
        if store::lock_agent_relation(tx, party.key, agent.key)
            .await?
            .is_none()
        {
            findings.push(words.no_agent(ends));
        }
        if agent.kind != PartyKind::Person {
            findings.push(InvalidInput::new(
                InvalidCode::KindNotAllowed,
                format!("$QUERY/{}", words.names.agent),
                entity_type(agent.kind).id().to_string(),
                "entity type is not supported as agent, only <Person, Systembruker>.",
            ));
        }
        refuse(findings)
    }

    /// What is delegated for each value. The relations that it rests on stay until the transaction ends.
    async fn given<D: Delegable>(
        &self,
        tx: &mut PgConnection,
        known: &DelegationParties,
        ends: DelegationEnds,
        values: &[ResolvedBatchValue<D::Key>],
    ) -> AccessResult<Vec<Vec<D::Given>>> {
        let mut findings = Vec::new();
        let mut out = Vec::new();
        for value in values {
            let role = self.catalogue.role(value.role);
            let urn = role.map(|role| role.urn.as_str()).unwrap_or_default();
            let (client, party) = (&known.client, known.party.key);
            let Some(relation) = store::lock_relation(tx, client.key, party, value.role).await?
            else {
                findings.push(role_not_held(value.index, urn, ends));
                continue;
            };
            let mut given = Vec::new();
            for (place, key) in value.items.iter().enumerate() {
                match D::given(&self.catalogue, value.role, client.form, &relation, key) {
                    Ok(one) => given.push(one),
                    Err(name) => findings.push(InvalidInput::new(
                        InvalidCode::NotAuthorized,
                        format!("/values[{}]/{}[{place}]", value.index, D::ITEMS.member()),
                        name,
                        D::not_given(ends, urn),
                    )),
                }
            }
            out.push(given);
        }
        refuse(findings)?;
        Ok(out)
    }

    /// Writes one row of the audit trail for each key.
    async fn record<D: Delegable>(
        &self,
        tx: &mut PgConnection,
        by: &ActingParty,
        (action, delegation): (Action, Uuid),
        known: &DelegationParties,
        keys: &[D::Key],
    ) -> AccessResult<()> {
        let (agent, client) = (known.agent.uuid, known.client.uuid);
        let details = keys
            .iter()
            .filter_map(|key| D::name(&self.catalogue, key))
            .map(|name| json!({"agent": agent, "client": client, D::MEMBER_OF_AUDIT: name}))
            .collect();
        let about = (ObjectKind::ClientDelegation, delegation);
        changes::record(tx, by, action, about, &known.party, details).await?;
        Ok(())
    }

    fn shown<D: Delegable>(
        &self,
        ends: DelegationEnds,
        role: RoleKey,
        key: &D::Key,
        changed: bool,
    ) -> D::Delegation {
        let role_id = self.catalogue.role(role).map_or(Uuid::nil(), |r| r.id);
        D::shown(&self.catalogue, ends, role_id, key, changed)
    }
}

/// Publishes that a system user for clients got or lost the client.
async fn publish(
    tx: &mut PgConnection,
    known: &DelegationParties,
    kind: EventKind,
) -> AccessResult<()> {
    if known.agent.kind == PartyKind::SystemUser
        && let Some(user) = users::by_id(&mut *tx, known.agent.uuid).await?
    {
        changes::publish_clients(tx, &user, kind, &[known.client.uuid]).await?;
    }
    Ok(())
}

/// The ends of a removal: the agent is one.
async fn ends_of_agent(
    tx: &mut PgConnection,
    ends: DelegationEnds,
    words: &BatchWording,
    mut findings: Vec<InvalidInput>,
) -> AccessResult<DelegationParties> {
    let known = known_ends(&mut *tx, ends, words, &mut findings).await?;
    let relation = match &known {
        Some(known) => {
            lock_agent_party(&mut *tx, &known.agent).await?;
            store::lock_agent_relation(tx, known.party.key, known.agent.key).await?
        }
        None => None,
    };
    if relation.is_none() {
        findings.push(words.no_agent(ends));
    }
    refuse(findings)?;
    known.ok_or_else(|| words.no_agent(ends).into())
}

/// The parties of a batch; none where one is unknown, which is then among the findings.
async fn known_ends(
    tx: &mut PgConnection,
    ends: DelegationEnds,
    words: &BatchWording,
    findings: &mut Vec<InvalidInput>,
) -> AccessResult<Option<DelegationParties>> {
    let names = words.names;
    let mut found = Vec::new();
    for (uuid, name, text) in [
        (ends.party, names.party, words.unknown_entity().to_owned()),
        (ends.client, names.client, words.unknown_client(ends)),
        (ends.agent, names.agent, words.unknown_entity().to_owned()),
    ] {
        match parties::party_by_uuid(&mut *tx, uuid).await? {
            Some(party) => found.push(party),
            None => findings.push(unknown_entity(name, uuid, text)),
        }
    }
    let known: Option<[Party; 3]> = found.try_into().ok();
    Ok(known.map(|[party, client, agent]| DelegationParties {
        party,
        client,
        agent,
    }))
}
