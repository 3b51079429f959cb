//! Who calls access management, and for whom: extractors that let a handler run only when the caller
//! may.

use std::marker::PhantomData;

use authorization::{
    callers::{Authenticator, Caller, EndUser, PersonOrSystemUser},
    permissions::{Permissions, SystemResource, SystemResourceAction},
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
        MyClientsRead, MyClientsWrite, Portal, ScopePolicy, ToOthersRead, ToOthersWrite,
    },
};
use http::{StatusCode, request::Parts};
use registers::parties::{Party, PartyKind};
use utoipa::openapi::path::Operation;
use uuid::Uuid;

const FORBIDDEN: ApiError = ApiError::Empty(StatusCode::FORBIDDEN);

/// A person or a system user that does something.
#[derive(Debug, Clone)]
pub struct ActingParty {
    /// Its party.
    pub party: Party,
    /// Through which API it calls.
    pub channel: Channel,
    /// The scopes of its token that permit the call.
    pub scopes: Vec<&'static str>,
}

impl ActingParty {
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

/// Through which API a call comes, as the audit trail has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Of end-user systems.
    EndUserApi,
    /// Of the portal's pages.
    Portal,
}

impl Channel {
    /// The text in the trail.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::EndUserApi => "enduser-api",
            Self::Portal => "portal",
        }
    }
}

/// An API of access management: which callers it takes.
pub trait FrontApi: Send + Sync + 'static {
    /// Who may call it.
    type Taken: Into<PersonOrSystemUser<AnyScope>> + Send;
    /// Which it is.
    const CHANNEL: Channel;
    /// Kinds of credential that it takes.
    const CREDENTIALS: &'static [Credential];

    /// The caller, when the token is of a shape that the API takes.
    fn caller(
        authenticator: &Authenticator,
        caller: &Caller,
    ) -> impl Future<Output = ApiResult<Option<Self::Taken>>> + Send;
}

/// The API of end-user systems: for persons and system users.
#[derive(Debug, Clone, Copy)]
pub struct EndUserApi;

/// The portal's back end: for persons alone.
#[derive(Debug, Clone, Copy)]
pub struct PortalApi;

impl FrontApi for EndUserApi {
    type Taken = PersonOrSystemUser<AnyScope>;
    const CHANNEL: Channel = Channel::EndUserApi;
    const CREDENTIALS: &'static [Credential] = &[Credential::Person, Credential::SystemUser];

    async fn caller(
        authenticator: &Authenticator,
        caller: &Caller,
    ) -> ApiResult<Option<Self::Taken>> {
        authenticator.access_caller(caller).await
    }
}

impl FrontApi for PortalApi {
    type Taken = EndUser<AnyScope>;
    const CHANNEL: Channel = Channel::Portal;
    const CREDENTIALS: &'static [Credential] = &[Credential::Person];

    async fn caller(
        authenticator: &Authenticator,
        caller: &Caller,
    ) -> ApiResult<Option<Self::Taken>> {
        authenticator.identified_person(caller).await
    }
}

/// A verified caller with its scopes, before it is known for which party it calls.
struct AccessCall {
    caller: PersonOrSystemUser<AnyScope>,
    channel: Channel,
    scopes: Vec<&'static str>,
}

impl AccessCall {
    /// The caller of an API, with one of these scopes.
    ///
    /// # Errors
    /// `without_scope` for a token without any of the scopes, `wrong_shape` for one of a shape that
    /// the API does not take.
    async fn of<F: FrontApi>(
        parts: &mut Parts,
        permissions: &Permissions,
        accepted: &[&'static str],
        without_scope: ApiError,
        wrong_shape: ApiError,
    ) -> ApiResult<Self> {
        let caller = Caller::from_request_parts(parts, permissions).await?;
        let mut scopes = accepted.to_vec();
        scopes.retain(|scope| caller.principal.scopes.contains(scope));
        if scopes.is_empty() {
            return Err(without_scope);
        }
        let caller = F::caller(permissions.authenticator(), &caller).await?;
        Ok(Self {
            caller: caller.ok_or(wrong_shape)?.into(),
            channel: F::CHANNEL,
            scopes,
        })
    }

    async fn acting(self, permissions: &Permissions) -> ApiResult<ActingParty> {
        Ok(ActingParty {
            party: permissions.party_of(&self.caller).await?,
            channel: self.channel,
            scopes: self.scopes,
        })
    }
}

/// Adds who may call an operation of an API.
fn describe_callers<F: FrontApi>(operation: &mut Operation, scopes: &[&str]) {
    for credential in F::CREDENTIALS {
        require(operation, *credential, scopes);
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
    /// Where it is done.
    type Api: FrontApi;
    /// Scopes of which one is needed.
    type Scopes: ScopePolicy;
    /// Action on the resource that guards client administration.
    const ACTION: SystemResourceAction;
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
    type Api = PortalApi;
    type Scopes = Portal;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
}

impl ClientPolicy for ReadClientsInPortal {
    type Api = PortalApi;
    type Scopes = Portal;
    const ACTION: SystemResourceAction = SystemResourceAction::Read;
}

impl ClientPolicy for ReadClients {
    type Api = EndUserApi;
    type Scopes = ClientDelegationsRead;
    const ACTION: SystemResourceAction = SystemResourceAction::Read;
}

impl ClientPolicy for WriteClients {
    type Api = EndUserApi;
    type Scopes = ClientDelegationsWrite;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
}

/// A caller that administers the clients of the party of the query (`party`).
#[derive(Debug, Clone)]
pub struct FacilitatorCaller<P> {
    /// Who calls.
    pub by: ActingParty,
    /// The facilitator.
    pub party: Party,
    policy: PhantomData<P>,
}

impl<P: ClientPolicy, S: Send + Sync> FromRequestParts<S> for FacilitatorCaller<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let accepted = P::Scopes::ACCEPTED;
        let without_scope = ApiError::InsufficientScope(accepted);
        let call =
            AccessCall::of::<P::Api>(parts, &permissions, accepted, without_scope, FORBIDDEN)
                .await?;
        let resource = SystemResource::ClientAdministration;
        let party = uuid_in(&query_of(parts), "party");
        let party = permissions
            .permitted_party(&call.caller, P::ACTION, resource, party)
            .await?;
        Ok(Self {
            by: call.acting(&permissions).await?,
            party,
            policy: PhantomData,
        })
    }
}

/// What agents do with the clients that they have themselves.
pub trait OwnPolicy: Send + Sync + 'static {
    /// Where it is done.
    type Api: FrontApi;
    /// Scopes of which one is needed.
    type Scopes: ScopePolicy;
    /// Whether it changes anything.
    const ACTION: SystemResourceAction;
}

/// Sees its own clients.
#[derive(Debug, Clone, Copy)]
pub struct SeeOwnClients;

/// Gives its own clients up.
#[derive(Debug, Clone, Copy)]
pub struct GiveUpOwnClients;

/// Sees its own clients, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct SeeOwnClientsInPortal;

/// Gives its own clients up, in the portal.
#[derive(Debug, Clone, Copy)]
pub struct GiveUpOwnClientsInPortal;

impl OwnPolicy for SeeOwnClients {
    type Api = EndUserApi;
    type Scopes = MyClientsRead;
    const ACTION: SystemResourceAction = SystemResourceAction::Read;
}

impl OwnPolicy for GiveUpOwnClients {
    type Api = EndUserApi;
    type Scopes = MyClientsWrite;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
}

impl OwnPolicy for SeeOwnClientsInPortal {
    type Api = PortalApi;
    type Scopes = Portal;
    const ACTION: SystemResourceAction = SystemResourceAction::Read;
}

impl OwnPolicy for GiveUpOwnClientsInPortal {
    type Api = PortalApi;
    type Scopes = Portal;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
}

/// A person or a system user that acts for itself. No policy is asked; a person who changes something
/// needs the level that every change needs.
#[derive(Debug, Clone)]
pub struct SelfCaller<P> {
    /// Who calls.
    pub by: ActingParty,
    policy: PhantomData<P>,
}

impl<P: OwnPolicy, S: Send + Sync> FromRequestParts<S> for SelfCaller<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let permissions = Permissions::from_ref(state);
        let accepted = P::Scopes::ACCEPTED;
        let without_scope = ApiError::InsufficientScope(accepted);
        let wrong_shape = ApiError::Status(StatusCode::UNAUTHORIZED);
        let call =
            AccessCall::of::<P::Api>(parts, &permissions, accepted, without_scope, wrong_shape)
                .await?;
        if !call.caller.has_level_for(P::ACTION) {
            return Err(FORBIDDEN);
        }
        Ok(Self {
            by: call.acting(&permissions).await?,
            policy: PhantomData,
        })
    }
}

/// What an access manager does.
pub trait AccessPolicy: Send + Sync + 'static {
    /// Where it is done.
    type Api: FrontApi;
    /// Action on the resource that guards access management.
    const ACTION: SystemResourceAction;
    /// Scopes of which one is needed for what the party gave others.
    type ToOthers: ScopePolicy;
    /// Scopes of which one is needed for what others gave the party; none where the party gives.
    type FromOthers: ScopePolicy;
    /// Which of both the call is about.
    const DIRECTION: DirectionRule;
    /// Where the call names the party.
    const PARTY: PartyParameter = PartyParameter::Query;
}

/// Where a call names the party for which access is managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyParameter {
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
    type Api = PortalApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
    const PARTY: PartyParameter = PartyParameter::From;
}

impl AccessPolicy for RemoveAccessInPortal {
    type Api = PortalApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for GiveAccessOfPathParty {
    type Api = PortalApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
    const PARTY: PartyParameter = PartyParameter::Path;
}

impl AccessPolicy for ReadAccessInPortal {
    type Api = PortalApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Read;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for GiveAccessInPortal {
    type Api = PortalApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
    type ToOthers = Portal;
    type FromOthers = Portal;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
}

impl AccessPolicy for ReadAccess {
    type Api = EndUserApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Read;
    type ToOthers = ToOthersRead;
    type FromOthers = FromOthersRead;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for RemoveAccess {
    type Api = EndUserApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
    type ToOthers = ToOthersWrite;
    type FromOthers = FromOthersWrite;
    const DIRECTION: DirectionRule = DirectionRule::ByQuery;
}

impl AccessPolicy for GiveAccess {
    type Api = EndUserApi;
    const ACTION: SystemResourceAction = SystemResourceAction::Write;
    type ToOthers = ToOthersWrite;
    type FromOthers = ToOthersWrite;
    const DIRECTION: DirectionRule = DirectionRule::ToOthers;
}

/// A caller that manages access for the party of the query (`party`).
#[derive(Debug, Clone)]
pub struct AccessManagerCaller<P> {
    /// Who calls.
    pub by: ActingParty,
    /// The party.
    pub party: Party,
    /// What the party gave others is asked about; else what others gave the party.
    pub is_giver: bool,
    policy: PhantomData<P>,
}

/// As [`AccessManagerCaller`], of a call that is answered too when the party is neither end that it names.
#[derive(Debug, Clone)]
pub struct ManagingAnyEnd<P> {
    by: ActingParty,
    party: Party,
    ends: QueryEnds,
    policy: PhantomData<P>,
}

/// The ends that the query names in the same words as the party.
#[derive(Debug, Clone, Copy)]
struct QueryEnds {
    from: bool,
    to: bool,
}

impl QueryEnds {
    /// Of a call that may look in both directions.
    const BOTH: Self = Self {
        from: true,
        to: true,
    };

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

    const fn has_any(self) -> bool {
        self.from || self.to
    }

    /// The scopes of which one is needed for these ends.
    fn accepted<P: AccessPolicy>(self) -> Vec<&'static str> {
        let mut accepted = Vec::new();
        if P::DIRECTION == DirectionRule::ToOthers || self.from {
            accepted.extend_from_slice(P::ToOthers::ACCEPTED);
        }
        if P::DIRECTION == DirectionRule::ByQuery && self.to {
            accepted.extend_from_slice(P::FromOthers::ACCEPTED);
        }
        accepted.sort_unstable();
        accepted.dedup();
        accepted
    }
}

impl<P: AccessPolicy> ManagingAnyEnd<P> {
    /// The caller, with one of the scopes of these ends, for the party that it may act for.
    async fn permitted<S: Send + Sync>(
        parts: &mut Parts,
        state: &S,
        accepted: QueryEnds,
    ) -> ApiResult<Self>
    where
        Permissions: FromRef<S>,
    {
        let permissions = Permissions::from_ref(state);
        let query = query_of(parts);
        let accepted = accepted.accepted::<P>();
        let call =
            AccessCall::of::<P::Api>(parts, &permissions, &accepted, FORBIDDEN, FORBIDDEN).await?;
        let resource = SystemResource::AccessManagement;
        let party = match P::PARTY {
            PartyParameter::Query => uuid_in(&query, "party"),
            PartyParameter::From => uuid_in(&query, "from"),
            PartyParameter::Path => {
                let values = PathValues::from_request_parts(parts, state).await?;
                Some(values.uuid("partyUuid")?)
            }
        };
        let party = permissions
            .permitted_party(&call.caller, P::ACTION, resource, party)
            .await?;
        Ok(Self {
            by: call.acting(&permissions).await?,
            party,
            ends: QueryEnds::of(&query),
            policy: PhantomData,
        })
    }

    /// The caller, when the party is one of the ends, or gives.
    ///
    /// # Errors
    /// 403: neither, or the other end asks for what a person was given.
    pub fn of_an_end(self) -> ApiResult<AccessManagerCaller<P>> {
        let is_by_query = P::DIRECTION == DirectionRule::ByQuery;
        // What a person was given is seen and given back by that person alone.
        let is_of_person = is_by_query
            && self.ends.to
            && self.party.kind == PartyKind::Person
            && self.party.uuid != self.by.party.uuid;
        if is_of_person || is_by_query && !self.ends.has_any() {
            return Err(FORBIDDEN);
        }
        Ok(AccessManagerCaller {
            by: self.by,
            party: self.party,
            is_giver: !is_by_query || self.ends.from,
            policy: PhantomData,
        })
    }
}

impl<P: AccessPolicy, S: Send + Sync> FromRequestParts<S> for AccessManagerCaller<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let ends = QueryEnds::of(&query_of(parts));
        ManagingAnyEnd::<P>::permitted(parts, state, ends)
            .await?
            .of_an_end()
    }
}

impl<P: AccessPolicy, S: Send + Sync> FromRequestParts<S> for ManagingAnyEnd<P>
where
    Permissions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let ends = QueryEnds::of(&query_of(parts));
        // Where no end says in which direction the call looks, either will do.
        let accepted = if ends.has_any() {
            ends
        } else {
            QueryEnds::BOTH
        };
        Self::permitted(parts, state, accepted).await
    }
}

impl<P: ClientPolicy> DescribeInput for FacilitatorCaller<P> {
    fn describe(operation: &mut Operation) {
        describe_callers::<P::Api>(operation, P::Scopes::ACCEPTED);
    }
}

impl<P: OwnPolicy> DescribeInput for SelfCaller<P> {
    fn describe(operation: &mut Operation) {
        // A token of a shape that the API does not take.
        describe::answer_problem(operation, 401);
        describe_callers::<P::Api>(operation, P::Scopes::ACCEPTED);
    }
}

impl<P: AccessPolicy> DescribeInput for AccessManagerCaller<P> {
    fn describe(operation: &mut Operation) {
        describe_callers::<P::Api>(operation, &QueryEnds::BOTH.accepted::<P>());
    }
}

impl<P: AccessPolicy> DescribeInput for ManagingAnyEnd<P> {
    fn describe(operation: &mut Operation) {
        AccessManagerCaller::<P>::describe(operation);
    }
}
