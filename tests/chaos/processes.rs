//! Other programs, for as long as a test needs them.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The path of a program, or what its variable names: `PGBOUNCER` for `pgbouncer`.
pub fn program(name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(name.to_uppercase()) {
        return path.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: scripts/prerequisites.sh faults"))
}

/// A command as the owner of a path, for programs that refuse to run as root.
pub fn as_owner(program: impl AsRef<OsStr>, path: &Path) -> Command {
    let owner = fs::metadata(path).expect("the path is there");
    let mut command = Command::new(program);
    command.uid(owner.uid()).gid(owner.gid()).current_dir("/");
    command
}

/// A folder that the owner of a path can write to, out of the way of those who cannot enter `/root`.
pub fn folder_of_owner(path: &Path, name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("sb-{name}-{}", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&folder).unwrap();
    let owner = fs::metadata(path).expect("the path is there");
    std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    folder
}

/// Runs a command to its end.
pub fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program that runs until this is dropped. Its group ends with it.
pub struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts a command. What it prints goes to a file.
    pub fn start(mut command: Command, output: PathBuf) -> Self {
        let file = File::create(&output).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} starts: {error}", command.get_program().display()));
        Self { child, output }
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Waits until something holds, unless the program ends before.
    pub async fn until(&mut self, what: &str, holds: impl AsyncFn() -> bool) {
        let since = Instant::now();
        while !holds().await {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{what}: it ended, {status}:\n{}", self.printed());
            }
            assert!(
                since.elapsed() < START_TIMEOUT,
                "{what}: not in time:\n{}",
                self.printed()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a program listens on a port of this machine.
    pub async fn until_listening(&mut self, port: u16) {
        let is_open = async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        };
        self.until("it listens", is_open).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let (leader, group) = (self.child.id().to_string(), format!("-{}", self.child.id()));
        // In order, and then whatever is left.
        for (signal, whom) in [("-TERM", &leader), ("-KILL", &group)] {
            let _ = Command::new("kill")
                .args([signal, "--", whom])
                .stderr(Stdio::null())
                .status();
            let since = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < END_TIMEOUT {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// How long a program may take to be there.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a program may take to end before it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a signal to one process.
pub fn signal(process: u32, signal: &str) {
    run("kill", &[signal, &process.to_string()]);
}
