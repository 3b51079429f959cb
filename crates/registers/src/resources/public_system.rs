//! Where the public system decides otherwise than the standard, and so than this service. What it
//! does is read from its published source. Pure.

use std::collections::{BTreeMap, BTreeSet};

use xacml::{
    Policy, Position, ids,
    policy::{Expression, Match, Rule},
};

/// A part of a policy that the public system evaluates in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationDifference {
    /// Where the part starts.
    pub at: Position,
    /// Number of the rule, from 1; none for what is about the whole policy.
    pub rule: Option<usize>,
    /// `RuleId`, empty for the whole policy.
    pub id: String,
    /// What differs, in English.
    pub text: String,
}

/// Functions that the public system knows in a `Match`.
const KNOWN_FUNCTIONS: &[&str] = &[
    "string-equal",
    "string-equal-ignore-case",
    "anyURI-equal",
    "integer-one-and-only",
    "integer-equal",
    "string-is-in",
    "time-equal",
    "date-equal",
    "dateTime-equal",
    "string-regexp-match",
];

/// Categories that it looks at.
const KNOWN_CATEGORIES: &[(&str, &str)] = &[
    (ids::SUBJECT, "subject"),
    (ids::ACTION, "action"),
    (ids::RESOURCE, "resource"),
];

/// Every difference, by the order of the policy.
#[must_use]
pub fn differences(policy: &Policy) -> Vec<EvaluationDifference> {
    let mut out = Vec::new();
    if policy
        .head
        .target
        .iter()
        .flatten()
        .flatten()
        .next()
        .is_some()
    {
        out.push(EvaluationDifference {
            at: policy.head.at,
            rule: None,
            id: String::new(),
            text: "the target of the policy is not looked at: rules apply to every request".into(),
        });
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, rule) in (1..).zip(&policy.rules) {
        let mut add = |at: Position, text: String| {
            out.push(EvaluationDifference {
                at,
                rule: Some(number),
                id: rule.id.clone(),
                text,
            });
        };
        if let Some(first) = seen.get(rule.id.as_str()) {
            add(
                rule.at,
                format!(
                    "the id is that of rule {first} too: both count, and nothing distinguishes them in answers"
                ),
            );
        } else {
            seen.insert(&rule.id, number);
        }
        groups(rule, &mut add);
        for found in rule.target.iter().flatten().flatten() {
            of_match(found, &mut add);
        }
        if !rule.obligations.is_empty() || !rule.advice.is_empty() {
            add(
                rule.at,
                "obligations and advice of the rule are left out of the answer".into(),
            );
        }
    }
    out
}

/// Groups count per category, and one alternative of all is enough.
fn groups(rule: &Rule, add: &mut impl FnMut(Position, String)) {
    for (category, name) in KNOWN_CATEGORIES {
        let is_about = |found: &Match| {
            found
                .designator()
                .is_some_and(|designator| designator.category == *category)
        };
        let with = rule
            .target
            .iter()
            .filter(|group| group.iter().flatten().any(is_about))
            .count();
        if with > 1 {
            add(
                rule.at,
                format!(
                    "of the {with} AnyOf groups about the {name} one is enough, where the standard asks for all"
                ),
            );
        }
    }
    for group in &rule.target {
        let categories = |alternative: &Vec<Match>| {
            alternative
                .iter()
                .filter_map(Match::designator)
                .map(|designator| designator.category.clone())
                .collect::<BTreeSet<String>>()
        };
        let mixed = group.iter().filter(|a| categories(a).len() > 1).count();
        if mixed > 0 && group.len() > 1 {
            let at = group
                .iter()
                .flatten()
                .next()
                .map_or(rule.at, |found| found.at);
            add(
                at,
                "alternatives that are about several categories are taken apart: the subject of one holds with the action or resource of another".into(),
            );
        }
    }
}

fn of_match(found: &Match, add: &mut impl FnMut(Position, String)) {
    let name = found.function.rsplit(':').next().unwrap_or_default();
    if !KNOWN_FUNCTIONS.contains(&name) {
        add(
            found.at,
            format!(
                "{name} is not known in a Match: every request that the rule could apply to is Indeterminate"
            ),
        );
        return;
    }
    let designator = match &found.bag {
        Expression::Designator(designator) => designator,
        Expression::Literal(_)
        | Expression::Selector(_)
        | Expression::Apply(_)
        | Expression::Variable(_)
        | Expression::Function(_) => {
            add(found.at, "only attributes by designator can be read".into());
            return;
        }
    };
    if !KNOWN_CATEGORIES
        .iter()
        .any(|(category, _)| *category == designator.category)
    {
        add(
            found.at,
            format!("what is asked of {} is not looked at", designator.category),
        );
        return;
    }
    if name.starts_with("string-") && !found.value.data_type.ends_with("#string") {
        add(
            found.value.at,
            format!(
                "the literal is compared as a text, whatever its type ({}): it holds where the standard says never",
                short(&found.value.data_type)
            ),
        );
    } else if found.value.data_type != designator.data_type {
        add(
            found.at,
            "values of every type are compared, where the standard takes those of the named type alone".into(),
        );
    }
    if designator.must_be_present && designator.category != ids::SUBJECT {
        add(
            found.at,
            format!(
                "without {} in the request the whole decision is Indeterminate, whichever rule would decide",
                designator.attribute_id
            ),
        );
    }
}

fn short(data_type: &str) -> &str {
    data_type.rsplit(['#', ':']).next().unwrap_or(data_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::LOAD;

    const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
    const INTEGER: &str = "http://www.w3.org/2001/XMLSchema#integer";

    fn matching(function: &str, category: &str, attribute: &str, literal: &str) -> String {
        format!(
            r#"<Match MatchId="urn:oasis:names:tc:xacml:1.0:function:{function}"><AttributeValue DataType="{literal}">1</AttributeValue><AttributeDesignator Category="{category}" AttributeId="{attribute}" DataType="{STRING}" MustBePresent="false"/></Match>"#
        )
    }

    fn any_of(alternatives: &[String]) -> String {
        let all: String = alternatives
            .iter()
            .map(|a| format!("<AllOf>{a}</AllOf>"))
            .collect();
        format!("<AnyOf>{all}</AnyOf>")
    }

    fn rule(target: &str) -> String {
        format!(r#"<Rule RuleId="r" Effect="Permit"><Target>{target}</Target></Rule>"#)
    }

    fn texts(target: &str, rules: &str) -> Vec<String> {
        let xml = format!(
            r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target>{target}</Target>{rules}</Policy>"#
        );
        let policy = Policy::parse(xml.as_bytes(), &LOAD).unwrap();
        differences(&policy).into_iter().map(|d| d.text).collect()
    }

    #[test]
    fn the_usual_rule_is_decided_alike() {
        let subject = matching("string-equal", ids::SUBJECT, "urn:altinn:rolecode", STRING);
        let action = matching("string-equal", ids::ACTION, ids::ACTION_ID, STRING);
        let groups = any_of(&[subject]) + &any_of(&[action]);
        assert_eq!(texts("", &rule(&groups)), Vec::<String>::new());
    }

    #[rstest::rstest]
    #[case::groups(&["string-equal", "string-equal"], "one is enough")]
    #[case::function(&["string-greater-than"], "string-greater-than is not known")]
    fn what_is_decided_otherwise_is_named(#[case] groups: &[&str], #[case] expected: &str) {
        let group = |function: &&str| {
            any_of(&[matching(
                function,
                ids::SUBJECT,
                "urn:altinn:rolecode",
                STRING,
            )])
        };
        let found = texts("", &rule(&groups.iter().map(group).collect::<String>()));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }

    #[test]
    fn literals_ids_targets_and_mixtures_are_named() {
        let subject =
            |literal| matching("string-equal", ids::SUBJECT, "urn:altinn:rolecode", literal);
        let action = matching("string-equal", ids::ACTION, ids::ACTION_ID, STRING);
        let typed = texts("", &rule(&any_of(&[subject(INTEGER)])));
        assert!(typed[0].contains("compared as a text"), "{typed:?}");
        let twice = texts("", &(rule("") + &rule("")));
        assert!(twice[0].contains("that of rule 1 too"), "{twice:?}");
        let targeted = texts(&any_of(&[subject(STRING)]), &rule(""));
        assert!(targeted[0].contains("target of the policy"), "{targeted:?}");
        let mixed = any_of(&[subject(STRING) + &action, subject(STRING) + &action]);
        assert!(texts("", &rule(&mixed))[0].contains("taken apart"));
    }
}
