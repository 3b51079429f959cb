//! The decision log while neither the database nor standard output takes it.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use testkit::database::Database;

use crate::{PROGRAM, Sandbox, free_base_port, support::*};

/// Takes decisions, ends the server of the database after the first, and goes on until the facts cannot
/// be had any more; the ids of the answers.
async fn decide_until_refused(
    instance: &Sandbox,
    token: &str,
    cluster: &Cluster,
) -> HashSet<String> {
    let body = decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    );
    let path = "/authorization/api/v1/authorize";
    let since = Instant::now();
    let mut ids = HashSet::new();
    loop {
        assert!(since.elapsed() < Duration::from_secs(30));
        let answer = instance.call(Method::POST, path, token, Some(body.clone()));
        let answer = answer.await.unwrap();
        if answer.status == 503 {
            return ids;
        }
        assert_eq!(answer.status, 200, "{}", answer.text);
        if ids.is_empty() {
            end(cluster);
        }
        ids.insert(answer.header("systembruker-decision-id").to_owned());
    }
}

/// Ends the server of a cluster at once.
fn end(cluster: &Cluster) {
    let server = cluster.server_pid().expect("a server").to_string();
    let ended = Command::new("kill").args(["-KILL", &server]).status();
    assert!(ended.unwrap().success());
}

async fn owner(instance: &Sandbox) -> String {
    let parameters = [("orgNo", who::SAV), ("scopes", AUTHORIZE)];
    instance.token("GetEnterpriseToken", &parameters).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_printed_at_the_end_can_be_imported() {
    let dir = home().join(format!("printed-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let database = cluster.url("postgres");
    let url = database.expose_secret();
    let output = dir.join("output");
    let mut instance = Sandbox::spawn_printing(
        free_base_port(),
        &dir.join("keys"),
        Some(url),
        Stdio::from(File::create(&output).unwrap()),
    );
    instance.ready().await;
    let token = owner(&instance).await;
    let ids = decide_until_refused(&instance, &token, &cluster).await;
    assert_eq!(instance.stop().await, 0);
    let printed = std::fs::read_to_string(&output).unwrap();
    let logged: HashSet<String> = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|line| Some(line["decisionLog"]["decisionId"].as_str()?.to_owned()))
        .collect();
    // Of those that were answered first, some may have been stored.
    assert!(!logged.is_empty() && logged.is_subset(&ids), "{printed}");

    cluster.restart(Durability::Volatile).unwrap();
    let import = async || {
        let mut command = Command::new(PROGRAM);
        command.args(["decisions", "import"]).arg(&output);
        command.arg("--data-dir").arg(dir.join("keys"));
        command.env("DATABASE_URL", url);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{text}");
        text
    };
    let count = logged.len();
    let first = import().await;
    assert!(
        first.contains(&format!("{count} decisions stored, 0 stored before")),
        "{first}"
    );
    let second = import().await;
    assert!(
        second.contains(&format!("0 decisions stored, {count} stored before")),
        "{second}"
    );
    let stored = Database::at(database.clone());
    let stored = stored.logged_ids().await;
    assert_eq!(stored.len(), ids.len(), "each is stored once");
    assert_eq!(stored.into_iter().collect::<HashSet<_>>(), ids);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_output_that_is_not_read_stops_nothing() {
    let dir = home().join(format!("unread-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&dir).unwrap();
    let cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let database = cluster.url("postgres");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut filling = writer.try_clone().unwrap();
    let mut instance = Sandbox::spawn_printing(
        free_base_port(),
        &dir.join("keys"),
        Some(database.expose_secret()),
        Stdio::from(writer),
    );
    // What it prints at its start is read, and nothing more.
    let mut reader = BufReader::new(reader);
    let first = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        reader
    });
    instance.ready().await;
    let reader = first.await.unwrap();
    // Ends when the reader is gone.
    std::thread::spawn(move || while filling.write_all(&[b'\n'; 1024]).is_ok() {});
    let token = owner(&instance).await;
    decide_until_refused(&instance, &token, &cluster).await;
    let since = Instant::now();
    assert_eq!(instance.stop().await, 0);
    assert!(since.elapsed() < Duration::from_secs(30), "AVA-4");
    drop(reader);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_output_that_is_closed_stops_nothing() {
    let dir = home().join(format!("closed-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&dir).unwrap();
    let cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let database = cluster.url("postgres");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut instance = Sandbox::spawn_printing(
        free_base_port(),
        &dir.join("keys"),
        Some(database.expose_secret()),
        Stdio::from(writer),
    );
    let mut reader = BufReader::new(reader);
    let first = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        reader
    });
    instance.ready().await;
    // Whatever read it ends: each further line is an error of the pipe.
    drop(first.await.unwrap());
    let token = owner(&instance).await;
    decide_until_refused(&instance, &token, &cluster).await;
    let alive = instance.call(Method::GET, "/alive", "", None).await;
    assert_eq!(alive.unwrap().status, 200);
    let since = Instant::now();
    assert_eq!(instance.stop().await, 0);
    assert!(since.elapsed() < Duration::from_secs(30), "AVA-4");
}
