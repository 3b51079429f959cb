//! Lists themselves: reading, making, renaming and deleting them.

use std::collections::HashMap;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use foundation::{
    audit::Action,
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, ModelState, RegistryProblem, ValidationCode,
        body::JsonBytes,
        paging::{self, Links, Paginated, encoded},
        path::PathValues,
        query::Query,
    },
};
use http::{HeaderMap, StatusCode};
use registers::access_lists::{self, AccessList, AccessListConnection};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    access::{
        AccessListReader, AccessListWriter, lock_list, must_hold, read_list, readable, record,
        writable,
    },
    conditions::{ConditionResult, RequestConditions, version_headers},
    model::{AccessListConnectionDto, AccessListDto, NewAccessList},
};
use crate::resources::ResourceRegistry;

/// Most lists that an owner may have.
const MAX_LISTS: i64 = 10_000;

/// What goes with a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct AccessListParts {
    connections: bool,
    actions: bool,
    members: bool,
}

impl AccessListParts {
    fn read(query: &Query) -> Result<Self, ModelState> {
        let mut out = Self::default();
        let words = query
            .all("include")
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty());
        for word in words {
            match word {
                "resources" => out.connections = true,
                "resource-actions" => {
                    out.connections = true;
                    out.actions = true;
                }
                "members" => out.members = true,
                _ => {
                    let shown: String = word.chars().filter(|c| !c.is_control()).take(50).collect();
                    return Err(ModelState::of(
                        "include",
                        format!("Invalid value: '{shown}'"),
                    ));
                }
            }
        }
        Ok(out)
    }

    const fn word(self) -> Option<&'static str> {
        match (self.connections, self.actions) {
            (true, true) => Some("resource-actions"),
            (true, false) => Some("resources"),
            (false, _) => None,
        }
    }

    fn connection(self, connection: AccessListConnection) -> AccessListConnectionDto {
        let mut dto = AccessListConnectionDto::from(connection);
        if !self.actions {
            dto.action_filters.clear();
        }
        dto
    }
}

/// A list with the headers that show its version.
fn one(list: &AccessList, connections: Option<Vec<AccessListConnectionDto>>) -> Response {
    (
        version_headers(list),
        Json(AccessListDto::new(list, connections)),
    )
        .into_response()
}

/// Lists of a service owner, by identifier.
#[utoipa::path(get, operation_id = "listAccessLists", path = "/resourceregistry/api/v1/access-lists/{owner}", tag = "Service owner",
    params(("owner" = String, Path, description = "Code of the service owner, in any letter case"),
        ("token" = Option<String>, Query, description = "From `links.next`"),
        ("include" = Option<String>, Query, description = "`resources` or `resource-actions`: each list with its connection to `resource`, without or with actions"),
        ("resource" = Option<String>, Query, description = "Identifier of a resource, needed by `include`")),
    responses((status = 200, body = Paginated<AccessListDto>),
        (status = 400, description = "`RR.VLD-00010` for an owner that is not registered, `RR.VLD-00002` for `include` without `resource`, or a parameter that cannot be read"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the lists are another owner's"),
        (status = 501, description = "`RR-00000`: members are not included")))]
pub async fn lists(
    State(registry): State<ResourceRegistry>,
    reader: AccessListReader,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<AccessListDto>>> {
    let mut db = registry.db.acquire().await?;
    let owner = readable(&mut db, &reader, &path).await?;
    let from: Option<String> = paging::key(&query)?;
    let include = AccessListParts::read(&query)?;
    if include.members {
        return Err(RegistryProblem::MembersNotIncluded.into());
    }
    let resource = query
        .get("resource")
        .map(str::trim)
        .filter(|r| !r.is_empty());
    if include.connections && resource.is_none() {
        let error = ValidationCode::ResourceNeeded.at_all(&["/$QUERY/include", "/$QUERY/resource"]);
        return Err(ApiError::Validation(vec![error]));
    }
    let size = registry.config.settings.accesslists.page_size;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let mut found = access_lists::lists(&mut db, &owner, from.as_deref(), limit).await?;
    let further = (found.len() > size).then(|| found.pop()).flatten();
    let mut connections = HashMap::new();
    if let Some(resource) = resource.filter(|_| include.connections) {
        let keys: Vec<i32> = found.iter().map(|list| list.key).collect();
        for connection in access_lists::connections_to(&mut db, &keys, resource).await? {
            connections.insert(connection.list, include.connection(connection));
        }
    }
    let next = further.map(|list| {
        let base = registry.address.called(&headers);
        let token = paging::token(&list.identifier);
        let include = include.word().map(|word| format!("&include={word}"));
        let resource = resource.map(|resource| format!("&resource={}", encoded(resource)));
        format!(
            "{base}/resourceregistry/api/v1/access-lists/{}?token={token}{}{}",
            encoded(&owner),
            include.unwrap_or_default(),
            resource.unwrap_or_default()
        )
    });
    let data = found
        .iter()
        .map(|list| {
            let asked = include.connections;
            let own = asked.then(|| connections.remove(&list.key).into_iter().collect());
            AccessListDto::new(list, own)
        })
        .collect();
    Ok(Json(Paginated {
        links: Links { next },
        data,
    }))
}

/// A list. `ETag` and `Last-Modified` show its version.
#[utoipa::path(get, operation_id = "getAccessList", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path),
        ("include" = Option<String>, Query, description = "`resources` or `resource-actions`: with all its connections")),
    responses((status = 200, body = AccessListDto), (status = 304, description = "The caller has this version"),
        (status = 400, description = "`RR.VLD-00010`, or a parameter or condition that cannot be read"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the list is another owner's"),
        (status = 404, description = "No such list"), (status = 412, description = "A condition does not hold")))]
pub async fn list(
    State(registry): State<ResourceRegistry>,
    reader: AccessListReader,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut db = registry.db.acquire().await?;
    let owner = readable(&mut db, &reader, &path).await?;
    let include = AccessListParts::read(&query)?;
    let conditions = RequestConditions::read(&headers, "conditions")?;
    let (list, verdict) = read_list(&mut db, &owner, &path, &conditions).await?;
    if verdict == ConditionResult::Unmodified {
        return Ok((StatusCode::NOT_MODIFIED, version_headers(&list)).into_response());
    }
    let connections = if include.connections {
        let all = access_lists::connections(&mut db, list.key, None, None).await?;
        Some(all.into_iter().map(|c| include.connection(c)).collect())
    } else {
        None
    };
    Ok(one(&list, connections))
}

/// Makes a list, or gives it another name and description.
#[utoipa::path(put, operation_id = "putAccessList", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path)), request_body = NewAccessList,
    responses((status = 200, body = AccessListDto, description = "Made, changed, or as it was"),
        (status = 400, description = "`RR.VLD-00010`, or a body or condition that cannot be read"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the lists are another owner's"),
        (status = 412, description = "A condition does not hold"), (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON")))]
pub async fn put_list(
    State(registry): State<ResourceRegistry>,
    writer: AccessListWriter,
    path: PathValues,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let owner = writable(&mut *registry.db.acquire().await?, &writer, &path).await?;
    let conditions = RequestConditions::read(&headers, "conditions")?;
    let new = NewAccessList::bind(&bytes)?;
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let list = put(&mut tx, &owner, path.get("identifier"), &conditions, &new).await?;
        foundation::db::commit(tx).await?;
        Ok(one(&list, None))
    })
    .await
}

async fn put(
    tx: &mut PgConnection,
    owner: &str,
    identifier: &str,
    conditions: &RequestConditions,
    new: &NewAccessList,
) -> ApiResult<AccessList> {
    let mut found = access_lists::lock(&mut *tx, owner, identifier).await?;
    if found.is_none() {
        if conditions.need_a_list() {
            return Err(ApiError::Status(StatusCode::PRECONDITION_FAILED));
        }
        if access_lists::count(&mut *tx, owner).await? >= MAX_LISTS {
            let sentence = format!("The owner has {MAX_LISTS} lists, which is all there may be.");
            return Err(ModelState::of("identifier", sentence).into());
        }
        let (name, description) = (&new.name, &new.description);
        let made = access_lists::create(&mut *tx, owner, identifier, name, description).await?;
        if let Some(list) = made {
            record(tx, Action::AccessListCreated, &list, None).await?;
            return Ok(list);
        }
        // Another writer made it meanwhile.
        found = access_lists::lock(&mut *tx, owner, identifier).await?;
    }
    let list = found.ok_or(ApiError::Unavailable(1))?;
    must_hold(conditions, &list)?;
    if list.name == new.name && list.description == new.description {
        return Ok(list);
    }
    let list = access_lists::update(&mut *tx, list.key, &new.name, &new.description).await?;
    record(tx, Action::AccessListUpdated, &list, None).await?;
    Ok(list)
}

/// Changes a list by JSON Patch, which is not built.
#[utoipa::path(patch, operation_id = "patchAccessList", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path)),
    responses((status = 400, description = "`RR.VLD-00010`"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing, or the lists are another owner's"), (status = 501, description = "Always")))]
pub async fn patch_list(
    State(registry): State<ResourceRegistry>,
    writer: AccessListWriter,
    path: PathValues,
) -> ApiResult<Response> {
    writable(&mut *registry.db.acquire().await?, &writer, &path).await?;
    Err(ApiError::Status(StatusCode::NOT_IMPLEMENTED))
}

/// Deletes a list with its members and connections.
#[utoipa::path(delete, operation_id = "deleteAccessList", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path)),
    responses((status = 200, body = AccessListDto, description = "As it was last"), (status = 204, description = "There was none"),
        (status = 400, description = "`RR.VLD-00010`, or a condition that cannot be read"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing, or the list is another owner's"), (status = 412, description = "A condition does not hold")))]
pub async fn delete_list(
    State(registry): State<ResourceRegistry>,
    writer: AccessListWriter,
    path: PathValues,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let owner = writable(&mut *registry.db.acquire().await?, &writer, &path).await?;
    let conditions = RequestConditions::read(&headers, "conditions")?;
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let list = match lock_list(&mut tx, &owner, &path, &conditions).await {
            Err(ApiError::Status(StatusCode::NOT_FOUND)) => {
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            found => found?,
        };
        access_lists::delete(&mut tx, list.key).await?;
        record(
            &mut tx,
            Action::AccessListDeleted,
            &list,
            Some(json!({"version": list.version})),
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(one(&list, None))
    })
    .await
}
