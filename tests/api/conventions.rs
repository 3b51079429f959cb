//! What every endpoint has in common: paths, methods, media types, error bodies, hostile input.

use reqwest::Method;
use serde_json::json;

use crate::support::*;

const SYSTEM: &str = "/authentication/api/v1/systemregister/vendor/390198116_fjordlonn";

#[tokio::test]
async fn paths_are_written_in_many_ways() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    for path in [
        SYSTEM.to_owned(),
        format!("/{SYSTEM}/"),
        SYSTEM.replace("systemregister/vendor", "SystemRegister//Vendor"),
        SYSTEM.replace('_', "%5F"),
    ] {
        app.get(&path, &token).await.expect(200);
    }
    app.get(&SYSTEM.replace("fjordlonn", "FJORDLONN"), &token)
        .await
        .expect(404);
    for path in [
        "%2e%2e/x",
        "../x",
        "./x",
        "systemregister/vendor/%00",
        "systemregister/vendor/%ff",
    ] {
        let request = format!(
            "GET /authentication/api/v1/{path} HTTP/1.1\r\nHost: {{host}}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(app.raw_status(&request).await, 400, "{path}");
    }
    app.get("/authentication/api/v1/systemregister/vendor/a%2Fb", &token)
        .await
        .expect(404);
}

#[tokio::test]
async fn unknown_routes_unknown_methods_and_routes_to_come() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let unknown = app
        .get("/authentication/api/v1/no/such/route/at/all", &token)
        .await
        .expect(404);
    assert_eq!(unknown.text, "");
    let wrong = app
        .send(Method::PATCH, SYSTEM, Some(&token), None)
        .await
        .expect(405);
    assert_eq!(
        (wrong.text.as_str(), wrong.header("allow")),
        ("", "GET,PUT,DELETE")
    );
    app.send(Method::OPTIONS, SYSTEM, Some(&token), None)
        .await
        .expect(405);
    let head = app
        .send(Method::HEAD, SYSTEM, Some(&token), None)
        .await
        .expect(405);
    assert_eq!(head.header("allow"), "GET,PUT,DELETE");
    for path in ["/authentication/api/v1/refresh", "/operator"] {
        let answer = app.get(path, &token).await.expect(404);
        assert_eq!(answer.problem()["title"], "Not Found", "{path}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json; charset=utf-8"
        );
    }
}

#[tokio::test]
async fn a_trace_is_continued_into_the_answer() {
    let app = TestApp::start().await;
    let request = app
        .http
        .get(format!("{}/authentication/api/v1/refresh", app.base));
    let request = request.header(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    let body = Answer::of(request.send().await.unwrap()).await.json();
    assert!(
        body["traceId"]
            .as_str()
            .unwrap()
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-")
    );
}

#[tokio::test]
async fn detail_repeats_the_title_unless_it_is_switched_off() {
    for (setting, expected) in [("true", true), ("false", false)] {
        let app = TestApp::with(&[("compat.problem_detail", setting)]).await;
        let token = app.vendor(who::FJORDLONN).await;
        let answer = app
            .get(
                &format!(
                    "/authentication/api/v1/systemuser/request/vendor/{}",
                    uuid::Uuid::new_v4()
                ),
                &token,
            )
            .await;
        let body = answer.expect(404).problem();
        assert_eq!(
            body["title"],
            "The Id does not refer to a Request in our system."
        );
        assert_eq!(body.get("detail"), expected.then(|| &body["title"]));
    }
}

#[tokio::test]
async fn media_types_and_encodings() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let path = format!(
        "{}/authentication/api/v1/systemuser/request/vendor",
        app.base
    );
    for (content_type, status) in [
        ("application/json", 400),
        ("application/json; charset=utf-8", 400),
        ("text/json", 400),
        ("application/vnd.x+json", 400),
        ("text/plain", 415),
        ("application/xml", 415),
    ] {
        let request = app
            .http
            .post(&path)
            .bearer_auth(&token)
            .header("content-type", content_type)
            .body("{}");
        assert_eq!(
            request.send().await.unwrap().status(),
            status,
            "{content_type}"
        );
    }
    let request = app.http.post(&path).bearer_auth(&token).body("{}");
    assert_eq!(request.send().await.unwrap().status(), 415);
    let request = app
        .http
        .post(&path)
        .bearer_auth(&token)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body("{}");
    assert_eq!(request.send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn hostile_text_is_answered_like_harmless_text() {
    let app = TestApp::start().await;
    let token = app
        .organization(
            who::FJORDLONN,
            &format!("{REGISTER_WRITE} {REQUEST_WRITE} {REQUEST_READ} {LOOKUP}"),
        )
        .await;
    let hostile = [
        "'",
        "\"",
        "\\",
        "%",
        "_",
        "';--",
        "a\u{202e}b",
        "\r\nX: y",
        "{{7*7}}",
        "<script>",
        "🦊",
        &"x".repeat(6_000),
    ];
    for text in hostile {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let in_path = encoded.replace('+', "%20");
        for path in [
            format!("/authentication/api/v1/systemregister/vendor/{in_path}"),
            format!(
                "/authentication/api/v1/systemuser/request/vendor/byexternalref/{in_path}/1/{in_path}"
            ),
            format!(
                "/authentication/api/v1/systemuser/byExternalId?clientId={encoded}&systemProviderOrgNo={encoded}&systemUserOwnerOrgNo=1"
            ),
        ] {
            if path.len() < 8_000 {
                app.get(&path, &token).await.expect(404);
            }
        }
        let status = app
            .get(
                &format!("/authentication/api/v1/systemuser/request/vendor/{in_path}"),
                &token,
            )
            .await
            .status;
        assert_eq!(status, 400);
        let body = json!({"systemId": text, "partyOrgNo": text, "externalRef": text, "accessPackages": []});
        let answer = app
            .post(
                "/authentication/api/v1/systemuser/request/vendor",
                &token,
                body,
            )
            .await;
        assert!(matches!(answer.status, 400 | 404), "{}", answer.text);
    }
    let nul = app.get("/authentication/api/v1/systemuser/byExternalId?clientId=%00&systemProviderOrgNo=1&systemUserOwnerOrgNo=1", &token).await;
    assert_eq!(nul.error_keys(), ["clientId"]);
    app.get(
        &format!(
            "/authentication/api/v1/systemregister/vendor/{}",
            "x".repeat(9_000)
        ),
        &token,
    )
    .await
    .expect(414);
}

#[tokio::test]
async fn probes_documents_and_metrics() {
    let app = TestApp::start().await;
    for (path, text) in [("/alive", "Healthy"), ("/health", "Healthy")] {
        assert_eq!(
            app.send(Method::GET, path, None, None)
                .await
                .expect(200)
                .text,
            text
        );
    }
    assert_eq!(
        app.send(Method::GET, "/health/ready", None, None)
            .await
            .expect(200)
            .json()["status"],
        "Healthy"
    );
    app.send(Method::GET, "/metrics", None, None)
        .await
        .expect(200);
    let description = app
        .send(Method::GET, "/openapi.json", None, None)
        .await
        .expect(200)
        .json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = description["paths"].as_object().unwrap();
    assert!(
        paths.contains_key("/authorization/api/v1/authorize") && paths.len() >= 22,
        "{}",
        paths.len()
    );
    for path in [
        "/docs",
        "/docs/api",
        "/docs/api/swagger-ui.css",
        "/docs/api/swagger-ui-bundle.js",
        "/status",
        "/robots.txt",
        "/.well-known/security.txt",
    ] {
        app.send(Method::GET, path, None, None).await.expect(200);
    }
    app.send(Method::GET, "/openapi/v1.yaml", None, None)
        .await
        .expect(200);
    app.running.state.readiness.stop();
    assert_eq!(
        app.send(Method::GET, "/health/ready", None, None)
            .await
            .expect(503)
            .json()["status"],
        "Unhealthy"
    );
    assert_eq!(
        app.send(Method::GET, "/health", None, None)
            .await
            .expect(503)
            .text,
        "Unhealthy"
    );
    app.send(Method::GET, "/alive", None, None)
        .await
        .expect(200);
}

#[tokio::test]
async fn another_host_name_is_not_ours() {
    let app = TestApp::start().await;
    for (host, status) in [
        ("localhost", 404),
        ("127.0.0.1:1", 404),
        ("evil.example", 421),
        ("", 421),
    ] {
        let request = app
            .http
            .get(format!("{}/authentication/api/v1/refresh", app.base))
            .header("host", host);
        assert_eq!(request.send().await.unwrap().status(), status, "{host}");
    }
}
