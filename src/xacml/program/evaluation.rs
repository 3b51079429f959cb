//! What a decision comes to, and what goes with it.

use super::{
    Expression, Program,
    bind::{Given, Work},
    combine::Verdict,
    trace::Trace,
};
use crate::xacml::{
    context::{
        Assignment, Decision, DecisionResult, MissingAttribute, Obligation, PolicyIdentifier,
        Status, included,
    },
    error::{Detail, Fault},
    functions::Operand,
    policy::Effect,
    values::Value,
};

/// An obligation or advice that goes with a decision, if that stands.
#[derive(Debug, Clone, Copy)]
pub struct Emission {
    /// Its number; `NONE` when it came from a referenced policy.
    pub(super) obligation: u32,
    pub(super) effect: Effect,
    pub(super) advice: bool,
    /// Number of its computed values; `NONE` when they are constants.
    pub(super) computed: u32,
}

/// A policy that contributed to a decision, if that stands.
#[derive(Debug, Clone, Copy)]
pub struct Contribution {
    /// Number of the node, or of one that a referenced policy contributed.
    pub(super) number: u32,
    pub(super) foreign: bool,
    pub(super) effect: Effect,
}

#[derive(Debug)]
pub(super) enum Computed<'r> {
    Values(Vec<(u32, Value<'r>)>),
    Foreign(Obligation),
}

/// A decision with what goes with it.
#[derive(Debug)]
pub struct Evaluation<'e> {
    pub(super) program: &'e Program,
    pub(super) verdict: Verdict,
    pub(super) work: &'e Work,
    pub(super) computed: Vec<Computed<'e>>,
    pub(super) foreign_policies: Vec<PolicyIdentifier>,
    pub(super) foreign_missing: Vec<MissingAttribute>,
    pub(super) given: Given<'e>,
    pub(super) trace: Trace,
    pub(super) steps_left: u32,
    pub(super) deciders: [u32; 2],
}

pub(super) const fn decision(verdict: Verdict) -> Decision {
    match verdict {
        Verdict::NotApplicable => Decision::NotApplicable,
        Verdict::Decided(Effect::Permit) => Decision::Permit,
        Verdict::Decided(Effect::Deny) => Decision::Deny,
        Verdict::Indeterminate(..) => Decision::Indeterminate,
    }
}

pub(super) fn missing(
    program: &Program,
    foreign: &[MissingAttribute],
    fault: Fault,
) -> Option<MissingAttribute> {
    match fault.detail {
        Detail::Attribute(number) => {
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
        Detail::Foreign(number) => foreign.get(number as usize).cloned(),
        Detail::None | Detail::Stub(_) => None,
    }
}

impl Evaluation<'_> {
    /// The decision.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        decision(self.verdict)
    }

    /// What went wrong, when it is Indeterminate.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match self.verdict {
            Verdict::Indeterminate(_, fault) => Some(fault),
            _ => None,
        }
    }

    /// The attribute whose absence made it Indeterminate.
    #[must_use]
    pub fn missing(&self) -> Option<MissingAttribute> {
        missing(self.program, &self.foreign_missing, self.fault()?)
    }

    /// What must be done with the decision.
    #[must_use]
    pub fn obligations(&self) -> Vec<Obligation> {
        self.emitted(false)
    }

    /// What may be done with the decision.
    #[must_use]
    pub fn advice(&self) -> Vec<Obligation> {
        self.emitted(true)
    }

    /// Policies that contributed, when they were asked for.
    #[must_use]
    pub fn policies(&self) -> Vec<PolicyIdentifier> {
        let name = |c: &Contribution| {
            if c.foreign {
                return self.foreign_policies.get(c.number as usize).cloned();
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

    /// The first rule that says what was decided; none when no rule does.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        let Verdict::Decided(effect) = self.verdict else {
            return None;
        };
        let number = self.deciders.get(usize::from(effect == Effect::Deny))?;
        self.program.rules.get(*number as usize).map(|id| &**id)
    }

    /// How it came about, when that was asked for.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes the account of how it came about.
    #[must_use]
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// All of it as one result, with the attributes that the request wants back.
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

    fn obligation(&self, emission: Emission) -> Option<Obligation> {
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
            Some(Computed::Foreign(obligation)) => Some(obligation.clone()),
            Some(Computed::Values(values)) => {
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
                    let Some(Expression::Constant(constant)) = expression else {
                        continue;
                    };
                    match program.constants.get(*constant as usize) {
                        Some(Operand::One(value)) => {
                            assignments.extend(make(number, value.borrowed()))
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
