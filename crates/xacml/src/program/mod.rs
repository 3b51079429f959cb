//! Compiled policies and their evaluation.
//!
//! A [`Program`] is made of flat lists that refer to each other by number; it is immutable and shared
//! between threads. A decision has two steps. [`PreparedRequest::new`] interns the values of a request as
//! numbers, in memory that a [`Scratch`] keeps; [`PreparedRequest::evaluate`] then compares numbers, and
//! returns an [`Evaluation`] that borrows all it can.

mod bind;
mod code;
mod combine;
mod compile;
mod dictionary;
mod environment;
mod evaluate;
mod evaluation;
mod expression;
mod index;
mod list;
mod run;
mod symbol_texts;
mod trace;
mod vocabulary;
mod work;

use std::sync::{Arc, OnceLock};

pub use bind::{Binding, PreparedRequest, Scratch};
pub use environment::{AttributeSource, Environment, PolicyResolver};
pub use evaluate::TargetMatch;
pub use evaluation::Evaluation;
pub use trace::{StepReason, Trace, TraceStep};
pub use vocabulary::Vocabulary;
pub use work::EvaluationMemory;

use crate::{
    error::{Fault, LoadError, LoadWarning},
    functions::{HigherOrder, Operand, Operation},
    policy::Reference,
    values::{DataType, Namespaces, pattern::CompiledPattern},
};
use code::ProgramCode;
use dictionary::Dictionaries;
use list::ListRange;
use vocabulary::AttributeName;

/// A compiled policy or policy set. It is immutable and shared between threads; for each decision it
/// needs a [`Scratch`] besides, which may be one for each thread.
#[derive(Debug)]
pub struct Program {
    hot: HotFields,
    /// Names of the policies and policy sets, by number.
    nodes: Vec<NodeName>,
    /// Names of the rules, by number.
    rules: Vec<RuleName>,
    /// Symbols of [`TargetClause::Set`], sorted within each set.
    symbols: Vec<u32>,
    clauses: Vec<TargetClause>,
    all_ofs: Vec<ListRange>,
    matches: Vec<CompiledMatch>,
    expressions: Vec<CompiledExpression>,
    arguments: Vec<u32>,
    constants: Vec<Operand<'static>>,
    patterns: Vec<CompiledPattern>,
    designators: Vec<CompiledDesignator>,
    selectors: Vec<CompiledSelector>,
    variables: Vec<u32>,
    obligations: Vec<CompiledObligation>,
    assignments: Vec<CompiledAssignment>,
    references: Vec<Reference>,
    /// The numbers of the attributes in the vocabulary, by slot.
    slot_attributes: Vec<u32>,
    /// The texts of the symbols, made when the first mismatch is explained.
    symbol_texts: OnceLock<symbol_texts::SymbolTexts>,
    /// Errors of elements that a lenient load kept.
    stubs: Vec<LoadError>,
    warnings: Vec<LoadWarning>,
}

/// What every decision reads, in one cache line.
#[derive(Debug)]
#[repr(align(64))]
struct HotFields {
    code: ProgramCode,
    /// The attributes that it refers to, and the texts that it compares them with.
    dictionaries: Dictionaries,
    /// The numbers of the attributes.
    vocabulary: Arc<Vocabulary>,
    /// Whether it refers to the current time, date or dateTime.
    uses_clock: bool,
}

/// How results name a rule.
#[derive(Debug)]
struct RuleName {
    /// `RuleId`, which other rules of the policy may have too.
    id: Box<str>,
    /// Number among the rules of its policy, from 1.
    number: u32,
    /// Whether another rule of its policy has the same identifier.
    is_repeated: bool,
}

#[derive(Debug)]
struct NodeName {
    is_set: bool,
    id: Box<str>,
    version: Box<str>,
}

/// An `AnyOf`.
#[derive(Debug, Clone, Copy)]
enum TargetClause {
    /// Alternatives that are single equalities on one attribute that must be present, by the number
    /// of its designator.
    Set { symbols: ListRange, must: u32 },
    /// Any other alternatives, each a span of matches.
    Any(ListRange),
}

#[derive(Debug, Clone, Copy)]
enum CompiledMatch {
    /// The attribute has a value with this symbol.
    Symbol { designator: u32, symbol: u32 },
    /// Never holds, since the literal has a type that the function does not take; with the bag that it
    /// would compare.
    Never { bag: BagSource },
    /// A function of a constant and each value of a bag; `regex` is the number of the compiled pattern
    /// when the constant is one, else `NONE`.
    General {
        operation: Operation,
        constant: u32,
        regex: u32,
        bag: BagSource,
    },
}

#[derive(Debug, Clone, Copy)]
enum BagSource {
    Designator(u32),
    Selector(u32),
}

#[derive(Debug, Clone, Copy)]
enum CompiledExpression {
    Constant(u32),
    Designator(u32),
    Selector(u32),
    /// A function; `regex` is the number of the compiled pattern when its first argument is a literal
    /// one, else `NONE`.
    Call {
        operation: Operation,
        arguments: ListRange,
        regex: u32,
    },
    /// A higher-order function with the function that it applies.
    HigherOrder {
        kind: HigherOrder,
        inner: Operation,
        arguments: ListRange,
    },
    Variable(u32),
    /// A constant expression whose evaluation fails.
    Fault(Fault),
}

#[derive(Debug)]
struct CompiledDesignator {
    slot: u32,
    issuer: Option<Box<str>>,
    must_be_present: bool,
}

#[derive(Debug)]
struct CompiledSelector {
    category: Box<str>,
    path: Box<str>,
    data_type: DataType,
    must_be_present: bool,
    context_selector_id: Option<Box<str>>,
    namespaces: Namespaces,
}

/// An obligation or a piece of advice.
#[derive(Debug)]
struct CompiledObligation {
    id: Box<str>,
    assignments: ListRange,
}

#[derive(Debug)]
struct CompiledAssignment {
    attribute_id: Box<str>,
    category: Option<Box<str>>,
    issuer: Option<Box<str>>,
    expression: u32,
}

impl Program {
    /// Identifier and version of the root policy or policy set, as they are written.
    #[must_use]
    pub fn name(&self) -> (&str, &str) {
        self.hot
            .code
            .node(0)
            .and_then(|root| self.nodes.get(root.head.number as usize))
            .map_or(("", ""), |n| (&n.id, &n.version))
    }

    /// What does not keep the document from being used but should be known, in the order of the
    /// document.
    #[must_use]
    pub fn warnings(&self) -> &[LoadWarning] {
        &self.warnings
    }

    /// The errors of the rules, policies and policy sets that a
    /// [lenient](crate::LoadOptions::lenient) load kept: the first error of each. They evaluate to
    /// Indeterminate.
    #[must_use]
    pub fn broken(&self) -> &[LoadError] {
        &self.stubs
    }

    /// How many rules the document has, in all of its policies. Broken ones count, referenced ones do
    /// not.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Whether any target or expression of the document has a designator of an attribute, by the URI
    /// of its category and its identifier. Attributes that no policy mentions need not be put into a
    /// request.
    #[must_use]
    pub fn mentions(&self, category: &str, attribute_id: &str) -> bool {
        let all = self.hot.vocabulary.attributes();
        let is_it =
            |a: &AttributeName| *a.category == *category && *a.attribute_id == *attribute_id;
        self.hot
            .dictionaries
            .slots()
            .any(|slot| all.get(slot.attribute).is_some_and(is_it))
    }

    /// The attribute of a slot.
    fn attribute_of<'v>(
        &self,
        slot: u32,
        all: &'v vocabulary::AttributeTable,
    ) -> Option<&'v AttributeName> {
        all.get(*self.slot_attributes.get(slot as usize)?)
    }
}
