//! Reads requests in XML.

use std::{borrow::Cow, sync::Arc};

use super::{Attribute, AttributeValue, Category, Request, Values};
use crate::{
    error::LoadError,
    limits::Limits,
    values::{Content, DataType, Value, XPathExpression, is_space, xpath},
    xml::{self, XmlElement},
};

impl Request<'static> {
    /// Reads a request in XML.
    ///
    /// # Errors
    /// The document is not well-formed, does not follow the schema, goes past a limit, or holds a text
    /// that is not a value of its data type.
    pub fn from_xml(xml: &[u8], limits: &Limits) -> Result<Self, LoadError> {
        let root = xml::read(xml, limits.request_bytes, limits)?;
        if &*root.name != "Request" {
            return Err(root.wrong("the document must be a Request of XACML 3.0"));
        }
        root.only_attributes(&["ReturnPolicyIdList", "CombinedDecision"])?;
        let mut request = Request {
            return_policy_ids: root.boolean("ReturnPolicyIdList")?,
            combined_decision: root.boolean("CombinedDecision")?,
            categories: Vec::new(),
            references: None,
        };
        let mut values = 0;
        for (n, child) in root.children.iter().enumerate() {
            match &*child.name {
                "RequestDefaults" if n == 0 => {}
                "Attributes" if request.references.is_none() => {
                    if request.categories.len() >= limits.request_categories {
                        return Err(child.wrong("the request has too many categories"));
                    }
                    request
                        .categories
                        .push(category(child, limits, &mut values)?);
                }
                "MultiRequests"
                    if request.references.is_none() && !request.categories.is_empty() =>
                {
                    request.references = Some(references(child)?);
                }
                _ => return Err(child.wrong("the element does not belong here")),
            }
        }
        if request.categories.is_empty() {
            return Err(root.wrong("the request has no Attributes"));
        }
        Ok(request)
    }
}

fn identifier<'e>(
    element: &'e XmlElement,
    name: &str,
    limits: &Limits,
) -> Result<&'e str, LoadError> {
    let text = element.required(name)?;
    if text.len() > limits.identifier_bytes {
        Err(element.wrong("an identifier is too long"))
    } else {
        Ok(text)
    }
}

fn category(
    element: &XmlElement,
    limits: &Limits,
    values: &mut usize,
) -> Result<Category<'static>, LoadError> {
    element.only_attributes(&["Category"])?;
    // Both are xs:anyURI: blanks around them are no part of them.
    let mut category = Category::new(identifier(element, "Category", limits)?.trim().to_owned());
    category.id = element
        .attribute("xml:id")
        .map(|id| Cow::Owned(id.to_owned()));
    for (n, child) in element.children.iter().enumerate() {
        match (&*child.name, &child.content) {
            ("Content", Some(xml)) if n == 0 => {
                category.content = Some(Arc::new(
                    Content::parse(xml).map_err(|reason| child.wrong(reason))?,
                ));
            }
            ("Attribute", _) => category.attributes.push(attribute(child, limits, values)?),
            _ => return Err(child.wrong("the element does not belong here")),
        }
    }
    Ok(category)
}

fn attribute(
    element: &XmlElement,
    limits: &Limits,
    count: &mut usize,
) -> Result<Attribute<'static>, LoadError> {
    element.only_attributes(&["AttributeId", "IncludeInResult", "Issuer"])?;
    let id = identifier(element, "AttributeId", limits)?
        .trim()
        .to_owned();
    let include_in_result = element.boolean("IncludeInResult")?;
    let mut values = Vec::new();
    for child in &element.children {
        if &*child.name != "AttributeValue" {
            return Err(child.wrong("only AttributeValue belongs here"));
        }
        *count += 1;
        if *count > limits.request_values {
            return Err(child.wrong("the request has too many values"));
        }
        let value = attribute_value(child, limits)?;
        if let Value::XPathExpression(expression) = &value.value {
            xpath::check(&expression.path, &expression.namespaces)
                .map_err(|reason| child.wrong(reason))?;
        }
        values.push(value);
    }
    if values.is_empty() {
        return Err(element.wrong("an attribute has at least one value"));
    }
    let issuer = element
        .attribute("Issuer")
        .map(|i| Cow::Owned(i.to_owned()));
    Ok(Attribute {
        id: Cow::Owned(id),
        issuer,
        include_in_result,
        values: Values::Many(values),
    })
}

/// A value of a request or a response. An XPath is not checked.
pub(super) fn attribute_value(
    element: &XmlElement,
    limits: &Limits,
) -> Result<AttributeValue<'static>, LoadError> {
    let text = element.deep_text();
    if text.len() > limits.value_bytes {
        return Err(element.wrong("a value is too long"));
    }
    let uri = element.required("DataType")?;
    let data_type = DataType::from_uri(uri)
        .ok_or_else(|| element.wrong(format!("{uri} is not a data type")))?;
    if data_type == DataType::XPathExpression {
        let category = element.required("XPathCategory")?;
        let path = text.trim_matches(is_space);
        let expression = XPathExpression {
            path: path.into(),
            category: category.into(),
            namespaces: element.namespaces.clone(),
        };
        return Ok(AttributeValue {
            value: Value::XPathExpression(Arc::new(expression)),
            lexical: Some(Cow::Owned(text)),
        });
    }
    AttributeValue::parse(data_type, Cow::Owned(text)).ok_or_else(|| {
        element.wrong(format!(
            "the text is not a value of type {}",
            data_type.short_name()
        ))
    })
}

fn references(element: &XmlElement) -> Result<Vec<Vec<Cow<'static, str>>>, LoadError> {
    let one = |reference: &XmlElement| {
        if &*reference.name != "RequestReference" {
            return Err(reference.wrong("only RequestReference belongs here"));
        }
        let id = |r: &XmlElement| {
            if &*r.name == "AttributesReference" {
                r.required("ReferenceId")
                    .map(|id| Cow::Owned(id.to_owned()))
            } else {
                Err(r.wrong("only AttributesReference belongs here"))
            }
        };
        let ids: Vec<_> = reference
            .children
            .iter()
            .map(id)
            .collect::<Result<_, _>>()?;
        if ids.is_empty() {
            Err(reference.wrong("a reference names at least one Attributes"))
        } else {
            Ok(ids)
        }
    };
    let list: Vec<_> = element.children.iter().map(one).collect::<Result<_, _>>()?;
    if list.is_empty() {
        Err(element.wrong("MultiRequests has at least one RequestReference"))
    } else {
        Ok(list)
    }
}
