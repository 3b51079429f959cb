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
pub enum KeyRefused {
    /// None of them was used before, although others were.
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
        if is_known || !store::add(&mut *tx, key).await? || is_first {
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
    let event = audit::Event {
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

/// Refuses keys of a setting of which none was used before, although others were.
///
/// # Errors
/// See [`KeyRefused`].
pub async fn require_known(
    db: &mut PgConnection,
    setting: &'static str,
    keys: &[&KeyInUse],
) -> Result<(), KeyRefused> {
    let known = store::known(db, setting).await?;
    let is_known = known.is_empty() || keys.iter().any(|key| known.contains(&key.id));
    if is_known {
        return Ok(());
    }
    Err(KeyRefused::Unknown {
        setting,
        known: known.join(", "),
    })
}
