//! What callers may do for a party: asked of the decision point, in process, on the system resources
//! that guard the service itself.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use foundation::{
    http::{ApiError, ApiResult, describe::DescribeInput, path::PathValues},
    token::scopes::{AnyScope, Portal, ScopePolicy},
};
use http::{StatusCode, request::Parts};
use registers::parties::{self, Party, Person};
use sqlx::PgPool;
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use crate::{
    callers::{Authenticator, EndUser, PersonOrSystemUser},
    delegation::Approver,
    pdp::{Pdp, PermitSubject},
};

/// Level of login that a person needs to change anything.
pub const LEVEL_TO_WRITE: u8 = 3;

/// What a caller wants to do with a system resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemResourceAction {
    /// See what is there.
    Read,
    /// Change it.
    Write,
}

impl SystemResourceAction {
    /// As policies name it.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Whether a person who logged in at this level may do it at all.
    const fn is_open_at(self, level: u8) -> bool {
        match self {
            Self::Read => true,
            Self::Write => level >= LEVEL_TO_WRITE,
        }
    }
}

impl<P> PersonOrSystemUser<P> {
    /// Whether a person has logged in well enough for it, whatever a policy asks for besides. A system
    /// user has no login.
    #[must_use]
    pub const fn has_level_for(&self, action: SystemResourceAction) -> bool {
        match self {
            Self::Person(user) => action.is_open_at(user.level()),
            Self::SystemUser(_) => true,
        }
    }
}

/// Resources whose policies guard the service itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemResource {
    /// Who has access for a party.
    AccessManagement,
    /// Clients of a party, and the agents they are delegated to.
    ClientAdministration,
    /// A party's system users.
    SystemUserOverview,
    /// What main administrators alone do.
    MainAdministration,
    /// Scopes of Maskinporten that a party delegates.
    MaskinportenScopes,
    /// Single instances that a party gives access to.
    InstanceDelegation,
    /// Addresses for notifications of a party; a resource of another service.
    CompanyProfile,
}

impl SystemResource {
    /// Its identifier.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::AccessManagement => "altinn_access_management",
            Self::ClientAdministration => "altinn_client_administration",
            Self::SystemUserOverview => "altinn_system_user_overview",
            Self::MainAdministration => "altinn_access_management_hovedadmin",
            Self::MaskinportenScopes => "altinn_maskinporten_scope_delegation",
            Self::InstanceDelegation => "altinn_instance_delegation",
            Self::CompanyProfile => "altinn-profil-api-varslingsdaresser-for-virksomheter",
        }
    }
}

/// Asks the decision point for callers. A slice of state; clones are cheap.
#[derive(Debug, Clone)]
pub struct Permissions {
    authenticator: Authenticator,
    pdp: Pdp,
    db: PgPool,
    system_user_level: u8,
}

impl Permissions {
    /// Asks this decision point. `system_user_level` is the level of authentication that system
    /// users count as having (`pdp.systemuser_auth_level`).
    #[must_use]
    pub const fn new(
        authenticator: Authenticator,
        pdp: Pdp,
        db: PgPool,
        system_user_level: u8,
    ) -> Self {
        Self {
            authenticator,
            pdp,
            db,
            system_user_level,
        }
    }

    /// What verifies credentials.
    #[must_use]
    pub const fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Asks the decision point whether the person may act for a party, by its id.
    ///
    /// # Errors
    /// 403 when not, when the register does not know the person, or when there is no such party.
    pub async fn permitted<P: PartyPolicy, S>(
        &self,
        user: EndUser<S>,
        party_id: i32,
    ) -> ApiResult<PermittedPerson<P>> {
        let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
        let (person, level) = user.known()?;
        if !self
            .person_may(&person, level, P::ACTION, P::RESOURCE, party_id)
            .await?
        {
            return Err(forbidden());
        }
        let mut db = self.db.acquire().await?;
        let party = parties::party_by_id(&mut db, party_id)
            .await?
            .ok_or_else(forbidden)?;
        Ok(PermittedPerson {
            person,
            party,
            policy: PhantomData,
        })
    }

    /// Whether a person manages access for a party: may decide who acts for it.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn manages_access(
        &self,
        person: &Person,
        level: u8,
        party: &Party,
    ) -> ApiResult<bool> {
        match party.party_id {
            Some(id) => {
                let resource = SystemResource::AccessManagement;
                self.person_may(person, level, SystemResourceAction::Write, resource, id)
                    .await
            }
            None => Ok(false),
        }
    }

    /// Whether the decision point permits it to a person, and the person's level suffices: what
    /// the policy asks for, and at least 3 to change anything.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn person_may(
        &self,
        person: &Person,
        level: u8,
        action: SystemResourceAction,
        resource: SystemResource,
        party_id: i32,
    ) -> ApiResult<bool> {
        let asker = PermitSubject::Person(person.0.uuid);
        Ok(action.is_open_at(level)
            && self
                .permits(asker, level, action, resource, party_id)
                .await?)
    }

    /// Whether the decision point permits it to a person or a system user.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn caller_may<P>(
        &self,
        caller: &PersonOrSystemUser<P>,
        action: SystemResourceAction,
        resource: SystemResource,
        party_id: i32,
    ) -> ApiResult<bool> {
        match caller {
            PersonOrSystemUser::Person(user) => match user.known_person() {
                Some(person) => {
                    self.person_may(person, user.level(), action, resource, party_id)
                        .await
                }
                None => Ok(false),
            },
            PersonOrSystemUser::SystemUser(user) => {
                let asker = PermitSubject::SystemUser(user.id);
                self.permits(asker, self.system_user_level, action, resource, party_id)
                    .await
            }
        }
    }

    /// The party with this uuid, for which the decision point permits it to a person or a system user.
    ///
    /// # Errors
    /// 403 when not, and when no party has this uuid.
    pub async fn permitted_party<P>(
        &self,
        caller: &PersonOrSystemUser<P>,
        action: SystemResourceAction,
        resource: SystemResource,
        party: Option<Uuid>,
    ) -> ApiResult<Party> {
        let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
        let uuid = party.ok_or_else(forbidden)?;
        let mut db = self.db.acquire().await?;
        let party = parties::party_by_uuid(&mut db, uuid).await?;
        drop(db);
        let party = party.ok_or_else(forbidden)?;
        let party_id = party.party_id.ok_or_else(forbidden)?;
        if self.caller_may(caller, action, resource, party_id).await? {
            Ok(party)
        } else {
            Err(forbidden())
        }
    }

    /// The party that a person or a system user is.
    ///
    /// # Errors
    /// 401 with the framework's body: no party is known by what the token names.
    pub async fn party_of<P>(&self, caller: &PersonOrSystemUser<P>) -> ApiResult<Party> {
        let unknown = || ApiError::Status(StatusCode::UNAUTHORIZED);
        match caller {
            PersonOrSystemUser::Person(user) => {
                Ok(user.known_person().ok_or_else(unknown)?.0.clone())
            }
            PersonOrSystemUser::SystemUser(user) => {
                let mut db = self.db.acquire().await?;
                parties::party_by_uuid(&mut db, user.id)
                    .await?
                    .ok_or_else(unknown)
            }
        }
    }

    async fn permits(
        &self,
        asker: PermitSubject,
        level: u8,
        action: SystemResourceAction,
        resource: SystemResource,
        party_id: i32,
    ) -> ApiResult<bool> {
        let verdict = self
            .pdp
            .permits(asker, action.wire(), resource.wire(), party_id)
            .await?;
        Ok(verdict.permit && level >= verdict.min_level)
    }
}

impl FromRef<Permissions> for Authenticator {
    fn from_ref(permissions: &Permissions) -> Self {
        permissions.authenticator.clone()
    }
}

/// A policy that the decision point answers for the `{party}` of the route.
pub trait PartyPolicy: Send + Sync + 'static {
    /// System resource.
    const RESOURCE: SystemResource;
    /// Action.
    const ACTION: SystemResourceAction;
    /// Scopes that are needed besides.
    type Scopes: ScopePolicy;
}

macro_rules! party_policies {
    ($($(#[$meta:meta])* $name:ident = ($action:ident, $resource:ident, $scopes:ident);)*) => {
        $($(#[$meta])* #[derive(Debug, Clone, Copy)] pub struct $name;
          impl PartyPolicy for $name {
              const RESOURCE: SystemResource = SystemResource::$resource;
              const ACTION: SystemResourceAction = SystemResourceAction::$action;
              type Scopes = $scopes;
          })*
    };
}

party_policies! {
    /// May see who has access for the party.
    AccessManagementRead = (Read, AccessManagement, AnyScope);
    /// May decide who has access for the party.
    AccessManagementWrite = (Write, AccessManagement, AnyScope);
    /// As [`AccessManagementWrite`], through a portal.
    PortalAccessManagementWrite = (Write, AccessManagement, Portal);
    /// May see the party's system users.
    SystemUserOverviewRead = (Read, SystemUserOverview, AnyScope);
    /// May see the party's clients.
    ClientAdministrationRead = (Read, ClientAdministration, AnyScope);
    /// May delegate the party's clients to agents.
    ClientAdministrationWrite = (Write, ClientAdministration, AnyScope);
}

/// A person who was permitted to act for the party of the route.
#[derive(Debug, Clone)]
pub struct PermittedPerson<P> {
    /// The person who calls.
    pub person: Person,
    /// `{party}`
    pub party: Party,
    policy: PhantomData<P>,
}

impl<P> PermittedPerson<P> {
    /// The person, as one who decides for the party.
    #[must_use]
    pub const fn approver(&self) -> Approver<'_> {
        Approver {
            person: &self.person,
            party: &self.party,
        }
    }
}

impl<P: PartyPolicy, S: Send + Sync> FromRequestParts<S> for PermittedPerson<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let user = EndUser::<P::Scopes>::from_request_parts(parts, &permissions).await?;
        let party_id = PathValues::from_request_parts(parts, state)
            .await?
            .party_id()?;
        permissions.permitted(user, party_id).await
    }
}

impl<P: PartyPolicy> DescribeInput for PermittedPerson<P> {
    fn describe(operation: &mut Operation) {
        EndUser::<P::Scopes>::describe(operation);
    }
}
