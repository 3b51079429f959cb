//! Storing lines that were printed, since the database was away.

use std::io::{BufRead as _, BufReader, Read};

use anyhow::Context as _;
use chrono::TimeDelta;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{DecisionRecord, line, store};
use foundation::{audit, db::AdvisoryLock};

/// Lines of one block.
const BATCH: usize = 1_000;
/// A block holds decisions of so much time at most.
const SPAN: TimeDelta = TimeDelta::minutes(1);

/// What became of the lines of a file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ImportedDecisions {
    /// Decisions that are stored now.
    pub stored: usize,
    /// Decisions that were there already.
    pub known: usize,
    /// Lines that are no decisions, such as other output of the service.
    pub others: usize,
    /// Decisions that cannot be read, since their lines are cut off or changed.
    pub damaged: usize,
}

/// A decision on standard output, as far as it is read.
#[derive(Deserialize)]
struct PrintedDecision {
    #[serde(rename = "decisionLog")]
    _json: IgnoredAny,
    stored: String,
}

/// How a decision begins. Whatever collects output may have put something before it.
const BEGIN: &str = "{\"decisionLog\":";

/// Stores the decisions in a text that are not there yet, and notes in the audit trail that it did.
///
/// # Errors
/// The text cannot be read, or the database fails. What was stored until then stays; a repeated import
/// stores the rest.
pub async fn lines(pool: &PgPool, text: impl Read) -> anyhow::Result<ImportedDecisions> {
    let mut imported = ImportedDecisions::default();
    let mut block: Vec<DecisionRecord> = Vec::new();
    let mut text = BufReader::new(text);
    let mut bytes = Vec::new();
    while text.read_until(b'\n', &mut bytes).context("reading")? > 0 {
        let found = read(&String::from_utf8_lossy(&bytes));
        bytes.clear();
        let line = match found {
            OutputLine::Decision(line) => line,
            OutputLine::Other => {
                imported.others += 1;
                continue;
            }
            OutputLine::Damaged => {
                imported.damaged += 1;
                continue;
            }
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
    let event = audit::AuditEvent {
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

/// What a line of output is.
#[derive(Debug)]
enum OutputLine {
    Decision(DecisionRecord),
    Other,
    Damaged,
}

fn read(text: &str) -> OutputLine {
    let Some(begin) = text.find(BEGIN) else {
        return OutputLine::Other;
    };
    let printed = text.get(begin..).map(str::trim_end);
    let printed = printed.and_then(|text| serde_json::from_str::<PrintedDecision>(text).ok());
    printed
        .and_then(|printed| DecisionRecord::read(&printed.stored))
        .map_or(OutputLine::Damaged, OutputLine::Decision)
}

async fn store_new(
    pool: &PgPool,
    block: &mut Vec<DecisionRecord>,
    imported: &mut ImportedDecisions,
) -> anyhow::Result<()> {
    let mut db = pool.begin().await?;
    // Two at a time would store a decision twice.
    AdvisoryLock::DecisionImport.take(&mut db).await?;
    let mut new: Vec<DecisionRecord> = Vec::with_capacity(block.len());
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
    if let Some(block) = store::DecisionBlock::of(Uuid::now_v7(), &new) {
        store::insert(&mut *db, &block).await?;
    }
    foundation::db::commit_at_last(db).await?;
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
        let mut line = DecisionRecord::begin(Uuid::from_u128(1), 2, created, 100);
        for _ in 3..line::FIELD_COUNT {
            line.raw(None);
        }
        let printed = serde_json::json!({"decisionLog": line.to_json(), "stored": line.text});
        let text = printed.to_string();
        let prefixed = format!("systembruker-1  | {text}\r\n");
        for text in [&text, &prefixed] {
            let OutputLine::Decision(read) = read(text) else {
                panic!("{text}");
            };
            assert_eq!((&read.text, read.created), (&line.text, created));
        }
        for other in [
            "a line of the log",
            r#"{"level":"INFO"}"#,
            r#"{"stored":"12 files"}"#,
        ] {
            assert!(matches!(read(other), OutputLine::Other), "{other}");
        }
        for damaged in [
            "",
            "x\ty",
            &line.text[1..],
            &line.text[..line.text.len() - 3],
        ] {
            let printed = serde_json::json!({"decisionLog": {}, "stored": damaged});
            assert!(
                matches!(read(&printed.to_string()), OutputLine::Damaged),
                "{damaged}"
            );
        }
        assert!(matches!(read(&text[..text.len() / 2]), OutputLine::Damaged));
    }
}
