//! What decisions cost over HTTP: beside a bare handler that parses the same body and answers a constant of the same size, with
//! few and many resources, with few and many system users.
//!
//! Service, Postgres and whoever asks share one machine. `LOAD_USERS` and `LOAD_RESOURCES` say how many system users and resources
//! the large case has (100,000 and 2,000 when they are not set); `-- bare`, `-- resources` or `-- users` asks one question. Every comparison alternates its sides in one run: look at the
//! ratios.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark ends there, and tells")]
#![expect(clippy::cast_precision_loss, reason = "rates")]

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::post};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use systembruker::{
    clock::Clock,
    db::cluster::{Cluster, Durability},
    sandbox::{self, Options, Running},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORG: &str = "390367767";
const SYSTEM_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";
const RESOURCE: &str = "inntektsmelding";
const CONNECTIONS: usize = 32;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 5;

/// One keep-alive connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a listener");
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 64 * 1024] }
    }

    /// Sends a request and reads its answer, which must be 200 and contain a text.
    async fn ask(&mut self, request: &[u8], expected: &[u8]) -> usize {
        self.stream.write_all(request).await.unwrap();
        let mut read = 0;
        loop {
            let n = self.stream.read(&mut self.buffer[read..]).await.unwrap();
            assert!(n > 0, "the connection was closed");
            read += n;
            let seen = &self.buffer[..read];
            let Some(head) = memchr::memmem::find(seen, b"\r\n\r\n") else { continue };
            let headers = std::str::from_utf8(&seen[..head]).unwrap().to_ascii_lowercase();
            let length: usize = headers.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
            if read >= head + 4 + length {
                assert!(seen.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(seen));
                assert!(memchr::memmem::find(&seen[head..], expected).is_some(), "{}", String::from_utf8_lossy(seen));
                return length;
            }
        }
    }
}

fn request(path: &str, host: &str, token: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn decision(system_user: &str, resource: &str, org: &str) -> Value {
    let attribute =
        |id: &str, value: &str| json!({"attributeId": id, "value": value, "dataType": "string", "issuer": "Altinn", "includeInResult": false});
    json!({"request": {"returnPolicyIdList": false, "combinedDecision": false, "xPathVersion": null, "category": null,
        "resource": [{"categoryId": null, "id": null, "content": null, "attribute": [
            attribute("urn:altinn:organization:identifier-no", org), attribute("urn:altinn:resource", resource)]}],
        "action": [{"attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write")]}],
        "accessSubject": [{"attribute": [attribute("urn:altinn:systemuser:uuid", system_user)]}],
        "recipientSubject": null, "intermediarySubject": null, "requestingMachine": null, "multiRequests": null}})
}

/// As many requests as it takes for some time, from many connections; how many a second.
async fn flood(address: &str, requests: &Arc<Vec<Vec<u8>>>, expected: &'static [u8], time: Duration) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await);
    }
    let started = Instant::now();
    let workers: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (next, requests) = (Arc::clone(&next), Arc::clone(requests));
            tokio::spawn(async move {
                let mut done = 0_usize;
                while started.elapsed() < time {
                    let at = next.fetch_add(1, Ordering::Relaxed) % requests.len();
                    connection.ask(&requests[at], expected).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    done as f64 / started.elapsed().as_secs_f64()
}

/// Every request once, from many connections.
async fn once(address: &str, requests: &Arc<Vec<Vec<u8>>>) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(address).await;
        let (next, requests) = (Arc::clone(&next), Arc::clone(requests));
        workers.push(tokio::spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                connection.ask(request, b"Permit").await;
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

/// Requests at a steady rate; the time each took from when it was due, sorted.
async fn pace(address: &str, requests: &Arc<Vec<Vec<u8>>>, expected: &'static [u8], rate: f64, time: Duration) -> Vec<Duration> {
    let started = Instant::now();
    let mut workers = Vec::new();
    for worker in 0..CONNECTIONS {
        let mut connection = Connection::open(address).await;
        let requests = Arc::clone(requests);
        workers.push(tokio::spawn(async move {
            let mut took = Vec::new();
            for n in 0.. {
                let due = started + Duration::from_secs_f64((n * CONNECTIONS + worker) as f64 / rate);
                if due > started + time {
                    return took;
                }
                tokio::time::sleep_until(due.into()).await;
                // The timer wakes on whole milliseconds; what it is late by is not the service's.
                let asked = Instant::now();
                connection.ask(&requests[(n * CONNECTIONS + worker) % requests.len()], expected).await;
                took.push(asked.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::new();
    for worker in workers {
        took.extend(worker.await.unwrap());
    }
    took.sort_unstable();
    took
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn percentile(sorted: &[Duration], part: usize) -> Duration {
    sorted[(sorted.len() - 1) * part / 100]
}

struct Load {
    running: Running,
    token: String,
    host: String,
}

impl Load {
    async fn start(cluster: &Cluster, home: &std::path::Path) -> Self {
        let options = Options { port: Some(18_280), data_dir: Some(home.join("sandbox")), fresh: false };
        let environment = HashMap::from([("SYSTEMBRUKER__LOG__LEVEL".to_owned(), "error".to_owned())]);
        let settings = sandbox::settings(&options, &environment).expect("settings");
        let running = sandbox::start(settings, &cluster.url("postgres"), Clock::default(), &ProgressBar::hidden()).await.expect("a sandbox");
        let claims = json!({"iss": running.state.config.own_issuer, "iat": 1_700_000_000, "exp": 4_000_000_000_u32,
            "scope": "altinn:authorization/authorize", "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"}});
        let token = running.state.own_keys.signing_key().sign(&claims, &[]).unwrap();
        let host = running.config.public_base.trim_start_matches("http://").to_owned();
        Self { running, token, host }
    }

    fn request(&self, system_user: &str, resource: &str, org: &str) -> Vec<u8> {
        request("/authorization/api/v1/authorize", &self.host, &self.token, &decision(system_user, resource, org))
    }

    async fn execute(&self, statement: &str) {
        let mut tx = self.running.state.db.begin().await.unwrap();
        sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut *tx).await.expect("a statement");
        tx.commit().await.unwrap();
    }

    async fn rows(&self) -> i64 {
        self.running.state.pdp.log().flush().await;
        sqlx::query_scalar("select count(*) from decision_log").fetch_one(&self.running.state.db).await.unwrap()
    }
}

/// A handler that parses the same body and answers a constant of the same size.
async fn bare(answer: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:18299").await.unwrap();
    let answer = bytes::Bytes::from(answer);
    let handler = post(move |axum::Json(body): axum::Json<Value>| {
        let answer = answer.clone();
        async move {
            std::hint::black_box(body);
            ([(http::header::CONTENT_TYPE, "application/json; charset=utf-8")], answer)
        }
    });
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/authorization/api/v1/authorize", handler)).await });
    "127.0.0.1:18299".to_owned()
}

async fn beside_a_bare_handler(load: &Load) {
    let requests = Arc::new(vec![load.request(SYSTEM_USER, RESOURCE, ORG)]);
    let size = Connection::open(&load.host).await.ask(&requests[0], b"Permit").await;
    let mut constant = b"Permit".to_vec();
    constant.resize(size, b' ');
    let bare = bare(constant).await;
    let (before, mut asked) = (load.rows().await, 0.0);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let b = flood(&bare, &requests, b"Permit", ROUND).await;
        let o = flood(&load.host, &requests, b"Permit", ROUND).await;
        asked += o * ROUND.as_secs_f64();
        if round > 0 {
            ours.push(o);
            theirs.push(b);
            ratios.push(o / b);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let written = load.rows().await - before;
    println!("decisions beside a bare handler: ratio {:.2} ({ours:.0}/s beside {theirs:.0}/s, {CONNECTIONS} connections)", median(ratios));
    println!("rows in the log for about {asked:.0} decisions: {written}");
    let took = pace(&load.host, &requests, b"Permit", ours / 2.0, ROUND).await;
    println!("at half that load: p50 {:?}, p99 {:?}", percentile(&took, 50), percentile(&took, 99));
}

/// So many resources like one that is there.
async fn many_resources(load: &Load, count: usize) {
    load.execute(&format!(
        r"with made as (
             insert into resource (identifier) select 'load-' || n from generate_series(1, {count}) n returning identifier
           ), versions as (
             insert into resource_version (identifier, document)
             select m.identifier, v.document || jsonb_build_object('identifier', m.identifier) from made m
             cross join (select document from resource_version where identifier = '{RESOURCE}' order by version_id desc limit 1) v
           )
           insert into resource_policy (identifier, version, xml, sha256)
           select m.identifier, 1, t.xml, sha256(t.xml) from made m
           cross join (select convert_from(xml, 'UTF8') as xml from resource_policy where identifier = '{RESOURCE}' order by version desc limit 1) p
           cross join lateral (select convert_to(replace(p.xml, '{RESOURCE}', m.identifier), 'UTF8') as xml) t"
    ))
    .await;
}

/// So many system users like one that is there, each of an organisation of its own.
async fn many_users(load: &Load, count: usize) {
    load.execute(&format!(
        r"create table load_user as
           select n, gen_random_uuid() as id, gen_random_uuid() as owner, (800000000 + n)::text as org from generate_series(1, {count}) n"
    ))
    .await;
    for statement in [
        "insert into party (uuid, kind, org_number, name, source, form_id)
         select l.owner, 'organization', l.org, 'Load ' || l.n, 'load', p.form_id from load_user l cross join (select form_id from party where org_number = '390367767') p",
        "insert into party (uuid, kind, name, source) select id, 'system-user', 'Load ' || n, 'system-user' from load_user",
        "insert into system_user (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, access_packages, created_by, sequence_no)
         select l.id, 'Load', u.system_internal_id, p.key, l.org, 'standard', l.org, u.access_packages, 'load', nextval('system_user_sequence')
         from load_user l join party p on p.uuid = l.owner cross join (select * from system_user where id = '3f794e70-3593-53d5-8174-1a3371cf43dc') u",
        "insert into assignment (id, from_key, to_key, role_id, created_by)
         select gen_random_uuid(), o.key, s.key, m.role_id, 'load' from load_user l join party o on o.uuid = l.owner join party s on s.uuid = l.id
         cross join (select a.role_id from assignment a join party p on p.key = a.to_key where p.uuid = '3f794e70-3593-53d5-8174-1a3371cf43dc' limit 1) m",
        "insert into assignment_package (assignment_id, package_id, created_by)
         select a.id, m.package_id, 'load' from assignment a cross join (
           select ap.package_id from assignment_package ap join assignment a on a.id = ap.assignment_id join party p on p.key = a.to_key
           where p.uuid = '3f794e70-3593-53d5-8174-1a3371cf43dc') m where a.created_by = 'load'",
        "insert into change_feed (kind, key) values ('everything', 'load')",
        "analyze",
    ] {
        load.execute(statement).await;
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// Few against many, alternating.
async fn flat(load: &Load, name: &str, few: Arc<Vec<Vec<u8>>>, many: Arc<Vec<Vec<u8>>>) {
    let (mut first, mut second, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let f = flood(&load.host, &few, b"Permit", ROUND).await;
        let m = flood(&load.host, &many, b"Permit", ROUND).await;
        if round > 0 {
            first.push(f);
            second.push(m);
            ratios.push(m / f);
        }
    }
    println!("{name}: ratio {:.2} ({:.0}/s with {}, {:.0}/s with {})", median(ratios), median(first), few.len(), median(second), many.len());
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("load");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    let cluster = Cluster::start(&home, Durability::Full).expect("Postgres starts");
    let load = Load::start(&cluster, &home).await;
    println!("(at the start {} MiB resident)", resident_mib());
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| asked.is_empty() || asked.iter().any(|a| a == name);
    if wants("bare") {
        beside_a_bare_handler(&load).await;
    }
    if wants("resources") {
        resources(&load).await;
    }
    if wants("users") {
        users(&load).await;
    }
    load.running.stop().await;
}

async fn resources(load: &Load) {
    let resources = number("LOAD_RESOURCES", 2_000);
    many_resources(load, resources).await;
    load.running.state.resources.load(&load.running.state.db).await.unwrap();
    let of_resource = |n: usize| load.request(SYSTEM_USER, &format!("load-{n}"), ORG);
    flat(load, "resources", Arc::new((1..=10).map(of_resource).collect()), Arc::new((1..=resources).map(of_resource).collect())).await;
    println!("(with the resources {} MiB resident)", resident_mib());
}

async fn users(load: &Load) {
    let users = number("LOAD_USERS", 100_000);
    many_users(load, users).await;
    let touched: Vec<(String, String)> =
        sqlx::query_as("select id::text, org from load_user order by n limit 100000").fetch_all(&load.running.state.db).await.unwrap();
    let of_user = |(id, org): &(String, String)| load.request(id, RESOURCE, org);
    let few: Vec<_> = touched.iter().take(100).map(of_user).collect();
    let many: Arc<Vec<_>> = Arc::new(touched.iter().map(of_user).collect());
    let size: usize = many.iter().map(Vec::len).sum();
    let started = Instant::now();
    once(&load.host, &many).await;
    println!("system users never seen before: {:.0}/s", many.len() as f64 / started.elapsed().as_secs_f64());
    flat(load, &format!("system users, of {users}"), Arc::new(few), Arc::clone(&many)).await;
    println!(
        "(with {} system users touched {} MiB resident, {} MiB of them for the requests of this program)",
        many.len(),
        resident_mib(),
        size >> 20
    );
}
