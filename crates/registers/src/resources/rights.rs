//! A policy taken apart: its rules one by one, the rights it defines, and the subjects it names.

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest as _, Md5};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{APP_ATTRIBUTE, ORG_ATTRIBUTE, RESOURCE_ATTRIBUTE};
use foundation::{crypto::sha256, http::Language};
use xacml::{
    Effect, Policy, ids,
    policy::{AllOf, Match, Rule},
};

/// What a single right is: an action on a resource, perhaps on a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RightKey {
    /// Action.
    pub action: String,
    /// Further resource attributes, sorted: `(urn:altinn:task, Task_1)`.
    pub extra: Vec<(String, String)>,
}

/// An attribute of a rule with the value it is compared with.
type Pair = (String, String);

/// A subject of a rule: attribute and value.
pub type Subject = Pair;

/// Subjects by which people and system users come to a right: roles and access packages.
const USER_SUBJECTS: [&str; 4] = [
    "urn:altinn:rolecode",
    "urn:altinn:external-role:ccr",
    "urn:altinn:external-role:cra",
    "urn:altinn:accesspackage",
];
/// Subject by which an app hands out rights itself.
const DELEGATION_SUBJECT: &str = "urn:altinn:resource:delegation";

/// The right keys of a resource's policy, each with the roles and packages that lead to it.
#[must_use]
pub fn right_keys(policy: &Policy, identifier: &str) -> BTreeMap<RightKey, Vec<Subject>> {
    right_keys_for(policy, identifier, &USER_SUBJECTS)
}

/// The right keys that subjects of these kinds lead to.
fn right_keys_for(
    policy: &Policy,
    identifier: &str,
    kinds: &[&str],
) -> BTreeMap<RightKey, Vec<Subject>> {
    let mut out: BTreeMap<RightKey, Vec<Subject>> = BTreeMap::new();
    for rule in policy.rules.iter().filter(|r| r.effect == Effect::Permit) {
        let subjects = single_subjects(rule, kinds);
        if subjects.is_empty() {
            continue;
        }
        for resource in alternatives(rule, ids::RESOURCE) {
            let Some(extra) = names_resource(&resource, identifier) else {
                continue;
            };
            for action in actions(rule) {
                let entry = out
                    .entry(RightKey {
                        action: action.1,
                        extra: extra.clone(),
                    })
                    .or_default();
                entry.extend(
                    subjects
                        .iter()
                        .filter(|s| !entry.contains(s))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
    out
}

/// What a rule is for.
#[derive(Debug, Clone)]
pub struct RuleFacts<'p> {
    /// Its identifier.
    pub id: &'p str,
    /// Permits or denies.
    pub effect: Effect,
    /// Actions that it names.
    pub actions: Vec<String>,
    /// Roles and packages of which one alone will do.
    pub subjects: Vec<Subject>,
}

/// The rules of a policy, in order.
pub fn rule_facts(policy: &Policy) -> impl Iterator<Item = RuleFacts<'_>> {
    policy.rules.iter().map(|rule| RuleFacts {
        id: &rule.id,
        effect: rule.effect,
        actions: actions(rule).map(|(_, action)| action).collect(),
        subjects: single_subjects(rule, &USER_SUBJECTS),
    })
}

/// Alternatives of a rule that have matches in this category, each as attribute and value pairs.
fn alternatives(rule: &Rule, category: &str) -> Vec<Vec<Pair>> {
    let pairs = |all_of: &AllOf| -> Vec<Pair> {
        let named = |m: &Match| {
            m.designator()
                .filter(|d| d.category == category)
                .map(|d| (d.attribute_id.clone(), m.value.text.clone()))
        };
        all_of.iter().filter_map(named).collect()
    };
    rule.target
        .iter()
        .flatten()
        .map(pairs)
        .filter(|p| !p.is_empty())
        .collect()
}

/// The actions of a rule.
fn actions(rule: &Rule) -> impl Iterator<Item = Pair> {
    alternatives(rule, ids::ACTION)
        .into_iter()
        .filter_map(|pairs| pairs.into_iter().find(|(id, _)| id == ids::ACTION_ID))
}

/// Subject alternatives of exactly one match, on an attribute of these kinds.
fn single_subjects(rule: &Rule, kinds: &[&str]) -> Vec<Subject> {
    alternatives(rule, ids::SUBJECT)
        .into_iter()
        .filter_map(|mut matches| {
            if matches.len() == 1 {
                matches.pop()
            } else {
                None
            }
        })
        .filter(|(id, _)| kinds.iter().any(|u| id.starts_with(u)))
        .collect()
}

/// Whether a resource alternative names this resource, and what else it says.
pub(super) fn names_resource(pairs: &[Pair], identifier: &str) -> Option<Vec<Pair>> {
    let value = |id: &str| pairs.iter().find(|(i, _)| i == id).map(|(_, v)| v.as_str());
    let named = match (
        value(RESOURCE_ATTRIBUTE),
        value(ORG_ATTRIBUTE),
        value(APP_ATTRIBUTE),
    ) {
        (Some(id), _, _) => id.eq_ignore_ascii_case(identifier),
        (None, Some(org), Some(app)) => format!("app_{org}_{app}").eq_ignore_ascii_case(identifier),
        _ => false,
    };
    let known = [
        RESOURCE_ATTRIBUTE,
        ORG_ATTRIBUTE,
        APP_ATTRIBUTE,
        "urn:altinn:resource:instance-id",
    ];
    named.then(|| {
        let mut extra: Vec<_> = pairs
            .iter()
            .filter(|(id, _)| !known.contains(&id.as_str()))
            .cloned()
            .collect();
        extra.sort();
        extra
    })
}

/// Resource alternatives of each rule of a policy.
pub(super) fn resources_of_rules(policy: &Policy) -> impl Iterator<Item = Vec<Vec<Pair>>> {
    policy
        .rules
        .iter()
        .map(|rule| alternatives(rule, ids::RESOURCE))
}

/// Every subject attribute that a policy names, as `attribute:value` with the value in lower case,
/// once each.
#[must_use]
pub fn subjects(policy: &Policy) -> BTreeSet<String> {
    let matches = policy
        .rules
        .iter()
        .flat_map(|r| r.target.iter().flatten().flatten());
    let subject = |m: &Match| {
        let designator = m.designator().filter(|d| d.category == ids::SUBJECT)?;
        Some(format!(
            "{}:{}",
            designator.attribute_id,
            m.value.text.to_lowercase()
        ))
    };
    matches.filter_map(subject).collect()
}

/// Access packages that a policy names, by the last part of their URNs.
pub(super) fn packages(policy: &Policy) -> BTreeSet<String> {
    subjects(policy)
        .iter()
        .filter_map(|s| s.strip_prefix("urn:altinn:accesspackage:"))
        .map(str::to_owned)
        .collect()
}

/// An attribute with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TypedValue {
    /// Attribute id.
    #[serde(rename = "type")]
    pub attribute: String,
    /// Its value.
    pub value: String,
}

impl From<Pair> for TypedValue {
    fn from((attribute, value): Pair) -> Self {
        Self { attribute, value }
    }
}

fn typed(pairs: &[Pair]) -> Vec<TypedValue> {
    pairs.iter().cloned().map(TypedValue::from).collect()
}

/// One combination of alternatives of a rule: who, what, on which resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyRule {
    /// All of these the subject must be.
    pub subject: Vec<TypedValue>,
    /// What is done.
    pub action: TypedValue,
    /// All of these the resource must be.
    pub resource: Vec<TypedValue>,
}

/// Every rule of a policy, one by one. Rules without an action have none.
#[must_use]
pub fn rules(policy: &Policy) -> Vec<PolicyRule> {
    let any = |found: Vec<Vec<Pair>>| {
        if found.is_empty() {
            vec![Vec::new()]
        } else {
            found
        }
    };
    let mut out = Vec::new();
    for rule in &policy.rules {
        for subject in any(alternatives(rule, ids::SUBJECT)) {
            for action in actions(rule) {
                for resource in any(alternatives(rule, ids::RESOURCE)) {
                    out.push(PolicyRule {
                        subject: typed(&subject),
                        action: action.clone().into(),
                        resource: typed(&resource),
                    });
                }
            }
        }
    }
    out
}

/// Who comes to a right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RightSubject {
    /// All of these the subject must be.
    pub subject_attributes: Vec<TypedValue>,
}

/// A right with all who come to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRight {
    /// What is done.
    pub action: TypedValue,
    /// On which resource.
    pub resource: Vec<TypedValue>,
    /// By whom.
    pub subjects: Vec<RightSubject>,
    /// `action;value;…;md5`, with the values in the order of their attributes.
    pub right_key: String,
    /// Attributes among the subjects, sorted.
    pub subject_types: BTreeSet<String>,
}

/// The rights that the Permit rules of a policy define, in the order of the policy.
#[must_use]
pub fn rights(policy: &Policy) -> Vec<PolicyRight> {
    let mut out: Vec<PolicyRight> = Vec::new();
    for rule in policy.rules.iter().filter(|r| r.effect == Effect::Permit) {
        let subjects: Vec<RightSubject> = alternatives(rule, ids::SUBJECT)
            .iter()
            .map(|pairs| RightSubject {
                subject_attributes: typed(pairs),
            })
            .collect();
        for action in actions(rule) {
            for resource in alternatives(rule, ids::RESOURCE) {
                let right_key = right_key(&action.1, &resource);
                let at = out
                    .iter()
                    .position(|r| r.right_key == right_key)
                    .unwrap_or_else(|| {
                        let action = action.clone().into();
                        out.push(PolicyRight {
                            action,
                            resource: typed(&resource),
                            subjects: Vec::new(),
                            right_key,
                            subject_types: BTreeSet::new(),
                        });
                        out.len() - 1
                    });
                let right = &mut out[at];
                right.subject_types.extend(
                    subjects
                        .iter()
                        .flat_map(|s| &s.subject_attributes)
                        .map(|a| a.attribute.clone()),
                );
                right.subjects.extend(
                    subjects
                        .iter()
                        .filter(|s| !right.subjects.contains(s))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
    out
}

fn right_key(action: &str, resource: &[Pair]) -> String {
    let mut urns: Vec<(String, &str)> = resource
        .iter()
        .map(|(id, value)| (format!("{id}:{value}"), value.as_str()))
        .collect();
    urns.sort();
    let joined = |texts: &mut dyn Iterator<Item = &str>| {
        texts.fold(action.to_owned(), |all, text| all + ";" + text)
    };
    let hashed = joined(&mut urns.iter().map(|(urn, _)| urn.as_str()));
    let utf16: Vec<u8> = hashed.encode_utf16().flat_map(u16::to_le_bytes).collect();
    format!(
        "{};{}",
        joined(&mut urns.iter().map(|(_, value)| *value)),
        hex(&Md5::digest(utf16))
    )
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A right with a name that people can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedRight {
    /// `01` and the SHA-256 of what the right consists of.
    pub key: String,
    /// The action in words, with the part of the resource in brackets.
    pub name: String,
    /// On which resource.
    pub resource: Vec<TypedValue>,
    /// What is done.
    pub action: TypedValue,
}

/// Which rights are asked for besides those of people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Further {
    /// Those of service owners.
    pub service_owners: bool,
    /// Those that apps hand out themselves.
    pub apps: bool,
}

/// The rights of a resource, each with a name.
#[must_use]
pub fn named_rights(
    policy: &Policy,
    identifier: &str,
    further: Further,
    language: Language,
) -> Vec<NamedRight> {
    let kinds: Vec<&str> = USER_SUBJECTS
        .into_iter()
        .chain(further.service_owners.then_some(ORG_ATTRIBUTE))
        .chain(further.apps.then_some(DELEGATION_SUBJECT))
        .collect();
    right_keys_for(policy, identifier, &kinds)
        .into_keys()
        .map(|key| named(key, identifier, language))
        .collect()
}

fn named(key: RightKey, identifier: &str, language: Language) -> NamedRight {
    let mut resource = vec![(RESOURCE_ATTRIBUTE.to_owned(), identifier.to_owned())];
    resource.extend(key.extra.iter().cloned());
    resource.sort();
    let attributes: Vec<String> = resource
        .iter()
        .map(|(id, value)| format!("{id}:{value}"))
        .collect();
    let text = format!("{}:{}:{}", attributes.join(":"), ids::ACTION_ID, key.action).to_lowercase();
    let parts: String = key
        .extra
        .iter()
        .map(|(_, value)| format!(" ({value})"))
        .collect();
    NamedRight {
        key: format!("01{}", hex(&sha256(text))),
        name: action_name(&key.action, language) + &parts,
        resource: typed(&resource),
        action: TypedValue {
            attribute: ids::ACTION_ID.to_owned(),
            value: key.action,
        },
    }
}

/// An action in words; one that nobody gave words to is told as it is written.
fn action_name(action: &str, language: Language) -> String {
    let [nb, nn, en] = match action.to_lowercase().as_str() {
        "read" => ["Les", "Les", "Read"],
        "write" => ["Skriv", "Skriv", "Write"],
        "sign" => ["Signer", "Signer", "Sign"],
        "confirm" => ["Bekreft", "Stadfest", "Confirm"],
        "reject" => ["Avvis", "Avvis", "Reject"],
        "delete" => ["Slett", "Slett", "Delete"],
        "access" => ["Tilgang", "Tilgang", "Access"],
        "open" => ["Åpne", "Opne", "Open"],
        "publish" => ["Publiser", "Publiser", "Publish"],
        "subscribe" => ["Abonner", "Abonner", "Subscribe"],
        "instantiate" => ["Opprett", "Opprett", "Create"],
        "complete" => ["Fullfør", "Fullfør", "Complete"],
        _ => {
            let mut chars = action.chars();
            return chars
                .next()
                .map(|c| c.to_uppercase().chain(chars).collect())
                .unwrap_or_default();
        }
    };
    match language {
        Language::Nb => nb,
        Language::Nn => nn,
        Language::En => en,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: &str, value: &str) -> Pair {
        (id.to_owned(), value.to_owned())
    }

    #[test]
    fn right_keys_are_those_of_the_public_registry() {
        let app = [
            pair("urn:altinn:org", "brg"),
            pair("urn:altinn:app", "rrh-innrapportering"),
        ];
        assert_eq!(
            right_key("read", &app),
            "read;rrh-innrapportering;brg;52a1e8911c3a9d3a7d2b837ae29a0dd8"
        );
        let right = named(
            RightKey {
                action: "read".into(),
                extra: Vec::new(),
            },
            "nbe-fangstdata",
            Language::Nb,
        );
        assert_eq!(
            right.key,
            "016570ba9b0233800ffee0c4a2f5921d58f8ceb86f79938039ff114ded549d6dc1"
        );
    }

    #[test]
    fn rights_have_names_in_three_languages() {
        let key = RightKey {
            action: "Write".into(),
            extra: vec![pair("urn:altinn:task", "Task_1")],
        };
        assert_eq!(named(key.clone(), "x", Language::Nb).name, "Skriv (Task_1)");
        assert_eq!(named(key, "x", Language::En).name, "Write (Task_1)");
        assert_eq!(action_name("scopeAccess", Language::Nn), "ScopeAccess");
    }
}
