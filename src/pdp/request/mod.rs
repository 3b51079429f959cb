//! Reading a decision request in the JSON profile, in every spelling that clients of the public
//! system use.

mod quick;

use std::{borrow::Cow, ops::Deref};

use serde_json::{Map, Value};

use crate::{
    http::{ApiError, ApiResult, body},
    xacml::{DataType, ids},
};

/// What is wrong with a request whose HTTP is fine. The two classes differ in the status code they
/// lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The caller asks something that cannot be processed.
    Processing(&'static str),
    /// The caller's request is not well formed.
    Syntax(&'static str),
}

/// A whole request.
#[derive(Debug, Default, PartialEq)]
pub struct DecisionRequest<'a> {
    /// Every category entry, in request order: subjects, actions, resources, others.
    pub entries: Vec<Entry<'a>>,
    /// For each decision wanted, the ids of the entries it is about. Empty: one decision about all
    /// entries.
    pub references: Vec<Vec<String>>,
    /// A fault of the whole.
    pub fault: Option<Fault>,
}

/// One category entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// Category URI.
    pub category: Cow<'a, str>,
    /// Id for references.
    pub id: Option<Cow<'a, str>>,
    /// Attributes.
    pub attributes: Vec<Attribute<'a>>,
    /// A fault of this entry.
    pub fault: Option<Fault>,
}

/// Values of an attribute: nearly always one.
#[derive(Debug, Clone, PartialEq)]
pub enum Values<'a> {
    One(Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

impl Values<'_> {
    fn append(&mut self, more: Self) {
        let of = |values: Self| match values {
            Self::One(value) => vec![value],
            Self::Several(values) => values,
        };
        let mut all = of(std::mem::replace(self, Self::Several(Vec::new())));
        all.extend(of(more));
        *self = Self::Several(all);
    }
}

impl<'a> Deref for Values<'a> {
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
pub struct Attribute<'a> {
    pub id: Cow<'a, str>,
    pub data_type: DataType,
    pub values: Values<'a>,
    pub include_in_result: bool,
}

/// An entry as it was written.
struct RawEntry<'a> {
    category_id: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    /// None: the member is missing.
    attributes: Option<Vec<RawAttribute<'a>>>,
}

/// An attribute as it was written.
struct RawAttribute<'a> {
    id: Option<Cow<'a, str>>,
    values: Option<Values<'a>>,
    data_type: Option<Cow<'a, str>>,
    include_in_result: bool,
}

impl<'a> RawEntry<'a> {
    /// What it means, in a list that stands for a category, if it does.
    fn resolve(self, implied: Option<&'static str>) -> Entry<'a> {
        let mut fault = None;
        let category = match (self.category_id.filter(|c| !c.is_empty()), implied) {
            (Some(own), _) => {
                if !is_absolute_uri(&own) {
                    fault = Some(Fault::Syntax("a CategoryId is not an absolute URI"));
                }
                own
            }
            (None, Some(implied)) => Cow::Borrowed(implied),
            (None, None) => {
                fault = Some(Fault::Processing("an entry of Category has no CategoryId"));
                Cow::Borrowed("")
            }
        };
        if self.attributes.is_none() {
            fault = fault.or(Some(Fault::Syntax("a category has no Attribute")));
        }
        let written = self.attributes.unwrap_or_default();
        let mut attributes: Vec<Attribute<'a>> = Vec::with_capacity(written.len());
        for raw in written {
            match raw.resolve() {
                Ok(attribute) => match attributes
                    .iter_mut()
                    .find(|a| a.id == attribute.id && a.data_type == attribute.data_type)
                {
                    // One attribute may be given in several entries: it has several values then.
                    Some(known) => known.values.append(attribute.values),
                    None => attributes.push(attribute),
                },
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        Entry {
            category,
            id: self.id,
            attributes,
            fault,
        }
    }
}

impl<'a> RawAttribute<'a> {
    fn resolve(self) -> Result<Attribute<'a>, Fault> {
        let data_type = data_type(self.data_type.as_deref().unwrap_or_default())
            .ok_or(Fault::Processing("an attribute has an unknown DataType"))?;
        let values = self
            .values
            .ok_or(Fault::Processing("an attribute has no Value"))?;
        let id = self
            .id
            .ok_or(Fault::Processing("an attribute has no AttributeId"))?;
        if !is_absolute_uri(&id) {
            return Err(Fault::Syntax("an AttributeId is not an absolute URI"));
        }
        Ok(Attribute {
            id,
            data_type,
            values,
            include_in_result: self.include_in_result,
        })
    }
}

const MAX_ATTRIBUTES: usize = 10_000;

/// Category lists by member name, with the category they stand for.
const LISTS: [(&str, Option<&'static str>); 8] = [
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

/// An object whose members match without case; null is as good as absent.
struct Members<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Members<'a> {
    fn new(value: &'a Value, path: &str) -> ApiResult<Self> {
        let Value::Object(map) = value else {
            return Err(wrong(path));
        };
        let mut names: Vec<String> = map.keys().map(|k| k.to_ascii_lowercase()).collect();
        names.sort_unstable();
        if names.windows(2).any(|w| w[0] == w[1]) {
            return Err(wrong(path));
        }
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
pub fn read(bytes: &[u8]) -> ApiResult<DecisionRequest<'_>> {
    quick::read(bytes).map_or_else(|| read_tolerantly(bytes), Ok)
}

fn read_tolerantly(bytes: &[u8]) -> ApiResult<DecisionRequest<'static>> {
    let parameter = "authorizationRequest";
    let root = body::parse(bytes, parameter)?;
    // The tolerant parser lets the last duplicate win; here a duplicate is a fault.
    if crate::http::strict_json::object(bytes).is_none() {
        return Err(wrong("$"));
    }
    let root = Members::new(&root, "$")?;
    let Some(request) = root.get("request") else {
        return Ok(DecisionRequest {
            fault: Some(Fault::Syntax("there is no Request")),
            ..DecisionRequest::default()
        });
    };
    let request = Members::new(request, &root.path("request"))?;
    for name in ["returnpolicyidlist", "combineddecision"] {
        request.flag(name)?;
    }
    let mut out = DecisionRequest::default();
    let mut attributes = 0;
    for (name, category) in LISTS {
        for (path, item) in request.list(name)? {
            let entry = read_entry(item, &path)?.resolve(category);
            attributes += entry
                .attributes
                .iter()
                .map(|a| a.values.len())
                .sum::<usize>();
            out.entries.push(entry);
        }
    }
    if attributes > MAX_ATTRIBUTES {
        return Err(wrong(&root.path("request")));
    }
    if let Some(multi) = request.get("multirequests") {
        let multi = Members::new(multi, &request.path("multirequests"))?;
        for (path, item) in multi.list("requestreference")? {
            let reference = Members::new(item, &path)?;
            out.references.push(reference.list_of_texts("referenceid")?);
        }
    }
    Ok(out)
}

impl Members<'_> {
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

fn read_entry(value: &Value, path: &str) -> ApiResult<RawEntry<'static>> {
    let members = Members::new(value, path)?;
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
    Ok(RawEntry {
        category_id,
        id,
        attributes: is_there.then_some(attributes),
    })
}

fn read_attribute(value: &Value, path: &str) -> ApiResult<RawAttribute<'static>> {
    let members = Members::new(value, path)?;
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
                .map(Values::Several),
        ),
        Some(one) => Some(scalar(one).map(Values::One)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_two_generations_read_alike() {
        let documented = br#"{"Request":{"AccessSubject":[{"Attribute":[{"AttributeId":"urn:a","Value":"1"}]}],"Action":[],"Resource":[]}}"#;
        let library = br#"{"request":{"returnPolicyIdList":false,"multiRequests":null,"accessSubject":[{"id":null,"attribute":[
            {"attributeId":"urn:a","value":"1","dataType":"string","issuer":"Altinn","includeInResult":false}]}],"category":[]}}"#;
        for bytes in [documented.as_slice(), library.as_slice()] {
            let request = read(bytes).unwrap();
            assert_eq!(request.entries.len(), 1);
            assert_eq!(*request.entries[0].attributes[0].values, ["1"]);
            assert!(request.fault.is_none() && request.entries[0].fault.is_none());
        }
    }

    #[test]
    fn a_member_twice_is_broken_json() {
        for bytes in [
            r#"{"Request":{},"request":{}}"#,
            r#"{"Request":{"Action":[],"Action":[]}}"#,
        ] {
            assert!(matches!(
                read(bytes.as_bytes()),
                Err(ApiError::ModelState(_))
            ));
        }
    }

    #[test]
    fn values_may_be_scalars_or_lists_of_them() {
        let bytes = br#"{"Request":{"Resource":{"Attribute":{"AttributeId":"urn:a","Value":[1,true,"x"]}}}}"#;
        assert_eq!(
            *read(bytes).unwrap().entries[0].attributes[0].values,
            ["1", "true", "x"]
        );
    }

    #[test]
    fn an_attribute_given_twice_has_the_place_and_the_flag_of_the_first() {
        let attribute = |id: &str, value: &str, echoed: bool| {
            format!(r#"{{"AttributeId":"{id}","Value":"{value}","IncludeInResult":{echoed}}}"#)
        };
        let list = [
            attribute("urn:a", "1", true),
            attribute("urn:b", "2", false),
            attribute("urn:a", "3", false),
        ]
        .join(",");
        let text = format!(r#"{{"Request":{{"Resource":[{{"Attribute":[{list}]}}]}}}}"#);
        for request in [
            quick::read(text.as_bytes()).unwrap(),
            read_tolerantly(text.as_bytes()).unwrap(),
        ] {
            let [a, b] = request.entries[0].attributes.as_slice() else {
                panic!("{request:?}")
            };
            assert_eq!(
                (&*a.id, &*a.values, a.include_in_result),
                ("urn:a", ["1".into(), "3".into()].as_slice(), true)
            );
            assert_eq!(
                (&*b.id, &*b.values, b.include_in_result),
                ("urn:b", ["2".into()].as_slice(), false)
            );
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let fault = |json: &str| {
            read(format!("{{\"Request\":{{\"Category\":[{json}]}}}}").as_bytes())
                .unwrap()
                .entries[0]
                .fault
                .clone()
                .unwrap()
        };
        assert!(matches!(fault(r#"{"Attribute":[]}"#), Fault::Processing(_)));
        assert!(matches!(
            fault(r#"{"CategoryId":"x","Attribute":[]}"#),
            Fault::Syntax(_)
        ));
        assert!(matches!(
            fault(r#"{"CategoryId":"urn:x","Attribute":[{"AttributeId":"urn:a","Value":null}]}"#),
            Fault::Processing(_)
        ));
        assert!(matches!(
            fault(
                r#"{"CategoryId":"urn:x","Attribute":[{"AttributeId":"urn:a","Value":"1","DataType":"nope"}]}"#
            ),
            Fault::Processing(_)
        ));
        assert!(matches!(
            fault(r#"{"CategoryId":"urn:x","Attribute":[{"AttributeId":"a","Value":"1"}]}"#),
            Fault::Syntax(_)
        ));
    }

    #[test]
    fn what_is_read_quickly_is_read_as_by_the_tolerant_reader() {
        for bytes in [
            r#"{"Request":{"AccessSubject":[{"Attribute":[{"AttributeId":"urn:a","Value":"1"},{"AttributeId":"urn:a","Value":"2","DataType":"string"}]}],"Action":[],"Resource":[]}}"#,
            r#"{"request":{"returnPolicyIdList":false,"combinedDecision":true,"xPathVersion":null,"multiRequests":{"requestReference":[{"referenceId":["a","b"]},{}]},"accessSubject":[{"id":"a","content":null,"attribute":[{"attributeId":"urn:\u0061","value":"\"","dataType":"integer","issuer":"Altinn","includeInResult":true}]}],"category":[{"categoryId":"urn:c","attribute":null},{"attribute":[]}]}}"#,
            r#"{"Request":{"Resource":[{"Attribute":[{"AttributeId":"nope","Value":"x"},{"Value":"x"},{"AttributeId":"urn:a"},{"AttributeId":"urn:a","Value":"x","DataType":"odd"}]}],"Environment":[{"CategoryId":"","Attribute":[]}]}}"#,
        ] {
            let quick = quick::read(bytes.as_bytes()).unwrap_or_else(|| panic!("{bytes}"));
            assert_eq!(quick, read_tolerantly(bytes.as_bytes()).unwrap());
        }
        for unusual in [
            r#"{"REQUEST":{}}"#,
            "[{}]",
            r#"{"Request":[]}"#,
            r#"{"Request":{"Resource":[[]]}}"#,
            r#"{"Request":{},"request":{}}"#,
            r#"{"Request":{"Resource":{}}}"#,
            r#"{"Request":{"Odd":1}}"#,
            r#"{"Request":{"Resource":[{"Attribute":[{"Value":1}]}]}}"#,
        ] {
            assert!(quick::read(unusual.as_bytes()).is_none(), "{unusual}");
        }
    }

    proptest::proptest! {
        #[test]
        fn both_readers_agree(id in "(urn:)?[a-c\"\\\\é\u{0}]{0,4}", value in ".{0,6}", kind in "(string|integer|x|)", twice in proptest::bool::ANY) {
            let attribute = serde_json::json!({"AttributeId": id, "Value": value, "DataType": kind});
            let list = if twice { vec![attribute.clone(), attribute] } else { vec![attribute] };
            let text = serde_json::json!({"Request": {"Resource": [{"Id": value, "Attribute": list}]}}).to_string();
            if let Some(quick) = quick::read(text.as_bytes()) {
                assert_eq!(quick, read_tolerantly(text.as_bytes()).unwrap());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read(&bytes);
        }
    }
}
