//! The example of `ops/patroni`: a cluster that is looked after, with a pooler for each Postgres.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use testkit::settings::free_ports;

use crate::{
    Sandbox,
    checker::Checker,
    figures::{note, repeatedly},
    free_base_port,
    processes::{Process, signal},
    support::*,
};
use testkit::database::Database;

/// The machines of the example, with the distance of their ports from the first.
const MACHINES: [(&str, u16); 2] = [("one", 2), ("two", 5)];

/// The example, running.
struct Example {
    // Ends before what it left behind is removed.
    process: Option<Process>,
    folder: PathBuf,
    port: u16,
    url: String,
}

impl Example {
    async fn start() -> Self {
        let name = format!("sb-patroni-{}", uuid::Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(name);
        let port = free_ports(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/patroni/try.sh");
        let mut command = Command::new(script);
        command.arg(&folder).arg(port.to_string());
        let mut process = Process::start(command, home().join(format!("patroni-{port}")));
        let printed = home().join(format!("patroni-{port}"));
        let is_up = async || {
            let text = fs::read_to_string(&printed).unwrap_or_default();
            text.contains("DATABASE_URL=") && text.ends_with('\n')
        };
        process.until("the cluster is up", is_up).await;
        let text = process.printed();
        let (_, url) = text.split_once("DATABASE_URL=").unwrap();
        Self {
            url: url.trim().to_owned(),
            process: Some(process),
            folder,
            port,
        }
    }

    /// Whether Patroni says that a machine is this.
    async fn is(&self, machine: usize, role: &str) -> bool {
        let rest = self.port + MACHINES[machine].1 + 1;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = http.get(format!("http://127.0.0.1:{rest}/{role}")).send();
        asked.await.is_ok_and(|answer| answer.status() == 200)
    }

    /// The machine that is the primary, once the other one has all that it has.
    async fn primary(&self) -> usize {
        let since = Instant::now();
        loop {
            for machine in 0..2 {
                if self.is(machine, "primary").await && self.is(1 - machine, "synchronous").await {
                    return machine;
                }
            }
            assert!(since.elapsed().as_secs() < 90, "the cluster is whole");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn postmaster(&self, machine: usize) -> Option<u32> {
        pid_in(&self.folder.join(MACHINES[machine].0).join("postmaster.pid"))
    }

    /// Postgres of a machine dies.
    fn kill_postgres(&self, machine: usize) {
        signal(self.postmaster(machine).expect("a server"), "-KILL");
    }

    /// Everything of a machine dies.
    fn kill_machine(&self, machine: usize) {
        let name = MACHINES[machine].0;
        for file in [format!("{name}.pid"), format!("pgbouncer-{name}.pid")] {
            signal(pid_in(&self.folder.join(file)).unwrap(), "-KILL");
        }
        self.kill_postgres(machine);
    }

    /// The database on the Postgres of a machine, past its pooler.
    fn stored(&self, machine: usize) -> Database {
        let (user, _) = self.url.rsplit_once('@').unwrap();
        let port = self.port + MACHINES[machine].1;
        let url = format!("{user}@127.0.0.1:{port}/systembruker");
        Database::at(url.into())
    }

    async fn instance(&self, name: &str) -> Sandbox {
        let port = free_base_port();
        let mut command = Sandbox::command(port, &home().join(name), Some(&self.url));
        command.env("SYSTEMBRUKER__DATABASE__POOLER", "session");
        let mut instance = Sandbox::run(command, port);
        instance.ready().await;
        instance
    }
}

fn pid_in(file: &Path) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().next()?.trim().parse().ok()
}

impl Drop for Example {
    fn drop(&mut self) {
        let servers: Vec<u32> = (0..2)
            .filter_map(|machine| self.postmaster(machine))
            .collect();
        drop(self.process.take());
        // Patroni gives its Postgres a session of its own, which may be left when Patroni is killed.
        for server in servers {
            let _ = Command::new("kill")
                .args(["-KILL", &server.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patroni_replaces_a_primary_and_nothing_is_lost() {
    let example = Example::start().await;
    let instance = example.instance("patroni").await;
    let checker = Checker::start(&instance.base(), &instance).await;
    repeatedly(async || {
        let primary = example.primary().await;
        let fault = Instant::now();
        example.kill_postgres(primary);
        let healed = checker.healed(fault).await;
        note(
            "Patroni: Postgres of the primary killed",
            healed,
            &checker.tally(),
        );
        assert!(healed.as_secs() < 30, "{healed:?}");
    })
    .await;
    let primary = example.primary().await;
    let fault = Instant::now();
    example.kill_machine(primary);
    let healed = checker.healed(fault).await;
    let tally = checker.finish(&example.stored(1 - primary)).await;
    note("Patroni: machine of the primary gone", healed, &tally);
    tally.assert_sound();
    assert!(healed.as_secs() < 45, "{healed:?}");
    assert_eq!(instance.stop().await, 0);
}
