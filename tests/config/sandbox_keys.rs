//! A sandbox's keys get into no real installation, whatever they are called there.

use std::{fs, os::unix::fs::symlink};

use foundation::config::{SANDBOX_MARK, without_comments};
use rstest::rstest;
use sandbox::SandboxKeys;

use crate::installation::{Ended, Installation, RSA_KEYS, checked};

/// An installation, and the folder of a sandbox within its own.
fn with_a_sandbox() -> Installation {
    let installation = Installation::new();
    SandboxKeys::load(&installation.dir.join("sandbox")).unwrap();
    installation
}

fn copy(installation: &Installation, of: &str, to: &str) {
    let text = fs::read_to_string(installation.dir.join("sandbox").join(of)).unwrap();
    installation.write(to, &text);
}

fn assert_reported(answer: &Ended, key: &str) {
    assert_eq!(answer.code, 1);
    assert!(
        answer.output.starts_with(key) && answer.output.contains("made by a sandbox"),
        "{}",
        answer.output
    );
}

#[rstest]
#[case("prod", "keys/altinn.pem", "signing.pem", "tokens.signing_keys")]
#[case("prod", "keys/maskinporten.pem", "signing.pem", "tokens.signing_keys")]
#[case("prod", "keys/login-client.pem", "login.pem", "idporten.key_file")]
#[case("prod", "keys/blind-index", "blind-index", "keys.blind_index")]
#[case("prod", "keys/person-id", "person-id", "keys.person_id")]
#[case("prod", "keys/subject", "audit-checkpoints", "keys.audit_checkpoints")]
#[case("test", "keys/altinn.pem", "signing.pem", "tokens.signing_keys")]
#[case("test", "keys/person-id", "person-id", "keys.person_id")]
fn a_copy_under_another_name_is_recognised(
    #[case] profile: &str,
    #[case] of: &str,
    #[case] to: &str,
    #[case] key: &str,
) {
    let mut installation = with_a_sandbox();
    installation.set("SERVER__PROFILE", profile);
    copy(&installation, of, to);
    assert_reported(&checked(&installation), key);
}

#[test]
fn a_file_below_the_folder_of_a_sandbox_is_refused_by_any_link() {
    let mut installation = with_a_sandbox();
    installation.write("sandbox/unmarked.pem", &RSA_KEYS[2].to_pem());
    let link = installation.dir.join("link.pem");
    symlink(installation.dir.join("sandbox/unmarked.pem"), link).unwrap();
    installation.name("TOKENS__SIGNING_KEYS", "link.pem");
    assert_reported(&checked(&installation), "tokens.signing_keys");
}

#[test]
fn a_key_from_before_there_was_a_mark_is_marked_and_stays_the_same() {
    let installation = Installation::new();
    let keys = installation.dir.join("sandbox/keys");
    fs::create_dir_all(&keys).unwrap();
    installation.write("sandbox/keys/altinn.pem", &RSA_KEYS[2].to_pem());
    let (_, before) = SandboxKeys::load(&installation.dir.join("sandbox")).unwrap();
    let (_, after) = SandboxKeys::load(&installation.dir.join("sandbox")).unwrap();
    assert_eq!(before.own_keys.document(), after.own_keys.document());
    let kid = before.own_keys.signing_key().kid();
    assert_eq!(kid.strip_prefix("sandbox-"), Some(RSA_KEYS[2].kid()));
    copy(&installation, "keys/altinn.pem", "signing.pem");
    assert_reported(&checked(&installation), "tokens.signing_keys");
}

#[test]
fn a_secret_from_before_there_was_a_mark_is_marked_and_stays_the_same() {
    let installation = Installation::new();
    let dir = installation.dir.join("sandbox");
    SandboxKeys::load(&dir).unwrap();
    let path = dir.join("keys/person-id");
    let secret = without_comments(&fs::read_to_string(&path).unwrap());
    fs::write(&path, &secret).unwrap();
    SandboxKeys::load(&dir).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(without_comments(&text), secret);
    assert!(text.contains(SANDBOX_MARK));
}
