//! What is kept for a limited time, as tests make it and look for it.

use foundation::retention::RetentionClass;
use sqlx::{AssertSqlSafe, Row as _};

use crate::app::TestApp;

/// A row whose time begins now, and how it is found again.
struct Sample {
    insert: &'static str,
    count: &'static str,
}

/// Every class but those that a test makes by the API.
fn sample(class: RetentionClass) -> Option<Sample> {
    let (insert, count) = match class {
        RetentionClass::Sessions => (
            "insert into session (id, person_uuid, user_id, level, acr, csrf_secret, expires)
             values ('\\x01', gen_random_uuid(), 1, 3, 'x', '\\x01', now())",
            "select count(*) from session where id = '\\x01'",
        ),
        RetentionClass::Logins => (
            "with l as (insert into login_transaction (id, browser, state, nonce, code_verifier, goto, acr, locale)
               values ('\\x01', '\\x01', 'x', 'x', 'x', '/', 'x', 'nb'))
             insert into post_logout (id) values ('\\x01')",
            "select (select count(*) from login_transaction where id = '\\x01') + (select count(*) from post_logout where id = '\\x01')",
        ),
        RetentionClass::UsedIds => (
            "insert into used_once (kind, id, expires_at) values ('test', '\\x01', now())",
            "select count(*) from used_once where kind = 'test'",
        ),
        RetentionClass::IdempotencyKeys => (
            "insert into idempotency_key (caller, key, fingerprint) values ('test', 'x', '\\x01')",
            "select count(*) from idempotency_key where caller = 'test'",
        ),
        RetentionClass::Outbox => (
            "insert into outbox (id, event, subject_kind, subject_id, payload, position)
             values (gen_random_uuid(), 'test', 'test', gen_random_uuid(), '{}', 1000000)",
            "select count(*) from outbox where event = 'test'",
        ),
        RetentionClass::Decisions => (
            "insert into decision_block (id, first, last, decisions, lines) values (gen_random_uuid(), now(), now(), 0, '')",
            "select count(*) from decision_block",
        ),
        RetentionClass::Persons => (
            "insert into party (uuid, kind, person_id_hmac, name, source, dropped_at)
             values (gen_random_uuid(), 'person', '\\x01', 'GLEMT', 'test', now())",
            "select count(*) from party where name = 'GLEMT'",
        ),
        RetentionClass::ImportRuns => (
            "insert into import_run (id, kind, source, file_sha256, mode, counts, started, ended)
             values (gen_random_uuid(), 'persons', 'test', '\\x01', 'delta', '{}', now(), now())",
            "select count(*) from import_run where source = 'test'",
        ),
        RetentionClass::AuditTrail
        | RetentionClass::DeletedRequests
        | RetentionClass::RequestPersons
        | RetentionClass::Requests
        | RetentionClass::SystemUsers => return None,
    };
    Some(Sample { insert, count })
}

impl TestApp {
    async fn number(&self, query: &'static str) -> i64 {
        let found = sqlx::query(query).fetch_one(&mut self.sql().await).await;
        found.expect("a number").get(0)
    }

    /// Stores something of a class whose time begins now.
    pub async fn stores_sample(&self, class: RetentionClass) {
        let sample = sample(class).expect("a class that is made by hand");
        sqlx::query(AssertSqlSafe(sample.insert))
            .execute(&mut self.sql().await)
            .await
            .expect("a row");
    }

    /// What is left of it.
    pub async fn samples(&self, class: RetentionClass) -> i64 {
        self.number(sample(class).expect("a class that is made by hand").count)
            .await
    }

    /// Does now what a background task does every hour: deletes what was kept for long enough.
    pub async fn applies_retention(&self) {
        systembruker::app::retention::apply(&self.running.state)
            .await
            .expect("retention is applied");
    }

    /// Requests that are stored, and those in the archive.
    pub async fn stored_requests(&self, id: &str) -> (i64, i64) {
        let found = sqlx::query(
            "select (select count(*) from request where id::text = $1), (select count(*) from request_archive where id::text = $1)",
        )
        .bind(id)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("numbers");
        (found.get(0), found.get(1))
    }

    /// Who changed a request last, as it is stored.
    pub async fn changed_by(&self, id: &str) -> Option<String> {
        sqlx::query_scalar("select changed_by from request where id::text = $1")
            .bind(id)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a request")
    }

    /// Persons that a source dropped.
    pub async fn dropped_persons(&self, source: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from party where source = $1 and dropped_at is not null",
        )
        .bind(source)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }
}
