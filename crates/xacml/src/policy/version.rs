//! Versions of policies, and the patterns by which references find them.

use std::{cmp::Ordering, fmt};

/// A version of a policy or policy set: numbers with dots between them (section 5.12 of the
/// standard). The default is `1.0`.
///
/// Versions are ordered number by number, so that `1.10` is later than `1.9`, and `1.0` later than
/// `1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: Box<str>,
    parts: Box<[u64]>,
}

impl Version {
    /// Reads `(\d+\.)*\d+`; `None` for any other text, and for numbers that exceed 64 bits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.split('.').map(number).collect::<Option<_>>()?;
        Some(Self {
            text: text.into(),
            parts,
        })
    }

    /// The text that it was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for Version {
    fn default() -> Self {
        Self {
            text: "1.0".into(),
            parts: Box::new([1, 0]),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts
            .cmp(&other.parts)
            .then_with(|| self.text.cmp(&other.text))
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionPart {
    Number(u64),
    /// `*`: one number.
    Any,
    /// `+`: one or more numbers.
    Rest,
}

/// A version with wildcards: `*` for one number, and a final `+` for one or more (section 5.13 of
/// the standard).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPattern(Box<[VersionPart]>);

impl VersionPattern {
    /// Reads numbers, `*` and a final `+`, with dots between them; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Box<[VersionPart]> = text
            .split('.')
            .map(|part| match part {
                "*" => Some(VersionPart::Any),
                "+" => Some(VersionPart::Rest),
                _ => number(part).map(VersionPart::Number),
            })
            .collect::<Option<_>>()?;
        let early = parts.iter().rev().skip(1).any(|p| *p == VersionPart::Rest);
        (!early).then_some(Self(parts))
    }

    /// Whether a version has the numbers of the pattern.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        let mut numbers = version.parts.iter();
        for part in &self.0 {
            match (part, numbers.next()) {
                (_, None) => return false,
                (VersionPart::Number(a), Some(b)) if a != b => return false,
                (VersionPart::Rest, Some(_)) => return true,
                _ => {}
            }
        }
        numbers.next().is_none()
    }

    /// How a version compares with the pattern, number by number. A wildcard equals any number, and a
    /// final `+` any further ones.
    #[must_use]
    pub fn order_of(&self, version: &Version) -> Ordering {
        let mut numbers = version.parts.iter();
        for part in &self.0 {
            match (part, numbers.next()) {
                (VersionPart::Rest, _) => return Ordering::Equal,
                (_, None) => return Ordering::Less,
                (VersionPart::Number(a), Some(b)) if a != b => return b.cmp(a),
                _ => {}
            }
        }
        if numbers.next().is_some() {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }
}

/// The constraints of a reference on the version of the referenced policy. All of them must hold; the
/// default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionRange {
    /// `Version`: the version must match.
    pub version: Option<VersionPattern>,
    /// `EarliestVersion`: the version must not be earlier.
    pub earliest: Option<VersionPattern>,
    /// `LatestVersion`: the version must not be later.
    pub latest: Option<VersionPattern>,
}

impl VersionRange {
    /// Whether a version satisfies all constraints.
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        self.version.as_ref().is_none_or(|p| p.matches(version))
            && self
                .earliest
                .as_ref()
                .is_none_or(|p| p.order_of(version) != Ordering::Less)
            && self
                .latest
                .as_ref()
                .is_none_or(|p| p.order_of(version) != Ordering::Greater)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("1.0", "1.0", true)]
    #[case("1.*", "1.7", true)]
    #[case("1.*", "1.7.1", false)]
    #[case("1.*", "1", false)]
    #[case("1.+", "1.7.1", true)]
    #[case("1.+", "1", false)]
    #[case("*.2", "9.2", true)]
    #[case("1.0", "1", false)]
    #[case("1.2.3", "1.2.4", false)]
    fn patterns(#[case] pattern: &str, #[case] version: &str, #[case] matches: bool) {
        assert_eq!(
            VersionPattern::parse(pattern)
                .unwrap()
                .matches(&Version::parse(version).unwrap()),
            matches
        );
    }

    #[rstest::rstest]
    #[case(None, Some("1.2"), Some("2.0"), "1.10", true)]
    #[case(None, Some("1.2"), None, "1.1", false)]
    #[case(None, None, Some("2"), "2.0.1", false)]
    #[case(None, None, Some("2.+"), "2.0.1", true)]
    #[case(None, Some("1.*.3"), None, "1.0.3", true)]
    #[case(Some("1.+"), Some("1.5"), None, "1.4", false)]
    #[case(None, None, None, "0", true)]
    fn ranges(
        #[case] version: Option<&str>,
        #[case] earliest: Option<&str>,
        #[case] latest: Option<&str>,
        #[case] of: &str,
        #[case] admitted: bool,
    ) {
        let pattern = |t: Option<&str>| t.map(|t| VersionPattern::parse(t).unwrap());
        let range = VersionRange {
            version: pattern(version),
            earliest: pattern(earliest),
            latest: pattern(latest),
        };
        assert_eq!(range.admits(&Version::parse(of).unwrap()), admitted);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        assert!(
            [
                "",
                "1.",
                ".1",
                "1.a",
                "1.*",
                "-1",
                "1.99999999999999999999999"
            ]
            .iter()
            .all(|t| Version::parse(t).is_none())
        );
        assert!(
            ["", "+.1", "1.**", "1.-1"]
                .iter()
                .all(|t| VersionPattern::parse(t).is_none())
        );
        assert!(Version::parse("1.10") > Version::parse("1.9"));
    }
}
