//! Clients that keep a connection and do not go on: each is closed at its clock, on every listener,
//! and no other client notices.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::Method;
use secrecy::ExposeSecret as _;
use testkit::{postgres::database, settings::free_ports};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{PROGRAM, Sandbox, support::*};

/// The clock of a test is one second; a machine that has much to do gets longer.
const AT_MOST: Duration = Duration::from_secs(20);

/// Settings in which every clock is long, but for one.
async fn app_with(short: &[&str], extra: &[(&str, &str)]) -> TestApp {
    const CLOCKS: [&str; 8] = [
        "limits.first_byte_timeout_s",
        "limits.header_timeout_s",
        "limits.keep_alive_s",
        "limits.http2_ping_s",
        "limits.write_timeout_s",
        "limits.body_timeout_s",
        "limits.request_timeout_s",
        "limits.page_timeout_s",
    ];
    let mut settings: Vec<(&str, &str)> = CLOCKS
        .iter()
        .map(|key| (*key, if short.contains(key) { "1" } else { "600" }))
        .collect();
    settings.extend_from_slice(extra);
    TestApp::with(&settings).await
}

/// A client that writes bytes of its own.
struct Client(TcpStream);

impl Client {
    async fn of(app: &TestApp) -> Self {
        Self::at(app.running.config.settings.server.listen).await
    }

    async fn at(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// From another address of this machine.
    async fn from(source: Ipv4Addr, address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        Ok(Self(socket.connect(address).await?))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// What came until the service closed the connection.
    async fn until_closed(&mut self) -> String {
        let mut read = Vec::new();
        // A reset is an end, too.
        let _ = timeout(AT_MOST, self.0.read_to_end(&mut read))
            .await
            .expect("the connection is closed");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Sends a byte again and again until the service closes the connection.
    async fn drip_until_closed(&mut self, byte: u8) {
        let dripping = async {
            while self.0.write_all(&[byte]).await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(AT_MOST, dripping)
            .await
            .expect("the connection is closed");
    }

    /// One answer to a request for `/alive`.
    async fn is_answered(&mut self) {
        self.send("GET /alive HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"Healthy") {
            let read = timeout(AT_MOST, self.0.read_buf(&mut answer));
            assert_ne!(read.await.expect("an answer").unwrap(), 0, "closed");
        }
    }
}

/// Every listener of a sandbox.
fn listeners(app: &TestApp) -> Vec<SocketAddr> {
    let settings = &app.running.config.settings;
    let sandbox = settings.sandbox.as_ref().unwrap();
    let mut all = vec![
        settings.server.listen,
        settings.server.internal_listen,
        sandbox.maskinporten.listen,
        sandbox.idporten.listen,
        sandbox.testtools.listen,
    ];
    all.extend(sandbox.tls.listen);
    all
}

#[tokio::test]
async fn a_connection_without_a_byte_is_closed_on_every_listener() {
    let front = format!("127.0.0.1:{}", free_port());
    let app = app_with(
        // A TLS connection is first waited for as its hello is a head.
        &["limits.first_byte_timeout_s", "limits.header_timeout_s"],
        &[("sandbox.tls.listen", &front)],
    )
    .await;
    let mut clients = Vec::new();
    for listener in listeners(&app) {
        clients.push(Client::at(listener).await);
    }
    assert_eq!(clients.len(), 6);
    for mut client in clients {
        assert_eq!(client.until_closed().await, "");
    }
}

#[tokio::test]
async fn a_head_that_begins_and_does_not_end_is_closed_on_every_listener() {
    let app = app_with(&["limits.header_timeout_s"], &[]).await;
    for listener in listeners(&app) {
        for begin in [
            "P",
            "G",
            "PRI * HTTP/2.0",
            "GET /alive HTTP/1.1\r\nHost: localhost\r\nX: ",
        ] {
            let mut client = Client::at(listener).await;
            client.send(begin).await;
            client.until_closed().await;
        }
    }
}

#[tokio::test]
async fn a_dripped_head_is_closed() {
    let app = app_with(&["limits.header_timeout_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client
        .send("GET /alive HTTP/1.1\r\nHost: localhost\r\nX: ")
        .await;
    client.drip_until_closed(b'x').await;
}

#[tokio::test]
async fn the_second_head_of_a_connection_has_a_clock_too() {
    let app = app_with(&["limits.header_timeout_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client.is_answered().await;
    client.send("GET /alive HT").await;
    client.until_closed().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_not_before_its_clock() {
    let app = app_with(&["limits.keep_alive_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client.is_answered().await;
    assert_eq!(client.until_closed().await, "");
}

#[tokio::test]
async fn the_clock_of_heads_does_not_run_between_requests() {
    let app = app_with(
        &["limits.header_timeout_s", "limits.first_byte_timeout_s"],
        &[],
    )
    .await;
    let mut idle = Client::of(&app).await;
    idle.is_answered().await;
    // Twice the time of a head passes.
    for _ in 0..2 {
        let mut silent = Client::of(&app).await;
        silent.until_closed().await;
    }
    idle.is_answered().await;
}

#[tokio::test]
async fn a_slow_body_is_answered_with_408_and_the_connection_closed() {
    let app = app_with(&["limits.body_timeout_s"], &[]).await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let owner = app.organization(who::SAV, AUTHORIZE).await;
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let main = app.running.config.settings.server.listen;
    let sandbox = app.running.config.settings.sandbox.clone().unwrap();
    for (listener, path, kind, token) in [
        (
            main,
            "/authorization/api/v1/authorize",
            json,
            owner.as_str(),
        ),
        (main, "/access/v1/evaluation", json, &owner),
        (
            main,
            "/authentication/api/v1/systemregister/vendor",
            json,
            &vendor,
        ),
        (
            main,
            "/resourceregistry/api/v1/resource/bysubjects",
            json,
            "",
        ),
        (main, "/authentication/api/v1/logout", form, ""),
        (sandbox.maskinporten.listen, "/token", form, ""),
        (sandbox.idporten.listen, "/par", form, ""),
    ] {
        let mut client = Client::at(listener).await;
        client
            .send(format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n{{"
            ).replace("Authorization: Bearer \r\n", ""))
            .await;
        let answer = client.until_closed().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        assert!(answer.contains("connection: close"), "{path}: {answer}");
        assert!(answer.contains("\"status\":408"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_dripped_body_is_answered_with_408() {
    let app = app_with(&["limits.body_timeout_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client
        .send("POST /resourceregistry/api/v1/resource/bysubjects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let (mut reader, mut writer) = client.0.into_split();
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"1\r\n[\r\n").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = vec![0; 12];
    timeout(AT_MOST, reader.read_exact(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    timeout(AT_MOST, dripping)
        .await
        .expect("the connection is closed")
        .unwrap();
}

/// Waits until so many bodies are awaited.
async fn until_awaited(app: &TestApp, count: usize) {
    let awaited = async {
        while app.running.awaited.count() < count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(AT_MOST, awaited).await.expect("bodies are awaited");
}

/// A request whose body never ends.
fn half_sent(path: &str, token: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n{{"
    )
}

#[tokio::test]
async fn bodies_that_are_awaited_take_no_other_clients_place() {
    let places = [
        ("limits.max_in_flight", "6"),
        ("limits.max_decisions_in_flight", "2"),
        ("limits.max_writes_in_flight", "2"),
    ];
    let app = app_with(&[], &places).await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let owner = app.organization(who::SAV, AUTHORIZE).await;
    let mut clients = Vec::new();
    for (path, token) in [
        ("/resourceregistry/api/v1/resource/bysubjects", ""),
        ("/authentication/api/v1/systemregister/vendor", &vendor),
        ("/authorization/api/v1/authorize", &owner),
    ] {
        for _ in 0..10 {
            let mut client = Client::of(&app).await;
            client
                .send(half_sent(path, token).replace("Authorization: Bearer \r\n", ""))
                .await;
            clients.push(client);
        }
    }
    until_awaited(&app, 30).await;
    let question = decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    );
    app.post("/authorization/api/v1/authorize", &owner, question)
        .await
        .expect(200);
    app.get("/resourceregistry/api/v1/resource/resourcelist", &vendor)
        .await
        .expect(200);
    drop(clients);
}

#[tokio::test]
async fn the_body_that_is_awaited_longest_is_given_up() {
    let app = app_with(&[], &[("limits.max_awaited_bodies_per_address", "2")]).await;
    let path = "/resourceregistry/api/v1/resource/bysubjects";
    let request = half_sent(path, "").replace("Authorization: Bearer \r\n", "");
    let mut first = Client::of(&app).await;
    first.send(&request).await;
    until_awaited(&app, 1).await;
    let mut others = Vec::new();
    for _ in 0..2 {
        let mut client = Client::of(&app).await;
        client.send(&request).await;
        others.push(client);
    }
    let answer = first.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    // The others go on.
    for mut client in others {
        let rest = " ".repeat(98) + "}";
        client.send(rest).await;
        let mut head = [0; 12];
        timeout(AT_MOST, client.0.read_exact(&mut head))
            .await
            .expect("an answer")
            .unwrap();
        assert_eq!(&head, b"HTTP/1.1 400");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed() {
    let app = app_with(&["limits.write_timeout_s"], &[]).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut client = Client(
        socket
            .connect(app.running.config.settings.server.listen)
            .await
            .unwrap(),
    );
    // More than the buffers between the two hold.
    client
        .send("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200))
        .await;
    client.drip_until_closed(b'G').await;
}

/// The begin of an HTTP/2 connection, with a greatest window for each stream.
fn preface(window: u32) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let mut settings = vec![0, 4];
    settings.extend(window.to_be_bytes());
    bytes.extend(frame(4, 0, 0, &settings));
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const GOAWAY: u8 = 7;

/// A whole request for a path, as a frame of headers.
fn get(stream: u32, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(0x04, path), (0x01, "localhost")] {
        block.extend([name, u8::try_from(value.len()).unwrap()]);
        block.extend(value.as_bytes());
    }
    frame(HEADERS, 0x05, stream, &block)
}

impl Client {
    /// Kind and stream of the next frame; none when the connection is closed.
    async fn next_frame(&mut self) -> Option<(u8, u32)> {
        let mut head = [0; 9];
        timeout(AT_MOST, self.0.read_exact(&mut head))
            .await
            .expect("a frame, or an end")
            .ok()?;
        let [a, b, c, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((kind, u32::from_be_bytes(stream)))
    }

    async fn wait_for(&mut self, kind: u8, stream: u32) {
        while let Some(frame) = self.next_frame().await {
            if frame == (kind, stream) {
                return;
            }
        }
        panic!("closed before a frame {kind} for {stream}");
    }
}

#[tokio::test]
async fn an_http2_connection_without_a_request_is_closed() {
    let app = app_with(&["limits.header_timeout_s"], &[]).await;
    for bytes in [
        preface(65_535),
        // Half a frame of headers.
        [preface(65_535), get(1, "/alive")[..12].to_vec()].concat(),
    ] {
        let mut client = Client::of(&app).await;
        client.send(bytes).await;
        client.until_closed().await;
    }
}

#[tokio::test]
async fn an_idle_http2_connection_gets_goaway_and_is_closed() {
    let app = app_with(&["limits.keep_alive_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client.send(preface(65_535)).await;
    client.send(get(1, "/alive")).await;
    client.wait_for(DATA, 1).await;
    client.wait_for(GOAWAY, 0).await;
    client.until_closed().await;
}

#[tokio::test]
async fn an_http2_client_that_is_gone_is_noticed() {
    let app = app_with(&["limits.http2_ping_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client.send(preface(65_535)).await;
    client.send(get(1, "/alive")).await;
    // It never answers a ping.
    client.until_closed().await;
}

#[tokio::test]
async fn a_stream_without_a_window_is_reset_and_others_go_on() {
    let app = app_with(&["limits.write_timeout_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client.send(preface(0)).await;
    client.send(get(1, "/openapi.json")).await;
    client.wait_for(HEADERS, 1).await;
    client.wait_for(RESET, 1).await;
    client.send(get(3, "/openapi.json")).await;
    client.wait_for(HEADERS, 3).await;
}

#[tokio::test]
async fn a_stream_with_a_window_of_one_byte_is_reset() {
    let app = app_with(&["limits.write_timeout_s"], &[]).await;
    let mut client = Client::of(&app).await;
    client.send(preface(1)).await;
    client.send(get(1, "/openapi.json")).await;
    client.wait_for(DATA, 1).await;
    client.wait_for(RESET, 1).await;
}

/// Of some hundred kilobytes, made for each client.
const LARGE_ANSWER: &str = "/accessmanagement/api/v1/meta/info/accesspackages/export";

#[tokio::test]
async fn answers_that_are_not_taken_have_64_mib_in_all() {
    const MAX: usize = 64 * 1024 * 1024;
    let app = app_with(&[], &[]).await;
    let address = app.running.config.settings.server.listen;
    let held = &app.running.held;
    let mut modest = Client::of(&app).await;
    modest.send(preface(0)).await;
    modest.send(get(1, LARGE_ANSWER)).await;
    modest.wait_for(HEADERS, 1).await;
    let size = held.answer_bytes();
    assert!(size > 100_000, "{size}");
    let mut greedy = Vec::new();
    'all: for _ in 0..20 {
        let mut client = Client::from(Ipv4Addr::new(127, 0, 0, 2), address)
            .await
            .unwrap();
        client.send(preface(0)).await;
        greedy.push(client);
        for stream in (1..200).step_by(2) {
            let before = held.answer_bytes();
            let last = greedy.last_mut().unwrap();
            last.send(get(stream, LARGE_ANSWER)).await;
            last.wait_for(HEADERS, stream).await;
            assert!(held.answer_bytes() <= MAX);
            if held.answer_bytes() < before {
                break 'all;
            }
        }
    }
    // The first of its connections is closed, no other.
    assert!(greedy.len() > 1);
    let mut first = greedy.remove(0);
    while first.next_frame().await.is_some() {}
    let mut last = greedy.pop().unwrap();
    last.send(get(999, "/alive")).await;
    last.wait_for(HEADERS, 999).await;
    modest.send(get(3, "/alive")).await;
    modest.wait_for(HEADERS, 3).await;
    drop((greedy, last, modest));
    let gone = async {
        while held.answer_bytes() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(AT_MOST, gone).await.expect("nothing is held");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_by_http1_counts_until_it_is() {
    let app = app_with(&[], &[]).await;
    let held = &app.running.held;
    let mut client = Client::of(&app).await;
    let request = format!("GET {LARGE_ANSWER} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.send(request.repeat(200)).await;
    let counted = async {
        while held.answer_bytes() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(AT_MOST, counted).await.expect("an answer waits");
    let mut taken = vec![0; 64 * 1024];
    let emptied = async {
        while held.answer_bytes() > 0 {
            assert_ne!(client.0.read(&mut taken).await.unwrap(), 0, "closed");
        }
    };
    timeout(AT_MOST, emptied).await.expect("it is taken");
}

#[tokio::test]
async fn heads_that_do_not_end_have_32_mib_in_all() {
    const MAX: usize = 32 * 1024 * 1024;
    let app = app_with(&[], &[("limits.max_connections_per_address", "1000")]).await;
    let address = app.running.config.settings.server.listen;
    let held = &app.running.held;
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}",
        "a".repeat(60_000)
    );
    let mut modest = Client::of(&app).await;
    modest.send(&head).await;
    let mut others = Vec::new();
    // Thirty-six million bytes.
    for _ in 0..600 {
        let mut client = Client::from(Ipv4Addr::new(127, 0, 0, 2), address)
            .await
            .unwrap();
        client.send(&head).await;
        others.push(client);
        assert!(held.head_bytes() <= MAX);
    }
    assert_eq!(others.remove(0).until_closed().await, "");
    modest.send("\r\n\r\n").await;
    let mut answer = [0; 9];
    timeout(AT_MOST, modest.0.read_exact(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 ");
}

#[tokio::test]
async fn half_a_head_behind_a_request_counts_and_has_its_clock() {
    let app = app_with(&["limits.header_timeout_s"], &[]).await;
    let held = &app.running.held;
    let question = |body: &str| {
        format!(
            "POST /resourceregistry/api/v1/resource/bysubjects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{body}"
        )
    };
    let whole = [
        "GET /alive HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        question("Content-Length: 6\r\n\r\n[\r\n\r\n]"),
        question("Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"),
    ];
    let half = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000));
    for request in whole {
        let mut client = Client::of(&app).await;
        client.send(format!("{request}{half}")).await;
        let mut begin = [0; 12];
        client.0.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200", "{request}");
        let counted = async {
            while held.head_bytes() != half.len() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(AT_MOST, counted).await.expect("it is counted");
        client.until_closed().await;
        let given_up = async {
            while held.head_bytes() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(AT_MOST, given_up).await.expect("it is gone");
    }
}

#[tokio::test]
async fn nothing_counts_as_a_head_of_a_connection_that_waits_for_its_next_request() {
    let app = app_with(
        &["limits.header_timeout_s", "limits.first_byte_timeout_s"],
        &[],
    )
    .await;
    let body = format!("[{}]", " ".repeat(20_000));
    let requests = [
        format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
    ];
    for rest in requests {
        let mut client = Client::of(&app).await;
        for _ in 0..3 {
            client
                .send(format!("POST /resourceregistry/api/v1/resource/bysubjects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{rest}"))
                .await;
            let mut answer = Vec::new();
            while !answer.ends_with(b"]}") {
                let read = timeout(AT_MOST, client.0.read_buf(&mut answer));
                assert_ne!(read.await.expect("an answer").unwrap(), 0, "closed");
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"));
            assert_eq!(app.running.held.head_bytes(), 0, "{}", &rest[..30]);
            // The time of a head passes.
            Client::of(&app).await.until_closed().await;
        }
    }
}

#[tokio::test]
async fn a_long_answer_by_http2_is_whole() {
    let app = TestApp::start().await;
    let read = async |http: reqwest::ClientBuilder| {
        let http = http.no_proxy().build().unwrap();
        let address = format!("{}/openapi.json", app.base);
        http.get(address)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
    };
    let by_http1 = read(reqwest::Client::builder().http1_only()).await;
    let by_http2 = read(reqwest::Client::builder().http2_prior_knowledge()).await;
    assert!(by_http1.len() > 100_000 && by_http1 == by_http2);
}

/// As many silent connections as are asked for, or as the process can open.
async fn silent(address: SocketAddr, source: Ipv4Addr, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::from(source, address).await.unwrap());
    }
    clients
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_silent_connections_disturb_no_client() {
    for extra in [
        &[][..],
        // Also where there are fewer places than they want.
        &[("limits.max_connections", "200")],
        &[("limits.max_connections_per_address", "50")],
    ] {
        let app = app_with(&[], extra).await;
        let token = app.organization(who::SAV, AUTHORIZE).await;
        let address = app.running.config.settings.server.listen;
        let silent = silent(address, Ipv4Addr::LOCALHOST, 1_000).await;
        for _ in 0..20 {
            // Each on a connection of its own.
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = http
                .request(
                    Method::POST,
                    format!("{}/authorization/api/v1/authorize", app.base),
                )
                .bearer_auth(&token)
                .json(&decision_request(
                    ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
                    "write",
                    "a-melding",
                    ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
                ))
                .send();
            let answer = timeout(AT_MOST, answer).await.expect("an answer").unwrap();
            assert_eq!(answer.status(), 200, "{extra:?}");
        }
        drop(silent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_with_few_files_answers_despite_more_silent_connections() {
    let base = free_ports(&[0, 10, 11, 12, 1010]);
    let database = database().await;
    let dir = home().join("few-files");
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\"", PROGRAM])
        .args(["sandbox", "--port", &base.to_string(), "--data-dir"])
        .arg(&dir)
        .env("DATABASE_URL", database.expose_secret())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut sandbox = Sandbox {
        process: command.spawn().unwrap(),
        port: base,
    };
    sandbox.ready().await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, base));
    let silent = silent(address, Ipv4Addr::LOCALHOST, 362).await;
    for _ in 0..20 {
        let mut client = Client::at(address).await;
        client.is_answered().await;
    }
    drop(silent);
    sandbox.kill();
}

#[tokio::test]
async fn what_is_in_use_is_not_closed_for_others() {
    let app = app_with(&[], &[("limits.max_connections_per_address", "1")]).await;
    let address = app.running.config.settings.server.listen;
    // An answer that is not read keeps the connection in use.
    let mut busy = Client::from(Ipv4Addr::new(127, 0, 0, 2), address)
        .await
        .unwrap();
    busy.send("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200))
        .await;
    let mut first = [0; 12];
    busy.0.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let mut refused = Client::from(Ipv4Addr::new(127, 0, 0, 2), address)
        .await
        .unwrap();
    assert_eq!(refused.until_closed().await, "");
    // Other addresses do not notice.
    let mut other = Client::from(Ipv4Addr::new(127, 0, 0, 3), address)
        .await
        .unwrap();
    other.is_answered().await;
}
