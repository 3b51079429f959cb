//! An account of how a decision came about, in order, for whoever may know. It names parties by
//! uuid, never by identity number, and is made only when it is asked for.

mod store;
mod texts;

use serde_json::{Map, Value, json};

use super::{
    Decided, DecisionReason, Fault, PartialRequest, Pdp, RequiredLevel,
    decided::DecidedBy,
    question::{Question, Who},
    single_rights,
};
use foundation::{db::DbError, http::time, ids::NationalId};
use registers::{
    packages::{Catalogue, PackageKey},
    parties::PartyKind,
    resources::{CompiledPolicy, rights},
};
use texts::{ExplanationStep, Text};
use xacml::{Because, Decision, Effect, TraceStep, ids};

/// Texts of a rule that an account repeats.
const MOST_WANTED: usize = 20;
const PACKAGE: &str = "urn:altinn:accesspackage";

/// An account being written.
#[derive(Debug, Default)]
struct Steps(Vec<Value>);

impl Steps {
    fn add(&mut self, step: ExplanationStep, facts: Value) {
        let Text { nb, nn, en } = step.text();
        let mut step = Map::from_iter([
            ("code".to_owned(), json!(step.wire())),
            ("text".to_owned(), json!({"nb": nb, "nn": nn, "en": en})),
        ]);
        if facts.as_object().is_some_and(|facts| !facts.is_empty()) {
            step.insert("facts".to_owned(), facts);
        }
        self.0.push(Value::Object(step));
    }
}

/// The account of one decision.
///
/// `{"reason", "steps": [{"code", "text": {"nb", "nn", "en"}, "facts"?}], "policy"?: {"resource",
/// "version", "rules": [{"id", "number", "effect", "outcome", "failed"?}]}, "grants": […], "nearestMiss"?}`
pub(super) fn account(
    request: &PartialRequest<'_>,
    question: Result<&Question<'_>, &Fault>,
    decided: &Decided,
    catalogue: &Catalogue,
) -> Value {
    let mut steps = Steps::default();
    let mut out = json!({"reason": decided.reason.wire(), "steps": [], "grants": []});
    match question {
        Err(fault) => {
            let (Fault::Processing(message) | Fault::Syntax(message)) = fault;
            steps.add(ExplanationStep::RequestFaulty, json!({"message": message}));
        }
        Ok(question) => {
            tell(&mut steps, question, decided, catalogue);
            if let Some(resource) = &decided.resource
                && let Some(policy) = &resource.policy
                && let Some(trace) = &decided.trace
            {
                let rules = trace
                    .steps
                    .iter()
                    .filter(|step| step.element == "Rule")
                    .map(|step| rule(policy, step));
                out["policy"] = json!({"resource": resource.identifier, "version": resource.policy_version, "rules": rules.collect::<Vec<_>>()});
                if decided.decision == Decision::NotApplicable {
                    out["nearestMiss"] =
                        nearest_miss(policy, request.first(ids::ACTION, ids::ACTION_ID));
                }
            }
        }
    }
    out["steps"] = Value::Array(steps.0);
    out
}

fn tell(steps: &mut Steps, question: &Question<'_>, decided: &Decided, catalogue: &Catalogue) {
    let Some(resource) = &decided.resource else {
        return steps.add(
            ExplanationStep::ResourceUnknown,
            json!({"resource": &*question.resource}),
        );
    };
    steps.add(ExplanationStep::ResourceFound, json!({"resource": resource.identifier, "owner": resource.owner_code, "policyVersion": resource.policy_version}));
    let Some(pair) = &decided.pair else { return };
    let reportee = pair.reportee.as_ref().map(|known| &known.party);
    match reportee {
        _ if question.is_contradictory => {
            return steps.add(ExplanationStep::PartyContradictory, json!({}));
        }
        Some(party) if !question.reportee.fits(party) => {
            return steps.add(ExplanationStep::PartyContradictory, json!({}));
        }
        Some(party) if party.is_gone() => {
            steps.add(ExplanationStep::PartyGone, json!({"party": party.uuid}));
        }
        Some(party) => steps.add(ExplanationStep::PartyFound, json!({"party": party.uuid})),
        None if question.names_reportee => steps.add(ExplanationStep::PartyUnknown, json!({})),
        None => steps.add(ExplanationStep::PartyMissing, json!({})),
    }
    let is_person = pair
        .subject
        .as_ref()
        .is_some_and(|party| party.kind == PartyKind::Person);
    match (question.who, &pair.system_user, &pair.subject) {
        (Who::SystemUser(id), Some(user), _) => {
            steps.add(
                ExplanationStep::SystemUserFound,
                json!({"systemUser": id, "systemId": user.system_id, "owner": user.owner}),
            );
            if !user.alive {
                return steps.add(ExplanationStep::SystemUserInactive, json!({}));
            }
            steps.add(ExplanationStep::SystemUserLive, json!({}));
            if let Some(party) = reportee {
                let is_sub_unit = pair.main_unit == Some(user.owner);
                let code = match () {
                    () if party.uuid == user.owner => ExplanationStep::ActsForOwner,
                    () if pair.is_client => ExplanationStep::ActsForClient,
                    () if is_sub_unit => ExplanationStep::ActsForSubUnit,
                    () => ExplanationStep::NoRelation,
                };
                steps.add(code, json!({"owner": user.owner, "party": party.uuid}));
            }
        }
        (Who::SystemUser(id), None, _) => {
            return steps.add(
                ExplanationStep::SystemUserUnknown,
                json!({"systemUser": id}),
            );
        }
        (Who::NationalId, _, None) => return steps.add(ExplanationStep::PersonUnknown, json!({})),
        (Who::NationalId | Who::Party | Who::PartyId, _, Some(party)) if is_person => {
            steps.add(ExplanationStep::PersonFound, json!({"person": party.uuid}));
        }
        (Who::NationalId | Who::Party | Who::PartyId | Who::Other, _, _) => {
            steps.add(ExplanationStep::SubjectAsGiven, json!({}));
        }
    }
    let is_system_user = matches!(question.who, Who::SystemUser(_));
    let is_organization = question.who == Who::Party && !is_person && pair.subject.is_some();
    if is_system_user || is_person || is_organization {
        let packages: Vec<String> = pair
            .packages
            .iter()
            .filter_map(|key| urn(catalogue, *key))
            .collect();
        steps.add(
            if packages.is_empty() {
                ExplanationStep::NoPackages
            } else {
                ExplanationStep::PackagesHeld
            },
            list("packages", &packages),
        );
    }
    if is_person {
        let roles: Vec<String> = pair
            .roles
            .iter()
            .map(|(id, value)| format!("{id}:{value}"))
            .collect();
        steps.add(
            if roles.is_empty() {
                ExplanationStep::NoRoles
            } else {
                ExplanationStep::RolesHeld
            },
            list("roles", &roles),
        );
    }
    let rights: Vec<String> = pair
        .rights
        .iter()
        .filter(|held| held.right.resource == resource.identifier)
        .map(|held| held.right.action.clone())
        .collect();
    let may_decide =
        reportee.is_some_and(|party| single_rights::may_decide(question.who, pair, party));
    if is_system_user || (may_decide && !rights.is_empty()) {
        steps.add(
            if rights.is_empty() {
                ExplanationStep::NoRights
            } else {
                ExplanationStep::RightsHeld
            },
            list("actions", &rights),
        );
    }
    tell_outcome(steps, question, decided, catalogue);
}

fn tell_outcome(
    steps: &mut Steps,
    question: &Question<'_>,
    decided: &Decided,
    catalogue: &Catalogue,
) {
    match decided.decision {
        Decision::Permit => {
            tell_permit(steps, question, decided, catalogue);
            let resource = decided.resource.as_ref();
            if resource.is_some_and(|resource| resource.access_list_enabled) {
                steps.add(ExplanationStep::AccessListOpen, json!({}));
            }
            tell_level(steps, decided);
        }
        Decision::Deny if decided.reason == DecisionReason::AccessListRequired => {
            tell_permit(steps, question, decided, catalogue);
            steps.add(ExplanationStep::AccessListClosed, json!({}));
        }
        Decision::Deny => match &decided.by {
            Some(DecidedBy::Rule { id, number }) => steps.add(
                ExplanationStep::RuleDenies,
                json!({"rule": id, "number": number}),
            ),
            Some(by @ DecidedBy::SingleRight { .. }) => {
                steps.add(ExplanationStep::RuleDenies, json!({"rule": by.name()}));
            }
            None => steps.add(ExplanationStep::PolicyDenies, json!({"rule": null})),
        },
        Decision::NotApplicable => steps.add(ExplanationStep::NoRuleApplies, json!({})),
        Decision::Indeterminate => {
            steps.add(ExplanationStep::PolicyIndeterminate, missing(decided));
        }
    }
}

/// What permits, or would permit if the reportee were on an access list.
fn tell_permit(
    steps: &mut Steps,
    question: &Question<'_>,
    decided: &Decided,
    catalogue: &Catalogue,
) {
    match &decided.by {
        Some(DecidedBy::SingleRight {
            assignment,
            key_role,
        }) => {
            steps.add(ExplanationStep::NoRuleApplies, json!({}));
            let mut facts = json!({"assignment": assignment, "resource": &*question.resource, "action": question.action()});
            if let Some(role) = key_role.and_then(|key| catalogue.role(key)) {
                facts["keyRole"] = json!(role.code);
            }
            steps.add(ExplanationStep::SingleRightPermits, facts);
        }
        Some(DecidedBy::Rule { id, number }) => steps.add(
            ExplanationStep::RulePermits,
            json!({"rule": id, "number": number}),
        ),
        None => steps.add(ExplanationStep::PolicyPermits, json!({"rule": null})),
    }
}

/// The level that counts for the subject; both levels, where system users have one of their own.
fn tell_level(steps: &mut Steps, decided: &Decided) {
    let stated = decided.stated_levels();
    let level = stated.for_subject(decided.subject);
    if level == RequiredLevel::Any {
        return;
    }
    let mut facts = json!({"minimumAuthenticationLevel": level.number()});
    if let Some(special) = stated.system_users {
        facts["general"] = json!(stated.general.and_then(RequiredLevel::number));
        facts["systemUsers"] = json!(special.number());
    }
    steps.add(ExplanationStep::LevelRequired, facts);
}

/// The attribute whose absence stopped the policy.
fn missing(decided: &Decided) -> Value {
    let steps = decided.trace.iter().flat_map(|trace| &trace.steps);
    let mut fault = steps.filter_map(|step| match &step.because {
        Because::Fault { message, missing, .. } => Some(json!({"message": message, "missingAttribute": missing.as_ref().map(|m| &m.attribute_id)})),
        _ => None,
    });
    fault.next_back().unwrap_or_else(|| json!({}))
}

fn list(name: &str, values: &[String]) -> Value {
    if values.is_empty() {
        json!({})
    } else {
        json!({name: values})
    }
}

fn urn(catalogue: &Catalogue, key: PackageKey) -> Option<String> {
    Some(format!("{PACKAGE}:{}", catalogue.package(key)?.value()))
}

/// What became of a rule.
fn rule(policy: &CompiledPolicy, step: &TraceStep) -> Value {
    let effect = rights::rule_facts(&policy.policy)
        .find(|rule| Some(rule.number) == step.rule_number)
        .and_then(|rule| rule.effect);
    let mut out =
        json!({"id": step.id, "number": step.rule_number, "outcome": step.outcome.as_str()});
    if let Some(effect) = effect {
        out["effect"] = json!(if effect == Effect::Permit {
            "Permit"
        } else {
            "Deny"
        });
    }
    match &step.because {
        Because::Applies => {}
        Because::ConditionFalse => out["failed"] = json!({"part": "condition"}),
        Because::NoMatch { attributes, wanted } => {
            let wanted: Vec<&String> = wanted
                .iter()
                .filter(|text| NationalId::parse(text).is_err())
                .take(MOST_WANTED)
                .collect();
            let attributes: Vec<Value> = attributes
                .iter()
                .map(|(category, id)| json!({"category": category, "attributeId": id}))
                .collect();
            out["failed"] = json!({"part": "target", "attributes": attributes, "wanted": wanted});
        }
        Because::Fault {
            code,
            message,
            missing,
        } => {
            out["failed"] = json!({"part": "evaluation", "statusCode": code.name(), "message": message,
                "missingAttribute": missing.as_ref().map(|m| &m.attribute_id)});
        }
    }
    out
}

/// What would have been permitted, or to whom.
fn nearest_miss(policy: &CompiledPolicy, action: Option<&str>) -> Value {
    let permits: Vec<_> = rights::rule_facts(&policy.policy)
        .filter(|rule| rule.effect == Some(Effect::Permit))
        .collect();
    let of_action = permits.iter().find(|rule| {
        rule.actions.is_empty()
            || action.is_some_and(|action| rule.actions.iter().any(|a| a == action))
    });
    if let Some(rule) = of_action {
        let needs = rule
            .subjects
            .iter()
            .take(MOST_WANTED)
            .map(|(id, value)| json!({"type": id, "value": value}));
        return json!({"missing": "subject", "rule": rule.id, "number": rule.number, "needsOneOf": needs.collect::<Vec<_>>()});
    }
    let mut known: Vec<&String> = permits.iter().flat_map(|rule| &rule.actions).collect();
    known.sort();
    known.dedup();
    json!({"missing": "action", "known": known})
}

/// Packages that the subject holds and the rule that permitted asks for.
pub(super) fn deciding_packages(decided: &Decided, catalogue: &Catalogue) -> Vec<PackageKey> {
    let (Some(resource), Some(pair), Some(DecidedBy::Rule { number: rule, .. })) =
        (&decided.resource, &decided.pair, &decided.by)
    else {
        return Vec::new();
    };
    let Some(policy) = &resource.policy else {
        return Vec::new();
    };
    let subjects = rights::rule_facts(&policy.policy)
        .find(|facts| facts.number == *rule)
        .map(|facts| facts.subjects)
        .unwrap_or_default();
    let asked = |value: &str| {
        subjects
            .iter()
            .any(|(id, wanted)| id == PACKAGE && wanted.eq_ignore_ascii_case(value))
    };
    pair.packages
        .iter()
        .copied()
        .filter(|key| {
            catalogue
                .package(*key)
                .is_some_and(|package| asked(package.value()))
        })
        .collect()
}

impl Pdp {
    /// Completes an account with the grants that a permit rests on: of a system user all of them, of
    /// others the single right.
    pub(super) async fn tell_grants(&self, decided: &mut Decided) -> Result<(), DbError> {
        let assignment = match &decided.by {
            Some(DecidedBy::SingleRight { assignment, .. }) => Some(*assignment),
            Some(DecidedBy::Rule { .. }) | None => None,
        };
        let Some(pair) = decided
            .pair
            .clone()
            .filter(|pair| pair.system_user.is_some() || assignment.is_some())
        else {
            return Ok(());
        };
        let (Some(subject), Some(reportee), Decision::Permit) =
            (&pair.subject, &pair.reportee, decided.decision)
        else {
            return Ok(());
        };
        let packages = deciding_packages(decided, &self.catalogue);
        let mut db = self.db.acquire().await?;
        let found = store::grants(
            &mut db,
            subject.uuid,
            reportee.party.uuid,
            &packages,
            assignment,
        )
        .await?;
        let grants: Vec<Value> = found
            .iter()
            .map(|grant| {
                json!({"kind": grant.kind, "from": grant.from, "holder": grant.holder, "facilitator": grant.facilitator,
                    "package": grant.package.and_then(|key| urn(&self.catalogue, key)), "id": grant.id, "given": time::format(grant.given),
                    "request": grant.request})
            })
            .collect();
        if let Some(explanation) = &mut decided.explanation {
            explanation["grants"] = Value::Array(grants);
        }
        Ok(())
    }
}
