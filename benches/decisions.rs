//! The decision path as a whole, and the verification of a token, on the sandbox's universe and a
//! private Postgres.
//!
//! Figures of one run compare with each other; those of two runs on a shared machine do not.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark ends there"
)]

use std::{collections::HashMap, hint::black_box, path::PathBuf};

use authorization::pdp::PermitSubject;
use criterion::{Criterion, criterion_group, criterion_main};
use foundation::clock::Clock;
use indicatif::ProgressBar;
use private_postgres::{Cluster, Durability};
use serde_json::json;
use systembruker::sandbox::{self, SandboxOptions};
use tokio::runtime::Runtime;

/// Tindevandrer Sport and its system user, which holds package `lonn`.
const OWNER: i32 = 52_000_084;
const SYSTEM_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";

fn decisions(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&home).unwrap();
    let cluster = Cluster::start(&home, Durability::Volatile).expect("Postgres starts");
    let running = runtime.block_on(async {
        let options = SandboxOptions {
            port: Some(18_080),
            data_dir: Some(home.join("sandbox")),
            fresh: false,
        };
        let settings = sandbox::settings(&options, &HashMap::new()).expect("settings");
        sandbox::start(
            settings,
            &cluster.url("postgres"),
            Clock::default(),
            &ProgressBar::hidden(),
        )
        .await
        .expect("a sandbox")
    });
    let state = running.state.clone();
    let token = state
        .own_keys
        .signing_key()
        .sign(&own_claims(&state.config.own_issuer), &[])
        .unwrap();
    assert!(runtime.block_on(state.verifier.verify(&token)).is_ok());
    c.bench_function("token: verify our own", |b| {
        b.to_async(&runtime)
            .iter(|| async { black_box(state.verifier.verify(&token).await.is_ok()) });
    });
    let system_user = PermitSubject::SystemUser(SYSTEM_USER.parse().unwrap());
    assert!(
        runtime
            .block_on(
                state
                    .pdp
                    .permits(system_user, "write", "inntektsmelding", OWNER)
            )
            .unwrap()
            .permit
    );
    c.bench_function("decision: a system user on a package", |b| {
        b.to_async(&runtime).iter(|| async {
            state
                .pdp
                .permits(system_user, "write", "inntektsmelding", OWNER)
                .await
                .unwrap()
        });
    });
    runtime.block_on(running.stop());
}

fn own_claims(issuer: &str) -> serde_json::Value {
    json!({"iss": issuer, "iat": 1_700_000_000, "exp": 4_000_000_000_u32, "scope": "altinn:authorization/authorize",
        "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"}})
}

criterion_group!(benches, decisions);
criterion_main!(benches);
