//! Random grants and revocations across all kinds of holder, through the API, against an evaluator
//! that takes the rules word by word: what it finds is what the service decides and lists at once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use testkit::prelude::*;

use crate::access::{CONNECTIONS, V2, data, hege};

/// Needs [`SKATT_NAERING`], where no role leads to it.
const TAX_RETURN: Resource = Resource("skattemelding-naering");
const PACKAGES: [Package; 2] = [SKATT_NAERING, MERVERDIAVGIFT];
const ACTIONS: [&str; 2] = ["read", "write"];

/// Who gives: the second has a sub-unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Giver {
    Rotfast,
    Nattergal,
}

impl Giver {
    const fn organization(self) -> Organization {
        match self {
            Self::Rotfast => ROTFAST,
            Self::Nattergal => NATTERGAL,
        }
    }

    fn manager(self, world: &World) -> EndUserCaller<'_> {
        match self {
            Self::Rotfast => world.person(SYNNOVE),
            Self::Nattergal => world.torleif(),
        }
    }
}

/// Who receives from a giver itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Receiver {
    /// An organisation; Randi reaches what it has by a key role.
    Firm,
    /// A person.
    Hege,
    /// A standard system user of the second giver.
    OwnUser,
}

impl Receiver {
    const fn uuid(self) -> &'static str {
        match self {
            Self::Firm => TALLKNUSEREN.uuid,
            Self::Hege => HEGE.uuid,
            Self::OwnUser => OWN_USER,
        }
    }
}

/// Nattergal's at Fjordlønn.
const OWN_USER: &str = "615a6590-e017-589b-b3e6-1ebeeb860284";

/// Who receives from the firm what its clients give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Agent {
    Hege,
    SystemUser,
}

impl Agent {
    fn uuid(self) -> &'static str {
        match self {
            Self::Hege => HEGE.uuid,
            Self::SystemUser => "05042226-1aa3-5372-87bc-b03f76163fdf",
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    GivePackage(Giver, Receiver, usize),
    TakePackage(Giver, Receiver, usize),
    SetRights(Giver, Receiver, Vec<usize>),
    TakeRights(Giver, Receiver),
    RemoveRightHolder(Giver, Receiver),
    AddHege,
    RemoveHege,
    DelegatePackage(Giver, Agent, usize),
    UndelegatePackage(Giver, Agent, usize),
    DelegateResource(Giver, Agent),
    UndelegateResource(Giver, Agent),
    RemoveClient(Giver, Agent),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let giver = prop_oneof![Just(Giver::Rotfast), Just(Giver::Nattergal)];
    let receiver = prop_oneof![
        3 => Just(Receiver::Firm),
        1 => Just(Receiver::Hege),
        1 => Just(Receiver::OwnUser),
    ];
    let agent = prop_oneof![Just(Agent::Hege), Just(Agent::SystemUser)];
    let package = 0..PACKAGES.len();
    let rights = prop::sample::subsequence(vec![0, 1], 1..=2);
    // A system user receives from its owner alone.
    let pair = (giver.clone(), receiver).prop_map(|(giver, receiver)| match receiver {
        Receiver::OwnUser => (Giver::Nattergal, receiver),
        Receiver::Firm | Receiver::Hege => (giver, receiver),
    });
    let of_receiver = (pair.clone(), package.clone());
    let of_agent = (giver.clone(), agent.clone(), package);
    let client = (giver, agent);
    let step = prop_oneof![
        4 => of_receiver.clone().prop_map(|((g, r), p)| Step::GivePackage(g, r, p)),
        2 => of_receiver.prop_map(|((g, r), p)| Step::TakePackage(g, r, p)),
        3 => (pair.clone(), rights).prop_map(|((g, r), a)| Step::SetRights(g, r, a)),
        1 => pair.clone().prop_map(|(g, r)| Step::TakeRights(g, r)),
        1 => pair.prop_map(|(g, r)| Step::RemoveRightHolder(g, r)),
        2 => Just(Step::AddHege),
        1 => Just(Step::RemoveHege),
        4 => of_agent.clone().prop_map(|(g, a, p)| Step::DelegatePackage(g, a, p)),
        1 => of_agent.prop_map(|(g, a, p)| Step::UndelegatePackage(g, a, p)),
        3 => client.clone().prop_map(|(g, a)| Step::DelegateResource(g, a)),
        1 => client.clone().prop_map(|(g, a)| Step::UndelegateResource(g, a)),
        1 => client.prop_map(|(g, a)| Step::RemoveClient(g, a)),
    ];
    prop::collection::vec(step, 12..24)
}

#[derive(Debug, Clone, Default)]
struct Held {
    packages: BTreeSet<usize>,
    rights: BTreeSet<usize>,
}

#[derive(Debug, Clone, Default)]
struct Delegated {
    packages: BTreeSet<usize>,
    resource: bool,
}

/// What was given, as the rules say it in words.
#[derive(Debug, Clone, Default)]
struct Model {
    relations: BTreeMap<(Giver, Receiver), Held>,
    is_hege_agent: bool,
    delegations: BTreeMap<(Giver, Agent), Delegated>,
}

impl Model {
    /// Takes from agents what the firm has no more.
    fn end_dependents(&mut self, giver: Giver) {
        let held = self.relations.get(&(giver, Receiver::Firm)).cloned();
        let has_relation = held.is_some();
        let held = held.unwrap_or_default();
        self.delegations.retain(|(of, _), delegated| {
            if *of != giver {
                return true;
            }
            let before = (delegated.packages.len(), delegated.resource);
            delegated.packages.retain(|one| held.packages.contains(one));
            delegated.resource &= !held.rights.is_empty();
            let has_lost = before != (delegated.packages.len(), delegated.resource);
            let is_empty = delegated.packages.is_empty() && !delegated.resource;
            has_relation && !(has_lost && is_empty)
        });
    }

    fn may_be_delegated_to(&self, agent: Agent) -> bool {
        agent == Agent::SystemUser || self.is_hege_agent
    }

    /// The expected status of a step, and the model after it.
    fn apply(&mut self, step: &Step) -> u16 {
        match step {
            Step::GivePackage(giver, receiver, package) => {
                let held = self.relations.entry((*giver, *receiver)).or_default();
                held.packages.insert(*package);
                200
            }
            Step::TakePackage(giver, receiver, package) => {
                if let Some(held) = self.relations.get_mut(&(*giver, *receiver)) {
                    held.packages.remove(package);
                }
                self.end_dependents(*giver);
                204
            }
            Step::SetRights(giver, receiver, rights) => {
                let held = self.relations.entry((*giver, *receiver)).or_default();
                held.rights = rights.iter().copied().collect();
                200
            }
            Step::TakeRights(giver, receiver) => {
                let held = self.relations.get_mut(&(*giver, *receiver));
                let removed = held.map_or(0, |held| std::mem::take(&mut held.rights).len());
                let is_delegated = *receiver == Receiver::Hege
                    && self
                        .delegations
                        .get(&(*giver, Agent::Hege))
                        .is_some_and(|delegated| delegated.resource);
                self.end_dependents(*giver);
                if removed == 0 && is_delegated {
                    400
                } else {
                    204
                }
            }
            Step::RemoveRightHolder(giver, receiver) => {
                self.relations.remove(&(*giver, *receiver));
                if *receiver == Receiver::Firm {
                    self.end_dependents(*giver);
                }
                204
            }
            Step::AddHege => {
                self.is_hege_agent = true;
                200
            }
            Step::RemoveHege => {
                self.is_hege_agent = false;
                self.delegations
                    .retain(|(_, agent), _| *agent != Agent::Hege);
                204
            }
            Step::DelegatePackage(giver, agent, package) => {
                let held = self.relations.get(&(*giver, Receiver::Firm));
                let gives = held.is_some_and(|held| held.packages.contains(package));
                if !gives || !self.may_be_delegated_to(*agent) {
                    return 400;
                }
                let delegated = self.delegations.entry((*giver, *agent)).or_default();
                delegated.packages.insert(*package);
                200
            }
            Step::DelegateResource(giver, agent) => {
                let held = self.relations.get(&(*giver, Receiver::Firm));
                let gives = held.is_some_and(|held| !held.rights.is_empty());
                if !gives || !self.may_be_delegated_to(*agent) {
                    return 400;
                }
                self.delegations
                    .entry((*giver, *agent))
                    .or_default()
                    .resource = true;
                200
            }
            Step::UndelegatePackage(giver, agent, package) => {
                self.undelegate(*giver, *agent, |delegated| {
                    delegated.packages.remove(package)
                })
            }
            Step::UndelegateResource(giver, agent) => {
                self.undelegate(*giver, *agent, |delegated| {
                    std::mem::take(&mut delegated.resource)
                })
            }
            Step::RemoveClient(giver, agent) => {
                self.delegations.remove(&(*giver, *agent));
                204
            }
        }
    }

    fn undelegate(
        &mut self,
        giver: Giver,
        agent: Agent,
        take: impl FnOnce(&mut Delegated) -> bool,
    ) -> u16 {
        if !self.may_be_delegated_to(agent) {
            return 400;
        }
        if let Some(delegated) = self.delegations.get_mut(&(giver, agent))
            && take(delegated)
            && delegated.packages.is_empty()
            && !delegated.resource
        {
            self.delegations.remove(&(giver, agent));
        }
        200
    }

    fn firm(&self, giver: Giver) -> Held {
        let found = self.relations.get(&(giver, Receiver::Firm));
        found.cloned().unwrap_or_default()
    }

    fn own(&self, giver: Giver) -> Held {
        let found = self.relations.get(&(giver, Receiver::OwnUser));
        found.cloned().unwrap_or_default()
    }

    fn delegated(&self, giver: Giver, agent: Agent) -> Delegated {
        let found = self.delegations.get(&(giver, agent));
        found.cloned().unwrap_or_default()
    }

    fn has_package(&self, subject: Subject, giver: Giver, package: usize) -> bool {
        let of_agent = |agent| self.delegated(giver, agent).packages.contains(&package);
        match subject {
            Subject::Hege => {
                let own = self.relations.get(&(giver, Receiver::Hege));
                own.is_some_and(|held| held.packages.contains(&package)) || of_agent(Agent::Hege)
            }
            Subject::Randi => self.firm(giver).packages.contains(&package),
            Subject::OwnUser => self.own(giver).packages.contains(&package),
            Subject::SystemUser => of_agent(Agent::SystemUser),
            Subject::Firm => false,
        }
    }

    fn has_right(&self, subject: Subject, giver: Giver, right: usize) -> bool {
        let of_firm = self.firm(giver).rights.contains(&right);
        let of_agent = |agent| self.delegated(giver, agent).resource && of_firm;
        match subject {
            Subject::Hege => {
                let own = self.relations.get(&(giver, Receiver::Hege));
                own.is_some_and(|held| held.rights.contains(&right)) || of_agent(Agent::Hege)
            }
            Subject::Randi | Subject::Firm => of_firm,
            Subject::OwnUser => self.own(giver).rights.contains(&right),
            Subject::SystemUser => of_agent(Agent::SystemUser),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Hege,
    Randi,
    Firm,
    SystemUser,
    OwnUser,
}

impl Subject {
    const ALL: [Self; 5] = [
        Self::Hege,
        Self::Randi,
        Self::Firm,
        Self::SystemUser,
        Self::OwnUser,
    ];

    fn attribute(self) -> (&'static str, &'static str) {
        match self {
            Self::Hege => ("urn:altinn:person:identifier-no", HEGE.pid),
            Self::Randi => ("urn:altinn:person:identifier-no", RANDI.pid),
            Self::Firm => ("urn:altinn:organization:identifier-no", TALLKNUSEREN.number),
            Self::SystemUser => ("urn:altinn:systemuser:uuid", Agent::SystemUser.uuid()),
            Self::OwnUser => ("urn:altinn:systemuser:uuid", OWN_USER),
        }
    }
}

/// Questions: a subject, an action, a resource, a party, and the giver whose gifts reach it.
fn questions() -> Vec<(Subject, &'static str, Resource, Organization, Giver)> {
    let parties = [
        (ROTFAST, Giver::Rotfast),
        (NATTERGAL, Giver::Nattergal),
        (NATTERGAL_SENTRUM, Giver::Nattergal),
    ];
    let mut out = Vec::new();
    for subject in Subject::ALL {
        for (party, giver) in parties {
            out.push((subject, "read", TAX_RETURN, party, giver));
            for action in ACTIONS {
                out.push((subject, action, INNTEKTSMELDING, party, giver));
            }
        }
    }
    out
}

async fn permits(
    world: &World,
    subject: Subject,
    action: &str,
    resource: Resource,
    party: Organization,
) -> bool {
    let party = ("urn:altinn:organization:identifier-no", party.number);
    let request = testkit::facts::decision_request(subject.attribute(), action, resource.0, party);
    let answer = world.sav().asks(request).await.assert_status(200).json();
    Decision::of(&answer["response"][0]["decision"]) == Permit
}

fn pair(path: &str, giver: Giver, receiver: Receiver) -> String {
    let from = giver.organization().uuid;
    let to = receiver.uuid();
    format!("{CONNECTIONS}{path}?party={from}&from={from}&to={to}")
}

fn client(path: &str, giver: Giver, agent: Agent) -> String {
    let (party, client) = (TALLKNUSEREN.uuid, giver.organization().uuid);
    let agent = agent.uuid();
    format!("{V2}/{path}?party={party}&client={client}&agent={agent}")
}

/// The world, with what steps need to name.
struct Run<'w> {
    world: &'w World,
    /// Keys of rights, by action.
    keys: Vec<Value>,
}

impl Run<'_> {
    /// Makes sure that something may be given to the receiver.
    async fn connect(&self, giver: Giver, receiver: Receiver) {
        let manager = giver.manager(self.world);
        let answer = match receiver {
            Receiver::Firm | Receiver::OwnUser => {
                manager.post_empty(&pair("", giver, receiver)).await
            }
            Receiver::Hege => {
                let path = format!("{CONNECTIONS}?party={}", giver.organization().uuid);
                manager.post(&path, hege()).await
            }
        };
        answer.assert_status(200);
    }

    async fn take(&self, step: &Step) -> u16 {
        let world = self.world;
        let administrator = world.randi();
        let packages = |package: &usize| json!({"values": [{"role": "rettighetshaver", "packages": [PACKAGES[*package].urn()]}]});
        let resources =
            || json!({"values": [{"role": "rettighetshaver", "resources": [INNTEKTSMELDING.0]}]});
        let of_resource = |path: &str, giver: &Giver, receiver: &Receiver| {
            format!(
                "{}&resource={}",
                pair(path, *giver, *receiver),
                INNTEKTSMELDING.0
            )
        };
        let answer = match step {
            Step::GivePackage(giver, receiver, package) => {
                self.connect(*giver, *receiver).await;
                let path = pair("/accesspackages", *giver, *receiver);
                let path = format!("{path}&package={}", PACKAGES[*package].urn());
                giver.manager(world).post_empty(&path).await
            }
            Step::TakePackage(giver, receiver, package) => {
                let path = pair("/accesspackages", *giver, *receiver);
                let path = format!("{path}&package={}", PACKAGES[*package].urn());
                giver.manager(world).delete(&path).await
            }
            Step::SetRights(giver, receiver, rights) => {
                self.connect(*giver, *receiver).await;
                let keys: Vec<&Value> = rights.iter().map(|right| &self.keys[*right]).collect();
                let path = of_resource("/resources/rights", giver, receiver);
                let body = json!({"directRightKeys": keys});
                giver.manager(world).put(&path, body).await
            }
            Step::TakeRights(giver, receiver) => {
                let path = of_resource("/resources", giver, receiver);
                giver.manager(world).delete(&path).await
            }
            Step::RemoveRightHolder(giver, receiver) => {
                let path = format!("{}&cascade=true", pair("", *giver, *receiver));
                giver.manager(world).delete(&path).await
            }
            Step::AddHege => {
                let path = format!("{V2}/agents?party={}", TALLKNUSEREN.uuid);
                administrator.post(&path, hege()).await
            }
            Step::RemoveHege => {
                let path = format!(
                    "{V2}/agents?party={}&agent={}&cascade=true",
                    TALLKNUSEREN.uuid, HEGE.uuid
                );
                administrator.delete(&path).await
            }
            Step::DelegatePackage(giver, agent, package) => {
                let path = client("agents/accesspackages", *giver, *agent);
                administrator.post(&path, packages(package)).await
            }
            Step::UndelegatePackage(giver, agent, package) => {
                let path = client("agents/accesspackages/delete", *giver, *agent);
                administrator.post(&path, packages(package)).await
            }
            Step::DelegateResource(giver, agent) => {
                let path = client("agents/resources", *giver, *agent);
                administrator.post(&path, resources()).await
            }
            Step::UndelegateResource(giver, agent) => {
                let path = client("agents/resources/delete", *giver, *agent);
                administrator.post(&path, resources()).await
            }
            Step::RemoveClient(giver, agent) => {
                let path = client("agents/clients", *giver, *agent);
                administrator.delete(&format!("{path}&cascade=true")).await
            }
        };
        answer.status
    }

    /// Packages of the clients that a person is listed to act for.
    async fn listed(&self) -> BTreeMap<String, BTreeSet<String>> {
        let path = "/accessmanagement/api/v1/enduser/authorizedparties?includeAccessPackages=true";
        let list = data(self.world.person(HEGE).get(path).await);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        list.iter()
            .map(|party| {
                let packages = party["authorizedAccessPackages"].as_array().unwrap();
                (
                    text(&party["partyUuid"]),
                    packages.iter().map(text).collect(),
                )
            })
            .collect()
    }
}

async fn right_keys(world: &World) -> Vec<Value> {
    let path = format!(
        "{CONNECTIONS}/resources/delegationcheck?party={}&resource={}",
        ROTFAST.uuid, INNTEKTSMELDING.0
    );
    let checked = world.person(SYNNOVE).get(&path).await;
    let checked = checked.assert_status(200).json();
    let rights = checked["rights"].as_array().unwrap();
    ACTIONS
        .iter()
        .map(|action| {
            let is = |right: &&Value| right["right"]["action"]["value"] == *action;
            rights.iter().find(is).unwrap()["right"]["key"].clone()
        })
        .collect()
}

async fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let world = World::start().await;
    let run = Run {
        keys: right_keys(&world).await,
        world: &world,
    };
    run.take(&Step::RemoveRightHolder(Giver::Rotfast, Receiver::Firm))
        .await;
    // What the universe gives.
    run.take(&Step::RemoveRightHolder(
        Giver::Nattergal,
        Receiver::OwnUser,
    ))
    .await;
    // The universe delegates this client too.
    run.take(&Step::RemoveClient(Giver::Nattergal, Agent::SystemUser))
        .await;
    let mut model = Model::default();
    // What roles of the register give is there in any case.
    let mut baseline = BTreeMap::new();
    for (number, (subject, action, resource, party, _)) in questions().into_iter().enumerate() {
        let permitted = permits(&world, subject, action, resource, party).await;
        baseline.insert(number, permitted);
    }
    for step in steps {
        let expected = model.apply(step);
        let status = run.take(step).await;
        prop_assert_eq!(status, expected, "{:?}", step);
        for (number, (subject, action, resource, party, giver)) in
            questions().into_iter().enumerate()
        {
            let is_given = if resource == TAX_RETURN {
                model.has_package(subject, giver, 0)
            } else {
                let right = ACTIONS.iter().position(|one| *one == action);
                model.has_right(subject, giver, right.unwrap_or_default())
            };
            let found = permits(&world, subject, action, resource, party).await;
            prop_assert_eq!(
                found,
                is_given || baseline[&number],
                "{:?} {} {} for {} after {:?}",
                subject,
                action,
                resource.0,
                party.number,
                step
            );
        }
        let listed = run.listed().await;
        for giver in [Giver::Rotfast, Giver::Nattergal] {
            let expected: BTreeSet<String> = (0..PACKAGES.len())
                .filter(|package| model.has_package(Subject::Hege, giver, *package))
                .map(|package| PACKAGES[package].0.to_owned())
                .collect();
            let found = listed.get(giver.organization().uuid);
            let found = found.cloned().unwrap_or_default();
            prop_assert_eq!(found, expected, "{:?} after {:?}", giver, step);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_lists_follow_every_grant_and_revocation() {
    let mut runner = TestRunner::new(Config {
        cases: 10,
        failure_persistence: None,
        max_shrink_iters: 40,
        ..Config::default()
    });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runner
            .run(&steps(), |steps| handle.block_on(check(&steps)))
            .unwrap();
    });
}
