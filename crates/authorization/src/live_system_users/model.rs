//! System users as tokens and decisions see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// For whom a system user acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SystemUserKind {
    /// For its owner.
    Standard,
    /// For its owner's clients.
    Agent,
}

impl SystemUserKind {
    /// As stored and as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Agent => "agent",
        }
    }

    /// From the stored word; none for another one.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        match word {
            "standard" => Some(Self::Standard),
            "agent" => Some(Self::Agent),
            _ => None,
        }
    }
}

foundation::text_column!(SystemUserKind);

/// What the register says now about an active system user of a system that is not deleted.
#[derive(Debug)]
pub struct LiveSystemUserFacts {
    /// Its id.
    pub id: Uuid,
    /// For its owner, or for clients.
    pub kind: SystemUserKind,
    /// Organisation number of its owner.
    pub owner_org: String,
    /// Public id of its system.
    pub system_id: String,
    /// Organisation number of the system's vendor.
    pub vendor_org: String,
    /// Maskinporten clients of the system.
    pub clients: Vec<String>,
}

/// A system user as decisions see it.
#[derive(Debug, Clone, Copy)]
pub struct SystemUserParty {
    /// Internal key of its party.
    pub key: i32,
    /// Neither it nor its system nor its owner is deleted.
    pub is_active: bool,
}
