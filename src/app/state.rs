//! What handlers share.

use std::{ops::Deref, sync::Arc};

use http::{HeaderMap, header::HOST};
use sqlx::PgPool;

use super::Readiness;
use crate::{
    audit::Checkpoints,
    clients::Clients,
    clock::Clock,
    config::Checked,
    db::feed::Feed,
    http::context,
    packages::{Catalogue, Metadata},
    pdp::Pdp,
    register::IdentityKeys,
    requests::Decisions,
    resources::{Policies, Resources},
    system_users::{Living, Management},
    token::{OwnKeys, PlatformTokens, Verifier},
    web::LoginClient,
};

/// Shared state; clones are cheap.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Inner>);

/// The state itself.
#[derive(Debug)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct Inner {
    pub config: Checked,
    pub clock: Clock,
    pub db: PgPool,
    /// For what must not wait for requests.
    pub side: PgPool,
    pub catalogue: Arc<Catalogue>,
    pub metadata: Metadata,
    pub policies: Policies,
    pub identity: Arc<IdentityKeys>,
    pub own_keys: Arc<OwnKeys>,
    pub verifier: Arc<Verifier>,
    pub platform_tokens: PlatformTokens,
    pub pdp: Pdp,
    pub feed: Arc<Feed>,
    pub living: Living,
    pub resources: Arc<Resources>,
    pub login: Option<LoginClient>,
    pub checkpoints: Option<Arc<Checkpoints>>,
    pub readiness: Readiness,
}

impl AppState {
    /// Shares the state.
    #[must_use]
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Writes what waits, and closes all connections: the last thing before the end.
    pub async fn close(&self) {
        self.pdp.log().flush().await;
        self.side.close().await;
        self.db.close().await;
    }

    /// Base of absolute addresses in answers: the configured one, or, in a sandbox without one,
    /// what the client called, as it or a trusted proxy says.
    #[must_use]
    pub fn base_for(&self, headers: &HeaderMap) -> String {
        let forwarded = context::current()
            .map(|c| c.forwarded.clone())
            .unwrap_or_default();
        let host = forwarded
            .host
            .as_deref()
            .or_else(|| headers.get(HOST)?.to_str().ok());
        match host.filter(|_| self.config.settings.server.public_base_url.is_none()) {
            Some(host) => format!(
                "{}://{host}{}",
                forwarded.scheme.unwrap_or("http"),
                forwarded.prefix.as_deref().unwrap_or_default()
            ),
            None => self.config.public_base.clone(),
        }
    }

    /// What manages clients.
    #[must_use]
    pub fn clients(&self) -> Clients<'_> {
        Clients {
            db: &self.db,
            catalogue: &self.catalogue,
        }
    }

    /// What manages system users.
    #[must_use]
    pub fn system_users(&self) -> Management<'_> {
        Management {
            db: &self.db,
            catalogue: &self.catalogue,
            policies: &self.policies,
        }
    }

    /// What decides requests.
    #[must_use]
    pub fn decisions(&self) -> Decisions<'_> {
        Decisions {
            db: &self.db,
            catalogue: &self.catalogue,
            policies: &self.policies,
            lifetime_days: self.config.settings.requests.lifetime_days,
        }
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
