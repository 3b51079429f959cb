//! The last filter before the log: whatever looks like an identity number is starred out.

/// Replaces every run of exactly eleven digits that is not part of a longer run of hexadecimal digits.
pub fn identity_numbers(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.iter().position(u8::is_ascii_hexdigit) {
        let run = rest[start..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        out.extend_from_slice(&rest[..start]);
        out.extend_from_slice(&masked(&rest[start..start + run]));
        rest = &rest[start + run..];
    }
    out.extend_from_slice(rest);
    out
}

/// A hexadecimal run; letters at its ends may belong to the text around a number.
fn masked(run: &[u8]) -> Vec<u8> {
    let is_number = |part: &[u8]| part.len() == 11 && part.iter().all(u8::is_ascii_digit);
    if is_number(run) {
        return b"***********".to_vec();
    }
    let mut out = run.to_vec();
    if run.iter().all(|b| b.is_ascii_digit() || b.is_ascii_alphabetic()) && run.len() < 16 {
        let digits: Vec<(usize, usize)> = digit_runs(run);
        for (start, end) in digits {
            if is_number(&run[start..end]) {
                out[start..end].fill(b'*');
            }
        }
    }
    out
}

fn digit_runs(run: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = None;
    for (index, byte) in run.iter().enumerate() {
        match (byte.is_ascii_digit(), start) {
            (true, None) => start = Some(index),
            (false, Some(first)) => {
                out.push((first, index));
                start = None;
            }
            _ => {}
        }
    }
    if let Some(first) = start {
        out.push((first, run.len()));
    }
    out
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
        assert_eq!(masked("a11859024884"), "a***********");
    }

    #[test]
    fn other_runs_stay() {
        for text in ["org 390381492", "123456789012", "dd763c00ef5a51fc9b9433c923dbaf60", "1767607200123", "ååå 12345"] {
            assert_eq!(masked(text), text);
        }
    }
}
