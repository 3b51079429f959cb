//! `PgBouncer` between the service and Postgres.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use private_postgres::Cluster;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use testkit::settings::free_port;

use crate::{
    PROGRAM, Sandbox, approve_path,
    checker::new_request_body,
    clusters::{cluster, socket_folder},
    free_base_port,
    processes::{Process, as_owner, folder_of_owner, program},
    support::*,
};
use testkit::database::Database;

/// From this version on, prepared statements survive that sessions are shared.
const KNOWS_STATEMENTS: (u32, u32) = (1, 21);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Session,
    Transaction,
}

impl Mode {
    const fn wire(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
        }
    }
}

fn version() -> (u32, u32) {
    let output = Command::new(program("pgbouncer"))
        .arg("--version")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().nth(1).unwrap().split('.');
    let mut next = || numbers.next().unwrap().parse().unwrap();
    (next(), next())
}

/// A `PgBouncer` in front of a cluster, with so few sessions that they are shared.
struct Pooler {
    _process: Process,
    port: u16,
    folder: PathBuf,
}

impl Pooler {
    async fn before(cluster: &Cluster, mode: Mode) -> Self {
        let folder = folder_of_owner(cluster.data_dir(), "pgbouncer");
        let port = free_port();
        let statements = if version() >= KNOWS_STATEMENTS {
            "max_prepared_statements = 200"
        } else {
            ""
        };
        let sessions = match mode {
            Mode::Session => 60,
            Mode::Transaction => 4,
        };
        let settings = format!(
            "[databases]\npostgres = host={} user=sb\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {}\ndefault_pool_size = {sessions}\n{statements}\n",
            socket_folder(&cluster.url("postgres")).display(),
            mode.wire()
        );
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = as_owner(program("pgbouncer"), cluster.data_dir());
        command.arg(&file);
        let mut process = Process::start(command, folder.join("output"));
        process.until_listening(port).await;
        Self {
            _process: process,
            port,
            folder,
        }
    }

    fn url(&self) -> String {
        format!("postgresql://sb@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// An instance behind a pooler.
fn command(dir: &Path, pooler: &Pooler, mode: Mode, direct: Option<&Cluster>) -> (Command, u16) {
    let port = free_base_port();
    let mut command = Sandbox::command(port, dir, Some(&pooler.url()));
    command.env("SYSTEMBRUKER__DATABASE__POOLER", mode.wire());
    if let Some(cluster) = direct {
        let url = cluster.url("postgres");
        command.env("SYSTEMBRUKER__DATABASE__DIRECT_URL", url.expose_secret());
    }
    (command, port)
}

/// What a stopped start printed.
fn refusal(mut command: Command) -> String {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8(output.stderr).unwrap()
}

const ROUNDS: i64 = 20;

/// Approves, decides and deletes, many times at once.
async fn assert_works(instance: &Sandbox) {
    let person = instance.person().await;
    let parameters = [("orgNo", who::SAV), ("scopes", AUTHORIZE)];
    let owner = instance.token("GetEnterpriseToken", &parameters).await;
    let decide = async |id: &str| {
        let body = decision_request(
            ("urn:altinn:systemuser:uuid", id),
            "write",
            "a-melding",
            ("urn:altinn:organization:identifier-no", who::KERAMIKK),
        );
        let path = "/authorization/api/v1/authorize";
        let answer = instance.call(Method::POST, path, &owner, Some(body)).await;
        let answer = answer.unwrap().expect(200).json();
        answer["response"][0]["decision"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let parameters = [("orgNo", who::FJORDLONN), ("scopes", REQUEST_WRITE)];
    let vendor = instance.token("GetEnterpriseToken", &parameters).await;
    let rounds = (0..ROUNDS).map(async |_| {
        let path = "/authentication/api/v1/systemuser/request/vendor";
        let body = Some(new_request_body());
        let created = instance.call(Method::POST, path, &vendor, body).await;
        let created = created.unwrap().expect(201).json();
        let id = created["id"].as_str().unwrap().to_owned();
        let path = approve_path(&id);
        let approve = || instance.call(Method::POST, &path, &person, None);
        let (first, second) = tokio::join!(approve(), approve());
        let mut statuses = [first.unwrap().status, second.unwrap().status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "one of two approvals counts");
        assert_eq!(decide(&id).await, "Permit");
        let path = format!(
            "/authentication/api/v1/systemuser/{}/{id}",
            who::KERAMIKK_PARTY
        );
        let deleted = instance.call(Method::DELETE, &path, &person, None).await;
        deleted.unwrap().expect(202);
        assert_eq!(decide(&id).await, "NotApplicable");
    });
    futures::future::join_all(rounds).await;
}

/// The trail has every approval once, and the service as the actor of each change; no lock is left
/// to a shared session.
async fn assert_trail(cluster: &Cluster, approvals: i64) {
    let stored = Database::of(cluster);
    assert_eq!(stored.audited("request.approved").await, approvals);
    assert_eq!(stored.entries_past_the_service().await, 0);
    assert_eq!(stored.advisory_locks().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_of_sessions_works_without_settings_of_its_own() {
    let cluster = cluster("pgbouncer-session");
    let pooler = Pooler::before(&cluster, Mode::Session).await;
    let dir = home().join("pgbouncer-session");
    let (command, port) = command(&dir, &pooler, Mode::Session, None);
    let mut instance = Sandbox::run(command, port);
    instance.ready().await;
    assert_works(&instance).await;
    assert_eq!(instance.stop().await, 0);
    assert_trail(&cluster, ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_was_not_named_is_refused_with_what_helps() {
    let cluster = cluster("pgbouncer-unnamed");
    let pooler = Pooler::before(&cluster, Mode::Session).await;
    let dir = home().join("pgbouncer-unnamed");
    let command = Sandbox::command(free_base_port(), &dir, Some(&pooler.url()));
    let text = refusal(command);
    assert!(text.contains("set database.pooler to its mode"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_a_pooler_without_our_settings_are_refused() {
    let cluster = cluster("pgbouncer-bare");
    // Every PgBouncer gets so far in this mode.
    let pooler = Pooler::before(&cluster, Mode::Session).await;
    let dir = home().join("pgbouncer-bare");
    let (command, _) = command(&dir, &pooler, Mode::Transaction, Some(&cluster));
    let text = refusal(command);
    assert!(
        text.contains("alter role \"sb\" in database \"postgres\" set sb.writer = 'service'"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_of_transactions_works_where_it_knows_prepared_statements() {
    let cluster = cluster("pgbouncer-transaction");
    Database::of(&cluster).set_for_role().await;
    let pooler = Pooler::before(&cluster, Mode::Transaction).await;
    let dir = home().join("pgbouncer-transaction");
    let (past_it, port) = command(&dir, &pooler, Mode::Transaction, Some(&cluster));
    if version() < KNOWS_STATEMENTS {
        let text = refusal(past_it);
        assert!(text.contains("use PgBouncer from 1.21"), "{text}");
        return;
    }
    let mut instance = Sandbox::run(past_it, port);
    instance.ready().await;
    assert_works(&instance).await;
    assert_eq!(instance.stop().await, 0);
    // The schema is there: now nothing but the pooler is needed, and no notification comes.
    let (mut pooled, port) = command(&dir, &pooler, Mode::Transaction, None);
    pooled.env("SYSTEMBRUKER__DATABASE__MIGRATE_ON_START", "false");
    let mut instance = Sandbox::run(pooled, port);
    instance.ready().await;
    assert_works(&instance).await;
    assert_eq!(instance.stop().await, 0);
    assert_trail(&cluster, 2 * ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_needs_a_session_refuses_a_pooler_of_transactions() {
    let cluster = cluster("pgbouncer-command");
    let pooler = Pooler::before(&cluster, Mode::Transaction).await;
    let output = Command::new(PROGRAM)
        .arg("migrate")
        .env("DATABASE_URL", pooler.url())
        .env("SYSTEMBRUKER__DATABASE__POOLER", "transaction")
        .env("SYSTEMBRUKER__SERVER__PROFILE", "test")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("database.direct_url"), "{text}");
}
