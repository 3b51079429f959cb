//! Evaluation of rules, policies and policy sets (sections 7.7 and 7.11 to 7.15 of the standard).

use super::{
    TargetClause,
    bind::{PreparedRequest, Scratch},
    code::{CompiledHead, CompiledRule, CompiledTarget, NodeKind, ObligationList, ProgramNode},
    combine::{Combiner, CombiningAlgorithm, ElementValue, IndeterminateExtent},
    evaluation::{ComputedObligation, Evaluation, decision, missing},
    index,
    list::{ListRange, NONE},
    run::EvaluationRun,
    trace::{StepReason, Trace, TraceStep},
    work::{ContributingPolicy, EmittedObligation, EvaluationMemory},
};
use crate::{
    error::{Code, Fault, FaultDetail},
    functions::{EXCEEDED, EvaluationBudget, Operand},
    policy::Effect,
};

/// Value of a target (section 7.7 of the standard).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetMatch {
    /// The policy applies to the request.
    Match,
    /// The policy does not apply to the request.
    NoMatch,
    /// The target could not be evaluated.
    Indeterminate(Fault),
}

impl PreparedRequest<'_> {
    /// Decides. Rules and policies that the indexes rule out are not evaluated.
    pub fn evaluate<'e>(&'e self, work: &'e mut EvaluationMemory) -> Evaluation<'e> {
        self.run::<false>(false, self.environment.limits.steps, false, work)
    }

    /// Decides in at most so many steps, which the limit of the environment bounds too. An evaluation
    /// that needs more is Indeterminate, and [is exceeded](Evaluation::is_exceeded).
    pub fn evaluate_within<'e>(
        &'e self,
        steps: u32,
        work: &'e mut EvaluationMemory,
    ) -> Evaluation<'e> {
        let steps = steps.min(self.environment.limits.steps);
        self.run::<false>(false, steps, false, work)
    }

    /// Explains in at most so many steps; otherwise as [`PreparedRequest::explain`].
    pub fn explain_within<'e>(
        &'e self,
        steps: u32,
        work: &'e mut EvaluationMemory,
    ) -> Evaluation<'e> {
        let steps = steps.min(self.environment.limits.steps);
        self.run::<true>(false, steps, false, work)
    }

    /// Decides, and collects the policies that contribute, as `ReturnPolicyIdList` asks for.
    pub fn evaluate_with_policies<'e>(&'e self, work: &'e mut EvaluationMemory) -> Evaluation<'e> {
        self.run::<false>(true, self.environment.limits.steps, false, work)
    }

    /// Decides, and records each step as a [`Trace`]. Every rule and policy is evaluated, until the
    /// combining algorithm needs no more of them, so that it takes longer than
    /// [`PreparedRequest::evaluate`]; the decision is the same. `collect_policies` also collects the
    /// policies that contribute.
    pub fn explain<'e>(
        &'e self,
        collect_policies: bool,
        work: &'e mut EvaluationMemory,
    ) -> Evaluation<'e> {
        self.run::<true>(collect_policies, self.environment.limits.steps, false, work)
    }

    /// The value of the root's target: whether the policy applies to the request.
    pub fn target(&self, work: &mut EvaluationMemory) -> TargetMatch {
        match self
            .run::<false>(false, self.environment.limits.steps, true, work)
            .verdict
        {
            ElementValue::Decided(_) => TargetMatch::Match,
            ElementValue::NotApplicable => TargetMatch::NoMatch,
            ElementValue::Indeterminate(_, fault) => TargetMatch::Indeterminate(fault),
        }
    }

    fn run<'e, const TRACED: bool>(
        &'e self,
        collect_policies: bool,
        steps: u32,
        target_only: bool,
        work: &'e mut EvaluationMemory,
    ) -> Evaluation<'e> {
        // Again, since other work may have evicted the program after the request was prepared.
        std::hint::black_box(self.program.hot.code.prefetch());
        work.emissions.clear();
        work.contributions.clear();
        work.candidates.clear();
        let limits = self.environment.limits;
        let mut run = EvaluationRun::<TRACED> {
            program: self.program,
            given: self.given,
            extra: &self.extra,
            binding: self.binding,
            budget: EvaluationBudget {
                limits,
                zone: self.environment.zone(),
                steps,
                patterns: limits.patterns,
                is_exceeded: false,
            },
            variables: Vec::new(),
            environment: self.environment,
            reference_depth: self.reference_depth,
            work,
            computed: Vec::new(),
            referenced_policies: Vec::new(),
            referenced_missing: Vec::new(),
            collect_policies,
            trace: Trace::default(),
            described: 0,
            depth: 0,
            deciders: [NONE; 2],
        };
        let verdict = if run.budget.spend(self.cost()).is_err() {
            ElementValue::NotApplicable
        } else if target_only {
            run.target_verdict(0)
        } else {
            run.node(0)
        };
        // A combining algorithm may turn an error into a decision, and no rule may decide because
        // another one was not evaluated.
        let verdict = if run.budget.is_exceeded {
            ElementValue::Indeterminate(IndeterminateExtent::Both, EXCEEDED)
        } else {
            verdict
        };
        let EvaluationRun {
            described,
            computed,
            referenced_policies,
            referenced_missing,
            trace,
            budget,
            work,
            deciders,
            ..
        } = run;
        Evaluation {
            program: self.program,
            verdict,
            work,
            computed,
            referenced_policies,
            referenced_missing,
            given: self.given,
            trace,
            steps_left: budget.steps,
            steps: (steps - budget.steps).saturating_add(described),
            is_exceeded: budget.is_exceeded,
            deciders,
        }
    }

    /// Steps of preparing the request.
    fn cost(&self) -> usize {
        let slots = self.program.hot.dictionaries.len() as usize / SLOTS_PER_STEP;
        slots + self.binding.values
    }
}

/// Attributes that a program refers to whose values are reset in the time of one step.
const SLOTS_PER_STEP: usize = 16;
/// Symbols that are looked up in a set in the time of one step.
const LOOKUPS_PER_STEP: usize = 4;

impl<'r, const TRACED: bool> EvaluationRun<'r, '_, TRACED> {
    // The depth of nodes is that of the document, which is bounded, as is that of references.
    fn node(&mut self, offset: u32) -> ElementValue {
        let program = self.program;
        let Some(node) = program.hot.code.node(offset) else {
            return DAMAGED;
        };
        let traced = self.enter(|| {
            let element = match node.kind {
                NodeKind::Policy { .. } => "Policy",
                NodeKind::PolicySet(_) => "PolicySet",
                NodeKind::Reference(_) => "Reference",
            };
            let name = program.nodes.get(node.head.number as usize);
            TraceStep::of(element, name.map(|name| &*name.id))
        });
        let verdict = self.node_verdict(&node, traced);
        self.leave(traced, verdict, None);
        verdict
    }

    fn node_verdict(&mut self, node: &ProgramNode<'r>, traced: usize) -> ElementValue {
        if let Err(fault) = self.budget.spend(1) {
            return ElementValue::Indeterminate(IndeterminateExtent::Both, fault);
        }
        let CompiledHead {
            number,
            stub,
            target,
            obligations,
        } = node.head;
        if stub != NONE {
            return ElementValue::Indeterminate(IndeterminateExtent::Both, self.stub(stub));
        }
        let matched = match node.kind {
            NodeKind::Reference(reference) => return self.reference(reference, false),
            _ => self.target(target),
        };
        if matched == TargetMatch::NoMatch {
            self.explain_mismatch(traced, target);
            return ElementValue::NotApplicable;
        }
        let (emitted, contributed) = (self.work.emissions.len(), self.work.contributions.len());
        let combined = match node.kind {
            NodeKind::Policy { first, count } => self.rules(node, first, count),
            NodeKind::PolicySet(children)
                if node.algorithm == CombiningAlgorithm::OnlyOneApplicable =>
            {
                self.only_one(children)
            }
            NodeKind::PolicySet(children) => self.children(node, children),
            NodeKind::Reference(_) => DAMAGED,
        };
        let verdict = match (matched, combined) {
            (TargetMatch::Indeterminate(fault), ElementValue::Decided(effect)) => {
                ElementValue::Indeterminate(effect.into(), fault)
            }
            (TargetMatch::Indeterminate(fault), ElementValue::Indeterminate(extent, _)) => {
                ElementValue::Indeterminate(extent, fault)
            }
            (_, verdict) => verdict,
        };
        self.conclude(obligations, verdict, emitted, contributed, Some(number))
    }

    /// Keeps the obligations and policies of children that decided the same, and adds those of this
    /// element (section 7.18 of the standard).
    fn conclude(
        &mut self,
        obligations: ObligationList<'r>,
        verdict: ElementValue,
        emitted: usize,
        contributed: usize,
        node: Option<u32>,
    ) -> ElementValue {
        let ElementValue::Decided(effect) = verdict else {
            self.work.emissions.truncate(emitted);
            self.work.contributions.truncate(contributed);
            return verdict;
        };
        keep_from(&mut self.work.emissions, emitted, |e| e.effect == effect);
        keep_from(&mut self.work.contributions, contributed, |c| {
            c.effect == effect
        });
        if let Err(fault) = self.emit(obligations, effect) {
            self.work.emissions.truncate(emitted);
            self.work.contributions.truncate(contributed);
            return ElementValue::Indeterminate(effect.into(), fault);
        }
        if let Some(number) = node.filter(|_| self.collect_policies) {
            self.work.contributions.push(ContributingPolicy {
                number,
                is_referenced: false,
                effect,
            });
        }
        verdict
    }

    fn emit(&mut self, obligations: ObligationList<'r>, effect: Effect) -> Result<(), Fault> {
        let program = self.program;
        for entry in obligations.iter() {
            self.budget.spend(1)?;
            if entry.effect != effect {
                continue;
            }
            let mut computed = NONE;
            if !entry.constant {
                let assignments = program
                    .obligations
                    .get(entry.number as usize)
                    .map(|o| o.assignments)
                    .unwrap_or_default();
                let mut values = Vec::new();
                for assignment in assignments.numbers() {
                    let Some(expression) = program
                        .assignments
                        .get(assignment as usize)
                        .map(|a| a.expression)
                    else {
                        continue;
                    };
                    match self.expression(expression)? {
                        Operand::One(value) => values.push((assignment, value)),
                        Operand::Bag(bag) => {
                            values.extend(bag.into_iter().map(|value| (assignment, value)));
                        }
                    }
                }
                computed = u32::try_from(self.computed.len()).unwrap_or(NONE);
                self.computed.push(ComputedObligation::Values(values));
            }
            self.work.emissions.push(EmittedObligation {
                obligation: entry.number,
                effect,
                advice: entry.advice,
                computed,
            });
        }
        Ok(())
    }

    fn rules(&mut self, node: &ProgramNode<'r>, first: u32, count: u32) -> ElementValue {
        let mut combiner = Combiner::new(node.algorithm);
        let code = &self.program.hot.code;
        if TRACED || node.index.is_empty() {
            let mut offset = first;
            for _ in 0..count {
                let Some(rule) = code.rule(offset) else {
                    return DAMAGED;
                };
                offset = rule.next;
                if self.count_rule(&rule, &mut combiner) {
                    break;
                }
            }
        } else {
            self.each_candidate(node.index, |run, offset| {
                let Some(rule) = code.rule(offset) else {
                    return combiner.add(DAMAGED);
                };
                run.count_rule(&rule, &mut combiner)
            });
        }
        combiner.verdict()
    }

    /// Calls a function for each member that the index finds, until it returns true.
    fn each_candidate(&mut self, index: &[u32], mut is_enough: impl FnMut(&mut Self, u32) -> bool) {
        let start = self.work.candidates.len();
        let found = index::candidates(index, &self.binding.symbols, &mut self.work.candidates);
        if self.budget.spend(found).is_err() {
            self.work.candidates.truncate(start);
            return;
        }
        for n in start..self.work.candidates.len() {
            let Some(offset) = self.work.candidates.get(n).copied() else {
                break;
            };
            if is_enough(self, offset) {
                break;
            }
        }
        self.work.candidates.truncate(start);
    }

    /// Evaluates a rule and combines it with those before it; true when the outcome is final.
    fn count_rule(&mut self, rule: &CompiledRule<'r>, combiner: &mut Combiner) -> bool {
        if !TRACED
            && rule.head.obligations.is_empty()
            && !combiner.needs(rule.effect)
            && rule.head.stub == NONE
        {
            return false;
        }
        if let Err(fault) = self.budget.spend(1) {
            combiner.add(ElementValue::Indeterminate(
                IndeterminateExtent::Both,
                fault,
            ));
            return true;
        }
        let number = rule.head.number;
        let traced = self.enter(|| {
            let name = self.program.rules.get(number as usize);
            TraceStep {
                rule_number: name.map(|name| name.number),
                is_id_repeated: name.is_some_and(|name| name.is_repeated),
                ..TraceStep::of("Rule", name.map(|name| &*name.id))
            }
        });
        let verdict = self.rule(rule, traced);
        if let ElementValue::Decided(effect) = verdict
            && let Some(first) = self
                .deciders
                .get_mut(usize::from(effect == Effect::Deny))
                .filter(|first| **first == NONE)
        {
            *first = number;
        }
        let is_final = combiner.add(verdict);
        self.leave(traced, verdict, None);
        is_final
    }

    fn rule(&mut self, rule: &CompiledRule<'r>, traced: usize) -> ElementValue {
        let CompiledHead {
            stub,
            target,
            obligations,
            ..
        } = rule.head;
        if stub != NONE {
            let extent = if rule.is_effect_unknown {
                IndeterminateExtent::Both
            } else {
                rule.effect.into()
            };
            return ElementValue::Indeterminate(extent, self.stub(stub));
        }
        match self.target(target) {
            TargetMatch::NoMatch => {
                self.explain_mismatch(traced, target);
                return ElementValue::NotApplicable;
            }
            TargetMatch::Indeterminate(fault) => {
                return ElementValue::Indeterminate(rule.effect.into(), fault);
            }
            TargetMatch::Match => {}
        }
        if rule.condition != NONE {
            match self.expression(rule.condition).and_then(|v| v.boolean()) {
                Ok(true) => {}
                Ok(false) => {
                    self.because(traced, StepReason::ConditionFalse);
                    return ElementValue::NotApplicable;
                }
                Err(fault) => return ElementValue::Indeterminate(rule.effect.into(), fault),
            }
        }
        if obligations.is_empty() {
            return ElementValue::Decided(rule.effect);
        }
        let (emitted, contributed) = (self.work.emissions.len(), self.work.contributions.len());
        self.conclude(
            obligations,
            ElementValue::Decided(rule.effect),
            emitted,
            contributed,
            None,
        )
    }

    fn children(&mut self, node: &ProgramNode<'r>, children: &[u32]) -> ElementValue {
        let mut combiner = Combiner::new(node.algorithm);
        if TRACED || node.index.is_empty() {
            for child in children {
                let verdict = self.node(*child);
                if combiner.add(verdict) {
                    break;
                }
            }
        } else {
            self.each_candidate(node.index, |run, child| {
                let verdict = run.node(child);
                combiner.add(verdict)
            });
        }
        combiner.verdict()
    }

    fn only_one(&mut self, children: &[u32]) -> ElementValue {
        let mut only = None;
        for child in children {
            if let Err(fault) = self.budget.spend(1) {
                return ElementValue::Indeterminate(IndeterminateExtent::Both, fault);
            }
            match self.target_verdict(*child) {
                ElementValue::NotApplicable => {}
                ElementValue::Decided(_) if only.is_none() => only = Some(*child),
                ElementValue::Decided(_) => {
                    return ElementValue::Indeterminate(
                        IndeterminateExtent::Both,
                        Fault::processing("more than one policy applies"),
                    );
                }
                ElementValue::Indeterminate(_, fault) => {
                    return ElementValue::Indeterminate(IndeterminateExtent::Both, fault);
                }
            }
        }
        only.map_or(ElementValue::NotApplicable, |child| self.node(child))
    }

    /// The value of a node's target: decided for a match.
    fn target_verdict(&mut self, offset: u32) -> ElementValue {
        let Some(node) = self.program.hot.code.node(offset) else {
            return DAMAGED;
        };
        if node.head.stub != NONE {
            return ElementValue::Indeterminate(
                IndeterminateExtent::Both,
                self.stub(node.head.stub),
            );
        }
        if let NodeKind::Reference(reference) = node.kind {
            return self.reference(reference, true);
        }
        match self.target(node.head.target) {
            TargetMatch::Match => ElementValue::Decided(Effect::Permit),
            TargetMatch::NoMatch => ElementValue::NotApplicable,
            TargetMatch::Indeterminate(fault) => {
                ElementValue::Indeterminate(IndeterminateExtent::Both, fault)
            }
        }
    }

    fn target(&mut self, target: CompiledTarget<'r>) -> TargetMatch {
        let program = self.program;
        let (mut lookups, symbols) = (0, self.binding.symbols.len());
        let is_possible = target.sets().all(|set| {
            lookups += set.len().min(symbols);
            self.binding.has_any(set)
        });
        if let Err(fault) = self.budget.spend(lookups / LOOKUPS_PER_STEP) {
            return TargetMatch::Indeterminate(fault);
        }
        if !is_possible {
            return TargetMatch::NoMatch;
        }
        let mut fault = None;
        for clause in target.clauses.of(&program.clauses) {
            match self.clause(*clause) {
                Ok(true) => {}
                Ok(false) => return TargetMatch::NoMatch,
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(TargetMatch::Match, TargetMatch::Indeterminate)
    }

    fn clause(&mut self, clause: TargetClause) -> Result<bool, Fault> {
        let program = self.program;
        match clause {
            TargetClause::Set { symbols, must } => {
                let set = symbols.of(&program.symbols);
                let lookups = set.len().min(self.binding.symbols.len());
                self.budget.spend(1 + lookups / LOOKUPS_PER_STEP)?;
                if self.binding.has_any(set) {
                    return Ok(true);
                }
                let absent = program
                    .designators
                    .get(must as usize)
                    .is_some_and(|d| self.binding.is_empty(d.slot));
                if absent {
                    Err(Fault::missing(must))
                } else {
                    Ok(false)
                }
            }
            TargetClause::Any(all_ofs) => {
                let mut fault = None;
                for all_of in all_ofs.of(&program.all_ofs) {
                    self.budget.spend(1)?;
                    match self.all_of(*all_of) {
                        Ok(true) => return Ok(true),
                        Ok(false) => {}
                        Err(error) => fault = fault.or(Some(error)),
                    }
                }
                fault.map_or(Ok(false), Err)
            }
        }
    }

    fn all_of(&mut self, matches: ListRange) -> Result<bool, Fault> {
        let mut fault = None;
        for m in matches.of(&self.program.matches) {
            match self.matches(*m) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(Ok(true), Err)
    }

    /// The outcome of a referenced policy, or the value of its target.
    fn reference(&mut self, number: u32, target_only: bool) -> ElementValue {
        let unresolved = |message| {
            ElementValue::Indeterminate(IndeterminateExtent::Both, Fault::processing(message))
        };
        let Some(reference) = self.program.references.get(number as usize) else {
            return DAMAGED;
        };
        if self.reference_depth >= self.environment.limits.reference_depth {
            return unresolved("policies refer to each other too deeply");
        }
        let Some(program) = self.environment.resolver.and_then(|r| r.resolve(reference)) else {
            return unresolved("a referenced policy cannot be found or loaded");
        };
        let Scratch {
            mut binding,
            mut work,
        } = Scratch::default();
        let mut prepared =
            PreparedRequest::prepare(&program, self.given, self.environment, &mut binding);
        prepared.reference_depth = self.reference_depth + 1;
        let evaluation = prepared.run::<false>(
            self.collect_policies,
            self.budget.steps,
            target_only,
            &mut work,
        );
        self.budget.steps = evaluation.steps_left;
        self.budget.is_exceeded |= evaluation.is_exceeded;
        match evaluation.verdict {
            ElementValue::Indeterminate(extent, mut fault) => {
                fault.detail = match evaluation.missing() {
                    None => FaultDetail::None,
                    Some(missing) => {
                        self.referenced_missing.push(missing);
                        FaultDetail::Referenced(
                            u32::try_from(self.referenced_missing.len() - 1).unwrap_or(NONE),
                        )
                    }
                };
                ElementValue::Indeterminate(extent, fault)
            }
            ElementValue::Decided(effect) => {
                for (advice, list) in [
                    (false, evaluation.obligations()),
                    (true, evaluation.advice()),
                ] {
                    for obligation in list {
                        let computed = u32::try_from(self.computed.len()).unwrap_or(NONE);
                        self.computed
                            .push(ComputedObligation::Referenced(obligation));
                        self.work.emissions.push(EmittedObligation {
                            obligation: NONE,
                            effect,
                            advice,
                            computed,
                        });
                    }
                }
                for policy in evaluation.policies() {
                    let number = u32::try_from(self.referenced_policies.len()).unwrap_or(NONE);
                    self.referenced_policies.push(policy);
                    self.work.contributions.push(ContributingPolicy {
                        number,
                        is_referenced: true,
                        effect,
                    });
                }
                ElementValue::Decided(effect)
            }
            ElementValue::NotApplicable => ElementValue::NotApplicable,
        }
    }

    /// The fault of an element that a lenient load kept in spite of its error.
    fn stub(&self, number: u32) -> Fault {
        let code = self
            .program
            .stubs
            .get(number as usize)
            .map_or(Code::ProcessingError, |e| e.kind.code());
        Fault {
            code,
            message: "the policy has an error",
            detail: FaultDetail::Stub(number),
        }
    }

    fn enter(&mut self, step: impl FnOnce() -> TraceStep) -> usize {
        if TRACED {
            let step = TraceStep {
                depth: self.depth,
                ..step()
            };
            self.trace.steps.push(step);
            self.depth += 1;
            return self.trace.steps.len() - 1;
        }
        0
    }

    fn leave(&mut self, step: usize, verdict: ElementValue, because: Option<StepReason>) {
        if TRACED {
            self.depth = self.depth.saturating_sub(1);
            let missing = match verdict {
                ElementValue::Indeterminate(_, fault) => {
                    missing(self.program, &self.referenced_missing, fault)
                }
                _ => None,
            };
            if let Some(step) = self.trace.steps.get_mut(step) {
                step.outcome = decision(verdict);
                if let ElementValue::Indeterminate(_, fault) = verdict {
                    step.because = StepReason::Fault {
                        code: fault.code,
                        message: fault.message,
                        missing,
                    };
                } else if let Some(because) = because {
                    step.because = because;
                }
            }
        }
    }

    fn because(&mut self, step: usize, because: StepReason) {
        if TRACED && let Some(step) = self.trace.steps.get_mut(step) {
            step.because = because;
        }
    }

    /// Records which attributes the first clause without a match refers to.
    fn explain_mismatch(&mut self, step: usize, target: CompiledTarget<'r>) {
        if !TRACED {
            return;
        }
        let program = self.program;
        if self.described >= MAX_DESCRIBED {
            return;
        }
        let because = if let Some(set) = target.sets().find(|set| !self.binding.has_any(set)) {
            program.describe_symbols(set)
        } else {
            let failing = target
                .clauses
                .of(&program.clauses)
                .iter()
                .find(|c| self.clause(**c) == Ok(false));
            match failing {
                Some(TargetClause::Set { symbols, .. }) => {
                    program.describe_symbols(symbols.of(&program.symbols))
                }
                Some(TargetClause::Any(all_ofs)) => program.describe_alternatives(*all_ofs),
                None => StepReason::NoMatch {
                    attributes: Vec::new(),
                    wanted: Vec::new(),
                },
            }
        };
        if let StepReason::NoMatch { attributes, wanted } = &because {
            let described = attributes.len() + wanted.len();
            self.described += u32::try_from(described).unwrap_or(MAX_DESCRIBED);
        }
        self.because(step, because);
    }
}

/// Attributes and literals that one explanation names; further mismatches are not described.
const MAX_DESCRIBED: u32 = 20_000;

/// Numbers of a program that refer to nothing: the compiler does not write such.
const DAMAGED: ElementValue = ElementValue::Indeterminate(
    IndeterminateExtent::Both,
    Fault::processing("the program is damaged"),
);

/// Keeps those entries from an index on that pass a test.
fn keep_from<T: Copy>(list: &mut Vec<T>, start: usize, keep: impl Fn(&T) -> bool) {
    let mut kept = start;
    for n in start..list.len() {
        if keep(&list[n]) {
            list[kept] = list[n];
            kept += 1;
        }
    }
    list.truncate(kept);
}
