//! Finding clients, delegating them to agents, and taking them back.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt as _;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Clients,
    model::{Client, ClientCursor, DelegatedClient, DelegationOutcome, FacilitatorRelation},
    rules::{self, ClientAssembly},
    store,
};
use crate::users::{self, SystemUser};
use authorization::{delegation::ClientAdministrator, live_system_users::SystemUserKind};
use foundation::{
    audit::Action,
    db::{
        DbError,
        feed::{self, FeedEntryKind},
        repeat_on_conflict,
    },
    events::{self, EventKind},
    http::{ApiResult, ProblemCode},
};
use registers::packages::PackageKey;

/// With so many relations a page is read along the index of names, with fewer it is sorted: both
/// take some 20 ms there.
const MANY: i64 = 10_000;

impl Clients {
    /// A page of a provider's clients, by name; with `wanted`, those that have at least one of the
    /// packages, and only these. One more than `size` when there is more.
    pub async fn page(
        &self,
        provider: i32,
        wanted: Option<&[PackageKey]>,
        after: ClientCursor,
        size: usize,
    ) -> ApiResult<Vec<Client>> {
        let mut db = self.db.acquire().await?;
        let filter = rules::filter(&self.catalogue, wanted);
        let narrow = |client: Client| match wanted {
            Some(wanted) => rules::narrowed(client, wanted),
            None => Some(client),
        };
        let mut out: Vec<Client> = Vec::new();
        if store::count_relations(&mut db, provider, &filter, MANY).await? < MANY {
            let mut assembly = ClientAssembly::new(&self.catalogue);
            let mut rows = store::relations(&mut db, provider, &filter, &after);
            while let Some(row) = rows.try_next().await? {
                out.extend(assembly.push(row).and_then(narrow));
                if out.len() > size {
                    return Ok(out);
                }
            }
            out.extend(assembly.finish().and_then(narrow));
            return Ok(out);
        }
        let (mut after, most) = (
            after,
            i64::try_from(size).unwrap_or(i64::MAX).saturating_add(1),
        );
        loop {
            let found = store::candidates(&mut db, provider, &filter, &after, most).await?;
            let Some((_, last)) = found.last() else {
                return Ok(out);
            };
            after = last.clone();
            let keys: Vec<i32> = found.iter().map(|(key, _)| *key).collect();
            out.extend(
                store::of_provider(&mut db, &self.catalogue, provider, &keys)
                    .await?
                    .into_iter()
                    .filter_map(narrow),
            );
            if out.len() > size {
                out.truncate(size + 1);
                return Ok(out);
            }
        }
    }

    /// A page of the clients delegated to an agent by its owner, by name. One more than `size` when
    /// there is more.
    pub async fn delegated_page(
        &self,
        agent: Uuid,
        provider: i32,
        after: &ClientCursor,
        size: usize,
    ) -> ApiResult<Vec<DelegatedClient>> {
        let mut db = self.db.acquire().await?;
        let most = i64::try_from(size).unwrap_or(i64::MAX).saturating_add(1);
        Ok(
            if store::count_delegated(&mut db, agent, MANY).await? < MANY {
                store::delegated(&mut db, agent, provider, after, Some(most))
                    .try_collect()
                    .await?
            } else {
                store::many_delegated(&mut db, agent, provider, after, most).await?
            },
        )
    }

    /// Keys of the packages that a client must offer an agent.
    #[must_use]
    pub fn required_by(&self, agent: &SystemUser) -> Vec<PackageKey> {
        self.catalogue
            .keys_of(agent.access_packages.iter().map(|p| p.urn.as_str()))
    }

    /// Delegates a client to an agent. A repeat changes nothing and returns the same.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn add(
        &self,
        by: ClientAdministrator<'_>,
        agent: &SystemUser,
        client: Uuid,
    ) -> ApiResult<Vec<FacilitatorRelation>> {
        repeat_on_conflict(|| self.add_once(by, agent, client)).await
    }

    async fn add_once(
        &self,
        by: ClientAdministrator<'_>,
        agent: &SystemUser,
        client: Uuid,
    ) -> ApiResult<Vec<FacilitatorRelation>> {
        let mut tx = self.db.begin().await?;
        let outcome = self
            .add_all(&mut tx, by, agent, &[client])
            .await?
            .pop()
            .ok_or(ProblemCode::ClientNotFound)?;
        if let DelegationOutcome::Refused(problem) = outcome.1 {
            return Err(problem.into());
        }
        foundation::db::commit(tx).await?;
        Ok(outcome.0)
    }

    /// Delegates clients to an agent, all in the caller's transaction: for each, in order, the
    /// relations it rests on and the outcome.
    ///
    /// # Errors
    /// The agent takes no clients, or is deleted.
    pub async fn add_all(
        &self,
        tx: &mut PgConnection,
        by: ClientAdministrator<'_>,
        agent: &SystemUser,
        clients: &[Uuid],
    ) -> ApiResult<Vec<(Vec<FacilitatorRelation>, DelegationOutcome)>> {
        if agent.kind != SystemUserKind::Agent {
            return Err(ProblemCode::NotAnAgent.into());
        }
        let required = self.required_by(agent);
        if required.is_empty() {
            return Err(ProblemCode::PackageNotInSystem.into());
        }
        let provider = by.party.key;
        let key = store::lock_agent(&mut *tx, agent.id)
            .await?
            .ok_or(ProblemCode::SystemUserNotFound)?;
        let keys = store::keys(&mut *tx, clients).await?;
        let known: Vec<i32> = keys.values().copied().collect();
        store::lock_relations(&mut *tx, provider, &known).await?;
        let (mut fitting, mut refused) = (Vec::new(), HashMap::new());
        for client in store::of_provider(&mut *tx, &self.catalogue, provider, &known).await? {
            let held = required
                .iter()
                .filter(|package| client.has(**package))
                .count();
            if held == required.len() {
                fitting.extend(rules::narrowed(client, &required));
            } else if held > 0 {
                refused.insert(client.uuid, ProblemCode::ClientLacksPackages);
            }
        }
        let added = store::add(&mut *tx, key, provider, &fitting, &by.name()).await?;
        let new: Vec<Uuid> = fitting
            .iter()
            .filter(|c| added.contains(&c.key))
            .map(|c| c.uuid)
            .collect();
        note(
            tx,
            by,
            agent,
            &new,
            Action::ClientAdded,
            EventKind::ClientAdded,
        )
        .await?;
        let mut delegated: HashMap<Uuid, Client> =
            fitting.into_iter().map(|c| (c.uuid, c)).collect();
        let outcome = |uuid: &Uuid| match delegated.remove(uuid) {
            Some(client) if added.contains(&client.key) => {
                (client.relations, DelegationOutcome::Done)
            }
            Some(client) => (client.relations, DelegationOutcome::Unchanged),
            None => (
                Vec::new(),
                DelegationOutcome::Refused(
                    refused
                        .get(uuid)
                        .copied()
                        .unwrap_or(ProblemCode::ClientNotFound),
                ),
            ),
        };
        Ok(clients.iter().map(outcome).collect())
    }

    /// Takes a client from an agent. Succeeds also when it was not delegated.
    pub async fn remove(
        &self,
        by: ClientAdministrator<'_>,
        agent: &SystemUser,
        client: Uuid,
    ) -> ApiResult<()> {
        repeat_on_conflict(|| self.remove_once(by, agent, client)).await
    }

    async fn remove_once(
        &self,
        by: ClientAdministrator<'_>,
        agent: &SystemUser,
        client: Uuid,
    ) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        self.remove_all(&mut tx, by, agent, &[client]).await?;
        Ok(foundation::db::commit(tx).await?)
    }

    /// Takes clients from an agent, all in the caller's transaction. Those that were not
    /// delegated are ignored.
    pub async fn remove_all(
        &self,
        tx: &mut PgConnection,
        by: ClientAdministrator<'_>,
        agent: &SystemUser,
        clients: &[Uuid],
    ) -> ApiResult<Vec<DelegationOutcome>> {
        let removed = match store::lock_agent(&mut *tx, agent.id).await? {
            Some(key) => store::remove(&mut *tx, key, by.party.key, clients).await?,
            None => HashSet::new(),
        };
        let gone: Vec<Uuid> = clients
            .iter()
            .filter(|c| removed.contains(c))
            .copied()
            .collect();
        note(
            tx,
            by,
            agent,
            &gone,
            Action::ClientRemoved,
            EventKind::ClientRemoved,
        )
        .await?;
        Ok(clients
            .iter()
            .map(|c| {
                if removed.contains(c) {
                    DelegationOutcome::Done
                } else {
                    DelegationOutcome::Unchanged
                }
            })
            .collect())
    }

    /// Takes one relation of a client from an agent, by the id of its row.
    ///
    /// # Errors
    /// There is no such row, or it is not the party's or not the facilitator's.
    pub async fn remove_row(
        &self,
        by: ClientAdministrator<'_>,
        id: Uuid,
        facilitator: Option<Uuid>,
    ) -> ApiResult<()> {
        repeat_on_conflict(|| self.remove_row_once(by, id, facilitator)).await
    }

    async fn remove_row_once(
        &self,
        by: ClientAdministrator<'_>,
        id: Uuid,
        facilitator: Option<Uuid>,
    ) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        let row = store::row(&mut tx, id)
            .await?
            .ok_or(ProblemCode::DelegationNotFound)?;
        if facilitator != Some(row.facilitator) {
            return Err(ProblemCode::FacilitatorMismatch.into());
        }
        if row.facilitator != by.party.uuid {
            return Err(ProblemCode::AssignmentMismatch.into());
        }
        let agent = users::by_id(&mut tx, row.agent)
            .await?
            .ok_or(ProblemCode::DelegationNotFound)?;
        store::lock_agent(&mut tx, agent.id).await?;
        if store::remove_row(&mut tx, id)
            .await?
            .ok_or(ProblemCode::DelegationNotFound)?
        {
            note(
                &mut tx,
                by,
                &agent,
                &[row.client],
                Action::ClientRemoved,
                EventKind::ClientRemoved,
            )
            .await?;
        } else {
            users::record_each(
                &mut tx,
                by.actor(),
                &agent,
                Action::ClientRemoved,
                vec![json!({"client": row.client, "delegation": id})],
            )
            .await?;
            feed::append(&mut tx, FeedEntryKind::SystemUser, &agent.id.to_string()).await?;
        }
        Ok(foundation::db::commit(tx).await?)
    }

    /// Ids of the rows by which a client was delegated to an agent.
    pub async fn row_ids(&self, agent: Uuid, provider: i32, client: Uuid) -> ApiResult<Vec<Uuid>> {
        Ok(store::row_ids(&mut *self.db.acquire().await?, agent, provider, client).await?)
    }
}

/// Writes for each client the audit row and the message, and the entry that caches follow.
async fn note(
    tx: &mut PgConnection,
    by: ClientAdministrator<'_>,
    agent: &SystemUser,
    clients: &[Uuid],
    action: Action,
    event: EventKind,
) -> Result<(), DbError> {
    if clients.is_empty() {
        return Ok(());
    }
    users::record_each(
        &mut *tx,
        by.actor(),
        agent,
        action,
        clients
            .iter()
            .map(|client| json!({"client": client}))
            .collect(),
    )
    .await?;
    let message = |client: &Uuid| events::OutboxMessage {
        event,
        // The same client may come and go many times; each time is published.
        subject_id: Uuid::now_v7(),
        party_org: &agent.reportee_org_no,
        vendor_org: &agent.vendor_org,
        payload: json!({"systemId": agent.system_id, "externalRef": agent.external_ref, "systemUserId": agent.id, "client": client}),
    };
    events::post_all(&mut *tx, &clients.iter().map(message).collect::<Vec<_>>()).await?;
    feed::append(tx, FeedEntryKind::SystemUser, &agent.id.to_string()).await?;
    Ok(())
}
