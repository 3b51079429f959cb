//! Taking a compact JWS apart, before anything in it is believed.

use serde_json::{Map, Value};

use super::TokenRefusal;
use crate::crypto::unbase64url;
use crate::strict_json;

/// The parts of a token, unverified.
#[derive(Debug, Clone)]
pub struct ParsedToken<'a> {
    /// `{header}.{payload}` as sent: what the signature is over.
    pub signed: &'a str,
    /// The signature as sent.
    pub signature: &'a str,
    /// Header member `alg`.
    pub alg: String,
    /// Header member `kid`.
    pub kid: Option<String>,
    /// The header as a whole.
    pub header: Map<String, Value>,
    /// The payload.
    pub claims: Map<String, Value>,
}

const MAX_HEADER: usize = 2 * 1024;
const MAX_CLAIMS: usize = 64;

/// Parses a token of at most `max_bytes` bytes.
///
/// # Errors
/// It is malformed, or its header names a type, an algorithm or a key that cannot be.
pub fn parse(token: &str, max_bytes: usize) -> Result<ParsedToken<'_>, TokenRefusal> {
    const MALFORMED: TokenRefusal = TokenRefusal::Malformed;
    if token.len() > max_bytes {
        return Err(MALFORMED);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(MALFORMED);
    };
    let signed = &token[..header.len() + 1 + payload.len()];
    let header = unbase64url(header)
        .filter(|h| !h.is_empty() && h.len() <= MAX_HEADER)
        .ok_or(MALFORMED)?;
    let header = strict_json::object(&header).ok_or(MALFORMED)?;
    let claims = unbase64url(payload)
        .and_then(|p| strict_json::object(&p))
        .ok_or(MALFORMED)?;
    if claims.len() > MAX_CLAIMS || unbase64url(signature).is_none() {
        return Err(MALFORMED);
    }
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(MALFORMED);
    }
    let Some(Value::String(alg)) = header.get("alg") else {
        return Err(TokenRefusal::Algorithm);
    };
    match header.get("typ") {
        None => {}
        Some(Value::String(typ))
            if ["jwt", "at+jwt", "application/at+jwt"]
                .contains(&typ.to_ascii_lowercase().as_str()) => {}
        Some(_) => return Err(TokenRefusal::Type),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if (1..=256).contains(&kid.chars().count()) => Some(kid.clone()),
        Some(_) => return Err(TokenRefusal::Key),
    };
    let alg = alg.clone();
    Ok(ParsedToken {
        signed,
        signature,
        alg,
        kid,
        header,
        claims,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::crypto::base64url;

    fn token(header: &str, payload: &str) -> String {
        format!(
            "{}.{}.{}",
            base64url(header),
            base64url(payload),
            base64url("sig")
        )
    }

    const GOOD: &str = r#"{"alg":"RS256","kid":"a"}"#;

    #[test]
    fn what_is_well_formed_is_read() {
        let text = token(
            r#"{"alg":"RS256","typ":"JWT","kid":"a","x5c":"thumb"}"#,
            r#"{"iss":"x"}"#,
        );
        let parsed = parse(&text, 8192).unwrap();
        assert_eq!(
            (
                parsed.alg.as_str(),
                parsed.kid.as_deref(),
                parsed.claims["iss"].as_str()
            ),
            ("RS256", Some("a"), Some("x"))
        );
    }

    #[rstest]
    #[case::two_parts("a.b".to_owned(), "malformed")]
    #[case::five_parts("a.b.c.d.e".to_owned(), "malformed")]
    #[case::padded(format!("{}=.{}.c2ln", base64url(GOOD), base64url("{}")), "malformed")]
    #[case::white_space(format!(" {}", token(GOOD, "{}")), "malformed")]
    #[case::duplicate_claim(token(GOOD, r#"{"consumer":1,"consumer":2}"#), "malformed")]
    #[case::nested_duplicate(token(GOOD, r#"{"a":{"b":1,"b":2}}"#), "malformed")]
    #[case::payload_is_a_list(token(GOOD, "[]"), "malformed")]
    #[case::crit(token(r#"{"alg":"RS256","crit":["exp"]}"#, "{}"), "malformed")]
    #[case::b64(token(r#"{"alg":"RS256","b64":false}"#, "{}"), "malformed")]
    #[case::id_token_type(token(r#"{"alg":"RS256","typ":"secevent+jwt"}"#, "{}"), "type")]
    #[case::no_algorithm(token("{}", "{}"), "algorithm")]
    #[case::numeric_kid(token(r#"{"alg":"RS256","kid":7}"#, "{}"), "key")]
    #[case::too_deep(token(GOOD, &format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17))), "malformed")]
    fn what_is_not_is_refused(#[case] text: String, #[case] reason: &str) {
        assert_eq!(parse(&text, 8192).unwrap_err().wire(), reason);
    }

    #[test]
    fn sixteen_levels_sixty_four_claims_and_the_byte_limit_are_the_borders() {
        let deep = token(
            GOOD,
            &format!("{}1{}", "{\"a\":".repeat(16), "}".repeat(16)),
        );
        assert!(parse(&deep, 8192).is_ok());
        let claims = |n: usize| {
            format!(
                "{{{}}}",
                (0..n)
                    .map(|i| format!("\"c{i}\":1"))
                    .collect::<Vec<_>>()
                    .join(",")
            )
        };
        assert!(parse(&token(GOOD, &claims(64)), 8192).is_ok());
        assert!(parse(&token(GOOD, &claims(65)), 8192).is_err());
        let text = token(GOOD, "{}");
        assert!(parse(&text, text.len()).is_ok() && parse(&text, text.len() - 1).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = parse(&text, 8192);
        }
    }
}
