//! What goes wrong outside the service: changes that are not published, a change feed that is away.

use foundation::db::feed::FeedPosition;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{app::TestApp, cluster::connect, database::OpenTransaction, systems::SystemUser};

/// A number of the change feed that no test reaches.
const FUTURE: i64 = 9_000_000_000_000_000;

async fn run(connection: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements)
        .execute(connection)
        .await
        .expect("a statement");
}

async fn delete_user(connection: &mut PgConnection, user: &SystemUser) {
    sqlx::query("update \"system_user\" set is_deleted = true where id::text = $1")
        .bind(&*user.id)
        .execute(connection)
        .await
        .expect("a change");
}

impl TestApp {
    /// Begins a transaction of the service's own that changes the schema and stays open.
    pub async fn begin_change_of_schema(&self) -> OpenTransaction {
        self.begin("create table made_by_a_transaction_that_stays_open (id int)")
            .await
    }

    /// Deletes a system user without a word in the change feed: memory does not learn of it.
    pub async fn delete_silently(&self, user: &SystemUser) {
        let mut connection = self.sql().await;
        // As the service does: a change past it is published by the database.
        run(&mut connection, "set sb.writer = 'service'").await;
        delete_user(&mut connection, user).await;
    }

    /// Deletes a system user in a transaction that has its number in the change feed and stays
    /// open.
    pub async fn begin_deletion(&self, user: &SystemUser) -> OpenTransaction {
        let mut connection = self.sql().await;
        run(&mut connection, "begin").await;
        delete_user(&mut connection, user).await;
        sqlx::query("insert into change_feed (kind, key) values ('system-user', $1)")
            .bind(&*user.id)
            .execute(&mut connection)
            .await
            .expect("an entry");
        OpenTransaction::of(connection)
    }

    /// Publishes that everything may have changed, and waits until the instance knows.
    pub async fn publish_everything(&self) {
        let statement = "insert into change_feed (kind, key) values ('everything', 'test')";
        run(&mut self.sql().await, statement).await;
        self.caught_up().await;
    }

    /// Takes a number of the change feed that never comes.
    pub async fn roll_back_an_entry(&self) {
        let statements =
            "begin; insert into change_feed (kind, key) values ('party', 'x'); rollback";
        run(&mut self.sql().await, statements).await;
    }

    /// Publishes a change of a party that does not exist.
    pub async fn publish_an_entry(&self) {
        let statement = "insert into change_feed (kind, key) values ('party', 'y')";
        run(&mut self.sql().await, statement).await;
    }

    /// Takes the change feed away, and waits until the instance does not follow it.
    pub async fn take_feed_away(&self) {
        self.caught_up().await;
        let statement = "alter table change_feed rename to change_feed_away";
        run(&mut self.sql().await, statement).await;
        while self.running.state.feed.is_followed() {
            tokio::task::yield_now().await;
        }
    }

    /// Brings the change feed back.
    pub async fn bring_feed_back(&self) {
        let statement = "alter table change_feed_away rename to change_feed";
        run(&mut self.sql().await, statement).await;
    }

    /// Cuts off every instance that listens for notifications of the change feed.
    pub async fn cut_off_listeners(&self) {
        let statement =
            "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'";
        run(&mut self.sql().await, statement).await;
    }

    /// A position of the present history that no test reaches.
    #[must_use]
    pub fn future_position(&self) -> String {
        let position = FeedPosition {
            number: FUTURE,
            ..self.running.state.feed.position()
        };
        position.to_string()
    }

    /// Replaces the database's history with another, as a restore does: the feed has another epoch.
    pub async fn begin_another_history(&self) {
        let statement = "update feed_epoch set epoch = left(md5(epoch), 16)";
        run(&mut self.sql().await, statement).await;
    }

    /// Gives numbers of the feed again, as a copy of older files does.
    pub async fn turn_numbers_back(&self) {
        let mut connection = self.sql().await;
        for statement in [
            "delete from change_feed",
            "update change_feed_end set position = 1",
        ] {
            run(&mut connection, statement).await;
        }
    }

    /// Decisions in the decision log.
    pub async fn logged_decisions(&self) -> i64 {
        sqlx::query_scalar("select count(*) from decision_log")
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a number")
    }

    /// Rows of the audit trail and the decision log for which no partition was made in time.
    pub async fn rows_without_partition(&self) -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from audit_log where tableoid = 'audit_log_default'::regclass)
               + (select count(*) from decision_block where tableoid = 'decision_block_default'::regclass)",
        )
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Refuses own tokens that were issued up to now, as the recovery of a restored database does.
    pub async fn refuse_earlier_tokens(&self) {
        let statement =
            "insert into token_fence (not_before) values (service_now() + interval '1 second')";
        run(&mut self.sql().await, statement).await;
    }

    /// Names of the objects that were written to the journal.
    pub async fn written_objects(&self) -> Vec<String> {
        sqlx::query_scalar("select name from journal_object where written_at is not null")
            .fetch_all(&mut self.sql().await)
            .await
            .expect("names")
    }

    /// What the triggers of the journal note: table, what happened, and columns.
    pub async fn journal_triggers(&self) -> Vec<((String, String), Vec<String>)> {
        let rows: Vec<(String, String, Vec<String>)> = sqlx::query_as(
            r"select c.relname::text, p.proname::text, string_to_array(rtrim(replace(encode(t.tgargs, 'escape'), '\000', ','), ','), ',')
              from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_class c on c.oid = t.tgrelid
              where p.proname in ('journal_gone', 'journal_row')",
        )
        .fetch_all(&mut self.sql().await)
        .await
        .expect("the triggers");
        let noted = rows.into_iter().map(|(table, function, mut arguments)| {
            let what = if function == "journal_row" {
                arguments.remove(0)
            } else {
                "gone".to_owned()
            };
            ((table, what), arguments)
        });
        noted.collect()
    }

    /// Names of the tables of the service; partitions count as their table.
    pub async fn table_names(&self) -> Vec<String> {
        sqlx::query_scalar(
            r"select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
               and not relispartition and relname not like '\_sqlx%'",
        )
        .fetch_all(&mut self.sql().await)
        .await
        .expect("names")
    }

    /// Makes inserts into a table fail with a code of Postgres: the first so many of them, or all.
    pub async fn fail_inserts(&self, table: &str, code: &str, first: Option<u32>) {
        let fails = match first {
            Some(first) => format!("attempt <= {first}"),
            None => "true".to_owned(),
        };
        self.make_fault(
            table,
            "before",
            &format!("if {fails} then raise exception 'a fault' using errcode = '{code}'; end if;"),
        )
        .await;
    }

    /// Cuts the connection that commits an insert into a table, at the commit.
    pub async fn cut_commits(&self, table: &str) {
        self.make_fault(
            table,
            "constraint",
            "perform pg_terminate_backend(pg_backend_pid());",
        )
        .await;
    }

    async fn make_fault(&self, table: &str, kind: &str, body: &str) {
        let (trigger, when) = match kind {
            "constraint" => ("constraint trigger", "after insert"),
            _ => ("trigger", "before insert"),
        };
        let timing = if kind == "constraint" {
            "deferrable initially deferred"
        } else {
            ""
        };
        // What a sequence gave is not rolled back.
        let statements = format!(
            "drop sequence if exists fault_attempts; create sequence fault_attempts;
             create or replace function fault() returns trigger language plpgsql as $$
             declare attempt bigint := nextval('fault_attempts');
             begin {body} return new; end $$;
             create {trigger} fault {when} on {table} {timing} for each row execute function fault();"
        );
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut self.sql().await)
            .await
            .expect("a fault");
    }

    /// Inserts that met the fault so far.
    pub async fn attempts(&self) -> i64 {
        let statement = "select case when is_called then last_value else 0 end from fault_attempts";
        sqlx::query_scalar(statement)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a number")
    }

    /// Removes the fault of a table.
    pub async fn mend(&self, table: &str) {
        let statement = format!("drop trigger fault on {table}");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.sql().await)
            .await
            .expect("a fault is there");
    }

    /// Makes new sessions of the database read-only, or not any more, and ends none.
    pub async fn set_read_only(&self, is_read_only: bool) {
        let value = if is_read_only { "on" } else { "off" };
        let statement = format!(
            "set transaction read write; do $$ begin execute format('alter database %I set default_transaction_read_only = {value}', current_database()); end $$"
        );
        let mut connection = self.sql().await;
        run(&mut connection, "begin").await;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .expect("a setting");
        run(&mut connection, "commit").await;
    }

    /// Ends every session of the database but the test's.
    pub async fn end_sessions(&self) {
        let statement = "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()";
        run(&mut self.sql().await, statement).await;
    }
}

/// Notes in a database that an object was written to its journal two days ago, which it was not.
pub async fn note_written_object(database: &SecretString, name: &str) {
    sqlx::query(
        "insert into journal_object (name, written_at) values ($1, now() - interval '2 days')",
    )
    .bind(name)
    .execute(&mut connect(database).await)
    .await
    .expect("a row");
}

/// Notes in a database that a checkpoint of the audit trail was written to a file of this machine, which it
/// was not.
pub async fn note_written_checkpoint(database: &SecretString, path: &str) {
    sqlx::query(
        "insert into audit_checkpoint_file (host, path, begun, length, at)
         select trim(pg_read_file('/proc/sys/kernel/hostname'), e'\n'), $1, 1, 1, now()",
    )
    .bind(path)
    .execute(&mut connect(database).await)
    .await
    .expect("a row");
}
