//! The bodies of errors.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A problem with a code. Clients distinguish problems by `code`; the sentences may change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AltinnProblem {
    /// `urn:altinn:error:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:altinn:error:AUTH-00011")]
    pub kind: String,
    /// Fixed text of the code.
    pub title: String,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// The title again, where the installation is set to repeat it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The code, such as `AUTH-00011`.
    #[schema(pattern = "^(AUTH|AMUI|REG|RR)-[0-9]{5}$", example = "AUTH-00011")]
    pub code: String,
    /// W3C trace context of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Standard text of the status.
    pub status_description: String,
    /// Rights that no resource or system has (AUTH-00001).
    #[serde(
        rename = "Invalid Urn Details : ",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalid_urn_details: Option<String>,
    /// Packages that the system does not have (AUTH-00063), separated by commas.
    #[serde(rename = "NotFoundPackages", skip_serializing_if = "Option::is_none")]
    pub not_found_packages: Option<String>,
    /// Packages that do not fit the kind of request (AUTH-00064 and AUTH-00065), separated by
    /// commas.
    #[serde(
        rename = "NotDelegablePackages",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_delegable_packages: Option<String>,
    /// The party that is not known (REG-00003).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_uuid: Option<String>,
    /// Every item that the person may not pass on: JSON in a text, a list of objects with `type`,
    /// `id` and `codes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation_reasons: Option<String>,
}

/// The body does not hold what it must: every finding at once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidationProblem {
    /// `urn:altinn:error:STD-00000`
    #[serde(rename = "type")]
    #[schema(example = "urn:altinn:error:STD-00000")]
    pub kind: String,
    /// Fixed text.
    pub title: String,
    /// 400
    #[schema(minimum = 400, maximum = 499)]
    pub status: u16,
    /// The title again, where the installation is set to repeat it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `STD-00000`
    #[schema(pattern = "^STD-00000$", example = "STD-00000")]
    pub code: String,
    /// W3C trace context of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Standard text of the status.
    pub status_description: String,
    /// The findings.
    pub validation_errors: Vec<CodedValidationError>,
}

/// A finding with a code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodedValidationError {
    /// Such as `AUTH.VLD-00001`.
    #[schema(
        pattern = "^(AUTH|REG|RR|STD)\\.VLD-[0-9]{5}$",
        example = "AUTH.VLD-00001"
    )]
    pub code: String,
    /// Fixed text of the code.
    pub title: String,
    /// The title again, where the installation is set to repeat it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where: fixed texts of the code, no pointers into the body.
    pub paths: Vec<String>,
    /// The value that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Values that are no ids of resources.
    #[serde(
        rename = "Invalid Resource Id Details : ",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalid_resource_ids: Option<String>,
    /// Packages that no vendor may ask for.
    #[serde(
        rename = "Invalid Urn Details : ",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalid_urn_details: Option<String>,
    /// Resources that cannot be passed on.
    #[serde(
        rename = "ResourceIds Not Delegable : ",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_delegable_resources: Option<String>,
    /// Resources that do not exist.
    #[serde(
        rename = "ResourceIds Not Found : ",
        skip_serializing_if = "Option::is_none"
    )]
    pub unknown_resources: Option<String>,
}

/// A body or a parameter that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelStateProblem {
    /// Section of RFC 9110 about the status.
    #[serde(rename = "type")]
    pub kind: String,
    /// Fixed text.
    pub title: String,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 499)]
    pub status: u16,
    /// By parameter, member or JSON path: what is wrong.
    pub errors: BTreeMap<String, Vec<String>>,
    /// W3C trace context of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// A problem without a code: the status says what it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrameworkProblem {
    /// Section of RFC 9110 about the status.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Standard text of the status, or what is missing.
    pub title: String,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// W3C trace context of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}
