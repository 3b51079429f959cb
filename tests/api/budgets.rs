//! What a call may cost: each bound at its edge and beyond it, at every endpoint that decides.

use serde_json::{Map, Value, json};
use testkit::prelude::*;

use crate::resources::{resource, upload};

const DECISION: &str = "/authorization/api/v1/decision";
const TOKEN: &str = "/authorization/api/v1/systemuser/authorize";
const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SEARCH: &str = "/access/v1/search/action";
const REGISTRY: &str = "/resourceregistry/api/v1/resource";
const WRITE: &str = "altinn:resourceregistry/resource.write";
const ACTION: &str = "urn:oasis:names:tc:xacml:1.0:action:action-id";
const XS: &str = "http://www.w3.org/2001/XMLSchema#";
/// A resource of the tax agency whose policy takes more than a million steps, whatever is asked.
const BOMB: &str = "sav-bombe";

fn attribute(id: &str, value: &str) -> Value {
    json!({"AttributeId": id, "Value": value})
}

/// Each action is asked about for Tindevandrer's system user and Tindevandrer, in a multi-request
/// with so many further attributes of the subject's environment in each part.
fn multi(resource: &str, actions: &[&str], further: usize) -> Value {
    let entry = |id: &str, attributes: Vec<Value>| json!({"Id": id, "Attribute": attributes});
    let actions_asked: Vec<Value> = actions
        .iter()
        .enumerate()
        .map(|(n, action)| entry(&format!("a{n}"), vec![attribute(ACTION, action)]))
        .collect();
    let references: Vec<Value> = (0..actions.len())
        .map(|n| json!({"ReferenceId": ["s", format!("a{n}"), "r", "e"]}))
        .collect();
    let party = attribute("urn:altinn:organization:identifier-no", TINDEVANDRER.number);
    json!({"Request": {
        "AccessSubject": [entry("s", vec![attribute("urn:altinn:systemuser:uuid", &TINDEVANDRER_USER.id)])],
        "Action": actions_asked,
        "Resource": [entry("r", vec![attribute("urn:altinn:resource", resource), party])],
        "Environment": [entry("e", vec![attribute("urn:x:more", "1"); further])],
        "MultiRequests": {"RequestReference": references},
    }})
}

fn authzen(resource: &str, action: &str) -> Value {
    json!({"subject": {"type": "systemuser", "id": &*TINDEVANDRER_USER.id}, "action": {"name": action},
        "resource": {"type": "resource", "id": resource, "properties": {"organization": TINDEVANDRER.number}}})
}

fn context(members: usize) -> Value {
    let members: Map<String, Value> = (0..members).map(|n| (format!("x{n}"), json!(n))).collect();
    members.into()
}

/// The only result: Indeterminate by a fault of syntax, with these words.
fn assert_refused_as_syntax(answer: Answer, words: &str) {
    let answer = answer.assert_status(200).json();
    let [result] = answer["response"].as_array().unwrap().as_slice() else {
        panic!("{answer}")
    };
    assert_eq!(
        (
            &result["decision"],
            &result["status"]["statusCode"]["value"]
        ),
        (
            &json!("Indeterminate"),
            &json!("urn:oasis:names:tc:xacml:1.0:status:syntax-error")
        )
    );
    let message = result["status"]["statusMessage"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
}

fn assert_refused(answer: Answer, words: &str) {
    let answer = answer.assert_status(400);
    assert!(answer.text.contains(words), "{}", answer.text);
}

fn bag(name: &str) -> String {
    let values: String = (0..600)
        .map(|n| format!("<AttributeValue DataType=\"{XS}string\">{name}{n}</AttributeValue>"))
        .collect();
    format!(
        "<Apply FunctionId=\"urn:oasis:names:tc:xacml:1.0:function:string-bag\">{values}</Apply>"
    )
}

/// A policy whose one rule compares 600 texts with 600 others.
fn bomb() -> String {
    let pairs = bag("a") + &bag("b");
    format!(
        r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:1" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-unless-permit"><Target/>
<Rule RuleId="r" Effect="Permit"><Target><AnyOf><AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="{XS}string">{BOMB}</AttributeValue><AttributeDesignator AttributeId="urn:altinn:resource" Category="urn:oasis:names:tc:xacml:3.0:attribute-category:resource" DataType="{XS}string" MustBePresent="false"/></Match></AllOf></AnyOf></Target>
<Condition><Apply FunctionId="urn:oasis:names:tc:xacml:3.0:function:any-of-any"><Function FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-equal"/>{pairs}</Apply></Condition></Rule></Policy>"#
    )
}

/// A world with the resource [`BOMB`].
async fn world() -> World {
    let world = World::start().await;
    let owner = world.organization(SAV, WRITE);
    owner
        .post(REGISTRY, resource(BOMB))
        .await
        .assert_status(201);
    let token = owner.token().await.unwrap();
    upload(&world.app, &token, BOMB, "policyFile", &bomb())
        .await
        .assert_status(201);
    world
}

const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];
const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[tokio::test]
async fn a_multi_request_has_fifty_thousand_attributes() {
    let world = World::start().await;
    let same = vec!["write"; 100];
    let within = world
        .sav()
        .post(AUTHORIZE_PATH, multi(A_MELDING.0, &same, 496))
        .await;
    let within = within.assert_status(200).json();
    assert_eq!(within["response"].as_array().unwrap().len(), 100);
    assert_eq!(within["response"][99]["decision"], "Permit");
    let beyond = multi(A_MELDING.0, &same, 497);
    let answer = world.sav().post(AUTHORIZE_PATH, beyond.clone()).await;
    assert_refused(answer, "50000 attributes");
    let answer = world.sav().post(DECISION, beyond).await;
    assert_refused_as_syntax(answer, "50000 attributes");
}

#[tokio::test]
async fn a_multi_request_has_ten_thousand_references() {
    let world = World::start().await;
    let with = |more: usize| {
        let mut body = multi(A_MELDING.0, &["write"; 1_000], 1);
        let references = body["Request"]["MultiRequests"]["RequestReference"]
            .as_array_mut()
            .unwrap();
        for (n, reference) in references.iter_mut().enumerate() {
            let six = if n == 0 { 6 + more } else { 6 };
            let ids = reference["ReferenceId"].as_array_mut().unwrap();
            ids.extend((0..six).map(|_| json!("s")));
        }
        body
    };
    let answer = world.sav().post(AUTHORIZE_PATH, with(0)).await;
    let answer = answer.assert_status(200).json();
    assert_eq!(answer["response"].as_array().unwrap().len(), 1_000);
    let answer = world.sav().post(AUTHORIZE_PATH, with(1)).await;
    assert_refused(answer, "10000");
    let answer = world.sav().post(DECISION, with(1)).await;
    assert_refused_as_syntax(answer, "10000");
}

#[tokio::test]
async fn an_entry_that_a_reference_names_often_counts_once() {
    let world = World::start().await;
    let mut body = multi(A_MELDING.0, &["write", "write"], 900);
    body["Request"]["MultiRequests"]["RequestReference"][0]["ReferenceId"] =
        json!(["s", "a0", "r", "e"].repeat(200));
    let answer = world.sav().post(AUTHORIZE_PATH, body).await;
    let answer = answer.assert_status(200).json();
    assert_eq!(answer["response"][0]["decision"], "Permit");
}

#[tokio::test]
async fn a_batch_shares_its_defaults_and_has_fifty_thousand_attributes() {
    let world = World::start().await;
    let batch = |members: usize| {
        let mut body = authzen(A_MELDING.0, "write");
        body["context"] = context(members);
        body["evaluations"] = json!(vec![json!({}); 100]);
        body
    };
    let answer = world.sav().post(EVALUATIONS, batch(496)).await;
    let answer = answer.assert_status(200).json();
    assert_eq!(answer["evaluations"].as_array().unwrap().len(), 100);
    assert_eq!(answer["evaluations"][99]["decision"], true);
    let answer = world.sav().post(EVALUATIONS, batch(497)).await;
    assert_refused(answer, "50000 attributes");
}

#[tokio::test]
async fn a_question_and_a_search_have_fifty_thousand_attributes() {
    let world = World::start().await;
    // One member with a list of values.
    let with = |values: usize| {
        let mut body = authzen(A_MELDING.0, "write");
        body["context"] = json!({"x": vec![1; values]});
        body
    };
    let answer = world.sav().post(EVALUATION, with(49_996)).await;
    assert_eq!(answer.assert_status(200).json()["decision"], true);
    let search = |values: usize| {
        let mut body = with(values);
        body.as_object_mut().unwrap().remove("action");
        body
    };
    let answer = world.sav().post(SEARCH, search(9_000)).await;
    assert_ne!(answer.assert_status(200).json()["results"], json!([]));
    for (path, body) in [(EVALUATION, with(49_997)), (SEARCH, search(49_998))] {
        let answer = world.sav().post(path, body).await;
        assert_refused(answer, "50000 attributes");
    }
}

#[tokio::test]
async fn a_decision_has_a_million_steps() {
    let world = world().await;
    let body = question(&TINDEVANDRER_USER, "read", Resource(BOMB), TINDEVANDRER);
    for path in [AUTHORIZE_PATH, DECISION] {
        let answer = world.sav().post(path, body.clone()).await;
        let result = answer.assert_status(200).json()["response"][0].clone();
        assert_eq!(
            (
                &result["decision"],
                &result["status"]["statusCode"]["value"]
            ),
            (
                &json!("Indeterminate"),
                &json!("urn:oasis:names:tc:xacml:1.0:status:processing-error")
            )
        );
    }
}

#[tokio::test]
async fn a_call_has_five_million_steps() {
    let world = world().await;
    let answer = world
        .sav()
        .post(AUTHORIZE_PATH, multi(BOMB, &FIVE, 0))
        .await;
    let answer = answer.assert_status(200).json();
    assert_eq!(answer["response"].as_array().unwrap().len(), 5);
    let answer = world.sav().post(AUTHORIZE_PATH, multi(BOMB, &SIX, 0)).await;
    assert_refused(answer, "evaluation budget");
    let answer = world.sav().post(DECISION, multi(BOMB, &SIX, 0)).await;
    assert_refused_as_syntax(answer, "evaluation budget");
}

#[tokio::test]
async fn long_values_are_read_for_steps() {
    let world = World::start().await;
    let with = |parts: usize, data_type: &str| {
        let actions: Vec<String> = (0..parts).map(|n| format!("a{n}")).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        let mut body = multi(A_MELDING.0, &actions, 40);
        let values = &mut body["Request"]["Environment"][0]["Attribute"];
        for (n, value) in values.as_array_mut().unwrap().iter_mut().enumerate() {
            value["Value"] = json!(format!("{}{n}", "a=b,".repeat(4_000) + "c="));
            value["DataType"] = json!(format!("{XS}{data_type}"));
        }
        body
    };
    // A text is kept as it is; what is read character by character takes steps, in each decision.
    let texts = world
        .sav()
        .post(AUTHORIZE_PATH, with(1_000, "string"))
        .await;
    texts.assert_status(200);
    let few = world.sav().post(AUTHORIZE_PATH, with(100, "anyURI")).await;
    few.assert_status(200);
    let many = world.sav().post(AUTHORIZE_PATH, with(200, "anyURI")).await;
    assert_refused(many, "evaluation budget");
    let many = world.sav().post(DECISION, with(200, "anyURI")).await;
    assert_refused_as_syntax(many, "evaluation budget");
}

#[tokio::test]
async fn a_batch_and_checks_of_a_token_have_five_million_steps() {
    let world = world().await;
    let batch = |actions: &[&str]| {
        let mut body = authzen(BOMB, "a");
        let items = actions.iter().map(|a| json!({"action": {"name": a}}));
        body["evaluations"] = items.collect();
        body
    };
    let parameters = [
        ("systemUserId", &*TINDEVANDRER_USER.id),
        ("systemUserOrg", TINDEVANDRER.number),
        ("scopes", "test:scope"),
    ];
    let token = world.app.token("GetSystemUserToken", &parameters).await;
    let checks = |actions: &[&str]| {
        let checks: Vec<Value> = actions
            .iter()
            .map(|action| json!({"resource": BOMB, "action": action}))
            .collect();
        json!({"token": token, "checks": checks})
    };
    for (path, within, beyond) in [
        (EVALUATIONS, batch(&FIVE), batch(&SIX)),
        (TOKEN, checks(&FIVE), checks(&SIX)),
    ] {
        world.sav().post(path, within).await.assert_status(200);
        let answer = world.sav().post(path, beyond).await;
        assert_refused(answer, "evaluation budget");
    }
}

#[tokio::test]
async fn identical_parts_are_decided_once_and_logged_each() {
    let world = world().await;
    let same = ["read"; 100];
    let answer = world
        .sav()
        .post(AUTHORIZE_PATH, multi(BOMB, &same, 0))
        .await;
    // The entries of the actions are equal, but they are a hundred.
    assert_refused(answer, "evaluation budget");
    let mut body = multi(BOMB, &same, 0);
    for reference in body["Request"]["MultiRequests"]["RequestReference"]
        .as_array_mut()
        .unwrap()
    {
        *reference = json!({"ReferenceId": ["s", "a0", "r"]});
    }
    let mut batch = authzen(BOMB, "read");
    batch["evaluations"] = json!(vec![json!({"context": {}}); 100]);
    for (path, body, list) in [
        (AUTHORIZE_PATH, body, "response"),
        (EVALUATIONS, batch, "evaluations"),
    ] {
        let answer = world.sav().post(path, body).await.assert_status(200);
        let id = answer.header("systembruker-decision-id").to_owned();
        assert_eq!(answer.json()[list].as_array().unwrap().len(), 100);
        world.app.running.state.pdp.log().flush().await;
        let parts = world.app.logged_parts(&id).await;
        assert_eq!(parts.len(), 100, "{path}");
    }
}

#[tokio::test]
async fn an_answer_is_not_larger_than_eight_megabytes() {
    let world = World::start().await;
    let echoed = |parts: usize| {
        let mut body = multi(A_MELDING.0, &vec!["write"; parts], 0);
        let value = "x".repeat(16 * 1024);
        body["Request"]["Environment"][0]["Attribute"] =
            json!([{"AttributeId": "urn:x", "Value": value, "IncludeInResult": true}]);
        body
    };
    world
        .sav()
        .post(AUTHORIZE_PATH, echoed(10))
        .await
        .assert_status(200);
    let answer = world.sav().post(AUTHORIZE_PATH, echoed(600)).await;
    assert_refused(answer, "too large");
}

/// A policy with so many rules for a resource, of which none names an action that is asked about.
fn rules(count: usize) -> String {
    let named = |category: &str, id: &str, value: &str| {
        format!(
            r#"<AnyOf><AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="{XS}string">{value}</AttributeValue><AttributeDesignator AttributeId="{id}" Category="urn:oasis:names:tc:xacml:3.0:attribute-category:{category}" DataType="{XS}string" MustBePresent="false"/></Match></AllOf></AnyOf>"#
        )
    };
    let rules: String = (0..count)
        .map(|n| {
            let resource = named("resource", "urn:altinn:resource", BOMB);
            let action = named("action", ACTION, &format!("none{n}"));
            format!(
                "<Rule RuleId=\"r{n}\" Effect=\"Permit\"><Target>{resource}{action}</Target></Rule>"
            )
        })
        .collect();
    format!(
        r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:1" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>{rules}</Policy>"#
    )
}

#[tokio::test]
async fn explanations_have_the_same_budget() {
    let world = world().await;
    let token = world.organization(SAV, WRITE).token().await.unwrap();
    upload(&world.app, &token, BOMB, "policyFile", &rules(200))
        .await
        .assert_status(201);
    let batch = |count: usize, explain: bool| {
        let mut body = authzen(BOMB, "write");
        body["context"] = json!({"explain": explain});
        let items = (0..count).map(|n| json!({"action": {"name": format!("act{n}")}}));
        body["evaluations"] = items.collect();
        body
    };
    let answer = world.sav().post(EVALUATIONS, batch(50, true)).await;
    let answer = answer.assert_status(200).json();
    let explanation = &answer["evaluations"][49]["context"]["explanation"];
    assert_eq!(explanation["nearestMiss"]["missing"], "action");
    assert_eq!(
        explanation["policy"]["rules"].as_array().unwrap().len(),
        200
    );
    let answer = world.sav().post(EVALUATIONS, batch(1_000, false)).await;
    answer.assert_status(200);
    let answer = world.sav().post(EVALUATIONS, batch(1_000, true)).await;
    assert_eq!(answer.status, 400);
}

fn xml(depth: usize) -> String {
    let nested = format!("{}{}", "<x>".repeat(depth - 1), "</x>".repeat(depth - 1));
    format!(
        r#"<Request xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" ReturnPolicyIdList="false" CombinedDecision="false">{nested}</Request>"#
    )
}

#[tokio::test]
async fn xml_that_is_too_deep_or_has_a_document_type_is_no_request() {
    let world = World::start().await;
    let token = world.sav().token().await.unwrap();
    for body in [xml(100_000), format!("<!DOCTYPE a>{}", xml(2))] {
        for path in [AUTHORIZE_PATH, DECISION] {
            let request = world
                .app
                .http
                .post(format!("{}{path}", world.app.base))
                .bearer_auth(&token)
                .header("content-type", "application/xml")
                .body(body.clone());
            let answer = Answer::of(request.send().await.unwrap()).await;
            let answer = answer.assert_status(200);
            assert!(answer.text.contains("syntax-error"), "{}", answer.text);
        }
    }
}
