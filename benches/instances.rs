//! What instances cost the one primary that they share, and how fast each follows it: idle, while
//! things change, and while all of them write decision logs.
//!
//! Every instance is the whole service in this process, with pools and background tasks of its
//! own. `INSTANCES` says how many (50 when it is not set), `INSTANCES_SECONDS` how long each case
//! is measured (20), `INSTANCES_DECISIONS` how many decisions a second each logs (2,000).
//! Statements that the log of decisions takes are written as the service writes them; the
//! decisions themselves are not computed, since they cost the primary nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark ends there, and prints"
)]
#![expect(clippy::cast_precision_loss, reason = "rates")]

use std::{
    collections::HashMap,
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use foundation::{clock::Clock, config::CheckedSettings, db::feed, db::feed::FeedEntryKind};
use indicatif::{ProgressBar, ProgressStyle};
use private_postgres::{Cluster, Durability};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{PgPool, postgres::PgPoolOptions};
use systembruker::sandbox::{self, RunningSandbox, SandboxOptions};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

/// Blocks of the decision log that an instance writes in a second at most: it gathers lines for
/// 25 ms.
const BLOCKS_PER_SECOND: u64 = 40;
/// Changes that are published in a second, by all together.
const CHANGES_PER_SECOND: u64 = 100;
/// Of so many changes one is timed on every instance.
const TIMED: u64 = 10;
/// A system user of the sandbox, and its owner.
const SYSTEM_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";
const ORGANIZATION: &str = "390367767";

fn number(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// What the database did so far.
#[derive(Debug, Clone, Copy)]
struct Work {
    transactions: i64,
    wal_bytes: i64,
    connections: i64,
    /// Processor time of the server's processes.
    processor: Duration,
}

async fn work(pool: &PgPool, postmaster: u32) -> Work {
    // The server's processes report what they did once a second at most.
    sleep(Duration::from_millis(1_100)).await;
    let (transactions, wal_bytes, connections) = sqlx::query_as::<_, (i64, i64, i64)>(
        "select (select (xact_commit + xact_rollback)::bigint from pg_stat_database where datname = current_database()),
           pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,
           (select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    Work {
        transactions,
        wal_bytes,
        connections,
        processor: processor_time(postmaster),
    }
}

/// Processor time of the server: its first process, those that live, and those that ended.
fn processor_time(postmaster: u32) -> Duration {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // The name of the program is in parentheses, and may hold blanks.
        let Some((head, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let pid = head.split(' ').next().and_then(|pid| pid.parse().ok());
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok());
        let is_first = pid == Some(postmaster);
        if is_first || field(1) == Some(u64::from(postmaster)) {
            ticks += field(11).unwrap_or_default() + field(12).unwrap_or_default();
        }
        if is_first {
            ticks += field(13).unwrap_or_default() + field(14).unwrap_or_default();
        }
    }
    Duration::from_millis(ticks * 10)
}

/// A database with instances of the service on it.
struct Installation {
    pool: PgPool,
    postmaster: u32,
    instances: Vec<RunningSandbox>,
    /// How long each case is measured.
    seconds: u64,
}

impl Installation {
    /// Prints what the database does during a case, in all and for each instance.
    async fn measure(&self, name: &str, during: impl Future<Output = ()>) {
        let before = work(&self.pool, self.postmaster).await;
        let began = Instant::now();
        let ((), ()) = tokio::join!(sleep(Duration::from_secs(self.seconds)), during);
        let after = work(&self.pool, self.postmaster).await;
        let seconds = began.elapsed().as_secs_f64();
        let each = self.instances.len() as f64;
        let transactions = (after.transactions - before.transactions) as f64 / seconds;
        let wal = (after.wal_bytes - before.wal_bytes) as f64 / seconds / 1e6;
        let processor = after
            .processor
            .saturating_sub(before.processor)
            .as_secs_f64()
            / seconds
            * 100.0;
        println!(
            "{name:<48} {transactions:>8.0} {:>8.1} {:>6} {wal:>8.2} {processor:>7.1} {:>7.2}",
            transactions / each,
            after.connections,
            processor / each,
        );
    }

    /// Publishes changes evenly, and prints after what time each instance knew of them.
    async fn publish(&self) {
        let began = Instant::now();
        let mut took = Vec::new();
        for change in 0..self.seconds * CHANGES_PER_SECOND {
            sleep_until(began + Duration::from_millis(change * 1_000 / CHANGES_PER_SECOND)).await;
            let key = Uuid::new_v4().to_string();
            let known: Vec<_> = self
                .instances
                .iter()
                .map(|instance| {
                    let feed = &instance.state.feed;
                    (
                        feed,
                        feed.version_stamp(),
                        feed.tag(FeedEntryKind::Party, &key),
                    )
                })
                .collect();
            let mut tx = self.pool.begin().await.unwrap();
            feed::append(&mut tx, FeedEntryKind::Party, &key)
                .await
                .unwrap();
            foundation::db::commit_at_last(tx).await.unwrap();
            if change % TIMED != 0 {
                continue;
            }
            let committed = Instant::now();
            let mut waiting = known;
            while !waiting.is_empty() {
                waiting.retain(|(feed, since, tag)| {
                    let holds = feed.holds(*since, [*tag]);
                    if !holds {
                        took.push(committed.elapsed());
                    }
                    holds
                });
                sleep(Duration::from_millis(1)).await;
            }
        }
        took.sort_unstable();
        let part = |percent: usize| took[(took.len() - 1) * percent / 100];
        println!(
            "a change is known to an instance after {:.0?} (half of them), {:.0?} (99 of 100), {:.0?} at most; {} looked at",
            part(50),
            part(99),
            part(100),
            took.len()
        );
    }

    /// A line of the decision log, as the service writes it for a decision about a system user.
    async fn decision_line(&self) -> String {
        let running = &self.instances[0];
        let state = &running.state;
        let claims = json!({
            "iss": state.config.own_issuer, "iat": 1_700_000_000, "exp": 4_000_000_000_u32,
            "scope": "altinn:authorization/authorize",
            "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
        });
        let token = state.own_keys.signing_key().sign(&claims, &[]).unwrap();
        let attribute = |id: &str, value: &str| json!({"AttributeId": id, "Value": value});
        let question = json!({"Request": {
            "AccessSubject": [{"Attribute": [attribute("urn:altinn:systemuser:uuid", SYSTEM_USER)]}],
            "Action": [{"Attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write")]}],
            "Resource": [{"Attribute": [
                attribute("urn:altinn:resource", "inntektsmelding"),
                attribute("urn:altinn:organization:identifier-no", ORGANIZATION)]}]}});
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http
            .post(format!(
                "{}/authorization/api/v1/authorize",
                running.config.public_base
            ))
            .bearer_auth(token)
            .json(&question)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        state.pdp.log().flush().await;
        sqlx::query_scalar("select lines from decision_block order by first desc limit 1")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Writes the decision logs of all instances, each on a connection of its own.
    async fn write_logs(&self, line: &str, decisions: u64) {
        let logs = self.instances.iter().map(|instance| {
            write_log(
                &instance.state.background_db,
                self.seconds,
                line,
                decisions / BLOCKS_PER_SECOND,
            )
        });
        futures::future::join_all(logs).await;
    }

    /// Bytes that the log takes.
    async fn log_size(&self) -> i64 {
        sqlx::query_scalar(
            "select coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint from pg_inherits
             where inhparent = 'decision_block'::regclass",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// Writes blocks of so many lines, evenly. Ids differ from line to line, as those of decisions do.
async fn write_log(pool: &PgPool, seconds: u64, line: &str, lines: u64) {
    let (_, rest) = line.split_once('\t').unwrap();
    let began = Instant::now();
    for block in 0..seconds * BLOCKS_PER_SECOND {
        sleep_until(began + Duration::from_millis(block * 1_000 / BLOCKS_PER_SECOND)).await;
        let text: Vec<String> = (0..lines)
            .map(|_| format!("{}\t{rest}", Uuid::now_v7()))
            .collect();
        sqlx::query("insert into decision_block (id, first, last, decisions, lines) values ($1, now(), now(), $2, $3)")
            .bind(Uuid::now_v7())
            .bind(i32::try_from(lines).unwrap())
            .bind(text.join("\n"))
            .execute(pool)
            .await
            .unwrap();
    }
}

/// Settings of an instance that shares keys and database with the others. The first is asked, so its port
/// must be known.
fn settings(home: &Path, is_first: bool) -> CheckedSettings {
    let options = SandboxOptions {
        port: Some(18_480),
        data_dir: Some(home.join("sandbox")),
        fresh: false,
    };
    let mut config = sandbox::settings(&options, &HashMap::new()).expect("settings");
    if is_first {
        return config;
    }
    let any_port: SocketAddr = ([127, 0, 0, 1], 0).into();
    config.settings.server.listen = any_port;
    config.settings.server.internal_listen = any_port;
    if let Some(sandbox) = &mut config.settings.sandbox {
        sandbox.maskinporten.listen = any_port;
        sandbox.idporten.listen = any_port;
        sandbox.testtools.listen = any_port;
    }
    config
}

#[tokio::main]
async fn main() {
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (many, decisions) = (
        number("INSTANCES", 50),
        number("INSTANCES_DECISIONS", 2_000),
    );
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-instances");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).unwrap();
    let connections = u16::try_from(100 + many * 20).unwrap();
    let cluster = Cluster::start_with_connections(&home, Durability::Full, connections)
        .expect("Postgres starts");
    let url = cluster.url("postgres");
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect(url.expose_secret())
        .await
        .unwrap();
    let mut installation = Installation {
        pool,
        postmaster: cluster.server_pid().unwrap(),
        instances: Vec::new(),
        seconds: number("INSTANCES_SECONDS", 20),
    };
    println!(
        "{:<48} {:>8} {:>8} {:>6} {:>8} {:>7} {:>7}",
        "the primary", "tx/s", "each", "conns", "WAL MB/s", "CPU %", "each"
    );
    let progress = ProgressBar::new(many)
        .with_style(ProgressStyle::with_template("{bar:20} {pos}/{len} instances").unwrap());
    for count in [1, many] {
        while (installation.instances.len() as u64) < count {
            let hidden = ProgressBar::hidden();
            let started = sandbox::start(
                settings(&home, installation.instances.is_empty()),
                &url,
                Clock::default(),
                &hidden,
            );
            installation
                .instances
                .push(started.await.expect("an instance"));
            progress.inc(1);
        }
        installation
            .measure(&format!("{count}, idle"), async {})
            .await;
        let name = format!("{count}, {CHANGES_PER_SECOND} changes a second in all");
        installation.measure(&name, installation.publish()).await;
    }
    progress.finish_and_clear();
    let line = installation.decision_line().await;
    let before = installation.log_size().await;
    let name = format!("{many}, logs of {decisions} decisions a second each");
    installation
        .measure(&name, installation.write_logs(&line, decisions))
        .await;
    let stored = decisions / BLOCKS_PER_SECOND * BLOCKS_PER_SECOND * installation.seconds * many;
    println!(
        "a decision: {} bytes written, {:.0} stored",
        line.len(),
        (installation.log_size().await - before) as f64 / stored as f64
    );
    let stops = installation.instances.into_iter().map(RunningSandbox::stop);
    futures::future::join_all(stops).await;
}
