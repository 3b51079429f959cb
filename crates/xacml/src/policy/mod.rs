//! Policies as they are written: the tree of a document, with source locations for messages.
//!
//! [`PolicyTree::read`] reads it, and [`Program::compile`](crate::Program::compile) compiles it. It
//! is public for tools that look into policies: which attributes and literals a rule refers to,
//! which obligations a policy has.

mod read;
mod version;

pub use version::{Version, VersionPattern, VersionRange};

use crate::{
    context::{Assignment, Obligation},
    error::{LoadError, Position},
    values::{DataType, Namespaces, Value},
};

/// The effect of a rule; also the decision that an obligation belongs to (section 5.22 of the
/// standard).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The rule grants access.
    Permit,
    /// The rule denies access.
    Deny,
}

/// The root of a document, or a child of a policy set.
#[derive(Debug, Clone)]
pub enum PolicyTree {
    /// `Policy`
    Policy(Policy),
    /// `PolicySet`
    PolicySet(PolicySet),
    /// `PolicyIdReference` or `PolicySetIdReference`; never the root.
    Reference(Reference),
}

/// The common part of policies and policy sets (sections 5.1 and 5.14 of the standard). Descriptions
/// are not kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicyHead {
    /// `PolicyId` or `PolicySetId`, a URI.
    pub id: String,
    /// `Version`
    pub version: Version,
    /// `RuleCombiningAlgId` or `PolicyCombiningAlgId`, a URI.
    pub combining: String,
    /// The target. An empty one matches every request.
    pub target: Target,
    /// `ObligationExpressions`
    pub obligations: Vec<ObligationExpression>,
    /// `AdviceExpressions`
    pub advice: Vec<ObligationExpression>,
    /// `XPathVersion` of the defaults, a URI. A policy set passes its own on to its children.
    pub xpath_version: Option<String>,
    /// Whether there is a `PolicyIssuer`. Delegation is not evaluated.
    pub has_issuer: bool,
    /// `MaxDelegationDepth`. Delegation is not evaluated.
    pub max_delegation_depth: Option<u64>,
    /// Parameters of the combining algorithm. No algorithm of the standard has any.
    pub parameters: Vec<CombinerParameter>,
    /// Where the element starts.
    pub at: Position,
    /// The first error of form in the element itself, which makes it Indeterminate in a lenient load.
    pub broken: Option<LoadError>,
}

/// A parameter of a combining algorithm (sections 5.16 to 5.20 of the standard).
#[derive(Debug, Clone)]
pub struct CombinerParameter {
    /// Identifier of the rule, policy or policy set that it is associated with; `None` for a parameter
    /// of the policy or policy set as a whole.
    pub about: Option<String>,
    /// `ParameterName`
    pub name: String,
    /// The value.
    pub value: Literal,
}

/// A policy (section 5.14 of the standard).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// The part that policy sets have too.
    pub head: PolicyHead,
    /// `VariableDefinition` elements in document order.
    pub variables: Vec<VariableDefinition>,
    /// The rules in document order.
    pub rules: Vec<Rule>,
}

/// A policy set (section 5.1 of the standard).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicySet {
    /// The part that policies have too.
    pub head: PolicyHead,
    /// Policies, policy sets and references in document order.
    pub children: Vec<PolicyTree>,
}

/// A reference to a policy or a policy set (sections 5.10 and 5.11 of the standard).
#[derive(Debug, Clone)]
pub struct Reference {
    /// Whether it is a `PolicySetIdReference`, which finds policy sets alone. A `PolicyIdReference`
    /// finds policies alone.
    pub to_set: bool,
    /// `PolicyId` or `PolicySetId` of the referenced element.
    pub id: String,
    /// Constraints on its version.
    pub versions: VersionRange,
    /// Where the element starts.
    pub at: Position,
}

/// A rule (section 5.21 of the standard). Its description is not kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rule {
    /// `RuleId`; other rules of the policy may have the same. Empty in a [broken](Self::broken) rule
    /// that has none.
    pub id: String,
    /// The effect when target and condition hold; `None` in a [broken](Self::broken) rule whose effect
    /// cannot be read.
    pub effect: Option<Effect>,
    /// The target. An empty one matches every request that the policy applies to.
    pub target: Target,
    /// The condition, a boolean expression.
    pub condition: Option<Expression>,
    /// `ObligationExpressions`
    pub obligations: Vec<ObligationExpression>,
    /// `AdviceExpressions`
    pub advice: Vec<ObligationExpression>,
    /// Where the element starts.
    pub at: Position,
    /// The error of form that makes the rule Indeterminate in a lenient load.
    pub broken: Option<LoadError>,
}

/// A target: all of its `AnyOf` elements must match (section 5.6 of the standard).
pub type Target = Vec<AnyOf>;
/// A disjunction: one of its `AllOf` elements must match (section 5.7 of the standard).
pub type AnyOf = Vec<AllOf>;
/// A conjunction: all of its `Match` elements must hold (section 5.8 of the standard).
pub type AllOf = Vec<Match>;

/// A comparison of a literal with the values of a bag, of which one must hold (section 5.9 of the
/// standard).
#[derive(Debug, Clone)]
pub struct Match {
    /// `MatchId`, the URI of a function of two arguments.
    pub function: String,
    /// The first argument.
    pub value: Literal,
    /// A designator or a selector of the second arguments.
    pub bag: Expression,
    /// Where the element starts.
    pub at: Position,
}

impl Match {
    /// The designator of the second arguments; `None` when a selector yields them.
    #[must_use]
    pub const fn designator(&self) -> Option<&Designator> {
        match &self.bag {
            Expression::Designator(designator) => Some(designator),
            _ => None,
        }
    }
}

/// An expression (section 5.25 of the standard).
#[derive(Debug, Clone)]
pub enum Expression {
    /// `AttributeValue`
    Literal(Literal),
    /// `AttributeDesignator`
    Designator(Designator),
    /// `AttributeSelector`
    Selector(Selector),
    /// `Apply`
    Apply(Apply),
    /// `VariableReference`, by its `VariableId`.
    Variable(ReferencedName),
    /// `Function`, by its `FunctionId`: the first argument of a higher-order function.
    Function(ReferencedName),
}

/// An identifier that an element consists of.
#[derive(Debug, Clone)]
pub struct ReferencedName {
    /// The identifier.
    pub id: String,
    /// Where the element starts.
    pub at: Position,
}

/// A literal, not parsed yet (`AttributeValue`, section 5.31 of the standard).
#[derive(Debug, Clone)]
pub struct Literal {
    /// `DataType`, a URI.
    pub data_type: String,
    /// The text of the element, as it is written.
    pub text: String,
    /// `XPathCategory`: the category whose content an `xpathExpression` is evaluated on.
    pub xpath_category: Option<String>,
    /// Namespace prefixes in scope.
    pub namespaces: Namespaces,
    /// Where the element starts.
    pub at: Position,
}

/// A reference to the values of an attribute of the request (`AttributeDesignator`, section 5.29 of
/// the standard).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designator {
    /// `Category`, a URI.
    pub category: String,
    /// `AttributeId`, a URI.
    pub attribute_id: String,
    /// `DataType`, a URI. Values of other data types do not count.
    pub data_type: String,
    /// `MustBePresent`: whether an empty bag is an error.
    pub must_be_present: bool,
    /// `Issuer`: with one, values of other issuers do not count.
    pub issuer: Option<String>,
    /// Where the element starts.
    pub at: Position,
}

/// A reference to values in the content of a category (`AttributeSelector`, section 5.30 of the
/// standard).
#[derive(Debug, Clone)]
pub struct Selector {
    /// `Category`, a URI.
    pub category: String,
    /// `Path`, an XPath 1.0 expression.
    pub path: String,
    /// `DataType` of the values, a URI.
    pub data_type: String,
    /// `MustBePresent`: whether an empty bag is an error.
    pub must_be_present: bool,
    /// `ContextSelectorId`: an attribute of type `xpathExpression` that selects the context node. The
    /// root of the content when there is none.
    pub context_selector_id: Option<String>,
    /// Namespace prefixes in scope.
    pub namespaces: Namespaces,
    /// Where the element starts.
    pub at: Position,
}

/// The application of a function to arguments (section 5.27 of the standard).
#[derive(Debug, Clone)]
pub struct Apply {
    /// `FunctionId`, a URI.
    pub function: String,
    /// The arguments in document order.
    pub arguments: Vec<Expression>,
    /// Where the element starts.
    pub at: Position,
}

/// An expression with a name, for use in the same policy (section 5.23 of the standard).
#[derive(Debug, Clone)]
pub struct VariableDefinition {
    /// `VariableId`
    pub id: String,
    /// The expression.
    pub expression: Expression,
    /// Where the element starts.
    pub at: Position,
}

/// An obligation or advice whose arguments are expressions (sections 5.39 and 5.40 of the standard).
#[derive(Debug, Clone)]
pub struct ObligationExpression {
    /// `ObligationId` or `AdviceId`, a URI.
    pub id: String,
    /// `FulfillOn` or `AppliesTo`: the decision that it belongs to.
    pub effect: Effect,
    /// Its arguments in document order.
    pub assignments: Vec<AssignmentExpression>,
}

/// An argument of an obligation or advice (section 5.41 of the standard).
#[derive(Debug, Clone)]
pub struct AssignmentExpression {
    /// `AttributeId`, a URI.
    pub attribute_id: String,
    /// `Category`, a URI.
    pub category: Option<String>,
    /// `Issuer`
    pub issuer: Option<String>,
    /// The expression. Each value of a bag becomes an argument of its own.
    pub expression: Expression,
}

impl Expression {
    /// Where the element starts.
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
    /// The policy's own obligations, without those of its rules, that belong to an effect and whose
    /// arguments are all literals: what every such decision of the policy has, whatever the request.
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
    /// The common part of a policy or policy set; `None` for a reference.
    #[must_use]
    pub const fn head(&self) -> Option<&PolicyHead> {
        match self {
            Self::Policy(policy) => Some(&policy.head),
            Self::PolicySet(set) => Some(&set.head),
            Self::Reference(_) => None,
        }
    }
}
