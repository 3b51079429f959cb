//! Many clients at once, and what holds after any sequence of steps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use systembruker::import::{Kind, Mode};
use uuid::Uuid;

use crate::{
    import::files::{file, import, ndjson, options},
    support::*,
};

const BATCH: &str = "/systembruker/api/v1/enduser/systemuser/clients:batch";
const ENDUSER: &str = "/authentication/api/v1/enduser/systemuser";
const SCOPES: &str = "altinn:clientdelegations.read altinn:clientdelegations.write";
const TALLKNUSEREN: &str = "390784554";
/// Clients of Tallknuseren by register role.
const CLIENTS: [&str; 3] = [who::TINDEVANDRER, who::KERAMIKK, "390825749"];

async fn uuid_of(app: &TestApp, org: &str) -> String {
    app.sql_text(&format!(
        "select uuid::text from party where org_number = '{org}'"
    ))
    .await
}

async fn require(app: &TestApp, packages: &[&str]) {
    let urns: Value = packages
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect();
    app.run_sql(&format!(
        "update \"system_user\" set access_packages = '{urns}' where id = '{}'",
        who::TALLKNUSEREN_AGENT
    ))
    .await;
}

async fn delegated(app: &TestApp, token: &str) -> BTreeSet<String> {
    let list = app
        .get(
            &format!("{ENDUSER}/clients?agent={}", who::TALLKNUSEREN_AGENT),
            token,
        )
        .await
        .expect(200)
        .json();
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["clientOrganizationNumber"].as_str().unwrap().to_owned())
        .collect()
}

fn results(answer: &Value) -> Vec<&str> {
    answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["result"].as_str().unwrap())
        .collect()
}

async fn post_with_key(app: &TestApp, path: &str, token: &str, key: &str, body: &Value) -> Answer {
    let request = app
        .http
        .request(Method::POST, format!("{}{path}", app.base))
        .bearer_auth(token)
        .header("idempotency-key", key)
        .json(body);
    Answer::of(request.send().await.expect("the service answers")).await
}

#[tokio::test]
async fn each_client_has_its_result() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", SCOPES)],
        )
        .await;
    let path = format!("{BATCH}?agent={}", who::TALLKNUSEREN_AGENT);
    let (known, stranger) = (
        uuid_of(&app, who::TINDEVANDRER).await,
        uuid_of(&app, who::HAVBLIKK).await,
    );
    let there = uuid_of(&app, who::NATTERGAL).await;
    let unknown = Uuid::new_v4().to_string();
    let body = json!({"action": "add", "clients": [known, stranger, there, unknown, known]});
    let answer = app
        .post(&path, &token, body.clone())
        .await
        .expect(200)
        .json();
    assert_eq!(
        results(&answer),
        ["added", "refused", "unchanged", "refused"],
        "each once, in order"
    );
    assert_eq!(
        (
            &answer["committed"],
            &answer["done"],
            &answer["unchanged"],
            &answer["refused"]
        ),
        (&json!(true), &json!(1), &json!(1), &json!(2))
    );
    assert_eq!(answer["results"][1]["problem"]["code"], "AUTH-00079");
    assert!(answer["results"][0].get("problem").is_none());
    assert!(delegated(&app, &token).await.contains(who::TINDEVANDRER));
    assert_eq!(
        app.decide_system_user(
            who::TALLKNUSEREN_AGENT,
            "read",
            "mva-melding",
            who::TINDEVANDRER
        )
        .await,
        "Permit"
    );
    assert_eq!(
        results(&app.post(&path, &token, body).await.expect(200).json())[0],
        "unchanged"
    );
    // One row of the trail and one event per client that changed.
    for table in [
        "audit_log where action = 'client.added'",
        "outbox where event = 'systemuser_client_added'",
    ] {
        assert_eq!(
            app.count(&format!("select count(*) from {table}")).await,
            1,
            "{table}"
        );
    }
    let body = json!({"action": "REMOVE", "clients": [known, stranger, unknown]});
    let answer = app.post(&path, &token, body).await.expect(200).json();
    assert_eq!(results(&answer), ["removed", "unchanged", "unchanged"]);
    assert_eq!(
        app.decide_system_user(
            who::TALLKNUSEREN_AGENT,
            "read",
            "mva-melding",
            who::TINDEVANDRER
        )
        .await,
        "NotApplicable"
    );
}

#[tokio::test]
async fn all_or_none_by_choice() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", SCOPES)],
        )
        .await;
    let path = format!("{BATCH}?agent={}", who::TALLKNUSEREN_AGENT);
    let (known, stranger) = (
        uuid_of(&app, who::TINDEVANDRER).await,
        uuid_of(&app, who::HAVBLIKK).await,
    );
    let before = delegated(&app, &token).await;
    let body = json!({"action": "add", "mode": "all", "clients": [known, stranger]});
    let answer = post_with_key(&app, &path, &token, "k", &body)
        .await
        .expect(422)
        .json();
    assert_eq!(
        (results(&answer), &answer["committed"], &answer["done"]),
        (vec!["notDone", "refused"], &json!(false), &json!(0))
    );
    assert_eq!(delegated(&app, &token).await, before);
    assert_eq!(
        app.count("select count(*) from audit_log where action = 'client.added'")
            .await,
        0
    );
    // What was refused did not use the key up.
    let body = json!({"action": "add", "mode": "all", "clients": [known]});
    let first = post_with_key(&app, &path, &token, "k", &body)
        .await
        .expect(200);
    let again = post_with_key(&app, &path, &token, "k", &body)
        .await
        .expect(200);
    assert_eq!(
        (first.text, again.header("idempotency-replayed")),
        (again.text.clone(), "true")
    );
    assert_eq!(
        results(&again.json()),
        ["added"],
        "the answer of then, not of now"
    );
}

#[tokio::test]
async fn what_cannot_be_a_batch() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", SCOPES)],
        )
        .await;
    let path = format!("{BATCH}?agent={}", who::TALLKNUSEREN_AGENT);
    let one = json!([Uuid::new_v4()]);
    for (body, key) in [
        (json!({"clients": one}), "Action"),
        (json!({"action": "move", "clients": one}), "$.action"),
        (json!({"action": "add", "clients": []}), "Clients"),
        (json!({"action": "add"}), "$"),
        (json!({"action": "add", "clients": ["x"]}), "Clients[0]"),
        (
            json!({"action": "add", "mode": "some", "clients": one}),
            "$.mode",
        ),
        (
            json!({"action": "add", "clients": vec![Uuid::new_v4(); 1_001]}),
            "$",
        ),
    ] {
        let keys = app.post(&path, &token, body).await.error_keys();
        assert!(keys.contains(&key.to_owned()), "{key}: {keys:?}");
    }
    let body = json!({"action": "add", "clients": one});
    assert_eq!(
        app.post(BATCH, &token, body.clone())
            .await
            .validation_codes(),
        ["AUTH.VLD-00014"]
    );
    let standard = format!("{BATCH}?agent={}", who::TINDEVANDRER_USER);
    assert_eq!(
        app.post(&standard, &token, body.clone())
            .await
            .validation_codes(),
        ["AUTH.VLD-00015"]
    );
    let reader = app
        .token(
            "GetPersonalToken",
            &[
                ("pid", who::RANDI),
                ("scopes", "altinn:clientdelegations.read"),
            ],
        )
        .await;
    app.post(&path, &reader, body.clone()).await.expect(403);
    let stranger = app
        .token(
            "GetPersonalToken",
            &[("pid", who::ODDNY), ("scopes", SCOPES)],
        )
        .await;
    app.post(&path, &stranger, body.clone()).await.expect(403);
    require(&app, &[]).await;
    assert_eq!(
        app.post(&path, &token, body).await.expect(400).code(),
        "AUTH-00063"
    );
}

/// Follows a list page by page; names and numbers in order.
async fn walk(app: &TestApp, token: &str, path: &str) -> Vec<String> {
    let mut next = path.to_owned();
    let mut out = Vec::new();
    loop {
        let page = app.get(&next, token).await.expect(200).json();
        out.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| format!("{} {}", c["clientOrganizationName"], c["clientId"])),
        );
        match page["links"].get("next") {
            Some(link) => link
                .as_str()
                .unwrap()
                .strip_prefix(&app.base)
                .unwrap()
                .clone_into(&mut next),
            None => return out,
        }
    }
}

#[tokio::test]
async fn pages_hold_what_the_whole_list_holds() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", SCOPES)],
        )
        .await;
    let agent = who::TALLKNUSEREN_AGENT;
    let path = |list: &str, rest: &str| format!("{ENDUSER}/{list}?agent={agent}{rest}");
    for list in ["clients", "clients/available"] {
        let whole = walk(&app, &token, &path(list, "")).await;
        assert!(whole.len() > 1);
        for limit in [1, 2, 1_000] {
            assert_eq!(
                walk(&app, &token, &path(list, &format!("&limit={limit}"))).await,
                whole,
                "{list} by {limit}"
            );
        }
        for limit in ["0", "1001", "x", "-1"] {
            assert_eq!(
                app.get(&path(list, &format!("&limit={limit}")), &token)
                    .await
                    .error_keys(),
                ["limit"]
            );
        }
        assert_eq!(
            app.get(&path(list, "&limit=5&token=x"), &token)
                .await
                .error_keys(),
            ["token"]
        );
    }
}

#[tokio::test]
async fn pages_of_a_large_provider_hold_what_the_whole_list_holds() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", SCOPES)],
        )
        .await;
    let agent = who::TALLKNUSEREN_AGENT;
    // Names that repeat, so that the uuid decides; a tenth has another role, which gives the agent
    // nothing.
    app.run_sql(
        "with made as (
           insert into party (uuid, kind, org_number, name, source)
           select gen_random_uuid(), 'organization', (800000000 + n)::text, 'KUNDE ' || n / 3, 'test' from generate_series(1, 11500) n returning key, org_number)
         insert into register_role (from_key, role_id, to_key, source)
         select m.key, r.key, p.key, 'test' from made m, party p, role r
         where p.org_number = '390784554' and r.code = case when m.org_number::int % 10 = 0 then 'revisor' else 'regnskapsforer' end",
    )
    .await;
    app.run_sql(
        "with handed as (
           insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
           select gen_random_uuid(), a.key, r.to_key, r.from_key, r.role_id, 'test' from register_role r, party a
           where r.source = 'test' and a.uuid = '05042226-1aa3-5372-87bc-b03f76163fdf' returning id, client_key)
         insert into client_delegation_package (delegation_id, package_id, basis)
         select h.id, k.key, 'role-package' from handed h, package k
         where k.urn = 'urn:altinn:accesspackage:regnskapsforer-lonn' and h.client_key % 5 <> 0",
    )
    .await;
    for (list, least) in [("clients", 9_000), ("clients/available", 10_000)] {
        let path = format!("{ENDUSER}/{list}?agent={agent}");
        let whole = walk(&app, &token, &path).await;
        assert!(whole.len() > least, "{list}: {}", whole.len());
        assert_eq!(
            walk(&app, &token, &format!("{path}&limit=777")).await,
            whole,
            "{list}"
        );
    }
}

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
    Gives(usize, &'static [&'static str]),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS.len();
    prop_oneof![
        6 => client.clone().prop_map(Step::Add),
        2 => client.clone().prop_map(Step::Remove),
        1 => Just(Step::AddAll),
        1 => Just(Step::RemoveAll),
        2 => client.clone().prop_map(Step::RoleEnds),
        3 => client.clone().prop_map(Step::RoleBegins),
        6 => (client, prop::sample::select(vec![&["skatt-naering"][..], &["skatt-naering", "pensjon"], &["pensjon"], &[]]))
            .prop_map(|(client, packages)| Step::Gives(client, packages)),
    ]
}

/// What rests on the register role, and what on the client's own gift.
const BY_ROLE: &str = "regnskapsforer-lonn";
const BY_GIFT: &str = "skatt-naering";

/// One client as the rules say, computed from scratch.
#[derive(Debug, Clone, Default)]
struct Expected {
    has_role: bool,
    gifts: BTreeSet<&'static str>,
    handed: BTreeSet<&'static str>,
}

impl Expected {
    /// Code of the refusal, if any.
    fn add(&mut self) -> Option<&'static str> {
        match (self.has_role, self.gifts.contains(BY_GIFT)) {
            (true, true) => {
                self.handed.extend([BY_ROLE, BY_GIFT]);
                None
            }
            (false, false) => Some("AUTH-00079"),
            _ => Some("AUTH-00080"),
        }
    }
}

#[tokio::test]
async fn decisions_follow_any_sequence_of_steps() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", SCOPES)],
        )
        .await;
    require(&app, &[BY_ROLE, BY_GIFT]).await;
    app.run_sql("delete from client_delegation").await;
    let mut uuids = Vec::new();
    for client in CLIENTS {
        uuids.push(uuid_of(&app, client).await);
    }
    let mut expected: BTreeMap<&str, Expected> = CLIENTS
        .iter()
        .map(|c| {
            (
                *c,
                Expected {
                    has_role: true,
                    ..Expected::default()
                },
            )
        })
        .collect();
    let role = async |client: &str, op: &str| {
        let mut options = options(
            Kind::Roles,
            file(ndjson(&[
                json!({"from": client, "role": "REGN", "toOrg": TALLKNUSEREN, "op": op}),
            ])),
        );
        (options.mode, options.source) = (Mode::Delta, "sandbox".to_owned());
        assert_eq!(import(&app, &options).await.unwrap().refused, None);
    };
    let gift = async |client: &str, packages: &[&str]| {
        let urns: Vec<String> = packages
            .iter()
            .map(|p| format!("urn:altinn:accesspackage:{p}"))
            .collect();
        let mut options = options(
            Kind::Rightholders,
            file(ndjson(&[
                json!({"from": client, "toOrg": TALLKNUSEREN, "accessPackages": urns, "rights": []}),
            ])),
        );
        options.mode = Mode::Delta;
        assert_eq!(import(&app, &options).await.unwrap().refused, None);
    };
    let single = |client: usize| {
        format!(
            "{ENDUSER}/clients?agent={}&client={}",
            who::TALLKNUSEREN_AGENT,
            uuids[client]
        )
    };
    let batch = format!("{BATCH}?agent={}", who::TALLKNUSEREN_AGENT);
    let mut runner = TestRunner::default();
    let mut steps = Vec::new();
    for _ in 0..90 {
        let next = step().new_tree(&mut runner).unwrap().current();
        steps.push(next.clone());
        match next {
            Step::Add(c) => {
                let answer = app.post_empty(&single(c), &token).await;
                let refusal = (answer.status != 200).then(|| answer.code());
                assert_eq!(
                    refusal.as_deref(),
                    expected.get_mut(CLIENTS[c]).unwrap().add(),
                    "{steps:?}"
                );
            }
            Step::Remove(c) => {
                app.delete(&single(c), &token).await.expect(200);
                expected.get_mut(CLIENTS[c]).unwrap().handed.clear();
            }
            Step::AddAll => {
                let answer = app
                    .post(&batch, &token, json!({"action": "add", "clients": uuids}))
                    .await
                    .expect(200)
                    .json();
                for (index, client) in CLIENTS.iter().enumerate() {
                    let refusal = answer["results"][index]["problem"]["code"].as_str();
                    assert_eq!(
                        refusal,
                        expected.get_mut(client).unwrap().add(),
                        "{steps:?}"
                    );
                }
            }
            Step::RemoveAll => {
                app.post(
                    &batch,
                    &token,
                    json!({"action": "remove", "clients": uuids}),
                )
                .await
                .expect(200);
                for client in expected.values_mut() {
                    client.handed.clear();
                }
            }
            Step::RoleEnds(c) => {
                role(CLIENTS[c], "end").await;
                let client = expected.get_mut(CLIENTS[c]).unwrap();
                client.has_role = false;
                client.handed.remove(BY_ROLE);
            }
            Step::RoleBegins(c) => {
                role(CLIENTS[c], "add").await;
                expected.get_mut(CLIENTS[c]).unwrap().has_role = true;
            }
            Step::Gives(c, packages) => {
                gift(CLIENTS[c], packages).await;
                let client = expected.get_mut(CLIENTS[c]).unwrap();
                client.gifts = packages.iter().copied().collect();
                if !client.gifts.contains(BY_GIFT) {
                    client.handed.remove(BY_GIFT);
                }
            }
        }
        for (client, e) in &expected {
            for (package, resource) in [(BY_ROLE, "a-melding"), (BY_GIFT, "skattemelding-naering")]
            {
                let decided = app
                    .decide_system_user(who::TALLKNUSEREN_AGENT, "read", resource, client)
                    .await;
                let right = if e.handed.contains(package) {
                    "Permit"
                } else {
                    "NotApplicable"
                };
                assert_eq!(decided, right, "{client} {package} after {steps:?}");
            }
        }
        let listed: BTreeSet<String> = expected
            .iter()
            .filter(|(_, e)| !e.handed.is_empty())
            .map(|(c, _)| (*c).to_owned())
            .collect();
        assert_eq!(delegated(&app, &token).await, listed, "{steps:?}");
    }
    // Whoever followed the events knows the same.
    for (client, uuid) in CLIENTS.iter().zip(&uuids) {
        let last = format!(
            "select coalesce((select event from outbox where payload->>'client' = '{uuid}' order by xact desc, seq desc limit 1),
               'systemuser_client_removed')"
        );
        let told = app.sql_text(&last).await == "systemuser_client_added";
        assert_eq!(
            told,
            !expected[client].handed.is_empty(),
            "{client} after {steps:?}"
        );
    }
    let party = app
        .count(&format!(
            "select party_id::bigint from party where org_number = '{TALLKNUSEREN}'"
        ))
        .await;
    let delete = format!(
        "/authentication/api/v1/systemuser/agent/{party}/{}?facilitatorId={}",
        who::TALLKNUSEREN_AGENT,
        uuid_of(&app, TALLKNUSEREN).await
    );
    app.delete(&delete, &app.person(who::RANDI).await)
        .await
        .expect(200);
    for client in CLIENTS {
        assert_eq!(
            app.decide_system_user(who::TALLKNUSEREN_AGENT, "read", "a-melding", client)
                .await,
            "NotApplicable"
        );
    }
}
