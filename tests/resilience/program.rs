//! The program under test, as a process.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use testkit::settings::free_ports;

use crate::support::*;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_systembruker");

/// The program, running as `sandbox`.
pub struct Sandbox {
    pub process: Child,
    pub port: u16,
}

impl Sandbox {
    /// On a port, and on a database of the test's own or a private cluster in `dir`.
    pub fn spawn(port: u16, dir: &Path, database: Option<&str>) -> Self {
        Self::spawn_printing(port, dir, database, Stdio::null())
    }

    /// As `spawn`, with somewhere for what it prints.
    pub fn spawn_printing(port: u16, dir: &Path, database: Option<&str>, printed: Stdio) -> Self {
        let mut command = Self::command(port, dir, database);
        command.stdout(printed);
        Self::run(command, port)
    }

    /// What `spawn` runs, for tests that change something of it.
    pub fn command(port: u16, dir: &Path, database: Option<&str>) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["sandbox", "--port", &port.to_string(), "--data-dir"])
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match database {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        command
    }

    /// The program that a command runs, on this port.
    pub fn run(mut command: Command, port: u16) -> Self {
        Self {
            process: command.spawn().expect("the program starts"),
            port,
        }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub async fn ready(&mut self) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("{}/health/ready", self.base());
        tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    panic!("the sandbox stopped before it was ready: {status}");
                }
                if http
                    .get(&address)
                    .send()
                    .await
                    .is_ok_and(|r| r.status() == 200)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("the sandbox gets ready");
    }

    pub fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it is gone");
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> i32 {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        tokio::task::spawn_blocking(move || self.process.wait().unwrap().code().unwrap_or(-1))
            .await
            .unwrap()
    }

    pub async fn token(&self, kind: &str, parameters: &[(&str, &str)]) -> String {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://127.0.0.1:{}/api/{kind}?env=local", self.port + 12);
        let request = http
            .get(address)
            .basic_auth("sandbox", Some("sandbox"))
            .query(parameters);
        request.send().await.unwrap().text().await.unwrap()
    }

    pub async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http
            .request(method, format!("{}{path}", self.base()))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(Answer::of(request.send().await?).await)
    }

    /// The value of a metric without labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let address = format!("http://127.0.0.1:{}/metrics", self.port + 1010);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let text = http.get(&address).send().await.unwrap();
        let text = text.text().await.unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.expect("the metric").trim().parse().unwrap()
    }

    pub async fn new_request(&self) -> String {
        let token = self
            .token(
                "GetEnterpriseToken",
                &[("orgNo", who::FJORDLONN), ("scopes", REQUEST_WRITE)],
            )
            .await;
        let body = request_body(who::KERAMIKK, &["a-ordning"]);
        let answer = self
            .call(
                reqwest::Method::POST,
                "/authentication/api/v1/systemuser/request/vendor",
                &token,
                Some(body),
            )
            .await
            .unwrap();
        answer.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn person(&self) -> String {
        self.token(
            "GetPersonalToken",
            &[("pid", who::ODDNY), ("scopes", PORTAL)],
        )
        .await
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port for `--port`: the sandbox listens on it and on these distances from it.
pub fn free_base_port() -> u16 {
    free_ports(&[0, 10, 11, 12, 1010])
}

pub fn approve_path(id: &str) -> String {
    format!(
        "/authentication/api/v1/systemuser/request/{}/{id}/approve",
        who::KERAMIKK_PARTY
    )
}
