//! Clients of HTTP/2 that keep the server busy without asking for anything lose their connection; others
//! notice nothing.

use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, client};
use tokio::{net::TcpStream, time::timeout};

use crate::support::*;

const AT_MOST: Duration = Duration::from_secs(30);
/// More of them than any client sends.
const MANY: u32 = 20_000;

type Requests = client::SendRequest<Bytes>;
type Http2 = client::Connection<TcpStream, Bytes>;

async fn connect(app: &TestApp) -> (Requests, Http2) {
    let address = app.running.config.settings.server.listen;
    let stream = TcpStream::connect(address).await.unwrap();
    client::handshake(stream).await.unwrap()
}

fn question() -> http::Request<()> {
    let request = http::Request::get("http://localhost/alive");
    request.body(()).unwrap()
}

async fn assert_others_are_answered(app: &TestApp) {
    let (requests, connection) = connect(app).await;
    let driver = tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    let (answer, _) = requests.send_request(question(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    drop(requests);
    let _ = driver.await.unwrap();
}

#[tokio::test]
async fn a_client_that_pings_without_end_is_closed() {
    let app = TestApp::start().await;
    let (_requests, mut connection) = connect(&app).await;
    let mut pings = connection.ping_pong().unwrap();
    let driver = tokio::spawn(connection);
    let flood = async {
        for sent in 0..MANY {
            if pings.ping(h2::Ping::opaque()).await.is_err() {
                return sent;
            }
        }
        MANY
    };
    let sent = timeout(AT_MOST, flood).await.expect("it ends");
    // Some of the frames that it may send were its settings.
    assert!((400..MANY).contains(&sent), "{sent}");
    let _ = driver.await.unwrap();
    assert_others_are_answered(&app).await;
}

#[tokio::test]
async fn a_client_that_changes_its_settings_without_end_is_closed() {
    let app = TestApp::start().await;
    let (_requests, mut connection) = connect(&app).await;
    let flood = async {
        let mut size = 70_000;
        loop {
            // Refused while the last change is not confirmed.
            if connection.set_initial_window_size(size).is_ok() {
                size += 1;
            }
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(std::pin::Pin::new(&mut connection).poll(context))
            });
            match polled.await {
                std::task::Poll::Ready(_) => return size,
                std::task::Poll::Pending => tokio::task::yield_now().await,
            }
        }
    };
    let size = timeout(AT_MOST, flood).await.expect("it ends");
    assert!(size > 70_400, "{size}");
    assert_others_are_answered(&app).await;
}

#[tokio::test]
async fn a_client_that_takes_back_what_it_asks_for_is_closed() {
    let app = TestApp::start().await;
    let (mut requests, connection) = connect(&app).await;
    let driver = tokio::spawn(connection);
    let flood = async {
        for sent in 0..MANY {
            requests = match requests.ready().await {
                Ok(ready) => ready,
                Err(_) => return sent,
            };
            let Ok((_, mut stream)) = requests.send_request(question(), false) else {
                return sent;
            };
            // It goes out before it is taken back.
            tokio::task::yield_now().await;
            stream.send_reset(Reason::CANCEL);
            tokio::task::yield_now().await;
        }
        MANY
    };
    let sent = timeout(AT_MOST, flood).await.expect("it ends");
    assert!(sent < MANY, "{sent}");
    let _ = driver.await.unwrap();
    assert_others_are_answered(&app).await;
}

#[tokio::test]
async fn a_client_with_much_to_ask_is_answered() {
    let app = TestApp::start().await;
    let (mut requests, connection) = connect(&app).await;
    let driver = tokio::spawn(connection);
    for _ in 0..2_000 {
        requests = requests.ready().await.unwrap();
        let (answer, _) = requests.send_request(question(), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    drop(requests);
    let _ = driver.await.unwrap();
}
