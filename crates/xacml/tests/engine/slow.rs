//! A slow and simple evaluator over the tree of a policy, for what `generate` makes. It shares no code
//! with the engine: every child is evaluated in document order, and every value compared as a text.

use xacml::{
    Effect, PolicyTree,
    policy::{
        Expression, Literal, ObligationExpression, Policy, PolicyHead, PolicySet, Rule, Target,
    },
};

use super::generate::Fact;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// The last part of the status code of an error.
pub type Fault = &'static str;

/// The extended Indeterminate values: which decisions were possible but for the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Permit,
    Deny,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    NotApplicable,
    Decided(Effect),
    Indeterminate(Reach, Fault),
}

/// An obligation or a piece of advice: its identifier and its values.
pub type Obligation = (String, Vec<Value>);

/// An outcome with its obligations, advice and policies.
#[derive(Debug, Clone)]
pub struct Answer {
    pub outcome: Outcome,
    pub obligations: Vec<Obligation>,
    pub advice: Vec<Obligation>,
    /// Policies that contributed.
    pub policies: Vec<String>,
}

impl Answer {
    fn bare(outcome: Outcome) -> Self {
        Self {
            outcome,
            obligations: Vec::new(),
            advice: Vec::new(),
            policies: Vec::new(),
        }
    }
}

enum Operand {
    One(Value),
    Bag(Vec<Value>),
}

impl Operand {
    fn bag(self) -> Vec<Value> {
        match self {
            Self::Bag(values) => values,
            Self::One(value) => panic!("{value:?} is no bag"),
        }
    }

    fn one(self) -> Value {
        match self {
            Self::One(value) => value,
            Self::Bag(values) => panic!("{values:?} is no value"),
        }
    }

    fn truth(self) -> bool {
        let Value::Truth(truth) = self.one() else {
            panic!("no truth")
        };
        truth
    }

    fn number(self) -> i64 {
        let Value::Number(number) = self.one() else {
            panic!("no number")
        };
        number
    }
}

pub struct Slow<'a> {
    pub facts: &'a [Fact],
}

fn read(data_type: &str, text: &str) -> Value {
    match data_type.rsplit('#').next() {
        Some("integer") => Value::Number(text.trim().parse().unwrap()),
        Some("boolean") => Value::Truth(text.trim() == "true"),
        _ => Value::Text(text.to_owned()),
    }
}

fn value(literal: &Literal) -> Value {
    read(&literal.data_type, &literal.text)
}

impl Slow<'_> {
    pub fn tree(&self, tree: &PolicyTree) -> Answer {
        match tree {
            PolicyTree::Policy(policy) => self.policy(policy),
            PolicyTree::PolicySet(set) => self.policy_set(set),
            PolicyTree::Reference(_) => panic!("there are no references here"),
        }
    }

    fn policy(&self, policy: &Policy) -> Answer {
        let children = policy
            .rules
            .iter()
            .map(|rule| move || self.rule(policy, rule));
        self.parent(Some(policy), &policy.head, |_| {
            Self::combine(&policy.head.combining, children)
        })
    }

    fn policy_set(&self, set: &PolicySet) -> Answer {
        self.parent(None, &set.head, |slow| {
            if set.head.combining.ends_with("only-one-applicable") {
                return slow.only_one(&set.children);
            }
            Self::combine(
                &set.head.combining,
                set.children.iter().map(|child| move || self.tree(child)),
            )
        })
    }

    fn parent(
        &self,
        policy: Option<&Policy>,
        head: &PolicyHead,
        combined: impl FnOnce(&Self) -> Answer,
    ) -> Answer {
        let matched = self.target(&head.target);
        if matched == Ok(false) {
            return Answer::bare(Outcome::NotApplicable);
        }
        let mut answer = combined(self);
        if let Err(fault) = matched {
            return Answer::bare(match answer.outcome {
                Outcome::NotApplicable => Outcome::NotApplicable,
                Outcome::Decided(Effect::Permit) => Outcome::Indeterminate(Reach::Permit, fault),
                Outcome::Decided(Effect::Deny) => Outcome::Indeterminate(Reach::Deny, fault),
                Outcome::Indeterminate(reach, _) => Outcome::Indeterminate(reach, fault),
            });
        }
        let Outcome::Decided(effect) = answer.outcome else {
            return Answer::bare(answer.outcome);
        };
        match (
            self.obligations(policy, &head.obligations, effect),
            self.obligations(policy, &head.advice, effect),
        ) {
            (Ok(obligations), Ok(advice)) => {
                answer.obligations.extend(obligations);
                answer.advice.extend(advice);
                answer.policies.push(head.id.clone());
                answer
            }
            (Err(fault), _) | (_, Err(fault)) => {
                Answer::bare(Outcome::Indeterminate(reach_of(effect), fault))
            }
        }
    }

    fn only_one(&self, children: &[PolicyTree]) -> Answer {
        let mut found = None;
        for child in children {
            match self.target(&child.head().unwrap().target) {
                Err(fault) => return Answer::bare(Outcome::Indeterminate(Reach::Both, fault)),
                Ok(true) if found.is_some() => {
                    return Answer::bare(Outcome::Indeterminate(Reach::Both, "processing-error"));
                }
                Ok(true) => found = Some(child),
                Ok(false) => {}
            }
        }
        found.map_or(Answer::bare(Outcome::NotApplicable), |child| {
            self.tree(child)
        })
    }

    fn rule(&self, policy: &Policy, rule: &Rule) -> Answer {
        let effect = rule.effect.unwrap();
        let indeterminate = |fault| Answer::bare(Outcome::Indeterminate(reach_of(effect), fault));
        match self.target(&rule.target) {
            Ok(true) => {}
            Ok(false) => return Answer::bare(Outcome::NotApplicable),
            Err(fault) => return indeterminate(fault),
        }
        match rule
            .condition
            .as_ref()
            .map(|c| self.expression(Some(policy), c).map(Operand::truth))
        {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Answer::bare(Outcome::NotApplicable),
            Some(Err(fault)) => return indeterminate(fault),
        }
        match (
            self.obligations(Some(policy), &rule.obligations, effect),
            self.obligations(Some(policy), &rule.advice, effect),
        ) {
            (Ok(obligations), Ok(advice)) => Answer {
                outcome: Outcome::Decided(effect),
                obligations,
                advice,
                policies: Vec::new(),
            },
            (Err(fault), _) | (_, Err(fault)) => indeterminate(fault),
        }
    }

    fn obligations(
        &self,
        policy: Option<&Policy>,
        list: &[ObligationExpression],
        effect: Effect,
    ) -> Result<Vec<Obligation>, Fault> {
        let mut out = Vec::new();
        for obligation in list.iter().filter(|d| d.effect == effect) {
            let mut values = Vec::new();
            for assignment in &obligation.assignments {
                match self.expression(policy, &assignment.expression)? {
                    Operand::One(value) => values.push(value),
                    Operand::Bag(bag) => values.extend(bag),
                }
            }
            out.push((obligation.id.clone(), values));
        }
        Ok(out)
    }

    fn target(&self, target: &Target) -> Result<bool, Fault> {
        let matches = |m: &xacml::policy::Match| {
            let bag = self.expression(None, &m.bag)?.bag();
            Ok(bag
                .iter()
                .any(|v| compare(&m.function, &value(&m.value), v)))
        };
        let all_of = |list: &Vec<_>| every(list.iter().map(matches), true);
        let any_of = |list: &Vec<Vec<_>>| every(list.iter().map(all_of), false);
        every(target.iter().map(any_of), true)
    }

    fn combine<F: FnOnce() -> Answer>(
        algorithm: &str,
        children: impl Iterator<Item = F>,
    ) -> Answer {
        let name = algorithm.rsplit(':').next().unwrap();
        let old = algorithm.contains("1.0:");
        let of_rules = algorithm.contains("rule-combining");
        let mut seen: Vec<Answer> = Vec::new();
        for child in children {
            let answer = child();
            let outcome = answer.outcome;
            seen.push(answer);
            let is_final = match (name, old, of_rules) {
                ("first-applicable", ..) => outcome != Outcome::NotApplicable,
                ("deny-overrides", true, false) => matches!(
                    outcome,
                    Outcome::Decided(Effect::Deny) | Outcome::Indeterminate(..)
                ),
                ("deny-overrides" | "permit-unless-deny", ..) => {
                    outcome == Outcome::Decided(Effect::Deny)
                }
                _ => outcome == Outcome::Decided(Effect::Permit),
            };
            if is_final {
                break;
            }
        }
        let decided = |effect| seen.iter().any(|a| a.outcome == Outcome::Decided(effect));
        let fault = |reach| {
            seen.iter().find_map(|a| {
                if let Outcome::Indeterminate(r, fault) = a.outcome {
                    (r == reach).then_some(fault)
                } else {
                    None
                }
            })
        };
        let any_fault = || {
            seen.iter().find_map(|a| {
                if let Outcome::Indeterminate(_, fault) = a.outcome {
                    Some(fault)
                } else {
                    None
                }
            })
        };
        let overrides = |strong: Effect, weak: Effect| {
            let (strong_reach, weak_reach) = (reach_of(strong), reach_of(weak));
            if decided(strong) {
                Outcome::Decided(strong)
            } else if let Some(fault) = fault(Reach::Both) {
                Outcome::Indeterminate(Reach::Both, fault)
            } else if let Some(first) = fault(strong_reach) {
                let mixed = decided(weak) || fault(weak_reach).is_some();
                Outcome::Indeterminate(if mixed { Reach::Both } else { strong_reach }, first)
            } else if decided(weak) {
                Outcome::Decided(weak)
            } else if let Some(fault) = fault(weak_reach) {
                Outcome::Indeterminate(weak_reach, fault)
            } else {
                Outcome::NotApplicable
            }
        };
        let old_rules = |strong: Effect, weak: Effect| {
            if decided(strong) {
                Outcome::Decided(strong)
            } else if let Some(fault) = fault(reach_of(strong)) {
                Outcome::Indeterminate(Reach::Both, fault)
            } else if decided(weak) {
                Outcome::Decided(weak)
            } else if let Some(fault) = any_fault() {
                Outcome::Indeterminate(Reach::Both, fault)
            } else {
                Outcome::NotApplicable
            }
        };
        let outcome = match (name, old, of_rules) {
            ("first-applicable", ..) => seen.last().map_or(Outcome::NotApplicable, |a| a.outcome),
            ("deny-unless-permit", ..) => Outcome::Decided(if decided(Effect::Permit) {
                Effect::Permit
            } else {
                Effect::Deny
            }),
            ("permit-unless-deny", ..) => Outcome::Decided(if decided(Effect::Deny) {
                Effect::Deny
            } else {
                Effect::Permit
            }),
            ("deny-overrides", false, _) => overrides(Effect::Deny, Effect::Permit),
            ("permit-overrides", false, _) => overrides(Effect::Permit, Effect::Deny),
            ("deny-overrides", true, true) => old_rules(Effect::Deny, Effect::Permit),
            ("permit-overrides", true, true) => old_rules(Effect::Permit, Effect::Deny),
            ("deny-overrides", true, false) => {
                if decided(Effect::Deny) || any_fault().is_some() {
                    Outcome::Decided(Effect::Deny)
                } else if decided(Effect::Permit) {
                    Outcome::Decided(Effect::Permit)
                } else {
                    Outcome::NotApplicable
                }
            }
            ("permit-overrides", true, false) => {
                if decided(Effect::Permit) {
                    Outcome::Decided(Effect::Permit)
                } else if decided(Effect::Deny) {
                    Outcome::Decided(Effect::Deny)
                } else if let Some(fault) = any_fault() {
                    Outcome::Indeterminate(Reach::Both, fault)
                } else {
                    Outcome::NotApplicable
                }
            }
            other => panic!("{other:?}"),
        };
        let mut answer = Answer::bare(outcome);
        for child in seen
            .into_iter()
            .filter(|a| a.outcome == outcome && matches!(outcome, Outcome::Decided(_)))
        {
            answer.obligations.extend(child.obligations);
            answer.advice.extend(child.advice);
            answer.policies.extend(child.policies);
        }
        answer
    }

    fn expression(
        &self,
        policy: Option<&Policy>,
        expression: &Expression,
    ) -> Result<Operand, Fault> {
        match expression {
            Expression::Literal(literal) => Ok(Operand::One(value(literal))),
            Expression::Designator(d) => {
                let wanted = |f: &&Fact| {
                    f.category == d.category
                        && f.attribute_id == d.attribute_id
                        && d.data_type.ends_with(f.data_type)
                        && d.issuer.as_deref().is_none_or(|i| f.issuer == Some(i))
                };
                let bag: Vec<Value> = self
                    .facts
                    .iter()
                    .filter(wanted)
                    .map(|f| read(f.data_type, f.text))
                    .collect();
                if bag.is_empty() && d.must_be_present {
                    Err("missing-attribute")
                } else {
                    Ok(Operand::Bag(bag))
                }
            }
            Expression::Variable(name) => {
                let policy = policy.unwrap();
                let variable = policy.variables.iter().find(|v| v.id == name.id).unwrap();
                self.expression(Some(policy), &variable.expression)
            }
            Expression::Apply(apply) => self.call(
                policy,
                apply.function.rsplit(':').next().unwrap(),
                &apply.arguments,
            ),
            Expression::Selector(_) | Expression::Function(_) => panic!("not in the vocabulary"),
        }
    }

    fn call(
        &self,
        policy: Option<&Policy>,
        function: &str,
        arguments: &[Expression],
    ) -> Result<Operand, Fault> {
        let argument = |n: usize| self.expression(policy, &arguments[n]);
        let truth = |t| Ok(Operand::One(Value::Truth(t)));
        let number = |n| Ok(Operand::One(Value::Number(n)));
        let truths = |from: usize| {
            arguments[from..]
                .iter()
                .map(|a| self.expression(policy, a).map(Operand::truth))
        };
        match function {
            "not" => truth(!argument(0)?.truth()),
            "and" => truth(every(truths(0), true)?),
            "or" => truth(every(truths(0), false)?),
            "n-of" => {
                let wanted = argument(0)?.number();
                if wanted == 0 {
                    return truth(true);
                }
                if wanted < 0 || wanted > i64::try_from(arguments.len()).unwrap() - 1 {
                    return Err("processing-error");
                }
                let all: Vec<Result<bool, Fault>> = truths(1).collect();
                let yes = i64::try_from(all.iter().filter(|t| **t == Ok(true)).count()).unwrap();
                let errors: Vec<Fault> = all.into_iter().filter_map(Result::err).collect();
                if yes >= wanted {
                    truth(true)
                } else if yes + i64::try_from(errors.len()).unwrap() >= wanted {
                    Err(errors[0])
                } else {
                    truth(false)
                }
            }
            "string-is-in" => {
                let (value, bag) = (argument(0)?.one(), argument(1)?.bag());
                truth(bag.contains(&value))
            }
            "any-of" => {
                let (value, bag) = (argument(1)?.one(), argument(2)?.bag());
                truth(bag.contains(&value))
            }
            "string-at-least-one-member-of" => {
                let (first, second) = (argument(0)?.bag(), argument(1)?.bag());
                truth(first.iter().any(|v| second.contains(v)))
            }
            "string-equal" => {
                let (a, b) = (argument(0)?.one(), argument(1)?.one());
                truth(a == b)
            }
            "integer-less-than" => {
                let (a, b) = (argument(0)?.number(), argument(1)?.number());
                truth(a < b)
            }
            "string-one-and-only" | "integer-one-and-only" => match argument(0)?.bag().as_slice() {
                [only] => Ok(Operand::One(only.clone())),
                _ => Err("processing-error"),
            },
            "string-bag-size" => number(i64::try_from(argument(0)?.bag().len()).unwrap()),
            "integer-add" | "integer-subtract" | "integer-divide" => {
                let (a, b) = (argument(0)?.number(), argument(1)?.number());
                match function {
                    "integer-add" => number(a + b),
                    "integer-subtract" => number(a - b),
                    _ => a.checked_div(b).map_or(Err("processing-error"), number),
                }
            }
            other => panic!("{other} is not in the vocabulary"),
        }
    }
}

fn reach_of(effect: Effect) -> Reach {
    match effect {
        Effect::Permit => Reach::Permit,
        Effect::Deny => Reach::Deny,
    }
}

fn compare(function: &str, literal: &Value, value: &Value) -> bool {
    match (function.rsplit(':').next().unwrap(), literal, value) {
        ("string-equal-ignore-case", Value::Text(a), Value::Text(b)) => {
            a.to_lowercase() == b.to_lowercase()
        }
        ("integer-greater-than", Value::Number(a), Value::Number(b)) => a > b,
        _ => literal == value,
    }
}

/// All of them, or with `all` false any of them; what decides beats an error.
fn every(results: impl Iterator<Item = Result<bool, Fault>>, all: bool) -> Result<bool, Fault> {
    let results: Vec<_> = results.collect();
    if results.contains(&Ok(!all)) {
        return Ok(!all);
    }
    results
        .into_iter()
        .find_map(Result::err)
        .map_or(Ok(all), Err)
}
