//! Storing lines in blocks, and waiting while they cannot be stored.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use super::{DecisionRecord, printer::DecisionPrinter, store};
use foundation::{
    db::{DbError, begin_write},
    telemetry::metrics::DECISION_LOG_LINES,
};

/// What comes through the queue.
#[derive(Debug)]
pub enum LogMessage {
    /// A decision, with the space that it takes until it is written.
    Line(DecisionRecord, OwnedSemaphorePermit),
    /// Answered when everything before this is written.
    Flush(oneshot::Sender<()>),
}

impl LogMessage {
    /// The line, if it is one.
    pub fn line(self) -> Option<DecisionRecord> {
        match self {
            Self::Line(line, _) => Some(line),
            Self::Flush(_) => None,
        }
    }
}

/// Lines of one block.
const BATCH: usize = 4_000;
/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(25);
/// A batch that takes longer is not waited for now.
const TIMEOUT: Duration = Duration::from_secs(2);
/// While the database is away, it is tried this often.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is seen meanwhile whether the following lines have space.
const LOOK: Duration = Duration::from_millis(50);

/// An insert that may go on when it is not waited for.
type InsertTask = JoinHandle<Option<Result<(), DbError>>>;

/// Writes what comes through a queue.
#[derive(Debug)]
pub struct LogWriter {
    pub pool: PgPool,
    pub queue: mpsc::Receiver<LogMessage>,
    /// Lines that the queue holds, and kilobytes of them, when it is empty.
    pub capacity: (usize, usize),
    /// What is left of the kilobytes.
    pub space: Arc<Semaphore>,
    pub printer: DecisionPrinter,
    /// Whether the end has come.
    pub closing: watch::Receiver<bool>,
    /// When the database was found away; none when it took the last block.
    pub refused: Option<Instant>,
    /// Whether it was tried for the last time.
    pub is_given_up: bool,
    /// The insert that has not ended, and its block.
    pub insert: Option<(Uuid, InsertTask)>,
}

impl LogWriter {
    /// Writes until all senders are gone.
    pub async fn run(mut self) {
        let mut messages = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut messages, BATCH).await > 0 {
            if messages.len() < BATCH && !messages.iter().any(|m| matches!(m, LogMessage::Flush(_)))
            {
                tokio::time::sleep(GATHER).await;
                while messages.len() < BATCH
                    && let Ok(message) = self.queue.try_recv()
                {
                    messages.push(message);
                }
            }
            let (mut lines, mut waiting) = (Vec::with_capacity(messages.len()), Vec::new());
            let mut spaces: Option<OwnedSemaphorePermit> = None;
            for message in messages.drain(..) {
                match message {
                    LogMessage::Line(line, space) => {
                        lines.push(line.masked());
                        match &mut spaces {
                            None => spaces = Some(space),
                            Some(spaces) => spaces.merge(space),
                        }
                    }
                    LogMessage::Flush(done) => waiting.push(done),
                }
            }
            for block in lines.chunk_by(is_near) {
                self.write(block).await;
            }
            drop(spaces);
            for done in waiting {
                let _ = done.send(());
            }
        }
    }

    /// Stores lines. While the database is away they wait; they are printed when the lines after
    /// them need their space, at the end, and when the database does not take them.
    async fn write(&mut self, lines: &[DecisionRecord]) {
        let block = Uuid::now_v7();
        loop {
            let is_closing = *self.closing.borrow();
            // At the end it is tried once more, however short ago it was tried.
            let is_due = match self.refused {
                None => true,
                Some(_) if is_closing => !std::mem::replace(&mut self.is_given_up, true),
                Some(at) => at.elapsed() >= AGAIN,
            };
            if is_due {
                // A connection that was closed meanwhile is found by the first attempt.
                let attempts = if self.refused.is_some() { 1 } else { 2 };
                match self.store(block, lines, attempts).await {
                    StoreOutcome::Now => {
                        self.refused = None;
                        return;
                    }
                    StoreOutcome::Later => self.refused = Some(Instant::now()),
                    StoreOutcome::Never => {
                        self.printer.print(lines);
                        return;
                    }
                }
            }
            if is_closing || self.is_crowded() {
                self.printer.print(lines);
                return;
            }
            let _ = tokio::time::timeout(LOOK, self.closing.changed()).await;
        }
    }

    /// Whether less than half of the queue is free.
    fn is_crowded(&self) -> bool {
        let (lines, kilobytes) = self.capacity;
        self.queue.len() > lines / 2 || self.space.available_permits() < kilobytes / 2
    }

    async fn store(
        &mut self,
        block: Uuid,
        lines: &[DecisionRecord],
        attempts: usize,
    ) -> StoreOutcome {
        // That of an earlier block, whose lines were printed meanwhile, ends first.
        let is_other = self.insert.as_ref().is_some_and(|(id, _)| *id != block);
        if is_other && matches!(self.insert(block, lines).await, InsertOutcome::Later) {
            return StoreOutcome::Later;
        }
        let mut stored = StoreOutcome::Later;
        for _ in 0..attempts {
            match self.insert(block, lines).await {
                InsertOutcome::Ended(Ok(())) => {
                    metrics::counter!(DECISION_LOG_LINES.name).increment(lines.len() as u64);
                    return StoreOutcome::Now;
                }
                InsertOutcome::Ended(Err(error)) => {
                    tracing::warn!(%error, lines = lines.len(), "the decision log could not be written");
                    stored = match error {
                        DbError::Unavailable(_) | DbError::Busy => StoreOutcome::Later,
                        DbError::Unstorable | DbError::Unreadable { .. } | DbError::Other(_) => {
                            StoreOutcome::Never
                        }
                    };
                }
                InsertOutcome::Later => {
                    tracing::warn!(
                        lines = lines.len(),
                        "the decision log could not be written in time"
                    );
                    stored = StoreOutcome::Later;
                }
            }
        }
        stored
    }

    /// Waits for the insert that is under way, or begins one: there are never two at a time.
    async fn insert(&mut self, block: Uuid, lines: &[DecisionRecord]) -> InsertOutcome {
        let under_way = match &mut self.insert {
            Some(insert) => insert,
            none => {
                let Some(written) = store::DecisionBlock::of(block, lines) else {
                    return InsertOutcome::Ended(Ok(()));
                };
                let pool = self.pool.clone();
                let insert = begin_write(async move { store::insert(&pool, &written).await });
                none.insert((block, insert))
            }
        };
        let Ok(ended) = tokio::time::timeout(TIMEOUT, &mut under_way.1).await else {
            return InsertOutcome::Later;
        };
        self.insert = None;
        match ended {
            Ok(Some(ended)) => InsertOutcome::Ended(ended),
            // Its connection is broken, or the program ends.
            Ok(None) | Err(_) => InsertOutcome::Later,
        }
    }
}

/// What became of an insert.
#[derive(Debug)]
enum InsertOutcome {
    /// It has ended.
    Ended(Result<(), DbError>),
    /// It has not.
    Later,
}

/// Whether two lines may be in one block. Their order is about that of their times, so that what waited
/// for hours is in several blocks.
fn is_near(line: &DecisionRecord, next: &DecisionRecord) -> bool {
    let slot = |line: &DecisionRecord| line.created.timestamp().div_euclid(SLOT_S);
    slot(line) == slot(next)
}

/// Seconds of decisions that one block may hold: a block begins at most an hour before any of them.
const SLOT_S: i64 = 600;

/// What became of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreOutcome {
    /// They are stored.
    Now,
    /// The database is away.
    Later,
    /// The database does not take these lines.
    Never,
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn what_waited_for_hours_is_in_several_blocks() {
        let at = |seconds: i64| {
            let created = DateTime::from_timestamp(seconds, 0).unwrap();
            DecisionRecord::begin(Uuid::nil(), 0, created, 0)
        };
        let lines = [at(0), at(1), at(599), at(600), at(7_200)];
        let sizes: Vec<usize> = lines
            .chunk_by(is_near)
            .map(<[DecisionRecord]>::len)
            .collect();
        assert_eq!(sizes, [3, 1, 1]);
    }
}
