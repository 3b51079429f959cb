//! `/access/v1/search`: who may do something, on what, or what may be done. Every hit was decided.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    api::{QuestionCaller, TokenSystemUsers, answer, bad, undecided},
    fixture,
    page::RequestedSearchPage,
    question::{AuthzenQuestion, ContextEnvironment},
    search::{AuthzenSearch, SearchedKind},
    store,
};
use crate::bodies::{
    ActionSearchBody, FoundActions, FoundEntities, ResourceSearchBody, SubjectSearchBody,
};
use crate::pdp::endpoints::DecisionEndpoints;
use crate::pdp::{
    DecisionDetails, DecisionMode, PartialRequest,
    budget::{ExceededBound, MAX_ATTRIBUTES, UndecidedCause},
    decide::DecisionFacts,
    memory::PairFacts,
    question::{RESOURCE, SYSTEM_USER},
};
use foundation::{
    http::{ApiError, ApiResult, Json},
    token::scopes::AUTHORIZE_ADMIN,
};
use registers::{
    parties::{self, SingleRight, SubUnitQuestion},
    resources::{self, Resource, rights},
};
use xacml::{Decision, Effect};

/// Candidates decided at a time.
const CHUNK: usize = 500;
/// Candidates decided first.
const FIRST_CHUNK: usize = 50;
/// Candidates decided for one answer; then it ends, with a token.
const MOST: usize = 20_000;
/// After so long an answer ends, with a token.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);
/// So many candidates are decided to learn how many hits there are.
const COUNTED: usize = 1_000;

/// Which system users may do this?
///
/// Only the owner of the resource, or a caller with the admin scope, may ask.
#[utoipa::path(post, operation_id = "searchSubjects", path = "/access/v1/search/subject", tag = "Service owner", request_body = SubjectSearchBody,
    responses((status = 200, body = FoundEntities),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401),
        (status = 403, description = "The scope is missing, or the resource is not the caller's"), (status = 503)),
    security(("organizationToken" = ["altinn:authorization/authorize"]), ("organizationToken" = ["altinn:authorization/authorize.admin"])))]
pub async fn subjects(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        asker.search(SearchedKind::Subject, members).await
    })
    .await
}

/// On which resources may the subject do this for a party, or for which parties on a resource?
///
/// The hits are on resources of the caller; with the admin scope, on all.
#[utoipa::path(post, operation_id = "searchAccessibleResources", path = "/access/v1/search/resource", tag = "Service owner", request_body = ResourceSearchBody,
    responses((status = 200, body = FoundEntities),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401), (status = 403),
        (status = 503)),
    security(("organizationToken" = ["altinn:authorization/authorize"]), ("organizationToken" = ["altinn:authorization/authorize.admin"])))]
pub async fn resources(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        asker.search(SearchedKind::Resource, members).await
    })
    .await
}

/// What may the subject do with the resource?
///
/// Without the admin scope there are no hits on a resource of another owner.
#[utoipa::path(post, operation_id = "searchActions", path = "/access/v1/search/action", tag = "Service owner", request_body = ActionSearchBody,
    responses((status = 200, body = FoundActions),
        (status = 400, body = String, content_type = "text/plain", description = "What is missing or wrong"), (status = 401), (status = 403),
        (status = 503)),
    security(("organizationToken" = ["altinn:authorization/authorize"]), ("organizationToken" = ["altinn:authorization/authorize.admin"])))]
pub async fn actions(State(endpoints): State<DecisionEndpoints>, request: Request) -> Response {
    answer(&endpoints, request, async |asker, members| {
        asker.search(SearchedKind::Action, members).await
    })
    .await
}

/// Where candidates come from, in order of their texts.
enum CandidateSource {
    /// All of them are known.
    Listed(Vec<String>),
    /// System users with something from this party.
    SystemUsers(i32),
    /// Parties that this system user has something for.
    Parties(i32),
}

impl CandidateSource {
    async fn next(
        &self,
        endpoints: &DecisionEndpoints,
        after: &str,
        limit: usize,
    ) -> ApiResult<Vec<String>> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(match self {
            Self::Listed(all) => all
                .iter()
                .filter(|one| one.as_str() > after)
                .take(limit)
                .cloned()
                .collect(),
            Self::SystemUsers(reportee) => {
                let after = Uuid::try_parse(after).unwrap_or(Uuid::nil());
                let found = store::system_users_for(
                    &mut *endpoints.db.acquire().await?,
                    *reportee,
                    after,
                    most,
                )
                .await?;
                found.iter().map(Uuid::to_string).collect()
            }
            Self::Parties(system_user) => {
                store::parties_of(
                    &mut *endpoints.db.acquire().await?,
                    *system_user,
                    after,
                    most,
                )
                .await?
            }
        })
    }
}

impl QuestionCaller<'_> {
    async fn search(
        &self,
        searched: SearchedKind,
        members: &Map<String, Value>,
    ) -> ApiResult<Response> {
        let (now, keys) = (self.endpoints.clock.seconds(), &self.endpoints.identity);
        let principal = &self.owner.caller.principal;
        let caller = principal
            .organization()
            .map(|org| org.to_string())
            .unwrap_or_default();
        let asked = RequestedSearchPage::read(members, searched.as_str(), &caller, keys, now)
            .map_err(bad)?;
        let search = AuthzenSearch::read(searched, members).map_err(bad)?;
        let attributes = search.sources().attributes();
        if attributes > MAX_ATTRIBUTES {
            return Err(bad(ExceededBound::Attributes.to_string()));
        }
        let _space = self.wait_for_space(CHUNK, attributes).await?;
        let template = search.question(search.placeholder()).map_err(bad)?;
        let environment = ContextEnvironment::of(template.context);
        let source = self.source(&search, &template, &environment).await?;
        let limit = asked.place.limit;
        // What the candidates of a chunk have together is bounded too. The first chunk is small, so that
        // each page makes progress where decisions take long.
        let most = (MAX_ATTRIBUTES / attributes.max(1)).clamp(1, CHUNK);
        let mut chunk = FIRST_CHUNK.min(most);
        let began = Instant::now();
        let (mut hits, mut seen, mut after) = (Vec::new(), 0, asked.place.after.clone());
        let mut is_whole = false;
        // On the first page it goes on a little, to say how many hits there are.
        while !is_whole
            && seen < MOST
            && (hits.len() <= limit || (!asked.is_later && seen < COUNTED))
        {
            let candidates = source.next(self.endpoints, &after, chunk).await?;
            let (found, last) = (candidates.len(), candidates.last().cloned());
            match self.confirm(&search, candidates, &environment).await {
                Ok(more) => hits.extend(more),
                // What was decided so far is an answer; the next page goes on from there.
                Err(UndecidedCause::Excess(ExceededBound::Evaluation)) if seen > 0 => break,
                Err(error) => return Err(undecided(error)),
            }
            is_whole = found < chunk;
            chunk = (chunk * 4).min(most);
            seen += found;
            if let Some(last) = last {
                after = last;
            }
            if began.elapsed() > SEARCH_TIMEOUT {
                break;
            }
        }
        let total = asked
            .place
            .total
            .or_else(|| (is_whole && !asked.is_later).then_some(hits.len()));
        let next = match (hits.len() > limit, is_whole) {
            (true, _) => hits.get(limit - 1).cloned(),
            (false, true) => None,
            (false, false) => Some(after),
        };
        hits.truncate(limit);
        let results: Vec<Value> = hits.iter().map(|hit| search.to_json(hit)).collect();
        Ok(Json(asked.answer(&results, next, total, keys, now)).into_response())
    }

    /// Candidates of a search; a superset of its hits.
    async fn source(
        &self,
        search: &AuthzenSearch<'_>,
        template: &AuthzenQuestion<'_>,
        environment: &ContextEnvironment<'_>,
    ) -> ApiResult<CandidateSource> {
        let nothing = CandidateSource::Listed(Vec::new());
        if self.has_fixture()
            && (fixture::knows(template.subject.kind) || fixture::knows(template.resource.kind))
        {
            let kind = if search.searched == SearchedKind::Subject {
                fixture::USER
            } else {
                fixture::RECORD
            };
            let is_fitting = search.kind.is_empty() || search.kind == kind;
            let all = fixture::candidates(search.searched)
                .iter()
                .map(|name| (*name).to_owned());
            return Ok(if is_fitting {
                CandidateSource::Listed(all.collect())
            } else {
                nothing
            });
        }
        let token = template.access_token().map_err(bad)?;
        let mut tokens = TokenSystemUsers::new();
        if search.searched != SearchedKind::Subject
            && self
                .objection(template, token, &mut tokens)
                .await?
                .is_some()
        {
            return Ok(nothing);
        }
        let Ok(request) = template.request(environment).map_err(bad)? else {
            return Ok(nothing);
        };
        let DecisionFacts { resource, pair } = self
            .endpoints
            .pdp
            .facts_of(self.call.view(), &request)
            .await?;
        match (search.searched, search.kind.as_str()) {
            (SearchedKind::Subject, "systemuser" | SYSTEM_USER) => {
                let Some(resource) = resource else {
                    return Ok(nothing);
                };
                if !self.may_search(&resource) {
                    return Err(ApiError::Empty(StatusCode::FORBIDDEN));
                }
                Ok(pair
                    .and_then(|pair| {
                        pair.reportee
                            .as_ref()
                            .map(|known| CandidateSource::SystemUsers(known.party.key))
                    })
                    .unwrap_or(nothing))
            }
            (SearchedKind::Resource, "resource" | RESOURCE) => match pair {
                Some(pair) => Ok(CandidateSource::Listed(self.resources_for(&pair).await?)),
                None => Ok(nothing),
            },
            (SearchedKind::Resource, "party") => {
                if !resource.is_some_and(|resource| self.may_search(&resource)) {
                    return Ok(nothing);
                }
                let key = pair
                    .filter(|pair| pair.system_user.is_some())
                    .and_then(|pair| pair.subject.as_ref().map(|party| party.key));
                Ok(key.map_or(nothing, CandidateSource::Parties))
            }
            (SearchedKind::Action, _) => {
                let Some(resource) = resource.filter(|resource| self.may_search(resource)) else {
                    return Ok(nothing);
                };
                let mut actions: BTreeSet<String> = BTreeSet::new();
                if let Some(policy) = &resource.policy {
                    let permits = rights::rule_facts(&policy.policy)
                        .filter(|rule| rule.effect == Some(Effect::Permit));
                    actions.extend(permits.flat_map(|rule| rule.actions));
                }
                if let Some(pair) = pair {
                    let rights = self
                        .single_rights(&pair, Some(&resource.identifier))
                        .await?;
                    actions.extend(rights.into_iter().map(|right| right.action));
                }
                Ok(CandidateSource::Listed(actions.into_iter().collect()))
            }
            _ => Ok(nothing),
        }
    }

    /// Whether the caller may learn by a search who may do what with a resource: one evaluation is
    /// free to every caller, a search would return whole lists of clients.
    fn may_search(&self, resource: &Resource) -> bool {
        let principal = &self.owner.caller.principal;
        principal.scopes.contains(AUTHORIZE_ADMIN)
            || principal
                .organization()
                .is_some_and(|org| org.as_str() == resource.owner_org)
    }

    /// Resources of single rights, and those whose policies name something that the subject holds.
    async fn resources_for(&self, pair: &PairFacts) -> ApiResult<Vec<String>> {
        let packages = pair
            .packages
            .iter()
            .filter_map(|key| self.endpoints.catalogue.package(*key));
        let mut subjects: Vec<String> = packages
            .map(|package| format!("urn:altinn:accesspackage:{}", package.value()))
            .collect();
        subjects.extend(
            pair.roles
                .iter()
                .map(|(id, value)| format!("{id}:{}", value.to_lowercase())),
        );
        let named =
            resources::resources_of_subjects(&mut *self.endpoints.db.acquire().await?, &subjects)
                .await?;
        let mut all: BTreeSet<String> = named
            .into_iter()
            .flat_map(|(_, identifiers)| identifiers)
            .collect();
        let rights = self.single_rights(pair, None).await?;
        all.extend(rights.into_iter().map(|right| right.resource));
        Ok(all.into_iter().collect())
    }

    /// Single rights of a pair, on one resource or on all, those through sub-units included.
    async fn single_rights(
        &self,
        pair: &PairFacts,
        resource: Option<&str>,
    ) -> ApiResult<Vec<SingleRight>> {
        let mut rights: Vec<SingleRight> =
            pair.rights.iter().map(|held| held.right.clone()).collect();
        if pair.has_key_role
            && let (Some(person), Some(reportee)) = (&pair.subject, &pair.reportee)
        {
            let question = SubUnitQuestion {
                person: person.key,
                reportee: reportee.party.key,
                resource,
                action: None,
            };
            let mut db = self.endpoints.db.acquire().await?;
            let found = parties::rights_of_sub_units(&mut db, &[question]).await?;
            rights.extend(
                found
                    .into_iter()
                    .flat_map(|(_, connection)| connection.rights),
            );
        }
        rights.retain(|right| resource.is_none_or(|resource| right.resource == resource));
        Ok(rights)
    }

    /// Those candidates that would evaluate to true.
    async fn confirm(
        &self,
        search: &AuthzenSearch<'_>,
        candidates: Vec<String>,
        environment: &ContextEnvironment<'_>,
    ) -> Result<Vec<String>, UndecidedCause> {
        // The search was read with a candidate before, and differs in it alone.
        let first = candidates.first().map(|one| search.question(one));
        if self.has_fixture()
            && matches!(first, Some(Ok(question)) if fixture::knows(question.subject.kind))
        {
            let is_hit = |one: &String| search.question(one).is_ok_and(|q| fixture::permits(&q));
            return Ok(candidates.into_iter().filter(is_hit).collect());
        }
        let (mut names, mut requests): (Vec<&String>, Vec<PartialRequest<'_>>) =
            (Vec::new(), Vec::new());
        for candidate in &candidates {
            if let Ok(Ok(Ok(request))) = search.question(candidate).map(|q| q.request(environment))
            {
                names.push(candidate);
                requests.push(request);
            }
        }
        let view = DecisionMode {
            explain: false,
            is_logged: false,
            ..self.call.view()
        };
        let pdp = &self.endpoints.pdp;
        let decided = pdp.decide_all(view, &requests, self.call.budget()).await?;
        let level = self.endpoints.config.settings.pdp.systemuser_auth_level;
        let may_search = |d: &DecisionDetails| {
            d.resource
                .as_ref()
                .is_some_and(|resource| self.may_search(resource))
        };
        let hits = names.into_iter().zip(decided).filter(|(_, d)| {
            d.decision == Decision::Permit && d.required_level().is_met_by(level) && may_search(d)
        });
        Ok(hits.map(|(name, _)| name.clone()).collect())
    }
}
