//! The database of an installation, as tests see and change it past the service: of an application that
//! a test started, or of a program that runs as a process.

use std::time::Duration;

use private_postgres::Cluster;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use crate::cluster::connect;

/// Until then a test waits for what it waits for.
const TIME_LIMIT: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(5);

/// A transaction that was left open.
#[derive(Debug)]
pub struct OpenTransaction(PgConnection);

impl OpenTransaction {
    pub(crate) const fn of(connection: PgConnection) -> Self {
        Self(connection)
    }

    /// Commits it.
    pub async fn commit(self) {
        self.end("commit").await;
    }

    /// Rolls it back.
    pub async fn roll_back(self) {
        self.end("rollback").await;
    }

    async fn end(mut self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&mut self.0)
            .await
            .expect("a transaction ends");
    }
}

/// A database.
#[derive(Debug, Clone)]
pub struct Database(SecretString);

impl Database {
    /// By its address.
    #[must_use]
    pub const fn at(address: SecretString) -> Self {
        Self(address)
    }

    /// The one of a cluster that a test has for itself.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        Self(cluster.url("postgres"))
    }

    /// A connection of the test's own.
    pub(crate) async fn sql(&self) -> PgConnection {
        connect(&self.0).await
    }

    /// Runs a statement with texts as its parameters.
    pub(crate) async fn change(&self, statement: &'static str, values: &[&str]) {
        let mut query = sqlx::query(statement);
        for value in values {
            query = query.bind(*value);
        }
        query
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// One value that a statement finds for a text.
    pub(crate) async fn found<T>(&self, statement: &'static str, value: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        sqlx::query_scalar(statement)
            .bind(value)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a value")
    }

    /// One number that a statement counts.
    pub(crate) async fn counted(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a number")
    }

    pub(crate) async fn texts(&self, statement: &'static str) -> Vec<String> {
        sqlx::query_scalar(statement)
            .fetch_all(&mut self.sql().await)
            .await
            .expect("texts")
    }

    pub(crate) async fn texts_of(&self, statement: &'static str, value: &str) -> Vec<String> {
        sqlx::query_scalar(statement)
            .bind(value)
            .fetch_all(&mut self.sql().await)
            .await
            .expect("texts")
    }

    async fn alter_system(&self, statement: &str) {
        let mut connection = self.sql().await;
        for statement in [statement, "select pg_reload_conf()"] {
            sqlx::query(AssertSqlSafe(statement.to_owned()))
                .execute(&mut connection)
                .await
                .expect("a setting");
        }
    }

    /// Runs a statement in a transaction that stays open.
    pub(crate) async fn begin(&self, statement: &'static str) -> OpenTransaction {
        let mut connection = self.sql().await;
        for statement in ["begin", statement] {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .expect("a statement");
        }
        OpenTransaction::of(connection)
    }

    /// Waits until a number is more than nothing.
    async fn until(&self, what: &str, statement: &'static str, value: &str) {
        let waiting = async {
            while self.found::<i64>(statement, value).await == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(TIME_LIMIT, waiting)
            .await
            .unwrap_or_else(|_| panic!("{what}"));
    }

    // Locks

    /// Waits until a session waits for this table.
    pub async fn until_waited_for(&self, table: &str) {
        let statement = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
             where c.relname = $1 and not l.granted";
        self.until("nothing waits for the table", statement, table)
            .await;
    }

    /// Waits until no session has a lock on this table or waits for one.
    pub async fn until_free(&self, table: &str) {
        let statement = "select (count(*) = 0)::int::bigint from pg_locks l join pg_class c on c.oid = l.relation
             where c.relname = $1";
        self.until("the table is in use", statement, table).await;
    }

    /// Advisory locks that sessions hold.
    pub async fn advisory_locks(&self) -> i64 {
        self.counted("select count(*) from pg_locks where locktype = 'advisory'")
            .await
    }

    // Approvals

    /// What an approval leaves behind: system users, parties, grants, rows of the trail.
    pub async fn traces_of_approval(&self, id: &str) -> [i64; 4] {
        let mut traces = [0; 4];
        for (trace, statement) in traces.iter_mut().zip([
            "select count(*) from \"system_user\" where id::text = $1",
            "select count(*) from party where uuid::text = $1",
            "select count(*) from assignment a join party p on p.key = a.to_key where p.uuid::text = $1",
            "select count(*) from audit_log where object_id = $1 and action = 'request.approved'",
        ]) {
            *trace = self.found(statement, id).await;
        }
        traces
    }

    /// Entries of the trail about an object, whatever came of them.
    pub async fn entries_about(&self, object: &str) -> i64 {
        let statement = "select count(*) from audit_log where object_id = $1";
        self.found(statement, object).await
    }

    /// Entries of the trail with this action about an object that was done.
    pub async fn done(&self, action: &str, object: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from audit_log where action = $1 and object_id = $2 and outcome = 'ok'",
        )
        .bind(action)
        .bind(object)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Entries of the trail about changes past the service.
    pub async fn entries_past_the_service(&self) -> i64 {
        self.counted("select count(*) from audit_log where actor_kind = 'db_direct'")
            .await
    }

    /// Entries of the trail with another time than that of the last five minutes.
    pub async fn entries_of_another_time(&self) -> i64 {
        self.counted(
            "select count(*) from audit_log
             where at > clock_timestamp() or at < clock_timestamp() - interval '5 minutes'",
        )
        .await
    }

    // Migrations and roles

    /// Sets what the fourth migration said when it was applied, by its checksum in hexadecimal digits.
    pub async fn set_checksum_of_fourth_migration(&self, checksum: &str) {
        let statement =
            "update _sqlx_migrations set checksum = decode($1, 'hex') where version = 4";
        self.change(statement, &[checksum]).await;
    }

    /// Makes a role that may log in, and nothing else.
    pub async fn create_role(&self, name: &str) {
        sqlx::query(AssertSqlSafe(format!("create role {name} login")))
            .execute(&mut self.sql().await)
            .await
            .expect("a role");
    }

    /// Gives the role of a cluster the settings that sessions of the service have.
    pub async fn set_for_role(&self) {
        for setting in [
            "statement_timeout = '5s'",
            "lock_timeout = '2s'",
            "idle_in_transaction_session_timeout = '10s'",
            "sb.writer = 'service'",
            "plan_cache_mode = 'force_generic_plan'",
        ] {
            let statement = format!("alter role sb in database postgres set {setting}");
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut self.sql().await)
                .await
                .expect("a setting");
        }
    }

    // Imports

    /// Lines of the import that runs which are read and not merged; none before the first.
    pub async fn staged_lines(&self) -> i64 {
        self.counted(
            "select coalesce(max(staged_lines), 0)::bigint from import_run where state = 'staging'",
        )
        .await
    }

    /// Waits until lines of an import are read.
    pub async fn until_staged(&self) {
        let statement =
            "select coalesce(max(staged_lines), 0)::bigint from import_run where state = $1";
        self.until("no line is read", statement, "staging").await;
    }

    /// Organisations that are read and not merged.
    pub async fn staged_organizations(&self) -> i64 {
        self.counted("select count(*) from staging.organization")
            .await
    }

    /// Gives a resource a policy that means the same and is written otherwise, as an operator's.
    pub async fn reword_policy(&self, resource: &str) {
        let statement = "update resource_policy set xml = xml || ' ', sha256 = sha256(xml || ' ') where identifier = $1";
        self.change(statement, &[resource]).await;
    }

    // Decision log

    /// Ids of the decisions in the decision log, one for each part.
    pub async fn logged_ids(&self) -> Vec<String> {
        self.texts("select decision_id::text from decision_log")
            .await
    }

    // Histories and recovery

    /// Makes the marks of the journal a day older, as in a backup of yesterday.
    pub async fn make_marks_older(&self) {
        let statement = "update journal_mark set at = at - interval '1 day'";
        self.change(statement, &[]).await;
    }

    /// Makes the marks and the objects of the journal a day older, as in a backup of yesterday.
    pub async fn make_journal_older(&self) {
        self.make_marks_older().await;
        let statement = "update journal_object set claimed_at = claimed_at - interval '1 day'";
        self.change(statement, &[]).await;
    }

    /// Makes the marks of the journal two hours younger, as a clock that was fast.
    pub async fn make_marks_younger(&self) {
        for statement in [
            "update journal_mark set at = at + interval '2 hours'",
            "update journal_end set marked_at = marked_at + interval '2 hours'",
        ] {
            self.change(statement, &[]).await;
        }
    }

    /// Makes the database one of another installation's journal.
    pub async fn belong_to_another_journal(&self) {
        let statement = "update journal_end set journal = gen_random_uuid()";
        self.change(statement, &[]).await;
    }

    /// Keeps every recovery out, as another operator who recovers.
    pub async fn hold_recovery(&self) -> OpenTransaction {
        self.begin("select id from journal_end for update").await
    }

    /// Marks of the journal.
    pub async fn journal_marks(&self) -> i64 {
        self.counted("select count(*) from journal_mark").await
    }

    /// Recoveries that were done.
    pub async fn recovery_runs(&self) -> i64 {
        self.counted("select count(*) from recovery_run").await
    }

    /// Recoveries of a restored database that the trail names.
    pub async fn audited_restores(&self) -> i64 {
        self.done("recover.replayed", "restore").await
    }

    /// Rows of the trail that were lost, as the only recovery counted them.
    pub async fn lost_rows_of_trail(&self) -> i64 {
        self.counted(
            "select (detail ->> 'auditRowsLost')::bigint from audit_log where action = 'recover.replayed'",
        )
        .await
    }

    /// Epochs of the change feed.
    pub async fn epochs(&self) -> Vec<String> {
        self.texts("select distinct epoch from feed_epoch").await
    }

    /// Makes one sub-unit belong to the main unit of another.
    pub async fn move_sub_unit(&self, unit: &str, other: &str) {
        let statement =
            "update party set parent_key = (select parent_key from party where org_number = $2)
             where org_number = $1";
        self.change(statement, &[unit, other]).await;
    }

    /// Stores so many sessions of browsers.
    pub async fn store_sessions(&self, count: usize) {
        let statement = r"insert into session (id, person_uuid, user_id, level, acr, csrf_secret, expires)
             select sha256(n::text::bytea), gen_random_uuid(), 1, 3, 'x', '\x00', now() + interval '1 hour'
             from generate_series(1, $1::int) n";
        self.change(statement, &[&count.to_string()]).await;
    }

    /// Ends every session of a browser.
    pub async fn end_browser_sessions(&self) {
        self.change("delete from session", &[]).await;
    }

    /// Deletes every system user, and lets the change feed run on by 10 000 numbers.
    pub async fn go_another_way(&self) {
        for statement in [
            "update \"system_user\" set is_deleted = true, deleted_at = now()",
            "insert into change_feed (kind, key) select 'party', n::text from generate_series(1, 10000) n",
        ] {
            self.change(statement, &[]).await;
        }
    }

    // Standbys

    /// Makes commits wait for standbys of these names, or for none any more.
    pub async fn wait_for_standbys(&self, names: Option<&str>) {
        let statement = match names {
            Some(names) => format!("alter system set synchronous_standby_names = '{names}'"),
            None => "alter system reset synchronous_standby_names".to_owned(),
        };
        self.alter_system(&statement).await;
    }

    /// Sessions that wait for a standby.
    pub async fn sessions_waiting_for_standby(&self) -> i64 {
        self.counted("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")
            .await
    }

    /// Where the log of the cluster ends.
    pub async fn written_position(&self) -> String {
        let found = self.texts("select pg_current_wal_lsn()::text").await;
        found.into_iter().next().expect("a position")
    }

    /// Whether a standby has everything up to a position.
    pub async fn has_replayed(&self, position: &str) -> bool {
        let statement = "select coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)";
        self.found(statement, position).await
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) {
        let done: bool = sqlx::query_scalar("select pg_promote()")
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a standby");
        assert!(done, "the standby does not become the primary");
    }

    // Keys

    /// Former identity numbers of persons.
    pub async fn former_ids(&self) -> i64 {
        self.counted("select count(*) from person_former_id").await
    }

    /// Stores a former identity number of every person by its index alone, as older versions did.
    pub async fn store_former_ids_by_index(&self) {
        let statement = r"insert into person_former_id (person_id_hmac, key)
             select '\x01', key from party where kind = 'person'";
        self.change(statement, &[]).await;
    }

    /// Removes what is noted about whether anything rests on keys that were used, as in a database of a version that did not
    /// note it.
    pub async fn remove_what_rests_on_keys(&self) {
        let changed = sqlx::query("update key_in_use set is_in_use = null")
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
        assert_ne!(changed.rows_affected(), 0, "no key was used");
    }

    /// Keys of a setting on which something rests.
    pub async fn keys_in_use(&self, setting: &str) -> i64 {
        let statement = "select count(*) from key_in_use where setting = $1 and is_in_use";
        self.found(statement, setting).await
    }

    /// Entries of the trail about new keys.
    pub async fn key_rotations(&self) -> i64 {
        self.counted("select count(*) from audit_log where action = 'key.rotated'")
            .await
    }

    /// Settings whose keys the trail says are new.
    pub async fn rotated_settings(&self) -> Vec<String> {
        self.texts(
            "select distinct object_id from audit_log where action = 'key.rotated' and object_kind = 'key' order by 1",
        )
        .await
    }

    /// Packages that an agent requires, as JSON.
    pub async fn packages_of_agent(&self, id: &str) -> Value {
        let statement = "select access_packages from \"system_user\" where id::text = $1";
        self.found(statement, id).await
    }
}
