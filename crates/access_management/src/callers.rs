//! Who calls access management, and for whom: extractors that let a handler run only when the caller
//! may.

use std::{collections::BTreeSet, marker::PhantomData};

use authorization::{
    callers::{Authenticator, Caller, PersonOrSystemUser, Scoped},
    permissions::{Action, Permissions, SystemResource},
};
use axum::extract::{FromRef, FromRequestParts};
use foundation::{
    audit::Actor,
    http::{
        ApiError, ApiResult,
        describe::{self, Credential, DescribeInput, require},
        path::PathValues,
        query::Query,
    },
    token::scopes::{
        AnyScope, ClientDelegationsRead, ClientDelegationsWrite, FromOthersRead, FromOthersWrite,
        Portal, ScopePolicy, ToOthersRead, ToOthersWrite,
    },
};
use http::{StatusCode, request::Parts};
use registers::parties::{Party, PartyKind};
use utoipa::openapi::path::Operation;
use uuid::Uuid;

const FORBIDDEN: ApiError = ApiError::Empty(StatusCode::FORBIDDEN);

/// A person or a system user that does something.
#[derive(Debug, Clone)]
pub struct Acting {
    /// Its party.
    pub party: Party,
}

impl Acting {
    /// As the audit trail knows it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self.party.kind {
            PartyKind::SystemUser => Actor::SystemUser(self.party.uuid),
            PartyKind::Person | PartyKind::Organization | PartyKind::Other => {
                Actor::Person(self.party.uuid)
            }
        }
    }

    /// As rows say who made them.
    #[must_use]
    pub fn name(&self) -> String {
        match self.party.kind {
            PartyKind::SystemUser => format!("systemuser:{}", self.party.uuid),
            PartyKind::Person | PartyKind::Organization | PartyKind::Other => {
                format!("user_id:{}", self.party.user_id.unwrap_or(0))
            }
        }
    }
}

fn query_of(parts: &Parts) -> Query {
    Query::parse(parts.uri.query().unwrap_or_default())
}

/// The party that a query names, when it is a uuid.
fn uuid_in(query: &Query, name: &str) -> Option<Uuid> {
    query.uuid(name).ok().flatten()
}

/// What a client administrator does.
pub trait ClientPolicy: Send + Sync + 'static {
    /// Scopes of which one is needed.
    type Scopes: ScopePolicy;
    /// Action on the resource that guards client administration.
    const ACTION: Action;
}

/// Sees clients and agents.
#[derive(Debug, Clone, Copy)]
pub struct ReadClients;

/// Adds and removes agents, and delegates clients to them.
#[derive(Debug, Clone, Copy)]
pub struct WriteClients;

/// Sees clients and agents, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct ReadClientsInPortal;

/// Adds and removes agents, and delegates clients to them, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct WriteClientsInPortal;

impl ClientPolicy for WriteClientsInPortal {
    type Scopes = Portal;
    const ACTION: Action = Action::Write;
}

impl ClientPolicy for ReadClientsInPortal {
    type Scopes = Portal;
    const ACTION: Action = Action::Read;
}

impl ClientPolicy for ReadClients {
    type Scopes = ClientDelegationsRead;
    const ACTION: Action = Action::Read;
}

impl ClientPolicy for WriteClients {
    type Scopes = ClientDelegationsWrite;
    const ACTION: Action = Action::Write;
}

/// A caller that administers the clients of the party of the query (`party`).
#[derive(Debug, Clone)]
pub struct Facilitating<P> {
    /// Who calls.
    pub by: Acting,
    /// The facilitator.
    pub party: Party,
    policy: PhantomData<P>,
}

impl<P: ClientPolicy, S: Send + Sync> FromRequestParts<S> for Facilitating<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let scoped = Scoped::<P::Scopes>::from_request_parts(parts, &permissions).await?;
        let caller = permissions
            .authenticator()
            .access_caller::<P::Scopes>(&scoped.caller)
            .await?
            .ok_or(FORBIDDEN)?;
        let resource = SystemResource::ClientAdministration;
        let party = uuid_in(&query_of(parts), "party");
        let party = permissions
            .permitted_party(&caller, P::ACTION, resource, party)
            .await?;
        let by = Acting {
            party: permissions.party_of(&caller).await?,
        };
        Ok(Self {
            by,
            party,
            policy: PhantomData,
        })
    }
}

/// A person or a system user that acts for itself.
#[derive(Debug, Clone)]
pub struct Own<P> {
    /// Who calls.
    pub by: Acting,
    policy: PhantomData<P>,
}

impl<P: ScopePolicy, S: Send + Sync> FromRequestParts<S> for Own<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let scoped = Scoped::<P>::from_request_parts(parts, &permissions).await?;
        let caller = permissions
            .authenticator()
            .access_caller::<P>(&scoped.caller)
            .await?
            .ok_or(ApiError::Status(StatusCode::UNAUTHORIZED))?;
        Ok(Self {
            by: Acting {
                party: permissions.party_of(&caller).await?,
            },
            policy: PhantomData,
        })
    }
}

/// What an access manager does.
pub trait AccessPolicy: Send + Sync + 'static {
    /// Action on the resource that guards access management.
    const ACTION: Action;
    /// Scopes of which one is needed for what the party gave others.
    type ToOthers: ScopePolicy;
    /// Scopes of which one is needed for what others gave the party; none where the party gives.
    type FromOthers: ScopePolicy;
    /// Which of both the call is about.
    const DIRECTION: DirectionRule;
    /// Where the call names the party.
    const PARTY: PartyPlace = PartyPlace::Query;
}

/// Where a call names the party for which access is managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyPlace {
    /// The parameter `party` of the query.
    Query,
    /// The parameter `from` of the query.
    From,
    /// The parameter `partyUuid` of the path.
    Path,
}

/// How a call says in which direction it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectionRule {
    /// `party` is also `from` (to others) or `to` (from others).
    ByQuery,
    /// The party gives.
    ToOthers,
}

/// Sees what is given.
#[derive(Debug, Clone, Copy)]
pub struct ReadAccess;

/// Takes back, or gives back.
#[derive(Debug, Clone, Copy)]
pub struct RemoveAccess;

/// Gives others access, or asks what may be given.
#[derive(Debug, Clone, Copy)]
pub struct GiveAccess;

/// Sees what is given, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct ReadAccessInPortal;

/// Asks what may be given, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct GiveAccessInPortal;

/// Takes back, or gives back, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct RemoveAccessInPortal;

/// Gives others access, in the portal, where the path names the party.
#[derive(Debug, Clone, Copy)]
pub struct GiveAccessOfPathParty;

/// Asks what may be given, in the portal, where `from` names the party.
#[derive(Debug, Clone, Copy)]
pub struct GiveAccessOfFromParty;

impl AccessPolicy for GiveAccessOfFromParty {
    const ACTION: Action = Action::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
    const PARTY: PartyPlace = PartyPlace::From;
}

impl AccessPolicy for RemoveAccessInPortal {
    const ACTION: Action = Action::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for GiveAccessOfPathParty {
    const ACTION: Action = Action::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
    const PARTY: PartyPlace = PartyPlace::Path;
}

impl AccessPolicy for ReadAccessInPortal {
    const ACTION: Action = Action::Read;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for GiveAccessInPortal {
    const ACTION: Action = Action::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
}

impl AccessPolicy for ReadAccess {
    const ACTION: Action = Action::Read;
    type ToOthers = ToOthersRead;
    type FromOthers = FromOthersRead;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for RemoveAccess {
    const ACTION: Action = Action::Write;
    type ToOthers = ToOthersWrite;
    type FromOthers = FromOthersWrite;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for GiveAccess {
    const ACTION: Action = Action::Write;
    type ToOthers = ToOthersWrite;
    type FromOthers = ToOthersWrite;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
}

/// A caller that manages access for the party of the query (`party`).
#[derive(Debug, Clone)]
pub struct Managing<P> {
    /// Who calls.
    pub by: Acting,
    /// The party.
    pub party: Party,
    /// What the party gave others is asked about; else what others gave the party.
    pub is_giver: bool,
    policy: PhantomData<P>,
}

/// The ends that the query names in the same words as the party.
struct Ends {
    from: bool,
    to: bool,
}

impl Ends {
    fn of(query: &Query) -> Self {
        let party = query.get("party").filter(|text| !text.is_empty());
        let is_party = |name: &str| {
            query
                .get(name)
                .zip(party)
                .is_some_and(|(end, party)| end.eq_ignore_ascii_case(party))
        };
        Self {
            from: is_party("from"),
            to: is_party("to"),
        }
    }
}

impl<P: AccessPolicy> Managing<P> {
    fn accepted(ends: &Ends) -> Vec<&'static str> {
        let mut accepted = Vec::new();
        if P::DIRECTION == DirectionRule::ToOthers || ends.from {
            accepted.extend_from_slice(P::ToOthers::ACCEPTED);
        }
        if P::DIRECTION == DirectionRule::ByQuery && ends.to {
            accepted.extend_from_slice(P::FromOthers::ACCEPTED);
        }
        accepted
    }
}

impl<P: AccessPolicy, S: Send + Sync> FromRequestParts<S> for Managing<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let authenticator = Authenticator::from_ref(&permissions);
        let query = query_of(parts);
        let ends = Ends::of(&query);
        let caller = Caller::from_request_parts(parts, &permissions).await?;
        if !caller.principal.scopes.contains_any(&Self::accepted(&ends)) {
            return Err(FORBIDDEN);
        }
        let caller: PersonOrSystemUser<AnyScope> = authenticator
            .access_caller(&caller)
            .await?
            .ok_or(FORBIDDEN)?;
        let resource = SystemResource::AccessManagement;
        let party = match P::PARTY {
            PartyPlace::Query => uuid_in(&query, "party"),
            PartyPlace::From => uuid_in(&query, "from"),
            PartyPlace::Path => {
                let values = PathValues::from_request_parts(parts, state).await?;
                Some(values.uuid("partyUuid")?)
            }
        };
        let party = permissions
            .permitted_party(&caller, P::ACTION, resource, party)
            .await?;
        let by = Acting {
            party: permissions.party_of(&caller).await?,
        };
        // What a person was given is seen and given back by that person alone.
        let is_of_person = P::DIRECTION == DirectionRule::ByQuery
            && ends.to
            && party.kind == PartyKind::Person
            && party.uuid != by.party.uuid;
        if is_of_person {
            return Err(FORBIDDEN);
        }
        Ok(Self {
            by,
            party,
            is_giver: P::DIRECTION == DirectionRule::ToOthers || ends.from,
            policy: PhantomData,
        })
    }
}

impl<P: ClientPolicy> DescribeInput for Facilitating<P> {
    fn describe(operation: &mut Operation) {
        PersonOrSystemUser::<P::Scopes>::describe(operation);
    }
}

impl<P: ScopePolicy> DescribeInput for Own<P> {
    fn describe(operation: &mut Operation) {
        // A token of neither a person nor a system user.
        describe::answer_problem(operation, 401);
        PersonOrSystemUser::<P>::describe(operation);
    }
}

impl<P: AccessPolicy> DescribeInput for Managing<P> {
    fn describe(operation: &mut Operation) {
        let ends = Ends {
            from: true,
            to: true,
        };
        let scopes: BTreeSet<&str> = Self::accepted(&ends).into_iter().collect();
        let scopes: Vec<&str> = scopes.into_iter().collect();
        require(operation, Credential::Person, &scopes);
        require(operation, Credential::SystemUser, &scopes);
    }
}
