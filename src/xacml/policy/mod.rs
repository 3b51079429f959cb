//! A policy as it is written: the tree of the document, with positions.

mod read;
mod version;

pub use version::{Version, VersionPattern, VersionRange};

use super::{
    context::{Assignment, Obligation},
    error::{LoadError, Position},
    values::{DataType, Namespaces, Value},
};

/// What a rule does when it applies, or what a result must be for an obligation to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named by the standard")]
pub enum Effect {
    Permit,
    Deny,
}

/// A document's root, or a child of a policy set.
#[derive(Debug, Clone)]
pub enum PolicyTree {
    /// A policy.
    Policy(Policy),
    /// A policy set.
    PolicySet(PolicySet),
    /// A policy or set that lives elsewhere.
    Reference(Reference),
}

/// What policies and policy sets have in common.
#[derive(Debug, Clone)]
pub struct Head {
    /// `PolicyId` or `PolicySetId`.
    pub id: String,
    /// `Version`
    pub version: Version,
    /// `RuleCombiningAlgId` or `PolicyCombiningAlgId`.
    pub combining: String,
    /// When it applies.
    pub target: Target,
    /// What must be done with a decision.
    pub obligations: Vec<ObligationExpression>,
    /// What may be done with a decision.
    pub advice: Vec<ObligationExpression>,
    /// Version of XPath in its selectors, when it says.
    pub xpath_version: Option<String>,
    /// Who issued it, when it says. Kept, not evaluated.
    pub issuer: bool,
    /// How deep delegation may go. Kept, not evaluated.
    pub max_delegation_depth: Option<u64>,
    /// Parameters of the combining algorithm. Kept; no standard algorithm reads them.
    pub parameters: Vec<CombinerParameter>,
    /// Where it stands.
    pub at: Position,
    /// Why it cannot be evaluated, in a lenient load.
    pub broken: Option<LoadError>,
}

/// A parameter of a combining algorithm.
#[derive(Debug, Clone)]
pub struct CombinerParameter {
    /// Rule, policy or policy set it is about; none when it is about all.
    pub about: Option<String>,
    /// `ParameterName`
    pub name: String,
    /// Its value.
    pub value: Literal,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What it has in common with policy sets.
    pub head: Head,
    /// Named expressions.
    pub variables: Vec<VariableDefinition>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A policy set.
#[derive(Debug, Clone)]
pub struct PolicySet {
    /// What it has in common with policies.
    pub head: Head,
    /// Its policies, sets and references.
    pub children: Vec<PolicyTree>,
}

/// A reference to a policy or a policy set.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Only policy sets are found, or only policies.
    pub to_set: bool,
    /// Identifier of what is meant.
    pub id: String,
    /// Versions that will do.
    pub versions: VersionRange,
    /// Where it stands.
    pub at: Position,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `RuleId`
    pub id: String,
    /// What it does when it applies.
    pub effect: Effect,
    /// When it applies.
    pub target: Target,
    /// What must hold besides.
    pub condition: Option<Expression>,
    /// What must be done with its effect.
    pub obligations: Vec<ObligationExpression>,
    /// What may be done with its effect.
    pub advice: Vec<ObligationExpression>,
    /// Where it stands.
    pub at: Position,
    /// Why it cannot be evaluated, in a lenient load.
    pub broken: Option<LoadError>,
}

/// All of these must hold.
pub type Target = Vec<AnyOf>;
/// One of these must hold.
pub type AnyOf = Vec<AllOf>;
/// All of these must hold.
pub type AllOf = Vec<Match>;

/// A comparison of a literal with each value of a bag.
#[derive(Debug, Clone)]
pub struct Match {
    /// `MatchId`
    pub function: String,
    /// First argument.
    pub value: Literal,
    /// Where the second arguments come from.
    pub bag: Expression,
    /// Where it stands.
    pub at: Position,
}

impl Match {
    /// The attribute it looks at; none when it looks at content.
    #[must_use]
    pub const fn designator(&self) -> Option<&Designator> {
        match &self.bag {
            Expression::Designator(designator) => Some(designator),
            _ => None,
        }
    }
}

/// An expression.
#[derive(Debug, Clone)]
pub enum Expression {
    /// A literal.
    Literal(Literal),
    /// Values of an attribute.
    Designator(Designator),
    /// Values out of a content.
    Selector(Selector),
    /// A function with arguments.
    Apply(Apply),
    /// A named expression.
    Variable(Name),
    /// A function as an argument.
    Function(Name),
}

/// An identifier where it stands.
#[derive(Debug, Clone)]
pub struct Name {
    /// The identifier.
    pub id: String,
    /// Where it stands.
    pub at: Position,
}

/// A literal value, not parsed yet.
#[derive(Debug, Clone)]
pub struct Literal {
    /// URI of its type.
    pub data_type: String,
    /// Its text.
    pub text: String,
    /// Category that an XPath is about.
    pub xpath_category: Option<String>,
    /// Prefixes in scope.
    pub namespaces: Namespaces,
    /// Where it stands.
    pub at: Position,
}

/// Values of an attribute of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Designator {
    pub category: String,
    pub attribute_id: String,
    pub data_type: String,
    pub must_be_present: bool,
    pub issuer: Option<String>,
    pub at: Position,
}

/// Values out of the content of a category.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Selector {
    pub category: String,
    pub path: String,
    pub data_type: String,
    pub must_be_present: bool,
    pub context_selector_id: Option<String>,
    pub namespaces: Namespaces,
    pub at: Position,
}

/// A function with arguments.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Apply {
    pub function: String,
    pub arguments: Vec<Expression>,
    pub at: Position,
}

/// A named expression.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct VariableDefinition {
    pub id: String,
    pub expression: Expression,
    pub at: Position,
}

/// An obligation or a piece of advice.
#[derive(Debug, Clone)]
pub struct ObligationExpression {
    /// `ObligationId` or `AdviceId`.
    pub id: String,
    /// `FulfillOn` or `AppliesTo`.
    pub effect: Effect,
    /// Its values.
    pub assignments: Vec<AssignmentExpression>,
}

/// A value of an obligation or a piece of advice.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct AssignmentExpression {
    pub attribute_id: String,
    pub category: Option<String>,
    pub issuer: Option<String>,
    pub expression: Expression,
}

impl Expression {
    /// Where it stands.
    #[must_use]
    pub const fn at(&self) -> Position {
        match self {
            Self::Literal(e) => e.at,
            Self::Designator(e) => e.at,
            Self::Selector(e) => e.at,
            Self::Apply(e) => e.at,
            Self::Variable(e) | Self::Function(e) => e.at,
        }
    }
}

impl Policy {
    /// The policy's own obligations that go with an effect and whose values are all literals.
    #[must_use]
    pub fn constant_obligations(&self, effect: Effect) -> Vec<Obligation> {
        let assignment = |a: &AssignmentExpression| {
            let Expression::Literal(literal) = &a.expression else {
                return None;
            };
            let value = Value::parse(
                DataType::from_uri(&literal.data_type)?,
                literal.text.clone().into(),
            )?;
            Some(Assignment {
                attribute_id: a.attribute_id.clone(),
                category: a.category.clone(),
                issuer: a.issuer.clone(),
                value,
            })
        };
        let obligation = |o: &ObligationExpression| {
            let assignments = o
                .assignments
                .iter()
                .map(assignment)
                .collect::<Option<_>>()?;
            Some(Obligation {
                id: o.id.clone(),
                assignments,
            })
        };
        self.head
            .obligations
            .iter()
            .filter(|o| o.effect == effect)
            .filter_map(obligation)
            .collect()
    }
}

impl PolicyTree {
    /// The head of a policy or a set.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        match self {
            Self::Policy(policy) => Some(&policy.head),
            Self::PolicySet(set) => Some(&set.head),
            Self::Reference(_) => None,
        }
    }
}
