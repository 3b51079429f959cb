//! The state of a compilation.

use std::sync::{Arc, OnceLock};

use hashbrown::{HashMap, HashSet};

use crate::{
    error::{LoadError, LoadErrorKind, Position},
    functions::ValueType,
    limits::LoadOptions,
    policy,
    program::{
        HotFields, Program,
        code::ProgramCode,
        dictionary::{Dictionaries, DictionaryDraft, Slot},
        vocabulary::{AttributeName, Vocabulary},
    },
};

/// A part of a document, or the error in it.
pub type CompileResult<T> = Result<T, LoadError>;

/// Bytes of all compiled patterns of a document.
const MAX_PATTERN_BYTES: usize = 24 * 1024 * 1024;

/// An error of meaning.
pub fn wrong(at: Position, element: impl Into<String>, reason: impl Into<String>) -> LoadError {
    LoadError {
        at,
        element: element.into(),
        reason: reason.into(),
        kind: LoadErrorKind::Semantics,
    }
}

/// A compiled expression.
#[derive(Debug, Clone, Copy)]
pub struct TypedExpression {
    pub number: u32,
    pub kind: ValueType,
    /// Depth of the expression with its variables in place.
    pub depth: usize,
    /// Depth of variables that refer to variables.
    pub variable_depth: usize,
}

/// A variable of the policy that is being compiled.
#[derive(Debug)]
pub enum PolicyVariable {
    /// Not compiled yet.
    Declared(policy::VariableDefinition),
    /// Being compiled: a reference to it now is circular.
    InProgress,
    /// Compiled, with its number among the program's variables.
    Done(u32, TypedExpression),
    /// Has an error of its own.
    Broken,
}

pub struct Compiler<'o> {
    pub options: &'o LoadOptions,
    /// Errors so far.
    pub errors: Vec<LoadError>,
    /// The program so far.
    pub program: Program,
    /// Designators so far: the number of each slot, issuer and presence.
    pub designators: HashMap<(u32, Option<String>, bool), u32>,
    /// Attributes so far by slot, their slots, and the numbers of these.
    pub attributes: Vec<AttributeName>,
    pub slots: Vec<Slot>,
    pub numbers: HashMap<AttributeName, u32>,
    pub dictionaries: Vec<DictionaryDraft>,
    /// The number of symbols so far.
    pub symbols: u32,
    /// Variables of the policy that is being compiled.
    pub variables: HashMap<String, PolicyVariable>,
    /// Identifiers and versions of the policies so far.
    pub names: HashSet<(String, String)>,
    /// `XPathVersion` that applies to the policy that is being compiled.
    pub xpath_version: Option<String>,
    /// The rule or policy that is being compiled, for messages.
    pub within: String,
    /// Bytes that compiled patterns may still take.
    pub pattern_bytes_left: usize,
    /// Steps that folding constants may still take.
    pub fold_steps: u32,
    /// Whether a literal of the wrong type makes a `Match` that never holds, in place of an error.
    pub may_never_match: bool,
}

impl<'o> Compiler<'o> {
    pub fn new(
        errors: Vec<LoadError>,
        options: &'o LoadOptions,
        vocabulary: &Arc<Vocabulary>,
    ) -> Self {
        let program = Program {
            hot: HotFields {
                code: ProgramCode::default(),
                dictionaries: Dictionaries::default(),
                vocabulary: Arc::clone(vocabulary),
                uses_clock: false,
            },
            nodes: Vec::new(),
            rules: Vec::new(),
            symbols: Vec::new(),
            clauses: Vec::new(),
            all_ofs: Vec::new(),
            matches: Vec::new(),
            expressions: Vec::new(),
            arguments: Vec::new(),
            constants: Vec::new(),
            patterns: Vec::new(),
            designators: Vec::new(),
            selectors: Vec::new(),
            variables: Vec::new(),
            obligations: Vec::new(),
            assignments: Vec::new(),
            references: Vec::new(),
            slot_attributes: Vec::new(),
            symbol_texts: OnceLock::new(),
            stubs: Vec::new(),
            warnings: Vec::new(),
        };
        Self {
            options,
            errors,
            program,
            designators: HashMap::new(),
            attributes: Vec::new(),
            slots: Vec::new(),
            numbers: HashMap::new(),
            dictionaries: Vec::new(),
            symbols: 0,
            variables: HashMap::new(),
            names: HashSet::new(),
            xpath_version: None,
            within: String::new(),
            pattern_bytes_left: MAX_PATTERN_BYTES,
            fold_steps: options.limits.steps,
            may_never_match: false,
        }
    }
}
