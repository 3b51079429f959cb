//! A policy ready to run: typed, interned, immutable, in flat lists that refer to each other by
//! number.

mod bind;
mod code;
mod combine;
mod compile;
mod dictionary;
mod evaluate;
mod evaluation;
mod expression;
mod index;
mod trace;
mod vocabulary;

use std::sync::Arc;

use regex::Regex;

pub use bind::{AttributeSource, Binding, Environment, PolicyResolver, Prepared, Scratch, Work};
pub use combine::Algorithm;
pub use compile::LoadErrors;
pub use evaluate::TargetMatch;
pub use evaluation::Evaluation;
pub use trace::{Because, Trace, TraceStep};
pub use vocabulary::Vocabulary;

use super::{
    error::{Fault, LoadError},
    functions::{Operand, Operation},
    policy::Reference,
    values::{DataType, Namespaces},
};
use code::Code;
use dictionary::Dictionaries;
use vocabulary::AttributeName;

/// No number.
const NONE: u32 = u32::MAX;

/// A stretch of one of the lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    const fn numbers(self) -> std::ops::Range<u32> {
        self.start..self.end
    }

    fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A compiled policy or policy set. Shared between threads; what one decision needs besides is a
/// [`Scratch`].
#[derive(Debug)]
pub struct Program {
    hot: Hot,
    /// Names of the nodes and rules, by number.
    nodes: Vec<NodeName>,
    rules: Vec<Box<str>>,
    /// Symbols of sets of which one is wanted or an error, each set's sorted.
    symbols: Vec<u32>,
    clauses: Vec<Clause>,
    all_ofs: Vec<Span>,
    matches: Vec<Match>,
    expressions: Vec<Expression>,
    arguments: Vec<u32>,
    constants: Vec<Operand<'static>>,
    regexes: Vec<Regex>,
    designators: Vec<Designator>,
    selectors: Vec<Selector>,
    variables: Vec<u32>,
    obligations: Vec<Obligation>,
    assignments: Vec<Assignment>,
    references: Vec<Reference>,
    stubs: Vec<LoadError>,
    warnings: Vec<String>,
}

/// What every decision needs: one line of memory.
#[derive(Debug)]
#[repr(align(64))]
struct Hot {
    code: Code,
    /// The attributes that it looks at, and the texts that it compares them with.
    dictionaries: Dictionaries,
    /// Where the attributes have their numbers.
    vocabulary: Arc<Vocabulary>,
    /// It looks at the hour, the day or the instant.
    uses_clock: bool,
}

#[derive(Debug)]
struct NodeName {
    is_set: bool,
    id: Box<str>,
    version: Box<str>,
}

/// An AnyOf.
#[derive(Debug, Clone, Copy)]
enum Clause {
    /// Single equalities on one attribute that must be present, by this designator.
    Set { symbols: Span, must: u32 },
    /// Alternatives.
    Any(Span),
}

#[derive(Debug, Clone, Copy)]
enum Match {
    /// The attribute has a value with this symbol.
    Symbol { designator: u32, symbol: u32 },
    /// A function of a constant and each value of a bag; a precompiled pattern instead of the
    /// constant.
    General {
        operation: Operation,
        constant: u32,
        regex: u32,
        bag: Bag,
    },
}

#[derive(Debug, Clone, Copy)]
enum Bag {
    Designator(u32),
    Selector(u32),
}

#[derive(Debug, Clone, Copy)]
enum Expression {
    Constant(u32),
    Designator(u32),
    Selector(u32),
    /// With a precompiled pattern as first argument, else [`NONE`].
    Call {
        operation: Operation,
        arguments: Span,
        regex: u32,
    },
    /// A function of functions, with the one it is given.
    HigherOrder {
        kind: super::functions::HigherOrder,
        inner: Operation,
        arguments: Span,
    },
    Variable(u32),
    /// A constant expression that has no value.
    Fault(Fault),
}

#[derive(Debug)]
struct Designator {
    slot: u32,
    issuer: Option<Box<str>>,
    must_be_present: bool,
}

#[derive(Debug)]
struct Selector {
    category: Box<str>,
    path: Box<str>,
    data_type: DataType,
    must_be_present: bool,
    context_selector_id: Option<Box<str>>,
    namespaces: Namespaces,
}

/// An obligation or a piece of advice.
#[derive(Debug)]
struct Obligation {
    id: Box<str>,
    assignments: Span,
}

#[derive(Debug)]
struct Assignment {
    attribute_id: Box<str>,
    category: Option<Box<str>>,
    issuer: Option<Box<str>>,
    expression: u32,
}

impl Program {
    /// Identifier and version of the root.
    #[must_use]
    pub fn name(&self) -> (&str, &str) {
        self.hot
            .code
            .node(0)
            .and_then(|root| self.nodes.get(root.head.number as usize))
            .map_or(("", ""), |n| (&n.id, &n.version))
    }

    /// What is allowed but unwise.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How many rules it has.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Whether any expression or target looks at an attribute.
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

    /// What a slot is of.
    fn attribute_of<'v>(
        &self,
        slot: u32,
        all: &'v vocabulary::Attributes,
    ) -> Option<&'v AttributeName> {
        all.get(
            self.hot
                .dictionaries
                .slots()
                .find(|s| s.number == slot)?
                .attribute,
        )
    }
}
