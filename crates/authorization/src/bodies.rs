//! The shapes of bodies, for the description. Requests for decisions are read by readers of their
//! own, since faults in them are decisions too; tests hold each shape against what is read and
//! answered.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, SchemaType, Type},
    },
};
use uuid::Uuid;

/// A XACML 3.0 request in the JSON profile.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({"Request": {
    "AccessSubject": [{"Attribute": [{"AttributeId": "urn:altinn:systemuser:uuid", "Value": "3f794e70-3593-53d5-8174-1a3371cf43dc"}]}],
    "Action": [{"Attribute": [{"AttributeId": "urn:oasis:names:tc:xacml:1.0:action:action-id", "Value": "write"}]}],
    "Resource": [{"Attribute": [
        {"AttributeId": "urn:altinn:resource", "Value": "a-melding"},
        {"AttributeId": "urn:altinn:organization:identifier-no", "Value": "390367767"}]}]
}}))]
pub struct XacmlRequestBody {
    /// The request.
    pub request: XacmlRequest,
}

/// What is asked: the attributes of a subject, an action and a resource.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct XacmlRequest {
    /// Who wants to act.
    #[serde(default)]
    pub access_subject: Vec<XacmlCategory>,
    /// What it wants to do.
    #[serde(default)]
    pub action: Vec<XacmlCategory>,
    /// With what, and for which party.
    #[serde(default)]
    pub resource: Vec<XacmlCategory>,
    /// Attributes of other categories, named by `CategoryId`.
    #[serde(default)]
    pub category: Vec<XacmlCategory>,
    /// Several decisions in one call.
    pub multi_requests: Option<XacmlMultiRequests>,
    /// Not looked at.
    pub return_policy_id_list: Option<bool>,
    /// Not looked at.
    pub combined_decision: Option<bool>,
    /// Not looked at.
    #[serde(rename = "XPathVersion")]
    pub x_path_version: Option<String>,
}

/// Attributes of one category.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct XacmlCategory {
    /// URI of the category, in the list `Category`.
    pub category_id: Option<String>,
    /// Name for references.
    pub id: Option<String>,
    /// Not looked at.
    pub content: Option<String>,
    /// The attributes.
    pub attribute: Vec<XacmlAttribute>,
}

/// An attribute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct XacmlAttribute {
    /// Its id.
    pub attribute_id: String,
    /// Its value, or a list of them.
    pub value: XacmlValue,
    /// URI of the data type; a string when left out.
    pub data_type: Option<String>,
    /// Not looked at.
    pub issuer: Option<String>,
    /// Whether the answer repeats it.
    pub include_in_result: Option<bool>,
}

/// A value of an attribute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum XacmlValue {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(Vec<String>),
}

/// The decisions wanted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct XacmlMultiRequests {
    /// One for each decision.
    pub request_reference: Vec<XacmlRequestReference>,
}

/// What one decision is about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct XacmlRequestReference {
    /// `Id` of the categories that it is about.
    pub reference_id: Vec<String>,
}

/// A refusal by subscription key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionKeyRefusal {
    /// 401
    pub status_code: u16,
    /// In words.
    pub message: String,
}

/// A token of a system user, and what shall be done with it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL21hc2tpbnBvcnRlbi5ubyJ9.c2lnbmF0dXJl",
    "requiredScopes": ["skatt:amelding"],
    "checks": [{"id": "1", "resource": "a-melding", "action": "write"}]
}))]
pub struct TokenCheckBody {
    /// The token, as it was received.
    pub token: String,
    /// Scopes that it must have.
    pub required_scopes: Option<Vec<String>>,
    /// `aud` that it must have.
    pub audience: Option<String>,
    /// What the system user shall be able to do; at least one.
    #[schema(min_items = 1)]
    pub checks: Vec<TokenCheck>,
}

/// Something that a system user shall be able to do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenCheck {
    /// Comes back in the result.
    pub id: Option<String>,
    /// Identifier of the resource.
    pub resource: String,
    /// Action.
    pub action: String,
    /// The party, as a URN or an organisation number; the system user's owner when left out.
    pub party: Option<String>,
    /// An instance.
    pub instance: Option<String>,
    /// A task of a process.
    pub task: Option<String>,
}

/// Whose authorized parties are wanted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"type": "urn:altinn:person:identifier-no", "value": "11859024884"}))]
pub struct AuthorizedPartiesBody {
    /// Kind of identifier: such as `urn:altinn:person:identifier-no`,
    /// `urn:altinn:organization:identifier-no`, `urn:altinn:systemuser:uuid`,
    /// `urn:altinn:party:uuid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The identifier.
    pub value: String,
    /// Only these parties.
    pub party_filter: Option<Vec<PartyName>>,
}

/// A party by one of its identifiers.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyName {
    /// Kind of identifier.
    #[serde(rename = "type")]
    pub kind: String,
    /// The identifier.
    pub value: String,
}

/// Whether parties are listed that are reached in some way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReachInclusion {
    /// They are.
    True,
    /// They are not.
    False,
    /// As `true`.
    Auto,
}

/// A value of a property.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PropertyValue {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(Vec<String>),
}

/// A subject (`AuthZEN`).
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenSubject {
    /// `systemuser`, `person`, `organization` or `service_owner`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Uuid of a system user, identity number, organisation number, or code of a service owner.
    pub id: String,
    /// Of a system user: `system_id` and `owner` that it must have.
    pub properties: Option<BTreeMap<String, PropertyValue>>,
}

/// A subject that is looked for: any id of the kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenSearchedEntity {
    /// Kind of what is looked for.
    #[serde(rename = "type")]
    pub kind: String,
    /// Not looked at.
    pub id: Option<String>,
    /// As of an entity of the kind.
    pub properties: Option<BTreeMap<String, PropertyValue>>,
}

/// An action (`AuthZEN`).
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenAction {
    /// As the policy names it.
    pub name: String,
    /// Attributes by URN.
    pub properties: Option<BTreeMap<String, PropertyValue>>,
}

/// A resource (`AuthZEN`).
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenResource {
    /// `resource`: an entry of the resource registry. `party`: a party, with the entry in
    /// `properties.resource`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier of the resource, or organisation number or URN of the party.
    pub id: String,
    /// Of a resource: the party, as `organization`, `person`, `party_id` or `party_uuid`; `instance_id`
    /// and `task`; attributes by URN.
    pub properties: Option<BTreeMap<String, PropertyValue>>,
}

/// A question (`AuthZEN` Access Evaluation).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "systemuser", "id": "3f794e70-3593-53d5-8174-1a3371cf43dc"},
    "action": {"name": "write"},
    "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": "390367767"}}
}))]
pub struct EvaluationBody {
    /// Who wants to act.
    pub subject: AuthzenSubject,
    /// What it wants to do.
    pub action: AuthzenAction,
    /// With what.
    pub resource: AuthzenResource,
    /// `access_token`: the token of the system user, which is verified. `explain`: `true` for the
    /// explanation of the decision. Else attributes of the environment.
    pub context: Option<BTreeMap<String, PropertyValue>>,
}

/// Several questions. Members outside the list are defaults of those in it; without a list it is a
/// single question.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "systemuser", "id": "3f794e70-3593-53d5-8174-1a3371cf43dc"},
    "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": "390367767"}},
    "evaluations": [{"action": {"name": "read"}}, {"action": {"name": "write"}}]
}))]
pub struct EvaluationsBody {
    /// Who wants to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AuthzenSubject>,
    /// What it wants to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<AuthzenAction>,
    /// With what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<AuthzenResource>,
    /// As of a single question.
    pub context: Option<BTreeMap<String, PropertyValue>>,
    /// The questions.
    #[serde(default)]
    pub evaluations: Vec<EvaluationItem>,
    /// How the list is worked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<EvaluationOptions>,
}

/// A question of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationItem {
    /// Who wants to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AuthzenSubject>,
    /// What it wants to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<AuthzenAction>,
    /// With what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<AuthzenResource>,
    /// As of a single question.
    pub context: Option<BTreeMap<String, PropertyValue>>,
}

/// Options of a list of questions.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationOptions {
    /// `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
    pub evaluations_semantic: Option<String>,
}

/// A search for subjects (`AuthZEN` Subject Search).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "systemuser"},
    "action": {"name": "write"},
    "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": "390367767"}}
}))]
pub struct SubjectSearchBody {
    /// Kind of subject that is looked for.
    pub subject: AuthzenSearchedEntity,
    /// What it wants to do.
    pub action: AuthzenAction,
    /// With what.
    pub resource: AuthzenResource,
    /// As of a question.
    pub context: Option<BTreeMap<String, PropertyValue>>,
    /// Which page.
    pub page: Option<SearchPage>,
}

/// A search for resources (`AuthZEN` Resource Search).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "systemuser", "id": "3f794e70-3593-53d5-8174-1a3371cf43dc"},
    "action": {"name": "write"},
    "resource": {"type": "resource", "properties": {"organization": "390367767"}}
}))]
pub struct ResourceSearchBody {
    /// Who wants to act.
    pub subject: AuthzenSubject,
    /// What it wants to do.
    pub action: AuthzenAction,
    /// Kind of resource that is looked for.
    pub resource: AuthzenSearchedEntity,
    /// As of a question.
    pub context: Option<BTreeMap<String, PropertyValue>>,
    /// Which page.
    pub page: Option<SearchPage>,
}

/// A search for actions (`AuthZEN` Action Search).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "systemuser", "id": "3f794e70-3593-53d5-8174-1a3371cf43dc"},
    "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": "390367767"}}
}))]
pub struct ActionSearchBody {
    /// Who wants to act.
    pub subject: AuthzenSubject,
    /// With what.
    pub resource: AuthzenResource,
    /// As of a question.
    pub context: Option<BTreeMap<String, PropertyValue>>,
    /// Which page.
    pub page: Option<SearchPage>,
}

/// The page of a search that is wanted.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchPage {
    /// `next_token` of the page before.
    pub token: Option<String>,
    /// Greatest number of hits of a page, up to 1,000; 100 when left out.
    #[schema(minimum = 1)]
    pub limit: Option<u32>,
}

/// The page that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundPage {
    /// For the next page; empty on the last one.
    pub next_token: String,
    /// Hits on this page.
    pub count: Option<u32>,
    /// Hits in all, where they were counted.
    pub total: Option<u32>,
}

/// Hits of a search for subjects or resources.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundEntities {
    /// Where there is more, or a page was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<FoundPage>,
    /// The hits.
    pub results: Vec<FoundEntity>,
}

/// A hit.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundEntity {
    /// As asked.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// Hits of a search for actions.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundActions {
    /// Where there is more, or a page was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<FoundPage>,
    /// The hits.
    pub results: Vec<FoundAction>,
}

/// An action that is permitted.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundAction {
    /// As the policy names it.
    pub name: String,
}

/// The answer to a question.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationAnswer {
    /// Permitted, and the level of the login suffices.
    pub decision: bool,
    /// Why.
    pub context: EvaluationContext,
}

/// Why a question was answered so.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationContext {
    /// As a fixed word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the decision point said, when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xacml: Option<XacmlVerdict>,
    /// Level of login that the policy asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_authentication_level: Option<u8>,
    /// What gave the access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<String>,
    /// How it came about, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// What is wrong with a question of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<EvaluationError>,
    /// On the answer that ended a list early: the option that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_circuit: Option<String>,
}

/// What is wrong with a question of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationError {
    /// HTTP status that the question would have alone.
    pub status: u16,
    /// In words.
    pub message: String,
}

/// What the decision point said.
#[derive(Debug, Serialize, ToSchema)]
pub struct XacmlVerdict {
    /// `Permit`, `Deny`, `NotApplicable` or `Indeterminate`.
    pub decision: String,
    /// Status code as a URN.
    pub status_code: String,
}

/// Answers in the order of the questions; of a single question, its answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EvaluationsAnswer {
    /// Of a list.
    Several(EvaluationAnswers),
    /// Of a single question.
    Single(Box<EvaluationAnswer>),
}

/// Answers in the order of the questions.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationAnswers {
    /// The answers. After one that ended the list early there are no others.
    pub evaluations: Vec<EvaluationAnswer>,
}

/// Where the decision point answers (`AuthZEN` metadata).
#[derive(Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct AuthzenMetadata {
    pub policy_decision_point: String,
    pub access_evaluation_endpoint: String,
    pub access_evaluations_endpoint: String,
    pub search_subject_endpoint: String,
    pub search_resource_endpoint: String,
    pub search_action_endpoint: String,
}

/// The explanation of a decision.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// As a fixed word.
    pub reason: String,
    /// What was found, in order.
    pub steps: Vec<ExplanationStep>,
    /// What was granted to the subject.
    pub grants: Vec<ExplanationGrant>,
    /// What the policy said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ExplanationPolicy>,
    /// What would have been permitted, or to whom, when no rule applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest_miss: Option<NearestMiss>,
}

/// A step of an explanation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationStep {
    /// As a fixed word.
    pub code: String,
    /// In words.
    pub text: ExplanationText,
    /// What it is about: which facts there are depends on the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<BTreeMap<String, ExplanationFact>>,
}

/// A sentence.
#[derive(Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct ExplanationText {
    pub nb: String,
    pub nn: String,
    pub en: String,
}

/// A fact of a step: a name, a number, a list of names, or null where it is not known.
#[derive(Debug, Serialize)]
pub struct ExplanationFact(pub Option<String>);

impl PartialSchema for ExplanationFact {
    fn schema() -> RefOr<Schema> {
        let kinds = [Type::String, Type::Integer, Type::Array, Type::Null];
        let fact = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter(kinds))
            .description(Some(
                "A name, a number, a list of names, or null where it is not known.",
            ));
        RefOr::T(Schema::Object(fact.build()))
    }
}

impl ToSchema for ExplanationFact {}

/// Something that was granted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationGrant {
    /// `access_package`, `client_delegation` or `single_right`.
    pub kind: String,
    /// Party uuid of who gave it.
    pub from: Uuid,
    /// Party uuid of who has it.
    pub holder: Uuid,
    /// Party uuid of who delegated a client.
    pub facilitator: Option<Uuid>,
    /// URN of the package, when it is one.
    pub package: Option<String>,
    /// Id of the assignment or delegation.
    pub id: Uuid,
    /// When.
    pub given: String,
    /// The request that was approved, when it came from one.
    pub request: Option<Uuid>,
}

/// What a policy said.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationPolicy {
    /// Identifier of the resource.
    pub resource: String,
    /// How often a policy was stored for it.
    pub version: Option<i32>,
    /// Its rules.
    pub rules: Vec<ExplanationRule>,
}

/// What became of a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationRule {
    /// Its id.
    pub id: Option<String>,
    /// Its number, from 1.
    pub number: Option<u32>,
    /// `Permit`, `Deny`, `NotApplicable` or `Indeterminate`.
    pub outcome: String,
    /// `Permit` or `Deny`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Why it did not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedRule>,
}

/// Why a rule did not apply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedRule {
    /// `target`, `condition` or `evaluation`.
    pub part: String,
    /// Of a target: the attributes that did not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<FailedAttribute>>,
    /// Of a target: the values that would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Vec<String>>,
    /// Of an evaluation: status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// Of an evaluation: in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Of an evaluation: the attribute whose absence stopped it.
    pub missing_attribute: Option<String>,
}

/// An attribute that did not fit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttribute {
    /// URI of its category.
    pub category: String,
    /// Its id.
    pub attribute_id: String,
}

/// What would have been permitted, or to whom.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NearestMiss {
    /// `subject` or `action`.
    pub missing: String,
    /// The rule that lacks a subject.
    pub rule: Option<String>,
    /// Its number, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// What the subject would have to have: one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_one_of: Option<Vec<PartyName>>,
    /// Actions that the policy knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<Vec<String>>,
}
