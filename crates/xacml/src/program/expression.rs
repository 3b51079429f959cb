//! Evaluation of expressions and matches (sections 7.3 to 7.9 of the standard).

use std::{borrow::Cow, sync::Arc};

use super::{BagSource, CompiledExpression, CompiledMatch, list::NONE, run::EvaluationRun};
use crate::{
    context::Category,
    error::Fault,
    functions::{self, HigherOrder, Operand, Operation},
    values::{Content, ContentNode, Integer, Value, XPathExpression},
};

type OperandResult<'r> = Result<Operand<'r>, Fault>;

/// Steps of copying two values to call a function with them.
const COPY_OF_PAIR: usize = 2;

/// Numbers of a program that refer to nothing: the compiler does not write such.
const BROKEN: Fault = Fault::processing("the program is damaged");

impl<'r, const TRACED: bool> EvaluationRun<'r, '_, TRACED> {
    /// The value of an expression.
    // The depth of expressions is bounded at load.
    pub(super) fn expression(&mut self, number: u32) -> OperandResult<'r> {
        self.budget.spend(1)?;
        let program = self.program;
        match *program.expressions.get(number as usize).ok_or(BROKEN)? {
            CompiledExpression::Constant(n) => {
                let constant = program.constants.get(n as usize).ok_or(BROKEN)?;
                self.budget.spend_copy(constant.len())?;
                Ok(borrowed(constant))
            }
            CompiledExpression::Designator(n) => self.designated(n).map(Operand::Bag),
            CompiledExpression::Selector(n) => self.selected(n).map(Operand::Bag),
            CompiledExpression::Fault(fault) => Err(fault),
            CompiledExpression::Variable(n) => {
                if let Some(Some(known)) = self.variables.get(n as usize) {
                    let size = known
                        .as_ref()
                        .map_or(0, |known| known.len() + known.text_bytes() / 16);
                    self.budget.spend_copy(size)?;
                    return known.clone();
                }
                let value = self.expression(*program.variables.get(n as usize).ok_or(BROKEN)?);
                self.variables.resize(program.variables.len(), None);
                if let Some(slot) = self.variables.get_mut(n as usize) {
                    *slot = Some(value.clone());
                }
                value
            }
            CompiledExpression::Call {
                operation,
                arguments,
                regex,
            } => {
                let arguments = arguments.of(&program.arguments);
                match operation {
                    Operation::And => self.decided_by(arguments, false),
                    Operation::Or => self.decided_by(arguments, true),
                    Operation::NOf => self.n_of(arguments),
                    Operation::XPathNodeCount => {
                        let (_, nodes) = self.nodes(arguments.first())?;
                        Ok(Operand::One(Value::Integer(Integer::Small(
                            i64::try_from(nodes.len()).unwrap_or(i64::MAX),
                        ))))
                    }
                    Operation::XPathNodeEqual | Operation::XPathNodeMatch => {
                        self.compare_nodes(arguments, operation == Operation::XPathNodeMatch)
                    }
                    Operation::RegexpMatch if regex != NONE => {
                        let value = self.expression(*arguments.get(1).ok_or(BROKEN)?)?.one()?;
                        let pattern = program.patterns.get(regex as usize).ok_or(BROKEN)?;
                        let text = value.text();
                        self.budget.spend(pattern.steps(&text))?;
                        Ok(pattern.is_match(&text).into())
                    }
                    _ => {
                        let values = arguments
                            .iter()
                            .map(|a| self.expression(*a))
                            .collect::<Result<Vec<_>, _>>()?;
                        functions::call(operation, values, &mut self.budget)
                    }
                }
            }
            CompiledExpression::HigherOrder {
                kind,
                inner,
                arguments,
            } => {
                let values = arguments
                    .of(&program.arguments)
                    .iter()
                    .map(|a| self.expression(*a))
                    .collect::<Result<Vec<_>, _>>()?;
                self.higher_order(kind, inner, values)
            }
        }
    }

    /// `and`, `or`: a value that decides wins over an error before it.
    fn decided_by(&mut self, arguments: &'r [u32], deciding: bool) -> OperandResult<'r> {
        let mut fault = None;
        for argument in arguments {
            match self.expression(*argument).and_then(|v| v.boolean()) {
                Ok(value) if value == deciding => return Ok(deciding.into()),
                Ok(_) => {}
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(Ok((!deciding).into()), Err)
    }

    fn n_of(&mut self, arguments: &'r [u32]) -> OperandResult<'r> {
        let (first, rest) = arguments.split_first().ok_or(BROKEN)?;
        let Operand::One(Value::Integer(n)) = self.expression(*first)? else {
            return Err(BROKEN);
        };
        let wanted = functions::wanted_of(&n, rest.len())?;
        let (mut found, mut erring, mut fault) = (0, 0, None);
        for argument in rest {
            if found >= wanted {
                break;
            }
            match self.expression(*argument).and_then(|v| v.boolean()) {
                Ok(value) => found += usize::from(value),
                Err(error) => {
                    erring += 1;
                    fault = fault.or(Some(error));
                }
            }
        }
        match fault {
            _ if found >= wanted => Ok(true.into()),
            Some(fault) if found + erring >= wanted => Err(fault),
            _ => Ok(false.into()),
        }
    }

    fn higher_order(
        &mut self,
        kind: HigherOrder,
        inner: Operation,
        mut values: Vec<Operand<'r>>,
    ) -> OperandResult<'r> {
        match kind {
            HigherOrder::AnyOf | HigherOrder::AllOf | HigherOrder::Map => {
                let at = values
                    .iter()
                    .position(|v| matches!(v, Operand::Bag(_)))
                    .ok_or(BROKEN)?;
                let Operand::Bag(bag) =
                    std::mem::replace(values.get_mut(at).ok_or(BROKEN)?, false.into())
                else {
                    return Err(BROKEN);
                };
                let mut results = Vec::new();
                for value in bag {
                    self.budget.spend(values.len())?;
                    let mut arguments = values.clone();
                    *arguments.get_mut(at).ok_or(BROKEN)? = Operand::One(value);
                    let result = self.call(inner, arguments)?;
                    match kind {
                        HigherOrder::Map => results.push(result.one()?),
                        HigherOrder::AnyOf if result.boolean()? => return Ok(true.into()),
                        HigherOrder::AllOf if !result.boolean()? => return Ok(false.into()),
                        _ => {}
                    }
                }
                if kind == HigherOrder::Map {
                    self.budget.bag(results)
                } else {
                    Ok((kind == HigherOrder::AllOf).into())
                }
            }
            HigherOrder::AnyOfAny => self.any_of_any(inner, values),
            HigherOrder::AllOfAny | HigherOrder::AnyOfAll | HigherOrder::AllOfAll => {
                let (second, first) = (
                    values.pop().ok_or(BROKEN)?.bag()?,
                    values.pop().ok_or(BROKEN)?.bag()?,
                );
                let (outer_all, inner_all) = match kind {
                    HigherOrder::AllOfAny => (true, false),
                    HigherOrder::AnyOfAll => (false, true),
                    _ => (true, true),
                };
                for a in &first {
                    let mut outcome = inner_all;
                    for b in &second {
                        self.budget.spend(COPY_OF_PAIR)?;
                        let holds = self
                            .call(
                                inner,
                                vec![Operand::One(a.clone()), Operand::One(b.clone())],
                            )?
                            .boolean()?;
                        if holds != inner_all {
                            outcome = holds;
                            break;
                        }
                    }
                    if outcome != outer_all {
                        return Ok(outcome.into());
                    }
                }
                Ok(outer_all.into())
            }
        }
    }

    /// Whether the function holds for some combination of the bags' values; single values count as
    /// bags of one.
    fn any_of_any(&mut self, inner: Operation, values: Vec<Operand<'r>>) -> OperandResult<'r> {
        let bags: Vec<Vec<Value<'r>>> = values
            .into_iter()
            .map(|v| match v {
                Operand::One(value) => vec![value],
                Operand::Bag(values) => values,
            })
            .collect();
        if bags.iter().any(Vec::is_empty) {
            return Ok(false.into());
        }
        let mut at = vec![0_usize; bags.len()];
        loop {
            self.budget.spend(bags.len())?;
            let arguments = bags
                .iter()
                .zip(&at)
                .filter_map(|(bag, n)| bag.get(*n).cloned().map(Operand::One))
                .collect();
            if self.call(inner, arguments)?.boolean()? {
                return Ok(true.into());
            }
            // The next combination, the last bag first.
            let Some(turn) = (0..bags.len()).rev().find(|n| at[*n] + 1 < bags[*n].len()) else {
                return Ok(false.into());
            };
            at[turn] += 1;
            at[turn + 1..].fill(0);
        }
    }

    fn call(&mut self, inner: Operation, arguments: Vec<Operand<'r>>) -> OperandResult<'r> {
        match inner {
            Operation::XPathNodeCount | Operation::XPathNodeEqual | Operation::XPathNodeMatch => {
                Err(Fault::processing(
                    "XPath functions are not supported inside functions of functions",
                ))
            }
            _ => functions::call(inner, arguments, &mut self.budget),
        }
    }

    /// The value of a match (section 7.6 of the standard).
    pub(super) fn matches(&mut self, m: CompiledMatch) -> Result<bool, Fault> {
        self.budget.spend(1)?;
        match m {
            CompiledMatch::Never { .. } => Ok(false),
            CompiledMatch::Symbol { designator, symbol } => {
                if self.binding.has(symbol) {
                    return Ok(true);
                }
                let designator_number = designator;
                let designator = self
                    .program
                    .designators
                    .get(designator as usize)
                    .ok_or(BROKEN)?;
                if designator.must_be_present && self.binding.is_empty(designator.slot) {
                    return Err(Fault::missing(designator_number));
                }
                Ok(false)
            }
            CompiledMatch::General {
                operation,
                constant,
                regex,
                bag,
            } => {
                let values = match bag {
                    BagSource::Designator(n) => self.designated(n)?,
                    BagSource::Selector(n) => self.selected(n)?,
                };
                let program = self.program;
                let literal = program.constants.get(constant as usize).ok_or(BROKEN)?;
                let mut fault = None;
                for value in values {
                    self.budget.spend(1)?;
                    let result = match program.patterns.get(regex as usize) {
                        Some(pattern) => {
                            let text = value.text();
                            self.budget.spend(pattern.steps(&text))?;
                            Ok(pattern.is_match(&text))
                        }
                        None if matches!(
                            operation,
                            Operation::XPathNodeEqual | Operation::XPathNodeMatch
                        ) =>
                        {
                            match (literal, &value) {
                                (
                                    Operand::One(Value::XPathExpression(a)),
                                    Value::XPathExpression(b),
                                ) => self.compare_node_sets(
                                    a,
                                    b,
                                    operation == Operation::XPathNodeMatch,
                                ),
                                _ => Err(BROKEN),
                            }
                        }
                        None => functions::call(
                            operation,
                            vec![borrowed(literal), Operand::One(value)],
                            &mut self.budget,
                        )
                        .and_then(|v| v.boolean()),
                    };
                    match result {
                        Ok(true) => return Ok(true),
                        Ok(false) => {}
                        Err(error) => fault = fault.or(Some(error)),
                    }
                }
                fault.map_or(Ok(false), Err)
            }
        }
    }

    /// The values of an attribute designator (section 7.3.5 of the standard).
    fn designated(&mut self, number: u32) -> Result<Vec<Value<'r>>, Fault> {
        let designator = self
            .program
            .designators
            .get(number as usize)
            .ok_or(BROKEN)?;
        let mut seen = 0;
        let values: Vec<Value<'r>> = self
            .binding
            .values(designator.slot)
            .filter_map(|(category, attribute, value)| {
                seen += 1;
                let attribute = self
                    .category(category as usize)?
                    .attributes
                    .get(attribute as usize)?;
                let wanted = designator
                    .issuer
                    .as_deref()
                    .is_none_or(|issuer| attribute.issuer.as_deref() == Some(issuer));
                attribute
                    .values
                    .get(value as usize)
                    .filter(|_| wanted)
                    .map(|v| v.value.borrowed())
            })
            .collect();
        self.budget.spend_copy(seen)?;
        if values.is_empty() && designator.must_be_present {
            Err(Fault::missing(number))
        } else {
            Ok(values)
        }
    }

    fn category(&self, number: usize) -> Option<&'r Category<'r>> {
        self.given
            .get(number)
            .or_else(|| self.extra.get(number - self.given.len()))
    }

    /// The values of an attribute selector (section 7.3.7 of the standard).
    fn selected(&mut self, number: u32) -> Result<Vec<Value<'r>>, Fault> {
        let selector = self.program.selectors.get(number as usize).ok_or(BROKEN)?;
        let missing = || {
            if selector.must_be_present {
                Err(MISSING_CONTENT)
            } else {
                Ok(Vec::new())
            }
        };
        let Some(content) = self.content(&selector.category) else {
            return missing();
        };
        let context = match &selector.context_selector_id {
            None => None,
            Some(id) => match self.context(content, &selector.category, id)? {
                Some(node) => Some(node),
                None => return missing(),
            },
        };
        self.budget.spend(content.steps_to_select())?;
        let nodes = content.select(context, &selector.path, &selector.namespaces)?;
        self.budget.spend(nodes.len())?;
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            let text = content.text(node)?;
            self.budget.spend_text(text.len())?;
            self.budget
                .spend(Value::steps_to_parse(selector.data_type, text.len()))?;
            let value = Value::parse(selector.data_type, Cow::Owned(text));
            values.push(value.ok_or(Fault::syntax("a selected text is not a value of the type"))?);
        }
        if values.is_empty() {
            missing()
        } else {
            Ok(values)
        }
    }

    fn content(&self, category: &str) -> Option<&'r Content> {
        self.given
            .iter()
            .filter(|c| c.category == category)
            .find_map(|c| c.content.as_deref())
    }

    /// The context node of a selector: the one that the attribute `ContextSelectorId` selects.
    fn context(
        &mut self,
        content: &Content,
        category: &str,
        attribute_id: &str,
    ) -> Result<Option<ContentNode>, Fault> {
        let mut found = self
            .given
            .iter()
            .filter(|c| c.category == category)
            .flat_map(|c| &c.attributes)
            .filter(|a| a.id == attribute_id)
            .flat_map(|a| a.values.iter())
            .filter_map(|v| match &v.value {
                Value::XPathExpression(expression) => Some(expression),
                _ => None,
            });
        let Some(only) = found.next() else {
            return Ok(None);
        };
        self.budget.spend(content.steps_to_select())?;
        let nodes = content.select(None, &only.path, &only.namespaces)?;
        match (nodes.as_slice(), found.next()) {
            (_, Some(_)) => Err(Fault::processing("a context selector has several values")),
            ([], None) => Ok(None),
            ([node], None) => Ok(Some(*node)),
            (_, None) => Err(Fault::processing(
                "a context selector selects several nodes",
            )),
        }
    }

    fn xpath(&mut self, argument: Option<&u32>) -> Result<Arc<XPathExpression>, Fault> {
        match self.expression(*argument.ok_or(BROKEN)?)?.one()? {
            Value::XPathExpression(expression) => Ok(expression),
            _ => Err(BROKEN),
        }
    }

    fn nodes(
        &mut self,
        argument: Option<&u32>,
    ) -> Result<(Option<&'r Content>, Vec<ContentNode>), Fault> {
        let expression = self.xpath(argument)?;
        self.node_set(&expression)
    }

    fn node_set(
        &mut self,
        expression: &XPathExpression,
    ) -> Result<(Option<&'r Content>, Vec<ContentNode>), Fault> {
        let Some(content) = self.content(&expression.category) else {
            return Ok((None, Vec::new()));
        };
        self.budget.spend(content.steps_to_select())?;
        let nodes = content.select(None, &expression.path, &expression.namespaces)?;
        self.budget.spend(nodes.len())?;
        Ok((Some(content), nodes))
    }

    fn compare_nodes(&mut self, arguments: &[u32], below: bool) -> OperandResult<'r> {
        let (a, b) = (
            self.xpath(arguments.first())?,
            self.xpath(arguments.get(1))?,
        );
        self.compare_node_sets(&a, &b, below).map(Into::into)
    }

    /// Whether a node of the second set is in the first, or below one that is.
    fn compare_node_sets(
        &mut self,
        a: &XPathExpression,
        b: &XPathExpression,
        below: bool,
    ) -> Result<bool, Fault> {
        let ((content, first), (_, second)) = (self.node_set(a)?, self.node_set(b)?);
        let Some(content) = content.filter(|_| a.category == b.category) else {
            return Ok(false);
        };
        self.budget
            .spend(first.len().saturating_mul(second.len()))?;
        let equal =
            |x: &ContentNode, y: &ContentNode| x == y || (below && content.contains(*x, *y));
        Ok(first.iter().any(|x| second.iter().any(|y| equal(x, y))))
    }
}

const MISSING_CONTENT: Fault = {
    let mut fault = Fault::missing(NONE);
    fault.message = "content that must be present is missing";
    fault
};

fn borrowed<'r>(operand: &'r Operand<'static>) -> Operand<'r> {
    match operand {
        Operand::One(value) => Operand::One(value.borrowed()),
        Operand::Bag(values) => Operand::Bag(values.iter().map(Value::borrowed).collect()),
    }
}
