//! Following the feed: polling by position is the truth, notifications only make it fast.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool};

use super::{ChangeFeed, Epoch, FeedEntryKind, epoch};
use crate::{
    db::{DbError, DbFault},
    telemetry::metrics::{
        CHANGE_FEED_ENTRIES, CHANGE_FEED_EPOCHS, CHANGE_FEED_FAILURES, CHANGE_FEED_LAG,
    },
};

/// How often the feed is looked at without a notification.
const PERIOD: Duration = Duration::from_millis(100);
/// How soon it is looked at again, however many notifications come.
const PAUSE: Duration = Duration::from_millis(5);
/// A look that takes longer is given up.
const TIMEOUT: Duration = Duration::from_millis(900);
/// Entries of one look. When there are more, the next look follows at once.
const BATCH: i64 = 5_000;
/// Entries that get their positions in one transaction.
const NUMBERED_AT_ONCE: i32 = 5_000;
/// After so long without the database, entries may be gone that were never seen: all cached facts
/// are invalidated instead.
const LOST: Duration = Duration::from_mins(10);

/// Follows the feed until it is dropped.
pub async fn follow(feed: Arc<ChangeFeed>, pool: PgPool) {
    let mut place: Option<FeedCursor> = None;
    let mut seen = Instant::now();
    loop {
        let began = Instant::now();
        match tokio::time::timeout(TIMEOUT, look(&feed, &pool, place.as_ref())).await {
            Ok(Ok(FeedPoll {
                place: next,
                is_whole,
            })) => {
                let last = next.last;
                place = Some(next);
                seen = began;
                if is_whole {
                    feed.confirm(began, last);
                } else {
                    continue;
                }
            }
            failed => {
                metrics::counter!(CHANGE_FEED_FAILURES.name).increment(1);
                if let Ok(Err(error)) = failed {
                    tracing::debug!(%error, "the change feed could not be read");
                }
                if seen.elapsed() > LOST {
                    place = None;
                    feed.touch(FeedEntryKind::Everything, "");
                }
            }
        }
        metrics::gauge!(CHANGE_FEED_LAG.name)
            .set(feed.age().min(Duration::from_hours(24)).as_secs_f64());
        tokio::time::sleep(PAUSE).await;
        let _ = tokio::time::timeout(PERIOD, feed.wake.notified()).await;
    }
}

/// How far the feed was followed.
#[derive(Debug, Default)]
struct FeedCursor {
    /// The last position that was seen.
    last: i64,
    /// Numbers of the entries that were seen without a position, in order. What they touch is known.
    unplaced: Vec<i64>,
}

impl FeedCursor {
    fn at(last: i64) -> Self {
        Self {
            last,
            unplaced: Vec::new(),
        }
    }
}

/// What one look brought.
struct FeedPoll {
    place: FeedCursor,
    /// There was no more.
    is_whole: bool,
}

async fn look(
    feed: &ChangeFeed,
    pool: &PgPool,
    place: Option<&FeedCursor>,
) -> Result<FeedPoll, DbError> {
    let mut db = pool.acquire().await?;
    match place_to_read(feed, &mut db, place).await? {
        PollStart::Here(last) => go_on(feed, &mut db, &FeedCursor::at(last)).await,
        PollStart::After(place) => go_on(feed, &mut db, place).await,
    }
}

/// From where a look reads.
enum PollStart<'a> {
    /// Nothing is kept yet, or nothing any more: following begins at the last position that was
    /// given. What has none yet will be seen.
    Here(i64),
    /// After what was seen.
    After(&'a FeedCursor),
}

/// Whether a connection reads the history that is followed. When it does not, because a standby was
/// promoted, a backup restored or another cluster is at the address, all memory is dropped.
async fn place_to_read<'a>(
    feed: &ChangeFeed,
    db: &mut PgConnection,
    place: Option<&'a FeedCursor>,
) -> Result<PollStart<'a>, DbError> {
    let mut found = epoch::history(db).await?;
    let before = feed.epoch();
    if found.epoch == before {
        match place {
            None => {
                // What was kept before anything was followed may have changed unseen.
                feed.touch(FeedEntryKind::Everything, "");
                return Ok(PollStart::Here(found.last));
            }
            Some(place) if place.last <= found.last => return Ok(PollStart::After(place)),
            Some(_) => {
                // A copy of files has the epoch of what it was copied from.
                epoch::begin_another(db, found.epoch).await?;
                found = epoch::history(db).await?;
            }
        }
    }
    feed.follow_epoch(found.epoch);
    if before != Epoch::UNKNOWN {
        metrics::counter!(CHANGE_FEED_EPOCHS.name).increment(1);
        tracing::warn!(
            last = found.last,
            seen = place.map_or(0, |place| place.last),
            "the database has another history than the one that was followed: all that was kept of it is dropped"
        );
    }
    Ok(PollStart::Here(found.last))
}

/// Reads what is after a position, and what is visible without one. That gets its position from
/// the call that wrote it; what waits longer, from the follower that sees it.
async fn go_on(
    feed: &ChangeFeed,
    db: &mut PgConnection,
    place: &FeedCursor,
) -> Result<FeedPoll, DbError> {
    let rows = sqlx::query!(
        r#"(select seq as "seq!", position, kind as "kind!", key as "key!", false as "is_late!" from change_feed where position > $1 order by position limit $2)
           union all
           (select seq, position, kind, key, at < service_now() - interval '200 milliseconds' from change_feed
            where position is null order by seq limit $2)"#,
        place.last,
        BATCH
    )
    .fetch_all(&mut *db)
    .await?;
    let (mut next, mut positions, mut is_late) = (FeedCursor::at(place.last), 0, false);
    for row in &rows {
        if place.unplaced.binary_search(&row.seq).is_err() {
            feed.touch(FeedEntryKind::from_stored(&row.kind), &row.key);
        }
        if let Some(position) = row.position {
            next.last = next.last.max(position);
            positions += 1;
        } else {
            next.unplaced.push(row.seq);
            is_late |= row.is_late;
        }
    }
    next.unplaced.sort_unstable();
    let waiting = next.unplaced.len();
    metrics::counter!(CHANGE_FEED_ENTRIES.name).increment(positions as u64);
    let batch = BATCH as usize;
    let mut is_whole = positions < batch && waiting < batch;
    if is_late || waiting >= batch {
        match number_once(db).await {
            Ok(_) => {}
            // They wait until the database takes changes again. All that was read is known, and what
            // was not may be anything.
            Err(DbError::Unavailable(error)) if error.fault == DbFault::ReadOnly => {
                if waiting >= batch {
                    feed.touch(FeedEntryKind::Everything, "");
                }
                is_whole = positions < batch;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(FeedPoll {
        place: next,
        is_whole,
    })
}

/// What is the last position, and whether every visible entry had one afterwards.
async fn number_once(db: &mut PgConnection) -> Result<(i64, bool), DbError> {
    // Positions can be given again: they wait for no standby, so that the feed is followed while it is away.
    let given = sqlx::query!(
        r#"select last_given as "position!", is_whole as "is_whole!" from set_config('synchronous_commit', 'local', true), number_changes($1)"#,
        NUMBERED_AT_ONCE
    );
    let given = given.fetch_one(db).await?;
    Ok((given.position, given.is_whole))
}

/// Gives every visible entry its position. Returns the last one: whatever was committed before is
/// at or before it.
///
/// # Errors
/// The database fails, or takes no changes.
pub async fn number(pool: &PgPool) -> Result<i64, DbError> {
    let mut db = pool.acquire().await?;
    loop {
        let (position, is_whole) = number_once(&mut db).await?;
        if is_whole {
            return Ok(position);
        }
    }
}

/// Removes entries that every running instance has seen long ago.
pub async fn delete_old(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query!("delete from change_feed where seq in (select seq from change_feed
           where at < service_now() - interval '1 hour' and position is not null order by seq limit 50000)")
        .execute(pool)
        .await?;
    Ok(())
}
