//! Reading a request as clients write it nearly always. Whatever is unusual is left to the tolerant
//! reader, which takes longer and says what is wrong.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::model::{DecisionRequest, LISTS, RawAttribute, RawCategory, RequestValues};
use foundation::http::body::{MAX_ITEMS, MAX_STRING};

#[derive(Deserialize)]
struct QuickText<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object, and nothing else: derived readers would take a list of its members, too.
struct QuickObject<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for QuickObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = QuickObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<QuickObject<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(QuickObject)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuickRoot<'a> {
    #[serde(alias = "Request", borrow)]
    request: QuickObject<QuickRequest<'a>>,
}

type QuickList<T> = Option<Vec<QuickObject<T>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct QuickRequest<'a> {
    #[serde(alias = "ReturnPolicyIdList", default)]
    return_policy_id_list: Option<bool>,
    #[serde(alias = "CombinedDecision", default)]
    combined_decision: Option<bool>,
    #[serde(alias = "XPathVersion", default, borrow)]
    x_path_version: Option<QuickText<'a>>,
    #[serde(alias = "AccessSubject", default, borrow)]
    access_subject: QuickList<QuickCategory<'a>>,
    #[serde(alias = "Action", default, borrow)]
    action: QuickList<QuickCategory<'a>>,
    #[serde(alias = "Resource", default, borrow)]
    resource: QuickList<QuickCategory<'a>>,
    #[serde(alias = "Category", default, borrow)]
    category: QuickList<QuickCategory<'a>>,
    #[serde(alias = "Environment", default, borrow)]
    environment: QuickList<QuickCategory<'a>>,
    #[serde(alias = "RecipientSubject", default, borrow)]
    recipient_subject: QuickList<QuickCategory<'a>>,
    #[serde(alias = "IntermediarySubject", default, borrow)]
    intermediary_subject: QuickList<QuickCategory<'a>>,
    #[serde(alias = "RequestingMachine", default, borrow)]
    requesting_machine: QuickList<QuickCategory<'a>>,
    #[serde(alias = "MultiRequests", default, borrow)]
    multi_requests: Option<QuickObject<QuickMultiRequests<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct QuickCategory<'a> {
    #[serde(alias = "CategoryId", default, borrow)]
    category_id: Option<QuickText<'a>>,
    #[serde(alias = "Id", default, borrow)]
    id: Option<QuickText<'a>>,
    #[serde(alias = "Content", default, borrow)]
    content: Option<QuickText<'a>>,
    #[serde(alias = "Attribute", default, borrow)]
    attribute: QuickList<QuickAttribute<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct QuickAttribute<'a> {
    #[serde(rename = "attributeId", alias = "AttributeId", default, borrow)]
    id: Option<QuickText<'a>>,
    #[serde(alias = "Value", default, borrow)]
    value: Option<QuickText<'a>>,
    #[serde(alias = "DataType", default, borrow)]
    data_type: Option<QuickText<'a>>,
    #[serde(alias = "Issuer", default, borrow)]
    issuer: Option<QuickText<'a>>,
    #[serde(alias = "IncludeInResult", default)]
    include_in_result: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct QuickMultiRequests<'a> {
    #[serde(alias = "RequestReference", default, borrow)]
    request_reference: QuickList<QuickReference<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct QuickReference<'a> {
    #[serde(alias = "ReferenceId", default, borrow)]
    reference_id: Option<Vec<QuickText<'a>>>,
}

/// Reads a request; none when it is unusual.
pub fn read(bytes: &[u8]) -> Option<DecisionRequest<'_>> {
    // Text is proven to be UTF-8 faster as a whole than string by string.
    let text = std::str::from_utf8(bytes).ok()?;
    let QuickObject(QuickRoot {
        request: QuickObject(request),
    }) = serde_json::from_str::<QuickObject<QuickRoot<'_>>>(text).ok()?;
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
        for QuickObject(entry) in list {
            out.entries.push(raw(entry)?.resolve(*category));
        }
    }
    let references = request
        .multi_requests
        .and_then(|QuickObject(multi)| multi.request_reference)
        .unwrap_or_default();
    if references.len() > MAX_ITEMS {
        return None;
    }
    for QuickObject(reference) in references {
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
fn within(text: Option<QuickText<'_>>) -> Option<Option<Cow<'_, str>>> {
    match text {
        None => Some(None),
        Some(QuickText(text)) => {
            (text.len() <= MAX_STRING && !text.contains('\0')).then_some(Some(text))
        }
    }
}

fn raw(entry: QuickCategory<'_>) -> Option<RawCategory<'_>> {
    within(entry.content)?;
    let attributes = match entry.attribute {
        None => None,
        Some(list) if list.len() > MAX_ITEMS => return None,
        Some(list) => Some(
            list.into_iter()
                .map(|QuickObject(attribute)| raw_attribute(attribute))
                .collect::<Option<Vec<_>>>()?,
        ),
    };
    Some(RawCategory {
        category_id: within(entry.category_id)?,
        id: within(entry.id)?,
        attributes,
    })
}

fn raw_attribute(attribute: QuickAttribute<'_>) -> Option<RawAttribute<'_>> {
    within(attribute.issuer)?;
    Some(RawAttribute {
        id: within(attribute.id)?,
        values: within(attribute.value)?.map(RequestValues::One),
        data_type: within(attribute.data_type)?,
        include_in_result: attribute.include_in_result.unwrap_or_default(),
    })
}
