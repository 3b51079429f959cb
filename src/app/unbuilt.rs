//! Routes of the public contract that are not built yet. They answer 404 with a problem, so that a
//! client can distinguish "not here" from a typing error. A route leaves this list in the change
//! that builds it.

use axum::{Router, routing::any};
use http::StatusCode;

use foundation::http::ApiError;

const A: &str = "/authentication/api/v1";

/// Templates below `/authentication/api/v1`.
const AUTHENTICATION: &[&str] = &["/openid/authorize", "/openid/token", "/openid/logout"];

/// Whole templates elsewhere.
const ELSEWHERE: &[&str] = &["/vendor", "/vendor/{*rest}", "/operator"];

/// Every template of the list.
pub fn templates() -> impl Iterator<Item = String> {
    AUTHENTICATION
        .iter()
        .map(|t| format!("{A}{t}"))
        .chain(ELSEWHERE.iter().map(|t| (*t).to_owned()))
}

/// Routes that answer 404 with a problem.
pub fn router(templates: &[String]) -> Router {
    templates.iter().fold(Router::new(), |router, template| {
        router.route(
            template,
            any(async || ApiError::Status(StatusCode::NOT_FOUND)),
        )
    })
}
