//! Reads requests in the JSON Profile 1.1.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Attribute, AttributeValue, Category, Request, Values};
use crate::{
    ids,
    limits::Limits,
    values::{Content, DataType, Integer, Value, XPathExpression, xpath},
};

/// Why a JSON document is not a request or a response: an English phrase, sometimes with a line and
/// a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(pub(super) String);

fn wrong(reason: impl Into<String>) -> JsonError {
    JsonError(reason.into())
}

impl<'a> Request<'a> {
    /// Reads a request in JSON. Texts without escapes are borrowed. Unknown members are ignored.
    ///
    /// # Errors
    /// The document does not follow the profile, goes past a limit, or holds a text that is not a value
    /// of its data type.
    pub fn from_json(json: &'a [u8], limits: &Limits) -> Result<Self, JsonError> {
        if json.len() > limits.request_bytes {
            return Err(wrong("the request is too large"));
        }
        let text = std::str::from_utf8(json).map_err(|_| wrong("the request is not UTF-8"))?;
        check_depth(json, limits.json_depth)?;
        let document: JsonRequestDocument<'a> =
            serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        document.request.convert(limits)
    }
}

/// Bounds the depth before the document is parsed, since the parser recurses.
fn check_depth(json: &[u8], max: usize) -> Result<(), JsonError> {
    // Most requests have fewer brackets than that in all.
    if json.iter().filter(|b| matches!(b, b'{' | b'[')).count() <= max {
        return Ok(());
    }
    let (mut depth, mut rest) = (0_usize, json);
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => {
                while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
                    let escapes = rest.get(at) == Some(&b'\\');
                    rest = rest
                        .get(at + 1 + usize::from(escapes)..)
                        .unwrap_or_default();
                    if !escapes {
                        break;
                    }
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return Err(wrong("values are nested too deeply"));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct JsonRequestDocument<'a> {
    #[serde(rename = "Request", borrow)]
    request: JsonRequestBody<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JsonRequestBody<'a> {
    #[serde(default)]
    return_policy_id_list: bool,
    #[serde(default)]
    combined_decision: bool,
    #[serde(borrow, default, rename = "XPathVersion")]
    xpath_version: Option<JsonText<'a>>,
    #[serde(borrow, default)]
    category: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    access_subject: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    recipient_subject: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    intermediary_subject: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    codebase: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    requesting_machine: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    resource: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    action: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    environment: JsonObjects<JsonCategory<'a>>,
    #[serde(borrow, default)]
    multi_requests: Option<JsonMultiRequests<'a>>,
}

#[derive(Deserialize)]
struct JsonMultiRequests<'a> {
    #[serde(rename = "RequestReference", borrow)]
    references: Vec<JsonRequestReference<'a>>,
}

#[derive(Deserialize)]
struct JsonRequestReference<'a> {
    #[serde(rename = "ReferenceId", borrow)]
    ids: Vec<JsonText<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JsonCategory<'a> {
    #[serde(borrow, default)]
    category_id: Option<JsonText<'a>>,
    #[serde(borrow, default)]
    id: Option<JsonText<'a>>,
    #[serde(borrow, default)]
    content: Option<JsonText<'a>>,
    #[serde(borrow, default)]
    attribute: JsonObjects<TypedJsonAttribute<'a>>,
}

/// An attribute whose values are of its data type.
struct TypedJsonAttribute<'a>(Attribute<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for TypedJsonAttribute<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonAttribute::deserialize(deserializer)?
            .convert()
            .map(Self)
            .map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JsonAttribute<'a> {
    #[serde(borrow)]
    attribute_id: JsonText<'a>,
    #[serde(borrow)]
    value: JsonValues<'a>,
    #[serde(borrow, default)]
    issuer: Option<JsonText<'a>>,
    #[serde(borrow, default)]
    data_type: Option<JsonText<'a>>,
    #[serde(default)]
    include_in_result: bool,
}

#[derive(Deserialize)]
struct JsonXPath<'a> {
    #[serde(rename = "XPathCategory", borrow)]
    category: JsonText<'a>,
    #[serde(rename = "XPath", borrow)]
    path: JsonText<'a>,
    #[serde(rename = "Namespaces", borrow, default)]
    namespaces: Vec<JsonNamespace<'a>>,
}

#[derive(Deserialize)]
struct JsonNamespace<'a> {
    #[serde(rename = "Prefix", borrow, default)]
    prefix: Option<JsonText<'a>>,
    #[serde(rename = "Namespace", borrow)]
    namespace: JsonText<'a>,
}

/// A string, borrowed when it has no escapes.
struct JsonText<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = JsonText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<JsonText<'de>, E> {
                Ok(JsonText(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<JsonText<'de>, E> {
                Ok(JsonText(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// An object or an array of objects.
struct JsonObjects<T>(Vec<T>);

impl<T> Default for JsonObjects<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObjects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValuesVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ValuesVisitor<T> {
            type Value = JsonObjects<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array of objects")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonObjects<T>, A::Error> {
                Ok(JsonObjects(vec![T::deserialize(
                    MapAccessDeserializer::new(map),
                )?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonObjects<T>, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element()? {
                    out.push(item);
                }
                Ok(JsonObjects(out))
            }
        }
        deserializer.deserialize_any(ValuesVisitor(std::marker::PhantomData))
    }
}

/// The values of an attribute, with the data types that their JSON implies.
enum JsonValues<'a> {
    One(Value<'a>),
    Many(Vec<AttributeValue<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonValues<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

/// A value, with the data type that its JSON implies.
struct JsonScalar<'a>(Value<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonScalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor).map(JsonScalar)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(Integer::Small(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value<'de>, E> {
        Integer::parse(&value.to_string())
            .map(Value::Integer)
            .ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Double(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        JsonXPath::deserialize(MapAccessDeserializer::new(map))?
            .convert()
            .map_err(de::Error::custom)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = JsonValues<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or an array of values")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<JsonValues<'de>, E> {
        ScalarVisitor.visit_borrowed_str(text).map(JsonValues::One)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<JsonValues<'de>, E> {
        ScalarVisitor.visit_str(text).map(JsonValues::One)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<JsonValues<'de>, E> {
        ScalarVisitor.visit_bool(value).map(JsonValues::One)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<JsonValues<'de>, E> {
        ScalarVisitor.visit_i64(value).map(JsonValues::One)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<JsonValues<'de>, E> {
        ScalarVisitor.visit_u64(value).map(JsonValues::One)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<JsonValues<'de>, E> {
        ScalarVisitor.visit_f64(value).map(JsonValues::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonValues<'de>, A::Error> {
        ScalarVisitor.visit_map(map).map(JsonValues::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonValues<'de>, A::Error> {
        let mut out = Vec::with_capacity(8);
        while let Some(JsonScalar(value)) = seq.next_element()? {
            out.push(AttributeValue::from(value));
        }
        Ok(JsonValues::Many(out))
    }
}

impl<'a> JsonXPath<'a> {
    fn convert(self) -> Result<Value<'a>, String> {
        let namespaces = self
            .namespaces
            .iter()
            .map(|n| {
                (
                    n.prefix.as_ref().map_or("", |p| &*p.0).into(),
                    (&*n.namespace.0).into(),
                )
            })
            .collect();
        let path = self.path.0.trim();
        xpath::check(path, &namespaces)?;
        Ok(Value::XPathExpression(Arc::new(XPathExpression {
            path: path.into(),
            category: (&*self.category.0).into(),
            namespaces,
        })))
    }
}

impl<'a> JsonRequestBody<'a> {
    fn convert(self, limits: &Limits) -> Result<Request<'a>, JsonError> {
        if self
            .xpath_version
            .is_some_and(|v| !v.0.eq_ignore_ascii_case(ids::XPATH_1))
        {
            return Err(wrong("only XPath 1.0 is supported"));
        }
        let mut categories = Vec::with_capacity(8);
        let mut values = 0;
        let named = [
            (ids::SUBJECT, self.access_subject),
            (ids::RECIPIENT_SUBJECT, self.recipient_subject),
            (ids::INTERMEDIARY_SUBJECT, self.intermediary_subject),
            (ids::CODEBASE, self.codebase),
            (ids::REQUESTING_MACHINE, self.requesting_machine),
            (ids::RESOURCE, self.resource),
            (ids::ACTION, self.action),
            (ids::ENVIRONMENT, self.environment),
        ];
        for (category, entries) in named {
            for entry in entries.0 {
                if entry
                    .category_id
                    .as_ref()
                    .is_some_and(|id| id.0 != category)
                {
                    return Err(wrong("a CategoryId contradicts the member that it is in"));
                }
                categories.push(entry.convert(Cow::Borrowed(category), limits, &mut values)?);
            }
        }
        for mut entry in self.category.0 {
            let category = entry
                .category_id
                .take()
                .ok_or_else(|| wrong("CategoryId is missing"))?;
            categories.push(entry.convert(identifier(category, limits)?, limits, &mut values)?);
        }
        if categories.len() > limits.request_categories {
            return Err(wrong("the request has too many categories"));
        }
        if categories.is_empty() {
            return Err(wrong("the request has no categories"));
        }
        let references = self.multi_requests.map(|m| {
            m.references
                .into_iter()
                .map(|r| r.ids.into_iter().map(|id| id.0).collect())
                .collect()
        });
        if references
            .as_ref()
            .is_some_and(|list: &Vec<Vec<_>>| list.is_empty() || list.iter().any(Vec::is_empty))
        {
            return Err(wrong("a reference names at least one category"));
        }
        Ok(Request {
            return_policy_ids: self.return_policy_id_list,
            combined_decision: self.combined_decision,
            categories,
            references,
        })
    }
}

const TOO_LONG_A_NAME: &str = "an identifier is too long";

fn identifier<'a>(text: JsonText<'a>, limits: &Limits) -> Result<Cow<'a, str>, JsonError> {
    if text.0.len() > limits.identifier_bytes {
        Err(wrong(TOO_LONG_A_NAME))
    } else {
        Ok(text.0)
    }
}

impl<'a> JsonCategory<'a> {
    fn convert(
        self,
        category: Cow<'a, str>,
        limits: &Limits,
        count: &mut usize,
    ) -> Result<Category<'a>, JsonError> {
        let content = match self.content {
            None => None,
            Some(text) => Some(Arc::new(content(&text.0, limits)?)),
        };
        let attributes: Vec<Attribute<'a>> = self.attribute.0.into_iter().map(|a| a.0).collect();
        for attribute in &attributes {
            *count += attribute.values.len();
            if *count > limits.request_values {
                return Err(wrong("the request has too many values"));
            }
            if attribute.id.len() > limits.identifier_bytes {
                return Err(wrong(TOO_LONG_A_NAME));
            }
            let text = |v: &AttributeValue<'_>| {
                v.lexical.as_ref().map_or_else(
                    || {
                        if let Value::String(text) = &v.value {
                            text.len()
                        } else {
                            0
                        }
                    },
                    |s| s.len(),
                )
            };
            if attribute
                .values
                .iter()
                .any(|v| text(v) > limits.value_bytes)
            {
                return Err(wrong("a value is too long"));
            }
        }
        Ok(Category {
            category,
            id: self.id.map(|id| id.0),
            content,
            attributes,
        })
    }
}

/// Content as XML, or as XML in base64.
fn content(text: &str, limits: &Limits) -> Result<Content, JsonError> {
    let text = text.trim();
    let decoded;
    let xml = if text.starts_with('<') {
        text
    } else {
        let bytes = data_encoding::BASE64
            .decode(text.as_bytes())
            .map_err(|_| wrong("Content is neither XML nor base64"))?;
        decoded = String::from_utf8(bytes).map_err(|_| wrong("Content is not UTF-8"))?;
        &decoded
    };
    if xml.len() > limits.content_bytes {
        return Err(wrong("the Content is too large"));
    }
    Content::parse(xml).map_err(wrong)
}

impl<'a> JsonAttribute<'a> {
    fn convert(self) -> Result<Attribute<'a>, JsonError> {
        let data_type = match &self.data_type {
            None => None,
            Some(name) => Some(
                DataType::from_name(&name.0)
                    .ok_or_else(|| wrong(format!("{} is not a data type", name.0)))?,
            ),
        };
        let values = match self.value {
            JsonValues::One(value) => Values::from(retyped(value, data_type)?),
            JsonValues::Many(list) => match data_type.or(common_type(&list)?) {
                Some(wanted) if list.iter().any(|v| v.value.data_type() != wanted) => list
                    .into_iter()
                    .map(|v| retyped(v.value, Some(wanted)))
                    .collect::<Result<_, _>>()?,
                _ => Values::Many(list),
            },
        };
        Ok(Attribute {
            id: self.attribute_id.0,
            issuer: self.issuer.map(|i| i.0),
            include_in_result: self.include_in_result,
            values,
        })
    }
}

/// The data type of all values of an array; integers among doubles count as doubles.
fn common_type(list: &[AttributeValue<'_>]) -> Result<Option<DataType>, JsonError> {
    let mut common = None;
    for inferred in list.iter().map(|v| v.value.data_type()) {
        common = match (common, inferred) {
            (None, t) => Some(t),
            (Some(a), b) if a == b => Some(a),
            (Some(DataType::Integer), DataType::Double)
            | (Some(DataType::Double), DataType::Integer) => Some(DataType::Double),
            _ => return Err(wrong("the values of an array must be of one type")),
        };
    }
    Ok(common)
}

/// A value of the data type that the attribute names.
fn retyped(value: Value<'_>, data_type: Option<DataType>) -> Result<AttributeValue<'_>, JsonError> {
    let value = match (value, data_type) {
        (value, None) => value,
        (value, Some(wanted)) if value.data_type() == wanted => value,
        (Value::String(text), Some(wanted)) => {
            return AttributeValue::parse(wanted, text).ok_or_else(|| {
                wrong(format!(
                    "a text is not a value of type {}",
                    wanted.short_name()
                ))
            });
        }
        (Value::Integer(value), Some(DataType::Double)) => Value::Double(value.to_double()),
        _ => return Err(wrong("a value does not fit its data type")),
    };
    Ok(AttributeValue::from(value))
}
