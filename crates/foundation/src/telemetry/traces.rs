//! Spans of requests and queries, exported by OTLP (HTTP with protobuf) where
//! `telemetry.otlp_endpoint` is set.
//!
//! A span is made when what it describes is over, from times that are measured anyway, with the ids
//! that the answer carries. So nothing of it is on the way of a request, and without an endpoint
//! nothing is done at all.

use std::{
    fmt,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _},
};
use tokio::runtime::Handle;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};
use uuid::Uuid;

use super::metrics::SPAN_EXPORT_FAILURES;
use crate::{clock::Clock, config::Telemetry};

/// How a span of a request is named across services (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanIds {
    /// The trace.
    pub trace: u128,
    /// The span of this hop.
    pub span: u64,
    /// The span of the caller, when it sent one.
    pub parent: Option<u64>,
    /// Whether the caller wants the trace recorded; true when it said nothing.
    pub is_sampled: bool,
}

/// A request to the collector that takes longer is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// What is not sent within this time after the end of the service is lost.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Path of traces below the endpoint.
const TRACES_PATH: &str = "/v1/traces";
/// Target of sqlx's events about statements.
pub(super) const STATEMENTS: &str = "sqlx::query";

/// Sends spans to a collector.
pub struct SpanExport {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    clock: Clock,
    /// The ids of the request that a task works for.
    current: fn() -> Option<SpanIds>,
}

impl fmt::Debug for SpanExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExport").finish_non_exhaustive()
    }
}

/// The export of the process; absent where no endpoint is set. The log is the process's, and so are
/// the spans, which are made from its events.
static EXPORT: OnceLock<SpanExport> = OnceLock::new();

impl SpanExport {
    /// Opens the export that the settings ask for. `current` returns the ids of the request that a
    /// task works for. It must be called within the runtime.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn open(
        settings: &Telemetry,
        clock: &Clock,
        current: fn() -> Option<SpanIds>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &settings.otlp_endpoint else {
            return Ok(None);
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(SEND_TIMEOUT)
            .no_proxy()
            .build()
            .context("building the HTTP client of telemetry.otlp_endpoint")?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(SpanCollector {
                client,
                runtime: Handle::current(),
            })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address(endpoint.as_str()))
            .with_timeout(SEND_TIMEOUT)
            .build()
            .context("telemetry.otlp_endpoint")?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder_empty()
            .with_service_name("systembruker")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new(
                "service.instance.id",
                Uuid::new_v4().to_string(),
            ))
            .build();
        processor.set_resource(&resource);
        Ok(Some(Self {
            processor,
            scope: InstrumentationScope::builder("systembruker").build(),
            clock: clock.clone(),
            current,
        }))
    }

    fn end(&self, span: EndedSpan) {
        let end_time = SystemTime::from(self.clock.now());
        let context = |id: u64| {
            SpanContext::new(
                TraceId::from(span.trace),
                SpanId::from(id),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            )
        };
        self.processor.on_end(SpanData {
            span_context: context(span.id),
            parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from),
            parent_span_is_remote: span.kind == SpanKind::Server,
            span_kind: span.kind,
            name: span.name.into(),
            start_time: end_time.checked_sub(span.took).unwrap_or(end_time),
            end_time,
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.status,
            instrumentation_scope: self.scope.clone(),
        });
    }
}

/// A span that is over.
struct EndedSpan {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    kind: SpanKind,
    name: String,
    took: Duration,
    attributes: Vec<KeyValue>,
    status: Status,
}

/// The address of traces, by the rule of OTLP: below the endpoint, unless it names them itself.
fn address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with(TRACES_PATH) {
        endpoint.to_owned()
    } else {
        format!("{endpoint}{TRACES_PATH}")
    }
}

/// Exports the spans of the process from now on. A second call changes nothing.
pub(super) fn install(export: SpanExport) {
    // A second call finds an export installed.
    let _ = EXPORT.set(export);
}

/// Exports the span of a request that was answered just now. Without an endpoint it does nothing.
pub fn request(ids: SpanIds, method: &'static str, route: &str, status: u16, took: Duration) {
    let Some(export) = EXPORT.get().filter(|_| ids.is_sampled) else {
        return;
    };
    export.end(EndedSpan {
        trace: ids.trace,
        id: ids.span,
        parent: ids.parent,
        kind: SpanKind::Server,
        name: format!("{method} {route}"),
        took,
        attributes: vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ],
        status: if status >= 500 {
            Status::error("")
        } else {
            Status::Unset
        },
    });
}

/// Sends what waits. The last thing before the end.
pub async fn close() {
    let sent = tokio::task::spawn_blocking(|| {
        if let Some(export) = EXPORT.get() {
            // What the collector does not take at the end is lost, and counted.
            let _ = export.processor.shutdown_with_timeout(CLOSE_TIMEOUT);
        }
    });
    // The processor waits no longer than its own time-out.
    let _ = sent.await;
}

/// Makes spans of sqlx's events about statements.
#[derive(Debug)]
pub(super) struct QuerySpans;

impl<S: Subscriber> Layer<S> for QuerySpans {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != STATEMENTS {
            return;
        }
        let Some(export) = EXPORT.get() else {
            return;
        };
        let Some(ids) = (export.current)().filter(|ids| ids.is_sampled) else {
            return;
        };
        let mut statement = TracedStatement::default();
        event.record(&mut statement);
        let (_, id) = Uuid::new_v4().as_u64_pair();
        export.end(statement.ended(ids, id));
    }
}

/// What sqlx reports of a statement. Its text has placeholders in place of values.
#[derive(Debug, Default)]
struct TracedStatement {
    summary: String,
    text: String,
    rows: Option<u64>,
    took: Duration,
}

/// Bytes of a statement that a span carries.
const MAX_TEXT: usize = 4_096;

impl TracedStatement {
    fn ended(self, request: SpanIds, id: u64) -> EndedSpan {
        // A short statement is its own summary.
        let mut text = if self.text.is_empty() {
            self.summary.clone()
        } else {
            self.text.trim().to_owned()
        };
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        let mut attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", text),
        ];
        attributes.extend(
            self.rows
                .and_then(|rows| i64::try_from(rows).ok())
                .map(|rows| KeyValue::new("db.response.returned_rows", rows)),
        );
        EndedSpan {
            trace: request.trace,
            id,
            parent: Some(request.span),
            kind: SpanKind::Client,
            name: self.summary,
            took: self.took,
            attributes,
            status: Status::Unset,
        }
    }
}

impl Visit for TracedStatement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.text),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = Some(value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.took = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The collector, reached by our own HTTP client: the exporter's thread has no runtime.
#[derive(Debug)]
struct SpanCollector {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for SpanCollector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let response = client.execute(request.try_into()?).await?;
            let status = response.status();
            let mut answer = Response::new(response.bytes().await?);
            *answer.status_mut() = status;
            Ok::<_, reqwest::Error>(answer)
        });
        let answer = sent.await.map_err(HttpError::from).and_then(|answer| {
            let answer = answer.map_err(HttpError::from)?;
            if answer.status().is_success() {
                Ok(answer)
            } else {
                Err(format!("the collector answered {}", answer.status()).into())
            }
        });
        if let Err(error) = &answer {
            metrics::counter!(SPAN_EXPORT_FAILURES.name).increment(1);
            tracing::warn!(%error, "spans could not be exported");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn traces_are_below_the_endpoint_unless_it_names_them() {
        assert_eq!(
            address("http://collector:4318/"),
            "http://collector:4318/v1/traces"
        );
        assert_eq!(address("http://c/otlp"), "http://c/otlp/v1/traces");
        assert_eq!(address("http://c/v1/traces"), "http://c/v1/traces");
    }
}
