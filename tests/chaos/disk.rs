//! The disk of the database fills up.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use private_postgres::{Cluster, Durability};
use reqwest::Method;
use secrecy::ExposeSecret as _;

use crate::{
    Sandbox,
    checker::Checker,
    figures::{note, repeatedly},
    free_base_port,
    processes::run,
    support::*,
};
use testkit::database::Database;

/// A file system in memory, so small that it can be filled.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("sb-{name}-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.to_str().unwrap();
        run(
            "mount",
            &["-t", "tmpfs", "-o", "size=256m,mode=755", "tmpfs", path],
        );
        Self(folder)
    }

    /// Takes all space that is left.
    fn fill(&self) {
        let mut file = File::create(self.0.join("ballast")).unwrap();
        let block = vec![0; 64 * 1024];
        while file.write_all(&block).is_ok() {}
    }

    fn free_space(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("--lazy")
            .arg(&self.0)
            .status();
        let _ = fs::remove_dir(&self.0);
    }
}

/// A cluster whose tables are on a disk of their own. Its write-ahead log is elsewhere: without
/// that, Postgres would stop altogether.
fn cluster_on(disk: &Path) -> Cluster {
    let cluster = Cluster::start(disk, Durability::Volatile).unwrap();
    let log = cluster.data_dir().join("pg_wal");
    drop(cluster);
    let elsewhere = std::env::temp_dir().join(format!("sb-wal-{}", uuid::Uuid::new_v4().simple()));
    run(
        "cp",
        &[
            "--archive",
            log.to_str().unwrap(),
            elsewhere.to_str().unwrap(),
        ],
    );
    fs::remove_dir_all(&log).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    Cluster::start(disk, Durability::Volatile).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_outage_of_changes_that_passes() {
    let disk = SmallDisk::mount("disk");
    let cluster = cluster_on(&disk.0);
    let url = cluster.url("postgres");
    let dir = home().join("disk");
    let mut instance = Sandbox::spawn(free_base_port(), &dir, Some(url.expose_secret()));
    instance.ready().await;
    let checker = Checker::start(&instance.base(), &instance).await;
    repeatedly(async || {
        disk.fill();
        // Tables are written to in memory until they need one more block on the disk.
        let before = checker.tally().unavailable;
        let since = Instant::now();
        while checker.tally().unavailable == before {
            assert!(
                since.elapsed().as_secs() < 60,
                "something does not fit any more"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ready = instance
            .call(Method::GET, "/health/ready", "", None)
            .await
            .unwrap();
        assert_eq!(
            ready.status, 200,
            "a full disk is no reason to take an instance out"
        );
        let fault = Instant::now();
        disk.free_space();
        let healed = checker.healed(fault).await;
        note(
            "disk full, from when there was space",
            healed,
            &checker.tally(),
        );
    })
    .await;
    let stored = Database::at(url.clone());
    checker.finish(&stored).await.assert_sound();
    assert_eq!(instance.stop().await, 0);
    let log = fs::read_link(cluster.data_dir().join("pg_wal")).unwrap();
    drop(cluster);
    drop(disk);
    fs::remove_dir_all(log).unwrap();
}
