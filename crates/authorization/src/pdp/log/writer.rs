//! Storing lines in blocks, and what becomes of those that cannot be written.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use uuid::Uuid;

use super::{Line, store};
use foundation::telemetry::metrics::{DECISION_LOG_LINES, DECISION_LOG_UNWRITTEN};

/// What comes through the queue.
#[derive(Debug)]
pub enum Message {
    /// A decision, with the space that it takes until it is written.
    Line(Line, OwnedSemaphorePermit),
    /// Tell when everything before this is written.
    Flush(oneshot::Sender<()>),
}

impl Message {
    /// The line, if it is one.
    pub fn line(self) -> Option<Line> {
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
/// A batch that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(2);
/// While the database refuses, it is tried this often; lines in between are printed at once.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes what comes through the queue until all its senders are gone.
pub async fn write(pool: PgPool, mut queue: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(BATCH);
    let mut refused: Option<Instant> = None;
    while queue.recv_many(&mut messages, BATCH).await > 0 {
        if messages.len() < BATCH && !messages.iter().any(|m| matches!(m, Message::Flush(_))) {
            tokio::time::sleep(GATHER).await;
            while messages.len() < BATCH
                && let Ok(message) = queue.try_recv()
            {
                messages.push(message);
            }
        }
        let (mut lines, mut waiting) = (Vec::with_capacity(messages.len()), Vec::new());
        let mut spaces: Option<OwnedSemaphorePermit> = None;
        for message in messages.drain(..) {
            match message {
                Message::Line(line, space) => {
                    lines.push(line.masked());
                    match &mut spaces {
                        None => spaces = Some(space),
                        Some(spaces) => spaces.merge(space),
                    }
                }
                Message::Flush(done) => waiting.push(done),
            }
        }
        let may_try = refused.is_none_or(|at| at.elapsed() > AGAIN);
        if !lines.is_empty() {
            if may_try && try_to_store(&pool, &lines, if refused.is_some() { 1 } else { 2 }).await {
                refused = None;
            } else {
                if may_try {
                    refused = Some(Instant::now());
                }
                print(&lines);
            }
        }
        drop(spaces);
        for done in waiting {
            let _ = done.send(());
        }
    }
}

async fn try_to_store(pool: &PgPool, lines: &[Line], attempts: usize) -> bool {
    let block = Uuid::now_v7();
    for _ in 0..attempts {
        match tokio::time::timeout(TIMEOUT, store::insert(pool, block, lines)).await {
            Ok(Ok(())) => {
                metrics::counter!(DECISION_LOG_LINES.name).increment(lines.len() as u64);
                return true;
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, lines = lines.len(), "the decision log could not be written");
            }
            Err(_) => tracing::warn!(
                lines = lines.len(),
                "the decision log could not be written in time"
            ),
        }
    }
    false
}

/// Prints what cannot be stored, a line of JSON each.
pub fn print(lines: &[Line]) {
    metrics::counter!(DECISION_LOG_UNWRITTEN.name).increment(lines.len() as u64);
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{}", serde_json::json!({"decisionLog": line.told()}));
    }
}
