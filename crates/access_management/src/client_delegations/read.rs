//! Answers of the routes that read, for both versions.

use std::{collections::HashMap, sync::Arc};

use axum::response::Response;
use chrono::{DateTime, Utc};
use foundation::http::{list_stream, query::Query};
use registers::{
    packages::RoleKey,
    parties::{self, Party},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    bind::bind_client_filter,
    lists::{AccessShape, ListedParty, grouped, write_parties},
    model::{
        AgentOfFacilitator, AgentWithResources, ClientAccess, ClientOfFacilitator,
        ClientWithResources, DelegationRow, ProviderOfAgent, ProviderWithClients, Version,
    },
    rules::{self, ClientRelation},
    store,
};
use crate::{
    AccessManagement,
    callers::Acting,
    entities::{Envelope, Wrapping, entities},
    errors::AccessResult,
};

/// What members an element of a list of delegations has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Packages,
    PackagesAndResources,
}

impl AccessManagement {
    fn shape(&self, shown: Shown) -> AccessShape {
        AccessShape {
            catalogue: Arc::clone(&self.catalogue),
            with_resources: shown == Shown::PackagesAndResources,
        }
    }

    fn client_shape(&self, version: Version) -> AccessShape {
        self.shape(match version {
            Version::V1 => Shown::Packages,
            Version::V2 => Shown::PackagesAndResources,
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
        version: Version,
        wrapping: Wrapping,
        shape: impl Fn(ClientOfFacilitator) -> E + Send + 'static,
    ) -> AccessResult<Response> {
        let filter = bind_client_filter(query, &self.catalogue, version)?;
        let mut tx = self.snapshot().await?;
        let rows = store::client_relations(&mut tx, facilitator.key).await?;
        let mut clients: Vec<ListedParty<Vec<ClientRelation>>> = Vec::new();
        for row in rows {
            let key = row.key;
            let Some(relation) = rules::relation(&self.catalogue, row, version) else {
                continue;
            };
            match clients.last_mut().filter(|last| last.key == key) {
                Some(last) => last.shown.push(relation),
                None => clients.push(ListedParty {
                    key,
                    shown: vec![relation],
                }),
            }
        }
        let clients: Vec<_> = clients
            .into_iter()
            .filter_map(|client| {
                let shown = rules::filtered(client.shown, &filter)?;
                Some(ListedParty {
                    key: client.key,
                    shown,
                })
            })
            .collect();
        let parts = self.client_shape(version);
        let identity = Arc::clone(&self.identity);
        let (begin, end) = wrapping.ends();
        let element = move |client, relations: Vec<ClientRelation>| {
            let access = relations
                .into_iter()
                .filter_map(|one| parts.access(one.role, one.packages, &one.resources))
                .collect();
            shape(ClientOfFacilitator { client, access })
        };
        Ok(list_stream::respond(begin.to_owned(), end, |writer| {
            write_parties(tx, identity, clients, writer, element)
        })
        .await?)
    }

    /// Writes the agents of a facilitator, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_agents<E: Serialize + Send + Sync + 'static>(
        &self,
        facilitator: &Party,
        version: Version,
        wrapping: Wrapping,
        shape: impl Fn(AgentOfFacilitator) -> E + Send + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let agents = store::agents(&mut tx, facilitator.key).await?;
        let mut with_resources: HashMap<i32, Vec<(RoleKey, Vec<String>)>> = HashMap::new();
        if version == Version::V2 {
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
            .map(|row| ListedParty {
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

    /// What an agent was delegated by a facilitator, client by client.
    pub(super) async fn list_packages_of_agent(
        &self,
        facilitator: &Party,
        agent: Uuid,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let mut rows = match parties::party_by_uuid(&mut tx, agent).await? {
            Some(agent) => store::of_agent(&mut tx, facilitator.key, agent.key).await?,
            None => Vec::new(),
        };
        rows.retain(|row| !row.packages.is_empty());
        let clients = grouped(rows, |row| row.client);
        let shape = self.shape(Shown::Packages);
        let identity = Arc::clone(&self.identity);
        Ok(list_stream::respond(
            Wrapping::Envelope.ends().0.to_owned(),
            Wrapping::Envelope.ends().1,
            |writer| {
                write_parties(
                    tx,
                    identity,
                    clients,
                    writer,
                    move |client, rows: Vec<_>| ClientOfFacilitator {
                        client,
                        access: access_of(&shape, rows),
                    },
                )
            },
        )
        .await?)
    }

    /// Which agents a facilitator delegated packages of a client to.
    pub(super) async fn list_packages_of_client(
        &self,
        facilitator: &Party,
        client: Uuid,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let mut rows = match parties::party_by_uuid(&mut tx, client).await? {
            Some(client) => store::of_client(&mut tx, facilitator.key, client.key).await?,
            None => Vec::new(),
        };
        rows.retain(|row| !row.packages.is_empty());
        let agents = grouped(rows, |row| row.agent);
        let shape = self.shape(Shown::Packages);
        let identity = Arc::clone(&self.identity);
        Ok(list_stream::respond(
            Wrapping::Envelope.ends().0.to_owned(),
            Wrapping::Envelope.ends().1,
            |writer| {
                write_parties(
                    tx,
                    identity,
                    agents,
                    writer,
                    move |agent, rows: Vec<DelegationRow>| AgentOfFacilitator {
                        agent,
                        agent_added_at: rows
                            .iter()
                            .find_map(|row| row.agent_added_at)
                            .unwrap_or_default(),
                        access: access_of(&shape, rows),
                    },
                )
            },
        )
        .await?)
    }

    /// Which single resources an agent was delegated by a facilitator, client by client.
    pub(super) async fn list_resources_of_agent(
        &self,
        facilitator: &Party,
        agent: Uuid,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let mut rows = match parties::party_by_uuid(&mut tx, agent).await? {
            Some(agent) => store::of_agent(&mut tx, facilitator.key, agent.key).await?,
            None => Vec::new(),
        };
        rows.retain(|row| !row.resources.is_empty());
        let clients = grouped(rows, |row| row.client);
        let shape = self.shape(Shown::PackagesAndResources);
        let identity = Arc::clone(&self.identity);
        Ok(list_stream::respond(
            Wrapping::Envelope.ends().0.to_owned(),
            Wrapping::Envelope.ends().1,
            |writer| {
                write_parties(
                    tx,
                    identity,
                    clients,
                    writer,
                    move |client, rows: Vec<DelegationRow>| ClientWithResources {
                        client,
                        access: rows
                            .iter()
                            .filter_map(|row| shape.resource_access(row.role_id, &row.resources))
                            .collect(),
                    },
                )
            },
        )
        .await?)
    }

    /// Which agents a facilitator delegated single resources of a client to.
    pub(super) async fn list_resources_of_client(
        &self,
        facilitator: &Party,
        client: Uuid,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let mut rows = match parties::party_by_uuid(&mut tx, client).await? {
            Some(client) => store::of_client(&mut tx, facilitator.key, client.key).await?,
            None => Vec::new(),
        };
        rows.retain(|row| !row.resources.is_empty());
        let agents = grouped(rows, |row| row.agent);
        let shape = self.shape(Shown::PackagesAndResources);
        let identity = Arc::clone(&self.identity);
        Ok(list_stream::respond(
            Wrapping::Envelope.ends().0.to_owned(),
            Wrapping::Envelope.ends().1,
            |writer| {
                write_parties(
                    tx,
                    identity,
                    agents,
                    writer,
                    move |agent, rows: Vec<DelegationRow>| AgentWithResources {
                        agent,
                        access: rows
                            .iter()
                            .filter_map(|row| shape.resource_access(row.role_id, &row.resources))
                            .collect(),
                    },
                )
            },
        )
        .await?)
    }

    /// The clients that an agent has, facilitator by facilitator; of these facilitators alone, where some
    /// are named.
    pub(super) async fn list_own_clients(
        &self,
        by: &Acting,
        only: &[Uuid],
        version: Version,
    ) -> AccessResult<Envelope<ProviderWithClients>> {
        let shape = self.client_shape(version);
        let mut tx = self.snapshot().await?;
        let providers = store::providers(&mut tx, by.party.key).await?;
        let keys: Vec<i32> = providers.iter().map(|row| row.key).collect();
        let mut found = entities(&mut tx, &self.identity, &keys).await?;
        let mut out = Vec::new();
        for row in providers {
            let Some(provider) = found.remove(&row.key) else {
                continue;
            };
            if !only.is_empty() && !only.contains(&provider.id) {
                continue;
            }
            let rows = store::of_agent(&mut tx, row.key, by.party.key).await?;
            let groups = grouped(rows, |row| row.client);
            let keys: Vec<i32> = groups.iter().map(|one| one.key).collect();
            let mut clients = entities(&mut tx, &self.identity, &keys).await?;
            let clients = groups
                .into_iter()
                .filter_map(|one| {
                    let client = clients.remove(&one.key)?;
                    let access = access_of(&shape, one.shown);
                    Some(ClientOfFacilitator { client, access })
                })
                .collect();
            out.push(ProviderWithClients { provider, clients });
        }
        Ok(Envelope::of(out))
    }

    /// The facilitators of an agent, as version 1 lists them: under the name of the agent.
    pub(super) async fn list_providers_as_agents(
        &self,
        by: &Acting,
    ) -> AccessResult<Envelope<AgentOfFacilitator>> {
        let (shape, role) = (self.client_shape(Version::V1), self.agent_role());
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
        by: &Acting,
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
    shape: &AccessShape,
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

fn access_of(shape: &AccessShape, rows: Vec<DelegationRow>) -> Vec<ClientAccess> {
    rows.into_iter()
        .filter_map(|row| shape.access(row.role_id, row.packages, &row.resources))
        .collect()
}
