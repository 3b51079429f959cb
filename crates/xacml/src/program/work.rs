//! Lists that one evaluation fills, kept between evaluations so that they need not be allocated
//! again.

use crate::policy::Effect;

/// Reusable memory of evaluations, one at a time. Its content has no meaning between them.
#[derive(Debug, Default)]
pub struct EvaluationMemory {
    /// Rules and children that the indexes found, by their offsets.
    pub(super) candidates: Vec<u32>,
    pub(super) emissions: Vec<EmittedObligation>,
    pub(super) contributions: Vec<ContributingPolicy>,
}

/// An obligation or advice of a decision, as long as no outer element decides otherwise.
#[derive(Debug, Clone, Copy)]
pub struct EmittedObligation {
    /// Its number; `NONE` when it came from a referenced policy.
    pub obligation: u32,
    pub effect: Effect,
    pub advice: bool,
    /// Number of its computed values; `NONE` when they are constants.
    pub computed: u32,
}

/// A policy that contributed to a decision, as long as no outer element decides otherwise.
#[derive(Debug, Clone, Copy)]
pub struct ContributingPolicy {
    /// Number of the node, or of one that a referenced policy reported.
    pub number: u32,
    pub is_referenced: bool,
    pub effect: Effect,
}
