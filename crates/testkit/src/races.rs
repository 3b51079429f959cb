//! Calls that are made at the same time, and are shown to have met: a test holds what all of them
//! need, waits until each of them waits for it, and lets it go.

use std::{future::Future, time::Duration};

use futures_util::future::{join, join_all};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    database::Database, organizations::Organization, requests::RequestHandle, systems::SystemUser,
};

/// For so long a test waits until its calls wait.
const TIME_LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// What a transaction of the test has locked, until it is let go or dropped.
#[derive(Debug)]
pub struct Held {
    transaction: PgConnection,
    /// Sees who waits: a transaction sees the sessions as they were when it first looked.
    observer: PgConnection,
}

impl Held {
    /// Waits until so many sessions of the database wait for a lock.
    pub async fn wait_for_waiting(&mut self, sessions: usize) {
        let waiting = async {
            while waiting_sessions(&mut self.observer).await < sessions {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(TIME_LIMIT, waiting)
            .await
            .unwrap_or_else(|_| panic!("no {sessions} sessions wait"));
    }

    /// Lets it go.
    pub async fn release(mut self) {
        sqlx::raw_sql("rollback")
            .execute(&mut self.transaction)
            .await
            .expect("a transaction ends");
    }

    /// Makes calls at the same time, each of which needs what is held: it is let go when all of them
    /// wait. Each waits with a connection of its own, so that they must be fewer than the pool has.
    pub async fn race<C>(mut self, calls: impl IntoIterator<Item = C>) -> Vec<C::Output>
    where
        C: Future,
    {
        let calls: Vec<C> = calls.into_iter().collect();
        let count = calls.len();
        let release = async {
            self.wait_for_waiting(count).await;
            self.release().await;
        };
        join(join_all(calls), release).await.0
    }

    /// Makes two calls at the same time, of which the first gets what is held before the second:
    /// it waits already when the second is made. It must be a row that is held, whose waiting
    /// sessions Postgres serves in turn; those of a table go on at once.
    pub async fn in_turn<A: Future, B: Future>(
        mut self,
        first: A,
        second: B,
    ) -> (A::Output, B::Output) {
        let (first_waits, is_next) = tokio::sync::oneshot::channel();
        let second = async {
            is_next.await.expect("the first waits");
            second.await
        };
        let release = async {
            self.wait_for_waiting(1).await;
            first_waits.send(()).expect("the second is to be made");
            self.wait_for_waiting(2).await;
            self.release().await;
        };
        join(join(first, second), release).await.0
    }
}

async fn waiting_sessions(observer: &mut PgConnection) -> usize {
    let count: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    .fetch_one(observer)
    .await
    .expect("a number");
    usize::try_from(count).expect("a number of sessions")
}

impl Database {
    /// Holds a table, so that what reads it waits.
    pub async fn hold(&self, table: &str) -> Held {
        self.held(&format!("lock table {table} in access exclusive mode"))
            .await
    }

    /// Holds a table, so that what writes or locks rows of it waits.
    pub async fn hold_writes(&self, table: &str) -> Held {
        self.held(&format!("lock table {table} in exclusive mode"))
            .await
    }

    /// Holds a request, so that who answers it waits.
    pub async fn hold_request(&self, request: &RequestHandle<'_>) -> Held {
        self.held(&format!(
            "select from request where id = '{}' for update",
            request.id
        ))
        .await
    }

    /// Holds a system, so that who changes it waits, and who approves a request for it.
    pub async fn hold_system(&self, system_id: &str) -> Held {
        self.held(&format!(
            "select from system where system_id = '{system_id}' for update"
        ))
        .await
    }

    /// Holds a system user, so that who changes or deletes it waits, and who changes its clients.
    pub async fn hold_user(&self, user: &SystemUser) -> Held {
        self.held(&format!(
            "select from \"system_user\" where id = '{}' for update",
            user.id
        ))
        .await
    }

    /// Holds what an organisation has given another, so that who gives, takes or delegates of it waits.
    pub async fn hold_relation(&self, from: Organization, to: Organization) -> Held {
        self.held(&format!(
            "select from assignment a join party f on f.key = a.from_key join party t on t.key = a.to_key
             where f.org_number = '{}' and t.org_number = '{}' for update of a",
            from.number, to.number
        ))
        .await
    }

    async fn held(&self, lock: &str) -> Held {
        let mut transaction = self.sql().await;
        sqlx::raw_sql(AssertSqlSafe(format!("begin; {lock}")))
            .execute(&mut transaction)
            .await
            .expect("a lock");
        Held {
            transaction,
            observer: self.sql().await,
        }
    }
}
