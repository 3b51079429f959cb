//! `/resourceregistry/api/v1/resource/{id}/policy`: policies, and what they say.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use axum::{
    body::HttpBody as _,
    extract::{FromRequest as _, Multipart, Request, State, multipart::MultipartError},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::ResourceRegistry;
use super::api::{ResourceWriter, busy, is_admin, must_own, record};
use foundation::{
    audit::Action,
    db::repeat_on_conflict,
    http::{
        ApiError, ApiResult, Json, Language, ModelState, ValidationCode,
        body::{self, JsonBytes},
        context,
        paging::{self, Links, Paginated},
        path::PathValues,
        query::Query,
    },
    telemetry::security::SecurityEvent,
};
use registers::resources::{
    CompiledPolicy, PolicyListing, PolicyWarning,
    rights::{self, FurtherRights, NamedRight, PolicyRight, PolicyRule, SubjectAttribute},
    store::{self, ResourceChangeKind},
    warnings,
};

/// Header of a 201 with the number of warnings about the policy, when there are any.
const WARNINGS: HeaderName = HeaderName::from_static("systembruker-policy-warnings");

/// Greatest request that carries a policy. What a policy itself may have is a setting.
pub const UPLOAD_LIMIT: usize = 16 * 1024 * 1024;

/// Stores a policy as the current one of a resource. It is checked first, and counts from the next
/// decision on.
#[utoipa::path(post, operation_id = "createPolicy", path = "/resourceregistry/api/v1/resource/{id}/policy", tag = "Service owner", params(("id" = String, Path)),
    request_body(content = PolicyUpload, content_type = "multipart/form-data"),
    responses((status = 201, description = "Stored; `Location` names it, and `Systembruker-Policy-Warnings` contains how many warnings there are, if any"), (status = 400, body = String, content_type = "application/json", description = "What is wrong with the policy"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the resource is another owner's"),
        (status = 413, description = "Too large"), (status = 415, description = "Not a form with a file")))]
pub async fn create_policy(
    State(registry): State<ResourceRegistry>,
    owner: ResourceWriter,
    path: PathValues,
    request: Request,
) -> ApiResult<Response> {
    upload(&registry, &owner, path.get("id"), request).await
}

/// As `POST`.
#[utoipa::path(put, operation_id = "replacePolicy", path = "/resourceregistry/api/v1/resource/{id}/policy", tag = "Service owner", params(("id" = String, Path)),
    request_body(content = PolicyUpload, content_type = "multipart/form-data"),
    responses((status = 201, description = "Stored; `Location` names it, and `Systembruker-Policy-Warnings` contains how many warnings there are, if any"), (status = 400, body = String, content_type = "application/json", description = "What is wrong with the policy"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing, or the resource is another owner's"),
        (status = 413, description = "Too large"), (status = 415, description = "Not a form with a file")))]
pub async fn replace_policy(
    State(registry): State<ResourceRegistry>,
    owner: ResourceWriter,
    path: PathValues,
    request: Request,
) -> ApiResult<Response> {
    upload(&registry, &owner, path.get("id"), request).await
}

fn refused(text: impl Into<String>) -> ApiError {
    ApiError::JsonText(StatusCode::BAD_REQUEST, text.into())
}

async fn upload(
    registry: &ResourceRegistry,
    owner: &ResourceWriter,
    identifier: &str,
    request: Request,
) -> ApiResult<Response> {
    let xml = policy_file(request, registry.config.settings.pdp.max_policy_bytes).await?;
    let xml: Arc<[u8]> = xml.into();
    let unknown = || refused("Unknown resource");
    {
        // Who may not store it learns nothing about it, and no transaction waits for a row while it
        // is read.
        let mut db = registry.db.acquire().await?;
        let resource = store::read(&mut db, identifier, None).await?;
        let document = resource.ok_or_else(unknown)?.document;
        must_own(&mut db, owner, &document).await?;
        must_fit(registry, &mut db, owner, (identifier, &document), xml.len()).await?;
    }
    let checked = registry
        .policies
        .check(
            Arc::clone(&xml),
            identifier,
            &registry.catalogue,
            is_admin(owner),
        )
        .await
        .map_err(busy)?
        .map_err(|refusal| {
            let reason = refusal.to_string();
            context::report(SecurityEvent::PolicyRejected {
                resource: identifier,
                reason: &reason,
            });
            refused(reason)
        })?;
    let accepted = &checked.accepted;
    let org = owner.organization().map(|o| o.to_string());
    repeat_on_conflict(|| async {
        let mut tx = registry.db.begin().await?;
        let resource = store::lock(&mut tx, identifier)
            .await?
            .ok_or_else(unknown)?;
        must_own(&mut tx, owner, &resource.document).await?;
        if store::put_policy(
            &mut tx,
            identifier,
            &xml,
            &rights::subjects(&accepted.policy),
            org.as_deref(),
        )
        .await?
        {
            record(&mut tx, Action::PolicyUploaded, identifier, None).await?;
        }
        store::number_change(&mut tx, identifier, ResourceChangeKind::Policy).await?;
        foundation::db::commit(tx).await?;
        ApiResult::Ok(())
    })
    .await?;
    registry.policies.remember(&checked);
    let mut response = (
        StatusCode::CREATED,
        [(LOCATION, format!("{identifier}/policy"))],
    )
        .into_response();
    if !accepted.warnings.is_empty() {
        accepted.log_warnings(identifier);
        response
            .headers_mut()
            .insert(WARNINGS, HeaderValue::from(accepted.warnings.len()));
    }
    Ok(response)
}

/// All policies of an owner together are bounded, since all are in memory.
async fn must_fit(
    registry: &ResourceRegistry,
    db: &mut PgConnection,
    owner: &ResourceWriter,
    (identifier, document): (&str, &Value),
    bytes: usize,
) -> ApiResult<()> {
    let organization = document["hasCompetentAuthority"]["organization"].as_str();
    let Some(organization) = organization.filter(|_| !is_admin(owner)) else {
        return Ok(());
    };
    let others = store::policy_bytes_of_owner(db, organization, identifier).await?;
    let limit = registry.config.settings.pdp.max_owner_policy_bytes;
    let together = usize::try_from(others).unwrap_or(usize::MAX);
    if together.saturating_add(bytes) > limit {
        return Err(refused(format!(
            "Policy not accepted: the policies of {organization} would have more than {limit} bytes together"
        )));
    }
    Ok(())
}

/// The file `policyFile` of a form.
async fn policy_file(request: Request, limit: usize) -> ApiResult<Vec<u8>> {
    if !is_form(request.headers()) {
        return Err(ApiError::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    // The form is a little longer than its file.
    let length = request.body().size_hint().lower();
    let capacity = usize::try_from(length).unwrap_or(limit).min(limit);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| refused("The form has no boundary."))?;
    while let Some(mut field) = form
        .next_field()
        .await
        .map_err(|error| broken_form(&error))?
    {
        if field
            .name()
            .is_none_or(|name| !name.eq_ignore_ascii_case("policyFile"))
        {
            continue;
        }
        // Growing in steps would take twice the space.
        let mut xml = Vec::with_capacity(capacity);
        while let Some(chunk) = field.chunk().await.map_err(|error| broken_form(&error))? {
            if xml.len() + chunk.len() > limit {
                return Err(ApiError::Status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            xml.extend_from_slice(&chunk);
        }
        if xml.is_empty() {
            break;
        }
        return Ok(xml);
    }
    Err(refused("The policy file can not be null"))
}

fn is_form(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("multipart/form-data")
}

fn broken_form(error: &MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::Status(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        refused("The form is broken off or malformed.")
    }
}

/// The current policy of a resource, byte for byte as it was uploaded.
#[utoipa::path(get, operation_id = "getPolicy", path = "/resourceregistry/api/v1/resource/{id}/policy", tag = "Service owner", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/xml", description = "The policy as it was uploaded"), (status = 404, content((String = "text/plain"), (String = "application/json")), description = "No such resource, or it has no policy")))]
pub async fn read_policy(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
) -> ApiResult<Response> {
    let identifier = path.get("id");
    let mut db = registry.db.acquire().await?;
    let found = store::current_policy(&mut db, identifier).await?;
    drop(db);
    let xml = found.ok_or_else(|| {
        ApiError::Text(
            StatusCode::NOT_FOUND,
            format!("Unable to find requested policy file for resource: {identifier}"),
        )
    })?;
    let xml = registry.policies.listings().shared(xml).map_err(busy)?;
    Ok((
        [
            (CONTENT_TYPE, "text/xml"),
            (CONTENT_DISPOSITION, "attachment; filename=policy.xml"),
        ],
        xml,
    )
        .into_response())
}

/// The compiled current policy, or 404.
async fn current(
    registry: &ResourceRegistry,
    path: &PathValues,
) -> ApiResult<std::sync::Arc<CompiledPolicy>> {
    let mut db = registry.db.acquire().await?;
    let resource = registry.policies.resource(&mut db, path.get("id")).await?;
    resource
        .and_then(|r| r.policy)
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))
}

/// A form with a policy.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the form is read part by part")]
pub(crate) struct PolicyUpload {
    /// The policy: XACML 3.0 as XML.
    #[schema(rename = "policyFile", value_type = String, format = Binary, content_media_type = "application/xml")]
    policy_file: Vec<u8>,
}

/// An attribute as the index of subjects has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttributeUrn {
    /// Attribute id.
    #[serde(rename = "type")]
    pub attribute: String,
    /// Value, in lower case.
    pub value: String,
    /// Both.
    pub urn: String,
}

impl From<SubjectAttribute> for AttributeUrn {
    fn from(subject: SubjectAttribute) -> Self {
        Self {
            urn: subject.urn(),
            attribute: subject.attribute,
            value: subject.value,
        }
    }
}

/// Every subject that the current policy names.
#[utoipa::path(get, operation_id = "listPolicySubjects", path = "/resourceregistry/api/v1/resource/{id}/policy/subjects", tag = "Service owner",
    params(("id" = String, Path), ("reloadFromXacml" = Option<bool>, Query, description = "The answer always comes from the policy itself")),
    responses((status = 200, body = Paginated<AttributeUrn>), (status = 404, description = "No such resource, or it has no policy")))]
pub async fn subjects(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
    query: Query,
) -> ApiResult<Json<Paginated<AttributeUrn>>> {
    query.flag("reloadFromXacml")?;
    let policy = current(&registry, &path).await?;
    Ok(Paginated::whole(
        rights::subjects(&policy.policy)
            .into_iter()
            .map(AttributeUrn::from)
            .collect(),
    ))
}

/// The compiled current policy whose rules and rights can be listed, or 404, or 422.
async fn listable(
    registry: &ResourceRegistry,
    path: &PathValues,
) -> ApiResult<std::sync::Arc<CompiledPolicy>> {
    let policy = current(registry, path).await?;
    if policy.listing.is_listable() {
        Ok(policy)
    } else {
        Err(ApiError::JsonText(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("The policy cannot be taken apart: {}", policy.listing),
        ))
    }
}

/// A list out of the current policy.
async fn listed(
    registry: &ResourceRegistry,
    path: &PathValues,
    listing: PolicyListing,
) -> ApiResult<Response> {
    let policy = listable(registry, path).await?;
    let list = registry.policies.listings().get(&policy, listing).await;
    let json = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    Ok((json, list.map_err(busy)?).into_response())
}

/// The rules of the current policy, one element for each combination of their alternatives.
#[utoipa::path(get, operation_id = "listPolicyRules", path = "/resourceregistry/api/v1/resource/{id}/policy/rules", tag = "Service owner", params(("id" = String, Path)),
    responses((status = 200, body = Vec<PolicyRule>), (status = 404, description = "No such resource, or it has no policy"),
        (status = 422, body = String, content_type = "application/json", description = "The policy is from before the bound on combinations, and has more")))]
pub async fn policy_rules(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
) -> ApiResult<Response> {
    listed(&registry, &path, PolicyListing::Rules).await
}

/// The rights that the current policy defines, with those who come to them.
#[utoipa::path(get, operation_id = "listPolicyRights", path = "/resourceregistry/api/v1/resource/{id}/policy/rights", tag = "Service owner", params(("id" = String, Path)),
    responses((status = 200, body = Vec<PolicyRight>), (status = 404, description = "No such resource, or it has no policy"),
        (status = 422, body = String, content_type = "application/json", description = "The policy is from before the bound on combinations, and has more")))]
pub async fn policy_rights(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
) -> ApiResult<Response> {
    listed(&registry, &path, PolicyListing::Rights).await
}

/// What the owner should know about the current policy, in the order of its lines.
#[utoipa::path(get, operation_id = "listPolicyWarnings", path = "/resourceregistry/api/v1/resource/{id}/policy/warnings", tag = "Service owner", params(("id" = String, Path)),
    responses((status = 200, body = Vec<PolicyWarning>), (status = 404, description = "No such resource, or it has no policy")))]
pub async fn policy_warnings(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
) -> ApiResult<Json<Vec<PolicyWarning>>> {
    let policy = current(&registry, &path).await?;
    let catalogue = Arc::clone(&registry.catalogue);
    let bytes = policy.alternatives * BYTES_OF_ALTERNATIVE;
    let found = registry
        .policies
        .workers()
        .run(bytes, move || {
            warnings(&policy.policy, &policy.program, &catalogue)
        })
        .await
        .map_err(busy)?;
    Ok(Json(found))
}

/// The rights of a resource, each with a name in the language asked for.
#[utoipa::path(get, operation_id = "listNamedRights", path = "/resourceregistry/api/v2/resource/{id}/policy/rights", tag = "Service owner",
    params(("id" = String, Path), ("includeServiceOwnerRights" = Option<bool>, Query), ("includeAppRights" = Option<bool>, Query)),
    responses((status = 200, body = Vec<NamedRight>), (status = 404, description = "No such resource, or it has no policy"),
        (status = 422, body = String, content_type = "application/json", description = "The policy is from before the bound on combinations, and has more")))]
pub async fn named_rights(
    State(registry): State<ResourceRegistry>,
    path: PathValues,
    query: Query,
    language: Language,
) -> ApiResult<Response> {
    let further = FurtherRights {
        service_owners: query.flag("includeServiceOwnerRights")?,
        apps: query.flag("includeAppRights")?,
    };
    let listing = PolicyListing::NamedRights {
        identifier: path.get("id").to_owned(),
        further,
        language,
    };
    listed(&registry, &path, listing).await
}

/// About how many bytes of a policy an alternative takes.
const BYTES_OF_ALTERNATIVE: usize = 200;

/// A subject with the resources whose policies name it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubjectResources {
    /// The subject.
    pub subject: AttributeUrn,
    /// The resources.
    pub resources: Vec<AttributeUrn>,
}

/// Resources whose policies name these subjects. Subjects that none names are left out.
#[utoipa::path(post, operation_id = "listResourcesBySubjects", path = "/resourceregistry/api/v1/resource/bysubjects", tag = "Service owner",
    request_body(content = Vec<String>, description = "Subject URNs", example = json!(["urn:altinn:accesspackage:a-ordning"])),
    responses((status = 200, body = Paginated<SubjectResources>), (status = 400, description = "Not a list of texts")))]
pub async fn by_subjects(
    State(registry): State<ResourceRegistry>,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<Paginated<SubjectResources>>> {
    let wrong = |path: &str| {
        body::fault(
            "subjects",
            path,
            &format!("The JSON value could not be converted. Path: {path}"),
        )
    };
    let value = body::parse(&bytes, "subjects")?;
    let items = value.as_array().ok_or_else(|| wrong("$"))?;
    let urns: Vec<String> = items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            item.as_str()
                .map(str::to_lowercase)
                .ok_or_else(|| wrong(&format!("$[{i}]")))
        })
        .collect::<ApiResult<_>>()?;
    let mut db = registry.db.acquire().await?;
    let found = store::resources_of_subjects(&mut db, &urns).await?;
    // Only a policy shows where the attribute of a subject ends and its value begins.
    let first: BTreeSet<String> = found
        .iter()
        .filter_map(|(_, ids)| ids.first().cloned())
        .collect();
    let first: Vec<String> = first.into_iter().collect();
    let known = registry.policies.resources(&mut db, &first).await?;
    drop(db);
    let policies: Vec<Arc<CompiledPolicy>> = known
        .into_iter()
        .filter_map(|resource| resource.policy)
        .collect();
    let alternatives: usize = policies.iter().map(|policy| policy.alternatives).sum();
    let asked: HashSet<String> = urns.into_iter().collect();
    // Of all that the policies name only what was asked for is kept.
    let name = move || -> HashMap<String, SubjectAttribute> {
        policies
            .iter()
            .flat_map(|policy| rights::subjects(&policy.policy))
            .map(|subject| (subject.urn().to_lowercase(), subject))
            .filter(|(urn, _)| asked.contains(urn))
            .collect()
    };
    let subjects = registry
        .policies
        .workers()
        .run(alternatives * BYTES_OF_ALTERNATIVE, name)
        .await
        .map_err(busy)?;
    let resource = |id: &String| AttributeUrn {
        attribute: "urn:altinn:resource".into(),
        value: id.clone(),
        urn: format!("urn:altinn:resource:{id}"),
    };
    // A policy that was replaced meanwhile need not name the subject any more.
    let named = |(urn, ids): (String, Vec<String>)| {
        Some(SubjectResources {
            subject: subjects.get(&urn)?.clone().into(),
            resources: ids.iter().map(resource).collect(),
        })
    };
    Ok(Paginated::whole(
        found.into_iter().filter_map(named).collect(),
    ))
}

/// A pair of resource and subject that came or went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatedSubject {
    /// The subject, in lower case.
    pub subject_urn: String,
    /// The resource.
    pub resource_urn: String,
    /// When.
    pub updated_at: DateTime<Utc>,
    /// The policy names the subject no more.
    pub deleted: bool,
}

/// Where a page of the feed ended.
#[derive(Debug, Serialize, Deserialize)]
struct FeedContinuation {
    #[serde(rename = "r")]
    identifier: String,
    #[serde(rename = "s")]
    subject: String,
}

/// What came to or went from the index of subjects since a time, oldest first. A reader follows
/// `links.next`, and later asks again from the last `updatedAt` it has seen.
#[utoipa::path(get, operation_id = "listUpdatedResources", path = "/resourceregistry/api/v1/resource/updated", tag = "Service owner",
    params(("since" = Option<String>, Query, description = "A time with offset; everything when left out"),
        ("token" = Option<String>, Query, description = "From `links.next`"),
        ("limit" = Option<u16>, Query, description = "1 to 1000; 1000 when left out")),
    responses((status = 200, body = Paginated<UpdatedSubject>), (status = 400, description = "`RR.VLD-00008` for the limit, or a parameter that cannot be read")))]
pub async fn updated(
    State(registry): State<ResourceRegistry>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Json<Paginated<UpdatedSubject>>> {
    let given = |name: &str| query.get(name).map(str::trim).filter(|t| !t.is_empty());
    let since = match given("since") {
        None => None,
        // An offset's plus sign that was not encoded arrives as a blank.
        Some(text) => Some(
            DateTime::parse_from_rfc3339(&text.replace(' ', "+"))
                .map_err(|_| ModelState::not_valid("since", text))?
                .to_utc(),
        ),
    };
    let limit = match given("limit") {
        None => 1_000,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=1_000).contains(n))
            .ok_or_else(|| ApiError::Validation(vec![ValidationCode::LimitOutOfRange.error()]))?,
    };
    let after: Option<FeedContinuation> = paging::key(&query)?;
    if after.is_some() && since.is_none() {
        return Err(ModelState::required("since").into());
    }
    let mut db = registry.db.acquire().await?;
    let pair = after
        .as_ref()
        .map(|c| (c.identifier.as_str(), c.subject.as_str()));
    let mut found = store::updated_since(&mut db, since, pair, limit + 1).await?;
    let more = usize::try_from(limit).is_ok_and(|limit| found.len() > limit);
    let next = if more {
        found
            .pop()
            .and(found.last())
            .map(|last| next_page(&registry.address.called(&headers), last, limit))
    } else {
        None
    };
    let data = found
        .into_iter()
        .map(|p| UpdatedSubject {
            subject_urn: p.subject_urn,
            resource_urn: format!("urn:altinn:resource:{}", p.identifier),
            updated_at: p.updated_at,
            deleted: p.deleted,
        })
        .collect();
    Ok(Json(Paginated {
        links: Links { next },
        data,
    }))
}

fn next_page(base: &str, last: &store::UpdatedSubjectRow, limit: i64) -> String {
    let token = paging::token(&FeedContinuation {
        identifier: last.identifier.clone(),
        subject: last.subject_urn.clone(),
    });
    let since = last.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!(
        "{base}/resourceregistry/api/v1/resource/updated?since={since}&token={token}&limit={limit}"
    )
}
