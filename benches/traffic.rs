//! What vendors, customers and accountants do all day: approving requests, reading them, paging
//! through a system's users and an accountant's clients, delegating a thousand of them at once.
//!
//! Postgres, the service and the load generator share one machine, and Postgres keeps its word
//! about the disk. `TRAFFIC_USERS` says how many system users the system has,
//! `TRAFFIC_ORGANIZATIONS` how many organisations there are (a million each when they are not set).
//! Figures of one run compare with each other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark ends there with a message"
)]

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use foundation::clock::Clock;
use indicatif::ProgressBar;
use private_postgres::{Cluster, Durability};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use systembruker::sandbox::RunningSandbox;
use systembruker::sandbox::{self, SandboxOptions};
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
    running: RunningSandbox,
    http: Client,
    vendor: String,
    director: String,
}

impl Traffic {
    fn token(running: &RunningSandbox, claims: &Value) -> String {
        let issuer = &running.state.config.own_issuer;
        let mut all = json!({"iss": issuer, "iat": 1_700_000_000, "exp": 4_000_000_000_u32});
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        running
            .state
            .own_keys
            .signing_key()
            .sign(&all, &[])
            .unwrap()
    }

    async fn execute(&self, statement: &str) {
        let mut tx = self.running.state.db.begin().await.unwrap();
        sqlx::query("set local statement_timeout = 0")
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut *tx)
            .await
            .expect("a statement");
        foundation::db::commit_at_last(tx).await.unwrap();
    }

    async fn ask(&self, method: Method, path: &str, token: &str) -> String {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.running.config.public_base)
        };
        let answer = self
            .http
            .request(method, url)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("a body")
    }

    /// Sends every request once, from several workers; prints how many a second, and how long one
    /// took.
    async fn measure(
        self: &Arc<Self>,
        name: &str,
        method: Method,
        paths: Vec<String>,
        token: &str,
    ) {
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
        println!(
            "{name}: {rate:.0}/s with {WORKERS} at once; p50 {:?}, p99 {:?}",
            at(50),
            at(99)
        );
    }
}

impl Traffic {
    /// A token of the person who leads an organisation.
    async fn person(&self, org: &str, pid: &str, scopes: &str) -> String {
        Self::director(&self.running, org, pid, scopes).await
    }

    async fn director(running: &RunningSandbox, org: &str, pid: &str, scopes: &str) -> String {
        let user_id: i32 = sqlx::query_scalar(
            "select t.user_id from party t join register_role r on r.to_key = t.key join party o on o.key = r.from_key
             join role on role.key = r.role_id and role.code in ('daglig-leder', 'innehaver') where o.org_number = $1 and t.user_id is not null limit 1",
        )
        .bind(org)
        .fetch_one(&running.state.db)
        .await
        .expect("a director");
        let claims = json!({"scope": scopes, "urn:altinn:userid": user_id, "urn:altinn:authlevel": 3, "pid": pid, "acr": "idporten-loa-substantial"});
        Self::token(running, &claims)
    }
}

async fn start(cluster: &Cluster, home: &std::path::Path) -> Traffic {
    let options = SandboxOptions {
        port: Some(18_180),
        data_dir: Some(home.join("sandbox")),
        fresh: false,
    };
    let environment = HashMap::from([("SYSTEMBRUKER__LOG__LEVEL".to_owned(), "error".to_owned())]);
    let settings = sandbox::settings(&options, &environment).expect("settings");
    let running = sandbox::start(
        settings,
        &cluster.url("postgres"),
        Clock::default(),
        &ProgressBar::hidden(),
    )
    .await
    .expect("a sandbox");
    let vendor = Traffic::token(
        &running,
        &json!({"scope": "altinn:authentication/systemuser.request.read altinn:authentication/systemregister.write",
            "consumer": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{VENDOR}")}}),
    );
    let director = Traffic::director(&running, CUSTOMER, DIRECTOR, "altinn:portal/enduser").await;
    let http = Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(WORKERS)
        .build()
        .unwrap();
    Traffic {
        running,
        http,
        vendor,
        director,
    }
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
        sqlx::query_scalar("select id from request where external_ref like 'traffic %'")
            .fetch_all(&traffic.running.state.db)
            .await
            .unwrap();
    let approve = |id: &Uuid| {
        format!("/authentication/api/v1/systemuser/request/{CUSTOMER_PARTY}/{id}/approve")
    };
    traffic
        .measure(
            "approve a request",
            Method::POST,
            ids.iter().map(approve).collect(),
            &traffic.director,
        )
        .await;
    let read = |n: usize| {
        format!(
            "/authentication/api/v1/systemuser/request/vendor/{}",
            ids[n % ids.len()]
        )
    };
    traffic
        .measure(
            "read a request as its vendor",
            Method::GET,
            (0..READS).map(read).collect(),
            &traffic.vendor,
        )
        .await;
}

async fn pages(traffic: &Arc<Traffic>, users: usize) {
    let started = Instant::now();
    traffic
        .execute(&format!(
            r#"insert into "system_user" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, access_packages,
                 created_by, sequence_no)
               select gen_random_uuid(), 'Page', s.system_internal_id, o.key, o.org_number, 'standard', 'page ' || n, '[]', 'bench',
                 nextval('system_user_sequence')
               from generate_series(1, {users}) n, system s, party o where s.system_id = '{SYSTEM}' and o.org_number = '{CUSTOMER}'"#
        ))
        .await;
    sqlx::query("analyze \"system_user\"")
        .execute(&traffic.running.state.db)
        .await
        .unwrap();
    println!(
        "{users} system users of one system made in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let first = format!("/authentication/api/v1/systemuser/vendor/bysystem/{SYSTEM}");
    let end: i64 = sqlx::query_scalar("select max(sequence_no) from \"system_user\"")
        .fetch_one(&traffic.running.state.db)
        .await
        .unwrap();
    let page: Value =
        serde_json::from_str(&traffic.ask(Method::GET, &first, &traffic.vendor).await).unwrap();
    assert!(page["links"]["next"].is_string());
    for (name, from) in [("first", 0), ("middle", end / 2), ("last", end - 40)] {
        let address = format!("{first}?token={}", foundation::http::paging::token(&from));
        traffic
            .measure(
                &format!("{name} page of a system's users"),
                Method::GET,
                vec![address; 2_000],
                &traffic.vendor,
            )
            .await;
    }
}

/// Tallknuseren, its managing director, and its agent.
const ACCOUNTANT: &str = "390784554";
const ACCOUNTANT_DIRECTOR: &str = "13837347860";
const AGENT: &str = "05042226-1aa3-5372-87bc-b03f76163fdf";
const CLIENTS: usize = 94_000;

/// An accountant with 94,000 clients among a million organisations, all delegated to one agent.
async fn accountant(traffic: &Arc<Traffic>, organizations: usize) {
    let started = Instant::now();
    let nth = (organizations / CLIENTS).max(1);
    for statement in [
        format!(
            r"insert into party (uuid, party_id, kind, org_number, name, source)
              select gen_random_uuid(), nextval('party_id_seq'), 'organization', (800000000 + n)::text, md5(n::text), 'bench'
              from generate_series(1, {organizations}) n"
        ),
        format!(
            r"insert into register_role (from_key, role_id, to_key, source)
              select m.key, r.key, p.key, 'bench' from party m, party p, role r
              where m.source = 'bench' and m.org_number::int % {nth} = 0 and p.org_number = '{ACCOUNTANT}' and r.code = 'regnskapsforer'"
        ),
        format!(
            r"with delegated as (
                insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
                select gen_random_uuid(), a.key, r.to_key, r.from_key, r.role_id, 'bench' from register_role r, party a
                where r.source = 'bench' and a.uuid = '{AGENT}' returning id)
              insert into client_delegation_package (delegation_id, package_id, basis)
              select h.id, k.key, 'role-package' from delegated h, package k where k.urn = 'urn:altinn:accesspackage:regnskapsforer-lonn'"
        ),
        "analyze party, register_role, client_delegation, client_delegation_package".to_owned(),
    ] {
        traffic.execute(&statement).await;
    }
    println!(
        "{CLIENTS} clients among {organizations} organisations made in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let scopes = "altinn:clientdelegations.read altinn:clientdelegations.write";
    let token = traffic
        .person(ACCOUNTANT, ACCOUNTANT_DIRECTOR, scopes)
        .await;
    let base = "/authentication/api/v1/enduser/systemuser/clients";
    for (name, path) in [
        ("its clients", base.to_owned()),
        ("clients it could have", format!("{base}/available")),
    ] {
        let first = format!("{path}?agent={AGENT}&limit=100");
        let mut next = first.clone();
        for _ in 0..5 {
            let page: Value =
                serde_json::from_str(&traffic.ask(Method::GET, &next, &token).await).unwrap();
            page["links"]["next"]
                .as_str()
                .expect("more")
                .clone_into(&mut next);
        }
        traffic
            .measure(
                &format!("first page of {name}"),
                Method::GET,
                vec![first; 400],
                &token,
            )
            .await;
        traffic
            .measure(
                &format!("sixth page of {name}"),
                Method::GET,
                vec![next; 400],
                &token,
            )
            .await;
        let whole = Instant::now();
        let bytes = traffic
            .ask(Method::GET, &format!("{path}?agent={AGENT}"), &token)
            .await
            .len();
        println!("all of {name}: {bytes} bytes in {:?}", whole.elapsed());
    }
    // At the database, with the filter of the portal.
    let state = &traffic.running.state;
    let provider: i32 = sqlx::query_scalar("select key from party where org_number = $1")
        .bind(ACCOUNTANT)
        .fetch_one(&state.db)
        .await
        .unwrap();
    for (name, packages) in [
        ("without a filter", None),
        (
            "by a package of most clients",
            Some("urn:altinn:accesspackage:regnskapsforer-lonn"),
        ),
        (
            "by a package of two clients",
            Some("urn:altinn:accesspackage:skatt-naering"),
        ),
        (
            "by a package of no client",
            Some("urn:altinn:accesspackage:jordbruk"),
        ),
    ] {
        let wanted: Option<Vec<i16>> = packages.map(|urn| state.catalogue.keys_of([urn]));
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..50 {
            let one = Instant::now();
            state
                .clients()
                .page(
                    provider,
                    wanted.as_deref(),
                    system_users::clients::ClientCursor::default(),
                    100,
                )
                .await
                .unwrap();
            took.push(one.elapsed());
        }
        took.sort_unstable();
        println!(
            "first page {name}, at the database: p50 {:?}, p98 {:?}",
            took[25], took[48]
        );
    }
    batches(traffic, &token).await;
    decisions(traffic).await;
}

/// Takes a thousand clients from the agent, and delegates them to it again.
async fn batches(traffic: &Arc<Traffic>, token: &str) {
    let clients: Vec<Uuid> =
        sqlx::query_scalar("select p.uuid from register_role r join party p on p.key = r.from_key where r.source = 'bench' limit 1000")
            .fetch_all(&traffic.running.state.db)
            .await
            .unwrap();
    let required = r#"[{"urn": "urn:altinn:accesspackage:regnskapsforer-lonn"}]"#;
    traffic
        .execute(&format!(
            "update \"system_user\" set access_packages = '{required}' where id = '{AGENT}'"
        ))
        .await;
    for action in ["remove", "add", "remove", "add"] {
        let url = format!(
            "{}/systembruker/api/v1/enduser/systemuser/clients:batch?agent={AGENT}",
            traffic.running.config.public_base
        );
        let started = Instant::now();
        let request = traffic
            .http
            .post(url)
            .bearer_auth(token)
            .header("content-type", "application/json");
        let answer = request
            .body(json!({"action": action, "clients": clients}).to_string())
            .send()
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["done"], 1_000, "{answer}");
        println!(
            "{action} 1,000 clients in one call: {:?}",
            started.elapsed()
        );
    }
}

/// One decision for an agent with 94,000 clients, and for one with a single client.
async fn decisions(traffic: &Arc<Traffic>) {
    use authorization::pdp::PermitSubject;
    let state = &traffic.running.state;
    let one_client = "a4cad1ef-0fb8-5c0e-a223-d3cf0e3165ec";
    let party = "select p.party_id from client_delegation d join party p on p.key = d.client_key join party a on a.key = d.system_user_key where a.uuid = $1 limit 1";
    for (name, agent, resource) in [
        ("94,000 clients", AGENT, "a-melding"),
        ("one client", one_client, "skattemelding-naering"),
    ] {
        let agent: Uuid = agent.parse().unwrap();
        let client: i32 = sqlx::query_scalar(party)
            .bind(agent)
            .fetch_one(&state.db)
            .await
            .unwrap();
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..1_000 {
            let one = Instant::now();
            let verdict = state
                .pdp
                .permits(PermitSubject::SystemUser(agent), "read", resource, client)
                .await
                .unwrap();
            took.push(one.elapsed());
            assert!(verdict.permit);
        }
        took.sort_unstable();
        println!(
            "a decision for an agent with {name}: p50 {:?}, p99 {:?}",
            took[500], took[990]
        );
    }
}

#[tokio::main]
async fn main() {
    let users = std::env::var("TRAFFIC_USERS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let organizations = std::env::var("TRAFFIC_ORGANIZATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("traffic");
    std::fs::create_dir_all(&home).unwrap();
    Cluster::remove(&home).expect("the last run's cluster can be removed");
    let cluster = Cluster::start(&home, Durability::Full).expect("Postgres starts");
    let traffic = Arc::new(start(&cluster, &home).await);
    approvals(&traffic).await;
    pages(&traffic, users).await;
    accountant(&traffic, organizations).await;
    let traffic = Arc::into_inner(traffic).expect("all requests are answered");
    traffic.running.stop().await;
    drop(cluster);
    Cluster::remove(&home).expect("the cluster can be removed");
}
