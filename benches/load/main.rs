//! What decisions cost over HTTP, compared with a bare handler that parses the same body and
//! answers a constant of the same size, with few and many resources, with few and many system
//! users.
//!
//! The service, the bare handler and the load generator are processes of one machine, and so is
//! Postgres.
//! `LOAD_USERS` and `LOAD_RESOURCES` say how many system users and resources the large case has
//! (100,000 and 2,000 when they are not set; there are five clients of agents for every system
//! user), `LOAD_ORGANIZATIONS` among how many organisations an accountant has 94,000 clients (a million);
//! `-- cpu`, `-- bare`, `-- resources`, `-- users` or `-- lists` asks one question. Every comparison
//! alternates its sides in one run: look at the ratios. `LOAD_OTHER` names another build of the
//! program, whose processor time a decision is measured in the same rounds.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark ends there with a message"
)]
#![expect(clippy::cast_precision_loss, reason = "rates")]

mod ask;
mod lists;
mod program;
mod rows;
mod wrk;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use ask::{CONNECTIONS, Connection, flood, once, pace};
use indicatif::{ProgressBar, ProgressStyle};
use private_postgres::{Cluster, Durability};
use program::{Bare, Process, Service};
use rows::{Database, SYSTEM_USER};
use wrk::Script;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORG: &str = "390367767";
const RESOURCE: &str = "inntektsmelding";
/// What system users ask for their owners, and agents for their clients.
const OWN: (&str, &str) = ("write", RESOURCE);
const FOR_CLIENTS: (&str, &str) = ("read", "mva-melding");
/// Pairs of system user and organisation that are asked about in turn.
const TOUCHED: usize = 100_000;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 5;
const PORT: u16 = 18_280;
/// Of another build.
const OTHER_PORT: u16 = PORT + 200;
/// Where few system users are stored, and many; and where their services listen.
const DATABASES: [(&str, u16); 2] = [("few", PORT), ("many", PORT + 100)];

type Requests = Arc<Vec<Vec<u8>>>;

#[tokio::main]
async fn main() {
    if Bare::serve_if_asked().await || !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("load");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    let cluster = Cluster::start(&home, Durability::Full).expect("Postgres starts");
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wants = |name: &str| asked.is_empty() || asked.iter().any(|a| a == name);
    let service = Service::start(&cluster, "postgres", &home, PORT).await;
    if wants("cpu") {
        processor_time(&service, &cluster, &home).await;
    }
    if wants("bare") {
        compare_with_a_bare_handler(&service, &cluster).await;
    }
    if wants("resources") {
        resources(&service, &cluster).await;
    }
    if wants("lists") {
        let organizations = number("LOAD_ORGANIZATIONS", 1_000_000);
        let mut db = Database::open(&cluster, "postgres").await;
        db.add_clients(organizations).await;
        lists::measure(&service).await;
    }
    drop(service);
    if wants("users") {
        users(&cluster, &home).await;
    }
}

/// A program whose processor time is measured.
struct Measured<'p> {
    name: &'static str,
    process: &'p Process,
    host: &'p str,
    script: &'p Script,
    /// Microseconds an answer, by round.
    took: Vec<f64>,
}

impl Measured<'_> {
    fn round(&mut self) -> f64 {
        let before = self.process.processor_time();
        let answers = self.script.ask(self.host, ROUND);
        let took = self.process.processor_time().saturating_sub(before);
        let each = took.as_secs_f64() * 1e6 / answers as f64;
        self.took.push(each);
        each
    }
}

/// Processor time that a decision costs the server, compared with a bare handler and, where one is
/// named, another build of the program.
async fn processor_time(service: &Service, cluster: &Cluster, home: &Path) {
    let script = service.script(home, SYSTEM_USER, OWN, ORG);
    let request = service.request(SYSTEM_USER, OWN, ORG);
    let size = Connection::open(&service.host).await.ask(&request).await;
    let bare = Bare::start(size).await;
    let other = match std::env::var_os("LOAD_OTHER") {
        Some(program) => {
            let mut db = Database::open(cluster, "postgres").await;
            db.execute("create database other").await;
            let program = Path::new(&program);
            let other = Service::start_program(program, cluster, "other", home, OTHER_PORT).await;
            let folder = home.join("other");
            std::fs::create_dir_all(&folder).unwrap();
            let script = other.script(&folder, SYSTEM_USER, OWN, ORG);
            Some((other, script))
        }
        None => None,
    };
    let measured = |name, process, host, script| Measured {
        name,
        process,
        host,
        script,
        took: Vec::new(),
    };
    let mut compared = measured("bare handler", &bare.process, &bare.host, &script);
    let mut programs = vec![measured(
        "service",
        &service.process,
        &service.host,
        &script,
    )];
    if let Some((other, script)) = &other {
        programs.push(measured("other build", &other.process, &other.host, script));
    }
    let mut ratios = vec![Vec::new(); programs.len()];
    for round in 0..=ROUNDS {
        let bare = compared.round();
        for (program, ratios) in programs.iter_mut().zip(&mut ratios) {
            let ratio = program.round() / bare;
            if round > 0 {
                ratios.push(ratio);
            }
        }
    }
    let first = |took: &[f64]| median(took[1..].to_vec());
    println!(
        "processor time a request of the {}: {:.1} µs",
        compared.name,
        first(&compared.took)
    );
    for (program, ratios) in programs.iter().zip(ratios) {
        let (low, high) = range(&ratios);
        println!(
            "processor time a decision of the {}: {:.1} µs, {:.3} times the bare handler's ({low:.3} to {high:.3})",
            program.name,
            first(&program.took),
            median(ratios)
        );
    }
    if let [ours, other] = programs.as_slice() {
        let pairs = ours.took.iter().zip(&other.took).skip(1);
        let ratios: Vec<f64> = pairs.map(|(ours, other)| ours / other).collect();
        let (low, high) = range(&ratios);
        println!(
            "the service compared with the other build: {:.3} ({low:.3} to {high:.3})",
            median(ratios)
        );
    }
}

fn range(ratios: &[f64]) -> (f64, f64) {
    let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    (low, ratios.iter().copied().fold(0.0, f64::max))
}

async fn compare_with_a_bare_handler(service: &Service, cluster: &Cluster) {
    let mut db = Database::open(cluster, "postgres").await;
    let requests: Requests = Arc::new(vec![service.request(SYSTEM_USER, OWN, ORG)]);
    let size = Connection::open(&service.host)
        .await
        .ask(&requests[0])
        .await;
    let bare = Bare::start(size).await;
    let (before, mut asked) = (db.lines().await, 0.0);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let b = flood(&bare.host, &requests, ROUND).await;
        let o = flood(&service.host, &requests, ROUND).await;
        asked += o * ROUND.as_secs_f64();
        if round > 0 {
            ours.push(o);
            theirs.push(b);
            ratios.push(o / b);
        }
    }
    let written = db.lines().await - before;
    let (rate, bare) = (median(ours), median(theirs));
    println!(
        "decisions compared with a bare handler: ratio {:.3} ({rate:.0}/s to {bare:.0}/s, {CONNECTIONS} connections)",
        median(ratios)
    );
    println!("lines in the log for about {asked:.0} decisions: {written}");
    let took = pace(&service.host, &requests, rate / 2.0, ROUND).await;
    println!(
        "at half that load: p50 {:?}, p99 {:?}",
        percentile(&took, 50),
        percentile(&took, 99)
    );
}

async fn resources(service: &Service, cluster: &Cluster) {
    let resources = number("LOAD_RESOURCES", 2_000);
    Database::open(cluster, "postgres")
        .await
        .add_resources(resources, RESOURCE)
        .await;
    let of_resource = |n: usize| service.request(SYSTEM_USER, ("write", &format!("load-{n}")), ORG);
    service.until_permitted(&of_resource(resources)).await;
    // The load generator keeps the same number of requests either way.
    let among = |count: usize| -> Requests {
        Arc::new((0..resources).map(|n| of_resource(1 + n % count)).collect())
    };
    let (few, many) = (among(10), among(resources));
    flat(
        &format!("resources asked about, 10 to {resources}"),
        (service, &few),
        (service, &many),
    )
    .await;
    println!(
        "with {resources} resources more the service holds {} MiB",
        service.process.resident_mib()
    );
}

/// One service with a hundred system users stored, one with very many of which it is asked about a
/// part.
async fn users(cluster: &Cluster, home: &Path) {
    let users = number("LOAD_USERS", 100_000);
    Database::open(cluster, "postgres")
        .await
        .execute("create database few")
        .await;
    Database::open(cluster, "postgres")
        .await
        .execute("create database many")
        .await;
    for (database, port) in DATABASES {
        drop(Service::start(cluster, database, home, port).await);
    }
    let progress = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{bar:20} {pos}/{len} {msg} {elapsed}").unwrap());
    progress.enable_steady_tick(Duration::from_millis(200));
    let (mut few, mut many) = (
        Database::open(cluster, "few").await,
        Database::open(cluster, "many").await,
    );
    few.add_system_users(100, &ProgressBar::hidden()).await;
    let started = Instant::now();
    let clients = many.add_system_users(users, &progress).await;
    println!(
        "{users} system users and {clients} clients of agents made in {:.0} s",
        started.elapsed().as_secs_f64()
    );

    let mut services = Vec::new();
    for (database, port) in DATABASES {
        services.push(Service::start(cluster, database, home, port).await);
    }
    let mut asked: Vec<Requests> = Vec::new();
    for (service, (db, each)) in services
        .iter()
        .zip([(&mut few, 50), (&mut many, TOUCHED / 2)])
    {
        let [own, clients] = db.acting(each).await;
        let own = own.iter().map(|(id, org)| service.request(id, OWN, org));
        let clients = clients
            .iter()
            .map(|(id, org)| service.request(id, FOR_CLIENTS, org));
        let distinct: Vec<Vec<u8>> = own.chain(clients).collect();
        // The load generator keeps the same number of requests either way.
        asked.push(Arc::new(
            distinct.iter().cycle().take(TOUCHED).cloned().collect(),
        ));
    }
    println!(
        "before anything is asked the service holds {} MiB",
        services[1].process.resident_mib()
    );
    println!(
        "never asked about before: {:.0}/s",
        once(&services[1].host, &asked[1]).await
    );
    println!(
        "with {} pairs in memory the service holds {} MiB",
        asked[1].len(),
        services[1].process.resident_mib()
    );
    flat(
        &format!("system users stored, 100 to {users}"),
        (&services[0], &asked[0]),
        (&services[1], &asked[1]),
    )
    .await;
    println!("and after that {} MiB", services[1].process.resident_mib());
}

/// Few against many, alternating.
async fn flat(name: &str, few: (&Service, &Requests), many: (&Service, &Requests)) {
    let (mut first, mut second, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let f = flood(&few.0.host, few.1, ROUND).await;
        let m = flood(&many.0.host, many.1, ROUND).await;
        if round > 0 {
            first.push(f);
            second.push(m);
            ratios.push(m / f);
        }
    }
    println!(
        "{name}: ratio {:.3} ({:.0}/s, and {:.0}/s)",
        median(ratios),
        median(first),
        median(second)
    );
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn percentile(sorted: &[Duration], part: usize) -> Duration {
    sorted[(sorted.len() - 1) * part / 100]
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
