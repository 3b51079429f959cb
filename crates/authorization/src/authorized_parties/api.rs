//! `/accessmanagement/api/v1/{resourceowner,enduser}/authorizedparties`.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt as _;
use http::header::CONTENT_TYPE;
use sqlx::{PgConnection, Postgres, pool::PoolConnection};

use super::PartyLists;
use super::{
    bind::{bind_include, bind_question},
    model::{AuthorizedParty, AuthorizedPartyList, Include, Leads, Question},
    rules::Assembly,
    store,
};
use crate::bodies::{AuthorizedPartiesBody, Reach};
use crate::{
    callers::{PersonOrSystemUser, Scoped},
    live_system_users,
};
use foundation::{
    http::{
        ApiError, ApiResult, ModelState,
        body::{self, JsonBytes},
        list_stream::{self, Broken, ListWriter},
        query::Query,
    },
    token::{
        Shape as TokenShape,
        scopes::{AUTHORIZED_PARTIES_ADMIN, AuthorizedParties, AuthorizedPartiesOfOwner},
    },
};
use registers::parties::{self, Party, PartyKind, PartyRef};

type Owner = Scoped<AuthorizedPartiesOfOwner>;

/// Whom a subject may act for, for a service owner who asks.
#[utoipa::path(post, operation_id = "listAuthorizedPartiesForResourceOwner", path = "/accessmanagement/api/v1/resourceowner/authorizedparties", tag = "Service owner",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<Reach>), Query),
        ("includeSubParties" = inline(Option<Reach>), Query), ("includeInactiveParties" = inline(Option<Reach>), Query),
        ("orgCode" = Option<String>, Query),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    request_body = AuthorizedPartiesBody,
    responses((status = 200, body = Vec<AuthorizedParty>), (status = 400, description = "The subject cannot be read, or another owner's code"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn for_resource_owner(
    State(lists): State<PartyLists>,
    owner: Owner,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    ask(lists, owner, query, &bytes).await
}

/// The same under its newer name.
#[utoipa::path(post, operation_id = "listAuthorizedPartiesForServiceOwner", path = "/accessmanagement/api/v1/serviceowner/authorizedparties", tag = "Service owner",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<Reach>), Query),
        ("includeSubParties" = inline(Option<Reach>), Query), ("includeInactiveParties" = inline(Option<Reach>), Query),
        ("orgCode" = Option<String>, Query),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    request_body = AuthorizedPartiesBody,
    responses((status = 200, body = Vec<AuthorizedParty>), (status = 400, description = "The subject cannot be read, or another owner's code"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn for_service_owner(
    State(lists): State<PartyLists>,
    owner: Owner,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    ask(lists, owner, query, &bytes).await
}

async fn ask(lists: PartyLists, owner: Owner, query: Query, bytes: &[u8]) -> ApiResult<Response> {
    let question = bind_question(&body::parse(bytes, "subject")?)?;
    let include = bind_include(&query, true)?;
    let mut db = lists.db.acquire().await?;
    if let Some(code) = query
        .get("orgCode")
        .map(str::trim)
        .filter(|c| !c.is_empty())
    {
        must_be_own(&mut db, &owner, code).await?;
    }
    let leads = leads(&mut db, &query).await?;
    answer(lists, db, question, include, leads, Shape::Bare).await
}

/// An owner asks about his own resources; with the admin scope, about those of all.
async fn must_be_own(db: &mut PgConnection, owner: &Owner, code: &str) -> ApiResult<()> {
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
async fn leads(db: &mut PgConnection, query: &Query) -> ApiResult<Option<Leads>> {
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
    Ok(Some(Leads {
        resources: resources.into_iter().collect(),
        subjects: subjects.into_iter().collect(),
    }))
}

/// Whom the caller itself may act for: the system user of its token, or the person.
#[utoipa::path(get, operation_id = "listOwnAuthorizedParties", path = "/accessmanagement/api/v1/enduser/authorizedparties", tag = "Customer",
    params(("includeRoles" = Option<bool>, Query), ("includeAccessPackages" = Option<bool>, Query), ("includeResources" = Option<bool>, Query),
        ("includeInstances" = Option<bool>, Query), ("includePartiesViaKeyRoles" = inline(Option<Reach>), Query),
        ("includeSubParties" = inline(Option<Reach>), Query), ("includeInactiveParties" = inline(Option<Reach>), Query),
        ("anyOfResourceIds" = Option<Vec<String>>, Query)),
    responses((status = 200, body = AuthorizedPartyList), (status = 400, description = "A flag is no flag"),
        (status = 401, description = "No valid token, or one without user and system user"), (status = 403, description = "The scope is missing")))]
pub async fn for_end_user(
    State(lists): State<PartyLists>,
    caller: Scoped<AuthorizedParties>,
    query: Query,
) -> ApiResult<Response> {
    let include = bind_include(&query, false)?;
    let caller = lists
        .authenticator
        .person_or_system_user::<AuthorizedParties>(&caller.caller)
        .await?
        .ok_or(ApiError::Unauthorized(None))?;
    let subject = match &caller {
        PersonOrSystemUser::Person(user) => {
            let person = user.known_person().ok_or(ApiError::Unauthorized(None))?;
            person.0.uuid
        }
        PersonOrSystemUser::SystemUser(user) => user.id,
    };
    let mut db = lists.db.acquire().await?;
    let leads = leads(&mut db, &query).await?;
    answer(
        lists,
        db,
        Question {
            subject: PartyRef::Uuid(subject),
            filter: None,
        },
        include,
        leads,
        Shape::Enveloped,
    )
    .await
}

/// How the list is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Bare,
    Enveloped,
}

impl Shape {
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
    question: Question,
    include: Include,
    leads: Option<Leads>,
    shape: Shape,
) -> ApiResult<Response> {
    let subject = subject(&mut db, &lists, &question.subject).await?;
    let only = match &question.filter {
        None => None,
        Some(names) => Some(parties::keys(&mut db, &lists.identity, names).await?),
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

/// The subject, when it exists and lives.
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
                .is_some_and(|f| f.alive)
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
    include: Include,
    only: Option<Vec<i32>>,
    leads: Option<Leads>,
    mut writer: ListWriter,
) -> Result<ListWriter, Broken> {
    let mut assembly = Assembly::new(
        &lists.catalogue,
        &lists.identity,
        &subject,
        include,
        leads.as_ref(),
    );
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
