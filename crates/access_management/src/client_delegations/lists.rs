//! Lists of clients, agents and what was delegated, written while the parties are read.

use std::{collections::HashMap, sync::Arc};

use foundation::http::list_stream::{ListError, ListWriter};
use registers::{
    packages::{Catalogue, PackageKey, RoleKey},
    parties::IdentityKeys,
};
use serde::Serialize;
use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    model::{ClientAccess, ClientRelationRow, DelegationRow, ResourceAccess},
    rules,
    store::ClientsOf,
};
use crate::entities::{CompactPackage, CompactRole, Entity, EntityRow, ResourceRef, entities};

/// Parties that are read at once.
const PARTIES_PER_QUERY: usize = 1_000;

/// What an element of a list shows in addition to its party.
#[derive(Debug)]
pub struct PartyListElement<T> {
    /// Party key.
    pub key: i32,
    /// What is shown of it.
    pub shown: T,
}

/// Writes elements in order: the parties are read some at a time, as of the state of the database that
/// the transaction sees.
///
/// # Errors
/// The database fails, or the client has gone.
pub async fn write_parties<T, E: Serialize>(
    mut tx: Transaction<'static, Postgres>,
    identity: Arc<IdentityKeys>,
    parties: Vec<PartyListElement<T>>,
    mut writer: ListWriter,
    shape: impl Fn(Entity, T) -> E,
) -> Result<ListWriter, ListError> {
    let mut rest = parties.into_iter();
    loop {
        let some: Vec<PartyListElement<T>> = rest.by_ref().take(PARTIES_PER_QUERY).collect();
        if some.is_empty() {
            return Ok(writer);
        }
        let keys: Vec<i32> = some.iter().map(|one| one.key).collect();
        let mut found = entities(&mut tx, &identity, &keys).await?;
        for one in some {
            if let Some(entity) = found.remove(&one.key) {
                writer.put(&shape(entity, one.shown)).await?;
            }
        }
    }
}

/// Writes clients, some at a time: an accountant has many, and no statement waits for a slow reader.
/// `kept` says what of a row counts, `shape` how a client with what counts is shown; none leaves it out.
///
/// # Errors
/// The database fails, or the reader has gone.
pub async fn write_clients<T, E: Serialize>(
    db: &mut PgConnection,
    clients: ClientsOf,
    identity: &IdentityKeys,
    writer: &mut ListWriter,
    kept: impl Fn(ClientRelationRow) -> Option<T>,
    shape: impl Fn(Entity, Vec<T>) -> Option<E>,
) -> Result<(), ListError> {
    let keys = clients.keys(&mut *db).await?;
    for some in keys.chunks(PARTIES_PER_QUERY) {
        let mut parties: Vec<(EntityRow, Vec<T>)> = Vec::with_capacity(some.len());
        for (party, row) in clients.rows(&mut *db, some).await? {
            match parties.last_mut().filter(|(last, _)| last.key == party.key) {
                Some((_, relations)) => relations.extend(kept(row)),
                None => parties.push((party, kept(row).into_iter().collect())),
            }
        }
        for (party, relations) in parties {
            if relations.is_empty() {
                continue;
            }
            if let Some(element) = shape(Entity::new(party, identity), relations) {
                writer.put(&element).await?;
            }
        }
    }
    Ok(())
}

/// What a part of an answer is made with.
#[derive(Debug, Clone)]
pub struct AccessFormat {
    /// Roles and packages.
    pub catalogue: Arc<Catalogue>,
    /// Single resources are a member of each element.
    pub with_resources: bool,
}

impl AccessFormat {
    /// What is given by one relation.
    #[must_use]
    pub fn access(
        &self,
        role: RoleKey,
        packages: Vec<PackageKey>,
        resources: &[String],
    ) -> Option<ClientAccess> {
        Some(ClientAccess {
            role: self.catalogue.role(role)?.into(),
            packages: rules::by_urn(&self.catalogue, packages)
                .into_iter()
                .filter_map(|key| self.catalogue.package(key))
                .map(CompactPackage::from)
                .collect(),
            resources: self
                .with_resources
                .then(|| resources.iter().map(|id| ResourceRef::of(id)).collect()),
        })
    }

    /// Single resources that are given by one relation.
    #[must_use]
    pub fn resource_access(&self, role: RoleKey, resources: &[String]) -> Option<ResourceAccess> {
        let role: CompactRole = self.catalogue.role(role)?.into();
        Some(ResourceAccess {
            role,
            resources: resources.iter().map(|id| ResourceRef::of(id)).collect(),
        })
    }
}

/// Delegations party by party, in the order in which the parties come.
#[must_use]
pub fn grouped(
    rows: Vec<DelegationRow>,
    key: impl Fn(&DelegationRow) -> i32,
) -> Vec<PartyListElement<Vec<DelegationRow>>> {
    let mut out: Vec<PartyListElement<Vec<DelegationRow>>> = Vec::new();
    let mut places: HashMap<i32, usize> = HashMap::new();
    for row in rows {
        let key = key(&row);
        let place = *places.entry(key).or_insert_with(|| {
            out.push(PartyListElement {
                key,
                shown: Vec::new(),
            });
            out.len() - 1
        });
        out[place].shown.push(row);
    }
    out
}
