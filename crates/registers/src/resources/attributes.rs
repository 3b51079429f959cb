//! Attributes that name a resource in policies and questions.

/// Attribute that names a resource.
pub const RESOURCE_ATTRIBUTE: &str = "urn:altinn:resource";
/// Attributes that name an app in the older way.
pub const ORG_ATTRIBUTE: &str = "urn:altinn:org";
/// See [`ORG_ATTRIBUTE`].
pub const APP_ATTRIBUTE: &str = "urn:altinn:app";
