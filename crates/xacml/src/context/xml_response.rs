//! Writes and reads responses in XML.

use quick_xml::{
    Writer,
    events::{BytesEnd, BytesStart, BytesText, Event},
};

use super::{
    Assignment, Attribute, Category, Decision, DecisionResult, Obligation, PolicyIdentifier,
    Response, Status, xml_request,
};
use crate::{
    error::{Code, LoadError},
    ids::NAMESPACE,
    limits::Limits,
    values::{Namespaces, Value},
    xml::{self, XmlElement},
};

impl Response {
    /// The response in XML, as UTF-8 without an XML declaration.
    #[must_use]
    pub fn to_xml(&self) -> Vec<u8> {
        let mut out = XmlResponseWriter(Writer::new(Vec::with_capacity(1024)));
        out.element("Response", &[("xmlns", NAMESPACE)], |out| {
            self.results.iter().for_each(|r| out.result(r));
        });
        out.0.into_inner()
    }

    /// Reads a response in XML: decisions, status codes, obligations, advice, attributes and policy
    /// identifiers, within [`Limits::DEFAULT`]. Status messages and details are not read.
    ///
    /// # Errors
    /// The document is not well-formed, is not a response, goes past a limit, or holds a text that is
    /// not a value of its data type.
    pub fn from_xml(xml: &[u8]) -> Result<Self, LoadError> {
        let limits = Limits::DEFAULT;
        let root = xml::read(xml, limits.policy_bytes, &limits)?;
        if &*root.name != "Response" {
            return Err(root.wrong("the document must be a Response of XACML 3.0"));
        }
        let results = root
            .children
            .iter()
            .filter(|c| &*c.name == "Result")
            .map(|r| read_result(r, &limits))
            .collect::<Result<_, _>>()?;
        Ok(Self { results })
    }
}

struct XmlResponseWriter(Writer<Vec<u8>>);

impl XmlResponseWriter {
    // Writing into memory does not fail.
    fn write(&mut self, event: Event<'_>) {
        let _ = self.0.write_event(event);
    }

    fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        content: impl FnOnce(&mut Self),
    ) {
        let mut start = BytesStart::new(name);
        for attribute in attributes {
            start.push_attribute(*attribute);
        }
        self.write(Event::Start(start));
        content(self);
        self.write(Event::End(BytesEnd::new(name)));
    }

    fn text(&mut self, text: &str) {
        self.write(Event::Text(BytesText::new(text)));
    }

    fn result(&mut self, result: &DecisionResult) {
        self.element("Result", &[], |out| {
            out.element("Decision", &[], |out| out.text(result.decision.as_str()));
            out.status(&result.status);
            out.obligations(
                "Obligations",
                "Obligation",
                "ObligationId",
                &result.obligations,
            );
            out.obligations("AssociatedAdvice", "Advice", "AdviceId", &result.advice);
            for category in &result.attributes {
                out.category(category);
            }
            if !result.policies.is_empty() {
                out.element("PolicyIdentifierList", &[], |out| {
                    for policy in &result.policies {
                        let name = if policy.is_set {
                            "PolicySetIdReference"
                        } else {
                            "PolicyIdReference"
                        };
                        out.element(name, &[("Version", &policy.version)], |out| {
                            out.text(&policy.id);
                        });
                    }
                });
            }
        });
    }

    fn status(&mut self, status: &Status) {
        self.element("Status", &[], |out| {
            out.element("StatusCode", &[("Value", status.code.urn())], |_| {});
            if let Some(message) = &status.message {
                out.element("StatusMessage", &[], |out| out.text(message));
            }
            if !status.missing.is_empty() {
                out.element("StatusDetail", &[], |out| {
                    for missing in &status.missing {
                        let mut attributes = vec![
                            ("Category", missing.category.as_str()),
                            ("AttributeId", missing.attribute_id.as_str()),
                            ("DataType", missing.data_type.uri()),
                        ];
                        attributes
                            .extend(missing.issuer.as_deref().map(|issuer| ("Issuer", issuer)));
                        out.element("MissingAttributeDetail", &attributes, |_| {});
                    }
                });
            }
        });
    }

    fn obligations(&mut self, list: &str, name: &str, id: &str, obligations: &[Obligation]) {
        if obligations.is_empty() {
            return;
        }
        self.element(list, &[], |out| {
            for obligation in obligations {
                out.element(name, &[(id, &obligation.id)], |out| {
                    obligation
                        .assignments
                        .iter()
                        .for_each(|a| out.assignment(a));
                });
            }
        });
    }

    fn assignment(&mut self, assignment: &Assignment) {
        let mut attributes = vec![("AttributeId", assignment.attribute_id.as_str())];
        attributes.extend(assignment.category.as_deref().map(|c| ("Category", c)));
        attributes.extend(assignment.issuer.as_deref().map(|i| ("Issuer", i)));
        self.value(
            "AttributeAssignment",
            attributes,
            &assignment.value,
            &assignment.value.text(),
        );
    }

    fn value<'v>(
        &mut self,
        name: &str,
        mut attributes: Vec<(&'v str, &'v str)>,
        value: &'v Value<'_>,
        text: &str,
    ) {
        attributes.push(("DataType", value.data_type().uri()));
        let declared = match value {
            Value::XPathExpression(expression) => {
                attributes.push(("XPathCategory", &expression.category));
                prefixes(&expression.namespaces)
            }
            _ => Vec::new(),
        };
        let attributes: Vec<(&str, &str)> = attributes
            .into_iter()
            .chain(declared.iter().map(|(name, uri)| (name.as_str(), *uri)))
            .collect();
        self.element(name, &attributes, |out| out.text(text));
    }

    fn category(&mut self, category: &Category<'_>) {
        let mut attributes = vec![("Category", &*category.category)];
        attributes.extend(category.id.as_deref().map(|id| ("xml:id", id)));
        self.element("Attributes", &attributes, |out| {
            for attribute in &category.attributes {
                let mut attributes =
                    vec![("AttributeId", &*attribute.id), ("IncludeInResult", "true")];
                attributes.extend(attribute.issuer.as_deref().map(|i| ("Issuer", i)));
                out.element("Attribute", &attributes, |out| {
                    for value in attribute.values.iter() {
                        out.value("AttributeValue", Vec::new(), &value.value, &value.text());
                    }
                });
            }
        });
    }
}

/// Declarations of the namespace prefixes that an XPath may use.
fn prefixes(namespaces: &Namespaces) -> Vec<(String, &str)> {
    namespaces
        .iter()
        .filter(|(prefix, _)| !prefix.is_empty())
        .map(|(prefix, uri)| (format!("xmlns:{prefix}"), &**uri))
        .collect()
}

fn read_result(element: &XmlElement, limits: &Limits) -> Result<DecisionResult, LoadError> {
    let decision = element
        .child("Decision")
        .and_then(|d| Decision::from_name(d.text.trim()))
        .ok_or_else(|| element.wrong("the Decision is missing"))?;
    let code = match element.child("Status").and_then(|s| s.child("StatusCode")) {
        None => Code::Ok,
        Some(code) => {
            let urn = code.required("Value")?;
            Code::from_urn(urn).ok_or_else(|| code.wrong("the status code is unknown"))?
        }
    };
    let mut result = DecisionResult::plain(
        decision,
        Status {
            code,
            message: None,
            missing: Vec::new(),
        },
    );
    for child in &element.children {
        match &*child.name {
            "Obligations" => result.obligations = read_obligations(child, "ObligationId", limits)?,
            "AssociatedAdvice" => result.advice = read_obligations(child, "AdviceId", limits)?,
            "Attributes" => result.attributes.push(read_category(child, limits)?),
            "PolicyIdentifierList" => {
                for name in &child.children {
                    result.policies.push(PolicyIdentifier {
                        is_set: &*name.name == "PolicySetIdReference",
                        id: name.text.trim().to_owned(),
                        version: name.attribute("Version").unwrap_or_default().to_owned(),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(result)
}

fn read_obligations(
    element: &XmlElement,
    id: &str,
    limits: &Limits,
) -> Result<Vec<Obligation>, LoadError> {
    let assignment = |a: &XmlElement| {
        Ok(Assignment {
            attribute_id: a.required("AttributeId")?.to_owned(),
            category: a.attribute("Category").map(str::to_owned),
            issuer: a.attribute("Issuer").map(str::to_owned),
            value: xml_request::attribute_value(a, limits)?.value,
        })
    };
    let obligation = |o: &XmlElement| {
        Ok(Obligation {
            id: o.required(id)?.to_owned(),
            assignments: o
                .children
                .iter()
                .map(assignment)
                .collect::<Result<_, _>>()?,
        })
    };
    element.children.iter().map(obligation).collect()
}

fn read_category(element: &XmlElement, limits: &Limits) -> Result<Category<'static>, LoadError> {
    let mut category = Category::new(element.required("Category")?.to_owned());
    for attribute in element.children.iter().filter(|c| &*c.name == "Attribute") {
        category.attributes.push(Attribute {
            id: attribute.required("AttributeId")?.to_owned().into(),
            issuer: attribute.attribute("Issuer").map(|i| i.to_owned().into()),
            include_in_result: true,
            values: attribute
                .children
                .iter()
                .map(|v| xml_request::attribute_value(v, limits))
                .collect::<Result<_, _>>()?,
        });
    }
    Ok(category)
}
