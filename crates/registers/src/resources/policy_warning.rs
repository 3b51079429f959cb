//! A warning about a policy.

use serde::Serialize;
use utoipa::ToSchema;
use xacml::LoadWarningKind;

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
    /// A rule has several groups of subjects, and a subject must be in each of them.
    SeveralSubjectGroups,
    /// A rule asks for two values of what a request names once.
    RuleNeverApplies,
    /// A literal looks like a placeholder of a template.
    Placeholder,
    /// An access package that the catalogue does not have.
    UnknownPackage,
    /// A role that the catalogue does not have.
    UnknownRole,
    /// An authentication level that is no number from 0 to 4.
    LevelUnreadable,
    /// A level that no system user has, without one for system users.
    LevelClosedToSystemUsers,
}

impl PolicyWarningKind {
    /// Whether the standard alone is enough to warn; the others rest on what this service knows.
    #[must_use]
    pub const fn is_of_the_standard(self) -> bool {
        match self {
            Self::DeprecatedAlgorithm
            | Self::RepeatedRuleId
            | Self::MatchNeverHolds
            | Self::Broken => true,
            Self::SeveralSubjectGroups
            | Self::RuleNeverApplies
            | Self::Placeholder
            | Self::UnknownPackage
            | Self::UnknownRole
            | Self::LevelUnreadable
            | Self::LevelClosedToSystemUsers => false,
        }
    }

    /// The kind as one word.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::DeprecatedAlgorithm => "deprecated-algorithm",
            Self::RepeatedRuleId => "repeated-rule-id",
            Self::MatchNeverHolds => "match-never-holds",
            Self::Broken => "broken",
            Self::SeveralSubjectGroups => "several-subject-groups",
            Self::RuleNeverApplies => "rule-never-applies",
            Self::Placeholder => "placeholder",
            Self::UnknownPackage => "unknown-package",
            Self::UnknownRole => "unknown-role",
            Self::LevelUnreadable => "level-unreadable",
            Self::LevelClosedToSystemUsers => "level-closed-to-system-users",
        }
    }
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
    /// Column of the element, from 1.
    #[serde(skip)]
    pub column: u32,
    /// In English.
    pub text: String,
}
