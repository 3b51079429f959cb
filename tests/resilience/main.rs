//! The program as operators run it: started, killed at the worst time, started again.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends there"
)]

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "every test binary uses its own part"
)]
mod support;

mod away;
mod bombs;
mod clusters;
mod decision_log;
mod failover;
mod floods;
mod forwarder;
mod frozen;
mod growth;
mod history;
mod import;
mod observed;
mod program;
mod recovery;
mod several;
mod silent;
mod slow_clients;
mod standby_away;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use private_postgres::Cluster;
use program::{PROGRAM, Sandbox, approve_path, free_base_port};
use secrecy::ExposeSecret as _;
use support::*;
use testkit::database::Database;
use testkit::postgres::{database, empty_database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_mid_approval_leaves_nothing_behind() {
    let database = database().await;
    let url = database.expose_secret();
    let dir = home().join("sandbox");
    let mut server = Sandbox::spawn(free_base_port(), &dir, Some(url));
    server.ready().await;
    let (id, token) = (server.new_request().await, server.person().await);
    // The approval's last step waits for a lock that the test holds: everything before it has been
    // written.
    let stored = Database::at(database.clone());
    let held = stored.hold("outbox").await;
    let (path, base) = (approve_path(&id), server.base());
    let approval = tokio::spawn({
        let (token, path) = (token.clone(), path.clone());
        async move {
            reqwest::Client::builder()
                .no_proxy()
                .build()
                .unwrap()
                .post(format!("{base}{path}"))
                .bearer_auth(token)
                .send()
                .await
                .is_ok()
        }
    });
    stored.until_waited_for("outbox").await;
    server.kill();
    held.release().await;
    assert!(!approval.await.unwrap(), "the client got no answer");
    assert_eq!(stored.traces_of_approval(&id).await, [0; 4]);
    assert_eq!(stored.status_of_request(&id).await, "New");
    let mut again = Sandbox::spawn(free_base_port(), &dir, Some(url));
    again.ready().await;
    let token = again.person().await;
    again
        .call(reqwest::Method::POST, &path, &token, None)
        .await
        .unwrap()
        .expect(200);
    assert_eq!(stored.traces_of_approval(&id).await, [1; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_survives_the_death_of_its_database_and_its_own() {
    let dir = home().join("own cluster");
    let _ = std::fs::remove_dir_all(&dir);
    let port = free_base_port();
    let mut sandbox = Sandbox::spawn(port, &dir, None);
    sandbox.ready().await;
    let (id, token) = (sandbox.new_request().await, sandbox.person().await);
    let data_dir = postgres_dir(&dir);
    // Postgres dies while approvals are under way; the answer is an outage, not an invention.
    let killed = postmaster(&data_dir);
    let address = Cluster::url_of_running(&dir, "postgres").unwrap().unwrap();
    let mut held = Database::at(address).hold_writes("outbox").await;
    let approvals = (0..4).map(|_| {
        let (token, path, base) = (token.clone(), approve_path(&id), sandbox.base());
        tokio::spawn(async move {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            http.post(format!("{base}{path}"))
                .bearer_auth(token)
                .send()
                .await
                .map(|r| r.status().as_u16())
        })
    });
    let approvals: Vec<_> = approvals.collect();
    held.wait_for_waiting(4).await;
    assert!(
        Command::new("kill")
            .args(["-KILL", &killed])
            .status()
            .unwrap()
            .success()
    );
    for approval in approvals {
        assert_eq!(approval.await.unwrap().unwrap(), 503);
    }
    let down = sandbox
        .call(reqwest::Method::GET, "/health/ready", &token, None)
        .await
        .unwrap();
    assert_eq!(down.status, 503);
    sandbox
        .call(reqwest::Method::GET, "/alive", &token, None)
        .await
        .unwrap()
        .expect(200);
    let outage = sandbox
        .call(reqwest::Method::POST, &approve_path(&id), &token, None)
        .await
        .unwrap()
        .expect(503);
    assert!(!outage.header("retry-after").is_empty());
    sandbox.kill();
    // The next start recovers the cluster and finds all of the approval, or nothing.
    let mut again = Sandbox::spawn(port, &dir, None);
    again.ready().await;
    let token = again.person().await;
    let path = format!(
        "/authentication/api/v1/systemuser/request/{}/{id}",
        who::KERAMIKK_PARTY
    );
    let status = again
        .call(reqwest::Method::GET, &path, &token, None)
        .await
        .unwrap()
        .expect(200)
        .json()["status"]
        .clone();
    let approved = again
        .call(reqwest::Method::POST, &approve_path(&id), &token, None)
        .await
        .unwrap();
    assert_eq!(
        approved.status,
        if status == "Accepted" { 409 } else { 200 },
        "{status}"
    );
    let user = format!(
        "/authentication/api/v1/systemuser/{}/{id}",
        who::KERAMIKK_PARTY
    );
    again
        .call(reqwest::Method::GET, &user, &token, None)
        .await
        .unwrap()
        .expect(200);
    // Killed itself, with Postgres running: the guard stops the cluster, or the next start does.
    again.kill();
    let mut third = Sandbox::spawn(port, &dir, None);
    third.ready().await;
    third
        .call(reqwest::Method::GET, &user, &third.person().await, None)
        .await
        .unwrap()
        .expect(200);
    let server = postmaster(&data_dir);
    assert_eq!(third.stop().await, 0);
    assert!(
        !std::path::Path::new(&format!("/proc/{server}")).exists()
            || cfg!(not(target_os = "linux")),
        "Postgres is stopped with it"
    );
}

/// The cluster is in the data folder, or elsewhere when its user cannot enter that.
fn postgres_dir(dir: &std::path::Path) -> PathBuf {
    match std::fs::read_to_string(dir.join("cluster-name")) {
        Ok(name) => PathBuf::from("/var/lib/systembruker")
            .join(name)
            .join("postgres"),
        Err(_) => dir.join("postgres"),
    }
}

fn postmaster(data_dir: &std::path::Path) -> String {
    let text = std::fs::read_to_string(data_dir.join("postmaster.pid")).expect("a running cluster");
    text.lines().next().unwrap().trim().to_owned()
}

#[test]
fn what_serve_refuses_to_start_with() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "database.url"),
        (
            &[
                ("DATABASE_URL", "postgresql://x"),
                ("SYSTEMBRUKER__SANDBOX__DIR", "/tmp"),
            ],
            "sandbox",
        ),
        (
            &[("SYSTEMBRUKER__SERVER__PROFILE", "sandbox")],
            "server.profile",
        ),
        (
            &[("SYSTEMBRUKER__SERVER__PROFILE", "production")],
            "profile",
        ),
        (
            &[(
                "SYSTEMBRUKER__TOKENS__MASKINPORTEN__ISSUER",
                "https://test.maskinporten.no/",
            )],
            "tokens.maskinporten.issuer",
        ),
        (&[("SYSTEMBRUKER__NO__SUCH_KEY", "hemmelig")], "no"),
    ];
    for (environment, named) in cases {
        let mut command = Command::new(PROGRAM);
        command.arg("serve").env_remove("DATABASE_URL");
        for (name, value) in environment {
            command.env(name, value);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains(named) && !text.contains("hemmelig"),
            "{environment:?}: {text}"
        );
    }
}

#[tokio::test]
async fn migrate_and_serve_on_a_database_of_their_own() {
    let url = empty_database().await;
    let run = |command: &str| {
        Command::new(PROGRAM)
            .arg(command)
            .env("DATABASE_URL", url.expose_secret())
            .output()
            .unwrap()
    };
    let first = run("migrate");
    assert!(
        first.status.success()
            && String::from_utf8_lossy(&first.stdout).contains("applied 0001 catalogues")
    );
    let second = String::from_utf8_lossy(&run("migrate").stdout).into_owned();
    assert!(
        !second.contains("applied") && second.contains("up to date"),
        "{second}"
    );
    // As an older version left it, which worded that migration otherwise.
    let first_wording = "56e03d97c6149fdbc33cf015a0b3b0e19dce4fd12d073384e3f2290adfa585e90bcff3b7c2e7c5c028c73765556c3354";
    let stored = Database::at(url.clone());
    stored.set_checksum_of_fourth_migration("00").await;
    assert!(
        !run("migrate").status.success(),
        "a migration that says something else is not accepted"
    );
    stored.set_checksum_of_fourth_migration(first_wording).await;
    let third = run("migrate");
    assert!(
        third.status.success(),
        "{}",
        String::from_utf8_lossy(&third.stderr)
    );
    let keys = home().join("serve");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("index"), "11".repeat(32)).unwrap();
    std::fs::write(keys.join("person"), "22".repeat(32)).unwrap();
    let (port, internal) = (free_port(), free_port());
    let mut server = Command::new(PROGRAM)
        .arg("serve")
        .env("DATABASE_URL", url.expose_secret())
        .env("SYSTEMBRUKER__SERVER__PROFILE", "test")
        .env("SYSTEMBRUKER__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .env(
            "SYSTEMBRUKER__SERVER__INTERNAL_LISTEN",
            format!("127.0.0.1:{internal}"),
        )
        .env(
            "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL",
            "https://sb.example",
        )
        .env("SYSTEMBRUKER__KEYS__BLIND_INDEX", keys.join("index"))
        .env("SYSTEMBRUKER__KEYS__PERSON_ID", keys.join("person"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    tokio::time::timeout(Duration::from_secs(30), async {
        while !http
            .get(format!("http://127.0.0.1:{port}/health"))
            .send()
            .await
            .is_ok_and(|r| r.status() == 200)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it serves");
    let get = async |path: &str| {
        http.get(format!("http://127.0.0.1:{port}{path}"))
            .header("host", "sb.example")
            .send()
            .await
            .unwrap()
    };
    assert_eq!(
        get("/metrics").await.status(),
        404,
        "never on the public port"
    );
    assert_eq!(get("/").await.status(), 200);
    for sandbox_page in ["vendor", "receipt", "calls"] {
        let path = format!("/docs/tours/{sandbox_page}");
        assert_eq!(get(&path).await.status(), 404, "{path}");
    }
    assert!(get("/").await.headers().get("x-sandbox").is_none());
    let forged = "eyJhbGciOiJSUzI1NiIsImtpZCI6InNhbmRib3gteCJ9.eyJpc3MiOiJodHRwczovL3Rlc3QubWFza2lucG9ydGVuLm5vLyJ9.c2ln";
    let refused = http
        .get(format!(
            "http://127.0.0.1:{port}/authentication/api/v1/systemregister/vendor"
        ))
        .header("host", "sb.example");
    assert_eq!(
        refused.bearer_auth(forged).send().await.unwrap().status(),
        401
    );
    assert_eq!(
        http.get(format!("http://127.0.0.1:{internal}/metrics"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    server.kill().unwrap();
    server.wait().unwrap();
    let sandbox = Command::new(PROGRAM)
        .args([
            "sandbox",
            "--port",
            &free_base_port().to_string(),
            "--data-dir",
        ])
        .arg(home().join("sandbox"))
        .env("DATABASE_URL", url.expose_secret())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&sandbox.stderr).into_owned();
    assert!(
        !sandbox.status.success() && text.contains("profile `test`"),
        "{text}"
    );
}
