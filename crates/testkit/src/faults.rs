//! What goes wrong beside the service: changes that nobody publishes, a change feed that is away.

use foundation::db::feed::Position;
use sqlx::PgConnection;

use crate::{app::TestApp, systems::SystemUser};

/// A number of the change feed that no test reaches.
const FUTURE: i64 = 9_000_000_000_000_000;

/// A transaction that somebody left open.
#[derive(Debug)]
pub struct OpenTransaction(PgConnection);

impl OpenTransaction {
    /// Commits it.
    pub async fn commit(mut self) {
        run(&mut self.0, "commit").await;
    }
}

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
    /// Deletes a system user without a word in the change feed: memory does not learn of it.
    pub async fn delete_silently(&self, user: &SystemUser) {
        delete_user(&mut self.sql().await, user).await;
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
        OpenTransaction(connection)
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
        let position = Position {
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
            "select setval(pg_get_serial_sequence('change_feed', 'seq'), 1)",
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

    /// Rows of the audit trail and the decision log for which nobody made a partition in time.
    pub async fn rows_without_partition(&self) -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from audit_log where tableoid = 'audit_log_default'::regclass)
               + (select count(*) from decision_block where tableoid = 'decision_block_default'::regclass)",
        )
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }
}
