//! System users that are active now: the live check of system-user tokens. A signature proves what
//! was true when it was made, not what is.

mod model;
mod store;

use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

use foundation::{
    config::LiveCheckMode,
    db::{
        DbError,
        feed::{ChangeFeed, Fact, FactCache, FeedEntryKind},
    },
    token::{SystemUserSource, SystemUserToken, TokenRefusal},
};

pub use model::{LiveSystemUserFacts, SystemUserKind, SystemUserParty};
pub use store::party_of;

/// Memory for facts, in bytes.
const CAPACITY: u64 = 16 << 20;

/// Active system users, as new as decisions see them.
#[derive(Debug)]
pub struct LiveSystemUsers {
    db: PgPool,
    feed: Arc<ChangeFeed>,
    mode: LiveCheckMode,
    known: FactCache<Uuid, LiveSystemUserFacts>,
}

/// What is known about a system user.
pub type LiveSystemUser = Arc<Fact<LiveSystemUserFacts>>;

impl LiveSystemUsers {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(db: PgPool, feed: Arc<ChangeFeed>, mode: LiveCheckMode) -> Self {
        let size = |facts: &LiveSystemUserFacts| {
            let clients = facts
                .clients
                .iter()
                .map(|client| client.len() + size_of::<String>())
                .sum::<usize>();
            clients + facts.owner_org.len() + facts.system_id.len() + facts.vendor_org.len()
        };
        Self {
            db,
            known: FactCache::new(Arc::clone(&feed), CAPACITY, size),
            feed,
            mode,
        }
    }

    /// What is known about the active ones among these, in order. What memory may not say is read
    /// in one round trip.
    pub async fn among(
        &self,
        ids: &[Uuid],
        from_memory: bool,
    ) -> Result<Vec<LiveSystemUser>, DbError> {
        let from_memory = from_memory && self.feed.is_followed();
        let mut found: Vec<LiveSystemUser> = Vec::with_capacity(ids.len());
        if from_memory {
            found.extend(ids.iter().filter_map(|id| self.known.get(id)));
        }
        if found.len() < ids.len() {
            Box::pin(self.read(ids)).await
        } else {
            Ok(found)
        }
    }

    async fn read(&self, ids: &[Uuid]) -> Result<Vec<LiveSystemUser>, DbError> {
        let since = self.feed.version_stamp();
        let mut found: Vec<LiveSystemUser> = Vec::with_capacity(ids.len());
        for facts in store::live_facts(&mut *self.db.acquire().await?, ids).await? {
            let tags = [
                (FeedEntryKind::SystemUser, facts.id.to_string()),
                (FeedEntryKind::System, facts.system_id.clone()),
            ];
            let id = facts.id;
            let live = Arc::new(Fact::new(
                facts,
                since,
                tags.iter()
                    .map(|(touched, key)| self.feed.tag(*touched, key))
                    .collect(),
            ));
            self.known.put(id, Arc::clone(&live));
            found.push(live);
        }
        found.sort_by_key(|live| ids.iter().position(|id| *id == live.id));
        Ok(found)
    }

    /// Compares what a system-user token says with what is true now; the system users of the token,
    /// in its order. `client_id` is the client that the token was issued to.
    ///
    /// # Errors
    /// Outer: the facts cannot be had. Inner: what does not hold.
    pub async fn check(
        &self,
        token: &SystemUserToken,
        client_id: Option<&str>,
        from_memory: bool,
    ) -> Result<Result<Vec<LiveSystemUser>, TokenRefusal>, DbError> {
        let mut ids = token.system_user.ids.clone();
        let mut seen = std::collections::HashSet::new();
        ids.retain(|id| seen.insert(*id));
        let found = self.among(&ids, from_memory).await?;
        if found.len() < ids.len() {
            return Ok(Err(TokenRefusal::SystemUserNotActive));
        }
        let agreed = if self.is_strict(token.source) {
            found
                .iter()
                .try_for_each(|live| agrees(live, token, client_id))
        } else {
            Ok(())
        };
        Ok(agreed.map(|()| found))
    }

    /// Altinn's public token generator invents the system and client, so its tokens are only
    /// checked for life. Tokens from our own exchange carry what Maskinporten said.
    const fn is_strict(&self, source: SystemUserSource) -> bool {
        match (self.mode, source) {
            (LiveCheckMode::Strict, _)
            | (LiveCheckMode::ByIssuer, SystemUserSource::Maskinporten) => true,
            (LiveCheckMode::Lenient, _) | (LiveCheckMode::ByIssuer, SystemUserSource::Altinn) => {
                false
            }
        }
    }
}

fn agrees(
    facts: &LiveSystemUserFacts,
    token: &SystemUserToken,
    client_id: Option<&str>,
) -> Result<(), TokenRefusal> {
    let claim = &token.system_user;
    if facts.owner_org != claim.owner.as_str() || facts.system_id != claim.system_id.as_str() {
        return Err(TokenRefusal::SystemUserMismatch);
    }
    let is_registered =
        client_id.is_some_and(|client| facts.clients.iter().any(|known| known == client));
    let vendors = [token.vendor.organization, token.vendor.supplier];
    let is_vendor = vendors
        .into_iter()
        .flatten()
        .any(|org| org.as_str() == facts.vendor_org);
    if is_registered && is_vendor {
        Ok(())
    } else {
        Err(TokenRefusal::ClientNotRegistered)
    }
}
