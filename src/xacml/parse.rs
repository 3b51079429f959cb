//! Reading a policy from XML. Document types are refused, so no entity but XML's own five exists.

use quick_xml::{
    events::{BytesStart, Event},
    name::ResolveResult,
    reader::NsReader,
};

use super::model::{AllOf, AnyOf, Combining, Effect, Match, MatchFunction, Obligation, ObligationAssignment, Policy, Rule};

const NAMESPACE: &str = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17";
const MAX_DEPTH: usize = 64;
const MAX_ELEMENTS: usize = 50_000;

/// Why a policy cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, element {element}: {reason}")]
pub struct PolicyError {
    /// Line in the file, from 1.
    pub line: usize,
    /// Element that is wrong.
    pub element: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An element with its children, already checked for the namespace.
#[derive(Debug, Default)]
struct Element {
    name: String,
    line: usize,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Policy {
    /// Reads a policy document.
    ///
    /// # Errors
    /// Line, element and reason.
    pub fn parse(xml: &[u8]) -> Result<Self, PolicyError> {
        let root = read_tree(xml)?;
        if root.name != "Policy" {
            return Err(root.wrong("the document must be a Policy"));
        }
        let combining = combining(root.required("RuleCombiningAlgId")?);
        let mut policy = Self {
            id: root.required("PolicyId")?.to_owned(),
            version: root.attribute("Version").unwrap_or("1.0").to_owned(),
            combining,
            target: Vec::new(),
            rules: Vec::new(),
            obligations: Vec::new(),
        };
        let mut has_target = false;
        for child in &root.children {
            match child.name.as_str() {
                "Target" => {
                    has_target = true;
                    policy.target = read_target(child)?;
                }
                "Rule" => policy.rules.push(read_rule(child)?),
                "ObligationExpressions" => {
                    policy.obligations = child.children.iter().map(read_obligation).collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        if has_target { Ok(policy) } else { Err(root.wrong("a Policy needs a Target")) }
    }
}

fn combining(id: &str) -> Combining {
    match id.rsplit(':').next().unwrap_or_default() {
        _ if !id.starts_with("urn:oasis:names:tc:xacml:") => Combining::Unsupported,
        "deny-overrides" | "ordered-deny-overrides" => Combining::DenyOverrides,
        "permit-overrides" | "ordered-permit-overrides" => Combining::PermitOverrides,
        "deny-unless-permit" => Combining::DenyUnlessPermit,
        "permit-unless-deny" => Combining::PermitUnlessDeny,
        "first-applicable" => Combining::FirstApplicable,
        _ => Combining::Unsupported,
    }
}

fn read_rule(element: &Element) -> Result<Rule, PolicyError> {
    let effect = match element.required("Effect")? {
        e if e.eq_ignore_ascii_case("permit") => Effect::Permit,
        e if e.eq_ignore_ascii_case("deny") => Effect::Deny,
        _ => return Err(element.wrong("Effect must be Permit or Deny")),
    };
    let target = element.child("Target").map(read_target).transpose()?.unwrap_or_default();
    Ok(Rule { id: element.required("RuleId")?.to_owned(), effect, target, unsupported: element.child("Condition").is_some() })
}

fn read_target(element: &Element) -> Result<Vec<AnyOf>, PolicyError> {
    element.children_named("AnyOf").map(|any| any.children_named("AllOf").map(read_all_of).collect()).collect()
}

fn read_all_of(element: &Element) -> Result<AllOf, PolicyError> {
    element.children_named("Match").map(read_match).collect()
}

fn read_match(element: &Element) -> Result<Match, PolicyError> {
    let value = element.child("AttributeValue").ok_or_else(|| element.wrong("a Match needs an AttributeValue"))?;
    let data_type = value.required("DataType")?.to_owned();
    let function = match element.required("MatchId")? {
        "urn:oasis:names:tc:xacml:1.0:function:string-equal" => MatchFunction::StringEqual,
        "urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case" => MatchFunction::StringEqualIgnoreCase,
        "urn:oasis:names:tc:xacml:1.0:function:anyURI-equal" => MatchFunction::AnyUriEqual,
        "urn:oasis:names:tc:xacml:1.0:function:integer-equal" => MatchFunction::IntegerEqual,
        _ => MatchFunction::Unsupported,
    };
    let Some(designator) = element.child("AttributeDesignator") else {
        // A selector needs the request's content, which is never there.
        return Ok(Match {
            function: MatchFunction::Unsupported,
            value: value.text.clone(),
            data_type,
            category: String::new(),
            attribute_id: String::new(),
            must_be_present: true,
        });
    };
    let function = if designator.required("DataType")? == data_type { function } else { MatchFunction::Unsupported };
    Ok(Match {
        function,
        value: value.text.clone(),
        data_type,
        category: designator.required("Category")?.to_owned(),
        attribute_id: designator.required("AttributeId")?.to_owned(),
        must_be_present: matches!(designator.required("MustBePresent")?, "true" | "1"),
    })
}

fn read_obligation(element: &Element) -> Result<Obligation, PolicyError> {
    let assignment = |a: &Element| {
        let value = a.child("AttributeValue").ok_or_else(|| a.wrong("only literal values are supported"))?;
        Ok(ObligationAssignment {
            attribute_id: a.required("AttributeId")?.to_owned(),
            category: a.attribute("Category").unwrap_or_default().to_owned(),
            data_type: value.required("DataType")?.to_owned(),
            value: value.text.trim().to_owned(),
        })
    };
    Ok(Obligation {
        id: element.required("ObligationId")?.to_owned(),
        fulfill_on: if element.required("FulfillOn")?.eq_ignore_ascii_case("deny") { Effect::Deny } else { Effect::Permit },
        assignments: element.children_named("AttributeAssignmentExpression").map(assignment).collect::<Result<_, _>>()?,
    })
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn required(&self, name: &str) -> Result<&str, PolicyError> {
        self.attribute(name).ok_or_else(|| self.wrong(&format!("attribute {name} is missing")))
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    fn wrong(&self, reason: &str) -> PolicyError {
        PolicyError { line: self.line, element: self.name.clone(), reason: reason.to_owned() }
    }
}

fn read_tree(xml: &[u8]) -> Result<Element, PolicyError> {
    let text = std::str::from_utf8(xml).map_err(|_| error(xml, 0, "document", "the file is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = NsReader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = true;
    let mut stack: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0_usize;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let here = |reason: &str, stack: &[Element]| error(text.as_bytes(), at, stack.last().map_or("document", |e| e.name.as_str()), reason);
        match reader.read_resolved_event() {
            Err(e) => return Err(here(&e.to_string(), &stack)),
            Ok((_, Event::DocType(_))) => return Err(here("a document type is not allowed", &stack)),
            Ok((namespace, Event::Start(start))) => {
                elements += 1;
                if elements > MAX_ELEMENTS || stack.len() >= MAX_DEPTH {
                    return Err(here("the policy is too large or nested too deeply", &stack));
                }
                if root.is_some() {
                    return Err(here("there is more than one root element", &stack));
                }
                let local = start.local_name().as_ref().to_owned();
                if !matches!(namespace, ResolveResult::Bound(n) if n.as_ref() == NAMESPACE) {
                    return Err(here(&format!("element {local} is not in the XACML 3.0 namespace"), &stack));
                }
                let attributes = attributes(&start).map_err(|reason| here(&reason, &stack))?;
                stack.push(Element { name: local, line: line_of(text.as_bytes(), at), attributes, ..Element::default() });
            }
            Ok((_, Event::End(_))) => {
                let Some(done) = stack.pop() else { return Err(here("an end without a start", &stack)) };
                match stack.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => root = Some(done),
                }
            }
            Ok((_, Event::Text(content))) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&content);
                }
            }
            Ok((_, Event::GeneralRef(reference))) => {
                let resolved = reference.resolve_char_ref().map_err(|e| here(&e.to_string(), &stack))?;
                let piece = match (resolved, &*reference) {
                    (Some(c), _) => c,
                    (None, "amp") => '&',
                    (None, "lt") => '<',
                    (None, "gt") => '>',
                    (None, "quot") => '"',
                    (None, "apos") => '\'',
                    _ => return Err(here("an entity that XML does not define", &stack)),
                };
                if let Some(top) = stack.last_mut() {
                    top.text.push(piece);
                }
            }
            Ok((_, Event::CData(content))) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&content);
                }
            }
            Ok((_, Event::Eof)) => break,
            Ok(_) => {}
        }
    }
    root.ok_or_else(|| error(text.as_bytes(), text.len(), "document", "there is no root element, or it does not end"))
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    let mut out = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let name = attribute.key.local_name().as_ref().to_owned();
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|e| e.to_string())?.into_owned();
        out.push((name, value));
    }
    Ok(out)
}

fn line_of(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|b| **b == b'\n').count() + 1
}

fn error(text: &[u8], at: usize, element: &str, reason: &str) -> PolicyError {
    PolicyError { line: line_of(text, at), element: element.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xacml::{Attributes, Decision, ids};

    fn policy(name: &str) -> Policy {
        let path = format!("{}/data/universe/policies/{name}.xml", env!("CARGO_MANIFEST_DIR"));
        Policy::parse(&std::fs::read(path).unwrap()).unwrap()
    }

    fn request(subject: &[(&str, &str)], resource: &str, action: &str) -> Attributes {
        let mut attributes = Attributes::default();
        for (id, value) in subject {
            attributes.add(ids::SUBJECT, id, ids::STRING, *value);
        }
        attributes.add(ids::RESOURCE, "urn:altinn:resource", ids::STRING, resource);
        attributes.add(ids::ACTION, ids::ACTION_ID, ids::STRING, action);
        attributes
    }

    #[test]
    fn every_shipped_policy_is_read() {
        for dir in ["data/universe/policies", "data/system-resources/policies"] {
            for entry in std::fs::read_dir(format!("{}/{dir}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
                let path = entry.unwrap().path();
                let policy = Policy::parse(&std::fs::read(&path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                assert!(!policy.rules.is_empty());
            }
        }
    }

    #[test]
    fn two_matches_in_one_alternative_must_both_hold() {
        let policy = policy("tollkreditt");
        let package = "urn:altinn:accesspackage";
        let both = request(&[(package, "toll"), (package, "Kreditt-og-oppgjoer")], "tollkreditt", "read");
        let one = request(&[(package, "toll")], "tollkreditt", "read");
        assert_eq!(policy.evaluate(&both).decision, Decision::Permit);
        assert_eq!(policy.evaluate(&both).obligations[0].assignments[0].value, "3");
        assert_eq!(policy.evaluate(&one).decision, Decision::NotApplicable);
    }

    #[test]
    fn document_types_are_refused_with_their_line() {
        let error = Policy::parse(b"<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"b\">]>\n<x/>").unwrap_err();
        assert_eq!((error.line, error.reason.as_str()), (2, "a document type is not allowed"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Policy::parse(&bytes);
        }

        #[test]
        fn taking_a_subject_away_never_gives_more(count in 0_usize..3) {
            let package = "urn:altinn:accesspackage";
            let all = [(package, "toll"), (package, "kreditt-og-oppgjoer")];
            let full = policy("tollkreditt").evaluate(&request(&all, "tollkreditt", "read")).decision;
            let less = policy("tollkreditt").evaluate(&request(&all[..count.min(2)], "tollkreditt", "read")).decision;
            proptest::prop_assert!(full == Decision::Permit || less != Decision::Permit);
        }
    }
}
