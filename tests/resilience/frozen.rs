//! A server of the database that hangs: its processes are there, and do nothing.

use std::{
    collections::HashMap,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::{Sandbox, approve_path, free_base_port, support::*};

/// How long a call may wait: three seconds, and more on a machine that does other things too.
const ANSWERED_WITHIN: Duration = Duration::from_millis(3_500);
/// How long it stays frozen: all connections that were open are found silent, and new ones are tried.
const FROZEN: Duration = Duration::from_secs(9);
/// Until everything has to work again.
const HEALED: Duration = Duration::from_secs(20);
/// Calls that wait at the same time: more than the pool has connections.
const CALLERS: usize = 40;

/// The processes of a server, stopped until this is dropped.
struct Frozen(Vec<String>);

impl Frozen {
    fn server(cluster: &Cluster) -> Self {
        let postmaster = cluster.server_pid().expect("a server").to_string();
        // The one that starts others first.
        let first = Self(vec![postmaster.clone()]);
        first.signal("-STOP");
        let children = Command::new("pgrep").args(["-P", &postmaster]).output();
        let children = String::from_utf8(children.unwrap().stdout).unwrap();
        let mut frozen = first;
        frozen.0.extend(children.lines().map(str::to_owned));
        frozen.signal("-STOP");
        frozen
    }

    fn signal(&self, signal: &str) {
        // One of them may have ended.
        let _ = Command::new("kill").arg(signal).args(&self.0).status();
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// A call that needs the database.
#[derive(Clone)]
struct Call {
    method: Method,
    path: String,
    token: String,
    body: Option<Value>,
}

fn question(resource: &str) -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "write",
        resource,
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    )
}

async fn calls(instance: &Sandbox) -> Vec<Call> {
    let token = async |org, scopes| {
        let parameters = [("orgNo", org), ("scopes", scopes)];
        instance.token("GetEnterpriseToken", &parameters).await
    };
    let owner = token(who::SAV, AUTHORIZE).await;
    let vendor = token(who::FJORDLONN, REQUEST_WRITE).await;
    let request = instance.new_request().await;
    let call = |method, path: &str, token: &str, body| Call {
        method,
        path: path.to_owned(),
        token: token.to_owned(),
        body,
    };
    vec![
        call(
            Method::POST,
            "/authorization/api/v1/authorize",
            &owner,
            Some(question("a-melding")),
        ),
        call(
            Method::POST,
            "/authentication/api/v1/systemuser/request/vendor",
            &vendor,
            Some(request_body(who::KERAMIKK, &["a-ordning"])),
        ),
        call(
            Method::POST,
            &approve_path(&request),
            &instance.person().await,
            None,
        ),
        call(
            Method::GET,
            "/authentication/api/v1/systemregister/vendor/390198116_fjordlonn",
            &token(who::FJORDLONN, "altinn:authentication/systemregister.write").await,
            None,
        ),
        call(Method::GET, "/health/ready", "", None),
    ]
}

/// The answer to a call, and how long it took.
async fn send(instance: &Sandbox, call: &Call) -> (Answer, Duration) {
    let asked = Instant::now();
    let (method, body) = (call.method.clone(), call.body.clone());
    let answer = instance.call(method, &call.path, &call.token, body);
    (answer.await.unwrap(), asked.elapsed())
}

/// Lines of the log other than those of requests that came within less than a second after another of
/// their kind.
fn too_often(log: &Path) -> Vec<String> {
    let written = std::fs::read_to_string(log).unwrap();
    let mut last: HashMap<String, chrono::DateTime<chrono::Utc>> = HashMap::new();
    let mut found = Vec::new();
    for line in written.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let is_problem = line["level"] == "WARN" || line["level"] == "ERROR";
        if line["target"] == "access" || !is_problem {
            continue;
        }
        let fields = &line["fields"];
        let kind = format!(
            "{} {} {} {}",
            line["target"], fields["message"], fields["fault"], fields["task"]
        );
        let at: chrono::DateTime<chrono::Utc> =
            line["timestamp"].as_str().unwrap().parse().unwrap();
        // The time of a line is taken when it is written, a little after it was let pass.
        let is_often =
            |before: &chrono::DateTime<chrono::Utc>| (at - *before).num_milliseconds() < 950;
        if last.get(&kind).is_some_and(is_often) {
            found.push(line.to_string());
        }
        last.insert(kind, at);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_frozen_database_are_answered_in_three_seconds_and_logged_once_a_second() {
    let dir = home().join("frozen");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let log = dir.join("log");
    let url = cluster.url("postgres");
    let port = free_base_port();
    let mut command = Sandbox::command(port, &dir.join("keys"), Some(url.expose_secret()));
    command
        .env("SYSTEMBRUKER__LOG__FORMAT", "json")
        .stderr(std::fs::File::create(&log).unwrap());
    let mut instance = Sandbox::run(command, port);
    instance.ready().await;
    let calls = calls(&instance).await;
    // All connections of the pool are open.
    futures::future::join_all((0..CALLERS).map(|n| send(&instance, &calls[3 * (n % 2)]))).await;

    let frozen = Frozen::server(&cluster);
    let since = Instant::now();
    let callers = (0..CALLERS).map(|number| {
        let (calls, instance) = (&calls, &instance);
        async move {
            let mut unavailable = 0;
            for call in calls.iter().cycle().skip(number) {
                let began = since.elapsed();
                if began > FROZEN {
                    return unavailable;
                }
                let (answer, took) = send(instance, call).await;
                let what = format!("{} {} {took:?} after {began:?}", call.path, answer.status);
                assert!(took < ANSWERED_WITHIN, "{what}");
                if answer.status == 503 {
                    unavailable += 1;
                } else {
                    // From memory, or by what was answered before it froze.
                    assert!(began < Duration::from_secs(1), "{what}");
                }
            }
            unavailable
        }
    });
    let unavailable = futures::future::join_all(callers).await;
    assert!(
        unavailable.iter().all(|count| *count > 0),
        "{unavailable:?}"
    );

    drop(frozen);
    let back = Instant::now();
    for call in &calls[..2] {
        while !(200..300).contains(&send(&instance, call).await.0.status) {
            assert!(back.elapsed() < HEALED, "{} works again", call.path);
        }
    }
    assert_eq!(instance.stop().await, 0);
    let found = too_often(&log);
    assert!(found.is_empty(), "{} lines: {found:#?}", found.len());
}
