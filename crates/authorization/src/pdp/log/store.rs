//! All SQL of the decision log.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::DecisionRecord;
use foundation::db::DbError;

/// A block begins at most so long before any decision in it.
const SPAN: TimeDelta = TimeDelta::hours(1);

/// Lines that are stored together.
#[derive(Debug)]
pub struct DecisionBlock {
    id: Uuid,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    decisions: i32,
    text: String,
}

impl DecisionBlock {
    /// A block of lines; none without lines.
    pub fn of(id: Uuid, lines: &[DecisionRecord]) -> Option<Self> {
        let first = lines.iter().map(|l| l.created).min()?;
        let last = lines.iter().map(|l| l.created).max()?;
        let mut text = String::with_capacity(lines.iter().map(|l| l.text.len() + 1).sum());
        for line in lines {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line.text);
        }
        let decisions = i32::try_from(lines.len()).unwrap_or(i32::MAX);
        Some(Self {
            id,
            first,
            last,
            decisions,
            text,
        })
    }
}

/// Stores a block. When it is there already, because the answer to an earlier attempt was lost, it
/// counts as stored.
pub async fn insert(db: impl PgExecutor<'_>, block: &DecisionBlock) -> Result<(), DbError> {
    sqlx::query!(
        "insert into decision_block (id, first, last, decisions, lines) values ($1, $2, $3, $4, $5) on conflict do nothing",
        block.id,
        block.first,
        block.last,
        block.decisions,
        block.text
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The lines of one answer, in order.
pub async fn of_answer(
    db: &mut PgConnection,
    id: Uuid,
    created: DateTime<Utc>,
) -> Result<Vec<String>, DbError> {
    let mut lines = sqlx::query_scalar!(
        r#"select line as "line!" from decision_block b cross join lateral string_to_table(b.lines, E'\n') as line
           where b.first between $2 and $3 and b.last >= $3 and starts_with(line, $1)"#,
        id.to_string(),
        created - SPAN,
        created
    )
    .fetch_all(db)
    .await?;
    lines.sort_by_key(|line| {
        line.split('\t')
            .nth(1)
            .and_then(|part| part.parse::<i32>().ok())
    });
    Ok(lines)
}

/// The time of the next decision at or after `from` and before `to`.
pub async fn next(
    db: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    // A block may begin before `from`, and end after it.
    let found = sqlx::query_scalar!(
        "select case when count(*) > 0 then greatest(min(first), $2) end from decision_block where first >= $1 and first < $3 and last >= $2",
        from - SPAN,
        from,
        to
    );
    Ok(found.fetch_one(db).await?.filter(|at| *at < to))
}

/// The lines of a period, in order of time.
pub async fn between(
    db: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select line as "line!" from decision_block b cross join lateral string_to_table(b.lines, E'\n') as line
           cross join lateral string_to_array(line, E'\t') as d
           where b.first >= $1 and b.first < $3 and b.last >= $2 and to_timestamp(d[3]::bigint / 1000.0) >= $2 and to_timestamp(d[3]::bigint / 1000.0) < $3
           order by d[1]::uuid, d[2]::int"#,
        from - SPAN,
        from,
        to
    )
    .fetch_all(db)
    .await?)
}

/// About how many decisions were made in a period.
pub async fn count(
    db: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<i64, DbError> {
    let found = sqlx::query_scalar!(
        r#"select coalesce(sum(decisions), 0) as "count!" from decision_block where first >= $1 and first < $3 and last >= $2"#,
        from - SPAN,
        from,
        to
    );
    Ok(found.fetch_one(db).await?)
}
