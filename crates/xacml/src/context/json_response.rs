//! Writes and reads responses in the JSON Profile 1.1.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value as Json;

use super::{
    Assignment, Attribute, AttributeValue, Category, Decision, DecisionResult, JsonError,
    MissingAttribute, Obligation, PolicyIdentifier, Response, Status,
};
use crate::{
    error::Code,
    values::{DataType, Integer, Value},
};

impl Response {
    /// The response in JSON, as UTF-8.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        // Writing plain data into memory does not fail.
        let _ = serde_json::to_writer(&mut out, self);
        out
    }

    /// Reads a response in JSON: decisions, status codes, obligations, advice, attributes and policy
    /// identifiers. Status messages and details are not read. Other than a request, a response comes
    /// from a server that the caller has chosen, so that its size is not bounded here.
    ///
    /// # Errors
    /// The document does not follow the profile, or holds a text that is not a value of its data type.
    pub fn from_json(json: &[u8]) -> Result<Self, JsonError> {
        let wrong = || JsonError("the document is not a response".to_owned());
        let document: Json = serde_json::from_slice(json).map_err(|e| JsonError(e.to_string()))?;
        let results = match document.get("Response") {
            Some(Json::Array(list)) => list.iter().map(read_result).collect::<Option<_>>(),
            Some(one) => read_result(one).map(|r| vec![r]),
            None => None,
        };
        Ok(Self {
            results: results.ok_or_else(wrong)?,
        })
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("Response", &self.results)?;
        map.end()
    }
}

impl Serialize for DecisionResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Decision", self.decision.as_str())?;
        map.serialize_entry("Status", &self.status)?;
        if !self.obligations.is_empty() {
            map.serialize_entry("Obligations", &self.obligations)?;
        }
        if !self.advice.is_empty() {
            map.serialize_entry("AssociatedAdvice", &self.advice)?;
        }
        if !self.attributes.is_empty() {
            map.serialize_entry("Category", &self.attributes)?;
        }
        if !self.policies.is_empty() {
            map.serialize_entry("PolicyIdentifierList", &PolicyList(&self.policies))?;
        }
        map.end()
    }
}

struct StatusCodeObject(&'static str);

impl Serialize for StatusCodeObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("Value", self.0)?;
        map.end()
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Detail<'a>(&'a [MissingAttribute]);
        impl Serialize for Detail<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("MissingAttributeDetail", self.0)?;
                map.end()
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("StatusCode", &StatusCodeObject(self.code.urn()))?;
        if let Some(message) = &self.message {
            map.serialize_entry("StatusMessage", message)?;
        }
        if !self.missing.is_empty() {
            map.serialize_entry("StatusDetail", &Detail(&self.missing))?;
        }
        map.end()
    }
}

impl Serialize for MissingAttribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Category", &self.category)?;
        map.serialize_entry("AttributeId", &self.attribute_id)?;
        map.serialize_entry("DataType", self.data_type.uri())?;
        if let Some(issuer) = &self.issuer {
            map.serialize_entry("Issuer", issuer)?;
        }
        map.end()
    }
}

impl Serialize for Obligation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Id", &self.id)?;
        if !self.assignments.is_empty() {
            map.serialize_entry("AttributeAssignment", &self.assignments)?;
        }
        map.end()
    }
}

impl Serialize for Assignment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("AttributeId", &self.attribute_id)?;
        map.serialize_entry("Value", &JsonForm(&self.value, None))?;
        map.serialize_entry("DataType", self.value.data_type().uri())?;
        if let Some(category) = &self.category {
            map.serialize_entry("Category", category)?;
        }
        if let Some(issuer) = &self.issuer {
            map.serialize_entry("Issuer", issuer)?;
        }
        map.end()
    }
}

impl Serialize for Category<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("CategoryId", &self.category)?;
        if let Some(id) = &self.id {
            map.serialize_entry("Id", id)?;
        }
        let attributes: Vec<TypedAttribute<'_>> = self
            .attributes
            .iter()
            .flat_map(TypedAttribute::by_type)
            .collect();
        map.serialize_entry("Attribute", &attributes)?;
        map.end()
    }
}

/// The values of an attribute that are of one data type.
struct TypedAttribute<'a> {
    attribute: &'a Attribute<'a>,
    data_type: DataType,
}

impl<'a> TypedAttribute<'a> {
    fn by_type(attribute: &'a Attribute<'a>) -> Vec<Self> {
        let mut types: Vec<DataType> = Vec::new();
        for value in attribute.values.iter() {
            if !types.contains(&value.value.data_type()) {
                types.push(value.value.data_type());
            }
        }
        types
            .into_iter()
            .map(|data_type| Self {
                attribute,
                data_type,
            })
            .collect()
    }
}

impl Serialize for TypedAttribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("AttributeId", &self.attribute.id)?;
        let values: Vec<JsonForm<'_>> = self
            .attribute
            .values
            .iter()
            .filter(|v| v.value.data_type() == self.data_type)
            .map(|v| JsonForm(&v.value, v.lexical.as_deref()))
            .collect();
        match values.as_slice() {
            [one] => map.serialize_entry("Value", one)?,
            many => map.serialize_entry("Value", many)?,
        }
        map.serialize_entry("DataType", self.data_type.uri())?;
        if let Some(issuer) = &self.attribute.issuer {
            map.serialize_entry("Issuer", issuer)?;
        }
        map.serialize_entry("IncludeInResult", &true)?;
        map.end()
    }
}

struct PolicyList<'a>(&'a [PolicyIdentifier]);

impl Serialize for PolicyList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Name<'a> {
            id: &'a str,
            version: &'a str,
        }
        let names = |sets: bool| -> Vec<Name<'_>> {
            self.0
                .iter()
                .filter(|p| p.is_set == sets)
                .map(|p| Name {
                    id: &p.id,
                    version: &p.version,
                })
                .collect()
        };
        let mut map = serializer.serialize_map(None)?;
        for (member, sets) in [("PolicyIdReference", false), ("PolicySetIdReference", true)] {
            let names = names(sets);
            if !names.is_empty() {
                map.serialize_entry(member, &names)?;
            }
        }
        map.end()
    }
}

/// A value in JSON: numbers and booleans as such, everything else as the text that it was read from.
struct JsonForm<'a>(&'a Value<'a>, Option<&'a str>);

impl Serialize for JsonForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(Integer::Small(value)) => serializer.serialize_i64(*value),
            Value::Double(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::XPathExpression(expression) => {
                #[derive(Serialize)]
                #[serde(rename_all = "PascalCase")]
                struct Namespace<'a> {
                    #[serde(skip_serializing_if = "str::is_empty")]
                    prefix: &'a str,
                    namespace: &'a str,
                }
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("XPathCategory", &*expression.category)?;
                let namespaces: Vec<_> = expression
                    .namespaces
                    .iter()
                    .map(|(prefix, namespace)| Namespace { prefix, namespace })
                    .collect();
                if !namespaces.is_empty() {
                    map.serialize_entry("Namespaces", &namespaces)?;
                }
                map.serialize_entry("XPath", &*expression.path)?;
                map.end()
            }
            other => serializer.serialize_str(self.1.unwrap_or(&other.text())),
        }
    }
}

fn text(json: &Json, name: &str) -> Option<String> {
    json.get(name).and_then(Json::as_str).map(str::to_owned)
}

fn list<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    match json.get(name) {
        Some(Json::Array(items)) => items,
        Some(one) if !one.is_null() => std::slice::from_ref(one),
        _ => &[],
    }
}

fn read_result(json: &Json) -> Option<DecisionResult> {
    let code = json
        .pointer("/Status/StatusCode/Value")
        .and_then(Json::as_str);
    let code = match code {
        None => Code::Ok,
        Some(urn) => Code::from_urn(urn)?,
    };
    let mut result = DecisionResult::plain(
        Decision::from_name(json.get("Decision")?.as_str()?)?,
        Status {
            code,
            message: None,
            missing: Vec::new(),
        },
    );
    result.obligations = list(json, "Obligations")
        .iter()
        .map(read_obligation)
        .collect::<Option<_>>()?;
    result.advice = list(json, "AssociatedAdvice")
        .iter()
        .map(read_obligation)
        .collect::<Option<_>>()?;
    for entry in list(json, "Category") {
        let mut category = Category::new(text(entry, "CategoryId")?);
        for attribute in list(entry, "Attribute") {
            let data_type = text(attribute, "DataType");
            let values = list(attribute, "Value")
                .iter()
                .map(|v| read_value(v, data_type.as_deref()))
                .collect::<Option<_>>()?;
            category.attributes.push(Attribute {
                id: text(attribute, "AttributeId")?.into(),
                issuer: text(attribute, "Issuer").map(Into::into),
                include_in_result: true,
                values,
            });
        }
        result.attributes.push(category);
    }
    if let Some(names) = json.get("PolicyIdentifierList") {
        for (member, is_set) in [("PolicyIdReference", false), ("PolicySetIdReference", true)] {
            for name in list(names, member) {
                result.policies.push(PolicyIdentifier {
                    is_set,
                    id: text(name, "Id")?,
                    version: text(name, "Version").unwrap_or_default(),
                });
            }
        }
    }
    Some(result)
}

fn read_obligation(json: &Json) -> Option<Obligation> {
    let assignments = list(json, "AttributeAssignment").iter().map(|a| {
        let data_type = text(a, "DataType");
        Some(Assignment {
            attribute_id: text(a, "AttributeId")?,
            category: text(a, "Category"),
            issuer: text(a, "Issuer"),
            value: read_value(a.get("Value")?, data_type.as_deref())?.value,
        })
    });
    Some(Obligation {
        id: text(json, "Id")?,
        assignments: assignments.collect::<Option<_>>()?,
    })
}

fn read_value(json: &Json, data_type: Option<&str>) -> Option<AttributeValue<'static>> {
    let lexical = match json {
        Json::String(text) => text.clone(),
        Json::Object(_) => text(json, "XPath")?,
        other => other.to_string(),
    };
    let data_type = match data_type {
        Some(name) => DataType::from_name(name)?,
        None if json.is_boolean() => DataType::Boolean,
        None if json.is_i64() || json.is_u64() => DataType::Integer,
        None if json.is_number() => DataType::Double,
        None => DataType::String,
    };
    if data_type == DataType::XPathExpression {
        let category = text(json, "XPathCategory").unwrap_or_default();
        let expression = crate::values::XPathExpression {
            path: lexical.trim().into(),
            category: category.into(),
            namespaces: std::sync::Arc::default(),
        };
        return Some(Value::XPathExpression(std::sync::Arc::new(expression)).into());
    }
    AttributeValue::parse(data_type, lexical.into())
}
