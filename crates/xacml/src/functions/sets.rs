//! Set functions of bags (appendix A.3.11 of the standard).

use std::borrow::Cow;

use hashbrown::HashSet;

use super::budget::EvaluationBudget;
use crate::{error::Fault, values::Value};

/// Up to this many values pairs are compared; of more, keys are hashed.
const MAX_COMPARED_PAIRWISE: usize = 16;

/// The values of a bag, to test others for membership.
struct BagMembers<'b, 'a> {
    values: &'b [Value<'a>],
    keys: Option<HashSet<Cow<'b, str>>>,
}

impl<'b, 'a> BagMembers<'b, 'a> {
    fn of(values: &'b [Value<'a>], budget: &mut EvaluationBudget<'_>) -> Result<Self, Fault> {
        // A key is a text of its own.
        budget.spend(values.len().saturating_mul(2))?;
        if values.len() <= MAX_COMPARED_PAIRWISE {
            return Ok(Self { values, keys: None });
        }
        budget.spend(steps_to_key(values))?;
        let keys = Some(values.iter().map(|v| v.key(budget.zone)).collect());
        Ok(Self { values, keys })
    }

    fn contains(
        &self,
        value: &Value<'_>,
        budget: &mut EvaluationBudget<'_>,
    ) -> Result<bool, Fault> {
        if let Some(keys) = &self.keys {
            budget.spend(2 + value.steps_to_key())?;
            Ok(keys.contains(&*value.key(budget.zone)))
        } else {
            budget.spend(self.values.len())?;
            budget.spend_text(self.values.len().saturating_mul(value.text_bytes()))?;
            Ok(self.values.iter().any(|v| v.equals(value, budget.zone)))
        }
    }
}

fn steps_to_key(values: &[Value<'_>]) -> usize {
    values.iter().map(Value::steps_to_key).sum()
}

/// The values without duplicates; the first of each is kept.
pub fn distinct<'a>(
    values: Vec<Value<'a>>,
    budget: &mut EvaluationBudget<'_>,
) -> Result<Vec<Value<'a>>, Fault> {
    let each = values.len().clamp(2, MAX_COMPARED_PAIRWISE);
    budget.spend(values.len().saturating_mul(each / 2 + 1))?;
    let zone = budget.zone;
    let mut out: Vec<Value<'a>> = Vec::with_capacity(values.len());
    if values.len() > MAX_COMPARED_PAIRWISE {
        budget.spend(steps_to_key(&values))?;
        let mut seen: HashSet<String> = HashSet::with_capacity(values.len());
        out.extend(
            values
                .into_iter()
                .filter(|v| seen.insert(v.key(zone).into_owned())),
        );
    } else {
        let bytes: usize = values.iter().map(Value::text_bytes).sum();
        budget.spend_text(bytes.saturating_mul(each / 2))?;
        for value in values {
            if !out.iter().any(|o| o.equals(&value, zone)) {
                out.push(value);
            }
        }
    }
    Ok(out)
}

pub fn intersection<'a>(
    a: Vec<Value<'a>>,
    b: &[Value<'_>],
    budget: &mut EvaluationBudget<'_>,
) -> Result<Vec<Value<'a>>, Fault> {
    let members = BagMembers::of(b, budget)?;
    let mut common = Vec::new();
    for value in a {
        if members.contains(&value, budget)? {
            common.push(value);
        }
    }
    distinct(common, budget)
}

pub fn is_subset(
    a: &[Value<'_>],
    b: &[Value<'_>],
    budget: &mut EvaluationBudget<'_>,
) -> Result<bool, Fault> {
    let members = BagMembers::of(b, budget)?;
    for value in a {
        if !members.contains(value, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub fn overlaps(
    a: &[Value<'_>],
    b: &[Value<'_>],
    budget: &mut EvaluationBudget<'_>,
) -> Result<bool, Fault> {
    let members = BagMembers::of(b, budget)?;
    for value in a {
        if members.contains(value, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}
