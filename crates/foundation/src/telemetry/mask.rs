//! The last filter before the log: whatever looks like an identity number is starred out.

/// Stars out every run of exactly eleven digits, also one that touches letters or an escape. Spared
/// are the last group of a UUID, and hexadecimal runs of sixteen and more: trace ids and digests.
pub fn identity_numbers(line: &[u8]) -> Vec<u8> {
    let mut out = line.to_vec();
    mask(&mut out);
    out
}

/// As [`identity_numbers`], in place.
fn mask(out: &mut [u8]) {
    let mut at = 0;
    while let Some(next) = out[at..].iter().position(u8::is_ascii_hexdigit) {
        let start = at + next;
        let run = out[start..]
            .iter()
            .take_while(|b| b.is_ascii_hexdigit())
            .count();
        at = start + run;
        match (&out[..start], run) {
            (_, 16..) | ([.., b'-'], 12) => {}
            ([.., b'%'], 2..) => star(&mut out[start + 2..at]),
            ([.., b'\\', b'u'], 4..) => star(&mut out[start + 4..at]),
            _ => star(&mut out[start..at]),
        }
    }
}

/// A text with its identity numbers starred out.
#[must_use]
pub fn masked(text: impl Into<String>) -> String {
    let mut bytes = text.into().into_bytes();
    mask(&mut bytes);
    // Only ASCII digits were replaced, by ASCII.
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Stars the runs of eleven digits among these.
fn star(run: &mut [u8]) {
    for part in run
        .split_mut(|b| !b.is_ascii_digit())
        .filter(|part| part.len() == 11)
    {
        part.fill(b'*');
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn eleven_digits_alone_are_starred() {
        assert_eq!(
            masked("pid=11859024884, ssn:11859024884"),
            "pid=***********, ssn:***********"
        );
        assert_eq!(masked("person 11859024884"), "person ***********");
        assert_eq!(masked("/person/11859024884?x"), "/person/***********?x");
        assert_eq!(
            masked("pid11859024884 a11859024884b"),
            "pid*********** a***********b"
        );
        assert_eq!(
            masked("pid%3A11859024884%2211859024884"),
            "pid%3A***********%22***********"
        );
        assert_eq!(masked(r"\u00e511859024884"), r"\u00e5***********");
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
