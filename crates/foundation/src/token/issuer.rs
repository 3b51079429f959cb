//! Issuers this installation trusts, each with its own keys and its own algorithms.

use std::sync::Arc;

use super::{JwksClient, JwksError, KeySet, OwnKeys, SignatureAlgorithm, VerificationKey};

/// Kind of an issuer, and so of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IssuerKind {
    /// Organisations, and system users.
    Maskinporten,
    /// Persons.
    IdPorten,
    /// Our own platform tokens.
    Own,
    /// Altinn's platform tokens, of listed issuers.
    Altinn,
}

impl IssuerKind {
    /// Whether its tokens are platform tokens, with claims of `urn:altinn`.
    #[must_use]
    pub const fn has_platform_claims(self) -> bool {
        match self {
            Self::Own | Self::Altinn => true,
            Self::Maskinporten | Self::IdPorten => false,
        }
    }
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Its published key set, over HTTP.
    Published(Arc<JwksClient>),
    /// Our own signing keys.
    Own(Arc<OwnKeys>),
    /// A set known beforehand.
    Fixed(Arc<KeySet>),
}

/// One trusted issuer.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// Compared octet for octet with `iss`.
    pub name: String,
    /// What its tokens are.
    pub kind: IssuerKind,
    /// What they may be signed with.
    pub algorithms: &'static [SignatureAlgorithm],
    /// What verifies them.
    pub keys: KeySource,
}

impl TrustedIssuer {
    /// The key of this id.
    ///
    /// # Errors
    /// The key is not in the set, or the set cannot be had.
    pub async fn key(&self, kid: &str) -> Result<Arc<VerificationKey>, JwksError> {
        match &self.keys {
            KeySource::Published(client) => client.key(kid).await,
            KeySource::Own(own) => own.key_set().get(kid).ok_or(JwksError::UnknownKey),
            KeySource::Fixed(set) => set.get(kid).ok_or(JwksError::UnknownKey),
        }
    }
}
