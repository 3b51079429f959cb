//! What is allowed in a policy and will surprise its author: warned about, never refused. Pure.

use std::collections::BTreeSet;

use xacml::{
    Effect, Policy, Position, ids,
    policy::{AllOf, AnyOf, Match, Rule},
};

use super::{
    attributes::RESOURCE_ATTRIBUTE,
    policy_warning::{PolicyWarning, PolicyWarningKind},
};
use crate::packages::Catalogue;

/// Category of the level that is asked of all subjects.
const LEVEL: &str = "urn:altinn:minimum-authenticationlevel";
/// Category of the level that is asked of system users in place of the general one.
const LEVEL_OF_SYSTEM_USERS: &str = "urn:altinn:minimum-authenticationlevel-systemuser";
/// Level that a system user has.
const SYSTEM_USER_LEVEL: u8 = 3;
/// The highest level there is.
const HIGHEST_LEVEL: u8 = 4;
/// Warnings of one policy, beyond which no more are looked for.
const MAX_WARNINGS: usize = 500;

/// Everything that is found in a policy, in no order.
#[must_use]
pub fn lint(policy: &Policy, catalogue: &Catalogue) -> Vec<PolicyWarning> {
    let mut out = Vec::new();
    levels(policy, &mut out);
    for (number, rule) in (1..).zip(&policy.rules) {
        if out.len() >= MAX_WARNINGS {
            break;
        }
        let rule = NamedRule { number, rule };
        out.extend(rule.subject_groups());
        out.extend(rule.impossible());
        for found in rule.matches() {
            out.extend(placeholder(found));
            out.extend(unknown_subject(found, catalogue));
        }
    }
    out
}

fn warning(kind: PolicyWarningKind, at: Position, element: &str, text: &str) -> PolicyWarning {
    PolicyWarning {
        kind,
        line: at.line,
        column: at.column,
        text: format!("{element}: {text}"),
    }
}

/// A rule with its number in the policy: ids may repeat.
#[derive(Clone, Copy)]
struct NamedRule<'p> {
    number: usize,
    rule: &'p Rule,
}

impl<'p> NamedRule<'p> {
    fn matches(self) -> impl Iterator<Item = &'p Match> {
        self.rule.target.iter().flatten().flatten()
    }

    /// Subjects in two groups must both hold, where most authors mean one of all.
    fn subject_groups(self) -> Option<PolicyWarning> {
        let groups = self
            .rule
            .target
            .iter()
            .filter(|group| is_of_subjects(group));
        let count = groups.count();
        (count > 1).then(|| {
            let text = format!(
                "rule {} has {count} AnyOf groups of subjects, and a subject must be in each of them; put the alternatives into one AnyOf if one is enough",
                self.number
            );
            warning(PolicyWarningKind::SeveralSubjectGroups, self.rule.at, "Rule", &text)
        })
    }

    /// A question names one action and one resource: a rule that asks for two of them matches none.
    fn impossible(self) -> Option<PolicyWarning> {
        let asked = [
            (ids::ACTION, ids::ACTION_ID, "action"),
            (ids::RESOURCE, RESOURCE_ATTRIBUTE, "resource"),
        ];
        let name = asked.into_iter().find_map(|(category, attribute, name)| {
            is_impossible(self.rule, category, attribute).then_some(name)
        })?;
        let text = format!(
            "rule {} can match no request: it asks for two different values of the {name}, and a request names one",
            self.number
        );
        Some(warning(
            PolicyWarningKind::RuleNeverApplies,
            self.rule.at,
            "Rule",
            &text,
        ))
    }
}

/// Every alternative of the group is about the subject and nothing else.
fn is_of_subjects(group: &AnyOf) -> bool {
    !group.is_empty()
        && group.iter().flatten().count() > 0
        && group.iter().flatten().all(|found| {
            found
                .designator()
                .is_some_and(|designator| designator.category == ids::SUBJECT)
        })
}

/// Whether the target holds for no value of an attribute that has one value.
fn is_impossible(rule: &Rule, category: &str, attribute: &str) -> bool {
    let mut allowed: Option<BTreeSet<String>> = None;
    for group in &rule.target {
        let mut of_group: Option<BTreeSet<String>> = Some(BTreeSet::new());
        for alternative in group {
            match values(alternative, category, attribute) {
                AdmittedValues::Any => of_group = None,
                AdmittedValues::One(value) => {
                    if let Some(values) = &mut of_group {
                        values.insert(value);
                    }
                }
                AdmittedValues::Conflict => {}
            }
        }
        let Some(of_group) = of_group else {
            continue;
        };
        let left = match allowed {
            None => of_group,
            Some(before) => before.intersection(&of_group).cloned().collect(),
        };
        if left.is_empty() {
            return true;
        }
        allowed = Some(left);
    }
    false
}

/// Values of an attribute that an alternative admits.
enum AdmittedValues {
    /// It does not say, or by a comparison that several values may pass.
    Any,
    /// This one.
    One(String),
    /// Two different ones at once.
    Conflict,
}

fn values(alternative: &AllOf, category: &str, attribute: &str) -> AdmittedValues {
    let mut asked = BTreeSet::new();
    for found in alternative {
        let is_about = found.designator().is_some_and(|designator| {
            designator.category == category && designator.attribute_id == attribute
        });
        if is_about && is_equality(found) {
            // Letter case may or may not count: two spellings are no conflict that is certain.
            asked.insert(found.value.text.trim().to_lowercase());
        }
    }
    let mut asked = asked.into_iter();
    match (asked.next(), asked.next()) {
        (None, _) => AdmittedValues::Any,
        (Some(value), None) => AdmittedValues::One(value),
        (Some(_), Some(_)) => AdmittedValues::Conflict,
    }
}

fn is_equality(found: &Match) -> bool {
    found.function.ends_with(":string-equal")
        || found.function.ends_with(":string-equal-ignore-case")
        || found.function.ends_with(":anyURI-equal")
}

/// Marks that templates of policies have where a value belongs.
const MARKS: &[(char, char)] = &[('[', ']'), ('{', '}'), ('<', '>')];
/// Words in the place of a value.
const WORDS: &[&str] = &["todo", "fixme", "changeme", "placeholder", "xxx"];

fn placeholder(found: &Match) -> Option<PolicyWarning> {
    let text = found.value.text.trim();
    let in_marks = |(open, close): &(char, char)| {
        text.find(*open)
            .is_some_and(|at| text[at..].contains(*close))
    };
    let is_left_in = is_equality(found)
        && (MARKS.iter().any(in_marks)
            || text.contains("${")
            || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)));
    is_left_in.then(|| {
        let text = format!(
            "«{}» looks like a placeholder that was left in",
            shown(text)
        );
        warning(PolicyWarningKind::Placeholder, found.at, "Match", &text)
    })
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// A package or a role that the catalogue does not have: no party ever holds it.
fn unknown_subject(found: &Match, catalogue: &Catalogue) -> Option<PolicyWarning> {
    let designator = found
        .designator()
        .filter(|designator| designator.category == ids::SUBJECT && is_equality(found))?;
    let value = found.value.text.trim();
    let has_role = |provider: &str| {
        catalogue
            .roles()
            .any(|role| role.provider == provider && role.code.eq_ignore_ascii_case(value))
    };
    let (kind, is_known, what) = match designator.attribute_id.as_str() {
        "urn:altinn:accesspackage" => (
            PolicyWarningKind::UnknownPackage,
            catalogue.package_by_value(value).is_some(),
            "access package",
        ),
        "urn:altinn:external-role:ccr" => {
            (PolicyWarningKind::UnknownRole, has_role("sys-ccr"), "role")
        }
        "urn:altinn:external-role:cra" => {
            (PolicyWarningKind::UnknownRole, has_role("sys-cra"), "role")
        }
        "urn:altinn:role" => (
            PolicyWarningKind::UnknownRole,
            has_role("sys-altinn3"),
            "role",
        ),
        "urn:altinn:rolecode" => (
            PolicyWarningKind::UnknownRole,
            catalogue.roles().any(|role| {
                let older = role.older_code();
                older.is_some_and(|code| code.eq_ignore_ascii_case(value))
            }),
            "role",
        ),
        _ => return None,
    };
    (!is_known).then(|| {
        let text = format!(
            "there is no {what} «{}», so that no party holds it",
            shown(value)
        );
        warning(kind, found.at, "Match", &text)
    })
}

/// The levels that obligations of the policy state.
fn levels(policy: &Policy, out: &mut Vec<PolicyWarning>) {
    let obligations = policy.constant_obligations(Effect::Permit);
    let stated = |category: &str| {
        obligations
            .iter()
            .flat_map(|obligation| &obligation.assignments)
            .filter(|assignment| assignment.category.as_deref() == Some(category))
            .map(|assignment| assignment.value.text().trim().to_owned())
            .collect::<Vec<String>>()
    };
    let (general, special) = (stated(LEVEL), stated(LEVEL_OF_SYSTEM_USERS));
    let level = |text: &String| {
        text.parse::<u8>()
            .ok()
            .filter(|level| *level <= HIGHEST_LEVEL)
    };
    for text in general
        .iter()
        .chain(&special)
        .filter(|text| level(text).is_none())
    {
        let text = format!(
            "«{}» is no authentication level: a number from 0 to {HIGHEST_LEVEL}; who enforces it refuses",
            shown(text)
        );
        out.push(warning(
            PolicyWarningKind::LevelUnreadable,
            policy.head.at,
            "Policy",
            &text,
        ));
    }
    let highest = general.iter().filter_map(level).max();
    if let Some(highest) = highest.filter(|level| *level > SYSTEM_USER_LEVEL)
        && special.is_empty()
    {
        let text = format!(
            "authentication level {highest} is asked for, and a system user has level {SYSTEM_USER_LEVEL}; state a level for system users ({LEVEL_OF_SYSTEM_USERS}) if they are to have access"
        );
        out.push(warning(
            PolicyWarningKind::LevelClosedToSystemUsers,
            policy.head.at,
            "Policy",
            &text,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{packages, resources::UPLOAD};

    const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";

    fn group(alternatives: &[&[(&str, &str, &str)]]) -> String {
        let matches = |alternative: &&[(&str, &str, &str)]| {
            let all: String = alternative
                .iter()
                .map(|(category, attribute, value)| format!(
                    r#"<Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="{STRING}">{value}</AttributeValue><AttributeDesignator Category="{category}" AttributeId="{attribute}" DataType="{STRING}" MustBePresent="false"/></Match>"#
                ))
                .collect();
            format!("<AllOf>{all}</AllOf>")
        };
        format!(
            "<AnyOf>{}</AnyOf>",
            alternatives.iter().map(matches).collect::<String>()
        )
    }

    fn policy(groups: &str, level: &str) -> String {
        let obligations = if level.is_empty() {
            String::new()
        } else {
            format!("<ObligationExpressions>{level}</ObligationExpressions>")
        };
        format!(
            r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>
<Rule RuleId="r" Effect="Permit"><Target>
{groups}</Target></Rule>{obligations}</Policy>"#
        )
    }

    fn assignment(category: &str, level: &str) -> String {
        format!(
            r#"<ObligationExpression ObligationId="o" FulfillOn="Permit"><AttributeAssignmentExpression AttributeId="a" Category="{category}"><AttributeValue DataType="{STRING}">{level}</AttributeValue></AttributeAssignmentExpression></ObligationExpression>"#
        )
    }

    fn kinds(xml: &str) -> Vec<(PolicyWarningKind, u32)> {
        let policy = Policy::parse(xml.as_bytes(), &UPLOAD).unwrap();
        lint(&policy, &packages::embedded().unwrap())
            .iter()
            .map(|warning| (warning.kind, warning.line))
            .collect()
    }

    const SUBJECT: &str = ids::SUBJECT;
    const LONN: (&str, &str, &str) = (SUBJECT, "urn:altinn:accesspackage", "lonn");
    const DAGL: (&str, &str, &str) = (SUBJECT, "urn:altinn:rolecode", "DAGL");
    const READ: (&str, &str, &str) = (ids::ACTION, ids::ACTION_ID, "read");
    const WRITE: (&str, &str, &str) = (ids::ACTION, ids::ACTION_ID, "write");
    const THIS: (&str, &str, &str) = (ids::RESOURCE, RESOURCE_ATTRIBUTE, "denne");

    #[rstest::rstest]
    #[case::usual(&[group(&[&[LONN], &[DAGL]]), group(&[&[THIS]]), group(&[&[READ], &[WRITE]])], &[])]
    #[case::two_groups(&[group(&[&[LONN]]), group(&[&[DAGL]])], &[(PolicyWarningKind::SeveralSubjectGroups, 2)])]
    #[case::mixed_groups(&[group(&[&[LONN]]), group(&[&[DAGL, READ]])], &[])]
    #[case::two_actions(&[group(&[&[READ, WRITE]])], &[(PolicyWarningKind::RuleNeverApplies, 2)])]
    #[case::two_action_groups(&[group(&[&[READ]]), group(&[&[WRITE]])], &[(PolicyWarningKind::RuleNeverApplies, 2)])]
    #[case::action_in_common(&[group(&[&[READ], &[WRITE]]), group(&[&[WRITE]])], &[])]
    #[case::free_alternative(&[group(&[&[READ], &[LONN]]), group(&[&[WRITE]])], &[])]
    #[case::template(&[group(&[&[(ids::RESOURCE, "urn:altinn:app", "[APP]")]])], &[(PolicyWarningKind::Placeholder, 3)])]
    #[case::braces(&[group(&[&[(ids::RESOURCE, "urn:altinn:app", "{app}")]])], &[(PolicyWarningKind::Placeholder, 3)])]
    #[case::package(&[group(&[&[(SUBJECT, "urn:altinn:accesspackage", "lønn")]])], &[(PolicyWarningKind::UnknownPackage, 3)])]
    #[case::package_in_capitals(&[group(&[&[(SUBJECT, "urn:altinn:accesspackage", "LONN")]])], &[])]
    #[case::legacy_role(&[group(&[&[(SUBJECT, "urn:altinn:rolecode", "DAGLIG")]])], &[(PolicyWarningKind::UnknownRole, 3)])]
    #[case::register_role(&[group(&[&[(SUBJECT, "urn:altinn:external-role:ccr", "daglig-leder")]])], &[])]
    #[case::no_register_role(&[group(&[&[(SUBJECT, "urn:altinn:external-role:ccr", "DAGL")]])], &[(PolicyWarningKind::UnknownRole, 3)])]
    #[case::other_subject(&[group(&[&[(SUBJECT, "urn:altinn:org", "unknown")]])], &[])]
    fn rules_that_surprise_are_found(
        #[case] groups: &[String],
        #[case] expected: &[(PolicyWarningKind, u32)],
    ) {
        assert_eq!(kinds(&policy(&groups.concat(), "")), expected);
    }

    #[rstest::rstest]
    #[case::three(&[(LEVEL, "3")], &[])]
    #[case::four(&[(LEVEL, "4")], &[PolicyWarningKind::LevelClosedToSystemUsers])]
    #[case::four_and_three(&[(LEVEL, "4"), (LEVEL_OF_SYSTEM_USERS, "3")], &[])]
    #[case::text(&[(LEVEL, "high")], &[PolicyWarningKind::LevelUnreadable])]
    #[case::five(&[(LEVEL, "3"), (LEVEL_OF_SYSTEM_USERS, "5")], &[PolicyWarningKind::LevelUnreadable])]
    fn levels_that_surprise_are_found(
        #[case] levels: &[(&str, &str)],
        #[case] expected: &[PolicyWarningKind],
    ) {
        let levels: String = levels.iter().map(|(c, l)| assignment(c, l)).collect();
        let found: Vec<_> = kinds(&policy("", &levels))
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(found, expected);
    }
}
