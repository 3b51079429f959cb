//! A restore that lost much: how long it takes to end again what had ended.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use private_postgres::Cluster;
use secrecy::ExposeSecret as _;
use testkit::database::Database;

use crate::{
    PROGRAM, Sandbox,
    checker::Tally,
    clusters::{cluster, socket_folder},
    figures::note,
    free_base_port,
    support::*,
};

const JOURNAL: &str = "SYSTEMBRUKER__RECOVERY__JOURNAL";
/// Entries that a system user and its grants leave when they end one after the other.
const ENTRIES_EACH: i64 = 8;
/// A restore is over within this time, however slow the machine is.
const BOUND: Duration = Duration::from_secs(300);

fn copy(from: &Cluster, to: &Cluster) {
    let client = |program: &str, cluster: &Cluster| {
        let folder = socket_folder(&cluster.url("postgres"));
        let mut command = Command::new(program);
        command.args(["--username", "sb", "--dbname", "postgres", "--host"]);
        command.arg::<&Path>(&folder);
        command
    };
    let dumped = client("pg_dump", from).output().unwrap();
    assert!(dumped.status.success());
    let mut restored = client("psql", to)
        .args(["--quiet", "--set", "ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = restored.stdin.take().unwrap();
    input.write_all(&dumped.stdout).unwrap();
    drop(input);
    assert!(restored.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_mixed_entries_are_replayed_in_seconds() {
    let entries: i64 =
        std::env::var("CHAOS_ENTRIES").map_or(6_000, |text| text.parse().expect("a number"));
    let (first, second) = (cluster("replay"), cluster("replay-restored"));
    let folder = home().join(format!("replay-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(&folder).unwrap();
    let journal = folder.join("journal");
    let url = first.url("postgres");
    let port = free_base_port();
    let mut command = Sandbox::command(port, &folder.join("sandbox"), Some(url.expose_secret()));
    command.env(JOURNAL, &journal);
    let mut sandbox = Sandbox::run(command, port);
    sandbox.ready().await;
    let since = Instant::now();
    while !journal.join("head.json").exists() {
        assert!(since.elapsed() < BOUND, "the journal has no head");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (written, restored) = (Database::of(&first), Database::of(&second));
    written.store_replayed(entries / ENTRIES_EACH).await;
    copy(&first, &second);
    restored.make_journal_older().await;
    written.end_replayed().await;
    while written.unwritten_entries().await > 0 {
        assert!(since.elapsed() < BOUND, "the journal is not written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sandbox.stop().await, 0);
    assert!(restored.replayed_left().await > 0);

    let since = Instant::now();
    let recovered = Command::new(PROGRAM)
        .args(["recover", "--confirm", "--data-dir"])
        .arg(folder.join("sandbox"))
        .env("DATABASE_URL", second.url("postgres").expose_secret())
        .env(JOURNAL, &journal)
        .output()
        .unwrap();
    let took = since.elapsed();

    let text = String::from_utf8(recovered.stdout).unwrap();
    assert!(recovered.status.success(), "{text}");
    assert_eq!(restored.replayed_left().await, 0, "{text}");
    assert!(took < BOUND, "{took:?}");
    note(
        &format!("replay of {entries} entries"),
        took,
        &Tally::default(),
    );
}
