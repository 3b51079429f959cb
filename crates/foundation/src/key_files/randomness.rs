//! Whether bytes may have been drawn at random.

use super::fault::KeyPattern;
use crate::crypto::hex;

/// The longest block whose repetition is seen.
const MAX_PERIOD: usize = 16;
/// 32 random bytes have fewer different ones once in 10¹² keys.
const MIN_DIFFERENT: usize = 16;

/// Words of examples of configurations. None is so short that a random key in base64
/// would hold it by chance.
const WORDS: &[&str] = &[
    "changeme",
    "example",
    "password",
    "postgres",
    "sandbox",
    "systembruker",
];

/// Begins of keys that standards print: AES-256 of SP 800-38A, Ed25519 of RFC 8032, HMAC of RFC 7515.
const PRINTED: &[&str] = &[
    "603deb1015ca71be2b73aef0857d7781",
    "9d61b19deffd5a60ba844af492ec2cc4",
    "4ccd089b28ff96da9db6c346ec114e0f",
    "c5aa8df43f9f837bedb7442f31dcb7b1",
    "0323354b2b0fa5bc837e0665777ba68f",
];

/// What shows that a key was not drawn at random. `text` is how it is written.
pub(super) fn pattern(key: &[u8], text: &str) -> Option<KeyPattern> {
    let repeats = |period: usize| key.iter().zip(key.iter().skip(period)).all(|(a, b)| a == b);
    if (1..=MAX_PERIOD.min(key.len() / 2)).any(repeats) {
        return Some(KeyPattern::Repetition);
    }
    let step = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
    let mut steps = key.windows(2).map(step);
    if let Some(first) = steps.next()
        && steps.all(|step| step == first)
    {
        return Some(KeyPattern::Counting);
    }
    if key
        .iter()
        .all(|b| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
    {
        return Some(KeyPattern::Text);
    }
    let mut seen = [false; 256];
    for byte in key {
        seen[usize::from(*byte)] = true;
    }
    if seen.iter().filter(|seen| **seen).count() < MIN_DIFFERENT {
        return Some(KeyPattern::FewBytes);
    }
    let text = text.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| text.contains(word))
        .then_some(KeyPattern::Word)
}

/// Whether a standard prints this key.
pub(super) fn is_printed(key: &[u8]) -> bool {
    let begin = hex(key.get(..16).unwrap_or_default());
    PRINTED.contains(&begin.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{base64url, sha256, unbase64};

    #[rstest::rstest]
    #[case(&[0; 32], Some(KeyPattern::Repetition))]
    #[case(&[0xff; 64], Some(KeyPattern::Repetition))]
    #[case(&(0..32).collect::<Vec<u8>>(), Some(KeyPattern::Counting))]
    #[case(&(0..32).rev().collect::<Vec<u8>>(), Some(KeyPattern::Counting))]
    #[case(&(0..32).map(|n| n % 16).collect::<Vec<u8>>(), Some(KeyPattern::Repetition))]
    #[case(b"what a long sentence this one is", Some(KeyPattern::Text))]
    #[case(b"\x01\x02\x01\x03\x01\x04\x02\x05\x01\x01\x02\x06\x03\x01\x07\x01\x02\x02\x01\x05\x05\x01\x03\x06\x01\x01\x01\x07\x02\x04\x01\x03", Some(KeyPattern::FewBytes))]
    #[case(&sha256("one"), None)]
    #[case(&sha256("two"), None)]
    fn patterns(#[case] key: &[u8], #[case] expected: Option<KeyPattern>) {
        assert_eq!(pattern(key, &hex(key)), expected);
    }

    #[test]
    fn a_word_is_seen_in_base64() {
        let text = "changeMEchangeMENow3changeNothing4U9x0Zq1Yb7";
        let key = unbase64(text).unwrap();
        assert_eq!(pattern(&key, text), Some(KeyPattern::Word));
    }

    #[test]
    fn random_keys_pass() {
        for number in 0..2_000_u32 {
            let key = sha256(number.to_be_bytes());
            assert_eq!(pattern(&key, &base64url(key)), None, "{number}");
            assert!(!is_printed(&key));
        }
    }
}
