//! The audit trail as tests read it.

use secrecy::SecretString;
use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::{app::TestApp, cluster::connect, database::OpenTransaction};

/// A row of the audit trail.
#[derive(Debug, Clone, FromRow)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct AuditRow {
    pub request_id: Option<Uuid>,
    pub actor_kind: String,
    pub actor_org: Option<String>,
    pub actor_party_uuid: Option<Uuid>,
    pub client_id: Option<String>,
    pub action: String,
    pub object_kind: String,
    pub object_id: String,
    pub outcome: String,
    pub code: Option<String>,
    pub detail: Option<Value>,
}

impl AuditRow {
    /// How many attempts the row represents.
    #[must_use]
    pub fn attempts(&self) -> i64 {
        self.detail
            .as_ref()
            .and_then(|detail| detail.get("attempts"))
            .and_then(Value::as_i64)
            .unwrap_or(1)
    }
}

impl TestApp {
    /// The trail in order, of rows for which a condition holds.
    async fn rows_where(&self, condition: &str) -> Vec<AuditRow> {
        let statement = format!("select * from audit_log where {condition} order by seq");
        sqlx::query_as(AssertSqlSafe(statement))
            .fetch_all(&mut self.sql().await)
            .await
            .expect("the trail")
    }

    /// Rows about changes past the service.
    pub async fn direct_changes(&self) -> Vec<AuditRow> {
        self.rows_where("actor_kind = 'db_direct'").await
    }

    /// Rows about attempts that did not succeed.
    pub async fn refusals(&self) -> Vec<AuditRow> {
        self.running.state.attempts.flush().await;
        self.rows_where("outcome <> 'ok'").await
    }

    /// Rows with this action.
    pub async fn rows_of(&self, action: &str) -> Vec<AuditRow> {
        self.running.state.attempts.flush().await;
        self.rows_where(&format!("action = '{action}'")).await
    }

    /// Gives every row of the trail its place in the chain. A transaction anywhere in the cluster
    /// may delay it for a short time.
    pub async fn seals_trail(&self) {
        while !self.rows_where("chain is null").await.is_empty() {
            let state = &self.running.state;
            foundation::audit::seal(&state.db, None, state.clock.now())
                .await
                .expect("the trail is sealed");
        }
    }

    /// Rows of the trail that have no place in the chain yet.
    pub async fn unchained_rows(&self) -> i64 {
        self.counted("select count(*) from audit_log where chain is null")
            .await
    }

    /// Rows of the trail.
    pub async fn rows_of_trail(&self) -> i64 {
        self.counted("select count(*) from audit_log").await
    }

    /// Place of the last row in the chain of the trail.
    pub async fn length_of_chain(&self) -> i64 {
        self.counted("select max(chain) from audit_log").await
    }

    /// Keeps the rows of the trail from getting their place in the chain, as another instance does while
    /// it gives them.
    pub async fn hold_chain(&self) -> OpenTransaction {
        self.begin("select length from audit_chain for update")
            .await
    }

    /// Writes a row of the trail in a transaction that stays open.
    pub async fn begin_audit_entry(&self) -> OpenTransaction {
        self.begin(
            "insert into audit_log (instance, actor_kind, action, object_kind, object_id, outcome)
             values ('x', 'job', 'x', 'x', 'x', 'ok')",
        )
        .await
    }
}

/// Rows of the trail of a database about attempts at an object that were denied.
pub async fn denied(database: &SecretString, action: &str, object: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from audit_log where action = $1 and object_id = $2 and outcome = 'denied'",
    )
    .bind(action)
    .bind(object)
    .fetch_one(&mut connect(database).await)
    .await
    .expect("a number")
}
