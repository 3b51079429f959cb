//! Signature algorithms.

/// Signature algorithms some issuer may use. Everything else is refused by not being here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named by RFC 7518")]
pub enum SignatureAlgorithm {
    RS256,
    RS384,
    RS512,
    ES256,
}

impl SignatureAlgorithm {
    /// Exactly as RFC 7518 writes it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::RS256),
            "RS384" => Some(Self::RS384),
            "RS512" => Some(Self::RS512),
            "ES256" => Some(Self::ES256),
            _ => None,
        }
    }

    /// For the JWT library.
    #[must_use]
    pub const fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}
