//! The explanation of a decision, in order, for a reader who may know. It names parties by
//! uuid, never by identity number, and is made only when it is asked for.

mod store;
mod texts;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};
use uuid::Uuid;

use super::{
    DecisionDetails, DecisionReason, Pdp, RequestFault, RequiredLevel,
    budget::{CallBudget, ExceededBound, MAX_ANSWER_BYTES, UndecidedCause},
    decided::DecisionBasis,
    memory::PairFacts,
    policy_findings,
    question::{DecisionQuestion, QuestionSubject},
    single_rights,
};
use foundation::http::time;
use registers::{
    packages::{Catalogue, PackageKey},
    parties::PartyKind,
    resources::{CompiledPolicy, rights},
};
use texts::{ExplanationStep, TranslatedSentence};
use xacml::{Decision, policy::Rule};

/// Steps that a look for grants in the database takes: so many of other work are as long.
const STEPS_OF_GRANTS: u32 = 20_000;
const PACKAGE: &str = "urn:altinn:accesspackage";

/// An explanation that is being written.
#[derive(Debug, Default)]
struct ExplanationSteps(Vec<Value>);

impl ExplanationSteps {
    fn add(&mut self, step: ExplanationStep, facts: Value) {
        let TranslatedSentence { nb, nn, en } = step.text();
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

/// The explanation of one decision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenExplanation<'a> {
    reason: &'static str,
    /// `{"code", "text": {"nb", "nn", "en"}, "facts"?}`
    steps: Vec<Value>,
    grants: &'a [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyExplanation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest_miss: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
struct PolicyExplanation<'a> {
    resource: &'a str,
    version: Option<i32>,
    /// `{"id", "number", "effect", "outcome", "failed"?}`
    rules: &'a RawValue,
}

fn explanation<'a>(
    question: Result<&DecisionQuestion<'_>, &RequestFault>,
    decided: &'a DecisionDetails,
    grants: &'a [Value],
    catalogue: &Catalogue,
) -> WrittenExplanation<'a> {
    let mut steps = ExplanationSteps::default();
    match question {
        Err(fault) => {
            let (RequestFault::Processing(message) | RequestFault::Syntax(message)) = fault;
            steps.add(ExplanationStep::RequestFaulty, json!({"message": message}));
        }
        Ok(question) => explain_question(&mut steps, question, decided, catalogue),
    }
    let findings = decided.findings.as_ref();
    let policy = decided
        .resource
        .as_ref()
        .zip(findings.and_then(|findings| findings.rules.as_deref()))
        .map(|(resource, rules)| PolicyExplanation {
            resource: &resource.identifier,
            version: resource.policy_version,
            rules,
        });
    WrittenExplanation {
        reason: decided.reason.wire(),
        steps: steps.0,
        grants,
        policy,
        nearest_miss: findings
            .filter(|_| decided.decision == Decision::NotApplicable)
            .and_then(|findings| findings.nearest_miss.as_ref()),
    }
}

fn explain_question(
    steps: &mut ExplanationSteps,
    question: &DecisionQuestion<'_>,
    decided: &DecisionDetails,
    catalogue: &Catalogue,
) {
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
        (QuestionSubject::SystemUser(id), Some(user), _) => {
            steps.add(
                ExplanationStep::SystemUserFound,
                json!({"systemUser": id, "systemId": user.system_id, "owner": user.owner}),
            );
            if !user.is_active {
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
        (QuestionSubject::SystemUser(id), None, _) => {
            return steps.add(
                ExplanationStep::SystemUserUnknown,
                json!({"systemUser": id}),
            );
        }
        (QuestionSubject::NationalId, _, None) => {
            return steps.add(ExplanationStep::PersonUnknown, json!({}));
        }
        (
            QuestionSubject::NationalId | QuestionSubject::Party | QuestionSubject::PartyId,
            _,
            Some(party),
        ) if is_person => {
            steps.add(ExplanationStep::PersonFound, json!({"person": party.uuid}));
        }
        (
            QuestionSubject::NationalId
            | QuestionSubject::Party
            | QuestionSubject::PartyId
            | QuestionSubject::Other,
            _,
            _,
        ) => {
            steps.add(ExplanationStep::SubjectAsGiven, json!({}));
        }
    }
    let is_system_user = matches!(question.who, QuestionSubject::SystemUser(_));
    let is_organization =
        question.who == QuestionSubject::Party && !is_person && pair.subject.is_some();
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
    explain_outcome(steps, question, decided, catalogue);
}

fn explain_outcome(
    steps: &mut ExplanationSteps,
    question: &DecisionQuestion<'_>,
    decided: &DecisionDetails,
    catalogue: &Catalogue,
) {
    match decided.decision {
        Decision::Permit => {
            explain_permit(steps, question, decided, catalogue);
            let resource = decided.resource.as_ref();
            if resource.is_some_and(|resource| resource.access_list_enabled) {
                steps.add(ExplanationStep::AccessListOpen, json!({}));
            }
            explain_level(steps, decided);
        }
        Decision::Deny if decided.reason == DecisionReason::AccessListRequired => {
            explain_permit(steps, question, decided, catalogue);
            steps.add(ExplanationStep::AccessListClosed, json!({}));
        }
        Decision::Deny => match &decided.by {
            Some(DecisionBasis::Rule { id, number }) => steps.add(
                ExplanationStep::RuleDenies,
                json!({"rule": id, "number": number}),
            ),
            Some(by @ DecisionBasis::SingleRight { .. }) => {
                steps.add(ExplanationStep::RuleDenies, json!({"rule": by.name()}));
            }
            None => steps.add(ExplanationStep::PolicyDenies, json!({"rule": null})),
        },
        Decision::NotApplicable => steps.add(ExplanationStep::NoRuleApplies, json!({})),
        Decision::Indeterminate => {
            let fault = decided.findings.as_ref().and_then(|d| d.fault.clone());
            steps.add(
                ExplanationStep::PolicyIndeterminate,
                fault.unwrap_or_else(|| json!({})),
            );
        }
    }
}

/// What permits, or would permit if the reportee were on an access list.
fn explain_permit(
    steps: &mut ExplanationSteps,
    question: &DecisionQuestion<'_>,
    decided: &DecisionDetails,
    catalogue: &Catalogue,
) {
    match &decided.by {
        Some(DecisionBasis::SingleRight {
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
        Some(DecisionBasis::Rule { id, number }) => steps.add(
            ExplanationStep::RulePermits,
            json!({"rule": id, "number": number}),
        ),
        None => steps.add(ExplanationStep::PolicyPermits, json!({"rule": null})),
    }
}

/// The level that counts for the subject; both levels, where system users have one of their own.
fn explain_level(steps: &mut ExplanationSteps, decided: &DecisionDetails) {
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

/// The rule that decided.
pub(super) fn deciding_rule<'p>(
    policy: &'p CompiledPolicy,
    by: Option<&DecisionBasis>,
) -> Option<&'p Rule> {
    match by {
        Some(DecisionBasis::Rule { number, .. }) => {
            policy_findings::numbered(policy, Some(*number))
        }
        Some(DecisionBasis::SingleRight { .. }) | None => None,
    }
}

/// How many alternatives a rule has.
pub(super) fn alternatives_of(rule: &Rule) -> usize {
    rule.target.iter().map(Vec::len).sum()
}

/// Packages that the subject holds and the rule that permitted asks for.
pub(super) fn deciding_packages(
    rule: &Rule,
    pair: &PairFacts,
    catalogue: &Catalogue,
) -> Vec<PackageKey> {
    let asked: HashSet<String> = rights::user_subjects(rule)
        .filter(|(id, _)| *id == PACKAGE)
        .map(|(_, value)| value.to_ascii_lowercase())
        .collect();
    let is_asked = |key: &PackageKey| {
        catalogue
            .package(*key)
            .is_some_and(|package| asked.contains(&package.value().to_ascii_lowercase()))
    };
    pair.packages.iter().copied().filter(is_asked).collect()
}

/// What a look for grants depends on: subject, reportee, packages, single right.
type GrantKey = (Uuid, Uuid, Vec<PackageKey>, Option<Uuid>);

/// Grants that were found.
type GrantsByKey = HashMap<GrantKey, Arc<[Value]>>;

impl Pdp {
    /// Adds to decisions their explanations, with the grants that a permit rests on:
    /// of a system user all of them, of others the single right.
    ///
    /// # Errors
    /// The grants cannot be read, the budget is used up, or the explanations are too long together.
    pub(super) async fn explain(
        &self,
        questions: &[Result<DecisionQuestion<'_>, RequestFault>],
        all: &mut [DecisionDetails],
        budget: &CallBudget,
    ) -> Result<(), UndecidedCause> {
        let (mut known, mut bytes) = (GrantsByKey::new(), 0);
        for (question, decided) in questions.iter().zip(all) {
            let grants = self.grants(decided, budget, &mut known).await?;
            let explanation = explanation(question.as_ref(), decided, &grants, &self.catalogue);
            let json = to_raw_value(&explanation).ok();
            bytes += json.as_ref().map_or(0, |json| json.get().len());
            if bytes > MAX_ANSWER_BYTES {
                return Err(ExceededBound::Answer.into());
            }
            decided.explanation = json.map(Into::into);
            decided.findings = None;
        }
        Ok(())
    }

    async fn grants(
        &self,
        decided: &DecisionDetails,
        budget: &CallBudget,
        known: &mut GrantsByKey,
    ) -> Result<Arc<[Value]>, UndecidedCause> {
        let assignment = match &decided.by {
            Some(DecisionBasis::SingleRight { assignment, .. }) => Some(*assignment),
            Some(DecisionBasis::Rule { .. }) | None => None,
        };
        let pair = decided
            .pair
            .as_ref()
            .filter(|pair| pair.system_user.is_some() || assignment.is_some());
        let Some(pair) = pair else {
            return Ok(Arc::default());
        };
        let (Some(subject), Some(reportee), Decision::Permit) =
            (&pair.subject, &pair.reportee, decided.decision)
        else {
            return Ok(Arc::default());
        };
        let key = (
            subject.uuid,
            reportee.party.uuid,
            decided.packages.clone(),
            assignment,
        );
        if let Some(found) = known.get(&key) {
            return Ok(Arc::clone(found));
        }
        budget.take(STEPS_OF_GRANTS)?;
        let mut db = self.db.acquire().await?;
        let found = store::grants(
            &mut db,
            subject.uuid,
            reportee.party.uuid,
            &decided.packages,
            assignment,
        )
        .await?;
        let grants: Arc<[Value]> = found
            .iter()
            .map(|grant| {
                json!({"kind": grant.kind, "from": grant.from, "holder": grant.holder, "facilitator": grant.facilitator,
                    "package": grant.package.and_then(|key| urn(&self.catalogue, key)), "id": grant.id, "given": time::format(grant.given),
                    "request": grant.request})
            })
            .collect();
        known.insert(key, Arc::clone(&grants));
        Ok(grants)
    }
}
