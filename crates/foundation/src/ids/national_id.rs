//! National identity numbers: fødselsnummer and d-nummer, real and synthetic.

use std::fmt;

use chrono::NaiveDate;

use super::IdError;

/// Eleven digits that name a person. Never printed whole: `Debug` and `Display` show the first six.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NationalId(String);

impl NationalId {
    /// Exactly eleven ASCII digits.
    ///
    /// # Errors
    /// [`IdError::Form`] for anything else. Neither date nor check digits are looked at.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() == 11 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Form)
        }
    }

    /// As [`NationalId::parse`], and both check digits must hold. The first one follows the rule
    /// that takes effect in 2032, a superset of the classic one.
    ///
    /// # Errors
    /// [`IdError::CheckDigit`] when the arithmetic fails.
    pub fn parse_checked(text: &str) -> Result<Self, IdError> {
        let id = Self::parse(text)?;
        let digits: Vec<u32> = id.0.bytes().map(|b| u32::from(b - b'0')).collect();
        let weighted = |weights: &[u32]| -> u32 {
            digits.iter().zip(weights).map(|(d, w)| d * w).sum::<u32>() % 11
        };
        let sum1 = weighted(&[3, 7, 6, 1, 8, 9, 4, 5, 2]);
        let sum2 = weighted(&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        let first_holds = (0..=3).any(|j| (11 + j - sum1) % 11 == digits[9]);
        let second_holds = (11 - sum2) % 11 == digits[10];
        if first_holds && second_holds {
            Ok(id)
        } else {
            Err(IdError::CheckDigit)
        }
    }

    /// Month plus 80, 65 or 40: a made-up person from one of the test populations.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        let month = self.0[2..4].parse::<u32>().unwrap_or(0);
        (41..=52).contains(&month) || (66..=77).contains(&month) || (81..=92).contains(&month)
    }

    /// Birth date that the number contains, by the rule for the century that holds until 2032; none
    /// when there is no such day.
    #[must_use]
    pub fn birth_date(&self) -> Option<NaiveDate> {
        let part = |range: std::ops::Range<usize>| self.0[range].parse::<u32>().unwrap_or(0);
        let day = if part(0..2) > 40 {
            part(0..2) - 40
        } else {
            part(0..2)
        };
        // Synthetic populations add 80, 65 or 40 to the month.
        let month = part(2..4);
        let month = [80, 65, 40]
            .into_iter()
            .find(|add| month > *add)
            .map_or(month, |add| month - add);
        let (year, individual) = (part(4..6), part(6..9));
        let century = match individual {
            0..=499 => 1900,
            500..=749 if year >= 54 => 1800,
            900..=999 if year >= 40 => 1900,
            _ => 2000,
        };
        NaiveDate::from_ymd_opt(century + i32::try_from(year).ok()?, month, day)
    }

    /// All eleven digits, for the blind index, for encryption, and for a token that must carry
    /// them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*****", &self.0[..6])
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NationalId({self})")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::ids::OrgNumber;

    #[derive(Deserialize)]
    struct Vectors {
        #[serde(rename = "organizationNumbers")]
        organizations: Vec<Vector>,
        #[serde(rename = "personIds")]
        persons: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        value: String,
        valid: bool,
        kind: String,
        #[serde(rename = "birthDate")]
        birth_date: Option<String>,
    }

    #[test]
    fn every_check_digit_vector_holds() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../../../../data/check-digits.json")).unwrap();
        for v in vectors.organizations {
            let expected = v.valid && v.value != "000000000";
            assert_eq!(
                OrgNumber::parse_checked(&v.value).is_ok(),
                expected,
                "{} ({})",
                v.value,
                v.kind
            );
        }
        for v in vectors.persons {
            assert_eq!(
                NationalId::parse_checked(&v.value).is_ok(),
                v.valid,
                "{} ({})",
                v.value,
                v.kind
            );
            if v.valid {
                let birth_date = NationalId::parse(&v.value)
                    .unwrap()
                    .birth_date()
                    .map(|d| d.to_string());
                assert_eq!(birth_date, v.birth_date, "{} ({})", v.value, v.kind);
            }
        }
    }

    #[test]
    fn the_number_contains_the_birth_date() {
        let birth_date = |text: &str| {
            NationalId::parse(text)
                .unwrap()
                .birth_date()
                .map(|d| d.to_string())
        };
        assert_eq!(birth_date("19867518188").as_deref(), Some("1975-06-19"));
        assert_eq!(
            birth_date("41010150000").as_deref(),
            Some("2001-01-01"),
            "a d-number"
        );
        assert_eq!(birth_date("01014590000").as_deref(), Some("1945-01-01"));
        assert_eq!(birth_date("01016050000").as_deref(), Some("1860-01-01"));
        assert_eq!(
            birth_date("01664500000").as_deref(),
            Some("1945-01-01"),
            "another synthetic series"
        );
        assert_eq!(birth_date("31026012345"), None);
    }

    #[test]
    fn an_identity_number_is_never_printed_whole() {
        let id = NationalId::parse("11859024884").unwrap();
        assert_eq!(
            format!("{id} {id:?}"),
            "118590***** NationalId(118590*****)"
        );
        assert!(id.is_synthetic());
    }
}
