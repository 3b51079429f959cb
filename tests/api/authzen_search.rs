//! Searches of `AuthZEN`: every hit would evaluate to true, and nothing that would is missing.

use serde_json::{Value, json};

use crate::support::*;

fn system_user(id: &str) -> Value {
    json!({"type": "systemuser", "id": id})
}

fn resource(id: &str, org: &str) -> Value {
    json!({"type": "resource", "id": id, "properties": {"organization": org}})
}

struct Searcher {
    app: TestApp,
    token: String,
}

impl Searcher {
    async fn start(scope: &str, extra: &[(&str, &str)]) -> Self {
        let app = TestApp::with(extra).await;
        let token = app.organization(who::SAV, scope).await;
        Self { app, token }
    }

    async fn search(&self, kind: &str, body: Value) -> Answer {
        self.app
            .post(&format!("/access/v1/search/{kind}"), &self.token, body)
            .await
    }

    async fn ids(&self, kind: &str, body: Value) -> Vec<String> {
        let found = self.search(kind, body).await.expect(200).json();
        let name = if kind == "action" { "name" } else { "id" };
        found["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r[name].as_str().unwrap().to_owned())
            .collect()
    }

    async fn evaluates(&self, subject: Value, action: &str, resource: Value) -> bool {
        let body = json!({"subject": subject, "action": {"name": action}, "resource": resource});
        self.app
            .post("/access/v1/evaluation", &self.token, body)
            .await
            .expect(200)
            .json()["decision"]
            == json!(true)
    }
}

const ADMIN: &str = "altinn:authorization/authorize.admin";

#[tokio::test]
async fn only_the_owner_may_search_subjects() {
    let s = Searcher::start(ADMIN, &[]).await;
    let body = json!({"subject": {"type": "systemuser"}, "action": {"name": "write"}, "resource": resource("a-melding", who::TINDEVANDRER)});
    let found = s.ids("subject", body.clone()).await;
    assert!(found.contains(&who::TINDEVANDRER_USER.to_owned()));
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(found, sorted);
    let all = s.app.user_ids().await;
    for id in all {
        let may = s
            .evaluates(
                system_user(&id),
                "write",
                resource("a-melding", who::TINDEVANDRER),
            )
            .await;
        assert_eq!(found.contains(&id), may, "{id}");
    }
    let foreign = s.app.organization(who::HAVBLIKK, AUTHORIZE).await;
    s.app
        .post("/access/v1/search/subject", &foreign, body.clone())
        .await
        .expect(403);
    let none = json!({"subject": {"type": "person"}, "action": {"name": "write"}, "resource": resource("a-melding", who::TINDEVANDRER)});
    assert!(s.ids("subject", none).await.is_empty());
    let unknown = json!({"subject": {"type": "systemuser"}, "action": {"name": "write"}, "resource": resource("no-such", who::TINDEVANDRER)});
    assert!(s.ids("subject", unknown).await.is_empty());
}

#[tokio::test]
async fn resources_and_parties_and_actions_are_those_that_evaluate_to_true() {
    let s = Searcher::start(ADMIN, &[]).await;
    let all = s.app.resource_ids().await;
    let body = json!({"subject": system_user(who::TINDEVANDRER_USER), "action": {"name": "write"},
        "resource": {"type": "resource", "properties": {"organization": who::TINDEVANDRER}}});
    let found = s.ids("resource", body).await;
    assert!(found.contains(&"a-melding".to_owned()));
    for id in all {
        let may = s
            .evaluates(
                system_user(who::TINDEVANDRER_USER),
                "write",
                resource(&id, who::TINDEVANDRER),
            )
            .await;
        assert_eq!(found.contains(&id), may, "{id}");
    }
    let body = json!({"subject": system_user(who::TINDEVANDRER_USER), "resource": resource("a-melding", who::TINDEVANDRER)});
    let actions = s.ids("action", body).await;
    assert!(actions.contains(&"write".to_owned()) && !actions.contains(&"sign".to_owned()));
    for action in &actions {
        assert!(
            s.evaluates(
                system_user(who::TINDEVANDRER_USER),
                action,
                resource("a-melding", who::TINDEVANDRER)
            )
            .await,
            "{action}"
        );
    }
    // Whom may an agent act for?
    let agent = system_user(who::TALLKNUSEREN_AGENT);
    let organizations = s.app.organization_numbers().await;
    let mut any = 0;
    for name in [
        "a-melding",
        "skattemelding",
        "inntektsmelding",
        "mva-melding",
    ] {
        let body = json!({"subject": agent, "action": {"name": "write"}, "resource": {"type": "party", "properties": {"resource": name}}});
        let found = s.ids("resource", body).await;
        for org in &organizations {
            let may = s
                .evaluates(agent.clone(), "write", resource(name, org))
                .await;
            assert_eq!(
                found.contains(&format!("urn:altinn:organization:identifier-no:{org}")),
                may,
                "{name} for {org}"
            );
            any += usize::from(may);
        }
    }
    assert!(any > 0, "the agent acts for a party");
    for (kind, body) in [
        (
            "resource",
            json!({"subject": system_user("unknown"), "action": {"name": "write"}, "resource": {"type": "resource", "properties": {"organization": who::TINDEVANDRER}}}),
        ),
        (
            "resource",
            json!({"subject": agent, "action": {"name": "write"}, "resource": {"type": "record"}}),
        ),
        (
            "action",
            json!({"subject": {"type": "robot", "id": "x"}, "resource": resource("a-melding", who::TINDEVANDRER)}),
        ),
        (
            "action",
            json!({"subject": agent, "resource": resource("no-such", who::TINDEVANDRER)}),
        ),
    ] {
        assert!(s.ids(kind, body.clone()).await.is_empty(), "{body}");
    }
}

/// Searches that name Tindevandrer's system user or the agent of Tallknuseren.
fn searches() -> [(&'static str, Value); 3] {
    [
        (
            "resource",
            json!({"subject": system_user(who::TINDEVANDRER_USER), "action": {"name": "write"},
                "resource": {"type": "resource", "properties": {"organization": who::TINDEVANDRER}}}),
        ),
        (
            "resource",
            json!({"subject": system_user(who::TALLKNUSEREN_AGENT), "action": {"name": "write"},
                "resource": {"type": "party", "properties": {"resource": "a-melding"}}}),
        ),
        (
            "action",
            json!({"subject": system_user(who::TINDEVANDRER_USER), "resource": resource("a-melding", who::TINDEVANDRER)}),
        ),
    ]
}

#[tokio::test]
async fn a_search_has_hits_on_resources_of_the_caller_alone() {
    let s = Searcher::start(AUTHORIZE, &[]).await;
    let owned = s.app.resources_of("sav").await;
    let [(kind, of_resources), ..] = searches();
    let found = s.ids(kind, of_resources.clone()).await;
    assert!(found.contains(&"a-melding".to_owned()));
    assert!(found.iter().all(|id| owned.contains(id)), "{found:?}");
    let admin = s.app.organization(who::SAV, ADMIN).await;
    let all = s
        .app
        .post("/access/v1/search/resource", &admin, of_resources)
        .await;
    let all = all.expect(200).json()["results"].as_array().unwrap().len();
    assert!(
        all > found.len(),
        "{all} of all, {} of its own",
        found.len()
    );
}

#[tokio::test]
async fn who_does_not_own_a_resource_finds_nothing_on_it() {
    let s = Searcher::start(AUTHORIZE, &[]).await;
    let foreign = s.app.organization(who::HAVBLIKK, AUTHORIZE).await;
    for (kind, body) in searches() {
        assert_ne!(s.ids(kind, body.clone()).await, Vec::<String>::new());
        let answer = s
            .app
            .post(&format!("/access/v1/search/{kind}"), &foreign, body)
            .await;
        assert_eq!(answer.expect(200).json()["results"], json!([]), "{kind}");
    }
}

#[tokio::test]
async fn a_search_is_read_page_by_page() {
    let s = Searcher::start(ADMIN, &[]).await;
    let body = |page: Value| {
        let mut body = json!({"subject": system_user(who::TINDEVANDRER_USER), "action": {"name": "write"},
            "resource": {"type": "resource", "properties": {"organization": who::TINDEVANDRER}}});
        body["page"] = page;
        body
    };
    let whole = s
        .search("resource", body(Value::Null))
        .await
        .expect(200)
        .json();
    assert!(whole.get("page").is_none(), "everything fits: {whole}");
    let whole = s.ids("resource", body(Value::Null)).await;
    assert!(whole.len() > 2);
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = if token.is_empty() {
            json!({"limit": 2})
        } else {
            json!({"token": token})
        };
        let answer = s.search("resource", body(page)).await.expect(200);
        assert!(
            answer.text.starts_with("{\"page\":"),
            "page comes first: {}",
            answer.text
        );
        let found = answer.json();
        assert_eq!(
            found["page"]["count"],
            found["results"].as_array().unwrap().len()
        );
        assert_eq!(found["page"]["total"], whole.len());
        seen.extend(
            found["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| r["id"].as_str().unwrap().to_owned()),
        );
        found["page"]["next_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut token);
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, whole, "each once, in order");
    let first = s
        .search("resource", body(json!({"limit": 2})))
        .await
        .expect(200)
        .json();
    let token = first["page"]["next_token"].as_str().unwrap();
    let mut other = body(json!({"token": token}));
    other["action"]["name"] = json!("read");
    s.search("resource", other).await.expect(400);
    s.search("resource", body(json!({"token": token, "limit": 3})))
        .await
        .expect(400);
    s.search("resource", body(json!({"token": format!("{token}x")})))
        .await
        .expect(400);
    let stranger = s.app.organization(who::HAVBLIKK, AUTHORIZE).await;
    s.app
        .post(
            "/access/v1/search/resource",
            &stranger,
            body(json!({"token": token})),
        )
        .await
        .expect(400);
    for wrong in [json!(7), json!({"limit": 0}), json!({"limit": "2"})] {
        s.search("resource", body(wrong)).await.expect(400);
    }
}

#[tokio::test]
async fn what_is_missing_is_said_in_plain_text() {
    let s = Searcher::start(AUTHORIZE, &[]).await;
    for (kind, body, expected) in [
        (
            "subject",
            json!({"subject": {}, "action": {"name": "a"}, "resource": {"type": "r", "id": "i"}}),
            "subject.type is required",
        ),
        (
            "subject",
            json!({"subject": {"type": "systemuser"}, "action": {"name": "a"}, "resource": {"type": "r"}}),
            "resource.id is required",
        ),
        (
            "resource",
            json!({"subject": {"type": "systemuser", "id": "x"}, "action": {"name": "a"}}),
            "resource is required",
        ),
        (
            "action",
            json!({"resource": {"type": "r", "id": "i"}}),
            "subject is required",
        ),
    ] {
        let answer = s.search(kind, body).await.expect(400);
        assert_eq!(
            (answer.text.as_str(), answer.header("content-type")),
            (expected, "text/plain; charset=utf-8")
        );
    }
}

#[tokio::test]
async fn the_world_of_the_certification_is_there_when_switched_on() {
    let s = Searcher::start(AUTHORIZE, &[("authzen.conformance_fixture", "true")]).await;
    let user = |id: &str| json!({"type": "user", "id": id});
    let record = |id: &str| json!({"type": "record", "id": id});
    assert!(
        s.evaluates(user("alice"), "write", record("record-1"))
            .await
    );
    assert!(!s.evaluates(user("bob"), "write", record("record-1")).await);
    let who = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": record("record-1")});
    assert_eq!(s.ids("subject", who).await, ["alice", "bob"]);
    let what = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": {"type": "record"}});
    assert_eq!(s.ids("resource", what).await, ["record-1"]);
    let actions = s
        .ids(
            "action",
            json!({"subject": user("alice"), "resource": record("record-1")}),
        )
        .await;
    assert_eq!(actions, ["read", "write"]);
    let admin = json!({"type": "user", "id": "bob", "properties": {"role": "admin"}});
    let of_admin =
        json!({"subject": admin, "action": {"name": "write"}, "resource": {"type": "record"}});
    assert_eq!(s.ids("resource", of_admin).await, ["record-2"]);
    // Our own questions are answered as before.
    assert!(
        s.evaluates(
            system_user(who::TINDEVANDRER_USER),
            "write",
            resource("a-melding", who::TINDEVANDRER)
        )
        .await
    );
    let off = Searcher::start(AUTHORIZE, &[]).await;
    assert!(
        !off.evaluates(user("alice"), "write", record("record-1"))
            .await
    );
}

#[tokio::test]
async fn the_searches_are_where_the_metadata_says() {
    let s = Searcher::start(AUTHORIZE, &[]).await;
    let metadata = s
        .app
        .get("/.well-known/authzen-configuration", &s.token)
        .await
        .expect(200)
        .json();
    for kind in ["subject", "resource", "action"] {
        assert_eq!(
            metadata[format!("search_{kind}_endpoint")],
            format!("{}/access/v1/search/{kind}", s.app.base)
        );
    }
}
