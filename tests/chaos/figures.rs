//! What the tests measured, for the table that `make chaos` prints.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::checker::Tally;

/// File of the figures: one line a fault, its members separated by tabs.
fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chaos.tsv")
}

/// Records how long a fault was felt, and what the checker counted meanwhile.
pub fn note(fault: &str, healed: Duration, tally: &Tally) {
    let line = format!(
        "{fault}\t{:.1}\t{}\t{}\t{}\t{}\t{}\t{}\n",
        healed.as_secs_f64(),
        tally.decisions,
        tally.unavailable,
        tally.refused,
        tally.stale,
        tally.lost,
        tally.doubled
    );
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file())
        .unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// Makes a fault once, or again and again for as many seconds as `CHAOS_SECONDS` says.
pub async fn repeatedly(mut fault: impl AsyncFnMut()) {
    let seconds = std::env::var("CHAOS_SECONDS").map_or(0, |text| text.parse().expect("seconds"));
    let since = Instant::now();
    loop {
        fault().await;
        if since.elapsed() >= Duration::from_secs(seconds) {
            return;
        }
    }
}
