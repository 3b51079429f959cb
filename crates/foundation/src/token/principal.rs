//! The caller that a verified token is reduced to.

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    IssuerKind, PersonNames, PersonToken, Scopes, SystemUserToken, TokenRefusal, TokenShape,
    scopes::{Portal, ScopePolicy as _},
};
use crate::{
    crypto::{random_text, sha256},
    ids::{NationalId, OrgNumber},
    telemetry::masked,
};

/// A verified caller: what tokens of every shape hold, and what those of its shape hold.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Whose key verified the token.
    pub issuer_kind: IssuerKind,
    /// Exact issuer.
    pub issuer: String,
    /// What the token may be used for.
    pub scopes: Scopes,
    /// Client at the issuer.
    pub client_id: Option<String>,
    /// Token id.
    pub jti: Option<String>,
    /// Seconds since 1970.
    pub exp: i64,
    /// What it is a token of.
    pub shape: TokenShape,
}

/// A session of a browser that was found alive.
#[derive(Debug, Clone)]
pub struct BrowserSession {
    /// Its id, base64url.
    pub id: String,
    /// Party of the person who logged in.
    pub person: Uuid,
    /// Level of the login, 0 to 4.
    pub level: u8,
    /// When it ends, in seconds since 1970.
    pub expires: i64,
}

/// What the audit trail keeps of a caller.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the audit trail")]
pub struct CallerTrace {
    pub org: Option<String>,
    pub supplier: Option<String>,
    pub client_id: Option<String>,
    pub issuer: String,
    pub token_id: Option<String>,
    pub auth_level: u8,
}

impl Principal {
    /// Reduces verified claims.
    ///
    /// # Errors
    /// Claims fit no shape, contradict each other or cannot be read.
    pub fn from_claims(
        kind: IssuerKind,
        claims: &Map<String, Value>,
        sandbox: bool,
    ) -> Result<Self, TokenRefusal> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            issuer_kind: kind,
            issuer: text("iss").ok_or(TokenRefusal::UnknownIssuer)?,
            scopes: scopes(kind, claims)?,
            client_id: text("client_id"),
            jti: text("jti"),
            exp: claims
                .get("exp")
                .and_then(Value::as_f64)
                .ok_or(TokenRefusal::MissingExpiry)? as i64,
            shape: TokenShape::read(kind, claims, sandbox)?,
        })
    }

    /// The caller that a live session of a browser makes where sessions are taken: as with a token of
    /// ours for the portal.
    #[must_use]
    pub fn of_session(issuer: &str, session: BrowserSession) -> Self {
        Self {
            issuer_kind: IssuerKind::Own,
            issuer: issuer.to_owned(),
            scopes: Scopes::of(Portal::ACCEPTED),
            client_id: None,
            jti: None,
            exp: session.expires,
            shape: TokenShape::Person(PersonToken {
                names: PersonNames {
                    party_uuid: Some(session.person),
                    ..PersonNames::default()
                },
                level: session.level,
                session: Some(session.id),
            }),
        }
    }

    /// The organisation that calls: the organisation, the vendor of the system user, or that of the
    /// enterprise user.
    #[must_use]
    pub const fn organization(&self) -> Option<OrgNumber> {
        match &self.shape {
            TokenShape::Organization(token) => token.organization,
            TokenShape::SystemUser(token) => token.vendor.organization,
            TokenShape::EnterpriseUser(token) => token.organization,
            TokenShape::Person(_) | TokenShape::SelfIdentified(_) | TokenShape::Bare => None,
        }
    }

    /// The organisation that acts for [`Self::organization`] under scope delegation.
    #[must_use]
    pub const fn supplier(&self) -> Option<OrgNumber> {
        match &self.shape {
            TokenShape::Organization(token) => token.supplier,
            TokenShape::SystemUser(token) => token.vendor.supplier,
            TokenShape::EnterpriseUser(_)
            | TokenShape::Person(_)
            | TokenShape::SelfIdentified(_)
            | TokenShape::Bare => None,
        }
    }

    /// The system user, when it is a token of one.
    #[must_use]
    pub const fn system_user(&self) -> Option<&SystemUserToken> {
        match &self.shape {
            TokenShape::SystemUser(token) => Some(token),
            TokenShape::Organization(_)
            | TokenShape::EnterpriseUser(_)
            | TokenShape::Person(_)
            | TokenShape::SelfIdentified(_)
            | TokenShape::Bare => None,
        }
    }

    /// How the token names its person, when it is a token of one.
    #[must_use]
    pub const fn person(&self) -> Option<&PersonNames> {
        match &self.shape {
            TokenShape::Person(token) => Some(&token.names),
            TokenShape::SelfIdentified(token) => Some(&token.names),
            TokenShape::Organization(_)
            | TokenShape::SystemUser(_)
            | TokenShape::EnterpriseUser(_)
            | TokenShape::Bare => None,
        }
    }

    /// Id of the browser session that the token was made for.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match &self.shape {
            TokenShape::Person(token) => token.session.as_deref(),
            TokenShape::Organization(_)
            | TokenShape::SystemUser(_)
            | TokenShape::EnterpriseUser(_)
            | TokenShape::SelfIdentified(_)
            | TokenShape::Bare => None,
        }
    }

    /// Level of authentication, 0 to 4. That of organisations is 3, as Maskinporten's.
    #[must_use]
    pub const fn auth_level(&self) -> u8 {
        match &self.shape {
            TokenShape::Organization(_)
            | TokenShape::SystemUser(_)
            | TokenShape::EnterpriseUser(_) => 3,
            TokenShape::Person(token) => token.level,
            TokenShape::SelfIdentified(_) | TokenShape::Bare => 0,
        }
    }

    /// What the audit trail keeps.
    #[must_use]
    pub fn trace(&self) -> CallerTrace {
        CallerTrace {
            org: self.organization().map(|o| o.to_string()),
            supplier: self.supplier().map(|o| o.to_string()),
            // An issuer gives any text it likes.
            client_id: self.client_id.as_deref().map(masked),
            issuer: self.issuer.clone(),
            token_id: self.jti.as_ref().map(|jti| {
                sha256(jti)[..8]
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect()
            }),
            auth_level: self.auth_level(),
        }
    }

    /// A short name for logs: the organisation, or for a person a code that this process alone
    /// gives, so that logs distinguish persons and do not name them.
    #[must_use]
    pub fn log_name(&self) -> String {
        match (self.organization(), self.person()) {
            (Some(organization), _) => organization.to_string(),
            (None, Some(names)) => format!("p:{}", code_of(names)),
            (None, None) => "-".to_owned(),
        }
    }
}

/// Twelve hexadecimal digits of an HMAC over how a person is named, under a key of this process.
fn code_of(names: &PersonNames) -> String {
    static KEY: OnceLock<hmac::Key> = OnceLock::new();
    let key = KEY.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, random_text(32).as_bytes()));
    let number = names.national_id.as_ref().map(NationalId::expose);
    let named = format!(
        "{:?} {:?} {:?} {number:?}",
        names.user_id, names.party_uuid, names.party_id
    );
    let tag = hmac::sign(key, named.as_bytes());
    tag.as_ref()[..6]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// The scopes of a token: in platform tokens `urn:altinn:scope` in place of `scope`, when it is
/// there.
///
/// # Errors
/// They cannot be read.
pub fn scopes(kind: IssuerKind, claims: &Map<String, Value>) -> Result<Scopes, TokenRefusal> {
    let claim = match claims.get("urn:altinn:scope") {
        Some(claim) if kind.has_platform_claims() => Some(claim),
        Some(_) | None => claims.get("scope"),
    };
    Scopes::read(claim).ok_or(TokenRefusal::Malformed)
}
