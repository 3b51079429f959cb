//! A template database, and a database for each test.
//!
//! The cluster stays on disk from one test program to the next. Its template is made again only
//! when the sources that it was made from have changed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use aws_lc_rs::digest::{Context, SHA256};
use foundation::clock::Clock;
use indicatif::ProgressBar;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, PgConnection};
use systembruker::sandbox;
use tokio::{runtime::Builder, sync::OnceCell};

use crate::{
    cluster::{cluster, connect},
    settings,
};

async fn admin() -> PgConnection {
    connect(&cluster().url("postgres")).await
}

async fn execute(admin: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement))
        .execute(admin)
        .await
        .expect("a database can be made");
}

/// Name of the database that others are copied from.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

async fn prepare_template() -> String {
    let name = format!("template_{}", sources_digest());
    let mut admin = admin().await;
    let found: Vec<String> = sqlx::query_scalar(
        "select datname from pg_database where datname not in ('postgres', 'template0', 'template1')",
    )
    .fetch_all(&mut admin)
    .await
    .expect("a list of databases");
    let is_reusable = found.contains(&name) && settings::sandbox_dir().exists();
    if !is_reusable {
        make_template(&mut admin, &name).await;
    }
    let left = found.into_iter().filter(|old| *old != name).collect();
    std::thread::spawn(|| drop_databases(left));
    name
}

async fn make_template(admin: &mut PgConnection, name: &str) {
    for old in ["unfinished", name] {
        execute(admin, format!("drop database if exists {old} with (force)")).await;
    }
    execute(admin, "create database unfinished".to_owned()).await;
    let running = sandbox::start(
        settings::settings(&[]),
        &cluster().url("unfinished"),
        Clock::default(),
        &ProgressBar::hidden(),
    )
    .await
    .expect("a sandbox starts");
    running.stop().await;
    execute(admin, format!("alter database unfinished rename to {name}")).await;
}

/// Drops what an earlier program left, in parallel to the tests: on a busy disk each takes a
/// second. What is not dropped before the program ends is left to the next.
fn drop_databases(names: Vec<String>) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut admin = admin().await;
        for name in names {
            let statement = format!("drop database if exists \"{name}\" with (force)");
            let dropped = sqlx::query(AssertSqlSafe(statement));
            if dropped.execute(&mut admin).await.is_err() {
                // The program ends, and the server with it.
                return;
            }
        }
    });
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A name that no database has.
fn new_name() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{number}", std::process::id())
}

/// A database of its own for one test, with the catalogues, the universe and its clients.
pub async fn database() -> SecretString {
    let template = TEMPLATE.get_or_init(prepare_template).await;
    let name = new_name();
    // Copies of one template queue up; on a disk without fsync each takes some ten milliseconds.
    execute(
        &mut admin().await,
        format!("create database {name} template {template} strategy file_copy"),
    )
    .await;
    cluster().url(&name)
}

/// A database of its own for one test, without anything in it.
pub async fn empty_database() -> SecretString {
    let name = new_name();
    execute(&mut admin().await, format!("create database {name}")).await;
    cluster().url(&name)
}

/// Digest of all that a template is made from: migrations, data, and the code that loads them.
fn sources_digest() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for dir in ["migrations", "data", "config", "src", "crates"] {
        collect(&root.join(dir), &mut files);
    }
    files.sort();
    let mut context = Context::new(&SHA256);
    for file in files {
        context.update(file.as_os_str().as_encoded_bytes());
        context.update(&fs::read(&file).expect("a source file"));
    }
    let digest = context.finish();
    digest.as_ref()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Folders whose files no template depends on.
const ASIDE: [&str; 6] = ["tests", "benches", "fuzz", "examples", "target", "testkit"];

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of sources") {
        let entry = entry.expect("an entry");
        let path = entry.path();
        if !path.is_dir() {
            files.push(path);
        } else if !ASIDE.iter().any(|name| path.ends_with(name)) {
            collect(&path, files);
        }
    }
}
