//! Small random worlds: what the service finds against an evaluator that takes the rules word by
//! word from the catalogue's files, with lists and loops.

use std::collections::{BTreeMap, BTreeSet};

use edges::import::ImportKind;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use registers::parties::{self, rules};
use serde_json::{Value, json};

use super::files::good;
use crate::support::TestApp;

const ORGS: [&str; 8] = [
    "391500002",
    "391533318",
    "391566623",
    "391599939",
    "391666555",
    "391699860",
    "392000070",
    "392000100",
];
const PERSONS: [&str; 4] = ["14837211191", "29829622287", "01810264035", "31925593012"];
const FORMS: [&str; 8] = ["AS", "BEDR", "ENK", "IKS", "NUF", "BRL", "BEDR", "KOMM"];
/// Main units of the two sub-units.
const PARENTS: [(usize, usize); 2] = [(1, 0), (6, 2)];
const ROLES: [&str; 13] = [
    "DAGL", "LEDE", "INNH", "DTSO", "DTPR", "KOMP", "REGN", "REVI", "FFØR", "KNUF", "REPR", "MEDL",
    "KONT",
];
const GIVEN: [&str; 4] = ["lonn", "tilgangsstyrer", "hovedadministrator", "jordbruk"];

/// Who: an organisation or a person, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Org(usize),
    Person(usize),
}

#[derive(Debug, Clone)]
struct World {
    /// From, register code, to.
    roles: Vec<(usize, &'static str, Who)>,
    /// From, to, packages.
    given: Vec<(usize, Who, Vec<&'static str>)>,
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        (0..ORGS.len()).prop_map(Who::Org),
        (0..PERSONS.len()).prop_map(Who::Person)
    ]
}

fn world() -> impl Strategy<Value = World> {
    let role =
        (0..ORGS.len(), 0..ROLES.len(), who()).prop_map(|(from, role, to)| (from, ROLES[role], to));
    let packages = prop::collection::btree_set(0..GIVEN.len(), 1..3)
        .prop_map(|set| set.into_iter().map(|i| GIVEN[i]).collect::<Vec<_>>());
    let given = (0..ORGS.len(), who(), packages);
    (
        prop::collection::vec(role, 3..14),
        prop::collection::vec(given, 0..5),
    )
        .prop_map(|(mut roles, mut given)| {
            roles.retain(|(from, _, to)| *to != Who::Org(*from));
            given.retain(|(from, to, _)| *to != Who::Org(*from));
            given.sort_by_key(|(from, to, _)| (*from, *to));
            given.dedup_by_key(|(from, to, _)| (*from, *to));
            World { roles, given }
        })
}

/// The catalogue's files.
struct Files {
    roles: Value,
    role_packages: Value,
}

/// A relation, with the code of its role and the packages it carries itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Relation {
    from: Who,
    to: Who,
    role: String,
    packages: Vec<String>,
}

impl Files {
    fn read() -> Self {
        Self {
            roles: serde_json::from_str(include_str!("../../../data/roles.json")).unwrap(),
            role_packages: serde_json::from_str(include_str!("../../../data/role-packages.json"))
                .unwrap(),
        }
    }

    fn code_of(&self, register_code: &str) -> String {
        let role = self.roles["roles"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["registerCode"] == register_code);
        role.unwrap()["code"].as_str().unwrap().to_owned()
    }

    fn is_key_role(&self, code: &str) -> bool {
        self.roles["roles"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["code"] == code && r["isKeyRole"] == true)
    }

    fn mapped(&self, code: &str) -> Vec<String> {
        let pairs = self.roles["roleMap"].as_array().unwrap().iter();
        pairs
            .filter(|p| p["has"] == code)
            .map(|p| p["gets"].as_str().unwrap().to_owned())
            .collect()
    }

    fn relations(&self, world: &World) -> Vec<Relation> {
        let mut out = Vec::new();
        for (from, code, to) in &world.roles {
            out.push(Relation {
                from: Who::Org(*from),
                to: *to,
                role: self.code_of(code),
                packages: Vec::new(),
            });
            let derived = match (*code, FORMS[*from]) {
                ("KONT", "KOMM") => Some("KOMK"),
                ("KONT", "NUF") => Some("KNUF"),
                _ => None,
            };
            if let Some(code) = derived {
                out.push(Relation {
                    from: Who::Org(*from),
                    to: *to,
                    role: self.code_of(code),
                    packages: Vec::new(),
                });
            }
        }
        for (from, to, packages) in &world.given {
            let packages = packages.iter().map(|p| (*p).to_owned()).collect();
            out.push(Relation {
                from: Who::Org(*from),
                to: *to,
                role: "rettighetshaver".to_owned(),
                packages,
            });
        }
        for (child, main) in PARENTS {
            out.push(Relation {
                from: Who::Org(child),
                to: Who::Org(main),
                role: "hovedenhet".to_owned(),
                packages: Vec::new(),
            });
        }
        out.sort();
        out.dedup();
        out
    }

    /// Packages and role codes that a subject has for a reportee.
    fn access(
        &self,
        world: &World,
        subject: Who,
        reportee: Who,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        let all = self.relations(world);
        let form = |who: Who| {
            if let Who::Org(at) = who {
                FORMS[at]
            } else {
                ""
            }
        };
        // 1 and 2: direct, and through organisations in which the subject holds a key role.
        let direct: Vec<Relation> = all.iter().filter(|r| r.to == subject).cloned().collect();
        let mut held = direct.clone();
        if let Who::Person(_) = subject {
            held.push(Relation {
                from: subject,
                to: subject,
                role: "privatperson".to_owned(),
                packages: Vec::new(),
            });
        }
        for key in direct.iter().filter(|r| self.is_key_role(&r.role)) {
            for r in all.iter().filter(|r| r.to == key.from) {
                let shared =
                    |role: &str, from: Who| role == "deltaker-delt-ansvar" && form(from) == "IKS";
                if !shared(&r.role, r.from) && !shared(&key.role, key.from) {
                    held.push(Relation {
                        to: subject,
                        ..r.clone()
                    });
                }
            }
        }
        // 3: the role map, one step.
        for r in held.clone().iter().filter(|r| r.role != "rettighetshaver") {
            held.extend(
                self.mapped(&r.role)
                    .into_iter()
                    .map(|role| Relation { role, ..r.clone() }),
            );
        }
        // 5 and 6: down to sub-units, and to the owner of a sole proprietorship.
        for r in held.clone() {
            for (child, main) in PARENTS {
                if r.from == Who::Org(main) {
                    held.push(Relation {
                        from: Who::Org(child),
                        ..r.clone()
                    });
                }
            }
            let reaches = [
                "regnskapsforer",
                "revisor",
                "a0237",
                "a0238",
                "a0239",
                "a0240",
                "a0241",
            ]
            .contains(&r.role.as_str());
            if form(r.from) == "ENK" && reaches {
                for owner in all
                    .iter()
                    .filter(|o| o.from == r.from && o.role == "innehaver")
                    .map(|o| o.to)
                {
                    if let Who::Person(_) = owner {
                        held.push(Relation {
                            from: owner,
                            ..r.clone()
                        });
                    }
                }
            }
        }
        let mut packages = BTreeSet::new();
        let mut roles = BTreeSet::new();
        for r in held.iter().filter(|r| r.from == reportee) {
            if r.role == "rettighetshaver" {
                packages.extend(
                    r.packages
                        .iter()
                        .map(|p| format!("urn:altinn:accesspackage:{p}")),
                );
                continue;
            }
            roles.insert(r.role.clone());
            for row in self.role_packages["rolePackages"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|row| row["role"] == r.role.as_str() && row["hasAccess"] == true)
            {
                if row["variant"].is_null() || row["variant"] == form(reportee) {
                    packages.insert(row["package"].as_str().unwrap().to_owned());
                }
            }
        }
        (packages, roles)
    }
}

async fn load(app: &TestApp, world: &World) {
    app.take_what_operator_gave().await;
    let to = |who: &Who| match who {
        Who::Org(at) => ("toOrg", ORGS[*at]),
        Who::Person(at) => ("toPerson", PERSONS[*at]),
    };
    let line = |from: usize, who: &Who| {
        let (member, value) = to(who);
        let mut line = json!({"from": ORGS[from]});
        line[member] = json!(value);
        line
    };
    let mut roles: Vec<Value> = Vec::new();
    for (from, role, who) in &world.roles {
        let mut role_line = line(*from, who);
        role_line["role"] = json!(role);
        roles.push(role_line);
    }
    good(app, ImportKind::Roles, &roles).await;
    let mut given: Vec<Value> = Vec::new();
    for (from, who, packages) in &world.given {
        let mut given_line = line(*from, who);
        given_line["accessPackages"] = packages
            .iter()
            .map(|p| json!(format!("urn:altinn:accesspackage:{p}")))
            .collect();
        given.push(given_line);
    }
    good(app, ImportKind::Rightholders, &given).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_the_rules_say() {
    let app = TestApp::start().await;
    let organizations: Vec<Value> = (0..ORGS.len())
        .map(|at| {
            let parent = PARENTS.iter().find(|(child, _)| *child == at).map(|(_, main)| ORGS[*main]);
            json!({"orgNumber": ORGS[at], "name": format!("ORG {at}"), "form": FORMS[at], "parent": parent})
        })
        .collect();
    good(&app, ImportKind::Organizations, &organizations).await;
    let persons: Vec<Value> = PERSONS
        .iter()
        .map(|id| json!({"personId": id, "firstName": "A", "lastName": "B"}))
        .collect();
    good(&app, ImportKind::Persons, &persons).await;
    let files = Files::read();
    let state = &app.running.state;
    let mut parties = BTreeMap::new();
    let mut db = state.db.acquire().await.unwrap();
    for (at, number) in ORGS.iter().enumerate() {
        parties.insert(
            Who::Org(at),
            parties::party_by_org_number(&mut db, number)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    for (at, id) in PERSONS.iter().enumerate() {
        let id = foundation::ids::NationalId::parse(id).unwrap();
        parties.insert(
            Who::Person(at),
            parties::party_by_national_id(&mut db, &state.identity, &id)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    let mut runner = TestRunner::new(Config {
        cases: 30,
        failure_persistence: None,
        ..Config::default()
    });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runner
            .run(&world(), |world| {
                handle.block_on(load(&app, &world));
                let mut db = handle.block_on(state.db.acquire()).unwrap();
                for (subject, party) in &parties {
                    for (reportee, other) in &parties {
                        let connections = handle
                            .block_on(parties::connections(&mut db, party, other))
                            .unwrap();
                        let access = rules::access(&state.catalogue, party, other, &connections);
                        let packages: BTreeSet<String> = access
                            .packages
                            .iter()
                            .map(|k| state.catalogue.package(*k).unwrap().urn.clone())
                            .collect();
                        let roles: BTreeSet<String> = access
                            .roles
                            .iter()
                            .map(|k| state.catalogue.role(*k).unwrap().code.clone())
                            .collect();
                        prop_assert_eq!(
                            (packages, roles),
                            files.access(&world, *subject, *reportee),
                            "{:?} for {:?}",
                            subject,
                            reportee
                        );
                    }
                }
                Ok(())
            })
            .unwrap();
    });
}
