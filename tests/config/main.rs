//! `systembruker config check` and `serve`, as an operator runs them: which settings stop production,
//! and how each is reported. Roles alone need a database.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends there")]

mod commands;
mod doctor;
mod installation;
mod key_rotation;
mod operations;
mod refusals;
mod roles;
mod sandbox_keys;

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use installation::{Installation, checked, program};
use rstest::rstest;

#[test]
fn a_complete_installation_is_good_while_its_database_is_away() {
    let answer = checked(&Installation::new());
    assert_eq!(answer.code, 0, "{}", answer.output);
    assert!(answer.output.starts_with("good: profile prod\n"));
}

#[test]
fn everything_is_reported_at_once() {
    let mut installation = Installation::new();
    installation.set("PDP__MAX_STALENES_MS", "1");
    installation.set("PDP__MAX_BODY_BYTES", "s3cret");
    installation.set("SANDBOX__DIR", "/tmp/s3cret");
    installation.set("SERVER__TRUSTED_PROXIES", "0.0.0.0/0");
    installation.set("PDP__SUBSCRIPTION_KEYS", "s3cret");
    installation.set("DATABASE_URL", "postgresql://sb:s3cret@db.invalid/sb");
    installation.unset("AUDIT__CHECKPOINT_PATH");
    installation.allow("person-id", 0o644);
    installation.write("blind-index", &"00".repeat(32));
    let answer = checked(&installation);
    assert_eq!(answer.code, 1);
    let keys: Vec<&str> = answer
        .output
        .lines()
        .filter_map(|line| line.split(": ").next())
        .collect();
    for key in [
        "pdp.max_stalenes_ms",
        "pdp.max_body_bytes",
        "sandbox.*",
        "server.trusted_proxies",
        "pdp.subscription_keys",
        "database.url (DATABASE_URL)",
        "audit.checkpoint_path",
        "keys.person_id",
        "keys.blind_index",
    ] {
        assert!(keys.contains(&key), "{key}: {}", answer.output);
    }
    assert!(!answer.output.contains("s3cret"), "{}", answer.output);
}

#[test]
fn serve_refuses_what_the_check_refuses_and_opens_no_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut installation = Installation::new();
    // A program that tried to listen there would fail with another message.
    let taken = listener.local_addr().unwrap().to_string();
    installation.set("SERVER__LISTEN", &taken);
    installation.allow("person-id", 0o644);
    installation.set("SERVER__TRUSTED_PROXIES", "::/0");
    let refused = checked(&installation);
    let served = installation.run(&["serve"]);
    assert_eq!((refused.code, served.code), (1, 3));
    for line in refused.output.lines() {
        assert!(served.errors.contains(line), "{line}: {}", served.errors);
    }
}

#[test]
fn a_key_of_the_command_is_taken_by_its_hash_alone() {
    let output = program(&["keys", "new-subscription-key"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let printed = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.expect("a line of its own").trim().to_owned()
    };
    let mut installation = Installation::new();
    installation.set("PDP__SUBSCRIPTION_KEYS", &printed("hash:"));
    assert_eq!(checked(&installation).code, 0);
    installation.set("PDP__SUBSCRIPTION_KEYS", &printed("key:"));
    let answer = checked(&installation);
    assert!(answer.code == 1 && !answer.output.contains(&printed("key:")));
}

#[rstest]
#[case("prod", "strict", false)]
#[case("prod", "by_issuer", true)]
#[case("prod", "lenient", true)]
fn a_weaker_live_check_is_pointed_out(
    #[case] profile: &str,
    #[case] mode: &str,
    #[case] is_noted: bool,
) {
    let mut installation = Installation::new();
    installation.set("SERVER__PROFILE", profile);
    installation.set("SYSTEMUSER__LIVE_CHECK", mode);
    let answer = checked(&installation);
    assert_eq!(answer.code, 0);
    assert_eq!(answer.output.contains("systemuser.live_check"), is_noted);
}

#[test]
fn the_help_says_what_is_checked_and_how_it_ends() {
    let output = program(&["config", "check", "--help"])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Exit codes:") && text.contains("--config production.toml"));
}

/// A command with the environment of a test.
fn plain(arguments: &[&str]) -> Command {
    program(arguments)
}
