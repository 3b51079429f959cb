//! Connections to the database that die without a word: what they are asked is never answered, while
//! new ones work. So it is when a host is gone, or a firewall has forgotten them.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
};

use crate::{Sandbox, approve_path, free_base_port, history::socket_folder, support::*};

/// Forwards to a socket, until it has to be silent.
#[derive(Clone)]
pub struct Forwarder {
    pub port: u16,
    /// Connections of earlier generations are silent.
    generation: Arc<AtomicU64>,
}

impl Forwarder {
    /// Forwards to the server of a cluster.
    pub async fn to(cluster: &Cluster) -> Self {
        let socket = socket_folder(&cluster.url("postgres")).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let forwarder = Self {
            port: listener.local_addr().unwrap().port(),
            generation: Arc::default(),
        };
        let generation = Arc::clone(&forwarder.generation);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let own = generation.load(Ordering::Relaxed);
                let generation = Arc::clone(&generation);
                let is_silent = move || generation.load(Ordering::Relaxed) > own;
                let Ok(server) = UnixStream::connect(&socket).await else {
                    continue;
                };
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let is_unheard = is_silent.clone();
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                        // What a silent connection is sent is taken, and goes nowhere.
                        if !is_unheard() && to_server.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                        if !is_silent() && to_client.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                    // The client never hears of the end.
                    if is_silent() {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        forwarder
    }

    /// All connections that are open say nothing from now on.
    fn go_silent(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}

fn question(system_user: &str, org: &str) -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", system_user),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", org),
    )
}

/// Until everything has to work again.
const HEALED: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_without_a_word_are_replaced() {
    let dir = home().join("silent");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let cluster = Cluster::start(&dir, Durability::Volatile).unwrap();
    let direct = cluster.url("postgres");
    let forwarder = Forwarder::to(&cluster).await;
    let url = format!("postgresql://sb@127.0.0.1:{}/postgres", forwarder.port);
    let mut instance = Sandbox::spawn(free_base_port(), &dir.join("keys"), Some(&url));
    instance.ready().await;
    let owner = instance
        .token(
            "GetEnterpriseToken",
            &[("orgNo", who::SAV), ("scopes", AUTHORIZE)],
        )
        .await;
    let mut ids = HashSet::new();
    let person = instance.person().await;
    let ask = async |body: Value| {
        let path = "/authorization/api/v1/authorize";
        let answer = instance.call(Method::POST, path, &owner, Some(body));
        answer.await.unwrap()
    };
    for _ in 0..3 {
        let id = instance.new_request().await;
        instance
            .call(Method::POST, &approve_path(&id), &person, None)
            .await
            .unwrap()
            .expect(200);
        let body = question(&id, who::KERAMIKK);
        let answer = ask(body.clone()).await.expect(200);
        ids.insert(answer.header("systembruker-decision-id").to_owned());
        assert_eq!(answer.json()["response"][0]["decision"], "Permit");

        forwarder.go_silent();
        let since = Instant::now();
        let path = format!(
            "/authentication/api/v1/systemuser/{}/{id}",
            who::KERAMIKK_PARTY
        );
        // Calls in flight are answered, and one that is made again is done.
        loop {
            let asked = Instant::now();
            let deleted = instance
                .call(Method::DELETE, &path, &person, None)
                .await
                .unwrap();
            assert!(asked.elapsed() < HEALED, "{:?}", asked.elapsed());
            if deleted.status < 300 || deleted.status == 404 {
                break;
            }
            assert_eq!(deleted.status, 503, "{}", deleted.text);
            assert!(since.elapsed() < 2 * HEALED, "a change is possible again");
        }
        let deleted = Instant::now();
        loop {
            let asked = deleted.elapsed();
            let answer = ask(body.clone()).await;
            if answer.status == 200 {
                ids.insert(answer.header("systembruker-decision-id").to_owned());
                let decision = answer.json()["response"][0]["decision"].clone();
                if decision == "NotApplicable" {
                    break;
                }
                assert!(asked < Duration::from_secs(1), "{decision} after {asked:?}");
            }
            assert!(asked < HEALED, "decisions are possible again");
        }
    }
    // The follower of the feed and the writer of the log have connections again.
    let mut db = PgConnection::connect(direct.expose_secret()).await.unwrap();
    let since = Instant::now();
    loop {
        let stored: Vec<String> = sqlx::query_scalar("select decision_id::text from decision_log")
            .fetch_all(&mut db)
            .await
            .unwrap();
        if ids.iter().all(|id| stored.contains(id)) {
            break;
        }
        assert!(since.elapsed() < HEALED, "the log is written again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    forwarder.go_silent();
    let since = Instant::now();
    assert_eq!(instance.stop().await, 0);
    assert!(
        since.elapsed() < Duration::from_secs(30),
        "{:?}",
        since.elapsed()
    );
}
