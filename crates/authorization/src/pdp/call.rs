//! One call on a decision endpoint: every decision it takes is counted, logged, and can be asked
//! for again by its id.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    DecisionDetails, DecisionMode, DecisionReason, MinimumPosition, PartialRequest, Pdp,
    RequiredLevel,
    budget::{CallBudget, ExceededBound, MAX_ANSWER_BYTES, UndecidedCause},
    decided::DecisionBasis,
    level::StatedLevelKind,
    log::{DecisionRecord, Endpoint, MAX_CONTEXT_BYTES, StoredContext},
    question::{
        APP, INSTANCE, ORG, ORGANIZATION, ORGANIZATION_LEGACY, PARTY_ID, PARTY_UUID, RESOURCE,
        RESOURCE_INSTANCE, SYSTEM_USER, USER_ID,
    },
};
use foundation::{
    audit::AddressNetwork, db::feed::FeedPosition, http::context, ids::OrgNumber, token::Principal,
};
use xacml::{Code, Decision, ids};

/// Header with the id by which the decisions of an answer are asked for again.
pub const DECISION_ID: HeaderName = HeaderName::from_static("systembruker-decision-id");

/// Header that says `changed` when the position of the caller is of another history: the facts are
/// those of the database, and what that history held is not promised.
const HISTORY: HeaderName = HeaderName::from_static("systembruker-history");
/// Bytes of the log that the attributes of all decisions of a call take, about.
const MAX_LOGGED_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that each of them may take in any case.
const MIN_CONTEXT_BYTES: usize = 4 * 1024;

/// A call being answered.
#[derive(Debug)]
pub struct DecisionCall<'s> {
    pdp: &'s Pdp,
    endpoint: Endpoint,
    view: DecisionMode,
    /// How far the present history has come, when the caller's position is of another.
    present: Option<FeedPosition>,
    caller: Option<Arc<Principal>>,
    request_id: Option<Uuid>,
    address: Option<IpAddr>,
    id: Uuid,
    created: DateTime<Utc>,
    parts: AtomicI32,
    budget: CallBudget,
}

impl<'s> DecisionCall<'s> {
    /// Begins a call of a caller, on facts as new as asked for.
    pub async fn begin(
        pdp: &'s Pdp,
        endpoint: Endpoint,
        at_least: MinimumPosition,
        principal: Option<&Arc<Principal>>,
    ) -> Self {
        let (view, present) = pdp.view(at_least).await;
        let context = context::current();
        let (id, created) = pdp.answer_ids.next(pdp.clock.now());
        Self {
            pdp,
            endpoint,
            view,
            present,
            caller: principal.cloned(),
            request_id: context.as_ref().map(|c| c.request_id),
            address: context.as_ref().and_then(|c| c.address),
            id,
            created,
            parts: AtomicI32::new(0),
            budget: CallBudget::default(),
        }
    }

    /// What it may still cost.
    pub const fn budget(&self) -> &CallBudget {
        &self.budget
    }

    /// On which facts it decides.
    pub const fn view(&self) -> DecisionMode {
        self.view
    }

    /// Decides requests, in order, with an explanation of each where one is wanted. `places` says
    /// which of them each part of the call is; none when they are its parts, in order. Each part is
    /// logged.
    ///
    /// # Errors
    /// The facts cannot be had, or the call asks for too much.
    pub async fn decide_all(
        &self,
        requests: &[PartialRequest<'_>],
        places: Option<&[usize]>,
        explain: bool,
    ) -> Result<Vec<DecisionDetails>, UndecidedCause> {
        let began = Instant::now();
        let parts = places.map_or(requests.len(), <[usize]>::len);
        let view = DecisionMode {
            explain,
            ..self.view_of(parts)
        };
        let all = self.pdp.decide_all(view, requests, &self.budget).await?;
        let took = began.elapsed();
        let place = |part: usize| places.map_or(part, |places| places[part]);
        Self::check_answer((0..parts).map(|part| &all[place(part)]))?;
        for part in 0..parts {
            let (request, decided) = (&requests[place(part)], &all[place(part)]);
            self.record(view.context_bytes, request, decided, took)
                .await;
        }
        self.took(took);
        Ok(all)
    }

    /// Counts how long decisions took together.
    pub fn took(&self, took: Duration) {
        self.pdp.counters.took(self.endpoint, took);
    }

    /// The view of a call with so many decisions, all of which are logged.
    pub fn view_of(&self, parts: usize) -> DecisionMode {
        DecisionMode {
            is_logged: true,
            context_bytes: (MAX_LOGGED_BYTES / parts.max(1))
                .clamp(MIN_CONTEXT_BYTES, MAX_CONTEXT_BYTES),
            ..self.view
        }
    }

    /// Checks that an answer out of these decisions is not too large.
    ///
    /// # Errors
    /// It is.
    pub fn check_answer<'d>(
        mut decided: impl Iterator<Item = &'d DecisionDetails>,
    ) -> Result<(), ExceededBound> {
        let bytes = decided.try_fold(0_usize, |sum, one| {
            Some(sum + one.answer_bytes()).filter(|sum| *sum <= MAX_ANSWER_BYTES)
        });
        bytes.map(|_| ()).ok_or(ExceededBound::Answer)
    }

    /// Counts and logs a decision as the next part of the call, its attributes in at most so many
    /// bytes. `took` is how long all of them took.
    pub fn record(
        &self,
        context_bytes: usize,
        request: &PartialRequest<'_>,
        decided: &DecisionDetails,
        took: Duration,
    ) -> impl Future<Output = ()> {
        self.pdp.counters.decided(self.endpoint, decided);
        let context = decided
            .context
            .as_deref()
            .map_or_else(|| Cow::Owned(given(request, context_bytes)), Cow::Borrowed);
        let found = DecisionOutcome {
            decision: decided.decision,
            status: decided.status,
            reason: decided.reason,
            micros: i32::try_from(took.as_micros()).unwrap_or(i32::MAX),
            of: Some(decided),
        };
        // The line is made here, so that the future holds nothing but the line.
        self.pdp.log.record(self.line(request, &found, &context))
    }

    /// Records a refusal that came before the decision.
    pub async fn refuse(&self, request: &PartialRequest<'_>, reason: DecisionReason) {
        let found = DecisionOutcome {
            decision: Decision::Indeterminate,
            status: Code::ProcessingError,
            reason,
            micros: 0,
            of: None,
        };
        self.pdp
            .log
            .record(self.line(request, &found, &given(request, MIN_CONTEXT_BYTES)))
            .await;
    }

    /// The answer, with the id of its decisions.
    pub fn answered(&self, mut response: Response) -> Response {
        let mut buffer = Uuid::encode_buffer();
        if let Ok(id) = HeaderValue::from_str(self.id.as_hyphenated().encode_lower(&mut buffer)) {
            response.headers_mut().insert(DECISION_ID, id);
        }
        if let Some(present) = self.present {
            let headers = response.headers_mut();
            headers.insert(HISTORY, HeaderValue::from_static("changed"));
            present.answer(headers);
        }
        response
    }

    /// A decision as the log keeps it, field by field.
    fn line(
        &self,
        request: &PartialRequest<'_>,
        found: &DecisionOutcome<'_>,
        context: &str,
    ) -> DecisionRecord {
        let subject = |id: &str| request.first(ids::SUBJECT, id);
        let named = |id: &str| request.first(ids::RESOURCE, id);
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok());
        let uuid = |text: Option<&str>| text.and_then(|text| Uuid::try_parse(text).ok());
        let known = found.of.and_then(|decided| decided.resource.as_ref());
        let pair = found.of.and_then(|decided| decided.pair.as_ref());
        let mut line = DecisionRecord::begin(
            self.id,
            self.parts.fetch_add(1, Ordering::Relaxed),
            self.created,
            context.len() + 500,
        );
        line.raw(Some(self.endpoint.as_str()));
        let caller = self.caller.as_deref();
        let organization = caller.and_then(Principal::organization);
        line.raw(organization.as_ref().map(OrgNumber::as_str));
        line.text(caller.and_then(|principal| principal.client_id.as_deref()));
        line.text(caller.and_then(|principal| principal.jti.as_deref()));
        line.uuid(self.request_id);
        line.shown(self.address.map(AddressNetwork));
        line.text(subject("urn:altinn:sessionid"));
        line.number(number(subject(USER_ID)));
        line.number(number(subject(PARTY_ID)));
        line.text(subject(ORG));
        line.text(subject(ORGANIZATION).or_else(|| subject(ORGANIZATION_LEGACY)));
        let named_uuid = uuid(subject(SYSTEM_USER)).or_else(|| uuid(subject(PARTY_UUID)));
        line.uuid(
            named_uuid
                .or_else(|| pair.and_then(|pair| pair.subject.as_ref().map(|party| party.uuid))),
        );
        let reportee = pair
            .and_then(|pair| pair.reportee.as_ref())
            .and_then(|reportee| reportee.party.party_id);
        line.number(reportee.or_else(|| number(named(PARTY_ID))));
        match (known, named(RESOURCE), named(ORG), named(APP)) {
            (Some(resource), ..) => line.raw(Some(&resource.identifier)),
            (None, None, Some(org), Some(app)) => line.text(Some(&format!("app_{org}_{app}"))),
            (None, named, ..) => line.text(named),
        }
        line.text(named(INSTANCE).or_else(|| named(RESOURCE_INSTANCE)));
        line.text(request.first(ids::ACTION, ids::ACTION_ID));
        line.number(Some(match found.decision {
            Decision::Permit => 1,
            Decision::Deny => 2,
            Decision::Indeterminate => 3,
            Decision::NotApplicable => 4,
        }));
        line.raw(Some(found.status.name()));
        line.raw(Some(found.reason.wire()));
        line.number(known.and_then(|resource| resource.policy_version));
        let by = found.of.and_then(|decided| decided.by.as_ref());
        line.text(by.map(DecisionBasis::name).as_deref());
        line.flag(request.is_enriched_by_caller);
        line.number(Some(found.micros));
        line.raw(Some(context));
        line.raw(
            found
                .of
                .and_then(|decided| decided.explanation.as_deref())
                .map(RawValue::get),
        );
        let number =
            |level: Option<RequiredLevel>| level.and_then(RequiredLevel::number).map(i32::from);
        let levels = found
            .of
            .map(|decided| (decided.stated_levels(), decided.subject));
        line.number(levels.and_then(|(stated, _)| number(stated.general)));
        line.number(levels.and_then(|(stated, _)| number(stated.system_users)));
        let counted = levels.and_then(|(stated, subject)| stated.which_counts(subject));
        line.raw(counted.map(StatedLevelKind::wire));
        line
    }
}

/// What came of a request.
struct DecisionOutcome<'d> {
    decision: Decision,
    status: Code,
    reason: DecisionReason,
    micros: i32,
    of: Option<&'d DecisionDetails>,
}

/// The attributes of a request as they were given, in at most so many bytes.
fn given(request: &PartialRequest<'_>, max_bytes: usize) -> String {
    let mut written = StoredContext::within(max_bytes);
    for v in &request.values {
        written.add(
            &v.category,
            &v.id,
            v.data_type,
            &v.value,
            v.include_in_result,
            None,
        );
    }
    written.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the future that a function returns.
    const fn size<A, B, C, F: Future>(_: &impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_is_decided_from_memory_is_not_burdened_with_what_reading_takes() {
        // Futures are moved: a handler's whole future is copied twice for each request.
        let decide = |call: &'static DecisionCall<'static>,
                      requests: &'static [PartialRequest<'static>],
                      explain| call.decide_all(requests, None, explain);
        assert!(size(&decide) <= 512, "{}", size(&decide));
        let caller = |verifier: &'static foundation::token::TokenVerifier,
                      token: &'static str,
                      (): ()| { verifier.verify(token) };
        assert!(size(&caller) <= 768, "{}", size(&caller));
    }
}
