//! Platform access tokens: a JWT in the header `PlatformAccessToken`, from issuers named one by
//! one.

use std::{collections::BTreeMap, sync::Arc};

use http::HeaderMap;
use serde_json::Value;

use super::{KeySet, SignatureAlgorithm, TokenRefusal, parse, verify::verifies};

/// Verifies platform access tokens.
#[derive(Debug, Clone, Default)]
pub struct PlatformTokens {
    issuers: BTreeMap<String, Arc<KeySet>>,
    max_bytes: usize,
}

impl PlatformTokens {
    /// Keys by issuer name.
    #[must_use]
    pub fn new(issuers: BTreeMap<String, Arc<KeySet>>, max_bytes: usize) -> Self {
        Self { issuers, max_bytes }
    }

    /// The calling app, when the request carries exactly one good token. None without one.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, headers: &HeaderMap, now: i64) -> Result<Option<String>, TokenRefusal> {
        let mut values = headers.get_all("PlatformAccessToken").iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(TokenRefusal::Malformed);
        }
        let text = value.to_str().map_err(|_| TokenRefusal::Malformed)?;
        let token = parse(text, self.max_bytes)?;
        let issuer = token
            .claims
            .get("iss")
            .and_then(Value::as_str)
            .ok_or(TokenRefusal::UnknownIssuer)?;
        let keys = self
            .issuers
            .get(issuer)
            .ok_or(TokenRefusal::UnknownIssuer)?;
        if token.alg != "RS256" {
            return Err(TokenRefusal::Algorithm);
        }
        let key = token
            .kid
            .as_deref()
            .and_then(|kid| keys.get(kid))
            .ok_or(TokenRefusal::Key)?;
        verifies(&token, &key, SignatureAlgorithm::RS256)?;
        // No leeway here, unlike everywhere else.
        let exp = token
            .claims
            .get("exp")
            .and_then(Value::as_f64)
            .ok_or(TokenRefusal::MissingExpiry)?;
        if exp <= now as f64 {
            return Err(TokenRefusal::Expired);
        }
        if token
            .claims
            .get("nbf")
            .and_then(Value::as_f64)
            .is_some_and(|nbf| nbf > now as f64)
        {
            return Err(TokenRefusal::NotYetValid);
        }
        token
            .claims
            .get("urn:altinn:app")
            .and_then(Value::as_str)
            .map(|app| Some(app.to_owned()))
            .ok_or(TokenRefusal::Malformed)
    }
}
