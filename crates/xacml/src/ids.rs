//! Identifiers of the standard that requests and policies use most: namespaces, categories,
//! attributes and data types (appendix B of the core specification).

/// XML namespace of policies, requests and responses.
pub const NAMESPACE: &str = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17";

/// Category `access-subject`: the entity that wants access.
pub const SUBJECT: &str = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject";
/// Category `recipient-subject`: the entity that receives the result of the access.
pub const RECIPIENT_SUBJECT: &str =
    "urn:oasis:names:tc:xacml:1.0:subject-category:recipient-subject";
/// Category `intermediary-subject`: an entity that passes the access request on.
pub const INTERMEDIARY_SUBJECT: &str =
    "urn:oasis:names:tc:xacml:1.0:subject-category:intermediary-subject";
/// Category `codebase`: the code that makes the access request.
pub const CODEBASE: &str = "urn:oasis:names:tc:xacml:1.0:subject-category:codebase";
/// Category `requesting-machine`: the computer that makes the access request.
pub const REQUESTING_MACHINE: &str =
    "urn:oasis:names:tc:xacml:1.0:subject-category:requesting-machine";
/// Category `resource`: the data, service or component that is accessed.
pub const RESOURCE: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource";
/// Category `action`: the operation on the resource.
pub const ACTION: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:action";
/// Category `environment`: what is independent of subject, resource and action.
pub const ENVIRONMENT: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:environment";

/// Attribute `action-id`: the identifier of the action.
pub const ACTION_ID: &str = "urn:oasis:names:tc:xacml:1.0:action:action-id";
/// Attribute `resource-id`: the identifier of the resource.
pub const RESOURCE_ID: &str = "urn:oasis:names:tc:xacml:1.0:resource:resource-id";
/// Attribute `current-time` of the environment, of data type time.
pub const CURRENT_TIME: &str = "urn:oasis:names:tc:xacml:1.0:environment:current-time";
/// Attribute `current-date` of the environment, of data type date.
pub const CURRENT_DATE: &str = "urn:oasis:names:tc:xacml:1.0:environment:current-date";
/// Attribute `current-dateTime` of the environment, of data type dateTime.
pub const CURRENT_DATE_TIME: &str = "urn:oasis:names:tc:xacml:1.0:environment:current-dateTime";

/// Attribute `content-selector` of the Multiple Decision Profile, which asks for one decision for
/// each node that its XPath selects. Both identifiers are in use.
pub const MULTIPLE_CONTENT_SELECTOR: [&str; 2] = [
    "urn:oasis:names:tc:xacml:3.0:multiple:content-selector",
    "urn:oasis:names:tc:xacml:3.0:profile:multiple:content-selector",
];
/// Attribute `content-selector` of an individual decision: the XPath of the one node that it is
/// about.
pub const CONTENT_SELECTOR: &str = "urn:oasis:names:tc:xacml:3.0:content-selector";
/// Attribute `scope` of a resource: `Immediate`, `Children` or `Descendants` (Multiple Decision
/// Profile).
pub const RESOURCE_SCOPE: &str = "urn:oasis:names:tc:xacml:2.0:resource:scope";

/// Data type string.
pub const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
/// Data type integer.
pub const INTEGER: &str = "http://www.w3.org/2001/XMLSchema#integer";
/// Data type boolean.
pub const BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";
/// Data type double.
pub const DOUBLE: &str = "http://www.w3.org/2001/XMLSchema#double";
/// Data type anyURI.
pub const ANY_URI: &str = "http://www.w3.org/2001/XMLSchema#anyURI";

/// `XPathVersion` of XPath 1.0, the only one that is supported.
pub const XPATH_1: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";
