//! An import that is killed halfway: nothing of it is there, and the next run goes on where it
//! stopped.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use foundation::ids::OrgNumber;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::{PROGRAM, database, home};

/// So many organisations that reading them takes a while.
const LINES: usize = 150_000;

fn organizations() -> PathBuf {
    let numbers = (30_000_000_u32..)
        .flat_map(|base| (0..10).map(move |check| (base * 10 + check).to_string()));
    let numbers = numbers
        .filter(|n| OrgNumber::parse_checked(n).is_ok())
        .take(LINES);
    let text: String = numbers
        .map(|n| {
            format!(
                "{}\n",
                json!({"orgNumber": n, "name": format!("FIRMA {n}"), "form": "AS"})
            )
        })
        .collect();
    let path = home().join("organizations.ndjson");
    std::fs::write(&path, text).unwrap();
    path
}

fn command(file: &Path, url: &SecretString) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["import", "organizations"])
        .arg(file)
        .arg("--data-dir")
        .arg(home().join("sandbox"));
    command
        .env("DATABASE_URL", url.expose_secret())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn number(db: &mut PgConnection, query: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned()))
        .fetch_one(db)
        .await
        .unwrap()
}

/// Waits until a query gives more than nothing.
async fn until(db: &mut PgConnection, query: &str) {
    let waiting = async {
        while number(&mut *db, query).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .unwrap_or_else(|_| panic!("it never came to: {query}"));
}

async fn run(file: PathBuf, url: SecretString) -> Output {
    tokio::task::spawn_blocking(move || {
        command(&file, &url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .unwrap()
    })
    .await
    .unwrap()
}

const THERE: &str = "select count(*) from party where source = 'operator'";

#[tokio::test]
async fn killed_while_reading_it_goes_on_where_it_stopped() {
    let url = database().await;
    let mut db = PgConnection::connect(url.expose_secret()).await.unwrap();
    let file = organizations();
    let child = command(&file, &url).spawn().unwrap();
    until(
        &mut db,
        "select coalesce(max(staged_lines), 0) from import_run where state = 'staging'",
    )
    .await;
    kill(child);
    let staged = number(
        &mut db,
        "select staged_lines from import_run where state = 'staging'",
    )
    .await;
    assert!(
        staged > 0 && usize::try_from(staged).unwrap() < LINES,
        "{staged}"
    );
    assert_eq!(number(&mut db, THERE).await, 0);

    let output = run(file, url).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("going on after line"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        usize::try_from(number(&mut db, THERE).await).unwrap(),
        LINES
    );
    assert_eq!(
        number(&mut db, "select count(*) from staging.organization").await,
        0
    );
}

#[tokio::test]
async fn killed_while_merging_nothing_is_there() {
    let url = database().await;
    let mut db = PgConnection::connect(url.expose_secret()).await.unwrap();
    let mut other = PgConnection::connect(url.expose_secret()).await.unwrap();
    let file = home().join("few.ndjson");
    std::fs::write(
        &file,
        format!(
            "{}\n",
            json!({"orgNumber": "391500002", "name": "FIRMA", "form": "AS"})
        ),
    )
    .unwrap();
    // The merge waits for this lock, with everything read.
    let mut blocking = other.begin().await.unwrap();
    sqlx::query("lock table party_address in exclusive mode")
        .execute(&mut *blocking)
        .await
        .unwrap();
    let child = command(&file, &url).spawn().unwrap();
    until(&mut db, "select count(*) from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'party_address' and not l.granted").await;
    kill(child);
    blocking.rollback().await.unwrap();
    until(&mut db, "select (count(*) = 0)::int::bigint from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'party_address'")
        .await;
    assert_eq!(number(&mut db, THERE).await, 0);
    let output = run(file, url).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(number(&mut db, THERE).await, 1);
}

#[tokio::test]
async fn the_command_says_what_is_wrong() {
    let url = database().await;
    let file = home().join("wrong.ndjson");
    let report = home().join("report.json");
    std::fs::write(
        &file,
        "{\"personId\": \"14837211192\", \"firstName\": \"A\", \"lastName\": \"B\"}\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .arg("import")
            .args(arguments)
            .arg("--data-dir")
            .arg(home().join("sandbox"))
            .env("DATABASE_URL", url.expose_secret());
        command.output().unwrap()
    };
    let file = file.to_str().unwrap();
    let output = run(&["persons", file, "--report", report.to_str().unwrap()]);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed.contains("line 1: personId CHECK_DIGIT: 148372*****")
            && !printed.contains("14837211192"),
        "{printed}"
    );
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(
        (&report[0]["wrong"], &report[0]["findings"][0]["code"]),
        (&json!(1), &json!("CHECK_DIGIT"))
    );
    for (arguments, said) in [
        (&["people", file][..], "is no kind of file"),
        (&["persons"][..], "which file?"),
        (&["brreg", file][..], "--enheter"),
        (&["brreg"][..], "at least one"),
        (&["persons", "/no/such/file"][..], "/no/such/file"),
        (&["persons", file, "--enheter", file][..], "import brreg"),
    ] {
        let output = run(arguments);
        assert!(
            !output.status.success() && String::from_utf8_lossy(&output.stderr).contains(said),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[tokio::test]
async fn a_dry_run_leaves_the_operators_policy_of_a_system_resource() {
    let url = database().await;
    let mut db = PgConnection::connect(url.expose_secret()).await.unwrap();
    sqlx::query("update resource_policy set xml = xml || ' ', sha256 = sha256(xml || ' ') where identifier = 'altinn_client_administration'")
        .execute(&mut db)
        .await
        .unwrap();
    let state =
        "select (select count(*) from resource_policy) + (select count(*) from resource_version)";
    let before = number(&mut db, state).await;
    let file = home().join("one.ndjson");
    let line = json!({"orgNumber": "391500002", "name": "FIRMA", "form": "AS"});
    std::fs::write(&file, format!("{line}\n")).unwrap();
    let dry_run = tokio::task::spawn_blocking(move || {
        command(&file, &url).arg("--dry-run").status().unwrap()
    });
    assert!(dry_run.await.unwrap().success());
    assert_eq!(number(&mut db, state).await, before);
    assert_eq!(number(&mut db, THERE).await, 0);
}
