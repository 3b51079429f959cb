//! How a row of the trail is hashed. Pure.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::sha256;

/// A hash, and the length of one.
pub type ChainHash = [u8; 32];

/// A row of the trail, as stored.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub request_id: Option<Uuid>,
    pub trace_id: Option<String>,
    pub instance: String,
    pub actor_kind: String,
    pub actor_org: Option<String>,
    pub actor_supplier: Option<String>,
    pub actor_party_uuid: Option<Uuid>,
    pub client_id: Option<String>,
    pub token_issuer: Option<String>,
    pub token_id: Option<String>,
    pub auth_level: Option<i16>,
    pub address: Option<String>,
    pub action: String,
    pub object_kind: String,
    pub object_id: String,
    pub party_org: Option<String>,
    pub vendor_org: Option<String>,
    pub outcome: String,
    pub code: Option<String>,
    /// As the database prints it.
    pub detail: Option<String>,
    /// Place in the chain; none when it is not sealed yet.
    pub chain: Option<i64>,
    pub prev_hash: Option<Vec<u8>>,
    pub hash: Option<Vec<u8>>,
}

impl AuditRow {
    /// The row's hash at a place of the chain, after another.
    #[must_use]
    pub fn hash_at(&self, place: i64, before: &[u8]) -> ChainHash {
        let canonical = json!([
            place,
            self.seq,
            self.at.timestamp_micros(),
            self.request_id,
            self.trace_id,
            self.instance,
            self.actor_kind,
            self.actor_org,
            self.actor_supplier,
            self.actor_party_uuid,
            self.client_id,
            self.token_issuer,
            self.token_id,
            self.auth_level,
            self.address,
            self.action,
            self.object_kind,
            self.object_id,
            self.party_org,
            self.vendor_org,
            self.outcome,
            self.code,
            self.detail,
        ]);
        let mut bytes = before.to_vec();
        bytes.extend_from_slice(canonical.to_string().as_bytes());
        sha256(bytes)
    }
}
