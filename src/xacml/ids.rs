//! Identifiers of the standard.

/// Namespace of policies, requests and responses.
pub const NAMESPACE: &str = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17";

/// Category of who asks.
pub const SUBJECT: &str = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject";
/// Category of who receives the result.
pub const RECIPIENT_SUBJECT: &str =
    "urn:oasis:names:tc:xacml:1.0:subject-category:recipient-subject";
/// Category of who passes the request on.
pub const INTERMEDIARY_SUBJECT: &str =
    "urn:oasis:names:tc:xacml:1.0:subject-category:intermediary-subject";
/// Category of the code that asks.
pub const CODEBASE: &str = "urn:oasis:names:tc:xacml:1.0:subject-category:codebase";
/// Category of the computer that asks.
pub const REQUESTING_MACHINE: &str =
    "urn:oasis:names:tc:xacml:1.0:subject-category:requesting-machine";
/// Category of what is asked about.
pub const RESOURCE: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource";
/// Category of what would be done.
pub const ACTION: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:action";
/// Category of circumstances.
pub const ENVIRONMENT: &str = "urn:oasis:names:tc:xacml:3.0:attribute-category:environment";

/// Attribute that names the action.
pub const ACTION_ID: &str = "urn:oasis:names:tc:xacml:1.0:action:action-id";
/// Attribute that names the resource.
pub const RESOURCE_ID: &str = "urn:oasis:names:tc:xacml:1.0:resource:resource-id";
/// Attribute of the hour, of data type time.
pub const CURRENT_TIME: &str = "urn:oasis:names:tc:xacml:1.0:environment:current-time";
/// Attribute of the day, of data type date.
pub const CURRENT_DATE: &str = "urn:oasis:names:tc:xacml:1.0:environment:current-date";
/// Attribute of the instant, of data type dateTime.
pub const CURRENT_DATE_TIME: &str = "urn:oasis:names:tc:xacml:1.0:environment:current-dateTime";

/// Attributes that split a category by the nodes of its content; both spellings are in use.
pub const MULTIPLE_CONTENT_SELECTOR: [&str; 2] = [
    "urn:oasis:names:tc:xacml:3.0:multiple:content-selector",
    "urn:oasis:names:tc:xacml:3.0:profile:multiple:content-selector",
];
/// Attribute that names the node of one decision out of those.
pub const CONTENT_SELECTOR: &str = "urn:oasis:names:tc:xacml:3.0:content-selector";
/// Attribute that asks about a resource and what lies below it.
pub const RESOURCE_SCOPE: &str = "urn:oasis:names:tc:xacml:2.0:resource:scope";

/// Data type of text.
pub const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
/// Data type of whole numbers.
pub const INTEGER: &str = "http://www.w3.org/2001/XMLSchema#integer";
/// Data type of truth values.
pub const BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";
/// Data type of floating-point numbers.
pub const DOUBLE: &str = "http://www.w3.org/2001/XMLSchema#double";
/// Data type of URIs.
pub const ANY_URI: &str = "http://www.w3.org/2001/XMLSchema#anyURI";

/// Version of XPath that selectors are written in.
pub const XPATH_1: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";
