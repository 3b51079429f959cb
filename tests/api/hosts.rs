//! Names under which a sandbox may be called: those of this machine and those that are listed, on
//! each of its listeners.

use reqwest::header::HOST;
use testkit::prelude::*;

/// One address of each listener.
fn addresses(app: &TestApp) -> Vec<String> {
    let internal = app.running.config.settings.server.internal_listen;
    vec![
        format!("{}/.well-known/authzen-configuration", app.base),
        format!(
            "{}/.well-known/oauth-authorization-server",
            app.maskinporten
        ),
        format!("{}/.well-known/openid-configuration", app.idporten),
        format!("{}/api/.well-known/jwks.json", app.testtools),
        format!("http://{internal}/metrics"),
    ]
}

async fn statuses(app: &TestApp, host: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for address in addresses(app) {
        let request = app.http.get(&address).header(HOST, host);
        statuses.push(request.send().await.expect("an answer").status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn no_listener_answers_to_a_name_that_begins_like_this_machine() {
    let app = TestApp::start().await;
    for host in [
        "127.evil.example",
        "127.0.0.1.evil.example:8080",
        "localhost.evil.example",
        "evil.example",
    ] {
        assert_eq!(statuses(&app, host).await, [421; 5], "{host}");
    }
}

#[tokio::test]
async fn every_listener_answers_to_the_names_of_this_machine() {
    let app = TestApp::start().await;
    for host in [
        "localhost",
        "LOCALHOST:1234",
        "127.0.0.1",
        "127.0.0.2",
        "[::1]:8080",
    ] {
        assert_eq!(statuses(&app, host).await, [200; 5], "{host}");
    }
}

#[tokio::test]
async fn every_listener_answers_to_a_listed_name() {
    let app = TestApp::with(&[("sandbox.allowed_hosts", "sandbox.internal,other")]).await;
    for host in ["Sandbox.Internal:8080", "other", "localhost"] {
        assert_eq!(statuses(&app, host).await, [200; 5], "{host}");
    }
    assert_eq!(statuses(&app, "third").await, [421; 5]);
}

#[tokio::test]
async fn other_names_are_refused_in_a_container_too() {
    let app = TestApp::with(&[("sandbox.allow_nonloopback", "true")]).await;
    assert_eq!(statuses(&app, "evil.example").await, [421; 5]);
}

#[tokio::test]
async fn on_one_port_all_of_it_is_guarded() {
    let app = TestApp::with(&[("sandbox.single_port", "true")]).await;
    assert_eq!(statuses(&app, "127.evil.example").await, [421; 5]);
    assert_eq!(statuses(&app, "127.0.0.1").await, [200; 5]);
}

#[tokio::test]
async fn probes_come_by_any_address() {
    let app = TestApp::start().await;
    let request = app.http.get(format!("{}/alive", app.base));
    let answer = request.header(HOST, "10.1.2.3").send().await.unwrap();
    assert_eq!(answer.status(), 200);
}
