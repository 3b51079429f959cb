//! The clock of an instance's machine jumps, while that of the database goes on.

use std::{fs, path::Path, time::Instant};

use reqwest::Method;
use secrecy::ExposeSecret as _;

use crate::{
    Sandbox,
    checker::Checker,
    clusters::cluster,
    figures::{note, repeatedly},
    free_base_port,
    processes::program,
    support::*,
};
use testkit::database::Database;

/// The library that `faketime` puts before the system's clock.
fn library() -> String {
    let output = std::process::Command::new(program("faketime"))
        .args(["-f", "+0s", "printenv", "LD_PRELOAD"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// An instance whose clock differs by what a file says.
fn spawn(dir: &Path, url: &str, offset: &Path) -> Sandbox {
    let port = free_base_port();
    let mut command = Sandbox::command(port, dir, Some(url));
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", offset)
        .env("FAKETIME_NO_CACHE", "1")
        // What was measured goes on: a clock that is set moves no time-out.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    Sandbox::run(command, port)
}

async fn readiness(instance: &Sandbox) -> u16 {
    let answer = instance.call(Method::GET, "/health/ready", "", None).await;
    answer.unwrap().status
}

async fn until_ready_is(instance: &Sandbox, status: u16) -> Instant {
    let since = Instant::now();
    while readiness(instance).await != status {
        assert!(since.elapsed().as_secs() < 30, "ready becomes {status}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_takes_its_instance_out_and_changes_no_decision() {
    let cluster = cluster("clock");
    let url = cluster.url("postgres");
    let dir = home().join("clock");
    fs::create_dir_all(&dir).unwrap();
    let offset = dir.join("offset");
    let set = |text: &str| {
        // The program reads it all the time: a file that is half written would be no offset.
        let next = offset.with_extension("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, &offset).unwrap();
    };
    set("+0s");
    let mut instance = spawn(&dir, url.expose_secret(), &offset);
    instance.ready().await;
    let checker = Checker::start(&instance.base(), &instance).await;
    // Tokens that are issued in the future are refused beyond ten seconds: theirs are to be older than
    // what the clock goes back beyond that.
    let issued = Instant::now();
    while issued.elapsed().as_secs() < 4 {
        checker.work().await;
    }
    repeatedly(async || {
        for jump in ["+12s", "-12s"] {
            set(jump);
            until_ready_is(&instance, 503).await;
            checker.work().await;
            let mended = Instant::now();
            set("+0s");
            let ready = until_ready_is(&instance, 200).await;
            note(
                &format!("clock of a machine jumped by {jump}, from when it was right"),
                ready - mended,
                &checker.tally(),
            );
        }
        // Within three seconds no action is needed.
        for jump in ["+3s", "-3s"] {
            set(jump);
            checker.work().await;
            assert_eq!(readiness(&instance).await, 200);
        }
        set("+0s");
    })
    .await;
    let stored = Database::at(url.clone());
    let tally = checker.finish(&stored).await;
    tally.assert_sound();
    assert_eq!((tally.unavailable, tally.refused), (0, 0), "{tally:?}");
    // What was written meanwhile has the database's time.
    assert_eq!(stored.entries_of_another_time().await, 0);
    assert_eq!(instance.stop().await, 0);
}
