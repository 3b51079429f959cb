//! Numbers of those who do not exist, and ways to choose.

use chrono::{Datelike as _, NaiveDate};

use foundation::ids::{NationalId, OrgNumber};

/// The nearest whole number that is not negative.
#[expect(clippy::cast_sign_loss, reason = "it is made not negative first")]
pub fn index(number: f64) -> usize {
    number.round().max(0.0) as usize
}

pub fn pick(weights: &[(&'static str, u64)], mut at: u64) -> &'static str {
    for (name, weight) in weights {
        if at < *weight {
            return name;
        }
        at -= weight;
    }
    weights[0].0
}

/// A step that visits each of so many before it comes back.
pub fn hop(count: usize) -> usize {
    let divides = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut step = index(count as f64 * 0.618) | 1;
    while count > 1 && divides(step, count) != 1 {
        step += 2;
    }
    step.max(1)
}

/// Valid organisation numbers from a range that the register has not given out.
pub fn org_numbers() -> impl Iterator<Item = u32> {
    (20_000_000_u32..)
        .flat_map(|base| (0..10).map(move |check| base * 10 + check))
        .filter(|n| OrgNumber::parse_checked(&n.to_string()).is_ok())
}

/// Valid identity numbers of a day, with 80 added to the month.
pub fn identity_numbers(date: NaiveDate) -> impl Iterator<Item = u64> {
    let begin = u64::from(date.day()) * 1_000_000_000
        + u64::from(date.month() + 80) * 10_000_000
        + u64::from(date.year().unsigned_abs() % 100) * 100_000;
    let individuals = if date.year() < 2000 {
        0..500_u64
    } else {
        500..1_000
    };
    individuals.filter_map(move |n| {
        let nine = begin + n * 100;
        // Two of hundred endings are right at most.
        (0..100)
            .map(|end| nine + end)
            .find(|id| NationalId::parse_checked(&format!("{id:011}")).is_ok())
    })
}
