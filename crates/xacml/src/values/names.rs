//! E-mail addresses and X.500 distinguished names.

use std::fmt::Write as _;

/// An e-mail address, whose domain is compared in any letter case, and whose local part is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rfc822Name {
    /// The part before the `@`, as it is written.
    pub local: Box<str>,
    /// The part after the `@`, in lower case.
    pub domain: Box<str>,
}

impl Rfc822Name {
    /// Reads an address: exactly one `@`, and neither side empty.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        (!local.is_empty() && !domain.is_empty() && !domain.contains('@')).then(|| Self {
            local: local.into(),
            domain: domain.to_lowercase().into(),
        })
    }

    /// Whether a pattern matches, by the function `rfc822Name-match`. The pattern is a whole address,
    /// a domain, or `.domain` for any domain below.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        match pattern.split_once('@') {
            Some((local, domain)) => local == &*self.local && domain.to_lowercase() == *self.domain,
            None if pattern.starts_with('.') => self.domain.ends_with(&pattern.to_lowercase()),
            None => pattern.to_lowercase() == *self.domain,
        }
    }
}

/// A distinguished name: relative names from the most specific to the most general, as in
/// `CN=Ann,O=Example,C=GB`. Types and values are compared in any letter case, by RFC 4517.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct X500Name {
    /// The text that it was read from.
    pub text: Box<str>,
    parts: Vec<Vec<(String, String)>>,
}

impl PartialEq for X500Name {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for X500Name {}

impl X500Name {
    /// Reads a name in the form of RFC 2253 or RFC 4514.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        if !rest.is_empty() {
            loop {
                let (part, after, more) = relative_name(rest)?;
                parts.push(part);
                rest = after;
                if !more {
                    break;
                }
            }
        }
        Some(Self {
            text: text.into(),
            parts,
        })
    }

    /// Whether this is the general end of another name, by the function `x500Name-match`.
    #[must_use]
    pub fn is_suffix_of(&self, other: &Self) -> bool {
        other.parts.ends_with(&self.parts)
    }

    /// A text that is the same for equal names and no others.
    pub(crate) fn key(&self) -> String {
        let mut key = String::with_capacity(2 * self.text.len());
        for part in &self.parts {
            for (kind, value) in part {
                // The length says where a value ends, whatever is in it.
                let _ = write!(key, "{kind}={}:{value}+", value.len());
            }
            key.push(',');
        }
        key
    }
}

type RelativeName = Vec<(String, String)>;

/// One part of a name, what follows it, and whether another part must follow.
fn relative_name(text: &str) -> Option<(RelativeName, &str, bool)> {
    let mut pairs = RelativeName::new();
    let mut rest = text;
    loop {
        let (kind, after) = rest.split_once('=')?;
        let (value, after, end) = attribute_value(after.trim_start())?;
        pairs.push((attribute_type(kind.trim())?, fold(&value)));
        rest = after;
        match end {
            Some('+') => {}
            other => {
                pairs.sort();
                return Some((pairs, rest, other.is_some()));
            }
        }
    }
}

fn attribute_type(text: &str) -> Option<String> {
    let name = text
        .strip_prefix("OID.")
        .or_else(|| text.strip_prefix("oid."))
        .unwrap_or(text);
    if name.is_empty()
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let oid = match lower.as_str() {
        "cn" => "2.5.4.3",
        "c" => "2.5.4.6",
        "l" => "2.5.4.7",
        "st" => "2.5.4.8",
        "street" => "2.5.4.9",
        "o" => "2.5.4.10",
        "ou" => "2.5.4.11",
        "dc" => "0.9.2342.19200300.100.1.25",
        "uid" => "0.9.2342.19200300.100.1.1",
        _ => return Some(lower),
    };
    Some(oid.to_owned())
}

/// A value with its escapes decoded, what follows, and the separator that ended it.
fn attribute_value(text: &str) -> Option<(String, &str, Option<char>)> {
    let mut bytes = Vec::new();
    let mut kept = 0;
    let mut chars = text.char_indices();
    let mut quoted = false;
    if text.starts_with('"') {
        quoted = true;
        chars.next();
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if quoted => {
                let rest = text[at + 1..].trim_start();
                let end = rest.chars().next();
                return match end {
                    None => Some((String::from_utf8(bytes).ok()?, "", None)),
                    Some(c @ (',' | ';' | '+')) => {
                        Some((String::from_utf8(bytes).ok()?, &rest[1..], Some(c)))
                    }
                    Some(_) => None,
                };
            }
            '\\' => {
                let (_, escaped) = chars.next()?;
                if let Some(high) = escaped.to_digit(16) {
                    let (_, low) = chars.next()?;
                    bytes.push(u8::try_from(high * 16 + low.to_digit(16)?).ok()?);
                } else {
                    bytes.extend(escaped.encode_utf8(&mut [0; 4]).bytes());
                }
                kept = bytes.len();
            }
            ',' | ';' | '+' if !quoted => {
                return Some((trimmed(bytes, kept)?, &text[at + 1..], Some(c)));
            }
            '"' | '=' | '<' | '>' if !quoted && c != '=' => return None,
            _ => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    (!quoted)
        .then(|| trimmed(bytes, kept))
        .flatten()
        .map(|value| (value, "", None))
}

/// The value without spaces at its end, but for escaped ones.
fn trimmed(mut bytes: Vec<u8>, kept: usize) -> Option<String> {
    while bytes.len() > kept && bytes.last() == Some(&b' ') {
        bytes.pop();
    }
    String::from_utf8(bytes).ok()
}

fn fold(value: &str) -> String {
    value
        .to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> X500Name {
        X500Name::parse(text).unwrap()
    }

    #[test]
    fn names_are_equal_whatever_their_spelling() {
        assert_eq!(
            name("cn=Julius Hibbert, o=Medi Corporation, c=US"),
            name("CN=julius  hibbert,O=Medi corporation;C=us")
        );
        assert_eq!(name("2.5.4.3=a"), name("cn=A"));
        assert_eq!(name("cn=a+ou=b"), name("OU=B + CN=a"));
        assert_eq!(
            name(r"o=Sue\, Grabbit and Runn"),
            name(r#"o="Sue, Grabbit and Runn""#)
        );
        assert_eq!(name(r"cn=Lu\C4\8Di\C4\87"), name("cn=Lučić"));
        assert_ne!(name("cn=a,o=b"), name("o=b,cn=a"));
        assert_ne!(name("cn=a+ou=b"), name("cn=a,ou=b"));
    }

    #[test]
    fn keys_are_equal_as_names_are() {
        let key = |text: &str| name(text).key();
        assert_eq!(key("cn=A, o=b"), key("CN=a;O=B"));
        assert_eq!(key("cn=a+ou=b"), key("OU=b+CN=a"));
        assert_ne!(key("cn=a+ou=b"), key("cn=a,ou=b"));
        // A value that looks like the end of another.
        assert_ne!(key(r"cn=a\+,ou=b"), key("cn=a,ou=b"));
        assert_ne!(key(r"cn=a\+2.5.4.11\=1:b"), key("cn=a+ou=b"));
    }

    #[test]
    fn the_end_of_a_name_matches() {
        let whole = name("cn=John Smith,o=Medico Corp,c=US");
        assert!(name("O=Medico Corp,C=US").is_suffix_of(&whole) && name("").is_suffix_of(&whole));
        assert!(
            !name("O=Another Corp,C=US").is_suffix_of(&whole) && !whole.is_suffix_of(&name("c=US"))
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert!(
            [
                "cn",
                "=a",
                "cn=a,",
                "cn=a,,o=b",
                "cn=a\\",
                "cn=\\zz\\",
                "cn=\"a",
                "cn=\"a\"b",
                "cn=a<b",
                "c n=a"
            ]
            .iter()
            .all(|t| X500Name::parse(t).is_none())
        );
        assert!(
            ["a", "a@", "@b", "a@b@c", ""]
                .iter()
                .all(|t| Rfc822Name::parse(t).is_none())
        );
    }

    #[test]
    fn addresses_match_patterns() {
        let address = Rfc822Name::parse("Anderson@Sun.COM").unwrap();
        assert!(
            ["Anderson@sun.com", "SUN.com"]
                .iter()
                .all(|p| address.matches(p))
        );
        assert!(
            ["anderson@sun.com", ".sun.com", "un.com", "sun.org"]
                .iter()
                .all(|p| !address.matches(p))
        );
        assert!(
            Rfc822Name::parse("a@east.sun.com")
                .unwrap()
                .matches(".Sun.com")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z=,+;\"\\\\ #<é0-9]{0,30}") {
            if let Some(name) = X500Name::parse(&text) {
                proptest::prop_assert!(name.is_suffix_of(&name) && name == name.clone());
            }
            let _ = Rfc822Name::parse(&text);
        }
    }
}
