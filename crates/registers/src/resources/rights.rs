//! A policy taken apart: its rules one by one, the rights it defines, and the subjects it names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use md5::{Digest as _, Md5};
use serde::Serialize;
use utoipa::ToSchema;

use super::attributes::{APP_ATTRIBUTE, ORG_ATTRIBUTE, RESOURCE_ATTRIBUTE};
use foundation::{crypto::sha256, http::Language};
use xacml::{
    Effect, Policy, ids,
    policy::{AllOf, Match, Rule},
};

/// What a single right is: an action on a resource, perhaps on a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RightKey {
    /// Action.
    pub action: String,
    /// Further resource attributes, sorted: `(urn:altinn:task, Task_1)`.
    pub extra: Vec<(String, String)>,
}

/// An attribute of a rule with the value it is compared with.
type RuleAttribute = (String, String);

/// A subject of a rule: attribute and value.
pub type RuleSubject = RuleAttribute;

/// Subjects by which people and system users come to a right: roles and access packages.
const USER_SUBJECTS: [&str; 4] = [
    "urn:altinn:rolecode",
    "urn:altinn:external-role:ccr",
    "urn:altinn:external-role:cra",
    "urn:altinn:accesspackage",
];
/// Subject by which an app gives rights itself.
const DELEGATION_SUBJECT: &str = "urn:altinn:resource:delegation";

/// The right keys of a resource's policy, each with the roles and packages that lead to it. A policy
/// that is too large [to be listed](ListingSize::is_listable) has none.
#[must_use]
pub fn right_keys(policy: &Policy, identifier: &str) -> BTreeMap<RightKey, Vec<RuleSubject>> {
    if !ListingSize::of(policy).is_listable() {
        return BTreeMap::new();
    }
    right_keys_for(policy, identifier, &USER_SUBJECTS)
}

/// As [`right_keys`], in the order in which the policy names them first.
#[must_use]
pub fn right_keys_in_order(policy: &Policy, identifier: &str) -> Vec<(RightKey, Vec<RuleSubject>)> {
    let mut keys = right_keys(policy, identifier);
    let mut out = Vec::with_capacity(keys.len());
    for rule in permit_rules(policy) {
        if keys.is_empty() {
            break;
        }
        for resource in alternatives(rule, ids::RESOURCE) {
            let Some(extra) = names_resource(&resource, identifier) else {
                continue;
            };
            for (_, action) in actions(rule) {
                let key = RightKey {
                    action,
                    extra: extra.clone(),
                };
                out.extend(keys.remove_entry(&key));
            }
        }
    }
    out
}

/// The right keys that subjects of these kinds lead to.
fn right_keys_for(
    policy: &Policy,
    identifier: &str,
    kinds: &[&str],
) -> BTreeMap<RightKey, Vec<RuleSubject>> {
    let mut subjects_of = Vec::new();
    let mut rules_of: BTreeMap<RightKey, Vec<usize>> = BTreeMap::new();
    for rule in permit_rules(policy) {
        let subjects = single_subjects(rule, kinds);
        if subjects.is_empty() {
            continue;
        }
        let number = subjects_of.len();
        subjects_of.push(subjects);
        for resource in alternatives(rule, ids::RESOURCE) {
            let Some(extra) = names_resource(&resource, identifier) else {
                continue;
            };
            for (_, action) in actions(rule) {
                let key = RightKey {
                    action,
                    extra: extra.clone(),
                };
                let rules = rules_of.entry(key).or_default();
                if rules.last() != Some(&number) {
                    rules.push(number);
                }
            }
        }
    }
    let all_of = |rules: Vec<usize>| distinct(rules.iter().flat_map(|n| &subjects_of[*n]));
    rules_of
        .into_iter()
        .map(|(key, rules)| (key, all_of(rules)))
        .collect()
}

fn permit_rules(policy: &Policy) -> impl Iterator<Item = &Rule> {
    policy
        .rules
        .iter()
        .filter(|rule| rule.effect == Some(Effect::Permit))
}

/// Each item once, in order.
fn distinct<'i, T: Clone + Eq + std::hash::Hash + 'i>(
    items: impl Iterator<Item = &'i T>,
) -> Vec<T> {
    let mut seen = HashSet::new();
    items.filter(|item| seen.insert(*item)).cloned().collect()
}

/// The names of a rule's actions.
pub fn action_names(rule: &Rule) -> impl Iterator<Item = &str> {
    let named = |all_of: &'_ AllOf| -> Option<usize> {
        all_of.iter().position(|m| {
            m.designator()
                .is_some_and(|d| d.category == ids::ACTION && d.attribute_id == ids::ACTION_ID)
        })
    };
    rule.target
        .iter()
        .flatten()
        .filter_map(move |all_of| Some(all_of.get(named(all_of)?)?.value.text.as_str()))
}

/// Roles and packages of which one alone will do: attribute and value.
pub fn user_subjects(rule: &Rule) -> impl Iterator<Item = (&str, &str)> {
    rule.target.iter().flatten().filter_map(|all_of| {
        let mut of_subject = all_of.iter().filter_map(|m| {
            let designator = m.designator().filter(|d| d.category == ids::SUBJECT)?;
            Some((designator.attribute_id.as_str(), m.value.text.as_str()))
        });
        let only = of_subject.next()?;
        let is_user = USER_SUBJECTS.iter().any(|u| only.0.starts_with(u));
        (of_subject.next().is_none() && is_user).then_some(only)
    })
}

/// What a rule is for.
#[derive(Debug, Clone)]
pub struct RuleFacts<'p> {
    /// Its identifier, which other rules of the policy may have too.
    pub id: &'p str,
    /// Number among the rules of the policy, from 1.
    pub number: u32,
    /// Permits or denies; none when it is broken and says neither.
    pub effect: Option<Effect>,
    /// Actions that it names.
    pub actions: Vec<String>,
    /// Roles and packages of which one alone will do.
    pub subjects: Vec<RuleSubject>,
}

/// The rules of a policy, in order.
pub fn rule_facts(policy: &Policy) -> impl Iterator<Item = RuleFacts<'_>> {
    (1..).zip(&policy.rules).map(|(number, rule)| RuleFacts {
        id: &rule.id,
        number,
        effect: rule.effect,
        actions: actions(rule).map(|(_, action)| action).collect(),
        subjects: single_subjects(rule, &USER_SUBJECTS),
    })
}

/// Alternatives of a rule that have matches in this category, each as attribute and value pairs.
fn alternatives(rule: &Rule, category: &str) -> Vec<Vec<RuleAttribute>> {
    let pairs = |all_of: &AllOf| -> Vec<RuleAttribute> {
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
fn actions(rule: &Rule) -> impl Iterator<Item = RuleAttribute> {
    alternatives(rule, ids::ACTION)
        .into_iter()
        .filter_map(|pairs| pairs.into_iter().find(|(id, _)| id == ids::ACTION_ID))
}

/// Subject alternatives of exactly one match, on an attribute of these kinds.
fn single_subjects(rule: &Rule, kinds: &[&str]) -> Vec<RuleSubject> {
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

/// What a resource alternative says about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResourceNaming {
    /// It names this resource and no other.
    This,
    /// It names the resource by this text, which differs from the identifier in letter case.
    OtherCase(String),
    /// It names another resource, alone or in addition to this one.
    Other,
    /// It names none.
    Nothing,
}

/// Whether a resource alternative names this resource alone. An app may be named by owner and app,
/// and those in any letter case.
pub(super) fn naming(pairs: &[RuleAttribute], identifier: &str) -> ResourceNaming {
    let values = |id: &'static str| pairs.iter().filter(move |(i, _)| i == id).map(|(_, v)| v);
    let app_names = values(ORG_ATTRIBUTE)
        .flat_map(|org| values(APP_ATTRIBUTE).map(move |app| format!("app_{org}_{app}")));
    let mut naming = ResourceNaming::Nothing;
    for name in app_names {
        if !name.eq_ignore_ascii_case(identifier) {
            return ResourceNaming::Other;
        }
        naming = ResourceNaming::This;
    }
    for name in values(RESOURCE_ATTRIBUTE) {
        if name == identifier {
            if naming == ResourceNaming::Nothing {
                naming = ResourceNaming::This;
            }
        } else if name.eq_ignore_ascii_case(identifier) {
            naming = ResourceNaming::OtherCase(name.clone());
        } else {
            return ResourceNaming::Other;
        }
    }
    naming
}

/// Whether a resource alternative names this resource, and what else it says.
pub(super) fn names_resource(
    pairs: &[RuleAttribute],
    identifier: &str,
) -> Option<Vec<RuleAttribute>> {
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
pub(super) fn resources_of_rules(policy: &Policy) -> impl Iterator<Item = Vec<Vec<RuleAttribute>>> {
    policy
        .rules
        .iter()
        .map(|rule| alternatives(rule, ids::RESOURCE))
}

/// Every subject attribute that a policy names, with the value in lower case, once each.
#[must_use]
pub fn subjects(policy: &Policy) -> BTreeSet<SubjectAttribute> {
    let matches = policy
        .rules
        .iter()
        .flat_map(|r| r.target.iter().flatten().flatten());
    let subject = |m: &Match| {
        let designator = m.designator().filter(|d| d.category == ids::SUBJECT)?;
        Some(SubjectAttribute {
            attribute: designator.attribute_id.clone(),
            value: m.value.text.to_lowercase(),
        })
    };
    matches.filter_map(subject).collect()
}

/// A subject attribute with one of its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectAttribute {
    /// Attribute id, as the policy has it.
    pub attribute: String,
    /// Value, in lower case.
    pub value: String,
}

impl SubjectAttribute {
    /// Both, with a colon between. The text alone does not show where it is: either may
    /// contain colons.
    #[must_use]
    pub fn urn(&self) -> String {
        format!("{}:{}", self.attribute, self.value)
    }
}

/// Access packages that a policy names, by the last part of their URNs.
pub(super) fn packages(policy: &Policy) -> BTreeSet<String> {
    subjects(policy)
        .iter()
        .map(SubjectAttribute::urn)
        .filter_map(|urn| {
            urn.strip_prefix("urn:altinn:accesspackage:")
                .map(str::to_owned)
        })
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

impl From<RuleAttribute> for TypedValue {
    fn from((attribute, value): RuleAttribute) -> Self {
        Self { attribute, value }
    }
}

fn typed(pairs: &[RuleAttribute]) -> Vec<TypedValue> {
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

/// The alternatives of a rule, by category.
#[derive(Debug)]
struct RuleAlternatives {
    subjects: Vec<Vec<RuleAttribute>>,
    actions: Vec<RuleAttribute>,
    resources: Vec<Vec<RuleAttribute>>,
}

impl RuleAlternatives {
    fn of(rule: &Rule) -> Self {
        let any = |found: Vec<Vec<RuleAttribute>>| {
            if found.is_empty() {
                vec![Vec::new()]
            } else {
                found
            }
        };
        Self {
            subjects: any(alternatives(rule, ids::SUBJECT)),
            actions: actions(rule).collect(),
            resources: any(alternatives(rule, ids::RESOURCE)),
        }
    }

    fn len(&self) -> usize {
        self.subjects
            .len()
            .saturating_mul(self.actions.len())
            .saturating_mul(self.resources.len())
    }

    /// The combination of a number below the length: subjects vary slowest, resources fastest.
    fn get(&self, number: usize) -> Option<PolicyRule> {
        let resource = self.resources.get(number % self.resources.len())?;
        let number = number / self.resources.len();
        let action = self.actions.get(number.checked_rem(self.actions.len())?)?;
        let subject = self.subjects.get(number / self.actions.len())?;
        Some(PolicyRule {
            subject: typed(subject),
            action: action.clone().into(),
            resource: typed(resource),
        })
    }

    /// About how many bytes the list of all combinations takes.
    fn bytes(&self) -> u64 {
        let texts = |pairs: &[RuleAttribute]| -> u64 {
            let of =
                |(id, value): &RuleAttribute| (id.len() + value.len()) as u64 + BYTES_WITHOUT_TEXTS;
            pairs.iter().map(of).fold(0, u64::saturating_add)
        };
        let all = |list: &[Vec<RuleAttribute>]| {
            list.iter().map(|p| texts(p)).fold(0, u64::saturating_add)
        };
        let [subjects, actions, resources] = [
            self.subjects.len(),
            self.actions.len(),
            self.resources.len(),
        ]
        .map(|n| n as u64);
        let each = |one: u64, a: u64, b: u64| one.saturating_mul(a).saturating_mul(b);
        each(all(&self.subjects), actions, resources)
            .saturating_add(each(texts(&self.actions), subjects, resources))
            .saturating_add(each(all(&self.resources), subjects, actions))
    }
}

/// Member names and punctuation of an attribute in a list, in bytes.
const BYTES_WITHOUT_TEXTS: u64 = 24;
/// Most combinations of alternatives that a policy may have in all of its rules.
pub const MAX_COMBINATIONS: u64 = 10_000;
/// Most bytes that the list of a policy's combinations may have.
pub const MAX_LISTED_BYTES: u64 = 16 * 1024 * 1024;

/// What a list of a policy's combinations would cost: subjects × actions × resources of each rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListingSize {
    /// Combinations in all.
    pub combinations: u64,
    /// About how many bytes they take as JSON.
    pub bytes: u64,
}

impl ListingSize {
    /// The size for a policy, counted without making the combinations.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let mut size = Self::default();
        for rule in &policy.rules {
            let combinations = RuleAlternatives::of(rule);
            size.combinations = size.combinations.saturating_add(combinations.len() as u64);
            size.bytes = size.bytes.saturating_add(combinations.bytes());
        }
        size
    }

    /// Whether it is within [`MAX_COMBINATIONS`] and [`MAX_LISTED_BYTES`].
    #[must_use]
    pub const fn is_listable(self) -> bool {
        self.combinations <= MAX_COMBINATIONS && self.bytes <= MAX_LISTED_BYTES
    }
}

/// What is too large, with the bound.
impl std::fmt::Display for ListingSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.combinations > MAX_COMBINATIONS {
            write!(
                f,
                "its rules have {} combinations of subject, action and resource; at most {MAX_COMBINATIONS} are listed",
                self.combinations
            )
        } else {
            write!(
                f,
                "the combinations of its rules have {} bytes; at most {MAX_LISTED_BYTES} are listed",
                self.bytes
            )
        }
    }
}

/// Every rule of a policy, one by one, made as they are read. Rules without an action have none.
pub fn rules(policy: &Policy) -> impl Iterator<Item = PolicyRule> + Send {
    policy
        .rules
        .iter()
        .map(RuleAlternatives::of)
        .flat_map(|all| (0..all.len()).filter_map(move |number| all.get(number)))
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

/// A right without its subjects.
struct RightOfRules {
    action: RuleAttribute,
    resource: Vec<RuleAttribute>,
    right_key: String,
    /// Numbers of the rules that define it.
    rules: Vec<usize>,
}

/// The rights that the Permit rules of a policy define, in the order of the policy. Their subjects
/// are put together as they are read.
pub fn rights(policy: &Policy) -> impl Iterator<Item = PolicyRight> + Send {
    let mut subjects_of = Vec::new();
    let mut rights: Vec<RightOfRules> = Vec::new();
    let mut by_key: HashMap<String, usize> = HashMap::new();
    for (number, rule) in permit_rules(policy).enumerate() {
        subjects_of.push(alternatives(rule, ids::SUBJECT));
        let resources = alternatives(rule, ids::RESOURCE);
        for action in actions(rule) {
            for resource in &resources {
                let right_key = right_key(&action.1, resource);
                let at = *by_key.entry(right_key).or_insert_with_key(|right_key| {
                    rights.push(RightOfRules {
                        action: action.clone(),
                        resource: resource.clone(),
                        right_key: right_key.clone(),
                        rules: Vec::new(),
                    });
                    rights.len() - 1
                });
                if rights[at].rules.last() != Some(&number) {
                    rights[at].rules.push(number);
                }
            }
        }
    }
    rights.into_iter().map(move |right| {
        let subjects = distinct(right.rules.iter().flat_map(|n| &subjects_of[*n]));
        PolicyRight {
            action: right.action.into(),
            resource: typed(&right.resource),
            right_key: right.right_key,
            subject_types: subjects
                .iter()
                .flatten()
                .map(|(id, _)| id.clone())
                .collect(),
            subjects: subjects
                .iter()
                .map(|pairs| RightSubject {
                    subject_attributes: typed(pairs),
                })
                .collect(),
        }
    })
}

fn right_key(action: &str, resource: &[RuleAttribute]) -> String {
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FurtherRights {
    /// Those of service owners.
    pub service_owners: bool,
    /// Those that apps give themselves.
    pub apps: bool,
}

/// The rights of a resource, each with a name.
#[must_use]
pub fn named_rights(
    policy: &Policy,
    identifier: &str,
    further: FurtherRights,
    language: Language,
) -> Vec<NamedRight> {
    let kinds: Vec<&str> = USER_SUBJECTS
        .into_iter()
        .chain(further.service_owners.then_some(ORG_ATTRIBUTE))
        .chain(further.apps.then_some(DELEGATION_SUBJECT))
        .collect();
    right_keys_for(policy, identifier, &kinds)
        .into_keys()
        .map(|key| named_right(key, identifier, language))
        .collect()
}

/// A right with its name.
#[must_use]
pub fn named_right(key: RightKey, identifier: &str, language: Language) -> NamedRight {
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

/// An action in words; one without words is shown as it is written.
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

    fn pair(id: &str, value: &str) -> RuleAttribute {
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
        let right = named_right(
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
        assert_eq!(
            named_right(key.clone(), "x", Language::Nb).name,
            "Skriv (Task_1)"
        );
        assert_eq!(named_right(key, "x", Language::En).name, "Write (Task_1)");
        assert_eq!(action_name("scopeAccess", Language::Nn), "ScopeAccess");
    }
}
