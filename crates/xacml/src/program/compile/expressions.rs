//! Expressions: checks types, folds constants, resolves variables.

use std::{borrow::Cow, sync::Arc};

use super::compiler::{CompileResult, Compiler, PolicyVariable, TypedExpression, wrong};
use crate::{
    error::{LoadError, LoadErrorKind, Position},
    functions::{self, EvaluationBudget, Function, HigherOrder, Operand, Operation, ValueType},
    ids,
    policy::{self, Literal},
    program::{
        CompiledExpression, CompiledSelector,
        list::{NONE, extend, push},
    },
    values::{
        DataType, Namespaces, Value, XPathExpression, is_space, pattern::CompiledPattern,
        time::TimezoneOffset, xpath,
    },
};

/// Greatest depth of an expression with its variables in place: evaluation recurses to it.
const MAX_DEPTH: usize = 256;
/// Bytes of the texts of a result that is computed when the policy is compiled.
const MAX_FOLDED: usize = 1_024;

impl Compiler<'_> {
    /// Compiles the variables of a policy.
    pub(super) fn declare(
        &mut self,
        definitions: &[policy::VariableDefinition],
    ) -> CompileResult<()> {
        self.variables.clear();
        for definition in definitions {
            if self
                .variables
                .insert(
                    definition.id.clone(),
                    PolicyVariable::Declared(definition.clone()),
                )
                .is_some()
            {
                return Err(wrong(
                    definition.at,
                    "VariableDefinition",
                    format!("there is another variable {}", definition.id),
                ));
            }
        }
        definitions
            .iter()
            .try_for_each(|d| self.variable(&d.id, d.at).map(|_| ()))
    }

    fn variable(&mut self, id: &str, at: Position) -> CompileResult<(u32, TypedExpression)> {
        let wrong = |reason: String| wrong(at, "VariableReference", reason);
        let Some(state) = self.variables.get_mut(id) else {
            return Err(wrong(format!("there is no variable {id}")));
        };
        match std::mem::replace(state, PolicyVariable::InProgress) {
            PolicyVariable::InProgress => Err(wrong(format!("variable {id} refers to itself"))),
            PolicyVariable::Broken => {
                *state = PolicyVariable::Broken;
                Err(wrong(format!("variable {id} is wrong")))
            }
            PolicyVariable::Done(number, typed) => {
                *state = PolicyVariable::Done(number, typed);
                Ok((number, typed))
            }
            PolicyVariable::Declared(definition) => {
                let compiled = self.expression(&definition.expression);
                let done =
                    compiled.map(|typed| (push(&mut self.program.variables, typed.number), typed));
                let state = match &done {
                    Ok((number, typed)) => PolicyVariable::Done(*number, *typed),
                    Err(_) => PolicyVariable::Broken,
                };
                self.variables.insert(id.to_owned(), state);
                done
            }
        }
    }

    /// Compiles an expression.
    pub(super) fn expression(
        &mut self,
        expression: &policy::Expression,
    ) -> CompileResult<TypedExpression> {
        let (code, kind, depth, variable_depth) = match expression {
            policy::Expression::Literal(literal) => {
                let value = self.literal(literal)?;
                let kind = ValueType::one(value.data_type());
                (
                    CompiledExpression::Constant(push(
                        &mut self.program.constants,
                        Operand::One(value),
                    )),
                    kind,
                    1,
                    0,
                )
            }
            policy::Expression::Designator(designator) => {
                let data_type =
                    data_type(&designator.data_type, designator.at, "AttributeDesignator")?;
                (
                    CompiledExpression::Designator(self.designator(designator, data_type)),
                    ValueType::bag(data_type),
                    1,
                    0,
                )
            }
            policy::Expression::Selector(selector) => {
                let (number, data_type) = self.selector(selector)?;
                (
                    CompiledExpression::Selector(number),
                    ValueType::bag(data_type),
                    1,
                    0,
                )
            }
            policy::Expression::Variable(name) => {
                let (number, typed) = self.variable(&name.id, name.at)?;
                if typed.variable_depth >= self.options.limits.variable_depth {
                    return Err(wrong(
                        name.at,
                        "VariableReference",
                        "variables refer to each other too deeply",
                    ));
                }
                (
                    CompiledExpression::Variable(number),
                    typed.kind,
                    typed.depth + 1,
                    typed.variable_depth + 1,
                )
            }
            policy::Expression::Function(name) => {
                return Err(wrong(
                    name.at,
                    "Function",
                    "a function is an argument of a function of functions only",
                ));
            }
            policy::Expression::Apply(apply) => self.apply(apply)?,
        };
        if depth > MAX_DEPTH {
            return Err(wrong(
                expression.at(),
                "Apply",
                "expressions are nested too deeply",
            ));
        }
        if self.program.expressions.len() >= self.options.limits.expressions {
            return Err(wrong(
                expression.at(),
                "Apply",
                "the document has too many expressions",
            ));
        }
        Ok(TypedExpression {
            number: push(&mut self.program.expressions, code),
            kind,
            depth,
            variable_depth,
        })
    }

    fn apply(
        &mut self,
        apply: &policy::Apply,
    ) -> CompileResult<(CompiledExpression, ValueType, usize, usize)> {
        let at = |reason: String| wrong(apply.at, "Apply", reason);
        let find =
            |id: &str| functions::find(id).ok_or_else(|| at(format!("{id} is not a function")));
        let function = find(&apply.function)?;
        if let Operation::HigherOrder(kind) = function.operation {
            return self.apply_higher_order(apply, kind);
        }
        let arguments = apply
            .arguments
            .iter()
            .map(|a| self.expression(a))
            .collect::<CompileResult<Vec<_>>>()?;
        let kinds: Vec<ValueType> = arguments.iter().map(|a| a.kind).collect();
        let returns = function.check(&kinds).map_err(at)?;
        let pattern = arguments
            .first()
            .and_then(|first| self.constant(first.number))
            .and_then(|c| c.clone().one().ok());
        let regex = self.literal_pattern(function.operation, pattern.as_ref(), apply.at)?;
        let (depth, variable_depth) = depths(&arguments);
        let code = self.folded(function, &arguments, regex);
        Ok((code, returns, depth, variable_depth))
    }

    fn apply_higher_order(
        &mut self,
        apply: &policy::Apply,
        kind: HigherOrder,
    ) -> CompileResult<(CompiledExpression, ValueType, usize, usize)> {
        let at = |reason: String| wrong(apply.at, "Apply", reason);
        let Some((policy::Expression::Function(inner), rest)) = apply.arguments.split_first()
        else {
            return Err(at("the first argument must be a Function".to_owned()));
        };
        let inner = functions::find(&inner.id).ok_or_else(|| {
            wrong(
                inner.at,
                "Function",
                format!("{} is not a function", inner.id),
            )
        })?;
        let arguments = rest
            .iter()
            .map(|a| self.expression(a))
            .collect::<CompileResult<Vec<_>>>()?;
        let kinds: Vec<ValueType> = arguments.iter().map(|a| a.kind).collect();
        let returns = Function::check_higher_order(kind, inner, &kinds).map_err(at)?;
        let (depth, variable_depth) = depths(&arguments);
        let numbers = arguments.iter().map(|a| a.number).collect();
        let arguments = extend(&mut self.program.arguments, numbers);
        Ok((
            CompiledExpression::HigherOrder {
                kind,
                inner: inner.operation,
                arguments,
            },
            returns,
            depth,
            variable_depth,
        ))
    }

    /// A call, or its result when all of its arguments are constants.
    fn folded(
        &mut self,
        function: &Function,
        arguments: &[TypedExpression],
        regex: u32,
    ) -> CompiledExpression {
        let needs_more = matches!(
            function.operation,
            Operation::XPathNodeCount
                | Operation::XPathNodeEqual
                | Operation::XPathNodeMatch
                | Operation::RegexpMatch
        );
        let constants: Option<Vec<Operand<'static>>> = arguments
            .iter()
            .map(|a| self.constant(a.number).cloned())
            .collect();
        // Times and dates are compared in the implicit zone, which is not known before a decision.
        let is_temporal = |o: &Operand<'_>| {
            matches!(
                o,
                Operand::One(Value::Time(_) | Value::Date(_) | Value::DateTime(_))
            )
        };
        if let Some(constants) = constants.filter(|c| !needs_more && !c.iter().any(is_temporal))
            && let Ok(zone) = TimezoneOffset::new(0)
        {
            let limits = self.options.limits;
            let mut budget = EvaluationBudget {
                limits: &limits,
                zone,
                steps: self.fold_steps,
                patterns: limits.patterns,
                is_exceeded: false,
            };
            let folded = functions::call(function.operation, constants, &mut budget);
            self.fold_steps = budget.steps;
            match folded {
                // Many long results would take more memory than the document.
                Ok(value) if value.text_bytes() <= MAX_FOLDED => {
                    return CompiledExpression::Constant(push(&mut self.program.constants, value));
                }
                Err(fault) if !budget.is_exceeded => return CompiledExpression::Fault(fault),
                Ok(_) | Err(_) => {}
            }
        }
        let arguments = extend(
            &mut self.program.arguments,
            arguments.iter().map(|a| a.number).collect(),
        );
        CompiledExpression::Call {
            operation: function.operation,
            arguments,
            regex,
        }
    }

    fn constant(&self, number: u32) -> Option<&Operand<'static>> {
        match self.program.expressions.get(number as usize) {
            Some(CompiledExpression::Constant(n)) => self.program.constants.get(*n as usize),
            _ => None,
        }
    }

    /// Compiles the pattern of a regular-expression function when it is a literal.
    pub(super) fn literal_pattern(
        &mut self,
        operation: Operation,
        value: Option<&Value<'_>>,
        at: Position,
    ) -> CompileResult<u32> {
        match value {
            Some(value) if operation == Operation::RegexpMatch => {
                if self.program.patterns.len() >= self.options.limits.literal_patterns {
                    let reason = "the document has too many regular expressions";
                    return Err(wrong(at, "AttributeValue", reason));
                }
                let pattern = CompiledPattern::literal(&value.text(), &mut self.pattern_bytes_left)
                    .map_err(|reason| wrong(at, "AttributeValue", reason))?;
                Ok(push(&mut self.program.patterns, pattern))
            }
            _ => Ok(NONE),
        }
    }

    /// Parses a literal.
    pub(super) fn literal(&self, literal: &Literal) -> CompileResult<Value<'static>> {
        let data_type = data_type(&literal.data_type, literal.at, "AttributeValue")?;
        if data_type == DataType::XPathExpression {
            self.check_xpath(
                &literal.text,
                &literal.namespaces,
                literal.at,
                "AttributeValue",
            )?;
            let category = literal.xpath_category.as_deref().ok_or_else(|| LoadError {
                at: literal.at,
                element: "AttributeValue".to_owned(),
                reason: "attribute XPathCategory is missing".to_owned(),
                kind: LoadErrorKind::Syntax,
            })?;
            let expression = XPathExpression {
                path: literal.text.trim_matches(is_space).into(),
                category: category.into(),
                namespaces: literal.namespaces.clone(),
            };
            return Ok(Value::XPathExpression(Arc::new(expression)));
        }
        Value::parse(data_type, Cow::Owned(literal.text.clone())).ok_or_else(|| LoadError {
            at: literal.at,
            element: "AttributeValue".to_owned(),
            reason: format!("the text is not a value of type {}", data_type.short_name()),
            kind: LoadErrorKind::Syntax,
        })
    }

    fn selector(&mut self, selector: &policy::Selector) -> CompileResult<(u32, DataType)> {
        let data_type = data_type(&selector.data_type, selector.at, "AttributeSelector")?;
        if data_type == DataType::XPathExpression {
            return Err(wrong(
                selector.at,
                "AttributeSelector",
                "a selector does not yield XPaths",
            ));
        }
        self.check_xpath(
            &selector.path,
            &selector.namespaces,
            selector.at,
            "AttributeSelector",
        )?;
        let compiled = CompiledSelector {
            category: selector.category.as_str().into(),
            path: selector.path.trim_matches(is_space).into(),
            data_type,
            must_be_present: selector.must_be_present,
            context_selector_id: selector.context_selector_id.as_deref().map(Into::into),
            namespaces: selector.namespaces.clone(),
        };
        Ok((push(&mut self.program.selectors, compiled), data_type))
    }

    fn check_xpath(
        &self,
        path: &str,
        namespaces: &Namespaces,
        at: Position,
        element: &str,
    ) -> CompileResult<()> {
        if self
            .xpath_version
            .as_deref()
            .is_some_and(|v| !v.eq_ignore_ascii_case(ids::XPATH_1))
        {
            return Err(wrong(at, element, "only XPath 1.0 is supported"));
        }
        xpath::check(path.trim_matches(is_space), namespaces)
            .map_err(|reason| wrong(at, element, reason))
    }
}

fn depths(arguments: &[TypedExpression]) -> (usize, usize) {
    let deepest =
        |of: fn(&TypedExpression) -> usize| arguments.iter().map(of).max().unwrap_or_default();
    (deepest(|a| a.depth) + 1, deepest(|a| a.variable_depth))
}

fn data_type(uri: &str, at: Position, element: &str) -> CompileResult<DataType> {
    DataType::from_uri(uri).ok_or_else(|| LoadError {
        at,
        element: element.to_owned(),
        reason: format!("{uri} is not a data type"),
        kind: LoadErrorKind::Syntax,
    })
}
