//! Compiles the tree of a policy to a program. All static errors are found; each breaks the smallest
//! rule or policy around it.

mod compiler;
mod expressions;
mod intern;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet, hash_map::Entry};

use super::{
    BagSource, CompiledAssignment, CompiledExpression, CompiledMatch, CompiledObligation, NodeName,
    Program, RuleName, TargetClause, bind,
    code::{HeadDraft, NodeDraft, NodeKindDraft, ObligationEntry, ProgramCode, RuleDraft},
    combine::CombiningAlgorithm,
    dictionary::Dictionaries,
    list::{ListRange, NONE, extend, push},
    vocabulary::Vocabulary,
};
use crate::{
    error::{LoadError, LoadErrors, LoadWarning, LoadWarningKind, Position},
    functions::{self, Operation, ValueType},
    ids,
    limits::LoadOptions,
    policy::{self, Effect, PolicyTree},
    values::DataType,
};
use compiler::{CompileResult, Compiler, wrong};

/// The sets of symbols of a target, and its clauses.
type TargetParts = (Vec<Vec<u32>>, ListRange);

impl Program {
    /// Reads and compiles a policy document, with a [`Vocabulary`] of its own.
    ///
    /// # Errors
    /// All static errors of the document. In a [lenient](LoadOptions::lenient) load only those that
    /// leave nothing of it: it is not well-formed, past a limit of the XML reader, or its root is not
    /// a policy or policy set with an identifier.
    pub fn load(xml: &[u8], options: &LoadOptions) -> Result<Self, LoadErrors> {
        let (tree, errors) = PolicyTree::read(xml, options)?;
        Self::compile(&tree, errors, options, &Arc::default())
    }

    /// Compiles a document that [`PolicyTree::read`] has read, with the errors that it found, by the
    /// same options. Programs that are used together share a vocabulary.
    ///
    /// # Errors
    /// Those errors and the ones of types, functions, references and XPaths, in the order of the
    /// document. Never in a [lenient](LoadOptions::lenient) load.
    pub fn compile(
        tree: &PolicyTree,
        errors: Vec<LoadError>,
        options: &LoadOptions,
        vocabulary: &Arc<Vocabulary>,
    ) -> Result<Self, LoadErrors> {
        let mut compiler = Compiler::new(errors, options, vocabulary);
        let root = compiler.node(tree, None);
        compiler
            .program
            .warnings
            .sort_by_key(|w| (w.at.line, w.at.column));
        if !compiler.errors.is_empty() && !options.lenient {
            compiler.errors.sort_by_key(|e| (e.at.line, e.at.column));
            return Err(LoadErrors(compiler.errors));
        }
        Ok(compiler.finish(&root))
    }
}

impl Compiler<'_> {
    fn finish(self, root: &NodeDraft) -> Program {
        let Self {
            mut program,
            mut slots,
            attributes,
            dictionaries,
            ..
        } = self;
        program.hot.code = ProgramCode::of(root);
        // A service may keep thousands of programs, so no list keeps spare capacity.
        program.nodes.shrink_to_fit();
        program.rules.shrink_to_fit();
        program.symbols.shrink_to_fit();
        program.clauses.shrink_to_fit();
        program.all_ofs.shrink_to_fit();
        program.matches.shrink_to_fit();
        program.expressions.shrink_to_fit();
        program.constants.shrink_to_fit();
        program.designators.shrink_to_fit();
        let in_matches = program.matches.iter().filter_map(|m| match m {
            CompiledMatch::General {
                bag: BagSource::Designator(number),
                ..
            } => Some(*number),
            _ => None,
        });
        let in_expressions = program.expressions.iter().filter_map(|e| match e {
            CompiledExpression::Designator(number) => Some(*number),
            _ => None,
        });
        let must = (0..)
            .zip(&program.designators)
            .filter(|(_, d)| d.must_be_present)
            .map(|(n, _)| n);
        for number in in_matches.chain(in_expressions).chain(must) {
            let slot = program
                .designators
                .get(number as usize)
                .map_or(NONE, |d| d.slot);
            if let Some(slot) = slots.get_mut(slot as usize) {
                slot.read = true;
            }
        }
        program.slot_attributes = program.hot.vocabulary.numbers(&attributes);
        for (slot, number) in slots.iter_mut().zip(&program.slot_attributes) {
            slot.attribute = *number;
        }
        program.hot.dictionaries =
            Dictionaries::of(&mut slots, &dictionaries, &program.hot.vocabulary.hasher);
        program.hot.uses_clock = bind::CLOCK
            .iter()
            .any(|(id, _)| program.mentions(ids::ENVIRONMENT, id));
        program
    }

    // The recursion is as deep as the document, which the XML reader bounds.
    fn node(&mut self, tree: &PolicyTree, inherited: Option<&str>) -> NodeDraft {
        match tree {
            PolicyTree::Policy(policy) => self.policy(policy, inherited),
            PolicyTree::PolicySet(set) => self.policy_set(set, inherited),
            PolicyTree::Reference(reference) => {
                let name = NodeName {
                    is_set: false,
                    id: reference.id.as_str().into(),
                    version: "".into(),
                };
                let number = push(&mut self.program.nodes, name);
                let head = HeadDraft {
                    number,
                    stub: NONE,
                    sets: Vec::new(),
                    clauses: ListRange::default(),
                    obligations: Vec::new(),
                };
                let kind =
                    NodeKindDraft::Reference(push(&mut self.program.references, reference.clone()));
                NodeDraft {
                    head,
                    kind,
                    algorithm: CombiningAlgorithm::FirstApplicable,
                }
            }
        }
    }

    fn policy(&mut self, policy: &policy::Policy, inherited: Option<&str>) -> NodeDraft {
        self.xpath_version = policy
            .head
            .xpath_version
            .clone()
            .or_else(|| inherited.map(str::to_owned));
        self.within = format!("policy {}", policy.head.id);
        let mut broken = policy.head.broken.clone();
        let variables = self.declare(&policy.variables);
        self.keep(variables, &mut broken);
        let mut first_with: HashMap<&str, u32> = HashMap::new();
        let mut repeated: HashSet<&str> = HashSet::new();
        for (number, rule) in (1..).zip(&policy.rules) {
            match first_with.entry(&rule.id) {
                Entry::Vacant(entry) => {
                    entry.insert(number);
                }
                Entry::Occupied(first) => {
                    repeated.insert(&rule.id);
                    let text = format!(
                        "rule {number} has the RuleId of rule {}, {}; both count",
                        first.get(),
                        rule.id
                    );
                    self.warn(rule.at, "Rule", LoadWarningKind::RepeatedRuleId, text);
                }
            }
        }
        let rules = (1..)
            .zip(&policy.rules)
            .map(|(number, rule)| {
                let name = RuleName {
                    id: rule.id.as_str().into(),
                    number,
                    is_repeated: repeated.contains(rule.id.as_str()),
                };
                self.rule(rule, name)
            })
            .collect();
        self.within = format!("policy {}", policy.head.id);
        self.head(&policy.head, broken, true, NodeKindDraft::Policy(rules))
    }

    fn policy_set(&mut self, set: &policy::PolicySet, inherited: Option<&str>) -> NodeDraft {
        let version = set
            .head
            .xpath_version
            .clone()
            .or_else(|| inherited.map(str::to_owned));
        let children = set
            .children
            .iter()
            .map(|child| self.node(child, version.as_deref()))
            .collect();
        self.xpath_version = version;
        self.variables.clear();
        self.within = format!("policy set {}", set.head.id);
        self.head(
            &set.head,
            set.head.broken.clone(),
            false,
            NodeKindDraft::PolicySet(children),
        )
    }

    fn head(
        &mut self,
        head: &policy::PolicyHead,
        mut broken: Option<LoadError>,
        is_policy: bool,
        kind: NodeKindDraft,
    ) -> NodeDraft {
        let element = if is_policy { "Policy" } else { "PolicySet" };
        if !self
            .names
            .insert((head.id.clone(), head.version.to_string()))
        {
            self.keep::<()>(
                Err(wrong(
                    head.at,
                    element,
                    "another policy of the document has the same identifier and version",
                )),
                &mut broken,
            );
        }
        let algorithm = self.algorithm(head, element, is_policy);
        let algorithm = self
            .keep(algorithm, &mut broken)
            .unwrap_or(CombiningAlgorithm::FirstApplicable);
        let target = self.target(&head.target);
        let (sets, clauses) = self.keep(target, &mut broken).unwrap_or_default();
        let obligations = self.obligations(&head.obligations, &head.advice);
        let obligations = self.keep(obligations, &mut broken).unwrap_or_default();
        let name = NodeName {
            is_set: !is_policy,
            id: head.id.as_str().into(),
            version: head.version.as_str().into(),
        };
        let (number, stub) = (push(&mut self.program.nodes, name), self.stub(broken));
        NodeDraft {
            head: HeadDraft {
                number,
                stub,
                sets,
                clauses,
                obligations,
            },
            kind,
            algorithm,
        }
    }

    fn algorithm(
        &mut self,
        head: &policy::PolicyHead,
        element: &str,
        is_policy: bool,
    ) -> CompileResult<CombiningAlgorithm> {
        let Some((algorithm, for_rules)) = CombiningAlgorithm::find(&head.combining) else {
            // The reader has reported a missing one.
            return if head.broken.is_some() {
                Ok(CombiningAlgorithm::FirstApplicable)
            } else {
                Err(wrong(
                    head.at,
                    element,
                    format!("{} is not a combining algorithm", head.combining),
                ))
            };
        };
        let algorithm = match algorithm {
            CombiningAlgorithm::LegacyPolicies(effect) if is_policy => {
                CombiningAlgorithm::LegacyRules(effect)
            }
            other => other,
        };
        let tolerated = is_policy
            && self.options.dialect.any_combining_form
            && algorithm != CombiningAlgorithm::OnlyOneApplicable;
        if for_rules != is_policy && !tolerated {
            return Err(wrong(
                head.at,
                element,
                format!(
                    "{} does not combine {}",
                    head.combining,
                    if is_policy { "rules" } else { "policies" }
                ),
            ));
        }
        if algorithm.is_legacy() {
            let text = format!(
                "{} is deprecated; it treats errors unlike its successor",
                head.combining
            );
            self.warn(head.at, element, LoadWarningKind::DeprecatedAlgorithm, text);
        }
        Ok(algorithm)
    }

    /// Records an error, and that it broke the element around it.
    fn keep<T>(&mut self, result: CompileResult<T>, broken: &mut Option<LoadError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(mut error) => {
                error.element = format!("{} of {}", error.element, self.within);
                broken.get_or_insert_with(|| error.clone());
                self.errors.push(error);
                None
            }
        }
    }

    fn warn(&mut self, at: Position, element: &str, kind: LoadWarningKind, text: String) {
        let element = format!("{element} of {}", self.within);
        self.program.warnings.push(LoadWarning {
            at,
            element,
            kind,
            text,
        });
    }

    fn stub(&mut self, broken: Option<LoadError>) -> u32 {
        broken.map_or(NONE, |error| push(&mut self.program.stubs, error))
    }

    fn rule(&mut self, rule: &policy::Rule, name: RuleName) -> RuleDraft {
        self.within = format!("rule {}", rule.id);
        let number = push(&mut self.program.rules, name);
        let mut broken = rule.broken.clone();
        self.may_never_match =
            self.options.dialect.any_match_literal && rule.effect == Some(Effect::Permit);
        let parts = if broken.is_some() {
            None
        } else {
            Some(self.rule_parts(rule))
        };
        self.may_never_match = false;
        let parts = parts.and_then(|p| self.keep(p, &mut broken));
        let ((sets, clauses), condition, obligations) =
            parts.unwrap_or_else(|| (Default::default(), NONE, Vec::new()));
        let head = HeadDraft {
            number,
            stub: self.stub(broken),
            sets,
            clauses,
            obligations,
        };
        RuleDraft {
            head,
            effect: rule.effect,
            condition,
        }
    }

    fn rule_parts(
        &mut self,
        rule: &policy::Rule,
    ) -> CompileResult<(TargetParts, u32, Vec<ObligationEntry>)> {
        let target = self.target(&rule.target)?;
        let condition = match &rule.condition {
            None => NONE,
            Some(expression) => {
                let condition = self.expression(expression)?;
                if condition.kind != ValueType::one(DataType::Boolean) {
                    return Err(wrong(
                        expression.at(),
                        "Condition",
                        format!("a condition must be boolean, not {}", condition.kind),
                    ));
                }
                condition.number
            }
        };
        Ok((
            target,
            condition,
            self.obligations(&rule.obligations, &rule.advice)?,
        ))
    }

    fn target(&mut self, target: &policy::Target) -> CompileResult<TargetParts> {
        let (mut sets, mut clauses) = (Vec::new(), Vec::new());
        for any_of in target {
            let warnings = self.program.warnings.len();
            let (patterns, bytes_left) = (self.program.patterns.len(), self.pattern_bytes_left);
            match self.symbol_set(any_of)? {
                Some((symbols, NONE)) => sets.push(symbols),
                Some((symbols, must)) => clauses.push(TargetClause::Set {
                    symbols: extend(&mut self.program.symbols, symbols),
                    must,
                }),
                None => {
                    // The matches are compiled again.
                    self.program.warnings.truncate(warnings);
                    self.program.patterns.truncate(patterns);
                    self.pattern_bytes_left = bytes_left;
                    let mut all_ofs = Vec::with_capacity(any_of.len());
                    for all_of in any_of {
                        let matches = all_of
                            .iter()
                            .map(|m| self.match_(m))
                            .collect::<CompileResult<Vec<_>>>()?;
                        all_ofs.push(extend(&mut self.program.matches, matches));
                    }
                    clauses.push(TargetClause::Any(extend(
                        &mut self.program.all_ofs,
                        all_ofs,
                    )));
                }
            }
        }
        Ok((sets, extend(&mut self.program.clauses, clauses)))
    }

    /// The symbols of an `AnyOf` whose alternatives are single equalities, and the designator of an
    /// attribute that must be present, else `NONE`. None when the `AnyOf` has another form.
    fn symbol_set(&mut self, any_of: &policy::AnyOf) -> CompileResult<Option<(Vec<u32>, u32)>> {
        let (mut symbols, mut slot, mut must, mut mixed) =
            (Vec::with_capacity(any_of.len()), None, NONE, false);
        for all_of in any_of {
            let [only] = all_of.as_slice() else {
                return Ok(None);
            };
            match self.match_(only)? {
                CompiledMatch::Symbol { designator, symbol } => {
                    let (own, must_be_present) = self
                        .program
                        .designators
                        .get(designator as usize)
                        .map_or((NONE, false), |d| (d.slot, d.must_be_present));
                    mixed |= slot.is_some_and(|s| s != own);
                    slot = Some(own);
                    if must_be_present && must == NONE {
                        must = designator;
                    }
                    symbols.push(symbol);
                }
                // The alternative adds nothing to the others.
                CompiledMatch::Never { .. } => {}
                CompiledMatch::General { .. } => return Ok(None),
            }
        }
        if (mixed && must != NONE) || symbols.is_empty() {
            return Ok(None);
        }
        symbols.sort_unstable();
        symbols.dedup();
        Ok(Some((symbols, must)))
    }

    fn obligations(
        &mut self,
        obligations: &[policy::ObligationExpression],
        advice: &[policy::ObligationExpression],
    ) -> CompileResult<Vec<ObligationEntry>> {
        let mut entries = Vec::with_capacity(obligations.len() + advice.len());
        for (expression, advice) in obligations
            .iter()
            .map(|o| (o, false))
            .chain(advice.iter().map(|a| (a, true)))
        {
            let mut assignments = Vec::with_capacity(expression.assignments.len());
            for assignment in &expression.assignments {
                assignments.push(CompiledAssignment {
                    attribute_id: assignment.attribute_id.as_str().into(),
                    category: assignment.category.as_deref().map(Into::into),
                    issuer: assignment.issuer.as_deref().map(Into::into),
                    expression: self.expression(&assignment.expression)?.number,
                });
            }
            let is_constant = |a: &CompiledAssignment| {
                matches!(
                    self.program.expressions.get(a.expression as usize),
                    Some(CompiledExpression::Constant(_))
                )
            };
            let constant = assignments.iter().all(is_constant);
            let assignments = extend(&mut self.program.assignments, assignments);
            let number = push(
                &mut self.program.obligations,
                CompiledObligation {
                    id: expression.id.as_str().into(),
                    assignments,
                },
            );
            entries.push(ObligationEntry {
                number,
                effect: expression.effect,
                advice,
                constant,
            });
        }
        Ok(entries)
    }

    fn match_(&mut self, m: &policy::Match) -> CompileResult<CompiledMatch> {
        let at = |reason: String| wrong(m.at, "Match", reason);
        let function = functions::find(&m.function)
            .ok_or_else(|| at(format!("{} is not a function", m.function)))?;
        if matches!(function.operation, Operation::HigherOrder(_)) {
            return Err(at("a function of functions cannot match".to_owned()));
        }
        let value = self.literal(&m.value)?;
        let bag = self.expression(&m.bag)?;
        let arguments = [
            ValueType::one(value.data_type()),
            ValueType::one(bag.kind.data),
        ];
        let wanted = function.parameters.first().copied().or(function.rest);
        let never_holds = self.may_never_match && wanted.is_some_and(|w| w != arguments[0]);
        let returns = match wanted {
            // What is wrong besides the literal stays an error.
            Some(wanted) if never_holds => function.check(&[wanted, arguments[1]]),
            _ => function.check(&arguments),
        };
        let returns = returns.map_err(at)?;
        if returns != ValueType::one(DataType::Boolean) {
            return Err(at(format!("a match must be boolean, not {returns}")));
        }
        let source = match self.program.expressions.get(bag.number as usize) {
            Some(CompiledExpression::Designator(n)) => super::BagSource::Designator(*n),
            Some(CompiledExpression::Selector(n)) => super::BagSource::Selector(*n),
            _ => {
                return Err(at(
                    "a Match needs an AttributeDesignator or an AttributeSelector".to_owned(),
                ));
            }
        };
        if never_holds {
            let text = format!(
                "the literal is of type {}, which {} does not take: the Match never holds",
                arguments[0], m.function
            );
            self.warn(m.at, "Match", LoadWarningKind::MatchNeverHolds, text);
            return Ok(CompiledMatch::Never { bag: source });
        }
        if let super::BagSource::Designator(designator) = source
            && let Some(symbol) = self.symbol(function.operation, &value, designator)
        {
            return Ok(CompiledMatch::Symbol { designator, symbol });
        }
        let regex = self.literal_pattern(function.operation, Some(&value), m.at)?;
        let constant = push(&mut self.program.constants, functions::Operand::One(value));
        Ok(CompiledMatch::General {
            operation: function.operation,
            constant,
            regex,
            bag: source,
        })
    }
}
