//! The form of every answer of the register, of requests, of system users and of clients: names and
//! types of the members of each success, and the whole of each problem. A client that reads them
//! breaks when one of these snapshots changes.

use std::fmt::Write as _;

use foundation::http::{ProblemCode, problem_body};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

/// Names and types, without values; of a list, the element that has most to show.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => items
            .iter()
            .map(shape)
            .max_by_key(|s| s.to_string().len())
            .map_or_else(|| json!([]), |richest| json!([richest])),
        // Texts by language and the like: the names are data.
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), shape(member)))
            .collect(),
    }
}

/// What was called, under a name without ids, and what came.
struct Log<'a> {
    app: &'a TestApp,
    lines: String,
}

impl Log<'_> {
    async fn call(
        &mut self,
        method: Method,
        name: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Value {
        let answer = self.app.send(method.clone(), path, Some(token), body).await;
        assert!(
            (200..300).contains(&answer.status),
            "{name}: {} {}",
            answer.status,
            answer.text
        );
        let body = serde_json::from_str::<Value>(&answer.text).unwrap_or(Value::Null);
        let shown = if answer.text.is_empty() {
            "no body".to_owned()
        } else {
            shape(&body).to_string()
        };
        writeln!(self.lines, "{method} {name}\n  {} {shown}", answer.status).unwrap();
        body
    }

    async fn get(&mut self, name: &str, path: &str, token: &str) -> Value {
        self.call(Method::GET, name, path, token, None).await
    }

    async fn post(&mut self, name: &str, path: &str, token: &str, body: Option<Value>) -> Value {
        self.call(Method::POST, name, path, token, body).await
    }
}

fn packages(names: &[&str]) -> Value {
    names
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect()
}

fn id_of(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_success_of_the_register() {
    let app = TestApp::start().await;
    let (vendor, portal) = (
        app.vendor(who::FJORDLONN).await,
        app.person(who::ODDNY).await,
    );
    let mut log = Log {
        app: &app,
        lines: String::new(),
    };
    let base = "/authentication/api/v1/systemregister";
    let system = json!({"id": "390198116_shape", "vendor": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
        "name": {"nb": "a", "nn": "b", "en": "c"}, "description": {"nb": "a", "nn": "b", "en": "c"},
        "rights": [{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}], "accessPackages": packages(&["lonn"]),
        "allowedRedirectUrls": ["https://a.example/"], "isVisible": true, "clientId": [Uuid::new_v4()]});
    log.post(
        "/systemregister/vendor",
        &format!("{base}/vendor"),
        &vendor,
        Some(system.clone()),
    )
    .await;
    log.get("/systemregister/vendor", &format!("{base}/vendor"), &vendor)
        .await;
    let own = format!("{base}/vendor/390198116_shape");
    log.get("/systemregister/vendor/{id}", &own, &vendor).await;
    log.get(
        "/systemregister/vendor/{id}/rights",
        &format!("{own}/rights"),
        &vendor,
    )
    .await;
    log.get(
        "/systemregister/vendor/{id}/accesspackages",
        &format!("{own}/accesspackages"),
        &vendor,
    )
    .await;
    log.get("/systemregister", base, &portal).await;
    log.get(
        "/systemregister/{id}",
        &format!("{base}/390198116_shape"),
        &portal,
    )
    .await;
    log.get(
        "/systemregister/{id}/rights",
        &format!("{base}/390198116_shape/rights"),
        &portal,
    )
    .await;
    log.get(
        "/systemregister/{id}/accesspackages",
        &format!("{base}/390198116_shape/accesspackages"),
        &portal,
    )
    .await;
    log.call(
        Method::PUT,
        "/systemregister/vendor/{id}",
        &own,
        &vendor,
        Some(system.clone()),
    )
    .await;
    log.call(
        Method::PUT,
        "/systemregister/vendor/{id}/rights",
        &format!("{own}/rights"),
        &vendor,
        Some(system["rights"].clone()),
    )
    .await;
    let list = system["accessPackages"].clone();
    log.call(
        Method::PUT,
        "/systemregister/vendor/{id}/accesspackages",
        &format!("{own}/accesspackages"),
        &vendor,
        Some(list),
    )
    .await;
    log.call(
        Method::DELETE,
        "/systemregister/vendor/{id}",
        &own,
        &vendor,
        None,
    )
    .await;
    log.get(
        "/systemregister/vendor/{id}/changelog",
        &format!("{own}/changelog"),
        &vendor,
    )
    .await;
    insta::assert_snapshot!("register", log.lines);
}

const R: &str = "/authentication/api/v1/systemuser/request";
const C: &str = "/authentication/api/v1/systemuser/changerequest";
const U: &str = "/authentication/api/v1/systemuser";
const PARTY: i32 = who::KERAMIKK_PARTY;

/// Who calls.
struct Scene {
    app: TestApp,
    vendor: String,
    oddny: String,
}

impl Scene {
    async fn start() -> Self {
        let app = TestApp::start().await;
        Self {
            vendor: app.vendor(who::FJORDLONN).await,
            oddny: app.person(who::ODDNY).await,
            app,
        }
    }
}

/// What Fjordlønn asks Keramikk for.
fn asked() -> Value {
    let mut body = request_body(who::KERAMIKK, &["a-ordning", "lonn"]);
    body["redirectUrl"] = json!("https://fjordlonn.example/kvittering");
    body["rights"] =
        json!([{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]);
    body
}

/// A system user of Keramikk at Fjordlønn; its id.
async fn approved(app: &TestApp, vendor: &str, oddny: &str) -> String {
    let path = format!("{R}/vendor");
    let id = id_of(&app.post(&path, vendor, asked()).await.expect(201).json());
    let path = format!("{R}/{PARTY}/{id}/approve");
    app.post_empty(&path, oddny).await.expect(200);
    id
}

#[tokio::test]
async fn every_success_of_requests() {
    let scene = Scene::start().await;
    let (app, vendor, oddny) = (&scene.app, &*scene.vendor, &*scene.oddny);
    let mut log = Log {
        app,
        lines: String::new(),
    };
    let body = asked();
    log.post(
        "/systembruker/api/v1/requests:check",
        "/systembruker/api/v1/requests:check",
        vendor,
        Some(body.clone()),
    )
    .await;
    let id = id_of(
        &log.post(
            "/request/vendor",
            &format!("{R}/vendor"),
            vendor,
            Some(body.clone()),
        )
        .await,
    );
    log.post(
        "/request/vendor, again",
        &format!("{R}/vendor"),
        vendor,
        Some(body),
    )
    .await;
    log.get("/request/vendor/{id}", &format!("{R}/vendor/{id}"), vendor)
        .await;
    let key = format!(
        "{}/{}/{}",
        who::FJORDLONN_SYSTEM,
        who::KERAMIKK,
        who::KERAMIKK
    );
    log.get(
        "/request/vendor/byexternalref/…",
        &format!("{R}/vendor/byexternalref/{key}"),
        vendor,
    )
    .await;
    log.get(
        "/request/vendor/bysystem/{id}",
        &format!("{R}/vendor/bysystem/{}", who::FJORDLONN_SYSTEM),
        vendor,
    )
    .await;
    log.get("/request/{party}/{id}", &format!("{R}/{PARTY}/{id}"), oddny)
        .await;
    log.get("/request/{id}", &format!("{R}/{id}"), oddny).await;
    log.get(
        "/request/{party}/{orgno}/pending",
        &format!("{R}/{PARTY}/{}/pending", who::KERAMIKK),
        oddny,
    )
    .await;
    log.post(
        "/request/{party}/{id}/escalate",
        &format!("{R}/{PARTY}/{id}/escalate"),
        oddny,
        None,
    )
    .await;
    log.post(
        "/request/{party}/{id}/approve",
        &format!("{R}/{PARTY}/{id}/approve"),
        oddny,
        None,
    )
    .await;

    let open = app.new_request(who::HAVBLIKK, &["lonn"]).await;
    log.call(
        Method::DELETE,
        "/request/vendor/{id}",
        &format!("{R}/vendor/{open}"),
        vendor,
        None,
    )
    .await;

    insta::assert_snapshot!("requests", log.lines);
}

#[tokio::test]
async fn every_success_of_system_users() {
    let scene = Scene::start().await;
    let (app, vendor, oddny) = (&scene.app, &*scene.vendor, &*scene.oddny);
    let mut log = Log {
        app,
        lines: String::new(),
    };
    let id = approved(app, vendor, oddny).await;
    log.get("/{party}", &format!("{U}/{PARTY}"), oddny).await;
    log.get("/{party}/{id}", &format!("{U}/{PARTY}/{id}"), oddny)
        .await;
    log.get(
        "/{party}/{id}/delegations",
        &format!("{U}/{PARTY}/{id}/delegations"),
        oddny,
    )
    .await;
    let query = format!(
        "{U}/vendor/byquery?system-id={}&orgno={}",
        who::FJORDLONN_SYSTEM,
        who::KERAMIKK
    );
    log.get("/vendor/byquery", &query, vendor).await;
    log.get(
        "/vendor/bysystem/{id}",
        &format!("{U}/vendor/bysystem/{}", who::FJORDLONN_SYSTEM),
        vendor,
    )
    .await;
    let lookup = app.organization(who::FJORDLONN, LOOKUP).await;
    let external = format!(
        "{U}/byExternalId?clientId={}&systemProviderOrgNo={}&systemUserOwnerOrgNo={}",
        who::FJORDLONN_CLIENT,
        who::FJORDLONN,
        who::KERAMIKK
    );
    log.get("/byExternalId", &external, &lookup).await;
    let internal = app
        .organization(who::FJORDLONN, "altinn:authentication/systemuser.admin")
        .await;
    log.get(
        "/internal/systemusers/stream",
        &format!("{U}/internal/systemusers/stream"),
        &internal,
    )
    .await;
    log.get(
        "/internal/systemusers/{id}",
        &format!("{U}/internal/systemusers/{id}"),
        &internal,
    )
    .await;
    let renamed = json!({"id": id, "partyId": PARTY.to_string(), "integrationTitle": "Nytt navn", "reporteeOrgNo": who::KERAMIKK, "systemId": "x"});
    log.call(Method::PUT, "/systemuser", U, oddny, Some(renamed))
        .await;

    log.call(
        Method::DELETE,
        "/{party}/{id}",
        &format!("{U}/{PARTY}/{id}"),
        oddny,
        None,
    )
    .await;
    let title = json!({"integrationTitle": "Lønn", "systemId": who::FJORDLONN_SYSTEM});
    log.post(
        "/{party}/create",
        &format!("{U}/{PARTY}/create"),
        oddny,
        Some(title),
    )
    .await;
    insta::assert_snapshot!("system_users", log.lines);
}

#[tokio::test]
async fn every_success_of_change_requests() {
    let scene = Scene::start().await;
    let (app, vendor, oddny) = (&scene.app, &*scene.vendor, &*scene.oddny);
    let mut log = Log {
        app,
        lines: String::new(),
    };
    let id = approved(app, vendor, oddny).await;
    let key = format!(
        "{}/{}/{}",
        who::FJORDLONN_SYSTEM,
        who::KERAMIKK,
        who::KERAMIKK
    );
    let change = Uuid::new_v4();
    let sets = json!({"unwantedAccessPackages": packages(&["lonn"]), "requiredAccessPackages": packages(&["pensjon"]),
        "unwantedRights": [{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}], "redirectUrl": "https://fjordlonn.example/kvittering"});
    let path = format!("{C}/vendor?correlation-id={change}&system-user-id={id}");
    log.post(
        "/changerequest/vendor, nothing",
        &path,
        vendor,
        Some(json!({})),
    )
    .await;
    log.post("/changerequest/vendor", &path, vendor, Some(sets))
        .await;
    log.get(
        "/changerequest/vendor/{id}",
        &format!("{C}/vendor/{change}"),
        vendor,
    )
    .await;
    log.get(
        "/changerequest/vendor/byexternalref/…",
        &format!("{C}/vendor/byexternalref/{key}"),
        vendor,
    )
    .await;
    log.get(
        "/changerequest/vendor/bysystem/{id}",
        &format!("{C}/vendor/bysystem/{}", who::FJORDLONN_SYSTEM),
        vendor,
    )
    .await;
    log.get(
        "/changerequest/{party}/{id}",
        &format!("{C}/{PARTY}/{change}"),
        oddny,
    )
    .await;
    log.get("/changerequest/{id}", &format!("{C}/{change}"), oddny)
        .await;
    log.get(
        "/changerequest/{party}/{orgno}/pending",
        &format!("{C}/{PARTY}/{}/pending", who::KERAMIKK),
        oddny,
    )
    .await;
    log.post(
        "/changerequest/{party}/{id}/approve",
        &format!("{C}/{PARTY}/{change}/approve"),
        oddny,
        None,
    )
    .await;
    log.call(
        Method::DELETE,
        "/changerequest/vendor/{id}",
        &format!("{C}/vendor/{change}"),
        vendor,
        None,
    )
    .await;
    insta::assert_snapshot!("changes", log.lines);
}

#[tokio::test]
async fn every_success_of_agents_and_their_clients() {
    let scene = Scene::start().await;
    let (app, oddny) = (&scene.app, &*scene.oddny);
    let mut log = Log {
        app,
        lines: String::new(),
    };
    let sky = app.vendor(who::SKYREGNSKAP).await;
    let body = json!({"systemId": "390184387_skyregnskap_byra", "partyOrgNo": who::KERAMIKK, "accessPackages": packages(&["regnskapsforer-lonn"])});
    let agent = id_of(
        &log.post(
            "/request/vendor/agent",
            &format!("{R}/vendor/agent"),
            &sky,
            Some(body),
        )
        .await,
    );
    log.get(
        "/request/vendor/agent/{id}",
        &format!("{R}/vendor/agent/{agent}"),
        &sky,
    )
    .await;
    let key = format!(
        "390184387_skyregnskap_byra/{}/{}",
        who::KERAMIKK,
        who::KERAMIKK
    );
    log.get(
        "/request/vendor/agent/byexternalref/…",
        &format!("{R}/vendor/agent/byexternalref/{key}"),
        &sky,
    )
    .await;
    log.get(
        "/request/vendor/agent/bysystem/{id}",
        &format!("{R}/vendor/agent/bysystem/390184387_skyregnskap_byra"),
        &sky,
    )
    .await;
    log.get(
        "/request/agent/{party}/{id}",
        &format!("{R}/agent/{PARTY}/{agent}"),
        oddny,
    )
    .await;
    log.get("/request/agent/{id}", &format!("{R}/agent/{agent}"), oddny)
        .await;
    log.post(
        "/request/agent/{party}/{id}/escalate",
        &format!("{R}/agent/{PARTY}/{agent}/escalate"),
        oddny,
        None,
    )
    .await;
    log.get(
        "/request/agent/{party}/{orgno}/pending",
        &format!("{R}/agent/{PARTY}/{}/pending", who::KERAMIKK),
        oddny,
    )
    .await;
    log.post(
        "/request/agent/{party}/{id}/approve",
        &format!("{R}/agent/{PARTY}/{agent}/approve"),
        oddny,
        None,
    )
    .await;
    log.get("/agent/{party}", &format!("{U}/agent/{PARTY}"), oddny)
        .await;
    let uuid = app.uuid_of(who::KERAMIKK).await;
    log.get(
        "/agent/{party}/{id}/self",
        &format!("{U}/agent/{PARTY}/{agent}/self?partyUuid={uuid}"),
        oddny,
    )
    .await;
    log.call(
        Method::DELETE,
        "/agent/{party}/{id}",
        &format!("{U}/agent/{PARTY}/{agent}?facilitatorId={uuid}"),
        oddny,
        None,
    )
    .await;
    insta::assert_snapshot!("agents", log.lines);
}

#[test]
fn every_problem() {
    let mut lines = String::new();
    for code in ProblemCode::ALL {
        let (status, body) = problem_body((*code).into());
        writeln!(lines, "{} {}", status.as_u16(), Value::Object(body)).unwrap();
    }
    insta::assert_snapshot!("problems", lines);
}
