//! Who calls: tokens are parsed, verified and reduced to a [`Principal`] here, and nowhere else.
//!
//! A token has exactly one [`Shape`], chosen from the issuer whose key verified it and from its
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

pub use algorithm::Algorithm;
pub use details::{SANDBOX_AUTHORITY, SYSTEM_USER_TYPE, SystemUserClaim};
pub use fence::Fence;
pub use id_token::IdToken;
pub use issuer::{IssuerKind, KeySource, TrustedIssuer};
pub use jwks::{JwksClient, JwksError, KeySet, VerificationKey};
pub use own_keys::{OwnKeys, SigningKey};
pub use parse::{ParsedToken, parse};
pub use platform::PlatformTokens;
pub use principal::{BrowserSession, CallerTrace, Principal, scopes as scopes_of};
pub use refusal::Refusal;
pub use scopes::Scopes;
pub use shape::{
    EnterpriseUserToken, OrganizationToken, PersonNames, PersonToken, SOURCE_ID_PORTEN,
    SOURCE_MASKINPORTEN, SOURCE_SESSION, SelfIdentifiedToken, Shape, ShapeName, SystemUserSource,
    SystemUserToken, acr_level, organization,
};
pub use verify::{Genuine, Proven, Reject, Verified, Verifier};
