//! Who calls: tokens are parsed, verified and reduced to a [`Principal`] here, and nowhere else.
//!
//! A token has exactly one [`TokenShape`], chosen from the issuer whose key verified it and from its
//! claims alone.

mod algorithm;
mod details;
mod fence;
mod id_token;
mod issuer;
mod jwks;
mod own_keys;
mod parse;
mod platform;
mod principal;
mod refusal;
pub mod scopes;
mod shape;
mod stored_keys;
mod verify;

pub use algorithm::SignatureAlgorithm;
pub use details::{SANDBOX_AUTHORITY, SYSTEM_USER_TYPE, SystemUserClaim};
pub use fence::RestoreFence;
pub use id_token::IdToken;
pub use issuer::{IssuerKind, KeySource, TrustedIssuer};
pub use jwks::{JwksClient, JwksError, KeySet, VerificationKey};
pub use own_keys::{OwnKeys, SigningKey};
pub use parse::{ParsedToken, parse};
pub use platform::PlatformTokens;
pub use principal::{BrowserSession, CallerTrace, Principal, scopes as scopes_of};
pub use refusal::TokenRefusal;
pub use scopes::Scopes;
pub use shape::{
    EnterpriseUserToken, OrganizationToken, PersonNames, PersonToken, SOURCE_ID_PORTEN,
    SOURCE_MASKINPORTEN, SOURCE_SESSION, SelfIdentifiedToken, ShapeName, SystemUserSource,
    SystemUserToken, TokenShape, acr_level, organization,
};
pub use verify::{GenuineToken, ProvenTokens, TokenRejection, TokenVerifier, VerifiedToken};
