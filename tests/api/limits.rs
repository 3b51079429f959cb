//! Limits of requests, each at its edge and one beyond: sizes, time, requests in flight, and rates.

use std::time::Duration;

use foundation::config::{SettingsSource, check, load};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{facts::decision_request, log::SecurityLog, prelude::*};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Answers every caller, and reads a list of texts.
const BY_SUBJECTS: &str = "/resourceregistry/api/v1/resource/bysubjects";
/// Answers every caller.
const SEARCH: &str = "/resourceregistry/api/v1/resource/search";
const HELP: &str = "/accessmanagement/ui/help";
const LOGIN: &str = "/authentication/api/v1/authentication?goto=/accessmanagement/ui/help";
const EXCHANGE: &str = "/authentication/api/v1/exchange/maskinporten";
const LOOKUP_PATH: &str = "/authentication/api/v1/systemuser/byExternalId?clientId=x&systemProviderOrgNo=390198116&systemUserOwnerOrgNo=390326572";

/// Sends bytes and reads the answer to its end.
async fn raw(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.app.running.config.settings.server.listen)
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// Too much for now: a problem with type, title, status and trace id, and when to come back.
#[track_caller]
fn assert_try_later(answer: Answer, status: u16, title: &str) {
    let answer = answer.assert_status(status);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!(seconds >= 1, "{seconds}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let described = match status {
        429 => "rfc6585#section-4",
        503 => "rfc9110#section-15.6.4",
        other => panic!("{other}"),
    };
    let kind = format!("https://tools.ietf.org/html/{described}");
    let problem = json!({"type": kind, "title": title, "status": status});
    assert_eq!(answer.problem(), problem);
}

#[track_caller]
fn assert_too_often(answer: Answer) {
    assert_try_later(answer, 429, "Too Many Requests");
}

#[track_caller]
fn assert_busy(answer: Answer) {
    assert_try_later(answer, 503, "Service Unavailable");
}

// Sizes

#[tokio::test]
async fn a_target_has_8_kib() {
    let world = World::start().await;
    let path = |length: usize| format!("{SEARCH}?x={}", "x".repeat(length - SEARCH.len() - 3));
    world.anonymous().get(&path(8_192)).await.assert_status(200);
    let answer = world.anonymous().get(&path(8_193)).await.assert_status(414);
    assert_eq!(answer.problem()["title"], "URI Too Long");
}

#[tokio::test]
async fn a_request_has_100_headers_of_32_kib_in_all() {
    let world = World::start().await;
    let request = |headers: &str| {
        format!("GET /alive HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
    };
    for (count, expected) in [(98, "200"), (99, "431")] {
        let answer = raw(&world, &request(&"a: b\r\n".repeat(count))).await;
        assert_eq!(status(&answer), expected, "{count}");
    }
    // What is there besides: "host" and "localhost", "connection" and "close", and the name.
    let rest = 4 + 9 + 10 + 5 + 1;
    for (length, expected) in [(32_768 - rest, "200"), (32_769 - rest, "431")] {
        let answer = raw(&world, &request(&format!("a: {}\r\n", "x".repeat(length)))).await;
        assert_eq!(status(&answer), expected, "{length}");
        if expected == "431" {
            assert_problem(&answer, "Request Header Fields Too Large");
        }
    }
}

/// A problem of such a title, also where the server library answers by itself.
#[track_caller]
fn assert_problem(answer: &str, title: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("\r\ncontent-type: application/problem+json"),
        "{head}"
    );
    assert!(
        head.contains("\r\nx-content-type-options: nosniff"),
        "{head}"
    );
    assert!(head.contains("\r\nconnection: close"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["title"], title);
    assert_eq!(body["status"].to_string(), status(answer));
    assert_eq!(body["traceId"].as_str().unwrap().len(), 55);
}

#[tokio::test]
async fn what_cannot_be_read_as_a_request_is_answered_with_a_problem() {
    let world = World::start().await;
    let large = "Request Header Fields Too Large";
    let long = |bytes: usize| format!("X: {}\r\n", "a".repeat(bytes));
    for (request, title) in [
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)),
            large,
        ),
        (format!("GET / HTTP/1.1\r\n{}\r\n", long(70_000)), large),
        // More than the service reads: the answer arrives nevertheless.
        (format!("GET / HTTP/1.1\r\n{}\r\n", long(3_000_000)), large),
        (
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(66_000)),
            "URI Too Long",
        ),
        (
            "GET /al ive HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "Bad Request",
        ),
        (
            "GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(),
            "Bad Request",
        ),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n".to_owned(),
            "Bad Request",
        ),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "Bad Request"),
    ] {
        assert_problem(&raw(&world, &request).await, title);
    }
}

#[tokio::test]
async fn a_json_body_has_256_kib_with_and_without_a_declared_length() {
    let world = World::start().await;
    for (size, expected) in [(262_144, "200"), (262_145, "413")] {
        let body = format!("[{}]", " ".repeat(size - 2));
        let answer = world.anonymous().post_text(BY_SUBJECTS, &body).await;
        assert_eq!(answer.status.to_string(), expected);
        let chunked = format!(
            "POST {BY_SUBJECTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"
        );
        assert_eq!(status(&raw(&world, &chunked).await), expected, "{size}");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_its_caller_is_known() {
    let world = World::start().await;
    for (path, size) in [
        (SYSTEMS, 262_145),
        (AUTHORIZE_PATH, 1_048_577),
        (
            "/resourceregistry/api/v1/resource/x/policy",
            2_097_152 + 65_537,
        ),
    ] {
        let body = " ".repeat(size);
        let answer = world.anonymous().post_text(path, &body).await;
        answer.assert_status(413);
    }
}

#[tokio::test]
async fn a_form_has_16_kib_with_and_without_a_declared_length() {
    let world = World::start().await;
    for (size, expected) in [(16_384, "400"), (16_385, "413")] {
        let body = "x".repeat(size);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            "/authentication/api/v1/logout"
        );
        for request in [
            format!("{head}Content-Length: {size}\r\n\r\n{body}"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"),
        ] {
            let answer = raw(&world, &request).await;
            let is_too_large = status(&answer) == "413";
            assert_eq!(is_too_large, expected == "413", "{size}: {answer}");
        }
    }
}

#[tokio::test]
async fn bodies_come_as_they_are() {
    let world = World::start().await;
    for (encoding, expected) in [("identity", 200), ("gzip", 415), ("identity, gzip", 415)] {
        let caller = world.anonymous().with_header("content-encoding", encoding);
        let answer = caller.post(BY_SUBJECTS, json!([])).await;
        assert_eq!(answer.status, expected, "{encoding}");
    }
    let owner = world.organization(SAV, AUTHORIZE);
    let caller = owner.with_header("content-encoding", "gzip");
    let answer = caller.post(AUTHORIZE_PATH, json!({})).await;
    answer.assert_status(415);
}

#[tokio::test]
async fn json_has_texts_of_16_kib_lists_of_1000_and_a_depth_of_32() {
    let world = World::start().await;
    let nested = |depth: usize| {
        let inner = "[".repeat(depth - 1) + &"]".repeat(depth - 1);
        format!("[{inner}]")
    };
    for (body, sentence) in [
        (json!(["x".repeat(16_384)]).to_string(), None),
        (
            json!(["x".repeat(16_385)]).to_string(),
            Some("A text in the JSON is too long."),
        ),
        (json!(vec!["x"; 1_000]).to_string(), None),
        (
            json!(vec!["x"; 1_001]).to_string(),
            Some("A list in the JSON is too long."),
        ),
        (nested(32), None),
        (nested(33), Some("The JSON is nested too deeply.")),
    ] {
        let answer = world.anonymous().post_text(BY_SUBJECTS, &body).await;
        let found = answer.json()["errors"]["$"][0].as_str().map(str::to_owned);
        match sentence {
            Some(sentence) => assert_eq!(found.as_deref(), Some(sentence)),
            None => assert!(
                !found.is_some_and(|found| found.contains("too ")),
                "{}",
                answer.text
            ),
        }
    }
}

#[tokio::test]
async fn the_limits_of_json_are_settings() {
    let world = World::with(&[
        ("limits.max_json_bytes", "2000"),
        ("limits.max_json_items", "10"),
    ])
    .await;
    let anonymous = world.anonymous();
    anonymous
        .post(BY_SUBJECTS, json!(vec!["x"; 10]))
        .await
        .assert_status(200);
    anonymous
        .post(BY_SUBJECTS, json!(vec!["x"; 11]))
        .await
        .assert_status(400);
    anonymous
        .post_text(BY_SUBJECTS, &format!("[{}]", " ".repeat(2_000)))
        .await
        .assert_status(413);
}

#[tokio::test]
async fn a_system_lists_500_packages() {
    let world = World::start().await;
    let system = |count: usize| {
        let package = json!({"urn": "urn:altinn:accesspackage:lonn"});
        json!({
            "id": "390198116_many",
            "vendor": {"ID": FJORDLONN.identifier()},
            "name": {"en": "a", "nb": "a", "nn": "a"},
            "description": {"en": "a", "nb": "a", "nn": "a"},
            "accessPackages": vec![package; count],
        })
    };
    let keys = |answer: Answer| answer.json()["errors"]["$.accessPackages"].clone();
    assert!(keys(world.fjordlonn().post(SYSTEMS, system(500)).await).is_null());
    assert!(!keys(world.fjordlonn().post(SYSTEMS, system(501)).await).is_null());
}

// Time and requests in flight

/// Time limits of the database that are longer than those of the service.
const LONG_DATABASE_TIMEOUTS: [(&str, &str); 2] = [
    ("database.lock_timeout_s", "60"),
    ("database.statement_timeout_s", "60"),
];

pub(crate) async fn with_long_database_timeouts(extra: &[(&str, &str)]) -> World {
    let settings: Vec<_> = LONG_DATABASE_TIMEOUTS
        .iter()
        .chain(extra)
        .copied()
        .collect();
    World::with(&settings).await
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let world = with_long_database_timeouts(&[("limits.request_timeout_s", "1")]).await;
    let _held = world.app.hold("system").await;
    assert_busy(world.fjordlonn().get(SYSTEMS).await);
}

#[tokio::test]
async fn a_decision_has_a_clock_of_its_own() {
    let world = with_long_database_timeouts(&[("limits.decision_timeout_s", "1")]).await;
    let _held = world.app.hold("party").await;
    let owner = world.organization(SAV, AUTHORIZE);
    let answer = owner.post(AUTHORIZE_PATH, some_question()).await;
    assert_busy(answer);
}

/// The head of a question for a decision, whose body has so many bytes.
async fn head_of_question(world: &World, length: usize) -> String {
    let token = world.organization(SAV, AUTHORIZE).token().await.unwrap();
    format!(
        "POST {AUTHORIZE_PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn the_time_for_a_decision_counts_from_when_its_body_is_there() {
    let world = World::with(&[("limits.decision_timeout_s", "1")]).await;
    let question = some_question().to_string();
    let mut stream = TcpStream::connect(world.app.running.config.settings.server.listen)
        .await
        .unwrap();
    let head = head_of_question(&world, question.len()).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    // Longer than a decision may take, by the clock of the service: the test waits for nothing else.
    for piece in [&question.as_bytes()[..10], &question.as_bytes()[10..]] {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stream.write_all(piece).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(status(&answer), "200", "{answer}");
}

#[tokio::test]
async fn a_decision_whose_body_does_not_come_is_answered_with_408_at_the_clock_of_bodies() {
    let settings = [
        ("limits.decision_timeout_s", "1"),
        ("limits.body_timeout_s", "3"),
    ];
    let world = World::with(&settings).await;
    let began = std::time::Instant::now();
    let head = head_of_question(&world, 100).await;
    let answer = raw(&world, &format!("{head}{{")).await;
    assert_eq!(status(&answer), "408", "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert!(answer.contains("rfc9110#section-15.5.9"), "{answer}");
}

/// A question for several decisions at once: about actions, since equal ones are one.
fn several(count: usize) -> Value {
    let mut question = some_question();
    let request = &mut question["Request"];
    let category = |id: &str, name: &str, value: &str| json!({"Id": id, "Attribute": [{"AttributeId": name, "Value": value}]});
    let action = "urn:oasis:names:tc:xacml:1.0:action:action-id";
    request["Action"] = (0..count)
        .map(|n| category(&format!("a{n}"), action, &format!("read{n}")))
        .collect();
    for (kind, id) in [("AccessSubject", "s"), ("Resource", "r")] {
        request[kind][0]["Id"] = id.into();
    }
    let references = |n: usize| json!({"ReferenceId": ["s", "r", format!("a{n}")]});
    request["MultiRequests"] =
        json!({"RequestReference": (0..count).map(references).collect::<Vec<_>>()});
    question
}

#[tokio::test]
async fn a_call_counts_as_many_as_the_decisions_that_it_asks_for() {
    let world = with_rate("decisions", 10).await;
    let owner = world.organization(SAV, AUTHORIZE);
    let ask = async |count| owner.post(AUTHORIZE_PATH, several(count)).await;
    let first = ask(7).await.assert_status(200);
    assert_eq!(first.json()["response"].as_array().unwrap().len(), 7);
    assert_too_often(ask(4).await);
    // What was refused took one, as every call does.
    ask(2).await.assert_status(200);
    assert_too_often(ask(1).await);
}

#[tokio::test]
async fn a_call_for_more_decisions_than_the_burst_takes_all_of_it() {
    let world = with_rate("decisions", 5).await;
    let owner = world.organization(SAV, AUTHORIZE);
    // The call itself takes the first; the rest is the burst again, which is not there.
    assert_too_often(owner.post(AUTHORIZE_PATH, several(9)).await);
    let world = with_rate_and(
        "decisions",
        5,
        &[
            ("limits.rates.decisions.requests", "1000"),
            ("limits.rates.decisions.per_s", "1"),
        ],
    )
    .await;
    let owner = world.organization(SAV, AUTHORIZE);
    let answered = async {
        while owner.post(AUTHORIZE_PATH, several(9)).await.status == 429 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), answered)
        .await
        .expect("it is answered in the end");
}

#[tokio::test]
async fn a_batch_of_clients_counts_as_many_changes_as_it_names() {
    let world = with_rate("vendor_writes", 5).await;
    let path = format!(
        "/systembruker/api/v1/enduser/systemuser/clients:batch?agent={}",
        TALLKNUSEREN_AGENT.id
    );
    let administrator = world.stian().with_scopes(CLIENTS_WRITE);
    let clients: Vec<String> = (0..4).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    let batch = json!({"action": "add", "clients": clients});
    let first = administrator.post(&path, batch.clone()).await;
    first.assert_status(200);
    assert_too_often(administrator.post(&path, batch).await);
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_is_counted_as_gone() {
    systembruker::app::metrics::install();
    let world = World::start().await;
    let series =
        format!(r#"http_requests_total{{route="{AUTHORIZE_PATH}",method="POST",status="499"}}"#);
    for head in [
        head_of_question(&world, 100).await,
        format!(
            "POST {AUTHORIZE_PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
            world.organization(SAV, AUTHORIZE).token().await.unwrap()
        ),
    ] {
        let count = async || {
            let metrics = world.anonymous().get("/metrics").await.assert_status(200);
            let line = metrics
                .text
                .lines()
                .find_map(|line| line.strip_prefix(&series));
            line.map_or(0, |count| count.trim().parse::<u64>().unwrap())
        };
        let before = count().await;
        let address = world.app.running.config.settings.server.listen;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(format!("{head}{{").as_bytes())
            .await
            .unwrap();
        // It is read so far before the client leaves.
        while world.app.running.awaited.count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(stream);
        let counted = async {
            while count().await == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), counted)
            .await
            .expect("it is counted");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_with_400() {
    let world = World::start().await;
    let token = world.organization(SAV, AUTHORIZE).token().await.unwrap();
    let answer = raw(&world, &format!("POST {AUTHORIZE_PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n")).await;
    assert_eq!(status(&answer), "400", "{answer}");
}

#[tokio::test]
async fn a_long_list_is_not_cut_by_the_clock_of_its_request() {
    let world = World::with(&[("limits.request_timeout_s", "1")]).await;
    let mut stream = TcpStream::connect(world.app.running.config.settings.server.listen)
        .await
        .unwrap();
    stream
        .write_all(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    // The head is there; the rest is read when the clock has run out, which another request shows.
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    let slow = format!(
        "POST {BY_SUBJECTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    );
    assert_eq!(status(&raw(&world, &slow).await), "408");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    let (_, body) = rest.split_once("\r\n\r\n").unwrap();
    assert!(serde_json::from_str::<Value>(body).is_ok());
}

fn some_question() -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", TINDEVANDRER_USER),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", TINDEVANDRER.number),
    )
}

const TINDEVANDRER_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";

#[tokio::test]
async fn portals_and_lists_are_refused_before_decisions() {
    let world = with_long_database_timeouts(&[
        ("limits.max_in_flight", "3"),
        ("limits.max_decisions_in_flight", "1"),
    ])
    .await;
    // What a decision needs is in memory.
    world.app.caught_up().await;
    let owner = world.organization(SAV, AUTHORIZE);
    owner
        .post(AUTHORIZE_PATH, some_question())
        .await
        .assert_status(200);
    let vendor = world.fjordlonn();
    vendor.get(SYSTEMS).await.assert_status(200);
    let mut held = world.app.hold("system").await;
    let meanwhile = async {
        held.wait_for_waiting(2).await;
        assert_busy(vendor.get(SYSTEMS).await);
        assert_busy(world.anonymous().get(HELP).await);
        let decision = owner.post(AUTHORIZE_PATH, some_question()).await;
        decision.assert_status(200);
        world.anonymous().get("/alive").await.assert_status(200);
        held.release().await;
    };
    let waiting = join_all([vendor.get(SYSTEMS), vendor.get(SYSTEMS)]);
    let (waited, ()) = futures::join!(waiting, meanwhile);
    for answer in waited {
        answer.assert_status(200);
    }
    world.anonymous().get(HELP).await.assert_status(200);
}

#[tokio::test]
async fn changes_have_a_limit_of_their_own() {
    let world = with_long_database_timeouts(&[("limits.max_writes_in_flight", "1")]).await;
    let vendor = world.fjordlonn();
    let mut held = world.app.hold("request").await;
    let meanwhile = async {
        held.wait_for_waiting(1).await;
        assert_busy(vendor.post(VENDOR_REQUESTS, json!({})).await);
        vendor.get(SYSTEMS).await.assert_status(200);
        held.release().await;
    };
    let body = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
    let waiting = vendor.post(VENDOR_REQUESTS, body);
    let (waited, ()) = futures::join!(waiting, meanwhile);
    waited.assert_status(201);
    let after = vendor.post(VENDOR_REQUESTS, json!({})).await;
    after.assert_status(400);
}

#[tokio::test]
async fn one_consumer_does_not_take_what_others_need() {
    let world = with_long_database_timeouts(&[("limits.max_consumer_in_flight", "1")]).await;
    let (vendor, other) = (world.fjordlonn(), world.skyregnskap());
    let mut held = world.app.hold("system").await;
    let meanwhile = async {
        held.wait_for_waiting(1).await;
        assert_busy(
            vendor
                .get(&format!("{VENDOR_REQUESTS}/{}", uuid::Uuid::nil()))
                .await,
        );
        let answer = other
            .get(&format!("{VENDOR_REQUESTS}/{}", uuid::Uuid::nil()))
            .await;
        answer.assert_status(404);
        held.release().await;
    };
    let (waited, ()) = futures::join!(vendor.get(SYSTEMS), meanwhile);
    waited.assert_status(200);
    vendor.get(SYSTEMS).await.assert_status(200);
}

#[tokio::test]
async fn a_client_that_leaves_frees_what_its_request_had() {
    let world = with_long_database_timeouts(&[("limits.max_consumer_in_flight", "1")]).await;
    let vendor = world.fjordlonn();
    let token = vendor.token().await.unwrap();
    let mut held = world.app.hold("system").await;
    let unknown = format!("{VENDOR_REQUESTS}/{}", uuid::Uuid::nil());
    for left in 0..3 {
        let mut stream = TcpStream::connect(world.app.running.config.settings.server.listen)
            .await
            .unwrap();
        stream
            .write_all(
                format!("GET {SYSTEMS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
                    .as_bytes(),
            )
            .await
            .unwrap();
        // The database does not learn that the others have left.
        held.wait_for_waiting(left + 1).await;
        vendor.get(&unknown).await.assert_status(503);
        drop(stream);
        let freed = async {
            while vendor.get(&unknown).await.status == 503 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), freed)
            .await
            .expect("its place is free");
    }
}

// Rates

/// Settings with a rate of which nothing flows back during a test.
async fn with_rate(name: &str, burst: u32) -> World {
    with_rate_and(name, burst, &[]).await
}

async fn with_rate_and(name: &str, burst: u32, extra: &[(&str, &str)]) -> World {
    let burst = burst.to_string();
    let keys = ["burst", "requests", "per_s"].map(|member| format!("limits.rates.{name}.{member}"));
    let [key, requests, per_s] = &keys;
    let mut settings = vec![
        ("limits.rates_enabled", "true"),
        (key, &burst),
        (requests, "1"),
        (per_s, "3600"),
    ];
    settings.extend_from_slice(extra);
    World::with(&settings).await
}

#[tokio::test]
async fn a_vendor_reads_and_writes_so_often() {
    for (name, method, status) in [
        ("vendor_reads", Method::GET, 200),
        ("vendor_writes", Method::POST, 400),
    ] {
        let world = with_rate(name, 2).await;
        let call = async |caller: Caller<'_>| match method {
            Method::GET => caller.get(SYSTEMS).await,
            _ => caller.post(SYSTEMS, json!({})).await,
        };
        let caller = |organization| {
            world.organization(organization, &format!("{REGISTER_WRITE} {REQUEST_READ}"))
        };
        for _ in 0..2 {
            call(caller(FJORDLONN)).await.assert_status(status);
        }
        let answer = call(caller(FJORDLONN)).await;
        assert_eq!(answer.header("retry-after"), "3600", "{name}");
        assert_too_often(answer);
        call(caller(SKYREGNSKAP)).await.assert_status(status);
    }
}

#[tokio::test]
async fn a_rate_is_one_of_known_callers() {
    let world = with_rate("vendor_reads", 1).await;
    // A refused caller takes nothing from the vendor.
    for _ in 0..3 {
        let answer = world.bearer("no token").get(SYSTEMS).await;
        answer.assert_unauthorized();
    }
    world.fjordlonn().get(SYSTEMS).await.assert_status(200);
}

#[tokio::test]
async fn decisions_look_ups_and_exchanges_have_rates_of_their_own() {
    let world = with_rate("decisions", 1).await;
    let owner = world.organization(SAV, AUTHORIZE);
    let ask = async || owner.post(AUTHORIZE_PATH, some_question()).await;
    ask().await.assert_status(200);
    assert_too_often(ask().await);
    let evaluation = owner.post("/access/v1/evaluation", json!({})).await;
    assert_too_often(evaluation);

    let world = with_rate("external_id_lookups", 1).await;
    let maskinporten = world.organization(FJORDLONN, LOOKUP);
    maskinporten.get(LOOKUP_PATH).await.assert_status(404);
    assert_too_often(maskinporten.get(LOOKUP_PATH).await);

    let world = with_rate("exchange", 1).await;
    let vendor = world.fjordlonn();
    vendor.get(EXCHANGE).await.assert_status(401);
    assert_too_often(vendor.get(EXCHANGE).await);
}

#[tokio::test]
async fn an_address_asks_so_often_for_what_is_public() {
    let world = with_rate("anonymous", 2).await;
    let anonymous = world.anonymous();
    anonymous.get(SEARCH).await.assert_status(200);
    anonymous
        .post(BY_SUBJECTS, json!([]))
        .await
        .assert_status(200);
    assert_too_often(anonymous.get(SEARCH).await);
    // A credential that is not required does not help either.
    assert_too_often(world.bearer("x").get(SEARCH).await);
    assert_too_often(anonymous.get("/no/such/path").await);
    // Callers and probes are not counted so.
    world.fjordlonn().get(SYSTEMS).await.assert_status(200);
    anonymous.get("/alive").await.assert_status(200);
}

#[tokio::test]
async fn clients_behind_a_proxy_count_by_their_own_addresses() {
    let proxy = [("server.trusted_proxies", "127.0.0.0/8")];
    let world = with_rate_and("anonymous", 1, &proxy).await;
    let search = async |client: &str| {
        let caller = world.anonymous();
        caller
            .with_header("x-forwarded-for", client)
            .get(SEARCH)
            .await
    };
    search("192.0.2.1").await.assert_status(200);
    assert_too_often(search("192.0.2.1").await);
    search("192.0.2.2").await.assert_status(200);
    // A network of IPv6 is one client.
    search("2001:db8::1").await.assert_status(200);
    assert_too_often(search("2001:db8::2").await);
    // A proxy that says nothing is not a client.
    for _ in 0..2 {
        world.anonymous().get(SEARCH).await.assert_status(200);
    }
}

#[tokio::test]
async fn logins_have_a_rate_by_address() {
    let world = with_rate("logins", 2).await;
    for _ in 0..2 {
        world.anonymous().get(LOGIN).await.assert_status(302);
    }
    let callback = "/authentication/api/v1/upstream/callback?code=x&state=y";
    assert_eq!(world.anonymous().get(callback).await.status, 429);
}

#[tokio::test]
async fn an_address_with_refused_credentials_is_slowed_down() {
    let world = with_rate("failed_credentials", 2).await;
    let log = SecurityLog::capture();
    for _ in 0..2 {
        let answer = world.bearer("x").get(SYSTEMS).await;
        answer.assert_unauthorized();
    }
    assert_too_often(world.bearer("x").get(SYSTEMS).await);
    // Once a second, for a minute, whether the next one is good or not.
    let guessing = world.bearer("y");
    let statuses = join_all((0..5).map(|_| guessing.get(SYSTEMS))).await;
    assert!(statuses.iter().all(|answer| answer.status == 429));
    // What needs no credential goes on.
    world.anonymous().get(HELP).await.assert_status(200);
    let events = log.events("rate.limited");
    assert!(!events.is_empty());
    assert_eq!(events[0]["reason"], "failed_credentials", "{events:?}");
    assert_eq!(events[0]["address"], "127.0.0.1");
}

/// A browser with a cookie of a session asks for a page.
async fn browse(world: &World, cookie: &str, method: &Method, path: &str) -> Answer {
    let address = format!("{}{path}", world.app.base);
    let request = world.app.http.request(method.clone(), address);
    Answer::of(request.header("cookie", cookie).send().await.unwrap()).await
}

#[tokio::test]
async fn a_browser_has_rates_for_pages_and_forms() {
    let logout = "/authentication/api/v1/logout";
    for (name, path, method, status) in [
        ("page_reads", HELP, Method::GET, 200),
        ("page_writes", logout, Method::POST, 303),
    ] {
        let world = with_rate(name, 2).await;
        for _ in 0..2 {
            let answer = browse(&world, "sb_session=a", &method, path).await;
            answer.assert_status(status);
        }
        assert_too_often(browse(&world, "a=b; sb_session=a", &method, path).await);
        let other = browse(&world, "sb_session=b", &method, path).await;
        other.assert_status(status);
    }
}

#[tokio::test]
async fn a_browser_that_looks_for_pages_finds_none_for_a_while() {
    let world = with_rate("page_misses", 2).await;
    let get = async |cookie: &str, path: &str| browse(&world, cookie, &Method::GET, path).await;
    let missing = "/accessmanagement/ui/no-such-page";
    for _ in 0..2 {
        get("sb_session=a", missing).await.assert_status(404);
    }
    assert_too_often(get("sb_session=a", missing).await);
    // What is there is not shown either, or a guess would be known from its answer.
    assert_too_often(get("sb_session=a", HELP).await);
    get("sb_session=b", HELP).await.assert_status(200);
}

#[tokio::test]
async fn a_cookie_of_no_session_does_not_help_past_the_limit_of_its_address() {
    let world = with_rate("anonymous", 2).await;
    for session in ["a", "b"] {
        let cookie = format!("sb_session={session}");
        let answer = browse(&world, &cookie, &Method::GET, HELP).await;
        answer.assert_status(200);
    }
    assert_too_often(browse(&world, "sb_session=c", &Method::GET, HELP).await);
}

#[tokio::test]
async fn a_browser_is_refused_with_a_page_in_its_language() {
    let world = with_rate("anonymous", 1).await;
    let browser = || {
        world
            .anonymous()
            .with_header("accept", "text/html")
            .with_header("accept-language", "en")
    };
    browser().get(HELP).await.assert_status(200);
    let refused = browser().get(HELP).await.assert_status(429);
    assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(refused.header("retry-after"), "3600");
    assert_eq!(refused.header("x-sandbox"), "true");
    assert!(
        refused.text.contains("Wait 3600 seconds and try again."),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn a_vendor_has_so_many_open_requests_to_a_customer() {
    let world = World::with(&[("requests.max_open_per_customer", "2")]).await;
    let of_fjordlonn = async |customer, reference: &str| {
        let body = request_for(FJORDLONN_SYSTEM, customer, [A_ORDNING]);
        let body = with(body, "externalRef", json!(reference));
        world.fjordlonn().post(VENDOR_REQUESTS, body).await
    };
    let first = of_fjordlonn(KERAMIKK, "a").await.assert_status(201);
    of_fjordlonn(KERAMIKK, "b").await.assert_status(201);
    assert_too_often(of_fjordlonn(KERAMIKK, "c").await);
    // The same again is no new one, and other customers have requests of their own.
    of_fjordlonn(KERAMIKK, "a").await.assert_status(200);
    of_fjordlonn(TINDEVANDRER, "c").await.assert_status(201);
    // One that is taken back does not count.
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{VENDOR_REQUESTS}/{id}");
    world.fjordlonn().delete(&path).await.assert_status(202);
    of_fjordlonn(KERAMIKK, "c").await.assert_status(201);
}

#[tokio::test]
async fn a_vendor_has_so_many_open_requests_in_all() {
    let world = World::with(&[("requests.max_open_per_vendor", "3")]).await;
    let of_fjordlonn = async |customer| {
        let body = request_for(FJORDLONN_SYSTEM, customer, [A_ORDNING]);
        let body = with(body, "externalRef", json!("new"));
        world.fjordlonn().post(VENDOR_REQUESTS, body).await
    };
    // The universe has one that is open, to Nattergal.
    of_fjordlonn(KERAMIKK).await.assert_status(201);
    of_fjordlonn(TINDEVANDRER).await.assert_status(201);
    assert_too_often(of_fjordlonn(LYNGMARK).await);
}

#[tokio::test]
async fn a_sandbox_has_no_rates_unless_it_is_configured() {
    let world = World::with(&[("limits.rates.anonymous.burst", "1")]).await;
    for _ in 0..3 {
        world.anonymous().get(SEARCH).await.assert_status(200);
    }
    let serve = load(
        SettingsSource::Serve(None),
        &std::collections::HashMap::new(),
        &[],
    )
    .unwrap();
    assert!(serve.limits.rates_enabled);
}

#[tokio::test]
async fn refusals_are_counted_by_limit() {
    systembruker::app::metrics::install();
    let world = with_rate("anonymous", 1).await;
    world.anonymous().get(SEARCH).await.assert_status(200);
    assert_too_often(world.anonymous().get(SEARCH).await);
    let internal = world.app.running.config.settings.server.internal_listen;
    let metrics = world
        .app
        .http
        .get(format!("http://{internal}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("requests_refused_total{limit=\"anonymous\"}"))
        .unwrap_or_else(|| panic!("{metrics}"));
    assert!(!line.ends_with(" 0"), "{line}");
}

#[rstest::rstest]
#[case("max_in_flight", "512", "limits.max_decisions_in_flight")]
#[case("body_timeout_s", "0", "limits.body_timeout_s")]
#[case("max_headers", "101", "limits.max_headers")]
#[case("rates__logins__burst", "0", "limits.rates.logins.burst")]
fn numbers_out_of_range_are_refused(#[case] key: &str, #[case] value: &str, #[case] named: &str) {
    let name = format!("SYSTEMBRUKER__LIMITS__{}", key.to_uppercase());
    let environment = std::iter::once((name, value.to_owned())).collect();
    let wrong = check(load(SettingsSource::Sandbox, &environment, &[]).unwrap()).unwrap_err();
    assert!(wrong.iter().any(|w| w.starts_with(named)), "{wrong:?}");
}

#[tokio::test]
async fn an_answer_that_needs_no_body_arrives_although_the_client_still_sends_one() {
    let world = World::start().await;
    // More than the buffers between a client and the service hold.
    let body = json!({"x": "x".repeat(900 * 1024)}).to_string();
    for _ in 0..10 {
        let request = world
            .app
            .http
            .post(format!("{}/access/v1/evaluation", world.app.base));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
}
