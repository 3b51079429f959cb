//! Which keys the service was started with: another one is recorded in the audit trail, and keys that
//! never belonged to a database are noticed.

mod model;
mod store;

use serde_json::json;
use sqlx::PgConnection;

pub use model::KeyInUse;

use crate::{
    audit::{self, Action, Actor, ObjectKind},
    db::DbError,
};

/// Why a service does not start with its keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefusal {
    /// One of them is missing with which something is encrypted.
    #[error(
        "{setting}: numbers of persons may be encrypted with a key that is not named any more ({missing}). Name it again, after the present one, and take it out when `systembruker keys rekey` is done; see ops/README.md"
    )]
    TakenOut {
        /// The setting.
        setting: &'static str,
        /// Ids of the keys that are missing.
        missing: String,
    },
    /// None of them was used before, or all were replaced, although others are in use.
    #[error(
        "{setting}: what this database holds was written with other keys ({known}), and none of them is named. Name that key first, the new one after it, and see ops/README.md for how to change to it"
    )]
    Unknown {
        /// The setting.
        setting: &'static str,
        /// Ids of the keys that were used.
        known: String,
    },
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Stores the keys of a start. Of each that a setting did not have before, while it had others, a
/// row of the audit trail says so.
///
/// # Errors
/// The database fails.
pub async fn note(tx: &mut PgConnection, keys: &[KeyInUse]) -> Result<(), DbError> {
    let known = store::lock_known(&mut *tx).await?;
    for key in keys {
        let is_first = !known.iter().any(|(setting, _)| setting == key.setting);
        let is_known = known
            .iter()
            .any(|(setting, id)| setting == key.setting && *id == key.id);
        if is_known || !store::add(&mut *tx, key, is_first).await? || is_first {
            continue;
        }
        record(&mut *tx, key.setting, json!({"key": key.id})).await?;
    }
    Ok(())
}

/// Records that a key was replaced, or that data were brought to it.
///
/// # Errors
/// The database fails.
pub async fn record(
    tx: &mut PgConnection,
    setting: &str,
    detail: serde_json::Value,
) -> Result<(), DbError> {
    let event = audit::AuditEvent {
        actor: Actor::Operator,
        action: Action::KeyRotated,
        object_kind: ObjectKind::Key,
        object_id: setting.to_owned(),
        party_org: None,
        vendor_org: None,
        detail: Some(detail),
    };
    audit::record(tx, event).await
}

/// Refuses keys by which persons are found when none of them is one by which all are.
///
/// # Errors
/// See [`KeyRefusal`].
pub async fn require_index_key(
    db: &mut PgConnection,
    setting: &'static str,
    keys: &[&KeyInUse],
) -> Result<(), KeyRefusal> {
    let known = store::known(db, setting).await?;
    let used = |key: &&store::KnownKey| key.is_in_use != Some(false);
    let is_named = |id: &str| keys.iter().any(|key| key.id == id);
    if known.is_empty() || known.iter().filter(used).any(|key| is_named(&key.id)) {
        return Ok(());
    }
    let used: Vec<_> = known.iter().filter(used).map(|key| &*key.id).collect();
    Err(KeyRefusal::Unknown {
        setting,
        known: used.join(", "),
    })
}

/// Refuses keys that decrypt when one is missing with which something may be encrypted.
///
/// # Errors
/// See [`KeyRefusal`].
pub async fn require_cipher_keys(
    db: &mut PgConnection,
    setting: &'static str,
    keys: &[&KeyInUse],
) -> Result<(), KeyRefusal> {
    let known = store::known(db, setting).await?;
    let is_named = |id: &str| keys.iter().any(|key| key.id == id);
    let missing = known
        .iter()
        .filter(|key| key.is_in_use == Some(true) && !is_named(&key.id));
    let missing: Vec<_> = missing.map(|key| &*key.id).collect();
    if !missing.is_empty() {
        return Err(KeyRefusal::TakenOut {
            setting,
            missing: missing.join(", "),
        });
    }
    // As for keys of which nothing was noted.
    require_index_key(db, setting, keys).await
}

/// The keys of a setting of which it was never noted whether what is stored rests on them: they were used
/// before that was noted.
///
/// # Errors
/// The database fails.
pub async fn of_unknown_use(db: &mut PgConnection, setting: &str) -> Result<Vec<String>, DbError> {
    let known = store::known(db, setting).await?;
    let of_unknown_use = known.into_iter().filter(|key| key.is_in_use.is_none());
    Ok(of_unknown_use.map(|key| key.id).collect())
}

/// Notes of a key of which it was never noted whether what is stored rests on it.
///
/// # Errors
/// The database fails.
pub async fn note_use(
    tx: &mut PgConnection,
    setting: &str,
    id: &str,
    is_in_use: bool,
) -> Result<(), DbError> {
    store::note_use(tx, setting, id, is_in_use).await
}

/// Notes that new values are encrypted with a key.
///
/// # Errors
/// The database fails.
pub async fn use_key(tx: &mut PgConnection, key: &KeyInUse) -> Result<(), DbError> {
    store::use_key(tx, key).await
}

/// Notes that all that is stored rests on these keys of a setting, and on no others.
///
/// # Errors
/// The database fails.
pub async fn use_only(tx: &mut PgConnection, setting: &str, ids: &[String]) -> Result<(), DbError> {
    store::use_only(tx, setting, ids).await
}
