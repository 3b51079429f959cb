//! The commands.

mod audit;
mod catalogue;
mod config;
mod decisions;
#[cfg(feature = "sandbox")]
mod demo;
mod doctor;
pub mod exit;
mod health;
mod import;
mod keys;
mod output;
pub mod policy;
mod recover;
mod serve;
mod shell;
#[cfg(feature = "sandbox")]
mod shown_request;
mod target;

use std::{path::PathBuf, process::ExitCode, sync::OnceLock, time::Duration};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use exit::{EXIT_CODES, Exit, failed};

/// Norway's system-user platform in one service: system register, requests and approval, and policy
/// decisions.
#[derive(Debug, Parser)]
#[command(name = "systembruker", version, about, long_about = None, after_help = format!("{AFTER_HELP}\n\n{EXIT_CODES}"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[cfg(feature = "sandbox")]
const AFTER_HELP: &str = "\
Examples:
  systembruker sandbox                        everything on this machine, with test persons
  systembruker sandbox --port 9080 --fresh    on other ports, from an empty database
  systembruker demo                           plays the journey against a running sandbox
  DATABASE_URL=postgresql://… systembruker config check --config production.toml
  DATABASE_URL=postgresql://… systembruker migrate
  DATABASE_URL=postgresql://… systembruker serve --config production.toml";
#[cfg(not(feature = "sandbox"))]
const AFTER_HELP: &str = "\
Examples:
  DATABASE_URL=postgresql://… systembruker config check --config production.toml
  DATABASE_URL=postgresql://… systembruker migrate
  DATABASE_URL=postgresql://… systembruker serve --config production.toml";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything on this machine: the service, a local Maskinporten and ID-porten, test
    /// tokens, a private Postgres.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Runs the service. Needs `DATABASE_URL` and a configuration; nothing of the sandbox can be
    /// switched on.
    Serve(ServeArgs),
    /// Checks the settings without starting the service.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Tries everything that the service needs, and says what helps where something is missing.
    Doctor(doctor::DoctorArgs),
    /// Makes keys, and replaces them.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Asks a running service whether it is ready: the health check of a container.
    Health(health::HealthArgs),
    /// Brings the database schema up to date, and says what it did.
    Migrate(MigrateArgs),
    /// Plays the journey against a running sandbox and prints each step in plain words.
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Imports parties, roles, resources and more from files, at national size.
    Import(Box<import::ImportArgs>),
    /// Shows which catalogue of roles and packages is in force.
    #[command(subcommand)]
    Catalogue(catalogue::CatalogueCommand),
    /// Proves that the audit trail is unchanged.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Compares the database with the journal of what ended an access, and after a restore does that again.
    Recover(recover::RecoverArgs),
    /// What was decided.
    #[command(subcommand)]
    Decisions(decisions::DecisionsCommand),
    /// Checks and evaluates policies, and runs conformance suites.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Prints what a shell needs to complete these commands.
    Completions(shell::CompletionsArgs),
    /// Writes the manual pages of these commands into a folder.
    Manual(shell::ManualArgs),
}

impl Command {
    /// Whether it runs the service, which has a log of its own.
    const fn keeps_a_log(&self) -> bool {
        match self {
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => true,
            Self::Serve(_) => true,
            #[cfg(feature = "sandbox")]
            Self::Demo(_) => false,
            Self::Config(_)
            | Self::Doctor(_)
            | Self::Keys(_)
            | Self::Health(_)
            | Self::Migrate(_)
            | Self::Import(_)
            | Self::Catalogue(_)
            | Self::Audit(_)
            | Self::Recover(_)
            | Self::Decisions(_)
            | Self::Policy(_)
            | Self::Completions(_)
            | Self::Manual(_) => false,
        }
    }
}

/// Arguments of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct SandboxArgs {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
    /// Port of the service. Maskinporten is at +10, ID-porten at +11, test tokens at +12, metrics
    /// at +1010 [default: 8080].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1024..=64_000))]
    port: Option<u16>,
    /// Folder of keys, client material and data [default: .sandbox].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Begins with an empty database; keys and clients are kept.
    #[arg(long)]
    fresh: bool,
}

/// What can be done besides running a sandbox.
#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Loads the made-up universe into a sandbox's database. A sandbox does so by itself at its
    /// first start.
    Load(LoadArgs),
    /// Makes a synthetic nation for performance work, as files to be imported. The same seed gives
    /// the same files.
    Generate(GenerateArgs),
}

/// Arguments of `sandbox load`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
struct LoadArgs {
    /// Folder of the sandbox, running or not.
    #[arg(long, default_value = ".sandbox")]
    data_dir: PathBuf,
    /// Loads it among parties of another source, too.
    #[arg(long)]
    force: bool,
}

/// Arguments of `sandbox generate`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
struct GenerateArgs {
    /// Which world: `national` is the only one.
    #[arg(long, default_value = "national", value_parser = ["national"])]
    profile: String,
    /// Number that decides everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much of the whole: 1 is 1.1 million organisations and 5 million persons.
    #[arg(long, default_value_t = 0.01)]
    scale: f64,
    /// Folder of the files.
    #[arg(long, default_value = "nation")]
    out: PathBuf,
}

/// Arguments of `migrate`.
#[derive(Debug, Args)]
struct MigrateArgs {
    #[command(flatten)]
    serve: ServeArgs,
    /// Changes nothing: prints the statements by which the owner of the schema gives a role what it
    /// takes to serve.
    #[arg(long, value_name = "ROLE", conflicts_with = "json")]
    print_grants: Option<String>,
    #[command(flatten)]
    output: output::OutputArgs,
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
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    base: String,
    /// Shows each request that is sent. Tokens are shortened; all persons are made up.
    #[arg(long)]
    show_requests: bool,
}

/// What was built.
const FEATURES: &str = match (cfg!(feature = "sandbox"), cfg!(feature = "xpath")) {
    (true, true) => "sandbox, xpath",
    (true, false) => "sandbox",
    (false, true) => "xpath",
    (false, false) => "none",
};

/// The program's arguments, with what `--version` says.
fn program(commit: Option<&str>) -> clap::Command {
    static VERSION: OnceLock<String> = OnceLock::new();
    let version = VERSION.get_or_init(|| {
        format!(
            "{}\ncommit:   {}\nfeatures: {FEATURES}",
            env!("CARGO_PKG_VERSION"),
            commit.unwrap_or("not named by the build")
        )
    });
    Cli::command().long_version(version.as_str())
}

/// Runs a command. `commit` is what the program was built from, where the build names it.
#[must_use]
pub fn main(commit: Option<&str>) -> ExitCode {
    let program = program(commit);
    let cli = match Cli::from_arg_matches(&program.clone().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()).into(),
    };
    if !cli.command.keeps_a_log() {
        foundation::telemetry::print_warnings();
    }
    let result = runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "sandbox")]
            Command::Sandbox(SandboxArgs {
                command: Some(SandboxCommand::Generate(args)),
                ..
            }) => generate(&args)?,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(SandboxArgs {
                command: Some(SandboxCommand::Load(args)),
                ..
            }) => load(&args).await?,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(args) => {
                let options = crate::sandbox::SandboxOptions {
                    port: args.port,
                    data_dir: args.data_dir,
                    fresh: args.fresh,
                };
                crate::sandbox::run(&options).await?;
            }
            Command::Config(command) => return config::run(&command).map(Into::into),
            Command::Doctor(args) => return doctor::run(&args).await.map(Into::into),
            Command::Keys(command) => return keys::run(&command).await.map(Into::into),
            Command::Serve(args) => serve::serve(args.config.as_deref()).await?,
            Command::Migrate(MigrateArgs {
                print_grants: Some(role),
                ..
            }) => print!("{}", foundation::db::grants(&role)?),
            Command::Migrate(args) => {
                serve::migrate(args.serve.config.as_deref(), args.output).await?;
            }
            Command::Health(args) => return health::run(&args).await.map(Into::into),
            Command::Completions(args) => shell::complete(&args, program),
            Command::Manual(args) => shell::manual(&args, program)?,
            #[cfg(feature = "sandbox")]
            Command::Demo(args) => demo::run(&args.base, args.show_requests).await?,
            Command::Import(args) if args.is_catalogue() => {
                return catalogue::import(&args).await.map(Into::into);
            }
            Command::Import(args) => return import::run(&args).await.map(Into::into),
            Command::Decisions(command) => {
                return decisions::run(&command).await.map(Into::into);
            }
            Command::Recover(args) => return recover::run(&args).await.map(Into::into),
            Command::Audit(command) => return audit::run(&command).await.map(Into::into),
            Command::Catalogue(command) => {
                return catalogue::run(&command).await.map(Into::into);
            }
            Command::Policy(command) => return policy::run(&command).map(Into::into),
        }
        Ok(Exit::Good.into())
    });
    let code = result.unwrap_or_else(|error| failed(&error).into());
    // What still hangs is left behind.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

/// Loads the universe.
#[cfg(feature = "sandbox")]
async fn load(args: &LoadArgs) -> anyhow::Result<()> {
    let access = crate::app::setup::CommandAccess::Write;
    let attached = crate::sandbox::attach(&args.data_dir, access).await?;
    let catalogue = std::sync::Arc::new(registers::packages::load(&attached.db).await?);
    let loaded = sandbox::universe::load(
        &attached.db,
        &catalogue,
        &attached.identity,
        args.force,
        |name| println!("{name}"),
    )
    .await?;
    attached.db.close().await;
    println!(
        "{}",
        if loaded == sandbox::universe::UniverseLoad::Now {
            "loaded"
        } else {
            "it was there already; nothing was changed"
        }
    );
    Ok(())
}

/// Makes a synthetic nation.
#[cfg(feature = "sandbox")]
fn generate(args: &GenerateArgs) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let progress = indicatif::ProgressBar::new_spinner();
    progress.enable_steady_tick(std::time::Duration::from_millis(120));
    let options = sandbox::NationOptions {
        out: args.out.clone(),
        seed: args.seed,
        scale: args.scale,
    };
    let counts = sandbox::generate(&registers::packages::embedded()?, &options, &progress)?;
    progress.finish_and_clear();
    for (kind, count) in &counts {
        println!(
            "{:>12} {}",
            indicatif::HumanCount(*count).to_string(),
            kind.as_str()
        );
    }
    println!(
        "written to {} in {:.1} s. To import them into a sandbox:\n",
        args.out.display(),
        started.elapsed().as_secs_f64()
    );
    let kinds: Vec<&str> = counts.iter().map(|(kind, _)| kind.as_str()).collect();
    println!(
        "  for kind in {}; do\n    systembruker import $kind {}/$kind.ndjson --source nation --data-dir .sandbox || break\n  done",
        kinds.join(" "),
        args.out.display()
    );
    Ok(())
}
