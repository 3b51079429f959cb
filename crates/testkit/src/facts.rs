//! Decisions, and questions for them.

use serde_json::{Value, json};

use crate::{organizations::Organization, packages::Resource, systems::SystemUser};

/// What the decision point says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "words of XACML")]
pub enum Decision {
    Permit,
    Deny,
    NotApplicable,
    Indeterminate,
}

impl Decision {
    /// Of its word on the wire.
    #[must_use]
    #[track_caller]
    pub fn of(word: &Value) -> Self {
        match word.as_str() {
            Some("Permit") => Self::Permit,
            Some("Deny") => Self::Deny,
            Some("NotApplicable") => Self::NotApplicable,
            Some("Indeterminate") => Self::Indeterminate,
            _ => panic!("no decision: {word}"),
        }
    }
}

/// Body of a decision request, by attributes.
#[must_use]
pub fn decision_request(
    subject: (&str, &str),
    action: &str,
    resource: &str,
    party: (&str, &str),
) -> Value {
    let attribute = |id: &str, value: &str| json!({"AttributeId": id, "Value": value});
    let action = attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", action);
    let resource = attribute("urn:altinn:resource", resource);
    json!({"Request": {
        "AccessSubject": [{"Attribute": [attribute(subject.0, subject.1)]}],
        "Action": [{"Attribute": [action]}],
        "Resource": [{"Attribute": [resource, attribute(party.0, party.1)]}],
    }})
}

/// May a system user do this with a resource, on behalf of an organisation?
#[must_use]
pub fn question(user: &SystemUser, action: &str, resource: Resource, party: Organization) -> Value {
    decision_request(
        ("urn:altinn:systemuser:uuid", &user.id),
        action,
        resource.0,
        ("urn:altinn:organization:identifier-no", party.number),
    )
}
