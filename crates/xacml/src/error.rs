//! Errors: of a document when it is loaded, and of a decision when it is evaluated.

use std::fmt;

/// A source location in an XML document. Lines and columns count from 1; the default, 0 and 0, is an
/// unknown location.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in bytes of UTF-8.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A static error of an XML document: a policy, a request or a response that cannot be used as it
/// is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}, element {element}: {reason}")]
#[non_exhaustive]
pub struct LoadError {
    /// Where the element starts.
    pub at: Position,
    /// Name of the element. In a policy the rule or policy around it follows, as in
    /// `Apply of rule R1`; in a document that is not well-formed it may be `document`.
    pub element: String,
    /// What is wrong, as an English phrase without a full stop.
    pub reason: String,
    /// Whether the form or the meaning is wrong.
    pub kind: LoadErrorKind,
}

/// Kind of a static error. It decides the status code of a rule or policy that a
/// [lenient](crate::LoadOptions::lenient) load keeps in spite of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The document is not well-formed XML, does not follow the schema, goes past a limit, or holds
    /// a text that is not a value of its data type.
    Syntax,
    /// The document follows the schema, but a type, function, variable, algorithm or XPath in it
    /// cannot be used where it is.
    Semantics,
}

impl LoadErrorKind {
    /// Status code of the Indeterminate result that such an error leads to.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Syntax => Code::SyntaxError,
            Self::Semantics => Code::ProcessingError,
        }
    }
}

/// Something in a policy document that does not keep it from being used, but that its author should
/// know about. [`Program::warnings`](crate::Program::warnings) lists them in the order of the
/// document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}, element {element}: {text}")]
#[non_exhaustive]
pub struct LoadWarning {
    /// Where the element starts.
    pub at: Position,
    /// Name of the element, with the rule or policy around it as in [`LoadError::element`].
    pub element: String,
    /// What it is about.
    pub kind: LoadWarningKind,
    /// The warning, as an English phrase without a full stop.
    pub text: String,
}

/// Kind of a [`LoadWarning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadWarningKind {
    /// The combining algorithm is one that the standard deprecates.
    DeprecatedAlgorithm,
    /// Two rules of a policy have the same `RuleId`. Both count; results distinguish them by their
    /// numbers.
    RepeatedRuleId,
    /// The literal of a `Match` has a type that its function does not take, so that the `Match` never
    /// holds.
    MatchNeverHolds,
}

impl LoadWarningKind {
    /// The kind as one word, such as `repeated-rule-id`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeprecatedAlgorithm => "deprecated-algorithm",
            Self::RepeatedRuleId => "repeated-rule-id",
            Self::MatchNeverHolds => "match-never-holds",
        }
    }
}

/// The static errors of a policy document. [`Program::load`](crate::Program::load) lists them in
/// the order of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadErrors(pub Vec<LoadError>);

impl LoadErrors {
    /// One error of meaning that a caller found in an element.
    #[must_use]
    pub fn of(at: Position, element: &str, reason: String) -> Self {
        Self(vec![LoadError {
            at,
            element: element.to_owned(),
            reason,
            kind: LoadErrorKind::Semantics,
        }])
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}

impl From<LoadError> for LoadErrors {
    fn from(error: LoadError) -> Self {
        Self(vec![error])
    }
}

/// Status code of a result: the four that the standard defines (appendix B.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// `ok`: the decision was made without an error.
    Ok,
    /// `missing-attribute`: an attribute that must be present is not in the request, and no source
    /// supplied it.
    MissingAttribute,
    /// `syntax-error`: the request or the policy has an error of form.
    SyntaxError,
    /// `processing-error`: the evaluation failed, for example by a division by zero or a limit.
    ProcessingError,
}

impl Code {
    pub(crate) const ALL: [Self; 4] = [
        Self::Ok,
        Self::MissingAttribute,
        Self::SyntaxError,
        Self::ProcessingError,
    ];

    /// The identifier of the standard, `urn:oasis:names:tc:xacml:1.0:status:…`.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Ok => "urn:oasis:names:tc:xacml:1.0:status:ok",
            Self::MissingAttribute => "urn:oasis:names:tc:xacml:1.0:status:missing-attribute",
            Self::SyntaxError => "urn:oasis:names:tc:xacml:1.0:status:syntax-error",
            Self::ProcessingError => "urn:oasis:names:tc:xacml:1.0:status:processing-error",
        }
    }

    /// The last part of the identifier, such as `missing-attribute`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.urn().rsplit(':').next().unwrap_or_default()
    }

    pub(crate) fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.urn() == urn)
    }
}

/// Why an evaluation is Indeterminate.
///
/// It is small and holds no text of its own, so that an error costs no allocation during a
/// decision; [`Evaluation::missing`](crate::program::Evaluation::missing) and
/// [`Evaluation::to_result`](crate::program::Evaluation::to_result) add the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
#[non_exhaustive]
pub struct Fault {
    /// Status code.
    pub code: Code,
    /// What went wrong, as an English phrase. It never contains attribute values.
    pub message: &'static str,
    pub(crate) detail: FaultDetail,
}

/// Where more about a fault is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultDetail {
    None,
    /// Number of the designator that found no value.
    Designator(u32),
    /// Number of the load error that replaces a broken rule or policy.
    Stub(u32),
    /// Number of a missing attribute that a referenced policy reported.
    Referenced(u32),
}

impl Fault {
    pub(crate) const fn syntax(message: &'static str) -> Self {
        Self {
            code: Code::SyntaxError,
            message,
            detail: FaultDetail::None,
        }
    }

    pub(crate) const fn processing(message: &'static str) -> Self {
        Self {
            code: Code::ProcessingError,
            message,
            detail: FaultDetail::None,
        }
    }

    pub(crate) const fn missing(designator: u32) -> Self {
        Self {
            code: Code::MissingAttribute,
            message: "an attribute that must be present is missing",
            detail: FaultDetail::Designator(designator),
        }
    }
}
