//! A catalogue that was imported replaces the one in use, without a restart.

use std::time::Duration;

use registers::packages;

use super::AppState;

/// How long after a failure it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Checks after each change of everything whether the catalogue is another one, and sends a state with
/// it to [`AppState`]'s `successors`, until it is dropped.
pub async fn follow(state: AppState) {
    let mut used = state.catalogue_version;
    loop {
        let since = state.feed.version_stamp();
        match replace(&state, used).await {
            Ok(version) => {
                used = version;
                state.feed.everything_touched(since).await;
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the catalogue could not be read; it is tried again"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn replace(state: &AppState, used: i64) -> anyhow::Result<i64> {
    let db = &state.background_db;
    let found = packages::catalogue::version(&mut *db.acquire().await?).await?;
    if found == used {
        return Ok(used);
    }
    let loaded = packages::load_in_force(db).await?;
    // No receiver: requests are not served yet, or no longer.
    let _ = state.successors.send(state.with_catalogue(&loaded));
    tracing::info!(
        version = loaded.version,
        "another catalogue is used from now on"
    );
    Ok(loaded.version)
}
