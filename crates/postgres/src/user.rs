//! Whom we and the server run as.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::Context as _;

/// The user the server runs as, when that is not us.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunAs {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Whom we run as. The standard library has no call for it: /proc/self belongs to us, and where
/// there is no such thing, `owned_by_us` does.
pub(super) fn own_uid(owned_by_us: &Path) -> anyhow::Result<u32> {
    let probe = if owned_by_us.exists() {
        owned_by_us
    } else {
        Path::new("/")
    };
    Ok(fs::metadata("/proc/self")
        .or_else(|_| fs::metadata(probe))?
        .uid())
}

/// As root: `postgres` if there is such a user, else `nobody`. Otherwise none.
pub(super) fn unprivileged_user(owned_by_us: &Path) -> anyhow::Result<Option<RunAs>> {
    if own_uid(owned_by_us)? != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|wanted| {
            users.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                (fields.first() == Some(wanted)).then(|| Some(RunAs { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? }))?
            })
        })
        .map(Some)
        .context("running as root, Postgres needs an unprivileged user: neither `postgres` nor `nobody` exists")
}
