//! Another cluster is at the address of the database: a copy from before, which has gone its own
//! way since. No decision rests on what only the first one held.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use private_postgres::Cluster;
use reqwest::Method;

use testkit::database::Database;

use crate::{
    Sandbox,
    clusters::{cluster, socket_folder},
    free_base_port,
    support::*,
};

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";

/// An address of a database that leads to one cluster, and then to another.
pub struct Address(PathBuf);

impl Address {
    pub fn of(cluster: &Cluster) -> Self {
        // The path of a socket is short.
        let name = format!("sb-{}", uuid::Uuid::new_v4().simple());
        let address = Self(std::env::temp_dir().join(name));
        address.lead_to(cluster);
        address
    }

    pub fn lead_to(&self, cluster: &Cluster) {
        let next = self.0.with_extension("next");
        symlink(socket_folder(&cluster.url("postgres")), &next).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }

    pub fn url(&self) -> String {
        let host = utf8_percent_encode(self.0.to_str().unwrap(), NON_ALPHANUMERIC);
        format!("postgresql://sb@localhost/postgres?host={host}")
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Copies a cluster's database into another cluster, as a restored dump.
pub fn restore(from: &Cluster, to: &Cluster) {
    let client = |program: &str, cluster: &Cluster| {
        let mut command = Command::new(program);
        let folder = socket_folder(&cluster.url("postgres"));
        command.args(["--username", "sb", "--dbname", "postgres", "--host"]);
        command.arg::<&Path>(&folder);
        command
    };
    let mut dump = client("pg_dump", from)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let restored = client("psql", to)
        .args(["--quiet", "--set", "ON_ERROR_STOP=1"])
        .stdin(dump.stdout.take().unwrap())
        .stdout(Stdio::null())
        .status();
    assert!(restored.unwrap().success());
    assert!(dump.wait().unwrap().success());
}

/// What a service owner is answered about two system users.
struct Asker {
    http: reqwest::Client,
    address: String,
    token: String,
}

impl Asker {
    /// The decision; none while the facts cannot be had.
    async fn ask(&self, user: &str, resource: &str, action: &str, owner: &str) -> Option<String> {
        let request = self.http.request(Method::POST, &self.address);
        let subject = ("urn:altinn:systemuser:uuid", user);
        let party = ("urn:altinn:organization:identifier-no", owner);
        let body = decision_request(subject, action, resource, party);
        let answer = request.bearer_auth(&self.token).json(&body).send().await;
        let answer = Answer::of(answer.unwrap()).await;
        match answer.status {
            200 => Some(
                answer.json()["response"][0]["decision"]
                    .as_str()?
                    .to_owned(),
            ),
            503 => None,
            other => panic!("{other}: {}", answer.text),
        }
    }

    async fn first(&self) -> Option<String> {
        let user = who::TINDEVANDRER_USER;
        self.ask(user, "a-melding", "write", who::TINDEVANDRER)
            .await
    }

    async fn second(&self) -> Option<String> {
        let user = "615a6590-e017-589b-b3e6-1ebeeb860284";
        self.ask(user, "arbeidstrening-avtale", "read", who::NATTERGAL)
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_only_the_first_cluster_held_is_permitted_after_a_swap() {
    let (first, second) = (cluster("first"), cluster("second"));
    let address = Address::of(&first);
    let dir = home().join(format!("history-{}", uuid::Uuid::new_v4()));
    let mut sandbox = Sandbox::spawn(free_base_port(), &dir, Some(&address.url()));
    sandbox.ready().await;
    let token = [("orgNo", who::SAV), ("scopes", AUTHORIZE)];
    let asker = Asker {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        address: format!("{}{AUTHORIZE_PATH}", sandbox.base()),
        token: sandbox.token("GetEnterpriseToken", &token).await,
    };
    restore(&first, &second);
    Database::of(&second).go_another_way().await;
    assert_eq!(asker.first().await.as_deref(), Some("Permit"));
    assert_eq!(asker.second().await.as_deref(), Some("Permit"));

    address.lead_to(&second);
    drop(first);

    // Asked all the time, until the new cluster answers.
    let swapped = Instant::now();
    while asker.first().await.as_deref() != Some("NotApplicable") {
        assert!(swapped.elapsed() < Duration::from_secs(30), "no answer");
    }
    // What was not asked meanwhile is in memory still, and must not be taken from it once the feed
    // is followed again.
    let followed = Instant::now();
    while followed.elapsed() < Duration::from_secs(3) {
        assert_ne!(asker.second().await.as_deref(), Some("Permit"));
    }
    assert_eq!(asker.second().await.as_deref(), Some("NotApplicable"));
}
