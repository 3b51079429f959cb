//! The state of one evaluation.

use super::{
    Program,
    bind::{Binding, DecisionCategories},
    environment::Environment,
    evaluation::ComputedObligation,
    trace::Trace,
    work::EvaluationMemory,
};
use crate::{
    context::{Category, MissingAttribute, PolicyIdentifier},
    error::Fault,
    functions::{EvaluationBudget, Operand},
};

/// One evaluation in progress. `TRACED` ones record their steps, and evaluate every rule.
pub struct EvaluationRun<'r, 'w, const TRACED: bool> {
    pub program: &'r Program,
    pub given: DecisionCategories<'r>,
    /// Attributes that came from the clock or the source.
    pub extra: &'r [Category<'static>],
    pub binding: &'r Binding,
    pub budget: EvaluationBudget<'r>,
    /// Values of the variables that were needed so far.
    pub variables: Vec<Option<Result<Operand<'r>, Fault>>>,
    pub environment: Environment<'r>,
    /// How many references lead from the root policy to this program.
    pub reference_depth: usize,
    pub work: &'w mut EvaluationMemory,
    pub computed: Vec<ComputedObligation<'r>>,
    pub referenced_policies: Vec<PolicyIdentifier>,
    pub referenced_missing: Vec<MissingAttribute>,
    pub collect_policies: bool,
    pub trace: Trace,
    /// Attributes and literals that the trace names.
    pub described: u32,
    /// Depth of the element that is being evaluated, for the trace.
    pub depth: usize,
    /// First rule that permits, and first that denies.
    pub deciders: [u32; 2],
}
