//! Verification: everything is computed again, and held against the checkpoints.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::{chain::AuditRow, checkpoint::Checkpoint, store};
use crate::crypto::hex;

const BATCH: i64 = 5_000;

/// What verification found.
#[derive(Debug, Default)]
pub struct ChainVerification {
    /// Rows that hold.
    pub rows: i64,
    /// Checkpoints that agree with them.
    pub checkpoints: usize,
    /// Rows without a place in the chain yet, and since when.
    pub waiting: (i64, Option<DateTime<Utc>>),
    /// The first thing that does not hold.
    pub fault: Option<String>,
}

/// Computes the chain again. `progress` gets how many rows of how many are done.
///
/// # Errors
/// The trail cannot be read.
pub async fn verify(
    pool: &PgPool,
    checkpoints: &[Checkpoint],
    progress: impl Fn(i64, i64),
) -> anyhow::Result<ChainVerification> {
    // One state of the trail, although rows are sealed meanwhile.
    let mut tx = pool.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only")
        .execute(&mut *tx)
        .await?;
    let total = store::sealed(&mut tx).await?;
    let mut verdict = ChainVerification {
        waiting: store::waiting(&mut tx).await?,
        ..ChainVerification::default()
    };
    let mut walk = ChainWalk {
        last: 0,
        hash: vec![0; 32],
        checkpoints: checkpoints.iter().peekable(),
        agreed: 0,
    };
    let start = store::start(&mut tx).await?;
    let begins_after = start.as_ref().map_or(0, |(length, _)| *length);
    if let Some((length, hash)) = start {
        verdict.fault = walk.begin_after(length, hash, checkpoints.is_empty());
        if verdict.fault.is_some() {
            return Ok(verdict);
        }
    }
    let (mut place, mut seq) = (0, i64::MIN);
    'all: loop {
        let rows = store::after(&mut tx, place, seq, BATCH).await?;
        let Some(end) = rows.last() else { break };
        (place, seq) = (end.chain.unwrap_or_default(), end.seq);
        for row in &rows {
            let is_left = row.chain.is_some_and(|place| place <= begins_after);
            let checked = if is_left {
                left_of_dropped(row)
            } else {
                walk.step(row)
            };
            if let Err(fault) = checked {
                verdict.fault = Some(fault);
                break 'all;
            }
            verdict.rows += 1;
        }
        progress(verdict.rows, total);
    }
    verdict.checkpoints = walk.agreed;
    if verdict.fault.is_none() {
        verdict.fault = match store::end(&mut tx).await? {
            Some(end) => walk.finish(&end),
            None => {
                Some("table audit_chain is empty: nothing says how long the chain was".to_owned())
            }
        };
    }
    Ok(verdict)
}

/// Checks a row whose adjacent rows in the chain were dropped with their partition: rows of the
/// seconds around the end of a month may be numbered in another order than their times.
fn left_of_dropped(row: &AuditRow) -> Result<(), String> {
    let place = row.chain.unwrap_or_default();
    let before = row.prev_hash.clone().unwrap_or_default();
    let hash = row.hash_at(place, &before);
    if row.hash.as_deref() == Some(&hash[..]) {
        Ok(())
    } else {
        Err(format!(
            "row {place} (seq {}): was changed after it was sealed",
            row.seq
        ))
    }
}

struct ChainWalk<'a, I: Iterator<Item = &'a Checkpoint>> {
    last: i64,
    hash: Vec<u8>,
    checkpoints: std::iter::Peekable<I>,
    agreed: usize,
}

impl<'a, I: Iterator<Item = &'a Checkpoint>> ChainWalk<'a, I> {
    fn step(&mut self, row: &AuditRow) -> Result<(), String> {
        let place = row.chain.unwrap_or_default();
        let named = || {
            format!(
                "row {place} (seq {}, {}, {} {})",
                row.seq,
                row.at.to_rfc3339(),
                row.action,
                row.object_id
            )
        };
        if self.last == 0 && place > 1 {
            self.start_after(row, place)?;
        }
        if place <= self.last {
            return Err(format!("{}: there are two rows at this place", named()));
        }
        if place != self.last + 1 {
            return Err(format!(
                "row {}: is missing; the next one is {}",
                self.last + 1,
                named()
            ));
        }
        if row.prev_hash.as_deref() != Some(&self.hash[..]) {
            return Err(format!("{}: does not follow the row before it", named()));
        }
        let hash = row.hash_at(place, &self.hash);
        if row.hash.as_deref() != Some(&hash[..]) {
            return Err(format!("{}: was changed after it was sealed", named()));
        }
        (self.last, self.hash) = (place, hash.to_vec());
        while let Some(checkpoint) = self.checkpoints.next_if(|c| c.length <= place) {
            if checkpoint.length == place && checkpoint.hash != hex(&self.hash) {
                return Err(format!(
                    "{}: the checkpoint of {} says otherwise",
                    named(),
                    checkpoint.at.to_rfc3339()
                ));
            }
            self.agreed += 1;
        }
        Ok(())
    }

    /// Begins after rows that were dropped, when a checkpoint says that they ended so. Without any
    /// checkpoint the database is believed.
    fn begin_after(&mut self, length: i64, hash: Vec<u8>, is_unchecked: bool) -> Option<String> {
        let mut vouched = is_unchecked;
        while let Some(checkpoint) = self.checkpoints.next_if(|c| c.length <= length) {
            if checkpoint.length == length && checkpoint.hash == hex(&hash) && !vouched {
                self.agreed += 1;
                vouched = true;
            }
        }
        (self.last, self.hash) = (length, hash);
        (!vouched).then(|| {
            format!("row 1: is missing, up to row {length}, and no checkpoint vouches for them")
        })
    }

    /// The oldest rows may be gone, a whole partition at a time, when a checkpoint says what they
    /// ended with.
    fn start_after(&mut self, row: &AuditRow, place: i64) -> Result<(), String> {
        let before = row.prev_hash.clone().unwrap_or_default();
        while let Some(checkpoint) = self.checkpoints.next_if(|c| c.length < place) {
            if checkpoint.length == place - 1 && checkpoint.hash == hex(&before) {
                self.agreed += 1;
                (self.last, self.hash) = (place - 1, before);
                return Ok(());
            }
        }
        Err(format!(
            "row 1: is missing, up to row {}, and no checkpoint vouches for them",
            place - 1
        ))
    }

    fn finish(&mut self, end: &(i64, Vec<u8>)) -> Option<String> {
        if let Some(checkpoint) = self.checkpoints.next() {
            let (at, length) = (checkpoint.at.to_rfc3339(), checkpoint.length);
            return Some(format!(
                "row {}: is missing; the checkpoint of {at} counted {length} rows",
                self.last + 1
            ));
        }
        if (self.last, &self.hash) == (end.0, &end.1) {
            return None;
        }
        Some(format!(
            "row {}: is missing; the chain was {} rows long",
            self.last + 1,
            end.0
        ))
    }
}
