//! `completions` and `manual`: what a shell and `man` show of the commands, out of their definitions.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

const COMPLETIONS_HELP: &str = "\
Examples:
  systembruker completions bash > ~/.local/share/bash-completion/completions/systembruker
  systembruker completions zsh > \"${fpath[1]}/_systembruker\"
  systembruker completions fish > ~/.config/fish/completions/systembruker.fish";

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub struct CompletionsArgs {
    /// Shell that shall complete.
    shell: Shell,
}

/// Arguments of `manual`.
#[derive(Debug, Args)]
pub struct ManualArgs {
    /// Folder of the pages; is made.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Prints the completions of a shell.
pub fn complete(args: &CompletionsArgs, mut program: Command) {
    let name = program.get_name().to_owned();
    clap_complete::generate(args.shell, &mut program, name, &mut std::io::stdout());
}

/// Writes a page for the program and one for each of its commands.
///
/// # Errors
/// The folder or a page cannot be written.
pub fn manual(args: &ManualArgs, program: Command) -> anyhow::Result<()> {
    let written = || format!("writing pages into {}", args.dir.display());
    fs::create_dir_all(&args.dir).with_context(written)?;
    clap_mangen::generate_to(program, &args.dir).with_context(written)
}
