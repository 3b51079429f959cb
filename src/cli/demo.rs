//! The journey.
/// Plays.
pub async fn run(_base: &str, _dir: &std::path::Path) -> anyhow::Result<()> {
    Ok(())
}
