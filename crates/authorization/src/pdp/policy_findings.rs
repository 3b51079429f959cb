//! What a policy made of a request, kept for the explanation of a decision.

use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use foundation::ids::NationalId;
use registers::resources::{CompiledPolicy, rights};
use xacml::{Decision, Effect, StepReason, Trace, TraceStep, policy::Rule};

/// Texts of a rule that an explanation repeats.
const MOST_WANTED: usize = 20;
/// Actions of a policy that an explanation repeats.
const MOST_ACTIONS: usize = 100;
/// Steps that the explanation of a rule takes.
const STEPS_OF_RULE: usize = 250;

/// What a policy made of a request, as an explanation shows it.
#[derive(Debug, Default)]
pub struct PolicyFindings {
    /// Its rules, as JSON; none when no policy was asked.
    pub(super) rules: Option<Box<RawValue>>,
    /// What went wrong.
    pub(super) fault: Option<Value>,
    /// What would have been permitted, or to whom, when no rule applied.
    pub(super) nearest_miss: Option<Value>,
}

impl PolicyFindings {
    /// Steps that making it takes.
    pub fn steps(trace: &Trace, policy: &CompiledPolicy) -> usize {
        let rules = trace.steps.iter().filter(|step| step.element == "Rule");
        rules
            .count()
            .saturating_mul(STEPS_OF_RULE)
            .saturating_add(policy.alternatives / 4)
    }

    pub fn of(policy: &CompiledPolicy, trace: &Trace, action: Option<&str>) -> Self {
        let rules: Vec<Value> = trace
            .steps
            .iter()
            .filter(|step| step.element == "Rule")
            .map(|step| rule(policy, step))
            .collect();
        let is_miss = trace
            .steps
            .first()
            .is_some_and(|root| root.outcome == Decision::NotApplicable);
        Self {
            rules: to_raw_value(&rules).ok(),
            fault: fault(trace),
            nearest_miss: is_miss.then(|| nearest_miss(policy, action)),
        }
    }

    /// Bytes of the explanation of the rules.
    pub fn bytes(&self) -> usize {
        self.rules.as_ref().map_or(0, |rules| rules.get().len())
    }
}

/// What went wrong, with the attribute whose absence stopped the policy.
fn fault(trace: &Trace) -> Option<Value> {
    let mut faults = trace.steps.iter().rev().filter_map(|step| match &step.because {
        StepReason::Fault { message, missing, .. } => Some(json!({"message": message, "missingAttribute": missing.as_ref().map(|m| &m.attribute_id)})),
        StepReason::Applies | StepReason::ConditionFalse | StepReason::NoMatch { .. } => None,
    });
    faults.next()
}

/// What became of a rule.
fn rule(policy: &CompiledPolicy, step: &TraceStep) -> Value {
    let effect = numbered(policy, step.rule_number).and_then(|rule| rule.effect);
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
        StepReason::Applies => {}
        StepReason::ConditionFalse => out["failed"] = json!({"part": "condition"}),
        StepReason::NoMatch { attributes, wanted } => {
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
        StepReason::Fault {
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

/// The rule of a number.
pub(super) fn numbered(policy: &CompiledPolicy, number: Option<u32>) -> Option<&Rule> {
    let at = (number? as usize).checked_sub(1)?;
    policy.policy.rules.get(at)
}

/// What would have been permitted, or to whom.
fn nearest_miss(policy: &CompiledPolicy, action: Option<&str>) -> Value {
    let permits = || {
        (1_u32..)
            .zip(&policy.policy.rules)
            .filter(|(_, rule)| rule.effect == Some(Effect::Permit))
    };
    let is_of_action = |rule: &Rule| {
        rights::action_names(rule).next().is_none()
            || action.is_some_and(|action| rights::action_names(rule).any(|a| a == action))
    };
    if let Some((number, rule)) = permits().find(|(_, rule)| is_of_action(rule)) {
        let needs: Vec<Value> = rights::user_subjects(rule)
            .take(MOST_WANTED)
            .map(|(id, value)| json!({"type": id, "value": value}))
            .collect();
        return json!({"missing": "subject", "rule": rule.id, "number": number, "needsOneOf": needs});
    }
    let mut known: Vec<&str> = permits()
        .flat_map(|(_, rule)| rights::action_names(rule))
        .collect();
    known.sort_unstable();
    known.dedup();
    known.truncate(MOST_ACTIONS);
    json!({"missing": "action", "known": known})
}
