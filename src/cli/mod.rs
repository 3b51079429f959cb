//! The commands.

#[cfg(feature = "sandbox")]
mod demo;
pub mod policy;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

/// Norway's system-user platform in one service: system register, requests and approval, and policy decisions.
#[derive(Debug, Parser)]
#[command(name = "systembruker", version, about, long_about = None, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  systembruker sandbox                        everything on this machine, with test persons
  systembruker sandbox --port 9080 --fresh    on other ports, from an empty database
  systembruker demo                           plays the journey against a running sandbox
  DATABASE_URL=postgresql://… systembruker migrate
  DATABASE_URL=postgresql://… systembruker serve --config production.toml";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything on this machine: the service, a local Maskinporten and ID-porten, test tokens, a private Postgres.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Runs the service. Needs `DATABASE_URL` and a configuration; nothing of the sandbox can be switched on.
    Serve(ServeArgs),
    /// Brings the database schema up to date, and says what it did.
    Migrate(ServeArgs),
    /// Plays the journey against a running sandbox and tells each step in plain words.
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Checks and evaluates policies, and runs conformance suites.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
}

/// Arguments of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
struct SandboxArgs {
    /// Port of the service. Maskinporten is at +10, ID-porten at +11, test tokens at +12, metrics at +1010 [default: 8080].
    #[arg(long)]
    port: Option<u16>,
    /// Folder of keys, client material and data [default: .sandbox].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Begins with an empty database; keys and clients are kept.
    #[arg(long)]
    fresh: bool,
}

/// Arguments of `serve` and `migrate`.
#[derive(Debug, Args)]
struct ServeArgs {
    /// Configuration file (TOML). Every key is explained in config/default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Arguments of `demo`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
struct DemoArgs {
    /// Address of the sandbox's service.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base: String,
    /// Folder of the sandbox.
    #[arg(long, default_value = ".sandbox")]
    data_dir: PathBuf,
}

/// Runs a command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "sandbox")]
            Command::Sandbox(args) => {
                crate::sandbox::run(&crate::sandbox::Options { port: args.port, data_dir: args.data_dir, fresh: args.fresh }).await?;
            }
            Command::Serve(args) => serve::serve(args.config.as_deref()).await?,
            Command::Migrate(args) => serve::migrate(args.config.as_deref()).await?,
            #[cfg(feature = "sandbox")]
            Command::Demo(args) => demo::run(&args.base, &args.data_dir).await?,
            Command::Policy(command) => return policy::run(&command),
        }
        Ok(ExitCode::SUCCESS)
    });
    result.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
