//! The database is replaced by an older state of itself. What had ended since stays ended.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use serde_json::Value;

use testkit::database::Database;

use crate::{
    PROGRAM, Sandbox,
    clusters::cluster,
    free_base_port,
    history::{Address, restore},
    support::*,
};

const JOURNAL: &str = "SYSTEMBRUKER__RECOVERY__JOURNAL";
/// How long a test waits for a condition.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// An installation with a journal, whose database can be replaced.
struct Installation {
    folder: PathBuf,
    address: Address,
    port: u16,
}

impl Installation {
    fn on(cluster: &Cluster) -> Self {
        let folder = home().join(format!("recovery-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            address: Address::of(cluster),
            port: free_base_port(),
        }
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// An instance on a port, once it is ready.
    async fn started_on(&self, port: u16) -> Sandbox {
        let url = self.address.url();
        let mut command = Sandbox::command(port, &self.folder.join("sandbox"), Some(&url));
        command.env(JOURNAL, self.journal());
        let mut sandbox = Sandbox::run(command, port);
        sandbox.ready().await;
        sandbox
    }

    async fn started(&self) -> Sandbox {
        self.started_on(self.port).await
    }

    /// Another instance, with the same keys and the same database.
    async fn second_instance(&self) -> Sandbox {
        self.started_on(free_base_port()).await
    }

    fn recover(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .arg("recover")
            .args(arguments)
            .arg("--data-dir")
            .arg(self.folder.join("sandbox"))
            .env("DATABASE_URL", self.address.url())
            .env(JOURNAL, self.journal())
            .output()
            .unwrap()
    }

    /// Every line of the journal.
    fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        let Ok(days) = fs::read_dir(self.journal().join("entries")) else {
            return lines;
        };
        for day in days {
            for object in fs::read_dir(day.unwrap().path()).unwrap() {
                let path = object.unwrap().path();
                // What is being written has another name.
                if path.extension().is_some_and(|end| end == "ndjson") {
                    let text = fs::read_to_string(path).unwrap();
                    lines.extend(text.lines().map(|l| serde_json::from_str(l).unwrap()));
                }
            }
        }
        lines
    }

    /// Waits until the journal says that something happened to a row of a table.
    async fn until_journaled(&self, table: &str, what: &str) {
        let since = Instant::now();
        let is_there = |line: &Value| line["table"] == table && line["what"] == what;
        while !self.lines().iter().any(is_there) {
            assert!(since.elapsed() < WAIT_TIMEOUT, "{table} {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the journal has its first sign of life, so that a copy of the database knows one.
    async fn until_marked(&self) {
        let since = Instant::now();
        while !self.journal().join("head.json").exists() {
            assert!(since.elapsed() < WAIT_TIMEOUT, "a head");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The decision about a system user; none while nothing is decided.
async fn decide(sandbox: &Sandbox, token: &str, asked: &Value) -> Option<String> {
    let path = "/authorization/api/v1/authorize";
    let answer = sandbox.call(Method::POST, path, token, Some(asked.clone()));
    let answer = answer.await.unwrap();
    match answer.status {
        200 => Some(
            answer.json()["response"][0]["decision"]
                .as_str()?
                .to_owned(),
        ),
        503 => {
            assert!(!answer.header("retry-after").is_empty());
            None
        }
        other => panic!("{other}: {}", answer.text),
    }
}

async fn until_decided(sandbox: &Sandbox, token: &str, asked: &Value) -> String {
    let since = Instant::now();
    loop {
        if let Some(decision) = decide(sandbox, token, asked).await {
            return decision;
        }
        assert!(since.elapsed() < WAIT_TIMEOUT, "nothing is decided");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn about(user: &str) -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", user),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::KERAMIKK),
    )
}

async fn owner(sandbox: &Sandbox) -> String {
    let parameters = [("orgNo", who::SAV), ("scopes", AUTHORIZE)];
    sandbox.token("GetEnterpriseToken", &parameters).await
}

/// A system user that may report, made by request and approval.
async fn approved(sandbox: &Sandbox, person: &str) -> String {
    let id = sandbox.new_request().await;
    let path = crate::approve_path(&id);
    let answer = sandbox.call(Method::POST, &path, person, None).await;
    answer.unwrap().expect(200);
    id
}

async fn delete(sandbox: &Sandbox, person: &str, user: &str) {
    let path = format!(
        "/authentication/api/v1/systemuser/{}/{user}",
        who::KERAMIKK_PARTY
    );
    let answer = sandbox.call(Method::DELETE, &path, person, None).await;
    answer.unwrap().expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_after_a_backup_stays_ended_when_it_is_restored() {
    let (first, second) = (cluster("written"), cluster("restored"));
    let installation = Installation::on(&first);
    let sandbox = installation.started().await;
    let person = sandbox.person().await;
    let user = approved(&sandbox, &person).await;
    installation.until_marked().await;
    restore(&first, &second);
    Database::of(&second).make_journal_older().await;
    delete(&sandbox, &person, &user).await;
    installation.until_journaled("system_user", "set").await;
    assert_eq!(sandbox.stop().await, 0);
    installation.address.lead_to(&second);

    let sandbox = installation.started().await;
    let token = owner(&sandbox).await;
    assert_eq!(decide(&sandbox, &token, &about(&user)).await, None);
    let asked = installation.recover(&[]);
    let text = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(asked.status.code(), Some(1), "{text}");
    assert!(text.contains("1 system_user set"), "{text}");
    assert_eq!(decide(&sandbox, &token, &about(&user)).await, None);
    let done = installation.recover(&["--confirm"]);
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{text}");

    // Tokens from before are refused, and the generator's count as our own.
    let token = owner(&sandbox).await;
    let decision = until_decided(&sandbox, &token, &about(&user)).await;
    assert_eq!(decision, "NotApplicable");
    let again = installation.recover(&[]);
    assert_eq!(again.status.code(), Some(0));
    let audited = Database::of(&second).audited_restores().await;
    assert_eq!(audited, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_fail_over_lost_is_ended_again_by_itself() {
    let (first, second) = (cluster("ahead"), cluster("lagging"));
    let installation = Installation::on(&first);
    let here = installation.started().await;
    let there = installation.second_instance().await;
    let person = here.person().await;
    let user = approved(&here, &person).await;
    installation.until_marked().await;
    restore(&first, &second);
    delete(&here, &person, &user).await;
    installation.until_journaled("system_user", "set").await;

    installation.address.lead_to(&second);
    drop(first);

    for sandbox in [&here, &there] {
        let token = owner(sandbox).await;
        let since = Instant::now();
        loop {
            match decide(sandbox, &token, &about(&user)).await.as_deref() {
                Some("NotApplicable") => break,
                Some(other) => panic!("{other}"),
                None => assert!(since.elapsed() < WAIT_TIMEOUT, "nothing is decided"),
            }
        }
    }
    let runs = Database::of(&second).recovery_runs().await;
    assert_eq!(runs, 1, "one of the two instances does it");
    assert!(
        Database::of(&second).lost_rows_of_trail().await >= 1,
        "the row of the deletion"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_journal_cannot_be_written() {
    let cluster = cluster("unwritable");
    let installation = Installation::on(&cluster);
    let sandbox = installation.started().await;
    let person = sandbox.person().await;
    let user = approved(&sandbox, &person).await;
    installation.until_marked().await;
    let entries = installation.journal().join("entries");
    let _ = fs::remove_dir_all(&entries);
    fs::write(&entries, "no folder").unwrap();

    delete(&sandbox, &person, &user).await;

    until_metric(&sandbox, "journal_failures_total").await;
    fs::remove_file(&entries).unwrap();
    installation.until_journaled("system_user", "set").await;
}

/// Waits until a metric is not 0.
async fn until_metric(sandbox: &Sandbox, name: &str) {
    let address = format!("http://127.0.0.1:{}/metrics", sandbox.port + 1010);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let since = Instant::now();
    loop {
        let text = http.get(&address).send().await.unwrap();
        let text = text.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        if value.is_some_and(|value| value.trim() != "0") {
            return;
        }
        assert!(since.elapsed() < WAIT_TIMEOUT, "{name}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_decided_before_the_journal_could_be_read() {
    let cluster = cluster("unreadable");
    let installation = Installation::on(&cluster);
    let sandbox = installation.started().await;
    installation.until_marked().await;
    assert_eq!(sandbox.stop().await, 0);
    let head = installation.journal().join("head.json");
    let kept = fs::read(&head).unwrap();
    fs::write(&head, "{").unwrap();

    let sandbox = installation.started().await;
    let token = owner(&sandbox).await;
    let asked = about(&uuid::Uuid::new_v4().to_string());
    assert_eq!(decide(&sandbox, &token, &asked).await, None);
    fs::write::<&Path, _>(&head, kept).unwrap();

    until_decided(&sandbox, &token, &asked).await;
}

/// A user that was deleted after a copy of the database was made, and an installation that runs on.
struct Deleted {
    first: Option<Cluster>,
    second: Cluster,
    installation: Installation,
    user: String,
}

impl Deleted {
    /// `before` changes the first database before the copy, `copy` the copy.
    async fn after_a_copy(name: &str, before: Change, copy: Change) -> (Self, Sandbox) {
        let (first, second) = (cluster(name), cluster(&format!("{name}-copy")));
        let installation = Installation::on(&first);
        let sandbox = installation.started().await;
        let person = sandbox.person().await;
        let user = approved(&sandbox, &person).await;
        installation.until_marked().await;
        before.make(&first).await;
        restore(&first, &second);
        copy.make(&second).await;
        delete(&sandbox, &person, &user).await;
        installation.until_journaled("system_user", "set").await;
        let deleted = Self {
            first: Some(first),
            second,
            installation,
            user,
        };
        (deleted, sandbox)
    }

    async fn decide(&self, sandbox: &Sandbox) -> Option<String> {
        let token = owner(sandbox).await;
        decide(sandbox, &token, &about(&self.user)).await
    }

    /// Runs `recover`, and gives its exit code and all that it prints.
    fn recover(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.installation.recover(arguments);
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(text).unwrap(),
        )
    }

    async fn must_end_again(&self, sandbox: &Sandbox, arguments: &[&str]) {
        let (code, text) = self.recover(arguments);
        assert_eq!(code, 0, "{text}");
        let token = owner(sandbox).await;
        let decision = until_decided(sandbox, &token, &about(&self.user)).await;
        assert_eq!(decision, "NotApplicable", "{text}");
    }
}

/// What is changed in a database.
#[derive(Debug, Clone, Copy)]
enum Change {
    Nothing,
    /// It is a day old.
    DayOld,
    /// Its clock was fast.
    FastClock,
}

impl Change {
    async fn make(self, cluster: &Cluster) {
        let stored = Database::of(cluster);
        match self {
            Self::Nothing => {}
            Self::DayOld => stored.make_marks_older().await,
            Self::FastClock => stored.make_marks_younger().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_under_instances_that_run_waits_for_the_operator() {
    let (mut deleted, here) = Deleted::after_a_copy("under", Change::Nothing, Change::DayOld).await;
    let there = deleted.installation.second_instance().await;
    assert_eq!(deleted.decide(&here).await.unwrap(), "NotApplicable");
    let before = Database::of(&deleted.second).journal_marks().await;

    deleted.installation.address.lead_to(&deleted.second);
    drop(deleted.first.take());

    for sandbox in [&here, &there] {
        until_metric(sandbox, "recovering").await;
        assert_eq!(deleted.decide(sandbox).await, None);
    }
    assert_eq!(Database::of(&deleted.second).journal_marks().await, before);
    deleted.must_end_again(&here, &["--confirm"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_fast_hides_no_loss() {
    let (deleted, sandbox) =
        Deleted::after_a_copy("fast", Change::FastClock, Change::Nothing).await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);

    let sandbox = deleted.installation.started().await;

    assert_eq!(deleted.decide(&sandbox).await, None);
    deleted.must_end_again(&sandbox, &["--confirm"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_gone_is_no_empty_one() {
    let (deleted, sandbox) = Deleted::after_a_copy("gone", Change::Nothing, Change::DayOld).await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);
    fs::remove_file(deleted.installation.journal().join("head.json")).unwrap();

    let sandbox = deleted.installation.started().await;

    assert_eq!(deleted.decide(&sandbox).await, None);
    let (code, text) = deleted.recover(&["--confirm"]);
    assert!(
        code == 3 && text.contains("the journal is empty"),
        "{code} {text}"
    );
    let (code, text) = deleted.recover(&["--despite-damage"]);
    assert!(
        code == 1 && text.contains("1 system_user set"),
        "{code} {text}"
    );
    deleted
        .must_end_again(&sandbox, &["--despite-damage", "--confirm"])
        .await;
    deleted.installation.until_marked().await;
    let (code, text) = deleted.recover(&[]);
    assert_eq!(code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_another_installation_is_refused() {
    let (deleted, sandbox) =
        Deleted::after_a_copy("foreign", Change::Nothing, Change::Nothing).await;
    assert_eq!(sandbox.stop().await, 0);
    let first = deleted.first.as_ref().unwrap();
    Database::of(first).belong_to_another_journal().await;

    let sandbox = deleted.installation.started().await;

    assert_eq!(deleted.decide(&sandbox).await, None);
    for arguments in [&["--confirm"][..], &["--despite-damage", "--confirm"]] {
        let (code, text) = deleted.recover(arguments);
        assert!(
            code == 3 && text.contains("another installation"),
            "{code} {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_entry_hides_no_other() {
    let (deleted, sandbox) = Deleted::after_a_copy("torn", Change::Nothing, Change::DayOld).await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);
    let entries = deleted.installation.journal().join("entries");
    let folder = fs::read_dir(entries)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let last = fs::read_dir(folder)
        .unwrap()
        .map(|one| one.unwrap().path())
        .max();
    let last = last.unwrap();
    let text = fs::read_to_string(&last).unwrap();
    fs::write(&last, format!("{{\"epoch\":\n{text}")).unwrap();

    let sandbox = deleted.installation.started().await;

    let (code, text) = deleted.recover(&["--confirm"]);
    assert!(
        code == 3 && text.contains("line 1: this is no entry"),
        "{code} {text}"
    );
    assert_eq!(deleted.decide(&sandbox).await, None);
    deleted
        .must_end_again(&sandbox, &["--despite-damage", "--confirm"])
        .await;
}

impl Deleted {
    /// The newest object of the journal, once the head counts it.
    async fn newest_object(&self) -> PathBuf {
        let journal = self.installation.journal();
        let newest = newest_object(&journal);
        let name = newest.file_name().unwrap().to_str().unwrap();
        let number: i64 = name.split('-').next().unwrap().parse().unwrap();
        let since = Instant::now();
        loop {
            let head = fs::read(journal.join("head.json")).unwrap();
            let head: Value = serde_json::from_slice(&head).unwrap_or_default();
            if head["objects"].as_i64().is_some_and(|last| last >= number) {
                return newest;
            }
            assert!(since.elapsed() < WAIT_TIMEOUT, "the head does not count it");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn newest_object(journal: &Path) -> PathBuf {
    let folders = fs::read_dir(journal.join("entries")).unwrap();
    let objects = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let objects = objects.map(|object| object.unwrap().path());
    let objects = objects.filter(|path| path.extension().is_some_and(|end| end == "ndjson"));
    objects.max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_missing_is_noticed() {
    let (deleted, sandbox) =
        Deleted::after_a_copy("missing", Change::Nothing, Change::Nothing).await;
    let newest = deleted.newest_object().await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);
    fs::remove_file(newest).unwrap();

    let sandbox = deleted.installation.started().await;

    // A loss as short as that of a fail-over, which is not undone by itself.
    assert_eq!(deleted.decide(&sandbox).await, None);
    for arguments in [&[][..], &["--confirm"]] {
        let (code, text) = deleted.recover(arguments);
        assert!(
            code == 1 && text.contains("Objects of the journal are missing"),
            "{code} {text}"
        );
    }
    assert_eq!(deleted.decide(&sandbox).await, None);
    let (code, text) = deleted.recover(&["--confirm", "--despite-damage"]);
    assert_eq!(code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_emptied_is_damaged() {
    let (deleted, sandbox) =
        Deleted::after_a_copy("emptied", Change::Nothing, Change::Nothing).await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);
    fs::write(newest_object(&deleted.installation.journal()), "").unwrap();

    let sandbox = deleted.installation.started().await;

    assert_eq!(deleted.decide(&sandbox).await, None);
    let (code, text) = deleted.recover(&["--confirm"]);
    assert!(code == 3 && text.contains("is not whole"), "{code} {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_names_the_same_journal_ends_nothing_here() {
    let (first, second) = (cluster("here"), cluster("drill"));
    let here = Installation::on(&first);
    let sandbox = here.started().await;
    let person = sandbox.person().await;
    let user = approved(&sandbox, &person).await;
    here.until_marked().await;
    restore(&first, &second);
    let drill = Installation {
        folder: here.folder.clone(),
        address: Address::of(&second),
        port: free_base_port(),
    };

    let other = drill.started().await;
    delete(&other, &other.person().await, &user).await;
    drill.until_journaled("system_user", "set").await;

    until_metric(&sandbox, "recovering").await;
    let runs = Database::of(&first).recovery_runs().await;
    assert_eq!(runs, 0, "nothing is done without the operator");
    let token = owner(&sandbox).await;
    assert_eq!(decide(&sandbox, &token, &about(&user)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_some_seconds_ago_begin_another_epoch() {
    let folder = home().join(format!("history-files-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(&folder).unwrap();
    let first = Cluster::start(&folder, Durability::Volatile).unwrap();
    let installation = Installation::on(&first);
    let sandbox = installation.started().await;
    let person = sandbox.person().await;
    let user = approved(&sandbox, &person).await;
    installation.until_marked().await;
    let before = Database::of(&first).epochs().await;
    assert_eq!(before.len(), 1);

    let (data, kept) = (
        first.data_dir().to_owned(),
        first.data_dir().with_extension("kept"),
    );
    drop(first);
    copy_files(&data, &kept);
    let first = Cluster::start(&folder, Durability::Volatile).unwrap();
    installation.address.lead_to(&first);
    let token = owner(&sandbox).await;
    assert_eq!(
        until_decided(&sandbox, &token, &about(&user)).await,
        "Permit"
    );
    delete(&sandbox, &person, &user).await;
    installation.until_journaled("system_user", "set").await;
    drop(first);
    fs::remove_dir_all(&data).unwrap();
    copy_files(&kept, &data);
    let first = Cluster::start(&folder, Durability::Volatile).unwrap();
    installation.address.lead_to(&first);

    let since = Instant::now();
    while decide(&sandbox, &token, &about(&user)).await.as_deref() != Some("NotApplicable") {
        assert!(since.elapsed() < WAIT_TIMEOUT, "it is not ended again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = Database::of(&first).epochs().await;
    assert_ne!(after, before);
}

/// Copies files with their owners.
fn copy_files(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("--archive")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sub_unit_gets_no_main_unit_from_the_journal() {
    /// Sub-units of Nattergal and of Keramikk.
    const MOVED: &str = "290395224";
    const OF_KERAMIKK: &str = "290340306";
    let (first, second) = (cluster("moved"), cluster("unmoved"));
    let installation = Installation::on(&first);
    let sandbox = installation.started().await;
    installation.until_marked().await;
    restore(&first, &second);
    Database::of(&second).make_journal_older().await;
    let changes = || {
        let lines = installation.lines();
        lines.iter().filter(|line| line["table"] == "party").count()
    };
    let before = changes();
    Database::of(&first).move_sub_unit(MOVED, OF_KERAMIKK).await;
    let since = Instant::now();
    while changes() == before {
        assert!(since.elapsed() < WAIT_TIMEOUT, "it is not in the journal");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sandbox.stop().await, 0);
    installation.address.lead_to(&second);
    let stored = Database::of(&second);
    assert_ne!(stored.main_unit_of(MOVED).await, None);

    let done = installation.recover(&["--confirm"]);

    assert_eq!(done.status.code(), Some(0));
    assert_eq!(stored.main_unit_of(MOVED).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_imported_before_the_database_is_whole_again() {
    let (deleted, sandbox) = Deleted::after_a_copy("import", Change::Nothing, Change::DayOld).await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);
    let file = deleted.installation.folder.join("organizations.ndjson");
    fs::write(&file, "").unwrap();
    let import = || {
        let output = Command::new(PROGRAM)
            .args(["import", "organizations"])
            .arg(&file)
            .arg("--data-dir")
            .arg(deleted.installation.folder.join("sandbox"))
            .env("DATABASE_URL", deleted.installation.address.url())
            .env(JOURNAL, deleted.installation.journal())
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };

    assert!(import().contains("systembruker recover"), "{}", import());

    assert_eq!(deleted.recover(&["--confirm"]).0, 0);
    assert!(!import().contains("systembruker recover"), "{}", import());
}

/// Entries that the fail-over of a test loses.
const MANY: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_that_lost_much_is_over_in_time_and_seen() {
    let (first, second) = (cluster("much"), cluster("much-lagging"));
    let installation = Installation::on(&first);
    let mut sandbox = installation.started().await;
    let asked = about(&uuid::Uuid::new_v4().to_string());
    installation.until_marked().await;
    Database::of(&first).store_sessions(MANY).await;
    restore(&first, &second);
    Database::of(&first).end_browser_sessions().await;
    let since = Instant::now();
    let gone = |line: &&Value| line["table"] == "session" && line["what"] == "gone";
    while installation.lines().iter().filter(gone).count() < MANY {
        assert!(since.elapsed() < WAIT_TIMEOUT, "all is in the journal");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    installation.address.lead_to(&second);
    drop(first);
    let token = owner(&sandbox).await;

    let since = Instant::now();
    let mut is_seen = false;
    while Database::of(&second).recovery_runs().await == 0 {
        is_seen |= sandbox.metric("recovering").await > 0.0;
        assert!(since.elapsed() < WAIT_TIMEOUT, "it is done again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{MANY} entries after {:?}", since.elapsed());
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}",
        since.elapsed()
    );
    assert!(is_seen, "`recovering` is 1 meanwhile");
    until_decided(&sandbox, &token, &asked).await;
    assert_eq!(Database::of(&second).sessions().await, 0);
    sandbox.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_expired_and_are_put_back_end_nothing() {
    let cluster = cluster("put-back");
    let installation = Installation::on(&cluster);
    let sandbox = installation.started().await;
    let person = sandbox.person().await;
    let user = approved(&sandbox, &person).await;
    delete(&sandbox, &person, &user).await;
    installation.until_journaled("system_user", "set").await;
    assert_eq!(sandbox.stop().await, 0);
    // As an object of long ago, of which the database knows nothing any more.
    let newest = newest_object(&installation.journal());
    let name = newest.file_name().unwrap().to_str().unwrap();
    let number = name.split('-').next().unwrap();
    let name = format!(
        "{number}-20240101T000000.000000-{}.ndjson",
        uuid::Uuid::new_v4().simple()
    );
    fs::copy(&newest, newest.with_file_name(name)).unwrap();

    let sandbox = installation.started().await;

    let token = owner(&sandbox).await;
    until_decided(&sandbox, &token, &about(&user)).await;
    let asked = installation.recover(&[]);
    let text = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(asked.status.code(), Some(0), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_who_recover_at_once_do_it_once() {
    let (deleted, sandbox) = Deleted::after_a_copy("twice", Change::Nothing, Change::DayOld).await;
    assert_eq!(sandbox.stop().await, 0);
    deleted.installation.address.lead_to(&deleted.second);
    // Another one is at work.
    let at_work = Database::of(&deleted.second).hold_recovery().await;

    let (code, text) = deleted.recover(&["--confirm"]);

    assert!(code == 1 && text.contains("is at work"), "{code} {text}");
    assert!(!text.contains("despite-damage"), "{text}");
    at_work.roll_back().await;
    let (code, text) = deleted.recover(&["--confirm"]);
    assert_eq!(code, 0, "{text}");
}
