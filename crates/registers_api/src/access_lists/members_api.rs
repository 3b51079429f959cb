//! Members of a list.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use foundation::{
    audit::Action,
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, ModelState, RegistryProblem, ValidationCode,
        body::{self, JsonBytes},
        paging::{self, Links, Paginated, encoded},
        path::PathValues,
        query::Query,
    },
};
use http::{HeaderMap, StatusCode};
use registers::access_lists::{self, AccessList, MemberName};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    access::{
        AccessListReader, AccessListWriter, lock_list, read_list, readable, record, writable,
    },
    conditions::{ConditionResult, RequestConditions, version_headers},
    model::{AccessListMemberDto, AccessListMembersBody, VersionedPlace, must_be_small, wrong},
};
use crate::resources::ResourceRegistry;

/// Most members that one call names.
const MAX_NAMED: usize = 100;

/// What a call does with the members that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberChange {
    Replace,
    Add,
    Remove,
}

impl MemberChange {
    const fn too_many(self) -> ValidationCode {
        match self {
            Self::Replace => ValidationCode::TooManyToReplace,
            Self::Add | Self::Remove => ValidationCode::TooManyToChange,
        }
    }
}

/// A page of members that begins with the first one, or with one of this version of the list.
async fn page(
    registry: &ResourceRegistry,
    db: &mut PgConnection,
    list: &AccessList,
    headers: &HeaderMap,
    from: Option<Uuid>,
) -> ApiResult<Response> {
    let size = registry.config.settings.accesslists.large_page_size;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let mut found = access_lists::members(db, list.key, from, limit).await?;
    let next = (found.len() > size)
        .then(|| found.pop())
        .flatten()
        .map(|member| {
            let token = paging::token(&VersionedPlace {
                version: list.version,
                from: member.party_uuid,
            });
            format!(
                "{}/resourceregistry/api/v1/access-lists/{}/{}/members?token={token}",
                registry.address.called(headers),
                encoded(&list.owner),
                encoded(&list.identifier)
            )
        });
    let data: Vec<AccessListMemberDto> = found.into_iter().map(Into::into).collect();
    let page = Paginated {
        links: Links { next },
        data,
    };
    Ok((version_headers(list), Json(page)).into_response())
}

/// Members of a list, by party uuid. A page after the first is refused when the list has changed.
#[utoipa::path(get, operation_id = "listAccessListMembers", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/members", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path), ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = Paginated<AccessListMemberDto>), (status = 304, description = "The caller has this version"),
        (status = 400, description = "`RR.VLD-00010`, or a token or condition that cannot be read"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing, or the list is another owner's"), (status = 404, description = "No such list"),
        (status = 412, description = "A condition does not hold, or the list has changed since the first page")))]
pub async fn members(
    State(registry): State<ResourceRegistry>,
    reader: AccessListReader,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut db = registry.db.acquire().await?;
    let owner = readable(&mut db, &reader, &path).await?;
    let place: Option<VersionedPlace<Uuid>> = paging::key(&query)?;
    let conditions = RequestConditions::read(&headers, "requestConditions")?;
    let (list, verdict) = read_list(&mut db, &owner, &path, &conditions).await?;
    if place.as_ref().is_some_and(|p| p.version != list.version) {
        return Err(ApiError::Status(StatusCode::PRECONDITION_FAILED));
    }
    if verdict == ConditionResult::Unmodified {
        return Ok((StatusCode::NOT_MODIFIED, version_headers(&list)).into_response());
    }
    page(&registry, &mut db, &list, &headers, place.map(|p| p.from)).await
}

/// The parties that a body names: an object with the one member `data`.
fn named(bytes: &[u8], change: MemberChange) -> ApiResult<Vec<MemberName>> {
    must_be_small(bytes)?;
    let value = body::parse(bytes, "members")?;
    let wrong = |path: &str| wrong("members", path);
    let members = value.as_object().ok_or_else(|| wrong("$"))?;
    let items = match members.iter().next() {
        Some((name, Value::Array(items))) if name == "data" && members.len() == 1 => items,
        Some(_) | None => return Err(wrong("$")),
    };
    let names = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            item.as_str()
                .and_then(MemberName::from_urn)
                .ok_or_else(|| wrong(&format!("$.data[{index}]")))
        })
        .collect::<ApiResult<Vec<MemberName>>>()?;
    if names.len() > MAX_NAMED {
        return Err(ApiError::Validation(vec![change.too_many().error()]));
    }
    Ok(names)
}

async fn change(
    registry: &ResourceRegistry,
    writer: &AccessListWriter,
    path: &PathValues,
    headers: &HeaderMap,
    bytes: &[u8],
    change: MemberChange,
) -> ApiResult<Response> {
    let owner = writable(&mut *registry.db.acquire().await?, writer, path).await?;
    let conditions = RequestConditions::read(headers, "conditions")?;
    let names = named(bytes, change)?;
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let mut list = lock_list(&mut tx, &owner, path, &conditions).await?;
        let mut parties = Vec::with_capacity(names.len());
        for party in access_lists::resolve(&mut tx, &names).await? {
            parties.push(party.ok_or(RegistryProblem::PartiesNotFound)?.key);
        }
        let changed = match change {
            MemberChange::Replace => {
                access_lists::replace_members(&mut tx, list.key, &parties).await?
            }
            MemberChange::Add => access_lists::add_members(&mut tx, list.key, &parties).await?,
            MemberChange::Remove => {
                access_lists::remove_members(&mut tx, list.key, &parties).await?
            }
        };
        if !changed.is_empty() {
            if !changed.added.is_empty() {
                check_capacity(&mut tx, list.key).await?;
            }
            list = access_lists::touch(&mut tx, list.key).await?;
            let named =
                |parties: &[Uuid]| parties.iter().take(MAX_NAMED).copied().collect::<Vec<_>>();
            let detail = json!({
                "added": changed.added.len(), "removed": changed.removed.len(),
                "addedParties": named(&changed.added), "removedParties": named(&changed.removed),
            });
            record(
                &mut tx,
                Action::AccessListMembersChanged,
                &list,
                Some(detail),
            )
            .await?;
        }
        let answer = page(registry, &mut tx, &list, headers, None).await?;
        foundation::db::commit(tx).await?;
        Ok(answer)
    })
    .await
}

/// Most members of a list.
const MAX_MEMBERS: i64 = 1_000_000;

async fn check_capacity(tx: &mut PgConnection, list: i32) -> ApiResult<()> {
    if access_lists::is_larger(tx, list, MAX_MEMBERS).await? {
        let sentence = format!("A list has at most {MAX_MEMBERS} members.");
        return Err(ModelState::of("$.data", sentence).into());
    }
    Ok(())
}

macro_rules! member_change {
    ($(#[$doc:meta])* $name:ident ($id:literal), $method:ident, $change:ident) => {
        $(#[$doc])*
        #[utoipa::path($method, operation_id = $id, path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/members", tag = "Service owner",
            params(("owner" = String, Path), ("identifier" = String, Path)),
            request_body = AccessListMembersBody,
            responses((status = 200, body = Paginated<AccessListMemberDto>, description = "The first page"),
                (status = 400, description = "`RR.VLD-00010`, `RR.VLD-00000` or `RR.VLD-00001` for too many, `RR-00001` for an unknown party, or a body or condition that cannot be read"),
                (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the list is another owner's"),
                (status = 404, description = "No such list"), (status = 412, description = "A condition does not hold"),
                (status = 413, description = "The body is too large"), (status = 415, description = "Not JSON")))]
        pub async fn $name(
            State(registry): State<ResourceRegistry>,
            writer: AccessListWriter,
            path: PathValues,
            headers: HeaderMap,
            JsonBytes(bytes): JsonBytes,
        ) -> ApiResult<Response> {
            change(&registry, &writer, &path, &headers, &bytes, MemberChange::$change).await
        }
    };
}

member_change! {
    /// Makes these parties the members of a list.
    replace_members ("replaceAccessListMembers"), put, Replace
}
member_change! {
    /// Adds these parties to a list.
    add_members ("addAccessListMembers"), post, Add
}
member_change! {
    /// Removes these parties from a list.
    remove_members ("removeAccessListMembers"), delete, Remove
}
