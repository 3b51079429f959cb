//! The XACML context: requests and responses, in XML and in the JSON Profile 1.1.

mod json_request;
mod json_response;
mod xml_request;
mod xml_response;

use std::{borrow::Cow, sync::Arc};

pub use json_request::JsonError;

use crate::{
    error::{Code, Fault},
    values::{Content, DataType, Value},
};

/// An authorization decision (section 5.53 of the standard).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Access is granted.
    Permit,
    /// Access is denied.
    Deny,
    /// No policy applies to the request.
    NotApplicable,
    /// The policies could not be evaluated; the status of the result says why.
    Indeterminate,
}

impl Decision {
    /// The name in XML and JSON, which is that of the variant.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "Permit",
            Self::Deny => "Deny",
            Self::NotApplicable => "NotApplicable",
            Self::Indeterminate => "Indeterminate",
        }
    }

    /// The decision of a name; `None` for any other text. Letter case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Permit,
            Self::Deny,
            Self::NotApplicable,
            Self::Indeterminate,
        ]
        .into_iter()
        .find(|d| d.as_str() == name)
    }
}

/// A request for one or several decisions (`Request`, section 5.42 of the standard). It may borrow
/// its texts from the document that it was read from.
///
/// It is read by [`Request::from_xml`] and [`Request::from_json`], or made of [`Category`] values.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// `ReturnPolicyIdList`: each result names the policies that contributed to it.
    pub return_policy_ids: bool,
    /// `CombinedDecision`: several decisions are answered by one result.
    pub combined_decision: bool,
    /// The attributes, by category. A category that is repeated asks for one decision for each of its
    /// occurrences.
    pub categories: Vec<Category<'a>>,
    /// `MultiRequests`: for each decision that is asked for, the [ids](Category::id) of the categories
    /// that it is about. `None` when the categories alone say it.
    pub references: Option<Vec<Vec<Cow<'a, str>>>>,
}

/// The attributes of one category (`Attributes`, section 5.44 of the standard).
#[derive(Debug, Clone, Default)]
pub struct Category<'a> {
    /// URI of the category, such as [`ids::SUBJECT`](crate::ids::SUBJECT).
    pub category: Cow<'a, str>,
    /// `xml:id` in XML and `Id` in JSON, by which `MultiRequests` refers to the category.
    pub id: Option<Cow<'a, str>>,
    /// The XML element that attribute selectors and XPath functions look into.
    pub content: Option<Arc<Content>>,
    /// The attributes. One that is repeated counts as one attribute with the values of all.
    pub attributes: Vec<Attribute<'a>>,
}

/// An attribute with its values (section 5.46 of the standard).
#[derive(Debug, Clone)]
pub struct Attribute<'a> {
    /// `AttributeId`, a URI.
    pub id: Cow<'a, str>,
    /// `Issuer`: who asserted the values.
    pub issuer: Option<Cow<'a, str>>,
    /// `IncludeInResult`: the attribute is repeated in each result.
    pub include_in_result: bool,
    /// The values. Those of different data types belong to different bags.
    pub values: Values<'a>,
}

/// The values of an attribute. Most attributes have one, which is kept without an allocation. It
/// derefs to a slice.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    /// A single value.
    One([AttributeValue<'a>; 1]),
    /// Any number of values.
    Many(Vec<AttributeValue<'a>>),
}

impl<'a> From<AttributeValue<'a>> for Values<'a> {
    fn from(value: AttributeValue<'a>) -> Self {
        Self::One([value])
    }
}

impl<'a> FromIterator<AttributeValue<'a>> for Values<'a> {
    fn from_iter<I: IntoIterator<Item = AttributeValue<'a>>>(values: I) -> Self {
        Self::Many(values.into_iter().collect())
    }
}

impl<'a> std::ops::Deref for Values<'a> {
    type Target = [AttributeValue<'a>];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::One(value) => value,
            Self::Many(values) => values,
        }
    }
}

/// A value of an attribute, with the text that it was read from.
#[derive(Debug, Clone)]
pub struct AttributeValue<'a> {
    /// The value.
    pub value: Value<'a>,
    /// The text of the document, which a result repeats, when it may differ from the canonical text
    /// of the value: `+01` of the integer 1.
    pub lexical: Option<Cow<'a, str>>,
}

impl<'a> AttributeValue<'a> {
    /// Reads the text of a value and keeps it; `None` if it is not a value of the data type. A value of
    /// type `xpathExpression` needs more than a text, so that there is none either.
    #[must_use]
    pub fn parse(data_type: DataType, text: Cow<'a, str>) -> Option<Self> {
        let lexical = if data_type == DataType::String {
            None
        } else {
            Some(text.clone())
        };
        Some(Self {
            value: Value::parse(data_type, text)?,
            lexical,
        })
    }

    /// The text of the document, else the canonical text of the value.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.lexical
            .as_deref()
            .map_or_else(|| self.value.text(), Cow::Borrowed)
    }
}

impl<'a> From<Value<'a>> for AttributeValue<'a> {
    fn from(value: Value<'a>) -> Self {
        Self {
            value,
            lexical: None,
        }
    }
}

impl<'a> Category<'a> {
    /// A category without attributes, by its URI.
    #[must_use]
    pub fn new(category: impl Into<Cow<'a, str>>) -> Self {
        Self {
            category: category.into(),
            ..Self::default()
        }
    }

    /// Adds an attribute with one value, without issuer, not to be included in results.
    pub fn add(&mut self, attribute_id: impl Into<Cow<'a, str>>, value: Value<'a>) {
        self.attributes.push(Attribute::new(attribute_id, value));
    }

    /// Adds an attribute with one value of type string for each text. Many texts take less time than
    /// by [`Category::add_text`], since the identifier is borrowed.
    pub fn add_texts<T: Into<Cow<'a, str>>>(
        &mut self,
        attribute_id: &'a str,
        texts: impl IntoIterator<Item = T>,
    ) {
        self.attributes.extend(
            texts
                .into_iter()
                .map(|text| Attribute::new(attribute_id, Value::String(text.into()))),
        );
    }

    /// Adds an attribute with one value of type string.
    pub fn add_text(
        &mut self,
        attribute_id: impl Into<Cow<'a, str>>,
        text: impl Into<Cow<'a, str>>,
    ) {
        self.add(attribute_id, Value::String(text.into()));
    }

    /// The first value of the attribute with this identifier, whatever its data type and issuer.
    #[must_use]
    pub fn first(&self, attribute_id: &str) -> Option<&Value<'a>> {
        self.attributes
            .iter()
            .filter(|a| a.id == attribute_id)
            .flat_map(|a| a.values.iter())
            .map(|v| &v.value)
            .next()
    }
}

/// The response to a request (section 5.47 of the standard).
#[derive(Debug, Clone)]
pub struct Response {
    /// One result for each decision that the request asks for, in its order.
    pub results: Vec<DecisionResult>,
}

/// The result of one decision (`Result`, section 5.48 of the standard).
#[derive(Debug, Clone)]
pub struct DecisionResult {
    /// The decision.
    pub decision: Decision,
    /// What went wrong, when the decision is Indeterminate.
    pub status: Status,
    /// What the enforcement point must do with the decision.
    pub obligations: Vec<Obligation>,
    /// What the enforcement point may do with the decision (`AssociatedAdvice`).
    pub advice: Vec<Obligation>,
    /// The attributes that the request marks by `IncludeInResult`.
    pub attributes: Vec<Category<'static>>,
    /// The policies that contributed to the decision, if the request asks for them.
    pub policies: Vec<PolicyIdentifier>,
}

/// The status of a result (section 5.54 of the standard).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The status code.
    pub code: Code,
    /// `StatusMessage`, as an English phrase. The engine's own messages contain no attribute values.
    pub message: Option<String>,
    /// `StatusDetail`: the attributes that are missing, with [`Code::MissingAttribute`].
    pub missing: Vec<MissingAttribute>,
}

/// An attribute that a policy needs and a request lacks (`MissingAttributeDetail`, section 5.58 of
/// the standard).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingAttribute {
    /// URI of the category.
    pub category: String,
    /// `AttributeId`, a URI.
    pub attribute_id: String,
    /// Data type that the policy needs.
    pub data_type: DataType,
    /// Issuer that the policy needs; `None` when any will do.
    pub issuer: Option<String>,
}

/// An obligation or advice of a result (sections 5.34 and 5.35 of the standard).
#[derive(Debug, Clone)]
pub struct Obligation {
    /// `ObligationId` or `AdviceId`, a URI.
    pub id: String,
    /// Its arguments, in document order. An expression that yields a bag makes one for each value.
    pub assignments: Vec<Assignment>,
}

/// An argument of an obligation or advice (`AttributeAssignment`, section 5.36 of the standard).
#[derive(Debug, Clone)]
pub struct Assignment {
    /// `AttributeId`, a URI.
    pub attribute_id: String,
    /// `Category`, a URI.
    pub category: Option<String>,
    /// `Issuer` of the attribute.
    pub issuer: Option<String>,
    /// The value of the expression.
    pub value: Value<'static>,
}

/// Identifier and version of a policy or policy set (`PolicyIdReference` and `PolicySetIdReference`
/// of a `PolicyIdentifierList`, section 5.49 of the standard).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyIdentifier {
    /// Whether it is a policy set.
    pub is_set: bool,
    /// `PolicyId` or `PolicySetId`.
    pub id: String,
    /// `Version`; empty in a response that does not say it.
    pub version: String,
}

impl Status {
    /// The status of a decision that was made without an error.
    #[must_use]
    pub const fn ok() -> Self {
        Self {
            code: Code::Ok,
            message: None,
            missing: Vec::new(),
        }
    }
}

impl DecisionResult {
    /// A result with a decision and a status, and nothing else.
    #[must_use]
    pub const fn plain(decision: Decision, status: Status) -> Self {
        Self {
            decision,
            status,
            obligations: Vec::new(),
            advice: Vec::new(),
            attributes: Vec::new(),
            policies: Vec::new(),
        }
    }

    /// An Indeterminate result with a status code and a message, such as the answer to a request that
    /// cannot be read.
    #[must_use]
    pub fn indeterminate(code: Code, message: impl Into<String>) -> Self {
        Self::plain(
            Decision::Indeterminate,
            Status {
                code,
                message: Some(message.into()),
                missing: Vec::new(),
            },
        )
    }
}

impl From<Fault> for DecisionResult {
    fn from(fault: Fault) -> Self {
        Self::indeterminate(fault.code, fault.message)
    }
}

impl From<DecisionResult> for Response {
    fn from(result: DecisionResult) -> Self {
        Self {
            results: vec![result],
        }
    }
}

/// The attributes of categories that a result repeats (`IncludeInResult`).
pub(crate) fn included<'r, 'a: 'r>(
    categories: impl Iterator<Item = &'r Category<'a>>,
) -> Vec<Category<'static>> {
    categories
        .filter(|c| c.attributes.iter().any(|a| a.include_in_result))
        .map(|c| Category {
            category: Cow::Owned(c.category.clone().into_owned()),
            id: c.id.as_ref().map(|id| Cow::Owned(id.clone().into_owned())),
            content: None,
            attributes: c
                .attributes
                .iter()
                .filter(|a| a.include_in_result)
                .map(Attribute::to_owned)
                .collect(),
        })
        .collect()
}

impl<'a> Attribute<'a> {
    /// An attribute with one value, without issuer, not to be included in results.
    #[must_use]
    #[inline]
    pub fn new(id: impl Into<Cow<'a, str>>, value: Value<'a>) -> Self {
        Self {
            id: id.into(),
            issuer: None,
            include_in_result: false,
            values: Values::One([AttributeValue {
                value,
                lexical: None,
            }]),
        }
    }
}

impl Attribute<'_> {
    fn to_owned(&self) -> Attribute<'static> {
        Attribute {
            id: Cow::Owned(self.id.clone().into_owned()),
            issuer: self
                .issuer
                .as_ref()
                .map(|i| Cow::Owned(i.clone().into_owned())),
            include_in_result: self.include_in_result,
            values: self
                .values
                .iter()
                .map(|v| AttributeValue {
                    value: v.value.clone().into_owned(),
                    lexical: v
                        .lexical
                        .as_ref()
                        .map(|s| Cow::Owned(s.clone().into_owned())),
                })
                .collect(),
        }
    }
}
