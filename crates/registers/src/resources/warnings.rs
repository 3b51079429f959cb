//! What the owner of a policy should know about it.

use xacml::{Policy, Program};

use super::{
    lint::lint,
    policy_warning::{PolicyWarning, PolicyWarningKind},
};
use crate::packages::Catalogue;

/// The warnings about a policy, in the order of its lines.
#[must_use]
pub fn warnings(policy: &Policy, program: &Program, catalogue: &Catalogue) -> Vec<PolicyWarning> {
    let accepted = program.warnings().iter().map(|warning| PolicyWarning {
        kind: warning.kind.into(),
        line: warning.at.line,
        column: warning.at.column,
        text: format!("{}: {}", warning.element, warning.text),
    });
    let broken = program.broken().iter().map(|error| PolicyWarning {
        kind: PolicyWarningKind::Broken,
        line: error.at.line,
        column: error.at.column,
        text: format!("{}: {}", error.element, error.reason),
    });
    let mut all: Vec<PolicyWarning> = accepted.chain(broken).collect();
    all.extend(lint(policy, catalogue));
    all.sort_by_key(|warning| (warning.line, warning.column));
    all
}
