//! Why a credential is not believed.

/// Why a credential is answered with 401: the text of `error_description` in `WWW-Authenticate`,
/// and the label of the metric `auth_failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenRefusal {
    /// The token cannot be read, or its claims contradict each other.
    Malformed,
    /// Header `typ`, or an id token in place of an access token.
    Type,
    /// The issuer does not sign with this algorithm.
    Algorithm,
    /// The issuer has no such key, or the key is refused here.
    Key,
    /// No configured issuer has this name.
    UnknownIssuer,
    /// The signature does not fit.
    Signature,
    /// There is no `exp`.
    MissingExpiry,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iat` has not come.
    IssuedInTheFuture,
    /// One of our own tokens, issued before the database was restored.
    IssuedBeforeRecovery,
    /// From `iat` to `exp` is longer than `tokens.max_lifetime_s`.
    Lifetime,
    /// The token was made for another audience.
    Audience,
    /// An id token of another login.
    Nonce,
    /// `authorization_details` names system users in more than one entry.
    Ambiguous,
    /// A cookie with a token that no session of ours has.
    Cookie,
    /// The session that the token was made for has ended.
    SessionEnded,
    /// The system user, or its system, is deleted or unknown.
    SystemUserNotActive,
    /// Owner or system of the system user are others.
    SystemUserMismatch,
    /// The client or its organisation is not the system's.
    ClientNotRegistered,
    /// A subscription key that is none of those in the settings.
    SubscriptionKey,
    /// Where a missing scope is answered as a missing credential.
    InsufficientScope,
}

impl TokenRefusal {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Malformed,
        Self::Type,
        Self::Algorithm,
        Self::Key,
        Self::UnknownIssuer,
        Self::Signature,
        Self::MissingExpiry,
        Self::Expired,
        Self::NotYetValid,
        Self::IssuedInTheFuture,
        Self::IssuedBeforeRecovery,
        Self::Lifetime,
        Self::Audience,
        Self::Nonce,
        Self::Ambiguous,
        Self::Cookie,
        Self::SessionEnded,
        Self::SystemUserNotActive,
        Self::SystemUserMismatch,
        Self::ClientNotRegistered,
        Self::SubscriptionKey,
        Self::InsufficientScope,
    ];

    /// The text that callers and operators see.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Type => "type",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::UnknownIssuer => "unknown issuer",
            Self::Signature => "signature",
            Self::MissingExpiry => "missing exp",
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::IssuedInTheFuture => "issued in the future",
            Self::IssuedBeforeRecovery => "issued before recovery",
            Self::Lifetime => "lifetime",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Ambiguous => "ambiguous",
            Self::Cookie => "cookie",
            Self::SessionEnded => "session ended",
            Self::SystemUserNotActive => "system user not active",
            Self::SystemUserMismatch => "system user mismatch",
            Self::ClientNotRegistered => "client not registered",
            Self::SubscriptionKey => "subscription key",
            Self::InsufficientScope => "insufficient scope",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_of_refusals() {
        let texts: Vec<&str> = TokenRefusal::ALL
            .iter()
            .map(|refusal| refusal.wire())
            .collect();
        assert_eq!(
            texts.join("\n"),
            "malformed\ntype\nalgorithm\nkey\nunknown issuer\nsignature\nmissing exp\nexpired\n\
             not yet valid\nissued in the future\nissued before recovery\nlifetime\naudience\nnonce\nambiguous\ncookie\n\
             session ended\nsystem user not active\nsystem user mismatch\nclient not registered\n\
             subscription key\ninsufficient scope"
        );
    }
}
