//! Three instances behind `HAProxy`, as `ops/haproxy` sets it up, on a primary with a standby that has
//! everything.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use secrecy::ExposeSecret as _;
use testkit::settings::free_port;

use crate::{
    Sandbox,
    checker::Checker,
    clusters::{cluster, standby_of},
    figures::{note, repeatedly},
    forwarder::Forwarder,
    free_base_port,
    processes::{Process, program, signal},
    support::*,
};
use testkit::database::Database;

/// `HAProxy` with the settings for operators.
async fn balancer(port: u16, instances: &[u16]) -> Process {
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/haproxy/haproxy.cfg");
    let mut command = Command::new(program("haproxy"));
    command.arg("-db").arg("-f").arg(settings);
    command.env("SB_LISTEN", format!("127.0.0.1:{port}"));
    for (number, instance) in (1..).zip(instances) {
        command.env(format!("SB_{number}"), format!("127.0.0.1:{instance}"));
    }
    let output = home().join(format!("haproxy-{port}"));
    let mut process = Process::start(command, output);
    process.until_listening(port).await;
    process
}

/// Three instances behind a balancer.
struct Site {
    instances: Vec<Sandbox>,
    balancer: Option<Process>,
    base: String,
    dir: PathBuf,
    url: String,
}

impl Site {
    async fn on(url: &str, name: &str) -> Self {
        let port = free_port();
        let dir = home().join(format!("{name}-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut site = Self {
            instances: Vec::new(),
            base: format!("http://127.0.0.1:{port}"),
            dir,
            url: url.to_owned(),
            balancer: None,
        };
        let ports = [free_base_port(), free_base_port(), free_base_port()];
        for port in ports {
            let instance = site.start(port).await;
            site.instances.push(instance);
        }
        site.balancer = Some(balancer(port, &ports).await);
        site
    }

    /// An instance on a port. After SIGTERM it accepts connections for two seconds.
    async fn start(&self, port: u16) -> Sandbox {
        let mut command = Sandbox::command(port, &self.dir, Some(&self.url));
        command.env("SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL", &self.base);
        command.env("SYSTEMBRUKER__SERVER__DRAIN_S", "2");
        // Left there for the search for the cause of a failure.
        let log = self.dir.join(format!("log-{port}"));
        let log = File::options().create(true).append(true).open(log);
        command.stderr(log.unwrap());
        let mut instance = Sandbox::run(command, port);
        instance.ready().await;
        instance
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_refuses_no_call() {
    let cluster = cluster("rolling");
    let mut site = Site::on(cluster.url("postgres").expose_secret(), "rolling").await;
    let checker = Checker::start(&site.base, &site.instances[0]).await;
    repeatedly(async || {
        let began = Instant::now();
        for place in 0..3 {
            let old = site.instances.remove(0);
            let port = old.port;
            assert_eq!(old.stop().await, 0);
            let new = site.start(port).await;
            site.instances.push(new);
            checker.work().await;
            let tally = checker.tally();
            assert_eq!(
                (tally.unavailable, tally.refused),
                (0, 0),
                "{place}: {tally:?}"
            );
        }
        let healed = checker.healed(began).await;
        note(
            "rolling restart of three instances",
            healed,
            &checker.tally(),
        );
    })
    .await;
    let tally = checker.finish(&Database::of(&cluster)).await;
    tally.assert_sound();
    assert_eq!((tally.unavailable, tally.refused), (0, 0), "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_killed_takes_its_own_calls_with_it_and_no_others() {
    let cluster = cluster("killed");
    let mut site = Site::on(cluster.url("postgres").expose_secret(), "killed").await;
    let checker = Checker::start(&site.base, &site.instances[0]).await;
    repeatedly(async || {
        let before = checker.tally();
        let mut killed = site.instances.remove(2);
        let fault = Instant::now();
        killed.kill();
        let healed = checker.healed(fault).await;
        let tally = checker.tally();
        note("an instance killed", healed, &tally);
        let failed = tally.unavailable + tally.refused - before.unavailable - before.refused;
        // Each caller waits for one call, and those who approve for two.
        assert!(failed <= 6, "{failed} calls failed");
        let port = killed.port;
        drop(killed);
        let new = site.start(port).await;
        site.instances.push(new);
    })
    .await;
    let tally = checker.finish(&Database::of(&cluster)).await;
    tally.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_to_a_standby_loses_nothing_that_was_answered() {
    repeatedly(async || {
        let primary = cluster("lost-primary");
        let standby = standby_of(&primary);
        // What is committed is on both.
        Database::of(&primary).wait_for_standbys(Some("*")).await;
        let (one, other) = (Forwarder::to(&primary).await, Forwarder::to(&standby).await);
        let url = format!(
            "postgresql://sb@127.0.0.1:{},127.0.0.1:{}/postgres",
            one.port, other.port
        );
        let site = Site::on(&url, "failover").await;
        let checker = Checker::start(&site.base, &site.instances[0]).await;
        let fault = Instant::now();
        signal(primary.server_pid().expect("a server"), "-KILL");
        Database::of(&standby).promote().await;
        let healed = checker.healed(fault).await;
        let tally = checker.finish(&Database::of(&standby)).await;
        note("Postgres failed over", healed, &tally);
        tally.assert_sound();
        assert!(healed.as_secs() < 30, "{healed:?}");
    })
    .await;
}
