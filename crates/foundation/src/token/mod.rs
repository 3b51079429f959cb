//! Who calls: tokens are parsed, verified and reduced to a [`Principal`] here, and nowhere else.
//!
//! The kind of a token follows from the issuer whose key verified it, never from a claim in it.

mod algorithm;
mod details;
mod id_token;
mod issuer;
mod jwks;
mod own_keys;
mod parse;
mod platform;
mod principal;
pub mod scopes;

mod verify;

pub use algorithm::Algorithm;
pub use details::{SANDBOX_AUTHORITY, SYSTEM_USER_TYPE, SystemUserClaim};
pub use id_token::IdToken;
pub use issuer::{IssuerKind, KeySource, TrustedIssuer};
pub use jwks::{JwksClient, JwksError, KeySet, VerificationKey};
pub use own_keys::{OwnKeys, SigningKey};
pub use parse::{ParsedToken, parse};
pub use platform::PlatformTokens;
pub use principal::{CallerTrace, PersonRef, Principal, acr_level, organization};
pub use scopes::Scopes;
pub use verify::{Genuine, Proven, Reject, Verified, Verifier};
