//! Everything that the running service shares, and the slices of it that each layer gets.

use std::{ops::Deref, sync::Arc, time::Duration};

use access_management::AccessManagement;
use authorization::{
    authorized_parties::PartyLists,
    callers::Authenticator,
    exchange::TokenExchange,
    pdp::{DecisionEndpoints, DecisionEndpointsParts, Pdp},
    permissions::Permissions,
};
use edges::{
    pages::{FrontEnd, LoginClient, Pages, recent_calls::RecentCalls},
    portal::PortalBackEnd,
};
use foundation::{
    audit::{Attempts, Checkpoints},
    clock::Clock,
    config::{CheckedSettings, Profile},
    db::{DatabaseCondition, DatabaseMonitor, DedicatedSessions, feed::ChangeFeed},
    http::BaseAddress,
    recovery::Recovery,
    token::{OwnKeys, TokenVerifier},
};
use registers::{
    packages::{Catalogue, CatalogueInForce, CatalogueMetadata},
    parties::{IdentityKeys, rules::ClientResources},
    resources::{CompiledPolicies, LiveResources},
};
use registers_api::{parties::PartyLookups, resources::ResourceRegistry};
use sqlx::PgPool;
use system_users::{
    clients::Clients,
    requests::Requests,
    systems::{PlainHttp, Systems},
    users::SystemUsers,
    vendor_events::VendorEvents,
};
use tokio::sync::broadcast;

use super::{Readiness, limits::LimitGuard};

/// For what waits to be written at the end.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);
/// For closing the connections of the database.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Shared state; clones are cheap.
#[derive(Debug, Clone)]
pub struct AppState(Arc<AppStateInner>);

/// The state itself.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct AppStateInner {
    pub config: Arc<CheckedSettings>,
    pub clock: Clock,
    pub db: PgPool,
    /// For background work, so that requests cannot starve it.
    pub background_db: PgPool,
    /// Sessions that no pooler shares, where there are any.
    pub sessions: Option<DedicatedSessions>,
    pub catalogue: Arc<Catalogue>,
    pub metadata: Arc<CatalogueMetadata>,
    /// Number of the version that the catalogue is.
    pub catalogue_version: i64,
    /// States with a catalogue that was imported since: the service is built anew with each.
    pub successors: broadcast::Sender<AppState>,
    pub policies: CompiledPolicies,
    pub identity: Arc<IdentityKeys>,
    pub own_keys: Arc<OwnKeys>,
    pub verifier: Arc<TokenVerifier>,
    pub authenticator: Authenticator,
    pub pdp: Pdp,
    pub feed: Arc<ChangeFeed>,
    pub resources: Arc<LiveResources>,
    pub login: Option<Arc<LoginClient>>,
    pub front_end: Option<Arc<FrontEnd>>,
    pub checkpoints: Option<Arc<Checkpoints>>,
    /// Whether the database lacks nothing that was known before.
    pub recovery: Arc<Recovery>,
    /// Refused and failed attempts, on their way to the audit trail.
    pub attempts: Attempts,
    pub readiness: Readiness,
    pub recent_calls: Option<Arc<RecentCalls>>,
    pub condition: DatabaseCondition,
    pub monitor: Arc<DatabaseMonitor>,
    /// Limits of requests.
    pub guard: LimitGuard,
}

impl AppState {
    /// Shares the state.
    #[must_use]
    pub fn new(inner: AppStateInner) -> Self {
        Self(Arc::new(inner))
    }

    /// The same state with another catalogue.
    #[must_use]
    pub fn with_catalogue(&self, loaded: &CatalogueInForce) -> Self {
        Self::new(AppStateInner {
            catalogue: Arc::clone(&loaded.catalogue),
            metadata: Arc::clone(&loaded.metadata),
            catalogue_version: loaded.version,
            pdp: self.pdp.with_catalogue(Arc::clone(&loaded.catalogue)),
            ..AppStateInner::clone(self)
        })
    }

    /// Writes what waits, and closes all connections: the last thing before the end. It takes some
    /// seconds at most, whatever hangs.
    pub async fn close(&self) {
        let written = async { tokio::join!(self.pdp.log().close(), self.attempts.flush()) };
        if tokio::time::timeout(WRITE_TIMEOUT, written).await.is_err() {
            tracing::error!("what waited could not be written in time");
        }
        let sessions = async {
            if let Some(sessions) = &self.sessions {
                sessions.pool().close().await;
            }
        };
        let closed = async { tokio::join!(self.background_db.close(), self.db.close(), sessions) };
        if tokio::time::timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!("some connections of the database could not be closed in time");
        }
    }

    fn address(&self) -> BaseAddress {
        BaseAddress::new(&self.config)
    }

    fn permissions(&self) -> Permissions {
        Permissions::new(
            self.authenticator.clone(),
            self.pdp.clone(),
            self.db.clone(),
            self.config.settings.pdp.systemuser_auth_level,
        )
    }

    fn exchange(&self) -> TokenExchange {
        TokenExchange::new(
            self.authenticator.clone(),
            self.clock.clone(),
            Arc::clone(&self.config),
            self.db.clone(),
            Arc::clone(&self.own_keys),
        )
    }

    fn party_lists(&self) -> PartyLists {
        PartyLists {
            authenticator: self.authenticator.clone(),
            catalogue: Arc::clone(&self.catalogue),
            client_resources: ClientResources::of(
                self.config.settings.access.client_resources_listed,
            ),
            db: self.db.clone(),
            identity: Arc::clone(&self.identity),
        }
    }

    /// The slice for requests and change requests.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests {
            address: self.address(),
            catalogue: Arc::clone(&self.catalogue),
            config: Arc::clone(&self.config),
            db: self.db.clone(),
            permissions: self.permissions(),
            policies: self.policies.clone(),
        }
    }

    /// The slice for clients.
    #[must_use]
    pub fn clients(&self) -> Clients {
        Clients {
            address: self.address(),
            catalogue: Arc::clone(&self.catalogue),
            db: self.db.clone(),
            permissions: self.permissions(),
        }
    }

    /// The slice for system users.
    #[must_use]
    pub fn system_users(&self) -> SystemUsers {
        SystemUsers {
            address: self.address(),
            catalogue: Arc::clone(&self.catalogue),
            config: Arc::clone(&self.config),
            db: self.db.clone(),
            permissions: self.permissions(),
            policies: self.policies.clone(),
        }
    }

    /// The slices of the layer `authorization`.
    pub(super) fn for_authorization(&self) -> authorization::State {
        authorization::State::new(authorization::Slices {
            authenticator: self.authenticator.clone(),
            decisions: DecisionEndpoints::new(DecisionEndpointsParts {
                authenticator: self.authenticator.clone(),
                pdp: self.pdp.clone(),
                address: self.address(),
                catalogue: Arc::clone(&self.catalogue),
                clock: self.clock.clone(),
                config: Arc::clone(&self.config),
                db: self.db.clone(),
                identity: Arc::clone(&self.identity),
                verifier: Arc::clone(&self.verifier),
            }),
            exchange: self.exchange(),
            party_lists: self.party_lists(),
        })
    }

    /// The slices of the layer `registers_api`.
    pub(super) fn for_registers(&self) -> registers_api::State {
        registers_api::State::new(registers_api::Slices {
            authenticator: self.authenticator.clone(),
            db: self.db.clone(),
            metadata: Arc::clone(&self.metadata),
            party_lookups: PartyLookups {
                catalogue: Arc::clone(&self.catalogue),
                db: self.db.clone(),
                identity: Arc::clone(&self.identity),
            },
            resource_registry: ResourceRegistry {
                address: self.address(),
                catalogue: Arc::clone(&self.catalogue),
                config: Arc::clone(&self.config),
                db: self.db.clone(),
                policies: self.policies.clone(),
            },
        })
    }

    /// The slices of the layer `system_users`.
    pub(super) fn for_system_users(&self) -> system_users::State {
        system_users::State::new(system_users::Slices {
            authenticator: self.authenticator.clone(),
            clients: self.clients(),
            permissions: self.permissions(),
            requests: self.requests(),
            system_users: self.system_users(),
            systems: Systems {
                catalogue: Arc::clone(&self.catalogue),
                db: self.db.clone(),
                plain_http: match self.config.profile() {
                    Profile::Prod => PlainHttp::Refused,
                    Profile::Test | Profile::Sandbox => PlainHttp::Loopback,
                },
            },
            vendor_events: VendorEvents {
                address: self.address(),
                db: self.db.clone(),
            },
        })
    }

    /// The slice for client delegations and connections.
    #[must_use]
    pub fn access_management(&self) -> AccessManagement {
        AccessManagement {
            catalogue: Arc::clone(&self.catalogue),
            config: Arc::clone(&self.config),
            db: self.db.clone(),
            identity: Arc::clone(&self.identity),
            metadata: Arc::clone(&self.metadata),
            policies: self.policies.clone(),
        }
    }

    /// The slices of the layer `access_management`.
    pub(super) fn for_access_management(&self) -> access_management::State {
        access_management::State::new(access_management::Slices {
            access: self.access_management(),
            permissions: self.permissions(),
        })
    }

    /// The slices of the portal's back end.
    pub(super) fn for_portal(&self) -> edges::PortalState {
        edges::PortalState::new(edges::PortalSlices {
            authenticator: self.authenticator.clone(),
            permissions: self.permissions(),
            portal: PortalBackEnd {
                access: self.access_management(),
                catalogue: Arc::clone(&self.catalogue),
                clients: self.clients(),
                config: Arc::clone(&self.config),
                db: self.db.clone(),
                metadata: Arc::clone(&self.metadata),
                party_lists: self.party_lists(),
                permissions: self.permissions(),
                requests: self.requests(),
                system_users: self.system_users(),
            },
        })
    }

    /// What the pages share.
    pub(super) fn for_pages(&self) -> Pages {
        Pages {
            authenticator: self.authenticator.clone(),
            catalogue: Arc::clone(&self.catalogue),
            clock: self.clock.clone(),
            config: Arc::clone(&self.config),
            db: self.db.clone(),
            exchange: self.exchange(),
            front_end: self.front_end.clone(),
            identity: Arc::clone(&self.identity),
            login: self.login.clone(),
            permissions: self.permissions(),
            recent_calls: self.recent_calls.clone(),
            requests: self.requests(),
        }
    }
}

impl Deref for AppState {
    type Target = AppStateInner;

    fn deref(&self) -> &AppStateInner {
        &self.0
    }
}
