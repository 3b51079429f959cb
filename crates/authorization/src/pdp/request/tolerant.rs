//! Reading a request in every spelling that clients of the public system use, and saying what is
//! wrong with it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::model::{
    DecisionRequest, LISTS, RawAttribute, RawCategory, RequestFault, RequestValues,
};
use foundation::{
    http::{ApiError, ApiResult, body},
    strict_json::MemberNames,
};

/// An object whose members match without case; null is as good as absent.
struct TolerantObject<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> TolerantObject<'a> {
    fn new(value: &'a Value, path: &str) -> ApiResult<Self> {
        let Value::Object(map) = value else {
            return Err(wrong(path));
        };
        Ok(Self {
            map,
            path: path.to_owned(),
        })
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
            .filter(|v| !v.is_null())
    }

    fn path(&self, name: &str) -> String {
        let spelled = self
            .map
            .keys()
            .find(|k| k.eq_ignore_ascii_case(name))
            .map_or(name, String::as_str);
        format!("{}.{spelled}", self.path)
    }

    fn text(&self, name: &str) -> ApiResult<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(&self.path(name))),
        }
    }

    fn flag(&self, name: &str) -> ApiResult<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(&self.path(name))),
        }
    }

    /// A list; a bare object counts as a list of one.
    fn list(&self, name: &str) -> ApiResult<Vec<(String, &'a Value)>> {
        let path = self.path(name);
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items
                .iter()
                .enumerate()
                .map(|(i, item)| (format!("{path}[{i}]"), item))
                .collect()),
            Some(object @ Value::Object(_)) => Ok(vec![(path, object)]),
            Some(_) => Err(wrong(&path)),
        }
    }
}

fn wrong(path: &str) -> ApiError {
    body::fault(
        "authorizationRequest",
        path,
        "The JSON value could not be converted to the type that belongs here.",
    )
}

/// Reads a request.
///
/// # Errors
/// Model state for JSON that is broken, names a member twice, or has the wrong types.
pub fn read(bytes: &[u8]) -> ApiResult<DecisionRequest<'static>> {
    let parameter = "authorizationRequest";
    let root = body::parse_strictly(bytes, parameter, MemberNames::IgnoringCase)?;
    let root = TolerantObject::new(&root, "$")?;
    let Some(request) = root.get("request") else {
        return Ok(DecisionRequest {
            fault: Some(RequestFault::Syntax("there is no Request")),
            ..DecisionRequest::default()
        });
    };
    let request = TolerantObject::new(request, &root.path("request"))?;
    for name in ["returnpolicyidlist", "combineddecision"] {
        request.flag(name)?;
    }
    let mut out = DecisionRequest::default();
    for (name, category) in LISTS {
        for (path, item) in request.list(name)? {
            out.entries.push(read_entry(item, &path)?.resolve(category));
        }
    }
    if let Some(multi) = request.get("multirequests") {
        let multi = TolerantObject::new(multi, &request.path("multirequests"))?;
        for (path, item) in multi.list("requestreference")? {
            let reference = TolerantObject::new(item, &path)?;
            out.references.push(reference.list_of_texts("referenceid")?);
        }
    }
    Ok(out)
}

impl TolerantObject<'_> {
    fn list_of_texts(&self, name: &str) -> ApiResult<Vec<String>> {
        let path = self.path(name);
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one.clone()]),
            Some(Value::Array(items)) => items
                .iter()
                .map(|i| i.as_str().map(str::to_owned).ok_or_else(|| wrong(&path)))
                .collect(),
            Some(_) => Err(wrong(&path)),
        }
    }
}

fn read_entry(value: &Value, path: &str) -> ApiResult<RawCategory<'static>> {
    let members = TolerantObject::new(value, path)?;
    let text = |name: &str| {
        members
            .text(name)
            .map(|text| text.map(|text| Cow::Owned(text.to_owned())))
    };
    let (category_id, id) = (text("categoryid")?, text("id")?);
    members.text("content")?;
    let is_there = members.get("attribute").is_some();
    let attributes = members
        .list("attribute")?
        .iter()
        .map(|(path, item)| read_attribute(item, path))
        .collect::<ApiResult<Vec<_>>>()?;
    Ok(RawCategory {
        category_id,
        id,
        attributes: is_there.then_some(attributes),
    })
}

fn read_attribute(value: &Value, path: &str) -> ApiResult<RawAttribute<'static>> {
    let members = TolerantObject::new(value, path)?;
    let text = |name: &str| {
        members
            .text(name)
            .map(|text| text.map(|text| Cow::Owned(text.to_owned())))
    };
    let include_in_result = members.flag("includeinresult")?;
    members.text("issuer")?;
    let (id, data_type) = (text("attributeid")?, text("datatype")?);
    let scalar = |value| scalar(value).map(Cow::Owned);
    let values = match members.get("value") {
        None => None,
        Some(Value::Array(items)) => Some(
            items
                .iter()
                .map(scalar)
                .collect::<Option<_>>()
                .map(RequestValues::Several),
        ),
        Some(one) => Some(scalar(one).map(RequestValues::One)),
    };
    let values = values
        .map(|values| values.ok_or_else(|| wrong(&members.path("value"))))
        .transpose()?;
    Ok(RawAttribute {
        id,
        values,
        data_type,
        include_in_result,
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
