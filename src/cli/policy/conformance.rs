//! `policy conformance`: runs the cases of a conformance suite and prints which fail.

use std::path::Path;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use xacml::conformance::{cases, check};

use crate::cli::exit::Exit;
use foundation::clock::Clock;

/// Runs every case below a folder and says how many passed.
///
/// # Errors
/// The folder cannot be read, or holds no case.
pub fn run(dir: &Path) -> anyhow::Result<Exit> {
    let cases = cases(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    let now = Clock::default().seconds();
    let bar = ProgressBar::new(cases.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut failed = 0;
    for case in &cases {
        bar.set_message(case.name.clone());
        if let Err(reason) = check(case, now) {
            failed += 1;
            bar.suspend(|| println!("{}: {reason}", case.name));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{} passed, {failed} failed", cases.len() - failed);
    Ok(if failed == 0 {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}
