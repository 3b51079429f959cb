//! Commands that ask a running service, as a person or a container runs them.

use serde_json::Value;
use tokio::process::Command;

use crate::support::*;

const ONE_PORT: &[(&str, &str)] = &[("sandbox.single_port", "true")];

/// How a command ended, and what it printed.
struct Ended {
    code: Option<i32>,
    output: String,
    errors: String,
}

/// Runs the program from a folder that has nothing to do with the sandbox.
async fn run(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_systembruker"))
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .output()
        .await
        .unwrap();
    Ended {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test]
async fn the_demo_needs_an_address_and_nothing_else() {
    let app = TestApp::with(ONE_PORT).await;
    let ended = run(&["demo", "--base", &app.base]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.output, ended.errors);
    assert!(ended.output.contains("asks about a-melding: Permit"));
    assert!(!ended.output.contains("POST "), "{}", ended.output);
}

#[tokio::test]
async fn the_demo_shows_what_it_sends_without_whole_tokens() {
    let app = TestApp::with(ONE_PORT).await;
    let ended = run(&["demo", "--show-requests", "--base", &app.base]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.output, ended.errors);
    let shown = &ended.output;
    for part in [
        &format!(
            "POST {}/authentication/api/v1/systemuser/request/vendor\n",
            app.base
        ),
        "\"partyOrgNo\": \"390381492\"",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
        "\"type\": \"urn:altinn:systemuser\"",
        "pid=11859024884",
        "authorization: Bearer eyJ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let is_token = |word: &str| word.matches('.').count() == 2 && word.contains("eyJ");
    let whole = shown.split_whitespace().find(|word| is_token(word));
    assert_eq!(whole, None);
}

#[tokio::test]
async fn a_healthy_service_is_said_to_be_ready() {
    let app = TestApp::start().await;
    let ended = run(&["health", "--json", "--address", &app.base]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let health: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(health["status"], 200);
    assert_eq!(health["answer"]["status"], "Healthy");
}

#[tokio::test]
async fn a_service_that_is_not_ready_is_unhealthy_and_yet_alive() {
    let app = TestApp::start().await;
    app.running.state.readiness.stop();
    let asked = run(&["health", "--address", &app.base]).await;
    assert_eq!(asked.code, Some(1), "{}", asked.output);
    let alive = run(&["health", "--alive", "--address", &app.base]).await;
    assert_eq!(alive.code, Some(0), "{}", alive.output);
}
