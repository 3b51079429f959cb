//! What goes wrong: when a document is loaded, and when it is evaluated.

use std::fmt;

/// Place in a document, both from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in bytes.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}, element {element}: {reason}")]
pub struct LoadError {
    /// Where.
    pub at: Position,
    /// The element that is wrong, with the rule or policy it belongs to.
    pub element: String,
    /// What is wrong with it.
    pub reason: String,
    /// Of which kind it is.
    pub kind: LoadErrorKind,
}

/// Kind of a static error; also the status code of what is kept of a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadErrorKind {
    /// Not well-formed, not the schema's, too large, or a value that its data type does not have.
    Syntax,
    /// Well-formed, but it makes no sense: types, functions, references, XPaths.
    Semantics,
}

impl LoadErrorKind {
    /// Status code of an evaluation that meets it.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Syntax => Code::SyntaxError,
            Self::Semantics => Code::ProcessingError,
        }
    }
}

/// Status code of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named by the standard")]
pub enum Code {
    Ok,
    MissingAttribute,
    SyntaxError,
    ProcessingError,
}

impl Code {
    /// As a URN.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Ok => "urn:oasis:names:tc:xacml:1.0:status:ok",
            Self::MissingAttribute => "urn:oasis:names:tc:xacml:1.0:status:missing-attribute",
            Self::SyntaxError => "urn:oasis:names:tc:xacml:1.0:status:syntax-error",
            Self::ProcessingError => "urn:oasis:names:tc:xacml:1.0:status:processing-error",
        }
    }

    /// Last part of the URN.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.urn().rsplit(':').next().unwrap_or_default()
    }
}

/// Why an evaluation is Indeterminate: small, so that making one costs nothing. Texts are made when
/// a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Status code.
    pub code: Code,
    /// In words, without attribute values.
    pub message: &'static str,
    pub(super) detail: Detail,
}

/// Where to find out more about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    None,
    /// Number of the attribute that is missing.
    Attribute(u32),
    /// Number of a stub.
    Stub(u32),
    /// Number of a fault met in a referenced document.
    Foreign(u32),
}

impl Fault {
    pub(super) const fn syntax(message: &'static str) -> Self {
        Self {
            code: Code::SyntaxError,
            message,
            detail: Detail::None,
        }
    }

    pub(super) const fn processing(message: &'static str) -> Self {
        Self {
            code: Code::ProcessingError,
            message,
            detail: Detail::None,
        }
    }

    pub(super) const fn missing(attribute: u32) -> Self {
        Self {
            code: Code::MissingAttribute,
            message: "an attribute that must be present is missing",
            detail: Detail::Attribute(attribute),
        }
    }
}
