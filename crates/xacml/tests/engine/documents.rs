//! Requests for several decisions, requests in JSON, references between policies, broken policies,
//! and what a response contains besides decisions.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value as Json, json};
use xacml::{
    AttributeSource, DataType, Decider, Decision, Dialect, Environment, Limits, LoadOptions,
    LoadWarningKind, PolicyResolver, PreparedRequest, Program, Request, ResourceTree, Response,
    Scratch, Value, ids, policy::Reference,
};

const NAMESPACE: &str = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17";
const XS: &str = "http://www.w3.org/2001/XMLSchema#";
const NOW: Environment<'static> = Environment::at(1_700_000_000);
const RESOURCE_ID: &str = "urn:oasis:names:tc:xacml:1.0:resource:resource-id";

fn policy(inside: &str) -> String {
    format!(
        r#"<Policy xmlns="{NAMESPACE}" PolicyId="p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:permit-overrides"><Target/>{inside}</Policy>"#
    )
}

fn equals(category: &str, attribute_id: &str, value: &str, must: bool) -> String {
    format!(
        r#"<Target><AnyOf><AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="{XS}string">{value}</AttributeValue><AttributeDesignator Category="{category}" AttributeId="{attribute_id}" DataType="{XS}string" MustBePresent="{must}"/></Match></AllOf></AnyOf></Target>"#
    )
}

fn rule(id: &str, inside: &str) -> String {
    format!(r#"<Rule RuleId="{id}" Effect="Permit">{inside}</Rule>"#)
}

fn load(xml: &str) -> Program {
    Program::load(xml.as_bytes(), &LoadOptions::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn decide_in(
    program: &str,
    request: &Json,
    environment: Environment<'_>,
    tree: Option<&dyn ResourceTree>,
) -> Response {
    let body = request.to_string();
    let request =
        Request::from_json(body.as_bytes(), &Limits::DEFAULT).unwrap_or_else(|e| panic!("{e}"));
    Decider {
        roots: &[Arc::new(load(program))],
        environment,
        tree,
    }
    .decide(&request, &mut Scratch::default())
}

fn decide(program: &str, request: &Json) -> Response {
    decide_in(program, request, NOW, None)
}

fn decisions(response: &Response) -> Vec<Decision> {
    response.results.iter().map(|r| r.decision).collect()
}

fn attribute(id: &str, value: &Json) -> Json {
    json!({"Attribute": [{"AttributeId": id, "Value": value, "IncludeInResult": true}]})
}

/// Permits action `a` on resource `r`.
fn a_on_r() -> String {
    let both = equals(ids::ACTION, ids::ACTION_ID, "a", false).replace("</Target>", "")
        + &equals(ids::RESOURCE, RESOURCE_ID, "r", false).replace("<Target>", "");
    policy(&rule("only", &both))
}

#[test]
fn repeated_categories_are_multiplied_and_the_last_varies_fastest() {
    let request = json!({"Request": {
        "Resource": [attribute(RESOURCE_ID, &json!("r")), attribute(RESOURCE_ID, &json!("s"))],
        "Action": [attribute(ids::ACTION_ID, &json!("b")), attribute(ids::ACTION_ID, &json!("a"))],
    }});
    let response = decide(&a_on_r(), &request);
    assert_eq!(
        decisions(&response),
        [
            Decision::NotApplicable,
            Decision::Permit,
            Decision::NotApplicable,
            Decision::NotApplicable
        ]
    );
    let echoed: Vec<_> = response
        .results
        .iter()
        .map(|r| {
            r.attributes
                .iter()
                .map(|c| c.attributes[0].values[0].text().into_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(echoed, [["r", "b"], ["r", "a"], ["s", "b"], ["s", "a"]]);
}

#[test]
fn references_make_one_decision_each() {
    let mut request = json!({"Request": {
        "Resource": [attribute(RESOURCE_ID, &json!("r")), attribute(RESOURCE_ID, &json!("s"))],
        "Action": [attribute(ids::ACTION_ID, &json!("a"))],
        "MultiRequests": {"RequestReference": [{"ReferenceId": ["s1", "a1"]}, {"ReferenceId": ["r1", "a1"]}, {"ReferenceId": ["r1", "unknown"]}]},
    }});
    for (pointer, id) in [
        ("/Request/Resource/0", "r1"),
        ("/Request/Resource/1", "s1"),
        ("/Request/Action/0", "a1"),
    ] {
        request.pointer_mut(pointer).unwrap()["Id"] = json!(id);
    }
    let response = decide(&a_on_r(), &request);
    assert_eq!(
        decisions(&response),
        [
            Decision::NotApplicable,
            Decision::Permit,
            Decision::Indeterminate
        ]
    );
    assert_eq!(response.results[2].status.code.name(), "syntax-error");
}

#[rstest]
#[case(json!(["a", "a"]), false, Decision::Permit, "ok")]
#[case(json!(["b", "c"]), false, Decision::NotApplicable, "ok")]
#[case(json!(["a", "b"]), false, Decision::Indeterminate, "processing-error")]
#[case(json!(["a", "a"]), true, Decision::Indeterminate, "processing-error")]
fn combined_decisions_agree_and_carry_nothing(
    #[case] actions: Json,
    #[case] obliged: bool,
    #[case] decision: Decision,
    #[case] code: &str,
) {
    let mut xml = a_on_r();
    if obliged {
        let obligation = r#"<ObligationExpressions><ObligationExpression ObligationId="o" FulfillOn="Permit"/></ObligationExpressions></Policy>"#;
        xml = xml.replace("</Policy>", obligation);
    }
    let actions: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|a| attribute(ids::ACTION_ID, a))
        .collect();
    let response = decide(
        &xml,
        &json!({"Request": {"CombinedDecision": true, "Resource": attribute(RESOURCE_ID, &json!("r")), "Action": actions}}),
    );
    assert_eq!(decisions(&response), [decision]);
    let result = &response.results[0];
    assert_eq!(
        (
            result.status.code.name(),
            result.attributes.len(),
            result.obligations.len()
        ),
        (code, 0, 0)
    );
}

/// `r` holds `r/1` and `r/2`, and `r/1` holds `r/1/1`.
struct Tree;

impl ResourceTree for Tree {
    fn children(&self, resource: &Value<'_>) -> Vec<Value<'static>> {
        let names: &[&str] = match &*resource.text() {
            "r" => &["r/1", "r/2"],
            "r/1" => &["r/1/1"],
            _ => &[],
        };
        names.iter().map(|n| Value::String((*n).into())).collect()
    }
}

#[rstest]
#[case("Immediate", &["r"])]
#[case("Children", &["r", "r/1", "r/2"])]
#[case("Descendants", &["r", "r/1", "r/2", "r/1/1"])]
fn a_scope_reaches_below_a_resource(#[case] scope: &str, #[case] expected: &[&str]) {
    let resource = json!({"Attribute": [
        {"AttributeId": RESOURCE_ID, "Value": "r", "IncludeInResult": true},
        {"AttributeId": "urn:oasis:names:tc:xacml:2.0:resource:scope", "Value": scope},
    ]});
    let request = json!({"Request": {"Resource": resource, "Action": attribute(ids::ACTION_ID, &json!("a"))}});
    let response = decide_in(&a_on_r(), &request, NOW, Some(&Tree));
    let about: Vec<_> = response
        .results
        .iter()
        .map(|r| r.attributes[0].attributes[0].values[0].text().into_owned())
        .collect();
    assert_eq!(about, expected);
    assert_eq!(response.results[0].decision, Decision::Permit);
    if scope != "Immediate" {
        let alone = decide(&a_on_r(), &request);
        assert_eq!(
            (
                alone.results[0].decision,
                alone.results[0].status.code.name()
            ),
            (Decision::Indeterminate, "processing-error")
        );
    }
}

#[cfg(feature = "xpath")]
#[test]
fn a_content_selector_makes_one_decision_for_each_node() {
    let resource = json!({"Content": "<list><item k='1'/><item k='2'/></list>", "Attribute": [
        {"AttributeId": "urn:oasis:names:tc:xacml:3.0:profile:multiple:content-selector", "DataType": "xpathExpression", "IncludeInResult": true,
         "Value": {"XPathCategory": ids::RESOURCE, "XPath": "/list/item"}},
    ]});
    let response = decide(
        &policy(&rule("all", "")),
        &json!({"Request": {"Resource": resource}}),
    );
    assert_eq!(decisions(&response), [Decision::Permit, Decision::Permit]);
    let answer: Json = serde_json::from_slice(&response.to_json()).unwrap();
    let echoed = |n: usize| answer["Response"][n]["Category"][0]["Attribute"][0].clone();
    assert_eq!(
        echoed(1)["AttributeId"],
        "urn:oasis:names:tc:xacml:3.0:content-selector"
    );
    assert!(
        echoed(0).to_string().contains("[1]") && echoed(1).to_string().contains("[2]"),
        "{answer}"
    );
}

#[rstest]
#[case(json!({"Value": "x"}), "string", &["x"])]
#[case(json!({"Value": ["x", "y"]}), "string", &["x", "y"])]
#[case(json!({"Value": []}), "string", &[])]
#[case(json!({"Value": 7}), "integer", &["7"])]
#[case(json!({"Value": 18_446_744_073_709_551_615_u64}), "integer", &["18446744073709551615"])]
#[case(json!({"Value": 2.5}), "double", &["2.5E0"])]
#[case(json!({"Value": [1, 2.5]}), "double", &["1.0E0", "2.5E0"])]
#[case(json!({"Value": true}), "boolean", &["true"])]
#[case(json!({"Value": 7, "DataType": "double"}), "double", &["7.0E0"])]
#[case(json!({"Value": "7", "DataType": "integer"}), "integer", &["7"])]
#[case(json!({"Value": "INF", "DataType": "double"}), "double", &["INF"])]
#[case(json!({"Value": "2024-02-29", "DataType": "http://www.w3.org/2001/XMLSchema#date"}), "date", &["2024-02-29"])]
#[case(json!({"Value": ["P1D", "PT1H"], "DataType": "dayTimeDuration"}), "dayTimeDuration", &["P1D", "PT1H"])]
fn json_values_have_types(
    #[case] attribute: Json,
    #[case] data_type: &str,
    #[case] texts: &[&str],
) {
    let mut attribute = attribute;
    attribute["AttributeId"] = json!("x");
    let body = json!({"Request": {"Action": {"Attribute": attribute}}}).to_string();
    let request = Request::from_json(body.as_bytes(), &Limits::DEFAULT).unwrap();
    let values = &request.categories[0].attributes[0].values;
    assert!(
        values
            .iter()
            .all(|v| v.value.data_type().short_name() == data_type)
    );
    assert_eq!(
        values
            .iter()
            .map(|v| v.value.text().into_owned())
            .collect::<Vec<_>>(),
        texts
    );
}

#[rstest]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a","Value":[1,"x"]}}}}"#,
    "one type"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a","Value":[[1]]}}}}"#,
    "invalid type"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a","Value":"x","DataType":"integer"}}}}"#,
    "not a value of type integer"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a","Value":"x","DataType":"colour"}}}}"#,
    "not a data type"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a","Value":true,"DataType":"string"}}}}"#,
    "does not fit"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a"}}}}"#,
    "missing field `Value`"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"Value":"a"}}}}"#,
    "missing field `AttributeId`"
)]
#[case(
    r#"{"Request":{"Action":{"Attribute":{"AttributeId":"a","AttributeId":"b","Value":1}}}}"#,
    "duplicate field"
)]
#[case(r#"{"Request":{"Action":{"CategoryId":"urn:other"}}}"#, "contradicts")]
#[case(
    r#"{"Request":{"Category":{"Attribute":[]}}}"#,
    "CategoryId is missing"
)]
#[case(
    r#"{"Request":{"XPathVersion":"http://www.w3.org/TR/xpath20/","Action":{}}}"#,
    "XPath 1.0"
)]
#[case(
    r#"{"Request":{"MultiRequests":{"RequestReference":[]},"Action":{}}}"#,
    "at least one"
)]
#[case(r#"{"Request":{}}"#, "no categories")]
#[case(r#"{"Request":[]}"#, "")]
#[case(r"{}", "missing field `Request`")]
#[case(r#"{"Request":{"Action":{}}} {}"#, "trailing")]
fn what_is_wrong_with_a_json_request_is_said(#[case] body: &str, #[case] because: &str) {
    let reason = Request::from_json(body.as_bytes(), &Limits::DEFAULT)
        .unwrap_err()
        .to_string();
    assert!(reason.contains(because), "{reason}");
}

/// Policies `q` in versions 1.0, 1.4 and 2.0, the last of which denies; and a set `s`.
struct Repository(Vec<Arc<Program>>);

impl Repository {
    fn new() -> Self {
        let version = |v: &str, effect: &str| {
            let xml = policy(&rule("r", "").replace("Permit", effect))
                .replace("\"p\"", "\"q\"")
                .replace("\"1.0\"", &format!("\"{v}\""));
            Arc::new(load(&xml))
        };
        Self(vec![
            version("1.0", "Permit"),
            version("1.4", "Permit"),
            version("2.0", "Deny"),
        ])
    }
}

impl PolicyResolver for Repository {
    fn resolve(&self, reference: &Reference) -> Option<Arc<Program>> {
        let version = |p: &Program| xacml::policy::Version::parse(p.name().1).unwrap();
        let fits = |p: &&Arc<Program>| {
            !reference.to_set
                && p.name().0 == reference.id
                && reference.versions.admits(&version(p))
        };
        self.0
            .iter()
            .filter(fits)
            .max_by_key(|p| version(p))
            .cloned()
    }
}

#[rstest]
#[case("", Decision::Deny, "2.0")]
#[case(r#" Version="1.+""#, Decision::Permit, "1.4")]
#[case(r#" Version="*.0" LatestVersion="1.9""#, Decision::Permit, "1.0")]
#[case(r#" EarliestVersion="1.1""#, Decision::Deny, "2.0")]
#[case(r#" LatestVersion="1.4""#, Decision::Permit, "1.4")]
#[case(r#" Version="3.*""#, Decision::Indeterminate, "")]
fn a_reference_finds_the_highest_version_that_will_do(
    #[case] versions: &str,
    #[case] decision: Decision,
    #[case] version: &str,
) {
    let set = format!(
        r#"<PolicySet xmlns="{NAMESPACE}" PolicySetId="s" Version="1.0" PolicyCombiningAlgId="urn:oasis:names:tc:xacml:1.0:policy-combining-algorithm:first-applicable"><Target/><PolicyIdReference{versions}>q</PolicyIdReference></PolicySet>"#
    );
    let (repository, request) = (
        Repository::new(),
        json!({"Request": {"ReturnPolicyIdList": true, "Action": {}}}),
    );
    let mut environment = NOW;
    environment.resolver = Some(&repository);
    let response = decide_in(&set, &request, environment, None);
    assert_eq!(decisions(&response), [decision]);
    let named: Vec<_> = response.results[0]
        .policies
        .iter()
        .map(|p| (p.id.as_str(), p.version.as_str()))
        .collect();
    if decision == Decision::Indeterminate {
        assert_eq!(response.results[0].status.code.name(), "processing-error");
    } else {
        assert_eq!(named, [("q", version), ("s", "1.0")]);
    }
    let to_sets = set.replace("PolicyIdReference", "PolicySetIdReference");
    assert_eq!(
        decisions(&decide_in(&to_sets, &request, environment, None)),
        [Decision::Indeterminate]
    );
}

#[test]
fn a_missing_attribute_is_named() {
    let xml = policy(&rule(
        "r",
        &equals("urn:c", "urn:a", "x", true).replace(
            "MustBePresent=\"true\"",
            "MustBePresent=\"true\" Issuer=\"me\"",
        ),
    ));
    let response = decide(&xml, &json!({"Request": {"Action": {}}}));
    let answer: Json = serde_json::from_slice(&response.to_json()).unwrap();
    let status = &answer["Response"][0]["Status"];
    assert_eq!(
        status["StatusCode"]["Value"],
        "urn:oasis:names:tc:xacml:1.0:status:missing-attribute"
    );
    let detail = json!([{"Category": "urn:c", "AttributeId": "urn:a", "DataType": format!("{XS}string"), "Issuer": "me"}]);
    assert_eq!(status["StatusDetail"]["MissingAttributeDetail"], detail);
    let xml = String::from_utf8(response.to_xml()).unwrap();
    assert!(
        xml.contains(r#"<MissingAttributeDetail Category="urn:c" AttributeId="urn:a""#),
        "{xml}"
    );
}

struct Source;

impl AttributeSource for Source {
    fn values(
        &self,
        category: &str,
        attribute_id: &str,
        data_type: DataType,
    ) -> Vec<Value<'static>> {
        if (category, attribute_id, data_type) == ("urn:c", "urn:a", DataType::String) {
            vec![Value::String("x".into())]
        } else {
            Vec::new()
        }
    }
}

#[test]
fn a_source_supplies_what_the_request_lacks_and_no_more() {
    let xml = policy(&rule("r", &equals("urn:c", "urn:a", "x", true)));
    let mut environment = NOW;
    environment.source = Some(&Source);
    assert_eq!(
        decisions(&decide_in(
            &xml,
            &json!({"Request": {"Action": {}}}),
            environment,
            None
        )),
        [Decision::Permit]
    );
    let other = json!({"Request": {"Category": {"CategoryId": "urn:c", "Attribute": {"AttributeId": "urn:a", "Value": "y"}}}});
    assert_eq!(
        decisions(&decide_in(&xml, &other, environment, None)),
        [Decision::NotApplicable]
    );
}

#[rstest]
#[case(json!([]), Decision::Permit)]
#[case(json!([{"AttributeId": "urn:oasis:names:tc:xacml:1.0:environment:current-date", "Value": "2030-01-01", "DataType": "date"}]), Decision::NotApplicable)]
fn the_clock_supplies_the_date_unless_the_request_does(
    #[case] given: Json,
    #[case] decision: Decision,
) {
    let condition = format!(
        r#"<Condition><Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:date-equal"><Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:date-one-and-only"><AttributeDesignator Category="urn:oasis:names:tc:xacml:3.0:attribute-category:environment" AttributeId="urn:oasis:names:tc:xacml:1.0:environment:current-date" DataType="{XS}date" MustBePresent="true"/></Apply><AttributeValue DataType="{XS}date">2023-11-14Z</AttributeValue></Apply></Condition>"#
    );
    let response = decide(
        &policy(&rule("r", &condition)),
        &json!({"Request": {"Environment": {"Attribute": given}}}),
    );
    assert_eq!(decisions(&response), [decision]);
}

/// Rules that permit `a` and `b` under one identifier.
fn repeated_rules() -> String {
    policy(
        &(rule("same", &equals(ids::ACTION, ids::ACTION_ID, "a", false))
            + "\n"
            + &rule("same", &equals(ids::ACTION, ids::ACTION_ID, "b", false))),
    )
}

fn action(value: &str) -> Json {
    json!({"Request": {"Action": attribute(ids::ACTION_ID, &json!(value))}})
}

#[test]
fn rules_with_the_same_identifier_all_decide() {
    for wanted in ["a", "b"] {
        let response = decide(&repeated_rules(), &action(wanted));
        assert_eq!(decisions(&response), [Decision::Permit]);
    }
}

#[test]
fn a_repeated_identifier_is_a_warning_with_its_line() {
    let program = load(&repeated_rules());
    let warnings: Vec<_> = program
        .warnings()
        .iter()
        .map(|w| (w.at.line, w.kind.name(), w.text.as_str()))
        .collect();
    assert_eq!(
        warnings,
        [(
            2,
            "repeated-rule-id",
            "rule 2 has the RuleId of rule 1, same; both count"
        )]
    );
}

#[test]
fn an_explanation_distinguishes_rules_with_the_same_identifier() {
    let program = load(&repeated_rules());
    let body = action("b").to_string();
    let request = Request::from_json(body.as_bytes(), &Limits::DEFAULT).unwrap();
    let Scratch {
        mut binding,
        mut work,
    } = Scratch::default();
    let prepared = PreparedRequest::new(&program, &request.categories, NOW, &mut binding);
    let evaluation = prepared.explain(false, &mut work);
    assert_eq!(
        (evaluation.rule(), evaluation.rule_number()),
        (Some("same"), Some(2))
    );
    let numbers: Vec<_> = evaluation
        .trace()
        .steps
        .iter()
        .map(|step| (step.rule_number, step.is_id_repeated))
        .collect();
    assert_eq!(numbers, [(None, false), (Some(1), true), (Some(2), true)]);
}

const TOLERANT: LoadOptions = LoadOptions {
    limits: Limits::DEFAULT,
    dialect: Dialect::TOLERANT,
    lenient: false,
};

/// A target that compares the action with an integer.
fn integer_action() -> String {
    equals(ids::ACTION, ids::ACTION_ID, "1", false).replacen(
        &format!("{XS}string"),
        &format!("{XS}integer"),
        1,
    )
}

fn decides(program: Program, request: &Json) -> Decision {
    let body = request.to_string();
    let request = Request::from_json(body.as_bytes(), &Limits::DEFAULT).unwrap();
    let decider = Decider {
        roots: &[Arc::new(program)],
        environment: NOW,
        tree: None,
    };
    decider.decide(&request, &mut Scratch::default()).results[0].decision
}

#[test]
fn a_literal_of_the_wrong_type_never_matches_in_a_rule_that_permits() {
    let xml = policy(&rule("typed", &integer_action()));
    let program = Program::load(xml.as_bytes(), &TOLERANT).unwrap();
    let kinds: Vec<_> = program.warnings().iter().map(|w| w.kind).collect();
    assert_eq!(kinds, [LoadWarningKind::MatchNeverHolds]);
    assert_eq!(decides(program, &action("1")), Decision::NotApplicable);
}

#[test]
fn an_alternative_to_a_literal_of_the_wrong_type_still_matches() {
    let both = integer_action().replace("</AnyOf></Target>", "")
        + &equals(ids::ACTION, ids::ACTION_ID, "a", false).replace("<Target><AnyOf>", "");
    let xml = policy(&rule("typed", &both));
    let program = Program::load(xml.as_bytes(), &TOLERANT).unwrap();
    assert_eq!(decides(program, &action("a")), Decision::Permit);
}

#[rstest]
#[case::rule_that_denies(policy(&rule("typed", &integer_action()).replace("Permit", "Deny")))]
#[case::target_of_the_policy(policy("").replace("<Target/>", &integer_action()))]
#[case::designator_of_the_wrong_type(policy(&rule("typed", &integer_action().replace(&format!("{XS}string"), &format!("{XS}date")))))]
fn elsewhere_a_wrong_type_is_an_error(#[case] xml: String) {
    assert!(Program::load(xml.as_bytes(), &TOLERANT).is_err());
}

#[test]
fn by_the_letter_of_the_standard_a_literal_of_the_wrong_type_is_an_error() {
    let xml = policy(&rule("typed", &integer_action()));
    assert!(Program::load(xml.as_bytes(), &LoadOptions::default()).is_err());
}

#[rstest]
#[case::no_identifier(r#"<Rule Effect="Permit"/>"#)]
#[case::no_effect(r#"<Rule RuleId="x"/>"#)]
#[case::unknown_effect(r#"<Rule RuleId="x" Effect="Allow"/>"#)]
#[case::unknown_function(
    r#"<Rule RuleId="x" Effect="Deny"><Condition><Apply FunctionId="none"/></Condition></Rule>"#
)]
fn a_broken_rule_does_not_take_the_decision_of_another(#[case] broken: &str) {
    let good = rule("good", &equals(ids::ACTION, ids::ACTION_ID, "a", false));
    let options = LoadOptions {
        lenient: true,
        ..TOLERANT
    };
    for xml in [
        policy(&(good.clone() + broken)),
        policy(&(broken.to_owned() + &good)),
    ] {
        let program = Program::load(xml.as_bytes(), &options).unwrap();
        assert_eq!(decides(program, &action("a")), Decision::Permit);
        let program = Program::load(xml.as_bytes(), &options).unwrap();
        assert_eq!(decides(program, &action("b")), Decision::Indeterminate);
    }
}

#[test]
fn a_broken_rule_leaves_the_others_standing_when_that_is_asked_for() {
    let broken = rule(
        "broken",
        r#"<Condition><Apply FunctionId="urn:unknown-function"/></Condition>"#,
    );
    let xml = policy(&(rule("good", &equals(ids::ACTION, ids::ACTION_ID, "a", false)) + &broken));
    let errors = Program::load(xml.as_bytes(), &LoadOptions::default()).unwrap_err();
    assert_eq!(
        (errors.0.len(), errors.0[0].element.as_str()),
        (1, "Apply of rule broken")
    );
    assert!(
        errors.to_string().contains("urn:unknown-function"),
        "{errors}"
    );
    let program = Program::load(
        xml.as_bytes(),
        &LoadOptions {
            lenient: true,
            ..LoadOptions::default()
        },
    )
    .unwrap();
    let decision = |action: &str| {
        let body =
            json!({"Request": {"Action": attribute(ids::ACTION_ID, &json!(action))}}).to_string();
        let request = Request::from_json(body.as_bytes(), &Limits::DEFAULT).unwrap();
        let Scratch {
            mut binding,
            mut work,
        } = Scratch::default();
        let result = PreparedRequest::new(&program, &request.categories, NOW, &mut binding)
            .evaluate(&mut work)
            .to_result();
        (result.decision, result.status.code.name())
    };
    assert_eq!(decision("a"), (Decision::Permit, "ok"));
    assert_eq!(decision("b"), (Decision::Indeterminate, "processing-error"));
}

#[rstest]
#[case(policy("<Rule RuleId=\"r\"/>"), "line 1", "Effect")]
#[case(policy("").replace("3.0:rule-combining-algorithm:permit-overrides", "3.0:policy-combining-algorithm:permit-overrides"), "Policy", "combin")]
#[case(policy(r#"<Rule RuleId="r" Effect="Permit"><Condition><VariableReference VariableId="v"/></Condition></Rule>"#), "VariableReference", "v")]
#[case(policy(r#"<VariableDefinition VariableId="v"><VariableReference VariableId="v"/></VariableDefinition>"#), "Variable", "")]
#[case(policy(&rule("r", &format!(r#"<Condition><AttributeValue DataType="{XS}string">x</AttributeValue></Condition>"#))), "Condition", "boolean")]
#[case(policy(&rule("r", "<Surprise/>")), "Surprise", "")]
#[case(policy("").replace("Version=\"1.0\"", ""), "Policy", "Version")]
#[case(policy("").replace("<Target/>", ""), "Policy", "Target")]
#[case(policy(&rule("r", &equals(ids::ACTION, "a", "x", false).replace("string-equal", "integer-equal"))), "Match", "")]
fn static_errors_say_where_and_why(
    #[case] xml: String,
    #[case] element: &str,
    #[case] reason: &str,
) {
    let error = Program::load(xml.as_bytes(), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("line 1, column ") && error.contains(element) && error.contains(reason),
        "{error}"
    );
}

#[test]
fn one_of_several_policies_decides() {
    let for_action = |action: &str| {
        let xml = policy(&rule("r", "")).replacen(
            "<Target/>",
            &equals(ids::ACTION, ids::ACTION_ID, action, action == "must"),
            1,
        );
        Arc::new(load(&xml))
    };
    let decide = |roots: &[&str], action: &str| {
        let body =
            json!({"Request": {"Action": attribute(ids::ACTION_ID, &json!(action))}}).to_string();
        let request = Request::from_json(body.as_bytes(), &Limits::DEFAULT).unwrap();
        let roots: Vec<_> = roots.iter().map(|r| for_action(r)).collect();
        let result = Decider {
            roots: &roots,
            environment: NOW,
            tree: None,
        }
        .decide(&request, &mut Scratch::default())
        .results
        .remove(0);
        (result.decision, result.status.code.name())
    };
    assert_eq!(decide(&["a", "b"], "b"), (Decision::Permit, "ok"));
    assert_eq!(decide(&["a", "b"], "c"), (Decision::NotApplicable, "ok"));
    assert_eq!(
        decide(&["a", "a"], "a"),
        (Decision::Indeterminate, "processing-error")
    );
    assert_eq!(decide(&[], "a"), (Decision::NotApplicable, "ok"));
}
