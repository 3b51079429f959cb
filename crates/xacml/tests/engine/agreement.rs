//! The engine agrees with the slow evaluator, with its indexes and without, and whatever else a
//! policy set contains.

use std::sync::Arc;

use proptest::{prelude::*, test_runner::FileFailurePersistence};
use xacml::{
    Assignment, Decider, Decision, DecisionResult, Effect, Environment, Limits, LoadOptions,
    Obligation, PolicyTree, PreparedRequest, Program, Request, Scratch,
};

use super::{
    generate::{Case, case},
    slow::{Answer, Outcome, Slow, Value},
};

const NOW: Environment<'static> = Environment::at(1_700_000_000);

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(500),
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..default
    }
}

fn load(xml: &str) -> Program {
    Program::load(xml.as_bytes(), &LoadOptions::default()).unwrap_or_else(|e| panic!("{e}\n{xml}"))
}

fn decide(policy: &str, request: &str) -> DecisionResult {
    let request = Request::from_xml(request.as_bytes(), &Limits::DEFAULT).unwrap();
    let decider = Decider {
        roots: &[Arc::new(load(policy))],
        environment: NOW,
        tree: None,
    };
    decider
        .decide(&request, &mut Scratch::default())
        .results
        .remove(0)
}

type Plain = (
    Decision,
    &'static str,
    Vec<(String, Vec<Value>)>,
    Vec<(String, Vec<Value>)>,
    Vec<String>,
);

fn plain(result: &DecisionResult) -> Plain {
    let value = |a: &Assignment| match &a.value {
        xacml::Value::String(text) => Value::Text(text.to_string()),
        other => Value::Number(other.text().parse().unwrap()),
    };
    let obligations = |list: &[Obligation]| {
        list.iter()
            .map(|o| (o.id.clone(), o.assignments.iter().map(value).collect()))
            .collect()
    };
    let policies = result.policies.iter().map(|p| p.id.clone()).collect();
    (
        result.decision,
        result.status.code.name(),
        obligations(&result.obligations),
        obligations(&result.advice),
        policies,
    )
}

fn expected(answer: Answer) -> Plain {
    let (decision, code) = match answer.outcome {
        Outcome::NotApplicable => (Decision::NotApplicable, "ok"),
        Outcome::Decided(Effect::Permit) => (Decision::Permit, "ok"),
        Outcome::Decided(Effect::Deny) => (Decision::Deny, "ok"),
        Outcome::Indeterminate(_, fault) => (Decision::Indeterminate, fault),
    };
    (
        decision,
        code,
        answer.obligations,
        answer.advice,
        answer.policies,
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn it_agrees_with_the_slow_evaluator(Case { policy, request, facts } in case()) {
        let (tree, errors) = PolicyTree::read(policy.as_bytes(), &LoadOptions::default()).unwrap();
        prop_assert!(errors.is_empty(), "{errors:?}");
        let slow = Slow { facts: &facts }.tree(&tree);
        prop_assert_eq!(plain(&decide(&policy, &request)), expected(slow), "{}\n{}", policy, request);
    }

    /// An explained decision evaluates every rule.
    #[test]
    fn indexes_change_nothing(Case { policy, request, .. } in case()) {
        let program = load(&policy);
        let request = Request::from_xml(request.as_bytes(), &Limits::DEFAULT).unwrap();
        let Scratch { mut binding, mut work } = Scratch::default();
        let prepared = PreparedRequest::new(&program, &request.categories, NOW, &mut binding);
        let indexed = plain(&prepared.evaluate_with_policies(&mut work).to_result());
        prop_assert_eq!(indexed, plain(&prepared.explain(true, &mut work).to_result()));
    }

    #[test]
    fn what_does_not_apply_changes_nothing(Case { policy, request, .. } in case(), before: bool) {
        let namespace = r#" xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17""#;
        let unrelated = concat!(
            r#"<Policy PolicyId="unrelated" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-unless-permit">"#,
            r#"<Target><AnyOf><AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal">"#,
            r#"<AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">unknown</AttributeValue>"#,
            r#"<AttributeDesignator Category="subject" AttributeId="a" DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="false"/>"#,
            r#"</Match></AllOf></AnyOf></Target></Policy>"#
        );
        let set = |children: &str| format!(
            r#"<PolicySet{namespace} PolicySetId="all" Version="1.0" PolicyCombiningAlgId="urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:permit-overrides"><Target/>{children}</PolicySet>"#
        );
        let inner = policy.replacen(namespace, "", 1);
        let others: String = (0..6).map(|n| unrelated.replace("unrelated", &format!("unrelated-{n}"))).collect();
        let alone = decide(&set(&inner), &request);
        let among = decide(&set(&if before { others + &inner } else { inner + &others }), &request);
        prop_assert_eq!(plain(&alone), plain(&among));
    }

    #[test]
    fn names_mean_nothing(Case { policy, request, .. } in case()) {
        let renamed = |xml: &str| {
            xml.replace(r#"AttributeId="a""#, r#"AttributeId="urn:example:a-longer-name""#).replace(">x<", ">first<").replace(">X<", ">FIRST<").replace(">y<", ">æøå<")
        };
        let back = |value: Value| match value {
            Value::Text(text) => Value::Text(text.replace("first", "x").replace("FIRST", "X").replace("æøå", "y")),
            other => other,
        };
        let back = |list: Vec<(String, Vec<Value>)>| -> Vec<(String, Vec<Value>)> { list.into_iter().map(|(id, v)| (id, v.into_iter().map(back).collect())).collect() };
        let (decision, code, obligations, advice, policies) = plain(&decide(&renamed(&policy), &renamed(&request)));
        prop_assert_eq!(plain(&decide(&policy, &request)), (decision, code, back(obligations), back(advice), policies));
    }
}
