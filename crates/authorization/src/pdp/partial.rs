//! The attributes that one decision is about, as they were given.

use std::borrow::Cow;

use super::request::{RequestCategory, RequestFault};
use xacml::{DataType, ids};

/// Attributes that only the decision point may set, unless the caller is trusted to.
const ENRICHED: [&str; 8] = [
    "urn:altinn:rolecode",
    "urn:altinn:role",
    "urn:altinn:external-role:ccr",
    "urn:altinn:external-role:cra",
    "urn:altinn:accesspackage",
    "urn:altinn:partytype",
    "urn:altinn:access-list",
    "urn:digitaltdodsbo:rolecode",
];

/// The attributes one decision is about, by category, in request order.
#[derive(Debug, Default)]
pub struct PartialRequest<'a> {
    pub(super) values: Vec<RequestValue<'a>>,
    pub(super) fault: Option<RequestFault>,
    pub(super) has_subject: bool,
    pub(super) has_resource: bool,
    /// Asked by the platform's own parts: other status codes, and no identity numbers.
    pub(super) is_internal: bool,
    /// The caller said itself what only the decision point may say, and is trusted to.
    pub(super) is_enriched_by_caller: bool,
}

/// One value of an attribute.
#[derive(Debug, Clone)]
pub(super) struct RequestValue<'a> {
    pub(super) category: Cow<'a, str>,
    pub(super) id: Cow<'a, str>,
    pub(super) data_type: DataType,
    pub(super) value: Cow<'a, str>,
    pub(super) include_in_result: bool,
}

impl<'a> PartialRequest<'a> {
    /// A request out of these entries.
    pub fn of(
        entries: impl IntoIterator<Item = &'a RequestCategory<'a>>,
        keep_enriched: bool,
    ) -> Self {
        let mut out = Self::default();
        for entry in entries {
            out.fault = out.fault.take().or_else(|| entry.fault.clone());
            out.has_subject |= entry.category == ids::SUBJECT && !entry.attributes.is_empty();
            out.has_resource |= entry.category == ids::RESOURCE && !entry.attributes.is_empty();
            for attribute in &entry.attributes {
                if entry.category == ids::SUBJECT && ENRICHED.contains(&&*attribute.id) {
                    if !keep_enriched {
                        continue;
                    }
                    out.is_enriched_by_caller = true;
                }
                out.values
                    .extend(attribute.values.iter().map(|value| RequestValue {
                        category: Cow::Borrowed(&entry.category),
                        id: Cow::Borrowed(&attribute.id),
                        data_type: attribute.data_type,
                        value: Cow::Borrowed(value),
                        include_in_result: attribute.include_in_result,
                    }));
            }
        }
        out
    }

    /// The request as the platform's own parts ask it: faults of processing are faults of syntax
    /// there, and persons are not named by identity number.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.is_internal = true;
        self
    }

    /// A request that cannot be decided.
    #[must_use]
    pub fn faulty(fault: RequestFault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    /// Adds a text attribute.
    pub fn add(
        &mut self,
        category: impl Into<Cow<'a, str>>,
        id: impl Into<Cow<'a, str>>,
        value: impl Into<Cow<'a, str>>,
    ) {
        self.add_typed(category, id, DataType::String, value);
    }

    /// Adds an attribute of a type.
    pub fn add_typed(
        &mut self,
        category: impl Into<Cow<'a, str>>,
        id: impl Into<Cow<'a, str>>,
        data_type: DataType,
        value: impl Into<Cow<'a, str>>,
    ) {
        let category = category.into();
        self.has_subject |= category == ids::SUBJECT;
        self.has_resource |= category == ids::RESOURCE;
        self.values.push(RequestValue {
            category,
            id: id.into(),
            data_type,
            value: value.into(),
            include_in_result: false,
        });
    }

    pub(super) fn first(&self, category: &str, id: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|v| v.id == id && v.category == category)
            .map(|v| &*v.value)
    }
}
