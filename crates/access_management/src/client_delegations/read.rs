//! Answers of the routes that read, for both versions.

use std::{collections::HashMap, sync::Arc};

use axum::response::Response;
use chrono::{DateTime, Utc};
use foundation::http::{
    list_stream::{self, ListWriter},
    query::Query,
};
use registers::{
    packages::RoleKey,
    parties::{self, Party},
    resources,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    bind::bind_client_filter,
    lists::{AccessFormat, PartyListElement, grouped, write_clients, write_parties},
    model::{
        AgentOfFacilitator, AgentWithResources, ClientAccess, ClientOfFacilitator,
        ClientRelationRow, ClientWithResources, DelegationApiVersion, DelegationRow,
        ProviderOfAgent,
    },
    rules::{self, ClientRelation},
    store::{self, ClientsOf},
};
use crate::{
    AccessManagement,
    callers::ActingParty,
    entities::{Entity, Envelope, ListWrapping, entities},
    errors::AccessResult,
};

/// What members an element of a list of delegations has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DelegatedContent {
    Packages,
    PackagesAndResources,
}

impl AccessManagement {
    fn shape(&self, shown: DelegatedContent) -> AccessFormat {
        AccessFormat {
            catalogue: Arc::clone(&self.catalogue),
            with_resources: shown == DelegatedContent::PackagesAndResources,
        }
    }

    fn client_shape(&self, version: DelegationApiVersion) -> AccessFormat {
        self.shape(match version {
            DelegationApiVersion::V1 => DelegatedContent::Packages,
            DelegationApiVersion::V2 => DelegatedContent::PackagesAndResources,
        })
    }

    /// Writes the clients of a facilitator that the query lets through, each as `shape` makes it.
    ///
    /// # Errors
    /// 400 for a filter with too many values.
    pub async fn stream_clients<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        query: &Query,
        version: DelegationApiVersion,
        wrapping: ListWrapping,
        shape: impl Fn(ClientOfFacilitator) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let filter = bind_client_filter(query, &self.catalogue, version)?;
        let mut tx = self.snapshot().await?;
        let parts = self.client_shape(version);
        let (identity, facilitator) = (Arc::clone(&self.identity), facilitator.key);
        let (begin, end) = wrapping.ends();
        let write = |mut writer: ListWriter| async move {
            let catalogue = &parts.catalogue;
            let kept = |row| rules::relation(catalogue, row, version);
            let element = |client, relations: Vec<ClientRelation>| {
                let access = rules::filtered(relations, &filter)?
                    .into_iter()
                    .filter_map(|one| parts.access(one.role, one.packages, &one.resources))
                    .collect();
                Some(shape(ClientOfFacilitator { client, access }))
            };
            let clients = ClientsOf::Facilitator(facilitator);
            write_clients(&mut tx, clients, &identity, &mut writer, kept, element).await?;
            Ok(writer)
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }

    /// Writes the agents of a facilitator, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_agents<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        version: DelegationApiVersion,
        wrapping: ListWrapping,
        shape: impl Fn(AgentOfFacilitator) -> E + Send + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let agents = store::agents(&mut tx, facilitator.key).await?;
        let mut with_resources: HashMap<i32, Vec<(RoleKey, Vec<String>)>> = HashMap::new();
        if version == DelegationApiVersion::V2 {
            for row in store::of_facilitator(&mut tx, facilitator.key).await? {
                let roles = with_resources.entry(row.agent).or_default();
                match roles.iter_mut().find(|(role, _)| *role == row.role_id) {
                    Some((_, resources)) => resources.extend(row.resources),
                    None => roles.push((row.role_id, row.resources)),
                }
            }
        }
        let agents = agents
            .into_iter()
            .map(|row| PartyListElement {
                key: row.key,
                shown: (
                    row.created_at,
                    with_resources.remove(&row.key).unwrap_or_default(),
                ),
            })
            .collect();
        let (parts, role) = (self.client_shape(version), self.agent_role());
        let identity = Arc::clone(&self.identity);
        let (begin, end) = wrapping.ends();
        let element = move |agent, (added_at, roles): (DateTime<Utc>, Vec<_>)| {
            shape(AgentOfFacilitator {
                agent,
                agent_added_at: added_at,
                access: agent_access(&parts, role, roles),
            })
        };
        Ok(list_stream::respond(begin.to_owned(), end, |writer| {
            write_parties(tx, identity, agents, writer, element)
        })
        .await?)
    }

    fn agent_role(&self) -> Option<RoleKey> {
        self.catalogue.role_by_code("agent").map(|role| role.key)
    }

    /// Writes what an agent was delegated by a facilitator, client by client, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_packages_of_agent<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        agent: Uuid,
        wrapping: ListWrapping,
        shape: impl Fn(ClientOfFacilitator) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let kept = |row: ClientRelationRow| (!row.packages.is_empty()).then_some(row);
        let parts = self.shape(DelegatedContent::Packages);
        let shape = move |client, rows| {
            let access = access_of(&parts, rows);
            shape(ClientOfFacilitator { client, access })
        };
        self.stream_clients_of_agent(facilitator, agent, wrapping, kept, shape)
            .await
    }

    /// Writes the clients of which an agent was delegated something that counts, each as `shape` makes it.
    async fn stream_clients_of_agent<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        agent: Uuid,
        wrapping: ListWrapping,
        kept: impl Fn(ClientRelationRow) -> Option<ClientRelationRow> + Send + Sync + 'static,
        shape: impl Fn(Entity, Vec<ClientRelationRow>) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let agent = parties::party_by_uuid(&mut tx, agent).await?;
        let (identity, facilitator) = (Arc::clone(&self.identity), facilitator.key);
        let (begin, end) = wrapping.ends();
        let write = |mut writer: ListWriter| async move {
            let Some(agent) = agent else {
                return Ok(writer);
            };
            let agent = agent.key;
            let clients = ClientsOf::Agent { facilitator, agent };
            let element = |client, rows| Some(shape(client, rows));
            write_clients(&mut tx, clients, &identity, &mut writer, kept, element).await?;
            Ok(writer)
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }

    /// Writes which agents a facilitator delegated packages of a client to, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_packages_of_client<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        client: Uuid,
        wrapping: ListWrapping,
        shape: impl Fn(AgentOfFacilitator) -> E + Send + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let mut rows = match parties::party_by_uuid(&mut tx, client).await? {
            Some(client) => store::of_client(&mut tx, facilitator.key, client.key).await?,
            None => Vec::new(),
        };
        rows.retain(|row| !row.packages.is_empty());
        let agents = grouped(rows, |row| row.agent);
        let parts = self.shape(DelegatedContent::Packages);
        let identity = Arc::clone(&self.identity);
        let (begin, end) = wrapping.ends();
        let element = move |agent, rows: Vec<DelegationRow>| {
            shape(AgentOfFacilitator {
                agent,
                agent_added_at: rows
                    .iter()
                    .find_map(|row| row.agent_added_at)
                    .unwrap_or_default(),
                access: rows
                    .into_iter()
                    .filter_map(|row| parts.access(row.role_id, row.packages, &[]))
                    .collect(),
            })
        };
        Ok(list_stream::respond(begin.to_owned(), end, |writer| {
            write_parties(tx, identity, agents, writer, element)
        })
        .await?)
    }

    /// Which single resources an agent was delegated by a facilitator, client by client.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_resources_of_agent<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        agent: Uuid,
        wrapping: ListWrapping,
        shape: impl Fn(ClientWithResources) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let kept = |row: ClientRelationRow| (!row.resources.is_empty()).then_some(row);
        let parts = self.shape(DelegatedContent::PackagesAndResources);
        let shape = move |client, rows: Vec<ClientRelationRow>| {
            let access = rows
                .iter()
                .filter_map(|row| parts.resource_access(row.role_id, &row.resources))
                .collect();
            shape(ClientWithResources { client, access })
        };
        self.stream_clients_of_agent(facilitator, agent, wrapping, kept, shape)
            .await
    }

    /// Documents of the single resources that an agent was delegated, by identifier.
    ///
    /// # Errors
    /// The database fails.
    pub async fn resources_of_agent(
        &self,
        facilitator: &Party,
        agent: Uuid,
    ) -> AccessResult<HashMap<String, Value>> {
        let mut db = self.db.acquire().await?;
        let Some(agent) = parties::party_by_uuid(&mut db, agent).await? else {
            return Ok(HashMap::new());
        };
        let ids = store::resources_of_agent(&mut db, facilitator.key, agent.key).await?;
        Ok(resources::names(&mut db, &ids).await?)
    }

    /// Documents of the single resources of a client that were delegated, by identifier.
    ///
    /// # Errors
    /// The database fails.
    pub async fn resources_of_client(
        &self,
        facilitator: &Party,
        client: Uuid,
    ) -> AccessResult<HashMap<String, Value>> {
        let mut db = self.db.acquire().await?;
        let Some(client) = parties::party_by_uuid(&mut db, client).await? else {
            return Ok(HashMap::new());
        };
        let ids = store::resources_of_client(&mut db, facilitator.key, client.key).await?;
        Ok(resources::names(&mut db, &ids).await?)
    }

    /// Which agents a facilitator delegated single resources of a client to.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_resources_of_client<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        client: Uuid,
        wrapping: ListWrapping,
        shape: impl Fn(AgentWithResources) -> E + Send + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let mut rows = match parties::party_by_uuid(&mut tx, client).await? {
            Some(client) => store::of_client(&mut tx, facilitator.key, client.key).await?,
            None => Vec::new(),
        };
        rows.retain(|row| !row.resources.is_empty());
        let agents = grouped(rows, |row| row.agent);
        let parts = self.shape(DelegatedContent::PackagesAndResources);
        let identity = Arc::clone(&self.identity);
        let (begin, end) = wrapping.ends();
        let element = move |agent, rows: Vec<DelegationRow>| {
            let access = rows
                .iter()
                .filter_map(|row| parts.resource_access(row.role_id, &row.resources))
                .collect();
            shape(AgentWithResources { agent, access })
        };
        Ok(list_stream::respond(begin.to_owned(), end, |writer| {
            write_parties(tx, identity, agents, writer, element)
        })
        .await?)
    }

    /// Writes the clients that an agent has, facilitator by facilitator; of these facilitators alone, where
    /// some are named. `head` makes the beginning of an element out of the facilitator, `shape` each of its
    /// clients.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_own_clients<H: Serialize, E: Serialize + Send + Sync + 'static>(
        &self,
        by: &ActingParty,
        only: Vec<Uuid>,
        version: DelegationApiVersion,
        wrapping: ListWrapping,
        head: impl Fn(Entity) -> H + Send + Sync + 'static,
        shape: impl Fn(ClientOfFacilitator) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let (parts, identity) = (self.client_shape(version), Arc::clone(&self.identity));
        let agent = by.party.key;
        let (begin, end) = wrapping.ends();
        let write = |mut writer: ListWriter| async move {
            let providers = store::providers(&mut tx, agent).await?;
            let keys: Vec<i32> = providers.iter().map(|row| row.key).collect();
            let mut found = entities(&mut tx, &identity, &keys).await?;
            for row in providers {
                let is_wanted = |one: &Entity| only.is_empty() || only.contains(&one.id);
                let Some(provider) = found.remove(&row.key).filter(is_wanted) else {
                    continue;
                };
                writer.open(&head(provider), "clients");
                let element = |client, rows| {
                    let access = access_of(&parts, rows);
                    Some(shape(ClientOfFacilitator { client, access }))
                };
                let facilitator = row.key;
                let clients = ClientsOf::Agent { facilitator, agent };
                write_clients(&mut tx, clients, &identity, &mut writer, Some, element).await?;
                writer.close();
            }
            Ok(writer)
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }

    /// The facilitators of an agent, as version 1 lists them: under the name of the agent.
    pub(super) async fn list_providers_as_agents(
        &self,
        by: &ActingParty,
    ) -> AccessResult<Envelope<AgentOfFacilitator>> {
        let (shape, role) = (
            self.client_shape(DelegationApiVersion::V1),
            self.agent_role(),
        );
        let providers = self.list_providers(by).await?;
        let data = providers.data.into_iter().map(|one| AgentOfFacilitator {
            agent: one.provider,
            agent_added_at: one.provider_added_at,
            access: agent_access(&shape, role, Vec::new()),
        });
        Ok(Envelope::of(data.collect()))
    }

    /// The facilitators of an agent.
    pub(super) async fn list_providers(
        &self,
        by: &ActingParty,
    ) -> AccessResult<Envelope<ProviderOfAgent>> {
        let mut tx = self.snapshot().await?;
        let providers = store::providers(&mut tx, by.party.key).await?;
        let keys: Vec<i32> = providers.iter().map(|row| row.key).collect();
        let mut found = entities(&mut tx, &self.identity, &keys).await?;
        let data = providers.into_iter().filter_map(|row| {
            Some(ProviderOfAgent {
                provider: found.remove(&row.key)?,
                provider_added_at: row.created_at,
            })
        });
        Ok(Envelope::of(data.collect()))
    }
}

/// What an agent has: the role of an agent itself, and the roles by which it has single resources.
fn agent_access(
    shape: &AccessFormat,
    role: Option<RoleKey>,
    roles: Vec<(RoleKey, Vec<String>)>,
) -> Vec<ClientAccess> {
    let own = role.and_then(|role| shape.access(role, Vec::new(), &[]));
    let others = roles.into_iter().filter_map(|(role, mut resources)| {
        resources.sort_unstable();
        resources.dedup();
        shape.access(role, Vec::new(), &resources)
    });
    own.into_iter().chain(others).collect()
}

fn access_of(shape: &AccessFormat, rows: Vec<ClientRelationRow>) -> Vec<ClientAccess> {
    rows.into_iter()
        .filter_map(|row| shape.access(row.role_id, row.packages, &row.resources))
        .collect()
}
