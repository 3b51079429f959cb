//! What holds of an agent's clients after any sequence of steps.

use std::collections::{BTreeMap, BTreeSet};

use edges::import::{ImportKind, ImportMode};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::json;
use testkit::prelude::*;

use crate::import::files::{file, import, ndjson, options};

const BATCH: &str = "/systembruker/api/v1/enduser/systemuser/clients:batch";
const SCOPES: &str = "altinn:clientdelegations.read altinn:clientdelegations.write";
/// Clients of Tallknuseren by register role.
const CLIENTS: [Organization; 3] = [TINDEVANDRER, KERAMIKK, GAARDSTUN];
const STEPS: usize = 90;

/// What rests on the register role, and what on the client's own gift; each with a resource that
/// it alone leads to.
const BY_ROLE: Package = REGNSKAPSFORER_LONN;
const BY_GIFT: Package = SKATT_NAERING;
const LEADS_TO: [(Package, Resource); 2] = [
    (BY_ROLE, A_MELDING),
    (BY_GIFT, Resource("skattemelding-naering")),
];

/// Something that happens to one of the clients, or to all.
#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Remove(usize),
    AddAll,
    RemoveAll,
    RoleEnds(usize),
    RoleBegins(usize),
    /// The client has given the provider exactly these packages.
    Gives(usize, &'static [Package]),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS.len();
    let gifts: Vec<&'static [Package]> =
        vec![&[SKATT_NAERING], &[SKATT_NAERING, PENSJON], &[PENSJON], &[]];
    prop_oneof![
        6 => client.clone().prop_map(Step::Add),
        2 => client.clone().prop_map(Step::Remove),
        1 => Just(Step::AddAll),
        1 => Just(Step::RemoveAll),
        2 => client.clone().prop_map(Step::RoleEnds),
        3 => client.clone().prop_map(Step::RoleBegins),
        6 => (client, prop::sample::select(gifts))
            .prop_map(|(client, packages)| Step::Gives(client, packages)),
    ]
}

/// One client as the rules say, computed from scratch.
#[derive(Debug, Clone, Default)]
struct Expected {
    has_role: bool,
    gifts: BTreeSet<&'static str>,
    delegated: BTreeSet<&'static str>,
}

impl Expected {
    /// Code of the refusal, if any.
    fn add(&mut self) -> Option<&'static str> {
        match (self.has_role, self.gifts.contains(BY_GIFT.0)) {
            (true, true) => {
                self.delegated.extend([BY_ROLE.0, BY_GIFT.0]);
                None
            }
            (false, false) => Some("AUTH-00079"),
            (true, false) | (false, true) => Some("AUTH-00080"),
        }
    }

    fn gives(&mut self, packages: &[Package]) {
        self.gifts = packages.iter().map(|package| package.0).collect();
        if !self.gifts.contains(BY_GIFT.0) {
            self.delegated.remove(BY_GIFT.0);
        }
    }

    fn loses_role(&mut self) {
        self.has_role = false;
        self.delegated.remove(BY_ROLE.0);
    }
}

/// The service, and the model that it must agree with.
struct Compared {
    world: World,
    expected: [Expected; 3],
    steps: Vec<Step>,
}

impl Compared {
    async fn start() -> Self {
        let world = World::start().await;
        world
            .app
            .require_of_agent(&TALLKNUSEREN_AGENT, [BY_ROLE, BY_GIFT])
            .await;
        world.app.remove_all_clients().await;
        let client = Expected {
            has_role: true,
            ..Expected::default()
        };
        Self {
            world,
            expected: [client.clone(), client.clone(), client],
            steps: Vec::new(),
        }
    }

    fn randi(&self) -> EndUserCaller<'_> {
        self.world.randi().with_scopes(SCOPES)
    }

    async fn batch(&self, action: &str) -> Answer {
        let path = format!("{BATCH}?agent={}", TALLKNUSEREN_AGENT.id);
        let uuids = CLIENTS.map(|client| client.uuid);
        let body = json!({"action": action, "clients": uuids});
        self.randi().post(&path, body).await.assert_status(200)
    }

    async fn import(&self, kind: ImportKind, source: Option<&str>, line: serde_json::Value) {
        let mut options = options(kind, file(ndjson(&[line])));
        options.mode = ImportMode::Delta;
        if let Some(source) = source {
            source.clone_into(&mut options.source);
        }
        let outcome = import(&self.world.app, &options).await.unwrap();
        assert_eq!(outcome.refused, None);
    }

    async fn role(&self, client: usize, op: &str) {
        let (from, to) = (CLIENTS[client].number, TALLKNUSEREN.number);
        let line = json!({"from": from, "role": "REGN", "toOrg": to, "op": op});
        self.import(ImportKind::Roles, Some("sandbox"), line).await;
    }

    async fn gift(&self, client: usize, packages: &[Package]) {
        let urns: Vec<String> = packages.iter().map(|package| package.urn()).collect();
        let line = json!({
            "from": CLIENTS[client].number,
            "toOrg": TALLKNUSEREN.number,
            "accessPackages": urns,
            "rights": [],
        });
        self.import(ImportKind::Rightholders, None, line).await;
    }

    async fn play(&mut self, step: Step) {
        self.steps.push(step.clone());
        match step {
            Step::Add(client) => {
                let randi = self.randi();
                let answer = randi
                    .adds_client(&TALLKNUSEREN_AGENT, CLIENTS[client])
                    .await;
                let refusal = (answer.status != 200).then(|| answer.code());
                let expected = self.expected[client].add();
                assert_eq!(refusal.as_deref(), expected, "{:?}", self.steps);
            }
            Step::Remove(client) => {
                self.randi()
                    .removes_client(&TALLKNUSEREN_AGENT, CLIENTS[client])
                    .await
                    .assert_status(200);
                self.expected[client].delegated.clear();
            }
            Step::AddAll => {
                let answer = self.batch("add").await.json();
                for (index, client) in self.expected.iter_mut().enumerate() {
                    let refusal = answer["results"][index]["problem"]["code"].as_str();
                    assert_eq!(refusal, client.add(), "{:?}", self.steps);
                }
            }
            Step::RemoveAll => {
                self.batch("remove").await;
                for client in &mut self.expected {
                    client.delegated.clear();
                }
            }
            Step::RoleEnds(client) => {
                self.role(client, "end").await;
                self.expected[client].loses_role();
            }
            Step::RoleBegins(client) => {
                self.role(client, "add").await;
                self.expected[client].has_role = true;
            }
            Step::Gives(client, packages) => {
                self.gift(client, packages).await;
                self.expected[client].gives(packages);
            }
        }
    }

    async fn assert_decided_as_expected(&self) {
        for (client, expected) in CLIENTS.iter().zip(&self.expected) {
            for (package, resource) in LEADS_TO {
                let sav = self.world.sav();
                let decided = sav
                    .decides(&TALLKNUSEREN_AGENT, "read", resource, *client)
                    .await;
                let right = if expected.delegated.contains(package.0) {
                    Permit
                } else {
                    NotApplicable
                };
                assert_eq!(
                    decided, right,
                    "{client:?} {package:?} after {:?}",
                    self.steps
                );
            }
        }
    }

    async fn assert_listed_as_expected(&self) {
        let list = self.randi().lists_clients(&TALLKNUSEREN_AGENT).await;
        let list = list.assert_status(200).json();
        let listed: BTreeSet<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|client| client["clientOrganizationNumber"].as_str().unwrap())
            .collect();
        let expected: BTreeSet<&str> = CLIENTS
            .iter()
            .zip(&self.expected)
            .filter(|(_, expected)| !expected.delegated.is_empty())
            .map(|(client, _)| client.number)
            .collect();
        assert_eq!(listed, expected, "{:?}", self.steps);
    }

    /// A reader of all events knows the same.
    async fn assert_published_as_expected(&self) {
        let mut published = BTreeMap::new();
        let mut expected = BTreeMap::new();
        for (client, state) in CLIENTS.iter().zip(&self.expected) {
            let last = self.world.app.last_event_of_client(*client).await;
            published.insert(
                client.number,
                last.as_deref() == Some("systemuser_client_added"),
            );
            expected.insert(client.number, !state.delegated.is_empty());
        }
        assert_eq!(published, expected, "{:?}", self.steps);
    }
}

#[tokio::test]
async fn decisions_lists_and_events_follow_any_sequence_of_steps() {
    let mut compared = Compared::start().await;
    let mut runner = TestRunner::default();
    for _ in 0..STEPS {
        let next = step().new_tree(&mut runner).unwrap().current();
        compared.play(next).await;
        compared.assert_decided_as_expected().await;
        compared.assert_listed_as_expected().await;
    }
    compared.assert_published_as_expected().await;

    let world = &compared.world;
    world
        .randi()
        .deletes_agent(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(200);

    for client in CLIENTS {
        let sav = world.sav();
        let decided = sav
            .decides(&TALLKNUSEREN_AGENT, "read", A_MELDING, client)
            .await;
        assert_eq!(decided, NotApplicable, "{client:?}");
    }
}
