//! Notifications of the change feed. They only make it fast.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;

use super::{DedicatedSessions, feed::ChangeFeed};

/// Wakes the follower whenever Postgres says that there is something new, until it is dropped.
pub async fn listen(feed: Arc<ChangeFeed>, sessions: DedicatedSessions) {
    loop {
        if let Ok(mut listener) = PgListener::connect_with(sessions.pool()).await
            && listener.listen("change_feed").await.is_ok()
        {
            while listener.recv().await.is_ok() {
                feed.wake();
            }
        }
        // The database is away: polling goes on.
        sessions.look_for_primary().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
