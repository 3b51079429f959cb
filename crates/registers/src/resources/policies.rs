//! Compiled policies in memory, found by the digest of their text.

use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;
use sqlx::PgConnection;

use super::{
    Resource,
    compiled::CompiledPolicy,
    listings::Listings,
    rules::{self, AcceptedPolicy, PolicyRefusal},
    store,
    workers::{Busy, Workers},
};
use crate::packages::Catalogue;
use foundation::db::DbError;
use xacml::Vocabulary;

/// Compiled policies. Texts are immutable under their digest, so nothing here grows stale.
#[derive(Debug, Clone)]
pub struct Policies {
    compiled: Cache<[u8; 32], Option<Arc<CompiledPolicy>>>,
    /// Digest last seen of each resource's policy: its text need not be sent again.
    digests: Cache<String, [u8; 32]>,
    /// What new policies are compiled with.
    vocabulary: Arc<Mutex<Arc<Vocabulary>>>,
    workers: Workers,
    listings: Listings,
}

/// A policy that may be stored.
#[derive(Debug)]
pub struct CheckedPolicy {
    /// What it says.
    pub accepted: AcceptedPolicy,
    compiled: Option<Arc<CompiledPolicy>>,
}

/// A vocabulary of more attributes is left to the policies that have it: it never gives up what
/// only replaced policies said.
const MAX_ATTRIBUTES: usize = 10_000;

impl Default for Policies {
    fn default() -> Self {
        let workers = Workers::default();
        Self {
            compiled: Cache::new(10_000),
            digests: Cache::new(10_000),
            vocabulary: Arc::default(),
            listings: Listings::new(workers.clone()),
            workers,
        }
    }
}

impl Policies {
    fn vocabulary(&self) -> Arc<Vocabulary> {
        let mut current = self
            .vocabulary
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if current.len() > MAX_ATTRIBUTES {
            *current = Arc::default();
        }
        Arc::clone(&current)
    }

    /// Lists that are made out of policies.
    #[must_use]
    pub const fn listings(&self) -> &Listings {
        &self.listings
    }

    /// Who does what takes long.
    #[must_use]
    pub const fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Checks a policy before it is stored for a resource, as [`rules::check_policy`] does, where it
    /// holds up nobody.
    ///
    /// # Errors
    /// It takes too long. The inner error is what is wrong with it.
    pub async fn check(
        &self,
        xml: Arc<[u8]>,
        identifier: &str,
        catalogue: &Arc<Catalogue>,
        may_reserve: bool,
    ) -> Result<Result<CheckedPolicy, PolicyRefusal>, Busy> {
        let (identifier, catalogue) = (identifier.to_owned(), Arc::clone(catalogue));
        let vocabulary = self.vocabulary();
        let bytes = xml.len();
        let check = move || {
            let accepted = rules::check_policy(&xml, &identifier, &catalogue, may_reserve)?;
            let compiled = CompiledPolicy::read(&xml, &vocabulary).ok().map(Arc::new);
            Ok(CheckedPolicy { accepted, compiled })
        };
        self.workers.run(bytes, check).await
    }

    /// Keeps a policy that was just stored, so that the next decision need not compile it.
    pub fn remember(&self, checked: &CheckedPolicy) {
        if let Some(policy) = &checked.compiled {
            self.compiled
                .insert(policy.digest, Some(Arc::clone(policy)));
        }
    }

    /// A live resource by identifier, as the database has it now; one SQL round trip.
    pub async fn resource(
        &self,
        db: &mut PgConnection,
        identifier: &str,
    ) -> Result<Option<Resource>, DbError> {
        Ok(self
            .resources(db, Some(&[identifier.to_owned()]))
            .await?
            .pop())
    }

    /// Live resources, these or all, as the database has them now; one SQL round trip.
    pub async fn resources(
        &self,
        db: &mut PgConnection,
        identifiers: Option<&[String]>,
    ) -> Result<Vec<Resource>, DbError> {
        let known: Vec<Vec<u8>> = match identifiers {
            None => self
                .compiled
                .iter()
                .map(|(digest, _)| digest.to_vec())
                .collect(),
            Some(identifiers) => identifiers
                .iter()
                .filter_map(|identifier| Some(self.digests.get(identifier)?.to_vec()))
                .collect(),
        };
        let rows = store::current(&mut *db, identifiers, &known).await?;
        let mut out = Vec::with_capacity(rows.len());
        for mut row in rows {
            out.push(Resource {
                policy: self.policy(&mut *db, &mut row).await?,
                policy_version: row.policy_version,
                resource_type: row.resource_type,
                delegable: row.delegable,
                // Apps are never checked, whatever their resource says.
                access_list_enabled: row.access_list_enabled && !row.identifier.starts_with("app_"),
                owner_org: row.owner_org,
                owner_code: row.owner_code,
                identifier: row.identifier,
                counters: Default::default(),
            });
        }
        Ok(out)
    }

    async fn policy(
        &self,
        db: &mut PgConnection,
        row: &mut store::CurrentRow,
    ) -> Result<Option<Arc<CompiledPolicy>>, DbError> {
        let Some(digest) = row
            .sha256
            .as_deref()
            .and_then(|d| <[u8; 32]>::try_from(d).ok())
        else {
            return Ok(None);
        };
        self.digests.insert(row.identifier.clone(), digest);
        if let Some(policy) = self.compiled.get(&digest) {
            return Ok(policy);
        }
        let xml = match row.xml.take() {
            Some(xml) => Some(xml),
            // Known when we asked, and put out of memory since.
            None => store::current_policy(db, &row.identifier).await?,
        };
        let Some(xml) = xml else {
            return Ok(None);
        };
        let (identifier, vocabulary) = (row.identifier.clone(), self.vocabulary());
        let bytes = xml.len();
        let policy = self
            .workers
            .run(bytes, move || compile(&identifier, &xml, &vocabulary))
            .await
            .map_err(|Busy| DbError::Busy)?;
        self.compiled.insert(digest, policy.clone());
        Ok(policy)
    }
}

fn compile(
    identifier: &str,
    xml: &[u8],
    vocabulary: &Arc<Vocabulary>,
) -> Option<Arc<CompiledPolicy>> {
    match CompiledPolicy::read(xml, vocabulary) {
        Ok(policy) => {
            if let [first, ..] = policy.program.broken() {
                let broken = policy.program.broken().len();
                tracing::warn!(identifier, broken, %first, "a stored policy has broken parts");
            }
            Some(Arc::new(policy))
        }
        Err(error) => {
            tracing::error!(identifier, %error, "a stored policy cannot be read");
            None
        }
    }
}
