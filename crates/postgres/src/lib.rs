//! A private Postgres cluster from the installed binaries, for the sandbox and for tests.
//!
//! The server listens on a Unix socket only. It is a child of a small shell that waits on a pipe to
//! us, so it stops when this program ends, however it ends. Postgres refuses to run as root: then
//! it runs as an unprivileged user, in a folder that user can reach.

mod socket;
mod user;

use std::{
    fs,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use secrecy::SecretString;
use socket::SocketDir;
use user::{RunAs, own_uid, unprivileged_user};

/// How a private cluster treats its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: nothing that was committed is lost.
    Full,
    /// For tests: fast, survives everything but a crash of the machine.
    Volatile,
}

/// A running private cluster. It stops when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    data_dir: PathBuf,
    guard: Child,
    pipe: Option<ChildStdin>,
    socket_dir: SocketDir,
    /// How many connections it takes.
    connections: u16,
    /// Held as long as we run, so that no second program uses the folder.
    _lock: fs::File,
}

const INSTALL_HINT: &str = "PostgreSQL's server programs (initdb, postgres) were not found on PATH, in /usr/lib/postgresql/*/bin, \
    /usr/pgsql-*/bin or Homebrew's folders. Install them with one of\n  \
    apt-get install postgresql          (Debian, Ubuntu)\n  \
    dnf install postgresql-server       (Fedora, RHEL)\n  \
    brew install postgresql@17          (macOS)\n\
    or set DATABASE_URL to a server of your own.";

/// Connections that a cluster takes where nothing else is said.
const CONNECTIONS: u16 = 200;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

impl Cluster {
    /// Starts the cluster in `home`, creating it when it is not there yet.
    ///
    /// # Errors
    /// No binaries, a folder that cannot be used, or a server that does not come up; the text says
    /// what to do.
    pub fn start(home: &Path, durability: Durability) -> anyhow::Result<Self> {
        Self::start_with_connections(home, durability, CONNECTIONS)
    }

    /// As [`Cluster::start`], for more or fewer connections than a laptop needs.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_with_connections(
        home: &Path,
        durability: Durability,
        connections: u16,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(home).with_context(|| format!("creating {}", home.display()))?;
        let home = home.canonicalize()?;
        let lock = lock(&home)?;
        let run_as = unprivileged_user(&home)?;
        let data_dir = reachable(&home, run_as)?.join("postgres");
        let bin = binaries(&data_dir)?;
        let own_uid = own_uid(&home)?;
        if !data_dir.join("PG_VERSION").exists() {
            initialize(&bin, &data_dir, own_uid, run_as)?;
        }
        stop_leftover(&bin, &data_dir, run_as)?;
        let socket_dir = SocketDir::new(&home, own_uid, run_as)?;
        let socket = socket_dir.path();
        let (guard, pipe) = spawn(&bin, &data_dir, socket, durability, connections, run_as)?;
        let mut cluster = Self {
            socket_dir,
            connections,
            data_dir,
            guard,
            pipe: Some(pipe),
            _lock: lock,
        };
        cluster.await_ready(&bin)?;
        Ok(cluster)
    }

    /// Removes a cluster that is not running, with everything in it.
    ///
    /// # Errors
    /// A server still runs there, or a file cannot be removed.
    pub fn remove(home: &Path) -> anyhow::Result<()> {
        let Ok(home) = home.canonicalize() else {
            return Ok(());
        };
        let _lock = lock(&home)?;
        let run_as = unprivileged_user(&home)?;
        let data_dir = reachable(&home, run_as)?.join("postgres");
        if data_dir.exists() {
            if let Some(bin) = installed().next() {
                stop_leftover(&bin, &data_dir, run_as)?;
            }
            fs::remove_dir_all(&data_dir)
                .with_context(|| format!("removing {}", data_dir.display()))?;
        }
        Ok(())
    }

    /// Connection URL of a database in the cluster of `home`, when it is running.
    ///
    /// # Errors
    /// The folder cannot be looked at.
    pub fn url_of_running(home: &Path, database: &str) -> anyhow::Result<Option<SecretString>> {
        let Ok(home) = home.canonicalize() else {
            return Ok(None);
        };
        let file = fs::File::create(home.join("lock"))
            .with_context(|| format!("writing in {}", home.display()))?;
        if file.try_lock().is_ok() {
            return Ok(None);
        }
        let data_dir = reachable(&home, unprivileged_user(&home)?)?.join("postgres");
        // The fifth line of a server's lock file is the folder of its socket.
        let text = fs::read_to_string(data_dir.join("postmaster.pid")).unwrap_or_default();
        Ok(text
            .lines()
            .nth(4)
            .map(|dir| url(Path::new(dir.trim()), database)))
    }

    /// Connection URL of a database in this cluster.
    #[must_use]
    pub fn url(&self, database: &str) -> SecretString {
        url(self.socket_dir.path(), database)
    }

    /// Where the data is stored.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Process id of the server, from its lock file.
    #[must_use]
    pub fn server_pid(&self) -> Option<u32> {
        postmaster_pid(&self.data_dir)
    }

    /// Starts the server anew after it was killed.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn restart(&mut self, durability: Durability) -> anyhow::Result<()> {
        self.stop();
        let bin = binaries(&self.data_dir)?;
        let run_as = unprivileged_user(&self.data_dir)?;
        let socket_dir = self.socket_dir.path();
        let (guard, pipe) = spawn(
            &bin,
            &self.data_dir,
            socket_dir,
            durability,
            self.connections,
            run_as,
        )?;
        self.guard = guard;
        self.pipe = Some(pipe);
        self.await_ready(&bin)
    }

    fn await_ready(&mut self, bin: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let ready = Command::new(bin.join("pg_isready"))
                .args(["-q", "-d", "postgres", "-U", "sb", "-h"])
                .arg(self.socket_dir.path())
                .current_dir("/")
                .status()
                .context("running pg_isready")?;
            if ready.success() {
                return Ok(());
            }
            if self.guard.try_wait()?.is_some() || Instant::now() > deadline {
                bail!(
                    "Postgres did not start. Its log ends with:\n{}",
                    self.log_tail()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.data_dir.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    fn stop(&mut self) {
        // Closing the pipe is the signal; the guard then asks the server for a fast shutdown and
        // waits for it.
        drop(self.pipe.take());
        let deadline = Instant::now() + STOP_TIMEOUT;
        // A server that hangs is left behind; the next start ends it.
        while matches!(self.guard.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn url(socket_dir: &Path, database: &str) -> SecretString {
    let host = percent_encoding::utf8_percent_encode(
        &socket_dir.to_string_lossy(),
        percent_encoding::NON_ALPHANUMERIC,
    )
    .to_string();
    format!("postgresql://sb@localhost/{database}?host={host}").into()
}

fn lock(home: &Path) -> anyhow::Result<fs::File> {
    let file = fs::File::create(home.join("lock"))
        .with_context(|| format!("writing in {}", home.display()))?;
    // A process that another thread is just starting holds what we had open until it becomes the
    // other program; and one that has stopped may not be gone yet. So a lock that is taken is asked
    // for again before it is believed.
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(fs::TryLockError::WouldBlock) => {
                bail!(
                    "another systembruker already runs on {}; stop it, or choose another folder with --data-dir",
                    home.display()
                )
            }
            Err(fs::TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", home.display()));
            }
        }
    }
}

/// Folder of the server programs: of the version that made the data, or the first when there is
/// none yet.
fn binaries(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let mut found = installed().peekable();
    ensure!(found.peek().is_some(), INSTALL_HINT);
    let Ok(made_by) = fs::read_to_string(data_dir.join("PG_VERSION")) else {
        return found.next().context(INSTALL_HINT);
    };
    let made_by = made_by.trim();
    found.find(|bin| major_version(bin).as_deref() == Some(made_by)).with_context(|| {
        format!(
            "PostgreSQL {made_by} made the database in {}, and only other versions of it are installed. Install that one, or start over \
             with --fresh.",
            data_dir.display()
        )
    })
}

/// Major version of the server that a new cluster gets, such as `17`; none where no server is
/// installed.
#[must_use]
pub fn version_of_new() -> Option<String> {
    major_version(&installed().next()?)
}

/// The version that the server prints, `17` of `postgres (PostgreSQL) 17.6`.
fn major_version(bin: &Path) -> Option<String> {
    let output = Command::new(bin.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(
        text.split_whitespace()
            .nth(2)?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect(),
    )
}

/// Folders with all server programs, those on the PATH first, then the newest.
fn installed() -> impl Iterator<Item = PathBuf> {
    let on_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default();
    let mut versioned = Vec::new();
    for (root, suffix) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
    ] {
        let Ok(entries) = fs::read_dir(root) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_version = root == "/usr/lib/postgresql"
                || name.starts_with("pgsql-")
                || name.starts_with("postgresql@");
            if let (true, Some(version)) = (is_version, version_in(&name)) {
                versioned.push((version, entry.path().join(suffix)));
            }
        }
    }
    versioned.sort();
    let complete = |dir: PathBuf| {
        // Some machines link single programs into other folders: the others are next to the real
        // one.
        let dir = dir
            .join("initdb")
            .canonicalize()
            .ok()?
            .parent()?
            .to_path_buf();
        ["initdb", "postgres", "pg_ctl", "pg_isready"]
            .iter()
            .all(|program| dir.join(program).is_file())
            .then_some(dir)
    };
    on_path
        .into_iter()
        .chain(versioned.into_iter().rev().map(|(_, dir)| dir))
        .filter_map(complete)
}

fn version_in(name: &str) -> Option<u32> {
    name.chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .ok()
}

fn command(program: impl AsRef<std::ffi::OsStr>, run_as: Option<RunAs>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env_remove("PGDATA")
        .env_remove("PGHOST")
        .env_remove("PGPORT");
    if let Some(RunAs { uid, gid }) = run_as {
        command.uid(uid).gid(gid);
    }
    command
}

/// `home`, or a folder of its own under /var/lib when the server's user cannot enter `home` (a
/// checkout below /root).
fn reachable(home: &Path, run_as: Option<RunAs>) -> anyhow::Result<PathBuf> {
    if run_as.is_none()
        || command("test", run_as)
            .arg("-x")
            .arg(home)
            .status()?
            .success()
    {
        return Ok(home.to_path_buf());
    }
    let all = Path::new("/var/lib/systembruker");
    // Named by a file in `home`, not by its path: who removes `home` and makes it anew wants no
    // data of old.
    let name = if let Some(name) = named_by(home) {
        name
    } else {
        let name = uuid::Uuid::new_v4().simple().to_string();
        fs::write(home.join(NAME_FILE), &name)
            .with_context(|| format!("writing in {}", home.display()))?;
        remove_orphans(all);
        name
    };
    let elsewhere = all.join(name);
    fs::create_dir_all(&elsewhere).with_context(|| format!("creating {}", elsewhere.display()))?;
    fs::write(
        elsewhere.join(HOME_FILE),
        home.as_os_str().as_encoded_bytes(),
    )?;
    Ok(elsewhere)
}

/// In a home whose cluster is stored elsewhere: the name of the folder there.
const NAME_FILE: &str = "cluster-name";
/// In that folder: the home.
const HOME_FILE: &str = "home";

fn named_by(home: &Path) -> Option<String> {
    let name = fs::read_to_string(home.join(NAME_FILE)).ok()?;
    (name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit())).then_some(name)
}

/// Removes clusters whose home is gone or names another.
fn remove_orphans(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let Ok(home) = fs::read(entry.path().join(HOME_FILE)) else {
            continue;
        };
        let wanted = named_by(Path::new(std::ffi::OsStr::from_bytes(&home)));
        if wanted.as_deref().map(std::ffi::OsStr::new) != Some(&entry.file_name())
            && postmaster_pid(&entry.path().join("postgres")).is_none()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn initialize(
    bin: &Path,
    data_dir: &Path,
    own_uid: u32,
    run_as: Option<RunAs>,
) -> anyhow::Result<()> {
    if data_dir.exists() {
        // An earlier start was broken off before the cluster was complete.
        fs::remove_dir_all(data_dir)?;
    }
    socket::make_private(data_dir, own_uid, run_as)?;
    let output = command(bin.join("initdb"), run_as)
        .args([
            "--username=sb",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ])
        .arg(data_dir)
        .output()
        .context("running initdb")?;
    ensure!(
        output.status.success(),
        "initdb failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn postmaster_pid(data_dir: &Path) -> Option<u32> {
    fs::read_to_string(data_dir.join("postmaster.pid"))
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()
}

/// Stops a server that a killed run left behind; a stale lock file of a stopped one is Postgres'
/// own business.
fn stop_leftover(bin: &Path, data_dir: &Path, run_as: Option<RunAs>) -> anyhow::Result<()> {
    if postmaster_pid(data_dir).is_none() {
        return Ok(());
    }
    if !is_running(bin, data_dir, run_as)? {
        return Ok(());
    }
    let output = command(bin.join("pg_ctl"), run_as)
        .args(["stop", "-m", "fast", "-w", "-D"])
        .arg(data_dir)
        .output()?;
    // The guard of the killed run stops it too, and may have been faster.
    ensure!(
        output.status.success() || !is_running(bin, data_dir, run_as)?,
        "a Postgres left behind in {} does not stop",
        data_dir.display()
    );
    Ok(())
}

/// Whether a server runs on this data.
fn is_running(bin: &Path, data_dir: &Path, run_as: Option<RunAs>) -> anyhow::Result<bool> {
    let status = command(bin.join("pg_ctl"), run_as)
        .arg("status")
        .arg("-D")
        .arg(data_dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(status.success())
}

/// Starts the guard: it runs the server, and ends it when our end of the pipe closes or the server
/// ends by itself. It asks more than once, since a server that is just starting does not hear the
/// first time.
fn spawn(
    bin: &Path,
    data_dir: &Path,
    socket_dir: &Path,
    durability: Durability,
    connections: u16,
    run_as: Option<RunAs>,
) -> anyhow::Result<(Child, ChildStdin)> {
    const GUARD: &str = r#"
        exec 3<&0 </dev/null
        "$@" >>"$LOG" 2>&1 3<&- &
        server=$!
        ( cat <&3 >/dev/null; while kill -INT $server 2>/dev/null; do sleep 0.2; done ) &
        watcher=$!
        exec 3<&-
        wait $server
        kill $watcher 2>/dev/null
    "#;
    let mut guard = command("sh", run_as);
    guard
        .env("LOG", data_dir.join("server.log"))
        .args(["-c", GUARD, "guard"])
        .arg(bin.join("postgres"))
        .arg("-D")
        .arg(data_dir)
        .arg("-k")
        .arg(socket_dir)
        .args([
            "-c",
            "listen_addresses=",
            "-c",
            &format!("max_connections={connections}"),
            "-c",
            "shared_buffers=64MB",
            "-c",
            "unix_socket_permissions=0700",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal reaches us alone; the server is stopped in order.
        .process_group(0);
    if durability == Durability::Volatile {
        guard.args([
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "autovacuum=off",
        ]);
    }
    let mut child = guard.spawn().context("starting Postgres")?;
    let pipe = child.stdin.take().context("the guard has no pipe")?;
    Ok((child, pipe))
}
