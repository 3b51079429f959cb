//! The one transaction that makes a file true.

use sqlx::PgConnection;

use super::{Context, Kind, Options, findings::Findings, kinds};
use crate::db::{
    DbError,
    feed::{self, Touched},
};

/// What a merge did, in rows of its kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// New ones.
    pub added: u64,
    /// Those that are otherwise now.
    pub changed: u64,
    /// Those that ended.
    pub ended: u64,
}

impl Counts {
    /// Counts a row that was stored: whether it was new; none when nothing changed.
    pub fn stored(&mut self, is_new: Option<bool>) {
        match is_new {
            Some(true) => self.added += 1,
            Some(false) => self.changed += 1,
            None => {}
        }
    }

    /// Nothing was done.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.added + self.changed + self.ended == 0
    }
}

/// Why a merge was given up. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DbError),
    /// More lines are wrong than may be.
    #[error("too many lines are wrong")]
    Refused,
    /// A snapshot would end more than it may.
    #[error(
        "{absent} of the {all} rows of this source are not in the file, more than {max} %: is it whole? --mode delta ends nothing that is not named, --max-shrink allows more"
    )]
    Shrink {
        /// Rows that would end.
        absent: i64,
        /// Rows there are.
        all: i64,
        /// Greatest part, in percent.
        max: f64,
    },
    /// Something else.
    #[error("{0:#}")]
    Other(anyhow::Error),
}

impl From<sqlx::Error> for MergeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What a merge comes to.
pub type Merged<T = Counts> = Result<T, MergeError>;

/// A merge under way.
pub struct Merge<'a> {
    /// What the house knows.
    pub context: &'a Context,
    /// What was asked for.
    pub options: &'a Options,
    /// What is wrong so far.
    pub findings: Findings,
    /// Bytes of the files that lines name.
    pub files: &'a (dyn Fn(&str) -> anyhow::Result<Vec<u8>> + Send + Sync),
}

impl Merge<'_> {
    /// Takes over what was found in staging, and takes those lines out. More than may be wrong ends
    /// the merge.
    ///
    /// # Errors
    /// See [`MergeError`].
    pub async fn settle_findings(&mut self, tx: &mut PgConnection) -> Merged<()> {
        self.take_findings(tx).await?;
        self.check_limit()
    }

    /// Takes over what was found in staging, and takes those lines out.
    async fn take_findings(&mut self, tx: &mut PgConnection) -> Result<(), DbError> {
        let rows = sqlx::query_as!(
            FoundRow,
            "select line, member, code, reason from staging.finding order by line, member"
        )
        .fetch_all(&mut *tx)
        .await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            self.findings.add(
                u64::try_from(row.line).unwrap_or_default(),
                &row.member,
                &row.code,
                row.reason,
            );
        }
        sqlx::query!(
            r#"with bad as (select distinct line from staging.finding),
               a as (delete from staging.organization s using bad where bad.line = s.line),
               b as (delete from staging.person s using bad where bad.line = s.line),
               c as (delete from staging.role s using bad where bad.line = s.line),
               d as (delete from staging.client_delegation s using bad where bad.line = s.line)
               delete from staging.document s using bad where bad.line = s.line"#
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("delete from staging.finding")
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Ends the merge when more lines are wrong than may be.
    ///
    /// # Errors
    /// [`MergeError::Refused`]
    pub fn check_limit(&self) -> Merged<()> {
        if self.findings.count > self.options.max_errors {
            Err(MergeError::Refused)
        } else {
            Ok(())
        }
    }

    /// Ends the merge when a snapshot would end too much.
    ///
    /// # Errors
    /// [`MergeError::Shrink`]
    pub fn guard_shrink(&self, absent: i64, all: i64) -> Merged<()> {
        let max = self.options.max_shrink;
        if absent as f64 * 100.0 > max * all as f64 {
            Err(MergeError::Shrink { absent, all, max })
        } else {
            Ok(())
        }
    }
}

struct FoundRow {
    line: i64,
    member: String,
    code: String,
    reason: String,
}

/// Merges what is staged, in the caller's transaction.
///
/// # Errors
/// See [`MergeError`].
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> Merged {
    // The limit is looked at when the lines have been seen together: everything that is wrong is
    // told at once.
    merge.take_findings(&mut *tx).await?;
    sqlx::query!("delete from staging.touched")
        .execute(&mut *tx)
        .await?;
    sqlx::query!("delete from staging.unhanded")
        .execute(&mut *tx)
        .await?;
    let counts = match merge.options.kind {
        Kind::Organizations => kinds::organizations::merge(&mut *tx, merge).await?,
        Kind::Persons => kinds::persons::merge(&mut *tx, merge).await?,
        Kind::Roles => kinds::roles::merge(&mut *tx, merge).await?,
        Kind::ClientDelegations => kinds::client_delegations::merge(&mut *tx, merge).await?,
        Kind::ServiceOwners => kinds::service_owners::merge(&mut *tx, merge).await?,
        Kind::Resources => kinds::resources::merge(&mut *tx, merge).await?,
        Kind::AccessLists => kinds::access_lists::merge(&mut *tx, merge).await?,
        Kind::Rightholders => kinds::rightholders::merge(&mut *tx, merge).await?,
        Kind::Vendors => kinds::vendors::merge(&mut *tx, merge).await?,
        Kind::Systems => kinds::systems::merge(&mut *tx, merge).await?,
        Kind::SystemUsers => kinds::system_users::merge(&mut *tx, merge).await?,
        Kind::Requests => kinds::requests::merge(&mut *tx, merge).await?,
    };
    merge.check_limit()?;
    tell_vendors(&mut *tx).await?;
    publish(tx).await?;
    Ok(counts)
}

/// More touched parties than this are told in one entry.
const TOLD_ONE_BY_ONE: i64 = 10_000;

/// Tells vendors of clients that their agents lost for good.
async fn tell_vendors(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into outbox (id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload)
           select gen_random_uuid(), 'systemuser_client_removed', 'client_change', gen_random_uuid(), u.reportee_org_no, s.vendor_org_number,
             jsonb_build_object('systemId', s.system_id, 'externalRef', u.external_ref, 'systemUserId', u.id, 'client', c.uuid)
           from staging.unhanded g join party a on a.key = g.system_user_key join "system_user" u on u.id = a.uuid and not u.is_deleted
           join system s on s.system_internal_id = u.system_internal_id join party c on c.key = g.client_key
           where not exists (
             select from client_delegation d join client_delegation_package p on p.delegation_id = d.id
             where d.system_user_key = g.system_user_key and d.client_key = g.client_key)"#
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Tells the change feed what was touched.
async fn publish(tx: &mut PgConnection) -> Result<(), DbError> {
    let touched = sqlx::query_scalar!(r#"select count(*) as "count!" from staging.touched"#)
        .fetch_one(&mut *tx)
        .await?;
    if touched == 0 {
        return Ok(());
    }
    if touched > TOLD_ONE_BY_ONE {
        feed::append(tx, Touched::Everything, "import").await?;
        return Ok(());
    }
    feed::append_parties(tx).await?;
    Ok(())
}

/// A line of a kind that waits as it was written.
pub struct StagedLine {
    /// Its number.
    pub line: i64,
    /// What it says.
    pub document: serde_json::Value,
}

/// Lines that wait as they were written, one after the other; some at a time are fetched.
#[derive(Default)]
pub struct Documents {
    fetched: std::collections::VecDeque<StagedLine>,
    after: i64,
}

impl Documents {
    /// The next line.
    ///
    /// # Errors
    /// As the database says.
    pub async fn next(&mut self, tx: &mut PgConnection) -> Result<Option<StagedLine>, DbError> {
        if self.fetched.is_empty() {
            let lines =
                sqlx::query_as!(StagedLine, "select line, document from staging.document where line > $1 order by line limit 500", self.after)
                    .fetch_all(tx)
                    .await?;
            self.fetched = lines.into();
        }
        let next = self.fetched.pop_front();
        self.after = next.as_ref().map_or(self.after, |line| line.line);
        Ok(next)
    }
}

impl StagedLine {
    /// The line as its kind reads it.
    ///
    /// # Errors
    /// It was good when it was staged, and is not any more.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Merged<T> {
        serde_json::from_value(self.document.clone())
            .map_err(|e| MergeError::Other(anyhow::anyhow!("a staged line cannot be read: {e}")))
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.line.unsigned_abs()
    }
}
