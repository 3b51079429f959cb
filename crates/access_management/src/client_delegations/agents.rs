//! Adding and removing agents and their clients: one transaction for each step, or nothing at all.

use std::collections::HashSet;

use authorization::live_system_users::SystemUserKind;
use foundation::{
    audit::{Action, ObjectKind},
    db::repeat_on_conflict,
    events::EventKind,
};
use registers::{
    packages::resource_uuid,
    parties::{self, Party, PartyKind},
    resources,
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use system_users::users::{self, SystemUser};
use uuid::Uuid;

use super::{
    model::{AssignmentDto, Cascade, DelegationApiVersion, DelegationEnds, DelegationRow},
    rules::{self, in_bokmaal},
    store::{self, OnlyEmpty},
};
use crate::{
    AccessManagement,
    callers::ActingParty,
    changes::{self, lock_system_user},
    entities::entity_type,
    errors::{AccessProblem, AccessResult, InvalidCode, InvalidInput, refuse},
    person_lookup::PersonInput,
};

impl AccessManagement {
    /// Makes a party an agent of a facilitator. A repeat changes nothing and answers the same.
    ///
    /// # Errors
    /// 400 for who cannot be an agent, 429 for too many look-ups of persons.
    pub async fn add_agent(
        &self,
        by: &ActingParty,
        facilitator: &Party,
        agent: Option<Uuid>,
        input: Option<&PersonInput>,
        version: DelegationApiVersion,
    ) -> AccessResult<AssignmentDto> {
        let agent = match agent {
            Some(uuid) => {
                self.acquaintance(facilitator, uuid, version.agent())
                    .await?
            }
            None => {
                self.person_described(by.party.uuid, input, version.agent())
                    .await?
            }
        };
        repeat_on_conflict(|| self.add_agent_once(by, facilitator, &agent, version)).await
    }

    /// The party with this uuid. A person must be connected to the giver already: strangers are named by
    /// number and last name.
    ///
    /// # Errors
    /// 400 for an unknown party and for a stranger.
    pub async fn acquaintance(
        &self,
        giver: &Party,
        uuid: Uuid,
        named: &str,
    ) -> AccessResult<Party> {
        let unknown = || {
            InvalidInput::new(
                InvalidCode::UnknownParty,
                format!("QUERY/{named}"),
                named,
                format!("Cannot find any parties with uuid '{uuid}'."),
            )
        };
        let mut db = self.db.acquire().await?;
        let party = parties::party_by_uuid(&mut db, uuid)
            .await?
            .ok_or_else(unknown)?;
        if party.kind == PartyKind::Person
            && (party.is_gone() || !store::is_connected(&mut db, giver.key, party.key).await?)
        {
            return Err(unknown().into());
        }
        Ok(party)
    }

    async fn add_agent_once(
        &self,
        by: &ActingParty,
        facilitator: &Party,
        agent: &Party,
        version: DelegationApiVersion,
    ) -> AccessResult<AssignmentDto> {
        let mut tx = self.db.begin().await?;
        if let Some(id) = store::lock_agent_relation(&mut tx, facilitator.key, agent.key).await? {
            return Ok(self.agent_relation(id, facilitator, agent));
        }
        let path = format!("$QUERY/{}", version.agent());
        match agent.kind {
            PartyKind::Person => {}
            PartyKind::SystemUser => {
                if own_agent(&mut tx, facilitator, agent).await?.is_none() {
                    let text = format!(
                        "System user with id '{}' is not created for client delegation.",
                        agent.uuid
                    );
                    let code = InvalidCode::KindNotAllowed;
                    return Err(InvalidInput::new(code, path, agent.uuid.to_string(), text).into());
                }
            }
            PartyKind::Organization | PartyKind::Other => {
                let text = "Entity type is not supported as an agent. Supported types: <Person, Systembruker>.";
                let id = entity_type(agent.kind).id().to_string();
                return Err(InvalidInput::new(InvalidCode::KindNotAllowed, path, id, text).into());
            }
        }
        let id = match self.make_agent(&mut tx, by, facilitator, agent).await? {
            Some(id) => id,
            // Another call made it in the meantime, and may have removed it again.
            None => store::lock_agent_relation(&mut tx, facilitator.key, agent.key)
                .await?
                .ok_or(AccessProblem::NoConnection)?,
        };
        foundation::db::commit(tx).await?;
        Ok(self.agent_relation(id, facilitator, agent))
    }

    /// Writes an agent relation with what belongs to it; none when it is there already.
    pub(super) async fn make_agent(
        &self,
        tx: &mut PgConnection,
        by: &ActingParty,
        facilitator: &Party,
        agent: &Party,
    ) -> AccessResult<Option<Uuid>> {
        let made = store::add_agent(&mut *tx, facilitator.key, agent.key, &by.name()).await?;
        if let Some(id) = made {
            let about = (ObjectKind::Delegation, id);
            let details = vec![json!({"agent": agent.uuid})];
            changes::record(
                &mut *tx,
                by,
                Action::AgentAdded,
                about,
                facilitator,
                details,
            )
            .await?;
            changes::touch(&mut *tx, agent).await?;
        }
        Ok(made)
    }

    fn agent_relation(&self, id: Uuid, facilitator: &Party, agent: &Party) -> AssignmentDto {
        AssignmentDto {
            id,
            role_id: self.role_id("agent"),
            from_id: facilitator.uuid,
            to_id: agent.uuid,
        }
    }

    /// Id of a role by its code; all zeros where the catalogue has no such role.
    pub(crate) fn role_id(&self, code: &str) -> Uuid {
        self.catalogue
            .role_by_code(code)
            .map_or(Uuid::nil(), |role| role.id)
    }

    /// Ends the relation of an agent to a facilitator. One that does not exist is no error.
    ///
    /// # Errors
    /// 400 without cascade when the agent still has something.
    pub async fn remove_agent(
        &self,
        by: &ActingParty,
        facilitator: Uuid,
        agent: Uuid,
        cascade: Cascade,
    ) -> AccessResult<()> {
        repeat_on_conflict(|| self.remove_agent_once(by, facilitator, agent, cascade)).await
    }

    async fn remove_agent_once(
        &self,
        by: &ActingParty,
        facilitator: Uuid,
        agent: Uuid,
        cascade: Cascade,
    ) -> AccessResult<()> {
        let mut tx = self.db.begin().await?;
        let facilitator = parties::party_by_uuid(&mut tx, facilitator).await?;
        let agent = parties::party_by_uuid(&mut tx, agent).await?;
        let (Some(facilitator), Some(agent)) = (facilitator, agent) else {
            return Ok(());
        };
        lock_agent_party(&mut tx, &agent).await?;
        let relation = store::lock_agent_relation(&mut tx, facilitator.key, agent.key).await?;
        let Some(relation) = relation else {
            return Ok(());
        };
        let rows = store::rows_of_pair(&mut tx, facilitator.key, None, agent.key).await?;
        if cascade == Cascade::No {
            let clients: Vec<i32> = rows.iter().map(|row| row.client).collect();
            let clients = changes::parties_by_key(&mut tx, &clients).await?;
            refuse(self.still_delegated(&rows, &agent, |row| {
                row.relation
                    .or_else(|| clients.get(&row.client).map(|client| client.uuid))
            }))?;
        }
        store::remove_agent(&mut tx, facilitator.key, agent.key).await?;
        let about = (ObjectKind::Delegation, relation);
        let details = vec![json!({"agent": agent.uuid})];
        changes::record(
            &mut tx,
            by,
            Action::AgentRemoved,
            about,
            &facilitator,
            details,
        )
        .await?;
        self.record_removed(&mut tx, by, &facilitator, &agent, &rows)
            .await?;
        changes::touch(&mut tx, &agent).await?;
        Ok(foundation::db::commit(tx).await?)
    }

    /// Findings for what an agent that is to be removed still has.
    fn still_delegated(
        &self,
        rows: &[DelegationRow],
        agent: &Party,
        relation: impl Fn(&DelegationRow) -> Option<Uuid>,
    ) -> Vec<InvalidInput> {
        let mut findings = Vec::new();
        for row in rows {
            let from = relation(row).unwrap_or_default();
            let mut add = |what: &str, ids: Vec<String>| {
                if ids.is_empty() {
                    return;
                }
                let text = format!(
                    "Cannot remove delegation '{}' because party '{}' still has active delegated {what} <{}> from party '{from}'.",
                    row.id,
                    agent.uuid,
                    ids.join(", ")
                );
                findings.push(InvalidInput::new(
                    InvalidCode::DelegationInUse,
                    "$QUERY/cascade",
                    row.id.to_string(),
                    text,
                ));
            };
            let packages = rules::by_urn(&self.catalogue, row.packages.clone());
            let packages = packages
                .iter()
                .filter_map(|key| self.catalogue.package(*key))
                .map(|package| package.id.to_string());
            add("packages", packages.collect());
            let resources = row.resources.iter().map(|id| resource_uuid(id).to_string());
            add("resources", resources.collect());
        }
        findings
    }

    /// Takes a client from an agent, by all of its relations. One that the agent does not have is no
    /// error.
    ///
    /// # Errors
    /// 400 without cascade when something of it is still delegated.
    pub async fn remove_client(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        cascade: Cascade,
    ) -> AccessResult<()> {
        repeat_on_conflict(|| self.remove_client_once(by, ends, cascade)).await
    }

    async fn remove_client_once(
        &self,
        by: &ActingParty,
        ends: DelegationEnds,
        cascade: Cascade,
    ) -> AccessResult<()> {
        let mut tx = self.db.begin().await?;
        let facilitator = parties::party_by_uuid(&mut tx, ends.party).await?;
        let client = parties::party_by_uuid(&mut tx, ends.client).await?;
        let agent = parties::party_by_uuid(&mut tx, ends.agent).await?;
        let (Some(facilitator), Some(client), Some(agent)) = (facilitator, client, agent) else {
            return Ok(());
        };
        lock_agent_party(&mut tx, &agent).await?;
        store::lock_agent_relation(&mut tx, facilitator.key, agent.key).await?;
        let pair = (facilitator.key, Some(client.key), agent.key);
        let rows = store::rows_of_pair(&mut tx, pair.0, pair.1, pair.2).await?;
        if rows.is_empty() {
            return Ok(());
        }
        if cascade == Cascade::No {
            let findings = self.client_in_use(&mut tx, &rows, ends).await?;
            refuse(findings)?;
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        store::remove_delegations(&mut tx, &ids, OnlyEmpty::No).await?;
        self.record_removed(&mut tx, by, &facilitator, &agent, &rows)
            .await?;
        changes::touch(&mut tx, &agent).await?;
        Ok(foundation::db::commit(tx).await?)
    }

    async fn client_in_use(
        &self,
        tx: &mut PgConnection,
        rows: &[DelegationRow],
        ends: DelegationEnds,
    ) -> AccessResult<Vec<InvalidInput>> {
        let identifiers: Vec<String> = rows.iter().flat_map(|row| row.resources.clone()).collect();
        let documents = resources::names(tx, &identifiers).await?;
        let finding = |id: String, delegation: Uuid, what: String| {
            let text = format!(
                "Cannot remove delegation '{delegation}' because party '{}' still has active delegated {what} from '{}'.",
                ends.agent, ends.client
            );
            InvalidInput::new(InvalidCode::DelegationInUse, "$QUERY/cascade", id, text)
        };
        let mut findings = Vec::new();
        for row in rows {
            for id in &row.resources {
                let name = documents
                    .get(id)
                    .and_then(|document| document.get("title"))
                    .map_or(id.as_str(), in_bokmaal);
                let what = format!("resources '{name}'");
                findings.push(finding(resource_uuid(id).to_string(), row.id, what));
            }
        }
        for row in rows {
            let packages = rules::by_urn(&self.catalogue, row.packages.clone());
            for package in packages
                .iter()
                .filter_map(|key| self.catalogue.package(*key))
            {
                let what = format!("package '{}'", in_bokmaal(&package.name));
                findings.push(finding(package.id.to_string(), row.id, what));
            }
        }
        Ok(findings)
    }

    /// Writes what belongs to delegations that were removed whole.
    async fn record_removed(
        &self,
        tx: &mut PgConnection,
        by: &ActingParty,
        facilitator: &Party,
        agent: &Party,
        rows: &[DelegationRow],
    ) -> AccessResult<()> {
        let keys: Vec<i32> = rows.iter().map(|row| row.client).collect();
        let clients = changes::parties_by_key(&mut *tx, &keys).await?;
        let mut gone: Vec<Uuid> = Vec::new();
        let mut seen: HashSet<Uuid> = HashSet::new();
        let mut relations: Vec<(Uuid, Value)> = Vec::new();
        for row in rows {
            let Some(client) = clients.get(&row.client) else {
                continue;
            };
            if !row.packages.is_empty() && seen.insert(client.uuid) {
                gone.push(client.uuid);
            }
            let packages = row
                .packages
                .iter()
                .filter_map(|key| self.catalogue.package(*key))
                .map(|package| json!({"agent": agent.uuid, "client": client.uuid, "package": package.urn}));
            let resources = row
                .resources
                .iter()
                .map(|id| json!({"agent": agent.uuid, "client": client.uuid, "resource": id}));
            relations.extend(packages.chain(resources).map(|detail| (row.id, detail)));
        }
        changes::record_of_each(
            &mut *tx,
            by,
            Action::ClientRemoved,
            ObjectKind::ClientDelegation,
            facilitator,
            relations,
        )
        .await?;
        if agent.kind == PartyKind::SystemUser
            && let Some(user) = users::by_id(&mut *tx, agent.uuid).await?
        {
            changes::publish_clients(tx, &user, EventKind::ClientRemoved, &gone).await?;
        }
        Ok(())
    }
}

/// The active system user for clients that a party is, if the facilitator owns it; it is not deleted
/// before the transaction ends.
pub(super) async fn own_agent(
    tx: &mut PgConnection,
    facilitator: &Party,
    agent: &Party,
) -> AccessResult<Option<SystemUser>> {
    if !lock_system_user(&mut *tx, agent.uuid).await? {
        return Ok(None);
    }
    let user = users::by_id(tx, agent.uuid).await?;
    Ok(user.filter(|user| user.kind == SystemUserKind::Agent && user.owner_key == facilitator.key))
}

/// Keeps an agent that is a system user from being deleted meanwhile.
pub(super) async fn lock_agent_party(tx: &mut PgConnection, agent: &Party) -> AccessResult<()> {
    if agent.kind == PartyKind::SystemUser {
        lock_system_user(tx, agent.uuid).await?;
    }
    Ok(())
}
