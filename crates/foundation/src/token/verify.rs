//! The fixed order of checks that a bearer token passes through.

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
    time::Duration,
};

use hashbrown::DefaultHashBuilder;
use moka::sync::Cache;
use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value};

use super::{
    IssuerKind, JwksError, ParsedToken, Principal, RestoreFence, SignatureAlgorithm, TokenRefusal,
    TrustedIssuer, VerificationKey, parse,
};
use crate::{clock::Clock, config::AudienceMode, telemetry::metrics::FOREIGN_AUDIENCE};

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRejection {
    /// The token is bad.
    Refused(TokenRefusal),
    /// Its issuer's keys cannot be had now.
    Unavailable,
}

/// A token that was verified.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    /// Who calls.
    pub principal: Arc<Principal>,
    token: Arc<GenuineToken>,
}

/// A token whose issuer and times are good, and nothing else is known yet.
#[derive(Debug)]
pub struct GenuineToken {
    /// Whose key verified it.
    pub kind: IssuerKind,
    /// Its claims.
    pub claims: Map<String, Value>,
    times: TokenTimes,
    issuer: usize,
    kid: String,
    key: Arc<VerificationKey>,
    /// Whom it is about, read at the first use.
    principal: OnceLock<Result<Arc<Principal>, TokenRefusal>>,
}

/// When a token may be used, in seconds of the Unix clock.
#[derive(Debug, Clone, Copy)]
struct TokenTimes {
    issued: f64,
    from: Option<f64>,
    until: f64,
}

impl VerifiedToken {
    /// The claims as they were, for the exchange alone.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.token.claims
    }
}

/// A whole token. It is compared whole, cannot be printed, and is wiped when it is dropped.
#[derive(PartialEq, Eq)]
struct WholeToken(Zeroizing<String>);

impl Hash for WholeToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl Borrow<str> for WholeToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Tokens that were proven genuine. Their times, and whether their issuer still has their key, are
/// looked at each time.
#[derive(Clone)]
pub struct ProvenTokens(Cache<WholeToken, Arc<GenuineToken>, DefaultHashBuilder>);

impl fmt::Debug for ProvenTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proven")
            .field(&self.0.entry_count())
            .finish()
    }
}

impl Default for ProvenTokens {
    fn default() -> Self {
        let tokens = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_secs(60));
        Self(tokens.build_with_hasher(DefaultHashBuilder::default()))
    }
}

/// Verifies bearer tokens of all issuers this installation trusts.
#[derive(Debug)]
pub struct TokenVerifier {
    /// Trusted issuers.
    pub issuers: Vec<TrustedIssuer>,
    /// `tokens.leeway_s`
    pub leeway: i64,
    /// `tokens.max_lifetime_s`; 0: no limit.
    pub max_lifetime: i64,
    /// `tokens.max_bytes`
    pub max_bytes: usize,
    /// What counts as our audience.
    pub audiences: Vec<String>,
    /// What happens to others.
    pub audience_mode: AudienceMode,
    /// `tokens.denied_kids`
    pub denied_kids: Vec<String>,
    /// Takes what only the sandbox takes, and keys whose id begins with `sandbox-`.
    pub sandbox: bool,
    /// The time of day.
    pub clock: Clock,
    /// The time before which own tokens are refused.
    pub fence: RestoreFence,
    /// What was proven before.
    pub proven: ProvenTokens,
}

impl TokenVerifier {
    /// Verifies a token.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn verify(&self, text: &str) -> Result<VerifiedToken, TokenRejection> {
        let token = self.genuine(text).await?;
        let known = token.principal.get_or_init(|| {
            self.check_use(token.kind, &token.claims)?;
            Principal::from_claims(token.kind, &token.claims, self.sandbox).map(Arc::new)
        });
        let principal = known.clone().map_err(TokenRejection::Refused)?;
        Ok(VerifiedToken { principal, token })
    }

    /// Whom the claims of a genuine token are about, whomever it was made for.
    ///
    /// # Errors
    /// Claims fit no shape, contradict each other or cannot be read.
    pub fn principal(&self, token: &GenuineToken) -> Result<Principal, TokenRefusal> {
        Principal::from_claims(token.kind, &token.claims, self.sandbox)
    }

    /// Checks form, issuer, key, signature and times of a token, whomever it was made for. The
    /// signature of a token that was proven before is not computed again, as long as its issuer has
    /// the same key.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn genuine(&self, text: &str) -> Result<Arc<GenuineToken>, TokenRejection> {
        if let Some(known) = self.proven.0.get(text)
            && let Some(issuer) = self.issuers.get(known.issuer)
            && issuer
                .key(&known.kid)
                .await
                .is_ok_and(|key| Arc::ptr_eq(&key, &known.key))
        {
            self.check_issued(known.kind, known.times)
                .map_err(TokenRejection::Refused)?;
            return Ok(known);
        }
        let token = parse(text, self.max_bytes).map_err(TokenRejection::Refused)?;
        let number = self.issuer_of(&token).map_err(TokenRejection::Refused)?;
        let issuer = self
            .issuers
            .get(number)
            .ok_or(TokenRejection::Refused(TokenRefusal::UnknownIssuer))?;
        let algorithm = SignatureAlgorithm::parse(&token.alg)
            .filter(|a| issuer.algorithms.contains(a))
            .ok_or(TokenRejection::Refused(TokenRefusal::Algorithm))?;
        let kid = token
            .kid
            .as_deref()
            .ok_or(TokenRejection::Refused(TokenRefusal::Key))?;
        if self.denied_kids.iter().any(|denied| denied == kid)
            || (!self.sandbox && kid.starts_with("sandbox-"))
        {
            return Err(TokenRejection::Refused(TokenRefusal::Key));
        }
        let key = issuer.key(kid).await.map_err(|error| match error {
            JwksError::UnknownKey => TokenRejection::Refused(TokenRefusal::Key),
            JwksError::Unavailable => TokenRejection::Unavailable,
        })?;
        verifies(&token, &key, algorithm).map_err(TokenRejection::Refused)?;
        let times = TokenTimes::read(&token.claims).map_err(TokenRejection::Refused)?;
        self.check_issued(issuer.kind, times)
            .map_err(TokenRejection::Refused)?;
        let kid = kid.to_owned();
        let genuine = GenuineToken {
            kind: issuer.kind,
            claims: token.claims,
            times,
            issuer: number,
            kid,
            key,
            principal: OnceLock::new(),
        };
        let genuine = Arc::new(genuine);
        self.proven.0.insert(
            WholeToken(Zeroizing::new(text.to_owned())),
            Arc::clone(&genuine),
        );
        Ok(genuine)
    }

    /// The issuer that a token names, when it is one of ours; nothing of the token was verified.
    #[must_use]
    pub fn issuer_named_by(&self, text: &str) -> Option<&str> {
        let token = parse(text, self.max_bytes).ok()?;
        let issuer = self.issuers.get(self.issuer_of(&token).ok()?)?;
        Some(&issuer.name)
    }

    fn issuer_of(&self, token: &ParsedToken<'_>) -> Result<usize, TokenRefusal> {
        let name = token
            .claims
            .get("iss")
            .and_then(Value::as_str)
            .ok_or(TokenRefusal::UnknownIssuer)?;
        self.issuers
            .iter()
            .position(|issuer| issuer.name == name)
            .ok_or(TokenRefusal::UnknownIssuer)
    }

    pub(super) fn check_times(&self, claims: &Map<String, Value>) -> Result<(), TokenRefusal> {
        self.check_validity(TokenTimes::read(claims)?)
    }

    fn check_issued(&self, kind: IssuerKind, times: TokenTimes) -> Result<(), TokenRefusal> {
        if kind == IssuerKind::Own && self.fence.refuses(times.issued) {
            return Err(TokenRefusal::IssuedBeforeRecovery);
        }
        self.check_validity(times)
    }

    fn check_validity(&self, times: TokenTimes) -> Result<(), TokenRefusal> {
        let now = self.clock.now().timestamp_millis() as f64 / 1000.0;
        let leeway = self.leeway as f64;
        if now >= times.until + leeway {
            return Err(TokenRefusal::Expired);
        }
        if times.from.is_some_and(|from| now < from - leeway) {
            return Err(TokenRefusal::NotYetValid);
        }
        if times.issued > now + leeway {
            return Err(TokenRefusal::IssuedInTheFuture);
        }
        if self.max_lifetime > 0 && times.until - times.issued > self.max_lifetime as f64 {
            return Err(TokenRefusal::Lifetime);
        }
        Ok(())
    }

    /// Not an id token, and made for us.
    fn check_use(&self, kind: IssuerKind, claims: &Map<String, Value>) -> Result<(), TokenRefusal> {
        match kind {
            IssuerKind::Own | IssuerKind::Altinn => return Ok(()),
            IssuerKind::Maskinporten | IssuerKind::IdPorten => {}
        }
        if claims.contains_key("nonce") || claims.contains_key("at_hash") {
            return Err(TokenRefusal::Type);
        }
        // ID-porten's access tokens name their client; its ID tokens do so as audience alone.
        if kind == IssuerKind::IdPorten && !claims.get("client_id").is_some_and(Value::is_string) {
            return Err(TokenRefusal::Type);
        }
        let audiences: Vec<&str> = match claims.get("aud") {
            None => return Ok(()),
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            Some(_) => return Err(TokenRefusal::Malformed),
        };
        if claims
            .get("client_id")
            .and_then(Value::as_str)
            .is_some_and(|client| kind == IssuerKind::IdPorten && audiences.contains(&client))
        {
            return Err(TokenRefusal::Type);
        }
        if audiences
            .iter()
            .any(|aud| *aud == "unspecified" || self.audiences.iter().any(|own| own == aud))
        {
            return Ok(());
        }
        metrics::counter!(FOREIGN_AUDIENCE.name).increment(1);
        match self.audience_mode {
            AudienceMode::Enforce => Err(TokenRefusal::Audience),
            AudienceMode::Warn => {
                tracing::warn!("a token for another audience was taken");
                Ok(())
            }
        }
    }
}

impl TokenTimes {
    fn read(claims: &Map<String, Value>) -> Result<Self, TokenRefusal> {
        let number = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(Value::Number(n)) => Ok(n.as_f64()),
            Some(_) => Err(TokenRefusal::Malformed),
        };
        let until = number("exp")?.ok_or(TokenRefusal::MissingExpiry)?;
        let issued = number("iat")?.ok_or(TokenRefusal::Malformed)?;
        Ok(Self {
            issued,
            from: number("nbf")?,
            until,
        })
    }
}

/// Checks the signature.
///
/// # Errors
/// The key does not fit the algorithm, or the signature is wrong.
pub fn verifies(
    token: &ParsedToken<'_>,
    key: &Arc<VerificationKey>,
    algorithm: SignatureAlgorithm,
) -> Result<(), TokenRefusal> {
    let key = key.for_algorithm(algorithm).ok_or(TokenRefusal::Key)?;
    match jsonwebtoken::crypto::verify(
        token.signature,
        token.signed.as_bytes(),
        key,
        algorithm.library(),
    ) {
        Ok(true) => Ok(()),
        _ => Err(TokenRefusal::Signature),
    }
}
