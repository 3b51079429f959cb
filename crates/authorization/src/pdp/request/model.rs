//! A decision request as it was read, and what its entries mean.

use std::{borrow::Cow, collections::HashMap, ops::Deref};

use xacml::{DataType, ids};

/// What is wrong with a request whose HTTP is fine. The two classes differ in the status code they
/// lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestFault {
    /// The caller asks something that cannot be processed.
    Processing(&'static str),
    /// The caller's request is not well formed.
    Syntax(&'static str),
}

/// A whole request.
#[derive(Debug, Default, PartialEq)]
pub struct DecisionRequest<'a> {
    /// Every category entry, in request order: subjects, actions, resources, others.
    pub entries: Vec<RequestCategory<'a>>,
    /// For each decision wanted, the ids of the entries it is about. Empty: one decision about all
    /// entries.
    pub references: Vec<Vec<String>>,
    /// A fault of the whole.
    pub fault: Option<RequestFault>,
}

/// One category entry.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestCategory<'a> {
    /// Category URI.
    pub category: Cow<'a, str>,
    /// Id for references.
    pub id: Option<Cow<'a, str>>,
    /// Attributes.
    pub attributes: Vec<RequestAttribute<'a>>,
    /// A fault of this entry.
    pub fault: Option<RequestFault>,
}

/// Values of an attribute: nearly always one.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestValues<'a> {
    One(Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

impl RequestValues<'_> {
    pub(super) fn append(&mut self, more: Self) {
        let of = |values: Self| match values {
            Self::One(value) => vec![value],
            Self::Several(values) => values,
        };
        let mut all = of(std::mem::replace(self, Self::Several(Vec::new())));
        all.extend(of(more));
        *self = Self::Several(all);
    }
}

impl<'a> Deref for RequestValues<'a> {
    type Target = [Cow<'a, str>];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }
}

/// One attribute with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestAttribute<'a> {
    pub id: Cow<'a, str>,
    pub data_type: DataType,
    pub values: RequestValues<'a>,
    pub include_in_result: bool,
}

/// Up to so many attributes are compared with each other; of more, names are hashed.
const MOST_COMPARED: usize = 16;

/// An entry as it was written.
pub(super) struct RawCategory<'a> {
    pub(super) category_id: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    /// None: the member is missing.
    pub(super) attributes: Option<Vec<RawAttribute<'a>>>,
}

/// An attribute as it was written.
pub(super) struct RawAttribute<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) values: Option<RequestValues<'a>>,
    pub(super) data_type: Option<Cow<'a, str>>,
    pub(super) include_in_result: bool,
}

impl<'a> RawCategory<'a> {
    /// What it means, in a list that represents a category, if it does.
    pub(super) fn resolve(self, implied: Option<&'static str>) -> RequestCategory<'a> {
        let mut fault = None;
        let category = match (self.category_id.filter(|c| !c.is_empty()), implied) {
            (Some(own), _) => {
                if !is_absolute_uri(&own) {
                    fault = Some(RequestFault::Syntax("a CategoryId is not an absolute URI"));
                }
                own
            }
            (None, Some(implied)) => Cow::Borrowed(implied),
            (None, None) => {
                fault = Some(RequestFault::Processing(
                    "an entry of Category has no CategoryId",
                ));
                Cow::Borrowed("")
            }
        };
        if self.attributes.is_none() {
            fault = fault.or(Some(RequestFault::Syntax("a category has no Attribute")));
        }
        let written = self.attributes.unwrap_or_default();
        let mut attributes: Vec<RequestAttribute<'a>> = Vec::with_capacity(written.len());
        let mut places = (written.len() > MOST_COMPARED).then(HashMap::new);
        for raw in written {
            match raw.resolve() {
                Ok(attribute) => {
                    let known = match &mut places {
                        None => attributes
                            .iter_mut()
                            .find(|a| a.id == attribute.id && a.data_type == attribute.data_type),
                        Some(places) => {
                            let name = (attribute.id.clone(), attribute.data_type);
                            let place = *places.entry(name).or_insert(attributes.len());
                            attributes.get_mut(place)
                        }
                    };
                    match known {
                        // One attribute may be given in several entries: it has several values then.
                        Some(known) => known.values.append(attribute.values),
                        None => attributes.push(attribute),
                    }
                }
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        RequestCategory {
            category,
            id: self.id,
            attributes,
            fault,
        }
    }
}

impl<'a> RawAttribute<'a> {
    fn resolve(self) -> Result<RequestAttribute<'a>, RequestFault> {
        let data_type = data_type(self.data_type.as_deref().unwrap_or_default()).ok_or(
            RequestFault::Processing("an attribute has an unknown DataType"),
        )?;
        let values = self
            .values
            .ok_or(RequestFault::Processing("an attribute has no Value"))?;
        let id = self
            .id
            .ok_or(RequestFault::Processing("an attribute has no AttributeId"))?;
        if !is_absolute_uri(&id) {
            return Err(RequestFault::Syntax(
                "an AttributeId is not an absolute URI",
            ));
        }
        Ok(RequestAttribute {
            id,
            data_type,
            values,
            include_in_result: self.include_in_result,
        })
    }
}

/// Category lists by member name, with the category they represent.
pub(super) const LISTS: [(&str, Option<&'static str>); 8] = [
    ("accesssubject", Some(ids::SUBJECT)),
    ("action", Some(ids::ACTION)),
    ("resource", Some(ids::RESOURCE)),
    ("category", None),
    ("environment", Some(ids::ENVIRONMENT)),
    (
        "recipientsubject",
        Some("urn:oasis:names:tc:xacml:1.0:subject-category:recipient-subject"),
    ),
    (
        "intermediarysubject",
        Some("urn:oasis:names:tc:xacml:1.0:subject-category:intermediary-subject"),
    ),
    (
        "requestingmachine",
        Some("urn:oasis:names:tc:xacml:1.0:subject-category:requesting-machine"),
    ),
];

/// A scheme, a colon, and something after it.
fn is_absolute_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && !rest.is_empty()
            // Nearly all are printable ASCII, which is seen at once.
            && (rest.bytes().filter(|b| !(b'!'..=b'~').contains(b)).count() == 0 || !rest.contains(char::is_whitespace))
    })
}

/// A data type given as short name or URI; absent means text.
fn data_type(name: &str) -> Option<DataType> {
    if name.is_empty() || name == "string" {
        return Some(DataType::String);
    }
    let mut known = DataType::ALL
        .iter()
        .filter(|(known, _)| *known != DataType::XPathExpression);
    known
        .find(|(_, uri)| *uri == name || uri.rsplit(['#', ':']).next() == Some(name))
        .map(|(known, _)| *known)
}
