//! Problem codes in the text of an answer.

use crate::http::help::FINDINGS;

/// Families of codes.
const FAMILIES: [&str; 6] = ["AUTH", "AMUI", "REG", "STD", "RR", "AM"];
const DIGITS: usize = 5;

/// The codes that a text names, such as `AUTH-00001`. Further codes of the same family may be
/// written short: `AUTH-00001, -00004 or -00021`. A finding, such as `RR.VLD-00002`, comes in a
/// problem with `STD-00000`.
#[must_use]
pub fn codes_in(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    let mut family = None;
    let mut rest = text;
    while let Some(at) = rest.find('-') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        rest = after;
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits != DIGITS {
            continue;
        }
        if before.strip_suffix(".VLD").is_some() {
            family = None;
            if !codes.iter().any(|code| code == FINDINGS) {
                codes.push(FINDINGS.to_owned());
            }
            continue;
        }
        let named = FAMILIES
            .into_iter()
            .find(|name| before.ends_with(name))
            .or_else(|| family.filter(|_| before.is_empty() || before.ends_with([' ', '`', '('])));
        if let Some(name) = named {
            family = Some(name);
            codes.push(format!("{name}-{}", &after[..digits]));
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::codes_in;

    #[test]
    fn short_codes_are_of_the_family_before_them() {
        assert_eq!(
            codes_in("Model state, AUTH-00000, -00004 or `-00021`; AMUI-00044 or -00999"),
            [
                "AUTH-00000",
                "AUTH-00004",
                "AUTH-00021",
                "AMUI-00044",
                "AMUI-00999"
            ]
        );
    }

    #[test]
    fn findings_come_in_a_problem_of_their_own() {
        assert_eq!(
            codes_in("`RR.VLD-00003` to `RR.VLD-00007`, or `RR-00001`"),
            ["STD-00000", "RR-00001"]
        );
    }

    #[test]
    fn other_numbers_are_no_codes() {
        assert!(codes_in("0192-12345, ISO-8859-1, 2026-01-01, AUTH-000NN").is_empty());
    }
}
