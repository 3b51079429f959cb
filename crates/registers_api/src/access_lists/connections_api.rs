//! Resources that a list is connected to.

use std::collections::BTreeSet;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use foundation::{
    audit::Action,
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, RegistryProblem,
        body::{self, JsonBytes},
        paging::{self, Links, Paginated, encoded},
        path::PathValues,
        query::Query,
    },
};
use http::{HeaderMap, StatusCode};
use registers::access_lists::{self, AccessList, AccessListConnection};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    access::{
        AccessListReader, AccessListWriter, is_owner, lock_list, read_list, readable, record,
        writable,
    },
    conditions::{ConditionResult, RequestConditions, version_headers},
    model::{AccessListConnectionDto, VersionedPlace, must_be_small, wrong},
};
use crate::resources::ResourceRegistry;

/// What a connection opens.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"actionFilters": ["read"]}))]
pub struct NewConnection {
    /// Actions, compared exactly. Null, missing or empty: every action.
    #[schema(nullable)]
    action_filters: Vec<String>,
}

impl NewConnection {
    fn bind(bytes: &[u8]) -> ApiResult<Self> {
        must_be_small(bytes)?;
        let value = body::parse(bytes, "model")?;
        let wrong = |path: &str| wrong("model", path);
        let members = value.as_object().ok_or_else(|| wrong("$"))?;
        let given = members
            .iter()
            .rev()
            .find(|(name, _)| name.eq_ignore_ascii_case("actionFilters"))
            .map(|(_, value)| value);
        let actions: BTreeSet<String> = match given {
            None | Some(Value::Null) => BTreeSet::new(),
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    item.as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| wrong(&format!("$.actionFilters[{index}]")))
                })
                .collect::<ApiResult<_>>()?,
            Some(_) => return Err(wrong("$.actionFilters")),
        };
        Ok(Self {
            action_filters: actions.into_iter().collect(),
        })
    }
}

fn one(list: &AccessList, connection: AccessListConnection) -> Response {
    let dto = AccessListConnectionDto::from(connection);
    (version_headers(list), Json(dto)).into_response()
}

/// Resources that a list is connected to, by identifier.
#[utoipa::path(get, operation_id = "listAccessListConnections", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/resource-connections", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path), ("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = Paginated<AccessListConnectionDto>), (status = 304, description = "The caller has this version"),
        (status = 400, description = "`RR.VLD-00010`, or a token or condition that cannot be read"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing, or the list is another owner's"), (status = 404, description = "No such list"),
        (status = 412, description = "A condition does not hold, or the list has changed since the first page")))]
pub async fn connections(
    State(registry): State<ResourceRegistry>,
    reader: AccessListReader,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut db = registry.db.acquire().await?;
    let owner = readable(&mut db, &reader, &path).await?;
    let place: Option<VersionedPlace<String>> = paging::key(&query)?;
    let conditions = RequestConditions::read(&headers, "requestConditions")?;
    let (list, verdict) = read_list(&mut db, &owner, &path, &conditions).await?;
    if place.as_ref().is_some_and(|p| p.version != list.version) {
        return Err(ApiError::Status(StatusCode::PRECONDITION_FAILED));
    }
    if verdict == ConditionResult::Unmodified {
        return Ok((StatusCode::NOT_MODIFIED, version_headers(&list)).into_response());
    }
    let from = place.map(|p| p.from);
    let size = registry.config.settings.accesslists.large_page_size;
    let limit = i64::try_from(size + 1).ok();
    let mut found = access_lists::connections(&mut db, list.key, from.as_deref(), limit).await?;
    let further = (found.len() > size).then(|| found.pop()).flatten();
    let next = further.map(|connection| {
        let token = paging::token(&VersionedPlace {
            version: list.version,
            from: connection.resource,
        });
        format!(
            "{}/resourceregistry/api/v1/access-lists/{}/{}/resource-connections?token={token}",
            registry.address.called(&headers),
            encoded(&list.owner),
            encoded(&list.identifier)
        )
    });
    let data: Vec<AccessListConnectionDto> = found.into_iter().map(Into::into).collect();
    let page = Paginated {
        links: Links { next },
        data,
    };
    Ok((version_headers(&list), Json(page)).into_response())
}

/// Connects a list to a resource, or changes what the connection opens.
#[utoipa::path(put, operation_id = "putAccessListConnection", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/resource-connections/{resourceIdentifier}", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path), ("resourceIdentifier" = String, Path)), request_body = NewConnection,
    responses((status = 200, body = AccessListConnectionDto, description = "Connected, changed, or as it was"),
        (status = 400, description = "`RR.VLD-00010`, `RR-00002` for an unknown resource, or a body or condition that cannot be read"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, the list is another owner's, or (`RR-00004`) the resource is"),
        (status = 404, description = "No such list"), (status = 412, description = "A condition does not hold"),
        (status = 413, description = "The body is too large"), (status = 415, description = "Not JSON")))]
pub async fn put_connection(
    State(registry): State<ResourceRegistry>,
    writer: AccessListWriter,
    path: PathValues,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let owner = writable(&mut *registry.db.acquire().await?, &writer, &path).await?;
    let conditions = RequestConditions::read(&headers, "conditions")?;
    let new = NewConnection::bind(&bytes)?;
    let resource = path.get("resourceIdentifier");
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        must_own_resource(&mut tx, &writer, resource).await?;
        let list = lock_list(&mut tx, &owner, &path, &conditions).await?;
        let stored = access_lists::connection(&mut tx, list.key, resource).await?;
        if let Some(stored) = &stored
            && is_same(&stored.action_filters, &new.action_filters)
        {
            return Ok(one(&list, stored.clone()));
        }
        let connection =
            access_lists::put_connection(&mut tx, list.key, resource, &new.action_filters).await?;
        let change = if stored.is_some() { "changed" } else { "added" };
        let list = changed(&mut tx, &list, &connection, change).await?;
        foundation::db::commit(tx).await?;
        Ok(one(&list, connection))
    })
    .await
}

/// Filters are a set.
fn is_same(some: &[String], others: &[String]) -> bool {
    some.iter().collect::<BTreeSet<_>>() == others.iter().collect::<BTreeSet<_>>()
}

/// The list after a change of a connection, which is recorded.
async fn changed(
    tx: &mut PgConnection,
    list: &AccessList,
    connection: &AccessListConnection,
    change: &str,
) -> ApiResult<AccessList> {
    let list = access_lists::touch(&mut *tx, list.key).await?;
    let detail = json!({
        "change": change, "resource": connection.resource, "actionFilters": connection.action_filters,
    });
    record(tx, Action::AccessListConnectionChanged, &list, Some(detail)).await?;
    Ok(list)
}

async fn must_own_resource(
    tx: &mut PgConnection,
    writer: &AccessListWriter,
    resource: &str,
) -> ApiResult<()> {
    let (code, number) = access_lists::resource_owner(&mut *tx, resource)
        .await?
        .ok_or(RegistryProblem::ResourcesNotFound)?;
    if code.is_empty() && number.is_empty() {
        return Err(ApiError::Status(StatusCode::NOT_FOUND));
    }
    let number = Some(number.as_str()).filter(|_| code.is_empty());
    if writer.is_admin() || is_owner(tx, writer, &code, number).await? {
        Ok(())
    } else {
        Err(RegistryProblem::ForeignResource.into())
    }
}

/// Ends the connection of a list to a resource.
#[utoipa::path(delete, operation_id = "deleteAccessListConnection", path = "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/resource-connections/{resourceIdentifier}", tag = "Service owner",
    params(("owner" = String, Path), ("identifier" = String, Path), ("resourceIdentifier" = String, Path)),
    responses((status = 200, body = AccessListConnectionDto, description = "As it was last"), (status = 204, description = "There was none"),
        (status = 400, description = "`RR.VLD-00010`, or a condition that cannot be read"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing, or the list is another owner's"), (status = 404, description = "No such list"),
        (status = 412, description = "A condition does not hold")))]
pub async fn delete_connection(
    State(registry): State<ResourceRegistry>,
    writer: AccessListWriter,
    path: PathValues,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let owner = writable(&mut *registry.db.acquire().await?, &writer, &path).await?;
    let conditions = RequestConditions::read(&headers, "conditions")?;
    let resource = path.get("resourceIdentifier");
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let list = lock_list(&mut tx, &owner, &path, &conditions).await?;
        let Some(connection) = access_lists::connection(&mut tx, list.key, resource).await? else {
            return Ok(StatusCode::NO_CONTENT.into_response());
        };
        access_lists::delete_connection(&mut tx, list.key, resource).await?;
        let list = changed(&mut tx, &list, &connection, "removed").await?;
        foundation::db::commit(tx).await?;
        Ok(one(&list, connection))
    })
    .await
}
