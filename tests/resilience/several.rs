//! Several instances on one database that goes away: no decision goes by what was revoked, and none
//! is lost.

use std::{
    collections::HashSet,
    fs::File,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use testkit::database::Database;

use crate::{Sandbox, approve_path, free_base_port, support::*};

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";
/// How long memory may answer for a database that cannot be asked.
const BOUND: Duration = Duration::from_secs(1);

/// An instance with what it takes to ask it.
#[derive(Clone)]
struct Asker {
    http: reqwest::Client,
    address: String,
    token: String,
}

impl Asker {
    async fn of(instance: &Sandbox) -> Self {
        let token = instance
            .token(
                "GetEnterpriseToken",
                &[("orgNo", who::SAV), ("scopes", AUTHORIZE)],
            )
            .await;
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            address: format!("{}{AUTHORIZE_PATH}", instance.base()),
            token,
        }
    }

    /// The decision and the id of the answer; `None` while the facts cannot be had.
    async fn ask(&self, body: &Value) -> Option<(String, String)> {
        let answer = Answer::of(
            self.http
                .post(&self.address)
                .bearer_auth(&self.token)
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await;
        match answer.status {
            200 => {
                let decision = answer.json()["response"][0]["decision"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                Some((
                    decision,
                    answer.header("systembruker-decision-id").to_owned(),
                ))
            }
            503 => None,
            other => panic!("{other}: {}", answer.text),
        }
    }

    /// Asks in the background until `stop` is set; the ids of all answers it got.
    fn ask_on(&self, body: Value, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<String>> {
        let (asker, stop) = (self.clone(), Arc::clone(stop));
        tokio::spawn(async move {
            let mut ids = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                if let Some((decision, id)) = asker.ask(&body).await {
                    assert_eq!(decision, "Permit", "an outage is no decision");
                    ids.push(id);
                }
            }
            ids
        })
    }

    /// Asks until there is this decision.
    async fn until(&self, body: &Value, expected: &str, ids: &mut HashSet<String>) {
        let since = Instant::now();
        loop {
            assert!(since.elapsed() < Duration::from_secs(30), "no {expected}");
            if let Some((decision, id)) = self.ask(body).await {
                ids.insert(id);
                if decision == expected {
                    return;
                }
            }
        }
    }
}

fn question(system_user: &str, org: &str) -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", system_user),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", org),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_brings_no_stale_permit_and_loses_no_decision() {
    let dir = home().join("several");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let mut cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let database = cluster.url("postgres");
    let url = database.expose_secret();
    let (mut instances, mut outputs) = (Vec::new(), Vec::new());
    for n in 0..3 {
        let output = dir.join(format!("output-{n}"));
        let printed = Stdio::from(File::create(&output).unwrap());
        let mut instance =
            Sandbox::spawn_printing(free_base_port(), &dir.join("keys"), Some(url), printed);
        instance.ready().await;
        instances.push(instance);
        outputs.push(output);
    }
    let mut askers = Vec::new();
    for instance in &instances {
        askers.push(Asker::of(instance).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = askers
        .iter()
        .map(|asker| asker.ask_on(question(who::TINDEVANDRER_USER, who::TINDEVANDRER), &stop))
        .collect();
    let mut ids = HashSet::new();

    for round in 0..3 {
        // Approved on one instance, used on all, deleted on another; then the database dies.
        let (here, there) = (&instances[round], &instances[(round + 1) % 3]);
        let id = here.new_request().await;
        here.call(Method::POST, &approve_path(&id), &here.person().await, None)
            .await
            .unwrap()
            .expect(200);
        let body = question(&id, who::KERAMIKK);
        for asker in &askers {
            asker.until(&body, "Permit", &mut ids).await;
        }
        let path = format!(
            "/authentication/api/v1/systemuser/{}/{id}",
            who::KERAMIKK_PARTY
        );
        let deleted = there
            .call(Method::DELETE, &path, &there.person().await, None)
            .await
            .unwrap();
        let since = Instant::now();
        deleted.expect(202);
        let server = cluster.server_pid().expect("a server").to_string();
        assert!(
            Command::new("kill")
                .args(["-KILL", &server])
                .status()
                .unwrap()
                .success()
        );
        for asker in &askers {
            loop {
                let asked = since.elapsed();
                let Some((decision, id)) = asker.ask(&body).await else {
                    break;
                };
                ids.insert(id);
                assert!(
                    decision != "Permit" || asked < BOUND,
                    "a stale Permit after {asked:?}"
                );
            }
        }
        cluster.restart(Durability::Volatile).unwrap();
        for asker in &askers {
            let answer = loop {
                assert!(
                    since.elapsed() < Duration::from_secs(30),
                    "decisions come back with the database"
                );
                if let Some(answer) = asker.ask(&body).await {
                    break answer;
                }
            };
            assert_eq!(
                answer.0, "NotApplicable",
                "the first decision after the outage"
            );
            ids.insert(answer.1);
        }
    }

    stop.store(true, Ordering::Relaxed);
    for task in load {
        let answered = task.await.unwrap();
        assert!(answered.len() > 100);
        ids.extend(answered);
    }
    for instance in instances {
        assert_eq!(instance.stop().await, 0);
    }
    // Every answer is in the log: lines waited for the database, and none had to be printed.
    let stored = Database::at(database.clone());
    let stored = stored.logged_ids().await;
    for id in &stored {
        ids.remove(id);
    }
    assert!(
        ids.is_empty(),
        "{} decisions are nowhere; {} are stored",
        ids.len(),
        stored.len()
    );
    for output in outputs {
        let printed = std::fs::read_to_string(output).unwrap();
        assert!(!printed.contains("decisionLog"), "{printed}");
    }
    drop(cluster);
}
