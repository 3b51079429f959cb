//! A merge under way: what it is about, what it found, and the staged lines it reads.

use sqlx::PgConnection;

use super::{FileImportOptions, ImportContext, findings::ImportFindings};
use foundation::db::DbError;
use registers::parties::{self, PartyRef};

/// What a merge did, in rows of its kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct MergeCounts {
    /// New ones.
    pub added: u64,
    /// Those that were updated.
    pub changed: u64,
    /// Those that ended.
    pub ended: u64,
}

impl MergeCounts {
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
pub type MergeResult<T = MergeCounts> = Result<T, MergeError>;

/// A merge under way.
pub struct Merge<'a> {
    /// What readers need to know.
    pub context: &'a ImportContext,
    /// What was asked for.
    pub options: &'a FileImportOptions,
    /// What is wrong so far.
    pub findings: ImportFindings,
    /// Bytes of the files that lines name.
    pub files: &'a (dyn Fn(&str) -> anyhow::Result<Vec<u8>> + Send + Sync),
}

impl Merge<'_> {
    /// Collects what was found in staging, and removes those lines. More than may be wrong ends
    /// the merge.
    ///
    /// # Errors
    /// See [`MergeError`].
    pub async fn apply_findings(&mut self, tx: &mut PgConnection) -> MergeResult<()> {
        self.take_findings(tx).await?;
        self.check_limit()
    }

    /// Collects what was found in staging, and removes those lines.
    pub(super) async fn take_findings(&mut self, tx: &mut PgConnection) -> Result<(), DbError> {
        let rows = sqlx::query_as!(
            FindingRow,
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
    pub fn check_limit(&self) -> MergeResult<()> {
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
    pub fn guard_shrink(&self, absent: i64, all: i64) -> MergeResult<()> {
        let max = self.options.max_shrink;
        if absent as f64 * 100.0 > max * all as f64 {
            Err(MergeError::Shrink { absent, all, max })
        } else {
            Ok(())
        }
    }
}

struct FindingRow {
    line: i64,
    member: String,
    code: String,
    reason: String,
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
pub struct StagedDocuments {
    fetched: std::collections::VecDeque<StagedLine>,
    after: i64,
}

impl StagedDocuments {
    /// The next line.
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
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> MergeResult<T> {
        serde_json::from_value(self.document.clone())
            .map_err(|e| MergeError::Other(anyhow::anyhow!("a staged line cannot be read: {e}")))
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.line.unsigned_abs()
    }
}

/// The organisation or person that a line names; a finding when it is unknown.
pub async fn party(
    tx: &mut PgConnection,
    merge: &mut Merge<'_>,
    line: u64,
    member: &str,
    name: Option<PartyRef>,
) -> Result<Option<i32>, DbError> {
    let found = match &name {
        Some(name) => parties::keys(tx, &merge.context.identity, std::slice::from_ref(name))
            .await?
            .first()
            .copied(),
        None => None,
    };
    if found.is_none() {
        merge
            .findings
            .add(line, member, "UNKNOWN_PARTY", "this party is not known");
    }
    Ok(found)
}

/// Marks a party as touched.
pub async fn touch(tx: &mut PgConnection, key: i32) -> Result<(), DbError> {
    sqlx::query!(
        "insert into staging.touched values ($1) on conflict do nothing",
        key
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks a client of which an agent has lost something.
pub async fn mark_delegation_lost(
    tx: &mut PgConnection,
    system_user_key: i32,
    client_key: i32,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into staging.unhanded values ($1, $2) on conflict do nothing",
        system_user_key,
        client_key
    )
    .execute(tx)
    .await?;
    Ok(())
}
