//! Calls functions (appendix A.3 of the standard).

use std::{borrow::Cow, cmp::Ordering};

use super::{
    ComparisonDirection, Operation,
    budget::EvaluationBudget,
    operand::{MISTYPED, Operand},
    sets,
};
use crate::{
    error::Fault,
    values::{
        Integer, Value, is_space, number,
        number::Arithmetic,
        pattern::{self, CompiledPattern},
        time,
    },
};

/// Pairs of machine words that are multiplied in the time of one step.
const WORD_PRODUCTS_PER_STEP: usize = 16;

/// Calls a function with arguments whose number and types were checked when the policy was compiled.
///
/// Fails for what has no value, such as a division by zero or the only value of a bag of two, and
/// when the budget is spent.
pub fn call<'a>(
    operation: Operation,
    arguments: Vec<Operand<'a>>,
    budget: &mut EvaluationBudget<'_>,
) -> Result<Operand<'a>, Fault> {
    budget.spend(1 + arguments.len())?;
    budget.spend_text(arguments.iter().map(Operand::text_bytes).sum())?;
    let mut arguments = CallArguments(arguments.into_iter());
    let zone = budget.zone;
    let value = match operation {
        Operation::And => return arguments.decided_by(false),
        Operation::Or => return arguments.decided_by(true),
        Operation::NOf => return n_of(arguments),
        Operation::Bag => {
            let values = arguments
                .0
                .map(Operand::one)
                .collect::<Result<Vec<_>, _>>()?;
            return budget.bag(values);
        }
        Operation::Union => {
            let mut values = Vec::new();
            for bag in arguments.0 {
                values.extend(bag.bag()?);
            }
            let values = sets::distinct(values, budget)?;
            return budget.bag(values);
        }
        Operation::Intersection => {
            return Ok(Operand::Bag(sets::intersection(
                arguments.bag()?,
                &arguments.bag()?,
                budget,
            )?));
        }
        Operation::Subset => Value::Boolean(sets::is_subset(
            &arguments.bag()?,
            &arguments.bag()?,
            budget,
        )?),
        Operation::AtLeastOneMemberOf => Value::Boolean(sets::overlaps(
            &arguments.bag()?,
            &arguments.bag()?,
            budget,
        )?),
        Operation::SetEquals => {
            let (a, b) = (arguments.bag()?, arguments.bag()?);
            Value::Boolean(sets::is_subset(&a, &b, budget)? && sets::is_subset(&b, &a, budget)?)
        }
        Operation::OneAndOnly => {
            let mut values = arguments.bag()?;
            match (values.pop(), values.is_empty()) {
                (Some(only), true) => only,
                _ => return Err(Fault::processing("a bag does not hold exactly one value")),
            }
        }
        Operation::BagSize => Value::Integer(Integer::Small(
            i64::try_from(arguments.bag()?.len()).unwrap_or(i64::MAX),
        )),
        Operation::IsIn => {
            let (value, bag) = (arguments.one()?, arguments.bag()?);
            budget.spend(bag.len())?;
            budget.spend_text(bag.len().saturating_mul(value.text_bytes()))?;
            Value::Boolean(bag.iter().any(|v| v.equals(&value, zone)))
        }
        Operation::Equal => Value::Boolean(arguments.one()?.equals(&arguments.one()?, zone)),
        Operation::EqualIgnoreCase => Value::Boolean(equal_ignoring_case(
            &arguments.one()?.text(),
            &arguments.one()?.text(),
        )),
        Operation::Compare(comparison) => {
            let order = arguments.one()?.compare(&arguments.one()?, zone);
            Value::Boolean(order.is_some_and(|o| match comparison {
                ComparisonDirection::Greater => o == Ordering::Greater,
                ComparisonDirection::GreaterOrEqual => o != Ordering::Less,
                ComparisonDirection::Less => o == Ordering::Less,
                ComparisonDirection::LessOrEqual => o != Ordering::Greater,
            }))
        }
        Operation::FromString(data_type) => {
            let text = arguments.one()?.text().into_owned();
            budget.spend(Value::steps_to_parse(data_type, text.len()))?;
            Value::parse(data_type, Cow::Owned(text))
                .ok_or(Fault::syntax("a text is not a value of the type"))?
        }
        Operation::ToString => Value::String(Cow::Owned(arguments.one()?.text().into_owned())),
        Operation::RegexpMatch => {
            let (text, value) = (arguments.one()?, arguments.one()?);
            budget.patterns = budget
                .patterns
                .checked_sub(1)
                .ok_or(Fault::processing("too many regular expressions"))?;
            budget.spend(pattern::STEPS_TO_COMPILE)?;
            let pattern = CompiledPattern::dynamic(&text.text())
                .map_err(|_| Fault::processing("a regular expression is not valid"))?;
            let value = value.text();
            budget.spend(pattern.steps(&value))?;
            Value::Boolean(pattern.is_match(&value))
        }
        Operation::Arithmetic(operation) => arguments.calculate(operation, budget)?,
        Operation::Abs => match arguments.one()? {
            Value::Integer(n) => Value::Integer(n.abs()),
            Value::Double(x) => Value::Double(x.abs()),
            _ => return Err(MISTYPED),
        },
        Operation::Round => Value::Double(number::round(arguments.double()?)),
        Operation::Floor => Value::Double(arguments.double()?.floor()),
        Operation::ToInteger => Value::Integer(
            Integer::from_double(arguments.double()?)
                .ok_or(Fault::processing("the number has no whole part"))?,
        ),
        Operation::ToDouble => Value::Double(arguments.integer()?.to_double()),
        Operation::NormalizeSpace => Value::String(Cow::Owned(
            arguments.one()?.text().trim_matches(is_space).to_owned(),
        )),
        Operation::ToLowerCase => {
            Value::String(budget.text(arguments.one()?.text().to_lowercase())?)
        }
        Operation::Not => Value::Boolean(!arguments.boolean()?),
        Operation::AddDuration { negative } => {
            add_duration(&arguments.one()?, &arguments.one()?, negative)?
        }
        Operation::TimeInRange => match (arguments.one()?, arguments.one()?, arguments.one()?) {
            (Value::Time(t), Value::Time(from), Value::Time(to)) => {
                Value::Boolean(time::in_range(t, from, to, zone))
            }
            _ => return Err(MISTYPED),
        },
        Operation::Concatenate => Value::String(arguments.concatenated(budget)?),
        Operation::ConcatenateUri => Value::AnyUri(arguments.concatenated(budget)?),
        Operation::StartsWith => arguments.part(|whole, part| whole.starts_with(part))?,
        Operation::EndsWith => arguments.part(|whole, part| whole.ends_with(part))?,
        Operation::Contains => arguments.part(|whole, part| whole.contains(part))?,
        Operation::Substring => {
            let (value, from, to) = (arguments.one()?, arguments.integer()?, arguments.integer()?);
            Value::String(Cow::Owned(substring(&value.text(), &from, &to)?))
        }
        Operation::X500Match => match (arguments.one()?, arguments.one()?) {
            (Value::X500Name(end), Value::X500Name(whole)) => {
                Value::Boolean(end.is_suffix_of(&whole))
            }
            _ => return Err(MISTYPED),
        },
        Operation::Rfc822Match => match (arguments.one()?, arguments.one()?) {
            (Value::String(pattern), Value::Rfc822Name(name)) => {
                Value::Boolean(name.matches(&pattern))
            }
            _ => return Err(MISTYPED),
        },
        // These need more than their arguments: the evaluator has them.
        Operation::XPathNodeCount
        | Operation::XPathNodeEqual
        | Operation::XPathNodeMatch
        | Operation::HigherOrder(_) => return Err(MISTYPED),
    };
    Ok(Operand::One(value))
}

/// Whether two texts are equal in lower case.
fn equal_ignoring_case(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        a.eq_ignore_ascii_case(b)
    } else {
        a.to_lowercase() == b.to_lowercase()
    }
}

struct CallArguments<'a>(std::vec::IntoIter<Operand<'a>>);

impl<'a> CallArguments<'a> {
    fn next(&mut self) -> Result<Operand<'a>, Fault> {
        self.0.next().ok_or(MISTYPED)
    }

    fn one(&mut self) -> Result<Value<'a>, Fault> {
        self.next()?.one()
    }

    fn bag(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        self.next()?.bag()
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.next()?.boolean()
    }

    fn integer(&mut self) -> Result<Integer, Fault> {
        match self.one()? {
            Value::Integer(n) => Ok(n),
            _ => Err(MISTYPED),
        }
    }

    fn double(&mut self) -> Result<f64, Fault> {
        match self.one()? {
            Value::Double(x) => Ok(x),
            _ => Err(MISTYPED),
        }
    }

    fn decided_by(self, deciding: bool) -> Result<Operand<'a>, Fault> {
        for argument in self.0 {
            if argument.boolean()? == deciding {
                return Ok(deciding.into());
            }
        }
        Ok((!deciding).into())
    }

    fn calculate(
        mut self,
        operation: Arithmetic,
        budget: &mut EvaluationBudget<'_>,
    ) -> Result<Value<'a>, Fault> {
        let mut total = self.one()?;
        for next in self.0 {
            total = match (total, next.one()?) {
                (Value::Integer(a), Value::Integer(b)) => {
                    budget.spend(a.words().saturating_mul(b.words()) / WORD_PRODUCTS_PER_STEP)?;
                    Value::Integer(a.calculate(operation, &b)?)
                }
                (Value::Double(a), Value::Double(b)) => Value::Double(match operation {
                    Arithmetic::Add => a + b,
                    Arithmetic::Subtract => a - b,
                    Arithmetic::Multiply => a * b,
                    Arithmetic::Divide if b == 0.0 => {
                        return Err(Fault::processing("division by zero"));
                    }
                    Arithmetic::Divide => a / b,
                    Arithmetic::Modulo => a % b,
                }),
                _ => return Err(MISTYPED),
            };
        }
        Ok(total)
    }

    fn concatenated(self, budget: &mut EvaluationBudget<'_>) -> Result<Cow<'static, str>, Fault> {
        let mut out = String::new();
        for piece in self.0 {
            out.push_str(&piece.one()?.text());
            if out.len() > budget.limits.text_bytes {
                break;
            }
        }
        budget.text(out)
    }

    fn part(&mut self, test: impl Fn(&str, &str) -> bool) -> Result<Value<'a>, Fault> {
        let (part, whole) = (self.one()?, self.one()?);
        Ok(Value::Boolean(test(&whole.text(), &part.text())))
    }
}

fn n_of(mut arguments: CallArguments<'_>) -> Result<Operand<'_>, Fault> {
    let wanted = wanted_of(&arguments.integer()?, arguments.0.len())?;
    let mut found = 0;
    for argument in arguments.0 {
        if found >= wanted {
            break;
        }
        found += usize::from(argument.boolean()?);
    }
    Ok((found >= wanted).into())
}

/// How many of some arguments must be true. Fails for a negative number, and for more than there are.
pub fn wanted_of(n: &Integer, arguments: usize) -> Result<usize, Fault> {
    n.to_usize()
        .filter(|n| *n <= arguments)
        .ok_or(Fault::processing(
            "n-of asks for more than there is, or less than nothing",
        ))
}

fn add_duration(
    start: &Value<'_>,
    duration: &Value<'_>,
    negative: bool,
) -> Result<Value<'static>, Fault> {
    let sum = match (start, duration) {
        (Value::DateTime(start), Value::DayTimeDuration(d)) => if negative {
            start.checked_sub_day_time_duration(*d)
        } else {
            start.checked_add_day_time_duration(*d)
        }
        .map(Value::DateTime),
        (Value::DateTime(start), Value::YearMonthDuration(d)) => if negative {
            start.checked_sub_year_month_duration(*d)
        } else {
            start.checked_add_year_month_duration(*d)
        }
        .map(Value::DateTime),
        (Value::Date(start), Value::YearMonthDuration(d)) => if negative {
            start.checked_sub_year_month_duration(*d)
        } else {
            start.checked_add_year_month_duration(*d)
        }
        .map(Value::Date),
        _ => return Err(MISTYPED),
    };
    time::in_bounds(sum)
}

/// The characters from one index up to another, exclusive; -1 is the end.
fn substring(text: &str, from: &Integer, to: &Integer) -> Result<String, Fault> {
    let out_of_range = Fault::processing("a substring is out of the range of its text");
    let length = text.chars().count();
    let from = from.to_usize().ok_or(out_of_range)?;
    let to = if *to == Integer::Small(-1) {
        length
    } else {
        to.to_usize().ok_or(out_of_range)?
    };
    if from > to || to > length {
        return Err(out_of_range);
    }
    Ok(text.chars().skip(from).take(to - from).collect())
}
