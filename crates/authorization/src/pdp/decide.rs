//! Decisions, from the attributes of a request to the answer.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use super::{
    DecisionDetails, DecisionMode, DecisionReason, LevelSubject, PartialRequest, Pdp, RequestFault,
    attributes::{PolicyAttributes, complete_parties},
    budget::{
        CallBudget, ExceededBound, INLINE_STEPS, MAX_ANSWER_BYTES, OutOfSteps, StepMeter,
        UndecidedCause,
    },
    decided::{DecisionBasis, EchoedAttribute, echo_bytes},
    explain,
    memory::{KnownParty, PairFacts, PairKey},
    policy_findings::PolicyFindings,
    question::{DecisionQuestion, QuestionSubject, TWO_PARTIES, TWO_SUBJECTS},
    single_rights,
};
use foundation::db::{DbError, feed::Fact};
use registers::{
    packages::Package,
    parties::{Party, PartyKind},
    resources::{self, Resource},
};
use xacml::{Code, Decision, Environment, Limits, PreparedRequest, Scratch, ids};

/// Either the answer, or the facts to go on with.
type StepResult<T> = Result<T, RequestFault>;

/// Why a decision was not made from beginning to end.
enum DecisionStop {
    /// Something is wrong with the request or the policy: it is Indeterminate.
    Fault(RequestFault),
    /// It needs more steps than it may take here.
    OutOfSteps,
}

impl From<OutOfSteps> for DecisionStop {
    fn from(_: OutOfSteps) -> Self {
        Self::OutOfSteps
    }
}

/// What one question is decided on, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct DecisionFacts {
    pub(super) resource: Option<Arc<Resource>>,
    pub(super) pair: Option<Arc<Fact<PairFacts>>>,
}

/// Resources and pairs as they were read.
type ReadFacts = (
    HashMap<String, Arc<Resource>>,
    HashMap<PairKey, Arc<Fact<PairFacts>>>,
);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Pdp {
    /// Decides one request.
    ///
    /// # Errors
    /// The facts cannot be had. Faults of the request are Indeterminate decisions, not errors.
    pub async fn decide(
        &self,
        view: DecisionMode,
        request: &PartialRequest<'_>,
    ) -> Result<DecisionDetails, DbError> {
        let only = std::slice::from_ref(request);
        match self.decide_all(view, only, &CallBudget::default()).await {
            Ok(mut all) => Ok(all.pop().unwrap_or_else(|| {
                DecisionDetails::faulty(request, &RequestFault::Processing("nothing was asked"))
            })),
            Err(UndecidedCause::Database(error)) => Err(error),
            Err(UndecidedCause::Excess(excess)) => Ok(DecisionDetails::faulty(
                request,
                &RequestFault::Processing(excess.message()),
            )),
        }
    }

    /// Decides requests, in order. What is not in memory is read at once for all of them. Decisions
    /// that take long are made in a thread where no other request waits for them.
    ///
    /// # Errors
    /// The facts cannot be had, or the budget is used up. Faults of a request are Indeterminate
    /// decisions, not errors.
    pub(super) async fn decide_all(
        &self,
        view: DecisionMode,
        requests: &[PartialRequest<'_>],
        budget: &CallBudget,
    ) -> Result<Vec<DecisionDetails>, UndecidedCause> {
        let echoed: usize = requests.iter().map(bytes_of_echo).sum();
        if echoed > MAX_ANSWER_BYTES {
            return Err(ExceededBound::Answer.into());
        }
        let questions: Vec<StepResult<DecisionQuestion<'_>>> = requests
            .iter()
            .map(|request| DecisionQuestion::of(request, &self.identity))
            .collect();
        let facts = self.gather(view, &questions).await?;
        let (mut all, rest) = self.judge_inline(view, requests, &questions, facts, budget)?;
        if let Some(rest) = rest {
            let work = || {
                let n = all.len();
                self.judge_all(view, &requests[n..], &questions[n..], rest, budget)
            };
            let rest = Box::pin(self.capacity.evaluate(work)).await?;
            all.extend(rest);
        }
        if all.iter().any(|decided| decided.looks_in_sub_units) {
            Box::pin(self.look_in_sub_units(&questions, requests, &mut all)).await?;
        }
        for (request, decided) in requests.iter().zip(&mut all) {
            if decided.decision != Decision::Indeterminate {
                decided.echo.splice(0..0, echo(request));
            }
        }
        if view.explain {
            Box::pin(self.explain(&questions, &mut all, budget)).await?;
        }
        Ok(all)
    }

    /// Judges requests as long as that takes little time. The rest of the facts are those of the
    /// requests for which it would take more.
    fn judge_inline(
        &self,
        view: DecisionMode,
        requests: &[PartialRequest<'_>],
        questions: &[StepResult<DecisionQuestion<'_>>],
        facts: Vec<DecisionFacts>,
        budget: &CallBudget,
    ) -> Result<
        (
            Vec<DecisionDetails>,
            Option<std::vec::IntoIter<DecisionFacts>>,
        ),
        ExceededBound,
    > {
        let mut all = Vec::with_capacity(requests.len());
        let mut meter = StepMeter::new(INLINE_STEPS.min(budget.left()));
        let mut waiting = facts.into_iter();
        for (request, question) in requests.iter().zip(questions) {
            let before = meter;
            let facts = waiting.as_mut_slice().first_mut().map(std::mem::take);
            match self.judge(
                view,
                request,
                question,
                facts.unwrap_or_default(),
                &mut meter,
            ) {
                Ok(decided) => all.push(decided),
                Err(facts) => {
                    if let Some(first) = waiting.as_mut_slice().first_mut() {
                        *first = facts;
                    }
                    budget.take(before.taken())?;
                    return Ok((all, Some(waiting)));
                }
            }
            waiting.next();
        }
        budget.take(meter.taken())?;
        Ok((all, None))
    }

    /// Judges requests by the facts for each of them.
    fn judge_all(
        &self,
        view: DecisionMode,
        requests: &[PartialRequest<'_>],
        questions: &[StepResult<DecisionQuestion<'_>>],
        facts: impl Iterator<Item = DecisionFacts>,
        budget: &CallBudget,
    ) -> Result<Vec<DecisionDetails>, ExceededBound> {
        let (mut all, mut explained) = (Vec::with_capacity(requests.len()), 0);
        for ((request, question), facts) in requests.iter().zip(questions).zip(facts) {
            let mut meter = StepMeter::new(budget.left());
            let decided = self
                .judge(view, request, question, facts, &mut meter)
                .map_err(|_| ExceededBound::Evaluation)?;
            budget.take(meter.taken())?;
            explained += decided.findings.as_ref().map_or(0, PolicyFindings::bytes);
            if explained > MAX_ANSWER_BYTES {
                return Err(ExceededBound::Answer);
            }
            all.push(decided);
        }
        Ok(all)
    }

    /// What a request would be decided on; nothing when it is not well formed.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub(super) async fn facts_of(
        &self,
        view: DecisionMode,
        request: &PartialRequest<'_>,
    ) -> Result<DecisionFacts, DbError> {
        let Ok(question) = DecisionQuestion::of(request, &self.identity) else {
            return Ok(DecisionFacts::default());
        };
        let key = (question.subject, question.reportee);
        let mut facts = self
            .gather(view, &[Ok(question)])
            .await?
            .pop()
            .unwrap_or_default();
        if facts.pair.is_none() {
            // A decision about no resource needs no pair; a search for resources does.
            facts.pair = self.memory.read(&self.db, &[key]).await?.pop();
        }
        Ok(facts)
    }

    /// What a permit rests on, as `kind:name`; none when it rests on the policy alone. Of a decision
    /// whose view names packages.
    #[must_use]
    pub fn granted_by(&self, decided: &DecisionDetails) -> Option<String> {
        if let Some(DecisionBasis::SingleRight { assignment, .. }) = &decided.by {
            return Some(format!("single_right:{assignment}"));
        }
        let package = self.catalogue.package(*decided.packages.first()?)?;
        Some(format!("access_package:{}", package.value()))
    }

    /// The facts for each question, from memory where it may answer. At most one reading of
    /// resources and one of pairs.
    async fn gather(
        &self,
        view: DecisionMode,
        questions: &[StepResult<DecisionQuestion<'_>>],
    ) -> Result<Vec<DecisionFacts>, DbError> {
        let from_memory = view.from_memory && self.feed.is_followed();
        let mut facts = Vec::with_capacity(questions.len());
        let (mut resources, mut pairs): (Vec<String>, Vec<PairKey>) = (Vec::new(), Vec::new());
        for question in questions {
            let mut one = DecisionFacts::default();
            if let Ok(question) = question {
                let known = if from_memory {
                    self.resources.get(&question.resource)
                } else {
                    resources::CachedResource::Unknown
                };
                let is_absent = matches!(known, resources::CachedResource::Absent);
                match known {
                    resources::CachedResource::Live(resource) => one.resource = Some(resource),
                    resources::CachedResource::Absent => {}
                    resources::CachedResource::Unknown => {
                        if !resources.iter().any(|r| *r == question.resource) {
                            resources.push(question.resource.clone().into_owned());
                        }
                    }
                }
                if !is_absent {
                    let key = (question.subject, question.reportee);
                    one.pair = if from_memory {
                        self.memory.get(&key)
                    } else {
                        None
                    };
                    if one.pair.is_none() && !pairs.contains(&key) {
                        pairs.push(key);
                    }
                }
            }
            facts.push(one);
        }
        self.counters.looked_up(questions.len(), pairs.len());
        if resources.is_empty() && pairs.is_empty() {
            return Ok(facts);
        }
        // What answers from memory does not carry the size of the future that reads.
        let (read, read_pairs) = Box::pin(self.read(&resources, &pairs, !from_memory)).await?;
        for (question, one) in questions.iter().zip(&mut facts) {
            if let Ok(question) = question {
                one.resource = one
                    .resource
                    .take()
                    .or_else(|| read.get(&*question.resource).cloned());
                one.pair = one.pair.take().or_else(|| {
                    read_pairs
                        .get(&(question.subject, question.reportee))
                        .cloned()
                });
            }
        }
        Ok(facts)
    }

    async fn read(
        &self,
        resources: &[String],
        pairs: &[PairKey],
        anew: bool,
    ) -> Result<ReadFacts, DbError> {
        let read = if resources.is_empty() {
            HashMap::new()
        } else {
            self.resources.read(&self.db, resources, anew).await?
        };
        let read_pairs = if pairs.is_empty() {
            Vec::new()
        } else {
            self.memory.read(&self.db, pairs).await?
        };
        Ok((read, pairs.iter().copied().zip(read_pairs).collect()))
    }

    /// Decides by the facts. They are given back when it takes more steps than there are.
    fn judge(
        &self,
        view: DecisionMode,
        request: &PartialRequest<'_>,
        question: &StepResult<DecisionQuestion<'_>>,
        facts: DecisionFacts,
        meter: &mut StepMeter,
    ) -> Result<DecisionDetails, DecisionFacts> {
        let question = match question {
            Ok(question) => question,
            Err(fault) => {
                let mut decided = DecisionDetails::faulty(request, fault);
                if view.explain {
                    decided.findings = Some(PolicyFindings::default());
                }
                return Ok(decided);
            }
        };
        let mut decided = DecisionDetails::open();
        let DecisionFacts { resource, pair } = facts;
        let has_policy = |resource: &&Resource| resource.policy.is_some();
        let known = (
            resource.as_deref().filter(has_policy),
            pair.as_deref().map(|pair| &**pair),
        );
        match self.try_judge(view, request, question, known, &mut decided, meter) {
            Ok(()) => {}
            Err(DecisionStop::Fault(fault)) => decided.fail(request, &fault),
            Err(DecisionStop::OutOfSteps) => return Err(DecisionFacts { resource, pair }),
        }
        let resource = resource.filter(|resource| resource.policy.is_some());
        decided.pair = pair.filter(|_| resource.is_some());
        decided.resource = resource;
        Ok(decided)
    }

    fn try_judge(
        &self,
        view: DecisionMode,
        request: &PartialRequest<'_>,
        question: &DecisionQuestion<'_>,
        (resource, pair): (Option<&Resource>, Option<&PairFacts>),
        decided: &mut DecisionDetails,
        meter: &mut StepMeter,
    ) -> Result<(), DecisionStop> {
        let processing = |message| DecisionStop::Fault(RequestFault::Processing(message));
        let known = resource.and_then(|resource| Some((resource, resource.policy.as_deref()?)));
        let Some((resource, policy)) = known else {
            decided.reason = DecisionReason::UnknownResource;
            return Err(processing("the resource is unknown, or has no policy"));
        };
        let Some(pair) = pair else {
            return Err(processing("the facts are not known"));
        };
        let reportee = pair.reportee.as_ref();
        if question.is_contradictory
            || reportee.is_some_and(|r| !r.has_number || !question.reportee.fits(&r.party))
        {
            return Err(processing(TWO_PARTIES));
        }
        let has_all_names =
            |subject: &Party| pair.subject_has_number && question.subject.fits(subject);
        if !pair.subject.as_ref().is_none_or(has_all_names) {
            return Err(processing(TWO_SUBJECTS));
        }
        let reportee = reportee.map(|known: &KnownParty| &known.party);
        if question.who == QuestionSubject::NationalId && pair.subject.is_none() {
            decided.reason = DecisionReason::UnknownSubject;
            return Err(processing("the person is unknown"));
        }
        let is_system_user = matches!(question.who, QuestionSubject::SystemUser(_));
        if is_system_user && !pair.system_user.as_ref().is_some_and(|user| user.is_active) {
            decided.decision = Decision::NotApplicable;
            decided.reason = if pair.system_user.is_some() {
                DecisionReason::InactiveSubject
            } else {
                DecisionReason::UnknownSubject
            };
            return Ok(());
        }
        if is_system_user {
            decided.subject = LevelSubject::SystemUser;
        }
        let kind = pair.subject.as_ref().map(|party| party.kind);
        let is_person = kind == Some(PartyKind::Person) && question.who.may_be_person();
        // An organisation has packages by its uuid, not by its number.
        let is_organization =
            kind == Some(PartyKind::Organization) && question.who == QuestionSubject::Party;
        let to_read = PolicyAttributes::steps_to_read(request);
        meter.take(to_read)?;
        let mut attributes = PolicyAttributes::of(request, question);
        attributes.complete_resource(&question.resource);
        complete_parties(
            &question.names,
            reportee,
            pair,
            &mut attributes,
            &mut decided.echo,
        );
        if is_system_user || is_person || is_organization {
            if policy.mentions_packages {
                let packages = pair
                    .packages
                    .iter()
                    .filter_map(|key| self.catalogue.package(*key))
                    .map(Package::value);
                attributes
                    .category(ids::SUBJECT)
                    .add_texts("urn:altinn:accesspackage", packages);
            }
            if policy.mentions_roles && is_person {
                for (id, value) in &pair.roles {
                    attributes.category(ids::SUBJECT).add_text(*id, &**value);
                }
            }
        }
        if policy.mentions_access_lists && question.names_lists_of_subject() {
            let lists = pair.subject_lists.iter().map(String::as_str);
            attributes
                .category(ids::SUBJECT)
                .add_texts("urn:altinn:access-list", lists);
        }
        let (decision, status) = SCRATCH.with_borrow_mut(|Scratch { binding, work }| {
            let environment = Environment::at(self.clock.seconds());
            let prepared =
                PreparedRequest::new(&policy.program, &attributes.0, environment, binding);
            let evaluation = if view.explain {
                prepared.explain_within(meter.left(), work)
            } else {
                prepared.evaluate_within(meter.left(), work)
            };
            if evaluation.is_exceeded() && meter.left() < Limits::DEFAULT.steps {
                return Err(OutOfSteps);
            }
            meter.take(evaluation.steps() as usize)?;
            let outcome = (
                evaluation.decision(),
                evaluation.fault().map_or(Code::Ok, |f| f.code),
            );
            decided.by = evaluation
                .rule()
                .zip(evaluation.rule_number())
                .map(|(id, number)| DecisionBasis::Rule {
                    id: id.to_owned(),
                    number,
                });
            if view.explain {
                let trace = evaluation.into_trace();
                meter.take(PolicyFindings::steps(&trace, policy))?;
                decided.findings = Some(PolicyFindings::of(policy, &trace, question.action()));
            }
            Ok(outcome)
        })?;
        (decided.decision, decided.status) = (decision, status);
        if view.is_logged {
            decided.context = Some(attributes.written(pair, view.context_bytes));
        }
        decided.reason = match decision {
            Decision::Permit if policy.mentions_packages && (is_system_user || is_organization) => {
                DecisionReason::AccessPackage
            }
            Decision::Permit if policy.mentions_roles && is_person => DecisionReason::Role,
            Decision::Permit => DecisionReason::Policy,
            Decision::Deny => DecisionReason::DeniedByPolicy,
            Decision::NotApplicable if !question.names_reportee => DecisionReason::MissingParty,
            Decision::NotApplicable if reportee.is_none() => DecisionReason::UnknownParty,
            Decision::NotApplicable => DecisionReason::NoApplicableRule,
            Decision::Indeterminate => DecisionReason::ProcessingError,
        };
        if decision == Decision::Indeterminate {
            decided.message = Some("The policy cannot be evaluated for this request.");
        }
        let action = question.action();
        if decision == Decision::NotApplicable
            && let (Some(reportee), Some(action)) = (reportee, action)
            && single_rights::may_decide(question.who, pair, reportee)
        {
            meter.take(pair.rights.len() / RIGHTS_PER_STEP)?;
            let of_this = single_rights::of_action(&pair.rights, &resource.identifier, action);
            meter.take(of_this.count().saturating_mul(request.values.len()) / RIGHTS_PER_STEP)?;
            match single_rights::matching(&pair.rights, &resource.identifier, action, &attributes) {
                Some(right) => decided.permit_by(right),
                None if is_person && pair.has_key_role => {
                    // They are read once more then.
                    meter.take(to_read)?;
                    decided.looks_in_sub_units = true;
                }
                None => {}
            }
        }
        if decided.decision == Decision::Permit && (view.explain || view.names_packages) {
            let rule = explain::deciding_rule(policy, decided.by.as_ref());
            meter.take(rule.map_or(0, explain::alternatives_of) / RIGHTS_PER_STEP)?;
            if let Some(rule) = rule {
                decided.packages = explain::deciding_packages(rule, pair, &self.catalogue);
            }
        }
        if decided.decision == Decision::Permit {
            decided.finish_permit(resource, pair, action.unwrap_or_default());
        }
        Ok(())
    }
}

/// Rights, or alternatives of a rule, that are looked at in the time of one step.
const RIGHTS_PER_STEP: usize = 4;

fn bytes_of_echo(request: &PartialRequest<'_>) -> usize {
    let echoed = request.values.iter().filter(|v| v.include_in_result);
    echoed.map(|v| echo_bytes(&v.id, &v.value)).sum()
}

fn echo(request: &PartialRequest<'_>) -> impl Iterator<Item = EchoedAttribute> {
    request
        .values
        .iter()
        .filter(|v| v.include_in_result)
        .map(|v| EchoedAttribute {
            category: v.category.clone().into_owned(),
            id: v.id.clone().into_owned(),
            data_type: v.data_type,
            value: v.value.clone().into_owned(),
        })
}
