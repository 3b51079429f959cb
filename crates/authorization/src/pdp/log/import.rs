//! Storing lines that were printed, since the database was away.

use std::io::{BufRead as _, BufReader, Read};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Line, line, store};
use foundation::audit;

/// Lines of one block.
const BATCH: usize = 1_000;
/// A block holds decisions of so much time at most.
const SPAN: TimeDelta = TimeDelta::minutes(1);

/// What became of the lines of a file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Decisions that are stored now.
    pub stored: usize,
    /// Decisions that were there already.
    pub known: usize,
    /// Lines that are no decisions, such as other output of the service.
    pub others: usize,
}

/// A line of standard output, as far as it is read.
#[derive(Deserialize)]
struct Printed {
    stored: Option<String>,
}

/// Stores the decisions in a text that are not there yet, and notes in the audit trail that it did.
///
/// # Errors
/// The text cannot be read, a decision in it is damaged, or the database fails. What was stored until
/// then stays; a repeated import stores the rest.
pub async fn lines(pool: &PgPool, text: impl Read) -> anyhow::Result<Imported> {
    let mut imported = Imported::default();
    let mut block: Vec<Line> = Vec::new();
    for (number, text) in BufReader::new(text).lines().enumerate() {
        let text = text.with_context(|| format!("reading line {}", number + 1))?;
        let Some(line) = read(&text).with_context(|| format!("line {}", number + 1))? else {
            imported.others += 1;
            continue;
        };
        let is_far = block
            .first()
            .is_some_and(|first| (line.created - first.created).abs() > SPAN);
        if block.len() == BATCH || is_far {
            store_new(pool, &mut block, &mut imported).await?;
        }
        block.push(line);
    }
    store_new(pool, &mut block, &mut imported).await?;
    let event = audit::Event {
        actor: audit::Actor::Operator,
        action: audit::Action::OperatorImported,
        object_kind: audit::ObjectKind::Import,
        object_id: "decisions".to_owned(),
        party_org: None,
        vendor_org: None,
        detail: Some(json!({"stored": imported.stored, "known": imported.known})),
    };
    audit::record(&mut *pool.acquire().await?, event).await?;
    Ok(imported)
}

/// The decision of a printed line; none in a line that is something else.
fn read(text: &str) -> anyhow::Result<Option<Line>> {
    let Ok(Printed {
        stored: Some(stored),
    }) = serde_json::from_str(text)
    else {
        return Ok(None);
    };
    let Some(line) = Line::read(&stored) else {
        bail!("the decision is damaged");
    };
    Ok(Some(line))
}

async fn store_new(
    pool: &PgPool,
    block: &mut Vec<Line>,
    imported: &mut Imported,
) -> anyhow::Result<()> {
    let mut db = pool.acquire().await?;
    let mut new: Vec<Line> = Vec::with_capacity(block.len());
    for line in block.drain(..) {
        let (id, part) = line.key().context("the decision is damaged")?;
        let stored = store::of_answer(&mut db, id, line.created).await?;
        let is_known = stored
            .iter()
            .any(|known| line::key(known) == Some((id, part)))
            || new.iter().any(|other| other.key() == Some((id, part)));
        if is_known {
            imported.known += 1;
        } else {
            new.push(line);
        }
    }
    store::insert(pool, Uuid::now_v7(), &new).await?;
    imported.stored += new.len();
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_line_is_a_decision_something_else_or_damaged() {
        let created = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let mut line = Line::begin(Uuid::from_u128(1), 2, created, 100);
        for _ in 3..line::FIELD_COUNT {
            line.raw(None);
        }
        let printed = serde_json::json!({"decisionLog": line.told(), "stored": line.text});
        let read_line = read(&printed.to_string()).unwrap().unwrap();
        assert_eq!((&read_line.text, read_line.created), (&line.text, created));
        assert!(read("a line of the log").unwrap().is_none());
        assert!(read(r#"{"level":"INFO"}"#).unwrap().is_none());
        for damaged in [
            "",
            "x\ty",
            &line.text[1..],
            &line.text[..line.text.len() - 3],
        ] {
            let printed = serde_json::json!({"stored": damaged});
            assert!(read(&printed.to_string()).is_err(), "{damaged}");
        }
    }
}
