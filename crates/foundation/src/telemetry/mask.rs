//! The last filter before the log: whatever looks like an identity number is starred out.

use std::ops::Range;

use memchr::memchr;

/// Stars out every run of exactly eleven digits, also one that touches letters or an escape, or has a
/// blank after the date of birth. Spared are the last group of a UUID, and hexadecimal runs of sixteen
/// and more, trace ids and digests, unless they are an identity number with zeros before it.
pub fn identity_numbers(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append(line, &mut out);
    out
}

/// Digits of an identity number.
const DIGITS: usize = 11;

/// As [`identity_numbers`], appended to other lines.
pub(super) fn append(line: &[u8], lines: &mut Vec<u8>) {
    let start = lines.len();
    lines.extend_from_slice(line);
    mask(&mut lines[start..]);
}

/// As [`append`], in place. Lines of the log are long and seldom have one, so that only every
/// eleventh byte is looked at until there is a digit.
fn mask(out: &mut [u8]) {
    // All before this is done, and ends no run of digits that goes on.
    let mut from = 0;
    while let Some(digits) = long_run(out, from) {
        let before = out[from..digits.start].iter().rev();
        let start = digits.start - before.take_while(|b| b.is_ascii_hexdigit()).count();
        let after = out[digits.end..].iter();
        from = digits.end + after.take_while(|b| b.is_ascii_hexdigit()).count();
        mask_hexadecimal(out, start..from);
    }
    mask_parted(out);
}

/// Digits of the date of birth, before the blank that is often written after it.
const DATE: usize = 6;

/// Stars identity numbers that are written as `ddmmyy nnnnn`.
fn mask_parted(line: &mut [u8]) {
    let mut from = DATE;
    while let Some(blank) = line.get(from..).and_then(|rest| memchr(b' ', rest)) {
        let at = from + blank;
        from = at + 1;
        let (start, end) = (at - DATE, at + DIGITS - DATE + 1);
        let is_bounded = |at: Option<usize>| {
            at.and_then(|at| line.get(at))
                .is_none_or(|b| !b.is_ascii_digit())
        };
        let is_number = line.get(at + 1..end).is_some_and(all_digits)
            && is_date(&line[start..at])
            && is_bounded(start.checked_sub(1))
            && is_bounded(Some(end));
        if is_number {
            line[start..at].fill(b'*');
            line[at + 1..end].fill(b'*');
        }
    }
}

fn all_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

/// Whether six digits can be the date of birth of an identity number. Days from 41 are those of
/// temporary numbers, months from 41 and 81 those of test persons.
fn is_date(text: &[u8]) -> bool {
    let &[d, day, m, month, _, _] = text else {
        return false;
    };
    let number = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    all_digits(text)
        && matches!(number(d, day), 1..=31 | 41..=71)
        && matches!(number(m, month), 1..=12 | 41..=52 | 81..=92)
}

/// The first run of eleven or more digits, of which none is before `from`.
fn long_run(line: &[u8], from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let window = line.get(from..from + DIGITS)?;
        // Where the last of eleven is no digit, the next run begins after it at the earliest.
        if !window[DIGITS - 1].is_ascii_digit() {
            from += DIGITS;
        } else if let Some(other) = window.iter().rposition(|b| !b.is_ascii_digit()) {
            from += other + 1;
        } else {
            let more = line[from + DIGITS..].iter();
            let more = more.take_while(|b| b.is_ascii_digit()).count();
            return Some(from..from + DIGITS + more);
        }
    }
}

/// Stars the identity numbers in a whole run of hexadecimal digits.
fn mask_hexadecimal(line: &mut [u8], run: Range<usize>) {
    let Range { start, end } = run;
    match (&line[..start], end - start) {
        (_, 16..) => star_padded(&mut line[start..end]),
        ([.., b'-'], 12) => {}
        ([.., b'%'], 2..) => star(&mut line[start + 2..end]),
        ([.., b'\\', b'u'], 4..) => star(&mut line[start + 4..end]),
        _ => star(&mut line[start..end]),
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

/// Stars an identity number that has nothing but zeros before it.
fn star_padded(run: &mut [u8]) {
    let significant = run.len() - run.iter().take_while(|b| **b == b'0').count();
    // The first of its eleven digits may be zero as well.
    if matches!(significant, 10 | DIGITS) && all_digits(run) {
        let start = run.len() - DIGITS;
        run[start..].fill(b'*');
    }
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
    use proptest::prelude::*;

    use super::{mask_hexadecimal, mask_parted, masked};

    /// As [`masked`], run by run.
    fn masked_slowly(text: &str) -> String {
        let mut line = text.as_bytes().to_vec();
        let mut at = 0;
        while let Some(next) = line[at..].iter().position(u8::is_ascii_hexdigit) {
            let start = at + next;
            let run = line[start..].iter();
            at = start + run.take_while(|b| b.is_ascii_hexdigit()).count();
            mask_hexadecimal(&mut line, start..at);
        }
        mask_parted(&mut line);
        String::from_utf8(line).unwrap()
    }

    proptest! {
        #[test]
        fn no_number_is_skipped(
            parts in prop::collection::vec(prop_oneof![
                Just("11859024884".to_owned()), Just("118590 24884".to_owned()), Just("000000000011859024884".to_owned()), "[0-9]{9,17}", "[0-9a-f]{1,18}", "[-%xu\\\\å g]{1,12}",
            ], 0..12)
        ) {
            let text = parts.concat();
            prop_assert_eq!(masked(text.as_str()), masked_slowly(&text));
        }
    }

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
    fn a_blank_or_zeros_hide_no_number() {
        assert_eq!(masked("ref 118590 24884."), "ref ****** *****.");
        assert_eq!(masked("028201 52908"), "****** *****");
        assert_eq!(
            masked("trace=00000000000000000000002820152908"),
            "trace=000000000000000000000***********"
        );
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
            "998590 24884",
            "119990 24884",
            "1118590 24884",
            "118590 248840",
            "0000000000000000",
            "00000000000000000000000000000000",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
