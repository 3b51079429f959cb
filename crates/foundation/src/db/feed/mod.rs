//! The change feed: what a committed change touches, for caches that keep decisions true.
//!
//! A writer appends to it in the transaction that makes the change ([`append`]). Every instance
//! follows it ([`ChangeFeed`]) and invalidates what it names; the instance that wrote does so as soon as
//! the call is done ([`noting`]).

mod compare;
mod epoch;
mod follow;
mod memory;
mod remembered;

use std::cell::RefCell;

use sqlx::PgConnection;

pub use compare::is_followed_history;
pub use epoch::{Epoch, FeedPosition, InvalidPosition, begin_another_epoch, epoch_of};
pub use follow::{delete_old, follow, number};
pub use memory::{ChangeFeed, Tag, VersionStamp};
pub use remembered::{Fact, FactCache};

use super::DbError;

/// What was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedEntryKind {
    /// A system user: its state or its grants. Key: its uuid.
    SystemUser,
    /// A registered system. Key: its public id.
    System,
    /// A party or its relations. Key: its uuid.
    Party,
    /// A resource or its policy. Key: its identifier.
    Resource,
    /// Who is on access lists, and what these open. No key.
    AccessLists,
    /// More than is worth naming.
    Everything,
}

impl FeedEntryKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SystemUser => "system-user",
            Self::System => "system",
            Self::Party => "party",
            Self::Resource => "resource",
            Self::AccessLists => "access-lists",
            Self::Everything => "everything",
        }
    }

    /// What this program does not know touches everything: a newer instance may have written it.
    fn from_stored(kind: &str) -> Self {
        match kind {
            "system-user" => Self::SystemUser,
            "system" => Self::System,
            "party" => Self::Party,
            "resource" => Self::Resource,
            "access-lists" => Self::AccessLists,
            _ => Self::Everything,
        }
    }
}

tokio::task_local! {
    static NOTES: RefCell<AppendedEntries>;
}

/// What one call appended to the feed.
#[derive(Debug, Default)]
pub struct AppendedEntries {
    touched: Vec<(FeedEntryKind, String)>,
}

impl AppendedEntries {
    /// Whether it appended nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }
}

/// Does some work. With what that gives comes what it appended to the feed, committed or not.
pub async fn noting<T>(work: impl Future<Output = T>) -> (T, AppendedEntries) {
    NOTES
        .scope(RefCell::default(), async {
            let done = work.await;
            (done, NOTES.with(RefCell::take))
        })
        .await
}

fn note(touched: FeedEntryKind, key: &str) {
    // Background jobs and commands have no listener: there the feed alone is used.
    let _ = NOTES.try_with(|notes| {
        let mut notes = notes.borrow_mut();
        notes.touched.push((touched, key.to_owned()));
    });
}

/// Appends an entry in the transaction that makes the change. It gets its position once it is
/// visible to every transaction ([`number`]).
pub async fn append(
    tx: &mut PgConnection,
    touched: FeedEntryKind,
    key: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"with entry as (insert into change_feed (kind, key) values ($1, $2) returning seq)
           select pg_notify('change_feed', seq::text) as notified from entry"#,
        touched.as_str(),
        key
    )
    .fetch_one(tx)
    .await?;
    note(touched, key);
    Ok(())
}

/// Appends an entry for each party among those that an import touched.
pub async fn append_parties(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"with entries as (
             insert into change_feed (kind, key)
             select case when p.kind = 'system-user' then 'system-user' else 'party' end, p.uuid::text
             from staging.touched t join party p on p.key = t.party_key returning seq)
           select pg_notify('change_feed', max(seq)::text) as notified from entries"#
    )
    .fetch_one(tx)
    .await?;
    Ok(())
}
