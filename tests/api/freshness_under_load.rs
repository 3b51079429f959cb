//! Three instances under load never hold on to what was revoked, and log every decision once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::prelude::*;
use tokio::task::JoinHandle;

/// Three instances on one database, and a load of questions to each.
struct Instances {
    worlds: Vec<World>,
    logged_before: i64,
    stop: Arc<AtomicBool>,
    load: Vec<JoinHandle<i64>>,
    asked: i64,
}

impl Instances {
    async fn under_load() -> Self {
        let mut worlds = vec![World::start().await];
        for _ in 0..2 {
            worlds.push(worlds[0].another_instance().await);
        }
        // Clocks of instances differ a little; nothing of this goes by the clock.
        worlds[0].app.clock.drift(6);
        worlds[1].app.clock.drift(-6);
        let logged_before = worlds[0].app.logged_decisions().await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Vec::new();
        for world in &worlds {
            load.push(ask_on(world, &stop).await);
        }
        Self {
            worlds,
            logged_before,
            stop,
            load,
            asked: 0,
        }
    }

    /// One instance, counted round and round.
    fn at(&self, round: usize) -> &World {
        &self.worlds[round % 3]
    }

    /// Each instance comes to this decision within a second.
    async fn assert_soon_everywhere(&mut self, question: &Value, expected: Decision) {
        for world in &self.worlds {
            let since = Instant::now();
            loop {
                let began = since.elapsed();
                let decided = decide(world, question).await;
                self.asked += 1;
                if decided == expected {
                    break;
                }
                assert!(
                    began < Duration::from_secs(1),
                    "still {decided:?} after {began:?}"
                );
            }
        }
    }

    /// An instance comes to this decision the next time.
    async fn assert_now(&mut self, round: usize, question: &Value, expected: Decision) {
        let decided = decide(self.at(round), question).await;
        self.asked += 1;
        assert_eq!(decided, expected);
    }

    async fn assert_each_decision_is_logged_once(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.load {
            self.asked += task.await.unwrap();
        }
        for world in &self.worlds {
            world.app.running.state.pdp.log().flush().await;
        }
        let logged = self.worlds[0].app.logged_decisions().await;
        assert_eq!(logged - self.logged_before, self.asked);
    }
}

async fn decide(world: &World, question: &Value) -> Decision {
    let answer = world.sav().asks(question.clone()).await.assert_status(200);
    Decision::of(&answer.json()["response"][0]["decision"])
}

/// Asks in the background until `stop` is set; how many decisions it got.
async fn ask_on(world: &World, stop: &Arc<AtomicBool>) -> JoinHandle<i64> {
    let token = world.sav().token().await.unwrap();
    let url = format!("{}{AUTHORIZE_PATH}", world.app.base);
    let (http, stop) = (world.app.http.clone(), Arc::clone(stop));
    let body = question(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER);
    tokio::spawn(async move {
        let mut decided = 0;
        while !stop.load(Ordering::Relaxed) {
            let request = http.post(&url).bearer_auth(&token).json(&body);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
            decided += 1;
        }
        decided
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_user_is_approved_here_used_everywhere_and_deleted_there() {
    let mut instances = Instances::under_load().await;
    for round in 0..12 {
        let here = instances.at(round);
        let body = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
        let body = with(body, "externalRef", json!(format!("round {round}")));
        let request = here.fjordlonn().requests_as(KERAMIKK, body).await;
        here.oddny().approves(&request).await.assert_status(200);
        let user = request.system_user();
        let may_report = question(&user, "write", A_MELDING, KERAMIKK);
        instances.assert_soon_everywhere(&may_report, Permit).await;

        let there = instances.at(round + 1);
        if round % 4 == 3 {
            // Listeners for notifications are cut off; polling goes on.
            there.app.cut_off_listeners().await;
        }
        there.oddny().deletes(&user).await.assert_status(202);

        instances
            .assert_now(round + 1, &may_report, NotApplicable)
            .await;
        instances
            .assert_soon_everywhere(&may_report, NotApplicable)
            .await;
    }
    instances.assert_each_decision_is_logged_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_added_here_used_everywhere_and_removed_there() {
    let mut instances = Instances::under_load().await;
    let may_read = question(&TALLKNUSEREN_AGENT, "read", MVA_MELDING, TINDEVANDRER);
    for round in 0..12 {
        let here = instances.at(round).randi().with_scopes(CLIENTS_WRITE);
        here.adds_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_status(200);
        instances.assert_soon_everywhere(&may_read, Permit).await;

        let there = instances.at(round + 2).randi().with_scopes(CLIENTS_WRITE);
        there
            .removes_client(&TALLKNUSEREN_AGENT, TINDEVANDRER)
            .await
            .assert_status(200);

        instances
            .assert_now(round + 2, &may_read, NotApplicable)
            .await;
        instances
            .assert_soon_everywhere(&may_read, NotApplicable)
            .await;
    }
    instances.assert_each_decision_is_logged_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_replaced_here_and_decides_everywhere() {
    const CATCH: Resource = Resource("sav-fangst");
    let mut instances = Instances::under_load().await;
    let mut owners = Vec::new();
    for world in &instances.worlds {
        owners.push(crate::resources::owner(&world.app).await);
    }
    let body = crate::resources::resource(CATCH.0);
    let world = instances.at(0);
    world
        .bearer(&owners[0])
        .post("/resourceregistry/api/v1/resource", body)
        .await
        .assert_status(201);
    let may_read = question(&TINDEVANDRER_USER, "read", CATCH, TINDEVANDRER);
    for (round, (package, expected)) in [(LONN, Permit), (JORDBRUK, NotApplicable)]
        .into_iter()
        .cycle()
        .take(6)
        .enumerate()
    {
        let xml = crate::resources::policy(CATCH.0, &[package.0]);
        let (app, owner) = (&instances.at(round).app, &owners[round % 3]);
        crate::resources::upload(app, owner, CATCH.0, "policyFile", &xml)
            .await
            .assert_status(201);
        instances.assert_soon_everywhere(&may_read, expected).await;
    }
    instances.assert_each_decision_is_logged_once().await;
}
