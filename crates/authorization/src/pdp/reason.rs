//! Why decisions come out as they do, in fixed words.

/// Why a decision came out as it did, or why there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionReason {
    /// Permitted by a rule about access packages, to a system user.
    AccessPackage,
    /// Permitted by a right to one action on one resource.
    SingleRight,
    /// Permitted by a rule about roles, to a person.
    Role,
    /// Permitted by a rule about something else.
    Policy,
    /// No rule and no single right applies.
    NoApplicableRule,
    /// A rule denies.
    DeniedByPolicy,
    /// It would be permitted, if the reportee were on an access list of the resource.
    AccessListRequired,
    /// No such resource, or one without a policy.
    UnknownResource,
    /// No party has the name that the reportee is given.
    UnknownParty,
    /// No reportee is named.
    MissingParty,
    /// No such subject.
    UnknownSubject,
    /// The system user, its system or its owner is deleted.
    InactiveSubject,
    /// What is asserted about the system user does not hold.
    SubjectMismatch,
    /// It is permitted, but to a higher authentication level than system users have.
    InsufficientAuthenticationLevel,
    /// The request is not well formed, or means several things.
    InvalidRequest,
    /// The policy cannot be evaluated for the request.
    ProcessingError,
    /// The token that came with the question is not good.
    Token(TokenReason),
}

impl DecisionReason {
    /// The word on the wire and in the decision log.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::AccessPackage => "access_package",
            Self::SingleRight => "single_right",
            Self::Role => "role",
            Self::Policy => "policy",
            Self::NoApplicableRule => "no_applicable_rule",
            Self::DeniedByPolicy => "denied_by_policy",
            Self::AccessListRequired => "access_list_required",
            Self::UnknownResource => "unknown_resource",
            Self::UnknownParty => "unknown_party",
            Self::MissingParty => "missing_party",
            Self::UnknownSubject => "unknown_subject",
            Self::InactiveSubject => "inactive_subject",
            Self::SubjectMismatch => "subject_mismatch",
            Self::InsufficientAuthenticationLevel => "insufficient_authentication_level",
            Self::InvalidRequest => "invalid_request",
            Self::ProcessingError => "processing_error",
            Self::Token(reason) => reason.wire(),
        }
    }
}

/// Why a token for a system user is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has its sentence below")]
pub enum TokenReason {
    MalformedToken,
    UnsupportedAlgorithm,
    UnknownKey,
    UntrustedIssuer,
    InvalidSignature,
    TokenExpired,
    TokenNotYetValid,
    WrongAudience,
    MissingScope,
    NotASystemUserToken,
    InvalidAuthorizationDetails,
    SystemUserInactive,
    SystemUserMismatch,
}

impl TokenReason {
    /// The word on the wire and in the decision log.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::MalformedToken => "malformed_token",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnknownKey => "unknown_key",
            Self::UntrustedIssuer => "untrusted_issuer",
            Self::InvalidSignature => "invalid_signature",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::WrongAudience => "wrong_audience",
            Self::MissingScope => "missing_scope",
            Self::NotASystemUserToken => "not_a_systemuser_token",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::SystemUserInactive => "systemuser_inactive",
            Self::SystemUserMismatch => "systemuser_mismatch",
        }
    }

    /// The sentence that goes with it.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::MalformedToken => "The token cannot be read.",
            Self::UnsupportedAlgorithm => "The issuer does not sign with this algorithm.",
            Self::UnknownKey => "The issuer has no key with this id.",
            Self::UntrustedIssuer => "Tokens of this issuer are not taken here.",
            Self::InvalidSignature => "The signature does not fit the token.",
            Self::TokenExpired => "The token has expired.",
            Self::TokenNotYetValid => "The token is not valid yet.",
            Self::WrongAudience => "The token was made for another audience.",
            Self::MissingScope => "The token lacks a scope that is asked for.",
            Self::NotASystemUserToken => "The token names no system user.",
            Self::InvalidAuthorizationDetails => {
                "The token's authorization_details cannot be read."
            }
            Self::SystemUserInactive => "The system user or its system is deleted or unknown.",
            Self::SystemUserMismatch => {
                "The token does not agree with what is registered about the system user."
            }
        }
    }
}

impl From<TokenReason> for DecisionReason {
    fn from(reason: TokenReason) -> Self {
        Self::Token(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASONS: [DecisionReason; 16] = [
        DecisionReason::AccessPackage,
        DecisionReason::SingleRight,
        DecisionReason::Role,
        DecisionReason::Policy,
        DecisionReason::NoApplicableRule,
        DecisionReason::DeniedByPolicy,
        DecisionReason::AccessListRequired,
        DecisionReason::UnknownResource,
        DecisionReason::UnknownParty,
        DecisionReason::MissingParty,
        DecisionReason::UnknownSubject,
        DecisionReason::InactiveSubject,
        DecisionReason::SubjectMismatch,
        DecisionReason::InsufficientAuthenticationLevel,
        DecisionReason::InvalidRequest,
        DecisionReason::ProcessingError,
    ];
    const TOKEN_REASONS: [TokenReason; 13] = [
        TokenReason::MalformedToken,
        TokenReason::UnsupportedAlgorithm,
        TokenReason::UnknownKey,
        TokenReason::UntrustedIssuer,
        TokenReason::InvalidSignature,
        TokenReason::TokenExpired,
        TokenReason::TokenNotYetValid,
        TokenReason::WrongAudience,
        TokenReason::MissingScope,
        TokenReason::NotASystemUserToken,
        TokenReason::InvalidAuthorizationDetails,
        TokenReason::SystemUserInactive,
        TokenReason::SystemUserMismatch,
    ];

    #[test]
    fn the_words_on_the_wire_are_these() {
        let of_decisions = REASONS.map(DecisionReason::wire).join("\n");
        let of_tokens = TOKEN_REASONS
            .map(|reason| {
                assert_eq!(DecisionReason::from(reason).wire(), reason.wire());
                format!("{}: {}", reason.wire(), reason.message())
            })
            .join("\n");
        insta::assert_snapshot!(format!("{of_decisions}\n\n{of_tokens}"), @r"
        access_package
        single_right
        role
        policy
        no_applicable_rule
        denied_by_policy
        access_list_required
        unknown_resource
        unknown_party
        missing_party
        unknown_subject
        inactive_subject
        subject_mismatch
        insufficient_authentication_level
        invalid_request
        processing_error

        malformed_token: The token cannot be read.
        unsupported_algorithm: The issuer does not sign with this algorithm.
        unknown_key: The issuer has no key with this id.
        untrusted_issuer: Tokens of this issuer are not taken here.
        invalid_signature: The signature does not fit the token.
        token_expired: The token has expired.
        token_not_yet_valid: The token is not valid yet.
        wrong_audience: The token was made for another audience.
        missing_scope: The token lacks a scope that is asked for.
        not_a_systemuser_token: The token names no system user.
        invalid_authorization_details: The token's authorization_details cannot be read.
        systemuser_inactive: The system user or its system is deleted or unknown.
        systemuser_mismatch: The token does not agree with what is registered about the system user.
        ");
    }
}
