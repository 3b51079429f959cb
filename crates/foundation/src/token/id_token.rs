//! ID tokens: proof that a person logged in just now, for our own browser client. Never a bearer
//! token.

use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::{
    IssuerKind, JwksError, SignatureAlgorithm, TokenRefusal, TokenRejection, TokenVerifier, parse,
    shape::{acr_level, texts},
    verify::verifies,
};
use crate::ids::NationalId;

/// What a login says.
#[derive(Debug, Clone)]
pub struct IdToken {
    /// The person; none when the login method gives no identity number.
    pub pid: Option<NationalId>,
    /// `acr`, and the level it represents.
    pub acr: String,
    /// 0 to 4.
    pub level: u8,
    /// How the person proved it (`amr`).
    pub amr: Vec<String>,
    /// Session at the identity provider.
    pub sid: Option<String>,
    /// When the person proved who they are, in seconds since 1970.
    pub auth_time: Option<i64>,
    /// Language chosen there.
    pub locale: Option<String>,
}

impl TokenVerifier {
    /// Verifies an ID token of the login issuer, made for this client and this login.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn verify_id_token(
        &self,
        text: &str,
        client_id: &str,
        nonce: &str,
    ) -> Result<IdToken, TokenRejection> {
        let token = parse(text, self.max_bytes).map_err(TokenRejection::Refused)?;
        let issuer = self
            .issuers
            .iter()
            .find(|i| i.kind == IssuerKind::IdPorten)
            .ok_or(TokenRejection::Refused(TokenRefusal::UnknownIssuer))?;
        let claim = |name: &str| token.claims.get(name).and_then(Value::as_str);
        if claim("iss") != Some(issuer.name.as_str()) {
            return Err(TokenRejection::Refused(TokenRefusal::UnknownIssuer));
        }
        if token.alg != "RS256" {
            return Err(TokenRejection::Refused(TokenRefusal::Algorithm));
        }
        let kid = token
            .kid
            .as_deref()
            .ok_or(TokenRejection::Refused(TokenRefusal::Key))?;
        let key = issuer.key(kid).await.map_err(|error| match error {
            JwksError::UnknownKey => TokenRejection::Refused(TokenRefusal::Key),
            JwksError::Unavailable => TokenRejection::Unavailable,
        })?;
        verifies(&token, &key, SignatureAlgorithm::RS256).map_err(TokenRejection::Refused)?;
        self.check_times(&token.claims)
            .map_err(TokenRejection::Refused)?;
        if !is_for(&token.claims, client_id) {
            return Err(TokenRejection::Refused(TokenRefusal::Audience));
        }
        if !bool::from(
            claim("nonce")
                .unwrap_or_default()
                .as_bytes()
                .ct_eq(nonce.as_bytes()),
        ) {
            return Err(TokenRejection::Refused(TokenRefusal::Nonce));
        }
        let acr = claim("acr").unwrap_or_default().to_owned();
        Ok(IdToken {
            pid: claim("pid").and_then(|p| NationalId::parse(p).ok()),
            level: acr_level(Some(&acr)),
            acr,
            amr: texts(token.claims.get("amr")),
            sid: claim("sid").map(str::to_owned),
            auth_time: token.claims.get("auth_time").and_then(Value::as_i64),
            locale: claim("locale").map(str::to_owned),
        })
    }
}

fn is_for(claims: &Map<String, Value>, client_id: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => many.iter().any(|a| a.as_str() == Some(client_id)),
        _ => false,
    }
}
