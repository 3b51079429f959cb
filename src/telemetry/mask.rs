//! The last filter before the log: whatever looks like an identity number is starred out.

/// Replaces every run of exactly eleven digits that is not part of a longer run of hexadecimal digits.
pub fn identity_numbers(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.iter().position(u8::is_ascii_hexdigit) {
        let run = rest[start..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        out.extend_from_slice(&rest[..start]);
        out.extend_from_slice(masked(&rest[start..start + run]));
        rest = &rest[start + run..];
    }
    out.extend_from_slice(rest);
    out
}

/// A number of eleven digits becomes stars; a run that is anything else stays as it is.
fn masked(run: &[u8]) -> &[u8] {
    if run.len() == 11 && run.iter().all(u8::is_ascii_digit) { b"***********" } else { run }
}

#[cfg(test)]
mod tests {
    use super::identity_numbers;

    fn masked(text: &str) -> String {
        String::from_utf8(identity_numbers(text.as_bytes())).unwrap()
    }

    #[test]
    fn eleven_digits_alone_are_starred() {
        assert_eq!(masked("pid=11859024884, ssn:11859024884"), "pid=***********, ssn:***********");
        assert_eq!(masked("person 11859024884"), "person ***********");
        assert_eq!(masked("/person/11859024884?x"), "/person/***********?x");
    }

    #[test]
    fn other_runs_stay() {
        for text in [
            "org 390381492",
            "123456789012",
            "dd763c00ef5a51fc9b9433c923dbaf60",
            "1767607200123",
            "c6d8d7f1-5188-5b27-8ada-11859024884e",
            "ååå 12345",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
