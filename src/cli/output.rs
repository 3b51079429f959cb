//! What commands print for scripts.

use clap::Args;
use serde::Serialize;

/// The argument of each command whose result a script may read.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// Prints the result as one JSON value on standard output, instead of sentences.
    #[arg(long)]
    pub json: bool,
}

impl OutputArgs {
    /// Prints a result: as JSON, or as `text` does.
    ///
    /// # Errors
    /// The result cannot be written as JSON.
    pub fn print<T: Serialize>(self, result: &T, text: impl FnOnce(&T)) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(result)?);
        } else {
            text(result);
        }
        Ok(())
    }
}
