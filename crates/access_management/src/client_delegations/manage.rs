//! Adding and removing agents, and what is delegated to them: one transaction for each step, or nothing
//! at all.

use std::collections::HashSet;

use foundation::{
    audit::{Action, ObjectKind},
    db::repeat_on_conflict,
    events::EventKind,
};
use registers::{
    packages::{PackageKey, RoleKey, resource_uuid},
    parties::{self, Party, PartyKind},
    resources,
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use system_users::users::{self, SystemUser};
use uuid::Uuid;

use authorization::live_system_users::SystemUserKind;

use super::{
    bind::BatchItems,
    model::{
        AssignmentDto, BatchValue, DelegationRow, EndNames, PackageDelegation, ResourceDelegation,
        Version,
    },
    rules::{self, PackageBasis, in_bokmaal},
    store::{self, OnlyEmpty},
};
use crate::{
    AccessManagement,
    callers::Acting,
    changes::{self, lock_system_user},
    entities::entity_type,
    errors::{AccessProblem, AccessResult, Invalid, InvalidCode, refuse},
    person_lookup::PersonInput,
};

/// Who is removed from what, and whether with what is delegated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cascade {
    /// What is delegated goes too.
    Yes,
    /// Nothing may be delegated any more.
    No,
}

impl Cascade {
    /// From a flag of the query.
    #[must_use]
    pub const fn of(flag: bool) -> Self {
        if flag { Self::Yes } else { Self::No }
    }
}

/// The ends of a delegation, as a call names them.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The facilitator.
    pub party: Uuid,
    /// The client.
    pub client: Uuid,
    /// The agent.
    pub agent: Uuid,
}

/// What a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Give,
    Take,
}

/// The words in which findings about a batch differ.
struct Words {
    items: BatchItems,
    direction: Direction,
    names: EndNames,
}

impl Words {
    const fn unknown_role(&self) -> &'static str {
        match (self.items, self.direction) {
            (BatchItems::Packages, Direction::Take) => "role do not exist.",
            (BatchItems::Packages, Direction::Give) | (BatchItems::Resources, _) => {
                "Role does not exist."
            }
        }
    }

    const fn unknown_package(&self) -> &'static str {
        match self.direction {
            Direction::Give => "Package does not exist.",
            Direction::Take => "package do not exist.",
        }
    }

    const fn unknown_entity(&self) -> &'static str {
        match self.items {
            BatchItems::Packages => "entity do not exist.",
            BatchItems::Resources => "entity does not exist.",
        }
    }

    fn unknown_client(&self, ends: Ends) -> String {
        match self.items {
            BatchItems::Packages => self.unknown_entity().to_owned(),
            BatchItems::Resources => format!(
                "'{}' is not a valid existing Client for '{}'.",
                ends.client, ends.party
            ),
        }
    }

    fn no_agent(&self, ends: Ends) -> Invalid {
        let text = match self.items {
            BatchItems::Packages => format!(
                "Role is not assigned to '{}' from '{}'.",
                ends.agent, ends.party
            ),
            BatchItems::Resources => format!(
                "The user '{}' is not a valid registered Agent for '{}'.",
                ends.agent, ends.party
            ),
        };
        let path = format!("$QUERY/{}", self.names.agent);
        Invalid::new(
            InvalidCode::RoleNotHeld,
            path,
            "urn:altinn:role:agent",
            text,
        )
    }

    fn unfit_system_user(&self, ends: Ends) -> Invalid {
        let text = match self.items {
            BatchItems::Packages => format!(
                "system user '{}' is not created for client delegation.",
                ends.agent
            ),
            BatchItems::Resources => format!(
                "system user '{}' is not supported, client delegation only supports system users of the 'AgentSystem' variant.",
                ends.agent
            ),
        };
        let path = format!("$QUERY/{}", self.names.agent);
        Invalid::new(
            InvalidCode::KindNotAllowed,
            path,
            ends.agent.to_string(),
            text,
        )
    }
}

fn unknown_entity(name: &str, uuid: Uuid, text: impl Into<String>) -> Invalid {
    let path = format!("$QUERY/{name}");
    Invalid::new(InvalidCode::UnknownParty, path, uuid.to_string(), text)
}

/// A value of a batch whose role is known.
struct KnownValue<T> {
    index: usize,
    role: RoleKey,
    items: Vec<T>,
}

/// The parties of a batch.
struct KnownEnds {
    party: Party,
    client: Party,
    agent: Party,
}

impl AccessManagement {
    /// Makes a party an agent of a facilitator. A repeat changes nothing and answers the same.
    ///
    /// # Errors
    /// 400 for who cannot be an agent, 429 for too many look-ups of persons.
    pub async fn add_agent(
        &self,
        by: &Acting,
        facilitator: &Party,
        agent: Option<Uuid>,
        input: Option<&PersonInput>,
        version: Version,
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
            Invalid::new(
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
        by: &Acting,
        facilitator: &Party,
        agent: &Party,
        version: Version,
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
                    return Err(Invalid::new(code, path, agent.uuid.to_string(), text).into());
                }
            }
            PartyKind::Organization | PartyKind::Other => {
                let text = "Entity type is not supported as an agent. Supported types: <Person, Systembruker>.";
                let id = entity_type(agent.kind).id().to_string();
                return Err(Invalid::new(InvalidCode::KindNotAllowed, path, id, text).into());
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
    async fn make_agent(
        &self,
        tx: &mut PgConnection,
        by: &Acting,
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
        by: &Acting,
        facilitator: Uuid,
        agent: Uuid,
        cascade: Cascade,
    ) -> AccessResult<()> {
        repeat_on_conflict(|| self.remove_agent_once(by, facilitator, agent, cascade)).await
    }

    async fn remove_agent_once(
        &self,
        by: &Acting,
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
    ) -> Vec<Invalid> {
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
                findings.push(Invalid::new(
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
        by: &Acting,
        ends: Ends,
        cascade: Cascade,
    ) -> AccessResult<()> {
        repeat_on_conflict(|| self.remove_client_once(by, ends, cascade)).await
    }

    async fn remove_client_once(
        &self,
        by: &Acting,
        ends: Ends,
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
        ends: Ends,
    ) -> AccessResult<Vec<Invalid>> {
        let identifiers: Vec<String> = rows.iter().flat_map(|row| row.resources.clone()).collect();
        let documents = resources::names(tx, &identifiers).await?;
        let finding = |id: String, delegation: Uuid, what: String| {
            let text = format!(
                "Cannot remove delegation '{delegation}' because party '{}' still has active delegated {what} from '{}'.",
                ends.agent, ends.client
            );
            Invalid::new(InvalidCode::DelegationInUse, "$QUERY/cascade", id, text)
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
        by: &Acting,
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

    /// Delegates packages of a client to an agent, all or none.
    ///
    /// # Errors
    /// 400 with the findings of the first step that has some.
    pub async fn give_packages(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
        version: Version,
    ) -> AccessResult<Vec<PackageDelegation>> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        repeat_on_conflict(|| self.give_packages_once(by, ends, values, version)).await
    }

    async fn give_packages_once(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
        version: Version,
    ) -> AccessResult<Vec<PackageDelegation>> {
        let words = Words {
            items: BatchItems::Packages,
            direction: Direction::Give,
            names: EndNames::of_facilitator(version),
        };
        let mut tx = self.db.begin().await?;
        let (values, mut findings) = self.known_packages(values, &words);
        let known = known_ends(&mut tx, ends, &words, &mut findings).await?;
        refuse(findings)?;
        let Some(known) = known else {
            return Ok(Vec::new());
        };
        self.must_be_agent(&mut tx, by, &known, ends, &words)
            .await?;
        let mut findings = Vec::new();
        let mut rests_on: Vec<Vec<(PackageKey, PackageBasis)>> = Vec::new();
        for value in &values {
            rests_on.push(
                self.bases(&mut tx, &known, ends, value, &mut findings)
                    .await?,
            );
        }
        refuse(findings)?;
        let mut out = Vec::new();
        let mut has_changed = false;
        for (value, bases) in values.iter().zip(&rests_on) {
            let delegation = self.delegation(&mut tx, by, &known, value.role).await?;
            let mut added = store::add_packages(&mut tx, delegation, bases).await?;
            let urns = |keys: &[PackageKey]| -> Vec<String> {
                keys.iter()
                    .filter_map(|key| self.catalogue.package(*key))
                    .map(|package| package.urn.clone())
                    .collect()
            };
            let details = urns(&added)
                .iter()
                .map(|urn| json!({"agent": ends.agent, "client": ends.client, "package": urn}))
                .collect();
            let about = (ObjectKind::ClientDelegation, delegation);
            let party = &known.party;
            changes::record(&mut tx, by, Action::ClientAdded, about, party, details).await?;
            has_changed |= !added.is_empty();
            for key in &value.items {
                // The same package named again is not changed again.
                let place = added.iter().position(|one| one == key);
                let changed = place.map(|place| added.swap_remove(place)).is_some();
                out.push(self.package_delegation(ends, value.role, *key, changed));
            }
        }
        self.finish_giving(&mut tx, &known, has_changed, true)
            .await?;
        foundation::db::commit(tx).await?;
        Ok(out)
    }

    /// Values whose roles and packages are known, and findings about the others.
    fn known_packages(
        &self,
        values: &[BatchValue],
        words: &Words,
    ) -> (Vec<KnownValue<PackageKey>>, Vec<Invalid>) {
        let mut findings = Vec::new();
        let mut out = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let role = self.known_role(index, value, words, &mut findings);
            let mut items = Vec::new();
            for (place, name) in value.items.iter().enumerate() {
                let path = format!("/values[{index}]/packages[{place}]");
                let found = match words.direction {
                    Direction::Give => self.catalogue.package_named(name),
                    Direction::Take => self.catalogue.held_package_named(name),
                };
                match found {
                    None => findings.push(Invalid::new(
                        InvalidCode::InvalidPackage,
                        path,
                        name.as_str(),
                        words.unknown_package(),
                    )),
                    Some(package)
                        if words.direction == Direction::Give && !package.is_delegable =>
                    {
                        findings.push(Invalid::new(
                            InvalidCode::PackageNotDelegable,
                            path,
                            package.urn.as_str(),
                            "Package is not delegable.",
                        ));
                    }
                    Some(package) => items.push(package.key),
                }
            }
            out.extend(role.map(|role| KnownValue { index, role, items }));
        }
        (out, findings)
    }

    fn known_role(
        &self,
        index: usize,
        value: &BatchValue,
        words: &Words,
        findings: &mut Vec<Invalid>,
    ) -> Option<RoleKey> {
        let found = self.catalogue.role_named(&value.role).map(|role| role.key);
        if found.is_none() {
            findings.push(Invalid::new(
                InvalidCode::InvalidRole,
                format!("/values[{index}]/role"),
                value.role.as_str(),
                words.unknown_role(),
            ));
        }
        found
    }

    /// Refuses who is no agent of the facilitator. A system user becomes one on the way.
    async fn must_be_agent(
        &self,
        tx: &mut PgConnection,
        by: &Acting,
        known: &KnownEnds,
        ends: Ends,
        words: &Words,
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
            findings.push(Invalid::new(
                InvalidCode::KindNotAllowed,
                format!("$QUERY/{}", words.names.agent),
                entity_type(agent.kind).id().to_string(),
                "entity type is not supported as agent, only <Person, Systembruker>.",
            ));
        }
        refuse(findings)
    }

    /// On what each package of a value rests.
    async fn bases(
        &self,
        tx: &mut PgConnection,
        known: &KnownEnds,
        ends: Ends,
        value: &KnownValue<PackageKey>,
        findings: &mut Vec<Invalid>,
    ) -> AccessResult<Vec<(PackageKey, PackageBasis)>> {
        let (client, party) = (&known.client, &known.party);
        let role = self.catalogue.role(value.role);
        let urn = role.map(|role| role.urn.as_str()).unwrap_or_default();
        let Some(relation) = store::lock_relation(tx, client.key, party.key, value.role).await?
        else {
            findings.push(role_not_held(value.index, urn, ends));
            return Ok(Vec::new());
        };
        let mut out = Vec::new();
        for (place, key) in value.items.iter().enumerate() {
            let basis = rules::basis(
                &self.catalogue,
                value.role,
                client.form,
                &relation.assigned,
                *key,
            );
            match (basis, self.catalogue.package(*key)) {
                (Some(basis), _) => out.push((*key, basis)),
                (None, Some(package)) => findings.push(Invalid::new(
                    InvalidCode::NotAuthorized,
                    format!("/values[{}]/packages[{place}]", value.index),
                    package.urn.as_str(),
                    format!(
                        "Can't delegate package from client '{}' as they haven't been assigned to '{}' through role '{urn}'.",
                        ends.client, ends.party
                    ),
                )),
                (None, None) => {}
            }
        }
        out.sort_unstable_by_key(|(key, _)| *key);
        out.dedup_by_key(|(key, _)| *key);
        Ok(out)
    }

    async fn delegation(
        &self,
        tx: &mut PgConnection,
        by: &Acting,
        known: &KnownEnds,
        role: RoleKey,
    ) -> AccessResult<Uuid> {
        let (party, client, agent) = (known.party.key, known.client.key, known.agent.key);
        Ok(store::delegation(tx, party, client, agent, role, &by.name()).await?)
    }

    /// Appends to the feed, and publishes, what an agent got.
    async fn finish_giving(
        &self,
        tx: &mut PgConnection,
        known: &KnownEnds,
        has_changed: bool,
        is_published: bool,
    ) -> AccessResult<()> {
        changes::touch(&mut *tx, &known.agent).await?;
        if has_changed
            && is_published
            && known.agent.kind == PartyKind::SystemUser
            && let Some(user) = users::by_id(&mut *tx, known.agent.uuid).await?
        {
            let clients = [known.client.uuid];
            changes::publish_clients(tx, &user, EventKind::ClientAdded, &clients).await?;
        }
        Ok(())
    }

    fn package_delegation(
        &self,
        ends: Ends,
        role: RoleKey,
        package: PackageKey,
        changed: bool,
    ) -> PackageDelegation {
        PackageDelegation {
            role_id: self.catalogue.role(role).map_or(Uuid::nil(), |r| r.id),
            package_id: self
                .catalogue
                .package(package)
                .map_or(Uuid::nil(), |p| p.id),
            via_id: ends.party,
            from_id: ends.client,
            to_id: ends.agent,
            changed,
        }
    }

    /// Takes packages of a client back from an agent.
    ///
    /// # Errors
    /// 400 for what is not known, and for who is no agent.
    pub async fn take_packages(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
        names: EndNames,
    ) -> AccessResult<Vec<PackageDelegation>> {
        repeat_on_conflict(|| self.take_packages_once(by, ends, values, names)).await
    }

    async fn take_packages_once(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
        names: EndNames,
    ) -> AccessResult<Vec<PackageDelegation>> {
        let words = Words {
            items: BatchItems::Packages,
            direction: Direction::Take,
            names,
        };
        let mut tx = self.db.begin().await?;
        let (values, findings) = self.known_packages(values, &words);
        let known = self.ends_of_agent(&mut tx, ends, &words, findings).await?;
        let mut out = Vec::new();
        let mut lost = Vec::new();
        for value in &values {
            let (client, party) = (known.client.key, known.party.key);
            if store::lock_relation(&mut tx, client, party, value.role)
                .await?
                .is_none()
            {
                continue;
            }
            let mut items = value.items.clone();
            let mut seen = Vec::new();
            items.retain(|key| {
                !seen.contains(key) && {
                    seen.push(*key);
                    true
                }
            });
            let agent = known.agent.key;
            let row = store::find_delegation(&mut tx, party, client, agent, value.role).await?;
            let removed = match row {
                Some(id) => store::remove_packages(&mut tx, id, &items).await?,
                None => Vec::new(),
            };
            if let Some(id) = row.filter(|_| !removed.is_empty()) {
                let details = removed
                    .iter()
                    .filter_map(|key| self.catalogue.package(*key))
                    .map(|package| json!({"agent": ends.agent, "client": ends.client, "package": package.urn}))
                    .collect();
                let about = (ObjectKind::ClientDelegation, id);
                changes::record(
                    &mut tx,
                    by,
                    Action::ClientRemoved,
                    about,
                    &known.party,
                    details,
                )
                .await?;
                lost.push(id);
            }
            out.extend(
                items.iter().map(|key| {
                    self.package_delegation(ends, value.role, *key, removed.contains(key))
                }),
            );
        }
        self.finish_taking(&mut tx, &known, &lost).await?;
        foundation::db::commit(tx).await?;
        Ok(out)
    }

    /// The ends of a removal: the agent is one.
    async fn ends_of_agent(
        &self,
        tx: &mut PgConnection,
        ends: Ends,
        words: &Words,
        mut findings: Vec<Invalid>,
    ) -> AccessResult<KnownEnds> {
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

    /// Removes delegations of which nothing is left, appends to the feed, and publishes a client that is
    /// lost.
    async fn finish_taking(
        &self,
        tx: &mut PgConnection,
        known: &KnownEnds,
        lost: &[Uuid],
    ) -> AccessResult<()> {
        if lost.is_empty() {
            return Ok(());
        }
        store::remove_delegations(&mut *tx, lost, OnlyEmpty::Yes).await?;
        changes::touch(&mut *tx, &known.agent).await?;
        let (agent, client) = (&known.agent, &known.client);
        if agent.kind == PartyKind::SystemUser
            && !changes::has_client(&mut *tx, agent.key, client.key).await?
            && let Some(user) = users::by_id(&mut *tx, agent.uuid).await?
        {
            let clients = [client.uuid];
            changes::publish_clients(tx, &user, EventKind::ClientRemoved, &clients).await?;
        }
        Ok(())
    }

    /// Delegates single resources of a client to an agent, all or none.
    ///
    /// # Errors
    /// 400 with the findings of the first step that has some.
    pub async fn give_resources(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
    ) -> AccessResult<Vec<ResourceDelegation>> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        repeat_on_conflict(|| self.give_resources_once(by, ends, values)).await
    }

    async fn give_resources_once(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
    ) -> AccessResult<Vec<ResourceDelegation>> {
        let words = Words {
            items: BatchItems::Resources,
            direction: Direction::Give,
            names: EndNames::of_facilitator(Version::V2),
        };
        let mut tx = self.db.begin().await?;
        let (values, mut findings) = self.known_resources(&mut tx, values, &words).await?;
        let known = known_ends(&mut tx, ends, &words, &mut findings).await?;
        refuse(findings)?;
        let Some(known) = known else {
            return Ok(Vec::new());
        };
        self.must_be_agent(&mut tx, by, &known, ends, &words)
            .await?;
        let mut findings = Vec::new();
        for value in &values {
            self.must_be_given(&mut tx, &known, ends, value, &mut findings)
                .await?;
        }
        refuse(findings)?;
        let mut out = Vec::new();
        let mut has_changed = false;
        for value in &values {
            let delegation = self.delegation(&mut tx, by, &known, value.role).await?;
            let mut added = store::add_resources(&mut tx, delegation, &value.items).await?;
            let details = added
                .iter()
                .map(|id| json!({"agent": ends.agent, "client": ends.client, "resource": id}))
                .collect();
            let about = (ObjectKind::ClientDelegation, delegation);
            let party = &known.party;
            changes::record(&mut tx, by, Action::ClientAdded, about, party, details).await?;
            has_changed |= !added.is_empty();
            for id in &value.items {
                let place = added.iter().position(|one| one == id);
                let changed = place.map(|place| added.swap_remove(place)).is_some();
                out.push(self.resource_delegation(ends, value.role, id, changed));
            }
        }
        self.finish_giving(&mut tx, &known, has_changed, false)
            .await?;
        foundation::db::commit(tx).await?;
        Ok(out)
    }

    async fn known_resources(
        &self,
        tx: &mut PgConnection,
        values: &[BatchValue],
        words: &Words,
    ) -> AccessResult<(Vec<KnownValue<String>>, Vec<Invalid>)> {
        let named: Vec<String> = values
            .iter()
            .flat_map(|value| value.items.clone())
            .collect();
        let known = store::known_resources(tx, &named).await?;
        let mut findings = Vec::new();
        let mut out = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let role = self.known_role(index, value, words, &mut findings);
            for (place, name) in value.items.iter().enumerate() {
                if !known.contains(name) {
                    findings.push(Invalid::new(
                        InvalidCode::ResourceNotFound,
                        format!("/values[{index}]/resources[{place}]"),
                        name.as_str(),
                        "Resource does not exist.",
                    ));
                }
            }
            out.extend(role.map(|role| KnownValue {
                index,
                role,
                items: value.items.clone(),
            }));
        }
        Ok((out, findings))
    }

    /// Finds what the client does not give the facilitator as a single resource.
    async fn must_be_given(
        &self,
        tx: &mut PgConnection,
        known: &KnownEnds,
        ends: Ends,
        value: &KnownValue<String>,
        findings: &mut Vec<Invalid>,
    ) -> AccessResult<()> {
        let role = self.catalogue.role(value.role);
        let urn = role.map(|role| role.urn.as_str()).unwrap_or_default();
        let (client, party) = (known.client.key, known.party.key);
        let Some(relation) = store::lock_relation(tx, client, party, value.role).await? else {
            findings.push(role_not_held(value.index, urn, ends));
            return Ok(());
        };
        for (place, id) in value.items.iter().enumerate() {
            if !relation.resources.contains(id) {
                findings.push(Invalid::new(
                    InvalidCode::NotAuthorized,
                    format!("/values[{}]/resources[{place}]", value.index),
                    resource_uuid(id).to_string(),
                    format!(
                        "Can't delegate resource from client '{}' as it hasn't been delegated to '{}' as a single resource through role '{urn}'.",
                        ends.client, ends.party
                    ),
                ));
            }
        }
        Ok(())
    }

    fn resource_delegation(
        &self,
        ends: Ends,
        role: RoleKey,
        identifier: &str,
        changed: bool,
    ) -> ResourceDelegation {
        ResourceDelegation {
            role_id: self.catalogue.role(role).map_or(Uuid::nil(), |r| r.id),
            resource_id: resource_uuid(identifier),
            via_id: ends.party,
            from_id: ends.client,
            to_id: ends.agent,
            changed,
        }
    }

    /// Takes single resources of a client back from an agent.
    ///
    /// # Errors
    /// 400 for what is not known, and for who is no agent.
    pub async fn take_resources(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
        names: EndNames,
    ) -> AccessResult<Vec<ResourceDelegation>> {
        repeat_on_conflict(|| self.take_resources_once(by, ends, values, names)).await
    }

    async fn take_resources_once(
        &self,
        by: &Acting,
        ends: Ends,
        values: &[BatchValue],
        names: EndNames,
    ) -> AccessResult<Vec<ResourceDelegation>> {
        let words = Words {
            items: BatchItems::Resources,
            direction: Direction::Take,
            names,
        };
        let mut tx = self.db.begin().await?;
        let (values, findings) = self.known_resources(&mut tx, values, &words).await?;
        let known = self.ends_of_agent(&mut tx, ends, &words, findings).await?;
        let mut out = Vec::new();
        let mut lost = Vec::new();
        for value in &values {
            let (client, party) = (known.client.key, known.party.key);
            if store::lock_relation(&mut tx, client, party, value.role)
                .await?
                .is_none()
            {
                continue;
            }
            let mut items: Vec<&String> = Vec::new();
            for id in &value.items {
                if !items.contains(&id) {
                    items.push(id);
                }
            }
            let agent = known.agent.key;
            let row = store::find_delegation(&mut tx, party, client, agent, value.role).await?;
            let removed = match row {
                Some(id) => store::remove_resources(&mut tx, id, &value.items).await?,
                None => Vec::new(),
            };
            if let Some(id) = row.filter(|_| !removed.is_empty()) {
                let details = removed
                    .iter()
                    .map(|id| json!({"agent": ends.agent, "client": ends.client, "resource": id}))
                    .collect();
                let about = (ObjectKind::ClientDelegation, id);
                changes::record(
                    &mut tx,
                    by,
                    Action::ClientRemoved,
                    about,
                    &known.party,
                    details,
                )
                .await?;
                lost.push(id);
            }
            out.extend(
                items
                    .into_iter()
                    .map(|id| self.resource_delegation(ends, value.role, id, removed.contains(id))),
            );
        }
        self.finish_taking(&mut tx, &known, &lost).await?;
        foundation::db::commit(tx).await?;
        Ok(out)
    }
}

fn role_not_held(index: usize, urn: &str, ends: Ends) -> Invalid {
    Invalid::new(
        InvalidCode::RoleNotHeld,
        format!("/values[{index}]/role"),
        urn,
        format!(
            "Role is not assigned to '{}' from '{}'.",
            ends.party, ends.client
        ),
    )
}

/// The parties of a batch; none where one is unknown, which is then among the findings.
async fn known_ends(
    tx: &mut PgConnection,
    ends: Ends,
    words: &Words,
    findings: &mut Vec<Invalid>,
) -> AccessResult<Option<KnownEnds>> {
    let party = parties::party_by_uuid(&mut *tx, ends.party).await?;
    let client = parties::party_by_uuid(&mut *tx, ends.client).await?;
    let agent = parties::party_by_uuid(&mut *tx, ends.agent).await?;
    let names = words.names;
    if party.is_none() {
        findings.push(unknown_entity(
            names.party,
            ends.party,
            words.unknown_entity(),
        ));
    }
    if client.is_none() {
        findings.push(unknown_entity(
            names.client,
            ends.client,
            words.unknown_client(ends),
        ));
    }
    if agent.is_none() {
        findings.push(unknown_entity(
            names.agent,
            ends.agent,
            words.unknown_entity(),
        ));
    }
    Ok(match (party, client, agent) {
        (Some(party), Some(client), Some(agent)) => Some(KnownEnds {
            party,
            client,
            agent,
        }),
        _ => None,
    })
}

/// The active system user for clients that a party is, if the facilitator owns it; it is not deleted
/// before the transaction ends.
async fn own_agent(
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
async fn lock_agent_party(tx: &mut PgConnection, agent: &Party) -> AccessResult<()> {
    if agent.kind == PartyKind::SystemUser {
        lock_system_user(tx, agent.uuid).await?;
    }
    Ok(())
}
