//! The slice of state that every handler of this layer takes.

use std::sync::Arc;

use foundation::{config::CheckedSettings, db::DbError};
use registers::{
    packages::{Catalogue, CatalogueMetadata},
    parties::IdentityKeys,
    resources::CompiledPolicies,
};
use sqlx::{PgPool, Postgres, Transaction};

/// A slice of state: what access management works with. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct AccessManagement {
    pub catalogue: Arc<Catalogue>,
    pub config: Arc<CheckedSettings>,
    pub db: PgPool,
    pub identity: Arc<IdentityKeys>,
    pub metadata: Arc<CatalogueMetadata>,
    pub policies: CompiledPolicies,
}

impl AccessManagement {
    /// A transaction that sees one state of the database, for lists that take several statements.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        Ok(self
            .db
            .begin_with("begin isolation level repeatable read read only")
            .await?)
    }
}
