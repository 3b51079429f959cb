//! Requests and answers in XML. One request has one result.

use std::borrow::Cow;

use super::{
    DecisionDetails, RequestFault,
    budget::MAX_ATTRIBUTES,
    request::{DecisionRequest, RequestAttribute, RequestCategory, RequestValues},
};
use xacml::{AttributeValue, Category, DecisionResult, Limits, Request, Response, Status, Value};

/// Bounds on a request. Its bytes are bounded where it is read, its values where its decisions are
/// counted.
const LIMITS: Limits = {
    let mut limits = Limits::DEFAULT;
    limits.request_bytes = usize::MAX;
    limits.request_values = MAX_ATTRIBUTES + 1;
    limits.request_categories = 1_000;
    limits
};

/// Reads a request. What is no request is a fault of syntax.
pub fn read(bytes: &[u8]) -> DecisionRequest<'static> {
    let faulty = |message| DecisionRequest {
        fault: Some(RequestFault::Syntax(message)),
        ..DecisionRequest::default()
    };
    match Request::from_xml(bytes, &LIMITS) {
        Err(_) => faulty("the document is no XACML 3.0 request"),
        Ok(request) if request.combined_decision => faulty("a combined decision is not offered"),
        Ok(request) => DecisionRequest {
            entries: request.categories.iter().map(entry).collect(),
            ..DecisionRequest::default()
        },
    }
}

fn entry(category: &Category<'_>) -> RequestCategory<'static> {
    let values = category
        .attributes
        .iter()
        .flat_map(|attribute| attribute.values.iter().map(move |value| (attribute, value)));
    let attributes = values.map(|(attribute, value)| RequestAttribute {
        id: Cow::Owned(attribute.id.clone().into_owned()),
        data_type: value.value.data_type(),
        values: RequestValues::One(Cow::Owned(value.text().into_owned())),
        include_in_result: attribute.include_in_result,
    });
    RequestCategory {
        category: Cow::Owned(category.category.clone().into_owned()),
        id: None,
        attributes: attributes.collect(),
        fault: None,
    }
}

/// Writes an answer, with its declaration. Requests in XML ask for one decision.
pub fn write(results: Vec<DecisionDetails>) -> Vec<u8> {
    let mut out = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_vec();
    out.extend(
        Response {
            results: results.into_iter().map(result).collect(),
        }
        .to_xml(),
    );
    out
}

fn result(decided: DecisionDetails) -> DecisionResult {
    let obligations = decided.obligations().to_vec();
    let status = Status {
        code: decided.status,
        message: decided.message.map(str::to_owned),
        missing: Vec::new(),
    };
    let mut attributes: Vec<Category<'static>> = Vec::new();
    for echo in decided.echo {
        let Some(value) = Value::parse(echo.data_type, Cow::Owned(echo.value)) else {
            continue;
        };
        let at = attributes
            .iter()
            .position(|c| c.category == echo.category)
            .unwrap_or_else(|| {
                attributes.push(Category::new(echo.category));
                attributes.len() - 1
            });
        attributes[at].attributes.push(xacml::Attribute {
            id: Cow::Owned(echo.id),
            issuer: None,
            include_in_result: false,
            values: AttributeValue::from(value).into(),
        });
    }
    DecisionResult {
        obligations,
        attributes,
        ..DecisionResult::plain(decided.decision, status)
    }
}
