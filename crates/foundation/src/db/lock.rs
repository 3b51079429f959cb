//! Advisory locks: what only one transaction, or one connection, does at a time.

use sqlx::PgConnection;
use uuid::Uuid;

use super::DbError;
use crate::crypto::hex;

/// An advisory lock of this service. All of them are here, since two with one key would wait for
/// each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvisoryLock<'a> {
    /// Migrations, and the catalogues that the program brings along.
    Start,
    /// The sequence that orders system users.
    SystemUserSequence,
    /// Import of files.
    Import,
    /// Import of decisions that were printed.
    DecisionImport,
    /// Numbers of the changes of the resource registry.
    ResourceChanges,
    /// A person whose identity number is stored under this index (HMAC).
    Person(&'a [u8]),
    /// Look-ups of persons by the party with this uuid.
    PersonLookUp(Uuid),
    /// Look-ups of persons by system users of the owner with this organisation number.
    PersonLookUpOfOwner(&'a str),
    /// Look-ups of persons by system users of the vendor with this organisation number.
    PersonLookUpOfVendor(&'a str),
}

/// The lock of `make_partitions()`, which the function takes itself.
#[cfg(test)]
const PARTITIONS: i64 = 8_319_104_478_530_633_729;

impl AdvisoryLock<'_> {
    /// The key; of a lock that has a name, the name whose hash it is.
    fn key(self) -> Result<i64, String> {
        match self {
            Self::Start => Ok(0x7379_7374_656d_0001),
            Self::SystemUserSequence => Ok(0x7379_7374_656d_0002),
            Self::Import => Ok(0x7379_7374_656d_0003),
            Self::DecisionImport => Ok(0x7379_7374_656d_0004),
            Self::ResourceChanges => Ok(8_319_104_478_530_633_730),
            Self::Person(index) => Err(hex(index)),
            Self::PersonLookUp(caller) => Err(format!("person look-up {caller}")),
            Self::PersonLookUpOfOwner(number) => Err(format!("person look-up of owner {number}")),
            Self::PersonLookUpOfVendor(number) => Err(format!("person look-up of vendor {number}")),
        }
    }

    /// Waits for the lock, and holds it until the transaction ends.
    ///
    /// # Errors
    /// The database fails, or the wait takes longer than its `lock_timeout`.
    pub async fn take(self, tx: &mut PgConnection) -> Result<(), DbError> {
        let key = self.key();
        sqlx::query!(
            "select pg_advisory_xact_lock(coalesce($1, hashtextextended($2, 0))) as locked",
            key.as_ref().ok(),
            key.as_ref().err()
        )
        .fetch_one(tx)
        .await?;
        Ok(())
    }

    /// Takes the lock until the connection closes; false when another connection holds it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn try_take_for_connection(self, db: &mut PgConnection) -> Result<bool, DbError> {
        let key = self.key();
        Ok(sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(coalesce($1, hashtextextended($2, 0))) as "is_taken!""#,
            key.as_ref().ok(),
            key.as_ref().err()
        )
        .fetch_one(db)
        .await?)
    }
}

/// Takes the lock of a class of retained rows until the transaction ends; false while another
/// instance has it. Its key is a pair of numbers, and so none of [`AdvisoryLock`].
///
/// # Errors
/// The database fails.
pub async fn try_lead_retention(tx: &mut PgConnection, class: &str) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtext('systembruker retention'), hashtext($1)) as "is_leader!""#,
        class
    )
    .fetch_one(tx)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_locks_have_one_key() {
        let locks = [
            AdvisoryLock::Start,
            AdvisoryLock::SystemUserSequence,
            AdvisoryLock::Import,
            AdvisoryLock::DecisionImport,
            AdvisoryLock::ResourceChanges,
        ];
        let mut keys: Vec<i64> = locks
            .into_iter()
            .map(|lock| lock.key().expect("a number"))
            .chain([PARTITIONS])
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), locks.len() + 1);
    }

    #[test]
    fn locks_of_things_differ_by_the_thing() {
        assert_ne!(
            AdvisoryLock::Person(&[1]).key(),
            AdvisoryLock::Person(&[2]).key()
        );
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_ne!(
            AdvisoryLock::PersonLookUp(one).key(),
            AdvisoryLock::PersonLookUp(other).key()
        );
        assert_ne!(
            AdvisoryLock::PersonLookUpOfOwner("390198116").key(),
            AdvisoryLock::PersonLookUpOfVendor("390198116").key()
        );
    }
}
