//! The resource registry: describing resources, uploading policies, and reading what they say.

use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::support::{Answer, ByHand as _, TestApp, who};

const BASE: &str = "/resourceregistry/api/v1/resource";
const WRITE: &str = "altinn:resourceregistry/resource.write";
const ADMIN: &str = "altinn:resourceregistry/resource.admin";
const FOK: &str = "390055927";

pub fn resource(id: &str) -> Value {
    let texts = json!({"nb": "Fangst", "nn": "Fangst", "en": "Catch"});
    json!({
        "Identifier": id, "title": texts, "description": texts, "rightDescription": texts, "resourceType": "genericAccessResource",
        "hasCompetentAuthority": {"name": texts, "organization": who::SAV, "orgcode": "sav"}, "contactPoints": [],
        "keywords": [{"word": "Torsk", "language": "nb"}], "availableForType": ["company"], "spatial": null, "unknown": 1,
        "resourceReferences": [{"referenceSource": "externalplatform", "referenceType": "uri", "reference": "https://fisk.example"}],
        "authorizationReference": [{"id": "x", "value": "y"}], "versionId": 77,
    })
}

pub fn policy(id: &str, packages: &[&str]) -> String {
    let matched = |function: &str, value: &str, attribute: &str, category: &str| {
        format!(
            r#"<AllOf><Match MatchId="urn:oasis:names:tc:xacml:{function}"><AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">{value}</AttributeValue><AttributeDesignator AttributeId="{attribute}" Category="urn:oasis:names:tc:xacml:{category}" DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="false"/></Match></AllOf>"#
        )
    };
    let subjects: String = packages
        .iter()
        .map(|p| {
            matched(
                "3.0:function:string-equal-ignore-case",
                p,
                "urn:altinn:accesspackage",
                "1.0:subject-category:access-subject",
            )
        })
        .collect();
    let resource = matched(
        "1.0:function:string-equal",
        id,
        "urn:altinn:resource",
        "3.0:attribute-category:resource",
    );
    let action = matched(
        "1.0:function:string-equal",
        "read",
        "urn:oasis:names:tc:xacml:1.0:action:action-id",
        "3.0:attribute-category:action",
    );
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:{id}" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides">
 <Target/>
 <Rule RuleId="urn:altinn:ruleid:1" Effect="Permit"><Target><AnyOf>{subjects}</AnyOf><AnyOf>{resource}</AnyOf><AnyOf>{action}</AnyOf></Target></Rule>
</Policy>"#
    )
}

pub async fn upload(app: &TestApp, token: &str, id: &str, field: &str, xml: &str) -> Answer {
    let form = Form::new().part(
        field.to_owned(),
        Part::text(xml.to_owned()).file_name("policy.xml"),
    );
    let request = app
        .http
        .post(format!("{}{BASE}/{id}/policy", app.base))
        .bearer_auth(token)
        .multipart(form);
    let answer = request.send().await.expect("the service answers");
    Answer::to(&Method::POST, answer).await
}

async fn read(app: &TestApp, path: &str) -> Answer {
    app.send(Method::GET, path, None, None).await
}

pub async fn owner(app: &TestApp) -> String {
    app.organization(who::SAV, WRITE).await
}

#[tokio::test]
async fn a_resource_is_described_read_changed_and_removed() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let created = app
        .post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(201);
    assert_eq!(
        (created.header("location"), created.text.as_str()),
        ("/resourceregistry/api/v1/resource/sav-fangst", "")
    );
    let found = read(&app, &format!("{BASE}/sav-fangst"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        found["authorizationReference"],
        json!([{"id": "urn:altinn:resource", "value": "sav-fangst"}])
    );
    assert_eq!(
        (
            &found["resourceType"],
            &found["delegable"],
            &found["availableForType"]
        ),
        (
            &json!("GenericAccessResource"),
            &json!(true),
            &json!(["Company"])
        )
    );
    assert_eq!(
        found["resourceReferences"][0]["referenceSource"],
        "ExternalPlatform"
    );
    assert!(found.get("spatial").is_none() && found.get("unknown").is_none());
    let first = found["versionId"].as_i64().unwrap();
    assert_ne!(first, 77);

    let mut changed = resource("sav-fangst");
    changed["status"] = json!("Active");
    let answer = app
        .send(
            Method::PUT,
            &format!("{BASE}/sav-fangst"),
            Some(&token),
            Some(changed),
        )
        .await
        .expect(200);
    assert_eq!(answer.text, "");
    let latest = read(&app, &format!("{BASE}/sav-fangst/")).await.json();
    assert!(latest["versionId"].as_i64().unwrap() > first && latest["status"] == "Active");
    let old = read(&app, &format!("{BASE}/sav-fangst?versionId={first}"))
        .await
        .expect(200)
        .json();
    assert!(old.get("status").is_none());
    read(&app, &format!("{BASE}/sav-fangst?versionId=1"))
        .await
        .expect(404);
    assert_eq!(
        read(&app, &format!("{BASE}/sav-fangst?versionId=x"))
            .await
            .error_keys(),
        ["versionId"]
    );

    assert_eq!(
        app.post(BASE, &token, resource("sav-fangst"))
            .await
            .expect(409)
            .json(),
        json!("The Resource already exist")
    );
    app.delete(&format!("{BASE}/sav-fangst"), &token)
        .await
        .expect(204);
    read(&app, &format!("{BASE}/sav-fangst")).await.expect(404);
    app.delete(&format!("{BASE}/sav-fangst"), &token)
        .await
        .expect(404);
    // The name is not given away again.
    app.post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(409);
}

#[tokio::test]
async fn only_the_owner_writes() {
    let app = TestApp::start().await;
    let (sav, fok, admin) = (
        owner(&app).await,
        app.organization(FOK, WRITE).await,
        app.organization(FOK, ADMIN).await,
    );
    app.send(Method::POST, BASE, None, Some(resource("sav-fangst")))
        .await
        .expect(401);
    app.post(
        BASE,
        &app.organization(who::SAV, "altinn:resourceregistry/resource.read")
            .await,
        resource("sav-fangst"),
    )
    .await
    .expect(403);
    app.post(BASE, &fok, resource("sav-fangst"))
        .await
        .expect(403);
    app.post(BASE, &admin, resource("sav-fangst"))
        .await
        .expect(201);
    let path = format!("{BASE}/sav-fangst");
    // Taking a resource over by writing one's own number into it.
    let mut stolen = resource("sav-fangst");
    stolen["hasCompetentAuthority"]["organization"] = json!(FOK);
    app.send(Method::PUT, &path, Some(&fok), Some(stolen.clone()))
        .await
        .expect(403);
    app.send(Method::PUT, &path, Some(&sav), Some(stolen))
        .await
        .expect(403);
    app.delete(&path, &fok).await.expect(403);
    upload(
        &app,
        &fok,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["lonn"]),
    )
    .await
    .expect(403);
    upload(
        &app,
        &sav,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["lonn"]),
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn findings_come_by_member() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let mut body = resource("X");
    body["title"] = json!({"nb": "a"});
    body["hasCompetentAuthority"]["organization"] = json!("");
    body["resourceType"] = json!("MaskinportenSchema");
    let answer = app.post(BASE, &token, body).await;
    assert_eq!(
        answer.error_keys(),
        [
            "Identifier",
            "HasCompetentAuthority.Organization",
            "ResourceReferences",
            "Title"
        ]
    );
    for sentence in [
        "Missing title in english en",
        "Missing title in nynorsk nn",
        "Missing maskinporten scopen for MaskinportenSchema resource",
    ] {
        assert!(
            answer.text.contains(sentence),
            "{sentence}: {}",
            answer.text
        );
    }
    for (member, value, key) in [
        ("resourceType", json!("Noe"), "$.resourceType"),
        ("delegable", json!("true"), "$.delegable"),
        ("title", json!([]), "$.title"),
    ] {
        let mut body = resource("sav-fangst");
        body[member] = value;
        assert!(
            app.post(BASE, &token, body)
                .await
                .error_keys()
                .contains(&key.to_owned())
        );
    }
    app.post(BASE, &token, json!({})).await.expect(400);
    let other = app
        .send(
            Method::PUT,
            &format!("{BASE}/kravogbetaling"),
            Some(&token),
            Some(resource("sav-fangst")),
        )
        .await
        .expect(400);
    assert!(other.json().is_string());
    app.send(
        Method::PUT,
        &format!("{BASE}/finnes-ikke"),
        Some(&token),
        Some(resource("finnes-ikke")),
    )
    .await
    .expect(404);
}

#[tokio::test]
async fn a_scope_needs_its_prefix() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let mut body = resource("sav-schema");
    body["resourceType"] = json!("MaskinportenSchema");
    body["resourceReferences"] =
        json!([{"referenceType": "MaskinportenScope", "reference": "sav:fangst"}]);
    let answer = app.post(BASE, &token, body.clone()).await.expect(401);
    assert_eq!(
        answer.problem()["errors"]["InvalidPrefix"],
        json!(["sav:fangst"])
    );
    app.post(BASE, &app.organization(who::SAV, ADMIN).await, body)
        .await
        .expect(201);
}

#[tokio::test]
async fn a_policy_counts_from_the_next_decision_on() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    app.post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(201);
    let decide = async |app: &TestApp| {
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "read",
            "sav-fangst",
            who::TINDEVANDRER,
        )
        .await
    };
    assert_eq!(decide(&app).await, "Indeterminate");
    read(&app, &format!("{BASE}/sav-fangst/policy"))
        .await
        .expect(404);

    let xml = policy("sav-fangst", &["lonn"]);
    let answer = upload(&app, &token, "sav-fangst", "policyFile", &xml)
        .await
        .expect(201);
    assert_eq!(
        (answer.header("location"), answer.text.as_str()),
        ("sav-fangst/policy", "")
    );
    assert_eq!(decide(&app).await, "Permit");
    let stored = read(&app, &format!("{BASE}/sav-fangst/policy"))
        .await
        .expect(200);
    assert_eq!(
        (stored.text.as_str(), stored.header("content-type")),
        (xml.as_str(), "text/xml")
    );
    assert_eq!(
        stored.header("content-disposition"),
        "attachment; filename=policy.xml"
    );

    let subjects = read(&app, &format!("{BASE}/sav-fangst/policy/subjects"))
        .await
        .json();
    assert_eq!(
        subjects,
        json!({"links": {}, "data": [{"type": "urn:altinn:accesspackage", "value": "lonn", "urn": "urn:altinn:accesspackage:lonn"}]})
    );
    upload(
        &app,
        &token,
        "sav-fangst",
        "PolicyFile",
        &policy("sav-fangst", &["jordbruk", "Fiske"]),
    )
    .await
    .expect(201);
    assert_eq!(decide(&app).await, "NotApplicable");
    let by = app
        .send(
            Method::POST,
            &format!("{BASE}/bysubjects/"),
            None,
            Some(json!(["urn:altinn:accesspackage:FISKE", "urn:altinn:x:y"])),
        )
        .await
        .json();
    let mine = &by["data"][0];
    assert_eq!(
        (
            by["data"].as_array().unwrap().len(),
            &mine["subject"]["value"]
        ),
        (1, &json!("fiske"))
    );
    assert!(
        mine["resources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["urn"] == "urn:altinn:resource:sav-fangst")
    );
    app.delete(&format!("{BASE}/sav-fangst"), &token)
        .await
        .expect(204);
    assert_eq!(decide(&app).await, "Indeterminate");
}

#[tokio::test]
async fn what_is_no_policy_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    app.post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(201);
    let good = policy("sav-fangst", &["lonn"]);
    upload(&app, &token, "sav-fangst", "policyFile", &good)
        .await
        .expect(201);
    let refused = async |field: &str, xml: &str, said: &str| {
        let answer = upload(&app, &token, "sav-fangst", field, xml)
            .await
            .expect(400);
        let text = answer.json();
        assert!(text.as_str().unwrap().contains(said), "{text}");
    };
    refused("file", &good, "can not be null").await;
    refused("policyFile", "", "can not be null").await;
    refused("policyFile", "<Policy", "Policy not accepted").await;
    refused(
        "policyFile",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><Policy/>",
        "Policy not accepted",
    )
    .await;
    refused(
        "policyFile",
        &policy("noe-annet", &["lonn"]),
        "Policy not accepted: Contains rules for a different registry resource",
    )
    .await;
    refused(
        "policyFile",
        &good.replace("urn:altinn:resource\"", "urn:annet\""),
        "Policy not accepted: Contains rule without reference to registry resource id",
    )
    .await;
    refused(
        "policyFile",
        &policy("sav-fangst", &["tilgangsstyrer"]),
        "tilgangsstyrer",
    )
    .await;
    // The reason names the line.
    refused(
        "policyFile",
        &good.replace("1.0:function:string-equal", "1.0:function:string-like"),
        "line 4",
    )
    .await;
    assert_eq!(
        read(&app, &format!("{BASE}/sav-fangst/policy")).await.text,
        good
    );

    let unknown = upload(&app, &token, "finnes-ikke", "policyFile", &good)
        .await
        .expect(400);
    assert_eq!(unknown.json(), json!("Unknown resource"));
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &"x".repeat(2 * 1024 * 1024 + 1),
    )
    .await
    .expect(413);
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &"x".repeat(17 * 1024 * 1024),
    )
    .await
    .expect(413);
    app.post(&format!("{BASE}/sav-fangst/policy"), &token, json!({}))
        .await
        .expect(415);
}

#[tokio::test]
async fn a_policy_is_taken_apart() {
    let app = TestApp::start().await;
    let rules = read(&app, &format!("{BASE}/kravogbetaling/policy/rules"))
        .await
        .expect(200)
        .json();
    let rule = rules
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["subject"][0]["value"] == "krav-og-utlegg")
        .unwrap_or(&rules[0]);
    assert_eq!(
        rule["action"]["type"],
        "urn:oasis:names:tc:xacml:1.0:action:action-id"
    );
    assert_eq!(
        rule["resource"][0],
        json!({"type": "urn:altinn:resource", "value": "kravogbetaling"})
    );
    let rights = read(&app, &format!("{BASE}/kravogbetaling/policy/rights"))
        .await
        .json();
    let right = &rights[0];
    assert!(
        right["rightKey"]
            .as_str()
            .unwrap()
            .split(';')
            .nth(2)
            .unwrap()
            .len()
            == 32
            && !right["subjects"].as_array().unwrap().is_empty()
    );
    assert!(
        right["subjectTypes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|t| t == "urn:altinn:accesspackage")
    );
    // The names of an app's rights contain their part of it in brackets.
    let named = |language: &'static str| {
        let request = app.http.get(format!(
            "{}/resourceregistry/api/v2/resource/app_fok_endring-av-navn/policy/rights",
            app.base
        ));
        async move {
            Answer::of(
                request
                    .header("accept-language", language)
                    .send()
                    .await
                    .unwrap(),
            )
            .await
            .expect(200)
            .json()
        }
    };
    let (nb, en) = (named("nb").await, named("en").await);
    let find = |list: &Value, action: &str| {
        list.as_array()
            .unwrap()
            .iter()
            .find(|r| r["action"]["value"] == action)
            .cloned()
            .unwrap_or_else(|| panic!("no {action} in {list}"))
    };
    assert!(
        find(&nb, "read")["name"]
            .as_str()
            .unwrap()
            .starts_with("Les")
    );
    assert!(
        find(&en, "read")["name"]
            .as_str()
            .unwrap()
            .starts_with("Read")
    );
    assert!(find(&nb, "read")["key"].as_str().unwrap().starts_with("01"));
    for part in ["subjects", "rules", "rights"] {
        read(&app, &format!("{BASE}/finnes-ikke/policy/{part}"))
            .await
            .expect(404);
    }
    read(
        &app,
        "/resourceregistry/api/v2/resource/finnes-ikke/policy/rights",
    )
    .await
    .expect(404);
}

#[tokio::test]
async fn lists_and_searches() {
    let app = TestApp::start().await;
    app.post(BASE, &owner(&app).await, resource("sav-fangst"))
        .await
        .expect(201);
    let ids = async |path: &str| -> Vec<String> {
        let list = read(&app, &format!("{BASE}/{path}"))
            .await
            .expect(200)
            .json();
        list.as_array()
            .unwrap()
            .iter()
            .map(|r| r["identifier"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = ids("resourcelist").await;
    assert!(
        all.is_sorted() && all.len() >= 60 && all.contains(&"app_fok_endring-av-navn".to_owned())
    );
    assert_eq!(
        ids("ResourceList?includeApps=false").await.len(),
        all.len() - 1
    );
    read(&app, &format!("{BASE}/resourcelist?includeApps=ja"))
        .await
        .expect(400);
    for query in [
        "id=FANGST",
        "title=catch",
        "keyword=TORSK",
        "reference=fisk.example",
        "description=fang&orgCode=SAV",
        "id=fangst&resourceType=genericaccessresource",
    ] {
        assert_eq!(
            ids(&format!("search?{query}")).await,
            ["sav-fangst"],
            "{query}"
        );
    }
    assert!(ids("search?id=fangst&orgCode=fok").await.is_empty());
    assert_eq!(
        ids(&format!("search?organizationId={}", who::SAV))
            .await
            .len(),
        17
    );
    assert_eq!(
        read(&app, &format!("{BASE}/search?resourceType=noe"))
            .await
            .error_keys(),
        ["ResourceType"]
    );
}

#[tokio::test]
async fn the_feed_of_subjects_loses_nothing() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let mut seen = Vec::new();
    let mut next = Some(format!("{}{BASE}/updated/?limit=7", app.base));
    while let Some(url) = next {
        let page = Answer::of(app.http.get(&url).send().await.unwrap())
            .await
            .expect(200)
            .json();
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        next = page["links"]["next"].as_str().map(str::to_owned);
    }
    let all = read(&app, &format!("{BASE}/updated")).await.json();
    assert_eq!(all["data"].as_array().unwrap(), &seen);
    assert!(seen.len() > 60);
    let last = seen.last().unwrap()["updatedAt"].as_str().unwrap();

    app.post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(201);
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["lonn"]),
    )
    .await
    .expect(201);
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["jordbruk"]),
    )
    .await
    .expect(201);
    let news = read(&app, &format!("{BASE}/updated?since={last}"))
        .await
        .json();
    let mine: Vec<_> = news["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["resourceUrn"] == "urn:altinn:resource:sav-fangst")
        .collect();
    assert_eq!(mine.len(), 2);
    assert_eq!(
        (&mine[0]["subjectUrn"], &mine[0]["deleted"]),
        (&json!("urn:altinn:accesspackage:lonn"), &json!(true))
    );
    assert_eq!(
        (&mine[1]["subjectUrn"], &mine[1]["deleted"]),
        (&json!("urn:altinn:accesspackage:jordbruk"), &json!(false))
    );
    for wrong in [
        "since=yesterday",
        "limit=0",
        "limit=1001",
        "token=abc",
        "since=2026-01-01T00:00:00Z&token=!",
    ] {
        read(&app, &format!("{BASE}/updated?{wrong}"))
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn an_access_list_decides_who_may_be_decided_about() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let mut body = resource("sav-fangst");
    body["accessListMode"] = json!("Enabled");
    app.post(BASE, &token, body).await.expect(201);
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["lonn"]),
    )
    .await
    .expect(201);
    let decide = async || {
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "read",
            "sav-fangst",
            who::TINDEVANDRER,
        )
        .await
    };
    assert_eq!(decide().await, "Deny");
    app.let_in_by_access_list("sav", "sav-fangst", who::TINDEVANDRER)
        .await;
    assert_eq!(decide().await, "Permit");
}

/// Identifiers of all changes after a token, by pages, and the last token.
async fn changes(app: &TestApp, token: Option<&str>, limit: usize) -> (Vec<String>, String) {
    let mut address = format!("{}{BASE}/changes?limit={limit}", app.base);
    let mut last = token.unwrap_or_default().to_owned();
    if !last.is_empty() {
        address = format!("{address}&token={last}");
    }
    let mut all = Vec::new();
    loop {
        let page = Answer::of(app.http.get(&address).send().await.unwrap())
            .await
            .expect(200)
            .json();
        let data = page["data"].as_array().unwrap();
        all.extend(
            data.iter()
                .map(|c| c["resourceId"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["links"]["next"].as_str() else {
            return (all, last);
        };
        let token = next
            .split("token=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap();
        token.clone_into(&mut last);
        next.clone_into(&mut address);
    }
}

#[tokio::test]
async fn each_resource_is_in_the_changes_once_at_its_latest() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let (all, _) = changes(&app, None, 7).await;
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all.len());
    assert!(all.contains(&"altinn_access_management".to_owned()));

    app.post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(201);
    app.post(BASE, &token, resource("sav-torsk"))
        .await
        .expect(201);
    let (still, _) = changes(&app, None, 1000).await;
    assert!(
        !still.contains(&"sav-fangst".to_owned()),
        "it has no policy yet"
    );
    for id in ["sav-fangst", "sav-torsk"] {
        upload(&app, &token, id, "policyFile", &policy(id, &["lonn"]))
            .await
            .expect(201);
    }
    let (both, _) = changes(&app, None, 1000).await;
    assert_eq!(both[both.len() - 2..], ["sav-fangst", "sav-torsk"]);
    // The same bytes again, and another description.
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["lonn"]),
    )
    .await
    .expect(201);
    let (moved, _) = changes(&app, None, 1000).await;
    assert_eq!(moved[moved.len() - 2..], ["sav-torsk", "sav-fangst"]);
    app.send(
        Method::PUT,
        &format!("{BASE}/sav-torsk"),
        Some(&token),
        Some(resource("sav-torsk")),
    )
    .await
    .expect(200);
    let (described, _) = changes(&app, None, 1000).await;
    assert_eq!(
        described[described.len() - 2..],
        ["sav-fangst", "sav-torsk"]
    );
    app.delete(&format!("{BASE}/sav-torsk"), &token)
        .await
        .expect(204);
    let (left, _) = changes(&app, None, 1000).await;
    assert_eq!(left.last().unwrap(), "sav-fangst");
}

#[tokio::test]
async fn a_follower_of_changes_goes_on_from_its_last_token() {
    let app = TestApp::start().await;
    let token = owner(&app).await;
    let (_, last) = changes(&app, None, 1).await;
    let (tail, _) = changes(&app, Some(&last), 1).await;
    assert_eq!(tail.len(), 1, "the last page has no link of its own");
    app.post(BASE, &token, resource("sav-fangst"))
        .await
        .expect(201);
    upload(
        &app,
        &token,
        "sav-fangst",
        "policyFile",
        &policy("sav-fangst", &["lonn"]),
    )
    .await
    .expect(201);
    let (news, _) = changes(&app, Some(&last), 1000).await;
    assert_eq!(news, [tail[0].as_str(), "sav-fangst"]);
}

#[tokio::test]
async fn the_limit_of_changes_is_checked() {
    let app = TestApp::start().await;
    for limit in [0, 1001] {
        let refused = read(&app, &format!("{BASE}/changes?limit={limit}")).await;
        let errors = refused.validation_errors();
        assert_eq!(errors[0]["code"], "RR.VLD-00011");
        assert_eq!(errors[0]["paths"], json!(["/$QUERY/limit"]));
        assert_eq!(
            errors[0]["detail"],
            format!("Limit must be between 1 and 1000, was {limit}.")
        );
    }
    assert_eq!(
        read(&app, &format!("{BASE}/changes?token=!"))
            .await
            .error_keys(),
        ["token"]
    );
    assert_eq!(
        read(&app, &format!("{BASE}/changes?limit=x"))
            .await
            .error_keys(),
        ["limit"]
    );
    let updated = read(&app, &format!("{BASE}/updated?limit=0")).await;
    let errors = updated.validation_errors();
    assert_eq!(
        (&errors[0]["code"], &errors[0]["paths"]),
        (&json!("RR.VLD-00008"), &json!([]))
    );
}

#[tokio::test]
async fn links_follow_the_host_that_was_called() {
    let app = TestApp::start().await;
    let host = app.base.replace("http://127.0.0.1", "localhost");
    for list in [
        "updated?since=2000-01-01T00:00:00Z&limit=1",
        "changes?limit=1",
    ] {
        let request = app
            .http
            .get(format!("{}{BASE}/{list}", app.base))
            .header("host", &host);
        let page = Answer::of(request.send().await.unwrap())
            .await
            .expect(200)
            .json();
        let next = page["links"]["next"].as_str().unwrap();
        assert!(next.starts_with(&format!("http://{host}/")), "{next}");
    }
}

#[tokio::test]
async fn the_owners_are_those_that_were_imported() {
    let app = TestApp::start().await;
    let orgs = read(&app, &format!("{BASE}/orgs")).await.json();
    assert_eq!(
        orgs["orgs"]["sav"],
        json!({"name": {"nb": "Skatte- og avgiftsverket", "nn": "Skatte- og avgiftsverket", "en": "Tax and Duty Agency"},
            "orgnr": "390028466", "environments": []})
    );
    assert!(orgs["orgs"].get("digdir").is_none());
}

#[tokio::test]
async fn the_graph_has_the_services_of_owners() {
    let app = TestApp::start().await;
    let graph = read(&app, &format!("{BASE}/export")).await;
    assert_eq!(graph.status, 200);
    assert_eq!(
        graph.header("content-type"),
        "application/xml+rdf; charset=utf-8"
    );
    assert!(
        graph
            .text
            .contains("/resourceRegistry/a-melding>\n  rdf:type cpsv:PublicService ;")
    );
    assert!(!graph.text.contains("altinn_access_management"));
}
