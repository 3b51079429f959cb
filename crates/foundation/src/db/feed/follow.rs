//! Following the feed: polling by number is the truth, notifications only make it fast.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool, postgres::PgListener};

use super::{
    Epoch, Feed, Touched, epoch,
    memory::{Gap, Place},
};
use crate::{
    db::{DbError, Sessions},
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
/// So far behind the end, transactions may still be running when following begins.
const WINDOW: i64 = 20_000;
/// After so long without the database, entries may be gone that were never seen: all is forgotten
/// instead.
const LOST: Duration = Duration::from_mins(10);
/// A number is taken an instant before its transaction has an id.
const BREATH: Duration = Duration::from_secs(5);

/// Follows the feed until it is dropped.
pub async fn follow(feed: Arc<Feed>, pool: PgPool) {
    let mut place: Option<Place> = None;
    let mut seen = Instant::now();
    loop {
        let began = Instant::now();
        match tokio::time::timeout(TIMEOUT, look(&feed, &pool, place.as_ref())).await {
            Ok(Ok(Look {
                place: next,
                is_whole,
            })) => {
                place = Some(next.clone());
                seen = began;
                if is_whole {
                    feed.confirm(began, next);
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
                    feed.touch(Touched::Everything, "");
                }
            }
        }
        metrics::gauge!(CHANGE_FEED_LAG.name)
            .set(feed.age().min(Duration::from_hours(24)).as_secs_f64());
        tokio::time::sleep(PAUSE).await;
        let _ = tokio::time::timeout(PERIOD, feed.wake.notified()).await;
    }
}

/// Wakes the follower whenever Postgres says that there is something new, until it is dropped.
pub async fn listen(feed: Arc<Feed>, sessions: Sessions) {
    loop {
        if let Ok(mut listener) = PgListener::connect_with(sessions.pool()).await
            && listener.listen("change_feed").await.is_ok()
        {
            while listener.recv().await.is_ok() {
                feed.wake.notify_one();
            }
        }
        // The database is away: polling goes on.
        sessions.look_for_primary().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What one look brought.
struct Look {
    place: Place,
    /// There was no more.
    is_whole: bool,
}

async fn look(feed: &Feed, pool: &PgPool, place: Option<&Place>) -> Result<Look, DbError> {
    let mut db = pool.acquire().await?;
    let place = if is_same_history(feed, &mut db, place).await? {
        place
    } else {
        None
    };
    match place {
        None => begin(&mut db).await,
        Some(place) => go_on(feed, &mut db, place).await,
    }
}

/// Whether a connection reads the history that is followed. When it does not, because a standby was
/// promoted, a backup restored or another cluster stands at the address, all memory is dropped.
async fn is_same_history(
    feed: &Feed,
    db: &mut PgConnection,
    place: Option<&Place>,
) -> Result<bool, DbError> {
    let mut found = epoch::history(db).await?;
    let before = feed.epoch();
    if found.epoch == before {
        if place.is_none_or(|place| place.last <= found.last) {
            return Ok(true);
        }
        // A copy of files has the epoch of what it was copied from.
        epoch::begin_another(db, found.epoch).await?;
        found = epoch::history(db).await?;
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
    Ok(false)
}

/// Where following begins: at the end, with whatever is not committed there yet.
async fn begin(db: &mut PgConnection) -> Result<Look, DbError> {
    let rows = sqlx::query!(
        r#"select c.last as "last!", s.xmax as "xmax!", f.seq as "seq?"
           from (select coalesce(max(seq), 0) as last from change_feed) c
           cross join (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax) s
           left join change_feed f on f.seq > c.last - $1 order by f.seq"#,
        WINDOW
    )
    .fetch_all(db)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(Look {
            place: Place::default(),
            is_whole: true,
        });
    };
    let (last, xmax) = (first.last, first.xmax);
    // What was cleared away is older than any transaction that runs.
    let start = rows.iter().find_map(|row| row.seq).unwrap_or(last + 1) - 1;
    let mut place = Place {
        last: start,
        gaps: Vec::new(),
    };
    for seq in rows.iter().filter_map(|row| row.seq) {
        advance(&mut place, seq, xmax);
    }
    Ok(Look {
        place,
        is_whole: true,
    })
}

/// Moves the end to a number, with a gap for those in between.
fn advance(place: &mut Place, seq: i64, xmax: i64) {
    if seq > place.last + 1 {
        place.gaps.push(Gap {
            first: place.last + 1,
            last: seq - 1,
            xmax,
            seen: Instant::now(),
        });
    }
    place.last = place.last.max(seq);
}

/// A number that was in a gap has come.
fn fill(gaps: &mut Vec<Gap>, seq: i64) {
    let Some(at) = gaps
        .iter()
        .position(|gap| (gap.first..=gap.last).contains(&seq))
    else {
        return;
    };
    let gap = gaps.swap_remove(at);
    gaps.extend((gap.first < seq).then_some(Gap {
        last: seq - 1,
        ..gap
    }));
    gaps.extend((seq < gap.last).then_some(Gap {
        first: seq + 1,
        ..gap
    }));
}

async fn go_on(feed: &Feed, db: &mut PgConnection, place: &Place) -> Result<Look, DbError> {
    let (last, firsts, lasts) = place.bounds();
    let rows = sqlx::query!(
        r#"select s.xmin as "xmin!", s.xmax as "xmax!", f.seq as "seq?", f.kind as "kind?", f.key as "key?"
           from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
                   pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax) s
           left join lateral (
             (select seq, kind, key from change_feed where seq > $1 order by seq limit $4)
             union all
             select c.seq, c.kind, c.key from unnest($2::bigint[], $3::bigint[]) as g(first, last)
             join change_feed c on c.seq between g.first and g.last) f on true
           order by f.seq"#,
        last,
        &firsts,
        &lasts,
        BATCH
    )
    .fetch_all(db)
    .await?;
    let mut place = place.clone();
    let mut new = 0_i64;
    for row in &rows {
        let (Some(seq), Some(kind), Some(key)) = (row.seq, &row.kind, &row.key) else {
            continue;
        };
        feed.touch(Touched::from_stored(kind), key);
        if seq > place.last {
            new += 1;
            advance(&mut place, seq, row.xmax);
        } else {
            fill(&mut place.gaps, seq);
        }
    }
    if let Some(row) = rows.first() {
        place
            .gaps
            .retain(|gap| row.xmin <= gap.xmax || gap.seen.elapsed() < BREATH);
    }
    metrics::counter!(CHANGE_FEED_ENTRIES.name).increment(new.unsigned_abs());
    Ok(Look {
        place,
        is_whole: new < BATCH,
    })
}

/// Removes entries that every running instance has seen long ago.
pub async fn forget_old(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query!("delete from change_feed where seq in (select seq from change_feed where at < service_now() - interval '1 hour' order by seq limit 50000)")
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(place: &Place) -> Vec<(i64, i64)> {
        let mut spans: Vec<_> = place.gaps.iter().map(|g| (g.first, g.last)).collect();
        spans.sort_unstable();
        spans
    }

    #[test]
    fn numbers_that_are_late_leave_gaps_until_they_come() {
        let mut place = Place::default();
        for seq in [1, 2, 6, 7, 9] {
            advance(&mut place, seq, 100);
        }
        assert_eq!((place.last, spans(&place)), (9, vec![(3, 5), (8, 8)]));
        fill(&mut place.gaps, 4);
        fill(&mut place.gaps, 8);
        assert_eq!(spans(&place), [(3, 3), (5, 5)]);
        fill(&mut place.gaps, 7);
        assert_eq!(spans(&place), [(3, 3), (5, 5)]);
    }
}
