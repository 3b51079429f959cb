//! Decisions: the universe's expected answers, and the shape of requests and answers.

use foundation::config::NewSubscriptionKey;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    id: String,
    subject: Value,
    resource: String,
    action: String,
    task: Option<String>,
    party: Value,
    decision: String,
    min_auth_level: Option<u8>,
    why: String,
}

/// The party's other identifiers.
async fn identifiers(app: &TestApp, party: &Value) -> Vec<(&'static str, String)> {
    let (id, value) = match (party.get("org"), party.get("person")) {
        (Some(org), _) => (
            "urn:altinn:organization:identifier-no",
            org.as_str().unwrap().to_owned(),
        ),
        (None, Some(pid)) => (
            "urn:altinn:person:identifier-no",
            pid.as_str().unwrap().to_owned(),
        ),
        _ => panic!("no party"),
    };
    let mut db = app.running.state.db.acquire().await.unwrap();
    let found = if id.contains("organization") {
        registers::parties::party_by_org_number(&mut db, &value)
            .await
            .unwrap()
    } else {
        let pid = foundation::ids::NationalId::parse(&value).unwrap();
        registers::parties::party_by_national_id(&mut db, &app.running.state.identity, &pid)
            .await
            .unwrap()
    };
    let party = found.expect("the party is in the universe");
    vec![
        (id, value),
        ("urn:altinn:partyid", party.party_id.unwrap().to_string()),
        (
            "urn:altinn:party:uuid",
            party.uuid.to_string().to_uppercase(),
        ),
    ]
}

#[tokio::test]
async fn every_expected_decision_holds_by_every_identifier_of_the_party() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in include_str!("../../data/universe/decisions.ndjson").lines() {
        let expected: Expected = serde_json::from_str(line).unwrap();
        let text = |name: &str| {
            expected
                .subject
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let subject = if let Some(id) = text("systemUser") {
            ("urn:altinn:systemuser:uuid", id)
        } else if let Some(pid) = text("person") {
            ("urn:altinn:person:identifier-no", pid)
        } else {
            ("urn:altinn:org", text("org").expect("a subject"))
        };
        for (id, value) in identifiers(&app, &expected.party).await {
            let mut body = decision_request(
                (subject.0, &subject.1),
                &expected.action,
                &expected.resource,
                (id, &value),
            );
            if let Some(task) = &expected.task {
                let list = body["Request"]["Resource"][0]["Attribute"]
                    .as_array_mut()
                    .unwrap();
                list.push(json!({"AttributeId": "urn:altinn:task", "Value": task}));
            }
            let result = app
                .post("/authorization/api/v1/authorize", &token, body)
                .await
                .expect(200)
                .json()["response"][0]
                .clone();
            seen += 1;
            let level = result["obligations"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|o| o["attributeAssignment"].as_array().unwrap())
                .find(|a| a["category"] == "urn:altinn:minimum-authenticationlevel")
                .and_then(|a| a["value"].as_str()?.parse().ok());
            let expected_level = expected
                .min_auth_level
                .filter(|_| expected.decision == "Permit");
            if result["decision"] != expected.decision || level != expected_level {
                wrong.push(format!(
                    "{} by {id}: {} level {level:?}, expected {} ({})",
                    expected.id, result["decision"], expected.decision, expected.why
                ));
            }
        }
    }
    assert_eq!(seen, 93 * 3);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A decision asked in one of the other ways; none where that way cannot ask it.
async fn ask_otherwise(
    app: &TestApp,
    token: &str,
    way: &str,
    subject: &(&str, String),
    expected: &Expected,
    parties: &[(&'static str, String)],
) -> Option<String> {
    let uuid = &parties[2].1;
    let is_person = subject.0.contains("person");
    match way {
        "authzen" => {
            let kind = match subject.0 {
                "urn:altinn:systemuser:uuid" => "systemuser",
                "urn:altinn:org" => "service_owner",
                _ => "person",
            };
            let question = json!({"subject": {"type": kind, "id": subject.1}, "action": {"name": expected.action},
                "resource": {"type": "resource", "id": expected.resource, "properties": {"party_uuid": uuid, "task": expected.task}}});
            let mut question = question;
            if expected.task.is_none() {
                question["resource"]["properties"]
                    .as_object_mut()
                    .unwrap()
                    .shift_remove("task");
            }
            let answer = app
                .post("/access/v1/evaluation", token, question)
                .await
                .expect(200)
                .json();
            let decision = answer["context"]["xacml"]["decision"]
                .as_str()
                .unwrap_or("Indeterminate")
                .to_owned();
            let enough = expected.min_auth_level.is_none_or(|level| level <= 3);
            assert_eq!(
                answer["decision"],
                decision == "Permit" && enough,
                "{}: {answer}",
                expected.id
            );
            Some(decision)
        }
        "token" if subject.0 == "urn:altinn:systemuser:uuid" => {
            let org = app.owner_of_user(&subject.1).await?;
            let raw = app
                .token(
                    "GetSystemUserToken",
                    &[
                        ("systemUserId", &subject.1),
                        ("systemUserOrg", &org),
                        ("scopes", "test:scope"),
                    ],
                )
                .await;
            let check = json!({"resource": expected.resource, "action": expected.action, "party": format!("urn:altinn:party:uuid:{uuid}"), "task": expected.task});
            let answer = app
                .post(
                    "/authorization/api/v1/systemuser/authorize",
                    token,
                    json!({"token": raw, "checks": [check]}),
                )
                .await
                .expect(200)
                .json();
            if answer["active"] == json!(false) {
                assert_ne!(expected.decision, "Permit", "{}: {answer}", expected.id);
                return None;
            }
            Some(
                answer["results"][0]["decision"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            )
        }
        "internal" if !is_person => {
            let mut body = decision_request(
                (subject.0, &subject.1),
                &expected.action,
                &expected.resource,
                ("urn:altinn:party:uuid", uuid),
            );
            if let Some(task) = &expected.task {
                body["Request"]["Resource"][0]["Attribute"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"AttributeId": "urn:altinn:task", "Value": task}));
            }
            let answer = app
                .post("/authorization/api/v1/decision", token, body)
                .await
                .expect(200)
                .json();
            Some(
                answer["response"][0]["decision"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            )
        }
        "xml" => {
            let attribute = |id: &str, value: &str| {
                format!(
                    "<Attribute IncludeInResult=\"false\" AttributeId=\"{id}\"><AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#string\">{value}</AttributeValue></Attribute>"
                )
            };
            let task = expected
                .task
                .as_ref()
                .map(|task| attribute("urn:altinn:task", task))
                .unwrap_or_default();
            let body = format!(
                "<Request xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" ReturnPolicyIdList=\"false\" CombinedDecision=\"false\"><Attributes Category=\"urn:oasis:names:tc:xacml:1.0:subject-category:access-subject\">{}</Attributes><Attributes Category=\"urn:oasis:names:tc:xacml:3.0:attribute-category:action\">{}</Attributes><Attributes Category=\"urn:oasis:names:tc:xacml:3.0:attribute-category:resource\">{}{}{task}</Attributes></Request>",
                attribute(subject.0, &subject.1),
                attribute(
                    "urn:oasis:names:tc:xacml:1.0:action:action-id",
                    &expected.action
                ),
                attribute("urn:altinn:resource", &expected.resource),
                attribute("urn:altinn:party:uuid", uuid),
            );
            let request = app
                .http
                .post(format!("{}/authorization/api/v1/authorize", app.base))
                .bearer_auth(token)
                .header("content-type", "application/xml");
            let text = Answer::of(request.body(body).send().await.unwrap())
                .await
                .expect(200)
                .text;
            let decision = ["Permit", "Deny", "NotApplicable", "Indeterminate"]
                .into_iter()
                .find(|word| text.contains(&format!("Decision>{word}</")));
            Some(decision.expect("a decision").to_owned())
        }
        _ => None,
    }
}

#[tokio::test]
async fn every_api_decides_alike() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let (mut wrong, mut asked) = (Vec::new(), std::collections::BTreeMap::<&str, usize>::new());
    let (mut subjects, mut actions, mut resources, mut references, mut in_order) =
        (vec![], vec![], vec![], vec![], vec![]);
    for (n, line) in include_str!("../../data/universe/decisions.ndjson")
        .lines()
        .enumerate()
    {
        let expected: Expected = serde_json::from_str(line).unwrap();
        let text = |name: &str| {
            expected
                .subject
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let subject = text("systemUser").map(|id| ("urn:altinn:systemuser:uuid", id));
        let subject =
            subject.or_else(|| text("person").map(|pid| ("urn:altinn:person:identifier-no", pid)));
        let subject =
            subject.unwrap_or_else(|| ("urn:altinn:org", text("org").expect("a subject")));
        let parties = identifiers(&app, &expected.party).await;
        for way in ["authzen", "token", "internal", "xml"] {
            if let Some(decision) =
                ask_otherwise(&app, &token, way, &subject, &expected, &parties).await
            {
                *asked.entry(way).or_default() += 1;
                if decision != expected.decision {
                    wrong.push(format!(
                        "{} by {way}: {decision}, expected {} ({})",
                        expected.id, expected.decision, expected.why
                    ));
                }
            }
        }
        let attribute = |id: &str, value: &str| json!({"AttributeId": id, "Value": value});
        subjects
            .push(json!({"Id": format!("s{n}"), "Attribute": [attribute(subject.0, &subject.1)]}));
        actions.push(json!({"Id": format!("a{n}"), "Attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", &expected.action)]}));
        let mut of_resource = vec![
            attribute("urn:altinn:resource", &expected.resource),
            attribute(parties[0].0, &parties[0].1),
        ];
        of_resource.extend(
            expected
                .task
                .iter()
                .map(|task| attribute("urn:altinn:task", task)),
        );
        resources.push(json!({"Id": format!("r{n}"), "Attribute": of_resource}));
        references
            .push(json!({"ReferenceId": [format!("s{n}"), format!("a{n}"), format!("r{n}")]}));
        in_order.push(expected.decision);
    }
    let body = json!({"Request": {"AccessSubject": subjects, "Action": actions, "Resource": resources, "MultiRequests": {"RequestReference": references}}});
    let answer = app
        .post("/authorization/api/v1/authorize", &token, body)
        .await
        .expect(200)
        .json();
    let together: Vec<&str> = answer["response"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["decision"].as_str().unwrap())
        .collect();
    assert_eq!(together, in_order, "all in one request");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        asked["authzen"] == 93
            && asked["xml"] == 93
            && asked["internal"] >= 30
            && asked["token"] >= 20,
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_permit_looks_like_this() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let mut body = decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    );
    body["Request"]["Resource"][0]["Attribute"][0]["IncludeInResult"] = json!(true);
    let answer = app
        .post("/authorization/api/v1/authorize", &token, body)
        .await
        .expect(200);
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    insta::assert_snapshot!(answer.text, @r#"{"response":[{"decision":"Permit","status":{"statusMessage":null,"statusDetails":null,"statusCode":{"value":"urn:oasis:names:tc:xacml:1.0:status:ok","statusCode":null}},"obligations":[{"id":"urn:altinn:obligation:authenticationLevel1","attributeAssignment":[{"attributeId":"urn:altinn:obligation1-assignment1","value":"3","category":"urn:altinn:minimum-authenticationlevel","dataType":"http://www.w3.org/2001/XMLSchema#integer","issuer":null}]}],"associateAdvice":null,"category":[{"categoryId":"urn:oasis:names:tc:xacml:3.0:attribute-category:resource","id":null,"content":null,"attribute":[{"attributeId":"urn:altinn:resource","value":"a-melding","issuer":null,"dataType":"http://www.w3.org/2001/XMLSchema#string","includeInResult":false}]}],"policyIdentifierList":null}]}"#);
}

#[tokio::test]
async fn a_fault_of_a_request_is_a_decision() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let user = ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER);
    let party = ("urn:altinn:organization:identifier-no", who::TINDEVANDRER);
    let good = || decision_request(user, "write", "a-melding", party);
    let with = |pointer: &str, value: Value| {
        let mut body = good();
        *body.pointer_mut(pointer).expect(pointer) = value;
        body
    };
    let subject = "/Request/AccessSubject";
    let cases = [
        (
            "unknown resource",
            with(
                "/Request/Resource/0/Attribute/0/Value",
                json!("finnes-ikke"),
            ),
            "Indeterminate",
            "processing-error",
        ),
        (
            "system user is not a uuid",
            with("/Request/AccessSubject/0/Attribute/0/Value", json!("abc")),
            "Indeterminate",
            "processing-error",
        ),
        (
            "unknown system user",
            with(
                "/Request/AccessSubject/0/Attribute/0/Value",
                json!(uuid::Uuid::new_v4()),
            ),
            "NotApplicable",
            "ok",
        ),
        (
            "no subject",
            with(subject, json!([])),
            "Indeterminate",
            "processing-error",
        ),
        (
            "no resource",
            with("/Request/Resource", json!([])),
            "Indeterminate",
            "processing-error",
        ),
        (
            "system user and something else",
            with(
                subject,
                json!([{"Attribute": [{"AttributeId": "urn:altinn:systemuser:uuid", "Value": who::TINDEVANDRER_USER},
                    {"AttributeId": "urn:scope", "Value": "x"}]}]),
            ),
            "Indeterminate",
            "processing-error",
        ),
        (
            "unknown data type",
            with(
                "/Request/Action/0/Attribute/0",
                json!({"AttributeId": "urn:a", "Value": "x", "DataType": "nope"}),
            ),
            "Indeterminate",
            "processing-error",
        ),
        (
            "attribute id is not a URI",
            with("/Request/Action/0/Attribute/0/AttributeId", json!("action")),
            "Indeterminate",
            "syntax-error",
        ),
        (
            "eight digits",
            with("/Request/Resource/0/Attribute/1/Value", json!("39036776")),
            "Indeterminate",
            "syntax-error",
        ),
        (
            "unknown organisation",
            with("/Request/Resource/0/Attribute/1/Value", json!("999999999")),
            "NotApplicable",
            "ok",
        ),
        (
            "another organisation",
            with(
                "/Request/Resource/0/Attribute/1/Value",
                json!(who::NATTERGAL),
            ),
            "NotApplicable",
            "ok",
        ),
        (
            "no action",
            with("/Request/Action", json!([])),
            "NotApplicable",
            "ok",
        ),
        (
            "unknown action",
            with("/Request/Action/0/Attribute/0/Value", json!("burn")),
            "NotApplicable",
            "ok",
        ),
        ("no request", json!({}), "Indeterminate", "syntax-error"),
        (
            "two different reportees",
            with(
                "/Request/Resource/0/Attribute",
                json!([{"AttributeId": "urn:altinn:resource", "Value": "a-melding"}, {"AttributeId": "urn:altinn:partyid", "Value": "52000063"},
                    {"AttributeId": "urn:altinn:organization:identifier-no", "Value": who::TINDEVANDRER}]),
            ),
            "Indeterminate",
            "processing-error",
        ),
    ];
    for (name, body, decision, status) in cases {
        let result = app
            .post("/authorization/api/v1/authorize", &token, body)
            .await
            .expect(200)
            .json()["response"][0]
            .clone();
        let code = format!("urn:oasis:names:tc:xacml:1.0:status:{status}");
        assert_eq!(
            (
                result["decision"].as_str(),
                result["status"]["statusCode"]["value"].as_str()
            ),
            (Some(decision), Some(code.as_str())),
            "{name}"
        );
        assert!(
            result["obligations"].is_null() && result["category"].is_null(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_fault_of_the_body_is_no_decision() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    for bad in [
        r#"{"Request":"#,
        "",
        r#"{"Request":[]}"#,
        r#"{"Request":{"Action":"x"}}"#,
        r#"{"Request":{},"request":{}}"#,
    ] {
        let request = app
            .http
            .post(format!("{}/authorization/api/v1/authorize", app.base))
            .bearer_auth(&token);
        let answer = Answer::of(
            request
                .header("content-type", "application/xacml+json")
                .body(bad)
                .send()
                .await
                .unwrap(),
        )
        .await;
        assert!(!answer.error_keys().is_empty(), "{bad}");
    }
}

#[tokio::test]
async fn one_bad_part_does_not_drag_the_others_down() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let attribute = |id: &str, value: &str| json!([{"AttributeId": id, "Value": value}]);
    let resource = |id: &str| {
        json!([{"AttributeId": "urn:altinn:resource", "Value": id, "IncludeInResult": true},
            {"AttributeId": "urn:altinn:organization:identifier-no", "Value": who::TINDEVANDRER}])
    };
    let mut body = json!({"Request": {
        "AccessSubject": [{"Id": "s1", "Attribute": attribute("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER)},
            {"Id": "s2", "Attribute": attribute("urn:altinn:systemuser:uuid", "x")}],
        "Action": [{"Id": "a1", "Attribute": attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write")}],
        "Resource": [{"Id": "r1", "Attribute": resource("a-melding")}, {"Id": "r2", "Attribute": resource("kravogbetaling")}],
        "MultiRequests": {"RequestReference": [{"ReferenceId": ["s1", "a1", "r1"]}, {"ReferenceId": ["s2", "a1", "r1"]}, {"ReferenceId": ["s1", "a1", "r2"]}]},
    }});
    let answer = app
        .post("/authorization/api/v1/authorize", &token, body.clone())
        .await
        .expect(200)
        .json();
    let decisions: Vec<&str> = answer["response"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["decision"].as_str().unwrap())
        .collect();
    assert_eq!(decisions, ["Permit", "Indeterminate", "NotApplicable"]);
    assert_eq!(
        answer["response"][2]["category"][0]["attribute"][0]["value"],
        "kravogbetaling"
    );
    body["Request"]["Resource"][0]
        .as_object_mut()
        .unwrap()
        .remove("Id");
    let answer = app
        .post("/authorization/api/v1/authorize", &token, body)
        .await
        .expect(200)
        .json();
    assert_eq!(answer["response"].as_array().unwrap().len(), 1);
    let app = TestApp::with(&[("pdp.max_decisions_per_request", "2")]).await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let references: Vec<Value> = (0..3).map(|_| json!({"ReferenceId": ["s1"]})).collect();
    let body = json!({"Request": {"MultiRequests": {"RequestReference": references}}});
    app.post("/authorization/api/v1/authorize", &token, body)
        .await
        .expect(400);
}

/// A request whose subject says itself that it holds something which only we may say.
fn forged(id: &str, value: &str) -> Value {
    let mut body = decision_request(
        ("urn:altinn:org", "unknown"),
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    );
    body["Request"]["AccessSubject"][0]["Attribute"]
        .as_array_mut()
        .unwrap()
        .push(json!({"AttributeId": id, "Value": value}));
    body
}

#[tokio::test]
async fn what_only_we_may_add_is_dropped_unless_the_caller_has_the_admin_scope() {
    let app = TestApp::start().await;
    let body = forged("urn:altinn:accesspackage", "a-ordning");
    for path in ["/authorization/api/v1/authorize", DECISION] {
        for (scopes, expected) in [
            (AUTHORIZE, "NotApplicable"),
            ("altinn:authorization/authorize.admin", "Permit"),
        ] {
            let token = app.organization(who::SAV, scopes).await;
            let answer = app.post(path, &token, body.clone()).await.expect(200);
            assert_eq!(
                answer.json()["response"][0]["decision"],
                expected,
                "{scopes} at {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_attribute_that_only_we_may_add_is_dropped() {
    let app = TestApp::start().await;
    let admin = "altinn:authorization/authorize.admin";
    let policy = |id: &str| {
        let matched = |category: &str, id: &str, value: &str| {
            format!(
                "<AnyOf><AllOf><Match MatchId=\"urn:oasis:names:tc:xacml:1.0:function:string-equal\"><AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#string\">{value}</AttributeValue><AttributeDesignator AttributeId=\"{id}\" Category=\"{category}\" DataType=\"http://www.w3.org/2001/XMLSchema#string\" MustBePresent=\"false\"/></Match></AllOf></AnyOf>"
            )
        };
        let subject = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject";
        let resource = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource";
        format!(
            "<Policy xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" PolicyId=\"urn:p\" Version=\"1.0\" RuleCombiningAlgId=\"urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides\"><Target/><Rule RuleId=\"urn:r\" Effect=\"Permit\"><Target>{}{}</Target></Rule></Policy>",
            matched(subject, id, "x"),
            matched(resource, "urn:altinn:resource", "a-melding"),
        )
    };
    for id in [
        "urn:altinn:rolecode",
        "urn:altinn:role",
        "urn:altinn:external-role:ccr",
        "urn:altinn:external-role:cra",
        "urn:altinn:accesspackage",
        "urn:altinn:partytype",
        "urn:altinn:access-list",
        "urn:digitaltdodsbo:rolecode",
    ] {
        upload_policy(&app, "a-melding", policy(id)).await;
        for (scopes, expected) in [(AUTHORIZE, "NotApplicable"), (admin, "Permit")] {
            let token = app.organization(who::SAV, scopes).await;
            for path in ["/authorization/api/v1/authorize", DECISION] {
                let answer = app.post(path, &token, forged(id, "x")).await.expect(200);
                let decision = &answer.json()["response"][0]["decision"];
                assert_eq!(decision, expected, "{id} with {scopes} at {path}");
            }
        }
    }
}

/// Stores a policy for a resource of the tax agency.
async fn upload_policy(app: &TestApp, resource: &str, policy: String) {
    let token = app
        .organization(who::SAV, "altinn:resourceregistry/resource.write")
        .await;
    let file = reqwest::multipart::Part::text(policy).file_name("policy.xml");
    let answer = app
        .http
        .post(format!(
            "{}/resourceregistry/api/v1/resource/{resource}/policy",
            app.base
        ))
        .bearer_auth(token)
        .multipart(reqwest::multipart::Form::new().part("policyFile", file))
        .send()
        .await
        .unwrap();
    Answer::of(answer).await.expect(201);
}

#[tokio::test]
async fn the_platforms_own_parts_say_what_only_we_may_add() {
    let app = TestApp::with(&[
        ("pdp.subscription_keys", "first-key"),
        ("pdp.decision_open", "true"),
    ])
    .await;
    let platform = app
        .token(
            "GetPlatformAccessToken",
            &[("env", "tt02"), ("app", "an-app")],
        )
        .await;
    let body = forged("urn:altinn:accesspackage", "a-ordning");
    for (name, value, expected) in [
        (
            "ocp-apim-subscription-key",
            "first-key".to_owned(),
            "Permit",
        ),
        ("platformaccesstoken", platform, "Permit"),
        ("x-nothing", String::new(), "NotApplicable"),
    ] {
        let request = app.http.post(format!("{}{DECISION}", app.base)).json(&body);
        let answer = Answer::of(request.header(name, value).send().await.unwrap()).await;
        assert_eq!(
            answer.expect(200).json()["response"][0]["decision"],
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn deleted_systems_and_organisations_get_nothing() {
    let app = TestApp::start().await;
    let ask = || {
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "a-melding",
            who::TINDEVANDRER,
        )
    };
    assert_eq!(ask().await, "Permit");
    app.mark_system_deleted(who::FJORDLONN_SYSTEM).await;
    assert_eq!(ask().await, "NotApplicable");
    app.restore_system(who::FJORDLONN_SYSTEM).await;
    assert_eq!(ask().await, "Permit");
    app.mark_organization_deleted(who::TINDEVANDRER).await;
    assert_eq!(ask().await, "NotApplicable");
}

#[tokio::test]
async fn only_service_owners_with_the_scope_may_ask_and_only_in_json() {
    let app = TestApp::start().await;
    let body = decision_request(
        ("urn:altinn:org", "x"),
        "read",
        "a-melding",
        ("urn:altinn:partyid", "1"),
    );
    let path = "/authorization/api/v1/Authorize/";
    app.send(reqwest::Method::POST, path, None, Some(body.clone()))
        .await
        .expect(401);
    let token = app
        .organization(who::SAV, "altinn:authorization/authorize2")
        .await;
    app.post(path, &token, body.clone()).await.expect(403);
    let token = app.organization(who::SAV, AUTHORIZE).await;
    app.post(path, &token, body.clone()).await.expect(200);
    let request = app
        .http
        .post(format!("{}{path}", app.base))
        .bearer_auth(&token)
        .header("content-type", "text/plain")
        .body(body.to_string());
    assert_eq!(request.send().await.unwrap().status(), 415);
    let long = "x".repeat(1024 * 1024);
    let request = app
        .http
        .post(format!("{}{path}", app.base))
        .bearer_auth(&token)
        .header("content-type", "application/json")
        .body(long);
    assert_eq!(request.send().await.unwrap().status(), 400);
    // The answer also reaches a client that is still writing.
    for size in [1024 * 1024 + 1, 6 * 1024 * 1024] {
        let request = app
            .http
            .post(format!("{}{path}", app.base))
            .bearer_auth(&token)
            .header("content-type", "application/json");
        assert_eq!(
            request
                .body("x".repeat(size))
                .send()
                .await
                .unwrap()
                .status(),
            413
        );
    }
}

const DECISION: &str = "/authorization/api/v1/decision";

/// A request about the system user of Tindevandrer, in XML.
fn in_xml(action: &str, extra: &str) -> String {
    let attribute = |id: &str, value: &str| {
        format!(
            "<x:Attribute AttributeId='{id}' IncludeInResult='true'><x:AttributeValue DataType='http://www.w3.org/2001/XMLSchema#string'>{value}\
             </x:AttributeValue></x:Attribute>"
        )
    };
    format!(
        "<x:Request xmlns:x='urn:oasis:names:tc:xacml:3.0:core:schema:wd-17' ReturnPolicyIdList='false' CombinedDecision='false'>\
         <x:Attributes Category='urn:oasis:names:tc:xacml:1.0:subject-category:access-subject'>{}</x:Attributes>\
         <x:Attributes Category='urn:oasis:names:tc:xacml:3.0:attribute-category:action'>{}</x:Attributes>\
         <x:Attributes Category='urn:oasis:names:tc:xacml:3.0:attribute-category:resource'>{}{}{extra}</x:Attributes>\
         <x:Attributes Category='urn:oasis:names:tc:xacml:3.0:attribute-category:environment'/></x:Request>",
        attribute("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", action),
        attribute("urn:altinn:resource", "a-melding"),
        attribute("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    )
}

/// With keys for the platform's own parts.
async fn with_keys() -> TestApp {
    TestApp::with(&[("pdp.subscription_keys", "first-key,second-key")]).await
}

/// A question of the platform's own parts.
fn keyed(app: &TestApp) -> reqwest::RequestBuilder {
    app.http
        .post(format!("{}{DECISION}", app.base))
        .header("Ocp-Apim-Subscription-Key", "second-key")
}

fn json_request(action: &str) -> String {
    decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        action,
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    )
    .to_string()
}

#[tokio::test]
async fn the_platforms_own_parts_ask_in_json_named_and_not_named() {
    let app = with_keys().await;
    let answer = Answer::of(
        keyed(&app)
            .header("content-type", "application/json")
            .body(json_request("write"))
            .send()
            .await
            .unwrap(),
    )
    .await
    .expect(200);
    assert_eq!(answer.json()["response"][0]["decision"], "Permit");
    let answer = Answer::of(keyed(&app).body(json_request("fly")).send().await.unwrap())
        .await
        .expect(200);
    assert_eq!(answer.json()["response"][0]["decision"], "NotApplicable");
}

#[tokio::test]
async fn the_platforms_own_parts_ask_in_xml_by_any_of_its_media_types() {
    use xacml::{Decision, Response};
    let app = with_keys().await;
    for media_type in [
        "application/xml",
        "text/xml; charset=utf-8",
        "application/xacml+xml",
        "text/plain",
    ] {
        let sent = keyed(&app)
            .header("content-type", media_type)
            .body(in_xml("write", ""))
            .send()
            .await
            .unwrap();
        let answer = Answer::of(sent).await.expect(200);
        assert_eq!(
            answer.header("content-type"),
            "application/xml; charset=utf-8"
        );
        assert!(
            answer
                .text
                .starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>"),
            "{}",
            answer.text
        );
        let read = Response::from_xml(answer.text.as_bytes()).unwrap();
        assert_eq!(
            (read.results.len(), read.results[0].decision),
            (1, Decision::Permit)
        );
        assert!(
            !read.results[0].obligations.is_empty() && read.results[0].attributes.len() == 3,
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_service_owner_asks_in_xml_too() {
    use xacml::{Decision, Response};
    let app = with_keys().await;
    let owner = app.organization(who::SAV, AUTHORIZE).await;
    let external = app
        .http
        .post(format!("{}/authorization/api/v1/authorize", app.base))
        .bearer_auth(&owner);
    let sent = external
        .header("ocp-apim-subscription-key", "first-key")
        .header("content-type", "application/xml")
        .body(in_xml("fly", ""));
    let answer = Answer::of(sent.send().await.unwrap()).await.expect(200);
    assert_eq!(
        Response::from_xml(answer.text.as_bytes()).unwrap().results[0].decision,
        Decision::NotApplicable
    );
}

#[tokio::test]
async fn a_fault_in_json_of_the_platforms_own_parts_is_a_decision() {
    let app = with_keys().await;
    for (media_type, body) in [
        ("application/json", "{\"Request\":".to_owned()),
        ("application/json", String::new()),
        (
            "application/json",
            json!({"Request": {"AccessSubject": [{"Attribute": [{"AttributeId": "urn:altinn:userid", "Value": "1"}]}]}}).to_string(),
        ),
        (
            "application/json",
            decision_request(("urn:altinn:person:identifier-no", who::JOSTEIN), "read", "a-melding", ("urn:altinn:partyid", "52000084")).to_string(),
        ),
    ] {
        let sent = keyed(&app).header("content-type", media_type).body(body).send().await.unwrap();
        let result = Answer::of(sent).await.expect(200).json()["response"][0].clone();
        assert_eq!(
            (&result["decision"], &result["status"]["statusCode"]["value"]),
            (&json!("Indeterminate"), &json!("urn:oasis:names:tc:xacml:1.0:status:syntax-error"))
        );
    }
}

#[tokio::test]
async fn a_fault_in_xml_of_the_platforms_own_parts_is_a_decision() {
    use xacml::{Decision, Response};
    let app = with_keys().await;
    for body in [
        "<Request".to_owned(),
        in_xml("write", "").replace("CombinedDecision='false'", "CombinedDecision='true'"),
        format!("<!DOCTYPE r [<!ENTITY e 'x'>]>{}", in_xml("write", "")),
    ] {
        let answer = Answer::of(
            keyed(&app)
                .header("content-type", "application/xml")
                .body(body)
                .send()
                .await
                .unwrap(),
        )
        .await
        .expect(200);
        let read = Response::from_xml(answer.text.as_bytes()).unwrap();
        assert_eq!(
            (read.results[0].decision, read.results[0].status.code.name()),
            (Decision::Indeterminate, "syntax-error")
        );
    }
}

#[tokio::test]
async fn a_body_of_the_platforms_own_parts_that_is_too_large_is_refused() {
    let app = with_keys().await;
    let large = keyed(&app)
        .header("content-type", "application/json")
        .body(" ".repeat(1024 * 1024 + 1))
        .send()
        .await
        .unwrap();
    Answer::of(large).await.expect(413);
}

#[tokio::test]
async fn settings_hold_the_hash_of_a_subscription_key_and_clients_send_the_key() {
    let new = NewSubscriptionKey::generate().unwrap();
    let app = TestApp::with(&[("pdp.subscription_keys", &new.hash)]).await;
    let body = decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "write",
        "a-melding",
        ("urn:altinn:partyid", "52000084"),
    );
    let status = async |key: &str| {
        let request = app.http.post(format!("{}{DECISION}", app.base));
        let request = request.header("ocp-apim-subscription-key", key).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(new.key.expose_secret()).await, 200);
    assert_eq!(status(&new.hash).await, 401);
}

#[tokio::test]
async fn who_may_ask_as_a_part_of_the_platform() {
    let app = TestApp::with(&[("pdp.subscription_keys", "first-key")]).await;
    let body = decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "write",
        "a-melding",
        ("urn:altinn:partyid", "52000084"),
    );
    let ask = |name: &'static str, value: String| {
        app.http
            .post(format!("{}{DECISION}", app.base))
            .json(&body)
            .header(name, value)
            .send()
    };
    let platform = app
        .token(
            "GetPlatformAccessToken",
            &[("env", "tt02"), ("app", "an-app")],
        )
        .await;
    let owner = app.organization(who::SAV, AUTHORIZE).await;
    for (name, value) in [
        ("ocp-apim-subscription-key", "first-key".to_owned()),
        ("platformaccesstoken", platform.clone()),
        ("authorization", format!("Bearer {owner}")),
    ] {
        assert_eq!(ask(name, value).await.unwrap().status(), 200, "{name}");
    }
    for (name, value) in [
        ("ocp-apim-subscription-key", "other-key".to_owned()),
        ("platformaccesstoken", owner.clone()),
        (
            "authorization",
            format!("Bearer {}", app.organization(who::SAV, REQUEST_READ).await),
        ),
        ("authorization", format!("Bearer {platform}")),
        ("x-nothing", "x".to_owned()),
    ] {
        assert_eq!(ask(name, value).await.unwrap().status(), 401, "{name}");
    }
    // A bad platform token does no harm together with a good credential.
    let both = app
        .http
        .post(format!("{}{DECISION}", app.base))
        .json(&body)
        .bearer_auth(&owner)
        .header("platformaccesstoken", "x.y.z");
    assert_eq!(both.send().await.unwrap().status(), 200);
    // With keys configured, the external one asks for its own besides the token.
    let external = app
        .post("/authorization/api/v1/authorize", &owner, body.clone())
        .await
        .expect(401);
    assert_eq!(external.json()["statusCode"], 401);
    let open = TestApp::with(&[("pdp.decision_open", "true")]).await;
    open.send(reqwest::Method::POST, DECISION, None, Some(body))
        .await
        .expect(200);
}
