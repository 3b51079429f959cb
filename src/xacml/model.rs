//! A policy as data.

/// Category of an attribute, as a URI.
pub type Category = String;

/// What a decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the standard")]
pub enum Decision {
    Permit,
    Deny,
    NotApplicable,
    Indeterminate,
}

impl Decision {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "Permit",
            Self::Deny => "Deny",
            Self::NotApplicable => "NotApplicable",
            Self::Indeterminate => "Indeterminate",
        }
    }
}

/// What a rule does when it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the standard")]
pub enum Effect {
    Permit,
    Deny,
}

/// How the rules' outcomes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the standard")]
pub enum Combining {
    DenyOverrides,
    PermitOverrides,
    DenyUnlessPermit,
    PermitUnlessDeny,
    FirstApplicable,
    /// An algorithm that is not evaluated: the policy is Indeterminate.
    Unsupported,
}

/// A policy.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Policy {
    pub id: String,
    pub version: String,
    pub combining: Combining,
    pub target: Vec<AnyOf>,
    pub rules: Vec<Rule>,
    pub obligations: Vec<Obligation>,
}

/// A rule.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Rule {
    pub id: String,
    pub effect: Effect,
    pub target: Vec<AnyOf>,
    /// Holds a condition or something else that is not evaluated.
    pub unsupported: bool,
}

/// Alternatives: one must hold.
pub type AnyOf = Vec<AllOf>;
/// Matches that must hold together.
pub type AllOf = Vec<Match>;

/// One comparison of a literal with a bag of attribute values.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Match {
    pub function: MatchFunction,
    pub value: String,
    pub data_type: String,
    pub category: Category,
    pub attribute_id: String,
    pub must_be_present: bool,
}

/// Functions a match may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchFunction {
    /// `string-equal`
    StringEqual,
    /// `string-equal-ignore-case`
    StringEqualIgnoreCase,
    /// `anyURI-equal`
    AnyUriEqual,
    /// `integer-equal`
    IntegerEqual,
    /// Any other: the rule is Indeterminate.
    Unsupported,
}

/// What the caller must do when it acts on a decision.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Obligation {
    pub id: String,
    pub fulfill_on: Effect,
    pub assignments: Vec<ObligationAssignment>,
}

/// A value of an obligation.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct ObligationAssignment {
    pub attribute_id: String,
    pub category: String,
    pub data_type: String,
    pub value: String,
}
