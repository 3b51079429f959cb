//! The private Postgres cluster that the tests of a program share, and the folder of that program.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use private_postgres::{Cluster, Durability};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};

/// So many test programs may run at the same time.
const MAX_PROGRAMS: u32 = 16;

/// The folder that this test program has for itself, and the cluster in it.
struct Home {
    dir: PathBuf,
    cluster: Cluster,
}

static HOME: LazyLock<Home> = LazyLock::new(|| {
    let program = std::env::current_exe().expect("the program's own path");
    // Test programs are in target/debug/deps.
    let target = program.ancestors().nth(3).expect("a target folder");
    // A cluster stays with the version that made it; tests are for the one that is found first.
    let version = private_postgres::version_of_new().unwrap_or_default();
    (1..=MAX_PROGRAMS)
        .map(|number| target.join(format!("tmp/testkit-{version}-{number}")))
        .find_map(|dir| {
            let cluster = start_unless_used(&dir.join("cluster"))?;
            Some(Home { dir, cluster })
        })
        .expect("fewer test programs run at the same time")
});

/// Starts the cluster in a folder; none when another program runs it.
fn start_unless_used(dir: &Path) -> Option<Cluster> {
    let is_used = || {
        let running = Cluster::url_of_running(dir, "postgres");
        running.expect("the tests' folder can be read").is_some()
    };
    fs::create_dir_all(dir).expect("a folder for the tests' cluster");
    if is_used() {
        return None;
    }
    match Cluster::start(dir, Durability::Volatile) {
        Ok(cluster) => Some(cluster),
        // Another program was faster.
        Err(_) if is_used() => None,
        Err(error) => panic!("{error:#}"),
    }
}

/// Folder for files of this test program, below `target`. No other program that runs now uses it.
#[must_use]
pub fn home() -> PathBuf {
    HOME.dir.clone()
}

/// The cluster that every test of this program shares.
#[must_use]
pub fn cluster() -> &'static Cluster {
    &HOME.cluster
}

/// A connection to one of the cluster's databases.
pub(crate) async fn connect(database: &SecretString) -> PgConnection {
    PgConnection::connect(database.expose_secret())
        .await
        .expect("the tests' cluster answers")
}
