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

/// Status and target of a page of the login, asked of a host.
async fn led(app: &TestApp, path: &str, host: &str, site: &str) -> (u16, String) {
    let request = app
        .http
        .get(format!("{}{path}", app.base))
        .header(HOST, host)
        .header("sec-fetch-site", site);
    let answer = request.send().await.expect("an answer");
    let location = answer.headers().get("location");
    let location = location.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default())
}

const LOGIN: &str = "/authentication/api/v1/authentication?goto=%2Faccessmanagement%2Fui";
const LOGOUT: &str = "/authentication/api/v1/logout";

#[tokio::test]
async fn login_and_log_out_are_led_to_the_host_of_the_pages() {
    let app = TestApp::with(&[("server.ui_base_url", "http://pages.example")]).await;
    for path in [LOGIN, LOGOUT] {
        let there = (302, format!("http://pages.example{path}"));
        assert_eq!(led(&app, path, "localhost", "none").await, there);
        let (_, location) = led(&app, path, "pages.example", "none").await;
        assert!(
            !location.starts_with("http://pages.example/authentication"),
            "{location}"
        );
    }
    // The identity provider knows the way back to that host.
    let (_, location) = led(&app, LOGIN, "pages.example", "none").await;
    assert!(location.starts_with(&app.idporten), "{location}");
}

#[tokio::test]
async fn a_link_of_the_other_name_ends_a_session_and_one_of_another_site_does_not() {
    let two = TestApp::with(&[("server.ui_base_url", "http://pages.example")]).await;
    let one = TestApp::start().await;
    for (app, host, site, ends) in [
        (&two, "pages.example", "same-site", true),
        (&two, "pages.example", "cross-site", false),
        (&one, "localhost", "same-site", false),
        (&one, "localhost", "same-origin", true),
    ] {
        // Who is asked to confirm sees a page.
        let (status, _) = led(app, LOGOUT, host, site).await;
        assert_eq!(status != 200, ends, "{host} {site}: {status}");
    }
}
