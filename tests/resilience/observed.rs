//! What an operator sees of a running program: spans at a collector, lines of the log.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Attribute,
    trace::v1::Span,
};
use prost::Message as _;
use secrecy::ExposeSecret as _;
use testkit::postgres::database;

use testkit::database::Database;

use crate::{PROGRAM, Sandbox, free_base_port, support::*};

/// A collector that keeps the spans it gets.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Listens on a port of its own.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let spans = Arc::clone(&collector.0);
        let take = async move |body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).expect("protobuf");
            let found = request
                .resource_spans
                .into_iter()
                .flat_map(|of_resource| of_resource.scope_spans)
                .flat_map(|of_scope| of_scope.spans);
            spans.lock().unwrap().extend(found);
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().clone()
    }
}

/// A text attribute of a span.
fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Attribute::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_a_request_and_its_queries_reach_the_collector() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let (collector, address) = Collector::start().await;
    let database = database().await;
    let dir = home().join("sandbox");
    let port = free_base_port();
    let log = home().join("observed.log");
    let process = Command::new(PROGRAM)
        .args(["sandbox", "--port", &port.to_string(), "--data-dir"])
        .arg(&dir)
        .env("DATABASE_URL", database.expose_secret())
        .env("SYSTEMBRUKER__TELEMETRY__OTLP_ENDPOINT", &address)
        .env("SYSTEMBRUKER__LOG__FORMAT", "json")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .expect("the program starts");
    let mut server = Sandbox { process, port };
    server.ready().await;
    let token = server
        .token(
            "GetEnterpriseToken",
            &[("orgNo", who::FJORDLONN), ("scopes", REQUEST_WRITE)],
        )
        .await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!(
            "{}/authentication/api/v1/systemuser/request/vendor",
            server.base()
        ))
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .header("user-agent", "number 11859024884")
        .bearer_auth(token)
        .json(&request_body(who::KERAMIKK, &["a-ordning"]))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);

    // Stopping sends what waits.
    assert_eq!(server.stop().await, 0);
    let spans: Vec<Span> = collector
        .spans()
        .into_iter()
        .filter(|span| hex(&span.trace_id) == TRACE)
        .collect();
    let request = spans
        .iter()
        .find(|span| hex(&span.parent_span_id) == "b7ad6b7169203331")
        .unwrap_or_else(|| panic!("no span of the request: {spans:#?}"));
    assert_eq!(
        request.name,
        "POST /authentication/api/v1/systemuser/request/vendor"
    );
    let route = attribute(request, "http.route");
    assert_eq!(
        route.as_deref(),
        Some("/authentication/api/v1/systemuser/request/vendor")
    );
    let queries: Vec<&Span> = spans
        .iter()
        .filter(|span| span.parent_span_id == request.span_id)
        .collect();
    let inserts = queries.iter().any(|span| {
        attribute(span, "db.query.text").is_some_and(|text| text.starts_with("insert into request"))
    });
    assert!(inserts, "no span of the insert: {queries:#?}");
    for query in queries {
        assert!(query.start_time_unix_nano + 50_000_000 >= request.start_time_unix_nano);
        assert!(query.end_time_unix_nano <= request.end_time_unix_nano + 50_000_000);
    }

    let written = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> = written
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &serde_json::Value| line["target"] == "access")
        .filter(|line| {
            line["fields"]["trace_id"]
                .as_str()
                .is_some_and(|trace| trace.contains(TRACE))
        })
        .collect();
    assert_eq!(lines.len(), 1, "{written}");
    let fields = &lines[0]["fields"];
    assert_eq!(fields["status"], 201);
    assert_eq!(fields["caller"], "organization");
    assert_eq!(fields["organization"], who::FJORDLONN);
    assert_eq!(fields["user_agent"], "number ***********");
    assert!(fields["duration_ms"].is_number() && fields["bytes"].is_number());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_its_database_names_the_cause() {
    // Nothing listens on the port of a listener that is gone.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let keys = home().join("start");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("index"), "11".repeat(32)).unwrap();
    std::fs::write(keys.join("person"), "22".repeat(32)).unwrap();
    for command in ["migrate", "serve"] {
        let ended = tokio::time::timeout(
            Duration::from_secs(60),
            tokio::process::Command::new(PROGRAM)
                .arg(command)
                .env(
                    "DATABASE_URL",
                    format!("postgresql://sb:x7Qd@127.0.0.1:{port}/sb"),
                )
                .env("SYSTEMBRUKER__SERVER__PROFILE", "test")
                .env(
                    "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL",
                    "https://sb.example",
                )
                .env("SYSTEMBRUKER__KEYS__BLIND_INDEX", keys.join("index"))
                .env("SYSTEMBRUKER__KEYS__PERSON_ID", keys.join("person"))
                .output(),
        );
        let ended = ended.await.expect("it ends").unwrap();
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(3), "{command}: {text}");
        assert!(text.contains("Connection refused"), "{command}: {text}");
        assert!(
            text.contains("is Postgres running there"),
            "{command}: {text}"
        );
        assert!(!text.contains("not up to date"), "{command}: {text}");
        assert!(!text.contains("x7Qd"), "{command}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_privileges_is_named_as_the_cause() {
    let database = database().await;
    let role = format!("poor_{}", std::process::id());
    Database::at(database.clone()).create_role(&role).await;
    let mut url = url::Url::parse(database.expose_secret()).unwrap();
    url.set_username(&role).unwrap();
    let keys = home().join("start");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("index"), "11".repeat(32)).unwrap();
    std::fs::write(keys.join("person"), "22".repeat(32)).unwrap();
    let ended = tokio::process::Command::new(PROGRAM)
        .arg("serve")
        .env("DATABASE_URL", url.as_str())
        .env("SYSTEMBRUKER__SERVER__PROFILE", "test")
        .env("SYSTEMBRUKER__DATABASE__MIGRATE_ON_START", "false")
        .env(
            "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL",
            "https://sb.example",
        )
        .env("SYSTEMBRUKER__KEYS__BLIND_INDEX", keys.join("index"))
        .env("SYSTEMBRUKER__KEYS__PERSON_ID", keys.join("person"))
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&ended.stderr);
    assert!(text.contains("permission denied"), "{text}");
    assert!(text.contains("Grant it"), "{text}");
    assert!(!text.contains("not up to date"), "{text}");
}
