//! Metrics as Prometheus reads them: the recorder of the process, what is registered before anything
//! happened, and what is measured from time to time.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use sqlx::{PgConnection, PgPool};

use super::AppState;
use foundation::{
    audit,
    db::DbFault,
    events,
    limits::{InFlight, Limit, RequestClass},
    recovery,
    retention::RetentionClass,
    telemetry::{
        self,
        metrics::{
            AUDIT_UNSEALED_AGE, AUDIT_UNSEALED_ROWS, AUTH_FAILED, BUILD_INFO, CHECKPOINT_AGE,
            CHECKPOINTS_MISSING, DATABASE_ERRORS, DECISION_LOG_WAITING, HTTP_DURATION,
            HTTP_IN_FLIGHT, HTTP_REQUESTS, JOURNAL_AGE, JOURNAL_WAITING, JWKS_AGE, JWKS_FETCHES,
            LOG_LINES_DROPPED, MetricKind, OUTBOX_HIDDEN, OUTBOX_LAG, PDP_CACHE_HITS,
            PDP_DECISIONS, PDP_DURATION, POOL_CONNECTIONS, POOL_MAX, REQUESTS_REFUSED,
            RETENTION_ROWS, RETENTION_SUCCESS, SECURITY_EVENTS, TRANSACTIONS_REPEATED,
        },
        per_thread::{PerThreadMetrics, PerThreadRecorder},
        security::EventName,
    },
    token::{KeySource, TokenRefusal},
};

static METRICS: OnceLock<Metrics> = OnceLock::new();

struct Metrics {
    prometheus: PrometheusHandle,
    per_thread: Arc<PerThreadMetrics>,
    /// Of each instance in the process.
    in_flight: Mutex<Vec<Weak<InFlight>>>,
}

/// Bounds of the buckets for requests, in seconds.
const REQUEST_BUCKETS: [f64; 15] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Bounds of the buckets for decisions, in seconds. Most are taken in memory.
const DECISION_BUCKETS: [f64; 15] = [
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0,
];

/// How often the rows that wait are counted.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(15);
/// How often samples of histograms are put into their buckets when the metrics are not read.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Installs the metrics recorder of the process. A second call does nothing.
pub fn install() {
    if METRICS.get().is_none()
        && let Ok(metrics) = recorder()
    {
        telemetry::metrics::describe();
        Collector::default().describe();
        register();
        let _ = METRICS.set(metrics);
    }
}

fn recorder() -> anyhow::Result<Metrics> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Full(HTTP_DURATION.name.to_owned()),
            &REQUEST_BUCKETS,
        )?
        .set_buckets_for_metric(
            Matcher::Full(PDP_DURATION.name.to_owned()),
            &DECISION_BUCKETS,
        )?
        .build_recorder();
    let prometheus = recorder.handle();
    // What every decision changes.
    let (recorder, per_thread) = PerThreadRecorder::new(
        recorder,
        vec![
            (HTTP_DURATION.name, &REQUEST_BUCKETS),
            (PDP_DURATION.name, &DECISION_BUCKETS),
        ],
        vec![HTTP_REQUESTS.name, PDP_DECISIONS.name, PDP_CACHE_HITS.name],
    );
    metrics::set_global_recorder(recorder).map_err(|_| anyhow::anyhow!("there is a recorder"))?;
    Ok(Metrics {
        prometheus,
        per_thread,
        in_flight: Mutex::default(),
    })
}

impl Metrics {
    /// Brings the numbers up to date.
    fn collect(&self) {
        self.per_thread.collect();
        let mut in_flight = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        in_flight.retain(|one| one.strong_count() > 0);
        for class in RequestClass::ALL {
            let running = in_flight
                .iter()
                .filter_map(Weak::upgrade)
                .map(|one| one.running(class));
            metrics::gauge!(HTTP_IN_FLIGHT.name, "class" => class.wire())
                .set(running.sum::<usize>() as f64);
        }
        self.prometheus.run_upkeep();
    }
}

/// Registers what has no labels, or labels with values that are known beforehand, so that a rate can
/// be computed from the first event on.
fn register() {
    for family in telemetry::metrics::ALL {
        if family.labels.is_empty() {
            match family.kind {
                MetricKind::Counter => metrics::counter!(family.name).absolute(0),
                MetricKind::Gauge => metrics::gauge!(family.name).set(0.0),
                MetricKind::Histogram => drop(metrics::histogram!(family.name)),
            }
        }
    }
    for fault in DbFault::ALL {
        metrics::counter!(DATABASE_ERRORS.name, "fault" => fault.wire()).absolute(0);
        if fault.is_conflict() {
            metrics::counter!(TRANSACTIONS_REPEATED.name, "fault" => fault.wire()).absolute(0);
        }
    }
    for limit in Limit::ALL {
        metrics::counter!(REQUESTS_REFUSED.name, "limit" => limit.wire()).absolute(0);
    }
    for reason in TokenRefusal::ALL {
        metrics::counter!(AUTH_FAILED.name, "reason" => reason.wire()).absolute(0);
    }
    for class in RetentionClass::ALL {
        metrics::counter!(RETENTION_ROWS.name, "class" => class.wire()).absolute(0);
        metrics::gauge!(RETENTION_SUCCESS.name, "class" => class.wire()).set(0.0);
    }
    for event in EventName::ALL {
        metrics::counter!(SECURITY_EVENTS.name, "event" => event.wire()).absolute(0);
    }
}

/// Registers what the state of an instance makes known: issuers, pools, version.
pub fn register_instance(state: &AppState) {
    let profile = state.config.profile().as_str();
    metrics::gauge!(BUILD_INFO.name, "version" => env!("CARGO_PKG_VERSION"), "profile" => profile)
        .set(1.0);
    for issuer in &state.verifier.issuers {
        if let KeySource::Published(client) = &issuer.keys {
            metrics::counter!(JWKS_FETCHES.name, "issuer" => client.issuer().to_owned())
                .absolute(0);
        }
    }
    if let Some(metrics) = METRICS.get() {
        let mut in_flight = metrics
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        in_flight.push(Arc::downgrade(state.guard.in_flight()));
    }
    sample(state);
}

/// Metrics as Prometheus reads them.
pub async fn render() -> Response {
    Collector::default().collect();
    let text = METRICS.get().map(|metrics| {
        metrics.collect();
        metrics.prometheus.render()
    });
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text.unwrap_or_default(),
    )
        .into_response()
}

/// Keeps up what is measured from time to time, until it is dropped.
pub async fn keep_up(state: AppState) {
    let mut ticks = 0_u32;
    let every = BACKLOG_INTERVAL.as_secs() / UPKEEP_INTERVAL.as_secs();
    loop {
        if u64::from(ticks) % every == 0 {
            // Whether the database answers is a metric of its own.
            let _ = count_backlogs(&state).await;
        }
        ticks = ticks.wrapping_add(1);
        sample(&state);
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        if let Some(metrics) = METRICS.get() {
            metrics.collect();
        }
    }
}

/// What can be read without waiting.
fn sample(state: &AppState) {
    sample_pool("requests", &state.db);
    sample_pool("background", &state.background_db);
    for issuer in &state.verifier.issuers {
        if let KeySource::Published(client) = &issuer.keys
            && let Some(age) = client.age()
        {
            metrics::gauge!(JWKS_AGE.name, "issuer" => client.issuer().to_owned())
                .set(age.as_secs_f64());
        }
    }
    metrics::gauge!(DECISION_LOG_WAITING.name).set(state.pdp.log().waiting() as f64);
    let dropped = telemetry::dropped_lines();
    metrics::counter!(LOG_LINES_DROPPED.name).absolute(dropped);
}

fn sample_pool(name: &'static str, pool: &PgPool) {
    let idle = pool.num_idle() as f64;
    let in_use = (f64::from(pool.size()) - idle).max(0.0);
    metrics::gauge!(POOL_CONNECTIONS.name, "pool" => name, "state" => "idle").set(idle);
    metrics::gauge!(POOL_CONNECTIONS.name, "pool" => name, "state" => "in_use").set(in_use);
    let max = pool.options().get_max_connections();
    metrics::gauge!(POOL_MAX.name, "pool" => name).set(f64::from(max));
}

async fn sample_checkpoints(db: &mut PgConnection, checkpoints: &audit::Checkpoints) {
    match audit::checkpoint_file(db, checkpoints).await {
        Ok(file) => {
            metrics::gauge!(CHECKPOINT_AGE.name).set(file.age.as_seconds_f64().max(0.0));
            let is_missing = if file.missing.is_some() { 1.0 } else { 0.0 };
            metrics::gauge!(CHECKPOINTS_MISSING.name).set(is_missing);
            audit::report_checkpoint_file(&file, checkpoints);
        }
        Err(error) => {
            metrics::gauge!(CHECKPOINTS_MISSING.name).set(1.0);
            tracing::warn!(
                error = format!("{error:#}"),
                "the file of checkpoints cannot be looked at"
            );
        }
    }
}

async fn count_backlogs(state: &AppState) -> Result<(), foundation::db::DbError> {
    let mut db = state.background_db.acquire().await?;
    let (rows, since) = audit::unsealed(&mut db).await?;
    let age = since.map_or(0.0, |since| {
        (state.clock.now() - since).as_seconds_f64().max(0.0)
    });
    metrics::gauge!(AUDIT_UNSEALED_ROWS.name).set(rows as f64);
    metrics::gauge!(AUDIT_UNSEALED_AGE.name).set(age);
    if let Some(checkpoints) = state.checkpoints.as_deref()
        && state.recovery.is_complete()
    {
        sample_checkpoints(&mut db, checkpoints).await;
    }
    let hidden = events::hidden(&mut db).await?;
    metrics::gauge!(OUTBOX_HIDDEN.name).set(hidden.messages as f64);
    metrics::gauge!(OUTBOX_LAG.name).set(hidden.age_s);
    if state.recovery.has_journal() {
        let waiting = recovery::waiting(&mut db).await?;
        metrics::gauge!(JOURNAL_WAITING.name).set(waiting.entries as f64);
        metrics::gauge!(JOURNAL_AGE.name).set(waiting.age_s);
    }
    Ok(())
}
