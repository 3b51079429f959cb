//! What callers may do for a party: asked of the decision point, in process, on the system resources
//! that guard the service itself.

use std::{marker::PhantomData, ops::Deref};

use axum::extract::{FromRef, FromRequestParts};
use foundation::http::{ApiError, ApiResult, path::PathValues};
use http::{StatusCode, request::Parts};
use registers::parties::{self, Party, Person};
use sqlx::PgPool;

use crate::{
    callers::{Authenticator, Caller},
    pdp::{Asker, Pdp},
};

/// Asks the decision point for callers. A slice of state; clones are cheap.
#[derive(Debug, Clone)]
pub struct Permissions {
    authenticator: Authenticator,
    pdp: Pdp,
    db: PgPool,
}

impl Permissions {
    /// Asks this decision point.
    #[must_use]
    pub const fn new(authenticator: Authenticator, pdp: Pdp, db: PgPool) -> Self {
        Self {
            authenticator,
            pdp,
            db,
        }
    }

    /// What verifies credentials.
    #[must_use]
    pub const fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Asks the decision point whether the caller may act for a party, by its id.
    ///
    /// # Errors
    /// 403 when not, or when there is no such party.
    pub async fn permitted<P: PartyPolicy>(
        &self,
        caller: Caller,
        party_id: i32,
    ) -> ApiResult<Permitted<P>> {
        let person = self.authenticator.person_of(&caller.principal).await?;
        let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
        let asker = match (&person, &caller.principal.system_user) {
            (Some(person), _) => Asker::Person(person.0.uuid),
            (None, Some(system_user)) => {
                Asker::SystemUser(*system_user.ids.first().ok_or_else(forbidden)?)
            }
            (None, None) => return Err(forbidden()),
        };
        let level = caller.principal.auth_level;
        if !self
            .permits(asker, level, P::ACTION, P::RESOURCE, party_id)
            .await?
        {
            return Err(forbidden());
        }
        let mut db = self.db.acquire().await?;
        let party = parties::party_by_id(&mut db, party_id)
            .await?
            .ok_or_else(forbidden)?;
        Ok(Permitted {
            caller,
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
                let asker = Asker::Person(person.0.uuid);
                self.permits(asker, level, "write", "altinn_access_management", id)
                    .await
            }
            None => Ok(false),
        }
    }

    /// Whether the decision point permits it, and the caller's level suffices.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn permits(
        &self,
        asker: Asker,
        level: u8,
        action: &str,
        resource: &str,
        party_id: i32,
    ) -> ApiResult<bool> {
        let verdict = self.pdp.permits(asker, action, resource, party_id).await?;
        Ok(verdict.permit && level >= verdict.min_level)
    }
}

/// A policy that the decision point answers for the `{party}` of the route.
pub trait PartyPolicy: Send + Sync + 'static {
    /// System resource.
    const RESOURCE: &'static str;
    /// Action.
    const ACTION: &'static str;
    /// Scopes that are needed besides; none: any valid token.
    const SCOPES: Option<&'static [&'static str]>;
}

macro_rules! party_policies {
    ($($(#[$meta:meta])* $name:ident = ($action:literal, $resource:literal, $scopes:expr);)*) => {
        $($(#[$meta])* #[derive(Debug, Clone, Copy)] pub struct $name;
          impl PartyPolicy for $name {
              const RESOURCE: &'static str = $resource;
              const ACTION: &'static str = $action;
              const SCOPES: Option<&'static [&'static str]> = $scopes;
          })*
    };
}

party_policies! {
    /// May see who has access for the party.
    AccessManagementRead = ("read", "altinn_access_management", None);
    /// May decide who has access for the party.
    AccessManagementWrite = ("write", "altinn_access_management", None);
    /// As [`AccessManagementWrite`], through a portal.
    PortalAccessManagementWrite = ("write", "altinn_access_management", Some(&["altinn:portal/enduser"]));
    /// May see the party's system users.
    SystemUserOverviewRead = ("read", "altinn_system_user_overview", None);
    /// May see the party's clients.
    ClientAdministrationRead = ("read", "altinn_client_administration", None);
    /// May hand the party's clients to agents.
    ClientAdministrationWrite = ("write", "altinn_client_administration", None);
}

/// A caller who was permitted to act for the party of the route.
#[derive(Debug, Clone)]
pub struct Permitted<P> {
    /// Who calls.
    pub caller: Caller,
    /// The person who calls, when it is one.
    pub person: Option<Person>,
    /// `{party}`
    pub party: Party,
    policy: PhantomData<P>,
}

impl<P> Deref for Permitted<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P> Permitted<P> {
    /// The person who calls.
    ///
    /// # Errors
    /// 403: only persons decide.
    pub fn person(&self) -> ApiResult<&Person> {
        self.person
            .as_ref()
            .ok_or(ApiError::Empty(StatusCode::FORBIDDEN))
    }
}

impl<P: PartyPolicy, S: Send + Sync> FromRequestParts<S> for Permitted<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let caller = permissions.authenticator.authenticate(parts).await?;
        if let Some(scopes) = P::SCOPES
            && !caller.principal.scopes.contains_any(scopes)
        {
            return Err(ApiError::InsufficientScope(scopes));
        }
        let party_id = PathValues::from_request_parts(parts, state)
            .await?
            .party_id()?;
        permissions.permitted(caller, party_id).await
    }
}
