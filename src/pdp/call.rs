//! One call on a decision endpoint: every decision it takes is counted, logged, and can be asked for again by its id.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Instant,
};

use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    AtLeast, Decided, PartialRequest, Pdp, View,
    log::{CallerFacts, Endpoint, Row, Written},
    question::{APP, INSTANCE, ORG, ORGANIZATION, ORGANIZATION_LEGACY, PARTY_ID, PARTY_UUID, RESOURCE, SYSTEM_USER, USER_ID},
};
use crate::{
    http::{ApiResult, context},
    token::Principal,
    xacml::{Decision, ids},
};

/// Header with the id by which the decisions of an answer are asked for again.
pub const DECISION_ID: HeaderName = HeaderName::from_static("systembruker-decision-id");

/// A call being answered.
#[derive(Debug)]
pub struct Call<'s> {
    pdp: &'s Pdp,
    endpoint: Endpoint,
    view: View,
    caller: Arc<CallerFacts>,
    id: Uuid,
    created: DateTime<Utc>,
    parts: AtomicI32,
}

impl<'s> Call<'s> {
    /// Begins a call by somebody, on facts as new as asked for.
    pub async fn begin(pdp: &'s Pdp, endpoint: Endpoint, at_least: AtLeast, principal: Option<&Principal>) -> Self {
        let view = pdp.view(at_least).await;
        let context = context::current();
        let caller = CallerFacts {
            org: principal.and_then(|p| p.org).map(|org| org.to_string()),
            client_id: principal.and_then(|p| p.client_id.clone()),
            jti: principal.and_then(|p| p.jti.clone()),
            request_id: context.as_ref().map(|c| c.request_id),
            address: context.as_ref().and_then(|c| c.address),
        };
        let millis = pdp.clock.now().timestamp_millis();
        let (seconds, nanos) = (millis.div_euclid(1_000).unsigned_abs(), (millis.rem_euclid(1_000) * 1_000_000) as u32);
        Self {
            pdp,
            endpoint,
            view,
            caller: Arc::new(caller),
            id: Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos)),
            created: DateTime::from_timestamp_millis(millis).unwrap_or_default(),
            parts: AtomicI32::new(0),
        }
    }

    /// On which facts it decides.
    pub const fn view(&self) -> View {
        self.view
    }

    /// Decides requests, in order, with an account of each where one is wanted.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn decide_all(&self, requests: &[PartialRequest<'_>], explain: bool) -> ApiResult<Vec<Decided>> {
        let began = Instant::now();
        let mut all = self.pdp.decide_all(View { is_logged: true, explain, ..self.view }, requests).await?;
        let duration = began.elapsed();
        for (request, decided) in requests.iter().zip(&mut all) {
            let (owner, resource) = decided.resource.as_ref().map_or(("unknown", ""), |r| (r.owner_code.as_str(), r.identifier.as_str()));
            metrics::counter!("altinn.pdp.decisions", "resource.owner.org" => owner.to_owned(), "resource.id" => resource.to_owned(),
                "pdp.api.kind" => self.endpoint.as_str(), "decision" => decided.decision.as_str())
            .increment(1);
            let mut row = self.row(request, decided.decision, decided.status, decided.reason);
            row.duration_us = i32::try_from(duration.as_micros()).unwrap_or(i32::MAX);
            row.context = decided.context.take().unwrap_or_else(|| given(request));
            row.fill(decided);
            self.pdp.log.record(row).await;
        }
        metrics::histogram!("pdp_decision_seconds", "pdp.api.kind" => self.endpoint.as_str()).record(duration.as_secs_f64());
        Ok(all)
    }

    /// Decides one request.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn decide(&self, request: PartialRequest<'_>, explain: bool) -> ApiResult<Decided> {
        let mut all = self.decide_all(&[request], explain).await?;
        all.pop().ok_or_else(|| crate::http::ApiError::internal(anyhow::anyhow!("a request without a decision")))
    }

    /// Notes a refusal that came before anybody decided.
    pub async fn refuse(&self, request: &PartialRequest<'_>, reason: &'static str) {
        let mut row = self.row(request, Decision::Indeterminate, "processing-error", reason);
        row.context = given(request);
        self.pdp.log.record(row).await;
    }

    /// The answer, with the id of its decisions.
    pub fn answered(&self, mut response: Response) -> Response {
        let mut buffer = Uuid::encode_buffer();
        if let Ok(id) = HeaderValue::from_str(self.id.as_hyphenated().encode_lower(&mut buffer)) {
            response.headers_mut().insert(DECISION_ID, id);
        }
        response
    }

    /// What is known from the request alone.
    fn row(&self, request: &PartialRequest<'_>, decision: Decision, status: &'static str, reason: &'static str) -> Row {
        let subject = |id: &str| request.first(ids::SUBJECT, id);
        let resource = |id: &str| request.first(ids::RESOURCE, id).map(str::to_owned);
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok());
        let uuid = |text: Option<&str>| text.and_then(|text| Uuid::try_parse(text).ok());
        Row {
            decision_id: self.id,
            part: self.parts.fetch_add(1, Ordering::Relaxed),
            created: self.created,
            endpoint: self.endpoint,
            caller: Arc::clone(&self.caller),
            session_id: subject("urn:altinn:sessionid").map(str::to_owned),
            subject_user_id: number(subject(USER_ID)),
            subject_party_id: number(subject(PARTY_ID)),
            subject_org_code: subject(ORG).map(str::to_owned),
            subject_org_number: subject(ORGANIZATION).or_else(|| subject(ORGANIZATION_LEGACY)).map(str::to_owned),
            subject_party_uuid: uuid(subject(SYSTEM_USER)).or_else(|| uuid(subject(PARTY_UUID))),
            resource_party_id: number(request.first(ids::RESOURCE, PARTY_ID)),
            resource: resource(RESOURCE).or_else(|| Some(format!("app_{}_{}", resource(ORG)?, resource(APP)?))),
            instance_id: resource(INSTANCE),
            operation: request.first(ids::ACTION, ids::ACTION_ID).map(str::to_owned),
            decision: match decision {
                Decision::Permit => 1,
                Decision::Deny => 2,
                Decision::Indeterminate => 3,
                Decision::NotApplicable => 4,
            },
            status_code: status,
            reason,
            policy_version: None,
            decided_by: None,
            enriched_by_caller: request.is_enriched_by_caller,
            duration_us: 0,
            context: String::new(),
            explanation: None,
        }
    }
}

/// The attributes of a request as they were given.
fn given(request: &PartialRequest<'_>) -> String {
    let mut written = Written::default();
    for v in &request.values {
        written.add(&v.category, &v.id, v.data_type, &v.value, v.include_in_result, None);
    }
    written.finish()
}

impl Row {
    /// What was found.
    fn fill(&mut self, decided: &Decided) {
        if let Some(resource) = &decided.resource {
            self.resource = Some(resource.identifier.clone());
            self.policy_version = resource.policy_version;
        }
        if let Some(pair) = &decided.pair {
            self.subject_party_uuid = self.subject_party_uuid.or_else(|| pair.subject.as_ref().map(|party| party.uuid));
            let reportee = pair.reportee.as_ref().and_then(|known| known.party.party_id);
            self.resource_party_id = reportee.or(self.resource_party_id);
        }
        self.decided_by.clone_from(&decided.by);
        self.explanation = decided.explanation.as_ref().map(ToString::to_string);
    }
}
