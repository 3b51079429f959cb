//! The answer in the JSON profile: every member written, nulls included, in a fixed order.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::DecisionDetails;
use registers::resources::CompiledPolicy;
use xacml::Obligation;

/// Answer to a decision request: one result per decision asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionResponse {
    /// In the order of the references.
    pub response: Vec<DecisionResultJson>,
}

/// The same, with results that occur in several places.
#[derive(Debug, Serialize)]
pub struct RepeatedResults<'r> {
    /// In the order of the references.
    pub response: Vec<&'r DecisionResultJson>,
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DecisionResult)]
pub struct DecisionResultJson {
    /// `Permit`, `Deny`, `NotApplicable` or `Indeterminate`.
    pub decision: &'static str,
    pub status: DecisionStatus,
    #[schema(value_type = Option<Vec<ObligationJson>>)]
    pub obligations: Option<PolicyObligations>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub associate_advice: Option<()>,
    pub category: Option<Vec<CategoryJson>>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub policy_identifier_list: Option<()>,
    /// How it came about, when that was asked for (`?explain=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::bodies::Explanation>)]
    pub explanation: Option<Arc<RawValue>>,
}

/// Status of a result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the profile")]
pub struct DecisionStatus {
    pub status_message: Option<&'static str>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub status_details: Option<()>,
    pub status_code: StatusCodeJson,
}

/// Status code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCodeJson {
    pub value: &'static str,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub status_code: Option<()>,
}

/// The obligations of a policy's Permit: a list of [`ObligationJson`].
#[derive(Debug)]
pub struct PolicyObligations(Arc<CompiledPolicy>);

impl Serialize for PolicyObligations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(serialized) = self.0.serialized_obligations.get() {
            return serialized.serialize(serializer);
        }
        let list: Vec<ObligationJson> = self.0.permit_obligations.iter().map(obligation).collect();
        let serialized =
            serde_json::value::to_raw_value(&list).map_err(serde::ser::Error::custom)?;
        self.0
            .serialized_obligations
            .get_or_init(|| serialized)
            .serialize(serializer)
    }
}

/// What the caller must see to when it acts on a Permit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObligationJson {
    pub id: String,
    pub attribute_assignment: Vec<AssignmentJson>,
}

/// A value of an obligation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentJson {
    pub attribute_id: String,
    pub value: String,
    pub category: String,
    pub data_type: String,
    pub issuer: Option<String>,
}

/// Attributes of one category, echoed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryJson {
    pub category_id: String,
    pub id: Option<String>,
    pub content: Option<String>,
    pub attribute: Vec<AttributeJson>,
}

/// An attribute, echoed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributeJson {
    pub attribute_id: String,
    pub value: String,
    pub issuer: Option<String>,
    pub data_type: String,
    pub include_in_result: bool,
}

impl From<DecisionDetails> for DecisionResultJson {
    fn from(decided: DecisionDetails) -> Self {
        let obligations = decided
            .policy
            .filter(|policy| !policy.permit_obligations.is_empty())
            .map(PolicyObligations);
        let mut categories: Vec<CategoryJson> = Vec::new();
        for echo in decided.echo {
            let data_type = echo.data_type.uri().to_owned();
            let attribute = AttributeJson {
                attribute_id: echo.id,
                value: echo.value,
                issuer: None,
                data_type,
                include_in_result: false,
            };
            match categories
                .iter_mut()
                .find(|c| c.category_id == echo.category)
            {
                Some(category) => category.attribute.push(attribute),
                None => categories.push(CategoryJson {
                    category_id: echo.category,
                    id: None,
                    content: None,
                    attribute: vec![attribute],
                }),
            }
        }
        Self {
            decision: decided.decision.as_str(),
            status: DecisionStatus {
                status_message: decided.message,
                status_details: None,
                status_code: StatusCodeJson {
                    value: decided.status.urn(),
                    status_code: None,
                },
            },
            obligations,
            associate_advice: None,
            category: (!categories.is_empty()).then_some(categories),
            policy_identifier_list: None,
            explanation: decided.explanation,
        }
    }
}

fn obligation(obligation: &Obligation) -> ObligationJson {
    ObligationJson {
        id: obligation.id.clone(),
        attribute_assignment: obligation
            .assignments
            .iter()
            .map(|a| AssignmentJson {
                attribute_id: a.attribute_id.clone(),
                value: a.value.text().into_owned(),
                category: a.category.clone().unwrap_or_default(),
                data_type: a.value.data_type().uri().to_owned(),
                issuer: None,
            })
            .collect(),
    }
}
