//! `/accessmanagement/api/v1/{resourceowner,enduser}/authorizedparties`, and the lists of a person
//! that older callers ask for.

use axum::{
    extract::{FromRef, FromRequestParts, State},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt as _;
use http::{StatusCode, header::CONTENT_TYPE, request::Parts};
use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use utoipa::openapi::path::Operation;
use uuid::Uuid;

use super::PartyLists;
use super::{
    bind::{bind_include, bind_own_filter, bind_question},
    model::{
        AuthorizedParty, AuthorizedPartyList, IncludeDefault, PartyFilter, PartyListParts,
        PartyListQuestion, ResourceAccessFilter,
    },
    rules::PartyListAssembly,
    store,
};
use crate::bodies::{AuthorizedPartiesBody, ReachInclusion};
use crate::{
    caller_shapes::{self, TokenUser},
    callers::{Caller, PersonOrSystemUser, ScopedCaller},
    live_system_users,
};
use foundation::{
    db::DbError,
    http::{
        ApiError, ApiResult, Json, ModelState,
        body::{self, JsonBytes},
        describe::{self, Credential, DescribeInput, require},
        list_stream::{self, ListError, ListWriter},
        path::PathValues,
        query::Query,
    },
    token::{
        TokenShape,
        scopes::{AUTHORIZED_PARTIES_ADMIN, AuthorizedParties, AuthorizedPartiesOfOwner},
    },
};
use registers::parties::{self, Party, PartyKind, PartyRef};

type AuthorizedPartiesCaller = ScopedCaller<AuthorizedPartiesOfOwner>;

/// Whom a subject may act for, for a service owner who asks.
#[utoipa::path(post, operation_id = "listAuthorizedPartiesForResourceOwner", path = "/accessmanagement/api/v1/resourceowner/authorizedparties", tag = "Service owner",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<ReachInclusion>), Query),
        ("includeSubParties" = inline(Option<ReachInclusion>), Query), ("includeInactiveParties" = inline(Option<ReachInclusion>), Query),
        ("orgCode" = Option<String>, Query),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    request_body = AuthorizedPartiesBody,
    responses((status = 200, body = Vec<AuthorizedParty>), (status = 400, description = "The subject cannot be read, or another owner's code"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn for_resource_owner(
    State(lists): State<PartyLists>,
    owner: AuthorizedPartiesCaller,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    ask(lists, owner, query, &bytes).await
}

/// The same under its newer name.
#[utoipa::path(post, operation_id = "listAuthorizedPartiesForServiceOwner", path = "/accessmanagement/api/v1/serviceowner/authorizedparties", tag = "Service owner",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<ReachInclusion>), Query),
        ("includeSubParties" = inline(Option<ReachInclusion>), Query), ("includeInactiveParties" = inline(Option<ReachInclusion>), Query),
        ("orgCode" = Option<String>, Query),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    request_body = AuthorizedPartiesBody,
    responses((status = 200, body = Vec<AuthorizedParty>), (status = 400, description = "The subject cannot be read, or another owner's code"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn for_service_owner(
    State(lists): State<PartyLists>,
    owner: AuthorizedPartiesCaller,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    ask(lists, owner, query, &bytes).await
}

async fn ask(
    lists: PartyLists,
    owner: AuthorizedPartiesCaller,
    query: Query,
    bytes: &[u8],
) -> ApiResult<Response> {
    let question = bind_question(&body::parse(bytes, "subject")?)?;
    let include = bind_include(&query, IncludeDefault::RolesAndResources)?;
    let mut db = lists.db.acquire().await?;
    if let Some(code) = query
        .get("orgCode")
        .map(str::trim)
        .filter(|c| !c.is_empty())
    {
        must_be_own(&mut db, &owner, code).await?;
    }
    let leads = leads(&mut db, &query).await?;
    answer(lists, db, question, include, leads, PartyListWrapping::Bare).await
}

/// An owner asks about its own resources; with the admin scope, about those of all.
async fn must_be_own(
    db: &mut PgConnection,
    owner: &AuthorizedPartiesCaller,
    code: &str,
) -> ApiResult<()> {
    let principal = &owner.caller.principal;
    let own_code = match &principal.shape {
        TokenShape::Organization(token) => token.org_code.as_deref(),
        TokenShape::SystemUser(token) => token.vendor.org_code.as_deref(),
        TokenShape::Person(_)
        | TokenShape::SelfIdentified(_)
        | TokenShape::EnterpriseUser(_)
        | TokenShape::Bare => None,
    };
    if owner.has_scope(AUTHORIZED_PARTIES_ADMIN)
        || own_code.is_some_and(|own| own.eq_ignore_ascii_case(code))
    {
        return Ok(());
    }
    let own = match principal.organization() {
        Some(number) => parties::service_owner_code(db, number.as_str()).await?,
        None => None,
    };
    if own.is_some_and(|own| own.eq_ignore_ascii_case(code)) {
        Ok(())
    } else {
        Err(ModelState::of("orgCode", "This is the code of another service owner.").into())
    }
}

/// What leads to the resources asked about; none when the question is about everything.
async fn leads(db: &mut PgConnection, query: &Query) -> ApiResult<Option<ResourceAccessFilter>> {
    let org_code = query
        .get("orgCode")
        .map(str::trim)
        .filter(|c| !c.is_empty());
    let any_of: Vec<String> = query
        .all("anyOfResourceIds")
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect();
    if org_code.is_none() && any_of.is_empty() {
        return Ok(None);
    }
    let resources =
        store::resources(&mut *db, org_code, (!any_of.is_empty()).then_some(&any_of)).await?;
    let subjects = store::subjects(db, &resources).await?;
    Ok(Some(ResourceAccessFilter {
        resources: resources.into_iter().collect(),
        subjects: subjects.into_iter().collect(),
    }))
}

/// Whom the caller itself may act for: the system user of its token, or the person.
#[utoipa::path(get, operation_id = "listOwnAuthorizedParties", path = "/accessmanagement/api/v1/enduser/authorizedparties", tag = "Customer",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<ReachInclusion>), Query),
        ("includeSubParties" = inline(Option<ReachInclusion>), Query), ("includeInactiveParties" = inline(Option<ReachInclusion>), Query),
        ("partyFilter" = Option<Vec<uuid::Uuid>>, Query, description = "Only these parties and their main units"),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    responses((status = 200, body = AuthorizedPartyList), (status = 400, description = "A flag is no flag"),
        (status = 401, body = String, content_type = "application/json", description = "No valid token, or one without user and system user"), (status = 403, description = "The scope is missing")))]
pub async fn for_end_user(
    State(lists): State<PartyLists>,
    caller: ScopedCaller<AuthorizedParties>,
    query: Query,
) -> ApiResult<Response> {
    let unknown = || ApiError::JsonText(StatusCode::UNAUTHORIZED, "Unknown user type".to_owned());
    let include = bind_include(&query, IncludeDefault::Nothing)?;
    let caller = lists
        .authenticator
        .access_caller::<AuthorizedParties>(&caller.caller)
        .await?
        .ok_or_else(unknown)?;
    let subject = match &caller {
        PersonOrSystemUser::Person(user) => user.known_person().ok_or_else(unknown)?.0.uuid,
        PersonOrSystemUser::SystemUser(user) => user.id,
    };
    let question = PartyListQuestion {
        subject: PartyRef::Uuid(subject),
        filter: bind_own_filter(&query)?,
    };
    let mut db = lists.db.acquire().await?;
    let leads = leads(&mut db, &query).await?;
    answer(
        lists,
        db,
        question,
        include,
        leads,
        PartyListWrapping::Enveloped,
    )
    .await
}

/// Whom the person may act for, as a bare list: for the platform's own parts.
#[utoipa::path(get, operation_id = "listPartiesOfPerson", path = "/accessmanagement/api/v1/authorizedparties", tag = "Customer",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<ReachInclusion>), Query),
        ("includeSubParties" = inline(Option<ReachInclusion>), Query), ("includeInactiveParties" = inline(Option<ReachInclusion>), Query),
        ("partyFilter" = Option<Vec<uuid::Uuid>>, Query, description = "Only these parties and their main units"),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    responses((status = 200, body = Vec<AuthorizedParty>), (status = 400, description = "A flag is no flag"),
        (status = 401, description = "No valid token, or one that is no person's")))]
pub async fn for_person(
    State(lists): State<PartyLists>,
    CallingPerson(person): CallingPerson,
    query: Query,
) -> ApiResult<Response> {
    let include = bind_include(&query, IncludeDefault::RolesAndResources)?;
    let question = PartyListQuestion {
        subject: PartyRef::Uuid(person),
        filter: bind_own_filter(&query)?,
    };
    let mut db = lists.db.acquire().await?;
    let leads = leads(&mut db, &query).await?;
    answer(lists, db, question, include, leads, PartyListWrapping::Bare).await
}

/// One party that the person may act for.
#[utoipa::path(get, operation_id = "getPartyOfPerson", path = "/accessmanagement/api/v1/authorizedparty/{partyId}", tag = "Customer",
    params(("partyId" = i32, Path), ("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query),
        ("includeResources" = Option<bool>, Query), ("includeInstances" = Option<bool>, Query),
        ("includePartiesViaKeyRoles" = inline(Option<ReachInclusion>), Query),
        ("includeSubParties" = inline(Option<ReachInclusion>), Query), ("includeInactiveParties" = inline(Option<ReachInclusion>), Query)),
    responses((status = 200, body = AuthorizedParty), (status = 400, description = "No party that the person may act for has this id"),
        (status = 401, description = "No valid token, or one that is no person's")))]
pub async fn one_for_person(
    State(lists): State<PartyLists>,
    CallingPerson(person): CallingPerson,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<AuthorizedParty>> {
    const KEY: &str = "InvalidParty";
    let text = path.get("partyId");
    let party_id: i32 = text
        .trim()
        .parse()
        .map_err(|_| ModelState::not_valid("partyId", text))?;
    if party_id == 0 {
        let sentence = "The party id must be a valid non-zero integer";
        return Err(ModelState::of(KEY, sentence).into());
    }
    let include = bind_include(&query, IncludeDefault::RolesAndResources)?;
    let sentence =
        "The party id is either invalid or is not an authorized party for the authenticated user";
    let unauthorized = || ApiError::from(ModelState::of(KEY, sentence));
    let mut db = lists.db.acquire().await?;
    let subject = subject(&mut db, &lists, &PartyRef::Uuid(person))
        .await?
        .ok_or_else(unauthorized)?;
    let only = parties::keys(&mut db, &lists.identity, &[PartyRef::PartyId(party_id)]).await?;
    let mut assembly = lists.assembly(&subject, include, None);
    let mut found = Vec::new();
    let mut rows = store::reach(&mut db, subject.key, include, Some(&only));
    while let Some(row) = rows.try_next().await.map_err(DbError::from)? {
        found.extend(assembly.push(row));
    }
    found.extend(assembly.finish());
    let units = found.iter().flat_map(|unit| &unit.subunits);
    let party = found
        .iter()
        .chain(units)
        .find(|party| {
            party.party_id == Some(party_id) && !party.only_hierarchy_element_with_no_access
        })
        .ok_or_else(unauthorized)?;
    Ok(Json(party.clone()))
}

/// Uuid of the person of a token. Tokens of other shapes, and persons whom the register does not know,
/// are refused with 401 and the framework's body.
pub struct CallingPerson(Uuid);

impl<S: Send + Sync> FromRequestParts<S> for CallingPerson
where
    PartyLists: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let refused = || ApiError::Status(StatusCode::UNAUTHORIZED);
        let authenticator = PartyLists::from_ref(state).authenticator;
        let caller = Caller::from_request_parts(parts, &authenticator).await?;
        let names = match caller_shapes::user(&caller.principal.shape) {
            TokenUser::Person(names, _) => names,
            TokenUser::SelfIdentified(_) | TokenUser::SystemUser(_) | TokenUser::Other => {
                return Err(refused());
            }
        };
        let person = authenticator.person_named(names).await?;
        Ok(Self(person.ok_or_else(refused)?.0.uuid))
    }
}

impl DescribeInput for CallingPerson {
    fn describe(operation: &mut Operation) {
        describe::answer_problem(operation, 401);
        describe::never(operation, 403);
        require(operation, Credential::Person, &[]);
    }
}

impl PartyLists {
    pub(super) fn assembly<'a>(
        &'a self,
        subject: &'a Party,
        include: PartyListParts,
        leads: Option<&'a ResourceAccessFilter>,
    ) -> PartyListAssembly<'a> {
        PartyListAssembly::new(
            &self.catalogue,
            &self.identity,
            subject,
            include,
            self.client_resources,
            leads,
        )
    }
}

/// How the list is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartyListWrapping {
    Bare,
    Enveloped,
}

impl PartyListWrapping {
    const fn ends(self) -> (&'static str, &'static str) {
        match self {
            Self::Bare => ("[", "]"),
            Self::Enveloped => (r#"{"links":{"next":null},"data":["#, "]}"),
        }
    }
}

async fn answer(
    lists: PartyLists,
    mut db: PoolConnection<Postgres>,
    question: PartyListQuestion,
    include: PartyListParts,
    leads: Option<ResourceAccessFilter>,
    shape: PartyListWrapping,
) -> ApiResult<Response> {
    let subject = subject(&mut db, &lists, &question.subject).await?;
    let only = match &question.filter {
        None => None,
        Some(PartyFilter::Only(names)) => {
            Some(parties::keys(&mut db, &lists.identity, names).await?)
        }
        Some(PartyFilter::WithMainUnits(names)) => {
            let mut keys = parties::keys(&mut db, &lists.identity, names).await?;
            keys.extend(store::main_units(&mut db, &keys).await?);
            Some(keys)
        }
    };
    let nothing = leads.as_ref().is_some_and(|l| l.resources.is_empty());
    let json = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    let Some(subject) = subject.filter(|_| !nothing) else {
        let (start, end) = shape.ends();
        return Ok((json, format!("{start}{end}")).into_response());
    };
    let (start, end) = shape.ends();
    list_stream::respond(start.to_owned(), end, |writer| {
        write(lists, db, subject, include, only, leads, writer)
    })
    .await
}

/// The subject, when it exists and is not deleted or deceased.
async fn subject(
    db: &mut PgConnection,
    lists: &PartyLists,
    name: &PartyRef,
) -> ApiResult<Option<Party>> {
    let Some(key) = parties::keys(&mut *db, &lists.identity, std::slice::from_ref(name))
        .await?
        .first()
        .copied()
    else {
        return Ok(None);
    };
    let party = parties::party_by_key(&mut *db, key)
        .await?
        .filter(|p| !p.is_gone());
    Ok(match party {
        Some(party) if party.kind == PartyKind::SystemUser => {
            live_system_users::party_of(db, party.uuid)
                .await?
                .is_some_and(|f| f.is_active)
                .then_some(party)
        }
        other => other,
    })
}

/// Writes the list.
async fn write(
    lists: PartyLists,
    mut db: PoolConnection<Postgres>,
    subject: Party,
    include: PartyListParts,
    only: Option<Vec<i32>>,
    leads: Option<ResourceAccessFilter>,
    mut writer: ListWriter,
) -> Result<ListWriter, ListError> {
    let mut assembly = lists.assembly(&subject, include, leads.as_ref());
    let mut rows = store::reach(&mut db, subject.key, include, only.as_deref());
    while let Some(row) = rows.try_next().await? {
        if let Some(party) = assembly.push(row) {
            writer.put(&party).await?;
        }
    }
    for party in assembly.finish() {
        writer.put(&party).await?;
    }
    Ok(writer)
}
