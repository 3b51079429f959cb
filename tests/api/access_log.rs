//! One line of the log for each request.

use std::time::Duration;

use testkit::{
    log::{Line, TargetLog},
    prelude::*,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Waits until a line about a request with this user agent is written, and returns all of them.
async fn lines_of(log: &TargetLog, agent: &str) -> Vec<Line> {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let mut lines = log.lines();
            lines.retain(|line| line.get("user_agent").is_some_and(|a| a == agent));
            if !lines.is_empty() {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("a line is written")
}

#[tokio::test]
async fn a_request_leaves_one_line_with_its_route_and_its_caller() {
    let log = TargetLog::capture("access");
    let world = World::start().await;
    let vendor = world.fjordlonn().with_header("user-agent", "probe 1");

    let answer = vendor
        .get("/authentication/api/v1/SystemRegister/vendor/390198116_fjordlonn?x=secret")
        .await
        .assert_status(200);

    let lines = lines_of(&log, "probe 1").await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let line = &lines[0];
    assert_eq!(line["method"], "GET");
    let route = "/authentication/api/v1/systemregister/vendor/{systemId}";
    assert_eq!(line["route"], route);
    assert_eq!(line["status"], "200");
    assert_eq!(line["bytes"], answer.text.len().to_string());
    assert!(line["duration_ms"].parse::<f64>().unwrap() > 0.0);
    assert_eq!(line["caller"], "organization");
    assert_eq!(line["organization"], FJORDLONN.number);
    assert_eq!(line["address"], "127.0.0.1");
    assert_eq!(line["request_id"].len(), 36);
    assert_eq!(line["trace_id"].len(), 55);
    assert!(!format!("{line:?}").contains("secret"), "{line:?}");
}

#[tokio::test]
async fn an_incoming_trace_is_in_the_line() {
    let log = TargetLog::capture("access");
    let world = World::start().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let caller = world
        .anonymous()
        .with_header("user-agent", "probe 2")
        .with_header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"));
    caller.get("/nowhere/at/all").await.assert_status(404);
    let lines = lines_of(&log, "probe 2").await;
    assert!(lines[0]["trace_id"].contains(trace));
    assert_eq!(lines[0]["route"], "unmatched");
    assert_eq!(lines[0]["caller"], "anonymous");
}

#[tokio::test]
async fn a_path_that_is_refused_has_its_line_too() {
    let log = TargetLog::capture("access");
    let world = World::start().await;
    let caller = world.anonymous().with_header("user-agent", "probe 3");
    caller.get("/authentication/%00").await.assert_status(400);
    let lines = lines_of(&log, "probe 3").await;
    assert_eq!(lines[0]["status"], "400");
}

#[tokio::test]
async fn a_long_user_agent_is_cut() {
    let log = TargetLog::capture("access");
    let world = World::start().await;
    let long = "x".repeat(1_000);
    let caller = world.anonymous().with_header("user-agent", &long);
    caller.get("/alive").await.assert_status(200);
    assert_eq!(lines_of(&log, &long[..200]).await.len(), 1);
}

#[tokio::test]
async fn a_user_agent_moves_no_cursor_and_ends_no_line() {
    let log = TargetLog::capture("access");
    let world = World::start().await;
    let address = world.app.running.config.settings.server.listen;
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A tab, the C1 control character CSI, and an override of direction, in UTF-8.
    let agent = b"probe\t5\xc2\x9b31m\xe2\x80\xaee";
    let request = [
        &b"GET /alive HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: "[..],
        &agent[..],
        &b"\r\n\r\n"[..],
    ];
    stream.write_all(&request.concat()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(lines_of(&log, "probe 5 31m e").await.len(), 1);
}

#[tokio::test]
async fn a_list_that_is_sent_while_it_is_read_is_counted_to_its_end() {
    let log = TargetLog::capture("access");
    let world = World::start().await;
    let caller = world
        .stian()
        .with_scopes(CLIENTS_READ)
        .with_header("user-agent", "probe 4");
    let answer = caller
        .lists_available_clients(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(200)
        .assert_header("content-length", "");
    let lines = lines_of(&log, "probe 4").await;
    assert_eq!(lines[0]["bytes"], answer.text.len().to_string());
    assert_eq!(lines[0]["caller"], "person");
}

#[tokio::test]
async fn lines_are_switched_off_by_a_setting() {
    let log = TargetLog::capture("access");
    let world = World::with(&[("log.access", "false")]).await;
    world.anonymous().get("/alive").await.assert_status(200);
    assert!(log.lines().is_empty());
}
