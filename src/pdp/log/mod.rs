//! The decision log: a row for every decision, written in batches beside the answers.
//!
//! Rows wait in a bounded queue. When it is full, answers wait a moment for room. What still cannot be written, because
//! the database refuses or is away, goes to standard output as a line of JSON, and is counted: no answer ever changes
//! for the log's sake, and no row is lost silently.

mod context;
pub mod export;
mod store;
mod writer;

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::db::side_pool;
pub use context::Written;
pub use store::{Stored, drop_expired, of_answer};
use writer::Message;

/// Rows that may wait.
const QUEUE: usize = 32_768;
/// How long an answer waits for room.
const PATIENCE: Duration = Duration::from_millis(250);

/// By which door a decision was asked for.
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

/// One decision, as it is stored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table, explained in its migration")]
pub struct Row {
    pub decision_id: Uuid,
    pub part: i32,
    pub created: DateTime<Utc>,
    pub endpoint: Endpoint,
    pub caller: std::sync::Arc<CallerFacts>,
    pub session_id: Option<String>,
    pub subject_user_id: Option<i32>,
    pub subject_party_id: Option<i32>,
    pub subject_org_code: Option<String>,
    pub subject_org_number: Option<String>,
    pub subject_party_uuid: Option<Uuid>,
    pub resource_party_id: Option<i32>,
    pub resource: Option<String>,
    pub instance_id: Option<String>,
    pub operation: Option<String>,
    pub decision: i16,
    pub status_code: &'static str,
    pub reason: &'static str,
    pub policy_version: Option<i32>,
    pub decided_by: Option<String>,
    pub enriched_by_caller: bool,
    pub duration_us: i32,
    pub context: String,
    pub explanation: Option<String>,
}

/// Who asked, the same for all decisions of a call.
#[derive(Debug, Clone, Default)]
pub struct CallerFacts {
    /// Organisation of the token.
    pub org: Option<String>,
    /// Client at the issuer.
    pub client_id: Option<String>,
    /// Token id.
    pub jti: Option<String>,
    /// Id of the request in the audit trail and in traces.
    pub request_id: Option<Uuid>,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// The way to the log.
#[derive(Debug, Clone)]
pub struct Log {
    queue: mpsc::Sender<Message>,
}

impl Log {
    /// Opens the log; its writer runs until the last handle is gone.
    #[must_use]
    pub fn open(pool: &PgPool) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(writer::write(side_pool(pool), waiting));
        Self { queue }
    }

    /// Hands over a row. It waits only when the queue is full, and then not long.
    pub async fn record(&self, row: Row) {
        let row = match self.queue.try_send(Message::Row(Box::new(row))) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(row) | mpsc::error::TrySendError::Closed(row)) => row,
        };
        metrics::counter!("decision_log_waits").increment(1);
        if let Err(mpsc::error::SendTimeoutError::Timeout(row) | mpsc::error::SendTimeoutError::Closed(row)) =
            self.queue.send_timeout(row, PATIENCE).await
            && let Message::Row(row) = row
        {
            writer::print(std::slice::from_ref(&*row));
        }
    }

    /// Waits until every row handed over so far is written, or printed.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }
}
