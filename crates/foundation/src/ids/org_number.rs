//! Organisation numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::IdError;

/// The authority that every organisation identifier on the wire carries.
pub const ISO6523_AUTHORITY: &str = "iso6523-actorid-upis";

/// Nine digits that name an organisation. Stored and compared bare; [`OrgNumber::iso6523`] adds the
/// prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrgNumber([u8; 9]);

impl OrgNumber {
    /// Exactly nine ASCII digits.
    ///
    /// # Errors
    /// [`IdError::Form`] for anything else. The check digit is not looked at.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bytes: [u8; 9] = text.as_bytes().try_into().map_err(|_| IdError::Form)?;
        if bytes.iter().all(u8::is_ascii_digit) {
            Ok(Self(bytes))
        } else {
            Err(IdError::Form)
        }
    }

    /// As [`OrgNumber::parse`], and the check digit must hold (weights 3 2 7 6 5 4 3 2, modulus
    /// 11).
    ///
    /// # Errors
    /// [`IdError::CheckDigit`] also for the all-zero number, which passes the arithmetic.
    pub fn parse_checked(text: &str) -> Result<Self, IdError> {
        let number = Self::parse(text)?;
        let digits = number.0.map(|b| u32::from(b - b'0'));
        let sum: u32 = digits
            .iter()
            .zip([3, 2, 7, 6, 5, 4, 3, 2])
            .map(|(d, w)| d * w)
            .sum();
        let check = (11 - sum % 11) % 11;
        if check == digits[8] && sum > 0 {
            Ok(number)
        } else {
            Err(IdError::CheckDigit)
        }
    }

    /// The number out of `0192:<nine digits>`, as bodies write it.
    #[must_use]
    pub fn from_iso6523(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix("0192:")?).ok()
    }

    /// The number as `0192:<nine digits>`.
    #[must_use]
    pub fn iso6523(&self) -> String {
        format!("0192:{self}")
    }

    /// The nine digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for OrgNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OrgNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrgNumber({self})")
    }
}

impl Serialize for OrgNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for OrgNumber {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
