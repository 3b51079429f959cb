//! The outcome of an evaluation: the decision, and what a result contains besides it.

use super::{
    CompiledExpression, Program, RuleName,
    bind::DecisionCategories,
    combine::ElementValue,
    trace::Trace,
    work::{ContributingPolicy, EmittedObligation, EvaluationMemory},
};
use crate::{
    context::{
        Assignment, Decision, DecisionResult, MissingAttribute, Obligation, PolicyIdentifier,
        Status, included,
    },
    error::{Fault, FaultDetail},
    functions::Operand,
    policy::Effect,
    values::Value,
};

/// An obligation or advice that is not made of constants alone.
#[derive(Debug)]
pub(super) enum ComputedObligation<'r> {
    /// The values of its expressions, each with the number of its assignment.
    Values(Vec<(u32, Value<'r>)>),
    /// One that a referenced policy returned.
    Referenced(Obligation),
}

/// The outcome of one evaluation. It borrows the request and the [`EvaluationMemory`] it was made with, and makes
/// obligations, policy identifiers and the like when they are asked for.
#[derive(Debug)]
pub struct Evaluation<'e> {
    pub(super) program: &'e Program,
    pub(super) verdict: ElementValue,
    pub(super) work: &'e EvaluationMemory,
    pub(super) computed: Vec<ComputedObligation<'e>>,
    pub(super) referenced_policies: Vec<PolicyIdentifier>,
    pub(super) referenced_missing: Vec<MissingAttribute>,
    pub(super) given: DecisionCategories<'e>,
    pub(super) trace: Trace,
    pub(super) steps_left: u32,
    pub(super) steps: u32,
    pub(super) is_exceeded: bool,
    /// First rule that permits, and first that denies.
    pub(super) deciders: [u32; 2],
}

pub(super) const fn decision(verdict: ElementValue) -> Decision {
    match verdict {
        ElementValue::NotApplicable => Decision::NotApplicable,
        ElementValue::Decided(Effect::Permit) => Decision::Permit,
        ElementValue::Decided(Effect::Deny) => Decision::Deny,
        ElementValue::Indeterminate(..) => Decision::Indeterminate,
    }
}

pub(super) fn missing(
    program: &Program,
    referenced: &[MissingAttribute],
    fault: Fault,
) -> Option<MissingAttribute> {
    match fault.detail {
        FaultDetail::Designator(number) => {
            let designator = program.designators.get(number as usize)?;
            let attributes = program.hot.vocabulary.attributes();
            let slot = program.attribute_of(designator.slot, &attributes)?;
            Some(MissingAttribute {
                category: slot.category.to_string(),
                attribute_id: slot.attribute_id.to_string(),
                data_type: slot.data_type,
                issuer: designator.issuer.as_deref().map(str::to_owned),
            })
        }
        FaultDetail::Referenced(number) => referenced.get(number as usize).cloned(),
        FaultDetail::None | FaultDetail::Stub(_) => None,
    }
}

impl Evaluation<'_> {
    /// The decision. The extended Indeterminate values of the standard (section 7.10) are one
    /// [`Decision::Indeterminate`] here.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        decision(self.verdict)
    }

    /// What went wrong; `None` unless the decision is Indeterminate.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match self.verdict {
            ElementValue::Indeterminate(_, fault) => Some(fault),
            _ => None,
        }
    }

    /// Steps that the evaluation took, those of a trace included.
    #[must_use]
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// Whether it needed more steps than it was allowed. It is Indeterminate then.
    #[must_use]
    pub const fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// The attribute whose absence made the decision Indeterminate; `None` when nothing of the kind
    /// did, or when it was the content of a category that was missing.
    #[must_use]
    pub fn missing(&self) -> Option<MissingAttribute> {
        missing(self.program, &self.referenced_missing, self.fault()?)
    }

    /// The obligations of the decision, in document order and inner elements before outer ones
    /// (section 7.18 of the standard). The enforcement point must fulfil them.
    #[must_use]
    pub fn obligations(&self) -> Vec<Obligation> {
        self.emitted(false)
    }

    /// The advice of the decision, in the same order as the obligations. The enforcement point may
    /// ignore it.
    #[must_use]
    pub fn advice(&self) -> Vec<Obligation> {
        self.emitted(true)
    }

    /// The policies and policy sets that contributed to the decision, inner ones before outer ones.
    /// Empty unless the evaluation was asked to collect them, as
    /// [`PreparedRequest::evaluate_with_policies`](super::PreparedRequest::evaluate_with_policies) does.
    #[must_use]
    pub fn policies(&self) -> Vec<PolicyIdentifier> {
        let name = |c: &ContributingPolicy| {
            if c.is_referenced {
                return self.referenced_policies.get(c.number as usize).cloned();
            }
            self.program
                .nodes
                .get(c.number as usize)
                .map(|n| PolicyIdentifier {
                    is_set: n.is_set,
                    id: n.id.to_string(),
                    version: n.version.to_string(),
                })
        };
        self.work.contributions.iter().filter_map(name).collect()
    }

    /// `RuleId` of the first rule whose effect is the decision. `None` when the decision is neither
    /// Permit nor Deny, or when no rule of the program itself has that effect, as with
    /// `deny-unless-permit` or referenced policies.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.decider().map(|rule| &*rule.id)
    }

    /// The number of the same rule among the rules of its policy, from 1. Identifiers may repeat,
    /// numbers do not.
    #[must_use]
    pub fn rule_number(&self) -> Option<u32> {
        self.decider().map(|rule| rule.number)
    }

    fn decider(&self) -> Option<&RuleName> {
        let ElementValue::Decided(effect) = self.verdict else {
            return None;
        };
        let number = self.deciders.get(usize::from(effect == Effect::Deny))?;
        self.program.rules.get(*number as usize)
    }

    /// The steps of the evaluation. Empty unless it was made by
    /// [`PreparedRequest::explain`](super::PreparedRequest::explain).
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The steps of the evaluation by value.
    #[must_use]
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// The evaluation as a result of a response, with the attributes that the request marks by
    /// `IncludeInResult`. It owns all that it holds.
    #[must_use]
    pub fn to_result(&self) -> DecisionResult {
        let status = match self.fault() {
            None => Status::ok(),
            Some(fault) => Status {
                code: fault.code,
                message: Some(fault.message.to_owned()),
                missing: self.missing().into_iter().collect(),
            },
        };
        DecisionResult {
            decision: self.decision(),
            status,
            obligations: self.obligations(),
            advice: self.advice(),
            attributes: included(self.given.iter()),
            policies: self.policies(),
        }
    }

    fn emitted(&self, advice: bool) -> Vec<Obligation> {
        self.work
            .emissions
            .iter()
            .filter(|e| e.advice == advice)
            .filter_map(|e| self.obligation(*e))
            .collect()
    }

    fn obligation(&self, emission: EmittedObligation) -> Option<Obligation> {
        let program = self.program;
        let make = |number: u32, value: Value<'_>| {
            program
                .assignments
                .get(number as usize)
                .map(|a| Assignment {
                    attribute_id: a.attribute_id.to_string(),
                    category: a.category.as_deref().map(str::to_owned),
                    issuer: a.issuer.as_deref().map(str::to_owned),
                    value: value.into_owned(),
                })
        };
        match self.computed.get(emission.computed as usize) {
            Some(ComputedObligation::Referenced(obligation)) => Some(obligation.clone()),
            Some(ComputedObligation::Values(values)) => {
                let obligation = program.obligations.get(emission.obligation as usize)?;
                let assignments = values
                    .iter()
                    .filter_map(|(number, value)| make(*number, value.clone()))
                    .collect();
                Some(Obligation {
                    id: obligation.id.to_string(),
                    assignments,
                })
            }
            None => {
                let obligation = program.obligations.get(emission.obligation as usize)?;
                let mut assignments = Vec::with_capacity(obligation.assignments.numbers().len());
                for number in obligation.assignments.numbers() {
                    let expression = program
                        .assignments
                        .get(number as usize)
                        .and_then(|a| program.expressions.get(a.expression as usize));
                    let Some(CompiledExpression::Constant(constant)) = expression else {
                        continue;
                    };
                    match program.constants.get(*constant as usize) {
                        Some(Operand::One(value)) => {
                            assignments.extend(make(number, value.borrowed()));
                        }
                        Some(Operand::Bag(values)) => assignments
                            .extend(values.iter().filter_map(|v| make(number, v.borrowed()))),
                        None => {}
                    }
                }
                Some(Obligation {
                    id: obligation.id.to_string(),
                    assignments,
                })
            }
        }
    }
}
