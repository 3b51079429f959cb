//! Compiled policies in memory, found by the digest of their text.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use moka::sync::Cache;
use sqlx::PgConnection;

use super::{
    Resource,
    compiled::CompiledPolicy,
    listings::PolicyListings,
    rules::{self, AcceptedPolicy, PolicyRefusal},
    store,
    workers::{PolicyWorkers, WorkersBusy},
};
use crate::packages::Catalogue;
use foundation::db::DbError;
use xacml::Vocabulary;

/// A policy in memory.
#[derive(Debug, Clone)]
enum CachedPolicy {
    /// While it is in use: a replaced one is given up with its resource.
    Compiled(Weak<CompiledPolicy>),
    /// It is stored and cannot be read.
    Unreadable,
}

/// What memory has of a digest.
enum CachedPolicyLookup {
    Compiled(Arc<CompiledPolicy>),
    /// It is stored and cannot be read.
    Unreadable,
    Unknown,
}

/// Compiled policies. Texts are immutable under their digest, so nothing here grows stale.
#[derive(Debug, Clone)]
pub struct CompiledPolicies {
    compiled: Cache<[u8; 32], CachedPolicy>,
    /// The last ones, until their resources hold them.
    latest: Cache<[u8; 32], Arc<CompiledPolicy>>,
    /// Digest last seen of each resource's policy: its text need not be sent again.
    digests: Cache<String, [u8; 32]>,
    /// What new policies are compiled with.
    vocabulary: Arc<Mutex<Arc<Vocabulary>>>,
    workers: PolicyWorkers,
    /// For what decisions wait for, so that uploads delay no decision.
    compilers: PolicyWorkers,
    listings: PolicyListings,
}

/// Bytes of the texts of the latest policies.
const LATEST_BYTES: u64 = 8 << 20;
/// So many resources are read at a time, so that not all texts are in memory at once.
const CHUNK: usize = 32;

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

impl Default for CompiledPolicies {
    fn default() -> Self {
        let workers = PolicyWorkers::default();
        Self {
            compiled: Cache::new(10_000),
            latest: Cache::builder()
                .weigher(|_, policy: &Arc<CompiledPolicy>| {
                    u32::try_from(policy.bytes).unwrap_or(u32::MAX)
                })
                .max_capacity(LATEST_BYTES)
                .build(),
            compilers: PolicyWorkers::default(),
            digests: Cache::new(10_000),
            vocabulary: Arc::default(),
            listings: PolicyListings::new(workers.clone()),
            workers,
        }
    }
}

impl CompiledPolicies {
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
    pub const fn listings(&self) -> &PolicyListings {
        &self.listings
    }

    /// Who does what takes long.
    #[must_use]
    pub const fn workers(&self) -> &PolicyWorkers {
        &self.workers
    }

    /// Checks a policy before it is stored for a resource, as [`rules::check_policy`] does, in a
    /// thread where no other request waits for it.
    ///
    /// # Errors
    /// It takes too long. The inner error is what is wrong with it.
    pub async fn check(
        &self,
        xml: Arc<[u8]>,
        identifier: &str,
        catalogue: &Arc<Catalogue>,
        may_reserve: bool,
    ) -> Result<Result<CheckedPolicy, PolicyRefusal>, WorkersBusy> {
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
            self.hold(policy.digest, Some(policy));
        }
    }

    fn hold(&self, digest: [u8; 32], policy: Option<&Arc<CompiledPolicy>>) {
        let found = match policy {
            Some(policy) => {
                self.latest.insert(digest, Arc::clone(policy));
                CachedPolicy::Compiled(Arc::downgrade(policy))
            }
            None => CachedPolicy::Unreadable,
        };
        self.compiled.insert(digest, found);
    }

    /// The policy of a digest, where memory has it.
    fn held(&self, digest: &[u8; 32]) -> CachedPolicyLookup {
        match self.compiled.get(digest) {
            Some(CachedPolicy::Compiled(policy)) => policy
                .upgrade()
                .map_or(CachedPolicyLookup::Unknown, CachedPolicyLookup::Compiled),
            Some(CachedPolicy::Unreadable) => CachedPolicyLookup::Unreadable,
            None => CachedPolicyLookup::Unknown,
        }
    }

    /// A live resource by identifier, as the database has it now; one SQL round trip.
    pub async fn resource(
        &self,
        db: &mut PgConnection,
        identifier: &str,
    ) -> Result<Option<Resource>, DbError> {
        Ok(self.resources(db, &[identifier.to_owned()]).await?.pop())
    }

    /// All live resources, as the database has them now; some at a time.
    pub async fn all(&self, db: &mut PgConnection) -> Result<Vec<Resource>, DbError> {
        let identifiers = store::live_identifiers(&mut *db).await?;
        let mut all = Vec::with_capacity(identifiers.len());
        for chunk in identifiers.chunks(CHUNK) {
            all.extend(self.resources(&mut *db, chunk).await?);
        }
        Ok(all)
    }

    /// These resources, as far as they are live, as the database has them now; one SQL round trip.
    pub async fn resources(
        &self,
        db: &mut PgConnection,
        identifiers: &[String],
    ) -> Result<Vec<Resource>, DbError> {
        let known: Vec<Vec<u8>> = identifiers
            .iter()
            .filter_map(|identifier| self.digests.get(identifier))
            .filter(|digest| !matches!(self.held(digest), CachedPolicyLookup::Unknown))
            .map(|digest| digest.to_vec())
            .collect();
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
        row: &mut store::CurrentResourceRow,
    ) -> Result<Option<Arc<CompiledPolicy>>, DbError> {
        let Some(digest) = row
            .sha256
            .as_deref()
            .and_then(|d| <[u8; 32]>::try_from(d).ok())
        else {
            return Ok(None);
        };
        self.digests.insert(row.identifier.clone(), digest);
        match self.held(&digest) {
            CachedPolicyLookup::Compiled(policy) => return Ok(Some(policy)),
            CachedPolicyLookup::Unreadable => return Ok(None),
            CachedPolicyLookup::Unknown => {}
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
            .compilers
            .run(bytes, move || compile(&identifier, &xml, &vocabulary))
            .await
            .map_err(|WorkersBusy| DbError::Busy)?;
        self.hold(digest, policy.as_ref());
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

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="p" Version="1.0"
        RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/></Policy>"#;

    #[test]
    fn a_policy_that_no_resource_holds_leaves_memory() {
        let policies = CompiledPolicies::default();
        let policy = CompiledPolicy::read(POLICY.as_bytes(), &policies.vocabulary()).unwrap();
        let policy = Arc::new(policy);
        let digest = policy.digest;
        policies.hold(digest, Some(&policy));
        policies.latest.invalidate(&digest);
        policies.latest.run_pending_tasks();
        assert!(matches!(
            policies.held(&digest),
            CachedPolicyLookup::Compiled(_)
        ));
        drop(policy);
        assert!(matches!(
            policies.held(&digest),
            CachedPolicyLookup::Unknown
        ));
    }
}
