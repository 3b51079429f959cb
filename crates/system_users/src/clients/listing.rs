//! Whole lists of clients, written while they are read.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use serde::Serialize;
use sqlx::{Postgres, pool::PoolConnection};
use uuid::Uuid;

use super::{
    model::{Client, ClientCursor, DelegatedClient},
    rules::{self, ClientAssembly},
    store,
};
use foundation::http::list_stream::{ListError, ListWriter};
use registers::packages::{Catalogue, PackageKey};

/// Writes a provider's clients by name; with `wanted`, those that have at least one of the
/// packages, and only these. `shape` says how each is shown; none leaves it out.
///
/// # Errors
/// The database fails, or the client does not read any more.
pub async fn write_clients<T: Serialize>(
    mut db: PoolConnection<Postgres>,
    catalogue: Arc<Catalogue>,
    provider: i32,
    wanted: Option<Vec<PackageKey>>,
    mut writer: ListWriter,
    shape: impl Fn(Client) -> Option<T>,
) -> Result<ListWriter, ListError> {
    let shown = |client: Client| match &wanted {
        Some(wanted) => rules::narrowed(client, wanted).and_then(&shape),
        None => shape(client),
    };
    let mut assembly = ClientAssembly::new(&catalogue);
    let (filter, beginning) = (
        rules::filter(&catalogue, wanted.as_deref()),
        ClientCursor::default(),
    );
    let mut rows = store::relations(&mut db, provider, &filter, &beginning);
    while let Some(row) = rows.try_next().await? {
        if let Some(element) = assembly.push(row).and_then(shown) {
            writer.put(&element).await?;
        }
    }
    if let Some(element) = assembly.finish().and_then(shown) {
        writer.put(&element).await?;
    }
    Ok(writer)
}

/// Writes the clients delegated to an agent by its owner, by name.
///
/// # Errors
/// The database fails, or the client does not read any more.
pub async fn write_delegated<T: Serialize>(
    mut db: PoolConnection<Postgres>,
    agent: Uuid,
    provider: i32,
    mut writer: ListWriter,
    shape: impl Fn(DelegatedClient) -> T,
) -> Result<ListWriter, ListError> {
    let beginning = ClientCursor::default();
    let mut rows = store::delegated(&mut db, agent, provider, &beginning, None);
    while let Some(client) = rows.try_next().await? {
        writer.put(&shape(client)).await?;
    }
    Ok(writer)
}
