//! Integers of any size, and doubles in the form of XML Schema.

use std::{cmp::Ordering, fmt};

use num_bigint::BigInt;

use crate::error::Fault;

/// Digits of an integer that is read.
const MAX_DIGITS: usize = 1_024;
/// Bits of an integer that is computed.
const MAX_BITS: u64 = 16_384;

/// An integer of any size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Integer {
    /// An integer that fits in 64 bits.
    Small(i64),
    /// An integer that does not fit in 64 bits. One that does is not equal to its `Small` form, so
    /// build integers by [`Integer::parse`] or `From<i64>`.
    Big(Box<BigInt>),
}

/// Operations on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient; of integers toward zero.
    Divide,
    /// Remainder, with the sign of the dividend.
    Modulo,
}

impl Integer {
    /// Reads `[+-]?[0-9]+` of up to 1024 digits; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty()
            || digits.len() > MAX_DIGITS
            || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        text.parse()
            .map(Self::Small)
            .ok()
            .or_else(|| text.parse().ok().map(Self::from_big))
    }

    fn from_big(big: BigInt) -> Self {
        i64::try_from(&big).map_or_else(|_| Self::Big(Box::new(big)), Self::Small)
    }

    fn to_big(&self) -> BigInt {
        match self {
            Self::Small(n) => BigInt::from(*n),
            Self::Big(n) => (**n).clone(),
        }
    }

    /// The integer part of a double; `None` for infinities and not-a-number.
    #[must_use]
    pub fn from_double(x: f64) -> Option<Self> {
        if !x.is_finite() {
            return None;
        }
        let whole = x.trunc();
        if whole.abs() < 9.0e18 {
            Some(Self::Small(whole as i64))
        } else {
            format!("{whole:.0}").parse().ok().map(Self::from_big)
        }
    }

    /// The nearest double.
    #[must_use]
    pub fn to_double(&self) -> f64 {
        match self {
            Self::Small(n) => *n as f64,
            Self::Big(n) => n.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The integer as an index; `None` when it is negative or too large.
    #[must_use]
    pub fn to_usize(&self) -> Option<usize> {
        match self {
            Self::Small(n) => usize::try_from(*n).ok(),
            Self::Big(_) => None,
        }
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(&self) -> Self {
        match self {
            Self::Small(n) => n
                .checked_abs()
                .map_or_else(|| Self::from_big(-self.to_big()), Self::Small),
            Self::Big(n) => Self::from_big(BigInt::from(n.magnitude().clone())),
        }
    }

    /// Machine words of the number.
    pub(crate) fn words(&self) -> usize {
        match self {
            Self::Small(_) => 1,
            Self::Big(n) => usize::try_from(n.bits() / 64 + 1).unwrap_or(usize::MAX),
        }
    }

    /// The result of an operation. Fails for a division by zero, and when the result is too large.
    pub(crate) fn calculate(&self, operation: Arithmetic, other: &Self) -> Result<Self, Fault> {
        if matches!(operation, Arithmetic::Divide | Arithmetic::Modulo) && *other == Self::Small(0)
        {
            return Err(Fault::processing("division by zero"));
        }
        if let (Self::Small(a), Self::Small(b)) = (self, other) {
            let small = match operation {
                Arithmetic::Add => a.checked_add(*b),
                Arithmetic::Subtract => a.checked_sub(*b),
                Arithmetic::Multiply => a.checked_mul(*b),
                Arithmetic::Divide => a.checked_div(*b),
                Arithmetic::Modulo => a.checked_rem(*b),
            };
            if let Some(n) = small {
                return Ok(Self::Small(n));
            }
        }
        let (a, b) = (self.to_big(), other.to_big());
        let big = match operation {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply if a.bits() + b.bits() > MAX_BITS + 1 => {
                return Err(Fault::processing("a number is too large"));
            }
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide => a / b,
            Arithmetic::Modulo => a % b,
        };
        if big.bits() > MAX_BITS {
            Err(Fault::processing("a number is too large"))
        } else {
            Ok(Self::from_big(big))
        }
    }
}

impl From<i64> for Integer {
    fn from(n: i64) -> Self {
        Self::Small(n)
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small(a), Self::Small(b)) => a.cmp(b),
            _ => self.to_big().cmp(&other.to_big()),
        }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(n) => n.fmt(f),
            Self::Big(n) => n.fmt(f),
        }
    }
}

/// Reads a double in the form of XML Schema.
pub fn parse_double(text: &str) -> Option<f64> {
    match text {
        "INF" | "+INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        // Rust's parser accepts other names of infinities and not-a-number too.
        _ if text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) =>
        {
            text.parse().ok()
        }
        _ => None,
    }
}

/// The canonical form of XML Schema: `1.5E0`.
pub fn print_double(x: f64) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "INF" } else { "-INF" }.to_owned();
    }
    let text = format!("{x:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

/// The nearest integer, and of two the even one.
pub fn round(x: f64) -> f64 {
    x.round_ties_even()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Integer {
        Integer::parse(text).unwrap()
    }

    #[test]
    fn whole_numbers_grow_and_shrink() {
        let max = int("9223372036854775807");
        let over = max.calculate(Arithmetic::Add, &int("1")).unwrap();
        assert_eq!(over.to_string(), "9223372036854775808");
        assert_eq!(
            over.calculate(Arithmetic::Subtract, &int("1")).unwrap(),
            max
        );
        assert_eq!(int("-9223372036854775808").abs(), over);
        assert_eq!(int("+07"), int("7"));
        assert_eq!(
            int("-7").calculate(Arithmetic::Divide, &int("2")).unwrap(),
            int("-3")
        );
        assert_eq!(
            int("-7").calculate(Arithmetic::Modulo, &int("2")).unwrap(),
            int("-1")
        );
        assert!(int("7").calculate(Arithmetic::Divide, &int("0")).is_err());
        assert!(Integer::parse(&"9".repeat(1_025)).is_none());
        assert!(
            ["", "+", "1.0", "1e3", "0x1", "１"]
                .iter()
                .all(|t| Integer::parse(t).is_none())
        );
        let mut n = int(&"9".repeat(1_024));
        let refused = (0..10).any(|_| {
            n.calculate(Arithmetic::Multiply, &n)
                .map(|next| n = next)
                .is_err()
        });
        assert!(refused, "growth is bounded");
    }

    #[test]
    fn floating_point_numbers_are_read_and_printed_as_xml_schema_does() {
        let printed: Vec<_> = ["1", "1.5", ".5", "-0", "1e3", "-INF", "+INF", "NaN"]
            .iter()
            .map(|t| print_double(parse_double(t).unwrap()))
            .collect();
        assert_eq!(
            printed,
            [
                "1.0E0", "1.5E0", "5.0E-1", "-0.0E0", "1.0E3", "-INF", "INF", "NaN"
            ]
        );
        assert!(
            ["inf", "nan", "infinity", "", "1,5", "0x1p3", "-NaN"]
                .iter()
                .all(|t| parse_double(t).is_none())
        );
        assert_eq!(
            [round(0.5), round(1.5), round(-2.5)].map(f64::to_bits),
            [0.0, 2.0, -2.0_f64].map(f64::to_bits)
        );
        assert_eq!(Integer::from_double(-1.9), Some(Integer::Small(-1)));
        assert_eq!(
            Integer::from_double(1e19).unwrap().to_string(),
            "10000000000000000000"
        );
        assert_eq!(Integer::from_double(f64::NAN), None);
    }
}
