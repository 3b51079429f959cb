//! Proof that a form came from a page of ours, for this session, this method and this path.

use aws_lc_rs::hmac;
use http::HeaderMap;
use subtle::ConstantTimeEq as _;

use crate::crypto::{base64url, random_text, unbase64url};

const LENGTH: usize = 32;

/// A token: a fresh pad and the pad laid over the proof, so that no two renderings look alike.
#[must_use]
pub fn token(secret: &[u8], method: &str, path: &str) -> String {
    let pad = unbase64url(&random_text(LENGTH)).unwrap_or_default();
    let masked: Vec<u8> = proof(secret, method, path)
        .iter()
        .zip(&pad)
        .map(|(a, b)| a ^ b)
        .collect();
    base64url([pad, masked].concat())
}

/// Whether a token belongs here.
#[must_use]
pub fn verify(secret: &[u8], method: &str, path: &str, token: &str) -> bool {
    let Some(bytes) = unbase64url(token).filter(|b| b.len() == 2 * LENGTH) else {
        return false;
    };
    let (pad, masked) = bytes.split_at(LENGTH);
    let given: Vec<u8> = pad.iter().zip(masked).map(|(a, b)| a ^ b).collect();
    given.ct_eq(&proof(secret, method, path)).into()
}

fn proof(secret: &[u8], method: &str, path: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, format!("{method} {path}").as_bytes())
        .as_ref()
        .to_vec()
}

/// What scripts of Altinn's front end send back for a session: one text as long as the session lasts,
/// since they copy it from a cookie.
#[must_use]
pub fn script_token(secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    base64url(hmac::sign(&key, b"portal-xsrf"))
}

/// Whether a text is the [`script_token`] of a session.
#[must_use]
pub fn is_script_token(secret: &[u8], text: &str) -> bool {
    script_token(secret)
        .as_bytes()
        .ct_eq(text.as_bytes())
        .into()
}

/// Whether the browser says the form was sent from our own pages, or says nothing.
#[must_use]
pub fn same_origin(headers: &HeaderMap, own_origin: &str) -> bool {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    header("sec-fetch-site").is_none_or(|site| site == "same-origin")
        && header("origin").is_none_or(|origin| origin == own_origin)
}

/// Origin of a URL, for a security policy.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_token_fits_its_session_only() {
        let token = script_token(b"secret");
        assert!(is_script_token(b"secret", &token));
        for (secret, text) in [("other", token.as_str()), ("secret", ""), ("secret", "x")] {
            assert!(!is_script_token(secret.as_bytes(), text), "{secret} {text}");
        }
    }

    #[test]
    fn a_token_fits_its_session_method_and_path_only() {
        let token_text = token(b"secret", "POST", "/a");
        assert!(verify(b"secret", "POST", "/a", &token_text));
        assert_ne!(token_text, token(b"secret", "POST", "/a"));
        for (secret, path, text) in [
            ("other", "/a", token_text.as_str()),
            ("secret", "/b", token_text.as_str()),
            ("secret", "/a", "x"),
            ("secret", "/a", ""),
        ] {
            assert!(!verify(secret.as_bytes(), "POST", path, text));
        }
    }
}
