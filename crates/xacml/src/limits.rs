//! How documents are read and decided: bounds on hostile input, and tolerated deviations from the
//! standard.

/// Bounds on what documents, requests and decisions may cost.
///
/// Going past a bound is never silent. In a policy it is a [`LoadError`](crate::LoadError), in a
/// request an error of the reader, which a PDP answers as `syntax-error`, and in an evaluation an
/// Indeterminate with `processing-error`. All bounds are inclusive.
///
/// ```
/// let mut limits = xacml::Limits::DEFAULT;
/// limits.request_bytes = 64 * 1024;
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a policy document, and of a response that is read.
    pub policy_bytes: usize,
    /// Bytes of a request, in XML or JSON.
    pub request_bytes: usize,
    /// Depth of nested XML elements; the root is at depth 1. Policies are read, compiled and evaluated
    /// by recursion, so that this bounds the stack too.
    pub xml_depth: usize,
    /// Nodes of an XML document: elements, texts, references, comments, processing instructions.
    pub xml_nodes: usize,
    /// Elements of an XML document. Namespace prefixes in scope are counted likewise, once for each
    /// element that declares any.
    pub xml_elements: usize,
    /// Namespace prefixes in scope of one XML element.
    pub xml_namespaces: usize,
    /// Bytes of the text of one XML element, and of one XML attribute.
    pub xml_text_bytes: usize,
    /// XML attributes of one element, namespace declarations included.
    pub xml_attributes: usize,
    /// Depth of nested JSON objects and arrays; the outermost is at depth 1.
    pub json_depth: usize,
    /// Attribute values of a request, over all categories.
    pub request_values: usize,
    /// Categories of a request, each time that one is repeated counted.
    pub request_categories: usize,
    /// Bytes of an identifier: of an attribute, a category, a policy, a rule, a function.
    pub identifier_bytes: usize,
    /// Bytes of one value of a request, and of one literal of a policy.
    pub value_bytes: usize,
    /// Decisions that one request may ask for (Multiple Decision Profile).
    pub decisions: usize,
    /// Depth of variables whose definitions refer to other variables.
    pub variable_depth: usize,
    /// Depth of policies that refer to policies, during one decision.
    pub reference_depth: usize,
    /// Depth of policies and policy sets in policy sets; the root is at depth 1.
    pub policy_depth: usize,
    /// Rules of one policy document, in all of its policies.
    pub rules: usize,
    /// `Match` elements of one policy document.
    pub matches: usize,
    /// Depth of nested `Apply` elements, without what variables refer to.
    pub expression_depth: usize,
    /// Literal regular expressions of one policy document.
    pub literal_patterns: usize,
    /// Expressions of one policy document, literals and designators included.
    pub expressions: usize,
    /// Bytes of the XML in a `Content` element.
    pub content_bytes: usize,
    /// Values of a bag that a function returns.
    pub bag_values: usize,
    /// Bytes of a string that a function returns.
    pub text_bytes: usize,
    /// Regular expressions from attribute values that one decision may compile. Literal ones are
    /// compiled at load and do not count.
    pub patterns: u32,
    /// Steps of one decision, referenced policies included: one for each policy, rule, match and
    /// expression, and more for what takes longer, such as each value of a bag, each pair of values
    /// that a function is applied to, each piece of a long text. The time of a decision is in
    /// proportion to its steps.
    pub steps: u32,
}

impl Limits {
    /// The defaults: a policy of 1 MiB, a request of 256 KiB, a million steps for one decision.
    pub const DEFAULT: Self = Self {
        policy_bytes: 1024 * 1024,
        request_bytes: 256 * 1024,
        xml_depth: 64,
        xml_nodes: 100_000,
        xml_elements: 50_000,
        xml_namespaces: 32,
        xml_text_bytes: 64 * 1024,
        xml_attributes: 64,
        json_depth: 32,
        request_values: 2_000,
        request_categories: 64,
        identifier_bytes: 2 * 1024,
        value_bytes: 64 * 1024,
        decisions: 1_000,
        variable_depth: 32,
        reference_depth: 16,
        policy_depth: 64,
        rules: 50_000,
        matches: 50_000,
        expression_depth: 64,
        literal_patterns: 1_000,
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

/// Deviations from the standard that policies in use are known for. The default has all of them off:
/// a policy must then follow the standard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialect {
    /// A policy or policy set without `Version` has version `1.0`, as in XACML 2.0.
    pub optional_version: bool,
    /// A `Policy` may name its combining algorithm by the identifier for policy sets, except for
    /// `only-one-applicable`, which has no form for rules.
    pub any_combining_form: bool,
    /// `Effect`, `FulfillOn` and `AppliesTo` are read in any letter case.
    pub any_effect_case: bool,
    /// A `Policy` may lack its `Target`, and then applies to every request.
    pub optional_target: bool,
    /// The literal of a `Match` in a rule that permits may have a type that the function does not
    /// take. Such a `Match` never holds, and the program has a
    /// [warning](crate::Program::warnings). Elsewhere it stays an error, since a `Match` that never
    /// holds in a rule that denies, or in the target of a policy, would open what it should close.
    pub any_match_literal: bool,
}

impl Dialect {
    /// All deviations on.
    pub const TOLERANT: Self = Self {
        optional_version: true,
        any_combining_form: true,
        any_effect_case: true,
        optional_target: true,
        any_match_literal: true,
    };
}

/// How a policy document is loaded. The default is strict: the standard's own dialect, and no
/// document with an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    /// Bounds. Those on policies count here; those on requests and decisions are given to
    /// [`Request::from_xml`](crate::Request::from_xml),
    /// [`Request::from_json`](crate::Request::from_json) and [`Environment`](crate::Environment).
    pub limits: Limits,
    /// Tolerated deviations from the standard.
    pub dialect: Dialect,
    /// Whether a document with static errors is kept. Each broken rule then evaluates to
    /// Indeterminate of its effect, and a broken policy or policy set to Indeterminate of both, with
    /// the status code of its error. What makes nothing of the document usable stays an error.
    pub lenient: bool,
}
