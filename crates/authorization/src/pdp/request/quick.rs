//! Reading a request as clients write it nearly always. Whatever is unusual is left to the tolerant
//! reader, which takes longer and says what is wrong.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::model::{DecisionRequest, LISTS, RawAttribute, RawEntry, Values};
use foundation::http::body::{MAX_ITEMS, MAX_STRING};

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object, and nothing else: derived readers would take a list of its members, too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Root<'a> {
    #[serde(alias = "Request", borrow)]
    request: Object<Body<'a>>,
}

type List<T> = Option<Vec<Object<T>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body<'a> {
    #[serde(alias = "ReturnPolicyIdList", default)]
    return_policy_id_list: Option<bool>,
    #[serde(alias = "CombinedDecision", default)]
    combined_decision: Option<bool>,
    #[serde(alias = "XPathVersion", default, borrow)]
    x_path_version: Option<Text<'a>>,
    #[serde(alias = "AccessSubject", default, borrow)]
    access_subject: List<Entry<'a>>,
    #[serde(alias = "Action", default, borrow)]
    action: List<Entry<'a>>,
    #[serde(alias = "Resource", default, borrow)]
    resource: List<Entry<'a>>,
    #[serde(alias = "Category", default, borrow)]
    category: List<Entry<'a>>,
    #[serde(alias = "Environment", default, borrow)]
    environment: List<Entry<'a>>,
    #[serde(alias = "RecipientSubject", default, borrow)]
    recipient_subject: List<Entry<'a>>,
    #[serde(alias = "IntermediarySubject", default, borrow)]
    intermediary_subject: List<Entry<'a>>,
    #[serde(alias = "RequestingMachine", default, borrow)]
    requesting_machine: List<Entry<'a>>,
    #[serde(alias = "MultiRequests", default, borrow)]
    multi_requests: Option<Object<MultiRequests<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(alias = "CategoryId", default, borrow)]
    category_id: Option<Text<'a>>,
    #[serde(alias = "Id", default, borrow)]
    id: Option<Text<'a>>,
    #[serde(alias = "Content", default, borrow)]
    content: Option<Text<'a>>,
    #[serde(alias = "Attribute", default, borrow)]
    attribute: List<Attribute<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Attribute<'a> {
    #[serde(rename = "attributeId", alias = "AttributeId", default, borrow)]
    id: Option<Text<'a>>,
    #[serde(alias = "Value", default, borrow)]
    value: Option<Text<'a>>,
    #[serde(alias = "DataType", default, borrow)]
    data_type: Option<Text<'a>>,
    #[serde(alias = "Issuer", default, borrow)]
    issuer: Option<Text<'a>>,
    #[serde(alias = "IncludeInResult", default)]
    include_in_result: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MultiRequests<'a> {
    #[serde(alias = "RequestReference", default, borrow)]
    request_reference: List<Reference<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Reference<'a> {
    #[serde(alias = "ReferenceId", default, borrow)]
    reference_id: Option<Vec<Text<'a>>>,
}

/// Reads a request; none when it is unusual.
pub fn read(bytes: &[u8]) -> Option<DecisionRequest<'_>> {
    // Text is proven to be UTF-8 faster as a whole than string by string.
    let text = std::str::from_utf8(bytes).ok()?;
    let Object(Root {
        request: Object(request),
    }) = serde_json::from_str::<Object<Root<'_>>>(text).ok()?;
    let (_, _) = (request.return_policy_id_list, request.combined_decision);
    within(request.x_path_version)?;
    let mut out = DecisionRequest::default();
    let lists = [
        request.access_subject,
        request.action,
        request.resource,
        request.category,
        request.environment,
        request.recipient_subject,
        request.intermediary_subject,
        request.requesting_machine,
    ];
    for ((_, category), list) in LISTS.iter().zip(lists) {
        let list = list.unwrap_or_default();
        if list.len() > MAX_ITEMS {
            return None;
        }
        for Object(entry) in list {
            out.entries.push(raw(entry)?.resolve(*category));
        }
    }
    let references = request
        .multi_requests
        .and_then(|Object(multi)| multi.request_reference)
        .unwrap_or_default();
    if references.len() > MAX_ITEMS {
        return None;
    }
    for Object(reference) in references {
        let ids = reference.reference_id.unwrap_or_default();
        if ids.len() > MAX_ITEMS {
            return None;
        }
        out.references.push(
            ids.into_iter()
                .map(|id| Some(within(Some(id))??.into_owned()))
                .collect::<Option<_>>()?,
        );
    }
    Some(out)
}

/// A text within the limits of all bodies; the outer none when it is not.
#[expect(
    clippy::option_option,
    reason = "one is for a text that is not there, the other for one that is refused"
)]
fn within(text: Option<Text<'_>>) -> Option<Option<Cow<'_, str>>> {
    match text {
        None => Some(None),
        Some(Text(text)) => {
            (text.len() <= MAX_STRING && !text.contains('\0')).then_some(Some(text))
        }
    }
}

fn raw(entry: Entry<'_>) -> Option<RawEntry<'_>> {
    within(entry.content)?;
    let attributes = match entry.attribute {
        None => None,
        Some(list) if list.len() > MAX_ITEMS => return None,
        Some(list) => Some(
            list.into_iter()
                .map(|Object(attribute)| raw_attribute(attribute))
                .collect::<Option<Vec<_>>>()?,
        ),
    };
    Some(RawEntry {
        category_id: within(entry.category_id)?,
        id: within(entry.id)?,
        attributes,
    })
}

fn raw_attribute(attribute: Attribute<'_>) -> Option<RawAttribute<'_>> {
    within(attribute.issuer)?;
    Some(RawAttribute {
        id: within(attribute.id)?,
        values: within(attribute.value)?.map(Values::One),
        data_type: within(attribute.data_type)?,
        include_in_result: attribute.include_in_result.unwrap_or_default(),
    })
}
