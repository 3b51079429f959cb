//! The decision log: a line for every decision, stored in blocks, in parallel to the answers.
//!
//! Lines wait in a bounded queue, also while the database is away. When half of it is full then, the
//! oldest lines go to standard output as lines of JSON, which `decisions import` stores later. When all
//! of it is full, answers wait up to 250 ms for space. No answer ever changes for the log's sake, and
//! no line is lost without being counted.
//!
//! What a process that is killed loses is what waits: 25 ms and the time of an insert while the
//! database is well, the queue while it is away.

mod context;
pub mod export;
pub mod import;
mod line;
mod printer;
mod store;
mod writer;

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use context::{MAX_BYTES as MAX_CONTEXT_BYTES, StoredContext};
pub use line::{COLUMNS, DecisionRecord, to_json};
use printer::DecisionPrinter;
pub use store::of_answer;
use writer::{LogMessage, LogWriter};

use foundation::telemetry::metrics::DECISION_LOG_WAITS;

/// Lines that may wait.
const QUEUE: usize = 32_768;
/// Kilobytes of lines that may wait, those that are being written included.
const QUEUE_KILOBYTES: usize = 32 * 1024;
/// How long an answer waits for space in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_millis(250);

/// How long it may take to write what waits at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// By which endpoint a decision was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/authorize`
    External,
    /// `/decision`
    Internal,
    /// A token and its decisions in one.
    Token,
    /// `AuthZEN`
    Authzen,
}

impl Endpoint {
    /// As stored, and as metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Internal => "internal",
            Self::Token => "token",
            Self::Authzen => "authzen",
        }
    }
}

/// The way to the log.
#[derive(Debug, Clone)]
pub struct DecisionLog {
    queue: mpsc::Sender<LogMessage>,
    space: Arc<Semaphore>,
    printer: DecisionPrinter,
    closing: Arc<watch::Sender<bool>>,
}

impl DecisionLog {
    /// Opens the log; its writer takes a connection from the pool now and then, and runs until the
    /// last handle is gone.
    #[must_use]
    pub fn open(pool: &PgPool) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (closing, is_closing) = watch::channel(false);
        let log = Self {
            queue,
            space: Arc::new(Semaphore::new(QUEUE_KILOBYTES)),
            printer: DecisionPrinter::new(),
            closing: Arc::new(closing),
        };
        let writer = LogWriter {
            pool: pool.clone(),
            queue: waiting,
            capacity: (QUEUE, QUEUE_KILOBYTES),
            space: Arc::clone(&log.space),
            printer: log.printer.clone(),
            closing: is_closing,
            refused: None,
            is_given_up: false,
            insert: None,
        };
        tokio::spawn(writer.run());
        log
    }

    /// Enqueues a line. It waits only when the queue is full, and then not long.
    pub async fn record(&self, line: DecisionRecord) {
        let kilobytes = line.kilobytes().min(QUEUE_KILOBYTES as u32);
        let space = Arc::clone(&self.space).try_acquire_many_owned(kilobytes);
        let line = match space {
            Ok(space) => match self.queue.try_send(LogMessage::Line(line, space)) {
                Ok(()) => return,
                Err(
                    mpsc::error::TrySendError::Full(message)
                    | mpsc::error::TrySendError::Closed(message),
                ) => message.line(),
            },
            Err(_) => Some(line),
        };
        if let Some(line) = line {
            Box::pin(self.wait(line, kilobytes)).await;
        }
    }

    async fn wait(&self, line: DecisionRecord, kilobytes: u32) {
        metrics::counter!(DECISION_LOG_WAITS.name).increment(1);
        let space = Arc::clone(&self.space).acquire_many_owned(kilobytes);
        let place = async { (space.await, self.queue.reserve().await) };
        match tokio::time::timeout(QUEUE_TIMEOUT, place).await {
            Ok((Ok(space), Ok(place))) => place.send(LogMessage::Line(line, space)),
            _ => self.printer.print(&[line.masked()]),
        }
    }

    /// Lines that wait in the queue.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Waits until every line enqueued so far is written, or printed: as long as the database is
    /// away, when nothing else needs the space.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(LogMessage::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }

    /// Writes what waits, or prints it, within some seconds. The last thing before the end.
    pub async fn close(&self) {
        let _ = self.closing.send(true);
        if tokio::time::timeout(CLOSE_TIMEOUT, self.flush())
            .await
            .is_err()
        {
            tracing::error!("the decision log could not be closed in time: decisions may be lost");
        }
        self.printer.close().await;
    }
}
