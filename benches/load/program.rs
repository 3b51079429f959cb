//! What is asked: the service, and a bare handler for comparison, each a process of its own.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::{Router, routing::post};
use private_postgres::Cluster;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::{
    ask::{self, Connection},
    wrk::Script,
};

/// A program that ends with this.
pub struct Process(Child);

impl Process {
    /// MiB that it holds in memory.
    pub fn resident_mib(&self) -> u64 {
        self.mib("VmRSS:")
    }

    /// The most MiB that it held in memory since [`Self::reset_peak`].
    pub fn peak_mib(&self) -> u64 {
        self.mib("VmHWM:")
    }

    /// Sets the peak of [`Self::peak_mib`] to what the process holds now.
    pub fn reset_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5").unwrap();
    }

    fn mib(&self, name: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or("0 kB");
        line.trim()
            .split(' ')
            .next()
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or_default()
            / 1024
    }
}

/// Ticks a second in which Linux counts the time of processes.
const TICKS: u64 = 100;

impl Process {
    /// Processor time that it took so far, in user and in system mode.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        // The name of the program is in parentheses, and may hold blanks.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_ascii_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / TICKS)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status();
        let _ = self.0.wait();
    }
}

async fn until_open(address: &str) {
    let since = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "no program listens on {address}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The service on a database of a cluster, with a token of a service owner.
pub struct Service {
    pub process: Process,
    pub host: String,
    generator: String,
    token: String,
}

impl Service {
    pub async fn start(cluster: &Cluster, database: &str, home: &Path, port: u16) -> Self {
        let program = env!("CARGO_BIN_EXE_systembruker").as_ref();
        Self::start_program(program, cluster, database, home, port).await
    }

    /// As [`Service::start`], of another build.
    pub async fn start_program(
        program: &Path,
        cluster: &Cluster,
        database: &str,
        home: &Path,
        port: u16,
    ) -> Self {
        let child = Command::new(program)
            .args(["sandbox", "--port", &port.to_string(), "--data-dir"])
            .arg(home.join(format!("sandbox-{port}")))
            .env("DATABASE_URL", cluster.url(database).expose_secret())
            .env("SYSTEMBRUKER__LOG__LEVEL", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("the service starts");
        let (process, host) = (Process(child), format!("127.0.0.1:{port}"));
        until_open(&host).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let since = Instant::now();
        while !http
            .get(format!("http://{host}/health/ready"))
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
        {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "the service is not ready"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let generator = format!("http://127.0.0.1:{}/api", port + 12);
        let asked = [
            ("env", "local"),
            ("orgNo", "390198116"),
            ("scopes", "altinn:authorization/authorize"),
            ("ttl", "36000"),
        ];
        let token = http
            .get(format!("{generator}/GetEnterpriseToken"))
            .basic_auth("sandbox", Some("sandbox"))
            .query(&asked)
            .send()
            .await
            .unwrap();
        Self {
            process,
            host,
            generator,
            token: token.error_for_status().unwrap().text().await.unwrap(),
        }
    }

    /// A token of a person.
    pub async fn token_of_person(&self, http: &Client, pid: &str, scopes: &str) -> String {
        let asked = [
            ("env", "local"),
            ("pid", pid),
            ("scopes", scopes),
            ("authLvl", "3"),
            ("ttl", "36000"),
        ];
        let answer = http
            .get(format!("{}/GetPersonalToken", self.generator))
            .basic_auth("sandbox", Some("sandbox"))
            .query(&asked)
            .send()
            .await
            .unwrap();
        answer.error_for_status().unwrap().text().await.unwrap()
    }

    /// A question as `wrk` asks it.
    pub fn script(
        &self,
        folder: &Path,
        system_user: &str,
        what: (&str, &str),
        org: &str,
    ) -> Script {
        let body = ask::decision(system_user, what.0, what.1, org).to_string();
        Script::write(folder, &self.token, &body)
    }

    pub fn request(&self, system_user: &str, what: (&str, &str), org: &str) -> Vec<u8> {
        ask::request(&self.host, &self.token, system_user, what, org)
    }

    /// Waits until the service permits something: it knows what was put into the database.
    pub async fn until_permitted(&self, request: &[u8]) {
        let (since, mut connection) = (Instant::now(), Connection::open(&self.host).await);
        while !connection.hear(request).await.1 {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "it is not permitted"
            );
        }
    }
}

const BARE: &str = "127.0.0.1:18299";
const BARE_HANDLER: &str = "--bare-handler";

/// A handler that parses the same body and answers a constant of the same size.
pub struct Bare {
    pub host: String,
    pub process: Process,
}

impl Bare {
    /// Starts this program once more, as nothing but the handler.
    pub async fn start(size: usize) -> Self {
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program)
            .args([BARE_HANDLER, &size.to_string()])
            .spawn()
            .expect("the handler starts");
        until_open(BARE).await;
        Self {
            host: BARE.to_owned(),
            process: Process(child),
        }
    }

    /// Is the handler, if this process was started to be it.
    pub async fn serve_if_asked() -> bool {
        let mut arguments = std::env::args().skip_while(|argument| argument != BARE_HANDLER);
        let Some(size) = arguments.nth(1) else {
            return false;
        };
        let mut constant = b"Permit".to_vec();
        constant.resize(size.parse().unwrap(), b' ');
        let answer = bytes::Bytes::from(constant);
        let handler = post(move |axum::Json(body): axum::Json<Value>| {
            let answer = answer.clone();
            async move {
                std::hint::black_box(body);
                (
                    [(
                        http::header::CONTENT_TYPE,
                        "application/json; charset=utf-8",
                    )],
                    answer,
                )
            }
        });
        let listener = tokio::net::TcpListener::bind(BARE).await.unwrap();
        axum::serve(
            listener,
            Router::new().route("/authorization/api/v1/authorize", handler),
        )
        .await
        .unwrap();
        true
    }
}
