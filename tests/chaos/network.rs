//! The network to the database is cut: packets go nowhere, without an error.

use std::{
    fs::File,
    net::TcpListener,
    time::{Duration, Instant},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd as _;

use crate::{
    Sandbox,
    checker::Checker,
    clusters::cluster,
    figures::{note, repeatedly},
    forwarder::Forwarder,
    free_base_port,
    processes::run,
    support::*,
};
use testkit::database::Database;

/// A machine of its own on a network of two: a network namespace and a cable to it.
struct Machine {
    name: String,
    cable: String,
    subnet: u8,
}

impl Machine {
    /// The same name, cable and address each time.
    fn boot() -> Self {
        let number = std::process::id();
        let machine = Self {
            name: format!("sb-{number}"),
            cable: format!("sb{}", number % 1_000_000),
            subnet: (number % 250) as u8,
        };
        let (name, cable, far) = (&machine.name, &machine.cable, machine.far_end());
        run("ip", &["netns", "add", name]);
        run(
            "ip",
            &[
                "link", "add", cable, "type", "veth", "peer", "name", &far, "netns", name,
            ],
        );
        run(
            "ip",
            &[
                "address",
                "add",
                &format!("{}/30", machine.near_address()),
                "dev",
                cable,
            ],
        );
        run("ip", &["link", "set", cable, "up"]);
        machine.inside(&[
            "address",
            "add",
            &format!("{}/30", machine.address()),
            "dev",
            &far,
        ]);
        machine.inside(&["link", "set", &far, "up"]);
        machine
    }

    fn far_end(&self) -> String {
        format!("{}f", self.cable)
    }

    fn near_address(&self) -> String {
        format!("10.203.{}.1", self.subnet)
    }

    fn address(&self) -> String {
        format!("10.203.{}.2", self.subnet)
    }

    fn inside(&self, arguments: &[&str]) {
        let mut all = vec!["-n", &self.name];
        all.extend(arguments);
        run("ip", &all);
    }

    /// From now on nothing arrives there, and nothing comes from there.
    fn cut(&self) {
        self.inside(&["link", "set", &self.far_end(), "down"]);
    }

    fn mend(&self) {
        self.inside(&["link", "set", &self.far_end(), "up"]);
    }

    /// A listener on the machine's port of Postgres.
    fn listen(&self) -> tokio::net::TcpListener {
        let space = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let address = format!("{}:5432", self.address());
        // A thread moves there for good; what it opens stays there.
        let opened = std::thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            TcpListener::bind(address).unwrap()
        });
        let listener = opened.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        tokio::net::TcpListener::from_std(listener).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The cable goes with it, and with its connections nothing that could say so.
        run("ip", &["link", "delete", &self.cable]);
        run("ip", &["netns", "delete", &self.name]);
    }
}

/// How long the network is cut.
const CUT: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_packets_is_an_outage_that_passes() {
    let cluster = cluster("cut");
    let machine = Machine::boot();
    let _forwarder = Forwarder::from(machine.listen(), &cluster);
    let url = format!("postgresql://sb@{}:5432/postgres", machine.address());
    let mut instance = Sandbox::spawn(free_base_port(), &home().join("cut"), Some(&url));
    instance.ready().await;
    let checker = Checker::start(&instance.base(), &instance).await;
    repeatedly(async || {
        let fault = Instant::now();
        machine.cut();
        tokio::time::sleep(CUT).await;
        assert!(checker.tally().unavailable > 0, "the cut is felt");
        machine.mend();
        let healed = checker.healed(fault).await;
        let healed = healed.saturating_sub(CUT);
        note(
            "network cut for 6 s, from when it was whole",
            healed,
            &checker.tally(),
        );
    })
    .await;
    let url = cluster.url("postgres");
    let stored = Database::at(url.clone());
    let tally = checker.finish(&stored).await;
    tally.assert_sound();
    assert_eq!(tally.refused, 0, "every call was answered in time");
    assert_eq!(instance.stop().await, 0);
}
