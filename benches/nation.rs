//! What size does: imports, the question "what may this person do for this organisation", and the
//! list of whom an accountant may act for, on a synthetic nation and a private Postgres.
//!
//! `NATION_SCALE` says how much of the nation (0.01 when it is not set). Figures of one run compare
//! with each other; those of two runs on a shared machine do not.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark ends there"
)]

use std::{
    cell::Cell,
    collections::HashMap,
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use ::sandbox::NationOptions;
use criterion::{Criterion, criterion_group, criterion_main};
use edges::import::{self, AcceptedPersons, ImportContext, ImportFormat, ImportMode, PersonMatch};
use foundation::clock::Clock;
use indicatif::ProgressBar;
use private_postgres::{Cluster, Durability};
use registers::parties;
use serde_json::json;
use systembruker::sandbox::RunningSandbox;
use systembruker::sandbox::{self, SandboxOptions};
use tokio::runtime::Runtime;
use uuid::Uuid;

async fn load(running: &RunningSandbox, out: &Path, scale: f64) {
    let state = &running.state;
    let options = NationOptions {
        out: out.to_path_buf(),
        seed: 1,
        scale,
    };
    let kinds =
        ::sandbox::generate(&state.catalogue, &options, &ProgressBar::hidden()).expect("a nation");
    let context = ImportContext {
        persons: AcceptedPersons::Synthetic,
        catalogue: Arc::clone(&state.catalogue),
        identity: Arc::clone(&state.identity),
    };
    for round in ["first time", "again"] {
        for (kind, lines) in &kinds {
            let options = import::FileImportOptions {
                kind: *kind,
                format: ImportFormat::Ndjson,
                file: out.join(format!("{}.ndjson", kind.as_str())),
                source: "nation".to_owned(),
                mode: ImportMode::Snapshot,
                dry_run: false,
                max_errors: 0,
                max_shrink: 2.0,
                person_match: PersonMatch::Off,
                person_id_member: "fodselsnummer".to_owned(),
            };
            let started = Instant::now();
            let outcome = import::import(&state.db, &context, &options, &ProgressBar::hidden())
                .await
                .expect("an import");
            assert!(outcome.refused.is_none(), "{outcome:?}");
            println!(
                "import, {round}: {lines} {} in {:.1} s, {:?}",
                kind.as_str(),
                started.elapsed().as_secs_f64(),
                outcome.counts
            );
        }
    }
}

/// Pairs of uuids: the holder of a role, and the organisation it is of.
async fn pairs(running: &RunningSandbox) -> Vec<(Uuid, Uuid)> {
    sqlx::query_as(
        "select t.uuid, f.uuid from register_role r join party t on t.key = r.to_key join party f on f.key = r.from_key
         where t.kind = 'person' and r.source = 'nation' order by md5(r.from_key || '-' || r.to_key) limit 2000",
    )
    .fetch_all(&running.state.db)
    .await
    .unwrap()
}

/// Director of the accountant with the most clients, and how many there are.
async fn busiest(running: &RunningSandbox) -> (Uuid, i64) {
    sqlx::query_as(
        "with firm as (select to_key as key, count(*) as clients from register_role r join role on role.key = r.role_id
           where role.register_code = 'REGN' and r.source = 'nation' group by to_key order by count(*) desc limit 1)
         select p.uuid, firm.clients from firm join register_role r on r.from_key = firm.key join role on role.key = r.role_id
         join party p on p.key = r.to_key where role.register_code = 'DAGL' limit 1",
    )
    .fetch_one(&running.state.db)
    .await
    .unwrap()
}

fn nation(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-nation");
    Cluster::remove(&home).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    let cluster = Cluster::start(&home, Durability::Full).expect("Postgres starts");
    let scale = std::env::var("NATION_SCALE")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0.01);
    let running = runtime.block_on(async {
        let options = SandboxOptions {
            port: Some(18_180),
            data_dir: Some(home.join("sandbox")),
            fresh: false,
        };
        let settings = sandbox::settings(&options, &HashMap::new()).expect("settings");
        let running = sandbox::start(
            settings,
            &cluster.url("postgres"),
            Clock::default(),
            &ProgressBar::hidden(),
        )
        .await
        .expect("a sandbox");
        load(&running, &home.join("files"), scale).await;
        running
    });
    standing(c, &runtime, &running);
    list(c, &runtime, &running);
    runtime.block_on(running.stop());
}

/// Subject and reportee by uuid, then every relation between them and what follows from it.
fn standing(c: &mut Criterion, runtime: &Runtime, running: &RunningSandbox) {
    let state = running.state.clone();
    let pairs = runtime.block_on(pairs(running));
    // The connection goes back to its pool inside the runtime.
    let _inside = runtime.enter();
    let mut db = runtime.block_on(state.db.acquire()).unwrap();
    let at = Cell::new(0);
    c.bench_function("what may person P do for organisation O", |b| {
        b.iter(|| {
            let (person, organization) = pairs[at.get() % pairs.len()];
            at.set(at.get() + 1);
            let standing = runtime
                .block_on(parties::standing(
                    &mut db,
                    &person.into(),
                    &organization.into(),
                ))
                .unwrap();
            let (subject, reportee) = (standing.subject.unwrap(), standing.reportee.unwrap());
            black_box(parties::rules::access(
                &state.catalogue,
                &subject,
                &reportee,
                &standing.connections,
            ))
        });
    });
}

/// Over HTTP: until the first bytes of the list are there, and until all are.
fn list(c: &mut Criterion, runtime: &Runtime, running: &RunningSandbox) {
    let state = &running.state;
    let (director, clients) = runtime.block_on(busiest(running));
    let claims = json!({"iss": state.config.own_issuer, "iat": 1_700_000_000, "exp": 4_000_000_000_u32,
        "scope": "altinn:accessmanagement/authorizedparties.resourceowner", "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:390028466"}});
    let token = state.own_keys.signing_key().sign(&claims, &[]).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async || {
        let request = http
            .post(format!(
                "{}/accessmanagement/api/v1/resourceowner/authorizedparties",
                state.config.public_base
            ))
            .bearer_auth(&token);
        let request = request.json(&json!({"type": "urn:altinn:person:uuid", "value": director}));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response
    };
    println!("the busiest accountant has {clients} clients");
    let mut group = c.benchmark_group("authorized parties of the busiest accountant's director");
    group.sample_size(10);
    group.bench_function("first bytes", |b| {
        b.to_async(runtime)
            .iter(|| async { ask().await.chunk().await.unwrap().unwrap().len() });
    });
    group.bench_function("whole list", |b| {
        b.to_async(runtime)
            .iter(|| async { ask().await.bytes().await.unwrap().len() });
    });
    group.finish();
}

criterion_group!(benches, nation);
criterion_main!(benches);
