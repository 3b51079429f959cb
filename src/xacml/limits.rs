//! What is accepted: bounds on hostile input, and the ways in which a policy may stray from the
//! standard.

/// Bounds. Going past one in a policy is a load error, in a request a `syntax-error`, in evaluation
/// a `processing-error`.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a policy document.
    pub policy_bytes: usize,
    /// Bytes of a request body.
    pub request_bytes: usize,
    /// Depth of nested XML elements.
    pub xml_depth: usize,
    /// Elements, texts and comments of an XML document.
    pub xml_nodes: usize,
    /// Attributes of one XML element.
    pub xml_attributes: usize,
    /// Depth of nested JSON values.
    pub json_depth: usize,
    /// Attribute values of a request.
    pub request_values: usize,
    /// Categories of a request.
    pub request_categories: usize,
    /// Bytes of an identifier.
    pub identifier_bytes: usize,
    /// Bytes of one value.
    pub value_bytes: usize,
    /// Decisions that one request may ask for.
    pub decisions: usize,
    /// Depth of nested `Apply` elements.
    pub apply_depth: usize,
    /// Depth of variables that refer to variables.
    pub variable_depth: usize,
    /// Depth of policies that refer to policies.
    pub reference_depth: usize,
    /// Expressions of a program.
    pub expressions: usize,
    /// Bytes of an XML `Content`.
    pub content_bytes: usize,
    /// Values of a bag that a function makes, and bytes of a text that one makes.
    pub bag_values: usize,
    /// See [`Limits::bag_values`].
    pub text_bytes: usize,
    /// Regular expressions that one decision may compile.
    pub patterns: u32,
    /// Steps of one decision: one for each expression, match and comparison of set members.
    pub steps: u32,
}

impl Limits {
    /// The bounds in force unless a caller says otherwise.
    pub const DEFAULT: Self = Self {
        policy_bytes: 1024 * 1024,
        request_bytes: 256 * 1024,
        xml_depth: 64,
        xml_nodes: 100_000,
        xml_attributes: 64,
        json_depth: 32,
        request_values: 2_000,
        request_categories: 64,
        identifier_bytes: 2 * 1024,
        value_bytes: 64 * 1024,
        decisions: 1_000,
        apply_depth: 64,
        variable_depth: 32,
        reference_depth: 16,
        expressions: 200_000,
        content_bytes: 64 * 1024,
        bag_values: 10_000,
        text_bytes: 64 * 1024,
        patterns: 16,
        steps: 1_000_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Ways in which policies in the wild stray from the standard. All off is the standard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dialect {
    /// A document without `Version` has version 1.0.
    pub optional_version: bool,
    /// A `Policy` may name an algorithm by its identifier for policy sets.
    pub any_combining_form: bool,
    /// `Effect` and `FulfillOn` in any letter case.
    pub any_effect_case: bool,
    /// A `Policy` may lack its `Target`.
    pub optional_target: bool,
}

impl Dialect {
    /// Everything that is tolerated in the wild.
    pub const TOLERANT: Self = Self {
        optional_version: true,
        any_combining_form: true,
        any_effect_case: true,
        optional_target: true,
    };
}

/// How a document is loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    /// Bounds.
    pub limits: Limits,
    /// Leniencies of language.
    pub dialect: Dialect,
    /// Keep a document with static errors: each broken rule becomes one that is Indeterminate of
    /// its effect.
    pub lenient: bool,
}
