//! An import that is killed halfway: nothing of it is there, and the next run goes on where it
//! stopped.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use foundation::ids::OrgNumber;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{PROGRAM, database, home};
use testkit::database::Database;

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

#[tokio::test]
async fn killed_while_reading_it_goes_on_where_it_stopped() {
    let url = database().await;
    let stored = Database::at(url.clone());
    let file = organizations();
    let child = command(&file, &url).spawn().unwrap();
    stored.until_staged().await;
    kill(child);
    let staged = stored.staged_lines().await;
    assert!(
        staged > 0 && usize::try_from(staged).unwrap() < LINES,
        "{staged}"
    );
    assert_eq!(stored.parties_from("operator").await, 0);

    let output = run(file, url).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("going on after line"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        usize::try_from(stored.parties_from("operator").await).unwrap(),
        LINES
    );
    assert_eq!(stored.staged_organizations().await, 0);
}

#[tokio::test]
async fn killed_while_merging_nothing_is_there() {
    let url = database().await;
    let stored = Database::at(url.clone());
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
    let held = stored.hold_writes("party_address").await;
    let child = command(&file, &url).spawn().unwrap();
    stored.until_waited_for("party_address").await;
    kill(child);
    held.release().await;
    stored.until_free("party_address").await;
    assert_eq!(stored.parties_from("operator").await, 0);
    let output = run(file, url).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(stored.parties_from("operator").await, 1);
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
    let stored = Database::at(url.clone());
    stored.reword_policy("altinn_client_administration").await;
    let before = stored.stored_versions().await;
    let file = home().join("one.ndjson");
    let line = json!({"orgNumber": "391500002", "name": "FIRMA", "form": "AS"});
    std::fs::write(&file, format!("{line}\n")).unwrap();
    let dry_run = tokio::task::spawn_blocking(move || {
        command(&file, &url).arg("--dry-run").status().unwrap()
    });
    assert!(dry_run.await.unwrap().success());
    assert_eq!(stored.stored_versions().await, before);
    assert_eq!(stored.parties_from("operator").await, 0);
}
