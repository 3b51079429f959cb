//! Is the process up, and may it be asked?

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use foundation::http::Json;

/// Readiness, with what it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `Healthy` or `Unhealthy`.
    pub status: &'static str,
    /// One entry per check.
    pub checks: Vec<HealthCheck>,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthCheck {
    /// What was looked at.
    pub name: &'static str,
    /// `Healthy` or `Unhealthy`.
    pub status: &'static str,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

const fn word(healthy: bool) -> &'static str {
    if healthy { "Healthy" } else { "Unhealthy" }
}

/// Up: always 200.
#[utoipa::path(get, operation_id = "checkAlive", path = "/alive", tag = "Operations", responses((status = 200, body = String)))]
pub async fn alive() -> Response {
    text(StatusCode::OK, word(true))
}

/// Ready for requests, in words that Altinn's probes understand.
#[utoipa::path(get, operation_id = "checkHealth", path = "/health", tag = "Operations", responses((status = 200, body = String), (status = 503, body = String)))]
pub async fn health(State(state): State<AppState>) -> Response {
    let health = look(&state).await;
    text(status(&health), health.status)
}

/// Ready for requests, check by check.
#[utoipa::path(get, operation_id = "checkReady", path = "/health/ready", tag = "Operations", responses((status = 200, body = Health), (status = 503, body = Health)))]
pub async fn ready(State(state): State<AppState>) -> Response {
    let health = look(&state).await;
    (
        status(&health),
        [(CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        Json(health),
    )
        .into_response()
}

fn status(health: &Health) -> StatusCode {
    if health.status == word(true) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (
        status,
        [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))],
        text,
    )
        .into_response()
}

async fn look(state: &AppState) -> Health {
    let report = state.monitor.check().await;
    let check = |name, healthy| HealthCheck {
        name,
        status: word(healthy),
        ms: 0,
    };
    let database = HealthCheck {
        ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        ..check("database", report.is_reachable)
    };
    let checks = vec![
        database,
        check("migrations", report.is_reachable && report.is_migrated),
        check("clock", report.is_clock_right()),
        check("running", !state.readiness.is_stopping()),
    ];
    Health {
        status: word(checks.iter().all(|c| c.status == word(true))),
        checks,
    }
}
