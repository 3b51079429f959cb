//! Resources, and the right keys their policies define.

use std::{collections::BTreeMap, sync::Arc};

use super::policies::CompiledPolicy;
use crate::xacml::{
    Effect, Policy, ids,
    policy::{AllOf, Match, Rule},
};

/// Attribute that names a resource.
pub const RESOURCE_ATTRIBUTE: &str = "urn:altinn:resource";
/// Attributes that name an app in the older way.
pub const ORG_ATTRIBUTE: &str = "urn:altinn:org";
/// See [`ORG_ATTRIBUTE`].
pub const APP_ATTRIBUTE: &str = "urn:altinn:app";

/// A live resource with its current policy.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Registry identifier.
    pub identifier: String,
    /// `resourceType`
    pub resource_type: String,
    /// May rights on it be handed out?
    pub delegable: bool,
    /// Only parties on a connected access list may be decided about.
    pub access_list_enabled: bool,
    /// Organisation number of its owner.
    pub owner_org: String,
    /// Code of its owner.
    pub owner_code: String,
    /// The current policy; none when none was uploaded, or it cannot be read.
    pub policy: Option<Arc<CompiledPolicy>>,
}

/// What a single right is: an action on a resource, perhaps on a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RightKey {
    /// Action.
    pub action: String,
    /// Further resource attributes, sorted: `(urn:altinn:task, Task_1)`.
    pub extra: Vec<(String, String)>,
}

/// A subject of a rule: attribute and value.
pub type Subject = (String, String);

/// The right keys of a resource's policy, each with the roles and packages that lead to it.
#[must_use]
pub fn right_keys(policy: &Policy, identifier: &str) -> BTreeMap<RightKey, Vec<Subject>> {
    let mut out: BTreeMap<RightKey, Vec<Subject>> = BTreeMap::new();
    for rule in policy.rules.iter().filter(|r| r.effect == Effect::Permit) {
        let subjects = user_subjects(rule);
        if subjects.is_empty() {
            continue;
        }
        for resource in alternatives(rule, ids::RESOURCE) {
            let Some(extra) = names_resource(&resource, identifier) else { continue };
            for action in alternatives(rule, ids::ACTION) {
                let Some((_, action)) = action.into_iter().find(|(id, _)| id == ids::ACTION_ID) else { continue };
                let entry = out.entry(RightKey { action, extra: extra.clone() }).or_default();
                entry.extend(subjects.iter().filter(|s| !entry.contains(s)).cloned().collect::<Vec<_>>());
            }
        }
    }
    out
}

/// Alternatives of a rule that have matches in this category, each as attribute and value pairs.
fn alternatives(rule: &Rule, category: &str) -> Vec<Vec<(String, String)>> {
    let pairs = |all_of: &AllOf| -> Vec<(String, String)> {
        let named = |m: &Match| m.designator().filter(|d| d.category == category).map(|d| (d.attribute_id.clone(), m.value.text.clone()));
        all_of.iter().filter_map(named).collect()
    };
    rule.target.iter().flatten().map(pairs).filter(|p| !p.is_empty()).collect()
}

/// Subject alternatives of exactly one match on a role or package.
fn user_subjects(rule: &Rule) -> Vec<Subject> {
    const USER: [&str; 4] = ["urn:altinn:rolecode", "urn:altinn:external-role:ccr", "urn:altinn:external-role:cra", "urn:altinn:accesspackage"];
    alternatives(rule, ids::SUBJECT)
        .into_iter()
        .filter_map(|mut matches| if matches.len() == 1 { matches.pop() } else { None })
        .filter(|(id, _)| USER.iter().any(|u| id.starts_with(u)))
        .collect()
}

/// Whether a resource alternative names this resource, and what else it says.
fn names_resource(pairs: &[(String, String)], identifier: &str) -> Option<Vec<(String, String)>> {
    let value = |id: &str| pairs.iter().find(|(i, _)| i == id).map(|(_, v)| v.as_str());
    let named = match (value(RESOURCE_ATTRIBUTE), value(ORG_ATTRIBUTE), value(APP_ATTRIBUTE)) {
        (Some(id), _, _) => id.eq_ignore_ascii_case(identifier),
        (None, Some(org), Some(app)) => format!("app_{org}_{app}").eq_ignore_ascii_case(identifier),
        _ => false,
    };
    let known = [RESOURCE_ATTRIBUTE, ORG_ATTRIBUTE, APP_ATTRIBUTE, "urn:altinn:resource:instance-id"];
    named.then(|| {
        let mut extra: Vec<_> = pairs.iter().filter(|(id, _)| !known.contains(&id.as_str())).cloned().collect();
        extra.sort();
        extra
    })
}
