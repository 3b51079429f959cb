//! `/authentication/api/v1/systemuser/internal`: how the platform's other parts follow system
//! users.

use axum::extract::State;
use http::{HeaderMap, StatusCode};

use super::SystemUsers;
use super::{
    model::{RegisterSystemUser, StreamStats, SystemUserStream},
    store,
};
use authorization::callers::BackEnd;
use foundation::{
    http::{
        ApiError, ApiResult, Json,
        paging::{self, Links},
        path::PathValues,
        query::Query,
    },
    token::scopes::SystemUserAdmin,
};

const PAGE: i64 = 100;

/// System users in the order of their changes, deleted ones included. A client that follows the
/// last link misses none.
#[utoipa::path(get, operation_id = "streamSystemUsers", path = "/authentication/api/v1/systemuser/internal/systemusers/stream", tag = "Operations",
    params(("token" = Option<String>, Query, description = "From `links.next`")),
    responses((status = 200, body = SystemUserStream), (status = 400), (status = 401), (status = 403)))]
pub async fn stream(
    State(system_users): State<SystemUsers>,
    _: BackEnd<SystemUserAdmin>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<SystemUserStream>> {
    let after = paging::key(&query)?.unwrap_or(0);
    let (end, data) = store::stream(&mut *system_users.db.acquire().await?, after, PAGE).await?;
    let bounds = data
        .first()
        .zip(data.last())
        .map(|(first, last)| (first.sequence_no, last.sequence_no));
    let (page_start, page_end) = bounds.unwrap_or((end, end));
    let next = bounds.map(|(_, last)| {
        format!(
            "{}/authentication/api/v1/systemuser/internal/systemusers/stream?token={}",
            system_users.address.called(&headers),
            paging::token(&last)
        )
    });
    Ok(Json(SystemUserStream {
        stats: StreamStats {
            page_start,
            page_end,
            sequence_max: end,
        },
        links: Links { next },
        data,
    }))
}

/// One active system user.
#[utoipa::path(get, operation_id = "getSystemUserForPlatform", path = "/authentication/api/v1/systemuser/internal/systemusers/{id}", tag = "Operations",
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = RegisterSystemUser), (status = 401), (status = 403), (status = 404, description = "No uuid"),
        (status = 410, description = "Unknown, or deleted")))]
pub async fn read(
    State(system_users): State<SystemUsers>,
    _: BackEnd<SystemUserAdmin>,
    path: PathValues,
) -> ApiResult<Json<RegisterSystemUser>> {
    let id = path
        .uuid("id")
        .map_err(|_| ApiError::Status(StatusCode::NOT_FOUND))?;
    let user = store::registered(&mut *system_users.db.acquire().await?, id).await?;
    user.map(Json).ok_or(ApiError::Status(StatusCode::GONE))
}
