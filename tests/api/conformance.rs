//! The conformance cases of XACML through the HTTP face, and bodies that once troubled a parser.

use std::{fs, path::Path};

use serde_json::json;

use crate::support::*;

const DECISION: &str = "/authorization/api/v1/decision";
const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";
const RESOURCE_CATEGORY: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource";

struct Case {
    name: String,
    policy: String,
    request: String,
    expected: String,
}

/// Cases that the face can ask: one policy, one decision, a subject and a resource, and nothing
/// that the contract leaves out of requests (content, issuers).
fn cases() -> Vec<Case> {
    let dir =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/xacml/tests/conformance/xacml-3.0");
    let list = fs::read_to_string(dir.join("cases.tsv")).unwrap();
    let read = |name: &str, file: &str| fs::read_to_string(dir.join(name).join(file)).unwrap();
    let named = list
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|fields| fields[2] == "decide");
    named
        .map(|fields| Case {
            name: fields[0].to_owned(),
            policy: read(fields[0], "Policy.xml"),
            request: read(fields[0], "Request.xml"),
            expected: fields[3].to_owned(),
        })
        .filter(|case| {
            let is_policy = case.policy.contains("<Policy ")
                || case.policy.contains("<Policy\n")
                || case.policy.contains("<Policy\r");
            let root = case.policy.find("<PolicySet").is_none();
            let plain = !["AttributeSelector", "Issuer=", "xpath"]
                .iter()
                .any(|word| case.policy.contains(word));
            let request = case.request.contains("access-subject")
                && case.request.contains(RESOURCE_CATEGORY)
                && !case.request.contains("<Content");
            is_policy && root && plain && request
        })
        .collect()
}

/// The request with the name of a registry resource in it.
fn about(request: &str, identifier: &str) -> Option<String> {
    let category = request.find(&format!("Category=\"{RESOURCE_CATEGORY}\""))?;
    let end = category + request[category..].find('>')?;
    let attribute = format!(
        "<Attribute IncludeInResult=\"false\" AttributeId=\"urn:altinn:resource\"><AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#string\">{identifier}</AttributeValue></Attribute>"
    );
    if request[..end].ends_with('/') {
        return None;
    }
    Some(format!(
        "{}{attribute}{}",
        &request[..=end],
        &request[end + 1..]
    ))
}

#[tokio::test]
async fn the_conformance_cases_are_decided_alike_over_http() {
    let app = TestApp::with(&[("pdp.decision_open", "true")]).await;
    let cases = cases();
    assert!(cases.len() > 200, "{} cases", cases.len());
    for case in &cases {
        let identifier = format!("conformance-{}", case.name.to_lowercase());
        let document = json!({"identifier": identifier, "resourceType": "GenericAccessResource", "hasCompetentAuthority": {"organization": who::SAV, "orgcode": "sav"}});
        app.store_resource(&identifier, &document, case.policy.as_bytes())
            .await;
    }
    app.publish_everything().await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for case in &cases {
        let Some(body) = about(
            &case.request,
            &format!("conformance-{}", case.name.to_lowercase()),
        ) else {
            continue;
        };
        asked += 1;
        let request = app
            .http
            .post(format!("{}{DECISION}", app.base))
            .header("content-type", "application/xml")
            .body(body);
        let answer = Answer::of(request.send().await.unwrap()).await.expect(200);
        if !answer
            .text
            .contains(&format!("Decision>{}</", case.expected))
        {
            wrong.push(format!(
                "{}: expected {}, got {}",
                case.name, case.expected, answer.text
            ));
        }
    }
    assert!(asked > 200, "{asked} cases were asked");
    assert!(
        wrong.is_empty(),
        "{} of {asked}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn hostile_bodies_get_an_answer_and_no_more() {
    let app = TestApp::with(&[("pdp.decision_open", "true")]).await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/xacml/tests/engine/found")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                bodies.push(fs::read(path).unwrap());
            }
        }
    }
    let entities = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><Request>&b;</Request>";
    bodies.extend([
        entities.as_bytes().to_vec(),
        "[".repeat(100_000).into_bytes(),
        "<a>".repeat(100_000).into_bytes(),
        vec![0xff; 1_000],
        vec![0; 1_000],
    ]);
    bodies.push(format!("{{\"Request\":{}}}", "{\"Request\":".repeat(10_000)).into_bytes());
    bodies.push(
        format!(
            "{{\"Request\":{{\"Resource\":[{}]}}}}",
            vec!["{}"; 100_000].join(",")
        )
        .into_bytes(),
    );
    bodies.push(b"{\"Request\":{\"AccessSubject\":[{\"Attribute\":[{\"AttributeId\":\"urn:a\",\"Value\":\"1e999999999\",\"DataType\":\"double\"}]}],\"Action\":[{\"Attribute\":[{\"AttributeId\":\"urn:a\",\"Value\":\"P999999999999999999999Y\",\"DataType\":\"yearMonthDuration\"}]}],\"Resource\":[{\"Attribute\":[{\"AttributeId\":\"urn:altinn:resource\",\"Value\":\"a-melding\"}]}]}}".to_vec());
    for body in &bodies {
        for path in [
            AUTHORIZE_PATH,
            DECISION,
            "/access/v1/evaluation",
            "/access/v1/search/action",
            "/authorization/api/v1/systemuser/authorize",
        ] {
            for kind in ["application/json", "application/xml"] {
                let request = app
                    .http
                    .post(format!("{}{path}", app.base))
                    .bearer_auth(&token)
                    .header("content-type", kind)
                    .body(body.clone());
                let status = request.send().await.unwrap().status().as_u16();
                assert!(
                    matches!(status, 200 | 400 | 413 | 415),
                    "{status} on {path} for {}",
                    String::from_utf8_lossy(&body[..body.len().min(200)])
                );
            }
        }
    }
    assert_eq!(app.get("/alive", &token).await.status, 200);
}
