//! Finding clients, handing them to agents, and taking them back.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    model::{Client, Delegated, Relation},
    rules, store,
};
use crate::{
    db::{
        DbError,
        feed::{self, Touched},
    },
    delegation::Approver,
    events,
    http::{ApiResult, ProblemCode},
    packages::{Catalogue, PackageKey},
    register,
    system_users::{self, SystemUser, SystemUserKind},
};

/// Manages clients.
#[derive(Debug, Clone, Copy)]
pub struct Clients<'a> {
    /// Database.
    pub db: &'a PgPool,
    /// Roles and packages.
    pub catalogue: &'a Catalogue,
}

impl Clients<'_> {
    /// Clients of a provider by name; with `wanted`, those that have at least one of the packages, and only these.
    ///
    /// # Errors
    /// As the database says.
    pub async fn of(&self, provider: i32, wanted: Option<&[PackageKey]>) -> ApiResult<Vec<Client>> {
        let clients = store::of_provider(&mut *self.db.acquire().await?, self.catalogue, provider, None).await?;
        Ok(match wanted {
            Some(wanted) => clients.into_iter().filter_map(|c| rules::narrowed(c, wanted)).collect(),
            None => clients,
        })
    }

    /// Keys of the packages that a client must offer an agent.
    #[must_use]
    pub fn required_by(&self, agent: &SystemUser) -> Vec<PackageKey> {
        self.catalogue.keys_of(agent.access_packages.iter().map(|p| p.urn.as_str()))
    }

    /// Clients handed to an agent by its owner, by name.
    ///
    /// # Errors
    /// As the database says.
    pub async fn delegated(&self, agent: Uuid, provider: i32) -> ApiResult<Vec<Delegated>> {
        Ok(store::delegated(&mut *self.db.acquire().await?, agent, provider).await?)
    }

    /// Hands a client to an agent. A repeat changes nothing and says the same.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn add(&self, by: Approver<'_>, agent: &SystemUser, client: Uuid) -> ApiResult<Vec<Relation>> {
        if agent.kind != SystemUserKind::Agent {
            return Err(ProblemCode::NotAnAgent.into());
        }
        let required = self.required_by(agent);
        if required.is_empty() {
            return Err(ProblemCode::PackageNotInSystem.into());
        }
        let mut tx = self.db.begin().await?;
        let key = store::lock_agent(&mut tx, agent.id).await?.ok_or(ProblemCode::SystemUserNotFound)?;
        let party = register::party_by_uuid(&mut tx, client).await?.ok_or(ProblemCode::ClientNotFound)?;
        store::lock_relations(&mut tx, by.party.key, party.key).await?;
        let found = store::of_provider(&mut tx, self.catalogue, by.party.key, Some(party.key)).await?.pop().ok_or(ProblemCode::ClientNotFound)?;
        if !required.iter().any(|package| found.has(*package)) {
            return Err(ProblemCode::ClientNotFound.into());
        }
        if !required.iter().all(|package| found.has(*package)) {
            return Err(ProblemCode::ClientLacksPackages.into());
        }
        let relations = rules::narrowed(found, &required).map(|c| c.relations).unwrap_or_default();
        if store::add(&mut tx, key, by.party.key, party.key, &relations, &by.name()).await? {
            note(&mut tx, by, agent, client, "client.added", "systemuser_client_added").await?;
        }
        tx.commit().await?;
        Ok(relations)
    }

    /// Takes a client from an agent. One that was not handed over is not missed.
    ///
    /// # Errors
    /// As the database says.
    pub async fn remove(&self, by: Approver<'_>, agent: &SystemUser, client: Uuid) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        let Some(key) = store::lock_agent(&mut tx, agent.id).await? else { return Ok(()) };
        if store::remove(&mut tx, key, by.party.key, client).await? {
            note(&mut tx, by, agent, client, "client.removed", "systemuser_client_removed").await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Writes the audit row, the message, and the entry that caches follow.
async fn note(
    tx: &mut PgConnection,
    by: Approver<'_>,
    agent: &SystemUser,
    client: Uuid,
    action: &'static str,
    event: &'static str,
) -> Result<(), DbError> {
    system_users::record(&mut *tx, by, agent, action, Some(json!({"client": client}))).await?;
    let message = events::Message {
        event,
        subject_kind: "client_change",
        // The same client may come and go many times; each time is told.
        subject_id: Uuid::now_v7(),
        party_org: &agent.reportee_org_no,
        vendor_org: &agent.vendor_org,
        payload: json!({"systemId": agent.system_id, "externalRef": agent.external_ref, "systemUserId": agent.id, "client": client}),
    };
    events::post(&mut *tx, message).await?;
    feed::append(tx, Touched::SystemUser, &agent.id.to_string()).await?;
    Ok(())
}
