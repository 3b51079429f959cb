//! A start with other settings than the last one is a security event.

use foundation::config::LiveCheckMode;
use testkit::{log::SecurityLog, postgres, prelude::*};

#[tokio::test]
async fn the_same_settings_are_no_change() {
    let database = postgres::database().await;
    TestApp::on(database.clone(), &[])
        .await
        .running
        .stop()
        .await;
    let log = SecurityLog::capture();
    TestApp::on(database, &[]).await.running.stop().await;
    assert!(log.events("config.changed").is_empty());
}

#[tokio::test]
async fn other_settings_are_logged_with_their_digest() {
    let database = postgres::database().await;
    let first = TestApp::on(database.clone(), &[]).await;
    first.running.stop().await;
    let log = SecurityLog::capture();
    let app = TestApp::on(database, &[("compat.refresh", "true")]).await;
    let digest = app.running.config.settings.digest().unwrap();
    assert_eq!(log.only("config.changed")["digest"], digest);
}

#[tokio::test]
async fn settings_that_are_changed_back_are_changed_again() {
    let database = postgres::database().await;
    let other = [("pagination.page_size", "7")];
    for settings in [&[][..], &other] {
        let app = TestApp::on(database.clone(), settings).await;
        app.running.stop().await;
    }
    let log = SecurityLog::capture();
    let app = TestApp::on(database, &[]).await;
    let digest = app.running.config.settings.digest().unwrap();
    assert_eq!(log.only("config.changed")["digest"], digest);
}

#[tokio::test]
async fn a_sandbox_checks_what_test_tokens_have() {
    let app = TestApp::start().await;
    assert_eq!(
        app.running.config.settings.systemuser.live_check,
        LiveCheckMode::ByIssuer
    );
}
