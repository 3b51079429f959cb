//! A way to a cluster by TCP that can die without a word.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use private_postgres::Cluster;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
};

use crate::clusters::socket_folder;

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
        Self::from(TcpListener::bind("127.0.0.1:0").await.unwrap(), cluster)
    }

    /// Forwards what comes to a listener.
    pub fn from(listener: TcpListener, cluster: &Cluster) -> Self {
        let socket = socket_folder(&cluster.url("postgres")).join(".s.PGSQL.5432");
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
    pub fn go_silent(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}
