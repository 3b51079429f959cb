//! What is stored of sessions, resources, events, the trail and the decision log, and the database as a
//! whole.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow, postgres::PgRow};

use crate::database::Database;

/// A part of a decision in the decision log.
#[derive(Debug, Clone, FromRow)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct LoggedPart {
    pub part: i32,
    pub decision: i16,
    pub status_code: String,
    pub reason: String,
    pub resource: Option<String>,
    pub resource_party_id: Option<i32>,
    /// JSON.
    pub context: String,
    pub caller_org: String,
    pub address: String,
    pub endpoint: String,
}

impl Database {
    // Sessions

    /// Sessions of browsers.
    pub async fn sessions(&self) -> i64 {
        self.counted("select count(*) from session").await
    }

    /// Uuid of the party that the only session acts for.
    pub async fn party_of_session(&self) -> String {
        let found = self.texts("select active_party::text from session").await;
        found.into_iter().next().expect("a session")
    }

    /// Session at the identity provider that the only session came from.
    pub async fn upstream_session(&self) -> String {
        let found = self.texts("select upstream_sid from session").await;
        found.into_iter().next().expect("a session")
    }

    /// Persons who want to be shown deleted organisations.
    pub async fn persons_who_show_deleted(&self) -> i64 {
        self.counted("select count(*) from person_preference where show_deleted")
            .await
    }

    // Resources

    /// Number of the organisation that owns a resource.
    pub async fn owner_of_resource(&self, identifier: &str) -> String {
        let statement =
            "select document#>>'{hasCompetentAuthority,organization}' from resource_version
             where identifier = $1 order by version_id desc limit 1";
        self.found(statement, identifier).await
    }

    /// Identifiers of the resources that are not deleted.
    pub async fn resource_ids(&self) -> Vec<String> {
        let statement = "select identifier from resource where deleted is null";
        self.texts(statement).await
    }

    /// Identifiers of the resources of a service owner, by its code.
    pub async fn resources_of(&self, orgcode: &str) -> Vec<String> {
        let statement = "select r.identifier from resource r
             cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
             where v.document#>>'{hasCompetentAuthority,orgcode}' = $1";
        self.texts_of(statement, orgcode).await
    }

    /// Versions of descriptions and of policies that are stored.
    pub async fn stored_versions(&self) -> i64 {
        self.counted(
            "select (select count(*) from resource_version) + (select count(*) from resource_policy)",
        )
        .await
    }

    // Events, trail and decision log

    /// Entries of the audit trail with this action that was done.
    pub async fn audited(&self, action: &str) -> i64 {
        self.found(
            "select count(*) from audit_log where action = $1 and outcome = 'ok'",
            action,
        )
        .await
    }

    /// Entries of the audit trail with this action about one object, refused ones too.
    pub async fn audited_of(&self, action: &str, object: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_log where action = $1 and object_id = $2")
            .bind(action)
            .bind(object)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a number")
    }

    /// Messages with this event about a client, by its uuid.
    pub async fn published_of_client(&self, event: &str, client: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from outbox where event = $1 and payload->>'client' = $2",
        )
        .bind(event)
        .bind(client)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Place of a vendor's second event in the form that an earlier version gave.
    pub async fn earlier_place_of_second_event(&self, vendor: &str) -> String {
        let statement = "select format('[%s,%s]', xact, seq) from outbox where vendor_org_no = $1
             order by position offset 1 limit 1";
        self.found(statement, vendor).await
    }

    /// Gives every event its place, as a background task does.
    pub async fn number_events(&self) {
        foundation::events::number(&mut self.sql().await)
            .await
            .expect("events get places");
    }

    /// Waits until every event has its place.
    pub async fn events_have_places(&self) {
        let statement = "select count(*) from outbox where position is null";
        while self.counted(statement).await > 0 {
            self.number_events().await;
        }
    }

    /// Actions on an object that were done, in order.
    pub async fn actions_on(&self, object_kind: &str, object_id: &str) -> Vec<String> {
        sqlx::query_scalar(
            "select action from audit_log where object_kind = $1 and object_id = $2 and outcome = 'ok' order by seq",
        )
        .bind(object_kind)
        .bind(object_id)
        .fetch_all(&mut self.sql().await)
        .await
        .expect("actions")
    }

    /// Actions of the trail that were done for a client.
    pub async fn audited_of_client(&self, action: &str, client: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from audit_log where action = $1 and client_id = $2 and outcome = 'ok'",
        )
        .bind(action)
        .bind(client)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Parts of a decision in the decision log.
    pub async fn logged_parts(&self, decision_id: &str) -> Vec<LoggedPart> {
        sqlx::query_as(
            "select part, decision, status_code, reason, resource, resource_party_id, context::text as context,
               caller_org, address, endpoint from decision_log where decision_id = $1::uuid order by part",
        )
        .bind(decision_id)
        .fetch_all(&mut self.sql().await)
        .await
        .expect("parts")
    }

    /// Parts of decisions whose context has a text in it.
    pub async fn logged_with(&self, text: &str) -> i64 {
        let statement =
            "select count(*) from decision_log where context::text like '%' || $1 || '%'";
        self.found(statement, text).await
    }

    /// Everything in the decision log, as it is stored.
    pub async fn logged_text(&self) -> String {
        self.texts("select lines from decision_block")
            .await
            .join("\n")
    }

    // The database as a whole

    /// Digests of the rows of each table but these and the partitions of the trail.
    pub async fn digests(&self, except: &[&str]) -> BTreeMap<String, String> {
        let tables = self
            .texts("select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1")
            .await;
        let mut connection = self.sql().await;
        let mut out = BTreeMap::new();
        for table in tables {
            if except.contains(&table.as_str()) || table.starts_with("audit_log") {
                continue;
            }
            let query = format!(
                "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t"
            );
            let digest = sqlx::query_scalar(AssertSqlSafe(query))
                .fetch_one(&mut connection)
                .await
                .expect("a digest");
            out.insert(table, digest);
        }
        out
    }

    /// Partitions of the decision log for a day (`YYYYMMDD`), or for today.
    pub async fn decision_partitions(&self, day: Option<&str>) -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_class where relname = 'decision_block_' || coalesce($1, to_char(current_date, 'YYYYMMDD'))",
        )
        .bind(day)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Plans of prepared statements without values, each with the count of its parameters: as the planner
    /// makes them, and as it makes them when it may not read a table from end to end unless it must.
    /// With them the tables that are small here.
    pub async fn plans(&self, statements: &[(String, usize)]) -> Plans {
        let mut connection = self.sql().await;
        sqlx::raw_sql("analyze; set plan_cache_mode = force_generic_plan")
            .execute(&mut connection)
            .await
            .expect("a setting");
        let mut plans = Plans {
            small_tables: self
                .texts(
                    "select relname::text from pg_class where reltuples < 2000 and relkind = 'r'",
                )
                .await,
            usual: Vec::new(),
            without_scans: Vec::new(),
        };
        for scans in ["on", "off"] {
            let run = |statement: String| sqlx::raw_sql(AssertSqlSafe(statement));
            run(format!("set enable_seqscan = {scans}"))
                .execute(&mut connection)
                .await
                .expect("a setting");
            for (at, (text, parameters)) in statements.iter().enumerate() {
                let name = format!("q{at}_{scans}");
                run(format!("prepare {name} as {text}"))
                    .execute(&mut connection)
                    .await
                    .expect("a statement");
                let arguments = if *parameters == 0 {
                    String::new()
                } else {
                    format!("({})", vec!["null"; *parameters].join(", "))
                };
                let row: PgRow = run(format!("explain (format json) execute {name}{arguments}"))
                    .fetch_one(&mut connection)
                    .await
                    .expect("a plan");
                let plan: Value = sqlx::Row::get(&row, 0);
                if scans == "on" {
                    plans.usual.push(plan);
                } else {
                    plans.without_scans.push(plan);
                }
            }
        }
        plans
    }
}

/// How Postgres plans statements, in their order, as JSON.
#[derive(Debug)]
pub struct Plans {
    /// Tables of which the planner rightly reads all.
    pub small_tables: Vec<String>,
    /// As usual.
    pub usual: Vec<Value>,
    /// With scans of whole tables only where nothing else is possible.
    pub without_scans: Vec<Value>,
}
