//! A start with other settings than the last one is recorded.

use foundation::config::LiveCheckMode;
use serde_json::{Value, json};
use testkit::{postgres, prelude::*};

/// Details of the rows about changed settings, oldest first.
async fn changes(app: &TestApp) -> Vec<Value> {
    sqlx::query_scalar("select detail from audit_log where action = 'config.changed' order by seq")
        .fetch_all(&app.running.state.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_same_settings_are_no_change() {
    let database = postgres::database().await;
    TestApp::on(database.clone(), &[])
        .await
        .running
        .stop()
        .await;
    let app = TestApp::on(database, &[]).await;
    assert_eq!(changes(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn other_settings_are_recorded_with_their_digest() {
    let database = postgres::database().await;
    let first = TestApp::on(database.clone(), &[]).await;
    let before = first.running.config.settings.digest().unwrap();
    first.running.stop().await;
    let app = TestApp::on(database, &[("compat.refresh", "true")]).await;
    let digest = app.running.config.settings.digest().unwrap();
    assert_eq!(
        changes(&app).await,
        [json!({"digest": digest, "before": before})]
    );
}

#[tokio::test]
async fn settings_that_are_changed_back_are_changed_again() {
    let database = postgres::database().await;
    let other = [("pagination.page_size", "7")];
    for settings in [&[][..], &other] {
        let app = TestApp::on(database.clone(), settings).await;
        app.running.stop().await;
    }
    let app = TestApp::on(database, &[]).await;
    let told = changes(&app).await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["digest"], told[1]["before"]);
    assert_eq!(told[0]["before"], told[1]["digest"]);
}

#[tokio::test]
async fn a_sandbox_checks_what_test_tokens_have() {
    let app = TestApp::start().await;
    assert_eq!(
        app.running.config.settings.systemuser.live_check,
        LiveCheckMode::ByIssuer
    );
}
