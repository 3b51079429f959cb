//! How commands end: 0 good, 1 what was checked does not hold, 2 wrong use, 3 could not.

use rstest::rstest;
use serde_json::Value;

use crate::{
    installation::{Installation, checked, ended},
    plain,
};

const BROKEN_POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const POLICY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/policy_commands/policy.xml"
);
const REQUEST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/policy_commands/request.json"
);

#[rstest]
#[case(&["--version"], 0)]
#[case(&["keys", "new-subscription-key"], 0)]
#[case(&["policy", "check", POLICY], 0)]
#[case(&["policy", "eval", "--policy", POLICY, "--request", REQUEST], 0)]
#[case(&["completions", "bash"], 0)]
#[case(&["manual", concat!(env!("CARGO_TARGET_TMPDIR"), "/manual")], 0)]
#[case(&["health", "--address", "http://127.0.0.1:1"], 1)]
#[case(&["policy", "check", BROKEN_POLICY], 1)]
#[case(&["policy", "eval", "--policy", BROKEN_POLICY, "--request", REQUEST], 1)]
#[case(&["no-such-command"], 2)]
#[case(&["config", "check", "--no-such-option"], 2)]
#[case(&["sandbox", "--port", "1"], 2)]
#[case(&["demo", "--base", "nowhere"], 2)]
#[case(&["completions", "tcsh"], 2)]
#[case(&["health", "--address", "nowhere"], 2)]
#[case(&["import", "people", POLICY], 2)]
#[case(&["import", "persons"], 2)]
#[case(&["import", "persons", POLICY, "--enheter", POLICY], 2)]
#[case(&["import", "brreg"], 2)]
#[case(&["import", "catalogue"], 2)]
#[case(&["import", "persons", POLICY, POLICY], 2)]
#[case(&["import", "persons", POLICY, "--retire-missing"], 2)]
#[case(&["import", "persons", POLICY], 2)]
#[case(&["decisions", "export", "--from", "2026-01-02", "--to", "2026-01-01"], 2)]
#[case(&["policy", "check", "/no/such/file"], 3)]
#[case(&["policy", "conformance", "/no/such/folder"], 3)]
#[case(&["serve"], 3)]
#[case(&["serve", "--config", "/no/such/file"], 3)]
#[case(&["migrate"], 3)]
#[case(&["config", "check", "--config", "/no/such/file"], 3)]
#[case(&["health", "--config", "/no/such/file"], 3)]
#[case(&["manual", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")], 3)]
#[case(&["audit", "verify", "--config", "/no/such/file"], 3)]
#[case(&["audit", "verify", "--data-dir", "/no/such/folder"], 3)]
#[case(&["decisions", "export", "--from", "2026-01-01", "--data-dir", "/no/such/folder"], 3)]
#[case(&["import", "organizations", POLICY, "--data-dir", env!("CARGO_MANIFEST_DIR")], 3)]
#[case(&["demo", "--base", "http://127.0.0.1:1"], 3)]
fn commands_end_with(#[case] arguments: &[&str], #[case] code: i32) {
    let ended = ended(&mut plain(arguments));
    assert_eq!(ended.code, code, "{}{}", ended.output, ended.errors);
}

#[rstest]
#[case(&["serve"])]
#[case(&["migrate"])]
#[case(&["audit", "verify"])]
#[case(&["decisions", "export", "--from", "2026-01-01"])]
#[case(&["import", "persons", POLICY])]
fn a_database_that_is_away_is_no_finding(#[case] arguments: &[&str]) {
    let mut installation = Installation::new();
    installation.set("DATABASE_URL", "postgresql://sb@127.0.0.1:1/sb");
    installation.set("DATABASE__ACQUIRE_TIMEOUT_S", "1");
    assert_eq!(checked(&installation).code, 0);
    let ended = installation.run(arguments);
    assert_eq!(ended.code, 3, "{}{}", ended.output, ended.errors);
}

#[rstest]
#[case(&["migrate"])]
#[case(&["audit", "verify"])]
#[case(&["import", "persons", POLICY])]
fn no_command_reaches_a_production_database_unverified(#[case] arguments: &[&str]) {
    let mut installation = Installation::new();
    installation.set("DATABASE_URL", "postgresql://sb@192.0.2.1/sb");
    let ended = installation.run(arguments);
    assert_eq!(ended.code, 3);
    assert!(ended.errors.contains("database.url"), "{}", ended.errors);
}

#[test]
fn the_version_names_the_features() {
    let long = ended(&mut plain(&["--version"]));
    assert!(
        long.output.contains("\nfeatures: sandbox, xpath\n"),
        "{}",
        long.output
    );
    let short = ended(&mut plain(&["-V"]));
    let version = concat!("systembruker ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(short.output, version);
}

#[rstest]
fn a_shell_completes_all_commands(#[values("bash", "fish", "zsh")] shell: &str) {
    let ended = ended(&mut plain(&["completions", shell]));
    for command in ["health", "rekey", "new-subscription-key", "manual"] {
        assert!(ended.output.contains(command), "{shell}: {command}");
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let dir = Installation::new();
    let folder = dir.path("manual");
    assert_eq!(ended(&mut plain(&["manual", &folder])).code, 0);
    for (page, word) in [
        ("systembruker.1", "Exit codes"),
        ("systembruker-health.1", "HEALTHCHECK"),
        ("systembruker-config-check.1", "production.toml"),
    ] {
        let text = std::fs::read_to_string(format!("{folder}/{page}")).unwrap();
        assert!(text.contains(word), "{page}");
    }
}

#[test]
fn findings_about_settings_can_be_read_by_a_script() {
    let mut installation = Installation::new();
    installation.set("SERVER__TRUSTED_PROXIES", "::/0");
    let ended = installation.run(&["config", "check", "--json"]);
    assert_eq!(ended.code, 1);
    let verdict: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(verdict["holds"], false);
    let wrong = verdict["wrong"][0].as_str().unwrap();
    assert!(wrong.starts_with("server.trusted_proxies: "), "{wrong}");
}

#[test]
fn findings_about_a_policy_can_be_read_by_a_script() {
    let ended = ended(&mut plain(&[
        "policy",
        "check",
        "--json",
        POLICY,
        BROKEN_POLICY,
    ]));
    assert_eq!(ended.code, 1);
    let files: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(files[0]["holds"], true);
    assert_eq!(files[1]["findings"][0]["severity"], "error");
    assert_eq!(files[1]["findings"][0]["line"], 1);
}
