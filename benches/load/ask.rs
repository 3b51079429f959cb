//! Asks over HTTP from many connections with little processor time, since the load generator
//! shares the machine with the service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub const CONNECTIONS: usize = 32;

/// One keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a listener");
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: vec![0; 64 * 1024],
        }
    }

    /// Sends a request and reads its answer, which must be 200 and contain `Permit`; its length.
    pub async fn ask(&mut self, request: &[u8]) -> usize {
        let (length, permits) = self.hear(request).await;
        assert!(
            permits,
            "{}",
            String::from_utf8_lossy(&self.buffer[..length.min(self.buffer.len())])
        );
        length
    }

    /// Sends a request and reads its answer, which must be 200: its length, and whether it contains
    /// `Permit`.
    pub async fn hear(&mut self, request: &[u8]) -> (usize, bool) {
        self.stream.write_all(request).await.unwrap();
        let mut read = 0;
        loop {
            let n = self.stream.read(&mut self.buffer[read..]).await.unwrap();
            assert!(n > 0, "the connection was closed");
            read += n;
            let seen = &self.buffer[..read];
            let Some(head) = memchr::memmem::find(seen, b"\r\n\r\n") else {
                continue;
            };
            let headers = std::str::from_utf8(&seen[..head])
                .unwrap()
                .to_ascii_lowercase();
            let length: usize = headers
                .split("content-length: ")
                .nth(1)
                .unwrap()
                .split("\r\n")
                .next()
                .unwrap()
                .parse()
                .unwrap();
            if read >= head + 4 + length {
                assert!(
                    seen.starts_with(b"HTTP/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(seen)
                );
                return (
                    length,
                    memchr::memmem::find(&seen[head..], b"Permit").is_some(),
                );
            }
        }
    }
}

/// A question as it goes over the wire: may a system user do this with a resource for an
/// organisation?
pub fn request(
    host: &str,
    token: &str,
    system_user: &str,
    (action, resource): (&str, &str),
    org: &str,
) -> Vec<u8> {
    let body = decision(system_user, action, resource, org).to_string();
    let length = body.len();
    format!(
        "POST /authorization/api/v1/authorize HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The body of a question.
pub fn decision(system_user: &str, action: &str, resource: &str, org: &str) -> Value {
    let attribute = |id: &str, value: &str| json!({"attributeId": id, "value": value, "dataType": "string", "issuer": "Altinn", "includeInResult": false});
    json!({"request": {"returnPolicyIdList": false, "combinedDecision": false, "xPathVersion": null, "category": null,
        "resource": [{"categoryId": null, "id": null, "content": null, "attribute": [
            attribute("urn:altinn:organization:identifier-no", org), attribute("urn:altinn:resource", resource)]}],
        "action": [{"attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", action)]}],
        "accessSubject": [{"attribute": [attribute("urn:altinn:systemuser:uuid", system_user)]}],
        "recipientSubject": null, "intermediarySubject": null, "requestingMachine": null, "multiRequests": null}})
}

/// As many requests as it takes for some time, from many connections; how many a second.
pub async fn flood(address: &str, requests: &Arc<Vec<Vec<u8>>>, time: Duration) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await);
    }
    let started = Instant::now();
    let workers: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (next, requests) = (Arc::clone(&next), Arc::clone(requests));
            tokio::spawn(async move {
                let mut done = 0_usize;
                while started.elapsed() < time {
                    let at = next.fetch_add(1, Ordering::Relaxed) % requests.len();
                    connection.ask(&requests[at]).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    done as f64 / started.elapsed().as_secs_f64()
}

/// Every request once, from many connections; how many a second.
pub async fn once(address: &str, requests: &Arc<Vec<Vec<u8>>>) -> f64 {
    let (started, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut workers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(address).await;
        let (next, requests) = (Arc::clone(&next), Arc::clone(requests));
        workers.push(tokio::spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                connection.ask(request).await;
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    requests.len() as f64 / started.elapsed().as_secs_f64()
}

/// Requests at a steady rate; the time each took, sorted.
pub async fn pace(
    address: &str,
    requests: &Arc<Vec<Vec<u8>>>,
    rate: f64,
    time: Duration,
) -> Vec<Duration> {
    let started = Instant::now();
    let mut workers = Vec::new();
    for worker in 0..CONNECTIONS {
        let mut connection = Connection::open(address).await;
        let requests = Arc::clone(requests);
        workers.push(tokio::spawn(async move {
            let mut took = Vec::new();
            for n in 0.. {
                let due =
                    started + Duration::from_secs_f64((n * CONNECTIONS + worker) as f64 / rate);
                if due > started + time {
                    return took;
                }
                tokio::time::sleep_until(due.into()).await;
                // The timer wakes on whole milliseconds; what it is late by is not the service's.
                let asked = Instant::now();
                connection
                    .ask(&requests[(n * CONNECTIONS + worker) % requests.len()])
                    .await;
                took.push(asked.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::new();
    for worker in workers {
        took.extend(worker.await.unwrap());
    }
    took.sort_unstable();
    took
}
