//! `doctor` tries what a running service needs, and says what helps.

use secrecy::ExposeSecret as _;
use testkit::{
    faults::{note_written_checkpoint, note_written_object},
    postgres::empty_database,
    roles::{serving_role, take_from_public},
    settings::free_ports,
};

use crate::installation::{Ended, Installation};

/// An installation that listens on a port of its own.
fn installation(database: &str) -> Installation {
    let mut installation = Installation::new();
    installation.set("DATABASE_URL", database);
    let port = free_ports(&[0, 1]);
    installation.set("SERVER__LISTEN", &format!("127.0.0.1:{port}"));
    installation.set(
        "SERVER__INTERNAL_LISTEN",
        &format!("127.0.0.1:{}", port + 1),
    );
    installation
}

fn lines(ended: &Ended, begin: &str) -> Vec<String> {
    let lines = ended
        .output
        .lines()
        .filter_map(|line| line.strip_prefix(begin));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[tokio::test]
async fn a_database_that_is_prepared_is_good() {
    let owner = empty_database().await;
    assert_eq!(
        installation(owner.expose_secret()).run(&["migrate"]).code,
        0
    );
    let role = serving_role(&owner).await;
    let ended = installation(role.expose_secret()).run(&["doctor"]);
    let good = lines(&ended, "ok");
    for part in [
        "settings",
        "server.listen",
        "database",
        "clock",
        "role",
        "schema",
        "grants",
        "history",
        "partitions",
        "checkpoints of the audit trail",
        "recovery.journal",
    ] {
        assert!(
            good.iter().any(|line| line.starts_with(part)),
            "{part}: {}",
            ended.output
        );
    }
    // No program answers for the issuers of an installation that is none.
    let failed = lines(&ended, "FAILS");
    assert!(
        !failed.is_empty() && failed.iter().all(|line| line.starts_with("issuer ")),
        "{}",
        ended.output
    );
    assert_eq!(ended.code, 1);
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_helps() {
    let owner = empty_database().await;
    let ended = installation(owner.expose_secret()).run(&["doctor"]);
    assert_eq!(ended.code, 1);
    let failed = lines(&ended, "FAILS");
    let says = |text: &str| failed.iter().any(|line| line.contains(text));
    assert!(says("systembruker migrate"), "{}", ended.output);
    assert!(says("is a superuser"), "{}", ended.output);
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_and_keeps_the_service_from_starting() {
    let owner = empty_database().await;
    assert_eq!(
        installation(owner.expose_secret()).run(&["migrate"]).code,
        0
    );
    let role = serving_role(&owner).await;
    testkit::roles::take(&owner, "delete on client_delegation").await;
    for command in ["doctor", "serve"] {
        let ended = installation(role.expose_secret()).run(&[command]);
        let said = format!("{}{}", ended.output, ended.errors);
        assert!(
            said.contains("client_delegation (delete)"),
            "{command}: {said}"
        );
        assert!(said.contains("--print-grants"), "{command}: {said}");
    }
}

#[test]
fn a_database_that_is_away_is_reported() {
    let ended = installation("postgresql://sb@127.0.0.1:1/sb").run(&["doctor"]);
    assert_eq!(ended.code, 1);
    let failed = lines(&ended, "FAILS");
    assert!(
        failed[0].starts_with("database: the database at 127.0.0.1:1 cannot be used"),
        "{failed:?}"
    );
}

#[test]
fn settings_that_cannot_be_used_are_all_there_is() {
    let mut installation = installation("postgresql://sb@127.0.0.1:1/sb");
    installation.set("LIMITS__MAX_HEADERS", "1");
    let ended = installation.run(&["doctor"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .output
            .starts_with("FAILS  settings: limits.max_headers"),
        "{}",
        ended.output
    );
}

#[tokio::test]
async fn a_role_that_cannot_see_the_history_is_reported() {
    let owner = empty_database().await;
    assert_eq!(
        installation(owner.expose_secret()).run(&["migrate"]).code,
        0
    );
    let role = serving_role(&owner).await;
    take_from_public(&owner, "execute on function pg_control_system()").await;

    let ended = installation(role.expose_secret()).run(&["doctor"]);

    let failed = lines(&ended, "FAILS");
    assert!(
        failed
            .iter()
            .any(|line| line.starts_with("history: ") && line.contains("pg_control_system()")),
        "{}",
        ended.output
    );
}

#[tokio::test]
async fn a_file_of_checkpoints_that_vanished_is_reported() {
    let owner = empty_database().await;
    let installation = installation(owner.expose_secret());
    assert_eq!(installation.run(&["migrate"]).code, 0);
    note_written_checkpoint(&owner, &installation.path("checkpoints.jsonl")).await;

    let ended = installation.run(&["doctor"]);

    let failed = lines(&ended, "FAILS");
    assert!(
        failed
            .iter()
            .any(|line| line.starts_with("checkpoints of the audit trail: it has vanished")),
        "{}",
        ended.output
    );
}

#[tokio::test]
async fn an_object_that_the_journal_lost_is_named() {
    let owner = empty_database().await;
    assert_eq!(
        installation(owner.expose_secret()).run(&["migrate"]).code,
        0
    );
    note_written_object(&owner, "entries/0/1-x.ndjson").await;
    let role = serving_role(&owner).await;
    let ended = installation(role.expose_secret()).run(&["doctor"]);
    let failed = lines(&ended, "FAILS");
    assert!(
        failed
            .iter()
            .any(|line| line.starts_with("recovery.journal: 1 object")
                && line.contains("entries/0/1-x.ndjson")),
        "{failed:?}"
    );
}
