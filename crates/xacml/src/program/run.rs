//! The state of one evaluation.

use super::{
    Program,
    bind::{Binding, Categories},
    environment::Environment,
    evaluation::Computed,
    trace::Trace,
    work::Work,
};
use crate::{
    context::{Category, MissingAttribute, PolicyIdentifier},
    error::Fault,
    functions::{Budget, Operand},
};

/// One evaluation in progress. `TRACED` ones record their steps, and evaluate every rule.
pub struct Run<'r, 'w, const TRACED: bool> {
    pub program: &'r Program,
    pub given: Categories<'r>,
    /// Attributes that came from the clock or the source.
    pub extra: &'r [Category<'static>],
    pub binding: &'r Binding,
    pub budget: Budget<'r>,
    /// Values of the variables that were needed so far.
    pub variables: Vec<Option<Result<Operand<'r>, Fault>>>,
    pub environment: Environment<'r>,
    /// How many references lead from the root policy to this program.
    pub reference_depth: usize,
    pub work: &'w mut Work,
    pub computed: Vec<Computed<'r>>,
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
