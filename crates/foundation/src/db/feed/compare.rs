//! Whether a connection reads the history that is followed.

use sqlx::PgConnection;

use super::{ChangeFeed, Epoch};

/// Whether a connection reads the history that a feed follows, and as far as the feed has come. Where
/// nothing is followed yet, it does.
///
/// # Errors
/// The connection fails.
pub async fn is_followed_history(
    feed: &ChangeFeed,
    db: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    let followed = feed.position();
    if followed.epoch == Epoch::UNKNOWN {
        return Ok(true);
    }
    let found = sqlx::query!(
        r#"select (select epoch from feed_epoch where origin = feed_origin()) as epoch, (select position from change_feed_end) as "last!""#
    )
    .fetch_one(db)
    .await?;
    let epoch = found.epoch.as_deref().and_then(Epoch::from_stored);
    Ok(epoch == Some(followed.epoch) && found.last >= followed.number)
}
