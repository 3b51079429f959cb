//! Callers that use the service while something happens to it, and that count what must never be.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use testkit::database::Database;
use tokio::task::JoinHandle;

use crate::{Sandbox, approve_path, support::*};

/// How long memory may answer for what was revoked.
const BOUND: Duration = Duration::from_secs(1);
/// A call that has no answer after this time counts as refused.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer after this time is late: its call has waited for something.
const LATE: Duration = Duration::from_millis(500);
/// Calls that go well for so long have healed.
const CALM: Duration = Duration::from_secs(2);
/// Callers that ask for decisions, and callers that change something.
const ASKERS: usize = 2;
const CHANGERS: usize = 2;
/// Time between two calls of one caller: load, and not a test of load.
const PERIOD: Duration = Duration::from_millis(10);

/// What was counted.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Decisions that were made.
    pub decisions: usize,
    /// Approvals and deletions that were made.
    pub changes: usize,
    /// Answers of 500 and above.
    pub unavailable: usize,
    /// Calls without an answer.
    pub refused: usize,
    /// Permits on what had been revoked for longer than the bound.
    pub stale: usize,
    /// Changes that were answered as done, and of which the database has no trace.
    pub lost: usize,
    /// Requests that were approved twice.
    pub doubled: usize,
    /// Faults of the service: 500, or a wrong decision.
    pub faults: Vec<String>,
}

/// What the callers saw, while they run.
#[derive(Default)]
struct Seen {
    tally: Tally,
    /// When calls ended that failed, or were answered late.
    troubles: Vec<Instant>,
    /// Whether requests were approved, as far as it was answered, and their system users deleted.
    approved: BTreeMap<String, bool>,
}

/// Where to call, and as whom.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    base: String,
    owner: String,
    person: String,
    vendor: String,
    seen: Arc<Mutex<Seen>>,
}

/// The result of a call.
enum Outcome {
    Answer(Answer),
    /// It had none, or one that says to try again.
    Failed,
}

impl Caller {
    async fn call(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Outcome {
        let began = Instant::now();
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answered = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                response.text().await.map(|text| (status, text))
            }
            Err(error) => Err(error),
        };
        let mut seen = self.seen.lock().unwrap();
        let has_failed = !matches!(answered, Ok((status, _)) if status < 500);
        if has_failed || began.elapsed() > LATE {
            seen.troubles.push(Instant::now());
        }
        match answered {
            Ok((status, text)) if status < 500 => Outcome::Answer(Answer {
                asked: path.to_owned(),
                status,
                headers: reqwest::header::HeaderMap::new(),
                text,
            }),
            Ok((status, text)) => {
                seen.tally.unavailable += 1;
                if status == 500 {
                    seen.tally
                        .faults
                        .push(format!("{method} {path}: {status} {text}"));
                }
                Outcome::Failed
            }
            Err(_) => {
                seen.tally.refused += 1;
                Outcome::Failed
            }
        }
    }

    /// The decision about a system user, when there is one.
    async fn decide(&self, system_user: &str, org: &str) -> Option<String> {
        let body = decision_request(
            ("urn:altinn:systemuser:uuid", system_user),
            "write",
            "a-melding",
            ("urn:altinn:organization:identifier-no", org),
        );
        let path = "/authorization/api/v1/authorize";
        let Outcome::Answer(answer) = self
            .call(Method::POST, path, &self.owner, Some(&body))
            .await
        else {
            return None;
        };
        let decision = answer.json()["response"][0]["decision"]
            .as_str()
            .unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text))
            .to_owned();
        self.seen.lock().unwrap().tally.decisions += 1;
        Some(decision)
    }

    /// Asks for one decision again and again.
    async fn ask(self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let decision = self.decide(who::TINDEVANDRER_USER, who::TINDEVANDRER).await;
            if let Some(decision) = decision
                && decision != "Permit"
            {
                let fault = format!("{decision} on what was never revoked");
                self.seen.lock().unwrap().tally.faults.push(fault);
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Asks for a request, approves it twice at once, uses it, deletes it and asks again; and anew.
    async fn change(self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            self.live(&stop).await;
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn live(&self, stop: &AtomicBool) {
        let path = "/authentication/api/v1/systemuser/request/vendor";
        let body = new_request_body();
        let created = self.call(Method::POST, path, &self.vendor, Some(&body));
        let Outcome::Answer(created) = created.await else {
            return;
        };
        let id = created.expect(201).json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let approve = async || {
            let path = approve_path(&id);
            match self.call(Method::POST, &path, &self.person, None).await {
                Outcome::Answer(answer) => Some(answer.status),
                Outcome::Failed => None,
            }
        };
        let mut approvals = 0;
        // An answer that got lost may have been a success: then the next one says so.
        loop {
            let (one, other) = tokio::join!(approve(), approve());
            let statuses = [one, other];
            approvals += statuses.iter().filter(|s| **s == Some(200)).count();
            for status in statuses.into_iter().flatten() {
                assert!(matches!(status, 200 | 409), "approving: {status}");
            }
            if statuses.iter().any(Option::is_some) {
                break;
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(PERIOD).await;
        }
        {
            let mut seen = self.seen.lock().unwrap();
            seen.approved.insert(id.clone(), false);
            seen.tally.changes += 1;
            if approvals > 1 {
                seen.tally.doubled += 1;
            }
        }
        self.delete(&id, stop).await;
    }

    async fn delete(&self, id: &str, stop: &AtomicBool) {
        let path = format!(
            "/authentication/api/v1/systemuser/{}/{id}",
            who::KERAMIKK_PARTY
        );
        loop {
            match self.call(Method::DELETE, &path, &self.person, None).await {
                // An earlier one was carried out, and its answer got lost.
                Outcome::Answer(answer) if matches!(answer.status, 202 | 404) => break,
                Outcome::Answer(answer) => panic!("{}: {}", answer.status, answer.text),
                Outcome::Failed => {}
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(PERIOD).await;
        }
        let deleted = Instant::now();
        self.seen
            .lock()
            .unwrap()
            .approved
            .insert(id.to_owned(), true);
        // Until some instances have said no, beyond the bound.
        while deleted.elapsed() < BOUND + Duration::from_millis(200) {
            let asked = deleted.elapsed();
            if self.decide(id, who::KERAMIKK).await.as_deref() == Some("Permit") && asked > BOUND {
                self.seen.lock().unwrap().tally.stale += 1;
            }
            tokio::time::sleep(10 * PERIOD).await;
        }
    }
}

/// Callers at work.
pub struct Checker {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Checker {
    /// Starts to call at an address, with tokens that an instance gives out.
    pub async fn start(base: &str, tokens: &Sandbox) -> Self {
        let organization = async |org: &str, scopes: &str| {
            let parameters = [("orgNo", org), ("scopes", scopes)];
            tokens.token("GetEnterpriseToken", &parameters).await
        };
        let caller = Caller {
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(CALL_TIMEOUT)
                .build()
                .unwrap(),
            base: base.to_owned(),
            owner: organization(who::SAV, AUTHORIZE).await,
            vendor: organization(who::FJORDLONN, REQUEST_WRITE).await,
            person: tokens.person().await,
            seen: Arc::default(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = Vec::new();
        for _ in 0..ASKERS {
            callers.push(tokio::spawn(caller.clone().ask(Arc::clone(&stop))));
        }
        for _ in 0..CHANGERS {
            callers.push(tokio::spawn(caller.clone().change(Arc::clone(&stop))));
        }
        let checker = Self {
            seen: caller.seen,
            stop,
            callers,
        };
        checker.work().await;
        checker
    }

    /// Waits until some hundred decisions and some changes were made, so that something is under way.
    pub async fn work(&self) {
        let done = || {
            let tally = &self.seen.lock().unwrap().tally;
            (tally.decisions, tally.changes)
        };
        let (decisions, changes) = done();
        let since = Instant::now();
        while done().0 < decisions + 100 || done().1 < changes + 4 {
            assert!(
                since.elapsed() < WAIT_TIMEOUT,
                "decisions and changes are made"
            );
            for caller in &self.callers {
                assert!(!caller.is_finished(), "a caller has failed");
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Waits until calls have gone well for a while, and returns how long after the fault the last one
    /// ended that failed or had to wait.
    pub async fn healed(&self, fault: Instant) -> Duration {
        loop {
            assert!(fault.elapsed() < WAIT_TIMEOUT, "it heals");
            let begun = Instant::now();
            self.work().await;
            tokio::time::sleep_until((begun + CALM).into()).await;
            let seen = self.seen.lock().unwrap();
            let last = seen.troubles.iter().filter(|at| **at >= fault).max();
            if last.is_none_or(|last| *last < begun) {
                return last.map_or(Duration::ZERO, |last| *last - fault);
            }
        }
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.seen.lock().unwrap().tally.clone()
    }

    /// Ends all calls, and looks for everything that was answered as done in the database.
    pub async fn finish(self, stored: &Database) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await.unwrap();
        }
        let seen = Arc::into_inner(self.seen).expect("no caller is left");
        let seen = seen.into_inner().unwrap();
        let mut tally = seen.tally;
        for (id, is_deleted) in &seen.approved {
            let approved = stored.done("request.approved", id).await;
            let deleted = stored.done("systemuser.deleted", id).await;
            if approved < 1 || (*is_deleted && deleted < 1) {
                tally.lost += 1;
            }
            if approved > 1 || deleted > 1 {
                tally.doubled += 1;
            }
        }
        tally
    }
}

/// Body of a request that no other one blocks.
pub fn new_request_body() -> Value {
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["externalRef"] = uuid::Uuid::new_v4().to_string().into();
    body
}

/// How long a condition may take.
const WAIT_TIMEOUT: Duration = Duration::from_secs(90);

impl Tally {
    /// What no fault beneath may bring about.
    #[track_caller]
    pub fn assert_sound(&self) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
        assert_eq!(
            (self.stale, self.lost, self.doubled),
            (0, 0, 0),
            "stale, lost, doubled: {self:?}"
        );
    }
}
