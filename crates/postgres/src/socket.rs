//! The folder of a server's socket. Paths of Unix sockets are at most some 100 bytes long, so it
//! cannot be in any data folder; and a user who could make it beforehand would see what is asked.
//! So its name is random, it is made new for each start, and only its owner may enter it.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::user::RunAs;

/// Begins the name of each such folder.
const PREFIX: &str = "systembruker-";
/// In the home of a cluster: the folder of its last start, to be removed if a kill left it.
const LAST_FILE: &str = "socket-folder";

/// A folder of its own for the socket. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct SocketDir(TempDir);

impl SocketDir {
    /// Makes the folder for the server of the cluster in `home`, which runs as `run_as`.
    pub(super) fn new(home: &Path, own_uid: u32, run_as: Option<RunAs>) -> anyhow::Result<Self> {
        let base = base(own_uid, run_as)?;
        remove_last(home, own_uid, run_as);
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(16)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&base)
            .with_context(|| format!("creating a folder for the socket in {}", base.display()))?;
        give_to_server(dir.path(), own_uid, run_as)?;
        fs::write(
            home.join(LAST_FILE),
            dir.path().as_os_str().as_encoded_bytes(),
        )
        .with_context(|| format!("writing in {}", home.display()))?;
        Ok(Self(dir))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Makes a folder that is not there yet, for the server alone.
pub(super) fn make_private(path: &Path, own_uid: u32, run_as: Option<RunAs>) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("creating {}", path.display()))?;
    give_to_server(path, own_uid, run_as)
}

/// Gives a folder that we have just made to the user of the server. What is checked and what is
/// changed is one and the same folder, by an open handle.
fn give_to_server(path: &Path, own_uid: u32, run_as: Option<RunAs>) -> anyhow::Result<()> {
    let named = fs::symlink_metadata(path)?;
    let handle = fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let opened = handle.metadata()?;
    let is_same = (named.dev(), named.ino()) == (opened.dev(), opened.ino());
    ensure!(
        is_same && opened.is_dir() && opened.uid() == own_uid && is_closed(&opened, 0o077),
        "{} is not the folder that was made: another user changes it",
        path.display()
    );
    if let Some(RunAs { uid, gid }) = run_as {
        fchown(&handle, Some(uid), Some(gid))
            .with_context(|| format!("giving {} to the server's user", path.display()))?;
    }
    Ok(())
}

/// Where folders for sockets are made: in a folder that only we can write, where there is one; else
/// in the system's for temporary files, whose entries only their owner can rename.
fn base(own_uid: u32, run_as: Option<RunAs>) -> anyhow::Result<PathBuf> {
    if run_as.is_some() {
        // The server's user must get through it.
        let ours = Path::new("/run/systembruker");
        let made = fs::create_dir(ours);
        if made.is_ok() {
            fs::set_permissions(ours, fs::Permissions::from_mode(0o711))?;
        }
        if (made.is_ok() || ours.exists()) && is_private(ours, own_uid, 0o022)? {
            return Ok(ours.to_path_buf());
        }
    } else if let Some(of_user) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
        && of_user.is_absolute()
        && of_user.as_os_str().len() <= 40
        && is_private(&of_user, own_uid, 0o077).unwrap_or(false)
    {
        return Ok(of_user);
    }
    Ok(PathBuf::from("/tmp"))
}

/// Whether a folder is ours, and gives others none of these rights.
fn is_private(path: &Path, own_uid: u32, rights: u32) -> std::io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(metadata.is_dir() && metadata.uid() == own_uid && is_closed(&metadata, rights))
}

/// Whether no user has any of these rights.
fn is_closed(metadata: &fs::Metadata, rights: u32) -> bool {
    metadata.mode() & rights == 0
}

/// Removes the folder of an earlier start that was killed. Its name is taken from our own home, and
/// only a folder that we or the server's user made is touched.
fn remove_last(home: &Path, own_uid: u32, run_as: Option<RunAs>) {
    let Ok(text) = fs::read_to_string(home.join(LAST_FILE)) else {
        return;
    };
    let path = Path::new(text.trim());
    let is_ours = |owner: u32| owner == own_uid || run_as.is_some_and(|user| user.uid == owner);
    let is_named_so = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    if is_named_so
        && path.is_absolute()
        && fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && is_ours(m.uid()))
    {
        // What stays is an empty folder.
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_uid(home: &Path) -> u32 {
        fs::metadata(home).unwrap().uid()
    }

    #[test]
    fn the_folder_is_new_private_and_gone_afterwards() {
        let home = tempfile::tempdir().unwrap();
        let dir = SocketDir::new(home.path(), own_uid(home.path()), None).unwrap();
        let path = dir.path().to_path_buf();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let another = SocketDir::new(home.path(), own_uid(home.path()), None).unwrap();
        assert_ne!(another.path(), path);
        drop((dir, another));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_start_left_is_removed_by_the_next() {
        let home = tempfile::tempdir().unwrap();
        let uid = own_uid(home.path());
        let left = SocketDir::new(home.path(), uid, None).unwrap().0.keep();
        fs::write(left.join(".s.PGSQL.5432"), "").unwrap();
        let _dir = SocketDir::new(home.path(), uid, None).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_folder_that_exists_is_never_used() {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().join("postgres");
        fs::create_dir(&there).unwrap();
        assert!(make_private(&there, own_uid(home.path()), None).is_err());
    }

    #[test]
    fn a_link_is_never_followed() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("target"), home.path().join("link"));
        fs::DirBuilder::new().mode(0o700).create(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(give_to_server(&link, own_uid(home.path()), None).is_err());
        give_to_server(&target, own_uid(home.path()), None).unwrap();
    }
}
