//! Requests and responses.

mod json_request;
mod json_response;
mod multiple;
mod xml_request;
mod xml_response;

use std::{borrow::Cow, sync::Arc};

pub use json_request::JsonError;
pub use multiple::{Decider, ResourceTree};
pub use xml_response::ResponseError;

use super::{
    error::{Code, Fault},
    values::{Content, DataType, Value},
};

/// What a decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named by the standard")]
pub enum Decision {
    Permit,
    Deny,
    NotApplicable,
    Indeterminate,
}

impl Decision {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "Permit",
            Self::Deny => "Deny",
            Self::NotApplicable => "NotApplicable",
            Self::Indeterminate => "Indeterminate",
        }
    }

    /// From the wire.
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

/// A request for one decision or several.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// Name the policies that contributed to each result.
    pub return_policy_ids: bool,
    /// Answer with one result.
    pub combined_decision: bool,
    /// What is known, by category; a category may come several times.
    pub categories: Vec<Category<'a>>,
    /// For each decision asked for, the categories it is about, by `xml:id`; none when it follows
    /// from the categories.
    pub references: Option<Vec<Vec<Cow<'a, str>>>>,
}

/// Attributes of one category.
#[derive(Debug, Clone, Default)]
pub struct Category<'a> {
    /// URI of the category.
    pub category: Cow<'a, str>,
    /// `xml:id`
    pub id: Option<Cow<'a, str>>,
    /// XML that selectors look into.
    pub content: Option<Arc<Content>>,
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
}

/// An attribute with its values.
#[derive(Debug, Clone)]
pub struct Attribute<'a> {
    /// `AttributeId`
    pub id: Cow<'a, str>,
    /// Who says so.
    pub issuer: Option<Cow<'a, str>>,
    /// Repeat it in the result.
    pub include_in_result: bool,
    /// Its values, perhaps of several types.
    pub values: Values<'a>,
}

/// The values of an attribute: most have one.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    /// The only one.
    One([AttributeValue<'a>; 1]),
    /// Any number of them.
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

/// A value as it was written and as it was understood.
#[derive(Debug, Clone)]
pub struct AttributeValue<'a> {
    /// What it says.
    pub value: Value<'a>,
    /// How it was written, when that is not its canonical form.
    pub spelling: Option<Cow<'a, str>>,
}

impl<'a> AttributeValue<'a> {
    /// Reads a value of any type but `xpathExpression`.
    #[must_use]
    pub fn parse(data_type: DataType, text: Cow<'a, str>) -> Option<Self> {
        let spelling = if data_type == DataType::String {
            None
        } else {
            Some(text.clone())
        };
        Some(Self {
            value: Value::parse(data_type, text)?,
            spelling,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.spelling
            .as_deref()
            .map_or_else(|| self.value.text(), Cow::Borrowed)
    }
}

impl<'a> From<Value<'a>> for AttributeValue<'a> {
    fn from(value: Value<'a>) -> Self {
        Self {
            value,
            spelling: None,
        }
    }
}

impl<'a> Category<'a> {
    /// A category without attributes.
    #[must_use]
    pub fn new(category: impl Into<Cow<'a, str>>) -> Self {
        Self {
            category: category.into(),
            ..Self::default()
        }
    }

    /// Adds a value.
    pub fn add(&mut self, attribute_id: impl Into<Cow<'a, str>>, value: Value<'a>) {
        self.attributes.push(Attribute::new(attribute_id, value));
    }

    /// Adds texts. Quicker than one by one when there are many.
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

    /// Adds a text.
    pub fn add_text(
        &mut self,
        attribute_id: impl Into<Cow<'a, str>>,
        text: impl Into<Cow<'a, str>>,
    ) {
        self.add(attribute_id, Value::String(text.into()));
    }

    /// The first value of an attribute.
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

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Response {
    /// One for each decision asked for.
    pub results: Vec<DecisionResult>,
}

/// One decision.
#[derive(Debug, Clone)]
pub struct DecisionResult {
    /// The decision.
    pub decision: Decision,
    /// Why, when it is Indeterminate.
    pub status: Status,
    /// What must be done with it.
    pub obligations: Vec<Obligation>,
    /// What may be done with it.
    pub advice: Vec<Obligation>,
    /// Attributes that the request wants back.
    pub attributes: Vec<Category<'static>>,
    /// Policies that contributed.
    pub policies: Vec<PolicyIdentifier>,
}

/// Status of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its code.
    pub code: Code,
    /// In words, without attribute values.
    pub message: Option<String>,
    /// What is missing, with `missing-attribute`.
    pub missing: Vec<MissingAttribute>,
}

/// An attribute that a policy needs and the request lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct MissingAttribute {
    pub category: String,
    pub attribute_id: String,
    pub data_type: DataType,
    pub issuer: Option<String>,
}

/// An obligation or a piece of advice.
#[derive(Debug, Clone)]
pub struct Obligation {
    /// `ObligationId` or `AdviceId`.
    pub id: String,
    /// Its values.
    pub assignments: Vec<Assignment>,
}

/// A value of an obligation or a piece of advice.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named by the standard")]
pub struct Assignment {
    pub attribute_id: String,
    pub category: Option<String>,
    pub issuer: Option<String>,
    pub value: Value<'static>,
}

/// A policy or policy set, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyIdentifier {
    /// It is a policy set.
    pub is_set: bool,
    /// Its identifier.
    pub id: String,
    /// Its version.
    pub version: String,
}

impl Status {
    /// All is well.
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
    /// A decision and nothing else.
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

    /// Indeterminate.
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

/// The attributes of these categories that are to be repeated in the result.
pub(super) fn included<'r, 'a: 'r>(
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
    /// An attribute with one value.
    #[must_use]
    #[inline]
    pub fn new(id: impl Into<Cow<'a, str>>, value: Value<'a>) -> Self {
        Self {
            id: id.into(),
            issuer: None,
            include_in_result: false,
            values: Values::One([AttributeValue {
                value,
                spelling: None,
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
                    spelling: v
                        .spelling
                        .as_ref()
                        .map(|s| Cow::Owned(s.clone().into_owned())),
                })
                .collect(),
        }
    }
}
