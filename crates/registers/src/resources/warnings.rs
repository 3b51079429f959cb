//! What the owner of a policy should know about it.

use serde::Serialize;
use utoipa::ToSchema;
use xacml::{LoadWarningKind, Program};

/// What a warning about a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyWarningKind {
    /// The combining algorithm is deprecated.
    DeprecatedAlgorithm,
    /// Two rules have the same `RuleId`; both count.
    RepeatedRuleId,
    /// A literal has a type that its function does not take, so that its `Match` never holds.
    MatchNeverHolds,
    /// A part that would be refused today; where it counts, the decision is Indeterminate.
    Broken,
}

impl From<LoadWarningKind> for PolicyWarningKind {
    fn from(kind: LoadWarningKind) -> Self {
        match kind {
            LoadWarningKind::DeprecatedAlgorithm => Self::DeprecatedAlgorithm,
            LoadWarningKind::RepeatedRuleId => Self::RepeatedRuleId,
            LoadWarningKind::MatchNeverHolds => Self::MatchNeverHolds,
        }
    }
}

/// Something that the owner of a policy should know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyWarning {
    /// What it is about.
    pub kind: PolicyWarningKind,
    /// Line of the element in the policy, from 1.
    pub line: u32,
    /// In English.
    pub text: String,
}

/// The warnings about a policy, in the order of its lines.
#[must_use]
pub fn warnings(program: &Program) -> Vec<PolicyWarning> {
    let accepted = program.warnings().iter().map(|warning| PolicyWarning {
        kind: warning.kind.into(),
        line: warning.at.line,
        text: format!("{}: {}", warning.element, warning.text),
    });
    let broken = program.broken().iter().map(|error| PolicyWarning {
        kind: PolicyWarningKind::Broken,
        line: error.at.line,
        text: format!("{}: {}", error.element, error.reason),
    });
    let mut all: Vec<PolicyWarning> = accepted.chain(broken).collect();
    all.sort_by_key(|warning| warning.line);
    all
}
