//! What vendors and customers do all day, over HTTP: approving requests, reading them, paging through a system's users.
//!
//! Postgres, the service and whoever asks share one machine, and Postgres keeps its word about the disk. `TRAFFIC_USERS` says
//! how many system users the system has (a million when it is not set). Figures of one run compare with each other.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark ends there, and tells")]

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use systembruker::{
    clock::Clock,
    db::cluster::{Cluster, Durability},
    sandbox::{self, Options, Running},
};
use uuid::Uuid;

const SYSTEM: &str = "390198116_fjordlonn";
const VENDOR: &str = "390198116";
const CUSTOMER: &str = "390381492";
const CUSTOMER_PARTY: i32 = 52_000_091;
/// Managing director of the customer.
const DIRECTOR: &str = "11859024884";
const APPROVALS: usize = 4_000;
const READS: usize = 20_000;
const WORKERS: usize = 16;

struct Traffic {
    running: Running,
    http: Client,
    vendor: String,
    director: String,
}

impl Traffic {
    fn token(running: &Running, claims: &Value) -> String {
        let issuer = &running.state.config.own_issuer;
        let mut all = json!({"iss": issuer, "iat": 1_700_000_000, "exp": 4_000_000_000_u32});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        running.state.own_keys.signing_key().sign(&all, &[]).unwrap()
    }

    async fn execute(&self, statement: &str) {
        let mut tx = self.running.state.db.begin().await.unwrap();
        sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut *tx).await.expect("a statement");
        tx.commit().await.unwrap();
    }

    async fn ask(&self, method: Method, path: &str, token: &str) -> String {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.running.config.public_base) };
        let answer = self.http.request(method, url).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("a body")
    }

    /// Sends every request once, from several workers; prints how many a second, and how long one took.
    async fn measure(self: &Arc<Self>, name: &str, method: Method, paths: Vec<String>, token: &str) {
        let (paths, next) = (Arc::new(paths), Arc::new(AtomicUsize::new(0)));
        let started = Instant::now();
        let workers = (0..WORKERS).map(|_| {
            let (this, paths, next) = (Arc::clone(self), Arc::clone(&paths), Arc::clone(&next));
            let (method, token) = (method.clone(), token.to_owned());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let one = Instant::now();
                    this.ask(method.clone(), path, &token).await;
                    took.push(one.elapsed());
                }
                took
            })
        });
        let mut took: Vec<Duration> = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            took.extend(worker.await.unwrap());
        }
        let seconds = started.elapsed().as_secs_f64();
        took.sort_unstable();
        let at = |part: usize| took[(took.len() - 1) * part / 100];
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = took.len() as f64 / seconds;
        println!("{name}: {rate:.0}/s with {WORKERS} at once; p50 {:?}, p99 {:?}", at(50), at(99));
    }
}

async fn start(cluster: &Cluster, home: &std::path::Path) -> Traffic {
    let options = Options { port: Some(18_180), data_dir: Some(home.join("sandbox")), fresh: false };
    let environment = HashMap::from([("SYSTEMBRUKER__LOG__LEVEL".to_owned(), "error".to_owned())]);
    let settings = sandbox::settings(&options, &environment).expect("settings");
    let running = sandbox::start(settings, &cluster.url("postgres"), Clock::default(), &ProgressBar::hidden()).await.expect("a sandbox");
    let vendor = Traffic::token(
        &running,
        &json!({"scope": "altinn:authentication/systemuser.request.read altinn:authentication/systemregister.write",
            "consumer": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{VENDOR}")}}),
    );
    let user_id = {
        let id: i32 = sqlx::query_scalar(
            "select t.user_id from party t join register_role r on r.to_key = t.key join party o on o.key = r.from_key
            where o.org_number = $1 and t.user_id is not null limit 1",
        )
        .bind(CUSTOMER)
        .fetch_one(&running.state.db)
        .await
        .expect("a director");
        id
    };
    let director = Traffic::token(
        &running,
        &json!({"scope": "altinn:portal/enduser", "urn:altinn:userid": user_id, "urn:altinn:authlevel": 3, "pid": DIRECTOR, "acr": "idporten-loa-substantial"}),
    );
    let http = Client::builder().no_proxy().pool_max_idle_per_host(WORKERS).build().unwrap();
    Traffic { running, http, vendor, director }
}

async fn approvals(traffic: &Arc<Traffic>) {
    traffic
        .execute(&format!(
            r#"insert into request (id, kind, system_id, party_org_no, external_ref, rights, access_packages)
               select gen_random_uuid(), 'standard', '{SYSTEM}', '{CUSTOMER}', 'traffic ' || n, '[]', '[{{"urn": "urn:altinn:accesspackage:a-ordning"}}]'
               from generate_series(1, {APPROVALS}) n"#
        ))
        .await;
    let ids: Vec<Uuid> =
        sqlx::query_scalar("select id from request where external_ref like 'traffic %'").fetch_all(&traffic.running.state.db).await.unwrap();
    let approve = |id: &Uuid| format!("/authentication/api/v1/systemuser/request/{CUSTOMER_PARTY}/{id}/approve");
    traffic.measure("approve a request", Method::POST, ids.iter().map(approve).collect(), &traffic.director).await;
    let read = |n: usize| format!("/authentication/api/v1/systemuser/request/vendor/{}", ids[n % ids.len()]);
    traffic.measure("read a request as its vendor", Method::GET, (0..READS).map(read).collect(), &traffic.vendor).await;
}

async fn pages(traffic: &Arc<Traffic>, users: usize) {
    let started = Instant::now();
    traffic
        .execute(&format!(
            r"insert into system_user (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, access_packages,
                 created_by, sequence_no)
               select gen_random_uuid(), 'Page', s.system_internal_id, o.key, o.org_number, 'standard', 'page ' || n, '[]', 'bench',
                 nextval('system_user_sequence')
               from generate_series(1, {users}) n, system s, party o where s.system_id = '{SYSTEM}' and o.org_number = '{CUSTOMER}'"
        ))
        .await;
    sqlx::query("analyze system_user").execute(&traffic.running.state.db).await.unwrap();
    println!("{users} system users of one system made in {:.0} s", started.elapsed().as_secs_f64());
    let first = format!("/authentication/api/v1/systemuser/vendor/bysystem/{SYSTEM}");
    let end: i64 = sqlx::query_scalar("select max(sequence_no) from system_user").fetch_one(&traffic.running.state.db).await.unwrap();
    let page: Value = serde_json::from_str(&traffic.ask(Method::GET, &first, &traffic.vendor).await).unwrap();
    assert!(page["links"]["next"].is_string());
    for (name, from) in [("first", 0), ("middle", end / 2), ("last", end - 40)] {
        let address = format!("{first}?token={}", systembruker::http::paging::token(&from));
        traffic.measure(&format!("{name} page of a system's users"), Method::GET, vec![address; 2_000], &traffic.vendor).await;
    }
}

#[tokio::main]
async fn main() {
    let users = std::env::var("TRAFFIC_USERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("traffic");
    std::fs::create_dir_all(&home).unwrap();
    Cluster::remove(&home).expect("the last run's cluster can be removed");
    let cluster = Cluster::start(&home, Durability::Full).expect("Postgres starts");
    let traffic = Arc::new(start(&cluster, &home).await);
    approvals(&traffic).await;
    pages(&traffic, users).await;
    let traffic = Arc::into_inner(traffic).expect("nobody asks any more");
    traffic.running.stop().await;
    drop(cluster);
    Cluster::remove(&home).expect("the cluster can be removed");
}
