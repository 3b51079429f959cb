//! Clusters of Postgres that a test has for itself.

use std::{path::PathBuf, process::Command};

use percent_encoding::percent_decode_str;
use private_postgres::{Cluster, Durability};
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::*;

/// The folder of a cluster's socket, out of an address of one of its databases.
pub fn socket_folder(url: &SecretString) -> PathBuf {
    let (_, host) = url.expose_secret().split_once("host=").unwrap();
    let host = host.split('&').next().unwrap();
    percent_decode_str(host)
        .decode_utf8()
        .unwrap()
        .as_ref()
        .into()
}

/// A new cluster.
pub fn cluster(name: &str) -> Cluster {
    let folder = home().join(format!("history-{name}-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    Cluster::start(&folder, Durability::Volatile).unwrap()
}

/// A cluster that follows another.
pub fn standby_of(primary: &Cluster) -> Cluster {
    let folder = home().join(format!("standby-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    // Its folder is made as any other, and then holds a copy of the primary.
    let data = Cluster::start(&folder, Durability::Volatile)
        .unwrap()
        .data_dir()
        .to_owned();
    std::fs::remove_dir_all(&data).unwrap();
    let copied = Command::new("pg_basebackup")
        .args([
            "--username",
            "sb",
            "--write-recovery-conf",
            "--checkpoint=fast",
        ])
        .arg("--host")
        .arg(socket_folder(&primary.url("postgres")))
        .arg("--pgdata")
        .arg(&data)
        .status();
    assert!(copied.unwrap().success());
    // Postgres runs as another user than root.
    let owned = Command::new("chown")
        .arg("--recursive")
        .arg(format!("--reference={}", primary.data_dir().display()))
        .arg(&data)
        .status();
    assert!(owned.unwrap().success());
    Cluster::start(&folder, Durability::Volatile).unwrap()
}
